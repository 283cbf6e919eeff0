"""The series behind the book: all of them by name, their jobs, and one way to their records.

Every module of this folder that has a tuple ``SERIES`` adds what it holds; nothing else lists them.
"""

import importlib
import pkgutil
from collections.abc import Sequence
from pathlib import Path

from koopnb import experiments
from koopnb.checks import Integer, Refusal, integer
from koopnb.experiments import protocol
from koopnb.experiments.protocol import Job, Series
from koopnb.experiments.record import Record

# Offsets of the disjoint sets of seeds: the book runs the first, the others repeat its verdicts.
SETS = (0, 10, 20)
MOST_EPOCHS = 1_000  # of a horizon: some hundred megabytes of predicted weights


def discover() -> dict[str, Series]:
    """The series of every module of ``koopnb.experiments``, in the order of their places.

    Raises:
        Refusal: two series of one name.
    """
    found: dict[str, Series] = {}
    for module in pkgutil.iter_modules(experiments.__path__, experiments.__name__ + "."):
        if module.name == __name__:
            continue
        for one in getattr(importlib.import_module(module.name), "SERIES", ()):
            if one.name in found:
                raise Refusal(f"Two series are called {one.name!r}, one in {module.name}.")
            found[one.name] = one
    return dict(sorted(found.items(), key=lambda pair: (pair[1].place, pair[0])))


SERIES: dict[str, Series] = discover()


def jobs(
    name: str,
    seeds: Sequence[Integer] | None = None,
    dataset: str | None = None,
    horizons: Sequence[Integer] = (),
) -> list[Job]:
    """The jobs of some seeds or those of the first set, on the series' own data or another.

    Raises:
        Refusal: an unknown series, a seed or a horizon out of bounds, or a data set or horizons
            that the series cannot be run with.
    """
    if name not in SERIES:
        raise Refusal(f"There is no series {name!r}. Choose one of: {', '.join(SERIES)}.")
    series = SERIES[name]
    if dataset is not None and dataset not in series.datasets:
        raise Refusal(
            f"{name} cannot be run on {dataset!r}: "
            + (
                f"choose one of {', '.join(series.datasets)}."
                if series.datasets
                else "it has no data set."
            )
        )
    chosen: Sequence[str] = (dataset or "",)
    if dataset is None and series.datasets:
        chosen = series.datasets if series.every else series.datasets[:1]
    if horizons and not series.horizons:
        raise Refusal(f"{name} has horizons of its own: leave --horizons out.")
    epochs = sorted(
        integer("horizon", one, 1, "epochs ahead to predict", MOST_EPOCHS) for one in horizons
    )
    seeds = [
        integer("seed", seed, 0, "what random keys are made from", protocol.MOST_SEED)
        for seed in (series.seeds if seeds is None else seeds)
    ]
    return [
        Job(series, config)
        for one in chosen
        for seed in seeds
        for config in series.configs(one, seed, tuple(epochs))
    ]


def reproduction(name: str) -> list[Job]:
    """All that ``make reproduce`` makes of a series: its first set, and its further data sets."""
    further = [job for dataset, seeds in SERIES[name].also for job in jobs(name, seeds, dataset)]
    return jobs(name) + further


def folders() -> list[Path]:
    """Where records are: stored ones in ``results``, then those made here.

    Both lie in the repository, the nearest folder from here upwards that holds ``results``.
    """
    here = Path.cwd()
    root = next((one for one in (here, *here.parents) if (one / "results").is_dir()), here)
    return [root / "results", root / "_build" / "records"]


def obtain(
    name: str,
    dataset: str | None = None,
    seeds: Sequence[Integer] | None = None,
    horizons: Sequence[Integer] = (),
) -> list[Record]:
    """The records of a series; what is stored is read, and what is not is run and kept.

    Records are looked for in `folders`. Arguments are those of `jobs`.
    """
    return [job.obtain(folders()) for job in jobs(name, seeds, dataset, horizons)]


def stored(
    name: str, folders: Sequence[str | Path], offset: int = 0, dataset: str | None = None
) -> list[Record]:
    """The records that folders hold of the first set's seeds, moved by ``offset``."""
    seeds = [seed + offset for seed in SERIES[name].seeds]
    found = [job.look_up(folders) for job in jobs(name, seeds, dataset)]
    return [one[1] for one in found if one is not None]
