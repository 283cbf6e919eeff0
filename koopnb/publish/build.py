"""The whole book: chapters executed, pages written, and all of it rendered."""

import copy
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import nbformat

from koopnb.publish import pages
from koopnb.publish.contents import CHAPTERS, Chapter, unavailable
from koopnb.publish.execute import execute

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
    chapter_pages = source / "notebooks"
    executed = root / "_build" / "executed"
    for folder in (chapter_pages, executed):
        folder.mkdir(parents=True, exist_ok=True)
    made: dict[Chapter, dict[str, Any] | None] = {}
    for chapter in chapters:
        stored = root / "notebooks" / f"{chapter.name}.ipynb"
        why = unavailable(chapter.dataset)
        if why is None:
            done = executed / stored.name
            execute(root, chapter, done, force)
            notebook = nbformat.read(done, as_version=4)
            made[chapter] = notebook.metadata["koopnb"]
            if store:
                _write(_without_stamp(notebook), stored)
        else:
            print(f"{chapter.name}: stored outputs, since {why}", flush=True)
            made[chapter] = None
            notebook = nbformat.read(stored, as_version=4)
            notebook.cells.insert(1, nbformat.v4.new_markdown_cell(STAND_IN))
        _write(_with_captions(notebook, chapter.name), chapter_pages / stored.name)
    if not render:
        return None
    for file in CONFIGURATION:
        shutil.copyfile(root / file, source / file)
    shutil.copytree(root / "book", source, dirs_exist_ok=True)
    pages.write(root, source / "generated", made)
    return _render(root, source)


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
