r"""Networks that solve a Hamiltonian system: the trial solution, its loss, and the truth.

The system is $\dot x = p$, $\dot p = -x - x^3$ from x = 1.3, p = 1 over t in [0, 4π]. A network
1-10-10-2 with sine activation gives N(t), and the trial solution is
$z(t) = z_0 + (1 - e^{-t}) N(t)$, which has the right start whatever the weights are.
"""

import jax.numpy as jnp
import numpy as np
import scipy.integrate
from jaxtyping import Array, Float, PyTree

START = (1.3, 1.0)
END = 4 * np.pi
SIZES = (1, 10, 10, 2)


def network(
    params: PyTree, t: Float[Array, "networks points"]
) -> tuple[Float[Array, "networks 2 points"], Float[Array, "networks 2 points"]]:
    r"""N(t) and its derivative $\dot N(t)$ of every network at its own points.

    Values and tangents lie side by side, so a layer is one product:
    $h \leftarrow \sin(W h + b)$, $\dot h \leftarrow \cos(W h + b) \odot W \dot h$.
    """
    points = t.shape[-1]
    h = jnp.stack([t, jnp.ones_like(t)], axis=1).reshape(len(t), 1, 2 * points)
    for depth, layer in enumerate(params):
        h = layer.weight @ h
        value, tangent = h[..., :points] + layer.bias[..., None], h[..., points:]
        if depth < len(params) - 1:
            h = jnp.concatenate([jnp.sin(value), jnp.cos(value) * tangent], axis=-1)
    return value, tangent


def solution(
    params: PyTree, t: Float[Array, "networks points"]
) -> Float[Array, "networks 2 points"]:
    """The trial solution x(t), p(t) of every network."""
    value, _ = network(params, t)
    return jnp.asarray(START, t.dtype)[None, :, None] + (1 - jnp.exp(-t))[:, None] * value


def mean_squared_residuals(
    params: PyTree, t: Float[Array, "networks points"]
) -> Float[Array, " networks"]:
    r"""Every network's loss, the mean over its points of $(\dot x - p)^2 + (\dot p + x + x^3)^2$.

    Source: Mattheakis et al., Phys. Rev. E 105 (2022), arXiv 2001.11107, for the loss and the
    trial solution.
    """
    value, tangent = network(params, t)
    decay = jnp.exp(-t)
    x, p = (s + (1 - decay) * value[:, i] for i, s in enumerate(START))
    dx, dp = (decay * value[:, i] + (1 - decay) * tangent[:, i] for i in range(2))
    return jnp.mean((dx - p) ** 2 + (dp + x + x**3) ** 2, axis=-1)


def truth(t: Float[np.ndarray, " points"]) -> Float[np.ndarray, "2 points"]:
    """The solution of the system itself, by scipy, to about ten digits."""
    found = scipy.integrate.solve_ivp(
        lambda _, z: (z[1], -z[0] - z[0] ** 3), (0, END), START,
        method="DOP853", t_eval=t, rtol=1e-11, atol=1e-11,
    )  # fmt: skip
    return found.y
