"""A chapter is run again where what it rests on changed, and only there."""

import pytest

from koopnb.publish import fingerprint
from koopnb.publish.contents import Chapter
from koopnb.publish.execute import read
from koopnb.publish.fingerprint import PACKAGE, fingerprint_of, imported

SOURCE = """---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
---

# Page

```{code-cell}
CODE
```
"""
PAGE = Chapter("01-page", "01-page")


def names(code):
    return {str(path.relative_to(PACKAGE)) for path in imported(code)}


def test_imports_are_followed_through_modules_functions_and_packages():
    found = names("from koopnb.experiments import mnist")
    assert {"__init__.py", "experiments/__init__.py", "experiments/mnist.py"} <= found
    assert "operators/_solvers.py" in found, "imported by what it imports"
    assert "publish/build.py" in names("import koopnb.cli"), "imported inside a function"
    assert names("import numpy") == set()


def test_a_page_of_theory_does_not_rest_on_experiments():
    found = names("from koopnb.dynamics import flows")
    assert not any(name.startswith(("experiments", "evidence", "publish")) for name in found)


@pytest.fixture
def page(tmp_path):
    (tmp_path / "results").mkdir()

    def of(code):
        text = tmp_path / "01-page.md"
        text.write_text(SOURCE.replace("CODE", code))
        return fingerprint_of(tmp_path, read(text), PAGE)

    return of


def test_records_count_where_they_are_read(page, tmp_path):
    theory, experiment = "from koopnb.dynamics import flows", "from koopnb.experiments import mnist"
    before = page(theory), page(experiment)
    (tmp_path / "results" / "one.json").write_text("{}")
    assert page(theory) == before[0]
    assert page(experiment) != before[1]


def test_files_and_versions_count(page, tmp_path, monkeypatch):
    (tmp_path / "table.json").write_text("1")
    before = page('open("../table.json")')
    assert page('open("../table.json")') == before
    (tmp_path / "table.json").write_text("2")
    after = page('open("../table.json")')
    assert after != before
    monkeypatch.setattr(fingerprint.environment, "versions", lambda: {"jax": "0"})
    assert page('open("../table.json")') != after


def test_prose_does_not_count_and_code_does(page, tmp_path):
    assert page("1 + 1") != page("1 + 2")
    before = page("1 + 1")
    text = (tmp_path / "01-page.md").read_text().replace("# Page", "# Another page")
    (tmp_path / "01-page.md").write_text(text)
    assert fingerprint_of(tmp_path, read(tmp_path / "01-page.md"), PAGE) == before


def test_what_is_discovered_counts_though_no_statement_imports_it():
    registry = names("from koopnb.experiments import series")
    assert {"experiments/theory.py", "experiments/causes/experiment.py"} <= registry
    claims = names("from koopnb.evidence import ledger")
    assert {"evidence/statements/theory.py", "experiments/ode/oscillator.py"} <= claims
    assert "evidence/statements/theory.py" not in registry
