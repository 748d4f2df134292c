"""Counting pixels."""

import numpy as np
import pytest

from playNano.analysis.modules.count_nonzero import CountNonzeroModule
from playNano.errors import ParameterError


def counts(stack):
    return CountNonzeroModule().run(stack)["counts"]


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int32, np.float32, np.float64])
def test_against_numpy(make_stack, dtype):
    data = np.random.default_rng(0).integers(0, 3, (5, 7, 9)).astype(dtype)
    out = counts(make_stack(data))
    np.testing.assert_array_equal(out, [np.count_nonzero(frame) for frame in data])
    assert (out.shape, out.dtype) == ((5,), np.int64)


def test_nan_counts():
    from playNano.afm_stack import AFMImageStack

    data = np.array([[[0.0, np.nan, -0.0, np.inf]]])
    assert counts(AFMImageStack(data, 1, "c", "f")).tolist() == [2]


@pytest.mark.parametrize("n", [0, 1])
def test_few_frames(make_stack, n):
    out = counts(make_stack(np.ones((n, 2, 3))))
    assert out.tolist() == [6] * n
    assert out.dtype == np.int64


def test_it_takes_no_parameters(make_stack):
    with pytest.raises(
        ParameterError, match=r"count_nonzero: unknown parameter 'threshold' \(it takes: none\)"
    ):
        CountNonzeroModule().run(make_stack(), threshold=1)
