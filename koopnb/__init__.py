"""Koopman operators on training runs.

Imports nothing heavy beyond JAX and equinox, prints nothing, changes no global setting.
"""

from koopnb.data import Dataset, load_dataset
from koopnb.networks import MLP

__version__ = "0.1.0"
__all__ = ["MLP", "Dataset", "load_dataset"]
