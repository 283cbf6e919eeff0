"""Explicit operators by routes that share nothing with koopnb's, and what must agree."""

from typing import NamedTuple

import jax
import numpy as np

from support.helpers import blocks_of


def jacobi(matrix):
    """Thin SVD by one-sided Jacobi rotations in long double: slow, and exact for small values."""
    tall = np.array(matrix, np.longdouble)
    turned = tall.shape[0] < tall.shape[1]
    tall = tall.T.copy() if turned else tall
    size = tall.shape[1]
    right, tiny = np.eye(size, dtype=np.longdouble), np.finfo(np.longdouble).eps
    for _ in range(60):
        moved = False
        for p in range(size - 1):
            for q in range(p + 1, size):
                pair = tall[:, [p, q]]
                (a, c), (_, b) = pair.T @ pair
                if abs(c) <= 8 * tiny * np.sqrt(a * b):
                    continue
                moved, zeta = True, (b - a) / (2 * c)
                t = (1 if zeta >= 0 else -1) / (abs(zeta) + np.hypot(1, zeta))
                turn = np.array([[1, t], [-t, 1]]) / np.hypot(1, t)
                tall[:, [p, q]], right[:, [p, q]] = pair @ turn, right[:, [p, q]] @ turn
        if not moved:
            break
    sigma = np.sqrt(np.sum(tall**2, axis=0))
    order = np.argsort(-sigma)
    sigma, right = sigma[order], right[:, order]
    left = tall[:, order] / np.where(sigma > 0, sigma, 1)
    return (right, sigma, left.T) if turned else (left, sigma, right.T)


def lapack(matrix):
    return np.linalg.svd(matrix, full_matrices=False)


class Explicit(NamedTuple):
    """K = F' F^+ of one block, cut at a rank; ``following`` is the first singular value cut."""

    u: np.ndarray
    sigma: np.ndarray
    v: np.ndarray
    before: np.ndarray
    after: np.ndarray
    following: float

    def weights(self, x):
        """F^+ x."""
        return self.v @ ((self.u.T @ x) / self.sigma)

    def step(self, x):
        return self.after @ self.weights(x)

    def applied(self):
        """K F."""
        return self.after @ self.v @ self.v.T

    def optimum(self):
        """The least ||K F - F'|| of operators on the range that was kept."""
        return float(np.linalg.norm(self.after - self.applied()))

    def conditioning(self, x):
        """||d(K x)|| <= this times ||dF|| / ||F||, to first order, F and F' changed alike.

        The derivative of a pseudoinverse that is cut (Stewart, SIAM Review 19 (1977), and its
        divided differences for the directions cut): what couples kept and cut ones grows by
        1 / (1 - ratio^2) where the ratio of their singular values nears one.
        """
        norm = np.linalg.norm
        inside = self.u.T @ x
        decoder = self.after @ (self.v / self.sigma)
        gain, ratio = norm(decoder, 2), self.following / self.sigma[-1]
        rest = norm(self.after - self.applied())
        coupled = rest * norm(inside / self.sigma**2)
        coupled += norm(decoder / self.sigma, 2) * norm(x - self.u @ inside)
        if ratio >= 1:
            return np.inf
        w = norm(inside / self.sigma)
        return float(self.sigma[0] * ((1 + gain) * w + 2 * coupled / (1 - ratio**2)))

    def cutoff(self):
        """A cutoff of ``pinv`` that keeps just as many directions."""
        return np.sqrt(max(self.following, 1e-2 * self.sigma[-1]) * self.sigma[-1]) / self.sigma[0]


def explicit_operator(block, rank, svd=lapack):
    block = np.asarray(block, np.float64)
    before, after = block[:-1].T, block[1:].T
    u, sigma, vt = svd(before)
    u, sigma, vt = (np.asarray(x, np.float64) for x in (u, sigma, vt))
    following = sigma[rank] if rank < len(sigma) else 0.0
    return Explicit(u[:, :rank], sigma[:rank], vt[:rank].T, before, after, float(following))


class Factors(NamedTuple):
    """One block of a fit: K = decoder^T encoder, without the rows that are padding."""

    encoder: np.ndarray
    decoder: np.ndarray
    solver: str
    eps: float

    @property
    def rank(self):
        return len(self.encoder)

    def applied(self, x):
        return self.decoder.T @ (self.encoder @ x)

    def level(self, exact):
        """Relative change of F that the route may stand for: a Gram matrix squares it."""
        squared = np.finfo(np.float64).eps * exact.sigma[0] / exact.sigma[-1]
        size = np.sqrt(max(exact.before.shape))
        return 20 * size * (self.eps + squared * (self.solver == "gram"))


def factors(operator):
    """Every block's factors in float64, in the operator's order."""
    found = []
    for group, plan in zip(operator.groups, operator.plans, strict=True):
        both = [
            np.concatenate([np.asarray(x, np.float64) for x in pieces], axis=-1)
            for pieces in (group.encoder, group.decoder)
        ]
        for i, rank in enumerate(np.asarray(group.rank)):
            kept = (x[i, :rank] for x in both)
            found.append(Factors(*kept, plan.solver, float(np.finfo(plan.dtype).eps)))
    return found


def right_factors(block, rcond):
    """What a plain implementation with U of the decomposition gives, in the block's dtype."""
    before, after = block[:-1].T, block[1:].T
    u, sigma, vt = np.linalg.svd(before, full_matrices=False)
    keep = sigma > rcond * sigma[0]
    decoder = (after @ (vt[keep].T / sigma[keep])).T
    pair = (x.astype(np.float64) for x in (u[:, keep].T, decoder))
    return Factors(*pair, "svd", float(np.finfo(block.dtype).eps))


def propagated(operator, tree, count):
    """K x of the first ``count`` snapshots through the public method: every block (m, count)."""
    ahead = [
        blocks_of(operator, operator.propagate(jax.tree.map(lambda x, t=t: x[t], tree), 1))
        for t in range(count)
    ]
    return [np.stack(columns, axis=1) for columns in zip(*ahead, strict=True)]


# --- what must hold -------------------------------------------------------------------------

RESIDUAL = {"float32": 1e-3, "float64": 1e-6}  # of ||F'||


def residual_excess(applied, exact):
    """How far ||K F - F'|| lies from the least-squares optimum, relative to ||F'||."""
    residual = np.linalg.norm(applied - exact.after)
    return float(abs(residual - exact.optimum()) / np.linalg.norm(exact.after))


def step_excess(ahead, x, exact, found, *, rounded=0.0, subspace=0.0):
    """Distance to K x in units of what its conditioning, rounding and an inexact range allow."""
    expected = exact.step(x)
    allowed = found.level(exact) * (exact.conditioning(x) + np.linalg.norm(x))
    tilted = (1 + np.linalg.norm(found.decoder, 2)) * np.linalg.norm(x)
    allowed += rounded * np.linalg.norm(expected) + subspace * tilted
    return float(np.linalg.norm(ahead - expected) / allowed)


def skew(found, exact):
    """Largest entry of E E^T - 1 for encoder rows E, in units of what the route allows.

    The Gram matrix of the time side gives V alone: then by (sigma_1 / sigma_i)^2 eps64 more.
    """
    gap = np.abs(found.encoder @ found.encoder.T - np.eye(found.rank))
    allowed = np.full(gap.shape, found.eps)
    if found.solver == "gram" and exact.before.shape[0] >= exact.before.shape[1]:
        ratio = exact.sigma[0] / np.minimum.outer(exact.sigma, exact.sigma)
        allowed = allowed + np.finfo(np.float64).eps * ratio**2
    return float(np.max(gap / (20 * np.sqrt(max(exact.before.shape)) * allowed), initial=0.0))
