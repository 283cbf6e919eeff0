"""Operators of real records against the authors' program and against explicit ones."""

import functools
import itertools

import jax
import numpy as np
import optax
import pytest
from support.helpers import DATA, assert_trees_close, blocks_of, first_layer_node
from support.oracles import RESIDUAL, explicit_operator, factors, residual_excess, skew

from koopnb import data, training
from koopnb.experiments import ode
from koopnb.networks import MLP
from koopnb.operators.koopman import fit

EPS = float(np.finfo(np.float64).eps)
HORIZONS = (1, 50, 400)


def matlab(record):
    """MATLAB's cutoff, max(size) eps, where a block has fewer weights than there are pairs."""
    return (len(jax.tree.leaves(record)[0]) - 1) * EPS


def matlab_operator(record, partition, **options):
    options = {"solver": "svd", "dtype": "float64", "rcond": matlab(record)} | options
    return fit(record, partition=partition, **options)


def in_steps(distance, block):
    """In units of the last step that was recorded."""
    return float(np.linalg.norm(distance) / np.linalg.norm(block[-1] - block[-2]))


# --- the authors' program -------------------------------------------------------------------

# Relative to the largest weight: ten times what NumPy's and Octave's LAPACK leave between them.
AGREEMENT = {
    1: (5e-14, 2e-12, 2e-11), 7: (2e-13, 2e-11, 1e-10), 8: (2e-13, 2e-11, 1e-10),
    21: (6e-13, 5e-11, 3e-10),
}  # fmt: skip


@pytest.mark.parametrize("q", AGREEMENT)
def test_last_layer_nodes_agree_with_the_authors_program(q):
    """Weights, quasi-nodes and nodes at every horizon, in double precision."""
    stored = np.load(DATA / "node-koopman.npz")
    record = {"node": stored["snapshots"].astype(np.float64)}
    partition, size = ("node", None) if q == 21 else ("quasi-node", q)
    operator = matlab_operator(record, partition, q=size)
    path = np.asarray(operator.trajectory(HORIZONS)["node"])
    for ahead, steps, allowed in zip(path, HORIZONS, AGREEMENT[q], strict=True):
        expected = stored[f"q{q}_steps{steps}"]
        assert np.abs(ahead - expected).max() < allowed * np.abs(expected).max(), (q, steps)


@functools.cache
def first_layer():
    """The record, its explicit operator with MATLAB's cutoff, and the program's prediction."""
    block = first_layer_node().astype(np.float64)
    sigma = np.linalg.svd(block[:-1], compute_uv=False)
    exact = explicit_operator(block, int((sigma > matlab(block) * sigma[0]).sum()))
    return block, exact, np.load(DATA / "first-layer-node-ahead.npy")


def test_a_first_layer_node_lies_near_the_authors_prediction():
    """One iteration ahead, within half a true step: an operator of condition 1e11."""
    block, exact, expected = first_layer()
    operator = matlab_operator({"node": block.astype(np.float32)}, "network")
    assert operator.rank.tolist() == [len(exact.sigma)]
    assert in_steps(blocks_of(operator, operator.predict(1))[0] - expected, block) < 0.5
    assert in_steps(exact.step(block[-1]) - expected, block) < 1e-3


@pytest.mark.parametrize(
    ("solver", "dtype", "rank"),
    [("gram", "float32", None), ("gram", "float64", None), ("randomized", "float32", 8),
     ("randomized", "float64", 8), ("svd", "float64", None)],
)  # fmt: skip
def test_a_first_layer_node_by_every_route(solver, dtype, rank):
    """Optimal, orthonormal, and within half a step, at the solver's own cutoff."""
    block = first_layer()[0]
    record = {"node": block.astype(dtype)}
    operator = fit(record, partition="network", solver=solver, rank=rank)
    (found,) = factors(operator)
    exact = explicit_operator(block, found.rank)
    assert residual_excess(found.applied(exact.before), exact) < RESIDUAL[dtype]
    assert skew(found, exact) < 1
    for ahead in (blocks_of(operator, operator.predict(1))[0], found.applied(block[-1])):
        assert in_steps(ahead - exact.step(block[-1]), block) < 0.5


# --- records made here ----------------------------------------------------------------------


@functools.cache
def digits():
    """Weights of a network on handwritten digits, every iteration of 5 epochs after 2."""
    held = data.load_dataset("digits")
    optimizer, key = optax.adadelta(1.0), jax.random.key(0)
    recording = training.Recording(training.every(1, after=46), training.model_of)
    state = training.start(MLP((64, 20, 10), key=key), optimizer)
    run = training.train(
        state, held.x_train, held.y_train, optimizer=optimizer, epochs=7, key=key,
        recording=recording,
    )  # fmt: skip
    return run.recorded


@functools.cache
def oscillator(optimizer):
    """A network that solves the paper's equations, 300 iterations after 200."""
    config = ode.OdeConfig(
        optimizer=optimizer, networks=1, burn_in=200, record=300, horizon=125, averaged=2
    )
    return jax.tree.map(lambda leaf: leaf[:, 0], ode.train_networks(config).snapshots)


def check_one_step(record, operator):
    """Half a step from the explicit operator, wherever 1e3 roundings move that one by less.

    Rounding the snapshots to double precision moves a prediction by eps times its condition:
    where a thousand of those come near half a step, no program's prediction means anything.
    """
    judged = 0
    predicted = blocks_of(operator, operator.predict(1))
    everything = zip(blocks_of(operator, record), factors(operator), predicted, strict=True)
    for block, found, ahead in everything:
        if found.rank == 0 or np.all(block[-2] == block[-1]):
            continue
        exact = explicit_operator(block, found.rank)
        if 1e3 * EPS * in_steps(exact.conditioning(block[-1]), block) > 0.5:
            continue
        judged += 1
        assert in_steps(ahead - exact.step(block[-1]), block) < 0.5
        assert in_steps(found.applied(block[-1]) - exact.step(block[-1]), block) < 0.5
        assert residual_excess(found.applied(exact.before), exact) < RESIDUAL["float64"]
        assert skew(found, exact) < 1
    return judged


@pytest.mark.parametrize("partition", ["weight", "quasi-node", "node", "layer", "network"])
def test_one_step_of_training_on_digits(partition):
    record = digits()
    operator = matlab_operator(record, partition, q=7 if partition == "quasi-node" else None)
    assert check_one_step(record, operator) >= len(operator.rank) / 2


@pytest.mark.parametrize(
    ("optimizer", "partition"),
    [
        ("adam", "weight"),
        *itertools.product(["adadelta", "adam", "adagrad"], ["node", "layer", "network"]),
    ],
)
def test_one_step_of_training_an_ode_solver(optimizer, partition):
    record = oscillator(optimizer)
    operator = matlab_operator(record, partition)
    assert check_one_step(record, operator) >= len(operator.rank) / 2


def test_single_and_double_precision_agree_at_the_same_rank():
    """Rank 5 of an ODE solver's record, a few records ahead; the snapshots are single."""
    record = oscillator("adagrad")
    single = fit(record, partition="network", rank=5, rcond=1e-5, solver="svd")
    double = fit(record, partition="network", rank=5, rcond=1e-5, solver="svd", dtype="float64")
    assert single.rank.tolist() == double.rank.tolist()
    assert_trees_close(single.predict(3), double.predict(3), tolerate=1e-3)
