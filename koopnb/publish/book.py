"""From MyST chapters to the rendered book: jupytext, papermill, Jupyter Book."""

import copy
import hashlib
import json
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import nbformat

from koopnb.data import load_dataset
from koopnb.evidence import ledger
from koopnb.experiments import environment, series


class Chapter(NamedTuple):
    """A page executed from ``notebooks/<source>.md``, and the data set it cannot do without.

    ``title`` replaces the source's title where one source makes two pages. ``seeds`` are those of
    the report's experiment on that data set whose records the page shows.
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
    Chapter("06-partitions", "06-partitions", "mnist"),
    Chapter("07-mnist-experiment", "07-mnist-experiment", "mnist", seeds=tuple(range(10))),
    Chapter(
        "08-digits",
        "07-mnist-experiment",
        "digits",
        "The same experiment on digits",
        seeds=(0, 1, 2),
    ),
    Chapter("09-ode-networks", "09-ode-networks"),
    Chapter("10-why-it-deteriorates", "10-why-it-deteriorates", "mnist"),
    Chapter("11-where-it-works", "11-where-it-works", "mnist"),
    Chapter("13-verdict", "13-verdict"),
)
CONFIGURATION = ("_config.yml", "_toc.yml")
STAND_IN = """:::{admonition} Stored results
:class: warning

The data could not be had when this page was built.
The outputs below were computed earlier and are stored with the book; nothing was replaced.
Set `KOOPNB_DATA_DIR`, or build with a network, to compute them anew.
:::"""


def build(
    root: Path, *, store: bool = False, force: bool = False, render: bool = True,
    chapters: Iterable[Chapter] = CHAPTERS,
) -> Path | None:  # fmt: skip
    """Executes every chapter whose source, code or parameters changed, and renders the book.

    Args:
        root: the repository.
        store: also write the executed chapters to ``notebooks/``, as the outputs that the
            tests compare with.
        force: execute chapters that have not changed too.
        render: run Jupyter Book.
        chapters: which chapters, in order.

    Returns:
        The book's first page, or None without rendering.

    Raises:
        FileNotFoundError: ``root`` holds no ``_toc.yml``.
        RuntimeError: a chapter or Jupyter Book failed; what was built before stays.
    """
    if not (root / "_toc.yml").is_file():
        raise FileNotFoundError(f"{root.resolve()} holds no book: run this in the repository.")
    source = root / "_build" / "source"
    pages = source / "notebooks"
    executed = root / "_build" / "executed"
    for folder in (pages, executed):
        folder.mkdir(parents=True, exist_ok=True)
    made: dict[Chapter, dict[str, Any] | None] = {}
    for chapter in chapters:
        stored = root / "notebooks" / f"{chapter.name}.ipynb"
        why = unavailable(chapter.dataset)
        if why is None:
            done = executed / stored.name
            _execute(root, chapter, done, force)
            notebook = nbformat.read(done, as_version=4)
            made[chapter] = notebook.metadata["koopnb"]
            if store:
                _write(_without_stamp(notebook), stored)
        else:
            print(f"{chapter.name}: stored outputs, since {why}", flush=True)
            made[chapter] = None
            notebook = nbformat.read(stored, as_version=4)
            notebook.cells.insert(1, nbformat.v4.new_markdown_cell(STAND_IN))
        _write(_with_captions(notebook, chapter.name), pages / stored.name)
    if not render:
        return None
    for file in CONFIGURATION:
        shutil.copyfile(root / file, source / file)
    shutil.copytree(root / "book", source, dirs_exist_ok=True)
    generated = source / "generated"
    generated.mkdir(exist_ok=True)
    (generated / "status.md").write_text(_status(made))
    (generated / "summary.md").write_text(_summary(root))
    (generated / "effort.md").write_text(_effort(root))
    (generated / "erratum.md").write_text(_erratum(root))
    return _render(root, source)


def _execute(root: Path, chapter: Chapter, target: Path, force: bool) -> None:
    """Executes one chapter into ``target``."""
    import jupytext
    import papermill

    text = root / "notebooks" / f"{chapter.source}.md"
    parameters: dict[str, Any] = {}
    if chapter.name != chapter.source:
        parameters = {"dataset": chapter.dataset}
        if chapter.seeds:
            parameters["seeds"] = list(chapter.seeds)
    fingerprint = _fingerprint(root, text, chapter)
    if target.is_file() and not force:
        made = nbformat.read(target, as_version=4).metadata.get("koopnb", {})
        if made.get("fingerprint") == fingerprint:
            print(f"{chapter.name}: unchanged", flush=True)
            return
    notebook = jupytext.read(text)
    if chapter.title:
        _retitle(notebook, chapter.title)
    scratch = target.with_suffix(".part.ipynb")
    nbformat.write(notebook, scratch)
    began = time.perf_counter()
    try:
        papermill.execute_notebook(
            scratch, scratch, parameters=parameters, kernel_name="python3", language="python",
            cwd=root / "notebooks", progress_bar={"desc": chapter.name, "unit": "cell"},
            extra_arguments=["--IPKernelApp.log_level=40"],
        )  # fmt: skip
    except papermill.PapermillExecutionError as error:
        raise RuntimeError(
            f"Chapter {chapter.name} failed in cell {error.exec_count}: {error.ename}: "
            f"{error.evalue}. The notebook as far as it got: {scratch}."
        ) from error
    seconds = round(time.perf_counter() - began, 1)
    notebook = nbformat.read(scratch, as_version=4)
    _tidy(notebook)
    notebook.metadata["koopnb"] = {
        "fingerprint": fingerprint,
        "seconds": seconds,
        "environment": environment.stamp(),
    }
    nbformat.write(notebook, scratch)
    scratch.replace(target)


def _fingerprint(root: Path, text: Path, chapter: Chapter) -> str:
    """Changes when the chapter, a stored record, the code or a version it stands on changes."""
    digest = hashlib.sha256(json.dumps(chapter).encode() + text.read_bytes())
    package = Path(__file__).parents[1]
    for path in sorted(package.rglob("*.py")):
        digest.update(str(path.relative_to(package)).encode() + path.read_bytes())
    for path in sorted((root / "results").glob("*.json")):
        digest.update(path.name.encode() + path.read_bytes())
    digest.update(json.dumps(environment.versions()).encode())
    return digest.hexdigest()


def unavailable(dataset: str | None) -> str | None:
    """Why a data set cannot be had, in one sentence; None if it can."""
    if dataset is None:
        return None
    try:
        load_dataset(dataset)
    except OSError as error:
        return str(error).split(". ")[0]
    return None


def _retitle(notebook: Any, title: str) -> None:
    cell = next(cell for cell in notebook.cells if cell.source.lstrip().startswith("# "))
    lines = cell.source.splitlines()
    where = next(i for i, line in enumerate(lines) if line.startswith("# "))
    # The label in front of a title must stay unique in the book.
    cell.source = "\n".join([f"# {title}", *lines[where + 1 :]])


def _tidy(notebook: Any) -> None:
    """Removes what differs between two equal runs: times, and progress bars' output."""
    notebook.metadata.pop("papermill", None)
    for cell in notebook.cells:
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = [
                output
                for output in cell.outputs
                if not (output.get("name") == "stderr" and _is_progress(output.text))
            ]


def _is_progress(text: str) -> bool:
    return "\r" in text or not text.strip()


def _without_stamp(notebook: Any) -> Any:
    """What is committed: no environment stamp, so that equal runs give equal files."""
    plain = copy.deepcopy(notebook)
    plain.metadata.pop("koopnb", None)
    return plain


def _with_captions(notebook: Any, page: str) -> Any:
    """Turns the captions that `figures.show` displays into the book's figure elements."""
    captioned = copy.deepcopy(notebook)
    for cell in captioned.cells:
        for output in cell.get("outputs", []):
            details = output.get("metadata", {}).get("image/png", {})
            if "caption" in details:
                cell.metadata["mystnb"] = {
                    "image": {"alt": details["alt"]},
                    "figure": {"caption": details["caption"], "name": f"{page}-{details['name']}"},
                }
        if "mystnb" in cell.metadata:
            cell.outputs = [
                output for output in cell.outputs if "koopnb" not in output.get("metadata", {})
            ]
    return captioned


def _write(notebook: Any, path: Path) -> None:
    """The file appears whole or not at all."""
    scratch = path.with_suffix(".part")
    nbformat.write(notebook, scratch)
    scratch.replace(path)


def _render(root: Path, source: Path) -> Path:
    command = Path(sys.executable).parent / "jupyter-book"
    # Cross-page values go stale in Sphinx's cache.
    shutil.rmtree(root / "_build" / ".doctrees", ignore_errors=True)
    done = subprocess.run(
        [command, "build", source, "--path-output", root, "-W", "-n", "--keep-going"],
        capture_output=True,
        text=True,
    )
    index = root / "_build" / "html" / "index.html"
    if done.returncode or not index.is_file():
        log = root / "_build" / "jupyter-book.log"
        log.write_text(done.stdout + done.stderr)
        lines = (done.stdout + done.stderr).splitlines()
        problems = [line for line in lines if "WARNING" in line or "ERROR" in line]
        raise RuntimeError(
            "Jupyter Book failed, and a warning counts as a failure:\n"
            + "\n".join(problems or lines[-15:])
            + f"\nThe whole log: {log}."
        )
    print(f"The book: {index}")
    return index


def _status(made: Mapping[Chapter, dict[str, Any] | None]) -> str:
    """When, where and how long: each page as it was executed, then this build."""
    head = ("Page", "Time to execute", "Executed", "Processor", "JAX")
    rows = []
    for chapter, of in made.items():
        if of is None:
            rows.append((chapter.name, "stored outputs", "see the page", "", ""))
            continue
        stamp = of["environment"]
        where = f"{stamp['cpu']}, {stamp['cores']} cores"
        jax = f"{stamp['packages']['jax']} on {stamp['backend']}"
        rows.append((chapter.name, f"{of['seconds']:.0f} s", stamp["date"][:10], where, jax))
    stamp = environment.stamp()
    precision = (
        f"64-bit default {'on' if stamp['float64_enabled'] else 'off'}, "
        f"matrix products at {stamp['matmul_precision']} precision"
    )
    facts = {
        "Built": stamp["date"],
        "Platform": stamp["platform"],
        "Precision": precision,
        "Python": stamp["python"],
    } | stamp["packages"]
    return f"{_table(head, rows)}\n{_table(('Environment', 'Value'), facts.items())}"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [tuple(head), *(tuple(row) for row in rows)]
    lines.insert(1, ("---",) * len(lines[0]))
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _summary(root: Path) -> str:
    """The verdicts on the report and on the paper, for the landing page."""
    listed = ledger.entries([root / "results"])
    parts = []
    for author in ("The report", "The paper"):
        own = [entry for entry in listed if entry.author == author]
        heading = f"**{author}**\n\n" + _tally(own)
        parts.append(f"{heading}\n\n" + ledger.short(own, lambda to: f"notebooks/{_address(to)}"))
    return "\n".join(parts)


def _erratum(root: Path) -> str:
    """What the operators of an earlier version had made of the same statements."""
    before = json.loads((root / "book" / "erratum.json").read_text())
    return ledger.moved(before, ledger.entries([root / "results"]))


def _effort(root: Path) -> str:
    """How long the first set of every series took to make."""
    rows = []
    for name, one in series.SERIES.items():
        found = series.stored(name, [root / "results"])
        minutes = sum(each.environment["seconds"] for each in found) / 60
        rows.append((f"`{name}`", one.what, str(len(found)), f"{minutes:.1f} min"))
    return _table(("Series", "Runs", "Records", "Time on two cores"), rows)


def _tally(listed: list[ledger.Entry]) -> str:
    counts = Counter(entry.finding.verdict for entry in listed)
    return (
        f"{len(listed)} statements: {counts['holds']} verdicts *holds*, "
        f"{counts['depends']} *depends*, {counts['fails']} *fails*."
    )


def _address(section: str) -> str:
    """A page's file and heading, as links in a chapter and on the landing page name them."""
    page, _, heading = section.partition("#")
    return f"{page}.ipynb#{heading}"
