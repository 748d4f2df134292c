"""Colour limits and scale bars."""

import numpy as np
import pytest

from playNano.errors import ParameterError
from playNano.io.export.render import PictureOptions, ScaleBar, height_limits


def test_lost_frames_do_not_set_the_colours():
    data = np.random.default_rng(0).normal(size=(9, 16, 16))
    data[0] = 450.0
    low, high = height_limits(data)
    assert -5 < low < 0 < high < 5
    assert height_limits(np.full((2, 3, 3), np.nan)) == (0.0, 1.0)


@pytest.mark.parametrize(("width", "text"), [(400, "100 nm"), (9, "2 nm"), (30000, "5 µm"), (850, "200 nm")])
def test_scale_bars_are_round(width, text):
    assert ScaleBar.for_width(width).text == text


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"z_range": (3.0, 3.0)}, "must be less"),
        ({"z_range": (5.0, 1.0)}, "must be less"),
        ({"z_range": (0.0, float("inf"))}, "finite"),
        ({"z_range": (0.0, float("nan"))}, "finite"),
        ({"cmap": "viridi"}, "similar: viridis"),
        ({"figure_format": "jpg"}, "'png', 'pdf' or 'svg'"),
    ],
)
def test_wrong_options_of_pictures_are_errors(wrong, reason):
    with pytest.raises(ParameterError, match=reason):
        PictureOptions(**wrong)
