"""Claims on full batches with weight decay, where larger weights alone are no gain.

There the losses fall so little that to be within a tenth of the optimizer tells nothing: what
counts is the share of its decrease.
"""

from koopnb.evidence.statements.regimes import (
    HALF,
    ONE,
    claim,
    four_fifths,
    over,
    up_to,
    within_a_tenth,
)

SECTION = "11-where-it-works#with-weight-decay"
# The factors were fixed on seeds 100 and 101, which judge nothing.
DECAY = (
    claim(
        "decay-scaling",
        "With weight decay, scaling lowers most losses by a hundredth at the most",
        SECTION, "loss of the last weights over that of their best scaling, median",
        over("last", "radial", ONE), high=1.01,
    ),
    within_a_tenth(
        "decay-still",
        "With weight decay, no change is within a tenth of most optimizers, one record ahead",
        SECTION, "last", ONE,
    ),
    four_fifths(
        "decay-short",
        "With weight decay, most jumps of half the record achieve four fifths of the decrease",
        SECTION, "operator", HALF,
    ),
    four_fifths(
        "decay-log",
        "With weight decay, in log time, most jumps of one record achieve four fifths",
        SECTION, "log time", ONE,
    ),
    claim(
        "decay-lower",
        "With weight decay, most jumps of one record end below the last weights",
        SECTION, "loss over that of the last weights, median",
        over("operator", "last", ONE), high=1.0,
    ),
    claim(
        "decay-line",
        "With weight decay, most lines as long as the record beat the operator by a tenth",
        SECTION, "loss over the operator's, median", over("line", "operator", ONE), high=0.9,
    ),
    up_to(
        "decay-overtakes",
        "With weight decay, most lines as long as the record overtake the optimizer",
        SECTION, "line", ONE, 1.0,
    ),
)  # fmt: skip

CLAIMS = {"decay": DECAY}
