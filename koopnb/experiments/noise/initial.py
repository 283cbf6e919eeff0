"""Networks from weights of very different size: who reaches a low loss with how much data."""

import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, PRNGKeyArray

from koopnb import training
from koopnb.networks import MLP

LAYERS = (64, 10, 10, 10)
SAMPLES, BATCH, ITERATIONS = 256, 16, 192
PASSES = ITERATIONS * BATCH // SAMPLES
STEP = 0.2  # learning rate
READY = 0.5  # the loss to get below
WEIGHTS = sum((wide + 1) * narrow for wide, narrow in itertools.pairwise(LAYERS))


def losses(
    x: Float[Array, "samples d"], y: Int[Array, " samples"], *, networks: int, seed: int
) -> dict[str, np.ndarray]:
    """Every network's last loss, by mini-batches and twice by the full batch, and its size.

    The full batch has as many iterations, or as many passes over the data. ``gains`` are the
    sizes of the initial weights, relative to the usual.
    """
    key = jax.random.key(seed)
    gains = np.geomspace(0.25, 4, networks)
    starts = eqx.filter_vmap(_initialize)(
        jax.random.split(key, networks), jnp.asarray(gains, jnp.float32)
    )
    orders = [training.epoch_batches(one, SAMPLES, BATCH) for one in jax.random.split(key, PASSES)]
    whole = np.tile(np.arange(SAMPLES, dtype=np.int32), (ITERATIONS, 1))
    ways = {
        "mini-batches": np.concatenate(orders),
        "same iterations": whole,
        "same data": whole[:PASSES],
    }
    x, y = x[:SAMPLES], y[:SAMPLES]
    found = {
        name: np.asarray(_last_losses(starts, jnp.asarray(batches), x, y))
        for name, batches in ways.items()
    }
    return {"gains": gains} | found


def shares(found: dict[str, np.ndarray]) -> dict[str, float]:
    """The share of networks that each way brings below the loss to reach."""
    return {name: float((last < READY).mean()) for name, last in found.items() if name != "gains"}


def _initialize(key: PRNGKeyArray, gain: Float[Array, ""]) -> MLP:
    network = MLP(LAYERS, key=key)
    return jax.tree.map(lambda leaf: leaf * gain if eqx.is_array(leaf) else leaf, network)


@eqx.filter_jit
def _last_losses(
    networks: MLP,
    batches: Int[Array, "iterations batch"],
    x: Float[Array, "samples d"],
    y: Int[Array, " samples"],
) -> Float[Array, " networks"]:
    """Each network's loss on all samples, after one iteration a batch."""
    descent = optax.sgd(STEP)

    def one(network: MLP) -> Float[Array, ""]:
        arrays, static = eqx.partition(training.start(network, descent), eqx.is_array)

        def iterate(
            arrays: training.TrainState, batch: Int[Array, " batch"]
        ) -> tuple[training.TrainState, None]:
            state = eqx.combine(arrays, static)
            state, _ = training.train_step(state, x[batch], y[batch], batch >= 0, descent)
            return eqx.filter(state, eqx.is_array), None

        arrays, _ = jax.lax.scan(iterate, arrays, batches)
        return training.evaluate(eqx.combine(arrays, static).model, x, y)[0]

    return eqx.filter_vmap(one)(networks)
