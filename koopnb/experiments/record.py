"""Result records: JSON for configuration and numbers, an .npz beside it for curves."""

import dataclasses
import hashlib
import json
import math
import os
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from koopnb.experiments import environment

MAX_POINTS = 400
# Where Linux lists this process's memory maps, and says how many it may have.
MAPS = (Path("/proc/self/maps"), Path("/proc/sys/vm/max_map_count"))


class Record(NamedTuple):
    """What one seed of an experiment left.

    ``metrics`` are numbers taken before the curves are thinned. A curve ``c`` has its times
    in ``c + "/at"``.
    """

    experiment: str
    config: dict[str, Any]
    metrics: dict[str, Any]
    curves: dict[str, np.ndarray]
    environment: dict[str, Any]


def as_dict(config: Any) -> dict[str, Any]:
    """A configuration dataclass as JSON will give it back."""
    return json.loads(json.dumps(dataclasses.asdict(config)))


def make(
    experiment: str,
    config: Any,
    metrics: dict[str, Any],
    curves: Mapping[str, np.ndarray],
    seconds: float,
) -> Record:
    """A record with its environment stamp.

    A curve with times of its own in ``name + "/at"`` is kept; others, given per iteration from
    1, are thinned.
    """
    thinned: dict[str, np.ndarray] = {}
    for name, values in curves.items():
        values = np.asarray(values)
        if name.endswith("/at"):
            continue
        if f"{name}/at" in curves:
            thinned[name] = values.astype(np.float32)
            thinned[f"{name}/at"] = np.asarray(curves[f"{name}/at"]).astype(np.int32)
            continue
        at = np.unique(
            np.linspace(0, len(values) - 1, min(len(values), MAX_POINTS)).round().astype(int)
        )
        thinned[name] = values[at].astype(np.float32)
        thinned[f"{name}/at"] = (at + 1).astype(np.int32)
    stamp = environment.stamp() | {"seconds": round(seconds, 2)}
    return Record(experiment, as_dict(config), _plain(metrics), thinned, stamp)


def path_of(experiment: str, config: Any, folder: str | os.PathLike) -> Path:
    """The JSON file of a configuration: one hash for all its seeds, then the seed."""
    content = as_dict(config)
    seed = content.pop("seed")
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:8]
    parts = [experiment, content.get("dataset", ""), digest, f"seed{seed}"]
    return Path(folder) / ("-".join(part for part in parts if part) + ".json")


def save(record: Record, config: Any, folder: str | os.PathLike) -> Path:
    """Writes the record; each file appears whole, the JSON last."""
    path = path_of(record.experiment, config, folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, Any] = dict(record.curves)
    _write(path.with_suffix(".npz"), lambda file: np.savez_compressed(file, **arrays))
    content = {field: value for field, value in record._asdict().items() if field != "curves"}
    text = json.dumps(content, indent=1, allow_nan=False) + "\n"
    _write(path, lambda file: file.write(text.encode()))
    return path


def load(path: str | os.PathLike) -> Record:
    """Reads a record back.

    Raises:
        FileNotFoundError: no such record.
        ValueError: a file that is not a record.
    """
    path = Path(path)
    try:
        content = json.loads(path.read_text())
        with np.load(path.with_suffix(".npz"), allow_pickle=False) as curves:
            return Record(curves=dict(curves), **content)
    except (json.JSONDecodeError, TypeError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{path} is not a result record ({error}). Delete it and run the experiment again."
        ) from error


def folders() -> list[Path]:
    """Where records are: stored ones in ``results``, then those made here.

    Both lie in the repository, the nearest folder from here upwards that holds ``results``.
    """
    here = Path.cwd()
    root = next((one for one in (here, *here.parents) if (one / "results").is_dir()), here)
    return [root / "results", root / "_build" / "records"]


def obtain(
    experiment: str,
    config: Any,
    compute: Callable[[], Record],
    folders: Sequence[str | os.PathLike],
) -> Record:
    """The record of a configuration: the first that a folder holds, else computed and kept.

    A record of another configuration has another name; one made by another version of koopnb is
    not taken. What is computed is written to the last folder at once, so an interrupted series
    of seeds goes on where it stopped.

    Args:
        experiment: the experiment's name.
        config: one seed's configuration.
        compute: makes the record.
        folders: where to look, in this order.
    """
    found = look_up(experiment, config, folders)
    if found:
        return found[1]
    path = save(compute(), config, folders[-1])
    drop_programs()
    return load(path)


def drop_programs() -> None:
    """Drops what JAX has compiled, before it is too much: for between two runs.

    Ranks differ from seed to seed, and programs with them. Those of a dozen seeds are more
    memory maps than Linux allows a process, which then ends.
    """
    held, most = MAPS
    if most.is_file() and 2 * held.read_bytes().count(b"\n") > int(most.read_text()):
        jax.clear_caches()


def find(experiment: str, config: Any, folders: Sequence[str | os.PathLike]) -> Path | None:
    """The first stored record of this configuration and this version of koopnb, or None."""
    found = look_up(experiment, config, folders)
    return found[0] if found else None


def look_up(
    experiment: str, config: Any, folders: Sequence[str | os.PathLike]
) -> tuple[Path, Record] | None:
    """What `find` finds, with the record that it had to read."""
    version = environment.versions()["koopnb"]
    for folder in folders:
        path = path_of(experiment, config, folder)
        if path.is_file():
            one = load(path)
            if one.environment["packages"]["koopnb"] == version:
                return path, one
    return None


def _plain(value: Any) -> Any:
    """Numbers as JSON has them; those that are not finite become "inf", "-inf" or "nan"."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):
        return _plain(np.asarray(value).tolist())
    return value if not isinstance(value, float) or math.isfinite(value) else str(value)


def _write(path: Path, write: Callable[[Any], Any]) -> None:
    handle, scratch = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
        os.chmod(scratch, 0o644)
        os.replace(scratch, path)
    except BaseException:
        os.unlink(scratch)
        raise
