"""Chapter 10: its captions and tables say what small records hold, and losing cases are drawn."""

import copy

import matplotlib.pyplot as plt
import numpy as np
import pytest

from koopnb.chapters import why_it_deteriorates as chapter
from koopnb.experiments.causes import HORIZONS, STOPPED, TOGETHER
from koopnb.experiments.causes.repairs import REPAIRS
from koopnb.experiments.record import Record

STAMP = {"date": "2026-01-02T03:04", "cpu": "a processor", "packages": {"jax": "0.0"}}
ACTING = ("nothing", "growth", "decay", "growth+decay", "turning", "growth+turning",
          "decay+turning", "growth+decay+turning")  # fmt: skip
PER_EPOCH = 100


def by_horizon(*values):
    return dict(zip(map(str, HORIZONS), values, strict=True))


def one(seed=0, *, rise=2.0):
    """Node operators double their loss by growth, network operators by turning."""
    losses = {
        name: {
            acting: {"loss": by_horizon(1.0, rise if spoils in acting else 1.0, 9.0)}
            for acting in ACTING
        }
        for name, spoils in (("node", "growth"), ("layer", "growth"), ("network", "turning"))
    }
    operator = {
        "blocks": 70, "radius": [0.9, 1.0, 1.0, 1.0, 1.001],
        "distance": by_horizon(2.0, 6.0, 5e4), "loss": by_horizon(1.0, rise, 9.0),
    }  # fmt: skip
    dip = {"projection": 0.9, "slow modes": 0.6, "lowest": 0.5, "iteration": 7, "to mean": 1.0,
           "last to mean": 4.0}  # fmt: skip
    metrics = {
        "iterations_per_epoch": PER_EPOCH, "weights": 1234, "snapshots": 200, "window": 20,
        "baselines": {
            "mean": 0.5, "last": 1.0, "optimizer": by_horizon(0.8, 0.8, 0.8),
            "distance": by_horizon(1.0, 2.0, 1.0), "linear": by_horizon(0.8, 1.2, 400.0),
        },
        "operators": {name: operator for name in ("weight", *TOGETHER)},
        "factors": losses,
        "nodes": {"worst": 3, "without": {str(k): 4.0 / (1 + k) for k in (0, *STOPPED)}},
        "dip": {name: dip for name in TOGETHER},
        "repairs": {
            name: {key: by_horizon(0.8, 0.4, 0.45 if key == "centred" else 1.6) for key in REPAIRS}
            for name in TOGETHER
        },
        "observables": {"distance": 1e-12 * (seed + 1), "weights": 21},
    }  # fmt: skip
    times = np.arange(0, 201, 20)
    curves = {
        "nodes/layer": np.array([0.0, 0.0, 1.0, 2.0, 3.0]),
        "nodes/alone": np.array([1.0, 1.0, 1.3, 3.0, 1.02]),
        "nodes/radius": np.array([1.0, 1.0, 1.1, 1.0, 1.0]),
        "nodes/implied": np.array([0.0, 0.1, 1.0, 2.0, 0.5]),
        "nodes/seen": np.array([0.1, 0.1, 1.0, 2.0, 0.5]),
        "paths/recorded": np.zeros((11, 6)), "paths/recorded/at": times - 200,
        "paths/true": np.zeros((11, 6)), "paths/true/at": times,
        "paths/predicted": np.linspace(0, np.arange(6) + 1, 11), "paths/predicted/at": times,
    }  # fmt: skip
    for name in TOGETHER:
        for key in ("all", "no growth", "no turning", "neither"):
            curves[f"{name}/{key}/loss"] = np.linspace(0.6, 1e3, 11)
            curves[f"{name}/{key}/loss/at"] = times * 5
        curves[f"{name}/growth"] = np.array([0.0, 1e-3, -1.0])
        curves[f"{name}/angle"] = np.array([0.0, 1e-3, 2e-3])
        curves[f"{name}/size"] = np.array([9.0, 5.0, 1.0])
    config = {"dataset": "digits", "seed": seed}
    return Record("causes", config, metrics, curves, STAMP)


def sweep(seed=0, *, worst=50.0):
    def rows(losses):
        return [
            {"rcond": 10.0**-k, "rank": [k, 10 * k], "loss": {"2": loss}}
            for k, loss in enumerate(losses, start=1)
        ]

    arm = {"float64": rows([0.4, 0.8, worst]), "float32": rows([0.4, 1.6])}
    metrics = {"weights": 1234, "snapshots": 200, "sweep": {"node": arm, "network": arm}}
    return Record("causes", {"dataset": "digits", "seed": seed}, metrics, {}, STAMP)


@pytest.fixture(autouse=True)
def figures_are_closed():
    yield
    plt.close("all")


def changed(record, value, *keys):
    metrics = copy.deepcopy(record.metrics)
    inner = metrics
    for key in keys[:-1]:
        inner = inner[key]
    assert keys[-1] in inner
    inner[keys[-1]] = value
    return record._replace(metrics=metrics)


def cells(table, row):
    (line,) = [line for line in table.splitlines() if line.startswith(f"| {row} ")]
    return [cell.strip() for cell in line.split("|")[1:-1]]


def test_the_setting_says_what_was_run():
    text = chapter.setting([one(0), one(1)], [sweep()])
    assert "**digits**, 2 seeds (1 for the cutoff)" in text
    assert "1,234 weights, 200 snapshots, 100 iterations per epoch" in text
    assert "2026-01-02 on a processor with JAX 0.0" in text


def test_growth_compares_distances_and_raises_the_largest_radius():
    row = cells(chapter.growth([one(0), one(1)]), "node")
    assert row[1:5] == ["70", "1.000000", "1.001000", f"{1.001**200:.3g}"]
    assert row[5:8] == ["2", "3", "$10^{5}$"]
    assert row[8] == "2.000 [2.000, 2.000]"


def test_the_largest_turning_pair_counts_whatever_stands_still():
    degrees = np.degrees(1e-3) * 10 * PER_EPOCH
    assert f"by {degrees:.0f} degrees in ten epochs" in chapter.turning([one()])
    still = one()
    still.curves["network/angle"] = np.zeros(3)
    assert f"(from 0 to {degrees:.0f})" in chapter.turning([one(), still])


def test_spectra_are_said_to_differ_by_the_largest_gap():
    assert "a node of 21 weights" in chapter.observables([one(0), one(2)])
    assert "by at most 3e-12." in chapter.observables([one(0), one(2)])


def test_switches_show_every_seed_and_their_medians():
    plate = chapter.switches([one(0), one(1)])
    assert "**node**: as fitted 2.000, growth off 1.000, turning off 2.000" in plate.caption
    assert "**network**: as fitted 2.000, growth off 2.000, turning off 1.000" in plate.caption
    for axis in plate.figure.axes:
        assert len(axis.lines) == 4 * 3 + 1
        np.testing.assert_allclose(axis.lines[-1].get_ydata(), 0.5)
    labels = [text.get_text() for text in plate.figure.legends[0].get_texts()]
    assert labels == ["as fitted", "growth off", "turning off", "both off",
                      "mean of the last epoch"]  # fmt: skip


def test_all_combinations_are_listed_with_both_horizons():
    text = chapter.combinations([one()])
    assert cells(text, "growth, decay, turning")[1:3] == ["2.000", "9.000"]
    assert len([line for line in text.splitlines() if line.startswith("| ")]) == 1 + 8
    assert "weights have 0.500, the optimizer 0.800 in" in text
    assert text.startswith(":::{admonition}")
    assert text.endswith("\n:::")


def test_the_cause_is_named_where_the_switches_say_so():
    plate = chapter.cause([one(0), one(1)])
    assert plate.caption.startswith("**Nodes grow, networks turn.** Left: the modes of seed 0,")
    assert "node, growth off: 0.00; node, turning off: 1.00" in plate.caption
    other = changed(one(), 3.0, "factors", "node", "decay+turning", "loss", "2")
    plate = chapter.cause([other])
    assert plate.caption.startswith("Left: ")
    assert "node, growth off: 2.00" in plate.caption
    assert "Nodes grow" not in plate.alt


def test_a_loss_that_overflowed_leaves_all_of_the_rise():
    lost = one()
    for acting in ("growth+decay", "growth+decay+turning"):
        lost = changed(lost, "inf", "factors", "node", acting, "loss", "2")
    caption = chapter.cause([lost]).caption
    assert "node, growth off: 0.00; node, turning off: 1.00" in caption


def test_every_node_is_a_dot_and_the_worst_are_named():
    plate = chapter.nodes([one(0), one(1)])
    alone = plate.figure.axes[0]
    assert sum(len(line.get_xdata()) for line in alone.lines) == 2 * 5
    assert max(line.get_ydata().max() for line in alone.lines) == 3.0
    assert "by a factor of 3.000 [3.000, 3.000] (worst by test loss)" in plate.caption
    assert "all nodes together by 4.000 [4.000, 4.000]" in plate.caption
    assert "in layers 3, 3." in plate.caption
    without = plate.figure.axes[2].lines[0]
    np.testing.assert_allclose(without.get_ydata(), [4.0 / (1 + k) for k in (0, *STOPPED)])


def test_the_node_of_the_largest_radius_is_counted_by_itself():
    tame = one()
    tame.curves["nodes/radius"] = np.array([1.1, 1.0, 1.0, 1.0, 1.0])
    text = chapter.kept_still([one(), tame])
    assert text.startswith("60% of all nodes")
    assert "raises the loss by a quarter on 1 of 2 seeds, the worst one on 2." in text
    assert "is 4.000 [4.000, 4.000]; with the worst one kept still 2.000" in text


def test_weights_are_drawn_with_their_errors():
    plate = chapter.weights(one(4))
    assert "seed 4" in plate.caption
    assert "off by 1, 2, 3 after two epochs" in plate.caption
    assert "error, off by 4, 5, 6." in plate.caption
    assert [axis.lines[2].get_ydata()[-1] for axis in plate.figure.axes] == [1, 2, 3, 4, 5, 6]


def test_the_dip_shows_five_states_of_every_operator():
    plate = chapter.dip([one(0), one(1)])
    assert "7 (node), 7 (layer), 7 (network) iterations" in plate.caption
    assert "0.25 (node)" in plate.caption
    dots = [line.get_xdata()[0] for line in plate.figure.axes[0].lines if line.get_marker() == "o"]
    assert dots == [1.0, 0.9, 0.6, 0.5, 0.5]


def test_losses_beyond_the_panel_are_drawn_at_its_edge():
    plate = chapter.cutoffs([sweep(3), sweep(4, worst="inf")], [one()])
    assert "seed 3" in plate.caption
    heights = [line.get_ydata() for line in plate.figure.axes[0].lines]
    assert any(np.array_equal(height, [0.4, 0.8, 1e4]) for height in heights)
    ranks = [text.get_text() for text in plate.figure.axes[0].texts]
    assert {"10", "30", "JAX", "◂ MATLAB"} <= set(ranks)


def test_precisions_are_compared_at_the_same_cutoff():
    row = cells(chapter.cutoffs_told([sweep(), sweep(worst="nan")]), "network")
    assert row == ["network", r"0.400 to $\infty$", "0.400", f"{np.sqrt(2) - 1:.1%}", "100%"]


def test_every_repair_is_a_row_over_the_optimizer():
    plate = chapter.repairs([one(0), one(1)])
    axis = plate.figure.axes[0]
    labels = [label.get_text() for label in axis.get_yticklabels()]
    assert len(labels) == len(REPAIRS) + 2
    assert labels[-2:] == ["straight line", "average"]
    texts = {text.get_position(): text.get_text() for text in axis.texts}
    assert [texts[column, 0] for column in range(3)] == ["1.00", "0.50", "2.00"]
    assert [texts[column, len(REPAIRS)] for column in range(3)] == ["1.00", "1.50", ">100"]
    assert "centred and bounded 2.00, 2.00, 2.00; the average 0.62" in plate.caption
    assert "between 0.50 and 2.00" in plate.alt


def test_the_best_repair_is_over_the_average():
    text = chapter.repaired([one()])
    assert "node 3.200 (3.200); layer 3.200 (3.200)" in text
    assert "lower the loss of node operators on 0, layer operators on 0" in text
    assert "all 36 fits" in text
    assert "is at 0.900 times the average" in text
