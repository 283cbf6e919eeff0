"""What one run of an experiment leaves, and how a record is known for what it is."""

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from koopnb.experiments import environment

MAX_POINTS = 400


class Record(NamedTuple):
    """What one seed of a series left.

    ``series`` and ``revision`` say what the numbers mean, ``config`` holds the whole
    configuration, ``environment`` where and in what session they were computed. ``curves`` holds
    arrays by name; the times of a curve ``c`` stand in ``c + "/at"``, and an array has none.
    """

    series: str
    config: dict[str, Any]
    metrics: dict[str, Any]
    curves: dict[str, np.ndarray]
    environment: dict[str, Any]
    revision: int = 1


def make(
    series: str,
    config: Any,
    metrics: Mapping[str, Any],
    curves: Mapping[str, Any],
    seconds: float,
    revision: int = 1,
) -> Record:
    """A record of what was just computed, with its environment stamp.

    Arrays become single precision, whole times 32-bit integers.
    """
    kept: dict[str, np.ndarray] = {}
    for name, values in curves.items():
        array = np.asarray(values)
        whole = name.endswith("/at") and array.dtype.kind in "iu"
        kept[name] = array.astype(np.int32 if whole else np.float32)
    stamp = environment.stamp() | {"seconds": round(seconds, 2)}
    return Record(series, as_dict(config), _plain(metrics), kept, stamp, revision)


def thinned(name: str, values: Any) -> dict[str, np.ndarray]:
    """A curve with one value per iteration from 1 on, thinned to at most 400 points and its ends.

    Returns:
        Its values under ``name`` and its times under ``name + "/at"``.
    """
    values = np.asarray(values)
    at = np.linspace(0, len(values) - 1, min(len(values), MAX_POINTS)).round().astype(int)
    at = np.unique(at)
    return {name: values[at], f"{name}/at": at + 1}


def as_dict(config: Any) -> dict[str, Any]:
    """A configuration dataclass as JSON will give it back."""
    return json.loads(json.dumps(dataclasses.asdict(config)))


def agrees(stored: Any, asked: Any) -> bool:
    """Whether a stored configuration is the one asked for.

    A field that the stored one lacks is newer than the record: it must have its default. A field
    whose default has changed is not: the record holds what was run.
    """
    if dataclasses.is_dataclass(asked) and not isinstance(asked, type):
        if not isinstance(stored, Mapping):
            return False
        fields = {field.name: field for field in dataclasses.fields(asked)}
        return stored.keys() <= fields.keys() and all(
            agrees(stored[name], getattr(asked, name))
            if name in stored
            else getattr(asked, name) == _default(field)
            for name, field in fields.items()
        )
    if isinstance(asked, list | tuple):
        return (
            isinstance(stored, list | tuple)
            and len(stored) == len(asked)
            and all(agrees(one, other) for one, other in zip(stored, asked, strict=True))
        )
    return bool(stored == asked)


def alike(one: Any, other: Any) -> bool:
    """Whether two stored configurations say the same, as far as both say anything."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return all(alike(one[name], other[name]) for name in one.keys() & other.keys())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(alike, one, other))
    return bool(one == other)


def checksum(content: Mapping[str, Any]) -> str:
    """The SHA-256 of what a record file holds, but for the checksum itself."""
    bare = {key: value for key, value in content.items() if key != "checksum"}
    text = json.dumps(bare, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _default(field: dataclasses.Field) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


def _plain(value: Any) -> Any:
    """Numbers as JSON has them; those that are not finite become "inf", "-inf" or "nan"."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):
        return _plain(np.asarray(value).tolist())
    return value if not isinstance(value, float) or math.isfinite(value) else str(value)
