"""Claims on momentum, on landscapes of one and two weights.

Some are not the report's words, but what one might hear in them.
"""

import math
from collections.abc import Callable

from koopnb.evidence.claim import Claim
from koopnb.experiments.record import Record

METHOD, HEARD = "report, section on momentum", "this book: what one might hear in the report"
EQUATION = "03-momentum#from-the-equation-to-the-method"
PASSING = "03-momentum#past-inflections-and-shallow-minima"


def _share(question: str, arm: str) -> Callable[[Record], float]:
    """The share of the starts that a question concerns."""

    def share(one: Record) -> float:
        hits, of = one.metrics["counted"][question][arm]
        return hits / of

    return share


_strong = _share("escapes the shallow minimum", "momentum 0.99")
_plain = _share("escapes the shallow minimum", "descent")

INERTIA = (
    Claim(
        "momentum-is-euler",
        "The equation, discretised by semi-implicit Euler, is gradient descent with momentum",
        METHOD,
        EQUATION,
        "largest difference between the two from one start",
        lambda one: float(one.metrics["identity"]),
        high=1e-9,
        tolerance=math.inf,
        proved=True,
    ),
    Claim(
        "other-limits",
        "Other ways to take the drag, a β that is kept, and Nesterov's method have limits too: "
        "the ball, the gradient flow, an equation with fading drag",
        "this book",
        EQUATION,
        "largest distance of an order of convergence from 1",
        lambda one: max(abs(order - 1) for order in one.metrics["orders"].values()),
        high=0.15,
        tolerance=math.inf,
        proved=True,
    ),
    Claim(
        "kept-beta-is-the-ball",
        "The method still tends to the ball if the step is lowered and β kept",
        HEARD,
        EQUATION,
        "distance to the ball, smallest step over largest",
        lambda one: one.metrics["to the ball"]["last"] / one.metrics["to the ball"]["first"],
        high=0.5,
        proved=True,
    ),
    Claim(
        "fast-without-force",
        "Velocity does not become zero where the force does",
        METHOD,
        EQUATION,
        "speed at the inflection",
        lambda one: float(one.metrics["speed"]),
        low=0.1,
        proved=True,
    ),
    Claim(
        "passes-inflections",
        "Momentum passes inflections",
        METHOD,
        PASSING,
        "share of starts, β = 0.9",
        _share("passes the inflection", "momentum 0.9"),
        low=0.5,
    ),
    Claim(
        "descent-stops-at-inflections",
        "Gradient descent with the same step does not",
        METHOD,
        PASSING,
        "share of starts that pass",
        _share("passes the inflection", "descent"),
        high=0.05,
    ),
    Claim(
        "usual-beta-escapes",
        "Momentum with the usual β = 0.9 escapes this shallow minimum",
        HEARD,
        PASSING,
        "share of starts",
        _share("escapes the shallow minimum", "momentum 0.9"),
        low=0.5,
    ),
    Claim(
        "some-beta-escapes",
        "Momentum with some β escapes shallow minima where gradient descent cannot",
        METHOD,
        PASSING,
        "share of starts with β = 0.99, less that of gradient descent",
        lambda one: _strong(one) - _plain(one),
        low=0.05,
    ),
    Claim(
        "keeps-the-better-minimum",
        "Momentum never leaves the better minimum",
        HEARD,
        PASSING,
        "share of starts that leave it, β = 0.99",
        _share("leaves the deep minimum", "momentum 0.99"),
        high=0.01,
    ),
    Claim(
        "shares-are-the-same",
        "These shares are the same for three draws of the starts",
        "this book",
        PASSING,
        "least overlap of their 95% intervals",
        lambda one: float(one.metrics["overlap"]),
        low=0,
        tolerance=math.inf,
    ),
    Claim(
        "best-beta",
        "On a quadratic the best β is that of the formula",
        "this book",
        "03-momentum#the-best-momentum-parameter",
        "largest distance between them, in a sweep by 0.015",
        lambda one: float(one.metrics["best"]),
        high=0.031,
        tolerance=math.inf,
        proved=True,
    ),
)

CLAIMS = {"inertia": INERTIA}
