"""The API pages: every public module, a docstring for every public name, examples that run."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "book").glob("api-*.md"))
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((ROOT / "koopnb").rglob("*.py"))
    if not re.search(r"/_(?!_init__)", str(path.relative_to(ROOT)))
}


def public(body, prefix=""):
    """Functions, classes and methods of a module's syntax tree whose names have no underscore."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield prefix + node.name, node
            if isinstance(node, ast.ClassDef):
                yield from public(node.body, f"{prefix}{node.name}.")


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_has_a_docstring(module):
    tree = ast.parse(MODULES[module].read_text())
    assert ast.get_docstring(tree), module
    bare = [name for name, node in public(tree.body) if not ast.get_docstring(node)]
    assert bare == []


def test_every_public_module_stands_on_one_page():
    text = "\n".join(page.read_text() for page in PAGES)
    listed = re.findall(r"automodule:: (koopnb[\w.]*)", text)
    wings = {"koopnb", "koopnb.cli"} | {
        f"koopnb.{path.parent.name}" for path in (ROOT / "koopnb").glob("*/__init__.py")
    }
    assert sorted(listed) == sorted(MODULES.keys() - wings)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_example_of_a_page_runs(page, monkeypatch):
    monkeypatch.chdir(ROOT)
    (example,) = re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
    exec(compile(example, str(page), "exec"), {})
