"""The figures, tables and sentences of chapters 07 and 08, on records made by hand."""

import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
from support.mnist_records import PER_EPOCH, routed, timed, trained

from koopnb.chapters import mnist_experiment as chapter
from koopnb.drawing.palette import COLOURS
from koopnb.experiments import mnist


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


def rows(text):
    """The cells of a Markdown table, a list per row, its head first."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [cells[0], *cells[2:]]


def column(text, head):
    """One column of a Markdown table by the first."""
    first, *others = rows(text)
    return {row[0]: row[first.index(head)] for row in others}


def papers(**how):
    return [trained(seed, arithmetic="paper", **how) for seed in (0, 1)]


def others(seeds=(0,), **how):
    return [
        trained(seed, optimizer=name, **how)
        for seed in seeds
        for name in mnist.OPTIMIZERS
        if name != "adadelta"
    ]


def test_the_setting_is_that_of_the_records():
    report = [trained(seed, dataset="digits") for seed in (0, 1)]
    told = chapter.setting(report, papers(), others(), timed())
    assert "**digits**, 2 seeds, a network of 1,234 weights" in told
    assert f"batches of 16, which makes {PER_EPOCH} iterations per epoch" in told
    assert "$t_1 = 3$, $t_2 = 5$, $n = 8$" in told
    assert "other optimizers have 1 of the seeds" in told
    assert report[0].environment["date"][:10] in told


def test_a_report_figure_tells_the_numbers_that_it_draws():
    report = [
        trained(0, ends={"node": (0.3, 0.9)}, accuracies={"node": 0.8}),
        trained(1, ends={"node": (0.1, 2.0)}, accuracies={"node": 0.7}),
    ]
    plate = chapter.report_figure(3, report, timed())
    assert plate.name == "fig-3"
    assert "figure 3 of the report; 2 seeds" in plate.caption
    assert "dips to 0.200 [0.100, 0.300] and ends at 1.450 [0.900, 2.000]" in plate.caption
    assert "accuracy at 0.750 [0.700, 0.800]" in plate.caption
    assert "fan out, from 0.9 to 2 at the end" in plate.alt
    assert "1 ms with the operator and 2 ms with Adadelta" in plate.alt
    drawn = [line for line in plate.figure.axes[1].lines if line.get_color() == COLOURS["node"]]
    ends = sorted(line.get_ydata()[-1] for line in drawn)
    assert ends == pytest.approx([0.9, 1.45, 2.0])


def test_runs_above_the_panel_are_counted_also_infinite_ones():
    report = [trained(seed, ends={"node": (0.3, 0.4)}) for seed in range(4)]
    assert "leave panel" not in chapter.report_figure(3, report, timed()).caption
    report[0] = trained(0, ends={"node": (0.3, 50.0)})
    report[1] = trained(1, ends={"node": (0.3, np.inf)})
    plate = chapter.report_figure(3, report, timed())
    assert "2 of 4 runs leave panel (b) at the top" in plate.caption
    assert r"0.400 [0.400, $\infty$]" not in plate.caption  # the median is between 0.4 and 50
    assert r", $\infty$]" in plate.caption


def test_an_operator_without_a_finite_loss_is_drawn_too():
    report = [trained(seed, ends={"layer": (np.nan, np.nan)}) for seed in (0, 1)]
    plate = chapter.report_figure(2, report, timed())
    assert r"ends at $\infty$" in plate.caption
    assert "2 of 2 runs leave" in plate.caption


def test_the_report_is_marked_on_its_own_data_alone():
    def labels(dataset):
        plate = chapter.report_figure(1, [trained(dataset=dataset)], timed())
        return plate.figure.axes[1].get_legend_handles_labels()[1]

    assert "read off the report" in labels("mnist")
    assert "read off the report" not in labels("digits")


def test_comparable_counts_every_meaning_by_itself():
    report = [
        trained(0, average=0.2, own=0.25, ends={"node": (0.26, 1.0)}),
        trained(1, average=0.2, own=0.25, ends={"node": (0.15, 1.0)}, accuracies={"node": 0.5}),
    ]
    assert rows(chapter.comparable(report))[1] == [
        "node", "1 of 2 [0.09, 0.91]", "1 of 2 [0.09, 0.91]", "2 of 2 [0.34, 1.00]",
        "1 of 2 [0.09, 0.91]",
    ]  # fmt: skip


def test_the_reports_values_are_placed_among_the_seeds():
    wide = [
        trained(0, ends={"node": (0.2, 0.5), "layer": (0.1, 0.3)},
                accuracies={"node": 0.7, "layer": 0.8}),
        trained(1, ends={"node": (0.3, 2.0), "layer": (0.2, 0.5)},
                accuracies={"node": 0.99, "layer": 0.99}),
    ]  # fmt: skip
    told = chapter.beside_the_report(wide)
    assert "In 8 of 8 rows" in told
    assert "4 times the best seed's" in told
    assert rows(told)[1][1:] == ["loss", "0.266", "0.250 [0.200, 0.300]", "1 of 2"]
    low = [trained(seed, ends={"node": (0.2, 0.5), "layer": (0.1, 0.3)}) for seed in (0, 1)]
    told = chapter.beside_the_report(low)
    assert "In 1 of 8 rows" in told  # figure 4's accuracy is 0.9, and so are ours
    assert "by at most 0.500" in told  # figure 3's loss is 1.0


def test_digits_are_not_compared_with_the_report():
    assert "no digits" in chapter.beside_the_report([trained(dataset="digits")])


def test_the_long_run_tells_every_end():
    report = [trained(seed, own=0.2 + seed, ends={"network": (1, np.nan)}) for seed in (0, 1)]
    plate = chapter.long_run(report)
    assert r"network $\infty$ [$\infty$, $\infty$]; Adadelta 0.700 [0.200, 1.200]" in plate.caption
    assert "averaged weights 0.200" in plate.caption
    assert "stay flat at 0.40" in plate.alt
    labels = plate.figure.axes[0].get_legend_handles_labels()[1]
    assert labels[-1] == "mean of the last recorded epoch"
    assert len(labels) == 6


def test_every_arm_counts_what_lies_too_far():
    paper = papers(ends={"layer-64": (1.0, np.nan), "network-64": (1.0, 1e4)})
    plate = chapter.every_arm([trained(0), trained(1)], paper)
    assert "(2 overflowed in double precision at $T = 2$)" in plate.caption
    first, last = plate.figure.axes
    assert not [text for text in first.texts if text.get_text()]
    assert [text.get_text() for text in last.texts] == ["2 ▸", "2 ▸"]
    names = [label.get_text() for label in first.get_yticklabels()]
    assert names[int(last.texts[0].get_position()[1])] == "layer, double, factors"
    assert len(names) == 17


def test_fits_have_no_radius_where_a_record_has_none():
    told = chapter.fits([trained(0), trained(1)], papers())
    radii = column(told, r"Spectral radius $\rho$")
    assert radii["node, single"] == "1.0123"
    assert radii["network, single"] == "–"
    assert column(told, "Relative cutoff")["node, single"] == "0.001 to 0.02"
    assert column(told, "Rank: least, median, most")["node, double, matrix"] == "1, 8, 44"
    assert "Adadelta" not in radii


def test_losses_stand_in_a_table_and_wins_are_counted():
    report = [
        trained(0, average=0.2, own=0.25, ends={"node": (0.1, 0.4), "bounded": (0.1, 0.1)}),
        trained(1, average=0.2, own=0.15, ends={"node": (0.3, np.inf), "bounded": (0.1, 0.3)}),
    ]
    told = chapter.losses(report, papers())
    assert column(told, "Loss, $T = 2$")["node, single"] == r"$\infty$ [0.400, $\infty$]"
    assert column(told, "Loss, $T = 1$")["Adadelta"] == "0.200 [0.150, 0.250]"
    assert "node 1, 0; layer 0, 0; network 0, 0; bounded 2, 1." in told
    assert "last epoch on 1, 1 seeds" in told


def test_routes_that_part_are_named():
    several = [
        routed(0, quasi_node_steps=3e-2, node_steps=2e21, node_power=np.nan),
        routed(1, node_nearby=0.25),
    ]
    plate = chapter.parting(several)
    assert "the matrices of node operators end" in plate.caption
    assert "that far with no operators" in plate.caption
    assert "2e+21 (nodes)" in plate.alt
    assert "over 1e30 (nodes)" in plate.alt
    highest = max(np.max(line.get_ydata()) for line in plate.figure.axes[1].lines)
    assert highest == 1e9
    told = chapter.routes_told(several)
    assert "at most 0.5 steps (quasi-nodes) and 0.5 steps (nodes)" in told
    assert "its power 0.5 (quasi-nodes) and beyond $10^{30}$ (nodes)" in told


def test_factors_that_part_are_named_too():
    plate = chapter.parting([routed(0, quasi_node_nearby=4.0)])
    assert "that far with quasi-node operators" in plate.caption
    assert "the matrices of no operators end" in plate.caption


def test_forms_tell_accuracy_and_condition():
    paper = papers(accuracies={"node-64": 0.09})
    told = chapter.forms(paper)
    by_form = {(row[0], row[1]): row[2:] for row in rows(told)[1:]}
    assert by_form["node", "matrix"] == ["0 of 2 [0.00, 0.66]; 0.100 [0.100, 0.100]", "–"]
    assert by_form["node", "factors"] == ["2 of 2 [0.34, 1.00]; 1.000 [1.000, 1.000]", "2e5"]


def test_whole_costs_are_over_training_of_the_same_length():
    plate = chapter.whole_costs(timed())
    ratios = [text.get_text() for text in plate.figure.axes[0].texts]
    # Node operators step by step: 0.1 + 3 + 4 steps of 1 ms; as a jump: 0.1 + 0.2 + 0.01.
    assert ratios[0] == "3.1×"
    assert ratios[2] == "0.31×"
    assert plate.figure.axes[1].texts[2].get_text() == "0.16×"
    assert "than 2: node jump, layer jump, network jump, bounded jump, mean." in plate.alt
    assert "Seed 100" in plate.caption
    dear = chapter.whole_costs(timed(jump=5.0))
    assert "Cheaper than 1 epoch of training: mean; than 2: mean." in dear.alt


def test_costs_are_told_part_by_part():
    told = chapter.costs_in_parts(timed())
    head, *body = rows(told)
    assert head == ["$T = 1$", "Record", "Fit", "Predict", "Check", "Total"]
    assert body[0] == ["node, steps", "100 ms", "3.0 s", "4 ms", "0 ms", "3.1 s"]
    assert body[-1] == ["Adadelta, compiled", "–", "–", "–", "–", "1.0 s"]
    assert "from Python, takes 2 ms, in a compiled epoch 250 ms" in told


def test_what_a_jump_reaches_is_over_the_average():
    report = [trained(seed, average=0.2, ends={"bounded": (0.2, 0.5)}) for seed in (0, 1)]
    told = chapter.what_a_jump_reaches(report, timed(jump=0.15))
    assert "is 2.500 [2.500, 2.500] times that of the averaged weights, at 4.00 times" in told


def test_optimizers_are_shown_on_the_seeds_that_all_have():
    report = [trained(seed, own=0.1 * (seed + 1)) for seed in (0, 1, 2)]
    rest = others((0, 1), own=0.2, ends={"node": (1.0, np.inf)})
    plate = chapter.optimizers(report, rest)
    assert [axis.get_title(loc="left") for axis in plate.figure.axes] == [
        "Adadelta", "Adam", "Adagrad", "SGD", "momentum",
    ]  # fmt: skip
    assert "2 seeds each" in plate.caption
    assert "Adadelta 0.400, 0.400, 0.150; Adam" in plate.caption
    assert "with 4 of 5 optimizers" in plate.alt
    assert "Adam 0.001" in plate.caption


def test_learning_names_whom_the_average_beats():
    report = [trained(0, own=0.4, average=0.2, ends={"bounded": (0.2, 0.8)})]
    told = chapter.learning(report, others(own=0.1, average=0.2))
    assert rows(told)[1] == ["Adadelta", "1.000", "0.500", "2.000"]
    assert "with 1 of 5 optimizers: Adadelta." in told
    told = chapter.learning([trained(0, own=0.1)], others(own=0.1))
    assert re.search(r"with 0 of 5 optimizers\. An average", told)


def test_verdicts_follow_the_records():
    report, paper, rest = [trained(0), trained(1)], papers(), others()
    lines = chapter.verdict_lines(report, paper, rest).splitlines()
    assert "node-comparable: holds" in lines
    assert "Adam, node-worse: holds" in lines
    assert "node-accurate: holds" in lines
    worse = [trained(seed, accuracies={"node": 0.1}) for seed in (0, 1)]
    broken = chapter.verdict_lines(worse, paper, rest).splitlines()
    assert "node-comparable: fails" in broken
    assert len(broken) == len(lines)
    table = chapter.verdicts(worse, paper, timed())
    assert "**fails**, 0 of 2 [0.00, 0.66] agree" in table
    assert "a compiled gradient step is faster" in table
    ledger = chapter.optimizer_verdicts(others((0, 1)))
    assert "2 seeds each" in ledger
    assert "| Adam | Adagrad | SGD | momentum |" in ledger


def test_the_summary_counts_seeds():
    report = [trained(0, average=0.2), trained(1, average=0.35)]
    told = chapter.summary(report)
    assert told.startswith("The report's figures reproduce")
    assert "above the averaged weights: on 1 of 2 [0.09, 0.91] seeds" in told
    digits = chapter.summary([trained(0, dataset="digits")])
    assert digits.startswith("Over the first epoch")
