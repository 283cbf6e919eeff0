"""What the operators of each partition cost: counted, timed, and beside other packages."""

import json
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from koopnb.drawing import plates
from koopnb.drawing.palette import COLOURS, LINE
from koopnb.experiments.partitions import ARMS
from koopnb.experiments.record import Record

FACTORS, EXPLICIT = COLOURS["works"], COLOURS["fails"]
BYTES = 4  # of a number in single precision
CASES = (
    "koopnb network, rank 8",
    "numpy Gram float64, rank 8",
    "PyDMD network, rank 8",
    "koopnb network, full rank",
    "PyDMD network, full rank",
    "koopnb first-layer nodes, default cutoff",
    "batched SVD, first-layer nodes",
    "explicit first-layer operator, built",
    "koopnb a step, network rank 8",
    "explicit first-layer operator, a step",
)


def memory(number_of_bytes: float) -> str:
    """A number of bytes with three digits, in kB, MB or GB."""
    units = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))
    scale, unit = next((one for one in units if number_of_bytes >= one[0]), units[-1])
    return f"{number_of_bytes / scale:.3g} {unit}"


def counted(one: Record) -> plates.Text:
    """Blocks, memory and ranks of every partition on one seed's record."""
    rows = [
        {
            "Operators": name,
            "Blocks": f"{of['blocks']:,}",
            "Widest": f"{of['widest']:,}",
            "Explicit matrices": memory(BYTES * of["entries"]),
            "In factors": memory(of["factor_bytes"]),
            "Rank, median": of["rank"][0],
            "largest": of["rank"][1],
        }
        for name, of in one.metrics["partitions"].items()
    ]
    return plates.Text(
        f"On the report's record ({one.config['dataset']}, {one.metrics['weights']:,} weights, "
        f"{one.metrics['snapshots']:,} snapshots), in single precision, with JAX's cutoff for "
        f"every block and $q = {one.config['widths'][0]}$ for the quasi-nodes:\n\n"
        f"{plates.table(rows)}"
    )


def _of(one: Record, quantity: str) -> np.ndarray:
    """A number of every partition."""
    return np.array([one.metrics["partitions"][name][quantity] for name in ARMS])


@plates.styled
def costs(timed: Record) -> plates.Plate:
    """Memory, time to fit and time to predict of every partition, from a timed record."""
    figure, axes = plt.subplots(1, 3, figsize=(9.5, 3.2), sharey=True)
    fits, jumps = _of(timed, "seconds_to_fit"), _of(timed, "seconds_to_predict") * 1e3
    _memory(axes[0], timed)
    _bars(axes[1], fits, "s", title="(b) to fit", xlabel="seconds")
    _bars(axes[2], jumps, "ms", title="(c) to predict, any horizon", xlabel="milliseconds")
    axes[0].set_yticks(range(len(ARMS)), ARMS)
    axes[0].invert_yaxis()
    ahead = max(timed.config["horizon_epochs"]) * timed.metrics["iterations_per_epoch"]
    return plates.Plate(
        figure,
        "Three panels over the five partitions. As explicit matrices, memory grows by four orders "
        "of magnitude from weight to network operators; in factors all of them need megabytes or "
        f"less. Fits take between {fits.min():.1f} and {fits.max():.1f} seconds, and the network's "
        f"{fits[-1]:.1f} seconds. Predictions take between {jumps.min():.1f} and "
        f"{jumps.max():.1f} milliseconds.",
        f"The same five operators. (a) Single precision. (b) One fit and (c) one prediction "
        f"{ahead:,} iterations ahead, compiled before, results awaited, the fastest of a few. "
        f"Timed {timed.environment['date'][:10]} on {timed.environment['cpu']}, "
        f"{timed.environment['cores']} cores.",
        "costs",
    )


def _memory(axis: Axes, timed: Record) -> None:
    explicit, factors = BYTES * _of(timed, "entries") / 1e6, _of(timed, "factor_bytes") / 1e6
    places = range(len(ARMS))
    axis.hlines(places, explicit, factors, color=LINE)
    axis.plot(explicit, places, "s", color=EXPLICIT)
    axis.plot(factors, places, "o", color=FACTORS)
    placed: dict[str, Any] = {"xytext": (0, 9), "textcoords": "offset points"}
    last = places[-1]
    axis.annotate("explicit", (explicit[-1], last), ha="right", color=EXPLICIT, **placed)
    axis.annotate("in factors", (factors[-1], last), ha="center", color=FACTORS, **placed)
    axis.set(xscale="log", title="(a) memory", xlabel="megabytes")


def _bars(axis: Axes, values: np.ndarray, unit: str, **labels: str) -> None:
    axis.barh(range(len(values)), values, 0.55, color=FACTORS)
    for place, value in enumerate(values):
        axis.text(value, place, f" {value:.2g} {unit}", va="center")
    axis.set(xlim=(0, 1.35 * values.max()), **labels)
    axis.grid(axis="y", visible=False)


def network_cost(timed: Record) -> plates.Text:
    """What the network operator costs beside node operators, and what its matrix would hold."""
    network, node = (timed.metrics["partitions"][name] for name in ("network", "node"))
    return plates.Text(
        f"Kept in factors, the network operator needs {memory(network['factor_bytes'])}, node "
        f"operators {memory(node['factor_bytes'])}, and its fit takes "
        f"{network['seconds_to_fit'] / node['seconds_to_fit']:.2g} times as long as theirs. As a "
        f"matrix it would hold {network['entries']:.3g} numbers, "
        f"{memory(BYTES * network['entries'])}: a burden, though not an impossible one."
    )


def benchmark(path: str | Path) -> plates.Text:
    """Times and memory that ``make bench`` stored in a file, beside NumPy and PyDMD."""
    stored = json.loads(Path(path).read_text())
    rows = []
    for name in CASES:
        milliseconds = stored["cases"][name]["seconds"] * 1e3
        megabytes = max(stored["cases"][name]["megabytes"], 0)
        rows.append(
            {
                "On the network's record": name,
                "Time": f"{milliseconds:,.{0 if milliseconds > 10 else 2}f} ms",
                "Memory beyond the snapshots": f"{megabytes:,.0f} MB",
            }
        )
    stamp = stored["environment"]
    return plates.Text(
        f"{plates.table(rows)}\n\nComputed {stamp['date'][:10]} on {stamp['cpu']}, "
        f"{stamp['cores']} cores."
    )
