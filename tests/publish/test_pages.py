"""The rendered book as its readers meet it: offline, on a narrow screen, in the dark, by keyboard.

Looks at ``_build/html``, or at the folder that KOOPNB_HTML names, once ``make book`` has run.
Where there is no book or no browser these tests are skipped, unless KOOPNB_REQUIRE_BOOK is set.
"""

import importlib.util
import os
from pathlib import Path

import pytest
from support import browser as reading

ROOT = Path(__file__).parents[2]
HTML = Path(os.environ.get("KOOPNB_HTML", ROOT / "_build" / "html")).resolve()
ABSENT = f"no book in {HTML}: run `make book` first"
FOUND = sorted(HTML.rglob("*.html"))
# Fragments of the theme that no page shows.
PAGES = [page for page in FOUND if "_static" not in page.relative_to(HTML).parts]
# Listings of the package's sources are all made alike: a browser opens the last of them.
LISTINGS = [page for page in PAGES if "_modules" in page.relative_to(HTML).parts]
OPENED = [page for page in PAGES if page not in LISTINGS[:-1]]
NONE = [pytest.param(None, marks=pytest.mark.skip(reason=ABSENT))]


def name_of(page):
    return str(page.relative_to(HTML)) if page else "absent"


every_page = pytest.mark.parametrize("page", PAGES or NONE, ids=name_of)
needs_book = pytest.mark.skipif(not PAGES, reason=ABSENT)


@pytest.fixture(scope="module", params=OPENED or NONE, ids=name_of)
def visit(request, chromium):
    with reading.Visit(chromium, request.param) as visit:
        yield visit


@pytest.mark.skipif(
    not os.environ.get("KOOPNB_REQUIRE_BOOK"), reason="KOOPNB_REQUIRE_BOOK is not set"
)
def test_nothing_is_skipped():
    assert PAGES, ABSENT
    with reading.chromium():
        pass


@every_page
def test_page_loads_nothing_from_outside(page):
    assert reading.foreign_resources(page) == []


@every_page
def test_links_and_resources_exist(page):
    assert reading.broken_targets(page, HTML) == []


@needs_book
def test_styles_load_nothing_from_outside():
    sheets = list(HTML.rglob("*.css"))
    assert sheets
    assert {sheet: found for sheet in sheets if (found := reading.foreign_styles(sheet))} == {}


@needs_book
def test_first_page_is_the_landing_page():
    elements = reading.read(HTML / "index.html").elements
    assert not [e for e in elements if e.attributes.get("http-equiv", "").lower() == "refresh"]


def test_page_opens_without_a_problem(visit):
    assert visit.mathematics() == []
    assert visit.leftovers() == []
    assert visit.problems == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_is_accessible(visit, scheme):
    visit.show(scheme=scheme)
    assert visit.tab.evaluate("document.documentElement.dataset.theme") == scheme
    assert visit.accessibility() == []


def test_page_fits_a_narrow_screen(visit):
    visit.show(width=360)
    assert visit.overflow() == []
    assert visit.accessibility(colours=False) == []


def test_pictures_are_described(visit):
    texts = visit.tab.eval_on_selector_all(
        "article img, article video, article svg[role=img]",
        "all => all.map(e => e.getAttribute('alt') ?? e.getAttribute('aria-label') ?? '')",
    )
    assert {text: why for text in texts if (why := reading.alt_problem(text))} == {}


@needs_book
def test_chapters_have_pictures_and_mathematics():
    chapters = sorted((HTML / "notebooks").glob("*.html"))
    assert chapters
    for chapter in chapters:
        elements = reading.read(chapter).elements
        classes = {name for e in elements for name in e.attributes.get("class", "").split()}
        assert "math" in classes, chapter.name
        assert any(e.tag == "img" and "alt" in e.attributes for e in elements), chapter.name


@needs_book
def test_search_works_from_a_disk(chromium):
    with reading.Visit(chromium, HTML / "search.html", "?q=koopman") as visit:
        visit.tab.wait_for_selector("#search-results ul.search li a")
        visit.tab.wait_for_function("!document.querySelector('#search-progress')?.textContent")
        found = visit.tab.locator("#search-results li a").all()
        links = [link.get_attribute("href") for link in found]
        assert any("index.html" in link for link in links)
        assert visit.problems == []


@needs_book
def test_keyboard_reaches_the_skip_link_first(chromium):
    with reading.Visit(chromium, HTML / "index.html") as visit:
        visit.tab.keyboard.press("Tab")
        link = visit.tab.locator("a:focus")
        assert link.get_attribute("href") == "#main-content"
        visit.tab.wait_for_function("document.activeElement.getBoundingClientRect().top >= 0")


@needs_book
def test_chosen_theme_survives_a_reload(chromium):
    with reading.Visit(chromium, HTML / "index.html") as visit:
        button = visit.tab.locator("button.theme-switch-button:visible").first
        theme = "document.documentElement.dataset.theme"
        for _ in range(3):
            if visit.tab.evaluate(theme) == "dark":
                break
            button.click()
        visit.tab.reload()
        assert visit.tab.evaluate(theme) == "dark"


GOOD = """<!doctype html><html lang="en"><head><title>A page</title>{head}</head>
<body><main><article><h1>A page</h1>{body}</article></main></body></html>"""


@pytest.fixture
def write_page(tmp_path):
    def write(body="", head=""):
        page = tmp_path / "page.html"
        page.write_text(GOOD.format(body=body, head=head), encoding="utf8")
        return page

    return write


CDN = '<script src="https://cdn.example/x.js"></script>'
MISSING = '<img src="none.png" alt="A picture that is not there.">'
BROKEN = {
    "script from a CDN": (CDN, "leaves the book"),
    "picture that is missing": (MISSING, "failed"),
    "script that throws": ("<script>undefined.x</script>", "script error"),
    "console error": ("<script>console.error('no')</script>", "console"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_visit_notices(name, write_page, chromium):
    body, expected = BROKEN[name]
    with reading.Visit(chromium, write_page()) as visit:
        assert visit.problems == []
    with reading.Visit(chromium, write_page(body)) as visit:
        assert any(problem.startswith(expected) for problem in visit.problems)


def test_overflow_notices(write_page, chromium):
    wide = '<div style="width: 500px">wide</div>'
    with reading.Visit(chromium, write_page(wide)) as visit:
        visit.show(width=360)
        assert visit.overflow()
    scrolling = f'<div style="overflow-x: auto">{wide}</div>'
    with reading.Visit(chromium, write_page(scrolling)) as visit:
        visit.show(width=360)
        assert visit.overflow() == []


def test_accessibility_notices(write_page, chromium):
    faint = '<p style="color: #ccc; background: #fff">Faint words</p>'
    with reading.Visit(chromium, write_page("<p>Words</p>")) as visit:
        assert visit.accessibility() == []
    with reading.Visit(chromium, write_page(faint)) as visit:
        assert any("color-contrast" in problem for problem in visit.accessibility())
        assert visit.accessibility(excluded={"color-contrast": "p"}) == []


def test_mathematics_notices(write_page, chromium):
    with reading.Visit(chromium, write_page(r'<p><span class="math">\(x\)</span></p>')) as visit:
        assert visit.mathematics() == [r"\(x\)"]


@pytest.mark.parametrize(
    "body",
    [
        "<p>| Arm | Loss | |—|—| | node | 1 |</p>",
        "<p>after $t_1 = 3$ epochs</p>",
        "<p>a **bold** word</p>",
        "<p>see {cite:p}`key`</p>",
        "<p>:::{note}</p>",
        '<div class="cell_output"><div class="output stream"><pre> \n</pre></div></div>',
    ],
)
def test_leftovers_notice(body, write_page, chromium):
    with reading.Visit(chromium, write_page(body)) as visit:
        assert visit.leftovers()
    with reading.Visit(
        chromium, write_page(f"<pre>{body}</pre><p>It costs $5 | once.</p>")
    ) as visit:
        assert visit.leftovers() == [] or "cell_output" in body


def test_static_checks_notice(write_page, tmp_path):
    page = write_page(
        '<a href="gone.html">a</a><a href="#gone">b</a><a href="page.html#here">c</a>'
        '<p id="here" style="background: url(https://cdn.example/a.png)"></p>',
        '<link rel="stylesheet" href="//cdn.example/x.css"><link rel="canonical" href="https://x.example">'
        "<style>@import 'https://cdn.example/y.css';</style>",
    )
    assert reading.foreign_resources(page) == [
        "//cdn.example/x.css",
        "https://cdn.example/a.png",
        "https://cdn.example/y.css",
    ]
    assert reading.broken_targets(page, tmp_path) == [
        "gone.html: no such file",
        "#gone: no such anchor",
    ]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Both losses fall together for one epoch.", None),
        ("", "too short"),
        ("A short one.", "too short"),
        ("Losses-of-both-arms-over-time.", "too short"),
        ("Both losses fall together for one epoch", "full stop"),
        ("_images/8a2bccb38f6789545ed51b.png", "names a file"),
        ("The losses of figure1.png over one epoch.", "names a file"),
    ],
)
def test_alt_problem(text, why):
    problem = reading.alt_problem(text)
    assert problem is None if why is None else why in problem


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("the rank $r$ of $F$", "the rank :math:`r` of :math:`F`"),
        ("$$a\nb$$", "\n.. math::\n\n   a b\n"),
        ("at most |x|", r"at most \|x\|"),
        ("``$5`` and ``|x|``", "``$5`` and ``|x|``"),
        (">>> print('$a$ | $b$')", ">>> print('$a$ | $b$')"),
        (r"$\max |\lambda|$", r":math:`\max |\lambda|`"),
    ],
)
def test_docstring_mathematics(text, expected):
    pytest.importorskip("sphinx", reason="the book's packages are not installed")
    path = ROOT / "book" / "_ext" / "offline_book.py"
    spec = importlib.util.spec_from_file_location("offline_book", path)
    extension = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(extension)
    assert extension.from_dollars(text) == expected
