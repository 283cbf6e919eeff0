"""A strict session: warnings are errors, ranks never promote, annotated shapes are checked."""

import os

os.environ["XLA_FLAGS"] = (
    os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=4"
)

import jax
import jaxtyping
import numpy as np
import pytest
from hypothesis import HealthCheck, settings

_checked = jaxtyping.install_import_hook("koopnb", "typechecker.check")
jax.config.update("jax_numpy_rank_promotion", "raise")

settings.register_profile(
    "koopnb", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("koopnb")


@pytest.fixture
def key() -> jax.Array:
    return jax.random.key(0)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def mnist_dir() -> str:
    """The folder of the real files, or a skip that says how to name one."""
    folder = os.environ.get("KOOPNB_DATA_DIR")
    if folder is None:
        pytest.skip("KOOPNB_DATA_DIR names no folder with MNIST's four files")
    return folder
