r"""Does a record drift or rattle? Scores of recorded weights alone, to look at before a jump.

No loss, no gradient and no data is needed. Snapshots are a pytree whose arrays lead with the
same time axis, $x_1, \dots, x_n$; their increments are $d_t = x_{t+1} - x_t$.
"""

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Float, PyTree

from koopnb.checks import Integer, integer
from koopnb.operators._planning import compute_dtype
from koopnb.operators.koopman import fit
from koopnb.operators.snapshots import flatten, is_array, rows


def drift(snapshots: PyTree) -> float:
    r"""The share of the motion that goes one way: squared mean increment over mean square.

    $$D = \frac{|\bar d|^2}{\overline{|d|^2}}
        = \frac{|x_n - x_1|^2}{(n - 1) \sum_t |d_t|^2} \in [0, 1]$$

    1 on a straight line at constant speed; 1 / (n - 1) on average for a random walk;
    about 1 / (n - 1)^2 for noise around a point. 1 for a record that does not move.

    Args:
        snapshots: n >= 2.

    Raises:
        ValueError: what ``fit`` refuses too.

    Source: the variance ratio of Lo and MacKinlay, Rev. Financ. Stud. 1 (1988), over the whole
    record, divided by n - 1.

    >>> drift({"w": np.array([0.0, 1.0, 2.0, 3.0])}), drift({"w": np.array([0.0, 1.0, 0.0])})
    (1.0, 0.0)
    """
    steps = increments(snapshots)
    return _ratio(np.sum(steps.mean(axis=0) ** 2), np.sum(steps**2) / len(steps))


def persistence(snapshots: PyTree) -> float:
    r"""How much an increment resembles the one before it: their cosine over the record.

    $$P = \frac{\sum_t d_t \cdot d_{t+1}}
        {\sqrt{\sum_t |d_t|^2 \, \sum_t |d_{t+1}|^2}} \in [-1, 1]$$

    Near 1 where the motion is smooth between snapshots, turning or not; 0 on average for a
    random walk; -1/2 for independent noise around a point. 1 for a record that does not move.

    Args:
        snapshots: n >= 3.

    Raises:
        ValueError: what ``fit`` refuses too, or two snapshots, which have one increment.

    >>> round(persistence({"w": np.array([0.0, 4.0, 6.0, 7.0])}), 3)
    1.0
    """
    steps = increments(snapshots)
    if len(steps) < 2:
        raise ValueError("persistence of 2 snapshots: it compares increments and needs 3.")
    before, after = steps[:-1], steps[1:]
    return _ratio(np.sum(before * after), np.sqrt(np.sum(before**2) * np.sum(after**2)))


def rehearsal(snapshots: PyTree, ahead: float, *, rank: Integer | None = None) -> float:
    r"""The jump tried inside the record: fitted to its first part, judged at its end.

    $$R = \frac{|K_k^{n - k} x_k - x_n|}{|x_n - x_k|}, \qquad k = \frac{n}{1 + a}$$

    with $K_k$ the network operator of the first k snapshots, eigenvalues held within the unit
    disc. A jump of a times the record is so rehearsed with a jump of a times its first part. 1
    is no better than predicting no change, and is given to a record that does not move.

    Args:
        snapshots: the record.
        ahead: a > 0, the horizon in lengths of the record.
        rank: as in ``fit``, cut to what the first part allows.

    Raises:
        ValueError: an ``ahead`` that leaves fewer than 2 snapshots to fit, or none to judge.
    """
    leaves, _ = flatten(snapshots)
    n = len(leaves[0])
    first = round(n / (1 + ahead)) if ahead > 0 else n
    if not 2 <= first < n:
        raise ValueError(
            f"ahead={ahead} on {n} snapshots fits an operator to {first} of them: it needs 2, and "
            "1 to be judged by."
        )
    if rank is not None:
        rank = min(integer("rank", rank, 1, "an upper bound of the rank"), first - 1)
    part = jax.tree.map(lambda leaf: leaf[:first], eqx.filter(snapshots, is_array))
    found = fit(part, rank=rank, max_modulus=1.0).predict(n - first)
    guess = rows(jax.tree.map(lambda leaf: leaf[None], found))[0]
    before, after = rows([leaf[np.array([first - 1, n - 1])] for leaf in leaves])
    return _ratio(np.linalg.norm(guess - after), np.linalg.norm(after - before))


def rounding(
    snapshots: PyTree, steps: Sequence[Integer] | np.ndarray, **how: Any
) -> Float[np.ndarray, " steps"]:
    r"""How much of a prediction is round-off: it is made twice, from snapshots a digit apart.

    $$Q(s) = \frac{|\hat x(s) - \tilde x(s)|}{|\hat x(s) - x_n|}$$

    where $\tilde x$ is predicted from snapshots whose every number is multiplied by
    $1 \pm \varepsilon$, with random signs that are always the same ones and the rounding unit of
    the precision computed in. Near 1 or above, the prediction at s says nothing about the
    record. ``KoopmanOperator.roundoff`` bounds the first step without a second fit.

    Args:
        snapshots: the record.
        steps: horizons s >= 1, as in ``KoopmanOperator.trajectory``.
        how: as in ``fit``.

    Raises:
        ValueError: what ``fit`` refuses too.

    Source: Vignes, Math. Comput. Simul. 35 (1993), for rounding that is perturbed at random.

    >>> record = {"w": 0.9 ** np.arange(9.0)[:, None] * np.array([1.0, 2.0])}
    >>> bool(rounding(record, [1, 50]).max() < 1e-9)
    True
    """
    leaves, layout = flatten(snapshots)
    compute = compute_dtype(how.get("dtype"), layout)
    wide = layout.restore([np.asarray(leaf, np.float64) for leaf in leaves])
    near = nearby(snapshots, float(np.finfo(compute).eps))
    how = how | {"dtype": compute}
    one, other = (rows(fit(record, **how).trajectory(steps)) for record in (wide, near))
    with np.errstate(invalid="ignore", over="ignore"):
        gap = np.linalg.norm(one - other, axis=1)
        way = np.linalg.norm(one - rows(wide)[-1], axis=1)
    return np.where(gap > 0, gap / np.where(way > 0, way, np.finfo(float).tiny), 0.0)


def nearby(snapshots: PyTree, unit: float) -> PyTree:
    """The record with every number multiplied by 1 + unit or 1 - unit, in double precision.

    Signs are random, and always the same ones.
    """
    leaves, layout = flatten(snapshots)
    rng = np.random.default_rng(0)
    return layout.restore(
        [
            np.asarray(leaf, np.float64) * (1 + unit * rng.choice([-1.0, 1.0], leaf.shape))
            for leaf in leaves
        ]
    )


def increments(snapshots: PyTree) -> Float[np.ndarray, "increments weights"]:
    """The steps between snapshots, all weights in a row, in double precision."""
    return np.diff(rows(flatten(snapshots)[0]), axis=0)


def _ratio(upper: np.floating, lower: np.floating) -> float:
    return float(upper / lower) if lower > 0 else 1.0
