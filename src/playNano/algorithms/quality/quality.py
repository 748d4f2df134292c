"""Frame quality: which frames of a movie are blank, torn, scarred, jumped or abnormally rough."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from playNano.algorithms._common.inputs import as_block
from playNano.algorithms.quality import _flags as flags
from playNano.algorithms.quality import _rules as rules
from playNano.algorithms.quality.limits import QualityLimits
from playNano.errors import ParameterError

if TYPE_CHECKING:
    import pandas as pd

Figures = npt.NDArray[Any]

# More columns than these change a line's median by less than the noise of one pixel.
MEDIAN_COLUMNS = 32
LINE_FIELDS = (
    "level", "step", "least", "largest", "least_share", "largest_share", "flat_share", "change", "deviation", "streak",
)  # fmt: skip


@dataclass(frozen=True)
class FrameQuality:
    """The quality of every frame of a movie.

    Attributes
    ----------
    table
        One row a frame; see `frame_quality`.
    thresholds
        The limits in effect: the parameters, and what was learnt from the movie.
    """

    table: pd.DataFrame
    thresholds: dict[str, float | int | bool]


def frame_figures(block: npt.ArrayLike) -> Figures:
    """Measure every frame of a block on its own, in one pass over its pixels.

    Concatenate the figures of a movie's blocks along the first axis and give them to `judge_frames`;
    how the movie is cut changes nothing.

    Parameters
    ----------
    block
        Raw heights (n, h, w), any unit; NaN and infinite pixels are left out.

    Returns
    -------
    ndarray
        (n,), structured: ``width`` in px, ``n_distinct`` (distinct heights, counted up to 16),
        ``noise`` (mean deviation of the differences between lines from their median), ``relief`` (range
        of what stands off level and profile); and per line, (h,):
        ``level``, ``step`` to the line before, ``least``, ``largest``, ``least_share`` and
        ``largest_share`` (share of the pixels at these two), ``flat_share`` (share of equal
        neighbours), ``change`` (mean difference of neighbours), ``deviation`` (mean deviation from
        the level and the profile that the lines share), ``streak`` (depth of the deepest
        streak in the line, 0 for none), ``missing_share``.

    Raises
    ------
    ParameterError
        If the block has not the axes (frame, y, x) or its frames have no pixel.

    Examples
    --------
    >>> figures = frame_figures(np.arange(24.0).reshape(1, 4, 6))
    >>> figures["step"][0].tolist()
    [0.0, 6.0, 6.0, 6.0]
    """
    from playNano.algorithms.quality._kernels import measure

    z = as_block(block)
    n, h, w = z.shape
    if h == 0 or w == 0:
        raise ParameterError(f"block has frames without pixels: its shape is {z.shape}")
    out = np.zeros(n, dtype=figure_type(h))
    out["width"] = w
    if n == 0:
        return out
    z = _fill_gaps(z, out["missing_share"])
    columns = _spread_out(w)
    lines = np.empty((n, len(LINE_FIELDS), h))
    frames = np.empty((n, 3))
    shortest = max(6, w // 16)
    sampled = _spread_out(h)
    networks = _exchanges(len(columns)), _exchanges(len(sampled))
    measure(z, columns, networks[0], sampled, networks[1], shortest, lines, frames)
    for i, name in enumerate(LINE_FIELDS):
        out[name] = lines[:, i]
    out["noise"], out["n_distinct"], out["relief"] = frames.T
    return out


def figure_type(h: int) -> np.dtype[Any]:
    """Return the kind of the figures of frames of ``h`` lines.

    Parameters
    ----------
    h
        Lines of a frame.

    Returns
    -------
    dtype
        Structured; `frame_figures` tells its fields.

    Examples
    --------
    >>> figure_type(4)["level"].shape
    (4,)
    """
    exact = [(name, "f8", (h,)) for name in LINE_FIELDS if not name.endswith("share")]
    rest = [(name, "f4", (h,)) for name in (*LINE_FIELDS, "missing_share") if name.endswith("share")]
    return np.dtype([("width", "i8"), ("n_distinct", "i8"), ("noise", "f8"), ("relief", "f8"), *exact, *rest])


def _fill_gaps(z: npt.NDArray[Any], missing: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the block without NaN and infinite pixels; note which share of every line they were."""
    # A sum is not finite where a pixel is not; a sum that overflows only costs the closer look.
    with np.errstate(over="ignore", invalid="ignore"):
        broken = np.flatnonzero(~np.isfinite(z.reshape(len(z), -1).sum(axis=1)))
    if broken.size == 0:
        return z
    z = z.copy()
    for k in broken:
        gap = ~np.isfinite(z[k])
        missing[k] = gap.mean(axis=1)
        for r in np.flatnonzero(gap.any(axis=1)):
            kept = z[k, r][~gap[r]]
            z[k, r, gap[r]] = np.median(kept) if kept.size else 0
    return z


def _spread_out(n: int) -> npt.NDArray[np.int64]:
    """Return up to `MEDIAN_COLUMNS` places spread over ``n``."""
    return np.unique(np.linspace(0, n - 1, min(MEDIAN_COLUMNS, n)).round().astype(np.int64))


def _exchanges(n: int) -> npt.NDArray[np.int64]:
    """Return the exchanges of Batcher's odd-even merge sort of ``n`` values."""
    pairs = []
    p = 1
    while p < n:
        k = p
        while k >= 1:
            for j in range(k % p, n - k, 2 * k):
                for i in range(j, min(j + k, n - k)):
                    if i // (p * 2) == (i + k) // (p * 2):
                        pairs.append((i, i + k))
            k //= 2
        p *= 2
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


def judge_frames(figures: Figures, **values: Any) -> FrameQuality:
    """Judge the frames of a whole movie by their figures.

    Parameters
    ----------
    figures
        From `frame_figures`, the blocks of the movie concatenated.
    **values
        The limits, by the names and with the defaults of `QualityLimits`.

    Returns
    -------
    FrameQuality
        As of `frame_quality`.

    Raises
    ------
    ParameterError
        If a limit is unknown or out of its range.

    Examples
    --------
    >>> movie = np.random.default_rng(0).normal(size=(4, 32, 32))
    >>> movie[2] = 450.0
    >>> parts = [frame_figures(movie[:2]), frame_figures(movie[2:])]
    >>> judge_frames(np.concatenate(parts)).table["blank"].tolist()
    [False, False, True, False]
    """
    import pandas as pd

    unknown = set(values) - {field.name for field in fields(QualityLimits)}
    if unknown:
        raise ParameterError(f"judge_frames has no limit {', '.join(sorted(unknown))}")
    limits = QualityLimits(**values)
    dead, found = rules.find_dead(figures, limits)
    blank, found["n_distinct"] = rules.find_blank(figures, dead)
    usual = rules.learn_usual(figures, dead, blank, found, limits)
    empty = rules.find_empty(figures, dead, blank, usual)
    blank, dead = blank | empty, dead | empty[:, None]
    lines = rules.sort_lines(figures, dead, blank, usual, limits)
    table, jump_limit = _judge(figures, lines, blank, usual, limits, found["saturated"])
    learnt = {
        "rail_low_nm": usual.rail_low,
        "rail_high_nm": usual.rail_high,
        "coarse_heights": usual.coarse,
        "usual_pixel_step_nm": usual.line_noise,
        "usual_n_distinct": usual.n_distinct,
        "usual_row_noise_nm": usual.row_noise,
        "usual_relief_nm": usual.relief,
        "usual_roughness_nm": usual.roughness,
        "wild_step_nm": usual.wild_step,
        "scar_step_nm": usual.scar_step,
        "quiet_step_nm": usual.quiet_step,
        "jump_limit_nm": jump_limit,
    }
    return FrameQuality(pd.DataFrame(table), {**asdict(limits), **learnt})


def _judge(
    figures: Figures,
    lines: rules.Lines,
    blank: rules.BoolArray,
    usual: rules.Usual,
    limits: QualityLimits,
    saturated: rules.FloatArray,
) -> tuple[dict[str, Any], float]:
    """Return the columns of the table and the limit of a jump."""
    n, h = lines.dead.shape
    torn, partly = flags.find_torn(lines, blank, limits)
    usable = ~blank & ~torn & (~partly | limits.use_partly_torn)
    # A few dead lines in a sound frame are scars too, the deepest there are.
    lost = lines.dead & usable[:, None] & ~partly[:, None]
    n_scars = np.where(blank, 0, (lines.scars | lost).sum(axis=1))
    deep = (lines.deep | lost).any(axis=1)
    noise = flags.frame_noise(figures, lines)
    level, extent = flags.frame_levels(figures, lines, usable)
    jump, size, jump_limit = flags.find_jumps(level, extent, usual, limits.jump_sigma)
    drifting = flags.find_drifting(figures, extent, lines, usual, limits.jump_sigma)
    hurt = torn | partly
    table: dict[str, Any] = {
        "frame": np.arange(n),
        "blank": blank,
        "saturated": saturated >= limits.min_saturated,
        "torn": torn,
        "partly_torn": partly,
        "scars": ~blank & ~torn & (deep | (n_scars >= limits.min_scar_rows)),
        "jump": usable & (jump | drifting | flags.find_steps(lines, n, h)),
        "rough": usable & flags.find_rough(noise, flags.pool_of(usable, blank), limits),
        "usable": usable,
        "reason": "",
        "value_range_nm": flags.value_range(figures),
        "saturated_fraction": saturated,
        "n_distinct": figures["n_distinct"],
        "dead_rows": lines.dead.sum(axis=1),
        "torn_rows": np.where(blank, h, np.where(hurt, h - lines.good.sum(axis=1), 0)),
        **noise,
        "level_nm": level,
        "level_range_nm": extent,
        "height_jump_nm": size,
        "n_scar_rows": n_scars,
    }
    table["reason"] = flags.reasons(table, h)
    return table, jump_limit


def frame_quality(
    block: npt.ArrayLike,
    *,
    rail_share: float = 0.5,
    quiet_ratio: float = 0.1,
    min_dead_rows: float = 0.05,
    min_bad_rows: float = 0.1,
    min_good_rows: float = 0.1,
    step_factor: float = 8.0,
    relief_factor: float = 0.5,
    off_level_factor: float = 3.0,
    noise_factor: float = 4.0,
    line_noise_factor: float = 5.0,
    min_saturated: float = 0.01,
    min_scar_rows: int = 2,
    jump_sigma: float = 6.0,
    rough_ratio: float = 2.0,
    row_noise_ratio: float = 4.0,
    use_partly_torn: bool = False,
) -> FrameQuality:
    """Flag the frames of a movie that are blank, torn, scarred, jumped or abnormally rough.

    Lines are judged first: dead (at a rail, constant or missing), reached by a wild step of height, far
    noisier than the movie, or on the surface. What is usual (noise between lines, noise within them,
    the height of what stands on the surface) is the median or lower quartile over the movie's frames
    that have a surface, so that it holds while a quarter of them is sound. All limits are shares or
    multiples of these; units do not matter. Give it the heights as they were loaded: levelling hides
    rails and steps.

    Parameters
    ----------
    block
        Raw heights (n, h, w), the whole movie; NaN and infinite pixels are missing. int and float, any
        unit.
    rail_share, quiet_ratio, min_dead_rows, min_bad_rows, min_good_rows
        When a line is dead and when a frame is torn, as shares; see `QualityLimits`.
    step_factor, relief_factor, off_level_factor, noise_factor, line_noise_factor
        When a line is off the surface; see `QualityLimits`.
    min_saturated, min_scar_rows, jump_sigma, rough_ratio, row_noise_ratio
        When a frame is saturated, has scars, has jumped, is rough; see `QualityLimits`.
    use_partly_torn
        Whether partly torn frames count as usable.

    Returns
    -------
    FrameQuality
        ``table``, one row a frame: ``frame`` (from 0); the flags ``blank`` (no line measures the
        surface), ``saturated``, ``torn`` (the tip lost the surface, less than ``min_good_rows`` of the
        lines are on it), ``partly_torn`` (the same, with more of them), ``scars`` (lines or parts of
        lines that stand off both neighbours), ``jump`` (its level left that of the frame before, or
        the height drifts or steps within it), ``rough``; ``usable`` (not blank, torn or partly torn;
        the other flags are warnings); ``reason`` in words; and in the unit of the heights, or counts:
        ``value_range_nm``, ``saturated_fraction``, ``n_distinct`` (counted up to 16), ``dead_rows``,
        ``torn_rows`` (lines not on the surface, of blank and torn frames), ``roughness_nm`` (standard
        deviation around line and profile), ``row_noise_nm`` (standard deviation of the steps between
        lines), ``pixel_noise_nm`` (of the quieter lines), ``level_nm``, ``level_range_nm`` (within the
        frame, slope removed),
        ``height_jump_nm`` (from the usable frame before, drift removed), ``n_scar_rows``.
        ``thresholds``: the parameters, and what was learnt: ``rail_low_nm, rail_high_nm`` (extremes of
        the movie), ``coarse_heights`` (neighbours are mostly equal: only constant frames are blank),
        ``usual_pixel_step_nm, usual_n_distinct, usual_row_noise_nm, usual_relief_nm,
        usual_roughness_nm``, and ``wild_step_nm, scar_step_nm, quiet_step_nm, jump_limit_nm``.

    Raises
    ------
    ParameterError
        If the block has not the axes (frame, y, x) or a parameter is out of its range.

    Notes
    -----
    A frame that is wrong in the same way as all others is not found: the movie itself is the measure.
    Jumps take at least four usable frames. Abnormal frames are found against median and median absolute
    deviation [1]_.

    References
    ----------
    .. [1] C. Leys et al., J. Exp. Soc. Psychol. 49, 764 (2013), doi:10.1016/j.jesp.2013.03.013.

    Examples
    --------
    >>> movie = np.random.default_rng(0).normal(size=(5, 64, 64))
    >>> movie[1] = 450.0
    >>> movie[3, 40:] = 450.0
    >>> frame_quality(movie).table.loc[[1, 3], ["reason", "usable"]].values.tolist()
    [['blank: no line measures the surface; saturated: 100 % of the pixels', False], \
['partly torn: 24 of 64 lines off the surface; saturated: 37.5 % of the pixels', False]]
    """
    return judge_frames(
        frame_figures(block),
        rail_share=rail_share,
        quiet_ratio=quiet_ratio,
        min_dead_rows=min_dead_rows,
        min_bad_rows=min_bad_rows,
        min_good_rows=min_good_rows,
        step_factor=step_factor,
        relief_factor=relief_factor,
        off_level_factor=off_level_factor,
        noise_factor=noise_factor,
        line_noise_factor=line_noise_factor,
        min_saturated=min_saturated,
        min_scar_rows=min_scar_rows,
        jump_sigma=jump_sigma,
        rough_ratio=rough_ratio,
        row_noise_ratio=row_noise_ratio,
        use_partly_torn=use_partly_torn,
    )
