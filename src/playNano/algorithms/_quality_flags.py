"""From lines to frames: blank, torn, scars, jumps, roughness, and the reasons in words."""

from __future__ import annotations

from typing import Any

import numpy as np

from playNano.algorithms._quality_rules import (
    LOWER_QUARTILE,
    BoolArray,
    Figures,
    FloatArray,
    Limits,
    Lines,
    Usual,
    flat_levels,
    frame_roughness,
    lower_quartile,
    masked_quantile,
    middle,
    row_noise,
)

# Of fewer frames nobody can say which of two changes of level is the drift.
FEWEST_LEVELS = 4


def find_torn(lines: Lines, blank: BoolArray, limits: Limits) -> tuple[BoolArray, BoolArray]:
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
    # Terraces that pass through the frame shift its level by as much as they are high.
    floor = max(usual.relief, 8 * usual.row_noise, np.nan_to_num(middle(extent)))
    change = np.diff(level[known])
    drift = float(np.median(change)) if len(change) else 0.0
    off = change - drift
    limit = max(sigma * lower_quartile(np.abs(off)) / LOWER_QUARTILE, floor)
    size[known[1:]] = off
    if len(known) < FEWEST_LEVELS:
        return jump, size, limit
    jump[known] = _leaps(level[known] - drift * np.arange(len(known)), limit)
    return jump, size, limit


def _leaps(level: FloatArray, limit: float) -> BoolArray:
    """Return where a level leaves that of the frames before; a level that stays is the new one."""
    leap = np.zeros(len(level), dtype=np.bool_)
    base = level[0]
    for i in range(1, len(level)):
        stays = leap[i - 1] and abs(level[i] - level[i - 1]) <= limit
        leap[i] = abs(level[i] - base) > limit and not stays
        if not leap[i]:
            base = level[i]
    # A first frame that is alone with its level is itself the odd one.
    if leap[1] and not leap[2] and abs(level[2] - level[1]) <= limit:
        leap[:2] = True, False
    return leap


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
    return np.isfinite(values) & (values > 0) & ((off > limit) | (below & (off < -limit)))


def frame_noise(figures: Figures, lines: Lines) -> dict[str, FloatArray]:
    """Return roughness, noise between lines and noise within lines of every frame."""
    live = ~lines.dead
    return {
        "roughness_nm": frame_roughness(figures, lines.dead),
        "row_noise_nm": row_noise(lines.steps, lines.valid),
        "pixel_noise_nm": masked_quantile(figures["change"], live, 0.25) * np.sqrt(np.pi) / 2,
    }


def find_rough(noise: dict[str, FloatArray], pool: BoolArray, limits: Limits) -> BoolArray:
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
    words = {
        "blank": lambda k: "blank: no line measures the surface",
        "torn": lambda k: f"torn: {table['torn_rows'][k]} of {h} lines off the surface",
        "partly_torn": lambda k: f"partly torn: {table['torn_rows'][k]} of {h} lines off the surface",
        "saturated": lambda k: f"saturated: {100 * table['saturated_fraction'][k]:.3g} % of the pixels",
        "scars": lambda k: f"scars: {table['n_scar_rows'][k]} lines",
        "jump": lambda k: _jump_words(table["height_jump_nm"][k], table["level_range_nm"][k]),
        "rough": lambda k: (
            f"rough: {table['roughness_nm'][k]:.3g} rms, {table['row_noise_nm'][k]:.3g} between lines"
        ),
    }
    out = []
    for k in range(len(table["blank"])):
        out.append("; ".join(say(k) for name, say in words.items() if table[name][k]))
    return out


def _jump_words(jump: float, extent: float) -> str:
    return f"jump: {jump:+.3g} from the frame before, {extent:.3g} within" if np.isfinite(jump) else "jump"


def pool_of(usable: BoolArray, blank: BoolArray) -> BoolArray:
    """Return the frames that tell what is usual: the usable ones, or all with a surface if none is."""
    return usable if usable.any() else ~blank


def find_drifting(extent: FloatArray, usual: Usual, sigma: float) -> BoolArray:
    """Return the frames within which the height moves far more than in the others."""
    centre = middle(extent)
    if not np.isfinite(centre):
        return np.zeros(len(extent), dtype=np.bool_)
    spread = lower_quartile(np.abs(extent - centre)) / LOWER_QUARTILE
    limit = centre + max(sigma * spread, 3 * usual.relief, 8 * usual.row_noise)
    return np.isfinite(extent) & (extent > limit)
