"""The claims that the book judges: source, the number that decides each, its bounds.

Every module of this folder that has ``CLAIMS``, a dictionary from series to claims, adds what it
holds; nothing else lists them.
"""

import importlib
import pkgutil

from koopnb.checks import Refusal
from koopnb.evidence.claim import Claim
from koopnb.experiments import series


def discover() -> dict[str, tuple[Claim, ...]]:
    """The claims of every series that has any, in the order of the series.

    Raises:
        Refusal: claims on a series that there is not, or on one series in two modules.
    """
    found: dict[str, tuple[Claim, ...]] = {}
    for module in pkgutil.iter_modules(__path__, __name__ + "."):
        claims = getattr(importlib.import_module(module.name), "CLAIMS", {})
        if wrong := (claims.keys() & found.keys()) | (claims.keys() - series.SERIES.keys()):
            raise Refusal(
                f"{module.name} has claims on {', '.join(sorted(wrong))}: claims belong to one of "
                f"the series {', '.join(series.SERIES)}, and those of a series stand in one module."
            )
        found |= claims
    return {name: found[name] for name in series.SERIES if name in found}


CLAIMS: dict[str, tuple[Claim, ...]] = discover()
