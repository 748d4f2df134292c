"""The table of D: a row for the movie, and a row a track."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from playNano.algorithms.measurement.diffusion.anomalous import AlphaFit
from playNano.algorithms.measurement.diffusion.by_track import covariance_estimates
from playNano.algorithms.measurement.diffusion.columns import MIN_TRACKS, TRACK_COLUMNS, stacked
from playNano.algorithms.measurement.diffusion.confinement import Confinement
from playNano.algorithms.measurement.diffusion.fit import Fitted
from playNano.algorithms.measurement.diffusion.msd import MIN_SHARE
from playNano.algorithms.measurement.diffusion.options import DiffusionOptions
from playNano.algorithms.measurement.diffusion.velocity import directed_motion
from playNano.algorithms.measurement.results import Status

if TYPE_CHECKING:
    import pandas as pd


def movie_status(fitted: Fitted) -> Status:
    """Return the status of the movie's D.

    Parameters
    ----------
    fitted
        All fits.
    """
    if fitted.n_frames == 1:
        return "one_frame"
    if not len(fitted.ids):
        return "too_few_tracks"
    if fitted.steps.kept_share < MIN_SHARE:
        return "at_bound"
    if not fitted.n_tracks_used:
        return "too_short"
    if fitted.n_tracks_used < MIN_TRACKS:
        return "too_few_tracks"
    return "at_bound" if fitted.pooled.diffusion_nm2_s == 0 else "ok"


def track_table(fitted: Fitted, options: DiffusionOptions) -> pd.DataFrame:
    """Return the table of D: the movie's row, then a row a track; empty without tracks.

    Parameters
    ----------
    fitted
        All fits.
    options
        Options in effect.
    """
    if not len(fitted.ids):
        return stacked([[]], TRACK_COLUMNS)
    return stacked([[_movie_row(fitted)], _track_columns(fitted, options)], TRACK_COLUMNS)


def _movie_row(fitted: Fitted) -> dict[str, Any]:
    """Return the row of the movie."""
    pooled, steps = fitted.pooled, fitted.steps
    low, high = pooled.interval
    n_used = fitted.n_tracks_used
    row: dict[str, Any] = {
        "track_id": -1,
        "diffusion_nm2_s": pooled.diffusion_nm2_s,
        "diffusion_low_nm2_s": low if n_used >= MIN_TRACKS else np.nan,
        "diffusion_high_nm2_s": high if n_used >= MIN_TRACKS else np.nan,
        "status": movie_status(fitted),
        "ci_method": "profile" if pooled.at_zero else "jackknife_t",
        "ci_unit": "step" if pooled.at_zero else "track",
        "n_steps": len(steps.time_s),
        "n_steps_edge": int(steps.n_edge.sum()),
        "n_steps_overlap": int(steps.n_overlap.sum()),
        "n_detections": int(fitted.n_detections.sum()),
        "n_tracks": n_used,
        "n_movies": 1,
        "localization_nm": float(np.sqrt(fitted.noise.variance_nm2.mean())),
        "localization_y_nm": float(np.sqrt(fitted.noise.variance_nm2[0])),
        "localization_x_nm": float(np.sqrt(fitted.noise.variance_nm2[1])),
        "diffusion_all_steps_nm2_s": fitted.pooled_all.diffusion_nm2_s,
        "alpha_status": "",
        "confinement_status": "",
    }
    if fitted.velocity is not None:
        for axis, name in enumerate("yx"):
            row[f"velocity_{name}_nm_s"] = fitted.velocity.nm_s[axis]
            ends = fitted.velocity.intervals[axis]
            row[f"velocity_{name}_low_nm_s"], row[f"velocity_{name}_high_nm_s"] = ends
    if fitted.alpha is not None:
        row |= _alpha_row(fitted.alpha)
    return row


def _track_columns(fitted: Fitted, options: DiffusionOptions) -> dict[str, Any]:
    """Return the columns of the rows of tracks."""
    steps, tracks, n = fitted.steps, fitted.tracks, fitted.n_detections
    short = n < options.min_length
    n_needed = 2 if options.noise == "per_track" else 1
    enough = steps.n_steps >= n_needed
    usable = enough & ~short
    in_band = ~enough & ~short & (steps.n_edge > 0)
    status = np.select(
        [usable & tracks.at_zero, usable, in_band], ["at_bound", "ok", "at_bound"], "too_short"
    )
    d = np.where(usable, tracks.diffusion_nm2_s, np.nan)
    positive = np.where(d > 0, d, fitted.pooled.diffusion_nm2_s)
    directed = directed_motion(steps, np.nan_to_num(positive), fitted.noise, options.level)
    directed_ok = usable & (n >= 3)
    covariance, covariance_error = covariance_estimates(steps)
    s = tracks.s_nm2 + tracks.diffusion_nm2_s * fitted.noise.blur_s
    columns: dict[str, Any] = {
        "track_id": fitted.ids,
        "diffusion_nm2_s": d,
        "diffusion_low_nm2_s": np.where(usable, tracks.low_nm2_s, np.nan),
        "diffusion_high_nm2_s": np.where(usable, tracks.high_nm2_s, np.nan),
        "status": status.astype(object),
        "ci_method": "profile",
        "ci_unit": "step",
        "n_steps": steps.n_steps,
        "n_steps_edge": steps.n_edge,
        "n_steps_overlap": steps.n_overlap,
        "n_detections": n,
        "n_tracks": 1,
        "n_movies": 1,
        "localization_nm": np.where(usable, np.sqrt(np.maximum(s, 0.0)), np.nan),
        "diffusion_all_steps_nm2_s": np.where(short, np.nan, fitted.tracks_all.diffusion_nm2_s),
        "diffusion_covariance_nm2_s": np.where(usable, covariance, np.nan),
        "diffusion_covariance_error_nm2_s": np.where(usable, covariance_error, np.nan),
        "directed_p": np.where(directed_ok, directed.p, np.nan),
    }
    for axis, name in enumerate("yx"):
        for part, values in (("", directed.nm_s), ("_low", directed.low_nm_s), ("_high", directed.high_nm_s)):
            columns[f"velocity_{name}{part}_nm_s"] = np.where(directed_ok, values[:, axis], np.nan)
    rows = [_alpha_row(fit) if fit else {} for fit in map(fitted.track_alpha.get, range(len(n)))]
    for name in ("alpha", "alpha_low", "alpha_high", "diffusion_alpha_nm2_salpha"):
        columns[name] = [row.get(name, np.nan) for row in rows]
    columns["alpha_status"] = [row.get("alpha_status", "") for row in rows]
    return columns | _confinement_columns(fitted, len(n))


def _alpha_row(fit: AlphaFit) -> dict[str, Any]:
    """Return the columns of an anomalous exponent."""
    return {
        "alpha": fit.alpha,
        "alpha_low": fit.interval[0],
        "alpha_high": fit.interval[1],
        "diffusion_alpha_nm2_salpha": fit.coefficient,
        "alpha_status": fit.status,
    }


def _confinement_columns(fitted: Fitted, n_tracks: int) -> dict[str, Any]:
    """Return the columns of the confinement: a radius where it is significant, else a lower bound."""
    tests = [fitted.confinement.get(k) for k in range(n_tracks)]
    given = [test if test is not None else Confinement() for test in tests]
    confined = np.array([test.status == "ok" for test in given], np.bool_)
    best, low, high = (
        np.sqrt([getattr(test, name) for test in given]) for name in ("variance_nm2", "low_nm2", "high_nm2")
    )
    return {
        "confined_p": [test.p for test in given],
        "confinement_radius_nm": np.where(confined, 2 * best, np.nan),
        "confinement_radius_low_nm": 2 * low,
        "confinement_radius_high_nm": np.where(confined, 2 * high, np.nan),
        "tether_nm": np.where(confined, best, np.nan),
        "confinement_status": ["" if test is None else test.status for test in tests],
    }
