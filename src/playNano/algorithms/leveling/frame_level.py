"""Level one frame on its background, which may be a small part of every row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from playNano.algorithms.leveling._rows_kernels import (
    N_JUMPS,
    RowJumps,
    fit_along_x,
    jumps_between_rows,
    polynomial,
)
from playNano.algorithms.leveling._track_kernels import (
    Path,
    background_statistics,
    fit_background,
    track_background,
)

Frame = npt.NDArray[Any]
FloatArray = npt.NDArray[np.float64]

TUKEY_CUTS = np.array([12.0, 8, 6, 5, 5, 5])
"""Half widths of the weights of successive fits along x, in noise sd of a difference of two pixels."""
MIN_SHARE, MAX_ROWS_WITHOUT = 0.04, 0.7
"""A frame with a smaller share of background, or more rows without, is levelled by row differences alone."""


COLUMNS = 256
"""Columns of a frame from which the background is tracked; of a wider frame, every second, third ... column."""


@dataclass(frozen=True)
class MovieLevel:
    """What the levelling of all frames of a movie shares.

    Parameters
    ----------
    sign
        1 where objects rise above the background, -1 where they are pits, 0 for both.
    noise
        Standard deviation of the noise on the background, in the unit of the pixels, > 0.
    row_sd
        Robust standard deviation of the jumps between rows, same unit, > 0.
    x_shape
        Coefficients of x, x^2, ... of the background along the rows, with x from -1 to 1 over the width.
    edges
        Rows (h,) bool at which an object that fills whole rows begins or ends in all frames.
    """

    sign: int
    noise: float
    row_sd: float
    x_shape: FloatArray
    edges: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class FrameLevel:
    """How one frame was levelled.

    Parameters
    ----------
    background_share
        Share of the pixels that lie within three noise sd of zero, 0 to 1; NaN for a frame without finite pixels.
    rows_without
        Number of rows without background; they are tied to their neighbours by the differences of their pixels only.
    jumps
        Number of rows at which the background jumps with a minority of the pixels.
    noise
        Standard deviation of the noise of this frame, from the pixels on the far side of zero from the objects.
    no_background
        Whether no background was recognized: rows are aligned by differences, and zero is the median of the frame.
    """

    background_share: float
    rows_without: int
    jumps: int
    noise: float
    no_background: bool


def columns(width: int) -> FloatArray:
    """Return the coordinate of the columns, from -1 to 1.

    Parameters
    ----------
    width
        Number of columns.
    """
    return np.linspace(-1.0, 1.0, width) if width > 1 else np.zeros(1)


def without_shape(frame: Frame, model: MovieLevel) -> FloatArray:
    """Return a frame as float64, turned so that objects rise, less the movie's shape along x.

    Parameters
    ----------
    frame
        Heights, (h, w).
    model
        Sign and shape.

    Returns
    -------
    ndarray
        (h, w) float64; NaN where the frame is not finite.
    """
    flat = np.array(frame, dtype=np.float64, order="C")
    finite = np.isfinite(flat)
    if not finite.all():
        flat[~finite] = np.nan
    if model.sign < 0:
        flat *= -1
    flat -= polynomial(columns(frame.shape[1]), model.x_shape)
    return flat


def row_jumps(flat: FloatArray, noise: float, row_sd: float) -> RowJumps:
    """Compare each row of a frame with the row above.

    Parameters
    ----------
    flat
        Heights, (h, w); NaN is ignored.
    noise, row_sd
        As in `MovieLevel`.

    Returns
    -------
    RowJumps
        Values by which rows may differ.
    """
    height = len(flat)
    rows = RowJumps(np.empty(height, np.int64), *np.empty((3, height, N_JUMPS)))
    jumps_between_rows(flat, noise, row_sd, rows)
    return rows


def level_frame(frame: Frame, model: MovieLevel) -> tuple[FloatArray, FrameLevel]:
    """Level one frame.

    Parameters
    ----------
    frame
        Heights, (h, w), any real type.
    model
        What all frames share.

    Returns
    -------
    levelled : ndarray
        (h, w) float64, background at zero; pixels that are not finite are returned unchanged.
    how : FrameLevel
        Quality of the levelling.
    """
    flat = without_shape(frame, model)
    per_row = np.count_nonzero(~np.isnan(flat), axis=1)
    n_pixels = int(per_row.sum())
    if n_pixels == 0:
        return np.array(frame, dtype=np.float64), FrameLevel(np.nan, 0, 0, np.nan, False)
    height, width = flat.shape
    u, own = columns(width), np.zeros(len(model.x_shape))
    if len(own):
        fit_along_x(flat, u, max(1, width // 10), TUKEY_CUTS * np.sqrt(2) * model.noise, own)
        flat -= polynomial(u, own)
    # Some 256 pixels of a row are plenty to find the background; all of them take part in the last fit.
    thin = np.ascontiguousarray(flat[:, :: max(1, width // COLUMNS)])
    rows = row_jumps(thin, model.noise, model.row_sd)
    levelled, jumps = _on_background(flat, thin, rows, model)
    counts = np.zeros(height, np.int64)
    noise = background_statistics(levelled, model.noise, counts)
    without = int(np.count_nonzero((counts < np.maximum(2, 0.02 * per_row)) & (per_row > 0)))
    share = float(counts.sum() / n_pixels)
    none = share < MIN_SHARE or without > MAX_ROWS_WITHOUT * np.count_nonzero(per_row)
    if none:
        levelled = flat - np.cumsum(rows.jumps[:, 0])[:, None]
        levelled -= np.nanmedian(levelled)
    if model.sign < 0:
        levelled *= -1
    if n_pixels < flat.size:
        unknown = ~np.isfinite(frame)
        levelled[unknown] = frame[unknown]
    return levelled, FrameLevel(share, without, int(jumps), float(noise), bool(none))


def _on_background(
    flat: FloatArray, thin: FloatArray, rows: RowJumps, model: MovieLevel
) -> tuple[FloatArray, int]:
    """Return a frame less its background, and the number of rows where that jumps."""
    height, width = flat.shape
    u, coefficients, both = columns(width), np.zeros(len(model.x_shape)), model.sign == 0
    path = Path(np.empty(height), np.empty(height))
    jumps, precision = track_background(thin, model.noise, both, model.edges, rows, path)

    def fit(pixels: FloatArray, noise: float, upper: float, rounds: int) -> int:
        x = u[:: -(-width // pixels.shape[1])]
        return int(fit_background(pixels, x, path, rows.above, coefficients, noise, upper, rounds))

    if precision > model.noise:
        fit(thin, precision, 2.5, 1)
    upper = 3.0 if both else 2.5
    n = fit(thin, model.noise, upper, 3)
    if n < 0.6 * thin.size and not both:
        # Near crowded objects, pixels a little above the background belong to their edges.
        upper = 0.7
        fit(thin, model.noise, upper, 3)
    if thin.size < flat.size:
        fit(flat, model.noise, upper, 1)
    levelled = flat - path.level[:, None]
    levelled -= polynomial(u, coefficients)
    return levelled, jumps
