"""Chapter 05's figures, tables and sentences, on small or made-up data."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from koopnb.chapters import finite_section
from koopnb.experiments.sections import arithmetic, records
from koopnb.experiments.sections.arithmetic import Fitted, Powers
from koopnb.operators.koopman import fit
from koopnb.operators.snapshots import delays

PAIRS, COUNTS = arithmetic.PAIRS, records.COUNTS


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def cells(text):
    """The rows of a Markdown table in a text."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]


def draws(beyond):
    """Errors of the formula: rounding up to as many pairs as weights, then ``beyond``."""
    wide = (PAIRS > arithmetic.WIDTH)[:, None] & np.ones(3, bool)
    return {dtype: np.where(wide, beyond, 1e-12) for dtype in ("float64", "float32")}


@pytest.mark.parametrize("beyond", [0.4, 30_000.0])
def test_the_formula_is_drawn_with_every_block(beyond):
    plate = finite_section.formula(draws(beyond))
    (axis,) = plate.figure.axes
    middle = axis.lines[3].get_ydata()
    assert middle.max() == min(beyond, 1e4)
    assert "3 random blocks at each size" in plate.caption


def test_the_reports_blocks_that_have_no_formula_are_named():
    found = draws(0.4)
    found["float64"][-1] = [np.inf, 0.7, 28_862.0]
    text = finite_section.where_it_exists(found)
    assert "relative error is 0.4 to 28,862" in text, "infinite ones are not shown"
    exists = {row[0] for row in cells(text) if row[-1] == "can exist"}
    assert exists == {"the first layer", "the network"}


def sweep():
    fits = [Fitted(0.5, 9, 1.1), Fitted(0.2, 5, 0.9)]
    fits += [Fitted(0.3, 1, 0.8)] * (len(arithmetic.CUTOFFS) - 2)
    lost = [Fitted(np.nan, 9, 2.5), *fits[1:]]
    return {
        "smooth": {"float64": fits, "float32": fits},
        "noisy": {"float64": fits, "float32": lost},
    }


def test_cutoffs_are_drawn_and_their_best_is_set_beside_the_least():
    plate = finite_section.cutoff(sweep())
    noisy = plate.figure.axes[1]
    assert [text.get_text() for text in plate.figure.axes[0].get_legend().get_texts()] == [
        "float64",
        "float32",
    ]
    assert noisy.lines[0].get_ydata()[1] == 0.2
    rows = cells(finite_section.cutoffs(sweep()))
    assert rows[2] == ["smooth", "float64", "1e-14", "5", "0.2", "9", "0.5", "1.1000"]
    assert rows[5] == ["noisy", "float32", "1e-14", "5", "0.2", "9", "nan", "2.5000"]


def test_algorithms_are_a_column_each():
    found = {"condition": 2e3, "companion": 2e-13, "snapshots": 4e-11, "SVD": 8e-14}
    head, _, row = cells(finite_section.algorithms({"close": found}))
    assert head == ["Eigenvalues", "Condition of $F$", "Companion", "Snapshots", "SVD"]
    assert row == ["close", "2e+03", "2e-13", "4e-11", "8e-14"]


def test_vectors_and_powers_are_told_with_their_numbers():
    assert "3e-10 at a cutoff of 1e-04, 6e-04 at a cutoff of 1e-12." in finite_section.formed(
        {1e-4: 3e-10, 1e-12: 6e-4}
    )
    text = finite_section.powers(Powers(4e5, 0.37, {1: (1e-9, 1e-9), 900: (1e-2, np.inf)}))
    assert r"$\lVert \hat K \rVert$ is 4e+05" in text
    assert cells(text)[-1] == ["900", "1e-02", "inf"]


def few(fresh):
    """One-step errors of two records: perfect fits up to as many pairs as weights."""
    own = np.where(COUNTS <= records.FEW, 1e-15, 0.2)
    later = np.where(COUNTS == records.FEW, 6.5, fresh)
    return np.array([[own, later], [own, later]])


def test_too_few_snapshots_are_shown_with_their_forecasts():
    plate = finite_section.too_few(few(0.8))
    (axis,) = plate.figure.axes
    assert "Forty noisy weights, 2 records." in plate.caption
    medians = [line for line in axis.lines if line.get_linestyle() == "-"]
    assert medians[0].get_ydata()[0] == 1e-4, "zero is drawn at the axis"
    assert medians[1].get_ydata().max() == 6.5
    text = finite_section.too_few_numbers(few(0.8))
    assert "With 5 to 36 pairs the fit's own error is at most 1e-15" in text
    assert "0.80 at 5 pairs, 6.5 at 40 and 0.80 at 200" in text


def clouds(shift):
    """Two records a method, whose pair is off by ``shift`` in modulus."""
    true = records.ROTATING[None] * np.ones((2, 1))
    moved = true * (1 + shift / 0.98)
    return {noise: dict.fromkeys(records.METHODS, moved) for noise in records.NOISES}


@pytest.mark.parametrize(("shift", "beyond"), [(-0.01, "0%"), (0.05, "100%")])
def test_biases_are_those_of_the_clouds(shift, beyond):
    plate = finite_section.noise(clouds(shift))
    upper = plate.figure.axes[:3]
    assert [axis.get_title("left") for axis in upper] == [*records.METHODS]
    assert upper[0].texts[0].get_text() == f"bias of |λ|:\n{shift:+.4f} ± 0.0000"
    assert [axis.get_ylabel() for axis in plate.figure.axes[::3]] == [*records.NOISES]
    assert plate.caption.startswith("Eigenvalues of 2 records")
    text = finite_section.biases(clouds(shift))
    assert cells(text)[-1][1] == f"{shift:+.4f} ± 0.0000"
    assert f"exceeds 1 at {beyond} of the seeds with least squares" in text


def test_delays_follow_the_wave_and_one_moment_does_not():
    wave = records.standing_wave()
    plate = finite_section.delays(wave, fit(wave), fit(delays(wave, 2)))
    truth, single, double = (line.get_ydata() for line in plate.figure.axes[1].lines)
    np.testing.assert_allclose(double, truth, atol=1e-8)
    assert np.abs(single - truth).max() > 0.5
    assert r"$e^{\pm 0.300000\,i}$" in plate.caption


def test_every_kind_of_eigenvalue_draws_its_powers():
    axes = finite_section.spectrum_draws().figure.axes
    growth, decay, flat, *_, alternating = (axis.lines[0].get_ydata() for axis in axes[1:])
    assert growth[-1] > 1 > decay[-1] > 0
    assert np.ptp(flat) == 0
    assert np.all(alternating[:-1] * alternating[1:] < 0)
    assert axes[6].get_title("left") == "6  alternation"


def test_a_bent_path_is_told_with_its_numbers():
    found = records.Bent(2e-9, 4, np.array([1.0, 0.5 + 0.5j]))
    text = finite_section.bent(found)
    assert "changes direction 4 times; five exponentials (moduli 1.0000, 0.7071)" in text
    assert text.endswith("at most 2e-09.")


@pytest.fixture(scope="module")
def judged():
    return records.judged(0, count=8)


def test_the_true_eigenvalue_and_the_plausible_one_are_marked(judged):
    plate = finite_section.believe(judged)
    axis = plate.figure.axes[0]
    marked = [text.get_text() for text in axis.texts if "residual" in text.get_text()]
    genuine = np.argmin(np.abs(judged.eigs - records.REAL))
    assert marked[0] == f"real: residual {judged.residuals[genuine]:.3f}"
    largest = np.abs(judged.eigs[judged.wrong]).max()
    assert marked[1].startswith(f"|λ| = {largest:.3f}")
    assert f"about {len(judged.eigs)} eigenvalues" in plate.alt


def test_rules_are_counted_over_seeds(judged):
    """The second record is turned so that its smallest residual names a wrong eigenvalue."""
    turned = judged._replace(residuals=judged.residuals[::-1])
    fooled = turned if turned.by_residual > 0.1 else judged._replace(residuals=-judged.residuals)
    text = finite_section.over_seeds([judged, fooled], few=records.judged(0, count=2))
    assert "names the true pair at 1 of 2 seeds" in text
    assert f"Between {judged.slower} and {judged.slower} wrong eigenvalues" in text
    assert f"{float(judged.operator.consistency[0]):.4f} with 30" in text
