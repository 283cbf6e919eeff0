"""Claims on what theory says: flows, invariant subspaces, the choice of observables.

Theorems and examples decide them, so that runs check the program and are no sample.
"""

import math
from collections.abc import Callable

from koopnb.evidence.claim import Claim, metric
from koopnb.experiments.record import Record


def _from_one(quantity: str) -> Callable[[Record], float]:
    """How far the order on any landscape is from one."""
    return lambda one: max(abs(order - 1) for order in one.metrics[quantity].values())


THEORY = (
    Claim(
        "descent-is-a-flow",
        "Gradient descent is a gradient flow, discretised",
        "report, section on gradient descent",
        "01-gradient-flow#from-the-iteration-to-the-flow",
        "distance of the order of convergence from 1",
        _from_one("descent_order"),
        high=0.1,
        tolerance=math.inf,
        proved=True,
    ),
    Claim(
        "momentum-is-a-flow",
        "Momentum is a ball that rolls with drag, discretised",
        "report, section on momentum",
        "03-momentum#from-the-equation-to-the-method",
        "distance of the order of convergence from 1",
        _from_one("momentum_order"),
        high=0.1,
        tolerance=math.inf,
        proved=True,
    ),
    Claim(
        "closed-is-exact",
        "Observables that span an invariant subspace predict exactly, but for rounding",
        "report, Discussion",
        "04-koopman-theory#a-system-that-closes",
        "largest relative error 100 steps ahead",
        metric("invariance", "closed"),
        high=1e-9,
        tolerance=math.inf,
        proved=True,
    ),
    Claim(
        "no-guarantee",
        "Without an invariant subspace, the approximation is not guaranteed: one example fails",
        "report, Discussion",
        "04-koopman-theory#no-guarantee-without-an-invariant-subspace",
        "largest relative error 100 steps ahead, projections only",
        metric("invariance", "projections"),
        low=0.1,
        tolerance=math.inf,
        proved=True,
    ),
    Claim(
        "network-coherent",
        "The network operator is the coherent choice: it alone sees a coupling across layers",
        "report, Method",
        "06-partitions#what-a-block-can-see",
        "its error over the best other operator's, for a pair across layers",
        lambda one: (
            one.metrics["across_layers"]["network"]
            / min(v for k, v in one.metrics["across_layers"].items() if k != "network")
        ),
        high=1e-6,
        tolerance=math.inf,
        proved=True,
    ),
)

CLAIMS = {"theory": THEORY}
