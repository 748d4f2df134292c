"""Frame quality: which frames of a movie are blank, torn, scarred, jumped or abnormally rough."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from playNano.algorithms.quality import _flags as flags
from playNano.algorithms.quality import _rules as rules
from playNano.algorithms.quality._dead_lines import find_dead, noise_floor
from playNano.algorithms.quality._statistics import BoolArray
from playNano.algorithms.quality.figures import Figures, frame_figures
from playNano.algorithms.quality.limits import QualityLimits
from playNano.errors import ParameterError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class FrameQuality:
    """The quality of every frame of a movie.

    Parameters
    ----------
    table
        One row per frame; see `frame_quality`.
    thresholds
        The limits in effect: those of `QualityLimits`, and those estimated from the movie.
    """

    table: pd.DataFrame
    thresholds: dict[str, float | int | bool]


def judge_frames(figures: Figures, limits: QualityLimits | None = None) -> FrameQuality:
    """Flag the bad frames of a movie from the measurements of its frames.

    Parameters
    ----------
    figures
        From `frame_figures`, the blocks of the movie concatenated, (n,).
    limits
        Limits from which lines and frames are flagged; None for the defaults.

    Returns
    -------
    FrameQuality
        As that of `frame_quality`.

    See Also
    --------
    frame_quality : the same from the pixels of a movie that fits in memory.

    Examples
    --------
    >>> movie = np.random.default_rng(0).normal(size=(4, 32, 32))
    >>> movie[2] = 450.0
    >>> parts = [frame_figures(movie[:2]), frame_figures(movie[2:])]
    >>> judge_frames(np.concatenate(parts)).table["blank"].tolist()
    [False, False, True, False]
    """
    import pandas as pd

    limits = limits or QualityLimits()
    unmeasured = find_dead(figures, limits)
    blank, n_distinct = rules.find_blank(figures, unmeasured.dead)
    reference = rules.movie_reference(figures, unmeasured, blank, limits)
    empty = rules.find_empty(figures, unmeasured.dead, blank, reference)
    blank, dead = blank | empty, unmeasured.dead | empty[:, None]
    lines = rules.classify_lines(figures, dead, blank, reference, limits)
    table, jump_limit = _frame_table(figures, lines, blank, reference, limits)
    if not unmeasured.noise_free:
        # Frames without noise repeat when nothing moves.
        table["usable"] &= ~table["repeat"]
    table["saturated_fraction"] = unmeasured.saturated
    table["saturated"] = unmeasured.saturated >= limits.min_saturated
    table["reason"] = flags.reasons(table, dead.shape[1])
    learnt = {
        "rail_low_nm": unmeasured.saturation_low,
        "rail_high_nm": unmeasured.saturation_high,
        "coarse_heights": unmeasured.coarse,
        "noise_free": unmeasured.noise_free,
        "usual_pixel_step_nm": reference.pixel_step,
        "usual_n_distinct": n_distinct,
        "usual_row_noise_nm": reference.row_noise,
        "usual_relief_nm": reference.peak_to_valley,
        "usual_roughness_nm": reference.roughness,
        "wild_step_nm": reference.outlier_step,
        "scar_step_nm": reference.scar_step,
        "quiet_step_nm": reference.quiet_step,
        "jump_limit_nm": jump_limit,
    }
    return FrameQuality(pd.DataFrame(table), {**asdict(limits), **learnt})


def _frame_table(
    figures: Figures,
    lines: rules.LineFlags,
    blank: BoolArray,
    reference: rules.Reference,
    limits: QualityLimits,
) -> tuple[dict[str, Any], float]:
    """Return the columns of the table (saturation and reasons still empty) and the limit of a jump."""
    n, h = lines.dead.shape
    torn, partly = flags.find_torn(lines, blank, limits)
    repeat = flags.find_repeats(figures, blank)
    scrambled = flags.find_scrambled(figures, ~blank & ~torn & ~partly & ~repeat)
    usable = ~blank & ~torn & ~scrambled & (~partly | limits.use_partly_torn)
    # A few dead lines in a good frame also count as scars.
    lost = lines.dead & usable[:, None] & ~partly[:, None]
    n_scars = np.where(blank, 0, (lines.scars | lost).sum(axis=1))
    deep = (lines.deep | lost).any(axis=1)
    noise = flags.frame_noise(figures, lines)
    level, extent = flags.frame_levels(figures, lines, usable)
    jump, size, jump_limit = flags.find_jumps(level, extent, reference, limits.jump_sigma)
    jump |= flags.find_drifting(figures, extent, lines, reference, limits.jump_sigma)
    jump |= flags.find_steps(lines)
    pool = usable if usable.any() else ~blank
    table: dict[str, Any] = {
        "frame": np.arange(n),
        "blank": blank,
        "saturated": np.zeros(n, dtype=np.bool_),
        "torn": torn,
        "partly_torn": partly,
        "repeat": repeat,
        "scrambled": scrambled,
        "scars": ~blank & ~torn & (deep | (n_scars >= limits.min_scar_rows)),
        "jump": usable & jump,
        "rough": usable & flags.find_rough(noise, pool, noise_floor(figures), limits),
        "usable": usable,
        "reason": "",
        "value_range_nm": flags.value_range(figures),
        "saturated_fraction": np.zeros(n),
        "n_distinct": figures["n_distinct"],
        "dead_rows": lines.dead.sum(axis=1),
        "torn_rows": np.where(blank, h, np.where(torn | partly, h - lines.good.sum(axis=1), 0)),
        **noise,
        "level_nm": level,
        "level_range_nm": extent,
        "height_jump_nm": size,
        "n_scar_rows": n_scars,
    }
    return table, jump_limit


def frame_quality(
    block: npt.ArrayLike, limits: QualityLimits | None = None, **changes: float | int | bool
) -> FrameQuality:
    """Flag the frames of a movie that are blank, torn, scarred, jumped or abnormally rough.

    Lines are classified first: dead (saturated, constant or missing), after an outlier step of height, far
    noisier than is typical, or on the surface. The references (noise between lines, noise within them,
    peak-to-valley height) are medians or lower quartiles over the movie's frames that have a surface, so that
    they are valid as long as a quarter of these is good. All limits are fractions or multiples of the references;
    units do not matter. Use the heights as they were loaded: levelling hides saturation and steps.

    Parameters
    ----------
    block
        Raw heights (n, h, w) of the whole movie, int or float, in any unit; NaN and infinite pixels are missing.
    limits
        Limits from which lines and frames are flagged; None for the defaults.
    **changes
        Single limits by name, which replace those in `limits`: see `QualityLimits`.

    Returns
    -------
    FrameQuality
        ``table``, one row per frame: ``frame`` (from 0); the flags ``blank`` (no line measures the
        surface), ``saturated``, ``torn`` (the tip lost the surface, less than ``min_good_rows`` of the
        lines are on it), ``partly_torn`` (the same, with more of them), ``repeat`` (equal to an earlier frame to
        the bit), ``scrambled`` (pixels or lines out of order), ``scars`` (lines or parts of
        lines that differ from both neighbours), ``jump`` (its level differs from that of the previous frame, or
        the height drifts or steps within it), ``rough``; ``usable`` (not blank, torn, partly torn, repeated or
        scrambled; the other flags are warnings); ``reason`` in words; and in the unit of the heights, or counts:
        ``value_range_nm``, ``saturated_fraction``, ``n_distinct`` (counted up to 16), ``dead_rows``,
        ``torn_rows`` (lines not on the surface, of blank and torn frames), ``roughness_nm`` (standard
        deviation about level and profile of the lines), ``row_noise_nm`` (standard deviation of the steps between
        lines), ``pixel_noise_nm`` (of the quieter lines), ``level_nm``, ``level_range_nm`` (within the
        frame, slope removed),
        ``height_jump_nm`` (from the usable frame before, drift removed), ``n_scar_rows``.
        ``thresholds``: the limits, and the values estimated: ``rail_low_nm, rail_high_nm`` (minimum and maximum
        of the movie), ``coarse_heights`` (neighbours are mostly equal: only constant frames are blank),
        ``noise_free`` (a simulated or smoothed movie: repeats are then normal),
        ``usual_pixel_step_nm, usual_n_distinct, usual_row_noise_nm, usual_relief_nm, usual_roughness_nm`` (the
        references), and ``wild_step_nm`` (from which a step is an outlier), ``scar_step_nm, quiet_step_nm,
        jump_limit_nm``.

    Raises
    ------
    ParameterError
        If the block does not have the axes (frame, y, x), or a limit is unknown or out of its range.

    Notes
    -----
    A frame that is wrong in the same way as all others is not flagged: the movie itself is the reference.
    Jumps are detected in movies of four usable frames or more. Abnormal frames are outliers by the median absolute
    deviation (Leys et al. 2013).

    References
    ----------
    C. Leys et al., J. Exp. Soc. Psychol. 49, 764 (2013), doi:10.1016/j.jesp.2013.03.013.

    Examples
    --------
    >>> movie = np.random.default_rng(0).normal(size=(5, 64, 64))
    >>> movie[1] = 450.0
    >>> movie[3, 40:] = 450.0
    >>> frame_quality(movie).table.loc[[1, 3], ["reason", "usable"]].values.tolist()
    [['blank: no line measures the surface; saturated: 100 % of the pixels', False], \
['partly torn: 24 of 64 lines off the surface; saturated: 37.5 % of the pixels', False]]
    >>> int(frame_quality(movie, use_partly_torn=True).table["usable"].sum())
    4
    """
    unknown = set(changes) - {field.name for field in fields(QualityLimits)}
    if unknown:
        raise ParameterError(f"frame_quality has no limit {', '.join(sorted(unknown))}")
    values: dict[str, Any] = changes
    return judge_frames(frame_figures(block), replace(limits or QualityLimits(), **values))
