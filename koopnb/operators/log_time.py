"""Records seen at geometric times, where powers of time are exponentials and logarithms lines."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Array, Float, PyTree

from koopnb.checks import Integer, integer
from koopnb.operators.koopman import KoopmanOperator
from koopnb.operators.snapshots import flatten


@dataclass(frozen=True)
class LogTime:
    r"""A clock whose ticks multiply the age of a training run by one ratio r.

    The n snapshots of a record have the ages $a - n + 1, \dots, a$, and m ticks span them:

    $$r = \left(\frac{a}{a - n + 1}\right)^{1 / (m - 1)}, \qquad
      k(s) = \frac{\log(1 + s / a)}{\log r}$$

    k(s) counts the ticks from the last snapshot to s steps after it: few even for a large s.
    An operator on the record of this clock knows $t^\lambda$ as it knows $e^{\lambda t}$ on
    the other.

    Attributes:
        age: a, steps of training behind the last snapshot, counted in recorded steps; at least n.
        length: n >= 2, the snapshots of the record.
        ticks: m >= 2, the snapshots of the record by this clock.

    Source: Soudry et al., J. Mach. Learn. Res. 19 (2018), theorem 3: gradient descent on
    separable data follows $\log t$.

    >>> clock = LogTime(age=200, length=100, ticks=20)
    >>> steps = np.array([100, 200, 400])
    >>> clock.ahead(steps).round(1).tolist()
    [11.3, 19.3, 30.6]
    """

    age: float
    length: int
    ticks: int

    def __post_init__(self) -> None:
        integer("length", self.length, 2, "the snapshots of the record")
        integer("ticks", self.ticks, 2, "the snapshots by this clock")
        if not self.length <= self.age < np.inf:
            raise ValueError(
                f"age={self.age} with {self.length} snapshots: give the steps of training behind "
                f"the last of them, in recorded steps, finite and at least {self.length}."
            )

    @property
    def ratio(self) -> float:
        """r > 1, the ages of neighbouring ticks, one over the other."""
        first = self.age - self.length + 1
        return float((self.age / first) ** (1 / (self.ticks - 1)))

    def record(self, snapshots: PyTree) -> PyTree:
        """The record at the ticks, oldest first, interpolated linearly; arrays lead with m.

        Raises:
            ValueError: another number of snapshots than the clock's, or what ``fit`` refuses.
        """
        n = flatten(snapshots)[0][0].shape[0]
        if n != self.length:
            raise ValueError(f"got {n} snapshots, and the clock is of length={self.length}.")
        ages = self.age * self.ratio ** -np.arange(self.ticks - 1.0, -1.0, -1.0)
        return between(snapshots, np.clip(ages - (self.age - n + 1), 0, n - 1))

    def ahead(self, steps: Sequence[float] | np.ndarray) -> Float[np.ndarray, " steps"]:
        """k(s), the ticks to horizons s >= 0 in recorded steps after the last snapshot."""
        return np.log1p(np.asarray(steps, np.float64) / self.age) / np.log(self.ratio)

    def trajectory(
        self, operator: KoopmanOperator, steps: Sequence[Integer] | np.ndarray
    ) -> PyTree:
        """Predictions at horizons in recorded steps, of an operator fitted to `record`.

        Between ticks they are interpolated linearly, as the record was.
        """
        return predict_between(operator, self.ahead(np.asarray(steps)))


def predict_between(operator: KoopmanOperator, places: Sequence[float] | np.ndarray) -> PyTree:
    """Predictions at fractional numbers of steps, between whole ones interpolated linearly."""
    places = np.asarray(places, np.float64)
    path = operator.trajectory(np.arange(max(int(np.ceil(places.max(initial=0))), 1) + 1))
    return between(path, places)


def between(snapshots: PyTree, places: Sequence[float] | np.ndarray) -> PyTree:
    """Snapshots at fractional places of a record, counted from 0, interpolated linearly.

    Raises:
        ValueError: places outside the record, or what ``fit`` refuses.

    >>> between({"w": np.array([0.0, 2.0, 6.0])}, [0.5, 2.0])["w"].tolist()
    [1.0, 6.0]
    """
    leaves, layout = flatten(snapshots)
    places = np.asarray(places, np.float64)
    last = leaves[0].shape[0] - 1
    if not np.all((places >= 0) & (places <= last)):
        raise ValueError(
            f"places from {places.min():g} to {places.max():g}: they must lie within the record, "
            f"0 to {last}."
        )
    before = np.minimum(places.astype(int), last - 1)

    def mix(leaf: Array | np.ndarray) -> Array | np.ndarray:
        share = (places - before).astype(leaf.dtype).reshape(-1, *[1] * (leaf.ndim - 1))
        return leaf[before] * (1 - share) + leaf[before + 1] * share

    return layout.restore([mix(leaf) for leaf in leaves])
