"""The compiled loop that fits steps to a trace."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from playNano._jit import jit


@jit
def change_points(position: npt.NDArray[np.float64], penalty: float) -> npt.NDArray[np.int64]:
    """Return where the piecewise constant function with the least penalised squares changes.

    Optimal partition with pruning: the cost of the first t values is the minimum over the start s of the last segment
    of cost(s) + squares(s, t) + penalty; a start whose cost without the penalty exceeds it is never best again.
    """
    n = len(position)
    total = np.zeros(n + 1)
    squares = np.zeros(n + 1)
    origin = position[0]
    for i in range(n):
        value = position[i] - origin
        total[i + 1] = total[i] + value
        squares[i + 1] = squares[i] + value * value
    cost = np.empty(n + 1)
    start_of = np.zeros(n + 1, np.int64)
    cost[0] = -penalty
    kept = np.zeros(n + 1, np.int64)
    of_kept = np.empty(n + 1)
    n_kept = 1
    for t in range(1, n + 1):
        best, where = np.inf, 0
        for k in range(n_kept):
            s = kept[k]
            part = total[t] - total[s]
            own = cost[s] + squares[t] - squares[s] - part * part / (t - s)
            of_kept[k] = own
            if own + penalty < best:
                best, where = own + penalty, s
        cost[t] = best
        start_of[t] = where
        remaining = 0
        for k in range(n_kept):
            if of_kept[k] <= best:
                kept[remaining] = kept[k]
                remaining += 1
        kept[remaining] = t
        n_kept = remaining + 1
    found = np.empty(n, np.int64)
    count = 0
    t = start_of[n]
    while t > 0:
        found[count] = t
        count += 1
        t = start_of[t]
    return found[:count][::-1].copy()
