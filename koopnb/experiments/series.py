"""The series of runs behind the book: which configurations belong together, and on which seeds."""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from koopnb.experiments import (
    causes,
    closure,
    costs,
    descent,
    inertia,
    mnist,
    noise,
    ode,
    partitions,
    record,
    regimes,
    routes,
    sections,
    theory,
)

# Offsets of the disjoint sets of seeds: the book runs the first, the others repeat its verdicts.
SETS = (0, 10, 20)


class Job(NamedTuple):
    """One record to make: ``run(config, folder, progress=...)`` makes it."""

    experiment: str
    config: Any
    run: Callable[..., record.Record]


class Series(NamedTuple):
    """Runs that the claims of one key judge together.

    ``jobs`` makes one seed's jobs from data set, seed and horizons; ``seeds`` are those of the
    first set; ``datasets`` those that a seed can be run on, none where there is no data set.
    ``every``: all of them belong together; else the first is meant. ``horizons``: whether they
    can be chosen.
    """

    what: str
    seeds: tuple[int, ...]
    jobs: Callable[[str, int, Sequence[int]], list[Job]]
    datasets: tuple[str, ...] = ("mnist", "digits")
    every: bool = False
    horizons: bool = False


def _mnist(**how: str) -> Callable[[str, int, Sequence[int]], list[Job]]:
    def jobs(dataset: str, seed: int, horizons: Sequence[int]) -> list[Job]:
        return [Job(mnist.EXPERIMENT, mnist.protocol(dataset, seed, horizons, **how), mnist.run)]

    return jobs


def _costs(dataset: str, seed: int, horizons: Sequence[int]) -> list[Job]:
    return [Job(costs.EXPERIMENT, costs.CostsConfig(dataset, seed, tuple(horizons)), costs.run)]


def _ode(_dataset: str, seed: int, _horizons: Sequence[int]) -> list[Job]:
    return [
        Job(ode.EXPERIMENT, ode.OdeConfig(optimizer, points, seed), ode.run)
        for optimizer in ode.UNTUNED_OPTIMIZERS
        for points in ode.COLLOCATION_KINDS
    ]


def _routes(dataset: str, seed: int, _horizons: Sequence[int]) -> list[Job]:
    return [Job(routes.EXPERIMENT, routes.RoutesConfig(dataset, seed), routes.run)]


def _partitions(repeats: int) -> Callable[[str, int, Sequence[int]], list[Job]]:
    def jobs(dataset: str, seed: int, _horizons: Sequence[int]) -> list[Job]:
        widths = partitions.WIDTHS[dataset]
        config = partitions.PartitionsConfig(dataset, seed, widths=widths, repeats=repeats)
        return [Job(partitions.EXPERIMENT, config, partitions.run)]

    return jobs


def _theory(_dataset: str, seed: int, _horizons: Sequence[int]) -> list[Job]:
    return [Job(theory.EXPERIMENT, theory.TheoryConfig(seed), theory.run)]


def _closure(_dataset: str, seed: int, _horizons: Sequence[int]) -> list[Job]:
    return [Job(closure.EXPERIMENT, closure.ClosureConfig(seed), closure.run)]


def _sections(_dataset: str, seed: int, _horizons: Sequence[int]) -> list[Job]:
    return [Job(sections.EXPERIMENT, sections.SectionsConfig(seed), sections.run)]


def _descent(_dataset: str, seed: int, _horizons: Sequence[int]) -> list[Job]:
    return [Job(descent.EXPERIMENT, descent.DescentConfig(seed), descent.run)]


def _inertia(_dataset: str, seed: int, _horizons: Sequence[int]) -> list[Job]:
    return [Job(inertia.EXPERIMENT, inertia.InertiaConfig(seed), inertia.run)]


def _noise(_dataset: str, seed: int, _horizons: Sequence[int]) -> list[Job]:
    return [Job(noise.EXPERIMENT, noise.NoiseConfig(seed), noise.run)]


def _causes(part: str) -> Callable[[str, int, Sequence[int]], list[Job]]:
    def jobs(dataset: str, seed: int, _horizons: Sequence[int]) -> list[Job]:
        return [Job(causes.EXPERIMENT, causes.CausesConfig(dataset, seed, part), causes.run)]

    return jobs


def _regimes(dataset: str, seed: int, _horizons: Sequence[int]) -> list[Job]:
    return [Job(regimes.EXPERIMENT, regimes.grid(dataset, seed), regimes.run)]


def _decay(_dataset: str, seed: int, _horizons: Sequence[int]) -> list[Job]:
    return [Job(regimes.EXPERIMENT, regimes.decayed(seed), regimes.run)]


def _optimizers(dataset: str, seed: int, horizons: Sequence[int]) -> list[Job]:
    return [
        job
        for name in mnist.OPTIMIZERS
        if name != "adadelta"
        for job in _mnist(optimizer=name)(dataset, seed, horizons)
    ]


SERIES: dict[str, Series] = {
    "mnist": Series("Adadelta, the report's arithmetic", tuple(range(10)), _mnist(), horizons=True),
    "paper": Series(
        "Adadelta, double precision with MATLAB's cutoff",
        tuple(range(10)),
        _mnist(arithmetic="paper"),
        horizons=True,
    ),
    "routes": Series("those operators by several routes, one epoch", (0, 1, 2), _routes),
    "optimizers": Series("other optimizers", (0, 1, 2), _optimizers, horizons=True),
    "partitions": Series(
        "five partitions, single precision with JAX's cutoff", tuple(range(10)), _partitions(0)
    ),
    "fits": Series("the same fits, timed", (0,), _partitions(3)),
    "costs": Series("timings", (100,), _costs, horizons=True),
    "ode": Series("25 ODE-solver networks, six trainings", (0,), _ode, ()),
    "theory": Series("systems whose answers are known", tuple(range(10)), _theory, ()),
    "closure": Series("observables that close, or do not", tuple(range(10)), _closure, ()),
    "sections": Series(
        "finite sections of records whose answers are known", tuple(range(10)), _sections, ()
    ),
    "descent": Series("gradient descent from random starts", tuple(range(10)), _descent, ()),
    "inertia": Series("momentum from random starts", tuple(range(10)), _inertia, ()),
    "noise": Series("gradient noise, and what it does to descent", tuple(range(10)), _noise, ()),
    "causes": Series("the report's operators taken apart", tuple(range(10)), _causes("operators")),
    "cutoffs": Series("the cutoff swept over ten decades", causes.SWEPT_SEEDS, _causes("cutoffs")),
    "regimes": Series(
        "grids of batch size, horizon and optimizer", (0, 1, 2, 3, 4), _regimes, every=True
    ),
    "decay": Series("digits with weight decay", (0, 1, 2, 3, 4), _decay, ("digits",)),
}


def jobs(
    name: str,
    seeds: Sequence[int] | None = None,
    dataset: str | None = None,
    horizons: Sequence[int] = (),
) -> list[Job]:
    """The jobs of some seeds or those of the first set, on the series' own data or another.

    Raises:
        ValueError: an unknown series, a negative seed, or a data set or horizons that it cannot
            be run with.
    """
    if name not in SERIES:
        raise ValueError(f"There is no series {name!r}. Choose one of: {', '.join(SERIES)}.")
    allowed = SERIES[name].datasets
    if dataset is not None and dataset not in allowed:
        raise ValueError(
            f"{name} cannot be run on {dataset!r}: "
            + (f"choose one of {', '.join(allowed)}." if allowed else "it has no data set.")
        )
    chosen: tuple[str, ...] = (dataset or "",)
    if dataset is None and allowed:
        chosen = allowed if SERIES[name].every else allowed[:1]
    if horizons and not SERIES[name].horizons:
        raise ValueError(f"{name} has horizons of its own: leave --horizons out.")
    horizons = tuple(sorted(horizons or mnist.HORIZONS))
    seeds = SERIES[name].seeds if seeds is None else seeds
    if min(seeds) < 0:
        raise ValueError(f"seeds={list(seeds)}: give integers from 0 on.")
    return [
        job for one in chosen for seed in seeds for job in SERIES[name].jobs(one, seed, horizons)
    ]


def obtain(
    name: str,
    dataset: str | None = None,
    seeds: Sequence[int] | None = None,
    horizons: Sequence[int] = (),
) -> list[record.Record]:
    """The records of a series; what is stored is read, and what is not is run and kept.

    Records are looked for in `record.folders`. Arguments are those of `jobs`.
    """
    return [
        record.obtain(
            job.experiment,
            job.config,
            functools.partial(job.run, job.config, progress=True),
            record.folders(),
        )
        for job in jobs(name, seeds, dataset, horizons)
    ]


def stored(
    name: str, folders: Sequence[str | Path], offset: int = 0, dataset: str | None = None
) -> list[record.Record]:
    """The records that folders hold of the first set's seeds, moved by ``offset``."""
    seeds = [seed + offset for seed in SERIES[name].seeds]
    found = [record.look_up(j.experiment, j.config, folders) for j in jobs(name, seeds, dataset)]
    return [one[1] for one in found if one is not None]
