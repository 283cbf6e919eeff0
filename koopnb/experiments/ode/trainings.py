"""Training of many networks at once, with their weights recorded."""

import functools
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, PRNGKeyArray, PyTree

from koopnb.experiments.ode.configuration import UNTUNED_OPTIMIZERS, OdeConfig
from koopnb.experiments.ode.oscillator import END, SIZES, mean_squared_residuals
from koopnb.networks import MLP


class State(NamedTuple):
    """All networks at once: every leaf of ``params`` leads with the networks."""

    params: PyTree
    opt_state: PyTree
    step: Int[Array, ""]


class NetworkRuns(NamedTuple):
    """The training of all networks.

    ``state`` stands at the end of the record. ``losses`` are those of every iteration.
    ``snapshots`` holds the recorded weights and ``further`` those of the iterations after the
    record; the leaves of both lead with time, then with the networks.
    """

    state: State
    losses: Float[np.ndarray, "iterations networks"]
    snapshots: PyTree
    further: PyTree


def fresh_networks(config: OdeConfig) -> State:
    """Networks before training, and the optimizer's state."""
    keys = jax.random.split(jax.random.key(config.seed), config.networks)
    params = eqx.filter_vmap(lambda key: MLP(SIZES, key=key).layers)(keys)
    return State(params, _optimizer_of(config).init(params), jnp.zeros((), jnp.int32))


def equidistant_times(config: OdeConfig) -> Float[Array, "networks points"]:
    """The fixed collocation points, at which every loss in a record's metrics is taken."""
    t = jnp.linspace(0, END, config.collocation, dtype=jnp.float32)
    return jnp.broadcast_to(t, (config.networks, config.collocation))


@functools.partial(jax.jit, static_argnames=("config", "length", "keep"))
def advance(
    state: State, key: PRNGKeyArray, config: OdeConfig, length: int, keep: bool
) -> tuple[State, tuple[Float[Array, "iterations networks"], PyTree]]:
    """Trains for ``length`` iterations in one compiled loop.

    Returns the state at its end, and of every iteration the losses before its step and, with
    ``keep``, the weights after it.
    """
    fixed, optimizer = equidistant_times(config), _optimizer_of(config)

    def total(params: PyTree, t: Array) -> tuple[Array, Array]:
        each = mean_squared_residuals(params, t)
        return jnp.sum(each), each

    def iterate(state: State, _: None) -> Any:
        t = fixed
        if config.points == "jittered":
            within = jax.random.uniform(jax.random.fold_in(key, state.step), fixed.shape)
            t = (jnp.arange(config.collocation)[None] + within) * (END / config.collocation)
        grads, each = jax.grad(total, has_aux=True)(state.params, t)
        updates, opt_state = optimizer.update(grads, state.opt_state, state.params)
        params = optax.apply_updates(state.params, updates)
        return State(params, opt_state, state.step + 1), (each, params if keep else None)

    return jax.lax.scan(iterate, state, length=length)


def train_networks(config: OdeConfig) -> NetworkRuns:
    """Burns in, records, and trains on as far as operators predict; all networks in one batch."""
    key = jax.random.fold_in(jax.random.key(config.seed), 1)
    state, (before, _) = advance(fresh_networks(config), key, config, config.burn_in, False)
    at_end, (during, snapshots) = advance(state, key, config, config.record, True)
    _, (after, further) = advance(at_end, key, config, config.horizon, True)
    return NetworkRuns(at_end, np.concatenate([before, during, after]), snapshots, further)


def rows_of_weights(params: PyTree) -> Float[Array, "networks weights"]:
    """The weights of every network in a row."""
    return jnp.concatenate(
        [leaf.reshape(len(leaf), -1) for leaf in jax.tree.leaves(params)], axis=1
    )


def networks_of_rows(rows: Float[np.ndarray, "networks weights"]) -> PyTree:
    """Networks from rows of weights; undoes `rows_of_weights`."""
    like = eqx.filter_eval_shape(fresh_networks, OdeConfig(networks=1)).params
    leaves, treedef = jax.tree.flatten(like)
    cuts = np.cumsum([leaf.size for leaf in leaves])[:-1]
    parts = np.split(np.asarray(rows), cuts, axis=1)
    arrays = [
        jnp.asarray(x).reshape(-1, *leaf.shape[1:]) for x, leaf in zip(parts, leaves, strict=True)
    ]
    return jax.tree.unflatten(treedef, arrays)


def _optimizer_of(config: OdeConfig) -> optax.GradientTransformation:
    """The optimizer of a configuration, with its untuned learning rate."""
    make, rate = UNTUNED_OPTIMIZERS[config.optimizer]
    return make(rate)
