"""What a chapter's outputs rest on, as one number: where it changes, the chapter is run again."""

import ast
import functools
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import koopnb
from koopnb.experiments import environment
from koopnb.publish.contents import Chapter

PACKAGE = Path(koopnb.__file__).parent
RECORDS = PACKAGE / "experiments" / "record.py"
# Modules that import all of their folder by themselves, as no import statement says.
DISCOVERING = {
    PACKAGE / "experiments" / "series.py",
    PACKAGE / "evidence" / "statements" / "__init__.py",
}


def fingerprint_of(root: Path, notebook: Any, chapter: Chapter) -> str:
    """Changes when a chapter's code, what the code imports, a record or a version changes.

    Prose changes no output, and does not count. Records count where the chapter can read them:
    where it imports `koopnb.experiments.record`, by itself or by way of another module. So do the
    files that its code names, as "../file".
    """
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    written = [
        chapter.name,
        chapter.dataset,
        chapter.seeds,
        *((c.source, c.metadata) for c in cells),
    ]
    digest = hashlib.sha256(json.dumps(written).encode())
    code = "\n".join(cell.source for cell in cells)
    files = imported(code)
    for path in sorted(files):
        digest.update(str(path.relative_to(PACKAGE)).encode() + path.read_bytes())
    if RECORDS in files:
        stored = root / "results"
        for path in sorted(stored.rglob("*.json")):
            digest.update(str(path.relative_to(stored)).encode() + path.read_bytes())
    for name in sorted(set(re.findall(r'"\.\./([^"]+)"', code))):
        if (root / name).is_file():
            digest.update(name.encode() + (root / name).read_bytes())
    digest.update(json.dumps(environment.versions()).encode())
    return digest.hexdigest()


def imported(code: str) -> set[Path]:
    """The files of koopnb that Python reads to run the code, functions' own imports included."""
    found: set[Path] = set()
    left = set(_named(code))
    while left:
        for file in _files(left.pop()) - found:
            found.add(file)
            left |= _named(file.read_text())
            if file in DISCOVERING:
                left |= {_module(beside) for beside in file.parent.glob("*")}
    return found


def _module(path: Path) -> str:
    """The dotted name of a file or folder of koopnb."""
    return ".".join((PACKAGE.name, *path.relative_to(PACKAGE).with_suffix("").parts))


@functools.cache  # all chapters import much the same modules
def _named(code: str) -> frozenset[str]:
    """What an import statement of the code might name, from koopnb."""
    names = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{each.name}" for each in node.names)}
    return frozenset(name for name in names if name.split(".")[0] == "koopnb")


def _files(name: str) -> set[Path]:
    """The files that importing a dotted name runs: its packages', and its own if it is a module."""
    parts, found = name.split(".")[1:], {PACKAGE / "__init__.py"}
    for count in range(1, len(parts) + 1):
        place = PACKAGE.joinpath(*parts[:count])
        found |= {
            file for file in (place.with_suffix(".py"), place / "__init__.py") if file.is_file()
        }
    return found
