"""Steps of all tracks, where the movie resolves them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from playNano.algorithms.measurement.results import Status
from playNano.algorithms.measurement.stepping.options import SteppingOptions
from playNano.algorithms.measurement.stepping.steps import Steps, find_steps
from playNano.algorithms.measurement.stepping.velocity import Velocities, fit_velocities, increments_of

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MAX_STEPS_PER_FRAME = 0.15
"""Velocity times frame time over the step above which several steps fall into a frame."""

MAX_DIFFUSION = 0.005
"""Diffusion between steps, times frame time over the variance of a place, above which false steps appear."""

MIN_INCREMENTS = 100


@dataclass(frozen=True)
class StepResults:
    """Steps of all pieces.

    Parameters
    ----------
    rows
        Rows of the table ``steps``.
    n_steps
        Steps of each piece, (n,).
    status
        Of each piece: "ok", "unresolved", "too_short", "no_events".
    overall
        Status of all together.
    step
        Size of a step, nm: the given one, or the median; NaN without steps.
    messages
        What makes the steps doubtful.
    """

    rows: list[dict[str, Any]]
    n_steps: Ints
    status: list[Status]
    overall: Status
    step: float
    messages: list[str]


def measure_steps(
    values: tuple[Floats, Floats, Ints], piece: Ints, track: Ints, fit: Velocities, interval: float,
    options: SteppingOptions,
) -> StepResults:  # fmt: skip
    """Find the steps of each piece, and keep those of pieces in which steps are resolved.

    Parameters
    ----------
    values
        Place along the path, nm, time, s, and frame of each detection, (N,).
    piece
        Number of its piece, 0 to n - 1, (N,).
    track
        Track of each piece, (n,).
    fit
        Velocities of the pieces.
    interval
        Time from frame to frame, s.
    options
        Penalty and size of a step.
    """
    along, time, frame = values
    ends = np.cumsum(np.bincount(piece))[:-1]
    places, times = _split(along, ends), _split(time, ends)
    frames = np.split(frame, ends)
    found = [find_steps(place, options.beta) for place in places]
    sizes = np.concatenate([np.abs(steps.size) for steps in found])
    step = options.step_nm or (float(np.median(sizes)) if sizes.size else float("nan"))
    status: list[Status] = []
    for steps, velocity, place in zip(found, fit.velocity, places, strict=True):
        if len(place) < 3 or not steps.noise > 0:
            status.append("too_short")
        elif abs(velocity) * interval > MAX_STEPS_PER_FRAME * step:
            status.append("unresolved")
        else:
            status.append("ok" if steps.at.size else "no_events")
    rows = [
        row
        for k, steps in enumerate(found)
        if status[k] == "ok"
        for row in _rows(steps, times[k], frames[k], int(track[k]), len(places[k]))
    ]
    n_steps = np.array(
        [s.at.size if why == "ok" else 0 for s, why in zip(found, status, strict=True)], np.int64
    )
    messages = _doubts(found, places, times, status, interval)
    overall: Status = "ok" if "ok" in status else "no_events" if "no_events" in status else status[0]
    if "unresolved" in status:
        messages.append(
            f"steps are not resolved in {status.count('unresolved')} of {len(status)} tracks: they advance by more "
            f"than {MAX_STEPS_PER_FRAME} steps a frame, so that several steps fall into one; scan faster"
        )
        overall = "ok" if rows else "unresolved"
    return StepResults(
        rows, n_steps, status, overall, step if rows or options.step_nm else float("nan"), messages
    )


def _split(values: Floats, ends: Ints) -> list[Floats]:
    return [np.asarray(part, np.float64) for part in np.split(values, ends)]


def _rows(steps: Steps, time: Floats, frame: Ints, track: int, n: int) -> list[dict[str, Any]]:
    """Return the rows of the steps of a piece; the dwell before the first is censored."""
    moment = (time[steps.at] + time[steps.at - 1]) / 2
    before = np.concatenate([[time[0]], moment[:-1]])
    return [
        {
            "track_id": track, "frame": frame[at], "time_s": moment[i], "step_nm": steps.size[i],
            "step_error_nm": steps.error[i], "dwell_before_s": moment[i] - before[i], "dwell_censored": i == 0,
            "n_detections": n, "n_tracks": 1, "n_movies": 1, "status": "ok",
        }
        for i, at in enumerate(steps.at)
    ]  # fmt: skip


def _doubts(
    found: list[Steps], places: list[Floats], times: list[Floats], status: list[Status], interval: float
) -> list[str]:
    """Return a warning where molecules diffuse between steps, which looks like steps."""
    rests: list[Floats] = []
    moments: list[Floats] = []
    number: list[Ints] = []
    for k, steps in enumerate(found):
        if status[k] in ("ok", "no_events"):
            edges = np.concatenate([[0], steps.at, [len(places[k])]]).astype(np.int64)
            for low, high in pairwise(edges.tolist()):
                if high - low > 1:
                    number.append(np.full(high - low, len(number), np.int64))
                    rests.append(places[k][low:high])
                    moments.append(times[k][low:high])
    if sum(map(len, rests)) - len(rests) < MIN_INCREMENTS:
        return []
    still = increments_of(np.concatenate(rests), np.concatenate(moments), np.concatenate(number))
    fit = fit_velocities(still, moving=False)
    share = fit.diffusion * interval / fit.noise**2 if fit.noise > 0 else float("inf")
    if share <= MAX_DIFFUSION:
        return []
    return [
        f"molecules diffuse between steps (D = {fit.diffusion:.2g} nm2/s, {share:.2g} of the variance of a place a "
        "frame): some steps are false"
    ]
