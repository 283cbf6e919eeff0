"""Operators against explicit ones, on steep spectra: optimal, accurate, orthonormal."""

import shutil
import subprocess

import numpy as np
import pytest
import scipy.linalg
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from support.helpers import blocks_of, linear_record
from support.oracles import (
    RESIDUAL,
    Factors,
    explicit_operator,
    factors,
    jacobi,
    lapack,
    propagated,
    residual_excess,
    right_factors,
    skew,
    step_excess,
)

from koopnb.operators.koopman import fit

# That a rank was not reached is said, and is no matter here.
pytestmark = pytest.mark.filterwarnings("ignore:rank=:UserWarning")

PAIRS, RANK = 8, 6
WIDTHS = (5, 8, 12, 20)  # m < n, m = n, m > n, and m > 2n, which svd treats apart
ROUTES = [
    ("svd", None), ("gram", None), ("auto", None),
    ("svd", RANK), ("gram", RANK), ("randomized", RANK), ("auto", RANK),
]  # fmt: skip
# Records are as small as they can be: shrinking a failure takes minutes and shows nothing more.
examples = settings(max_examples=6, phases=[Phase.generate])
every_route = pytest.mark.parametrize(
    ("solver", "rank", "dtype"),
    [(*route, dtype) for route in ROUTES for dtype in ("float32", "float64")],
)


def path(rng, m, n, decades, noise, mean):
    """x_{t+1} = M x_t with ||M|| <= 1 and amplitudes over many decades, noise and a mean."""
    modes = min(m, n - 1)
    basis = np.linalg.qr(rng.standard_normal((m, m)))[0]
    rates = rng.uniform(0.3, 1, m) * rng.choice([-1, 1], m)
    start = np.zeros(m)
    start[:modes] = np.logspace(0, -decades, modes)
    rows = linear_record((basis * rates) @ basis.T, basis @ start, n)
    return rows + noise * rng.standard_normal((n, m)) + mean


def steep(seed, decades, noise, mean, *, widths=WIDTHS, n=PAIRS + 1, nodes=1):
    """A layer for every width, in float64."""
    rng = np.random.default_rng(seed)
    return {
        f"layer{i}": {
            "weight": np.stack([path(rng, m, n, decades, noise, mean) for _ in range(nodes)], 1)
        }
        for i, m in enumerate(widths)
    }


def rounded(tree, dtype):
    return {name: {"weight": leaf["weight"].astype(dtype)} for name, leaf in tree.items()}


records = st.builds(
    steep,
    st.integers(0, 2**31),
    decades=st.sampled_from([2, 4, 7, 10, 14]),
    noise=st.sampled_from([0.0, 1e-13, 1e-9, 1e-5]),
    mean=st.sampled_from([0.0, 1.0, 30.0]),
)
# Asked for; a solver takes its floor where that is higher.
cutoffs = st.sampled_from([None, 0.0, PAIRS * 2.2e-16, 1e-12, 1e-8, 1e-4])


def cases(tree, solver, rank, rcond, partition="node", q=None, svd=jacobi):
    """Operator, and for every block that moves its own snapshots, factors and explicit operator."""
    operator = fit(tree, partition=partition, q=q, solver=solver, rank=rank, rcond=rcond)
    found = zip(blocks_of(operator, tree), factors(operator), strict=True)
    return operator, [
        (block, each, explicit_operator(block, each.rank, svd)) for block, each in found
    ]


def subspace_tolerance(solver, dtype):
    """The randomized route promises an operator, not the leading subspace to the last digit."""
    return RESIDUAL[dtype] if solver == "randomized" else 0.0


@every_route
@examples
@given(record=records, rcond=cutoffs)
def test_the_residual_is_the_least_squares_optimum(solver, rank, dtype, record, rcond):
    """Of ||K F - F'||, through the public method and through the factors in float64."""
    tree = rounded(record, dtype)
    operator, blocks = cases(tree, solver, rank, rcond, svd=lapack)
    public = propagated(operator, tree, PAIRS)
    for (_, found, exact), ahead in zip(blocks, public, strict=True):
        assert residual_excess(found.applied(exact.before), exact) < RESIDUAL[dtype]
        assert residual_excess(ahead, exact) < RESIDUAL[dtype]


@every_route
@examples
@given(record=records, rcond=cutoffs)
def test_one_step_is_the_explicit_operator_s(solver, rank, dtype, record, rcond):
    """Within the change that a relative change of the snapshots by the dtype's eps makes."""
    tree = rounded(record, dtype)
    operator, blocks = cases(tree, solver, rank, rcond)
    predicted = blocks_of(operator, operator.predict(1))
    slack = {"subspace": subspace_tolerance(operator.solver[0], dtype)}
    for (block, found, exact), ahead in zip(blocks, predicted, strict=True):
        x = block[-1]
        eps = float(np.finfo(dtype).eps)
        assert step_excess(found.applied(x), x, exact, found, **slack) < 1
        assert step_excess(ahead, x, exact, found, rounded=eps, **slack) < 1


@every_route
@examples
@given(record=records, rcond=cutoffs)
def test_encoder_rows_are_orthonormal(solver, rank, dtype, record, rcond):
    """To a few eps of the dtype, also those of the smallest directions that are kept."""
    tree = rounded(record, dtype)
    for _, found, exact in cases(tree, solver, rank, rcond, svd=lapack)[1]:
        assert skew(found, exact) < 1


PARTITIONS = [
    ("weight", None),
    ("quasi-node", 3),
    ("node", None),
    ("layer", None),
    ("network", None),
]


@pytest.mark.parametrize(("partition", "q"), PARTITIONS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_blocks_of_every_partition(partition, q, dtype):
    """All three properties at the lowest cutoff that the solver takes."""
    tree = rounded(steep(5, 12, 1e-12, 1.0, widths=(3, 4), nodes=2), dtype)
    operator, blocks = cases(tree, "svd", None, 0.0, partition, q)
    predicted = blocks_of(operator, operator.predict(1))
    for (block, found, exact), ahead in zip(blocks, predicted, strict=True):
        assert residual_excess(found.applied(exact.before), exact) < RESIDUAL[dtype]
        eps = float(np.finfo(dtype).eps)
        assert step_excess(ahead, block[-1], exact, found, rounded=eps) < 1
        assert skew(found, exact) < 1


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("solver", "rank"), [("svd", None), ("gram", None), ("svd", 8), ("gram", 8), ("randomized", 8)]
)
def test_blocks_of_a_hundred_weights_and_pairs(solver, rank, dtype):
    """Also where the randomized route takes far fewer products than there are pairs."""
    record = steep(6, 100, 1e-9, 1.0, widths=(70, 160), n=101)
    tree = rounded(record, dtype)
    operator = fit(tree, partition="node", solver=solver, rank=rank)
    for block, found in zip(blocks_of(operator, tree), factors(operator), strict=True):
        exact = explicit_operator(block, found.rank)
        assert found.rank >= 3
        assert residual_excess(found.applied(exact.before), exact) < RESIDUAL[dtype]
        slack = subspace_tolerance(solver, dtype)
        assert step_excess(found.applied(block[-1]), block[-1], exact, found, subspace=slack) < 1
        assert skew(found, exact) < 1


# --- a second explicit route, and Octave ----------------------------------------------------


@examples
@given(seed=st.integers(0, 2**31), decades=st.sampled_from([2, 4, 6]))
def test_one_step_is_that_of_numpy_and_of_a_pivoted_qr(seed, decades):
    """F' pinv(F) x as a product of matrices loses eps ||F'|| ||F^+|| ||x|| of its own."""
    tree = steep(seed, decades, 1e-9, 1.0)
    operator, blocks = cases(tree, "svd", None, None, svd=lapack)
    predicted = blocks_of(operator, operator.predict(1))
    for (block, found, exact), ahead in zip(blocks, predicted, strict=True):
        x = block[-1]
        own = np.linalg.norm(exact.after, 2) * np.linalg.norm(x) / exact.sigma[-1]
        allowed = found.level(exact) * exact.conditioning(x) + 50 * found.eps * own
        matrix = exact.after @ np.linalg.pinv(exact.before, rcond=exact.cutoff())
        assert np.linalg.norm(ahead - matrix @ x) < allowed
        if found.rank == min(exact.before.shape):
            w = scipy.linalg.lstsq(exact.before, x, cond=1e-15, lapack_driver="gelsy")[0]
            assert np.linalg.norm(ahead - exact.after @ w) < allowed


OCTAVE = """
X = dlmread('{folder}/record.csv'); F = X(:, 1:end-1); G = X(:, 2:end);
K = G * pinv(F); y = X(:, end); out = [];
for s = 1:20, y = K * y; out = [out, y]; end
fid = fopen('{folder}/ahead.bin', 'w'); fwrite(fid, out, 'double'); fclose(fid);
"""


@pytest.mark.skipif(shutil.which("octave-cli") is None, reason="octave-cli is not installed")
@pytest.mark.parametrize("m", [6, 30])
def test_octave_predicts_the_same(m, tmp_path):
    """K^s x for twenty steps, with Octave's own pinv and its cutoff, on a steep record."""
    block = path(np.random.default_rng(3), m, 21, 8, 1e-9, 1.0)
    np.savetxt(tmp_path / "record.csv", block.T, delimiter=",", fmt="%.17g")
    code = OCTAVE.format(folder=tmp_path)
    subprocess.run(["octave-cli", "--norc", "--eval", code], check=True, timeout=60)
    expected = np.fromfile(tmp_path / "ahead.bin").reshape(20, m)
    rcond = max(m, 20) * float(np.finfo(np.float64).eps)
    operator = fit({"w": block}, solver="svd", rcond=rcond)
    ahead = np.asarray(operator.trajectory(range(1, 21))["w"])
    sigma = np.asarray(operator.groups[0].sigma)[0, : operator.rank[0]]
    allowed = 2 * rcond / max(m, 20) * sigma[0] / sigma[-1]  # of a product with an explicit pinv
    np.testing.assert_allclose(ahead, expected, rtol=0, atol=allowed * np.abs(block).max())


# --- the checks themselves ------------------------------------------------------------------

small = st.integers(0, 2**31)


@examples
@given(seed=small, m=st.sampled_from(WIDTHS), dtype=st.sampled_from(["float32", "float64"]))
def test_a_plain_right_implementation_passes_every_check(seed, m, dtype):
    """U of NumPy's decomposition, all in the dtype: a tenth of what is allowed is enough."""
    block = path(np.random.default_rng(seed), m, PAIRS + 1, 12, 1e-9, 1.0).astype(dtype)
    found = right_factors(block, np.sqrt(max(m, PAIRS)) * np.finfo(dtype).eps)
    exact = explicit_operator(block, found.rank, jacobi)
    x = block[-1].astype(np.float64)
    assert residual_excess(found.applied(exact.before), exact) < RESIDUAL[dtype] / 10
    assert step_excess(found.applied(x), x, exact, found) < 0.3
    assert skew(found, exact) < 0.3


@examples
@given(seed=small, m=st.sampled_from(WIDTHS))
def test_an_encoder_of_quotients_fails(seed, m):
    """F V / sigma in float64: exact but for one rounding, and wrong at small sigma."""
    block = path(np.random.default_rng(seed), m, PAIRS + 1, 12, 1e-9, 1.0)
    right = right_factors(block, 1e-14)
    exact = explicit_operator(block, right.rank, jacobi)
    quotient = (exact.before @ (exact.v / exact.sigma)).T
    wrong = Factors(quotient, right.decoder, "svd", right.eps)
    assert skew(wrong, exact) > 1
    assert step_excess(wrong.applied(block[-1]), block[-1], exact, wrong) > 1


def test_jacobi_finds_small_singular_values_to_their_own_precision():
    """Where LAPACK's are good to the largest one's precision alone."""
    sigma = np.logspace(0, -25, 6)
    hilbert = scipy.linalg.hilbert(12)
    u, found, vt = jacobi(np.diag(sigma)[::-1])
    np.testing.assert_allclose(found.astype(np.float64), sigma, rtol=1e-14)
    u, found, vt = jacobi(hilbert)
    smallest = 1 / np.linalg.norm(scipy.linalg.invhilbert(12, exact=False), 2)
    np.testing.assert_allclose(float(found[0]), 1.7953720595619979, rtol=1e-12)
    np.testing.assert_allclose(float(found[-1]), smallest, rtol=0.3)
    np.testing.assert_allclose((u * found @ vt).astype(float), hilbert, atol=1e-15)
