"""Paths against closed forms, explicit loops, another solver, and what physics conserves."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.integrate
import scipy.optimize
import scipy.special
from hypothesis import given
from hypothesis import strategies as st

from koopnb.dynamics import flows, motion
from koopnb.dynamics.flows import POTENTIALS, Potential

TIMES = np.linspace(0.0, 4.0, 21)
CURVE = flows.double_well()
POLYNOMIAL = np.polynomial.Polynomial(CURVE.coefficients)
SLOPE, BEND = POLYNOMIAL.deriv(), POLYNOMIAL.deriv(2)


def solved(field, state, times=TIMES):
    """scipy's solver, another method than the package's."""
    answer = scipy.integrate.solve_ivp(
        field, times[[0, -1]], state, t_eval=times, method="LSODA", rtol=1e-11, atol=1e-13
    )
    assert answer.success
    return answer.y.T


def gradient64(potential):
    compiled = jax.jit(potential.gradient)

    def of(x):
        with jax.enable_x64(True):
            return np.asarray(compiled(np.asarray(x, np.float64)))

    return of


def loop(gradient, start, step, steps, momentum=0.0):
    """The recursion as the report writes it, in NumPy."""
    x, v = np.asarray(start, float), np.zeros(len(start))
    xs, vs = [x], [v]
    for _ in range(steps):
        v = momentum * v - step * gradient(x)
        x = x + v
        xs.append(x)
        vs.append(v)
    return np.array(xs), np.array(vs)


@pytest.fixture(params=POTENTIALS, ids=str)
def potential(request):
    return POTENTIALS[request.param]()


# Potentials


def test_gradients_and_hessians_are_finite_differences(potential, rng):
    low, high = np.array(potential.view).T
    for x in rng.uniform(low, high, (5, potential.dimension)):
        with jax.enable_x64(True):

            def value(at):
                return float(potential(at))

            expected = scipy.optimize.approx_fprime(x, value, 1e-7)
            scale = 1 + np.abs(expected).max()
            np.testing.assert_allclose(potential.gradient(x) / scale, expected / scale, atol=1e-4)
            bend = np.atleast_2d(scipy.optimize.approx_fprime(x, potential.gradient, 1e-7))
            scale = 1 + np.abs(bend).max()
            np.testing.assert_allclose(potential.hessian(x) / scale, bend / scale, atol=1e-4)


def test_minima_are_minima_deepest_first(potential):
    with jax.enable_x64(True):
        points = [np.array(point) for point in potential.minima]
        for point in points:
            np.testing.assert_allclose(potential.gradient(point), 0, atol=1e-12)
            assert np.linalg.eigvalsh(potential.hessian(point)).min() > 0
        assert list(map(potential, points)) == sorted(map(potential, points))
        found = scipy.optimize.minimize(potential, points[0] + 0.01, tol=1e-12)
    np.testing.assert_allclose(found.x, points[0], atol=1e-3)


def test_double_well_has_its_inflection_and_is_the_polynomial():
    expected = np.sort([-1.0, -1.0, 0.0, 0.75, 1.5])
    np.testing.assert_allclose(np.sort(SLOPE.roots().real), expected, atol=1e-6)
    with jax.enable_x64(True):
        at = np.linspace(*CURVE.view[0], 50)
        np.testing.assert_allclose(jax.vmap(CURVE)(at[:, None]), POLYNOMIAL(at), rtol=1e-13)
        assert abs(CURVE.gradient(np.array([-1.0]))[0]) < 1e-14
        assert abs(CURVE.hessian(np.array([-1.0]))[0, 0]) < 1e-13


@pytest.mark.parametrize("top", [0.1, 0.5, 0.79])
def test_the_barrier_stands_where_it_is_told(top):
    curve = np.polynomial.Polynomial(flows.double_well(top).coefficients)
    expected = np.sort([-1.0, -1.0, 0.0, top, 1.5])
    np.testing.assert_allclose(np.sort(curve.deriv().roots().real), expected, atol=1e-6)
    assert curve(1.5) < curve(0.0) < curve(top) < curve(-1.0)


def test_network_loss_is_that_of_the_network():
    x = np.array([-2.0, -1.0, -0.5, 0.5, 1.0, 2.0])
    loss = 0.5 * np.mean((0.3 * np.tanh(-0.7 * x) - np.tanh(1.5 * x)) ** 2)
    with jax.enable_x64(True):
        assert float(flows.two_weight_network()(np.array([-0.7, 0.3]))) == pytest.approx(loss)


def test_potentials_compare_by_what_they_are():
    assert flows.quadratic((1.0, 2.0)) == flows.quadratic((1.0, 2.0))
    assert flows.quadratic((1.0, 2.0)) != flows.quadratic((1.0, 3.0))
    assert hash(flows.rosenbrock()) == hash(flows.rosenbrock())


def test_bad_potentials_are_refused():
    flows.quadratic((2.0,))
    for curvatures in ((), (1.0, 0.0), (np.inf,)):
        with pytest.raises(ValueError, match="positive and finite, as a tuple"):
            flows.quadratic(curvatures)
    for top in (0.0, 0.8):
        with pytest.raises(ValueError, match="must stand between 0 and 0.8"):
            flows.double_well(top)
    with pytest.raises(ValueError, match="start has 1 entries and the potential 2"):
        Potential("bowl", 2, jnp.sum, ((0.0, 0.0),), (1.0,), ((-1.0, 1.0),) * 2)


# Descent


@pytest.mark.parametrize("momentum", [0.0, 0.8])
def test_descent_is_the_recursion(potential, momentum):
    path = flows.descend(potential, potential.start, step=1e-3, steps=60, momentum=momentum)
    xs, vs = loop(gradient64(potential), potential.start, 1e-3, 60, momentum)
    np.testing.assert_allclose(path.x, xs, rtol=1e-12)
    np.testing.assert_allclose(path.velocity, vs, rtol=1e-10, atol=1e-13)
    assert path.time.tolist() == list(range(61))
    assert path.diverged_at == -1
    assert path.x.dtype == path.velocity.dtype == path.loss.dtype == np.float64


def test_descent_on_a_quadratic_is_a_power():
    curvatures = np.array([1.0, 25.0])
    path = flows.descend(flows.quadratic(), (1.0, 1.0), step=0.03, steps=50)
    powers = (1 - 0.03 * curvatures) ** np.arange(51)[:, None]
    np.testing.assert_allclose(path.x, powers, rtol=1e-11)
    np.testing.assert_allclose(path.loss, 0.5 * (curvatures * powers**2).sum(-1), rtol=1e-11)


def test_momentum_on_a_quadratic_is_a_power_of_its_matrix():
    beta, alpha, h = 0.7, 0.2, 3.0
    matrix = np.array([[1 - alpha * h, beta], [-alpha * h, beta]])  # of (x, v)
    path = flows.descend(flows.quadratic((h,)), (1.0,), step=alpha, steps=40, momentum=beta)
    state = [np.linalg.matrix_power(matrix, k) @ [1.0, 0.0] for k in range(41)]
    np.testing.assert_allclose(np.hstack([path.x, path.velocity]), state, atol=1e-13)


def test_nesterov_looks_ahead():
    beta, alpha = 0.9, 0.01
    gradient = gradient64(CURVE)
    y, v = np.array([-1.6]), np.zeros(1)
    xs = [y]
    for _ in range(30):  # Nesterov's y = x + βv is where optax stands
        before = y - beta * v
        v = beta * v - alpha * gradient(y)
        y = before + v + beta * v
        xs.append(y)
    path = flows.descend(CURVE, (-1.6,), step=alpha, steps=30, momentum=beta, nesterov=True)
    np.testing.assert_allclose(path.x, xs, rtol=1e-12)
    np.testing.assert_allclose(path.velocity[1:], np.diff(path.x, axis=0), atol=1e-14)


@given(st.floats(-1.7, 1.9), st.floats(1e-3, 0.025))
def test_steps_below_the_inverse_curvature_never_raise_the_loss(start, step):
    assert np.abs(BEND(np.linspace(-1.75, 1.95, 400))).max() < 1 / 0.025
    path = flows.descend(CURVE, (start,), step=step, steps=30)
    assert (np.diff(path.loss) <= 1e-15).all()


def test_divergence_is_returned_with_its_step():
    path = flows.descend(flows.quadratic((1.0,)), (1.0,), step=1e10, steps=60)
    left = int(path.diverged_at)
    assert 0 < left <= 60
    assert np.isfinite(path.loss[:left]).all()
    assert not np.isfinite(path.loss[left])
    factor = 1e10 - 1  # loss = factor^(2k) / 2 overflows first
    assert left == next(k for k in range(60) if 2 * k * np.log(factor) - np.log(2) > 709.79)


def test_many_starts_are_each_of_them():
    starts = np.array([[-1.6], [0.3], [1.9]])
    calls = (
        lambda x: flows.descend(CURVE, x, step=0.02, steps=20, momentum=0.5),
        lambda x: flows.gradient_flow(CURVE, x, TIMES),
        lambda x: flows.bead(CURVE, x, TIMES, drag=0.1),
    )
    for call in calls:
        together = call(starts)
        assert together.x.shape == (3, len(together.time), 1)
        assert together.diverged_at.tolist() == [-1, -1, -1]
        for i, start in enumerate(starts):
            alone = call(start)
            np.testing.assert_allclose(together.x[i], alone.x, atol=1e-8)
            np.testing.assert_allclose(together.velocity[i], alone.velocity, atol=1e-7)


def test_the_sessions_precision_stays():
    before = jax.config.jax_enable_x64
    flows.gradient_flow(CURVE, (0.1,), TIMES)
    assert jax.config.jax_enable_x64 == before
    assert jnp.zeros(1).dtype == jnp.float32


# Flows


def test_gradient_flow_on_a_quadratic_decays():
    path = flows.gradient_flow(flows.quadratic(), (1.0, -2.0), TIMES)
    expected = np.exp(-np.outer(TIMES, [1.0, 25.0])) * [1.0, -2.0]
    np.testing.assert_allclose(path.x, expected, atol=1e-10)
    np.testing.assert_allclose(path.velocity, -expected * [1.0, 25.0], atol=3e-9)


def test_gradient_flow_is_scipys(potential):
    gradient = gradient64(potential)
    expected = solved(lambda t, x: -gradient(x), potential.start)
    path = flows.gradient_flow(potential, potential.start, TIMES)
    np.testing.assert_allclose(path.x, expected, atol=1e-8)
    assert (np.diff(path.loss) < 0).all()


def test_descent_tends_to_the_flow_at_order_one():
    flow = flows.gradient_flow(CURVE, (0.6,), np.array([0.0, 1.0]))
    counts = np.array([16, 32, 64, 128])
    errors = [
        abs(flows.descend(CURVE, (0.6,), step=1 / n, steps=n).x[-1, 0] - flow.x[-1, 0])
        for n in counts
    ]
    order = -np.polyfit(np.log(counts), np.log(errors), 1)[0]
    assert order == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("drag", [0.0, 0.5, 2.0, 5.0])
def test_heavy_ball_on_a_quadratic_is_the_oscillator(drag):
    path = flows.heavy_ball(flows.quadratic((1.0,)), (1.0,), TIMES, drag=drag)
    root = np.sqrt(complex(drag**2 / 4 - 1))
    if drag == 2:
        expected = (1 + TIMES) * np.exp(-TIMES)
    else:
        expected = np.exp(-drag * TIMES / 2) * (
            np.cosh(root * TIMES) + drag / 2 / root * np.sinh(root * TIMES)
        )
    np.testing.assert_allclose(path.x[:, 0], np.real(expected), atol=1e-9)


def test_heavy_ball_is_scipys(potential):
    gradient, d = gradient64(potential), potential.dimension
    velocity = 0.3 * np.ones(d)

    def field(t, state):
        return np.concatenate([state[d:], -(gradient(state[:d]) + 0.4 * state[d:]) / 2])

    expected = solved(field, np.concatenate([potential.start, velocity]))
    path = flows.heavy_ball(
        potential, potential.start, TIMES, drag=0.4, mass=2.0, velocity=velocity
    )
    np.testing.assert_allclose(np.hstack([path.x, path.velocity]), expected, atol=2e-7)


@pytest.mark.parametrize("drag", [0.0, 0.3])
def test_heavy_ball_loses_energy_to_drag_alone(drag):
    path = flows.heavy_ball(CURVE, (-1.6,), np.linspace(0, 10, 2001), drag=drag)
    energy = 0.5 * path.velocity[:, 0] ** 2 + path.loss
    lost = scipy.integrate.cumulative_simpson(
        drag * path.velocity[:, 0] ** 2, x=path.time, initial=0
    )
    np.testing.assert_allclose(energy + lost, energy[0], atol=1e-8)


def test_nesterov_flow_on_a_quadratic_is_a_bessel_function():
    times = np.linspace(0, 20, 81)
    path = flows.nesterov_flow(flows.quadratic((2.0,)), (1.5,), times)
    phase = np.sqrt(2.0) * times[1:]
    expected = 1.5 * 2 * scipy.special.jv(1, phase) / phase
    np.testing.assert_allclose(path.x[1:, 0], expected, atol=1e-8)
    assert path.x[0, 0] == 1.5


def test_nesterov_flow_is_scipys():
    def field(t, state):
        pull = SLOPE(state[0])
        return [state[1], -pull / 4 if t == 0 else -pull - 3 * state[1] / t]

    path = flows.nesterov_flow(CURVE, (-1.6,), TIMES)
    expected = solved(field, [-1.6, 0.0])
    np.testing.assert_allclose(np.hstack([path.x, path.velocity]), expected, atol=1e-6)


def test_an_equation_that_explodes_is_returned_with_its_time():
    cubic = Potential("cubic", 1, lambda x: -(x[0] ** 3) / 3, ((0.0,),), (1.0,), ((-1.0, 1.0),))
    path = flows.gradient_flow(cubic, (1.0,), np.linspace(0, 2, 21))  # x = 1 / (1 - t)
    assert path.diverged_at in (10, 11)
    np.testing.assert_allclose(path.x[:10, 0], 1 / (1 - path.time[:10]), rtol=1e-8)


# Beads


def test_sticky_bead_is_scipys_and_slower_than_the_flow():
    path = flows.sticky_bead(CURVE, (-1.7,), TIMES, gravity=2.0)
    expected = solved(lambda t, x: -2 * SLOPE(x) / (1 + SLOPE(x) ** 2), [-1.7])
    np.testing.assert_allclose(path.x, expected, atol=1e-9)
    plain = flows.sticky_bead(CURVE, (-1.7,), TIMES)
    assert (plain.x[1:] < flows.gradient_flow(CURVE, (-1.7,), TIMES).x[1:]).all()


def test_sticky_bead_moves_by_the_force_along_the_wire():
    path = flows.sticky_bead(CURVE, (-1.7,), TIMES)
    slope = SLOPE(path.x[:, 0])
    speed = path.velocity[:, 0] * np.sqrt(1 + slope**2)
    np.testing.assert_allclose(speed, -slope / np.sqrt(1 + slope**2), rtol=1e-9, atol=1e-12)


def test_bead_without_drag_keeps_its_energy():
    path = flows.bead(CURVE, (-1.6,), np.linspace(0, 40, 401), gravity=1.5)
    energy = 0.5 * (1 + SLOPE(path.x[:, 0]) ** 2) * path.velocity[:, 0] ** 2 + 1.5 * path.loss
    np.testing.assert_allclose(energy, energy[0], atol=1e-8)
    assert np.ptp(path.x) > 3


def test_bead_is_the_plane_motion_with_a_constraint_force():
    """Another route: Newton in the plane (x, y), with the wire's force as Lagrange multiplier."""
    drag, gravity = 0.3, 1.5

    def field(t, state):
        x, _, u, w = state
        slope, bend = SLOPE(x), BEND(x)
        # y - f(x) = 0 twice differentiated: y'' - f' x'' = f'' x'^2, (x'', y'') = a + λ (-f', 1)
        pull = np.array([-drag * u, -gravity - drag * w])
        push = (bend * u**2 - (pull[1] - slope * pull[0])) / (1 + slope**2)
        return [u, w, *(pull + push * np.array([-slope, 1.0]))]

    expected = solved(field, [-1.6, POLYNOMIAL(-1.6), 0.0, 0.0])
    path = flows.bead(CURVE, (-1.6,), TIMES, drag=drag, gravity=gravity)
    np.testing.assert_allclose(path.x[:, 0], expected[:, 0], atol=1e-8)
    np.testing.assert_allclose(path.loss, expected[:, 1], atol=1e-8)


def test_bead_in_a_shallow_bowl_swings_like_the_heavy_ball():
    bowl = flows.quadratic((1.0,))
    on_wire = flows.bead(bowl, (1e-3,), TIMES, drag=0.2)
    ball = flows.heavy_ball(bowl, (1e-3,), TIMES, drag=0.2)
    np.testing.assert_allclose(on_wire.x, ball.x, atol=1e-8)


# Coefficients


@given(st.floats(0, 5), st.floats(1e-3, 0.2), st.floats(1, 3))
def test_coefficients_and_continuum_are_inverse(drag, step, mass):
    beta, alpha = flows.coefficients(drag, step, mass)
    if beta < 1:
        assert flows.continuum(beta, alpha, mass) == pytest.approx((drag, step), abs=1e-9)


def test_coefficients_are_semi_implicit_euler():
    drag, step, mass = 0.7, 0.1, 2.0
    x, u = -1.6, 0.0
    expected = [x]
    for _ in range(50):
        u += step * (-SLOPE(x) - drag * u) / mass
        x += step * u
        expected.append(x)
    beta, alpha = flows.coefficients(drag, step, mass)
    path = flows.descend(CURVE, (-1.6,), step=alpha, steps=50, momentum=beta)
    np.testing.assert_allclose(path.x[:, 0], expected, rtol=1e-11)


def test_momentum_tends_to_the_heavy_ball_at_order_one():
    ball = flows.heavy_ball(CURVE, (-1.6,), np.array([0.0, 2.0]), drag=1.0)
    counts = np.array([50, 100, 200, 400])
    errors = []
    for n in counts:
        beta, alpha = flows.coefficients(1.0, 2 / n)
        path = flows.descend(CURVE, (-1.6,), step=alpha, steps=n, momentum=beta)
        errors.append(abs(path.x[-1, 0] - ball.x[-1, 0]))
    order = -np.polyfit(np.log(counts), np.log(errors), 1)[0]
    assert order == pytest.approx(1, abs=0.15)


# Bad input


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: flows.descend(CURVE, (0.1,), step=0.0, steps=3), "step=0.0: the learning rate"),
        (lambda: flows.descend(CURVE, (0.1,), step=np.inf, steps=3), "step=inf"),
        (
            lambda: flows.descend(CURVE, (0.1,), step=0.1, steps=0),
            "steps=0: must be an integer >= 1 .iterations",
        ),
        (
            lambda: flows.descend(CURVE, (0.1,), step=0.1, steps=3, momentum=1.0),
            r"momentum=1.0: must be in \[0, 1\)",
        ),
        (
            lambda: flows.descend(CURVE, (0.1,), step=0.1, steps=3, momentum=-0.1),
            r"momentum=-0.1: must be in \[0, 1\)",
        ),
        (lambda: flows.descend(CURVE, (0.1, 0.2), step=0.1, steps=3), r"start has shape \(2,\)"),
        (lambda: flows.gradient_flow(CURVE, (), TIMES), r"start has shape \(0,\)"),
        (lambda: flows.gradient_flow(CURVE, (np.nan,), TIMES), "not finite at start"),
        (
            lambda: flows.gradient_flow(CURVE, np.array([[0.0], [1e200]]), TIMES),
            r"not finite at start \[1e\+200\]",
        ),
        (lambda: flows.gradient_flow(CURVE, (0.1,), TIMES[::-1]), "finite numbers that increase"),
        (lambda: flows.gradient_flow(CURVE, (0.1,), TIMES[:1]), "finite numbers that increase"),
        (lambda: flows.heavy_ball(CURVE, (0.1,), TIMES, drag=-1.0), "drag=-1.0: must be finite"),
        (lambda: flows.heavy_ball(CURVE, (0.1,), TIMES, drag=0.1, mass=0.0), "mass=0.0"),
        (
            lambda: flows.heavy_ball(CURVE, (0.1,), TIMES, drag=0.1, velocity=(1.0, 2.0)),
            r"in the shape of start, \(1,\)",
        ),
        (lambda: flows.nesterov_flow(CURVE, (0.1,), TIMES + 1), "times begin at 0"),
        (lambda: flows.bead(flows.rosenbrock(), (0.1, 0.1), TIMES), "has 2 dimensions: a bead"),
        (lambda: flows.sticky_bead(flows.rosenbrock(), (0.1, 0.1), TIMES), "a bead slides"),
        (lambda: flows.bead(CURVE, (0.1,), TIMES, drag=-0.1), "drag=-0.1: must be finite"),
        (lambda: flows.bead(CURVE, (0.1,), TIMES, gravity=0.0), "gravity=0.0: the pull"),
        (lambda: flows.coefficients(1.0, -0.1), "step=-0.1: the time step"),
        (lambda: flows.coefficients(30.0, 0.1), "steps of at most 0.0333"),
        (lambda: flows.continuum(1.2, 0.1), r"momentum=1.2: must be in \[0, 1\]"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_valid_input_beside_the_bad():
    flows.descend(CURVE, (0.1,), step=0.1, steps=np.int64(3), momentum=0.99)
    flows.heavy_ball(CURVE, (0.1,), TIMES, drag=0.0, mass=0.1, velocity=(1.0,))
    assert flows.coefficients(10.0, 0.1)[0] == 0
    assert flows.continuum(1.0, 0.1)[0] == 0
    assert motion.increasing(TIMES).dtype == np.float64
