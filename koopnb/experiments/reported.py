"""Values read off the report's figures 1 to 4, by eye: the loss's to 0.005 to 0.02."""

from typing import NamedTuple


class Figure(NamedTuple):
    """One of the four: the operator's curves as (iteration, value), and Adadelta's level."""

    arm: str
    epochs: int
    loss: tuple[tuple[int, float], ...]
    accuracy: tuple[tuple[int, float], ...]
    adadelta: tuple[float, float]
    milliseconds: tuple[float, float]


FIGURES = {
    1: Figure(
        "node", 1, ((1, 0.195), (20, 0.176), (938, 0.266)), ((1, 0.943), (20, 0.950), (938, 0.928)),
        (0.195, 0.942), (3.2, 1.0),
    ),
    2: Figure(
        "layer", 1, ((1, 0.171), (20, 0.169), (938, 0.178)), ((1, 0.951), (938, 0.948)),
        (0.195, 0.942), (30.0, 1.0),
    ),
    3: Figure(
        "node", 2, ((1, 0.17), (1876, 1.0)), ((1, 0.947), (1876, 0.757)),
        (0.195, 0.942), (3.2, 1.0),
    ),
    4: Figure(
        "layer", 2, ((1, 0.20), (1876, 0.40)), ((1, 0.939), (1876, 0.900)),
        (0.225, 0.932), (29.0, 1.0),
    ),
}  # fmt: skip
