"""The size of a pixel is checked once for all layers."""

import numpy as np
import pytest

from playNano._options import pixel_pair
from playNano.errors import ParameterError


@pytest.mark.parametrize(
    ("given", "pair"),
    [
        (2, (2.0, 2.0)),
        ((2, 1.5), (2.0, 1.5)),
        (np.float32(2), (2.0, 2.0)),
        (np.array([2.0, 3.0]), (2.0, 3.0)),
        ([4], (4, 4)),
    ],
)
def test_one_number_or_two(given, pair):
    assert pixel_pair(given) == pair
    assert [type(value) for value in pixel_pair(given)] == [float, float]


@pytest.mark.parametrize("given", [0, -1, (1, 0), (-1, 1), np.nan, (1, np.inf), (1, 2, 3), ()])
def test_sizes_that_no_pixel_has(given):
    with pytest.raises(
        ParameterError, match=r"^a\.npy: pixel_size_nm must be a positive number or two"
    ) as caught:
        pixel_pair(given, "a.npy: ")
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("given", [None, "wide", (1, "wide"), np.ones((2, 2)), [[1], [1, 2]]])
def test_what_is_no_number(given):
    with pytest.raises(ParameterError, match="must be a number or") as caught:
        pixel_pair(given)
    assert caught.value.__cause__ is not None
