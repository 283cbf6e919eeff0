"""What a record says of its networks as a whole: medians, and their intervals."""

import numpy as np
from jaxtyping import Float

from koopnb.experiments.record import Record

PerNetwork = Float[np.ndarray, " networks"]


def ratio(error: PerNetwork, change: PerNetwork, best: int | None = None) -> float:
    r"""Median error over median true change, over networks; no change gets 1.

    The paper's program does the same with single weights: it pools them over the networks before
    it takes medians, and keeps the networks with the smallest mean absolute errors.

    Args:
        error: of each network, or of each weight.
        change: of each network, or of each weight; or the error of another prediction.
        best: how many networks are kept, those with the smallest errors; all unless told.
    """
    if best is not None:
        kept = np.argsort(error, kind="stable")[:best]
        error, change = error[kept], change[kept]
    return float(np.median(error) / np.median(change))


def ratio_interval(error: PerNetwork, change: PerNetwork) -> tuple[float, float]:
    """95% of `ratio` over 2,000 resamples of the networks (percentile bootstrap)."""
    rng = np.random.default_rng(0)
    draws = rng.integers(len(error), size=(2_000, len(error)))
    ratios = np.median(error[draws], axis=1) / np.median(change[draws], axis=1)
    low, high = np.quantile(ratios.astype(float), (0.025, 0.975))
    return float(low), float(high)


def errors_at_horizon(one: Record, arm: str) -> PerNetwork:
    """Distances of a prediction from the weights that training reaches at the horizon.

    Those of the arm "no change" are how far the weights move.
    """
    return one.curves[f"{arm}/error"][-1]


def error_over(one: Record, arm: str, other: str = "no change", best: int | None = None) -> float:
    """`ratio` of the errors at the horizon to those of another arm."""
    return ratio(errors_at_horizon(one, arm), errors_at_horizon(one, other), best)


def error_interval(one: Record, arm: str, other: str = "no change") -> tuple[float, float]:
    """`ratio_interval` of what `error_over` gives."""
    return ratio_interval(errors_at_horizon(one, arm), errors_at_horizon(one, other))


def losses_over(one: Record, arm: str, other: str = "no change") -> PerNetwork:
    """Losses at the horizon over those of another arm, network by network.

    The losses of the arm "no change" are those at the end of the record.
    """
    return one.curves[f"{arm}/loss"][-1] / one.curves[f"{other}/loss"][-1]


def loss_over(one: Record, arm: str, other: str = "no change") -> float:
    """The median of `losses_over`."""
    return float(np.median(losses_over(one, arm, other)))
