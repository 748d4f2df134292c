"""Statistics of values that are not all known."""

import numpy as np

from playNano.algorithms.quality._statistics import finite_median, finite_row_medians


def test_row_medians_are_those_of_the_finite_values_to_the_bit():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(300, 10))
    values[rng.random(values.shape) < 0.4] = np.nan
    values[rng.random(values.shape) < 0.05] = np.inf
    values[rng.random(values.shape) < 0.05] = -np.inf
    values[:3] = np.nan
    expected = np.array([finite_median(row) for row in values])
    assert np.isnan(expected[:3]).all()
    assert np.isfinite(expected).sum() > 280
    np.testing.assert_array_equal(finite_row_medians(values), expected)
