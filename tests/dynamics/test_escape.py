"""Mini-batch descent of one weight, against the exact transition operator and loops."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from koopnb.dynamics import escape, flows
from koopnb.dynamics.escape import Gaussian, Resampled, Reshuffled

WELL = flows.double_well()
BOWL = flows.quadratic((1.0,))
SHALLOW, DEEP = 0.0, 1.5


def slope(x):
    return (x + 1) ** 2 * x * (x - 0.75) * (x - 1.5)


def test_without_noise_it_is_gradient_descent(key):
    start = np.array([-1.4, -0.3, 0.6, 1.2])
    runs = escape.simulate(
        WELL, jnp.asarray(start, jnp.float32), noise=Gaussian(jnp.asarray(0.0)), learning_rate=0.1,
        iterations=100, key=key,
    )  # fmt: skip
    expected = flows.descend(WELL, start[:, None], step=0.1, steps=100).x[:, -1, 0]
    np.testing.assert_allclose(runs.x, expected, atol=1e-5)
    assert not runs.passed.any()
    assert (runs.iterations == 100).all()


@pytest.mark.parametrize("iterations", [1, 63, 64, 65, 200])
def test_iterations_equal_a_loop(key, iterations):
    noise, runs, rate = Gaussian(jnp.asarray(1.5)), 7, 0.08
    found = escape.simulate(
        WELL, jnp.zeros(runs), noise=noise, learning_rate=rate, iterations=iterations, key=key,
        target=0.9,
    )  # fmt: skip
    epochs = [noise.tilts(jax.random.fold_in(key, e), runs) for e in range(4)]
    tilts = np.concatenate(epochs).astype(np.float64)[:iterations]
    for run in range(runs):
        x, passed, count = 0.0, False, 0
        for tilt in tilts[:, run]:
            x -= rate * (slope(x) + tilt)
            count += 1
            if x > 0.9:
                passed = True
                break
        assert (bool(found.passed[run]), int(found.iterations[run])) == (passed, count)
        assert found.x[run] == pytest.approx(x, abs=1e-3)


def test_a_passage_downwards_is_the_mirror_image(key):
    up, down = (
        escape.simulate(
            BOWL, jnp.zeros(50), noise=Gaussian(jnp.asarray(sign * 2.0)), learning_rate=0.1,
            iterations=500, key=key, target=sign * 0.5,
        )
        for sign in (1.0, -1.0)
    )  # fmt: skip
    assert up.passed.any()
    np.testing.assert_array_equal(up.iterations, down.iterations)
    np.testing.assert_array_equal(up.x, -down.x)


def test_mean_passage_time_is_that_of_the_exact_transition_operator(key):
    # E[k | x] solves T = 1 + P T on x < target, with the normal kernel P of one iteration.
    rate, std, runs = 0.1, 1.4, 4000
    grid = np.linspace(-2.0, DEEP, 701)
    weights = np.full(len(grid), grid[1] - grid[0])
    weights[[0, -1]] /= 2
    mean = grid - rate * slope(grid)
    kernel = stats.norm.pdf(grid[None], mean[:, None], rate * std) * weights
    times = np.linalg.solve(np.eye(len(grid)) - kernel, np.ones(len(grid)))
    exact = np.interp(SHALLOW, grid, times)
    found = escape.simulate(
        WELL, jnp.full(runs, SHALLOW), noise=Gaussian(jnp.asarray(std)), learning_rate=rate,
        iterations=60_000, key=key, target=DEEP,
    )  # fmt: skip
    assert found.passed.all()
    error = np.std(found.iterations) / np.sqrt(runs)
    assert abs(np.mean(found.iterations) - exact) < 4 * error


def test_every_run_has_its_own_learning_rate_and_noise(key):
    both = escape.simulate(
        BOWL, jnp.ones(2), noise=Gaussian(jnp.array([0.0, 0.0])),
        learning_rate=jnp.array([0.1, 0.2]), iterations=3, key=key,
    )  # fmt: skip
    np.testing.assert_allclose(both.x, [0.9**3, 0.8**3], rtol=1e-6)


def test_resampled_tilts_have_the_moments_of_averages(key):
    values = jnp.array([-1.0, -1.0, -1.0, 3.0])
    size = 3
    tilts = np.asarray(Resampled(values, size).tilts(key, 3000), np.float64).ravel()
    # Cumulants of a mean of independent draws: the j-th is divided by size^(j - 1).
    deviation = np.asarray(values) - np.mean(values)
    assert np.mean(tilts) == pytest.approx(0, abs=4 * np.sqrt(3 / size / tilts.size))
    second = float(np.mean(deviation**2)) / size
    assert np.var(tilts) == pytest.approx(second, rel=0.03)
    third = np.mean((tilts - tilts.mean()) ** 3)
    assert third == pytest.approx(float(np.mean(deviation**3)) / size**2, rel=0.05)


def test_an_epoch_of_reshuffled_tilts_uses_every_value_once(key):
    values = jnp.arange(12.0)
    tilts = Reshuffled(values, 1).tilts(key, 5)
    assert tilts.shape == (12, 5)
    np.testing.assert_array_equal(np.sort(tilts, axis=0), np.tile(np.arange(12.0)[:, None], 5))
    assert len({tuple(run) for run in np.asarray(tilts).T.tolist()}) == 5
    pairs = Reshuffled(values, 4).tilts(key, 5)
    np.testing.assert_allclose(np.mean(pairs, axis=0), 5.5, rtol=1e-6)


def test_share_interval_is_wilsons():
    count, of, z = 37, 400, stats.norm.ppf(0.975)
    share = count / of
    centre = (share + z**2 / (2 * of)) / (1 + z**2 / of)
    half = z / (1 + z**2 / of) * np.sqrt(share * (1 - share) / of + z**2 / (4 * of**2))
    assert escape.share_interval(count, of) == pytest.approx((centre - half, centre + half))
    assert escape.share_interval(0, of)[0] == 0 < escape.share_interval(0, of)[1]


def test_rate_interval_leaves_a_fortieth_of_the_counts_on_each_side():
    low, high = escape.rate_interval(11, 50.0)
    assert stats.poisson.sf(10, 50 * low) == pytest.approx(0.025)
    assert stats.poisson.cdf(11, 50 * high) == pytest.approx(0.025)
    assert escape.rate_interval(0, 50.0) == pytest.approx((0, -np.log(0.025) / 50))


def test_simulation_refuses_what_it_cannot_do(key):
    def run(potential=BOWL, start=(0.0, 0.1), **changed):
        options = {"learning_rate": 0.1, "iterations": 2, "key": key} | changed
        return escape.simulate(
            potential, jnp.array(start), noise=Gaussian(jnp.asarray(1.0)), **options
        )

    assert run(target=0.5).x.shape == (2,)
    with pytest.raises(ValueError, match=r"iterations=0, .* at least 1 iteration"):
        run(iterations=0)
    with pytest.raises(ValueError, match=r"learning_rate=-1.0: .* every learning rate above 0"):
        run(learning_rate=-1.0)
    with pytest.raises(ValueError, match=r"target=0.05: 1 of 2 runs start below it"):
        run(target=0.05)
    with pytest.raises(ValueError, match=r"Rosenbrock's valley has 2 weights: .* along one"):
        run(flows.rosenbrock())
    with pytest.raises(ValueError, match="batch_size=5: it must divide the 12 samples"):
        Reshuffled(jnp.arange(12.0), 5)
