import numpy as np

from koopnb.drawing import palette


def test_colours_are_told_apart_and_readable_on_white():
    def luminance(colour):
        channels = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
        linear = np.where(
            channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4
        )
        return linear @ [0.2126, 0.7152, 0.0722]

    assert len(set(palette.COLOURS.values())) == len(palette.COLOURS)
    contrast = {name: 1.05 / (luminance(c) + 0.05) for name, c in palette.COLOURS.items()}
    assert min(contrast.values()) >= 3, contrast
