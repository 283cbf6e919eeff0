"""With weight decay, where larger weights alone are no gain: what was run, and what is left."""

from collections.abc import Sequence

import numpy as np

from koopnb.chapters.where_it_works.grids import Group, batch, side_by_side
from koopnb.drawing import plates
from koopnb.drawing.numbers import extent
from koopnb.evidence import judge, tables
from koopnb.evidence.statements import CLAIMS
from koopnb.evidence.statements.regimes import FULL, HALF, ONE
from koopnb.experiments.record import Record
from koopnb.experiments.regimes import boundary


def described(decayed: Sequence[Record], digits: Sequence[Record]) -> plates.Text:
    """The objective, the accuracies with and without decay, and what scaling is worth now."""
    factors = np.array([one.curves["factor/radial"] for one in decayed])
    gain = 1 - np.array([boundary.over(one, "radial", "last")[ONE] for one in decayed])
    accuracy, without = (
        np.mean([one.curves["accuracy"][:, FULL] for one in records])
        for records in (decayed, digits)
    )
    minutes = sum(one.environment["seconds"] for one in decayed) / 60
    return plates.Text(
        "So take the cheap gain away. The same networks on digits train with weight decay, "
        f"{decayed[0].config['weight_decay']:g}/2 times the squared norm of all weights added to "
        "the cross-entropy, in the gradient that the optimizer gets; *training loss* means this "
        "whole objective here, and test loss the cross-entropy alone. Of three decays it is the "
        "largest that on seeds 100 and 101 left the mean test accuracy within a percentage point; "
        f"on the seeds that judge, full batch, it is {accuracy:.1%}, and {without:.1%} without. "
        f"The best factor is now {extent(factors)} over all optimizers, seeds and both batch "
        f"sizes, and scaling by it lowers the loss by {gain.max():.1%} at the most, by "
        f"{np.median(gain):.1%} in the median. Computed in {minutes:.1f} minutes."
    )


def shares(decayed: Sequence[Record]) -> plates.Text:
    """Shares of the optimizer's decrease by arm, and the verdicts with weight decay."""
    still = np.array([boundary.over_own(one, "last")[ONE, :, FULL] for one in decayed])
    columns = {
        f"{label}, half a record": (arm, HALF)
        for label, arm in {
            "operator": "operator",
            "log time": "log time",
            "line": "line",
            "best scaling": "radial",
        }.items()
    } | {
        f"{label}, one record": (arm, ONE)
        for label, arm in {
            "operator": "operator",
            "log time": "log time",
            "line": "line",
            "line in log time": "line in log time",
            "average": "average",
            "best scaling": "radial",
        }.items()
    }
    groups = [
        Group(batch(size), decayed, j) for j, size in enumerate(decayed[0].config["batch_sizes"])
    ]
    findings = [judge.judge(claim, decayed) for claim in CLAIMS["decay"]]
    return plates.Text(
        "Beware of closeness here. With the full batch, the last weights left as they are end "
        f"{extent(still)} times as high as the optimizer one record on: where that is within a "
        "tenth, being within a tenth tells nothing. What tells is the share of the optimizer's own "
        "decrease: 1 where the prediction does as well, 0 where it does no better than no change, "
        "negative where it does harm.\n\n"
        f"{side_by_side(boundary.progress, columns, groups)}\n\n{tables.table(findings)}"
    )
