"""Faults of detection that users met."""

import numpy as np
import pytest

from playNano import AFMImageStack
from playNano.algorithms.blobs import BlobOptions, find_blobs
from playNano.algorithms.peaks import PeakOptions, TemplateOptions, find_peaks, find_templates
from playNano.algorithms.regions import RegionOptions, find_regions
from playNano.analysis.modules.feature_detection import FeatureDetectionModule


def particles(sigma, height=5.0, noise=0.15, n=12, seed=3):
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:92, :92]
    out = rng.normal(0, noise, (n, 92, 92))
    for frame in out:
        for row in range(16, 92, 20):
            for col in range(16, 92, 20):
                a, b = row + rng.uniform(-0.5, 0.5), col + rng.uniform(-0.5, 0.5)
                frame += height * np.exp(-((y - a) ** 2 + (x - b) ** 2) / (2 * sigma**2))
    return out


@pytest.mark.parametrize("sigma", [0.8, 1.0, 1.2, 1.5, 2.0, 3.0])
def test_subpixel_heights_of_equal_particles_have_one_peak(sigma):
    data = particles(sigma)
    options = {"min_sigma": 0.5 if sigma < 1 else 1.0, "max_sigma": 5.0, "threshold": 1.0}
    plain = find_blobs(data, BlobOptions(**options)).height_nm
    refined = find_blobs(data, BlobOptions(**options, subpixel=True)).height_nm
    assert len(refined) == len(plain) == 192
    assert refined.std() <= plain.std()
    assert abs(refined.mean() - 5) <= abs(plain.mean() - 5) + 0.01
    counts, _ = np.histogram(refined, bins=np.arange(2.6, 5.8, 0.3))
    rising = np.diff(counts[: counts.argmax() + 1])
    falling = np.diff(counts[counts.argmax() :])
    assert (rising >= -3).all()
    assert (falling <= 3).all()


@pytest.mark.parametrize("height", [1.0, 4.0])
def test_height_of_a_flat_top_is_not_that_of_its_noise(height):
    y, x = np.mgrid[:40, :40]
    disc = height * (np.hypot(y - 20, x - 20) < 7)
    data = disc + np.random.default_rng(0).normal(0, 0.15, (100, 40, 40))
    options = RegionOptions(min_size=40)
    heights = find_regions(data, data > height / 2, options).table.height_nm
    assert len(heights) == 100
    assert heights.mean() == pytest.approx(height, abs=0.04)


@pytest.mark.parametrize("share", [0.2, 0.33])
def test_volume_extends_to_the_background(share):
    y, x = np.mgrid[:60, :60]
    bump = 5 * np.exp(-((y - 30) ** 2 + (x - 30) ** 2) / (2 * 4.0**2))
    row = find_regions(bump[None], (bump > 5 * share)[None]).table.iloc[0]
    assert row.volume_nm3 == pytest.approx(5 * 2 * np.pi * 16, rel=0.06)
    # Two particles whose flanks overlap share them.
    pair = bump + np.roll(bump, 14, axis=1)
    table = find_regions(pair[None], (pair > 5 * share)[None], RegionOptions(remove_edge=False)).table
    assert table.volume_nm3.sum() == pytest.approx(2 * 5 * 2 * np.pi * 16, rel=0.08)


@pytest.mark.parametrize("depth", [1.0, 3.0, 6.0])
def test_pits_have_depths_centroids_and_limits(depth):
    data = -particles(3.0, depth, 0.05)
    mask = data < -0.3 * depth
    options = RegionOptions(polarity="down", min_height_nm=0.6 * depth)
    table = find_regions(data, mask, options).table
    assert len(table) == 192
    assert table.height_nm.mean() == pytest.approx(-depth, rel=0.05)
    assert (table.z_min_nm < table.z_mean_nm).all()
    assert np.hypot(table.y_weighted - table.y, table.x_weighted - table.x).max() < 0.5
    inverted = find_regions(-data, mask, RegionOptions(min_height_nm=0.6 * depth)).table
    for name in ("height_nm", "volume_nm3", "background_nm", "z_mean_nm"):
        np.testing.assert_allclose(table[name], -inverted[name], atol=1e-6)
    np.testing.assert_allclose(table.z_min_nm, -inverted.z_max_nm, atol=1e-6)
    np.testing.assert_allclose(table.y_weighted, inverted.y_weighted)


def test_limits_of_both_polarities_apply_to_heights_and_depths():
    frame = np.zeros((1, 40, 60))
    frame[0, 10:20, 10:20], frame[0, 10:20, 30:40], frame[0, 25:35, 10:20] = 4.0, -4.0, 1.0
    mask = frame != 0
    options = RegionOptions(polarity="both", min_height_nm=2.0)
    table = find_regions(frame, mask, options).table
    assert table.height_nm.round(6).tolist() == [4.0, -4.0]
    assert table.polarity.tolist() == [1, -1]
    assert find_regions(frame, mask, RegionOptions(min_height_nm=2.0)).table.x.tolist() == [14.5]


def test_every_detector_finds_pits_and_marks_the_border():
    y, x = np.mgrid[:48, :48]
    frame = np.zeros((1, 48, 48))
    for row, col, height in ((0, 20, 4.0), (24, 12, 3.0), (30, 36, -5.0)):
        frame += height * np.exp(-((y - row) ** 2 + (x - col) ** 2) / 18)
    blobs = find_blobs(frame, BlobOptions(threshold=1, polarity="both", max_sigma=4))
    peaks = find_peaks(frame, PeakOptions(min_height_nm=1, polarity="both"))
    template = frame[0, 16:33, 4:21]
    copies = find_templates(frame, template, TemplateOptions(min_score=0.9, polarity="both"))
    for table in (blobs, peaks):
        assert len(table) == 3
        assert table.loc[table.y < 3, "touches_edge"].tolist() == [True]
        assert not table.loc[table.y > 3, "touches_edge"].any()
        pit = table[table.polarity == -1].iloc[0]
        assert (round(pit.y), round(pit.x)) == (30, 36)
        assert pit.z_max_nm == pytest.approx(-5, abs=0.1)
    assert sorted(zip(copies.polarity, copies.gain.round(1), strict=True)) == [(-1, -1.7), (1, 1.0)]
    assert not copies.touches_edge.any()


@pytest.mark.parametrize("place", [(20.0, 40.0), (33.0, 22.0), (32.3, 30.6)])
def test_the_flanks_of_a_smooth_particle_are_no_plateau(place):
    y, x = np.mgrid[:64, :64]
    movie = np.random.default_rng(1).normal(0, 0.05, (6, 64, 64))
    for cy, cx in (place, (50.0, 50.0)):
        movie += 3 * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / 18)
    table = FeatureDetectionModule().run(AFMImageStack(movie, 2.0, "height", "movie.npy"))["table"]
    assert (table["height_nm"] > 2.5).sum() == 12
    assert not table["height_nm"].between(0.5, 2.5).any()
