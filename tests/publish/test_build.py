"""Building chapters: what is executed again, what is said when one fails, what replaces what."""

import re

import nbformat
import pytest
from support.records import save_example

from koopnb.evidence import ledger
from koopnb.evidence.claim import Claim
from koopnb.evidence.judge import Finding
from koopnb.experiments import environment
from koopnb.publish import contents, execute, pages
from koopnb.publish.build import build as build_book

SOURCE = """---
kernelspec:
  name: python3
  display_name: Python 3
---

# A chapter

```{code-cell} ipython3
:tags: [parameters]
dataset = "none"
```

```{code-cell} ipython3
import sys
for step in range(3):
    print(f"\\r{step}", end="", file=sys.stderr)
print(dataset)
```

```{code-cell} ipython3
import matplotlib.pyplot as plt
from koopnb.drawing.plates import Plate
Plate(plt.figure(), "An empty figure.", "Nothing, *drawn*.", "nothing")
```
"""


@pytest.fixture
def root(tmp_path):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "_toc.yml").touch()
    (tmp_path / "notebooks" / "01-page.md").write_text(SOURCE)
    return tmp_path


PAGE = contents.Chapter("01-page", "01-page")
SAME_ON_DIGITS = contents.Chapter("02-digits", "01-page", "digits", "Another title")
WITH_SEEDS = SAME_ON_DIGITS._replace(seeds=(0, 3))


def build(root, *chapters, **kwargs):
    return build_book(root, chapters=chapters, render=False, at_once=1, **kwargs)


def read(root, folder, name):
    return nbformat.read(root / folder / f"{name}.ipynb", as_version=4)


def test_one_source_makes_two_pages(root, capfd):
    build(root, PAGE, SAME_ON_DIGITS, store=True)
    page, digits = (read(root, "notebooks", name) for name in ("01-page", "02-digits"))
    assert page.cells[0].source == "# A chapter"
    assert digits.cells[0].source == "# Another title"
    assert [cell.outputs[0].text for cell in (page.cells[2], digits.cells[3])] == [
        "none\n",
        "digits\n",
    ]
    assert all(cell.outputs[0].name == "stdout" for cell in (page.cells[2], digits.cells[3]))
    assert "papermill" not in page.metadata
    assert "koopnb" not in page.metadata

    figure = read(root, "_build/source/notebooks", "02-digits").cells[-1]
    assert figure.metadata.mystnb.image.alt == "An empty figure."
    assert figure.metadata.mystnb.figure.name == "02-digits-nothing"
    assert len(figure.outputs) == 1, "the book shows the caption once"
    (caption,) = page.cells[-1].outputs
    assert caption.data == {"text/markdown": "Nothing, *drawn*."}, "stored pages hold text alone"

    capfd.readouterr()
    build(root, PAGE, SAME_ON_DIGITS)
    assert capfd.readouterr().out == "01-page: unchanged\n02-digits: unchanged\n"


def test_what_changes_a_page_has_it_executed_again(root, capfd):
    def said():
        build(root, PAGE)
        return capfd.readouterr().out

    assert "unchanged" not in said()
    page = root / "notebooks" / "01-page.md"
    page.write_text(SOURCE.replace("range(3)", "range(4)"))
    assert "unchanged" not in said()
    save_example(root / "results")
    assert "unchanged" in said(), "a page that reads no record does not rest on any"
    (root / "_build" / "executed" / "01-page.ipynb").write_text("{}")
    assert "unchanged" not in said(), "what is damaged is made again"


def test_new_prose_is_taken_without_executing(root, capfd):
    build(root, SAME_ON_DIGITS)
    code = [cell for cell in read(root, "_build/executed", "02-digits").cells if "outputs" in cell]
    page = root / "notebooks" / "01-page.md"
    page.write_text(SOURCE.replace("# A chapter", "# A chapter\n\nSo it *begins*."))
    capfd.readouterr()
    build(root, SAME_ON_DIGITS)
    assert "unchanged" in capfd.readouterr().out
    now = read(root, "_build/source/notebooks", "02-digits").cells
    assert "So it *begins*." in now[0].source
    assert now[0].source.startswith("# Another title")
    assert [cell.source for cell in now if "outputs" in cell] == [cell.source for cell in code]
    assert now[-1].metadata.mystnb.figure.name == "02-digits-nothing"


def test_equal_runs_store_equal_files(root):
    build(root, PAGE, store=True)
    first = (root / "notebooks" / "01-page.ipynb").read_text()
    build(root, PAGE, store=True, force=True)
    assert (root / "notebooks" / "01-page.ipynb").read_text() == first


def test_a_page_gets_its_seeds(root):
    (root / "notebooks" / "01-page.md").write_text(SOURCE + "\n```{code-cell}\nprint(seeds)\n```\n")
    build(root, WITH_SEEDS)
    page = read(root, "_build/executed", "02-digits")
    assert page.cells[-1].outputs[0].text == "[0, 3]\n"


def test_a_failing_cell_is_named_and_the_old_page_stays(root):
    build(root, PAGE)
    before = read(root, "_build/executed", "01-page")
    (root / "notebooks" / "01-page.md").write_text(SOURCE.replace("print(dataset)", "1 / 0"))
    with pytest.raises(RuntimeError, match=r"Chapter 01-page failed .*ZeroDivisionError: division"):
        build(root, PAGE)
    assert read(root, "_build/executed", "01-page") == before


def test_a_kernel_that_dies_is_named_with_its_cell(root):
    killed = SOURCE.replace("print(dataset)", "import os; os._exit(1)")
    (root / "notebooks" / "01-page.md").write_text(killed)
    with pytest.raises(
        RuntimeError, match=r"Chapter 01-page: cell 3 ended its kernel\. Kernel died"
    ):
        build(root, PAGE)


def test_a_cell_without_end_is_named(root, monkeypatch):
    monkeypatch.setattr(execute, "FOR_A_CELL", 1)
    endless = SOURCE.replace("print(dataset)", "while True: pass")
    (root / "notebooks" / "01-page.md").write_text(endless)
    with pytest.raises(RuntimeError, match=r"Chapter 01-page: cell 3 took too long\."):
        build(root, PAGE)


@pytest.mark.parametrize("wrong", [b"\xff\xfe# Page", b"---\na: [\n---\n# Page\n"])
def test_a_source_that_cannot_be_read_is_named(root, wrong):
    (root / "notebooks" / "01-page.md").write_bytes(wrong)
    with pytest.raises(ValueError, match=r"01-page\.md cannot be read as a chapter: "):
        build(root, PAGE)


def test_chapters_are_executed_at_the_same_time(root, capfd):
    build_book(root, chapters=(PAGE, SAME_ON_DIGITS), render=False, at_once=2)
    assert re.search(r": \d+ s; 1 of 2 chapters, about \d+ s left\n", capfd.readouterr().out)
    assert read(root, "_build/source/notebooks", "02-digits").cells[0].source == "# Another title"


def test_outside_the_repository_it_says_so(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no book: run this in the repository"):
        build(tmp_path, PAGE)


CLAIM = Claim("small", "It is small", "report", "01-page#a", "size", lambda _: 1.0, high=1.0)


def test_generated_pages_come_from_records():
    finding = Finding(CLAIM, (1.0,), 1, "holds")
    listed = [
        ledger.Entry("theory", finding._replace(claim=CLAIM._replace(source=source)), "", ())
        for source in ("report, figure 1", "paper", "this book")
    ]
    summary = pages.summary(listed)
    assert "1 statements: 1 verdicts *holds*, 0 *depends*, 0 *fails*." in summary
    rows = [line for line in summary.splitlines() if "It is small" in line]
    assert rows == ["| [It is small](notebooks/01-page.ipynb#a) | size: 1 | **holds** |"] * 2
    made = {"seconds": 12.4, "environment": environment.stamp() | {"date": "2020-02-02T00:00:00"}}
    assert "| 01-page | 12 s | 2020-02-02 |" in pages.status({PAGE: made})
