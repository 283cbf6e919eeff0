"""Playgrounds and films in a browser: the page's recursion is koopnb's, and everyone can use it."""

import json
import re
from pathlib import Path

import jax
import numpy as np
import pytest
from support import browser as reading

from koopnb.drawing import animations, palette, playground
from koopnb.dynamics import flows

STATIC = Path(__file__).parents[2] / "book" / "_static"
POTENTIALS = [flows.double_well(), flows.quadratic(), flows.rosenbrock()]
each_potential = pytest.mark.parametrize("potential", POTENTIALS, ids=lambda p: p.name)
# Of the theme, as far as playgrounds and films use it.
THEME = """
html { --pst-color-primary: #0b5a9e; --pst-color-secondary: #7a3e00; --pst-color-border: #d1d5da;
  --pst-color-text-base: #222832; --pst-color-text-muted: #48566b; --pst-color-surface: #f3f4f5;
  --pst-color-background: #fff; }
html[data-theme="dark"] { --pst-color-border: #48566b; --pst-color-text-base: #ced6dd;
  --pst-color-text-muted: #9ca4af; --pst-color-surface: #29313d; --pst-color-background: #121212; }
body { background: var(--pst-color-background); color: var(--pst-color-text-base); }
"""
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf8"><title>A page</title>
<meta name="viewport" content="width=device-width"><style>{theme}</style>
<link rel="stylesheet" href="{static}/custom.css"><script src="{static}/playground.js"></script>
<script>
const dark = matchMedia("(prefers-color-scheme: dark)");
const set = () => (document.documentElement.dataset.theme = dark.matches ? "dark" : "light");
dark.addEventListener("change", set); set();
</script></head><body><main><article class="bd-article"><h1>A page</h1>{body}</article></main>
</body></html>"""
STAND_IN = '<figure id="{name}"><img src="data:," alt="One choice, drawn for good."></figure>'


def displayed(action):
    shown = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("IPython.display.display", lambda data, **kwargs: shown.append(data))
        action()
    (data,) = shown
    return data["text/html"]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """Both playgrounds, each with its figure, and a film."""
    start = flows.double_well().start
    path = flows.gradient_flow(flows.double_well(), start, np.linspace(0, 2, 21))
    world = animations.World("syrup", palette.COLOURS["mean"], path)
    film = animations.beads(flows.double_well(), [world], until=2.0, seconds=1.0)
    text = {"alt": "A bead creeps down a wire.", "caption": "A bead.", "name": "film"}
    body = displayed(lambda: animations.show(film, **text))
    for kind in playground.KINDS:
        body += displayed(lambda kind=kind: animations.playground(kind))
        body += STAND_IN.format(name=f"still-{kind}")
    file = tmp_path_factory.mktemp("page") / "page.html"
    page = PAGE.format(theme=THEME, static=STATIC.as_uri(), body=body)
    file.write_text(page, encoding="utf8")
    return file


@pytest.fixture(scope="module")
def visit(page, chromium):
    with reading.Visit(chromium, page) as visit:
        yield visit
        assert visit.problems == []


@pytest.fixture
def momentum(visit):
    """The momentum playground as it is at first, on the double well."""
    visit.show()
    box = visit.tab.locator('.playground[data-kind="momentum"]')
    box.get_by_label("landscape", exact=True).select_option(index=0)
    yield box
    box.get_by_role("button", name="Reset").click()


def result(box):
    return box.locator(".result").inner_text()


@each_potential
def test_terms_are_the_potential(potential, rng):
    points = rng.uniform(*np.transpose(potential.view), (50, potential.dimension))
    with jax.enable_x64(True):
        true = [float(potential(point)) for point in points]
    terms = playground.polynomial(potential)
    said = sum(c * np.prod(points ** np.array(powers), axis=1) for c, powers in terms)
    np.testing.assert_allclose(said, true, rtol=1e-12, atol=1e-12)


def test_what_is_no_polynomial_of_the_plane_is_refused():
    assert playground.polynomial(flows.quadratic((1.0,))) == [[0.5, [2]]]
    with pytest.raises(ValueError, match="network of two weights is not a polynomial"):
        playground.polynomial(flows.two_weight_network())
    with pytest.raises(ValueError, match="has 3 dimensions"):
        playground.polynomial(flows.quadratic((1.0, 1.0, 1.0)))


def test_bad_playgrounds_are_refused():
    with pytest.raises(ValueError, match="kind='chaos'.*gradient-flow, momentum"):
        animations.playground("chaos")
    with pytest.raises(ValueError, match="steps=0"):
        animations.playground("momentum", steps=0)


@each_potential
@pytest.mark.parametrize("kind", playground.KINDS)
def test_sliders_reach_beyond_stability_and_begin_within(kind, potential):
    sliders = playground.landscape(kind, "x", potential, 10)["sliders"]
    with jax.enable_x64(True):
        hessian = np.asarray(potential.hessian(np.array(potential.minima[0])))
    limit = 2 / np.linalg.eigvalsh(hessian).max()
    assert sliders["step"]["value"] < limit < sliders["step"]["max"]
    assert ("momentum" in sliders) == (kind == "momentum")
    for slider in sliders.values():
        steps = (slider["value"] - slider["min"]) / slider["step"]
        assert steps == pytest.approx(round(steps), abs=1e-3)
        assert slider["min"] <= slider["value"] <= slider["max"]
    starts = [sliders[f"start{i}"]["value"] for i in range(potential.dimension)]
    np.testing.assert_allclose(starts, potential.start, atol=1e-9)


def test_level_lines_have_the_level():
    bowl = flows.quadratic((2.0, 2.0))
    for line in playground.level_lines(bowl).split("M")[1:]:
        points = np.array([pair.split() for pair in line.split("L")], float) / playground.BOX
        radii = np.hypot(*((points - 0.5) * 2.4).T)
        assert np.ptp(radii) < 0.01


def cases(potential, rng, count=30):
    """Random starts, steps and momenta over the sliders' ranges."""
    sliders = playground.landscape("momentum", "x", potential, 10)["sliders"]
    starts = rng.uniform(*np.transpose(potential.view), (count, potential.dimension))
    steps = sliders["step"]["max"] * rng.uniform(0.01, 1, count)
    momenta = rng.choice([0, 1], count) * rng.uniform(0, 0.99, count)
    return starts, steps, momenta


@each_potential
def test_the_page_descends_as_the_package_does(potential, visit, rng):
    iterations = 60
    choices = [array.tolist() for array in cases(potential, rng)]
    found = visit.tab.evaluate(
        """([terms, cases, n]) => cases.map(([start, step, momentum]) =>
               koopnbPlayground.descend(terms, start, step, momentum, n))""",
        [
            playground.polynomial(potential),
            list(zip(*choices, strict=True)),
            iterations,
        ],
    )
    with jax.enable_x64(True):
        slope = jax.jit(jax.vmap(potential.gradient))
        compared = total = 0
        for *choice, page in zip(*choices, found, strict=True):
            start, step, momentum = np.array(choice[0]), *choice[1:]
            move = {"step": step, "steps": iterations, "momentum": momentum}
            true = flows.descend(potential, start, **move)
            x, loss = np.array(page["x"], float), np.array(page["loss"], float)
            # Every step of the page's own path obeys the recursion.
            sane = np.abs(x).max(1) < 1e20
            v = np.diff(x, axis=0, prepend=x[:1])
            forces = np.asarray(slope(np.where(sane[:, None], x, 0)))
            with np.errstate(all="ignore"):
                wrong = np.abs(x[1:] - x[:-1] - momentum * v[:-1] + step * forces[:-1]).max(1)
                size = 1 + np.abs(x).max(1)[:-1] + step * np.abs(forces).max(1)[:-1]
            assert (wrong[sane[:-1]] <= 1e-9 * size[sane[:-1]]).all()
            # Where a change of 1e-14 in the start stays small, the paths agree; elsewhere the
            # descent is chaotic, and no two implementations do.
            near = flows.descend(potential, start * (1 + 1e-14) + 1e-14, **move)
            with np.errstate(all="ignore"):
                room = np.maximum(1, np.abs(true.x)).max(1)
                off = np.abs(near.x - true.x).max(1) / room
            tame = np.logical_and.accumulate((off < 1e-11) & (room < 1e20))
            np.testing.assert_allclose(x[tame], true.x[tame], rtol=1e-9, atol=1e-9)
            np.testing.assert_allclose(loss[tame], true.loss[tame], rtol=1e-9, atol=1e-9)
            if tame.all():
                assert page["left"] == true.diverged_at == -1
            assert (page["left"] < 0) == (true.diverged_at < 0)
            compared, total = compared + tame.sum(), total + len(tame)
    assert compared > 0.4 * total


VERDICTS = [
    ("double well", 0.1, 0.0, [0.3], "settled at 0, a minimum, but not the deepest"),
    ("double well", 0.1, 0.0, [1.2], "settled at 1.5, the deepest minimum"),
    ("double well", 0.5, 0.0, [1.95], "diverged: left the picture at step 1"),
    ("double well", 0.3, 0.0, [1.6], "still jumping to and fro"),
    ("double well", 0.05, 0.0, [-1.6], "creeping, and in no minimum yet"),
    ("quadratic bowl", 0.05, 0.0, [1.0, 1.0], "settled at (0, 0), the minimum"),
    ("quadratic bowl", 0.1, 0.0, [1.0, 0.1], "diverged: left the picture at step"),
    ("Rosenbrock's valley", 0.0015, 0.0, [-1.2, 1.0], "still on its way"),
]


@pytest.mark.parametrize(("name", "step", "momentum", "start", "expected"), VERDICTS)
def test_verdicts_say_what_became_of_the_path(name, step, momentum, start, expected, visit):
    potential = dict(zip(playground.STEPS, POTENTIALS, strict=True))[name]
    landscape = playground.landscape("momentum", name, potential, playground.STEPS[name])
    said = visit.tab.evaluate(
        """([landscape, ...choice]) => koopnbPlayground.verdict(
               landscape, koopnbPlayground.descend(landscape.terms, ...choice))""",
        [landscape, start, step, momentum, 100 if "well" in name else landscape["steps"]],
    )
    assert said.startswith(expected)


def test_a_verdict_is_the_packages(visit, momentum):
    """What the page says at first is what `descend` finds with the same numbers."""
    landscape = playground.landscape("momentum", "x", flows.double_well(), 60)
    choice = {name: slider["value"] for name, slider in landscape["sliders"].items()}
    path = flows.descend(
        flows.double_well(), (choice["start0"],), step=choice["step"], steps=60,
        momentum=choice["momentum"],
    )  # fmt: skip
    said = re.search(r"After 60 steps: loss ([−\d.e]+);", result(momentum))[1]
    assert float(said.replace("−", "-")) == pytest.approx(path.loss[-1], rel=0.05)


def test_sliders_work_by_keyboard_and_reset(visit, momentum):
    before, path = result(momentum), momentum.locator("svg .path").first
    drawn = path.get_attribute("d")
    slider = momentum.get_by_label("momentum β")
    slider.focus()
    visit.tab.keyboard.press("Home")
    assert slider.input_value() == "0"
    assert momentum.locator("output").nth(1).inner_text() == "0"
    assert result(momentum) != before
    assert path.get_attribute("d") != drawn
    spoken = momentum.locator('[aria-live="polite"]')
    visit.tab.wait_for_function(
        "([e, text]) => e.textContent === text", arg=[spoken.element_handle(), result(momentum)]
    )
    momentum.get_by_role("button", name="Reset").press("Enter")
    assert result(momentum) == before
    assert path.get_attribute("d") == drawn


def test_the_menu_changes_landscape_and_sliders(visit, momentum):
    assert momentum.locator("input").count() == 3
    for index, name in enumerate(playground.STEPS):
        momentum.get_by_label("landscape", exact=True).select_option(name)
        assert momentum.locator("input").count() == (3 if index == 0 else 4)
        assert result(momentum).startswith(f"After {playground.STEPS[name]} steps")
        assert (momentum.locator(".levels").count() == 1) == (index > 0)


def test_a_diverging_path_is_clipped_and_said(visit, momentum):
    momentum.get_by_label("step α").press("End")
    momentum.get_by_label("start", exact=True).press("End")
    assert "diverged: left the picture at step" in result(momentum)
    for path in momentum.locator("svg .path").all():
        numbers = np.array(re.findall(r"-?[\d.]+", path.get_attribute("d")), float)
        assert np.abs(numbers).max() <= 2000
    assert momentum.locator("svg g[clip-path]").count() == 2


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_page_is_accessible_and_fits(visit, scheme, width):
    visit.show(width=width, scheme=scheme)
    assert visit.tab.evaluate("document.documentElement.dataset.theme") == scheme
    assert visit.accessibility() == []
    assert visit.overflow() == []


def test_drawings_and_controls_are_labelled(visit):
    labels = visit.tab.eval_on_selector_all(
        ".playground svg", "all => all.map(e => e.getAttribute('aria-label'))"
    )
    assert len(labels) == 2 * len(playground.KINDS)
    assert [reading.alt_problem(label) for label in labels] == [None] * len(labels)
    unlabelled = "all => all.filter(e => !e.labels.length).length"
    assert visit.tab.eval_on_selector_all(".playground :is(input, select)", unlabelled) == 0


def shown(tab):
    selectors = [".playground", "#still-momentum", "#still-gradient-flow", "video", ".film-still"]
    return [tab.locator(selector).first.is_visible() for selector in selectors]


def test_the_figure_stands_in_for_print(visit):
    visit.show()
    assert shown(visit.tab) == [True, False, False, True, False]
    visit.tab.emulate_media(media="print")
    try:
        assert shown(visit.tab) == [False, True, True, False, True]
    finally:
        visit.tab.emulate_media(media="screen")


def test_the_figure_stands_in_without_scripts(page, chromium):
    context = chromium.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(page.as_uri())
    assert shown(tab) == [True, True, True, True, False]
    assert "figure below" in tab.locator(".playground").first.inner_text()
    context.close()


def test_a_film_plays_and_does_not_start_by_itself(visit):
    video = visit.tab.locator("video")
    state = "v => [v.paused, v.controls, v.muted, v.autoplay, v.currentTime]"
    assert video.evaluate(state) == [True, True, True, False, 0]
    if not video.evaluate("v => v.canPlayType('video/mp4; codecs=\"avc1.42E01E\"')"):
        pytest.skip("this Chromium was built without H.264")
    visit.tab.wait_for_function("document.querySelector('video').readyState >= 1")
    assert video.get_attribute("poster").startswith("data:image/png")
    assert reading.alt_problem(video.get_attribute("aria-label")) is None
    assert video.evaluate("v => v.duration") == pytest.approx(2.5, abs=0.1)
    video.evaluate("v => v.play()")
    visit.tab.wait_for_function("document.querySelector('video').currentTime > 0.3")
    assert video.evaluate("v => v.readyState") >= 2
    video.evaluate("v => { v.pause(); v.currentTime = 0; }")


CHAPTERS = sorted((Path(__file__).parents[2] / "_build" / "html" / "notebooks").glob("*.html"))


@pytest.mark.skipif(not CHAPTERS, reason="no book: run `make book` first")
def test_every_playground_of_the_book_has_a_figure_behind_it():
    for chapter in CHAPTERS:
        outline = []
        for tag, attributes in reading.read(chapter).elements:
            names = attributes.get("class", "").split()
            if "playground" in names:
                assert json.loads(attributes["data-landscapes"])
                outline.append("playground")
            elif tag == "figure" and "film" not in names:
                outline.append("figure")
        # What stands in for a playground is the next figure.
        pairs = zip(outline, [*outline[1:], "nothing"], strict=True)
        assert all(after == "figure" for each, after in pairs if each == "playground"), chapter.name
        assert chapter.stat().st_size < 6e6


@pytest.mark.skipif(not CHAPTERS, reason="no book: run `make book` first")
def test_the_book_shows_either_the_playground_or_its_figure(chromium):
    """The theme has rules for figures that a test page of our own lacks."""
    seen = 0
    for chapter in CHAPTERS:
        if 'class="playground"' not in chapter.read_text(encoding="utf8"):
            continue
        with reading.Visit(chromium, chapter) as visit:
            box, figure = (
                visit.tab.locator(name) for name in (".playground", ".playground-stand-in")
            )
            assert box.is_visible()
            assert not figure.is_visible()
            visit.tab.emulate_media(media="print")
            assert not box.is_visible()
            assert figure.is_visible()
        seen += 1
    assert seen
