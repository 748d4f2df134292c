"""Shapes: profile and surface agree, sizes mean what they say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playNano.errors import ParameterError
from playNano.simulate.shapes import Ellipsoid, Gaussian, HeightMap, Rod, Shape, SphericalCap, Torus

SHAPES = [
    Gaussian(5.0, 8.0),
    SphericalCap(5.0, 20.0),
    SphericalCap(10.0, 10.0),
    Torus(4.0, 6.0, 3.0),
    Torus(4.0, 1.0, 3.0),
    Ellipsoid(4.0, 10.0, 5.0),
    Rod(3.0, 40.0, 8.0),
    HeightMap(3.0, np.outer(np.hanning(9), np.hanning(13)), 2.0),
]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda s: type(s).__name__)
def test_sizes_agree_with_the_surface(shape):
    axis = np.linspace(-1, 1, 801) * shape.extent_nm * 1.05
    z = shape.surface(axis[:, None], axis[None, :])
    pixel = (axis[1] - axis[0]) ** 2
    assert z.min() >= 0
    assert z.max() == pytest.approx(shape.height_nm, rel=1e-3)
    r = np.hypot(axis[:, None], axis[None, :])
    assert not z[r > shape.extent_nm * 1.0001].any()
    half = (z >= shape.height_nm / 2).sum() * pixel
    assert shape.radius_nm == pytest.approx(np.sqrt(half / np.pi), rel=0.02)
    assert shape.contact_nm == pytest.approx(r[z > 0.1 * shape.height_nm].max(), rel=0.02)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda s: type(s).__name__)
@settings(deadline=None, max_examples=15)
@given(size=st.floats(0.3, 3.0), height=st.floats(0.3, 1.0))
def test_scaling_keeps_the_form(shape, size, height):
    big = shape.scaled(size, height)
    at = np.array([0.0, 0.31, 0.62]) * shape.extent_nm
    if isinstance(shape, SphericalCap):
        assert big.base_radius_nm == pytest.approx(shape.base_radius_nm * size)
        assert big.height_nm == pytest.approx(shape.height_nm * size * height)
        return
    np.testing.assert_allclose(
        big.surface(at * size * 0.5, at * size),
        shape.surface(at * 0.5, at) * size * height,
        rtol=1e-6,
        atol=1e-9,
    )


def test_radial_shapes_have_one_profile():
    for shape in (s for s in SHAPES if s.radial):
        np.testing.assert_allclose(shape.surface(3.0, 4.0), shape.profile(5.0))


def test_cap_is_part_of_a_sphere():
    cap = SphericalCap(5.0, 12.0)
    radius = (12.0**2 + 5.0**2) / 10
    r = np.array([0.0, 3.0, 7.0, 11.0])
    np.testing.assert_allclose(np.hypot(r, cap.profile(r) + radius - 5.0), radius)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Gaussian(0.0, 8.0),
        lambda: Gaussian(5.0, float("nan")),
        lambda: Gaussian("tall", 8.0),
        lambda: SphericalCap(10.0, 5.0),
        lambda: Rod(3.0, 5.0, 8.0),
        lambda: HeightMap(3.0, np.zeros((3, 3)), 1.0),
        lambda: HeightMap(3.0, np.ones(3), 1.0),
        lambda: Rod(3.0, 40.0, 8.0).profile(1.0),
        lambda: Shape(3.0).extent_nm,
    ],
)
def test_impossible_shapes(wrong):
    with pytest.raises(ParameterError):
        wrong()


def test_a_height_map_leaves_its_image_alone():
    image = np.ones((3, 3))
    shape = HeightMap(2.0, image, 1.0)
    image[1, 1] = 7.0
    assert shape.surface(0.0, 0.0) == 2.0
