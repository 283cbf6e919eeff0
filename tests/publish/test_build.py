"""Building chapters: what is executed again, what is said when one fails, what replaces what."""

import nbformat
import pytest
from support.records import save_example

from koopnb.evidence import judge, ledger
from koopnb.experiments import environment
from koopnb.publish import contents, pages
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
from koopnb.drawing import figures
figures.show(plt.figure(), alt="An empty figure.", caption="Nothing, *drawn*.", name="nothing")
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
    return build_book(root, chapters=chapters, render=False, **kwargs)


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
    assert page.cells[-1].outputs[1].data["text/markdown"] == "Nothing, *drawn*."

    capfd.readouterr()
    build(root, PAGE, SAME_ON_DIGITS)
    assert capfd.readouterr().out == "01-page: unchanged\n02-digits: unchanged\n"
    (root / "notebooks" / "01-page.md").write_text(SOURCE.replace("range(3)", "range(4)"))
    build(root, PAGE)
    assert "unchanged" not in capfd.readouterr().out
    save_example(root / "results")
    build(root, PAGE)
    assert "unchanged" in capfd.readouterr().out, "a page that reads no record does not rest on any"


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


def test_without_its_data_a_chapter_keeps_stored_outputs_under_a_note(root, monkeypatch, capsys):
    build(root, SAME_ON_DIGITS, store=True)
    why = ConnectionError("digits are gone. Do this.")

    def gone(name):
        raise why

    monkeypatch.setattr(contents, "load_dataset", gone)
    build(root, SAME_ON_DIGITS)
    shown = read(root, "_build/source/notebooks", "02-digits")
    assert "Stored results" in shown.cells[1].source
    assert shown.cells[4].outputs[0].text == "digits\n"
    assert "02-digits: stored outputs, since digits are gone" in capsys.readouterr().out


def test_outside_the_repository_it_says_so(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no book: run this in the repository"):
        build(tmp_path, PAGE)


CLAIM = judge.Claim("small", "It is small", "report", "01-page#a", "size", lambda _: 1.0, high=1.0)


def test_generated_pages_come_from_records():
    finding = judge.Finding(CLAIM, (1.0,), 1, "holds")
    listed = [
        ledger.Entry("theory", finding._replace(claim=CLAIM._replace(source=source)), "", ())
        for source in ("report, figure 1", "paper", "this book")
    ]
    summary = pages.summary(listed)
    assert "1 statements: 1 verdicts *holds*, 0 *depends*, 0 *fails*." in summary
    rows = [line for line in summary.splitlines() if "It is small" in line]
    assert rows == ["| [It is small](notebooks/01-page.ipynb#a) | size: 1 | **holds** |"] * 2
    made = {"seconds": 12.4, "environment": environment.stamp() | {"date": "2020-02-02T00:00:00"}}
    status = pages.status({PAGE: made, SAME_ON_DIGITS: None})
    assert "| 01-page | 12 s | 2020-02-02 |" in status
    assert "| 02-digits | stored outputs |" in status
