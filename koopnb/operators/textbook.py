"""Textbook forms of the finite section, as explicit matrices: to compare with, for small records.

Columns of ``F`` are snapshots, those of ``G`` (F' in the text) the same one step later; ``rows``
hold a snapshot a row.
"""

import numpy as np
import scipy.linalg
from jaxtyping import Complex, Float

from koopnb.operators.koopman import fit

Matrix = Float[np.ndarray, "m n"]
Square = Float[np.ndarray, "m m"] | Complex[np.ndarray, "m m"]
Rows = Float[np.ndarray, "n m"]
Eigs = Float[np.ndarray, " r"] | Complex[np.ndarray, " r"]


def as_printed(F: Matrix) -> Float[np.ndarray, "n m"]:
    """The report's formula for the pseudo-inverse of F, (F† F)⁻¹ F†."""
    return np.linalg.inv(F.conj().T @ F) @ F.conj().T


def edmd(
    before: Float[np.ndarray, "pairs N"],
    after: Float[np.ndarray, "pairs N"],
    states: Float[np.ndarray, " pairs *d"],
) -> tuple[Float[np.ndarray, "N N"], Float[np.ndarray, " N *d"]]:
    """Extended dynamic mode decomposition of many pairs, by least squares.

    Takes rows Ψ(x)ᵀ and Ψ(Φ(x))ᵀ of a dictionary's values, and the states x. Returns the transposed
    operator, and what reads the state off Ψ.

    Source: Williams et al., J. Nonlinear Sci. 25 (2015), 1307-1346.
    """
    K = np.linalg.lstsq(before, after, rcond=None)[0]
    return K, np.linalg.lstsq(before, states, rcond=None)[0]


def companion_eigs(rows: Rows) -> Eigs:
    """Eigenvalues by the companion matrix F⁺F'.

    Source: Rowley et al., J. Fluid Mech. 641 (2009), 115-127.
    """
    last = np.linalg.lstsq(rows[:-1].T, rows[-1], rcond=None)[0]
    return np.linalg.eigvals(np.eye(len(last), k=-1) + np.outer(last, np.eye(len(last))[-1]))


def snapshot_eigs(rows: Rows) -> Eigs:
    """Eigenvalues by inner products of snapshots alone.

    Source: Sirovich, Q. Appl. Math. 45 (1987), 561-571.
    """
    F = rows[:-1].T
    return np.linalg.eigvals(np.linalg.solve(F.T @ F, F.T @ rows[1:].T))


def svd_eigs(rows: Rows) -> Eigs:
    """Eigenvalues by singular values. Source: Schmid, J. Fluid Mech. 656 (2010), 5-28."""
    return np.asarray(fit({"x": rows}, rcond=0.0, solver="svd").eigs[0])


def reduced(
    rows: Rows, rank: int
) -> tuple[Float[np.ndarray, "r pairs"], Float[np.ndarray, "r pairs"]]:
    """F and F' in the leading directions of all snapshots."""
    basis = np.linalg.svd(rows.T, full_matrices=False)[0][:, :rank]
    return basis.T @ rows[:-1].T, basis.T @ rows[1:].T


def least_squares(F: Matrix, G: Matrix) -> Square:
    """The finite section F' F⁺."""
    return G @ np.linalg.pinv(F)


def forward_backward(F: Matrix, G: Matrix) -> Square:
    """The root of the forward fit times the inverse of the backward one.

    Source: Dawson et al., Exp. Fluids 57 (2016) 42.
    """
    return scipy.linalg.sqrtm(least_squares(F, G) @ np.linalg.inv(least_squares(G, F)))


def total_least_squares(F: Matrix, G: Matrix) -> Square:
    """The fit that takes F to be as noisy as F'.

    Source: Hemati et al., Theor. Comput. Fluid Dyn. 31 (2017), 349-368.
    """
    U = np.linalg.svd(np.vstack([F, G]), full_matrices=False)[0][:, : len(F)]
    return U[len(F) :] @ np.linalg.inv(U[: len(F)])
