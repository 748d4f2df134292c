"""Options of algorithms are checked against what their fields declare."""

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import pytest
from pydantic import Field

from playNano._options import check_options
from playNano.errors import ParameterError


@dataclass
class Options:
    width: Annotated[float, Field(gt=0)] = 1.0
    count: Annotated[int, Field(ge=1)] | None = None
    exact: bool = False
    method: Literal["a", "b"] = "a"


@dataclass
class Heights:
    height: float | None = None


@pytest.mark.parametrize(
    "right",
    [{}, {"width": 2}, {"width": np.float32(0.5)}, {"count": np.int64(3)}, {"exact": True}, {"method": "b"}],
)
def test_right_values_stay_as_they_are(right):
    options = Options(**right)
    check_options(options)
    assert vars(options) == {**vars(Options()), **right}


@pytest.mark.parametrize(
    "wrong",
    [
        {"width": 0},
        {"width": "2"},
        {"width": True},
        {"width": None},
        {"count": 0},
        {"count": 1.5},
        {"count": "1"},
        {"exact": 1},
        {"exact": "true"},
        {"method": "c"},
    ],
)
def test_wrong_values_are_named(wrong):
    (name,) = wrong
    with pytest.raises(ParameterError, match=f"^{name} = "):
        check_options(Options(**wrong))


@pytest.mark.parametrize("value", [np.bool_(True), float("nan"), np.float32("nan")])
def test_neither_truth_values_of_numpy_nor_nan_are_numbers(value):
    with pytest.raises(ParameterError, match=r"^height = "):
        check_options(Heights(height=value))


def test_truth_values_of_numpy_are_truth_values():
    check_options(Options(exact=np.bool_(True)))
