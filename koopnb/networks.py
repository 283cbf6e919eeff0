"""Fully connected classifiers as equinox modules."""

import itertools
import operator
from collections.abc import Callable, Sequence

import equinox as eqx
import jax
from jaxtyping import Array, Float, PRNGKeyArray


class MLP(eqx.Module):
    r"""Multilayer perceptron with log-softmax output.

    $$h_0 = x, \quad h_{l+1} = \phi(W_l h_l + b_l), \quad
      y = \operatorname{log\,softmax}(W_L h_L + b_L)$$

    Weights and biases start uniform in ±1/sqrt(fan-in), equinox's own rule. A layer's
    weight matrix has shape (outputs, inputs): a row with its bias is one node.

    Args:
        sizes: widths from input to output, at least two, each at least 1. The report's
            network is ``(784, 20, 20, 20, 10)``: 16,750 weights.
        activation: φ, applied after every layer but the last.
        key: seeds the weights.

    Raises:
        ValueError: fewer than two sizes, or one below 1.

    >>> import jax, koopnb
    >>> net = koopnb.MLP((4, 3, 2), key=jax.random.key(0))
    >>> net(jax.numpy.ones(4)).shape
    (2,)
    """

    layers: tuple[eqx.nn.Linear, ...]
    activation: Callable = eqx.field(static=True)

    def __init__(
        self, sizes: Sequence[int], *, activation: Callable = jax.nn.relu, key: PRNGKeyArray
    ):
        sizes = tuple(operator.index(size) for size in sizes)
        if len(sizes) < 2 or min(sizes) < 1:
            raise ValueError(
                f"sizes={sizes}: an MLP needs at least two widths, input and output, each at "
                "least 1, for example sizes=(784, 20, 20, 20, 10)."
            )
        keys = jax.random.split(key, len(sizes) - 1)
        self.layers = tuple(
            eqx.nn.Linear(fan_in, fan_out, key=k)
            for (fan_in, fan_out), k in zip(itertools.pairwise(sizes), keys, strict=True)
        )
        self.activation = activation

    def __call__(self, x: Float[Array, " inputs"]) -> Float[Array, " classes"]:
        for layer in self.layers[:-1]:
            x = self.activation(layer(x))
        return jax.nn.log_softmax(self.layers[-1](x))
