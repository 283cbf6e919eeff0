"""The statements that the book judges: source, the number that decides each, its bounds."""

from koopnb.experiments.record import Record
from koopnb.statements.causes import CAUSES, CUTOFFS
from koopnb.statements.claim import Claim
from koopnb.statements.costs import COSTS
from koopnb.statements.decay import DECAY
from koopnb.statements.ode import ODE
from koopnb.statements.paper import PAPER
from koopnb.statements.regimes import REGIMES
from koopnb.statements.routes import ROUTES
from koopnb.statements.theory import THEORY
from koopnb.statements.training import OPTIMIZERS, REPORT

CLAIMS: dict[str, tuple[Claim, ...]] = {
    "mnist": REPORT,
    "paper": PAPER,
    "routes": ROUTES,
    "optimizers": OPTIMIZERS,
    "costs": COSTS,
    "ode": ODE,
    "causes": CAUSES,
    "cutoffs": CUTOFFS,
    "regimes": REGIMES,
    "decay": DECAY,
    "theory": THEORY,
}


def group(one: Record) -> str:
    """The key of `CLAIMS` that a record is judged by."""
    if one.experiment == "causes" and one.config["part"] == "cutoffs":
        return "cutoffs"
    if one.experiment == "regimes" and one.config["weight_decay"]:
        return "decay"
    if one.experiment != "mnist" or not one.config["arms"]:
        return one.experiment
    if one.config["optimizer"] != "adadelta":
        return "optimizers"
    return "paper" if one.config["arms"][0]["dtype"] == "float64" else "mnist"
