"""Periodic stripes of known period and amplitude beside objects."""

import numpy as np
import pytest

from playNano.algorithms.repair.stripes import stripe_frequencies, stripes_of


def movie(amplitude, period, seed=0):
    """Return frames with stripes of random phase in every row, and the stripes."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:96, :128].astype(float)
    z = rng.normal(0, 0.15, (4, 96, 128))
    for frame in z:
        for cy, cx in rng.uniform(15, 80, (8, 2)):
            frame += 4 * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / 32)
    stripes = amplitude * np.sin(2 * np.pi * x / period + rng.uniform(0, 2 * np.pi, (4, 96, 1)))
    return z + stripes, stripes


@pytest.mark.parametrize(("amplitude", "period"), [(0.3, 9.3), (1.0, 13.7), (3.0, 5.1)])
def test_stripes_are_removed_and_objects_stay(amplitude, period):
    frames, truth = movie(amplitude, period)
    frequencies = stripe_frequencies(frames, 10, 3)
    assert 1 / frequencies[0] == pytest.approx(period, rel=0.02)
    for frame, stripes in zip(frames, truth, strict=True):
        found, rms = stripes_of(frame, frequencies[:1])
        assert np.std(found - stripes) < 0.25 * np.std(stripes)
        assert rms == pytest.approx(np.std(stripes), rel=0.1)


def test_no_stripes_no_frequency():
    assert stripe_frequencies(movie(0.0, 9.0)[0], 10, 3) == []
    assert stripe_frequencies(np.zeros((2, 30, 40)), 10, 3) == []
    assert stripe_frequencies(np.full((2, 30, 40), np.nan), 10, 3) == []
    assert stripe_frequencies(np.zeros((2, 30, 8)), 10, 3) == []


def test_missing_pixels():
    frames, truth = movie(1.0, 9.0)
    frames[0, 5] = np.nan
    frames[0, 9, 10:30] = np.nan
    found, _ = stripes_of(frames[0], [1 / 9])
    assert not found[5].any()
    assert np.std(found[9] - truth[0, 9]) < 0.1
