"""Outcomes against what is known of quadratics, and against the formulas they are to test."""

import numpy as np
import pytest

from koopnb.dynamics import flows, outcomes

CURVE = flows.double_well()


def test_destinations_are_named_by_the_minimum():
    starts = np.array([[-1.7], [-0.5], [0.7], [0.8], [1.9]])
    path = flows.descend(CURVE, starts, step=0.02, steps=3000)
    assert outcomes.destination(CURVE, path).tolist() == [-1, 1, 1, 0, 0]


def test_a_path_that_diverged_ended_nowhere():
    path = flows.descend(CURVE, (1.9,), step=10.0, steps=50)
    assert path.diverged_at > 0
    assert outcomes.destination(CURVE, path) == -1


def test_destination_refuses_a_radius_that_cannot_tell():
    path = flows.descend(CURVE, (1.4,), step=0.01, steps=5)
    outcomes.destination(CURVE, path, within=0.7)
    for within in (0.0, 0.75):
        with pytest.raises(ValueError, match="positive and below 0.75"):
            outcomes.destination(CURVE, path, within=within)


def test_curvature_is_the_hessians():
    np.testing.assert_allclose(outcomes.curvature(flows.quadratic((25.0, 1.0)), (0.3, 1)), [1, 25])
    expected = np.polynomial.Polynomial(CURVE.coefficients).deriv(2)(1.5)
    np.testing.assert_allclose(outcomes.curvature(CURVE, (1.5,)), [expected], rtol=1e-12)


@pytest.mark.parametrize("momentum", [0.0, 0.5])
@pytest.mark.parametrize("curvatures", [(1.0,), (0.5, 40.0)])
def test_stability_limit_of_a_quadratic(curvatures, momentum):
    potential = flows.quadratic(curvatures)
    found = outcomes.stability_limit(potential, (0.0,) * len(curvatures), momentum=momentum)
    assert found == pytest.approx(2 * (1 + momentum) / max(curvatures), rel=5e-3)


def test_threshold_needs_a_bracket():
    assert outcomes.threshold(lambda x: x < 3, 1.0, 5.0) == pytest.approx(3, rel=1e-4)
    for low, high in ((4.0, 5.0), (1.0, 2.0)):
        with pytest.raises(ValueError, match="must hold at low and not at high"):
            outcomes.threshold(lambda x: x < 3, low, high)


@pytest.mark.parametrize(("step", "momentum"), [(0.02, 0.0), (0.05, 0.3), (0.03, 0.9)])
def test_contraction_is_the_spectral_radius(step, momentum):
    potential = flows.quadratic((1.0, 25.0))
    path = flows.descend(potential, (1.0, 1.0), step=step, steps=2000, momentum=momentum)
    matrices = [[[1 - step * h, momentum], [-step * h, momentum]] for h in (1.0, 25.0)]
    radius = max(np.abs(np.linalg.eigvals(m)).max() for m in matrices)
    assert outcomes.contraction(path, (0.0, 0.0)) == pytest.approx(radius, abs=2e-3)
    both = flows.descend(potential, np.ones((2, 2)), step=step, steps=2000, momentum=momentum)
    np.testing.assert_allclose(outcomes.contraction(both, (0.0, 0.0)), radius, atol=2e-3)


def test_what_the_flow_of_a_quadratic_loses_is_known():
    """f(t) = exp(-2 h t) f(0)."""
    path = flows.gradient_flow(flows.quadratic((2.0,)), (1.0,), np.linspace(0, 2, 201))
    np.testing.assert_allclose(outcomes.work(path), 1 - np.exp(-4 * path.time), atol=1e-6)
    assert outcomes.imbalance(path) < 1e-6
    assert outcomes.rises(path) == 0


def test_a_loss_that_rises_is_counted_and_does_not_balance():
    path = flows.descend(flows.quadratic((1.0,)), np.array([[1.0], [0.5]]), step=2.5, steps=4)
    assert outcomes.rises(path) == 8
    assert outcomes.imbalance(path) > 1


def test_settled_counts_from_the_last_time_away():
    path = flows.descend(flows.quadratic((1.0,)), (1.0,), step=1.9, steps=60)
    at = outcomes.settled(path, (0.0,), within=0.1)
    assert abs(path.x[at - 1, 0]) >= 0.1 > abs(path.x[at, 0])
    assert outcomes.settled(path, (0.0,), within=2.0) == 0
    with pytest.raises(ValueError, match="within=1e-06.*longer"):
        outcomes.settled(path, (0.0,), within=1e-6)
