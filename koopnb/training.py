"""Training by compiled epochs, with what to record apart from when to record it."""

import functools
import operator
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray, PyTree
from tqdm import tqdm

from koopnb.operators.snapshots import WindowMeans


class TrainState(NamedTuple):
    """What one iteration hands to the next."""

    model: PyTree
    opt_state: PyTree
    step: Int[Array, ""]


class Recording(NamedTuple):
    """When to record and what.

    Args:
        when: from the iteration numbers of an epoch, shape (iterations,), counted from 1 over
            the whole training, to a mask of the same shape. `every` makes one.
        what: from the state *after* the iteration to the pytree that is kept.
    """

    when: Callable[[Int[np.ndarray, " iterations"]], Bool[np.ndarray, " iterations"]]
    what: Callable[[TrainState], PyTree]


class Trained(NamedTuple):
    """The result of `train`: the last state, the loss of every batch, what was recorded.

    ``losses`` has shape (iterations,); every leaf of ``recorded`` has a leading time axis.
    Without a recording ``recorded`` is None.
    """

    state: TrainState
    losses: Float[np.ndarray, " iterations"]
    recorded: PyTree


def model_of(state: TrainState) -> PyTree:
    """Records the weights."""
    return state.model


def every(period: int, *, after: int = 0) -> Callable[[np.ndarray], np.ndarray]:
    """Records the iterations after + period, after + 2 period, ...

    Raises:
        ValueError: a period below 1 or a negative ``after``.
    """
    period, after = operator.index(period), operator.index(after)
    if period < 1 or after < 0:
        raise ValueError(
            f"every(period={period}, after={after}): the period must be at least 1 iteration "
            "and `after` at least 0."
        )
    return lambda steps: (steps > after) & ((steps - after) % period == 0)


# The weights after every iteration: what `koopnb.fit` takes.
every_iteration = Recording(every(1), model_of)


def start(model: PyTree, optimizer: optax.GradientTransformation) -> TrainState:
    """The state before the first iteration."""
    arrays = eqx.filter(model, eqx.is_inexact_array)
    return TrainState(model, optimizer.init(arrays), jnp.zeros((), jnp.int32))


def with_means(
    optimizer: optax.GradientTransformation, *, window: int, capacity: int
) -> optax.GradientTransformationExtraArgs:
    """The same optimizer, whose state also holds means of the weights over windows.

    The weights after every iteration enter, so ``state.opt_state[1].snapshots()`` is what
    `koopnb.fit` takes, and no snapshot need be kept.

    Args:
        optimizer: any optax transformation.
        window: iterations a mean, at least 1.
        capacity: means kept, the newest, at least 2.

    Raises:
        ValueError: a window or capacity below that, when the state is made.
    """
    inner = optax.with_extra_args_support(optimizer)

    def init(params: PyTree) -> tuple[PyTree, WindowMeans]:
        return inner.init(params), WindowMeans.start(params, window=window, capacity=capacity)

    def update(updates: PyTree, state: Any, params: PyTree = None, **extra: Any) -> Any:
        if params is None:
            raise ValueError(optax.NO_PARAMS_MSG)
        inner_state, means = state
        updates, inner_state = inner.update(updates, inner_state, params, **extra)
        return updates, (inner_state, means.update(optax.apply_updates(params, updates)))

    return optax.GradientTransformationExtraArgs(init, update)


def cross_entropy(
    model: Callable,
    x: Float[Array, "batch d"],
    y: Int[Array, " batch"],
    used: Bool[Array, " batch"],
) -> Float[Array, ""]:
    """Mean negative log-likelihood over the samples that are used (the last batch is padded)."""
    log_p = jnp.take_along_axis(jax.vmap(model)(x), y[:, None], axis=1)[:, 0]
    return -jnp.sum(jnp.where(used, log_p, 0)) / jnp.sum(used)


def epoch_batches(
    key: PRNGKeyArray, samples: int, batch_size: int
) -> Int[np.ndarray, "iterations batch"]:
    """One epoch's sample numbers, reshuffled; the last batch is padded with -1."""
    order = np.asarray(jax.random.permutation(key, samples), np.int32)
    return _cut(order[None], batch_size)


def _batches(
    key: PRNGKeyArray, epochs: range, samples: int, batch_size: int
) -> Int[np.ndarray, "iterations batch"]:
    """`epoch_batches` of these epochs of a training, one after the other."""
    if batch_size >= samples:  # one batch an epoch: its order is of no consequence
        orders = np.broadcast_to(np.arange(samples, dtype=np.int32), (len(epochs), samples))
    else:
        orders = np.asarray(_orders(key, jnp.asarray(epochs), samples), np.int32)
    return _cut(orders, batch_size)


@functools.partial(jax.jit, static_argnames="samples")
def _orders(
    key: PRNGKeyArray, epochs: Int[Array, " epochs"], samples: int
) -> Int[Array, "epochs samples"]:
    return jax.vmap(lambda e: jax.random.permutation(jax.random.fold_in(key, e), samples))(epochs)


def _cut(
    orders: Int[np.ndarray, "epochs samples"], batch_size: int
) -> Int[np.ndarray, "iterations batch"]:
    padding = ((0, 0), (0, -orders.shape[1] % batch_size))
    return np.pad(orders, padding, constant_values=-1).reshape(-1, batch_size)


def train(
    state: TrainState,
    x: Float[Array | np.ndarray, "samples d"],
    y: Int[Array | np.ndarray, " _labels"],
    *,
    optimizer: optax.GradientTransformation,
    epochs: int,
    key: PRNGKeyArray,
    batch_size: int = 64,
    recording: Recording | None = None,
    loss: Callable = cross_entropy,
    epochs_per_scan: int = 1,
    progress: str | None = None,
) -> Trained:
    r"""Trains for whole epochs; an epoch is one compiled scan over its batches.

    Iteration k applies $\theta_{k+1} = \theta_k + u(\nabla L_{B_k}(\theta_k))$ with the
    optimizer's update u. Batches are drawn without replacement and reshuffled every epoch;
    the last one is shorter when batch_size does not divide the samples. Epoch e of the whole
    training is shuffled with ``jax.random.fold_in(key, e)``, unless one batch holds all, so
    training in two calls equals one call.

    Args:
        state: from `start`, or the state of an earlier call; it must stand at an epoch's end.
        x: inputs.
        y: classes.
        optimizer: any optax transformation; it gets the parameters and ``value``, the loss.
        epochs: how many, at least 0.
        key: seeds the order of the samples.
        batch_size: samples an iteration, at least 1.
        recording: what to keep of the way, and when.
        loss: ``loss(model, x, y, used)`` of one batch.
        epochs_per_scan: epochs that share one compiled scan; more is faster where epochs are short.
        progress: the progress bar's label; None shows no bar.

    Raises:
        ValueError: x and y of unequal length, epochs, batch_size or together out of range, or
            a state in the middle of an epoch.

    Source: the report's protocol; Zeiler, arXiv 1212.5701 for Adadelta.
    """
    epochs, batch_size = operator.index(epochs), operator.index(batch_size)
    epochs_per_scan = operator.index(epochs_per_scan)
    if len(x) != len(y) or len(x) == 0:
        raise ValueError(
            f"x has {len(x)} samples and y has {len(y)}: both need the same number, at least 1."
        )
    if epochs < 0 or batch_size < 1:
        raise ValueError(
            f"epochs={epochs}, batch_size={batch_size}: epochs must be at least 0 and "
            "batch_size at least 1."
        )
    if epochs_per_scan < 1:
        raise ValueError(
            f"epochs_per_scan={epochs_per_scan}: a compiled scan needs at least 1 epoch."
        )
    x, y = jnp.asarray(x), jnp.asarray(y)
    per_epoch = -(-len(x) // batch_size)
    done, rest = divmod(int(state.step), per_epoch)
    if rest:
        raise ValueError(
            f"The state stands {rest} iterations into an epoch of {per_epoch}. Train on with "
            "the data and batch_size it was trained with, from an epoch's end."
        )
    losses, parts = [], []
    bar = tqdm(total=epochs, desc=progress, unit="epoch", disable=progress is None)
    for first in range(done, done + epochs, epochs_per_scan):
        numbers = range(first, min(first + epochs_per_scan, done + epochs))
        steps = np.arange(numbers.start * per_epoch + 1, numbers.stop * per_epoch + 1)
        kept = recording.when(steps) if recording else np.zeros(len(steps), bool)
        slots = np.where(kept, np.cumsum(kept) - 1, len(steps)).astype(np.int32)
        batches = _batches(key, numbers, len(x), batch_size)
        state, batch_losses, recorded = _epoch(
            state, x, y, jnp.asarray(batches), jnp.asarray(slots), int(kept.sum()), optimizer, loss,
            recording.what if recording else None,
        )  # fmt: skip
        losses.append(np.asarray(batch_losses))
        if recorded is not None:
            parts.append(recorded)
        bar.set_postfix(loss=f"{losses[-1].mean():.4f}")
        bar.update(len(numbers))
    bar.close()
    recorded = None
    if parts:
        recorded = (
            parts[0] if len(parts) == 1 else jax.tree.map(lambda *p: jnp.concatenate(p), *parts)
        )
    return Trained(state, np.concatenate(losses) if losses else np.empty(0, np.float32), recorded)


@eqx.filter_jit
def train_step(
    state: TrainState,
    x: Float[Array, "batch d"],
    y: Int[Array, " batch"],
    used: Bool[Array, " batch"],
    optimizer: optax.GradientTransformation,
    loss: Callable = cross_entropy,
) -> tuple[TrainState, Float[Array, ""]]:
    """One iteration: the new state, and the batch's loss before it."""
    value, grads = eqx.filter_value_and_grad(loss)(state.model, x, y, used)
    arrays = eqx.filter(state.model, eqx.is_inexact_array)
    extended = optax.with_extra_args_support(optimizer)
    updates, opt_state = extended.update(grads, state.opt_state, arrays, value=value)
    return TrainState(eqx.apply_updates(state.model, updates), opt_state, state.step + 1), value


@eqx.filter_jit
def _epoch(
    state: TrainState,
    x: Float[Array, "samples d"],
    y: Int[Array, " samples"],
    batches: Int[Array, "iterations batch"],
    slots: Int[Array, " iterations"],
    n_recorded: int,
    optimizer: optax.GradientTransformation,
    loss: Callable,
    what: Callable | None,
) -> tuple[TrainState, Float[Array, " iterations"], PyTree]:
    carried, static = eqx.partition(state, eqx.is_array)
    shapes = None if what is None else eqx.filter_eval_shape(what, state)
    room = jax.tree.map(lambda s: jnp.zeros((n_recorded, *s.shape), s.dtype), shapes)

    def iterate(carry: Any, batch: Any) -> Any:
        carried, room = carry
        samples, slot = batch
        now, value = train_step(
            eqx.combine(carried, static), x[samples], y[samples], samples >= 0, optimizer, loss
        )
        if what is not None and n_recorded:
            item = jax.lax.cond(
                slot < n_recorded,
                what,
                lambda _: jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes),
                now,
            )
            room = jax.tree.map(lambda r, i: r.at[slot].set(i, mode="drop"), room, item)
        return (eqx.filter(now, eqx.is_array), room), value

    (carried, room), losses = jax.lax.scan(iterate, (carried, room), (batches, slots))
    return eqx.combine(carried, static), losses, room


@eqx.filter_jit
def evaluate(
    model: PyTree, x: Float[Array, "samples d"], y: Int[Array, " samples"]
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Mean negative log-likelihood and accuracy (0 to 1) over all samples."""
    log_p = jax.vmap(model)(x)
    loss = -jnp.mean(jnp.take_along_axis(log_p, y[:, None], axis=1))
    return loss, jnp.mean(jnp.argmax(log_p, axis=1) == y, dtype=log_p.dtype)


@eqx.filter_jit
def evaluate_path(
    path: PyTree,
    x: Float[Array, "samples d"],
    y: Int[Array, " samples"],
    *,
    models_at_once: int = 8,
) -> tuple[Float[Array, " times"], Float[Array, " times"]]:
    """`evaluate` along the leading time axis of a recorded or predicted path.

    ``models_at_once`` networks are evaluated side by side: a wider first product uses the cores
    better.
    """
    arrays, static = eqx.partition(path, eqx.is_array)
    return jax.lax.map(
        lambda one: evaluate(eqx.combine(one, static), x, y), arrays, batch_size=models_at_once
    )
