"""The command line: ``python -m koopnb``."""

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import koopnb
from koopnb.checks import Refusal, integer

RECORDS = Path("_build/records")
ALL = "all"  # instead of a series: everything that make reproduce makes


def main(argv: Sequence[str] | None = None) -> int:
    """Parses the arguments, runs the command, returns the exit status.

    What the user can mend, a file that cannot be read or written, and a package of the book that
    is missing are one message on stderr and status 1. Any other error keeps its traceback.
    """
    arguments = _parser().parse_args(argv)
    try:
        return arguments.command(arguments)
    except (OSError, Refusal) as error:
        print(f"koopnb {arguments.name}: {error}", file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] == koopnb.__name__:
            raise
        print(
            f"koopnb {arguments.name}: {error.name} is missing. Install the book's packages: "
            "pip install --constraint constraints.txt --editable '.[book]'",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print(f"\nkoopnb {arguments.name}: stopped; what is written is whole.", file=sys.stderr)
        return 130


def console() -> None:
    """Runs `main` as a program. A second Ctrl-C ends it at once, without a word."""
    signal.signal(signal.SIGINT, _interrupt)
    status = main()
    if status == 130:  # threads of JAX may still compute: they are not waited for
        _leave()
    raise SystemExit(status)


def _interrupt(*_: Any) -> None:
    signal.signal(signal.SIGINT, _leave)
    raise KeyboardInterrupt


def _leave(*_: Any) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(130)


class _Parser(argparse.ArgumentParser):
    """Lists the series below the help of ``run``; they are imported where that help is read."""

    def format_help(self) -> str:
        if self.prog.endswith(" run"):
            from koopnb.experiments.series import SERIES

            listed = {name: one.what for name, one in SERIES.items()}
            listed[ALL] = "everything that make reproduce makes"
            lines = [f"  {name:<{max(map(len, listed))}}  {what}" for name, what in listed.items()]
            self.epilog = "series:\n" + "\n".join(lines)
        return super().format_help()


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m koopnb",
        description="Koopman operators on training runs, and the book that checks them.",
    )
    parser.add_argument("--version", action="version", version=f"koopnb {koopnb.__version__}")
    commands = parser.add_subparsers(dest="name", required=True, metavar="command")

    run = commands.add_parser(
        "run",
        help="run series of experiments; each record is written at once",
        description="Runs series of experiments. Records that are there already stay, so an "
        "interrupted run goes on where it stopped.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    run.add_argument("series", nargs="+", metavar="SERIES", help="see below")
    run.add_argument("--dataset", default=None, help="mnist or digits (default: the series' own)")
    run.add_argument("--seeds", type=int, nargs="+", default=None, metavar="SEED",
                     help="default: the book's first set, one to ten")  # fmt: skip
    run.add_argument("--horizons", type=int, nargs="+", default=None, metavar="EPOCHS",
                     help="epochs ahead to predict (default: the series' own)")  # fmt: skip
    run.add_argument("--records", type=Path, default=RECORDS, metavar="FOLDER",
                     help="where records go (default: %(default)s)")  # fmt: skip
    run.add_argument("--jobs", type=int, default=1, metavar="N",
                     help="how many at once (default: %(default)s); timings run alone")  # fmt: skip
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
    from koopnb.experiments import running, store

    jobs = _jobs(arguments)
    integer("--jobs", arguments.jobs, 1, "how many run at once")
    _refuse_unwritable(arguments.records)
    made = running.make_all(jobs, arguments.records, force=arguments.force, workers=arguments.jobs)
    for path, seconds in made:
        how = "there already" if seconds is None else f"{seconds:.0f} s"
        print(f"{path}: {how}", flush=True)
    print(f"{store.index(arguments.records)}: what is there")
    return 0


def _jobs(arguments: argparse.Namespace) -> list[Any]:
    """The jobs asked for, each once."""
    from koopnb.experiments import series

    how = (arguments.seeds, arguments.dataset, arguments.horizons or ())
    if ALL not in arguments.series:
        return [job for name in dict.fromkeys(arguments.series) for job in series.jobs(name, *how)]
    if len(arguments.series) > 1 or any(how):
        raise Refusal(
            f"{ALL} is everything that make reproduce makes: leave out other series, seeds, data "
            "sets and horizons."
        )
    return [job for name in series.SERIES for job in series.reproduction(name)]


def _refuse_unwritable(folder: Path) -> None:
    """Raises a Refusal where no record can be written, before anything is computed."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise Refusal(
            f"No record can be written to {folder} ({error.strerror}): name a folder that can be "
            "written to with --records."
        ) from error


def _book(arguments: argparse.Namespace) -> int:
    from koopnb.publish.build import build

    how = {"store": arguments.store, "force": arguments.force, "render": not arguments.no_render}
    try:
        build(Path.cwd(), **how)
    except RuntimeError as error:  # a chapter or the renderer failed, and its message says where
        raise Refusal(str(error)) from error
    return 0


def _check(arguments: argparse.Namespace) -> int:
    from koopnb.evidence.compare import compare

    found = compare(arguments.records, arguments.results)
    print("\n".join(found.lines))
    return 1 if found.moved or found.damaged else 0


def _data(arguments: argparse.Namespace) -> int:
    from koopnb.data import load_dataset

    for name in arguments.datasets:
        data = load_dataset(name)
        print(f"{name}: {len(data.x_train)} training and {len(data.x_test)} test samples")
    return 0
