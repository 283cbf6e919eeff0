"""What was run, how far operators go and how far they turn, and the choice of observables."""

from collections.abc import Sequence

import numpy as np

from koopnb.chapters.why_it_deteriorates.readings import per_epoch, read
from koopnb.drawing import plates
from koopnb.drawing.numbers import rounded, spread
from koopnb.experiments.record import Record


def setting(records: Sequence[Record], sweeps: Sequence[Record]) -> plates.Text:
    """What the page shows: data set, seeds, sizes, date and machine."""
    first = records[0]
    return plates.Text(
        f"**{first.config['dataset']}**, {len(records)} seeds ({len(sweeps)} for the cutoff), the "
        f"report's training and arithmetic: {first.metrics['weights']:,} weights, "
        f"{first.metrics['snapshots']:,} snapshots, {per_epoch(records)} iterations per epoch. "
        f"Computed {first.environment['date'][:10]} on {first.environment['cpu']} with JAX "
        f"{first.environment['packages']['jax']}. Test losses are shown and choose nothing."
    )


def growth(records: Sequence[Record]) -> plates.Text:
    """Spectral radii, distances and losses of the report's operators, a row a partition."""
    steps = 2 * per_epoch(records)
    rows = []
    for name, found in records[0].metrics["operators"].items():
        radius = np.array([r.metrics["operators"][name]["radius"] for r in records], float)
        largest = radius[:, -1]
        rows.append(
            {
                "Operators": name,
                "Blocks": f"{found['blocks']:,}",
                "$\\rho$: median block": f"{np.median(radius[:, 2]):.6f}",
                "$\\rho$: largest": f"{np.median(largest):.6f}",
                "$\\rho^s$ of it, 2 epochs": f"{np.median(largest**steps):.3g}",
                "Distance, predicted over true: $T = 1$": _gone(records, name, "1"),
                "$T = 2$": _gone(records, name, "2"),
                "$T = 10$": _gone(records, name, "10"),
                "Loss, $T = 2$": spread(read(records, "operators", name, "loss", "2")),
            }
        )
    return plates.Text(
        f"{plates.table(rows)}\n\nMedians over seeds; the loss with its range. *Distance*: how far "
        "the weights go from the last snapshot, $\\lVert \\hat x(s) - x_n \\rVert$, over the way "
        "that the optimizer goes in the same time."
    )


def _gone(records: Sequence[Record], name: str, epochs: str) -> str:
    true = read(records, "baselines", "distance", epochs)
    median = np.median(read(records, "operators", name, "distance", epochs) / true)
    return f"{median:.2g}" if median < 1000 else rounded(float(median))


def turning(records: Sequence[Record]) -> plates.Text:
    """How far the largest turning pair of the network operator turns in ten epochs."""
    degrees = [_degrees(one) * 10 * per_epoch(records) for one in records]
    return plates.Text(
        "In the network operators of these seeds the largest turning pair turns by "
        f"{np.median(degrees):.0f} degrees in ten epochs (from {min(degrees):.0f} to "
        f"{max(degrees):.0f}). At 90 degrees nothing of what it carried is left where it was."
    )


def _degrees(one: Record) -> float:
    """The angle of that pair per iteration; 0 if nothing turns."""
    angles = np.abs(one.curves["network/angle"])
    turning = np.where(angles > 0, one.curves["network/size"], 0)
    return float(np.degrees(angles[np.argmax(turning)]))


def observables(records: Sequence[Record]) -> plates.Text:
    """How far the spectra of one node lie apart by the two choices of observables."""
    gap = read(records, "observables", "distance").max()
    return plates.Text(
        f"For a node of {records[0].metrics['observables']['weights']} weights, fitted by two "
        f"routes, the two spectra differ by at most {gap:.0e}. As for square integrability, it "
        "depends on the measure: on the bounded set that a training visits, coordinates are square "
        "integrable. The choice between the two explains nothing; that the span is too small, as "
        "the report also suspects, is what [the finite section](05-finite-section) is about."
    )
