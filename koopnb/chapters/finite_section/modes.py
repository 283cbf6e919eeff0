"""What delays show, and what sums of exponentials can draw."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from koopnb.drawing import plates
from koopnb.drawing.palette import COLOURS, LINE, MARK
from koopnb.experiments.sections.records import OMEGA, PLACES, Bent
from koopnb.operators.koopman import KoopmanOperator

KINDS = (
    ("growth", 1.18, "fails"),
    ("decay", 0.82, "works"),
    ("no change", 1.0, "truth"),
    ("growing oscillation", 1.06 * np.exp(0.7j), "fails"),
    ("decaying oscillation", 0.88 * np.exp(1.3j), "works"),
    ("alternation", -0.88, "third"),
)


@plates.styled
def delays(
    wave: dict[str, np.ndarray], one_moment: KoopmanOperator, two_moments: KoopmanOperator
) -> plates.Plate:
    """A standing wave, and what operators of one and of two moments predict at its first place."""
    horizon = np.arange(121)
    figure, (profiles, ahead) = plt.subplots(1, 2, figsize=(9.5, 3.4), width_ratios=(0.8, 1.2))
    for row in wave["u"][:21:3]:
        profiles.plot(PLACES, row, color=MARK, linewidth=1)
    profiles.set(title="A standing wave: rank one", xlabel=r"place $\ell$", ylabel=r"$u(\ell, t)$")
    last = len(wave["u"]) - 1
    single = one_moment.trajectory(horizon)["u"][:, 0]
    double = two_moments.trajectory(horizon)["u"][:, -1, 0]
    ahead.plot(horizon, np.cos(OMEGA * (last + horizon)), color=LINE, linewidth=5)
    ahead.plot(horizon, single, color=COLOURS["fails"])
    ahead.plot(horizon, double, color=COLOURS["works"], linewidth=1.2)
    ahead.text(30, 0.18, "one moment", color=COLOURS["fails"])
    ahead.text(76, 1.08, "two moments, on the truth", color=COLOURS["works"])
    ahead.set(title=r"Predicted at $\ell = 0$", xlabel="steps ahead", ylim=(-1.15, 1.35))
    angle = np.abs(np.angle(two_moments.eigs[0][0]))
    return plates.Plate(
        figure,
        alt="Left, profiles of a standing wave at several times, all multiples of one shape. "
        "Right, the prediction from single snapshots decays to zero without oscillating; the one "
        "from two delayed snapshots lies on the true cosine.",
        caption="Without delays the operator has the single eigenvalue "
        f"{one_moment.eigs[0][0].real:.3f}; with two it has $e^{{\\pm {angle:.6f}\\,i}}$.",
        name="delays",
    )


@plates.styled
def spectrum_draws() -> plates.Plate:
    """Six eigenvalues in the plane, and the curve in time that each of them draws."""
    figure = plt.figure(figsize=(9.5, 4.2))
    left, right = np.asarray(figure.subfigures(1, 2, width_ratios=(0.85, 1.15)))
    plane, panels = left.subplots(), right.subplots(3, 2, sharex=True)
    circle = np.exp(1j * np.linspace(0, 2 * np.pi, 200))
    plane.plot(circle.real, circle.imag, color=MARK, linewidth=1)
    for number, (panel, (name, value, colour)) in enumerate(
        zip(panels.ravel(), KINDS, strict=True), 1
    ):
        for one in {value, np.conj(value)}:
            plane.plot(np.real(one), np.imag(one), "o", color=COLOURS[colour])
        plane.annotate(
            str(number), (np.real(value), np.imag(value)), (5, 6), textcoords="offset points",
            color=COLOURS[colour],
        )  # fmt: skip
        _draw_power(panel, complex(value), f"{number}  {name}", COLOURS[colour])
    for panel in panels[-1]:
        panel.set_xlabel("steps")
    plane.set(aspect="equal", xlabel="Re λ", ylabel="Im λ", xlim=(-1.3, 1.3), ylim=(-1.2, 1.2))
    return plates.Plate(
        figure,
        alt="Left, six eigenvalues in the complex plane with the unit circle. Right, the time "
        "curve of each: growth outside the circle on the real axis, decay inside, no change at "
        "one, growing and decaying oscillations for complex pairs, alternation for a negative "
        "value.",
        caption="All that an eigenvalue can draw. Modulus above one grows, below one decays; an "
        "angle oscillates.",
        name="spectrum-draws",
    )


def _draw_power(axis: Axes, value: complex, title: str, colour: str) -> None:
    """Real parts of the powers of a number; points where they alternate."""
    steps = np.arange(26)
    marker = "." if value.real < 0 else None
    axis.plot(steps, np.real(value**steps), color=colour, marker=marker, markersize=3)
    axis.set_title(title, fontsize=9.5, color=colour)
    axis.axhline(0, color=LINE, linewidth=0.8)
    axis.set_yticks([])


def bent(found: Bent) -> plates.Text:
    """How often a path turns, and how well five exponentials predict its second half."""
    moduli = ", ".join(f"{abs(eig):.4f}" for eig in found.eigs[:5])
    return plates.Text(
        f"This path changes direction {found.turns} times; five exponentials (moduli {moduli}), "
        "fitted to its first half, predict the second half with an error of at most "
        f"{found.error:.1g}."
    )
