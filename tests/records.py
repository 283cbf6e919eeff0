"""A record of the MNIST experiment with just the numbers that claims read."""

from koopnb.experiments import mnist, record


def save_example(folder, *, loss_end=2.0):
    config = mnist.protocol("digits")
    path = {"loss_end": loss_end, "loss_min": 1.0, "accuracy_median": 0.9}
    arm = {"1": path, "2": path, "spectral_radius": 1.01, "seconds_per_step": 2.0}
    metrics = {
        "iterations_per_epoch": 90,
        "adadelta": {
            "1": {"accuracy_median": 0.9, "loss_median": 1.0},
            "2": {"loss_median": 1.0},
            "seconds_per_step": 1.0,
        },
        "baselines": {"mean": {"loss": 1.0}},
        "operators": {"node": arm, "layer": arm},
    }
    made = record.make(mnist.EXPERIMENT, config, metrics, {}, seconds=1.0)
    return record.save(made, config, folder)
