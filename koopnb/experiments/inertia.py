"""What the report says of momentum, as numbers, from starts that a seed draws."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from koopnb.checks import Refusal
from koopnb.dynamics import escape, flows, outcomes
from koopnb.experiments.protocol import Measured, Series, recorded

KEPT = 0.8  # the β of those who lower the step alone
SWEPT = np.round(np.arange(0, 0.96, 0.015), 3)
# Numbers of iterations to the same time, and so the time steps τ.
UNTIL, COUNTS = 3.0, 80 * 2 ** np.arange(5)
TAUS = UNTIL / COUNTS
MATCHED, TO_BALL = "drag at the old velocity", "β kept: to the ball"

# Question to arm to how many starts answer with yes, and how many it concerns.
Counted = Mapping[str, Mapping[str, tuple[int, int]]]


@dataclass(frozen=True)
class InertiaConfig:
    """How often starts are drawn, how many, and how each method goes on from them."""

    seed: int = 0
    starts: int = 600
    draws: int = 3
    step: float = 0.02
    iterations: int = 4000
    betas: tuple[float, ...] = (0.9, 0.95, 0.99)

    def __post_init__(self) -> None:
        if min(self.starts, self.draws, self.iterations) < 1:
            raise Refusal(
                f"starts={self.starts}, draws={self.draws}, iterations={self.iterations}: each "
                "must be at least 1."
            )


@recorded(lambda _: SERIES[0])
def run(config: InertiaConfig, *, progress: bool = False) -> Measured:
    """Every number of the record; a few seconds.

    Source: the report's section on momentum.
    """
    rng = np.random.default_rng(config.seed)
    view = flows.double_well().view[0]
    draws = [rng.uniform(*view, (config.starts, 1)) for _ in range(config.draws)]
    counted = [count(starts, config) for starts in draws]
    beginning = rng.uniform(0.3, 0.7, (20, 1))
    gaps = distances(beginning)
    metrics: dict[str, Any] = {
        "counted": counted[0],
        "overlap": overlap(counted),
        "identity": identity(beginning[0, 0]),
        # That of the matched method itself is in the series "theory".
        "orders": {n: order(gap) for n, gap in gaps.items() if n not in (MATCHED, TO_BALL)},
        "to the ball": {"first": gaps[TO_BALL][0], "last": gaps[TO_BALL][-1]},
        "speed": speed(rng.uniform(-1.75, -1.4)),
        "best": max(map(best_beta_error, 10 ** rng.uniform(0.6, 2, 3))),
    }
    return metrics, {}


def arms(config: InertiaConfig) -> dict[str, tuple[float, float]]:
    """The step and the momentum of every method, by its name.

    The second descent has the learning rate of the flow that β = 0.9 tends to.
    """
    plain = {"descent": (config.step, 0.0), "long descent": (10 * config.step, 0.0)}
    return plain | {f"momentum {beta:g}": (config.step, beta) for beta in config.betas}


def count(
    starts: Float[np.ndarray, "starts 1"], config: InertiaConfig | None = None
) -> dict[str, dict[str, tuple[int, int]]]:
    """How many starts on the double well every method carries past what stops plain descent.

    For each question and method the number that answer with yes, and the number that it concerns.
    """
    config = config or InertiaConfig()
    x, well = starts[:, 0], flows.double_well()
    passes = "passes the inflection"
    escapes, leaves = "escapes the shallow minimum", "leaves the deep minimum"
    concerned = {passes: x < -1, escapes: x < 0.75, leaves: x > 0.75}
    counted: dict[str, dict[str, tuple[int, int]]] = {question: {} for question in concerned}
    for name, (step, beta) in arms(config).items():
        path = flows.descend(well, starts, step=step, steps=config.iterations, momentum=beta)
        end = path.x[:, -1, 0]
        said = {passes: end > -0.5, escapes: np.abs(end - 1.5) < 0.1, leaves: end < 0.75}
        for question, group in concerned.items():
            counted[question][name] = int(said[question][group].sum()), int(group.sum())
    return counted


def overlap(draws: Sequence[Counted]) -> float:
    """The least overlap of the 95% intervals that several draws of starts give for a share.

    Negative where two of them lie apart.
    """
    shares = [[one for answers in draw.values() for one in answers.values()] for draw in draws]
    each = np.array([[escape.share_interval(*one) for one in draw] for draw in shares])
    return float((each[..., 1].min(0) - each[..., 0].max(0)).min())


def identity(start: float, drag: float = 1.0) -> float:
    """The largest difference between the momentum method and a loop of semi-implicit Euler.

    The loop knows the time step, the drag and the velocity, and nothing of α and β.
    """
    well, steps = flows.double_well(), int(COUNTS[0])
    slope = np.polynomial.Polynomial(well.coefficients or ()).deriv()
    h, x, velocity, seen = TAUS[0], start, 0.0, [start]
    for _ in range(steps):
        velocity += h * (-slope(x) - drag * velocity)
        x += h * velocity
        seen.append(x)
    beta, alpha = flows.coefficients(drag, h)
    path = flows.descend(well, (start,), step=alpha, steps=steps, momentum=beta)
    return float(np.abs(path.x[:, 0] - seen).max())


def distances(
    starts: Float[np.ndarray, "starts 1"], drag: float = 1.0
) -> dict[str, Float[np.ndarray, " counts"]]:
    """How far methods end from the equations that they might follow, for every one of ``COUNTS``.

    Medians over starts on the double well. With fixed drag both ways to take it tend to the ball;
    with a fixed β the method tends to the gradient flow, whose time is k α / (1 - β).
    """
    well, times = flows.double_well(), np.array([0, UNTIL])
    ball = flows.heavy_ball(well, starts, times, drag=drag).x[:, -1]
    flow = flows.gradient_flow(well, starts, times).x[:, -1]
    old = [flows.coefficients(drag, tau) for tau in TAUS]
    new = [(1 / (1 + tau * drag), tau**2 / (1 + tau * drag)) for tau in TAUS]
    kept = [(KEPT, (1 - KEPT) * tau) for tau in TAUS]

    def gaps(settings: list[tuple[float, float]], limit: np.ndarray) -> np.ndarray:
        found = []
        for n, (beta, alpha) in zip(COUNTS, settings, strict=True):
            # One number of iterations for all, so that one program is compiled.
            path = flows.descend(well, starts, step=alpha, steps=COUNTS[-1], momentum=beta)
            found.append(np.median(np.abs(path.x[:, n] - limit)))
        return np.array(found)

    return {
        MATCHED: gaps(old, ball),
        "drag at the new velocity": gaps(new, ball),
        "β kept: to the gradient flow": gaps(kept, flow),
        TO_BALL: gaps(kept, ball),
        "Nesterov: to its equation": nesterov_distances(),
    }


def nesterov_distances(until: float = 4.0) -> Float[np.ndarray, " counts"]:
    """How far Nesterov's method ends from its equation, on a bowl of curvature 1."""
    bowl = flows.quadratic((1.0,))
    limit = flows.nesterov_flow(bowl, (1.0,), np.array([0, until])).x[-1, 0]
    found = []
    for n in COUNTS:
        alpha, x, y = (until / n) ** 2, 1.0, 1.0
        for k in range(n):
            before, x = x, y - alpha * y  # the gradient of x²/2 is x
            y = x + k / (k + 3) * (x - before)
        found.append(abs(x - limit))
    return np.array(found)


def order(gaps: Float[np.ndarray, " counts"]) -> float:
    """The power of the time step with which a distance shrinks, fitted to the three smallest."""
    return outcomes.power(TAUS[-3:], gaps[-3:])


def speed(start: float, drag: float = 1.0) -> float:
    """How fast a ball from rest on the left is where the force at the inflection is zero."""
    times = np.linspace(0, 12, 401)
    path = flows.heavy_ball(flows.double_well(), (start,), times, drag=drag)
    return float(path.velocity[np.argmax(path.x[:, 0] > -1), 0])


def contractions(
    kappa: float, betas: Float[np.ndarray, " betas"] = SWEPT
) -> Float[np.ndarray, " betas"]:
    """The contraction per iteration on a bowl of this condition number, for every β.

    With the step that is best for the best β.
    """
    bowl, alpha = flows.quadratic((1.0, float(kappa))), best_setting(kappa)[0]
    paths = [flows.descend(bowl, bowl.start, step=alpha, steps=600, momentum=b) for b in betas]
    return np.array([outcomes.contraction(path, (0.0, 0.0)) for path in paths])


def best_setting(kappa: float) -> tuple[float, float]:
    r"""Polyak's α and β for curvatures from 1 to κ.

    Source: Polyak, USSR Comput. Math. Math. Phys. 4 (1964) 1.

    >>> best_setting(9.0)
    (0.25, 0.25)
    """
    root = float(kappa) ** 0.5
    return (2 / (root + 1)) ** 2, ((root - 1) / (root + 1)) ** 2


def best_beta_error(kappa: float) -> float:
    """How far the best β of a sweep is from that of the formula."""
    return float(abs(SWEPT[contractions(kappa).argmin()] - best_setting(kappa)[1]))


SERIES: tuple[Series, ...] = (
    Series(
        "inertia", "momentum from random starts", 116, run,
        lambda _dataset, seed, _horizons: [InertiaConfig(seed)], tuple(range(10)),
        datasets=(), told=(),
    ),
)  # fmt: skip
