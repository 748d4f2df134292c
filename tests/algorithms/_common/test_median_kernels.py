"""The compiled median against numpy's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playNano.algorithms._common._median_kernels import median


def compiled(values: np.ndarray) -> float:
    return float(median(values.copy(), values.size))


def expected(values: np.ndarray) -> float:
    # The mean of the central two in double precision.
    return float(np.median(values.astype(np.float64)))


@settings(deadline=None, max_examples=200)
@given(
    st.integers(1, 300),
    st.sampled_from(["normal", "levels", "two", "skewed", "outlier", "high"]),
    st.sampled_from([np.float32, np.float64]),
    st.integers(0, 2**32 - 1),
)
def test_median_is_numpy_s(n: int, kind: str, dtype: type, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(0, 0.3, n)
    if kind == "levels":
        values = np.round(values * 5)
    elif kind == "two":
        values = np.where(values > 0, 1.0, -3.0)
    elif kind == "skewed":
        values = np.exp(9 * values)
    elif kind == "outlier":
        values[0] = 1e30
    elif kind == "high":
        values += 450
    values = values.astype(dtype)
    assert compiled(values) == expected(values)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_median_of_extreme_values(dtype: type) -> None:
    top = np.finfo(dtype).max
    for values in ([top, -top, 0, top, 1], [top] * 20 + [-top] * 21, [5] * 40, [-0.0, 0.0]):
        assert compiled(np.array(values, dtype=dtype)) == pytest.approx(
            float(np.sort(values)[len(values) // 2])
        )
