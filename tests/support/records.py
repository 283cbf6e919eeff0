"""Records of the MNIST experiment with just the numbers that claims read."""

from koopnb.evidence.claim import Claim
from koopnb.experiments import mnist, record, store


def save_example(folder, *, loss_end=2.0, seeds=(0,)):
    """``loss_end`` is that of every path after its first epoch."""
    for seed in seeds:
        config = mnist.protocol("digits", seed)
        point = {
            "loss_end": loss_end, "loss_min": 1.0, "loss_median": 1.0,
            "accuracy_end": 0.9, "accuracy_median": 0.9,
        }  # fmt: skip
        path = dict.fromkeys(map(str, mnist.HORIZONS), point)
        path[str(mnist.HORIZONS[0])] = point | {"loss_end": 1.0}
        arm = path | {"spectral_radius": 1.01}
        metrics = {
            "iterations_per_epoch": 90,
            "optimizer": path,
            "baselines": {"mean": {"loss": 1.0}},
            "operators": dict.fromkeys(("quasi-node", "node", "layer", "bounded"), arm),
        }
        one = mnist.series_of(config)
        made = record.make(one.name, config, metrics, {}, seconds=1.0)
        written = store.save(made, one.path(config, folder))
    return written


# What `sized` records are judged by.
CLAIM = Claim(
    "small",
    "It is small",
    "nobody",
    "page#heading",
    "size",
    lambda one: one.metrics["size"],
    high=1.0,
)  # fmt: skip


def sized(*sizes):
    """A record a size, of seeds from 0 on."""
    return [
        record.make("mnist", mnist.MnistConfig(seed=seed), {"size": size}, {}, 0.0)
        for seed, size in enumerate(sizes)
    ]


def runs(**settings):
    """Records of every value of the settings, a list of agreeing or not for each."""
    rows = [(config, holds) for config, agree in settings.values() for holds in agree]
    return [
        record.make("mnist", mnist.MnistConfig(seed=i, **config), {"size": 2.0 - holds}, {}, 0.0)
        for i, (config, holds) in enumerate(rows)
    ]
