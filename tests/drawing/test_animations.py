"""Films: what moves is the path, what is stored plays, what is shown carries its text."""

import io
import re

import av
import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from koopnb.drawing import animations, films
from koopnb.dynamics import flows

WELL, BOWL = flows.double_well(), flows.quadratic()
UNTIL = 4.0


def flow(potential=WELL, start=None, until=UNTIL):
    return flows.gradient_flow(
        potential, potential.start if start is None else start, np.linspace(0, until, 41)
    )


def world(path=None, step=None, **kwargs):
    return animations.World("syrup", "#0072B2", path or flow(), step, **kwargs)


def descent(step=0.2, potential=WELL, start=None, steps=20):
    return flows.descend(potential, start or potential.start, step=step, steps=steps)


@pytest.fixture(scope="module")
def film():
    worlds = [world(ending="rests"), world(descent(), 0.2, ending="hops")]
    return animations.beads(WELL, worlds, until=UNTIL, seconds=1)


def frames(film):
    with av.open(io.BytesIO(film.mp4)) as container:
        stream = container.streams.video[0]
        coded = stream.codec_context
        pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
        return pictures, coded.name, coded.pix_fmt, stream.average_rate


def test_a_film_is_what_every_browser_plays(film):
    pictures, codec, pixels, rate = frames(film)
    assert (codec, pixels, rate) == ("h264", "yuv420p", films.FPS)
    assert len(pictures) == round(film.seconds * films.FPS)
    assert {picture.shape for picture in pictures} == {(film.height, film.width, 3)}
    assert film.width % 2 == film.height % 2 == 0
    assert len(film.mp4) < 250_000


def test_a_film_moves_from_the_start_to_its_poster(film):
    pictures, *_ = frames(film)
    with Image.open(io.BytesIO(film.poster)) as image:
        poster = np.asarray(image.convert("RGB"), float)
    apart = [np.abs(picture - poster).mean() for picture in (pictures[0], pictures[-1])]
    assert apart[1] < 2.5 < 0.7 * apart[0] + 2, apart
    assert np.abs(pictures[0].astype(float) - pictures[-1]).max() > 100


def test_a_gliding_bead_is_where_the_path_is(axis):
    path = flow()
    scene = animations.on_wire(axis, WELL, world(path, ending="rests"), UNTIL)
    bead, end = scene.moving[1], scene.moving[2]
    for k in (0, 7, 40):
        scene.update(path.time[k])
        np.testing.assert_allclose(bead.get_xdata(), path.x[k], atol=1e-12)
        np.testing.assert_allclose(bead.get_ydata(), path.loss[k], atol=1e-3)
        assert end.get_visible() == (k == 40)


def test_a_hopping_bead_is_on_its_iterates_and_leaves_the_wire_between(axis):
    path = descent(0.5, start=(-1.6,), steps=8)
    scene = animations.on_wire(axis, WELL, world(path, 0.5), UNTIL)
    trace, bead, _ = scene.moving
    scene.update(0.5)
    np.testing.assert_allclose(bead.get_xdata(), path.x[1], atol=1e-12)
    np.testing.assert_allclose(trace.get_xdata(), path.x[:2, 0], atol=1e-12)
    scene.update(0.5 * (1 - 1e-3) - animations.HOP * UNTIL / 6.5 / 2)
    at = float(bead.get_xdata()[0])
    assert min(path.x[:2, 0]) < at < max(path.x[:2, 0])
    assert bead.get_ydata()[0] > float(WELL(np.array([at]))) + 0.05


def test_labels_fit_their_panels():
    figure, axes = plt.subplots(1, 3, figsize=animations.SIZE, layout="constrained")
    plain = animations.World("momentum method", "#C44E00", flow(), None, "in the shallow well")
    for axis in axes:
        animations.on_wire(axis, WELL, plain, UNTIL).update(UNTIL)
    figure.draw_without_rendering()
    for axis in axes:
        for text in (axis.title, axis.texts[0]):
            box = text.get_window_extent()
            assert 0 <= box.x0 <= box.x1 <= figure.bbox.x1, text.get_text()
            assert box.width < 1.1 * figure.bbox.width / 3, text.get_text()
    plt.close(figure)


def test_a_path_that_diverges_is_clipped(axis):
    path = descent(2.0, start=(1.9,), steps=30)
    assert path.diverged_at > 0
    scene = animations.on_wire(axis, WELL, world(path, 2.0), 60.0)
    scene.update(60.0)
    low, high = WELL.view[0]
    assert np.isfinite(scene.moving[1].get_xydata()).all()
    assert np.abs(scene.moving[0].get_xdata()).max() <= 2 * (high - low) + 1


def test_points_on_a_map_and_their_losses_are_the_paths(axis):
    path = descent(0.05, BOWL)
    places = animations.on_map(axis, BOWL, [world(path, 1.0)], 20)
    places.update(12)
    np.testing.assert_allclose(places.moving[1].get_xydata(), path.x[12:13])
    _, other = plt.subplots()
    losses = animations.losses(other, BOWL, [world(path, 1.0)], 20)
    losses.update(12)
    np.testing.assert_allclose(losses.moving[0].get_ydata(), path.loss[:13], rtol=1e-6)
    plt.close(other.figure)


def test_trails_make_a_film():
    film = animations.trails(BOWL, [world(descent(0.05, BOWL), 1.0)], until=20, seconds=0.2)
    assert len(frames(film)[0]) == round(film.seconds * films.FPS)


@pytest.mark.parametrize(
    ("function", "potential", "worlds", "until", "message"),
    [
        ("beads", BOWL, [world()], UNTIL, "has 2 dimensions: beads"),
        ("trails", WELL, [world()], UNTIL, "has 1 dimensions"),
        ("beads", WELL, [], UNTIL, "0 worlds"),
        ("beads", WELL, [world()] * 5, UNTIL, "5 worlds"),
        ("beads", WELL, [world()], 0.0, "until=0.0"),
        ("beads", WELL, [world()], 4.1, "ends at time 4, before until=4.1"),
        ("beads", WELL, [world(descent(), 0.1)], UNTIL, "ends at time 2, before"),
        (
            "beads",
            WELL,
            [world(flow(start=np.array([[0.1], [0.2]])))],
            UNTIL,
            r"shape \(2, 41, 1\)",
        ),
    ],
)
def test_bad_input_is_refused(function, potential, worlds, until, message):
    with pytest.raises(ValueError, match=message):
        getattr(animations, function)(potential, worlds, until=until)


def test_a_shown_film_carries_its_text(film, monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, **kwargs: shown.append(data))
    animations.show(film, alt='A "bead" rests.', caption="Small $a < b$ & more.", name="film-a")
    (data,) = shown
    page = data["text/html"]
    assert 'aria-label="A &quot;bead&quot; rests."' in page
    assert 'alt="A &quot;bead&quot; rests."' in page
    assert r'<span class="math notranslate nohighlight">\(a &lt; b\)</span> &amp; more.' in page
    assert re.search(r'<video controls [^>]*preload="metadata"', page)
    assert "autoplay" not in page
    assert page.count("data:image/png;base64,") == 2
    assert page.count("data:video/mp4;base64,") == 1
    assert data["text/plain"] == 'A "bead" rests.'
