"""On what a result was computed: the machine, the versions, and the settings of the session."""

import contextlib
import datetime
import os
import platform
from collections.abc import Iterator
from importlib import metadata
from typing import Any, NamedTuple

import jax

PACKAGES = ("koopnb", "jax", "jaxlib", "equinox", "optax", "numpy", "scikit-learn")


class Session(NamedTuple):
    """The settings of JAX that decide a result's numbers.

    ``float64``: whether 64-bit numbers are the default. ``generator`` and ``partitionable``: how
    random keys become numbers. ``matmul``: the precision of matrix products, "default" where it
    is left to the backend.
    """

    float64: bool = False
    generator: str = "threefry2x32"
    partitionable: bool = True
    matmul: str = "default"

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """Computes with these settings, whatever they are outside."""
        with (
            jax.enable_x64(self.float64),
            jax.default_prng_impl(self.generator),
            jax.threefry_partitionable(self.partitionable),
            jax.default_matmul_precision(None if self.matmul == "default" else self.matmul),
        ):
            yield


def session() -> Session:
    """The settings as they are now."""
    return Session(
        bool(jax.numpy.zeros(()).dtype == "float64"),
        str(jax.default_prng_impl.value),
        bool(jax.threefry_partitionable.value),
        str(jax.default_matmul_precision.value or "default"),
    )


def stamp() -> dict[str, Any]:
    """Date, versions, platform, processor, JAX backend and session, ready for JSON."""
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "packages": versions(),
        "platform": f"{platform.system()} {platform.machine()}",
        "cpu": _processor(),
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "backend": jax.default_backend(),
        "device": jax.devices()[0].device_kind,
        "session": session()._asdict(),
    }


def versions() -> dict[str, str]:
    """The versions of the packages that a result depends on."""
    return {name: metadata.version(name) for name in PACKAGES}


def _processor() -> str:
    try:
        with open("/proc/cpuinfo") as lines:
            models = [line.split(":", 1)[1] for line in lines if line.startswith("model name")]
        return models[0].strip()
    except (OSError, IndexError):
        return platform.processor() or "unknown"
