"""The diffusion's predictions, against closed forms, other integrals and simulation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, special

from koopnb.dynamics import diffusion, escape, flows
from koopnb.dynamics.potentials import Potential

WELL = flows.double_well()
SHALLOW, TOP, DEEP = 0.0, 0.75, 1.5
BARRIER = float(WELL(np.array([TOP]))) - float(WELL(np.array([SHALLOW])))


def test_passage_time_of_a_parabola_is_the_known_integral():
    # Ornstein-Uhlenbeck from its centre: the inner integral is an error function.
    temperature, target = 0.3, 1.1

    def integrand(y):
        scaled = y / np.sqrt(2 * temperature)
        return np.exp(scaled**2) * (1 + special.erf(scaled))

    area = integrate.quad(integrand, 0, target)[0]
    expected = np.sqrt(np.pi / (2 * temperature)) * area
    found = diffusion.mean_passage_time(flows.quadratic((1.0,)), 0.0, target, temperature)
    assert found == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("coldness", [3.0, 12.0])
def test_passage_time_is_the_double_integral(coldness):
    temperature = BARRIER / coldness

    def f(x):
        return np.polynomial.polynomial.polyval(x, WELL.coefficients)

    area = integrate.dblquad(
        lambda u, y: np.exp((f(y) - f(u)) / temperature), SHALLOW, DEEP, -2.0, lambda y: y
    )[0]
    found = diffusion.mean_passage_time(WELL, SHALLOW, DEEP, temperature)
    assert found == pytest.approx(area / temperature, rel=1e-3)


def test_kramers_rate_is_the_limit_of_low_temperature():
    def error(coldness):
        temperature = BARRIER / coldness
        exact = 1 / diffusion.mean_passage_time(WELL, SHALLOW, DEEP, temperature)
        return diffusion.kramers_rate(WELL, SHALLOW, TOP, temperature) / exact - 1

    errors = [error(coldness) for coldness in (10, 20, 40, 80)]
    # The next term is proportional to the temperature.
    np.testing.assert_allclose(np.divide(errors[:-1], errors[1:]), 2, rtol=0.2)
    assert 0 < errors[-1] < 0.01


def test_passage_time_at_the_lowest_temperatures_does_not_overflow():
    crossing = [diffusion.mean_passage_time(WELL, -1.6, -0.5, d) for d in (1e-3, 1e-4, 1e-5)]
    # Past an inflection it takes a time proportional to the temperature's power -1/3.
    np.testing.assert_allclose(np.divide(crossing[1:], crossing[:-1]), 10 ** (1 / 3), rtol=0.08)


def test_small_steps_escape_at_the_diffusions_rate(key):
    rate, runs, temperature = 0.02, 1500, BARRIER / 3
    found = escape.simulate(
        WELL, jnp.full(runs, SHALLOW), learning_rate=rate, iterations=6000, key=key, target=DEEP,
        noise=escape.Gaussian(jnp.asarray(np.sqrt(2 * temperature / rate))),
    )  # fmt: skip
    low, high = escape.rate_interval(int(found.passed.sum()), float(found.iterations.sum()) * rate)
    expected = 1 / diffusion.mean_passage_time(WELL, SHALLOW, DEEP, temperature)
    # Beside the interval, the first order of the step: walks are watched once an iteration.
    assert low * 0.97 < expected < high * 1.03


def test_temperature_gives_the_variance_of_free_walks(key):
    flat = Potential("flat", 1, lambda x: jnp.zeros((), x.dtype) * x[0], (), (0.0,), ((-1, 1),))
    rate, std, iterations, runs = 0.1, 0.7, 300, 4000
    x = escape.simulate(
        flat, jnp.zeros(runs), noise=escape.Gaussian(jnp.asarray(std)), learning_rate=rate,
        iterations=iterations, key=key,
    ).x  # fmt: skip
    expected = 2 * diffusion.temperature(rate, std**2) * iterations * rate
    assert np.var(x) == pytest.approx(expected, rel=4 * np.sqrt(2 / runs))


@pytest.mark.parametrize("product", [0.05, 0.5, 1.0, 1.8])
@pytest.mark.parametrize("reshuffled", [None, 8])
def test_stationary_variance_is_that_of_walks(key, product, reshuffled):
    curvature, runs = 2.0, 6000
    rate = product / curvature
    values = jnp.asarray([-1.5, -1.0, -0.5, -0.1, 0.1, 0.5, 1.0, 1.5])
    noise = escape.Gaussian(jnp.std(values)) if reshuffled is None else escape.Reshuffled(values, 1)
    x = escape.simulate(
        flows.quadratic((curvature,)), jnp.zeros(runs), noise=noise, learning_rate=rate,
        iterations=160, key=key,
    ).x  # fmt: skip
    expected = diffusion.stationary_variance(
        curvature, rate, float(jnp.var(values)), reshuffled=reshuffled
    )
    assert np.var(x) == pytest.approx(expected, rel=4 * np.sqrt(2 / runs))


@pytest.mark.parametrize("product", [0.3, 1.5])
def test_reshuffled_variance_is_that_of_the_covariance_matrix(product):
    count, rate, variance = 5, 0.1, 0.7
    matrix = variance * count / (count - 1) * (np.eye(count) - 1 / count)
    weights = rate * (1 - product) ** np.arange(count)
    expected = weights @ matrix @ weights / (1 - (1 - product) ** (2 * count))
    found = diffusion.stationary_variance(product / rate, rate, variance, reshuffled=count)
    assert found == pytest.approx(expected, rel=1e-10)


def test_fresh_variance_solves_the_recursion():
    curvature, rate, variance = 3.0, 0.2, 0.5
    found = diffusion.stationary_variance(curvature, rate, variance)
    assert found == pytest.approx((1 - rate * curvature) ** 2 * found + rate**2 * variance)


def test_what_is_not_defined_is_refused():
    with pytest.raises(ValueError, match="The second derivative is -1.72 at well=0.75 and 1.1"):
        diffusion.kramers_rate(WELL, TOP, SHALLOW, 0.1)
    with pytest.raises(ValueError, match=r"start=1.5, target=0.0: the target must lie above"):
        diffusion.mean_passage_time(WELL, DEEP, SHALLOW, 0.1)
    ramp = Potential("ramp", 1, lambda x: -jnp.exp(-x[0]), (), (0.0,), ((-1, 1),))
    with pytest.raises(ValueError, match="does not rise by 40 temperatures .* to the left"):
        diffusion.mean_passage_time(ramp, 0.0, 1.0, 0.1)
    for potential in (flows.rosenbrock(), flows.two_weight_network()):
        with pytest.raises(ValueError, match=f"{potential.name} has 2 weights"):
            diffusion.mean_passage_time(potential, 0.0, 1.0, 0.1)
    with pytest.raises(ValueError, match=r"learning_rate \* curvature = 2: .* between 0 and 2"):
        diffusion.stationary_variance(20.0, 0.1, 1.0)
    with pytest.raises(ValueError, match=r"reshuffled=1: .* at least 2"):
        diffusion.stationary_variance(2.0, 0.1, 1.0, reshuffled=1)
    assert diffusion.stationary_variance(2.0, 0.1, 1.0, reshuffled=2) > 0


def test_functions_follow_a_session_in_double_precision():
    with jax.enable_x64(True):
        found = diffusion.mean_passage_time(WELL, SHALLOW, DEEP, BARRIER / 4)
    assert found == pytest.approx(
        diffusion.mean_passage_time(WELL, SHALLOW, DEEP, BARRIER / 4), rel=1e-4
    )
