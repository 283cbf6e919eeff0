"""Records of the ODE experiment with numbers made by hand: five networks, two horizons."""

import numpy as np

from koopnb.experiments import ode, record

ARMS = ("weight float64", "node float64", "layer float64", "network float64",
        "weight float32", "node float32", "layer float32", "network float32",
        "linear", "mean", "no change", "trained")  # fmt: skip
SIZES = dict(networks=5, burn_in=60, record=20, horizon=10, stride=5, averaged=10, collocation=20)
WEIGHTS = 152
START_LOSS = 0.25  # of every network at the end of the record
SPREAD = np.array([0.5, 0.8, 1.0, 1.25, 2.0])  # of networks about their median, which is the third


def trained(optimizer="adadelta", points="fixed", *, errors=(), losses=(), first=(), ranks=()):
    """One training.

    ``errors`` and ``losses`` are by arm: medians at the last horizon, over the true change and
    over the loss at the end of the record; 0.5 and 1 unless told. Where other arms do well the line
    does badly. ``first`` are the errors at the
    first horizon, ``ranks`` largest ranks. The loss halves every ten iterations.
    """
    config = ode.OdeConfig(optimizer, points, **SIZES)
    errors = {"no change": 1.0, "trained": 0.0} | dict(errors)
    curves = record.thinned("training/loss", np.outer(2.0 ** -(np.arange(1, 91) / 10), SPREAD))
    for arm in ARMS:
        last = errors.get(arm, 0.5)
        ends = np.array([[dict(first).get(arm, last)], [last]])
        about = {"no change": np.ones(5), "linear": SPREAD[::-1]}.get(arm, SPREAD)
        curves[f"{arm}/error"] = ends * about
        curves[f"{arm}/loss"] = np.full((2, 5), START_LOSS)
        if arm != "no change":
            curves[f"{arm}/loss"] *= dict(losses).get(arm, 1.0) * SPREAD
        curves[f"{arm}/weights"] = np.zeros((5, WEIGHTS))
    kinds = [arm for arm in ARMS if "float" in arm]
    metrics = {
        "weights": WEIGHTS,
        "learning_rate": ode.UNTUNED_OPTIMIZERS[optimizer][1],
        "loss_at_record_end": [START_LOSS] * 5,
        "operators": {arm: {"rank": [1, dict(ranks).get(arm, 3)]} for arm in kinds},
        "seconds": {"float64": costs(), "float32": costs()},
    }
    return record.make("ode", config, metrics, curves, seconds=60.0)


def six(**arms):
    """All six trainings.

    Keywords are those of `trained`, for all of them or as functions of optimizer and points.
    """
    return [
        trained(
            optimizer, points,
            **{key: one(optimizer, points) if callable(one) else one for key, one in arms.items()},
        )
        for optimizer in ode.UNTUNED_OPTIMIZERS
        for points in ode.COLLOCATION_KINDS
    ]  # fmt: skip


def costs():
    """Whole costs are 2.5 s for nodes and 12 s for networks, of which 0.01 and 1 s predict."""
    return {
        "train": 6.0, "record": 0.5, "check": 0.5,
        "fit": {"node": 1.49, "network": 10.0}, "predict": {"node": 0.01, "network": 1.0},
    }  # fmt: skip
