"""Compiled loops over the steps and the pairs of detections of tracks."""

from __future__ import annotations

from math import log, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playNano._jit import jit

Floats = NDArray[np.float64]


@jit
def quadratic_forms(
    step: Floats, step_time: Floats, begins: Any, first: Any, diffusion: Floats, noise: Floats
) -> tuple[Floats, Floats]:
    """Return y C^-1 y for each axis, and ln |C|, of the steps y of each track, for pairs of D and noise.

    C is tridiagonal: 2 D t + 2 s on the diagonal, -s next to it; a step that begins a piece is independent of the one
    before. `step` is (n, 2), `first` (n_tracks + 1,), `diffusion` and `noise` (n_tracks, n_values). Where C is not
    positive definite the forms are infinite.
    """
    n_tracks, n_values = diffusion.shape
    form = np.zeros((n_tracks, n_values, 2))
    log_det = np.zeros((n_tracks, n_values))
    for track in range(n_tracks):
        for k in range(n_values):
            two_d, s = 2 * diffusion[track, k], noise[track, k]
            d, z_y, z_x, sum_y, sum_x, logs = 1.0, 0.0, 0.0, 0.0, 0.0, 0.0
            for i in range(first[track], first[track + 1]):
                variance = two_d * step_time[i] + 2 * s
                ratio = 0.0 if begins[i] or s == 0 else s / d
                d = variance - s * ratio
                if d <= 0:
                    sum_y, sum_x, logs = np.inf, np.inf, 0.0
                    break
                z_y = step[i, 0] + ratio * z_y
                z_x = step[i, 1] + ratio * z_x
                sum_y += z_y * z_y / d
                sum_x += z_x * z_x / d
                logs += log(d)
            form[track, k, 0], form[track, k, 1], log_det[track, k] = sum_y, sum_x, logs
    return form, log_det


@jit
def whitened(values: Floats, step_time: Floats, begins: Any, diffusion: Floats, noise: Floats) -> Floats:
    """Return columns (n, m) multiplied by the inverse Cholesky factor of C; D and noise by step, (n,)."""
    out = np.empty_like(values)
    n, m = values.shape
    d = 1.0
    z = np.zeros(m)
    for i in range(n):
        s = noise[i]
        ratio = 0.0 if begins[i] or s == 0 else s / d
        d = 2 * diffusion[i] * step_time[i] + 2 * s - s * ratio
        for k in range(m):
            z[k] = values[i, k] + ratio * z[k]
            out[i, k] = z[k] / sqrt(d) if d > 0 else np.nan
    return out


@jit
def pair_sums(
    frame: Any,
    time: Floats,
    position: Floats,
    edge_distance: Floats,
    band: Floats,
    first: Any,
    first_row: Any,
    n_lags: Any,
) -> tuple[Floats, Floats, Any, Any]:
    """Return the sums over pairs of detections by row: squared distance, time, number, number left out.

    The detections of a piece are first[piece] to first[piece + 1]; its pairs of lag k count in the row
    first_row[piece] + k - 1. `band` is (max_lag + 1,): pairs that start nearer to the border are left out.
    """
    n_rows = (first_row + n_lags).max() if len(first_row) else 0
    square, duration = np.zeros(n_rows), np.zeros(n_rows)
    number, left_out = np.zeros(n_rows, np.int64), np.zeros(n_rows, np.int64)
    for piece in range(len(first) - 1):
        for i in range(first[piece], first[piece + 1]):
            for j in range(i + 1, first[piece + 1]):
                lag = frame[j] - frame[i]
                if lag > n_lags[piece]:
                    break
                row = first_row[piece] + lag - 1
                if edge_distance[i] < band[lag]:
                    left_out[row] += 1
                    continue
                y, x = position[j, 0] - position[i, 0], position[j, 1] - position[i, 1]
                square[row] += y * y + x * x
                duration[row] += time[j] - time[i]
                number[row] += 1
    return square, duration, number, left_out
