"""Chapter 06: its captions and tables say what small records hold, and losing cases are drawn."""

import json

import matplotlib.pyplot as plt
import numpy as np
import pytest

from koopnb.chapters import partitions as chapter
from koopnb.chapters.partitions.costs import CASES, memory
from koopnb.chapters.partitions.views import blocks
from koopnb.experiments.partitions import ARMS, COUPLINGS
from koopnb.experiments.record import Record

STAMP = {"date": "2026-01-02T03:04", "cpu": "a processor", "cores": 2}


def one(seed=0, *, far=(5.0, 4.0, 3.0, 2.0, 1.0), mean=0.5, widths=(4.0, 2.0, 1.0)):
    found = {
        name: {
            "blocks": 1000 * (place + 1), "widest": place + 1, "entries": 250.0 * 10**place,
            "factor_bytes": 4000 // (place + 1), "rank": [place, place + 2],
            "loss": [10.0 - place, end], "seconds_to_fit": 1.0 + place,
            "seconds_to_predict": 1e-3 * (place + 1),
        }
        for place, (name, end) in enumerate(zip(ARMS, far, strict=True))
    }  # fmt: skip
    metrics = {
        "weights": 1234, "snapshots": 200, "iterations_per_epoch": 100, "adadelta": [0.6, 0.6],
        "mean": mean, "partitions": found,
        "widths": {
            str(q): {"loss": [1.0, end]} for q, end in zip((8, 16, 65), widths, strict=True)
        },
    }  # fmt: skip
    config = {"dataset": "digits", "seed": seed, "horizon_epochs": [1, 2], "widths": [8, 16]}
    return Record("partitions", config, metrics, {}, STAMP)


@pytest.fixture(autouse=True)
def figures_are_closed():
    yield
    plt.close("all")


def drawn(plate):
    """The heights of the marks of each horizon."""
    lines = [line for line in plate.figure.axes[0].lines if line.get_marker() in "oD"]
    return [sorted(line.get_ydata()) for line in lines]


def test_blocks_are_those_of_the_definition():
    assert [len(set(blocks(name))) for name in ARMS] == [20, 10, 5, 2, 1]
    assert list(blocks("node")) == sorted([0, 1, 2, 3, 4] * 4)


def test_patterns_count_the_entries_that_may_be_filled():
    titles = [axis.get_title(loc="left") for axis in chapter.patterns().figure.axes]
    counts = [int(title.split("\n")[1].split()[0]) for title in titles]
    assert counts == [20, 40, 5 * 16, 12**2 + 8**2, 400]


def test_the_staircase_shows_errors_where_nothing_is_seen():
    errors = {where: dict.fromkeys(ARMS, 1e-9) for where in COUPLINGS}
    errors["across layers"]["layer"] = 0.58
    (axis,) = chapter.staircase(errors).figure.axes
    texts = [text.get_text() for text in axis.texts]
    assert texts.count("seen") == 19
    assert texts[18] == "error 58%"
    assert axis.get_yticklabels()[3].get_text() == "pair across layers"


@pytest.mark.parametrize(("number", "text"), [(67e3, "67 kB"), (1.07e6, "1.07 MB"), (5, "0.005 kB"),
                                              (1.1222e9, "1.12 GB")])  # fmt: skip
def test_memory_has_three_digits(number, text):
    assert memory(number) == text


def test_costs_are_counted_for_every_partition():
    text = chapter.counted(one())
    assert "(digits, 1,234 weights, 200 snapshots)" in text
    assert "$q = 8$" in text
    (row,) = [line for line in text.splitlines() if line.startswith("| network")]
    assert [cell.strip() for cell in row.split("|")[2:-1]] == [
        "5,000", "5", "10 MB", "0.8 kB", "4", "6",
    ]  # fmt: skip


def test_times_are_those_of_the_record():
    plate = chapter.costs(one())
    bars = [patch.get_width() for patch in plate.figure.axes[1].patches]
    assert bars == [1, 2, 3, 4, 5]
    np.testing.assert_allclose([p.get_width() for p in plate.figure.axes[2].patches], bars)
    assert "between 1.0 and 5.0 seconds, and the network's 5.0 seconds" in plate.alt
    assert "200 iterations ahead" in plate.caption
    assert "Timed 2026-01-02 on a processor, 2 cores." in plate.caption
    explicit, factors = plate.figure.axes[0].lines
    np.testing.assert_allclose(explicit.get_xdata()[-1], 10.0)
    np.testing.assert_allclose(factors.get_xdata()[0], 4e-3)
    assert "takes 1.7 times as long as theirs" in chapter.network_cost(one())
    assert "2.5e+06 numbers, 10 MB" in chapter.network_cost(one())


def test_the_benchmark_is_read_from_its_file(tmp_path):
    cases = {name: {"seconds": 1.5, "megabytes": -3.0} for name in CASES}
    cases[CASES[-1]] = {"seconds": 1.9e-4, "megabytes": 1052.0}
    path = tmp_path / "stored.json"
    path.write_text(json.dumps({"cases": cases, "environment": STAMP}))
    lines = chapter.benchmark(path).splitlines()
    assert lines[2].split("|")[2:4] == [" 1,500 ms ", " 0 MB                          "]
    assert [cell.strip() for cell in lines[-3].split("|")[2:4]] == ["0.19 ms", "1,052 MB"]
    assert lines[-1] == "Computed 2026-01-02 on a processor, 2 cores."


def test_every_seed_is_a_mark_and_medians_are_told():
    plate = chapter.accuracy([one(0), one(1, far=(7.0, 4.0, 3.0, 2.0, 3.0))])
    near, far = drawn(plate)
    assert near == sorted([10, 9, 8, 7, 6] * 2)
    assert far == sorted([5, 4, 3, 2, 1, 7, 4, 3, 2, 3])
    assert "weight 6.00, quasi-node 4.00, node 3.00, layer 2.00, network 2.00." in plate.caption
    assert "Averaging has 0.50." in plate.caption
    assert "Highest median after 1: weight operators" in plate.alt


def test_a_loss_that_overflowed_counts_as_infinite():
    lost = one(far=("inf", "nan", 3.0, 2.0, 1.0))
    assert "weight inf, quasi-node inf, node 3.00" in chapter.accuracy([lost]).caption


def test_the_lowest_partition_and_a_seed_that_averaging_loses():
    first = chapter.lowest([one(), one()])
    assert first.startswith("The network operator has the lowest median at both horizons. At $T")
    assert "on 2 of 2 [" in first
    text = chapter.lowest([one(far=(5.0, 4.0, 3.0, 0.4, 1.0)), one(far=(5.0, 4.0, 3.0, 0.6, 1.0))])
    assert "of the network operator, at $T = 1$, and of the layer operator, at $T = 2$." in text
    assert "on 1 of 2 [" in text


def test_widths_are_columns_and_the_last_is_the_full_node():
    plate = chapter.quasi_nodes([one(widths=(4.0, 2.0, 1.0)), one(widths=(8.0, 8.0, 8.0))])
    labels = [label.get_text() for label in plate.figure.axes[0].get_xticklabels()]
    assert labels == ["8", "16", "65\n(full node)"]
    assert drawn(plate)[1] == [1, 2, 4, 8, 8, 8]
    assert "1.0 times the lowest after 1 epoch and 4.0 times after 2" in plate.alt


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        ((4.0, 2.0, 1.0), (4.0, 2.0, 1.0), "factor of 2.0 in the median, two seeds at one width by "
         "a factor of 1.0: the width moves the loss more than the seed. The full node is ahead in "
         "100% of the 4"),
        ((1.0, 1.0, 1.0), (3.0, 3.0, "inf"), "factor of 1.0 in the median, two seeds at one width "
         "by a factor of 3.0: the seed moves the loss more than the width. The full node is ahead "
         "in 0% of the 4"),
    ],
)  # fmt: skip
def test_widths_and_seeds_are_compared_pair_by_pair(first, second, told):
    assert told in chapter.widths_and_seeds([one(widths=first), one(widths=second)])
