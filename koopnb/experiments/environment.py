"""The environment stamp: on what a result was computed."""

import datetime
import os
import platform
from importlib import metadata
from typing import Any

import jax

PACKAGES = ("koopnb", "jax", "jaxlib", "equinox", "optax", "numpy", "scikit-learn")


def stamp() -> dict[str, Any]:
    """Versions, platform, processor, JAX backend, precision and date, ready for JSON."""
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
        "float64_enabled": jax.numpy.zeros(()).dtype == "float64",
        "matmul_precision": str(jax.default_matmul_precision.value or "default"),
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
