"""Small records of the MNIST experiment's series, whole enough for its chapter to draw."""

import numpy as np

from koopnb.experiments import costs, mnist, record, routes

PER_EPOCH = 4
AT = np.arange(1, 2 * PER_EPOCH + 1)
HORIZONS = (1, 2)


def trained(
    seed=0, *, dataset="mnist", optimizer="adadelta", arithmetic="report", average=0.2,
    own=0.25, ends=None, accuracies=None,
):  # fmt: skip
    """One seed with horizons of one and two epochs.

    ``own`` is the optimizer's loss throughout, ``average`` that of averaged weights. ``ends`` are
    the losses of some arms at either horizon, (0.3, 0.4) where not given; ``accuracies`` their
    accuracies throughout, 0.9 where not given.
    """
    config = mnist.protocol(dataset, seed, HORIZONS, optimizer, arithmetic)
    metrics = {
        "iterations_per_epoch": PER_EPOCH,
        "snapshots": 2 * PER_EPOCH,
        "weights": 1234,
        "baselines": {kind: {"loss": average, "accuracy": 0.9} for kind in ("mean", "ema")},
        "operators": {},
    }
    curves = {}
    ends, accuracies = {"optimizer": (own, own)} | (ends or {}), accuracies or {}

    def follow(name):
        losses = np.repeat(ends.get(name, (0.3, 0.4)), PER_EPOCH)
        values = {"loss": losses, "accuracy": np.full(len(AT), accuracies.get(name, 0.9))}
        for quantity in values:
            curves[f"{name}/{quantity}"] = values[quantity]
            curves[f"{name}/{quantity}/at"] = AT
        return {
            str(t): {
                f"{quantity}_{kind}": float(reduced)
                for quantity in values
                for kind, reduced in (
                    ("end", values[quantity][t * PER_EPOCH - 1]),
                    ("median", np.median(values[quantity][(t - 1) * PER_EPOCH : t * PER_EPOCH])),
                    ("min", np.min(values[quantity][: t * PER_EPOCH])),
                )
            }
            for t in HORIZONS
        }

    metrics["optimizer"] = follow("optimizer")
    metrics["baselines"]["linear"] = follow("linear")
    for arm in config.arms:
        explicit = arm.solver == "pinv"
        metrics["operators"][arm.name] = follow(arm.name) | {
            "solver": ["gram"],
            "rcond": [1e-3, 2e-2],
            "blocks": 1500,
            "rank": [1, 8.0, 44],
            "spectral_radius": None if arm.partition == "network" else 1.0123,
        } | ({} if explicit else {"condition": 2e5})  # fmt: skip
        if explicit:
            curves[f"{arm.name}/parting"], curves[f"{arm.name}/parting/at"] = AT * 0.1, AT
    return record.make(mnist.series_of(config).name, config, metrics, curves, seconds=1.0)


def routed(seed=0, **last):
    """Distances that rise tenfold per iteration to what ``last`` says, "quasi_node_steps"=..."""
    curves = {}
    for operator in routes.OPERATORS:
        for way in routes.ROUTES:
            end = last.get(f"{operator}_{way}".replace("-", "_"), 0.5)
            curves[f"{operator}/{way}/apart"] = end * np.array([1e-3, 1e-2, 1e-1, 1])
            curves[f"{operator}/{way}/apart/at"] = AT[:PER_EPOCH]
    config = routes.RoutesConfig(seed=seed)
    return record.make("routes", config, {}, curves, seconds=1.0)


def timed(*, jump=0.01):
    """Training takes 1 s per epoch; recording 0.1 s, every fit 0.2 s and a jump ``jump``."""
    config = costs.CostsConfig(seed=100, horizon_epochs=HORIZONS)
    both, all_ = ("node", "layer"), ("node", "layer", "network", "bounded")
    metrics = {
        "iterations_per_epoch": PER_EPOCH, "epoch": 1.0, "record": 0.1, "record_means": 0.05,
        "check": 0.0, "average": 0.05, "step": {"optimizer": 0.002, "node": 0.001, "layer": 0.03},
        "form": dict.fromkeys(both, 1.0), "fit_as_reported": dict.fromkeys(both, 2.0),
        "fit": dict.fromkeys(all_, 0.2), "jump": dict.fromkeys(all_, jump),
    }  # fmt: skip
    curves = {f"{arm}/seconds": np.full(3, step) for arm, step in metrics["step"].items()}
    return record.make("costs", config, metrics, curves, seconds=1.0)
