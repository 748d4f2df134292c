"""Rotational diffusion, order of axes, and distances of pairs, from tracks with an orientation."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from playNano.algorithms.measurement.intervals import jackknife_t
from playNano.algorithms.measurement.measured import Measured, table_of
from playNano.algorithms.measurement.results import Headline
from playNano.algorithms.measurement.rotation.fit import RotationFit, fit_rotation
from playNano.algorithms.measurement.rotation.options import RotationOptions
from playNano.algorithms.measurement.rotation.pairs import PAIRS, pair_distances
from playNano.algorithms.measurement.rotation.sequences import Orientations, correlation, orientations_of
from playNano.algorithms.measurement.tracked_movie import TrackedMovie

Floats = npt.NDArray[np.float64]
NAN = float("nan")

COUNTS = {
    "status": "str",
    "ci_method": "str",
    "ci_unit": "str",
    "n_detections": "int64",
    "n_tracks": "int64",
    "n_movies": "int64",
}
ROTATION = {
    **dict.fromkeys(
        ("rotation_rad2_s", "rotation_low_rad2_s", "rotation_high_rad2_s", "orientation_error_rad", "differ_p",
         "turn_rad_s", "turn_p", "axial_order", "axial_direction_rad", "axial_p"),
        "float64",
    ),
    "n_left_out": "int64",
    **COUNTS,
}  # fmt: skip
CORRELATION = {
    "lag": "int64",
    **dict.fromkeys(("lag_s", "correlation", "correlation_low", "correlation_high", "fit"), "float64"),
    "n_pairs": "int64",
    **COUNTS,
}
MAX_BLUR = 0.1
"""Fraction of a frame in which the tip passes a molecule, above which its turning meanwhile is remarked."""

MAX_DETECTIONS = 50_000
"""Detections to which the diffusion is fitted; more would take long and add nothing to its precision."""

FAST_TURN = 0.25
"""Variance of the rotation in a frame, D_r T, above which the estimate is remarked to be low."""

MAX_LAG = 10
"""Lags in the table of the correlation, frames."""


def measure_rotation(movie: TrackedMovie, options: RotationOptions | None = None) -> Measured:
    """Measure the rotational diffusion of molecules about the normal of the surface.

    Parameters
    ----------
    movie
        Tracks of detections with ``orientation_rad``, ``eccentricity`` and ``touches_edge``.
    options
        See `RotationOptions`.

    Returns
    -------
    Measured
        ``rotation``: one row with the diffusion coefficient of all tracks together, the error of an orientation, a test
        for tracks that differ and one for steady turning, and the common axis of the molecules.
        ``orientation_correlation``: <cos 2(difference of orientation)> by lag. ``pairs``: distances of pairs.

    Raises
    ------
    ParameterError
        The detections have no orientation.
    """
    options = options or RotationOptions()
    pairs = pair_distances(movie, options.max_pair_nm)
    if not len(movie.table):
        return Measured(_tables([], [], pairs), (_headline(RotationFit(NAN, status="too_few_tracks"), 0),))
    given = orientations_of(movie, options)
    left_out = len(movie.table) - len(given.theta)
    if movie.frames.n_frames < 2:
        fit = RotationFit(NAN, status="one_frame")
    elif not len(given.theta):
        fit = RotationFit(NAN, status="too_few_tracks")
    else:
        fitted = given.thinned(MAX_DETECTIONS)
        fit = fit_rotation(fitted, movie.frames.interval_s, options.bins, options.level)
    turn, turn_p = _steady_turn(given)
    order, axis, axis_p = axial_order(given)
    counts = {"n_detections": len(given.theta), "n_tracks": given.n_tracks, "n_movies": 1}
    row = {
        "rotation_rad2_s": fit.diffusion,
        "rotation_low_rad2_s": fit.interval[0],
        "rotation_high_rad2_s": fit.interval[1],
        "orientation_error_rad": fit.error,
        "differ_p": fit.differ_p,
        "turn_rad_s": turn,
        "turn_p": turn_p,
        "axial_order": order,
        "axial_direction_rad": axis,
        "axial_p": axis_p,
        "n_left_out": left_out,
        "status": fit.status,
        "ci_method": fit.method,
        "ci_unit": "track" if fit.method else "",
        **counts,
    }
    lags = _correlations(given, fit, options.level)
    headline = _headline(fit, given.n_tracks)
    said = (*_messages(row), *_blurred(movie))
    if fit.diffusion * movie.frames.interval_s > FAST_TURN:
        said += ("molecules turn far from frame to frame: D_r is low by 10 to 20 % at 0.4 rad2 a frame",)
    if len(given.theta) > MAX_DETECTIONS:
        said += (
            f"D_r is fitted to about {MAX_DETECTIONS} of the detections, in pieces of tracks at equal distances",
        )
    return Measured(_tables([row], lags, pairs), (headline,), said, _warnings(row))


def _tables(rows: list[Any], lags: list[Any], pairs: Any) -> dict[str, Any]:
    return {
        "rotation": table_of(rows, ROTATION),
        "orientation_correlation": table_of(lags, CORRELATION),
        "pairs": pairs if len(pairs) else table_of([], PAIRS),
    }


def _correlations(given: Orientations, fit: RotationFit, level: float) -> list[dict[str, Any]]:
    """Return the rows of the table of correlations by lag."""
    rows = []
    for lag in range(1, MAX_LAG + 1 if len(given.theta) else 1):
        cosine, time, count, _ = correlation(given, lag)
        n_pairs = int(count.sum())
        if not n_pairs:
            break
        cosine, time, count = cosine[count > 0], time[count > 0], count[count > 0]
        value, lag_s = cosine.sum() / n_pairs, time.sum() / n_pairs
        with np.errstate(invalid="ignore"):
            left_out = (cosine.sum() - cosine) / (n_pairs - count)
        low, high = jackknife_t(float(value), left_out, level)
        known = bool(np.isfinite(low))
        rows.append(
            {
                "lag": lag,
                "lag_s": lag_s,
                "correlation": value,
                "correlation_low": max(low, -1.0) if known else NAN,
                "correlation_high": min(high, 1.0) if known else NAN,
                "fit": np.exp(-4 * (fit.error**2 + fit.diffusion * lag_s)),
                "n_pairs": n_pairs,
                "status": "ok" if known else "too_few_tracks",
                "ci_method": "jackknife_t" if known else "",
                "ci_unit": "track" if known else "",
                "n_detections": len(given.theta),
                "n_tracks": len(count),
                "n_movies": 1,
            }
        )
    return rows


def _steady_turn(given: Orientations) -> tuple[float, float]:
    """Return the mean angular velocity, rad/s, and the p of Student's test over tracks that there is none."""
    from scipy.stats import ttest_1samp

    follows = given.follows
    if not follows.any():
        return NAN, NAN
    tracks, number = np.unique(given.track[1:][follows], return_inverse=True)
    step, lag = given.steps[follows], np.diff(given.time)[follows]
    by_track = np.bincount(number, step) / np.bincount(number, lag)
    turn = float(step.sum() / lag.sum())
    if len(tracks) < 3 or not by_track.std() > 0:
        return turn, NAN
    return turn, float(ttest_1samp(by_track, 0.0).pvalue)


def axial_order(given: Orientations) -> tuple[float, float, float]:
    """Return order and direction of a common axis, and the p of Rayleigh's test with one axis a track.

    The order is the length of the mean of exp(2 i theta): 0 for axes in all directions, 1 for parallel ones.

    Parameters
    ----------
    given
        Orientations.

    Returns
    -------
    tuple of float
        Order, 0 to 1; direction, rad; p, NaN for fewer than three tracks.

    References
    ----------
    Mardia, Jupp: Directional Statistics, 2000, section 6.3.
    """
    tracks, number = np.unique(given.track, return_inverse=True)
    n = len(tracks)
    if not n:
        return NAN, NAN, NAN
    doubled = np.exp(2j * given.theta)
    count = np.bincount(number)
    mean = (np.bincount(number, doubled.real) + 1j * np.bincount(number, doubled.imag)) / count
    whole = mean.mean()
    if n < 3:
        return float(np.abs(whole)), float(np.angle(whole) / 2 % np.pi), NAN
    size = np.abs((mean / np.abs(mean)).sum())
    p = np.exp(np.sqrt(1 + 4 * n + 4 * (n**2 - size**2)) - (1 + 2 * n))
    return float(np.abs(whole)), float(np.angle(whole) / 2 % np.pi), float(min(p, 1.0))


def _headline(fit: RotationFit, n_tracks: int) -> Headline:
    """Return the diffusion coefficient as a line."""
    return Headline("D_r", fit.diffusion, "rad2_s", *fit.interval, n=n_tracks, status=fit.status)


def _messages(row: dict[str, Any]) -> tuple[str, ...]:
    """Return remarks on the result."""
    said = []
    if row["n_left_out"]:
        said.append(
            f"{row['n_left_out']} of {row['n_left_out'] + row['n_detections']} detections have no "
            f"orientation that counts "
            "(round, at the border, or alone in their track)"
        )
    if row["status"] == "unresolved":
        said.append(
            "molecules turn too far from frame to frame for their rotation to be resolved: scan faster"
        )
    if row["differ_p"] < 0.01:
        said.append("tracks differ in their rotation: D_r is an average, with an interval over tracks")
    if row["axial_p"] < 0.01:
        said.append(
            f"axes are aligned along {np.degrees(row['axial_direction_rad']):.0f} degrees from y (p = "
            f"{row['axial_p']:.1g}): an order of the molecules, or of the scan"
        )
    return tuple(said)


def _blurred(movie: TrackedMovie) -> tuple[str, ...]:
    """Return a remark where molecules turn noticeably while they are scanned."""
    if not {"bbox_min_row", "bbox_max_row"} <= {*movie.table.columns}:
        return ()
    lines = float((movie.table["bbox_max_row"] - movie.table["bbox_min_row"]).median())
    part = lines * movie.frames.line_time_s / movie.frames.interval_s
    if not part > MAX_BLUR:
        return ()
    return (
        f"a molecule is scanned in {100 * part:.0f} % of a frame and turns meanwhile: D_r may be low by as much",
    )


def _warnings(row: dict[str, Any]) -> tuple[str, ...]:
    """Return doubts about the result."""
    if row["turn_p"] < 0.001:
        return (
            f"rotation: molecules turn steadily by {row['turn_rad_s']:.2g} rad a unit of time (p = "
            f"{row['turn_p']:.1g}), "
            "which D_r contains",
        )
    return ()
