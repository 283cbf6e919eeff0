"""Chapter 05's statements as numbers, on records that a seed draws."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from koopnb.experiments.protocol import Measured, Series, recorded
from koopnb.experiments.sections import arithmetic, records
from koopnb.operators.koopman import fit
from koopnb.operators.snapshots import delays


@dataclass(frozen=True)
class SectionsConfig:
    """What the seed draws: blocks, records and noise."""

    seed: int = 0


@recorded(lambda _: SERIES[0])
def run(config: SectionsConfig, *, progress: bool = False) -> Measured:
    """Every number of the record; some seconds.

    A bias is that of 200 noisy records, whose seeds no other seed shares.

    Source: the report's Method, 2, and Discussion.
    """
    seed = config.seed
    fitted, fresh = records.one_step_errors(seed)
    clouds = records.noisy_eigs(range(seed * records.SAMPLE, (seed + 1) * records.SAMPLE))
    wave, bent = records.standing_wave(), records.follow(records.bent_path())
    judged = records.judged(seed)
    metrics: dict[str, Any] = {
        "formula": {d: arithmetic.formula_errors(seed, d) for d in arithmetic.DTYPES},
        "one step": {"fitted": fitted, "fresh": fresh},
        "cutoff": {
            name: {dtype: [one.error for one in found] for dtype, found in by_dtype.items()}
            for name, by_dtype in arithmetic.cutoff_sweep(seed).items()
        },
        "spectra": arithmetic.spectrum_errors(seed),
        "formed": {f"{c:.0e}": gap for c, gap in arithmetic.formed_vectors(seed).items()},
        "powers": arithmetic.matrix_powers(seed).apart,
        "bias": {
            noise: {name: records.bias(eigs) for name, eigs in found.items()}
            for noise, found in clouds.items()
        },
        "delays": {
            "imaginary": float(np.abs(np.imag(fit(wave).eigs)).max()),
            "gap": records.delay_gap(fit(delays(wave, 2))),
        },
        "bent": {"error": bent.error, "turns": bent.turns},
        "believed": {
            name: getattr(judged, name) for name in ("by_residual", "by_modulus", "margin")
        },
    }
    return metrics, {}


SERIES: tuple[Series, ...] = (
    Series(
        "sections", "finite sections of records whose answers are known", 122, run,
        lambda _dataset, seed, _horizons: [SectionsConfig(seed)], tuple(range(10)),
        datasets=(), told=(),
    ),
)  # fmt: skip
