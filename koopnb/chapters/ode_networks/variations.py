"""The same with another cutoff, and with jittered points."""

from collections.abc import Sequence

from koopnb.chapters.ode_networks.reading import (
    NETWORK,
    NODE,
    by_setting,
    error_ratios,
    fixed,
    reached,
)
from koopnb.chapters.ode_networks.wording import NAMES, by_optimizer, plain
from koopnb.drawing import plates
from koopnb.experiments import ode
from koopnb.experiments.record import Record

PRECISIONS = ("float64", "float32")


def largest_rank(one: Record, arm: str) -> float:
    """The largest rank among an operator's blocks, in the median over networks."""
    return max(one.metrics["operators"][arm]["rank"])


def cutoff_table(records: Sequence[Record]) -> plates.Text:
    """Errors and ranks with either cutoff, fixed points."""
    rows = []
    for optimizer, one in fixed(records).items():
        for name in one.config["partitions"]:
            fine, coarse = (f"{name} {precision}" for precision in PRECISIONS)
            rows.append(
                {
                    "Optimizer": NAMES[optimizer],
                    "Operators": name,
                    "Error / change, double precision, MATLAB's cutoff": (
                        f"{ode.error_over(one, fine):.2g}"
                    ),
                    "Largest rank": f"{largest_rank(one, fine):.0f}",
                    "Single precision, JAX's cutoff": f"{ode.error_over(one, coarse):.2g}",
                    "Its largest rank": f"{largest_rank(one, coarse):.0f}",
                }
            )
    return plates.table(rows)


def cutoff(records: Sequence[Record]) -> plates.Text:
    """Which cutoff has the smaller error, and how many directions each keeps."""
    trainings = fixed(records).values()
    finer = [
        ode.error_over(one, f"{name} float64") < ode.error_over(one, f"{name} float32")
        for one in trainings
        for name in one.config["partitions"]
        if name != "weight"
    ]
    kept = [
        max(largest_rank(one, f"network {precision}") for one in trainings)
        for precision in PRECISIONS
    ]
    double, single = (
        error_ratios(records, f"network {precision}")["adam"] for precision in PRECISIONS
    )
    return plates.Text(
        f"Of the {len(finer)} rows of blocks with several weights, the smaller cutoff has the "
        f"smaller error in {sum(finer)}. Network operators keep up to {kept[0]:.0f} directions of "
        f"the {records[0].metrics['weights']} weights in double precision with MATLAB's cutoff, "
        f"and up to {kept[1]:.0f} in single precision with JAX's. With Adam that is an error of "
        f"{plain(double)} of the true change against one of {plain(single)}. So what they know of "
        "the motion is in the directions of small singular values."
    )


def noise_table(records: Sequence[Record]) -> plates.Text:
    """Errors and losses with fixed and with jittered points."""
    rows = [
        {
            "Optimizer": NAMES[optimizer],
            "Points": points,
            "Node": _with_interval(one, NODE),
            "Network": _with_interval(one, NETWORK),
            "Straight line": _with_interval(one, "linear"),
            "Loss at the record's end": f"{reached(one):.2g}",
            "network operators'": plain(ode.loss_over(one, NETWORK)),
            "average's": plain(ode.loss_over(one, "mean")),
            "training's": plain(ode.loss_over(one, "trained")),
        }
        for (optimizer, points), one in by_setting(records).items()
    ]
    return plates.Text(
        "Error over true change, with 95% intervals over networks. Then the median loss at the end "
        "of the record, and the losses at the horizon over it, network by network, on the fixed "
        f"points:\n\n{plates.table(rows)}"
    )


def _with_interval(one: Record, arm: str) -> str:
    """An arm's error over the true change: "0.69 (0.54 to 0.75)"."""
    low, high = ode.error_interval(one, arm)
    return f"{plain(ode.error_over(one, arm))} ({plain(low)} to {plain(high)})"


def noise(records: Sequence[Record]) -> plates.Text:
    """Whether the optimizer or the jitter matters more to network operators."""
    network = {key: ode.error_over(one, NETWORK) for key, one in by_setting(records).items()}
    by_points = {o: _spread([network[o, p] for p in ode.COLLOCATION_KINDS]) for o in NAMES}
    fixed_points, jittered = (
        _spread([network[o, p] for o in NAMES]) for p in ode.COLLOCATION_KINDS
    )
    matters = min(fixed_points, jittered) > max(by_points.values())
    return plates.Text(
        ("The optimizer matters more than the jitter. " if matters else "")
        + "Jitter changes the summary of network operators by these factors, up or down: "
        f"{by_optimizer(by_points)}. Between the optimizers it differs by {plain(fixed_points)} "
        f"with fixed points and by {plain(jittered)} with jittered ones."
    )


def _spread(values: Sequence[float]) -> float:
    """The largest over the smallest."""
    return max(values) / min(values)
