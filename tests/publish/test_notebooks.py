"""Chapters whose claim is broken on purpose must fail under nbval."""

import subprocess
import sys
from pathlib import Path

import jupytext
import nbformat
import pytest

from koopnb.experiments import mnist
from koopnb.publish.contents import CHAPTERS

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
BREAK = """

def broken(one):
    arms = one.metrics["operators"]
    arms["node"]["spectral_radius"] = 1.0
    return one

report = [broken(one) for one in report]
"""


def nbval(path):
    return subprocess.run(
        [sys.executable, "-m", "pytest", "--nbval-lax", "-vv", "-p", "no:cacheprovider", str(path)],
        capture_output=True, text=True, cwd=path.parent,
    )  # fmt: skip


def test_a_broken_claim_fails_and_is_named(tmp_path):
    notebook = nbformat.read(NOTEBOOKS / "08-digits.ipynb", as_version=4)
    run = next(i for i, cell in enumerate(notebook.cells) if "series.obtain(" in cell.source)
    notebook.cells.insert(run + 1, nbformat.v4.new_code_cell(BREAK))
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "results").symlink_to(NOTEBOOKS.parent / "results")
    nbformat.write(notebook, tmp_path / "notebooks" / "broken.ipynb")
    done = nbval(tmp_path / "notebooks" / "broken.ipynb")
    assert done.returncode == 1, done.stdout[-3000:] + done.stderr[-1000:]
    assert "node-growth: fails" in done.stdout
    assert "1 failed" in done.stdout
    assert not (tmp_path / "_build").exists(), "all of the page's records are stored"


def test_the_page_without_parameters_has_the_seeds_that_its_chapter_names():
    for chapter in CHAPTERS:
        if chapter.seeds and chapter.name == chapter.source:
            cells = jupytext.read(NOTEBOOKS / f"{chapter.source}.md").cells
            given = next(c for c in cells if "parameters" in c.metadata.get("tags", []))
            values = {}
            exec(given.source, values)
            assert tuple(values["seeds"]) == chapter.seeds
            assert tuple(values["horizons"]) == mnist.HORIZONS


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.name)
def test_stored_outputs_belong_to_the_source(chapter):
    written = jupytext.read(NOTEBOOKS / f"{chapter.source}.md").cells
    stored = nbformat.read(NOTEBOOKS / f"{chapter.name}.ipynb", as_version=4).cells
    kept = [c for c in stored if "injected-parameters" not in c.metadata.get("tags", [])]
    first = 1 if chapter.title else 0
    assert [cell.source for cell in kept][first:] == [cell.source for cell in written][first:], (
        f"{chapter.source}.md changed: run `make references`"
    )


@pytest.mark.parametrize("notebook", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_every_notebook_has_checked_cells_and_no_errors(notebook):
    cells = nbformat.read(notebook, as_version=4).cells
    checked = [c for c in cells if "nbval-check-output" in c.metadata.get("tags", [])]
    assert checked, "nothing would be compared"
    assert all(cell.outputs for cell in checked)
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    assert not [o for o in outputs if o.output_type == "error" or o.get("name") == "stderr"]
