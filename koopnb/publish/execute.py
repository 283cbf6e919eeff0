"""One chapter, from its source to a notebook with outputs."""

import time
from pathlib import Path
from typing import Any

import jupytext
import nbformat
import papermill

from koopnb.experiments import environment
from koopnb.publish.contents import Chapter
from koopnb.publish.fingerprint import fingerprint_of


def execute(root: Path, chapter: Chapter, target: Path, force: bool) -> None:
    """Executes one chapter into ``target``."""
    text = root / "notebooks" / f"{chapter.source}.md"
    parameters: dict[str, Any] = {}
    if chapter.name != chapter.source:
        parameters = {"dataset": chapter.dataset}
        if chapter.seeds:
            parameters["seeds"] = list(chapter.seeds)
    fingerprint = fingerprint_of(root, text, chapter)
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
