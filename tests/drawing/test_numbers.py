import numpy as np
import pytest

from koopnb.drawing.numbers import rounded, spread


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0.000"),
        (0.12345, "0.123"),
        (9.876, "9.876"),
        (12.345, "12.3"),
        (999.4, "999"),
        (1000, "$10^{3}$"),
        (4e20, "$10^{21}$"),
        (np.inf, r"$\infty$"),
        (np.nan, r"$\infty$"),
    ],
)
def test_a_number_has_three_digits_or_its_power_of_ten(value, text):
    assert rounded(value) == text


def test_a_spread_is_median_and_range():
    assert spread(np.array([0.3, 0.1, np.inf])) == r"0.300 [0.100, $\infty$]"
    assert spread([0.3, 0.1]) == "0.200 [0.100, 0.300]"


def test_one_seed_has_no_range():
    assert spread([2.5]) == "2.500"
