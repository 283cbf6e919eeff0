"""Loss landscapes small enough to draw: scalar fields on the line and the plane."""

import functools
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

# Inputs that the teacher w2 tanh(w1 x) of `two_weight_network` labels.
INPUTS = (-2.0, -1.0, -0.5, 0.5, 1.0, 2.0)
TEACHER = (1.5, 1.0)


class Potential(eqx.Module):
    """A scalar field f on R^d: a loss in the eyes of an optimizer, a potential energy in physics.

    Everything in it is static: it compares and hashes by value, and compiled functions take it
    as a constant.

    Args:
        name: what figures call it.
        dimension: d.
        function: x (d,) to f(x), in operations that JAX can differentiate.
        minima: local minima, deepest first.
        start: where a path begins if nobody says otherwise.
        view: (low, high) of each axis of a plot.
        coefficients: of f in ascending powers, where f is a polynomial of one variable.

    Raises:
        ValueError: a start, a minimum or a view that does not have d entries.
    """

    name: str = eqx.field(static=True)
    dimension: int = eqx.field(static=True)
    function: Callable[[Array], Array] = eqx.field(static=True)
    minima: tuple[tuple[float, ...], ...] = eqx.field(static=True)
    start: tuple[float, ...] = eqx.field(static=True)
    view: tuple[tuple[float, float], ...] = eqx.field(static=True)
    coefficients: tuple[float, ...] | None = eqx.field(static=True, default=None)

    def __check_init__(self) -> None:
        found = {"start": self.start, "view": self.view}
        found |= {f"minimum {point}": point for point in self.minima}
        for what, value in found.items():
            if len(value) != self.dimension:
                raise ValueError(
                    f"{self.name}: {what} has {len(value)} entries and the potential "
                    f"{self.dimension} dimensions: give one entry a dimension."
                )

    def __call__(self, x: Float[Array | np.ndarray, " d"]) -> Float[Array, ""]:
        """f(x)."""
        return self.function(jnp.asarray(x))

    def gradient(self, x: Float[Array | np.ndarray, " d"]) -> Float[Array, " d"]:
        """∇f(x), by automatic differentiation."""
        return jax.grad(self.function)(jnp.asarray(x))

    def hessian(self, x: Float[Array | np.ndarray, " d"]) -> Float[Array, "d d"]:
        """∇²f(x), by automatic differentiation."""
        return jax.hessian(self.function)(jnp.asarray(x))


@functools.cache
def double_well(top: float = 0.75) -> Potential:
    r"""A shallow minimum, a deep one, a barrier between them and a horizontal inflection point.

    $f'(x) = (x + 1)^2 x (x - b) (x - 3/2)$ and f(0) = 0: the inflection is at -1, where f' has a
    double root, the shallow minimum at 0, the top of the barrier at b, the deep minimum at 3/2.
    With b = 3/4, $f(x) = x^6/6 - x^5/20 - 19 x^4/32 + 9 x^2/16$.

    Args:
        top: b, between 0 and 0.8. The lower, the shallower the minimum at 0.

    Raises:
        ValueError: a barrier elsewhere, so that the minimum at 3/2 would not be the deep one.

    >>> double_well().gradient(np.array([-2.0], np.float32)).round(2).tolist()
    [-19.25]
    """
    if not 0 < top < 0.8:
        raise ValueError(
            f"top={top}: the barrier must stand between 0 and 0.8, or the minimum at 3/2 would "
            "not be the deeper of the two."
        )
    total, product = top + 1.5, top * 1.5
    slope = (0.0, product, 2 * product - total, product - 2 * total + 1, 2 - total, 1.0)
    rising = (0.0, *(c / (power + 1) for power, c in enumerate(slope)))
    return Potential(
        name="double well with an inflection",
        dimension=1,
        function=lambda x: jnp.polyval(jnp.asarray(rising[::-1], x.dtype), x[0]),
        minima=((1.5,), (0.0,)),
        start=(-1.6,),
        view=((-1.75, 1.95),),
        coefficients=rising,
    )


@functools.cache
def quadratic(curvatures: tuple[float, ...] = (1.0, 25.0)) -> Potential:
    r"""$f(x) = \frac12 \sum_i h_i x_i^2$: the model of every minimum, with curvatures $h_i > 0$.

    Raises:
        ValueError: no curvature, or one that is not positive and finite.
    """
    if not curvatures or not all(0 < h < np.inf for h in curvatures):
        raise ValueError(
            f"curvatures={curvatures}: give at least one, all positive and finite, as a tuple."
        )
    d = len(curvatures)
    return Potential(
        name="quadratic bowl",
        dimension=d,
        function=lambda x: 0.5 * jnp.sum(jnp.asarray(curvatures, x.dtype) * x**2),
        minima=((0.0,) * d,),
        start=(1.0,) * d,
        view=((-1.2, 1.2),) * d,
    )


@functools.cache
def rosenbrock() -> Potential:
    """f(x, y) = (1 - x)^2 + 100 (y - x^2)^2, a flat curved valley with steep walls.

    Source: Rosenbrock, The Computer Journal 3 (1960) 175.
    """
    return Potential(
        name="Rosenbrock's valley",
        dimension=2,
        function=lambda x: (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2,
        minima=((1.0, 1.0),),
        start=(-1.2, 1.0),
        view=((-1.6, 1.6), (-0.6, 1.8)),
    )


@functools.cache
def two_weight_network() -> Potential:
    r"""Half the mean squared error of the network $w_2 \tanh(w_1 x)$ on six labelled inputs.

    The labels are those of the same network with weights ``TEACHER``, so the minima are the
    teacher and its mirror image, with loss 0; between them, at the origin, is a saddle.
    """

    def loss(weights: Array) -> Array:
        x = jnp.asarray(INPUTS, weights.dtype)
        labels = TEACHER[1] * jnp.tanh(TEACHER[0] * x)
        return 0.5 * jnp.mean((weights[1] * jnp.tanh(weights[0] * x) - labels) ** 2)

    return Potential(
        name="network of two weights",
        dimension=2,
        function=loss,
        minima=(TEACHER, (-TEACHER[0], -TEACHER[1])),
        start=(-0.4, 1.6),
        view=((-3.0, 3.0), (-2.2, 2.2)),
    )


POTENTIALS: dict[str, Callable[[], Potential]] = {
    "double-well": double_well,
    "quadratic": quadratic,
    "rosenbrock": rosenbrock,
    "two-weight-network": two_weight_network,
}
