"""Textbook forms, against records whose operator is known."""

import numpy as np
import pytest

from koopnb.dynamics.systems import linear_record
from koopnb.operators import textbook
from koopnb.operators.spectrum import distance

EIGS = [0.9, 0.5, 0.8 * np.exp(0.4j)]
WHOLE = [*EIGS, np.conj(EIGS[2])]


def test_the_formula_is_the_pseudo_inverse_of_independent_columns_only(rng):
    F = rng.standard_normal((6, 4))
    np.testing.assert_allclose(textbook.as_printed(F), np.linalg.pinv(F))
    gap = np.abs(textbook.as_printed(F.T.copy()) - np.linalg.pinv(F.T)).max()
    assert gap > 0.1


def test_edmd_finds_the_matrix_and_reads_the_state(rng):
    states = rng.standard_normal((20, 2))
    K = np.array([[0.5, 0.2], [0.0, 0.3]])
    found, read = textbook.edmd(2 * states, 2 * states @ K.T, states)
    np.testing.assert_allclose(found, K.T, atol=1e-12)
    np.testing.assert_allclose(read, np.eye(2) / 2, atol=1e-12)


@pytest.mark.parametrize("name", ["companion_eigs", "snapshot_eigs", "svd_eigs"])
def test_three_algorithms_find_the_spectrum(name):
    rows = linear_record(EIGS, 12, 5, 0.0, 0)
    assert distance(getattr(textbook, name)(rows), WHOLE) < 1e-6


@pytest.mark.parametrize("name", ["least_squares", "forward_backward", "total_least_squares"])
def test_every_fit_is_exact_without_noise(name, rng):
    F, half = rng.standard_normal((3, 9)), rng.standard_normal((3, 3))
    K = half @ half.T / 9 + np.eye(3) / 4  # the principal root asks for positive real parts
    found = getattr(textbook, name)(F, K @ F)
    np.testing.assert_allclose(found, K, atol=1e-8)


def test_repairs_remove_the_bias_of_least_squares():
    F, G = textbook.reduced(linear_record([0.99, 0.95], 10, 400, 0.05, 3), 2)
    errors = [
        distance(np.linalg.eigvals(method(F, G)), [0.99, 0.95])
        for method in (
            textbook.least_squares,
            textbook.forward_backward,
            textbook.total_least_squares,
        )
    ]
    assert max(errors[1:]) < errors[0] / 3


def test_reduced_snapshots_are_the_same_in_fewer_coordinates():
    rows = linear_record(EIGS, 12, 9, 0.0, 0)
    F, G = textbook.reduced(rows, 4)
    np.testing.assert_allclose(F.T @ F, rows[:-1] @ rows[:-1].T, atol=1e-12)
    np.testing.assert_allclose(F.T @ G, rows[:-1] @ rows[1:].T, atol=1e-12)
