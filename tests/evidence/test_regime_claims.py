"""Claims on the regimes: every one that gain or decay decides can hold and can fail."""

import numpy as np
import pytest

from koopnb.evidence.judge import judge
from koopnb.evidence.statements.decay import DECAY
from koopnb.evidence.statements.regimes import REGIMES
from koopnb.experiments import record
from koopnb.experiments.regimes import boundary

CLAIMS = {claim.key: claim for claim in (*REGIMES, *DECAY)}


def made(**losses):
    """One horizon's losses, by arm: one optimizer, all batches and horizons alike, or one each."""
    defaults = {name: 1.0 for name in ("own", "line", "operator", "log time", "line in log time",
                                       "norm/line", "mean", "short mean", "ema")}  # fmt: skip
    still = {"last": 2.0, "radial": 1.5}
    curves = {}
    for name, value in (defaults | still | losses).items():
        shape = (3, 2) if name in still else (3, 3, 2)
        column = np.broadcast_to(np.reshape(value, (-1, 1)), (3, 2))
        curves[f"{name}/train"] = np.broadcast_to(column, shape).astype(np.float32)
    return record.Record("regimes", {"weight_decay": 0.0}, {}, curves, {})


@pytest.mark.parametrize(
    ("key", "holding", "failing"),
    [
        ("full-reach", {"operator": 1.05}, {"operator": 0.8}),
        ("full-short", {"operator": [0.5, 1.0, 1.05]}, {"operator": [0.5, 0.6, 1.0]}),
        ("noisy-short", {"operator": 0.95}, {"operator": 1.2}),
        ("log-one", {"log time": 0.92}, {"log time": 0.9}),
        ("log-reach", {"log time": 1.0}, {"log time": np.inf}),
        ("log-line", {"line in log time": 0.3}, {"line in log time": 1.2}),
        ("radial-below", {"radial": 0.0}, {"radial": [0.0, 1.1, 1.2]}),
        ("line-radial", {"radial": 0.0}, {"line": 1.0}),
        ("line-radial", {"radial": 0.0, "line": 0.0}, {"radial": 1.01}),
        ("line-growth", {"norm/line": 1.4}, {"norm/line": 1.5}),
        ("line-growth", {"norm/line": 0.9}, {"line": 2.5}),
        ("line-direction", {"norm/line": 1.2}, {"norm/line": 1.05}),
        ("decay-scaling", {"last": 1.0, "radial": 1.0}, {"last": 1.0, "radial": 0.9}),
        ("decay-still", {"last": 1.05}, {"last": 1.2}),
        ("decay-short", {"operator": 1.1}, {"operator": 1.3}),
        ("decay-log", {"log time": 0.9}, {"last": 0.9, "log time": 0.5}),
        ("decay-lower", {"operator": 1.9}, {"operator": 2.1}),
        ("decay-line", {"line": 0.8}, {"line": 0.95}),
        ("decay-overtakes", {"line": 0.99}, {"line": [0.5, 1.1, 1.1]}),
    ],
)
def test_a_claim_can_hold_and_can_fail(key, holding, failing):
    assert judge(CLAIMS[key], [made(**holding)]).verdict == "holds"
    assert judge(CLAIMS[key], [made(**failing)]).verdict == "fails"


def test_the_share_of_growth_is_that_of_its_definition():
    one = made(line=[0.5, 1.0, 3.0], **{"norm/line": [1.0, 2.0, 1.0]})
    share = boundary.growth(one, "line")[0, :, 0]
    np.testing.assert_allclose(share[:2], [0.5, 0.0], atol=1e-6)
    assert np.isnan(share[2])  # the line's loss is above that of the last weights


def test_zero_losses_can_be_compared():
    one = made(line=[0.0, 0.0, 1.0], radial=[0.0, 1.0, 0.0])
    assert boundary.over(one, "line", "radial")[0, :, 0].tolist() == [1.0, 0.0, np.inf]
