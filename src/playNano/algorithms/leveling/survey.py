"""Estimate from a sample of frames what the levelling of all frames of a movie shares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from playNano.algorithms.leveling._rows_kernels import fit_along_x
from playNano.algorithms.leveling.frame_level import (
    COLUMNS,
    TUKEY_CUTS,
    FrameLevel,
    MovieLevel,
    columns,
    level_frame,
    row_jumps,
    without_shape,
)

Frame = npt.NDArray[Any]
FloatArray = npt.NDArray[np.float64]
Objects = Literal["auto", "up", "down", "both"]
_Levelled = tuple[MovieLevel, list[tuple[FloatArray, FrameLevel]]]

N_SAMPLED = 32
"""Frames of a movie that are sampled at most."""
_N_LEVELLED, _PX_LEVELLED = 6, 400_000
"""Sampled frames, and of large frames pixels, that are levelled to refine the noise and to decide on polarity."""
_MIN_OBJECT_PX = 12


def sampled_frames(n_frames: int) -> list[int]:
    """Return the numbers of the frames, evenly spaced, from which a movie is surveyed.

    Parameters
    ----------
    n_frames
        Number of frames of the movie.

    Examples
    --------
    >>> sampled_frames(3), len(sampled_frames(1000))
    ([0, 1, 2], 32)
    """
    n = min(n_frames, N_SAMPLED)
    return [(2 * i + 1) * n_frames // (2 * n) for i in range(n)]


def survey(frames: Sequence[Frame], objects: Objects = "auto", order: int = 2) -> MovieLevel:
    """Estimate what the levelling of all frames shares: polarity, noise, jumps between rows, shape along x.

    Parameters
    ----------
    frames
        Sample of the movie, each (h, w); see `sampled_frames`.
    objects, order
        As in `level_movie`.

    Returns
    -------
    MovieLevel
        Of constant frames: a noise that is negligible beside their level.
    """
    height, width = frames[0].shape if len(frames) else (1, 1)
    order = max(0, min(order, width - 2))
    flat = MovieLevel(1, 1.0, 1.0, np.zeros(order), np.zeros(height, np.bool_))
    usable = [frame for frame in frames if _has_contents(frame)]
    if not usable:
        level = max(
            [float(np.abs(frame[np.isfinite(frame)]).max(initial=0)) for frame in frames], default=0.0
        )
        noise = 1e-6 * level or 1e-12
        return replace(
            flat, sign={"up": 1, "down": -1, "both": 0, "auto": 1}[objects], noise=noise, row_sd=noise
        )
    lower, upper = _noise_range(usable)
    noise = float(np.sqrt(lower * upper))
    up = _with_rows(usable, replace(flat, noise=noise, row_sd=noise))
    if objects != "down" and objects != "auto":
        return _refined(usable, replace(up, sign=1 if objects == "up" else 0), lower, upper)[0]
    pits = _refined(usable, replace(up, sign=-1, x_shape=-up.x_shape), lower, upper)
    if objects == "down":
        return pits[0]
    return _likelier(_refined(usable, up, lower, upper), pits)


def _has_contents(frame: Frame) -> bool:
    finite = frame[np.isfinite(frame)]
    return bool(finite.size and finite.min() < finite.max())


def _with_rows(frames: Sequence[Frame], model: MovieLevel) -> MovieLevel:
    """Return the survey with the shape along x, and the size and recurrence of the jumps between rows."""
    if len(model.x_shape):
        model = replace(model, x_shape=_movie_shape([without_shape(frame, model) for frame in frames], model))
    thin = (slice(None), slice(None, None, max(1, frames[0].shape[1] // COLUMNS)))
    some = frames[:: 1 + (len(frames) > N_SAMPLED // 2)]
    flats = [np.ascontiguousarray(without_shape(frame, model)[thin]) for frame in some]
    # Without a prior for the size of a jump, the fullest mode of the differences.
    fullest = [row_jumps(flat, model.noise, 1e6 * model.noise).jumps[1:, 0] for flat in flats]
    spreads = [_spread(jump) for jump in fullest if jump.size]
    model = replace(model, row_sd=max(float(np.median(spreads)) if spreads else 0.0, 0.3 * model.noise))
    return replace(model, edges=_recurrent_edges(flats, model))


def _refined(frames: Sequence[Frame], model: MovieLevel, lower: float, upper: float) -> _Levelled:
    """Return the survey with the noise on the background, between two limits, and the levelled frames it is from."""
    levelled: list[tuple[FloatArray, FrameLevel]] = []
    n = max(3, min(_N_LEVELLED, _PX_LEVELLED // frames[0].size))
    for _ in range(2):
        levelled = [level_frame(frame, model) for frame in frames[:: -(-len(frames) // n)]]
        measured = float(np.median([how.noise for _, how in levelled]))
        model = replace(model, noise=float(np.clip(measured, lower, upper)))
    return model, levelled


def _noise_range(frames: Sequence[Frame]) -> tuple[float, float]:
    """Return a lower and an upper estimate of the noise of frames; never 0.

    The lower one, from differences along the rows, is too small where noise is correlated along them; the upper one,
    from differences between rows, is too large where objects have many edges.
    """
    low, high, quanta = [], [], []
    for frame in frames:
        z = frame[: max(2, 16384 // frame.shape[1])].astype(np.float64)
        z[~np.isfinite(z)] = np.nan
        sizes = np.abs(np.concatenate([np.diff(z, axis=1).ravel(), np.diff(z, axis=0).ravel()]))
        if not np.any(sizes > 0):
            continue
        quantum = _quantum(np.abs(np.diff(z, 2, axis=1)), float(np.nanmax(z) - np.nanmin(z)))
        quanta.append(quantum / 2)
        # Medians of quantised values would be quantised too.
        z += np.random.default_rng(0).uniform(-quantum / 2, quantum / 2, z.shape)
        along, between = np.diff(z, axis=1), np.diff(z, axis=0)
        low.append(min(_spread(along) / np.sqrt(2), _spread(np.diff(along, axis=1)) / np.sqrt(6)))
        between = between[np.isfinite(between).any(axis=1)]
        if between.size:
            high.append(_spread(between - np.nanmedian(between, axis=1, keepdims=True)) / np.sqrt(2))
    if not low:
        return 1.0, 1.0
    lower = max(float(np.median(low)), float(np.median(quanta)))
    return lower, max(lower, float(np.median(high)) if high else 0.0)


def _quantum(steps: FloatArray, spread: float) -> float:
    """Return the smallest step between the values of quantised pixels; next to nothing where there is none.

    The edges of objects in a movie without noise are rare or large.
    """
    steps = steps[np.isfinite(steps)]
    large = steps[steps > 1e-4 * spread]
    if len(large) > 0.1 * len(steps) and large.min() < 0.1 * spread:
        return float(large.min())
    return 1e-4 * spread


def _spread(values: FloatArray) -> float:
    """Return the robust standard deviation of values; NaN is ignored, 0 of none."""
    values = values[np.isfinite(values)]
    return 1.4826 * float(np.median(np.abs(values - np.median(values)))) if values.size else 0.0


def _movie_shape(flats: Sequence[FloatArray], model: MovieLevel) -> FloatArray:
    """Return the median over frames of the polynomial along x, from differences of distant pixels of a row."""
    width = flats[0].shape[1]
    u, lag, order = columns(width), max(1, width // 10), len(model.x_shape)
    powers = np.array([u[lag:] ** (k + 1) - u[:-lag] ** (k + 1) for k in range(order)]).T
    shapes = []
    for flat in flats:
        rows = flat[:: max(1, len(flat) // 64)]
        difference = rows[:, lag:] - rows[:, :-lag]
        known = np.isfinite(difference).any(axis=0)
        if np.count_nonzero(known) <= order:
            continue
        start = np.linalg.lstsq(powers[known], np.nanmedian(difference[:, known], axis=0), rcond=None)[0]
        fit_along_x(flat, u, lag, TUKEY_CUTS * np.sqrt(2) * model.noise, start)
        shapes.append(start)
    return np.asarray(np.median(shapes, axis=0)) if shapes else np.zeros(order)


def _recurrent_edges(flats: Sequence[FloatArray], model: MovieLevel) -> npt.NDArray[np.bool_]:
    """Return the rows that jump by the same amount in all frames, with nearly all of their pixels."""
    if len(flats) < 5:
        return model.edges
    rows = [row_jumps(flat, model.noise, model.row_sd) for flat in flats]
    jump = np.array([row.jumps[:, 0] for row in rows])
    jump -= np.median(jump, axis=1, keepdims=True)
    usual = np.median(jump, axis=0)
    error = 1.25 * 1.4826 * np.median(np.abs(jump - usual), axis=0) / np.sqrt(len(rows))
    moved = np.median([row.shares[:, 0] for row in rows], axis=0) > 0.8
    return np.asarray((np.abs(usual) > np.maximum(2.5 * model.row_sd, 6 * error)) & moved)


def _likelier(up: _Levelled, down: _Levelled) -> MovieLevel:
    """Return the survey for objects that rise, or for pits where there is evidence for these.

    Pits: levelled as such, the background is much the larger part, and the low regions are more compact than the high
    ones and do not prefer the border.
    """
    share = [np.median([how.background_share for _, how in frames]) for _, frames in (up, down)]
    if share[1] < max(0.5, 1.5 * share[0]):
        return up[0]
    # Of all frames together: a few pits that the border of one frame cuts say nothing.
    compact, at_border, everywhere = np.mean(
        [_low_regions(frame, down[0].noise) for frame, _ in down[1]], axis=0
    )
    return down[0] if compact > 0.5 and at_border <= 1.5 * everywhere else up[0]


def _low_regions(levelled: FloatArray, noise: float) -> tuple[float, float, float]:
    """Return whether the low regions are more compact than the high ones, and their share at the border and in all."""
    smooth = ndimage.median_filter(np.nan_to_num(levelled), 3)
    low = smooth < min(-2.5 * noise, float(np.quantile(smooth, 0.02)) / 2)
    border = np.concatenate([low[0], low[-1], low[:, 0], low[:, -1]])
    return float(_solidity(low) > _solidity(~low)), float(border.mean()), float(low.mean())


def _solidity(phase: npt.NDArray[np.bool_]) -> float:
    """Return the area of regions over that of their convex hulls; 0 of none."""
    from skimage.measure import label, regionprops

    regions = [region for region in regionprops(label(phase)) if region.area >= _MIN_OBJECT_PX]
    area = sum(region.area for region in regions)
    return float(sum(region.area * region.solidity for region in regions) / area) if area else 0.0
