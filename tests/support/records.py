"""Records of the MNIST experiment with just the numbers that claims read."""

from koopnb.experiments import mnist, record


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
        made = record.make(mnist.EXPERIMENT, config, metrics, {}, seconds=1.0)
        written = record.save(made, config, folder)
    return written
