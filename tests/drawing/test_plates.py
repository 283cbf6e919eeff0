import matplotlib.pyplot as plt
from IPython.core.formatters import DisplayFormatter

from koopnb.drawing import plates


@plates.styled
def drawn() -> plates.Plate:
    figure, axis = plt.subplots()
    axis.plot([0, 1])
    return plates.Plate(figure, "A line rises.", "The **line**.", "line")


def test_a_plate_shows_its_figure_and_its_caption(monkeypatch):
    shown = []
    monkeypatch.setattr(plates, "display", lambda *data, **how: shown.append((*data, how)))
    drawn()._ipython_display_()
    (picture, about), (caption, below) = shown
    assert picture["image/png"].startswith(b"\x89PNG")
    details = {"alt": "A line rises.", "caption": "The **line**.", "name": "line"}
    assert about["metadata"] == {"image/png": details}
    assert caption == {"text/markdown": "The **line**."}
    assert below["metadata"] == {"koopnb": {"caption_of": "line"}}
    assert not plt.get_fignums()


def test_a_style_ends_with_the_function():
    before = dict(plt.rcParams)
    plate = drawn()
    assert not plate.figure.axes[0].spines["top"].get_visible()
    assert dict(plt.rcParams) == before
    plt.close(plate.figure)


def test_text_is_set_as_markdown():
    assert DisplayFormatter().format(plates.Text("**so**"))[0]["text/markdown"] == "**so**"


def test_a_table_keeps_its_words_as_they_are():
    made = plates.table([{"a": 1e-3, "b": "$x$"}, {"a": "no", "b": None}])
    assert [[c.strip() for c in line.split("|")[1:-1]] for line in made.splitlines()][::2] == [
        ["a", "b"],
        ["0.001", "$x$"],
    ]
