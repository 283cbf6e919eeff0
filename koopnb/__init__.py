"""Koopman operators on training runs.

`load_dataset` and `MLP` make a training run, `koopnb.training` records it, `fit` turns the record
into a `KoopmanOperator` that predicts. Importing prints nothing and changes no setting.
"""

from koopnb.data import Dataset, load_dataset
from koopnb.networks import MLP
from koopnb.operators.koopman import KoopmanOperator, fit

__version__ = "0.1.0"
__all__ = ["MLP", "Dataset", "KoopmanOperator", "fit", "load_dataset"]
