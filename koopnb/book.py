"""From MyST chapters to the rendered book: jupytext, papermill, Jupyter Book."""

import hashlib
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import koopnb.environment
from koopnb.data import load_dataset


class Chapter(NamedTuple):
    """A page executed from ``notebooks/<source>.md`` with these parameters.

    ``title`` replaces the source's title where one source makes two pages.
    """

    name: str
    source: str
    dataset: str | None = None
    title: str | None = None


CHAPTERS = (
    Chapter("07-mnist-experiment", "07-mnist-experiment", "mnist"),
    Chapter("08-digits", "07-mnist-experiment", "digits", "The same experiment on digits"),
)
PROSE = ("_config.yml", "_toc.yml", "book")
STAND_IN = """:::{warning} Stored results
MNIST was not to be had when this page was built ($why).
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
    seconds: dict[str, float | None] = {}
    for chapter in chapters:
        why = _unavailable(chapter.dataset)
        target = pages / f"{chapter.name}.ipynb"
        if why is not None:
            print(f"{chapter.name}: stored outputs, since {why}", flush=True)
            _stand_in(root / "notebooks" / target.name, target, why)
            seconds[chapter.name] = None
            continue
        seconds[chapter.name] = _execute(root, chapter, executed / target.name, force)
        shutil.copyfile(executed / target.name, target)
        if store:
            shutil.copyfile(target, root / "notebooks" / target.name)
    if not render:
        return None
    for part in PROSE:
        if (root / part).is_dir():
            shutil.copytree(root / part, source / part, dirs_exist_ok=True)
        else:
            shutil.copyfile(root / part, source / part)
    generated = source / "book" / "generated"
    generated.mkdir(exist_ok=True)
    (generated / "status.md").write_text(_status(seconds))
    (generated / "summary.md").write_text(_summary(pages, chapters))
    return _render(root, source)


def _execute(root: Path, chapter: Chapter, target: Path, force: bool) -> float:
    """Executes one chapter into ``target``; returns the seconds it took, now or then."""
    import jupytext
    import nbformat
    import papermill

    text = root / "notebooks" / f"{chapter.source}.md"
    parameters = {"dataset": chapter.dataset} if chapter.dataset else {}
    fingerprint = _fingerprint(text, chapter)
    if target.is_file() and not force:
        made = nbformat.read(target, as_version=4).metadata.get("koopnb", {})
        if made.get("fingerprint") == fingerprint:
            print(f"{chapter.name}: unchanged", flush=True)
            return made["seconds"]
    notebook = jupytext.read(text)
    if chapter.title:
        _retitle(notebook, chapter.title)
    scratch = target.with_suffix(".part.ipynb")
    nbformat.write(notebook, scratch)
    began = time.perf_counter()
    try:
        papermill.execute_notebook(
            scratch, scratch, parameters=parameters, kernel_name="python3",
            cwd=root / "notebooks", progress_bar={"desc": chapter.name, "unit": "cell"},
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
        "environment": koopnb.environment.stamp(),
    }
    nbformat.write(notebook, scratch)
    scratch.replace(target)
    return seconds


def _fingerprint(text: Path, chapter: Chapter) -> str:
    """Changes when the chapter, the package's code or a version it stands on changes."""
    digest = hashlib.sha256(json.dumps(chapter).encode() + text.read_bytes())
    package = Path(__file__).parent
    for path in sorted(package.rglob("*.py")):
        digest.update(str(path.relative_to(package)).encode() + path.read_bytes())
    digest.update(json.dumps(koopnb.environment.versions()).encode())
    return digest.hexdigest()


def _unavailable(dataset: str | None) -> str | None:
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
                if not (output.get("name") == "stderr" and "\r" in output.text)
            ]


def _stand_in(stored: Path, target: Path, why: str) -> None:
    import nbformat

    notebook = nbformat.read(stored, as_version=4)
    notebook.cells.insert(1, nbformat.v4.new_markdown_cell(STAND_IN.replace("$why", why)))
    nbformat.write(notebook, target)


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


def _status(seconds: dict[str, float | None]) -> str:
    stamp = koopnb.environment.stamp()
    rows = [
        f"| {name} | {'stored outputs' if taken is None else f'{taken:.0f} s'} |"
        for name, taken in seconds.items()
    ]
    facts = {
        "Built": stamp["date"],
        "Processor": f"{stamp['cpu']}, {stamp['cores']} cores, backend {stamp['backend']}",
        "Platform": stamp["platform"],
        "Python": stamp["python"],
        "Precision": f"float64 enabled: {stamp['float64_enabled']}; matrix products: {stamp['matmul_precision']}",
    } | {name: version for name, version in stamp["packages"].items()}
    return "\n".join(
        ["| Page | Time to execute |", "|---|---|", *rows, "", "| Environment | |", "|---|---|"]
        + [f"| {name} | {value} |" for name, value in facts.items()]
    ) + "\n"
