"""The whole book: chapters executed, pages written, and all of it rendered."""

import copy
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import joblib
import nbformat

from koopnb.publish import pages
from koopnb.publish.contents import CHAPTERS, Chapter
from koopnb.publish.execute import execute, seconds_of, unchanged, write

CONFIGURATION = ("_config.yml", "_toc.yml")


def build(
    root: Path, *, store: bool = False, force: bool = False, render: bool = True,
    chapters: Iterable[Chapter] = CHAPTERS, at_once: int | None = None,
) -> Path | None:  # fmt: skip
    """Executes every chapter whose code, records or parameters changed, and renders the book.

    Args:
        root: the repository.
        store: also write the executed chapters to ``notebooks/``, without their pictures, as the
            outputs that the tests compare with.
        force: execute chapters that have not changed too.
        render: run Jupyter Book.
        chapters: which chapters, in order.
        at_once: how many chapters to execute at the same time; None: as many as there are cores.

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
    chapters = tuple(chapters)
    _execute_all(root, chapters, executed, force, at_once or joblib.cpu_count())
    made: dict[Chapter, dict[str, Any]] = {}
    for chapter in chapters:
        notebook = nbformat.read(executed / f"{chapter.name}.ipynb", as_version=4)
        made[chapter] = notebook.metadata["koopnb"]
        if store:
            write(_light(notebook), root / "notebooks" / f"{chapter.name}.ipynb")
        write(_with_captions(notebook, chapter.name), chapter_pages / f"{chapter.name}.ipynb")
    if not render:
        return None
    for file in CONFIGURATION:
        shutil.copyfile(root / file, source / file)
    shutil.copytree(root / "book", source, dirs_exist_ok=True)
    pages.write(root, source / "generated", made)
    return _render(root, source)


def _execute_all(
    root: Path, chapters: Sequence[Chapter], folder: Path, force: bool, at_once: int
) -> None:
    """Executes what changed, and says after each chapter how long the rest takes."""
    targets = {chapter: folder / f"{chapter.name}.ipynb" for chapter in chapters}
    left = [one for one in chapters if force or not unchanged(root, one, targets[one])]
    for chapter in chapters:
        if chapter not in left:
            print(f"{chapter.name}: unchanged", flush=True)
    took = {chapter: seconds_of(targets[chapter]) for chapter in left}
    work = joblib.Parallel(n_jobs=at_once, return_as="generator_unordered", batch_size=1)
    calls = [joblib.delayed(_execute)(root, chapter, targets[chapter]) for chapter in left]
    for number, (chapter, seconds) in enumerate(work(calls), 1):
        left.remove(chapter)
        took[chapter] = seconds
        known = [of for of in took.values() if of is not None]
        rest = sum(took[other] or sum(known) / len(known) for other in left) / at_once
        print(
            f"{chapter.name}: {seconds:.0f} s; {number} of {len(calls)} chapters"
            + (f", about {rest:.0f} s left" if left else ""),
            flush=True,
        )


def _execute(root: Path, chapter: Chapter, target: Path) -> tuple[Chapter, float]:
    return chapter, execute(root, chapter, target)


def _light(notebook: Any) -> Any:
    """What is committed: text alone, and no stamp, so that equal runs give equal files."""
    plain = copy.deepcopy(notebook)
    plain.metadata.pop("koopnb", None)
    for cell in plain.cells:
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if not _is_picture(output)]
    return plain


def _is_picture(output: Any) -> bool:
    """Whether an output is an image, a film or a page of its own."""
    kinds = output.get("data", {})
    return any(kind.startswith(("image/", "video/")) or kind == "text/html" for kind in kinds)


def _with_captions(notebook: Any, page: str) -> Any:
    """Turns the captions that plates display into the book's figure elements."""
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
