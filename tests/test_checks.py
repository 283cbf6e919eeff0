"""What a user can mend is said with what was got and what is allowed."""

import numpy as np
import pytest

from koopnb.checks import Refusal, integer


@pytest.mark.parametrize("value", [2, np.int64(2), np.uint8(2), np.array(2)])
def test_integers_of_every_type_are_taken(value):
    found = integer("rank", value, 1, "a bound", most=2)
    assert found == 2
    assert type(found) is int


@pytest.mark.parametrize("value", [2.0, "2", True, np.True_, None, np.array([2]), np.float64(2)])
def test_what_is_no_integer_is_refused(value):
    with pytest.raises(Refusal, match=r"^rank=.*: must be an integer >= 1 \(a bound\)\.$"):
        integer("rank", value, 1, "a bound")


@pytest.mark.parametrize("value", [0, -1, 6, 10**30])
def test_bounds_are_named(value):
    with pytest.raises(Refusal, match=f"^rank={value}: must be an integer from 1 to 5"):
        integer("rank", value, 1, "a bound", most=5)
    assert integer("rank", 10**30, 1, "a bound") == 10**30


def test_a_refusal_is_a_value_error():
    assert issubclass(Refusal, ValueError)
