"""What was trained, where, and what the runs showed, in a paragraph each."""

from collections.abc import Sequence

from koopnb.chapters.mnist_experiment.readings import dataset
from koopnb.chapters.mnist_experiment.verdicts import judged
from koopnb.drawing.plates import Text
from koopnb.evidence import tables
from koopnb.experiments.record import Record


def setting(
    report: Sequence[Record], paper: Sequence[Record], others: Sequence[Record], clock: Record
) -> Text:
    """Network, optimizer, lengths and machine of the page's records."""
    first = report[0]
    config, metrics, stamp = first.config, first.metrics, first.environment
    dates = sorted({one.environment["date"][:10] for one in [*report, *paper, clock]})
    return Text(
        f"This page: **{config['dataset']}**, {len(report)} seeds, a network of "
        f"{metrics['weights']:,} weights with {len(config['hidden'])} hidden layers of "
        f"{config['hidden'][0]} ReLU units. Adadelta has learning rate "
        f"{config['learning_rate']} and batches of {config['batch_size']}, which makes "
        f"{metrics['iterations_per_epoch']} iterations per epoch. "
        f"$t_1 = {config['burn_in_epochs']}$, "
        f"$t_2 = {config['burn_in_epochs'] + config['record_epochs']}$, "
        f"$n = {metrics['snapshots']:,}$ snapshots. The other optimizers have "
        f"{len({one.config['seed'] for one in others})} of the seeds. "
        f"Computed {' and '.join(dates)} on {stamp['cpu']} with JAX {stamp['packages']['jax']}; "
        "the seeds' records are stored with the book."
    )


def summary(report: Sequence[Record]) -> Text:
    """On how many seeds the statements hold that the chapter is about."""
    share = {
        finding.claim.key: tables.share(finding.agreeing, len(finding.values))
        for finding in judged(mnist=report)
    }
    reproduced = "The report's figures reproduce, and its reading of them stands, with a "
    return Text(
        (f"{reproduced}qualification. " if dataset(report) == "mnist" else "")
        + "Over the first epoch node operators are as accurate as Adadelta on "
        f"{share['node-comparable']} seeds, by its end on {share['node-comparable-end']}; there "
        f"their loss is at most a twentieth above Adadelta's on {share['node-comparable-loss']}. "
        f"The second epoch raises it further on {share['node-deteriorates']}. One seed could show "
        "neither how wide the fan is, nor how often the early dip stays above the averaged "
        f"weights: on {share['node-dip-above']} seeds. A bounded operator on window means ends "
        f"within a twentieth of the averaged weights on {share['bounded-is-average']} seeds. That "
        "is where the mean of the record was already."
    )
