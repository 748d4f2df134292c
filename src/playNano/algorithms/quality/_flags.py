"""From lines to frames: blank, torn, scars, jumps, roughness, and the reasons in words."""

from __future__ import annotations

from typing import Any

import numpy as np

from playNano.algorithms.quality._rules import (
    LOWER_QUARTILE,
    BoolArray,
    Figures,
    FloatArray,
    Lines,
    Usual,
    flat_levels,
    frame_roughness,
    lower_quartile,
    masked_quantile,
    middle,
    row_noise,
)
from playNano.algorithms.quality.limits import QualityLimits

# Of fewer frames nobody can say which of two changes of level is the drift.
FEWEST_LEVELS = 4
# Frames within which a level that comes back was a visit, not a move.
SHORT_STAY = 3


def find_torn(lines: Lines, blank: BoolArray, limits: QualityLimits) -> tuple[BoolArray, BoolArray]:
    """Return the torn and the partly torn frames."""
    dead = lines.dead.mean(axis=1)
    bad = (lines.dead | lines.wild | lines.noisy | lines.off_level).mean(axis=1)
    hurt = ~blank & ((dead >= limits.min_dead_rows) | (bad >= limits.min_bad_rows))
    torn = hurt & (lines.good.mean(axis=1) < limits.min_good_rows)
    return torn, hurt & ~torn


def frame_levels(figures: Figures, lines: Lines, usable: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Return level and height range (slope removed) of every usable frame; NaN elsewhere."""
    level = np.where(usable, masked_quantile(figures["level"], ~lines.dead, 0.5), np.nan)
    live = ~lines.dead & ~lines.scars
    height = flat_levels(figures, lines.dead)
    top = np.where(live, height, -np.inf).max(axis=1, initial=-np.inf)
    bottom = np.where(live, height, np.inf).min(axis=1, initial=np.inf)
    with np.errstate(invalid="ignore"):
        extent = np.where(usable, top - bottom, np.nan)
    return level, extent


def find_jumps(
    level: FloatArray, extent: FloatArray, usual: Usual, sigma: float
) -> tuple[BoolArray, FloatArray, float]:
    """Return the frames whose level leaves that of the usable frame before, the jumps, and their limit."""
    known = np.flatnonzero(np.isfinite(level))
    jump = np.zeros(len(level), dtype=np.bool_)
    size = np.full(len(level), np.nan)
    floor = max(usual.relief, 8 * usual.row_noise)
    if len(known) < 2:
        return jump, size, floor
    gap = np.diff(known)
    drift = float(np.median(np.diff(level[known]) / gap))
    flat = level[known] - drift * known
    off = np.diff(flat)
    limit = max(sigma * lower_quartile(np.abs(off)) / LOWER_QUARTILE, floor)
    size[known[1:]] = off
    if len(known) >= FEWEST_LEVELS:
        # A terrace that passes through the frame moves its level by no more than is seen within.
        within = np.maximum(extent[known[1:]], extent[known[:-1]])
        jump[known] = _leaps(flat, np.concatenate(([limit], np.maximum(limit, within))))
    return jump, size, limit


def _leaps(level: FloatArray, limit: FloatArray) -> BoolArray:
    """Return where a level leaves that of the frame before.

    If it leaps back soon, the frames in between are the odd ones; if it stays, the first is.
    """
    leap = np.zeros(len(level), dtype=np.bool_)
    far = np.concatenate(([False], np.abs(np.diff(level)) > limit[1:]))
    start = _odd_start(level, far)
    leap[:start] = True
    i = start + 1
    while i < len(level):
        if not far[i]:
            i += 1
            continue
        leap[i] = True
        ahead = slice(i + 1, i + 1 + SHORT_STAY)
        back = np.flatnonzero(far[ahead] & (np.abs(level[ahead] - level[i - 1]) <= limit[i]))
        if back.size:
            end = i + 1 + int(back[0])
            leap[i:end] = True
            i = end
        i += 1
    return leap


def _odd_start(level: FloatArray, far: BoolArray) -> int:
    """Return how many first frames are at a level of their own, which the movie then leaves."""
    leaps = np.flatnonzero(far)
    first = int(leaps[0]) if leaps.size else 0
    if not 0 < first <= SHORT_STAY or 2 * first >= len(level):
        return 0
    nearer = np.abs(level[first:] - level[first]) < np.abs(level[first:] - level[first - 1])
    return first if nearer.mean() > 0.5 and not far[first + 1 : first + 2].any() else 0


def find_steps(lines: Lines, n: int, h: int) -> BoolArray:
    """Return the frames with a lasting step of height that neither neighbour frame has at that place."""
    out = np.zeros(n, dtype=np.bool_)
    for k, steps in lines.lasting.items():
        beside = [*lines.lasting.get(k - 1, ()), *lines.lasting.get(k + 1, ())]
        # What stands on the sample stays there: a terrace's edge is seen in the next frame too.
        out[k] = not all(
            any(abs(r - q) <= h / 8 and step * other > 0 for q, other in beside) for r, step in steps
        )
    return out


def unusual(values: FloatArray, pool: BoolArray, ratio: float, below: bool) -> BoolArray:
    """Return where a positive figure is off the pool's median by a factor and by six spreads."""
    out = np.zeros(len(values), dtype=np.bool_)
    fit = pool & np.isfinite(values) & (values > 0)
    if fit.sum() < 2:
        return out
    logs = np.log(values, where=np.isfinite(values) & (values > 0), out=np.zeros(len(values)))
    centre = float(np.median(logs[fit]))
    spread = 1.4826 * float(np.median(np.abs(logs[fit] - centre)))
    off = logs - centre
    limit = max(np.log(ratio), 6 * spread)
    out[:] = np.isfinite(values) & (values > 0) & ((off > limit) | (below & (off < -limit)))
    return out


def frame_noise(figures: Figures, lines: Lines) -> dict[str, FloatArray]:
    """Return roughness, noise between lines and noise within lines of every frame."""
    live = ~lines.dead
    return {
        "roughness_nm": frame_roughness(figures, lines.dead),
        "row_noise_nm": row_noise(lines.steps, lines.valid),
        "pixel_noise_nm": masked_quantile(figures["change"], live, 0.25) * np.sqrt(np.pi) / 2,
    }


def find_rough(noise: dict[str, FloatArray], pool: BoolArray, limits: QualityLimits) -> BoolArray:
    """Return the frames of abnormal roughness or noise."""
    return (
        unusual(noise["roughness_nm"], pool, limits.rough_ratio, below=True)
        | unusual(noise["pixel_noise_nm"], pool, limits.rough_ratio, below=True)
        | unusual(noise["row_noise_nm"], pool, limits.row_noise_ratio, below=False)
    )


def value_range(figures: Figures) -> FloatArray:
    """Return largest less least height of every frame; NaN where a frame has no finite pixel."""
    seen = figures["missing_share"] < 1
    top = np.where(seen, figures["largest"], -np.inf).max(axis=1, initial=-np.inf)
    bottom = np.where(seen, figures["least"], np.inf).min(axis=1, initial=np.inf)
    return np.where(seen.any(axis=1), top, np.nan) - np.where(seen.any(axis=1), bottom, np.nan)


def reasons(table: dict[str, Any], h: int) -> list[str]:
    """Return in words why a frame is flagged; empty where it is not."""
    out = []
    for k in range(len(table["blank"])):
        lost = f"{table['torn_rows'][k]} of {h} lines off the surface"
        words = {
            "blank": "blank: no line measures the surface",
            "torn": f"torn: {lost}",
            "partly_torn": f"partly torn: {lost}",
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


def pool_of(usable: BoolArray, blank: BoolArray) -> BoolArray:
    """Return the frames that tell what is usual: the usable ones, or all with a surface if none is."""
    return usable if usable.any() else ~blank


def find_drifting(
    figures: Figures, extent: FloatArray, lines: Lines, usual: Usual, sigma: float
) -> BoolArray:
    """Return the frames within which the height drifts, without a step, far more than in the others."""
    centre = middle(extent)
    if not np.isfinite(centre):
        return np.zeros(len(extent), dtype=np.bool_)
    spread = lower_quartile(np.abs(extent - centre)) / LOWER_QUARTILE
    limit = centre + max(sigma * spread, 2 * usual.relief, 2 * usual.wild_step)
    smooth = np.array([not lines.lasting.get(k) for k in range(len(extent))], dtype=np.bool_)
    # The levels themselves are medians of some pixels and scatter with their noise.
    far: BoolArray = np.isfinite(extent) & (extent > limit + 2 * figures["noise"])
    return smooth & far
