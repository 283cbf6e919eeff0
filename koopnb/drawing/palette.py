"""Colours by what they stand for, and the style of every figure."""

from typing import Any

# After Okabe and Ito; purple and green are darkened for contrast on white.
COLOURS = {
    "adadelta": "#0072B2",
    "node": "#D55E00",
    "layer": "#B5478C",
    "mean": "#007A5A",
    "network": "#7A5C00",
    "bounded": "#222222",
    "flow": "#2B2B2B",
    "descent": "#1F5FA8",
    "momentum": "#C44E00",
    "shallow": "#9A4F96",
    "deep": "#1B7A55",
    # Pictures of theory: what is so, what reaches it, what does not, a third thing beside them.
    "truth": "#333333",
    "works": "#005F9E",
    "fails": "#C14E00",
    "third": "#8A3FA0",
    # Stretches of a training: what operators learn from, and what they predict.
    "recorded": "#00609A",
    "predicted": "#BF4D00",
    "line": "#0070B5",  # a straight line through the recorded weights, continued
}
# From what is read to what is only there: text, axes and notes, marks, lines behind, areas.
INK, NOTE, MARK, LINE, AREA = "#333333", "#555555", "#888888", "#bbbbbb", "#eeeeee"
STOPPED = "#E8B23A"  # an area where paths stop, under dark text
STYLE: dict[Any, Any] = {
    "figure.figsize": (9.5, 3.5),
    "figure.constrained_layout.use": True,
    "savefig.facecolor": "white",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.titlelocation": "left",
    "grid.color": "#e6e6e6",
    "font.size": 10.5,
    "axes.titlesize": 10.5,
    "legend.frameon": False,
}
