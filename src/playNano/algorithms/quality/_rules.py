"""Classification of scan lines: dead, outlier, noisy, scarred or on the surface, by references from the movie.

It uses a few numbers per line (see `figures`), so that a whole movie is processed at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from playNano.algorithms.quality._dead_lines import DeadLines, typical_relief
from playNano.algorithms.quality._statistics import (
    BoolArray,
    FloatArray,
    finite_median,
    lower_quartile,
    masked_quantile,
    runs,
    step_noise,
    window_mean,
)
from playNano.algorithms.quality.figures import Figures
from playNano.algorithms.quality.limits import QualityLimits

# Noise between lines, relative to that of a quiet frame, above which a frame's own slope is not used.
RESTLESS = 3.0
# Minimum distance of an empty frame's level from those of all others, in peak-to-valley heights.
EMPTY_DISTANCE = 3.0
# Six standard errors of a line's mean, over the mean deviation of its pixels (sqrt(pi / 2) for normal noise).
STEP_ERROR = 6 * 1.2533
# Maximum thickness of a scar: objects cover more lines.
MAX_SCAR_LINES = 3
# Number of lines on either side of a step from which its height is measured.
PLATEAU = 8
# Noise between lines, as a fraction of the peak-to-valley height, by which a movie without noise is classified.
NOISE_FREE_STEP = 0.05


@dataclass(frozen=True)
class Reference:
    """Reference values of a movie, from its frames with a surface, in the unit of the heights.

    Parameters
    ----------
    pixel_step
        Mean absolute difference of neighbour pixels.
    row_noise
        Standard deviation of the steps between lines.
    peak_to_valley
        Range of the heights above the lines' levels.
    roughness
        Standard deviation of the heights about the lines' levels.
    outlier_step, scar_step
        Steps between lines from which one is an outlier, or may belong to a scar.
    quiet_step
        Mean size of steps up to which lines are on the surface.
    noisy_line
        Mean difference of neighbour pixels from which a line is noisy.
    """

    pixel_step: float
    row_noise: float
    peak_to_valley: float
    roughness: float
    outlier_step: float
    scar_step: float
    quiet_step: float
    noisy_line: float


@dataclass(frozen=True)
class LineFlags:
    """The state of every line of a movie.

    Parameters
    ----------
    dead, outlier, noisy, scars, deep, good, off_level
        Lines without a measurement; after an outlier step; far noisier than the movie's; with a scar; with a
        scar deeper than an outlier step; on the surface; on a plateau far from it. (n, h).
    steps, valid
        Step from the line before, the frame's slope removed, and whether both lines are live, (n, h).
    lasting
        Frame -> lines and heights of the steps after which the level stays changed.
    """

    dead: BoolArray
    outlier: BoolArray
    noisy: BoolArray
    scars: BoolArray
    deep: BoolArray
    good: BoolArray
    off_level: BoolArray
    steps: FloatArray
    valid: BoolArray
    lasting: dict[int, list[tuple[int, float]]]


def frame_roughness(figures: Figures, dead: BoolArray) -> FloatArray:
    """Return the standard deviation of the heights about level and profile of every frame."""
    # For normal heights the mean deviation is sqrt(2 / pi) of the standard deviation.
    spread: FloatArray = masked_quantile(figures["deviation"], ~dead, 0.5) * np.sqrt(np.pi / 2)
    return spread


def find_blank(figures: Figures, dead: BoolArray) -> tuple[BoolArray, float]:
    """Flag the frames without a measured line, (n,); also return the median number of distinct heights of others."""
    blank = dead.all(axis=1)
    n_distinct = figures["n_distinct"].astype(np.float64)
    extent = figures["maximum"].max(axis=1, initial=-np.inf) - figures["minimum"].min(axis=1, initial=np.inf)
    typical = finite_median(n_distinct[~blank])
    # Four times fewer heights than in a typical frame, close together: the converter flickers around one value.
    flicker: BoolArray = (n_distinct * 4 <= typical) & (extent * 4 <= finite_median(extent[~blank]))
    return blank | flicker, typical


def find_empty(figures: Figures, dead: BoolArray, blank: BoolArray, reference: Reference) -> BoolArray:
    """Flag the smooth frames at heights where no surface is seen, (n,): the scanner is at the end of its range.

    A height sensor has noise even at the end of the piezo's range, so that such frames are not constant.
    """
    steps, valid = centred_steps(figures, dead)
    quiet = ~blank & (step_noise(steps, valid) <= RESTLESS * reference.row_noise)
    smooth = quiet & (dead.mean(axis=1) < 0.5) & (2 * frame_roughness(figures, dead) < reference.roughness)
    level = masked_quantile(figures["level"], ~dead, 0.5)
    surface = level[quiet & ~smooth & np.isfinite(level)]
    if surface.size == 0:
        return np.zeros_like(blank)
    margin = EMPTY_DISTANCE * reference.peak_to_valley
    lower, upper = (masked_quantile(figures["level"], ~dead, q) for q in (0.1, 0.9))
    outside: BoolArray = (upper < surface.min() - margin) | (lower > surface.max() + margin)
    outside &= smooth
    return outside


def find_noisy(figures: Figures, dead: BoolArray, reference: Reference, limits: QualityLimits) -> BoolArray:
    """Flag the lines far noisier than is typical of the movie, (n, h), in frames that have quiet lines too."""
    noisy: BoolArray = ~dead & (figures["change"] > reference.noisy_line)
    # A frame that is noisy throughout is rough, not torn.
    quiet = ~dead & (figures["change"] < 2 * reference.pixel_step)
    noisy &= (quiet.mean(axis=1) >= limits.min_good_rows)[:, None]
    return noisy


def line_slope(figures: Figures, dead: BoolArray) -> FloatArray:
    """Return the slope of every frame's levels, per line, from lines an eighth of the frame apart."""
    distance = max(dead.shape[1] // 8, 1)
    rise = figures["level"][:, distance:] - figures["level"][:, :-distance]
    live = ~dead[:, distance:] & ~dead[:, :-distance]
    slope: FloatArray = np.nan_to_num(masked_quantile(rise, live, 0.5)) / distance
    return slope


def flat_levels(figures: Figures, dead: BoolArray) -> FloatArray:
    """Return the levels of all lines minus the slope of the frame, (n, h)."""
    slope = line_slope(figures, dead)
    levels: FloatArray = figures["level"] - slope[:, None] * np.arange(dead.shape[1])
    return levels


def centred_steps(figures: Figures, dead: BoolArray) -> tuple[FloatArray, BoolArray]:
    """Return the steps between lines minus the slope of the frame, and whether both lines are live, (n, h)."""
    valid = np.zeros(dead.shape, dtype=np.bool_)
    valid[:, 1:] = ~dead[:, 1:] & ~dead[:, :-1]
    slope = np.nan_to_num(masked_quantile(figures["step"], valid, 0.5))
    own = np.where(valid, figures["step"] - slope[:, None], 0.0)
    noise = step_noise(own, valid)
    # A frame without the surface does not show the slope of the sample; that of the other frames is used.
    restless = noise > RESTLESS * lower_quartile(noise)
    if restless.any() and not restless.all():
        slope = np.where(restless, np.median(slope[~restless & valid.any(axis=1)]), slope)
    return np.where(valid, figures["step"] - slope[:, None], 0.0), valid


def movie_reference(figures: Figures, lines: DeadLines, blank: BoolArray, limits: QualityLimits) -> Reference:
    """Compute the reference values of the movie: lower quartiles over its frames with a surface."""
    dead = lines.dead
    steps, valid = centred_steps(figures, dead)
    whole = ~blank & (dead.mean(axis=1) < limits.min_bad_rows)
    pool = whole if whole.any() else ~blank
    noise = lower_quartile(step_noise(steps, valid)[pool])
    peak_to_valley = lower_quartile(figures["peak_to_valley"][pool])
    if lines.noise_free:
        peak_to_valley = typical_relief(figures)
        noise = max(noise, NOISE_FREE_STEP * peak_to_valley)
    roughness = lower_quartile(frame_roughness(figures, dead)[pool])
    largest_step = lower_quartile(np.abs(steps).max(axis=1, initial=0.0)[pool])
    largest_change = np.where(dead, 0.0, figures["change"]).max(axis=1, initial=0.0)
    step = max(limits.step_factor * noise, 1.5 * largest_step)
    return Reference(
        pixel_step=lines.pixel_step,
        row_noise=noise,
        peak_to_valley=peak_to_valley,
        roughness=roughness,
        outlier_step=max(step, limits.relief_factor * peak_to_valley),
        scar_step=max(step, roughness),
        quiet_step=limits.noise_factor * noise,
        noisy_line=max(limits.line_noise_factor * lines.pixel_step, 2 * lower_quartile(largest_change[pool])),
    )


def classify_lines(
    figures: Figures, dead: BoolArray, blank: BoolArray, reference: Reference, limits: QualityLimits
) -> LineFlags:
    """Classify the lines: on the surface, off it, or scars."""
    steps, valid = centred_steps(figures, dead)
    h = dead.shape[1]
    size = np.abs(steps)
    # The noise of the pixels limits the precision of a step.
    error = STEP_ERROR * figures["noise"] / np.sqrt(np.maximum(figures["width"], 1))
    outlier_step = np.maximum(reference.outlier_step, error)
    outlier = valid & (size > outlier_step[:, None])
    # Large steps are clipped, so that one scar does not affect the lines around it.
    clipped = np.minimum(size, 2 * reference.quiet_step)
    noisy = find_noisy(figures, dead, reference, limits)
    quiet = window_mean(clipped, valid, max(2, h // 64)) <= reference.quiet_step
    quiet = (quiet | (h < 2)) & ~dead & ~noisy
    good = quiet.copy()
    off_level = np.zeros_like(dead)
    lasting: dict[int, list[tuple[int, float]]] = {}
    depth = np.where(dead, 0.0, figures["streak"])
    level = flat_levels(figures, dead)
    own_noise = np.nan_to_num(step_noise(steps, valid))
    # The limit rises with the frame's own noise between lines: in a rough frame large steps are not scars.
    scar_step = np.maximum(reference.scar_step, limits.step_factor * own_noise)
    suspects = ~blank & (dead | noisy | (size > scar_step[:, None])).any(axis=1)
    for k in map(int, np.flatnonzero(suspects)):
        returned = mark_scars(steps[k], scar_step[k], reference.scar_step, depth[k])
        outlier[k] &= ~returned
        lasting[k] = _lasting_steps(level[k], outlier[k], dead[k], max(outlier_step[k], scar_step[k]))
        distance = limits.off_level_factor * reference.peak_to_valley
        good[k], off_level[k] = _surface_lines(quiet[k], outlier[k], dead[k], level[k], distance)
    return LineFlags(
        dead=dead,
        outlier=outlier,
        noisy=noisy,
        scars=depth > 0,
        deep=depth > reference.outlier_step,
        good=good,
        off_level=off_level,
        steps=steps,
        valid=valid,
        lasting=lasting,
    )


def mark_scars(steps: FloatArray, limit: float, tolerance: float, depth: FloatArray) -> BoolArray:
    """Write the depth of full-width scars to their lines; return the steps that lead to and from them, (h,).

    A scar begins with a step larger than `limit`, and within three lines the level returns to within `tolerance`.
    """
    returned = np.zeros(len(steps), dtype=np.bool_)
    r = 0
    for first in np.flatnonzero(np.abs(steps) > limit):
        if first < r:
            continue
        total = np.cumsum(steps[first : first + MAX_SCAR_LINES + 1])
        back = np.flatnonzero(np.abs(total) <= tolerance)
        if back.size:
            r = int(first + back[0])
            depth[first:r] = np.maximum(depth[first:r], abs(total[0]))
            returned[first : r + 1] = True
            r += 1
    return returned


def _lasting_steps(
    level: FloatArray, outlier: BoolArray, dead: BoolArray, limit: float
) -> list[tuple[int, float]]:
    """Return line and height of the outlier steps after which the level stays changed."""
    live = np.where(dead, np.nan, level)
    steps = []
    for r in np.flatnonzero(outlier):
        height = finite_median(live[r : r + PLATEAU]) - finite_median(live[max(r - PLATEAU, 0) : r])
        if abs(height) > limit:
            steps.append((int(r), height))
    return steps


def _surface_lines(
    quiet: BoolArray, outlier: BoolArray, dead: BoolArray, level: FloatArray, distance: float
) -> tuple[BoolArray, BoolArray]:
    """Return the lines of a frame on its surface, and those on plateaus farther than `distance` from it."""
    h = len(quiet)
    good = np.zeros(h, dtype=np.bool_)
    for start, stop in runs(quiet):
        if stop - start >= max(4, h // 20):
            good[start:stop] = True
    # A plateau is bounded by outlier steps and dead lines.
    plateau = np.cumsum(outlier | dead, dtype=np.int64)
    labels, counts = np.unique(plateau[good], return_counts=True)
    off = np.zeros(h, dtype=np.bool_)
    if len(labels) < 2:
        return good, off
    main = labels[np.argmax(counts)]
    base = np.median(level[good & (plateau == main)])
    for label in labels:
        member = good & (plateau == label)
        apart = abs(float(np.median(level[member])) - base)
        # The change of height across dead lines is unknown.
        between = (plateau >= min(main, label)) & (plateau <= max(main, label))
        if apart > distance and not dead[between].any():
            off |= member
    return good & ~off, off
