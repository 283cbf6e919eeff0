"""The chapters of the book, in order."""

from typing import NamedTuple


class Chapter(NamedTuple):
    """A page executed from ``notebooks/<source>.md``.

    Where one source makes two pages, ``dataset`` and ``title`` replace those of the source.
    ``seeds`` are those of the report's experiment on that data set whose records the page shows.
    """

    name: str
    source: str
    dataset: str | None = None
    title: str | None = None
    seeds: tuple[int, ...] = ()


CHAPTERS = (
    Chapter("01-gradient-flow", "01-gradient-flow"),
    Chapter("02-stochastic-gradients", "02-stochastic-gradients"),
    Chapter("03-momentum", "03-momentum"),
    Chapter("04-koopman-theory", "04-koopman-theory"),
    Chapter("05-finite-section", "05-finite-section"),
    Chapter("06-partitions", "06-partitions"),
    Chapter("07-mnist-experiment", "07-mnist-experiment", seeds=tuple(range(10))),
    Chapter(
        "08-digits",
        "07-mnist-experiment",
        "digits",
        "The same experiment on digits",
        seeds=(0, 1, 2),
    ),
    Chapter("09-ode-networks", "09-ode-networks"),
    Chapter("10-why-it-deteriorates", "10-why-it-deteriorates"),
    Chapter("11-where-it-works", "11-where-it-works"),
    Chapter("13-verdict", "13-verdict"),
)
