"""The noise of mini-batch gradients: what it is made of, how much there is, in which directions."""

import operator

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, Int, PyTree

from koopnb.training import cross_entropy


@eqx.filter_jit
def per_example_gradients(
    params: PyTree, x: Float[Array, "samples d"], y: Int[Array, " samples"]
) -> Float[Array, "samples m"]:
    r"""The gradient of every sample's own loss, $\nabla f_i(\theta)$, one a row.

    Their mean is the gradient of the loss on all samples.

    Args:
        params: the network, $\theta$.
        x: inputs.
        y: classes.

    Returns:
        The gradients with all leaves of ``params`` flattened into m columns.
    """
    one = jnp.ones(1, bool)

    def gradient(sample: Float[Array, " d"], label: Int[Array, ""]) -> Float[Array, " m"]:
        grads = eqx.filter_grad(cross_entropy)(params, sample[None], label[None], one)
        return ravel_pytree(eqx.filter(grads, eqx.is_inexact_array))[0]

    return jax.vmap(gradient)(x, y)


@eqx.filter_jit
def losses_along(
    params: PyTree,
    direction: Float[Array, " m"],
    distances: Float[Array, " points"],
    x: Float[Array, "samples d"],
    y: Int[Array, " samples"],
) -> Float[Array, "points samples"]:
    r"""The loss of every sample along a line in the space of weights; a batch's is their mean.

    Args:
        params: where the line begins, $\theta$.
        direction: where it goes, in the order of `per_example_gradients`.
        distances: the points of it, in lengths of ``direction``.
        x: inputs.
        y: classes.
    """
    arrays, static = eqx.partition(params, eqx.is_inexact_array)
    origin, unravel = ravel_pytree(arrays)

    def losses(distance: Float[Array, ""]) -> Float[Array, " samples"]:
        network = eqx.combine(unravel(origin + distance * direction), static)
        return -jnp.take_along_axis(jax.vmap(network)(x), y[:, None], axis=1)[:, 0]

    return jax.lax.map(losses, distances)


def draw_batches(
    rng: np.random.Generator, samples: int, batch_size: int, draws: int, *, replace: bool
) -> Int[np.ndarray, "draws batch"]:
    """The sample numbers of independent mini-batches.

    Args:
        rng: the source of chance.
        samples: N, how many there are to draw from.
        batch_size: |B|, at least 1; at most N without replacement.
        draws: how many batches.
        replace: whether a batch may hold a sample twice.

    Raises:
        ValueError: a batch size that is out of range.
    """
    samples, batch_size = operator.index(samples), operator.index(batch_size)
    if batch_size < 1 or (not replace and batch_size > samples):
        raise ValueError(
            f"batch_size={batch_size}: a batch drawn {'with' if replace else 'without'} "
            f"replacement from {samples} samples has at least 1"
            + ("." if replace else f" and at most {samples}.")
        )
    if replace:
        return rng.integers(samples, size=(draws, batch_size))
    every = np.tile(np.arange(samples), (draws, 1))
    return rng.permuted(every, axis=1)[:, :batch_size]


def batch_noise(
    gradients: Float[Array | np.ndarray, "samples m"], batches: Int[np.ndarray, "draws batch"]
) -> Float[np.ndarray, "draws m"]:
    r"""The error of every batch's gradient, $\nabla f_B - \nabla f$.

    $$\frac{1}{|B|} \sum_{i \in B} \nabla f_i - \frac1N \sum_i \nabla f_i$$

    Args:
        gradients: from `per_example_gradients`, or any values with the samples leading.
        batches: from `draw_batches`.
    """
    from scipy.sparse import csr_array

    draws, size = batches.shape
    each = np.asarray(gradients)
    shares = np.full(batches.size, 1 / size, each.dtype)
    rows = size * np.arange(draws + 1)
    means = csr_array((shares, batches.ravel(), rows), shape=(draws, len(each))) @ each
    return means - each.mean(axis=0)


def noise_variance(
    gradients: Float[Array | np.ndarray, "samples m"], batch_size: int, *, replace: bool
) -> float:
    r"""The expected squared length of `batch_noise`, without drawing a batch.

    $$E\,|\nabla f_B - \nabla f|^2 = \frac{\operatorname{tr} C}{|B|} \cdot
      \begin{cases} 1 & \text{with replacement} \\
      (N - |B|)/(N - 1) & \text{without} \end{cases}$$

    where C is the covariance of the N per-example gradients.

    Args:
        gradients: from `per_example_gradients`.
        batch_size: |B|, at least 1; at most N without replacement.
        replace: how the batches are drawn.

    Raises:
        ValueError: a batch size that is out of range.

    Source: Cochran, Sampling Techniques (1977), chapter 2, for the finite population.
    """
    samples, batch_size = len(gradients), operator.index(batch_size)
    if batch_size < 1 or (not replace and batch_size > samples):
        raise ValueError(
            f"batch_size={batch_size}: it must be at least 1, and at most the {samples} samples "
            "if they are drawn without replacement."
        )
    total = float(jnp.sum(jnp.var(jnp.asarray(gradients), axis=0)))
    factor = 1.0 if replace else (samples - batch_size) / (samples - 1)
    return factor * total / batch_size


def noise_spectrum(gradients: Float[Array | np.ndarray, "samples m"]) -> Float[np.ndarray, " r"]:
    r"""The eigenvalues of the covariance C of the per-example gradients, largest first.

    With N samples and m weights there are min(N, m) of them; the others are zero. They come
    from the smaller of the two Gram matrices.

    Args:
        gradients: from `per_example_gradients`.
    """
    centred = jnp.asarray(gradients) - jnp.mean(jnp.asarray(gradients), axis=0, keepdims=True)
    gram = centred @ centred.T if len(centred) <= centred.shape[1] else centred.T @ centred
    values = np.asarray(jnp.linalg.eigvalsh(gram))[::-1] / len(centred)
    return np.maximum(values, 0)
