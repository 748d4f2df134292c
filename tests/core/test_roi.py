"""Regions of interest: areas against scikit-image, places, units, and what is refused."""

import numpy as np
import pytest
from skimage import draw

from playNano.core.roi import RegionOfInterest
from playNano.errors import ParameterError

SIZE, ORIGIN = (2.0, 1.25), (30.0, -4.0)
TRIANGLE = ((3.3, 2.2), (25.7, 8.1), (9.4, 36.6))


def in_nm(name, shape, points_px):
    """A region given in px of frames of the size and origin of these tests."""
    return RegionOfInterest(name, shape, points_px, "px").in_nm(SIZE, ORIGIN)


def test_a_polygon_is_that_of_scikit_image():
    mask = in_nm("t", "polygon", TRIANGLE).mask((30, 40), SIZE, ORIGIN)
    np.testing.assert_array_equal(mask, draw.polygon2mask((30, 40), TRIANGLE))
    assert mask.sum() > 200


def test_a_polygon_that_is_not_convex():
    vertices = ((2.2, 2.2), (27.8, 3.1), (12.1, 15.3), (26.3, 36.6), (1.4, 30.7))
    mask = RegionOfInterest("c", "polygon", vertices, "px").mask((30, 40))
    np.testing.assert_array_equal(mask, draw.polygon2mask((30, 40), vertices))
    assert not mask[25, 20]


def test_an_ellipse_is_that_of_scikit_image():
    mask = in_nm("e", "ellipse", ((4.2, 5.1), (23.4, 34.9))).mask((30, 40), SIZE, ORIGIN)
    expected = np.zeros((30, 40), bool)
    expected[draw.ellipse(13.8, 20.0, 9.6, 14.9, shape=(30, 40))] = True
    np.testing.assert_array_equal(mask, expected)


def test_boxes_side_by_side_share_no_pixel():
    boxes = [RegionOfInterest("b", "box", ((0, x), (20, x + 10))) for x in (0, 10, 20)]
    masks = [box.mask((10, 30), (2.0, 1.0)) for box in boxes]
    np.testing.assert_array_equal(np.sum(masks, axis=0), 1)
    assert masks[1][:, 10:20].all()


def test_places_count_from_the_movie_as_recorded():
    region = RegionOfInterest("b", "box", ((34.0, 1.0), (38.0, 3.5)))
    rows, columns = np.nonzero(region.mask((10, 10), SIZE, ORIGIN))
    assert set(rows) == {2, 3}
    assert set(columns) == {4, 5}
    # Without the origin other pixels would be marked.
    assert not region.mask((10, 10), SIZE).any()


def test_units_there_and_back():
    region = RegionOfInterest("t", "line", TRIANGLE)
    back = region.in_px(SIZE, ORIGIN).in_nm(SIZE, ORIGIN)
    np.testing.assert_allclose(back.points, region.points, atol=1e-8)
    assert region.in_nm(SIZE, ORIGIN) is region
    assert RegionOfInterest.from_dict(region.to_dict()) == region
    assert region.in_px(SIZE, ORIGIN).to_dict()["points_px"][0][0] == pytest.approx((3.3 - 30) / 2)


@pytest.mark.parametrize(
    ("shape", "points", "text"),
    [
        ("box", ((0, 0),), "a box has 2 points, not 1"),
        ("box", ((0, 0), (0, 3)), "no extent"),
        ("line", ((1, 1), (1, 1)), "no extent"),
        ("polygon", ((0, 0), (1, 1)), "at least 3 points"),
        ("star", ((0, 0), (1, 1)), "shape is one of box, ellipse"),
        ("line", ((0, 0), (1, float("nan"))), "finite"),
        ("line", ((0, 0, 0), (1, 1, 1)), "pairs"),
        ("line", "nonsense", "pairs"),
    ],
)
def test_what_is_no_region(shape, points, text):
    with pytest.raises(ParameterError, match=f"'r'.*{text}"):
        RegionOfInterest("r", shape, points)


def test_a_line_has_no_area():
    with pytest.raises(ParameterError, match="line, which has no area"):
        RegionOfInterest("r", "line", ((0, 0), (1, 1))).mask((3, 3))


def test_plain_values_with_an_unknown_entry():
    with pytest.raises(ParameterError, match="unknown: pints_nm"):
        RegionOfInterest.from_dict({"shape": "box", "pints_nm": [[0, 0], [1, 1]]})
    with pytest.raises(ParameterError, match="points_nm or points_px"):
        RegionOfInterest.from_dict({"shape": "box"})
