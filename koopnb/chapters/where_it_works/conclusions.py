"""What the runs say: verdicts, advice, and both sides of the boundary in a few sentences."""

from collections.abc import Mapping, Sequence

from koopnb.chapters.where_it_works import score
from koopnb.chapters.where_it_works.grids import median
from koopnb.drawing import plates
from koopnb.drawing.numbers import extent
from koopnb.evidence import judge, tables
from koopnb.evidence.statements.regimes import FULL, HALF, ONE
from koopnb.experiments.record import Record
from koopnb.experiments.regimes import boundary

Findings = Mapping[str, Sequence[judge.Finding]]
WITHIN_A_TENTH = {
    "full-short": "half a record ahead",
    "full-reach": "twice the record ahead",
    "log-one": "in log time, one record ahead",
    "log-reach": "in log time, twice the record ahead",
}


def verdicts(findings: Findings) -> plates.Text:
    """Every claim on both data sets; those with weight decay stand in their section."""
    return plates.Text(
        f"Digits:\n\n{tables.table(findings['digits'])}\nMNIST:\n\n"
        f"{tables.table(findings['mnist'])}\n"
        "Digits with weight decay: [the table above](#with-weight-decay)."
    )


def advice(digits: Sequence[Record], mnist: Sequence[Record]) -> plates.Text:
    """What to do with a record, by its drift and persistence, and what to set beside a gain."""
    line, log_time, line_aside, larger = (
        median(digits, boundary.over_own, arm)[..., FULL]
        for arm in ("line", "log time", "line in log time", "radial")
    )
    limit = {question: rule.threshold for (question, _), rule in boundary.CHOSEN.items()}
    wrong = ", ".join(
        " and ".join(f"{errors.rate:.0%}" for errors in found)
        for found in score.chosen({"digits": digits, "mnist": mnist}).values()
    )
    return plates.Text(
        "Record a hundred snapshots and score them before you think of jumping. If their drift is "
        f"below about {limit['better']:g}, do not jump far: average, if the loss has stopped "
        f"falling, and go on training, if it has not. From about {limit['near']:g} on, a jump of "
        "half a record is worth a look, and on digits mostly lands near the optimizer; from about "
        f"{limit['progress']:g} on, one of a whole record often brings most of its progress; no "
        "drift that we saw makes twice the record safe to within a tenth.\n\n"
        "If persistence is near 1 too, the motion is smooth. There, change the clock: with full "
        f"batches on digits the operator in log time ended at {extent(log_time[HALF])} of the "
        f"optimizer's own training loss half a record ahead and {extent(log_time[ONE])} one record "
        "ahead. To lower the loss rather than to predict it, try a line: in log time it reached "
        f"{extent(line_aside[ONE])} one record ahead, in iterations {extent(line[HALF])} half a "
        f"record ahead and {extent(line[ONE])} one. But set larger weights beside it, which cost a "
        f"few forward passes and no record: the best scaling reached {larger[ONE].min():.2g} to "
        f"{larger[ONE].max():.2f} of the optimizer's loss of one record ahead, and learned "
        "nothing. A gain that is not beyond theirs is growth, no foresight; with weight decay, or "
        "by validation data, you see what remains. Leave eigenvalues free where the weights grow, "
        "and hold them within the disc where nothing should.\n\n"
        f"And take the score's yes only as a reason to look, because it is wrong ({wrong} of the "
        "runs on digits and MNIST, for the three questions): evaluate the predicted weights, which "
        "costs one forward pass, on validation data if to generalize is what you want, and keep "
        "them only if their loss is lower than the one you have."
    )


def smooth_side(findings: Findings) -> plates.Text:
    """The verdicts on full batches, without and with weight decay, as sentences."""
    judged = (*findings["digits"], *findings["digits with weight decay"])
    said = {finding.claim.key: f"**{finding.verdict}**" for finding in judged}
    near = ", ".join(f"{where} {said[key]}" for key, where in WITHIN_A_TENTH.items())
    return plates.Text(
        "On its smooth side, full batches on digits, the statements that operators are within a "
        f"tenth of most optimizers came out so: {near}. That a line one record long ends a tenth "
        f"below the operator {said['line-ahead']}; that it is no better than larger weights alone "
        f"{said['line-radial']}, and that it beats weights of its own norm by a tenth "
        f"{said['line-direction']}. With weight decay, where growth is no gain, the line's tenth "
        f"{said['decay-line']}, and four fifths of the optimizer's decrease {said['decay-short']} "
        f"for the operator half a record ahead and {said['decay-log']} in log time one record "
        "ahead."
    )
