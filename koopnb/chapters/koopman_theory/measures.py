"""Which observables are square-integrable, under which measure."""

import matplotlib.pyplot as plt
import numpy as np

from koopnb.drawing import plates
from koopnb.drawing.palette import COLOURS
from koopnb.experiments.closure.experiment import RADII, second_moments

DASHED = (0, (4, 2))


@plates.styled
def square_integrable() -> plates.Plate:
    """Norms of identity and projection on growing boxes, under three measures on the plane."""
    figure, axis = plt.subplots(figsize=(7, 3.6))
    for name, colour in (("Lebesgue", "fails"), ("Cauchy", "third"), ("Gaussian", "works")):
        moments = second_moments(name)
        how = {"color": COLOURS[colour], "linewidth": 2.2}
        axis.loglog(RADII, np.sqrt(2 * moments), **how)
        axis.loglog(RADII, np.sqrt(moments), linestyle=DASHED, **how)
        end = np.sqrt(1.4 * moments[-1])
        axis.text(RADII[-1] * 1.1, end, name, color=COLOURS[colour], va="center")
    axis.plot([], [], color=COLOURS["truth"], label=r"identity $I$")
    axis.plot([], [], color=COLOURS["truth"], linestyle=DASHED, label=r"projection $\pi_1$")
    axis.legend(loc="upper left")
    axis.set(xlabel="radius of the box", ylabel="$L^2$ norm on the box")
    axis.set(xlim=(0.5, 2500), ylim=(0.1, 1e7))
    return plates.Plate(
        figure,
        alt="Norms of the identity and of a projection on growing boxes in the plane. Under the "
        "Lebesgue and the Cauchy measure both grow without bound, under the Gaussian measure both "
        "level off; the two curves of a measure always run side by side.",
        caption="Identity and projection on a box of growing radius, for three measures on the "
        "plane. A norm that levels off is finite: the Gaussian's. Identity and projection always "
        "share their fate.",
        name="square-integrable",
    )
