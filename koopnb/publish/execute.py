"""One chapter, from its source to a notebook with outputs."""

import time
from pathlib import Path
from typing import Any

import jupytext
import nbformat
import papermill
from nbclient.exceptions import CellTimeoutError, DeadKernelError

from koopnb.checks import Refusal
from koopnb.experiments import environment
from koopnb.publish.contents import Chapter
from koopnb.publish.fingerprint import fingerprint_of

# Seconds for a kernel to start, and for one cell to end: far beyond what a busy machine takes.
TO_START, FOR_A_CELL = 300, 1800
INJECTED = "injected-parameters"


def unchanged(root: Path, chapter: Chapter, target: Path) -> bool:
    """Whether ``target`` has the outputs that executing a chapter would give.

    They rest on its code and not on its prose, so new prose is written into ``target``.

    Raises:
        Refusal: the source is no MyST notebook.
    """
    notebook, made = _source(root, chapter), _made(target)
    if made is None or made.metadata["koopnb"]["fingerprint"] != fingerprint_of(
        root, notebook, chapter
    ):
        return False
    write(_with_prose_of(notebook, made), target)
    return True


def execute(root: Path, chapter: Chapter, target: Path) -> float:
    """Executes a chapter into ``target``, and returns the seconds that it took.

    Raises:
        RuntimeError: a cell failed or its kernel ended. The message names chapter and cell.
        Refusal: the source is no MyST notebook.
    """
    notebook = _source(root, chapter)
    fingerprint = fingerprint_of(root, notebook, chapter)
    scratch = target.with_suffix(".part.ipynb")
    nbformat.write(notebook, scratch)
    began = time.perf_counter()
    _run(chapter, scratch, root / "notebooks")
    seconds = round(time.perf_counter() - began, 1)
    notebook = nbformat.read(scratch, as_version=4)
    _tidy(notebook)
    notebook.metadata["koopnb"] = {
        "fingerprint": fingerprint,
        "seconds": seconds,
        "environment": environment.stamp(),
    }
    write(notebook, target)
    scratch.unlink()
    return seconds


def _source(root: Path, chapter: Chapter) -> Any:
    notebook = read(root / "notebooks" / f"{chapter.source}.md")
    if chapter.title:
        _retitle(notebook, chapter.title)
    for number, cell in enumerate(notebook.cells):  # jupytext draws them at random
        cell.id = f"cell-{number}"
    return notebook


def read(source: Path) -> Any:
    """A chapter's source as a notebook without outputs.

    Raises:
        Refusal: the file is no MyST notebook, or not encoded in UTF-8.
    """
    try:
        return jupytext.read(source)
    except Exception as error:  # jupytext passes on whatever its parsers raise
        reason = " ".join(str(error).split())
        raise Refusal(f"{source} cannot be read as a chapter: {reason}") from error


def seconds_of(target: Path) -> float | None:
    """How long the last execution took; None where there was none."""
    made = _made(target)
    return None if made is None else made.metadata["koopnb"]["seconds"]


def _made(target: Path) -> Any:
    """What an earlier execution left, or None where that is nothing or damaged."""
    try:
        made = nbformat.read(target, as_version=4)
    except (OSError, ValueError, nbformat.ValidationError):
        return None
    return made if {"fingerprint", "seconds"} <= made.metadata.get("koopnb", {}).keys() else None


def _run(chapter: Chapter, notebook: Path, folder: Path) -> None:
    """Executes a notebook in its place; its cells see ``folder`` as the working directory."""
    parameters: dict[str, Any] = {}
    if chapter.name != chapter.source:
        parameters = {"dataset": chapter.dataset}
        if chapter.seeds:
            parameters["seeds"] = list(chapter.seeds)
    try:
        papermill.execute_notebook(
            notebook, notebook, parameters=parameters, kernel_name="python3", language="python",
            cwd=folder, progress_bar=False, start_timeout=TO_START, execution_timeout=FOR_A_CELL,
            extra_arguments=["--IPKernelApp.log_level=40"],
        )  # fmt: skip
    except papermill.PapermillExecutionError as error:
        raise RuntimeError(
            f"Chapter {chapter.name} failed in cell {error.exec_count}: {error.ename}: "
            f"{error.evalue}. The notebook as far as it got: {notebook}."
        ) from error
    except (CellTimeoutError, DeadKernelError) as error:
        cells = [c for c in nbformat.read(notebook, as_version=4).cells if c.cell_type == "code"]
        begun = [cell for cell in cells if cell.metadata.papermill.status != "pending"]
        what = "took too long" if isinstance(error, CellTimeoutError) else "ended its kernel"
        raise RuntimeError(
            f"Chapter {chapter.name}: cell {len(begun)} {what}. {str(error).splitlines()[0]} "
            f"The notebook as far as it got: {notebook}."
        ) from error


def _retitle(notebook: Any, title: str) -> None:
    cell = next(cell for cell in notebook.cells if cell.source.lstrip().startswith("# "))
    lines = cell.source.splitlines()
    where = next(i for i, line in enumerate(lines) if line.startswith("# "))
    # The label in front of a title must stay unique in the book.
    cell.source = "\n".join([f"# {title}", *lines[where + 1 :]])


def _with_prose_of(notebook: Any, made: Any) -> Any:
    """An executed notebook whose text is that of a source with the same code."""
    executed = [cell for cell in made.cells if cell.cell_type == "code"]
    cells = []
    for cell in notebook.cells:
        if cell.cell_type != "code":
            cells.append(cell)
            continue
        cells.append(executed.pop(0))
        if executed and INJECTED in executed[0].metadata.get("tags", []):
            cells.append(executed.pop(0))
    return nbformat.from_dict({**made, "cells": cells})


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


def write(notebook: Any, path: Path) -> None:
    """Writes a notebook; the file appears whole or not at all."""
    scratch = path.with_suffix(".writing")
    nbformat.write(notebook, scratch)
    scratch.replace(path)
