"""Shaded relief of a frame."""

import numpy as np
import pytest

from playNano.errors import ParameterError
from playNano.plots.relief import MAX_EDGE, _shaded, draw_relief
from playNano.plots.style import save_figure


def hill(shape, height=5.0):
    y, x = np.mgrid[: shape[0], : shape[1]]
    distance = np.hypot(y - shape[0] / 2, x - shape[1] / 2)
    return (height * np.exp(-((distance / 6) ** 2))).astype(np.float32)[None]


@pytest.mark.parametrize("factor", [1.0, 7.0])
def test_proportions_are_true_apart_from_the_stated_factor(make_stack, factor):
    stack = make_stack(hill((30, 40)), pixel_size_nm=(3.0, 2.0))
    figure = draw_relief(stack, z_exaggeration=factor)
    axes = figure.axes[0]
    x, y, z = axes._box_aspect
    low, high = stack.data.min(), stack.data.max()
    assert x / y == pytest.approx(40 * 2 / (30 * 3))
    assert z / x == pytest.approx(factor * (high - low) / (40 * 2))
    assert axes.get_zlim() == pytest.approx((low, high))
    assert f"\N{MULTIPLICATION SIGN} {factor:g} against" in figure.texts[0].get_text()


def test_the_own_factor_is_round_and_stated(make_stack):
    figure = draw_relief(make_stack(hill((60, 60))))
    # 12 % of 120 nm are 14.4 nm: 2.9 times 5 nm.
    assert "\N{MULTIPLICATION SIGN} 2 against" in figure.texts[0].get_text()


def test_light_comes_from_the_upper_left():
    heights = hill((40, 40))[0].astype(float)
    shaded = _shaded(heights, (-1e9, 1e9), "gray", (1.0, 1.0), 1.0)[..., 0]
    assert shaded[16, 16] > shaded[24, 24] + 0.1
    assert abs(shaded[16, 24] - shaded[24, 16]) < 0.1


def test_missing_pixels_are_holes_and_large_frames_are_thinned_with_a_word(make_stack, tmp_path):
    data = hill((20, 2 * MAX_EDGE + 2))
    data[0, 3, 3] = np.nan
    figure = draw_relief(make_stack(data))
    assert "1 of 3 pixels" in figure.texts[0].get_text()
    colours = _shaded(np.where(np.arange(16).reshape(4, 4) == 5, np.nan, 1.0), (0, 1), "gray", (1, 1), 1)
    assert colours[1, 1, 3] == 0
    assert colours[..., 3].sum() == 15
    save_figure(figure, tmp_path / "r.png")
    assert (tmp_path / "r.png").stat().st_size > 5000


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"z_exaggeration": 0}, "greater than 0"),
        ({"elevation_deg": 91}, "0 to 90"),
        ({"frame": 1}, "no heights"),
    ],
)
def test_what_cannot_be_drawn(make_stack, change, words):
    data = np.concatenate([hill((8, 8)), np.full((1, 8, 8), np.nan, np.float32)])
    with pytest.raises(ParameterError, match=words):
        draw_relief(make_stack(data), **change)


def test_a_channel_that_is_no_length(make_stack):
    with pytest.raises(ParameterError, match="deg"):
        draw_relief(make_stack(hill((8, 8)), channel="phase", unit="deg"))
