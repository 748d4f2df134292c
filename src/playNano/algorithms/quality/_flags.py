"""Rules for frames: torn, jumping and rough ones, from the state of their lines, and the reasons in words."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import ndimage

from playNano.algorithms.quality._rules import LineFlags, Reference, flat_levels, frame_roughness
from playNano.algorithms.quality._statistics import (
    LOWER_QUARTILE,
    BoolArray,
    FloatArray,
    finite_median,
    finite_row_medians,
    lower_quartile,
    masked_quantile,
    outliers,
    step_noise,
)
from playNano.algorithms.quality.figures import Figures
from playNano.algorithms.quality.limits import QualityLimits

# With fewer usable frames a jump of the level cannot be distinguished from drift.
MIN_LEVELS = 4
# Correlation of neighbouring pixels below which a movie cannot show that a frame's pixels are out of order.
MIN_CORRELATION = 0.3
# Number of frames before and after a frame with which its order is compared.
NEIGHBOURS = 3
# Number of changes of level over which drift is averaged.
SMOOTHING = 7
# A level that returns within this number of frames was an excursion, not a lasting change.
MAX_EXCURSION = 3


def find_torn(lines: LineFlags, blank: BoolArray, limits: QualityLimits) -> tuple[BoolArray, BoolArray]:
    """Return the torn and the partly torn frames, (n,)."""
    dead = lines.dead.mean(axis=1)
    bad = (lines.dead | lines.outlier | lines.noisy | lines.off_level).mean(axis=1)
    damaged = ~blank & ((dead >= limits.min_dead_rows) | (bad >= limits.min_bad_rows))
    torn = damaged & (lines.good.mean(axis=1) < limits.min_good_rows)
    return torn, damaged & ~torn


def frame_levels(figures: Figures, lines: LineFlags, usable: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Return level and range of levels (slope removed) of every usable frame, (n,); NaN elsewhere."""
    level = np.where(usable, masked_quantile(figures["level"], ~lines.dead, 0.5), np.nan)
    live = ~lines.dead & ~lines.scars
    levels = flat_levels(figures, lines.dead)
    top = np.where(live, levels, -np.inf).max(axis=1, initial=-np.inf)
    bottom = np.where(live, levels, np.inf).min(axis=1, initial=np.inf)
    with np.errstate(invalid="ignore"):
        return level, np.where(usable, top - bottom, np.nan)


def find_jumps(
    level: FloatArray, extent: FloatArray, reference: Reference, sigma: float
) -> tuple[BoolArray, FloatArray, float]:
    """Flag the frames whose level jumps, (n,); also return the change since the last usable frame, and the limit.

    The median change is taken as drift and subtracted. A change may be as large as the range of levels within
    either of the two frames: a terrace edge that moves through the field of view changes the level by no more.
    """
    known = np.flatnonzero(np.isfinite(level))
    jump = np.zeros(len(level), dtype=np.bool_)
    size = np.full(len(level), np.nan)
    limit = max(reference.peak_to_valley, 8 * reference.row_noise)
    if len(known) < 2:
        return jump, size, limit
    drift = float(np.median(np.diff(level[known]) / np.diff(known)))
    flat = level[known] - drift * known
    change = np.diff(flat)
    local = ndimage.median_filter(change, SMOOTHING, mode="nearest")
    limit = max(sigma * lower_quartile(np.abs(change - local)) / LOWER_QUARTILE, limit)
    size[known[1:]] = change
    if len(known) >= MIN_LEVELS:
        within = np.maximum(extent[known[1:]], extent[known[:-1]])
        far = np.abs(_unexpected(change)) > np.maximum(limit, within)
        jump[known] = _jumps_of_level(flat, np.concatenate(([False], far)), limit)
    return jump, size, limit


def _unexpected(change: FloatArray) -> FloatArray:
    """Return the part of each change of level that steady drift and smooth settling do not explain.

    Drift is extrapolated linearly from the two changes before, and from the two after, to each change; only where all
    three have the same direction.
    """
    before, after = np.zeros_like(change), np.zeros_like(change)
    steady = (np.sign(change[2:]) == np.sign(change[1:-1])) & (np.sign(change[1:-1]) == np.sign(change[:-2]))
    before[2:] = np.where(steady, 2 * change[1:-1] - change[:-2], 0.0)
    after[:-2] = np.where(steady, 2 * change[1:-1] - change[2:], 0.0)
    rest = np.stack([change, change - before, change - after])
    smallest: FloatArray = np.take_along_axis(rest, np.abs(rest).argmin(axis=0)[None], axis=0)[0]
    return smallest


def _jumps_of_level(level: FloatArray, far: BoolArray, limit: float) -> BoolArray:
    """Flag the frames whose level is far from that of the previous frame.

    If it returns to within `limit` after a few frames, the frames in between are flagged; if it stays, the first is.
    """
    jump = np.zeros(len(level), dtype=np.bool_)
    start = _n_first_outliers(level, far)
    jump[:start] = True
    i = start + 1
    while i < len(level):
        if not far[i]:
            i += 1
            continue
        jump[i] = True
        ahead = slice(i + 1, i + 1 + MAX_EXCURSION)
        back = np.flatnonzero(far[ahead] & (np.abs(level[ahead] - level[i - 1]) <= limit))
        if back.size:
            end = i + 1 + int(back[0])
            jump[i:end] = True
            i = end
        i += 1
    return jump


def _n_first_outliers(level: FloatArray, far: BoolArray) -> int:
    """Count the first frames whose level does not occur in the rest of the movie."""
    changes = np.flatnonzero(far)
    first = int(changes[0]) if changes.size else 0
    if not 0 < first <= MAX_EXCURSION or 2 * first >= len(level):
        return 0
    nearer = np.abs(level[first:] - level[first]) < np.abs(level[first:] - level[first - 1])
    return first if nearer.mean() > 0.5 and not far[first + 1 : first + 2].any() else 0


def find_drifting(
    figures: Figures, extent: FloatArray, lines: LineFlags, reference: Reference, sigma: float
) -> BoolArray:
    """Flag the frames within which the level drifts, without a step, far more than is typical, (n,)."""
    centre = finite_median(extent)
    if not np.isfinite(centre):
        return np.zeros(len(extent), dtype=np.bool_)
    spread = lower_quartile(np.abs(extent - centre)) / LOWER_QUARTILE
    limit = centre + max(sigma * spread, 2 * reference.peak_to_valley, 2 * reference.outlier_step)
    smooth = np.array([not lines.lasting.get(k) for k in range(len(extent))], dtype=np.bool_)
    # Levels are medians of a few pixels and carry some of the pixel noise.
    far: BoolArray = np.isfinite(extent) & (extent > limit + 2 * figures["noise"])
    return smooth & far


def find_steps(lines: LineFlags) -> BoolArray:
    """Flag the frames with a lasting step that neither adjacent frame has at about the same line, (n,)."""
    n, h = lines.dead.shape
    out = np.zeros(n, dtype=np.bool_)
    for k, steps in lines.lasting.items():
        beside = [*lines.lasting.get(k - 1, ()), *lines.lasting.get(k + 1, ())]
        # A terrace edge belongs to the sample and is seen in the adjacent frames too.
        out[k] = not all(
            any(abs(r - q) <= h / 8 and step * other > 0 for q, other in beside) for r, step in steps
        )
    return out


def frame_noise(figures: Figures, lines: LineFlags) -> dict[str, FloatArray]:
    """Return roughness, noise between lines and noise within lines of every frame, the table's columns.

    They serve to detect abnormal frames: each is estimated from the quieter lines, without levelling.
    ``pixel_noise_nm`` assumes white noise; correlation along the fast axis makes it too small.

    See Also
    --------
    playNano.algorithms.estimation.noise_and_particles.estimate_noise : noise of a movie under its particles,
        corrected for correlation; slower, from levelled frames.
    playNano.algorithms.surface.noise.robust_noise : noise of one levelled frame, for thresholds.
    """
    live = ~lines.dead
    return {
        "roughness_nm": frame_roughness(figures, lines.dead),
        "row_noise_nm": step_noise(lines.steps, lines.valid),
        # The mean difference of two normal values is 2 / sqrt(pi) standard deviations.
        "pixel_noise_nm": masked_quantile(figures["change"], live, 0.25) * np.sqrt(np.pi) / 2,
    }


def find_repeats(figures: Figures, blank: BoolArray) -> BoolArray:
    """Flag the frames that are equal to an earlier frame to the bit, (n,)."""
    repeat = np.ones(len(figures), dtype=np.bool_)
    repeat[np.unique(figures["checksum"], return_index=True)[1]] = False
    repeat &= ~blank
    return repeat


def find_scrambled(figures: Figures, pool: BoolArray) -> BoolArray:
    """Flag the frames whose pixels or lines are out of order, (n,).

    Their heights spread as in the frames around them, but neighbours along x or y are no more alike than pixels far
    apart (a semivariance close to the variance), where those of the frames around are. Pixels out of order are seen in
    the heights as they are, lines out of order in the heights less level and profile.
    """
    scrambled = np.zeros(len(figures), dtype=np.bool_)
    for prefix in ("", "raw_"):
        variance = np.where(pool, figures[f"{prefix}variance"], np.nan)
        usual = _around(variance)
        with np.errstate(divide="ignore", invalid="ignore"):
            # A frame that has lost its objects has lost their variance as well.
            similar = (variance > 0.8 * usual) & (variance < 2 * usual)
            for name in ("variance_x", "variance_y"):
                correlation = 1 - figures[prefix + name] / variance
                limit = _around(correlation)
                scrambled |= similar & (limit > MIN_CORRELATION) & (correlation < 0.4 * limit)
    scrambled &= pool
    return scrambled


def _around(values: FloatArray) -> FloatArray:
    """Return the median of the known values of the frames around each frame, itself left out, (n,)."""
    if values.size == 0:
        return values
    padded = np.pad(values, NEIGHBOURS, constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * NEIGHBOURS + 1)
    others = np.delete(windows, NEIGHBOURS, axis=1)
    return finite_row_medians(others)


def find_rough(
    noise: dict[str, FloatArray], pool: BoolArray, floor: float, limits: QualityLimits
) -> BoolArray:
    """Flag the frames of abnormal roughness or noise, (n,), compared with the frames of the pool.

    Values below `floor` are no noise and all count the same.
    """
    roughness, pixel, row = (
        np.maximum(noise[name], floor) for name in ("roughness_nm", "pixel_noise_nm", "row_noise_nm")
    )
    return (
        outliers(roughness, pool, limits.rough_ratio, below=True)
        | outliers(pixel, pool, limits.rough_ratio, below=True)
        | outliers(row, pool, limits.row_noise_ratio, below=False)
    )


def value_range(figures: Figures) -> FloatArray:
    """Return maximum minus minimum of every frame, (n,); NaN where a frame has no finite pixel."""
    seen = figures["missing_share"] < 1
    top = np.where(seen, figures["maximum"], -np.inf).max(axis=1, initial=-np.inf)
    bottom = np.where(seen, figures["minimum"], np.inf).min(axis=1, initial=np.inf)
    return np.where(seen.any(axis=1), top, np.nan) - np.where(seen.any(axis=1), bottom, np.nan)


def reasons(table: dict[str, Any], h: int) -> list[str]:
    """Describe why a frame of `h` lines is flagged; an empty string where it is not."""
    out = []
    for k in range(len(table["blank"])):
        lost = f"{table['torn_rows'][k]} of {h} lines off the surface"
        words = {
            "blank": "blank: no line measures the surface",
            "torn": f"torn: {lost}",
            "partly_torn": f"partly torn: {lost}",
            "repeat": "repeat: equal to an earlier frame to the bit",
            "scrambled": "scrambled: pixels or lines are out of order",
            "saturated": f"saturated: {100 * table['saturated_fraction'][k]:.3g} % of the pixels",
            "scars": f"scars: {table['n_scar_rows'][k]} lines",
            "jump": _jump_words(table["height_jump_nm"][k], table["level_range_nm"][k]),
            "rough": f"rough: {table['roughness_nm'][k]:.3g} rms, {table['row_noise_nm'][k]:.3g} between lines",
        }
        out.append("; ".join(text for name, text in words.items() if table[name][k]))
    return out


def _jump_words(jump: float, extent: float) -> str:
    start = f"{jump:+.3g} from the frame before, " if np.isfinite(jump) else ""
    return f"jump: {start}{extent:.3g} within"
