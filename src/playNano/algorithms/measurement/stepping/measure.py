"""Velocities, run lengths and steps of molecules that move along a path."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from playNano.algorithms.measurement.comparison.random_effects import random_mean
from playNano.algorithms.measurement.intervals import NONE
from playNano.algorithms.measurement.plain_tables import tracks_from_table
from playNano.algorithms.measurement.results import named_by_clock
from playNano.algorithms.measurement.stepping.options import SteppingOptions
from playNano.algorithms.measurement.stepping.paths import along_lines, along_polyline, corners_of
from playNano.algorithms.measurement.stepping.runs import run_length
from playNano.algorithms.measurement.stepping.step_tables import StepResults, measure_steps
from playNano.algorithms.measurement.stepping.tables import ALL, RUNS, SPEEDS, STEPS, filled_table
from playNano.algorithms.measurement.stepping.velocity import Velocities, fit_velocities, increments_of
from playNano.algorithms.measurement.tracked_movie import TrackedMovie

if TYPE_CHECKING:
    import pandas as pd

    from playNano.algorithms.measurement.window import Window

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
MIN_TRACKS = 3

MAX_STILL = 0.5
"""Fraction of tracks that may stand above which lines through each track, along which velocities are positive, give no
mean."""


@dataclass(frozen=True)
class Pieces:
    """The parts of tracks that are measured, each with two detections or more.

    Parameters
    ----------
    row
        Rows of the movie's table, (N,).
    piece
        Number of the piece of each, 0 to n - 1, (N,).
    first, last
        Index in `row` of the first and last detection of each piece, (n,).
    along, away
        Place along the path, and distance from it, (N,) nm.
    time
        Times, (N,) s.
    """

    row: Ints
    piece: Ints
    first: Ints
    last: Ints
    along: Floats
    away: Floats
    time: Floats

    def __len__(self) -> int:
        return len(self.first)


def stepping(
    tracks: pd.DataFrame,
    *,
    frame_interval_s: float | None = None,
    pixel_size_nm: float | tuple[float, float] | None = None,
    window: Window | None = None,
    path: str | Sequence[Sequence[float]] = "line",
    beta: float = 2.0,
    step_nm: float | None = None,
    min_length: int = 5,
    edge_band: float = 1.5,
    level: float = 0.95,
) -> dict[str, pd.DataFrame]:
    """Measure velocities, run lengths and steps of tracks along a path.

    Parameters
    ----------
    tracks
        A row a detection: ``track_id`` (or ``particle``), ``frame``, the place, and ``time_s`` if it is known.
    frame_interval_s
        Time from frame to frame, s, for tables without ``time_s``.
    pixel_size_nm
        Pixel size, or (y, x), nm, for tables with places in px.
    window
        In which a particle can be detected; None: unbounded.
    path
        "line": a straight line through each track; or the corners (y, x), nm, of one path.
    beta
        Penalty of a step, in units of the logarithm of the number of detections times the variance of the noise, > 0.
    step_nm
        Size of a step, nm; None: the median of those that are found.
    min_length
        Minimum number of detections of a run, >= 2.
    edge_band
        Distance from the border at which an end may be a departure from the field, in displacements between frames.
    level
        Coverage of the intervals, 0 to 1.

    Returns
    -------
    dict
        ``speeds, runs, steps``; see `measure_stepping`.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"track_id": 0, "frame": range(8), "y_nm": 0.0, "x_nm": np.arange(8) * 10.0})
    >>> float(stepping(table, frame_interval_s=0.5)["speeds"]["velocity_nm_s"].iloc[0].round(6))
    20.0
    """
    movie = tracks_from_table(
        tracks, frame_interval_s=frame_interval_s, pixel_size_nm=pixel_size_nm, window=window
    )
    path = path if isinstance(path, str) else tuple(tuple(map(float, corner)) for corner in path)
    options = SteppingOptions(path, beta, step_nm, min_length, edge_band, 0.0, level)
    return measure_stepping(movie, options)[0]


def measure_stepping(
    movie: TrackedMovie, options: SteppingOptions | None = None
) -> tuple[dict[str, pd.DataFrame], list[str]]:
    """Measure velocities, run lengths and steps along a path.

    Parameters
    ----------
    movie
        The tracks; they are cut at merges, splits and doubtful links, and detections that the border of the frame cuts
        (``touches_edge``) are left out.
    options
        Path, penalty, minimum length; None for the defaults.

    Returns
    -------
    tables : dict
        ``speeds``: a row a track, by generalised least squares on the times at which the tip passed, and a row with
        ``track_id`` -1 for all: mean velocity with its interval over tracks, standard deviation between tracks,
        diffusion along the path about the velocity, error of places, step, randomness (variance of the displacement in
        units of that of independent steps).
        ``runs``: a row a track with its length and ``end_reason``, and a row -1 with the mean length of runs.
        ``steps``: a row a step, where steps are resolved (velocity times frame time below 0.15 steps).
    messages : list of str
        What makes the results doubtful.
    """
    options = options or SteppingOptions()
    pieces = _pieces(movie, options)
    if not len(pieces):
        empty = {
            "speeds": filled_table([], SPEEDS),
            "runs": filled_table([], RUNS),
            "steps": filled_table([], STEPS),
        }
        return {name: named_by_clock(table, movie.clock) for name, table in empty.items()}, []
    fit = fit_velocities(increments_of(pieces.along, pieces.time, pieces.piece))
    track = movie.track()[pieces.row[pieces.first]]
    interval = movie.frames.interval_s
    frame = movie.table["frame"].to_numpy(np.int64)[pieces.row]
    found = measure_steps((pieces.along, pieces.time, frame), pieces.piece, track, fit, interval, options)
    speeds = _speed_rows(pieces, track, fit, found, options)
    runs = _run_rows(movie, pieces, track, fit, options)
    still = sum(row["velocity_low_nm_s"] <= 0 <= row["velocity_high_nm_s"] for row in speeds[:-1])
    if isinstance(options.path, str) and still > MAX_STILL * len(pieces):
        for row, stem in ((speeds[-1], "velocity"), (runs[-1], "run_length")):
            row |= {name: np.nan for name in row if name.startswith(stem)} | {"status": "unresolved"}
        speeds[-1]["randomness"] = np.nan
    tables = {
        "speeds": filled_table(speeds, SPEEDS),
        "runs": filled_table(runs, RUNS),
        "steps": filled_table(found.rows, STEPS),
    }
    return (
        {name: named_by_clock(table, movie.clock) for name, table in tables.items()},
        [*_doubts(movie, still, speeds), *found.messages],
    )


def _pieces(movie: TrackedMovie, options: SteppingOptions) -> Pieces:
    """Return the parts of tracks with two detections or more, with places along the path.

    Particles that the border of the frame cuts are left out: the centre of what is left of them lags behind.
    """
    corners = corners_of(options.path)
    number = movie.pieces(options.min_confidence)
    position, time = movie.position_nm(), movie.column("time_s")
    length = np.bincount(number, movie.whole) if len(number) else np.empty(0)
    row = np.flatnonzero(movie.whole & (length[number] >= 2)) if len(number) else np.empty(0, np.int64)
    _, piece = np.unique(number[row], return_inverse=True)
    place = position[row]
    if not len(row):
        along = away = np.empty(0)
    elif corners is None:
        along, away = along_lines(place, time[row], piece)
    else:
        along, away = along_polyline(place, corners)
    begins = np.flatnonzero(np.append(True, np.diff(piece) > 0)) if len(row) else row
    last = np.append(begins[1:], len(row)) - 1 if len(row) else row
    return Pieces(row, piece, begins, last, along, away, time[row])


def _speed_rows(
    pieces: Pieces, track: Ints, fit: Velocities, found: StepResults, options: SteppingOptions
) -> list[dict[str, Any]]:
    """Return the velocity of each piece, and that of all."""
    n = np.bincount(pieces.piece)
    rms = np.sqrt(np.bincount(pieces.piece, pieces.away**2) / n)
    known = fit.degrees > 0
    width = (
        float(stdtrit(fit.degrees, (1 + options.level) / 2)) * fit.error if known else np.full(len(n), np.nan)
    )
    how = {"n_movies": 1, "ci_method": "t"}
    rows = [
        {
            "track_id": track[k], "velocity_nm_s": fit.velocity[k], "velocity_low_nm_s": fit.velocity[k] - width[k],
            "velocity_high_nm_s": fit.velocity[k] + width[k], "path_rms_nm": rms[k], "n_detections": n[k],
            "duration_s": pieces.time[pieces.last[k]] - pieces.time[pieces.first[k]], "n_tracks": 1,
            "n_steps": found.n_steps[k], "step_status": found.status[k], "ci_unit": "track",
            "status": "ok" if known else "too_short", **how,
        }
        for k in range(len(n))
    ]  # fmt: skip
    mean = random_mean(fit.velocity, fit.error)
    enough = len(n) >= MIN_TRACKS and known
    low, high = mean.interval(options.level) if enough else NONE
    speed = abs(mean.value)
    randomness = 2 * fit.diffusion / (found.step * speed) if found.step > 0 and speed > 0 else np.nan
    overall = {
        "track_id": ALL, "velocity_nm_s": mean.value, "velocity_low_nm_s": low, "velocity_high_nm_s": high,
        "velocity_sd_nm_s": mean.tau if enough else np.nan, "path_rms_nm": np.sqrt(np.mean(pieces.away**2)),
        "duration_s": float((pieces.time[pieces.last] - pieces.time[pieces.first]).sum()),
        "diffusion_nm2_s": fit.diffusion if known else np.nan, "localization_nm": fit.noise if known else np.nan,
        "step_nm": found.step, "randomness": randomness if known else np.nan, "n_steps": int(found.n_steps.sum()),
        "step_status": found.overall, "n_detections": len(pieces.piece), "n_tracks": len(np.unique(track)),
        "ci_unit": "track", "status": "ok" if enough else "too_few_tracks", **how,
    }  # fmt: skip
    return [*rows, overall]


def _run_rows(
    movie: TrackedMovie, pieces: Pieces, track: Ints, fit: Velocities, options: SteppingOptions
) -> list[dict[str, Any]]:
    """Return the run of each piece, and the mean length of all."""
    time, frame = movie.column("time_s"), movie.table["frame"].to_numpy(np.int64)
    place = movie.position_nm(corrected=False)
    interval = movie.frames.interval_s
    pace = np.abs(fit.velocity[pieces.piece]) * interval + np.sqrt(2 * fit.diffusion * interval)
    near = movie.window.distance_nm(place[pieces.row, 0], place[pieces.row, 1]) < options.edge_band * pace
    reason = [_end_reason(movie, pieces, k, bool(near[pieces.last[k]])) for k in range(len(pieces))]
    count = np.bincount(pieces.piece)
    long = count >= options.min_length
    # What was travelled after the run had its minimum length, where it could not leave the field.
    rank = np.arange(len(pieces.piece)) - pieces.first[pieces.piece]
    counted = (rank[:-1] >= options.min_length - 1) & (pieces.piece[1:] == pieces.piece[:-1]) & ~near[:-1]
    travelled: Floats = np.zeros(len(pieces))
    np.add.at(travelled, pieces.piece[1:][counted], np.diff(pieces.along)[counted])
    last = pieces.row[pieces.last]
    wait = movie.frames.next_pass_s(frame[last], place[last, 0]) - time[last]
    after = np.maximum(np.abs(fit.velocity), fit.error) * np.where(np.isfinite(wait), wait, 0.0)
    ended = np.array([why == "left" for why in reason]) & long
    mean = run_length(travelled[long], np.maximum(after[long], 1e-9), ended[long], options.level)
    rows = [
        {
            "track_id": track[k], "start_frame": frame[pieces.row[pieces.first[k]]], "last_frame": frame[last[k]],
            "start_time_s": pieces.time[pieces.first[k]], "last_time_s": pieces.time[pieces.last[k]],
            "run_length_nm": pieces.along[pieces.last[k]] - pieces.along[pieces.first[k]],
            "travelled_nm": travelled[k] if long[k] else np.nan, "n_ends": int(ended[k]),
            "censored_end": reason[k] != "left", "end_reason": reason[k], "n_detections": count[k], "n_tracks": 1,
            "n_movies": 1, "status": "ok" if long[k] else "too_short",
        }
        for k in range(len(pieces))
    ]  # fmt: skip
    overall = {
        "track_id": ALL, "start_frame": -1, "last_frame": -1, "run_length_nm": mean.value,
        "run_length_low_nm": mean.interval[0], "run_length_high_nm": mean.interval[1],
        "travelled_nm": float(travelled[long].sum()), "n_ends": mean.n_ends, "n_detections": int(count[long].sum()),
        "n_tracks": int(long.sum()), "n_movies": 1, "ci_method": "gamma", "ci_unit": "event", "status": mean.status,
        "censored_end": False,
    }  # fmt: skip
    return [*rows, overall]


def _end_reason(movie: TrackedMovie, pieces: Pieces, k: int, near: bool) -> str:
    """Return why a piece ends."""
    row, track = int(pieces.row[pieces.last[k]]), movie.track()
    if row + 1 < len(track) and track[row + 1] == track[row]:
        return "merge" if movie.cut_before[row + 1] else "low_confidence"
    if int(track[row]) in movie.ends_in_merge:
        return "merge"
    if int(movie.frames.next_observed(movie.table["frame"].to_numpy(np.int64)[row])) < 0:
        return "movie_end"
    return "edge" if near else "left"


def _doubts(movie: TrackedMovie, still: int, speeds: list[dict[str, Any]]) -> list[str]:
    """Return what makes velocities doubtful."""
    doubts = []
    if movie.clock == "frame":
        doubts.append(
            "times are those of frames, not of lines: a velocity v along the slow axis is wrong by a factor of about "
            "1 + v / (field / frame time)"
        )
    if still:
        text = f"{still} of {len(speeds) - 1} tracks have a velocity that may be 0"
        if speeds[-1]["status"] == "unresolved":
            text += (
                "; along a line through each track they would raise the mean, which is not given: give a path"
            )
        doubts.append(text)
    return doubts
