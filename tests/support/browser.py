"""What a reader meets in a page: checks that return a list of problems, empty when all is well."""

import functools
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "chrome")
# No background traffic of its own, and no address can be resolved.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost",
)
LOCAL = ("localhost", "127.0.0.1")
LOADING_LINKS = {"stylesheet", "icon", "preload", "modulepreload", "prefetch", "manifest"}
# A table's rule, mathematics, bold, a role, a fence: as they look before they are rendered.
MARKUP = re.compile(
    r"\|\s*:?[-–—]{1,}:?\s*\|.*|\$[^$\s][^$]*\$|\*\*\w.*?\*\*|\{\w[\w:]*\}`.*?`|```.*|:::.*",
)
FILE_NAME = re.compile(r"\.(png|svg|jpe?g|gif|webp|mp4|webm)\b", re.IGNORECASE)


class Element(NamedTuple):
    tag: str
    attributes: dict[str, str]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self.styles: list[str] = []
        self._in_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, {name: value or "" for name, value in attrs}))
        self._in_style = tag == "style"

    def handle_data(self, data: str) -> None:
        if self._in_style:
            self.styles.append(data)

    def handle_endtag(self, tag: str) -> None:
        self._in_style = False


def read(path: Path) -> _Reader:
    reader = _Reader()
    reader.feed(path.read_text(encoding="utf8"))
    return reader


def css_targets(text: str) -> list[str]:
    """What a style sheet loads."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    quoted = re.findall(r"""(?:url\(\s*|@import\s+)(["'])(.*?)\1""", text)
    return [target for _, target in quoted] + re.findall(r"url\(\s*([^\"')\s][^)\s]*)", text)


def loaded(page: Path) -> list[str]:
    """What a page loads by itself: scripts, styles, icons, pictures, films, frames, fonts."""
    reader, targets = read(page), []
    for tag, attributes in reader.elements:
        if tag == "link" and LOADING_LINKS & set(attributes.get("rel", "").split()):
            targets.append(attributes.get("href", ""))
        elif tag != "a":
            targets += filter(None, map(attributes.get, ("src", "poster", "data")))
            for candidate in filter(None, attributes.get("srcset", "").split(",")):
                targets.append(candidate.split()[0])
        targets += css_targets(attributes.get("style", ""))
    return targets + [target for style in reader.styles for target in css_targets(style)]


def foreign_resources(page: Path) -> list[str]:
    """Resources of a page that lie outside the book."""
    return [target for target in loaded(page) if urlsplit(target).netloc]


def foreign_styles(sheet: Path) -> list[str]:
    """What a style sheet loads from outside the book."""
    targets = css_targets(sheet.read_text(encoding="utf8"))
    return [target for target in targets if urlsplit(target).netloc]


def broken_targets(page: Path, root: Path) -> list[str]:
    """Local links and resources that lead nowhere, by file or by anchor."""
    links = [e.attributes.get("href") for e in read(page).elements if e.tag == "a"]
    problems = []
    for target in loaded(page) + [link for link in links if link]:
        parts = urlsplit(target)
        if parts.scheme or parts.netloc:
            continue
        file = (page.parent / unquote(parts.path)).resolve() if parts.path else page
        if not file.is_file() or not file.is_relative_to(root.resolve()):
            problems.append(f"{target}: no such file")
        elif parts.fragment and file.suffix == ".html" and parts.fragment not in _anchors(file):
            problems.append(f"{target}: no such anchor")
    return problems


@functools.lru_cache
def _anchors(page: Path) -> set[str]:
    elements = read(page).elements
    return {e.attributes[name] for e in elements for name in ("id", "name") if name in e.attributes}


def alt_problem(text: str) -> str | None:
    """Why a text does not do as a picture's description; None if it does."""
    text = text.strip()
    if FILE_NAME.search(text):
        return "names a file"
    if len(text) < 20 or " " not in text:
        return "is not a sentence: too short"
    return None if text.endswith(".") else "is not a sentence: no full stop"


@contextmanager
def chromium() -> Iterator[Any]:
    """Debian's or another installed Chromium; LookupError says what is missing."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise LookupError("Playwright is not installed") from error
    found = [os.environ.get("KOOPNB_CHROMIUM"), *map(shutil.which, CHROMIUM)]
    program = next(filter(None, found), None)
    if program is None:
        raise LookupError("no Chromium on this machine; KOOPNB_CHROMIUM may name one")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        yield browser
        browser.close()


class Visit:
    """A page in a tab of its own, and everything that went wrong on the way."""

    def __init__(self, browser: Any, page: Path, query: str = ""):
        self.context = browser.new_context(reduced_motion="reduce")
        self.tab, self.problems = self.context.new_page(), []
        self.tab.on("request", self._on_request)
        self.tab.on("requestfailed", lambda request: self.problems.append(f"failed: {request.url}"))
        self.tab.on("pageerror", lambda error: self.problems.append(f"script error: {error}"))
        self.tab.on("console", self._on_console)
        self.tab.goto(page.resolve().as_uri() + query, wait_until="load")
        self.tab.evaluate("() => window.MathJax?.startup?.promise")
        self.tab.evaluate("async () => { await document.fonts.ready }")

    def show(self, *, width: int = 1280, scheme: str = "light") -> None:
        """Sets the width of the window and the reader's colour scheme."""
        self.tab.set_viewport_size({"width": width, "height": 800})
        self.tab.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        for _ in range(2):  # the first frame may still show what was there before
            self.tab.evaluate("() => new Promise(done => requestAnimationFrame(done))")

    def __enter__(self) -> "Visit":
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()

    def _on_request(self, request: Any) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("file", "data", "blob") and parts.hostname not in LOCAL:
            self.problems.append(f"leaves the book: {request.url}")

    def _on_console(self, message: Any) -> None:
        if message.type == "error":
            self.problems.append(f"console: {message.text}")

    def overflow(self) -> list[str]:
        """What makes the page scroll sideways."""
        return self.tab.evaluate(
            """() => {
                const width = document.documentElement.clientWidth;
                const scrolls = element => element &&
                    (getComputedStyle(element).overflowX !== "visible" ||
                     scrolls(element.parentElement));
                const wide = element => element.getBoundingClientRect().right > width + 1;
                return document.documentElement.scrollWidth <= width ? [] : [
                    "the page is " + document.documentElement.scrollWidth + " wide",
                    ...[...document.body.querySelectorAll("*")]
                        .filter(element => wide(element) && !scrolls(element.parentElement))
                        .slice(0, 5).map(element => element.outerHTML.slice(0, 120)),
                ];
            }"""
        )

    def mathematics(self) -> list[str]:
        """Formulas that MathJax did not set, or set as an error."""
        return self.tab.evaluate(
            """() => [...document.querySelectorAll("article .math")].filter(element =>
                !element.querySelector("mjx-container") ||
                element.querySelector("mjx-merror, [data-mjx-error]")
            ).map(element => element.textContent)"""
        )

    def leftovers(self) -> list[str]:
        """Markup that was not rendered, and outputs of cells that show nothing."""
        text, empty = self.tab.evaluate(
            """() => {
                const article = document.querySelector("article")?.cloneNode(true);
                if (!article) return ["", []];
                article.querySelectorAll("button").forEach(e => e.remove());
                const outputs = [...article.querySelectorAll(".cell_output .output")].filter(
                    e => !e.textContent.trim() && !e.querySelector("img, video, svg, canvas"));
                article.querySelectorAll("pre, code, script, style, mjx-container, .math")
                    .forEach(e => e.remove());
                return [article.textContent, outputs.map(e => "empty: " + e.outerHTML)];
            }"""
        )
        return [found[0].strip() for found in MARKUP.finditer(text)] + empty

    def accessibility(
        self, excluded: dict[str, str] | None = None, *, colours: bool = True
    ) -> list[str]:
        """axe-core's serious and critical findings; ``excluded`` maps a rule to a selector."""
        import axe_playwright_python

        if not self.tab.evaluate("'axe' in window"):
            axe = Path(axe_playwright_python.__file__).parent / "axe.min.js"
            self.tab.evaluate(axe.read_text(encoding="utf8"))
        rules = {"color-contrast": {"enabled": colours}}
        options = {"preload": False, "resultTypes": ["violations"], "rules": rules}
        found = self.tab.evaluate("options => axe.run(document, options)", options)["violations"]
        return [
            f"{rule['id']} ({rule['impact']}): {node['html'][:160]} | {node['failureSummary']}"
            for rule in found
            if rule["impact"] in ("serious", "critical")
            for node in rule["nodes"]
            if not self._is_excluded(node, (excluded or {}).get(rule["id"]))
        ]

    def _is_excluded(self, node: dict[str, Any], selector: str | None) -> bool:
        return selector is not None and self.tab.evaluate(
            "([element, selector]) => document.querySelector(element)?.matches(selector)",
            [node["target"][0], selector],
        )
