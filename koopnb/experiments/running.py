"""Many records made, one after another or several at once, each written as soon as it is made."""

import contextlib
import gc
import signal
from collections.abc import Iterator, Sequence
from multiprocessing import resource_tracker
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
    try:
        with joblib.parallel_config(backend="loky", inner_max_num_threads=1), _without_ctrl_c():
            parallel = joblib.Parallel(n_jobs=workers, return_as="generator_unordered")
            made = parallel(joblib.delayed(_make)(job, folder) for job in shared)
        yield from made
    finally:
        gc.collect()  # the workers' locks, which a program that ends at once would leave behind
    alone = (job for job in missing if job.series.alone)
    yield from (_make(job, folder, progress=True) for job in alone)


def _make(job: Job, folder: Path, *, progress: bool = False) -> Made:
    path, record = job.make(folder, progress=progress)
    return Made(path, record.environment["seconds"])


@contextlib.contextmanager
def _without_ctrl_c() -> Iterator[None]:
    """Processes started in here never see Ctrl-C: who started them ends them."""
    resource_tracker.ensure_running()  # where it is started later, it lets the signal in again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
