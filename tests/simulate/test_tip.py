"""Tip and feedback, against scipy's grey dilation and a plain loop."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.ndimage import grey_dilation

from playNano.errors import ParameterError
from playNano.simulate.imaging import apply_feedback
from playNano.simulate.movie import simulate_scene
from playNano.simulate.scanner import Scanner
from playNano.simulate.scene import Scene, Species
from playNano.simulate.shapes import Ellipsoid, Gaussian, Rod, SphericalCap, Torus
from playNano.simulate.substrate import Steps
from playNano.simulate.tip import Feedback, Tip

TIPS = [Tip("parabolic", radius_nm=3.0), Tip("conical", radius_nm=1.5, half_angle_deg=25.0)]


def dilated(image, tip, py, px, radius):
    """Dilate with scipy: the structuring element is the tip upside down."""
    rows, cols = math.ceil(radius / py), math.ceil(radius / px)
    y, x = np.arange(-rows, rows + 1) * py, np.arange(-cols, cols + 1) * px
    structure = -tip.profile(np.hypot(y[:, None], x[None, :]))
    return grey_dilation(image, structure=structure, mode="constant", cval=-1e9)


@pytest.mark.parametrize("tip", TIPS, ids=lambda t: t.kind)
@pytest.mark.parametrize("pixel", [1.0, (2.0, 0.5)], ids=str)
def test_dilation_of_an_image(tip, pixel):
    rng = np.random.default_rng(2)
    image = rng.uniform(0, 6, (23, 31))
    before = image.copy()
    py, px = (pixel, pixel) if np.isscalar(pixel) else pixel
    np.testing.assert_allclose(tip.dilate(image, pixel), dilated(image, tip, py, px, 12.0), atol=1e-12)
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("tip", TIPS, ids=lambda t: t.kind)
def test_radius_at_a_height_inverts_the_profile(tip):
    for height in (0.1, 1.0, 5.0):
        assert tip.profile(tip.radius_at_nm(height)) == pytest.approx(height)
    assert Tip().radius_at_nm(5.0) == 0.0
    np.testing.assert_array_equal(Tip().dilate(np.eye(3), 1.0), np.eye(3))
    assert Tip().profile(1.0) == math.inf


@pytest.mark.parametrize("tip", TIPS, ids=lambda t: t.kind)
@pytest.mark.parametrize(
    "shape",
    [
        Gaussian(4.0, 3.0),
        SphericalCap(4.0, 6.0),
        Torus(3.0, 5.0, 3.0),
        Rod(4.0, 20.0, 6.0),
        Ellipsoid(4.0, 9.0, 4.0),
    ],
    ids=lambda s: type(s).__name__,
)
def test_a_movie_is_the_dilation_of_what_a_sharp_tip_sees(tip, shape):
    scene = Scene((Species(shape, count=4),), margin_nm=-15.0)
    scanner = Scanner(n_frames=1, shape=(200, 200), pixel_size_nm=0.4)
    sharp = simulate_scene(scene, scanner, seed=8)
    blunt = simulate_scene(scene, scanner, tip=tip, seed=8)
    assert sharp.truth.equals(blunt.truth)
    expected = dilated(sharp.clean[0].astype(float), tip, 0.4, 0.4, tip.radius_at_nm(4.0) + 1)
    # The image cuts the sides of steep shapes between two pixels, the simulator does not.
    difference = blunt.clean[0] - expected
    assert difference.min() > -0.02
    assert difference.max() < 0.45
    assert np.abs(difference).mean() < 0.02


def test_dilation_over_steps():
    tip = TIPS[0]
    scene = Scene(
        (Species(Gaussian(4.0, 3.0), count=5),), substrate=Steps(height_nm=2.0, width_nm=30.0), margin_nm=-10
    )
    scanner = Scanner(n_frames=1, shape=(200, 200), pixel_size_nm=0.4)
    sharp = simulate_scene(scene, scanner, seed=8)
    blunt = simulate_scene(scene, scanner, tip=tip, seed=8)
    expected = dilated(sharp.clean[0].astype(float), tip, 0.4, 0.4, 8.0)
    inner = (slice(20, -20), slice(20, -20))
    np.testing.assert_allclose(blunt.clean[0][inner], expected[inner], atol=0.2)


def test_feedback_flies_off_steep_edges():
    scanner = Scanner(n_frames=1, shape=(2, 8), pixel_size_nm=1.0, frame_time_s=0.032)
    line = np.array([[0, 0, 4, 4, 0, 0, 0, 0]] * 2, dtype=np.float32)
    # A pixel takes 1 ms: at 1000 nm/s the tip comes down 1 nm a pixel.
    flown = apply_feedback(line, Feedback(fall_nm_s=1000.0), scanner)
    np.testing.assert_allclose(flown[0], [0, 0, 4, 4, 3, 2, 1, 0], atol=1e-5)
    back = apply_feedback(line, Feedback(fall_nm_s=1000.0), scanner, retrace=True)
    np.testing.assert_allclose(back[0], [2, 3, 4, 4, 0, 0, 0, 0], atol=1e-5)
    slow = apply_feedback(line, Feedback(time_constant_s=1e-3), scanner)
    z, expected = 0.0, []
    for h in line[0]:
        z += (h - z) * (1 - math.exp(-1))
        expected.append(z)
    np.testing.assert_allclose(slow[0], expected, rtol=1e-5)
    np.testing.assert_array_equal(apply_feedback(line, Feedback(), scanner), line)


def test_impossible_tips():
    with pytest.raises(ParameterError, match="kind"):
        Tip("blunt")
    with pytest.raises(ParameterError, match="half_angle_deg"):
        Tip("conical", half_angle_deg=95.0)
    with pytest.raises(ParameterError, match="fall_nm_s"):
        Feedback(fall_nm_s=-1.0)
