"""Division of regions of touching objects."""

import numpy as np
import pytest
from scipy.ndimage import label
from skimage.segmentation import watershed

from playNano.algorithms.segmentation._divide import _grown, divide_touching
from playNano.algorithms.segmentation.levels import Levels

Y, X = np.mgrid[:70, :120]


def discs(*centres, radius=6.4, height=4.0):
    """Return a frame of spherical caps."""
    frame = np.zeros(Y.shape, np.float32)
    for k, (y, x) in enumerate(centres):
        r2 = ((Y - y) ** 2 + (X - x) ** 2) / radius**2
        frame = np.maximum(frame, (height + 0.3 * k) * np.sqrt(np.clip(1.3 - r2, 0, None))).astype(np.float32)
    return frame


LEVELS = Levels(
    polarity="up", background_nm=0.0, pixel_noise_nm=0.1, noise_nm=0.1, fwhm_px=(2.0, 2.0), threshold_nm=0.5,
    low_nm=0.3, min_area_px=6, background_share=0.9, highest_nm=5.0, lowest_nm=0.0, usual_area_px=140.0,
    has_singles=True,
)  # fmt: skip
CLUSTERS = ([(15, 15), (15, 28)], [(20, 60), (31, 67), (20, 73)], [(50, 20), (50, 33), (50, 46), (50, 59)])


def test_regions_are_divided_as_if_each_were_alone():
    frame = discs(*(c for cluster in CLUSTERS for c in cluster), (55, 100))
    regions, n = label(frame > 1.5, np.ones((3, 3)))
    regions = regions.astype(np.int32)
    assert n == 4
    together = divide_touching(frame, regions, LEVELS)
    assert together.max() == 10
    for number in range(1, n + 1):
        own = regions == number
        alone = divide_touching(frame, own.astype(np.int32), LEVELS)
        assert alone.max() == {1: 2, 2: 3, 3: 4, 4: 1}[number]
        pairs = np.unique(np.column_stack([alone[own], together[own]]), axis=0)
        # One part for one part.
        assert len(pairs) == alone.max() == len(np.unique(together[own]))


def test_every_disc_is_a_part():
    frame = discs(*CLUSTERS[2])
    parts = divide_touching(frame, (frame > 1.5).astype(np.int32), LEVELS)
    assert sorted({int(parts[c]) for c in CLUSTERS[2]}) == [1, 2, 3, 4]
    areas = np.bincount(parts.ravel())[1:]
    assert areas.max() < 1.2 * areas.min()


@pytest.mark.parametrize("seed", range(5))
def test_growing_is_a_watershed_on_a_plain_surface(seed):
    rng = np.random.default_rng(seed)
    inside = rng.random((30, 40)) < 0.8
    markers = np.zeros(inside.shape, np.int32)
    at = rng.permutation(np.flatnonzero(inside))[:6]
    markers.ravel()[at] = np.arange(1, 7)
    grown = _grown(markers, inside)
    expected = watershed(np.zeros(inside.shape), markers, mask=inside, connectivity=2)
    np.testing.assert_array_equal(grown > 0, expected > 0)
    # Where several markers are equally near, the program takes any, and this one the smallest number.
    differ = grown != expected
    assert (grown[differ] < expected[differ]).all()
    assert differ.mean() < 0.2
