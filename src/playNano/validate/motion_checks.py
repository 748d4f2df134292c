"""How the pipeline's own settings change D: search range, border, and particles cut off by the border.

These figures are those of the user's tracks; nothing is replanted.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from playNano.algorithms.measurement.diffusion.search_range import (
    MAX_SHARE,
    MIN_STEPS,
    needed_range_nm,
    share_in_last_fifth,
)
from playNano.core.provenance import outputs_of_kind
from playNano.validate.running import PipelineInEffect, Run, Steps
from playNano.validate.scores import POSITION, Place

if TYPE_CHECKING:
    import pandas as pd

    from playNano.afm_stack import AFMImageStack

FloatArray = npt.NDArray[np.float64]

# Steps that start farther from the border than this many standard deviations of a step are rarely lost there.
_BORDER_SD = 3.0
# Differences of D above this fraction are mentioned.
_WORTH = 0.05


@dataclass(frozen=True)
class MotionChecks:
    """D of the user's tracks, and how the settings change it.

    Parameters
    ----------
    diffusion_nm2_s
        D of all tracks, nm²/s.
    search_range_nm
        Search range in effect, nm; nan where it is not known.
    share_in_last_fifth
        Fraction of the steps in its last fifth.
    needed_range_nm
        A search range in whose last fifth half a percent of the steps would lie, nm; nan where the present one is long
        enough.
    away_from_border_nm2_s
        D of steps that start three standard deviations of a step away from the border; nan where these are few.
    remove_edge
        Whether particles cut off by the border are left out; None where the detection has no such parameter.
    other_remove_edge_nm2_s, other_away_nm2_s
        D, and D away from the border, with the other value of it; nan where it has none.
    messages
        What follows from these, in words.
    """

    diffusion_nm2_s: float
    search_range_nm: float
    share_in_last_fifth: float
    needed_range_nm: float
    away_from_border_nm2_s: float
    remove_edge: bool | None
    other_remove_edge_nm2_s: float
    other_away_nm2_s: float
    messages: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON types."""
        return {**asdict(self), "messages": list(self.messages)}


def check_motion(
    run: Run, pipeline: PipelineInEffect, processed: AFMImageStack, place: Place
) -> MotionChecks | None:
    """Measure how search range and border change D of the user's tracks.

    Parameters
    ----------
    run
        Result of the pipeline on the movie.
    pipeline
        The pipeline.
    processed
        The movie, processed.
    place
        Frame of the movie.

    Returns
    -------
    MotionChecks
        None for a pipeline without tracks, or a movie without times.
    """
    if run.tracks is None or "time_s" not in run.tracks:
        return None
    nan = float("nan")
    d, away, steps = step_diffusion(run.tracks, place)
    limit = _search_range_nm(run)
    share = share_in_last_fifth(steps, limit) if np.isfinite(limit) else nan
    needed = needed_range_nm(share, limit) if share > MAX_SHARE else nan
    switched = _other_edge(pipeline)
    other = other_away = nan
    if switched is not None:
        tracks = pipeline.run(processed, switched[1]).tracks
        if tracks is not None:
            other, other_away, _ = step_diffusion(tracks, place)
    checks = MotionChecks(
        d, limit, share, needed, away, switched[0] if switched else None, other, other_away, ()
    )
    return MotionChecks(**{**asdict(checks), "messages": _messages(checks)})


def step_diffusion(tracks: pd.DataFrame, place: Place) -> tuple[float, float, FloatArray]:
    """Return D of all steps, D of those that start away from the border, and the lengths of the steps.

    Parameters
    ----------
    tracks
        Columns `frame`, `track_id`, `time_s`, `y_nm`, `x_nm`.
    place
        Frame of the movie.

    Returns
    -------
    all_nm2_s, away_nm2_s : float
        Diffusion coefficients, corrected for the localisation error; nan with fewer than fifty steps.
    lengths_nm : ndarray of float64
        Of the steps from one frame to the next.
    """
    table = tracks[tracks["track_id"] >= 0].sort_values(["track_id", "frame"])
    frame, track = table["frame"].to_numpy(), table["track_id"].to_numpy()
    time = table["time_s"].to_numpy(np.float64)
    at = table[list(POSITION)].to_numpy(np.float64)
    follows = (np.diff(track) == 0) & (np.diff(frame) == 1)
    wait = np.diff(time)
    step = np.diff(at, axis=0)
    if follows.sum() < MIN_STEPS or not wait[follows].sum() > 0:
        return float("nan"), float("nan"), np.hypot(*step[follows].T)
    step = step - step[follows].sum(axis=0) / wait[follows].sum() * wait[:, None]
    squared = (step**2).sum(axis=1)
    # Twice minus the covariance of successive steps is four times the squared localisation error.
    noise = -2 * (step[:-1] * step[1:]).sum(axis=1)
    twice = follows[:-1] & follows[1:]
    sd = float(np.sqrt(squared[follows].mean() / 2))
    inside = place.inner(table, _BORDER_SD * sd)

    def of(start: npt.NDArray[np.bool_]) -> float:
        """Return D of the steps that start at some of the points."""
        use, both = follows & start[:-1], twice & start[:-2] & start[1:-1]
        if use.sum() < MIN_STEPS or not both.any():
            return float("nan")
        excess = max(float(noise[both].mean()), 0.0)
        return float(max(squared[use].mean() - excess, 0.0) / (4 * wait[use].mean()))

    return of(np.ones(len(table), dtype=bool)), of(inside), np.sqrt(squared[follows])


def _search_range_nm(run: Run) -> float:
    """Return the search range in effect."""
    outputs = outputs_of_kind(run.record, "tracking")
    for output in reversed(list(outputs.values())):
        search = (output.get("summary") or {}).get("search") or {}
        if search.get("max_distance_nm") is not None:
            return float(search["max_distance_nm"])
    return float("nan")


def _other_edge(pipeline: PipelineInEffect) -> tuple[bool, Steps] | None:
    """Return whether the detection leaves out particles cut off by the border, and the steps with the other value."""
    for k in pipeline.scored:
        value = pipeline.steps[k][1].get("remove_edge")
        if isinstance(value, bool):
            steps = [
                (name, {**params, "remove_edge": not value} if i == k else params)
                for i, (name, params) in enumerate(pipeline.steps)
            ]
            return value, steps
    return None


def _messages(c: MotionChecks) -> tuple[str, ...]:
    """Say what follows."""
    out = []
    if np.isfinite(c.needed_range_nm):
        out.append(
            f"D is low, by up to half: {100 * c.share_in_last_fifth:.2g} % of the steps lie in the last fifth of the "
            f"search range of {c.search_range_nm:.3g} nm; set max_distance_nm of the tracking to "
            f"{c.needed_range_nm:.2g}"
        )
    d, away = c.diffusion_nm2_s, c.away_from_border_nm2_s
    if np.isfinite(away) and d > 0 and abs(away / d - 1) > _WORTH:
        out.append(
            f"D is {d:.3g} nm²/s with all steps and {away:.3g} nm²/s with those that start three standard deviations "
            "from the border: long steps that leave the field are never seen"
        )
    other = c.other_away_nm2_s if np.isfinite(away) else c.other_remove_edge_nm2_s
    mine = away if np.isfinite(away) else d
    if np.isfinite(other) and mine > 0 and abs(other / mine - 1) > _WORTH:
        value, opposite = str(c.remove_edge).lower(), str(not c.remove_edge).lower()
        out.append(
            f"D is {mine:.3g} nm²/s with remove_edge={value} and {other:.3g} nm²/s with remove_edge={opposite}: mobile "
            "particles reach the border more often, and are left out more often"
        )
    return tuple(out)
