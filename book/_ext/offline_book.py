"""What the book needs of Sphinx beyond its configuration.

MathJax lies inside the book: the files that a page can ask for are copied from the package that
carries MathJax's own distribution. Docstrings may write mathematics between dollar signs, as the
chapters do. NamedTuple fields, which the class docstring explains, are not listed again.
"""

import re
import shutil
from importlib import metadata
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

CARRIER = "sphinx-mathjax-offline"
SCRIPT = "tex-mml-chtml.js"
NEEDED = (SCRIPT, "output/chtml/fonts/woff-v2/*.woff", "input/tex/extensions/*.js")
UNUSED = "all-packages.js"


def copy_mathjax(app: Sphinx, error: Exception | None) -> None:
    if error is not None or app.builder.format != "html":
        return
    scripts = [file for file in metadata.files(CARRIER) or [] if file.name == SCRIPT]
    if not scripts:
        raise ExtensionError(
            f"{CARRIER} holds no {SCRIPT}. Install the version in constraints.txt."
        )
    source, target = Path(str(scripts[0].locate())).parent, Path(app.outdir) / "_static/mathjax"
    for path in (found for pattern in NEEDED for found in source.glob(pattern)):
        if path.name != UNUSED:
            copy = target / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)


def from_dollars(text: str) -> str:
    """Dollars to mathematics, and bare bars (|x|) escaped, outside literals and doctests."""

    def block(found: re.Match[str]) -> str:
        indent, body = found["indent"], " ".join(found["body"].split())
        return f"\n{indent}.. math::\n\n{indent}   {body}\n"

    def inline(found: re.Match[str]) -> str:
        if found["math"]:
            return f":math:`{' '.join(found['math'].split())}`"
        return found["literal"] or r"\|"

    flags = re.DOTALL | re.MULTILINE
    text = re.sub(r"^(?P<indent> *)\$\$(?P<body>[^$]+)\$\$[ .,]*$", block, text, flags=flags)
    literal = (
        r"(?P<literal>``.*?``|:math:`.*?`|^ *\.\. math::\n\n[^\n]*$|^ *(?:>>>|\.\.\. )[^\n]*$)"
    )
    return re.sub(literal + r"|\${1,2}(?P<math>[^$]+)\${1,2}|\|", inline, text, flags=flags)


def on_docstring(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]
) -> None:
    lines[:] = from_dollars("\n".join(lines)).split("\n")


def on_member(app: Sphinx, what: str, name: str, obj: Any, skip: bool, options: Any) -> bool | None:
    is_field = (getattr(obj, "__doc__", None) or "").startswith("Alias for field number")
    return True if is_field else None


def on_page(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Markup that no reader is to meet.

    docutils gives the entries of a list of references a role that a list may not hold, Sphinx
    sets the lines of a signature as a definition list without terms, and JAX prints the private
    name of its arrays.
    """
    if "body" not in context:
        return
    body = context["body"].replace('role="doc-biblioentry"', 'role="listitem"')
    if page.startswith("api"):
        body = body.replace("jaxlib._jax.", "").replace("jaxtyping.", "")
        body = re.sub(r'<dt class="sig .*?</dt>', _plain_lines, body, flags=re.DOTALL)
    if page.startswith("_modules"):
        # Back from the code to where a name would stand, had its folder not listed it first.
        body = re.sub(r'<a class="viewcode-back".*?</a>', "", body, flags=re.DOTALL)
    context["body"] = body


def _plain_lines(found: re.Match[str]) -> str:
    text = re.sub(r"<(/?)d[ld]>", r"<\1span>", found[0])
    return text.replace(
        '<span><em class="sig-param">', '<span class="sig-line"><em class="sig-param">'
    )


def setup(app: Sphinx) -> dict[str, bool]:
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("build-finished", copy_mathjax)
    app.connect("autodoc-process-docstring", on_docstring, priority=400)  # before napoleon
    app.connect("autodoc-skip-member", on_member)
    app.connect("html-page-context", on_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
