"""Medians of the values that count, against numpy.nanmedian."""

import numpy as np
import pytest

from playNano.algorithms._common.medians import median_of_usable


@pytest.mark.filterwarnings("ignore:All-NaN slice")
@pytest.mark.parametrize("shape", [(1, 1), (7, 6), (4, 5, 3), (2, 300)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_against_numpy(shape, dtype):
    rng = np.random.default_rng(0)
    values = rng.normal(size=shape).astype(dtype)
    for missing in (0.0, 0.3):
        usable = rng.random(shape) >= missing
        for axis in (0, -1):
            expected = np.nanmedian(np.where(usable, values.astype(np.float64), np.nan), axis=axis)
            np.testing.assert_array_equal(median_of_usable(values, usable, axis), expected)


def test_nothing_usable_gives_nan():
    values = np.array([[1.0, 2.0], [3.0, np.inf]])
    out = median_of_usable(values, np.array([[False, False], [True, True]]))
    np.testing.assert_array_equal(out, [np.nan, np.inf])
    assert np.isnan(median_of_usable(np.empty((3, 0)), np.empty((3, 0), bool))).all()
