"""Importing koopnb does one thing: it makes its names known."""

import json
import subprocess
import sys
from importlib import metadata

import koopnb

PROBE = """
import json, logging, sys, warnings
import jax, equinox, optax
def seen():
    return [
        len(logging.getLogger().handlers), logging.getLogger().level, len(warnings.filters),
        jax.config.jax_enable_x64, jax.config.jax_numpy_rank_promotion,
        jax.config.jax_default_matmul_precision,
    ]
before = seen()
import koopnb
heavy = {"tensorflow_datasets", "sklearn", "matplotlib", "papermill", "scipy.stats"}
heavy = sorted(heavy & set(sys.modules))
print(json.dumps([before, seen(), heavy]))
"""


def test_import_has_no_side_effects_and_is_light():
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROBE], capture_output=True, text=True, check=True
    )
    before, after, heavy = json.loads(done.stdout)
    assert before == after
    assert heavy == []
    assert done.stderr == ""


def test_version_agrees_with_the_installed_distribution():
    assert koopnb.__version__ == metadata.version("koopnb")


def test_public_names_exist_and_are_documented():
    for name in koopnb.__all__:
        assert getattr(koopnb, name).__doc__, name
