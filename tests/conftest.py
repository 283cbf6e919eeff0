"""A strict session: warnings are errors, ranks never promote, annotated shapes are checked."""

import os
from pathlib import Path

os.environ["XLA_FLAGS"] = (
    os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=4"
)

import jax
import jaxtyping
import numpy as np
import pytest
from hypothesis import HealthCheck, settings

_checked = jaxtyping.install_import_hook("koopnb", "support.typechecker.check")
jax.config.update("jax_numpy_rank_promotion", "raise")

settings.register_profile(
    "koopnb", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("koopnb")


# Files whose tests train, compile much, execute chapters or open a browser: `make check` leaves
# them out.
SLOW = [
    "chapters/test_stochastic_gradients",
    "drawing/test_animations",
    "drawing/test_playground",
    "dynamics/test_escape",
    "dynamics/test_flows",
    "experiments/test_causes",
    "experiments/test_closure",
    "experiments/test_costs",
    "experiments/test_decay",
    "experiments/test_descent",
    "experiments/test_explicit",
    "experiments/test_inertia",
    "experiments/test_mnist",
    "experiments/test_noise",
    "experiments/test_ode",
    "experiments/test_partitions",
    "experiments/test_regimes",
    "experiments/test_sections",
    "operators/test_koopman_in_jax",
    "operators/test_koopman_properties",
    "operators/test_log_time",
    "operators/test_oracles",
    "operators/test_oracles_real",
    "operators/test_pydmd",
    "operators/test_rounding",
    "operators/test_scores",
    "operators/test_solvers",
    "operators/test_spectrum",
    "publish/test_build",
    "publish/test_notebooks",
    "publish/test_pages",
    "test_api",
    "test_cli",
    "test_package",
    "test_readme",
    "test_training",
]


def pytest_collection_modifyitems(items):
    """Marks the tests of slow files."""
    here = Path(__file__).parent
    slow = {here / f"{name}.py" for name in SLOW}
    assert all(path.is_file() for path in slow), "a file of SLOW is gone"
    for item in items:
        if item.path in slow:
            item.add_marker(pytest.mark.slow)


@pytest.fixture
def key() -> jax.Array:
    return jax.random.key(0)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture(scope="module")
def record():
    """A small network's weights on a smooth path with noise: 40 snapshots, with functions in it."""
    import equinox as eqx
    import jax.numpy as jnp

    rng = np.random.default_rng(1)
    net = eqx.nn.MLP(6, 5, 5, 1, key=jax.random.key(0))
    times = np.arange(40)

    def path(x):
        rate, drift = rng.uniform(0.02, 0.2, x.shape), rng.standard_normal(x.shape)
        smooth = np.asarray(x) + drift * np.exp(-np.multiply.outer(times, rate))
        return jnp.asarray(smooth + 0.02 * rng.standard_normal(smooth.shape), jnp.float32)

    return jax.tree.map(lambda x: path(x) if eqx.is_array(x) else x, net)


@pytest.fixture
def axis():
    """Axes of a figure that is closed again."""
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots()
    yield axis
    plt.close(figure)


@pytest.fixture(scope="module")
def chromium():
    """A browser without a network, or a skip that says what is missing."""
    from support import browser

    try:
        with browser.chromium() as running:
            yield running
    except LookupError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def mnist_dir() -> str:
    """The folder of the real files, or a skip that says how to name one."""
    from koopnb import data

    folder = os.environ.get("KOOPNB_DATA_DIR") or str(data.cache_dir())
    if data._missing(Path(folder)):
        pytest.skip(f"MNIST's four files are not in {folder}: set KOOPNB_DATA_DIR")
    return folder


@pytest.fixture(autouse=True, scope="module")
def compiled_programs_are_let_go():
    """Every compiled program holds memory maps: with those of all tests a process runs out."""
    yield
    jax.clear_caches()
