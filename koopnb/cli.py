"""The command line: ``python -m koopnb``."""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import koopnb

RECORDS = Path("_build/records")


def main(argv: Sequence[str] | None = None) -> int:
    """Parses the arguments, runs the command, returns the exit status.

    A problem that the user can solve is one message on stderr and status 1, no traceback.
    """
    arguments = _parser().parse_args(argv)
    try:
        return arguments.command(arguments)
    except (OSError, ValueError, RuntimeError) as error:
        print(f"koopnb {arguments.name}: {error}", file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        print(
            f"koopnb {arguments.name}: {error.name} is missing. Install the book's packages: "
            "pip install --constraint constraints.txt --editable '.[book]'",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print(f"\nkoopnb {arguments.name}: stopped; what is written is whole.", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m koopnb",
        description="Koopman operators on training runs, and the book that checks them.",
    )
    parser.add_argument("--version", action="version", version=f"koopnb {koopnb.__version__}")
    commands = parser.add_subparsers(dest="name", required=True, metavar="command")

    run = commands.add_parser(
        "run", help="run a series of experiments; each record is written at once"
    )
    run.add_argument(
        "series",
        help="mnist, paper, routes, optimizers, partitions, fits, costs, ode, theory, closure, "
        "sections, noise, descent, inertia, causes, cutoffs, regimes or decay; the status page of "
        "the book says what each is and how long it takes",
    )
    run.add_argument("--dataset", default=None, help="mnist or digits (default: the series' own)")
    run.add_argument("--seeds", type=int, nargs="+", default=None, metavar="SEED",
                     help="default: the book's first set, one to ten")  # fmt: skip
    run.add_argument("--horizons", type=int, nargs="+", default=None, metavar="EPOCHS",
                     help="epochs ahead to predict (default: the series' own)")  # fmt: skip
    run.add_argument("--records", type=Path, default=RECORDS, metavar="FOLDER",
                     help="where records go (default: %(default)s)")  # fmt: skip
    run.add_argument("--force", action="store_true", help="make records anew that are there")
    run.set_defaults(command=_run)

    book = commands.add_parser("book", help="execute the chapters and render the book")
    book.add_argument(
        "--store", action="store_true", help="store the executed chapters in notebooks/"
    )
    book.add_argument("--force", action="store_true", help="execute unchanged chapters too")
    book.add_argument("--no-render", action="store_true", help="execute only")
    book.set_defaults(command=_book)

    check = commands.add_parser(
        "check",
        help="compare fresh records with the stored results",
        description="Judges every claim on fresh records and on the stored ones of the same "
        "seeds. Ends with status 1 if a verdict, or a number beyond its tolerance, moved.",
    )
    check.add_argument("--records", type=Path, default=RECORDS, metavar="FOLDER",
                       help="fresh records (default: %(default)s)")  # fmt: skip
    check.add_argument("--results", type=Path, default=Path("results"), metavar="FOLDER",
                       help="stored records (default: %(default)s)")  # fmt: skip
    check.set_defaults(command=_check)

    data = commands.add_parser("data", help="load the data sets, and say what they hold")
    data.add_argument("datasets", nargs="*", default=["mnist", "digits"], metavar="name",
                      help="mnist or digits; both if left out")  # fmt: skip
    data.set_defaults(command=_data)
    return parser


def _run(arguments: argparse.Namespace) -> int:
    from koopnb.experiments import record, series

    asked = (arguments.seeds, arguments.dataset, arguments.horizons or ())
    jobs = series.jobs(arguments.series, *asked)
    _refuse_unwritable(arguments.records)
    for job in jobs:
        path = record.find(job.experiment, job.config, [arguments.records])
        if path is not None and not arguments.force:
            print(f"{path}: there already")
            continue
        made = job.run(job.config, arguments.records, progress=True)
        path = record.path_of(made.experiment, job.config, arguments.records)
        print(f"{path}: {made.environment['seconds']:.0f} s", flush=True)
        record.drop_programs()
    return 0


def _refuse_unwritable(folder: Path) -> None:
    """Raises a ValueError where no record can be written, before anything is computed."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise ValueError(
            f"No record can be written to {folder} ({error.strerror}): name a folder that can be "
            "written to with --records."
        ) from error


def _book(arguments: argparse.Namespace) -> int:
    from koopnb.publish.build import build

    build(Path.cwd(), store=arguments.store, force=arguments.force, render=not arguments.no_render)
    return 0


def _check(arguments: argparse.Namespace) -> int:
    from koopnb.evidence import judge

    found = judge.compare(arguments.records, arguments.results)
    print("\n".join(found.lines))
    return 1 if found.moved else 0


def _data(arguments: argparse.Namespace) -> int:
    from koopnb.data import load_dataset

    for name in arguments.datasets:
        data = load_dataset(name)
        print(f"{name}: {len(data.x_train)} training and {len(data.x_test)} test samples")
    return 0
