"""Records as files: one JSON file each, whole or not at all, proved by its checksum.

Arrays stand in it as compressed bytes, apart from the numbers: a record is written in one step,
and no reader ever sees the numbers of one run beside the arrays of another.
"""

import base64
import contextlib
import errno
import json
import math
import os
import re
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from koopnb.checks import Refusal
from koopnb.experiments.record import Record, checksum

# What a record file holds, in this order: what a reader asks for first stands first.
KEYS = (
    "name", "series", "revision", "config", "metrics", "environment", "checksum", "curves",
    "arrays",
)  # fmt: skip
STAMPED = {"date", "python", "packages", "cpu", "cores", "seconds", "session"}
MOST = 1 << 28  # bytes of one array: what a record would never hold is not unpacked


class Damaged(Refusal):
    """A file that stands where a record should, and is none; the message says why."""


def save(record: Record, path: Path) -> Path:
    """Writes a record in one step: the file appears whole, or the old one stays.

    Raises:
        OSError: the disk is full, or the folder cannot be written to; with the path.
    """
    content: dict[str, Any] = {"name": name_of(path)} | record._asdict()
    times = {name for name in record.curves if name.endswith("/at")}
    curves = {name.removesuffix("/at") for name in times}
    content["arrays"] = {
        name: _packed(array) for name, array in record.curves.items() if name not in times | curves
    }
    content["curves"] = {
        name: {"at": _packed(record.curves[f"{name}/at"]), "values": _packed(record.curves[name])}
        for name in sorted(curves)
    }
    content["checksum"] = checksum(content)
    text = json.dumps({key: content[key] for key in KEYS}, indent=1, allow_nan=False)
    write(path, text + "\n")
    return path


def write(path: Path, text: str) -> None:
    """Writes a file by way of a scratch file that names this process; removes those of dead ones.

    Raises:
        OSError: with the path, and advice where the disk is full.
    """
    scratch = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        clean(path.parent)
        try:
            with open(scratch, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.replace(scratch, path)
        finally:
            scratch.unlink(missing_ok=True)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        advice = "Free some space and run the same again: what is finished stays." if full else ""
        message = f"{path} could not be written: {error.strerror}. {advice}".strip()
        raise OSError(error.errno, message) from error


def clean(folder: Path) -> None:
    """Removes the scratch files that killed processes left in a folder."""
    for scratch in folder.glob("*.part"):
        named = re.search(r"\.(\d+)\.part$", scratch.name)
        if named is None or not _runs(int(named[1])):
            scratch.unlink(missing_ok=True)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def load(path: str | os.PathLike) -> Record:
    """Reads a record back and proves it: its form, its name, its checksum.

    Raises:
        FileNotFoundError: no such record.
        Damaged: a file that is not the record of that name, in one sentence with advice.
    """
    path = Path(path)
    if path.exists() and not path.is_file():
        raise _damaged(path, "it is no file")
    try:
        content = json.loads(
            path.read_bytes().decode(), object_pairs_hook=_unique, parse_constant=_not_finite,
            parse_float=_finite, parse_int=_small,
        )  # fmt: skip
        _check(content, path)
        arrays = {name: _unpacked(array) for name, array in content["arrays"].items()}
        for name, curve in content["curves"].items():
            arrays[name] = _unpacked(curve["values"])
            arrays[f"{name}/at"] = _unpacked(curve["at"])
    except RecursionError:
        raise _damaged(path, "it is nested too deeply") from None
    except (KeyError, TypeError, AttributeError) as error:
        raise _damaged(path, "a part of it is missing or of another kind") from error
    except (ValueError, zlib.error) as error:
        raise _damaged(path, str(error)) from error
    return Record(
        content["series"], content["config"], content["metrics"], arrays,
        content["environment"], content["revision"],
    )  # fmt: skip


def name_of(path: Path) -> str:
    """The name that a record is bound to: its folder, which is its series, and its file."""
    return f"{path.parent.name}/{path.stem}"


def every(folder: str | os.PathLike) -> Iterator[Path]:
    """The files of all records in a folder of series, in order."""
    return (path for path in sorted(Path(folder).glob("*/*.json")))


def index(folder: str | os.PathLike) -> Path:
    """Writes what a folder of series holds, as a table: what, which seeds, when, where, how long.

    Returns:
        The file, ``README.md``, which is written anew.
    """
    folder = Path(folder)
    groups: dict[str, list[Record]] = defaultdict(list)
    for path in every(folder):
        with contextlib.suppress(Damaged):  # named wherever records are read
            groups[re.sub(r"-?seed\d+$", "", name_of(path))].append(load(path))
    lines = [
        "# Records",
        "",
        "One file for each run, proved by its checksum; this list is written by "
        "`python -m koopnb run`.",
        "",
        "| Records | Revision | Seeds | Made | On | JAX | Seconds |",
        "|---|---|---|---|---|---|---|",
        *(_row(name, records) for name, records in groups.items()),
    ]
    path = folder / "README.md"
    write(path, "\n".join(lines) + "\n")
    return path


def _row(name: str, records: Sequence[Record]) -> str:
    """The records of one configuration as a row; several values of a kind are all listed."""
    stamps = [record.environment for record in records]
    dates = sorted(stamp["date"][:10] for stamp in stamps)
    cells = (
        name.rstrip("/"),
        *sorted({str(record.revision) for record in records})[-1:],
        _ranges([record.config["seed"] for record in records]),
        dates[0] if dates[0] == dates[-1] else f"{dates[0]} to {dates[-1]}",
        "; ".join(sorted({f"{stamp['cpu']}, {stamp['cores']} cores" for stamp in stamps})),
        ", ".join(sorted({stamp["packages"]["jax"] for stamp in stamps})),
        f"{sum(stamp['seconds'] for stamp in stamps):.0f}",
    )
    return f"| {' | '.join(cells)} |"


def _ranges(numbers: Sequence[int]) -> str:
    """Integers in order, neighbours drawn together: "0-9, 100"."""
    parts: list[list[int]] = []
    for number in sorted(numbers):
        if parts and number == parts[-1][-1] + 1:
            parts[-1][1:] = [number]
        else:
            parts.append([number])
    return ", ".join("-".join(map(str, part)) for part in parts)


def set_aside(path: Path, ending: str) -> Path:
    """Renames what holds a record's name, so that nothing is lost, and returns the new name.

    It ends in ``.damaged`` or ``.kept``, and in a number where such a file is there already.

    Raises:
        OSError: the folder cannot be written to.
    """
    kept, number = path.with_name(f"{path.name}.{ending}"), 1
    while kept.exists():
        number += 1
        kept = path.with_name(f"{path.name}.{ending}.{number}")
    return path.rename(kept)


def _damaged(path: Path, why: str) -> Damaged:
    return Damaged(
        f"{path} is not a result record: {why}. Make it again with: python -m koopnb run "
        f"{path.parent.name} --records {path.parent.parent}"
    )


def _check(content: Any, path: Path) -> None:
    if not isinstance(content, Mapping) or content.keys() != set(KEYS):
        found = sorted(content) if isinstance(content, Mapping) else type(content).__name__
        raise ValueError(f"its keys should be {', '.join(KEYS)}, and are {found}")
    for key in ("config", "metrics", "arrays", "curves", "environment"):
        if not isinstance(content[key], Mapping):
            raise ValueError(f"its {key} is no object")
    missing = STAMPED - content["environment"].keys()
    if missing or not isinstance(content["environment"]["packages"], Mapping):
        raise ValueError(f"its environment lacks {', '.join(sorted(missing)) or 'packages'}")
    if content["checksum"] != checksum(content):
        raise ValueError("its checksum is not that of its contents, so one of them was changed")
    if content["name"] != name_of(path):
        raise ValueError(f"it is the record {content['name']} under another name")


def _unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands in it twice")
    return found


def _not_finite(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")


def _finite(digits: str) -> float:
    if not math.isfinite(float(digits)):
        raise ValueError(f"the number {digits[:20]} is too large")
    return float(digits)


def _small(digits: str) -> int:
    if len(digits) > 20:
        raise ValueError(f"the number {digits[:20]}... is too large")
    return int(digits)


def _packed(array: np.ndarray) -> str:
    """An array as one line: type, shape, compressed little-endian bytes in base 64."""
    array = np.asarray(array)
    plain = array.astype(array.dtype.newbyteorder("<"))
    data = base64.b64encode(zlib.compress(plain.tobytes(), 9)).decode()
    return f"{plain.dtype.str} {'x'.join(map(str, array.shape))} {data}"


def _unpacked(packed: Any) -> np.ndarray:
    kind, sides, data = packed.split(" ")
    dtype, shape = np.dtype(kind), [int(side) for side in sides.split("x") if side]
    size = math.prod(shape) * dtype.itemsize
    if dtype.kind not in "biufc" or not 0 <= size <= MOST:
        raise ValueError(f"an array of type {kind} and shape {sides} is none of ours")
    raw = zlib.decompressobj().decompress(base64.b64decode(data, validate=True), size + 1)
    if len(raw) != size:
        raise ValueError("an array has not as many bytes as its shape says")
    return np.frombuffer(raw, dtype).reshape(shape).astype(dtype.newbyteorder("="))
