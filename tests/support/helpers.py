"""Tolerances, oracles and comparisons that several test modules share."""

import lzma
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy.optimize

# Relative to the largest number of a leaf or spectrum, by the precision computed in.
TOLERANCE = {"bfloat16": 2e-2, "float16": 2e-3, "float32": 2e-4, "float64": 1e-9}


def tolerance(dtype) -> float:
    return TOLERANCE[jnp.dtype(dtype).name]


def assert_trees_close(actual, expected, *, dtype=None, tolerate=None):
    """Same structure, shapes and dtypes, and values that agree to the dtype's tolerance.

    ``dtype`` is what was computed in, if that is not what the leaves are stored in.
    """
    assert jax.tree.structure(actual) == jax.tree.structure(expected)
    for a, e in zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True):
        if not hasattr(e, "dtype"):
            assert a is e
            continue
        assert a.dtype == e.dtype, f"{a.dtype} instead of {e.dtype}"
        assert a.shape == e.shape, f"{a.shape} instead of {e.shape}"
        allowed = tolerance(dtype or e.dtype) if tolerate is None else tolerate
        a, e = np.asarray(a).astype(np.float64), np.asarray(e).astype(np.float64)
        scale = np.max(np.abs(e), initial=0.0)
        assert np.all(np.isfinite(a) == np.isfinite(e))
        np.testing.assert_allclose(a, e, rtol=0, atol=allowed * scale)


def assert_spectra_close(actual, expected, tolerate):
    """Equal as multisets: an optimal one-to-one matching, so multiplicities count both ways."""
    a, e = np.ravel(np.asarray(actual)), np.ravel(np.asarray(expected))
    assert len(a) == len(e) > 0, f"{len(a)} eigenvalues instead of {len(e)}"
    gaps = np.abs(a[:, None] - e[None])
    rows, columns = scipy.optimize.linear_sum_assignment(gaps)
    assert gaps[rows, columns].max() <= tolerate, (
        f"{np.sort_complex(a)} is not {np.sort_complex(e)}"
    )


def explicit(block, rcond, rank=None):
    """K = F' pinv(F) of one block (n, m), formed in float64, and the projection on F's range."""
    block = np.asarray(block, np.float64)
    before, after = block[:-1].T, block[1:].T
    u, sigma, vt = np.linalg.svd(before, full_matrices=False)
    keep = (sigma > rcond * sigma[0]) & (np.arange(len(sigma)) < (rank or len(sigma)))
    u, sigma, vt = u[:, keep], sigma[keep], vt[keep]
    return after @ (vt.T / sigma) @ u.T, u @ u.T


def blocks_of(operator, tree):
    """Every block of a tree as a NumPy array (leading axes, weights), in the operator's order."""
    with jax.enable_x64(True):
        groups = operator.partition.split(jax.tree.map(jnp.asarray, tree))
    joined = [np.concatenate([np.asarray(p, np.float64) for p in pieces], -1) for pieces in groups]
    return [group[..., i, :] for group in joined for i in range(group.shape[-2])]


def linear_record(matrix, start, n):
    """x, A x, A^2 x, ... as rows."""
    rows = [np.asarray(start, np.float64)]
    for _ in range(n - 1):
        rows.append(matrix @ rows[-1])
    return np.array(rows)


def with_spectrum(eigs, rng, extra=0):
    """A real matrix with these eigenvalues (closed under conjugation) and a random basis.

    ``extra`` further dimensions have the eigenvalue zero.
    """
    eigs, size, blocks = list(eigs), len(eigs) + extra, []
    for value in eigs:
        if np.imag(value) > 0:
            a, b = np.real(value), np.imag(value)
            blocks.append(np.array([[a, b], [-b, a]]))
        elif np.imag(value) == 0:
            blocks.append(np.array([[np.real(value)]]))
    middle = np.zeros((size, size))
    at = 0
    for block in blocks:
        middle[at : at + len(block), at : at + len(block)] = block
        at += len(block)
    basis = np.linalg.qr(rng.standard_normal((size, size)))[0]
    basis = basis @ np.diag(rng.uniform(0.7, 1.4, size))
    return basis @ middle @ np.linalg.inv(basis)


def arrays(tree):
    """The tree with nothing but its arrays."""
    return eqx.filter(tree, lambda x: hasattr(x, "dtype"))


def low_rank(rng, n, m, rank, noise):
    """n snapshots of m weights: as many decaying rotations as the rank, and noise."""
    rates = np.exp(np.linspace(-0.01, -0.2, rank) + 1j * np.linspace(0, 1.5, rank))
    times = np.arange(n)[:, None]
    amplitudes = 0.5 ** np.arange(rank)[:, None]
    smooth = (rates**times).real @ (amplitudes * rng.standard_normal((rank, m)))
    return (smooth + noise * rng.standard_normal((n, m))).astype(np.float32)


DATA = Path(__file__).parents[1] / "data"


def first_layer_node():
    """The record (1876, 785) float32 that data/README.md describes, bit for bit."""
    raw = np.frombuffer(lzma.decompress((DATA / "first-layer-node.xz").read_bytes()), np.uint8)
    coded = np.moveaxis(raw.reshape(4, 785, 1876), 0, -1).copy().view("<u4")[..., 0].astype(int)
    ordered = np.cumsum((coded >> 1) ^ -(coded & 1), axis=1).T
    bits = np.where(ordered < 0, -ordered | 0x80000000, ordered)
    return bits.astype(np.uint32).view(np.float32)
