"""From the figures of all frames to flags: what is usual in a movie, and which frames are not.

Everything here is arithmetic on a few numbers a line, so it runs over a whole movie at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from playNano.algorithms.quality.limits import QualityLimits

Figures = npt.NDArray[Any]
FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]

# A line of fewer pixels says too little about itself to be called dead.
SHORTEST_LINE = 8
# E|x| of the lowest three quarters of a normal distribution's |x|, in standard deviations.
TRIMMED_MEAN = 0.5145
# The lower quartile of |x| of a normal distribution, in standard deviations.
LOWER_QUARTILE = 0.3186
# A frame's noise between lines, in those of a quiet frame, from which its own slope is not believed.
RESTLESS = 3.0
# Distance of an empty frame from all others, in heights of what stands on the surface.
EMPTY_DISTANCE = 3.0
# Six standard errors of a line's mean, from the mean deviation of its pixels.
STEP_ERROR = 6 * 1.2533
# A scar is thinner than anything that stands on a surface and is worth measuring.
LONGEST_SCAR = 3
# Lines on either side of a step from which its height is taken.
PLATEAU = 8


@dataclass(frozen=True)
class Lines:
    """What every line of a movie is, (n, h), and the lasting steps of its frames: lines and heights."""

    dead: BoolArray
    wild: BoolArray
    noisy: BoolArray
    scars: BoolArray
    deep: BoolArray
    good: BoolArray
    off_level: BoolArray
    steps: FloatArray
    valid: BoolArray
    lasting: dict[int, list[tuple[int, float]]]


@dataclass(frozen=True)
class Usual:
    """What is usual in a movie: the references of its rules, in the heights' unit."""

    rail_low: float
    rail_high: float
    coarse: bool
    line_noise: float
    n_distinct: float
    row_noise: float
    relief: float
    roughness: float
    wild_step: float
    quiet_step: float
    scar_step: float
    noisy_line: float


def lower_quartile(values: FloatArray) -> float:
    """Return the lower quartile of the finite values, one of them; 0 where there is none."""
    kept = values[np.isfinite(values)]
    return float(np.quantile(kept, 0.25, method="lower")) if kept.size else 0.0


def middle(values: FloatArray) -> float:
    """Return the median of the finite values; NaN where there is none."""
    kept = values[np.isfinite(values)]
    return float(np.median(kept)) if kept.size else float("nan")


def masked_quantile(values: FloatArray, keep: BoolArray, q: float) -> FloatArray:
    """Return a quantile of the kept values of every row (nearest value below); NaN where none is kept."""
    if values.size == 0:
        return np.full(len(values), np.nan)
    ordered = np.sort(np.where(keep, values, np.inf), axis=1)
    count = keep.sum(axis=1)
    at = np.floor(q * np.maximum(count - 1, 0)).astype(np.int64)
    picked = np.take_along_axis(ordered, at[:, None], axis=1)[:, 0]
    out: FloatArray = np.where(count > 0, picked, np.nan)
    return out


def row_noise(steps: FloatArray, valid: BoolArray) -> FloatArray:
    """Return the standard deviation of every frame's steps, from the lower three quarters of their sizes."""
    ordered = np.sort(np.where(valid, np.abs(steps), np.inf), axis=1)
    count = valid.sum(axis=1)
    kept = np.maximum((3 * count) // 4, np.minimum(count, 1))
    within = np.arange(steps.shape[1]) < kept[:, None]
    total = np.where(within, ordered, 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(kept, 1) / TRIMMED_MEAN, np.nan)


def frame_roughness(figures: Figures, dead: BoolArray) -> FloatArray:
    """Return the standard deviation of the heights around their line's level, of every frame."""
    # For normal heights the mean deviation is sqrt(2 / pi) of the standard deviation.
    spread: FloatArray = masked_quantile(figures["deviation"], ~dead, 0.5) * np.sqrt(np.pi / 2)
    return spread


def find_dead(figures: Figures, limits: QualityLimits) -> tuple[BoolArray, dict[str, Any]]:
    """Return the lines that carry no measurement, (n, h), and what was found on the way."""
    least, largest = figures["least"], figures["largest"]
    missing = figures["missing_share"] >= 0.5
    seen = ~missing
    low = float(least[seen].min()) if seen.any() else float("nan")
    high = float(largest[seen].max()) if seen.any() else float("nan")
    at_low, at_high = least == low, largest == high
    rail = (at_low & (figures["least_share"] >= limits.rail_share)) | (
        at_high & (figures["largest_share"] >= limits.rail_share)
    )
    constant = least == largest
    live = seen & ~rail & ~constant
    flat = masked_quantile(figures["flat_share"], live, 0.5)
    # Where most neighbours are equal on the movie's own good lines, or there is no other kind of line,
    # equal pixels prove nothing.
    narrow = figures["width"].max(initial=0) < SHORTEST_LINE
    coarse = bool(narrow or not live.any() or lower_quartile(flat) > 0.6)
    change = masked_quantile(figures["change"], live, 0.25)
    known = change[np.isfinite(change)]
    noise = float(np.median(known)) if known.size else 0.0
    still = figures["change"] < limits.quiet_ratio * noise
    whole = (least.min(axis=1, initial=np.inf) == largest.max(axis=1, initial=-np.inf))[:, None]
    dead = missing | np.where(coarse, whole, rail | constant | still)
    share = np.where(at_low, figures["least_share"], 0.0) + np.where(
        at_high & ~(at_low & constant), figures["largest_share"], 0.0
    )
    piled = np.where(coarse, whole[:, 0], True) if len(figures) else np.zeros(0, np.bool_)
    saturated = np.where(piled & seen.any(axis=1), np.where(seen, share, 0.0).mean(axis=1), 0.0)
    found = {"rail_low": low, "rail_high": high, "coarse": coarse, "line_noise": noise}
    return dead, found | {"saturated": saturated}


def find_blank(figures: Figures, dead: BoolArray) -> tuple[BoolArray, float]:
    """Return the frames without any measured line, and the usual number of distinct heights."""
    blank = dead.all(axis=1)
    levels = figures["n_distinct"].astype(np.float64)
    extent = figures["largest"].max(axis=1, initial=-np.inf) - figures["least"].min(axis=1, initial=np.inf)
    usual = middle(levels[~blank])
    # Four times fewer heights than a usual frame, close together: a converter's flicker around one value.
    flicker: BoolArray = (levels * 4 <= usual) & (extent * 4 <= middle(extent[~blank]))
    return blank | flicker, usual


def find_noisy(figures: Figures, dead: BoolArray, usual: Usual, limits: QualityLimits) -> BoolArray:
    """Return the lines far noisier than the movie's, in frames that have others too."""
    noisy: BoolArray = ~dead & (figures["change"] > usual.noisy_line)
    # A frame that is as noisy all over is rough, not torn.
    calm = ~dead & (figures["change"] < 2 * usual.line_noise)
    mixed = calm.mean(axis=1) >= limits.min_good_rows
    noisy &= mixed[:, None]
    return noisy


def line_slope(figures: Figures, dead: BoolArray) -> FloatArray:
    """Return the slope of every frame's levels, per line, from lines an eighth of the frame apart."""
    apart = max(dead.shape[1] // 8, 1)
    rise = figures["level"][:, apart:] - figures["level"][:, :-apart]
    slope: FloatArray = np.nan_to_num(masked_quantile(rise, ~dead[:, apart:] & ~dead[:, :-apart], 0.5))
    slope /= apart
    return slope


def centred_steps(figures: Figures, dead: BoolArray) -> tuple[FloatArray, BoolArray]:
    """Return the steps between lines less the frame's slope, and which of them lie between live lines."""
    valid = np.zeros(dead.shape, dtype=np.bool_)
    valid[:, 1:] = ~dead[:, 1:] & ~dead[:, :-1]
    slope = np.nan_to_num(masked_quantile(figures["step"], valid, 0.5))
    own = np.where(valid, figures["step"] - slope[:, None], 0.0)
    noise = row_noise(own, valid)
    # A frame that lost the surface has no slope of its own; that of the sample is the others'.
    restless = noise > RESTLESS * lower_quartile(noise)
    if restless.any() and not restless.all():
        slope = np.where(restless, np.median(slope[~restless & valid.any(axis=1)]), slope)
    return np.where(valid, figures["step"] - slope[:, None], 0.0), valid


def find_empty(figures: Figures, dead: BoolArray, blank: BoolArray, usual: Usual) -> BoolArray:
    """Return the frames of a smooth nothing far outside the heights of the others.

    A height sensor has noise even where the piezo is at its end: no pixel repeats, yet there is no
    surface.
    """
    steps, valid = centred_steps(figures, dead)
    calm = ~blank & (row_noise(steps, valid) <= RESTLESS * usual.row_noise)
    smooth = calm & (dead.mean(axis=1) < 0.5) & (2 * frame_roughness(figures, dead) < usual.roughness)
    level = masked_quantile(figures["level"], ~dead, 0.5)
    seen = level[calm & ~smooth & np.isfinite(level)]
    if seen.size == 0:
        return np.zeros_like(blank)
    reach = EMPTY_DISTANCE * usual.relief
    most, few = (masked_quantile(figures["level"], ~dead, q) for q in (0.9, 0.1))
    away: BoolArray = (most < seen.min() - reach) | (few > seen.max() + reach)
    away &= smooth
    return away


def learn_usual(
    figures: Figures, dead: BoolArray, blank: BoolArray, found: dict[str, Any], limits: QualityLimits
) -> Usual:
    """Return what is usual in the movie, from its frames with a surface."""
    steps, valid = centred_steps(figures, dead)
    whole = ~blank & (dead.mean(axis=1) < limits.min_bad_rows)
    pool = whole if whole.any() else ~blank
    noise = lower_quartile(row_noise(steps, valid)[pool])
    relief = lower_quartile(figures["relief"][pool])
    roughness = lower_quartile(frame_roughness(figures, dead)[pool])
    largest = lower_quartile(np.abs(steps).max(axis=1, initial=0.0)[pool])
    change = np.where(dead, 0.0, figures["change"]).max(axis=1, initial=0.0)
    usual_step = max(limits.step_factor * noise, 1.5 * largest)
    return Usual(
        rail_low=found["rail_low"],
        rail_high=found["rail_high"],
        coarse=found["coarse"],
        line_noise=found["line_noise"],
        n_distinct=found["n_distinct"],
        row_noise=noise,
        relief=relief,
        roughness=roughness,
        wild_step=max(usual_step, limits.relief_factor * relief),
        quiet_step=limits.noise_factor * noise,
        scar_step=max(usual_step, roughness),
        noisy_line=max(limits.line_noise_factor * found["line_noise"], 2 * lower_quartile(change[pool])),
    )


def window_mean(values: FloatArray, keep: BoolArray, reach: int) -> FloatArray:
    """Return the mean of the kept values within ``reach`` places; infinite where none is kept."""
    padded = np.pad(np.where(keep, values, 0.0), ((0, 0), (reach + 1, reach)))
    counts = np.pad(keep.astype(np.float64), ((0, 0), (reach + 1, reach)))
    size = 2 * reach + 1
    total, count = (np.cumsum(a, axis=1) for a in (padded, counts))
    number = count[:, size:] - count[:, :-size]
    mean = (total[:, size:] - total[:, :-size]) / np.maximum(number, 1.0)
    return np.where(number > 0.5, mean, np.inf)


def runs(mask: BoolArray) -> list[tuple[int, int]]:
    """Return start and stop of every run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def sort_lines(
    figures: Figures, dead: BoolArray, blank: BoolArray, usual: Usual, limits: QualityLimits
) -> Lines:
    """Return which lines lie on the surface, which are off it, and which are scars."""
    steps, valid = centred_steps(figures, dead)
    h = dead.shape[1]
    size = np.abs(steps)
    # A step is known no better than the noise of the line's pixels allows.
    error = STEP_ERROR * figures["noise"] / np.sqrt(np.maximum(figures["width"], 1))
    wild_step = np.maximum(usual.wild_step, error)
    wild = valid & (size > wild_step[:, None])
    # A large step is held down, so that one scar does not spoil the lines around it.
    held = np.minimum(size, 2 * usual.quiet_step)
    calm = window_mean(held, valid, max(2, h // 64)) <= usual.quiet_step
    noisy = find_noisy(figures, dead, usual, limits)
    calm = (calm | (h < 2)) & ~dead & ~noisy
    good = calm.copy()
    off_level = np.zeros_like(dead)
    lasting: dict[int, list[tuple[int, float]]] = {}
    depth = np.where(dead, 0.0, figures["streak"])
    level = flat_levels(figures, dead)
    own = np.nan_to_num(row_noise(steps, valid))
    # Against a frame's own restlessness too: in a rough frame large steps are no scars.
    scar_step = np.maximum(usual.scar_step, limits.step_factor * own)
    suspects = ~blank & (dead | noisy | (size > scar_step[:, None])).any(axis=1)
    for k in map(int, np.flatnonzero(suspects)):
        returned = mark_scars(steps[k], scar_step[k], usual.scar_step, depth[k])
        wild[k] &= ~returned
        lasting[k] = _lasting_steps(level[k], wild[k], dead[k], max(wild_step[k], scar_step[k]))
        good[k], off_level[k] = _good_lines(calm[k], wild[k], dead[k], level[k], usual, limits)
    return Lines(
        dead, wild, noisy, depth > 0, depth > usual.wild_step, good, off_level, steps, valid, lasting
    )


def flat_levels(figures: Figures, dead: BoolArray) -> FloatArray:
    """Return the levels of all lines less the frame's slope."""
    slope = line_slope(figures, dead)
    return figures["level"] - slope[:, None] * np.arange(dead.shape[1])


def mark_scars(steps: FloatArray, limit: float, tolerance: float, depth: FloatArray) -> BoolArray:
    """Write the depth of full-width scars to their lines; return where the steps to and from them are."""
    returned = np.zeros(len(steps), dtype=np.bool_)
    large = np.flatnonzero(np.abs(steps) > limit)
    r = 0
    for first in large:
        if first < r:
            continue
        total = np.cumsum(steps[first : first + LONGEST_SCAR + 1])
        back = np.flatnonzero(np.abs(total) <= tolerance)
        if back.size:
            r = int(first + back[0])
            depth[first:r] = np.maximum(depth[first:r], abs(total[0]))
            returned[first : r + 1] = True
            r += 1
    return returned


def _lasting_steps(
    level: FloatArray, wild: BoolArray, dead: BoolArray, limit: float
) -> list[tuple[int, float]]:
    """Return the wild steps after which the lines' levels stay apart from those before."""
    live = np.where(dead, np.nan, level)
    steps = []
    for r in np.flatnonzero(wild):
        apart = middle(live[r : r + PLATEAU]) - middle(live[max(r - PLATEAU, 0) : r])
        if abs(apart) > limit:
            steps.append((int(r), apart))
    return steps


def _good_lines(
    calm: BoolArray, wild: BoolArray, dead: BoolArray, level: FloatArray, usual: Usual, limits: QualityLimits
) -> tuple[BoolArray, BoolArray]:
    """Return the lines of one frame that lie on its surface, and those of plateaus far from it."""
    h = len(calm)
    good = np.zeros(h, dtype=np.bool_)
    for start, stop in runs(calm):
        if stop - start >= max(4, h // 20):
            good[start:stop] = True
    # Plateaus: what lies between wild steps and dead lines.
    plateau = np.cumsum(wild | dead, dtype=np.int64)
    names, counts = np.unique(plateau[good], return_counts=True)
    off = np.zeros(h, dtype=np.bool_)
    if len(names) < 2:
        return good, off
    main = names[np.argmax(counts)]
    base = np.median(level[good & (plateau == main)])
    for name in names:
        member = good & (plateau == name)
        apart = abs(float(np.median(level[member])) - base)
        # Across dead lines the height is unknown: nothing can be said of that plateau.
        between = (plateau >= min(main, name)) & (plateau <= max(main, name))
        if apart > limits.off_level_factor * usual.relief and not dead[between].any():
            off |= member
    return good & ~off, off
