"""Measurements of every frame for quality control: levels, steps, extremes and noise of its scan lines."""

from __future__ import annotations

import functools
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

from playNano.algorithms._common.inputs import as_block
from playNano.algorithms.quality._streaks import streak_depths
from playNano.errors import ParameterError

Figures = npt.NDArray[Any]
FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

# Columns from which the median of a line is taken: more change it by less than the noise of one pixel.
MEDIAN_COLUMNS = 32
# Distinct heights are counted up to this number: a frame with more shows a surface.
MAX_DISTINCT = 16
# Number of pixels in which distinct heights are counted first.
FIRST_PIXELS = 4096
HEIGHTS = ("level", "step", "minimum", "maximum", "change", "bend", "deviation", "streak")
VARIANCES = ("variance", "variance_x", "variance_y", "raw_variance", "raw_variance_x", "raw_variance_y")
SHARES = ("minimum_share", "maximum_share", "flat_share", "missing_share")


def figure_type(h: int) -> np.dtype[Any]:
    """Return the dtype of the figures of frames of ``h`` lines.

    Parameters
    ----------
    h
        Number of lines of a frame.

    Returns
    -------
    dtype
        Structured; its fields are described in `frame_figures`.

    Examples
    --------
    >>> figure_type(4)["level"].shape
    (4,)
    """
    lines = [(name, "f8", (h,)) for name in HEIGHTS] + [(name, "f4", (h,)) for name in SHARES]
    frame = [(name, "f8") for name in ("noise", "peak_to_valley", *VARIANCES)]
    return np.dtype([("width", "i8"), ("n_distinct", "i8"), ("checksum", "u8"), *frame, *lines])


def frame_figures(block: npt.ArrayLike) -> Figures:
    """Measure levels, steps, extremes and noise of the scan lines of every frame, independently of other frames.

    Concatenate the figures of the blocks of a movie along the first axis and pass them to `judge_frames`; the result
    does not depend on the blocks.

    Parameters
    ----------
    block
        Raw heights (n, h, w), any unit; NaN and infinite pixels are left out.

    Returns
    -------
    ndarray
        (n,), structured: ``width`` in px, ``n_distinct`` (distinct heights, counted up to 16), ``checksum`` of the
        pixels (equal for frames that are repeats to the bit),
        ``noise`` (median over the lines of the mean deviation of their differences from the line before),
        ``peak_to_valley`` (range of the heights less level and profile, zero included), ``variance`` of these
        heights and half the mean square of the differences between neighbours along x and y, ``variance_x`` and
        ``variance_y`` (semivariances: for pixels in random order all three are equal), the same of the heights as they
        are, ``raw_variance, raw_variance_x, raw_variance_y``; and per line, (h,):
        ``level`` (median of up to 32 pixels), ``step`` from the line before (clipped mean), ``minimum``,
        ``maximum``, ``minimum_share`` and ``maximum_share`` (fraction of the pixels at these two),
        ``flat_share`` (fraction of equal neighbours), ``change`` (mean absolute difference of neighbours),
        ``bend`` (mean absolute second difference along the line: noise without tilt and bow),
        ``deviation`` (mean absolute deviation from the level and the profile that all lines have in common),
        ``streak`` (mean depth of the deepest streak in the line, 0 for none), ``missing_share`` (fraction of
        the pixels that are not finite).

    Raises
    ------
    ParameterError
        If the block does not have the axes (frame, y, x) or its frames have no pixel.

    See Also
    --------
    playNano.algorithms.quality.quality.judge_frames : flag frames by these figures.

    Examples
    --------
    >>> figures = frame_figures(np.arange(24.0).reshape(1, 4, 6))
    >>> figures["step"][0].tolist()
    [0.0, 6.0, 6.0, 6.0]
    """
    z = as_block(block)
    n, h, w = z.shape
    if h == 0 or w == 0:
        raise ParameterError(f"block has frames without pixels: its shape is {z.shape}")
    figures = np.zeros(n, dtype=figure_type(h))
    figures["width"] = w
    for frame, row in zip(z, figures, strict=True):
        row["checksum"] = _checksum(frame)
        _measure_frame(_filled(frame, row), row)
    return figures


def _checksum(frame: npt.NDArray[Any]) -> int:
    """Return a 64-bit checksum of the pixels of a frame."""
    pixels = np.ascontiguousarray(frame).data
    return zlib.crc32(pixels) << 32 | zlib.adler32(pixels)


def _filled(frame: npt.NDArray[Any], figures: Any) -> npt.NDArray[Any]:
    """Replace missing pixels by the median of their line; write the fraction of missing pixels of each line."""
    gap = ~np.isfinite(frame)
    if not gap.any():
        return frame
    frame = frame.copy()
    figures["missing_share"] = gap.mean(axis=1)
    for r in np.flatnonzero(gap.any(axis=1)):
        kept = frame[r][~gap[r]]
        frame[r, gap[r]] = np.median(kept) if kept.size else 0
    return frame


def _measure_frame(frame: npt.NDArray[Any], figures: Any) -> None:
    """Write the figures of one finite frame (h, w)."""
    h, w = frame.shape
    heights = frame.astype(np.float64)
    level = np.median(frame[:, _spread_out(w)], axis=1).astype(np.float64)
    step, noise = _line_steps(frame, heights)
    # The profile keeps the float type of the frame.
    sample = _spread_out(h)
    profile = np.median((heights[sample] - level[sample, None]).astype(frame.dtype), axis=0)
    rest = heights - level[:, None]
    rest -= profile
    peak_to_valley = max(float(rest.max()), 0.0) - min(float(rest.min()), 0.0)
    minimum, maximum = frame.min(axis=1), frame.max(axis=1)
    pairs = max(w - 1, 1)
    change = np.diff(heights, axis=1)
    figures["level"], figures["step"] = level, step
    figures["minimum"], figures["maximum"] = minimum, maximum
    figures["minimum_share"] = np.count_nonzero(frame == minimum[:, None], axis=1) / w
    figures["maximum_share"] = np.count_nonzero(frame == maximum[:, None], axis=1) / w
    figures["flat_share"] = np.count_nonzero(change == 0, axis=1) / pairs
    figures["bend"] = np.abs(np.diff(change, axis=1)).sum(axis=1) / max(w - 2, 1)
    figures["change"] = np.abs(change, out=change).sum(axis=1) / pairs
    _write_variances(rest, figures, "")
    _write_variances(heights - heights.mean(), figures, "raw_")
    figures["deviation"] = np.abs(rest, out=rest).mean(axis=1)
    figures["noise"], figures["peak_to_valley"] = noise, peak_to_valley
    figures["n_distinct"] = _count_distinct(frame)
    limit = max(5.0 * noise, 0.02 * peak_to_valley)
    if limit > 0:
        figures["streak"] = streak_depths(frame, step, limit, max(6, w // 16))


def _write_variances(heights: FloatArray, figures: Any, prefix: str) -> None:
    """Write the variance of heights around zero, and the semivariances of neighbours along x and y."""
    figures[f"{prefix}variance"] = np.mean(heights * heights)
    for axis, name in ((1, "variance_x"), (0, "variance_y")):
        difference = np.diff(heights, axis=axis)
        figures[prefix + name] = np.mean(difference * difference) / 2 if difference.size else 0.0


def _line_steps(frame: npt.NDArray[Any], heights: FloatArray) -> tuple[FloatArray, float]:
    """Return the step of each line from the line before, (h,), and the noise of these differences.

    The step is the mean difference of the two lines, clipped at twice the noise about the median.
    """
    steps = np.zeros(len(frame))
    if len(frame) < 2:
        return steps, 0.0
    sample = np.diff(frame[:, _spread_out(frame.shape[1])], axis=0)
    centre = np.median(sample, axis=1).astype(np.float64)[:, None]
    spread = np.abs(sample - centre).mean(axis=1)
    # Two lines that differ by a constant carry no information on the noise.
    spread = spread[spread > 0]
    noise = float(np.median(spread)) if spread.size else 0.0
    deviation = np.diff(heights, axis=0)
    deviation -= centre
    np.clip(deviation, -2 * noise, 2 * noise, out=deviation)
    steps[1:] = centre[:, 0] + deviation.mean(axis=1)
    return steps, noise


def _count_distinct(frame: npt.NDArray[Any]) -> int:
    """Return the number of distinct heights, at most `MAX_DISTINCT`."""
    pixels = frame.reshape(-1)
    count = np.unique(pixels[:FIRST_PIXELS]).size
    if count < MAX_DISTINCT and pixels.size > FIRST_PIXELS:
        count = np.unique(pixels).size
    return min(count, MAX_DISTINCT)


@functools.cache
def _spread_out(n: int) -> IntArray:
    """Return up to `MEDIAN_COLUMNS` indices spread evenly over ``n``."""
    return np.unique(np.linspace(0, n - 1, min(MEDIAN_COLUMNS, n)).round().astype(np.int64))
