"""Compiled medians of lines."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from playNano._jit import jit
from playNano.algorithms._common._median_kernels import median

Array = npt.NDArray[Any]
F64 = npt.NDArray[np.float64]


@jit
def line_medians(lines: Array, usable: npt.NDArray[np.bool_]) -> F64:
    """Return the median of the usable values of each line (n, length); NaN where there is none.

    Values that are usable must be finite.
    """
    n, length = lines.shape
    medians = np.empty(n)
    values = np.empty(length, lines.dtype)
    for i in range(n):
        count = 0
        for x in range(length):
            if usable[i, x]:
                values[count] = lines[i, x]
                count += 1
        medians[i] = median(values, count)
    return medians


@jit
def subtract_medians(lines: Array, out: Array, finite: npt.NDArray[np.bool_]) -> None:
    """Write each line (n, length) less its median to `out`; `finite` becomes true where all values are.

    Lines with other values are not written.
    """
    length = lines.shape[1]
    values = np.empty(length, lines.dtype)
    for i in range(len(lines)):
        finite[i] = True
        for x in range(length):
            values[x] = lines[i, x]
            if not np.isfinite(values[x]):
                finite[i] = False
                break
        if finite[i]:
            offset = lines.dtype.type(median(values, length))
            for x in range(length):
                out[i, x] = lines[i, x] - offset
