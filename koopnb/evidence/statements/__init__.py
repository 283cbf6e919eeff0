"""The statements that the book judges: source, the number that decides each, its bounds."""

from koopnb.evidence.claim import Claim
from koopnb.evidence.statements.causes import CAUSES, CUTOFFS
from koopnb.evidence.statements.closure import CLOSURE
from koopnb.evidence.statements.costs import COSTS
from koopnb.evidence.statements.decay import DECAY
from koopnb.evidence.statements.descent import DESCENT
from koopnb.evidence.statements.inertia import INERTIA
from koopnb.evidence.statements.noise import NOISE
from koopnb.evidence.statements.ode import ODE
from koopnb.evidence.statements.paper import PAPER
from koopnb.evidence.statements.partitions import FITS, PARTITIONS
from koopnb.evidence.statements.regimes import REGIMES
from koopnb.evidence.statements.routes import ROUTES
from koopnb.evidence.statements.sections import SECTIONS
from koopnb.evidence.statements.theory import THEORY
from koopnb.evidence.statements.training import OPTIMIZERS, REPORT
from koopnb.experiments.record import Record

CLAIMS: dict[str, tuple[Claim, ...]] = {
    "mnist": REPORT,
    "paper": PAPER,
    "routes": ROUTES,
    "optimizers": OPTIMIZERS,
    "partitions": PARTITIONS,
    "fits": FITS,
    "costs": COSTS,
    "ode": ODE,
    "causes": CAUSES,
    "cutoffs": CUTOFFS,
    "regimes": REGIMES,
    "decay": DECAY,
    "theory": THEORY,
    "closure": CLOSURE,
    "sections": SECTIONS,
    "descent": DESCENT,
    "inertia": INERTIA,
    "noise": NOISE,
}


def group(one: Record) -> str:
    """The key of `CLAIMS` that a record is judged by."""
    if one.experiment == "causes" and one.config["part"] == "cutoffs":
        return "cutoffs"
    if one.experiment == "regimes" and one.config["weight_decay"]:
        return "decay"
    if one.experiment == "partitions" and one.config["repeats"]:
        return "fits"
    if one.experiment != "mnist" or not one.config["arms"]:
        return one.experiment
    if one.config["optimizer"] != "adadelta":
        return "optimizers"
    return "paper" if one.config["arms"][0]["dtype"] == "float64" else "mnist"
