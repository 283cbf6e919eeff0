"""Many records made, one after another or several at once, each written as soon as it is made."""

import signal
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import joblib

from koopnb.experiments import store
from koopnb.experiments.protocol import Job


class Made(NamedTuple):
    """A record's file, and the seconds that it took; None where it was there already."""

    path: Path
    seconds: float | None


def make_all(
    jobs: Sequence[Job], folder: Path, *, force: bool = False, workers: int = 1
) -> Iterator[Made]:
    """Makes the records that a folder lacks, and names each as soon as it is there.

    Several workers are processes of their own, with one thread each for linear algebra. Series
    that take times run alone, after all the others.

    Args:
        jobs: what to make.
        folder: where records are looked for and written.
        force: make those that are there, too.
        workers: how many at once.
    """
    for place in {job.path(folder).parent for job in jobs}:
        store.clean(place)
    missing = []
    for job in jobs:
        found = None if force else job.look_up([folder], aside=True)
        if found is None:
            missing.append(job)
        else:
            yield Made(found[0], None)
    if workers == 1:
        yield from (_make(job, folder, progress=True) for job in missing)
        return
    shared = [job for job in missing if not job.series.alone]
    with joblib.parallel_config(backend="loky", inner_max_num_threads=1):
        parallel = joblib.Parallel(n_jobs=workers, return_as="generator_unordered")
        yield from parallel(joblib.delayed(_in_worker)(job, folder) for job in shared)
    alone = (job for job in missing if job.series.alone)
    yield from (_make(job, folder, progress=True) for job in alone)


def _make(job: Job, folder: Path, *, progress: bool = False) -> Made:
    path, record = job.make(folder, progress=progress)
    return Made(path, record.environment["seconds"])


def _in_worker(job: Job, folder: Path) -> Made:
    """Leaves Ctrl-C to the process that started the workers, which ends them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return _make(job, folder)
