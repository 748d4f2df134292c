"""Colour maps of heights: lightness that rises evenly."""

import numpy as np
import pytest
from matplotlib import colormaps
from skimage.color import lab2rgb, rgb2lab

from playNano.errors import ParameterError
from playNano.io.export.colour_maps import (
    COLOUR_MAPS,
    colour_map,
    colours_of,
    lab_of,
    lab_to_srgb,
    register_colour_maps,
)
from playNano.io.export.render import PictureOptions


@pytest.mark.parametrize("name", COLOUR_MAPS)
def test_lightness_rises_linearly(name):
    lab = rgb2lab(np.round(colours_of(name) * 255)[None] / 255)[0]
    steps = np.diff(lab[:, 0])
    assert steps.min() > 0
    assert np.abs(lab[:, 0] - np.linspace(8, 95, 256)).max() < 0.5
    # Hue and chroma change smoothly: no sixteenth of the map stands out.
    distances = np.linalg.norm(np.diff(lab[::15], axis=0), axis=1)
    assert distances.max() < 2 * distances.min()


@pytest.mark.parametrize("name", COLOUR_MAPS)
def test_no_colour_is_outside_what_a_screen_shows(name, monkeypatch):
    monkeypatch.setattr(np, "clip", lambda values, low, high: values)
    colours = colours_of(name)
    assert colours.min() > -0.02
    assert colours.max() < 1.01


def test_the_map_that_was_in_use_is_not_even():
    """What the check finds where it should."""
    lightness = rgb2lab(colormaps["afmhot"](np.linspace(0, 1, 256))[None, :, :3])[0, :, 0]
    assert np.abs(lightness - np.linspace(lightness[0], lightness[-1], 256)).max() > 5


def test_conversion_agrees_with_scikit_image():
    lab = np.array([[20.0, 10.0, -15.0], [50.0, 20.0, 40.0], [80.0, -20.0, 10.0], [0.0, 0.0, 0.0]])
    np.testing.assert_allclose(lab_to_srgb(lab), lab2rgb(lab[None])[0], atol=2e-4)
    colours = np.random.default_rng(0).uniform(0, 1, (50, 3))
    np.testing.assert_allclose(lab_of(colours), rgb2lab(colours[None])[0], atol=0.02)


def test_names_are_accepted_everywhere_and_listed_when_misspelt():
    register_colour_maps()
    register_colour_maps()
    assert PictureOptions(cmap="afm_gold_r").cmap == "afm_gold_r"
    np.testing.assert_array_equal(colour_map("afm_ice_r")(0), colour_map("afm_ice")(255))
    with pytest.raises(ParameterError, match="afm_gold"):
        PictureOptions(cmap="afm_golden")
