"""Claims on full batches with weight decay, where larger weights alone are no gain.

There the losses fall so little that to be within a tenth of the optimizer tells nothing: what
counts is the share of its decrease.
"""

import math

from koopnb.evidence.claim import Claim
from koopnb.evidence.statements.regimes import (
    FULL,
    HALF,
    OFF,
    ONE,
    OWN,
    SHARE,
    most,
    off,
    over,
    own,
    share,
)
from koopnb.experiments.regimes import boundary

# The factors were fixed on seeds 100 and 101, which judge nothing.
SECTION = "11-where-it-works#with-weight-decay"
DECAY = (
    Claim(
        "decay-scaling",
        "With weight decay, scaling lowers most losses by a hundredth at the most",
        "this book",
        SECTION,
        "loss of the last weights over that of their best scaling, median",
        most(over("last", "radial"), ONE, FULL),
        high=1.01,
        tolerance=math.inf,
    ),
    Claim(
        "decay-still",
        "With weight decay, no change is within a tenth of most optimizers, one record ahead",
        "this book",
        SECTION,
        OFF,
        most(off("last"), ONE, FULL),
        high=boundary.NEAR,
        tolerance=math.inf,
    ),
    Claim(
        "decay-short",
        "With weight decay, most jumps of half the record achieve four fifths of the decrease",
        "this book",
        SECTION,
        SHARE,
        most(share("operator"), HALF, FULL),
        low=boundary.SHARE,
        tolerance=math.inf,
    ),
    Claim(
        "decay-log",
        "With weight decay, in log time, most jumps of one record achieve four fifths",
        "this book",
        SECTION,
        SHARE,
        most(share("log time"), ONE, FULL),
        low=boundary.SHARE,
        tolerance=math.inf,
    ),
    Claim(
        "decay-lower",
        "With weight decay, most jumps of one record end below the last weights",
        "this book",
        SECTION,
        "loss over that of the last weights, median",
        most(over("operator", "last"), ONE, FULL),
        high=1.0,
        tolerance=math.inf,
    ),
    Claim(
        "decay-line",
        "With weight decay, most lines as long as the record beat the operator by a tenth",
        "this book",
        SECTION,
        "loss over the operator's, median",
        most(over("line", "operator"), ONE, FULL),
        high=0.9,
        tolerance=math.inf,
    ),
    Claim(
        "decay-overtakes",
        "With weight decay, most lines as long as the record overtake the optimizer",
        "this book",
        SECTION,
        OWN,
        most(own("line"), ONE, FULL),
        high=1.0,
        tolerance=math.inf,
    ),
)

CLAIMS = {"decay": DECAY}
