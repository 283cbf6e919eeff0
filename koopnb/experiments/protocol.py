"""What a series is: the runs that its claims judge together, and the terms they are made on."""

import contextlib
import dataclasses
import functools
import hashlib
import json
import re
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from koopnb.checks import Refusal, integer
from koopnb.experiments import programs, store
from koopnb.experiments.environment import Session
from koopnb.experiments.record import Record, agrees, as_dict, make

MOST_SEED = 2**32 - 1  # JAX's keys are the same for seeds that differ by 2**32
NAME = re.compile(r"[a-z][a-z0-9-]*")
READABLE = re.compile(r"[A-Za-z0-9_.+,]{1,24}")
# What an experiment measures: metrics, and arrays by name with the times of curves in name/at.
Measured = tuple[dict[str, Any], dict[str, np.ndarray]]
STANDARD = Session()


@dataclasses.dataclass(frozen=True)
class Series:
    """Runs that belong together: how they are made, on what, and what they are called.

    Attributes:
        name: of its folder, its claims, and the command that runs it.
        what: what it runs, in a few words for tables.
        place: where it stands among the others in tables and lists.
        run: makes the record of a configuration.
        configs: the configurations of one seed, from data set, seed and horizons; of the data
            set "" or without horizons they are the series' own.
        seeds: those of the first set.
        revision: raised by hand when what a record means changes; older records are not taken.
        datasets: those that it can be run on, none where there is no data set. A run takes the
            first of them, unless told otherwise, or all where ``every`` is true.
        horizons: whether they can be chosen.
        told: the settings that its records' names tell.
        also: further data sets that ``make reproduce`` runs it on, each with its seeds.
        alone: whether nothing may run beside it, since it takes times.
        session: the settings of JAX that it is run with, whatever the caller's.
    """

    name: str
    what: str
    place: int
    run: Callable[..., Record]
    configs: Callable[[str, int, tuple[int, ...]], Sequence[Any]]
    seeds: tuple[int, ...]
    revision: int = 1
    datasets: tuple[str, ...] = ("mnist", "digits")
    every: bool = False
    horizons: bool = False
    told: tuple[str, ...] = ("dataset",)
    also: tuple[tuple[str, tuple[int, ...]], ...] = ()
    alone: bool = False
    session: Session = STANDARD

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name) or self.name == "all":
            raise Refusal(
                f"name={self.name!r}: a series is named in small letters, digits and hyphens, "
                "since its name is that of a folder; all means every series."
            )
        integer("revision", self.revision, 1, "raised when the meaning of a record changes")

    def path(self, config: Any, folder: str | Path) -> Path:
        """The file of a configuration's record, as `Job.path` says."""
        return Job(self, config).path(folder)


class Job(NamedTuple):
    """One record to make."""

    series: Series
    config: Any

    def path(self, folder: str | Path) -> Path:
        """The file of its record: what the series tells, what differs from its own, the seed.

        A setting that has no short name of a few letters is told by a hash. Two configurations
        that should still share a name are told apart by what is in the record.
        """
        settings, own = as_dict(self.config), as_dict(self._own())
        parts = [_readable(settings[name]) for name in self.series.told if settings.get(name)]
        parts += [
            f"{name}={_readable(value)}"
            for name, value in settings.items()
            if name not in (*self.series.told, "seed") and value != own[name]
        ]
        name = "-".join([*parts, f"seed{settings['seed']}"])
        return Path(folder) / self.series.name / f"{name}.json"

    def _own(self) -> Any:
        """The series' own configuration that tells the same, or the defaults of its kind."""
        dataset = getattr(self.config, "dataset", "")
        for one in self.series.configs(dataset, 0, ()):
            same = (getattr(one, n) == getattr(self.config, n) for n in self.series.told)
            if isinstance(one, type(self.config)) and all(same):
                return one
        return type(self.config)()

    def refusal(self, record: Record) -> str | None:
        """Why a record is not this job's, in a few words; None if it is."""
        if record.series != self.series.name:
            return f"it belongs to the series {record.series}"
        if record.revision != self.series.revision:
            return (
                f"it is of revision {record.revision}, and {self.series.name} has come to "
                f"revision {self.series.revision}"
            )
        if not agrees(record.config, self.config):
            return "it was made with other settings"
        if record.environment["session"] != self.series.session._asdict():
            return "it was made in another session: 64-bit numbers, random keys or precision"
        return None

    def look_up(
        self, folders: Sequence[str | Path], *, aside: bool = False
    ) -> tuple[Path, Record] | None:
        """The first of the folders' records that is this job's, with its file; None if none is.

        What stands in its place is told on stderr: a damaged file, which is set aside where
        ``aside`` is true, or a record of another revision or configuration, which stays.
        """
        for folder in folders:
            path = self.path(folder)
            try:
                record = store.load(path)
            except FileNotFoundError:
                continue
            except store.Damaged as error:
                _tell(str(error))
                if aside:
                    with contextlib.suppress(OSError):  # where nobody may write, it stays
                        _tell(f"It is kept as {store.set_aside(path, 'damaged')}.")
                continue
            why = self.refusal(record)
            if why is None:
                return path, record
            _tell(f"{path} is not taken: {why}.")
        return None

    def make(self, folder: str | Path, *, progress: bool = False) -> tuple[Path, Record]:
        """Runs it, which writes its record, and reads that back.

        Another record or file of its name is kept beside it, before anything is computed.
        """
        path = self.path(folder)
        _make_room(self, path)
        self.series.run(self.config, folder, progress=progress)
        programs.drop()
        return path, store.load(path)

    def obtain(self, folders: Sequence[str | Path], *, progress: bool = True) -> Record:
        """Its record: the first that a folder holds, else made and written to the last one."""
        found = self.look_up(folders, aside=True)
        return found[1] if found else self.make(folders[-1], progress=progress)[1]


def recorded(
    series_of: Callable[[Any], Series],
) -> Callable[[Callable[..., Measured]], Callable[..., Record]]:
    """Makes an experiment of a function that measures: it times it, stamps it, and writes it.

    The experiment, ``run(config, folder=None, *, progress=False)``, computes in the session that
    the series fixes, and returns its record, written to ``folder`` if one is given.

    Args:
        series_of: the series that a configuration belongs to.
    """

    def decorate(measure: Callable[..., Measured]) -> Callable[..., Record]:
        def run(config: Any, folder: str | Path | None = None, *, progress: bool = False) -> Record:
            series = series_of(config)
            integer("seed", config.seed, 0, "what random keys are made from", MOST_SEED)
            with series.session.entered():
                began = time.perf_counter()
                metrics, curves = measure(config, progress=progress)
                seconds = time.perf_counter() - began
                made = make(series.name, config, metrics, curves, seconds, series.revision)
            if folder is not None:
                job = Job(series, config)
                _make_room(job, job.path(folder))
                store.save(made, job.path(folder))
            return made

        names = ("__module__", "__name__", "__qualname__", "__doc__")
        functools.update_wrapper(run, measure, assigned=names)
        del run.__wrapped__  # type: ignore[attr-defined]  # run has a signature of its own
        return run

    return decorate


def _make_room(job: Job, path: Path) -> None:
    """Sets aside what holds the name of a record to be written, unless it is that record.

    Raises:
        OSError: what is there cannot be moved.
    """
    try:
        another = job.refusal(store.load(path))
    except FileNotFoundError:
        return
    except store.Damaged as error:
        kept = store.set_aside(path, "damaged")
        _tell(f"{error} It is kept as {kept}.")
        return
    if another is not None:
        _tell(f"{path} is kept as {store.set_aside(path, 'kept')}: {another}.")


def _tell(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def _readable(value: Any) -> str:
    """A setting as a part of a file's name: as it is, or a hash."""
    text = re.sub(r'[\[\]" ]', "", json.dumps(value))
    if READABLE.fullmatch(text):
        return text
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:8]
