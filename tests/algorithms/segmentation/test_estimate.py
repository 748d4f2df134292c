"""Background, noise, threshold and polarity of movies whose noise is drawn."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from playNano.algorithms.segmentation import SegmentationOptions, estimate_levels, segment
from playNano.algorithms.segmentation.periodicity import is_periodic
from playNano.algorithms.segmentation.usual_area import half_sample_mode
from playNano.errors import ParameterError


def noise(shape, sd=0.2, sigma=(0.0, 0.0), seed=0):
    field = np.random.default_rng(seed).normal(0, 1, shape)
    field = gaussian_filter(field, (0, *sigma), mode="wrap") if any(sigma) else field
    return sd * field / field.std()


def discs(shape=(96, 96), height=4.0, radius=6.0, centres=((24, 24), (24, 70), (70, 40))):
    y, x = np.mgrid[: shape[0], : shape[1]]
    out = np.zeros(shape)
    for row, col in centres:
        out[np.hypot(y - row, x - col) < radius] = height
    return out


@pytest.mark.parametrize("sigma", [(0.0, 0.0), (0.0, 1.0), (1.0, 2.0)])
def test_noise_and_its_correlation(sigma):
    levels = estimate_levels(noise((6, 96, 96), sigma=sigma) + discs())
    assert levels.pixel_noise_nm == pytest.approx(0.2, rel=0.07)
    expected = noise((6, 96, 96), sigma=sigma)
    assert levels.noise_nm == pytest.approx(gaussian_filter(expected, (0, 1, 1)).std(), rel=0.08)
    # The correlation of white noise after two Gaussian filters has the variance of both.
    fwhm = [2.3548 * np.sqrt(s**2 + 1) for s in sigma]
    assert levels.fwhm_px == pytest.approx(fwhm, rel=0.1)


@pytest.mark.parametrize("sigma", [(0.0, 0.0), (0.0, 1.5)])
def test_false_detections_are_as_rare_as_expected(sigma):
    frames = noise((120, 64, 64), sigma=sigma, seed=3)
    counts = []
    for expected in (0.05, 1.0):
        levels = estimate_levels(frames[:32], SegmentationOptions("up", expected))
        objects = segment(frames, levels)
        counts.append(np.count_nonzero(objects.polarity) / len(frames))
    # The Euler characteristic counts maxima; a minimum area drops some of them.
    assert counts[0] < 0.15
    assert 0.1 < counts[1] < 1.5


def test_background_and_polarity():
    quiet = noise((4, 96, 96))
    up = estimate_levels(quiet + discs())
    down = estimate_levels(quiet - discs())
    assert (up.polarity, up.background_nm) == ("up", 0.0)
    assert (down.polarity, down.background_nm) == ("down", 0.0)
    assert up.noise_nm == pytest.approx(down.noise_nm, rel=0.05)
    assert estimate_levels(quiet).polarity == "up"
    assert estimate_levels(quiet - discs(), SegmentationOptions("both")).polarity == "both"
    far = estimate_levels(quiet + discs() - 176)
    assert far.background_nm == pytest.approx(-176, abs=0.1)
    assert far.noise_nm == pytest.approx(up.noise_nm, rel=0.1)


def test_zero_is_the_background_of_a_levelled_movie_that_objects_cover():
    covered = np.full((96, 96), 4.0)
    covered[:, ::6] = covered[:, 1::6] = 0.0  # a third is background
    assert estimate_levels(noise((4, 96, 96), 0.1) + covered).background_nm == 0.0


def test_usual_area():
    levels = estimate_levels(noise((8, 96, 96)) + discs())
    assert levels.has_singles
    assert levels.usual_area_px == pytest.approx(np.pi * 36, rel=0.1)
    assert not estimate_levels(noise((8, 96, 96))).has_singles


def test_frames_without_pixels_are_left_out():
    frames = noise((6, 64, 64)) + discs((64, 64), centres=((30, 30),))
    with_gaps = np.concatenate([frames, np.full((2, 64, 64), np.nan), np.zeros((2, 64, 64))])
    assert estimate_levels(with_gaps) == estimate_levels(frames)
    nothing = estimate_levels(np.full((2, 16, 16), np.nan))
    assert np.isinf(nothing.threshold_nm)
    assert not segment(np.full((2, 16, 16), np.nan), nothing).labels.any()


def test_lattice_within_the_noise_is_periodic():
    y, x = np.mgrid[:128, :128]
    lattice = np.cos(x / 3) + np.cos(x / 6 + y / 3.5)
    frames = 0.08 * lattice + noise((6, 128, 128), 0.15)
    assert estimate_levels(frames).is_periodic
    assert not estimate_levels(noise((6, 128, 128), 0.15, (0.0, 3.0))).is_periodic
    # Offsets of the lines that go on for long: correlated, but not periodic.
    offsets = gaussian_filter(np.random.default_rng(1).normal(0, 1, (6, 128, 1)), (0, 6, 0))
    assert not is_periodic(0.1 * offsets / offsets.std() + noise((6, 128, 128), 0.05), 9.0)


def test_half_sample_mode_is_the_densest_value():
    rng = np.random.default_rng(0)
    sample = np.concatenate([rng.normal(3, 0.05, 300), rng.uniform(0, 10, 300)])
    assert half_sample_mode(sample) == pytest.approx(3, abs=0.1)


def test_wrong_options():
    with pytest.raises(ParameterError, match="polarity"):
        SegmentationOptions("sideways")
    with pytest.raises(ParameterError, match="false_positives"):
        SegmentationOptions(false_positives=0)
