"""Conservation of volume in merges and splits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from playNano.algorithms.measurement.measured import table_of
from playNano.algorithms.measurement.results import Status
from playNano.algorithms.measurement.tracked_movie import TrackedMovie

if TYPE_CHECKING:
    import pandas as pd

N_SIDE = 5
"""Number of detections on each side of an event from which volumes are measured."""

CONSERVED = (0.7, 1.4)
"""Range of volume of the whole / sum of its parts, outside which the event is doubtful."""

COLUMNS = {
    "kind": "str", "frame": "int64", "track_id": "int64", "partner_id": "int64", "parts_volume_nm3": "float64",
    "whole_volume_nm3": "float64", "ratio": "float64", "ratio_low": "float64", "ratio_high": "float64",
    "conserved": "bool", "n_detections": "int64", "n_tracks": "int64", "n_movies": "int64", "ci_method": "str",
    "ci_unit": "str", "status": "str",
}  # fmt: skip


def merge_volumes(movie: TrackedMovie, events: pd.DataFrame | None, level: float = 0.95) -> pd.DataFrame:
    """Compare the volume of each merged particle with the sum of those from which it came, and of those that split.

    Parameters
    ----------
    movie
        The tracks, with a column ``volume_nm3``.
    events
        A row a merge or split: ``kind, frame, track_id, partner_id``; None: none.
    level
        Coverage of the intervals, 0 to 1.

    Returns
    -------
    pandas.DataFrame
        A row an event: volumes from up to 5 detections of each track on either side, their ``ratio`` (whole / sum of
        parts) with an interval on the logarithm, and whether it lies in 0.7 to 1.4 (``conserved``). The status is
        "too_short" where a side has fewer than two detections, so that there is no interval.
    """
    rows: list[dict[str, Any]] = []
    if events is not None and len(events):
        volume, frame = movie.column("volume_nm3"), movie.table["frame"].to_numpy(np.int64)
        track = movie.track()
        for event in events.to_dict("records"):
            named = {str(name): value for name, value in event.items()}
            rows.append(_event(named, volume, frame, track, level))
    return table_of(rows, COLUMNS)


def _event(event: dict[str, Any], volume: Any, frame: Any, track: Any, level: float) -> dict[str, Any]:
    """Return the row of a merge or split."""
    from scipy.special import ndtri

    own, partner = (np.isfinite(volume) & (track == event[name]) for name in ("track_id", "partner_id"))
    merge, at = event["kind"] == "merge", int(event["frame"])
    before = np.flatnonzero(partner & (frame < at))[-N_SIDE:]
    after = np.flatnonzero(partner & (frame >= at))[:N_SIDE]
    if merge:
        other, whole = np.flatnonzero(own & (frame < at))[-N_SIDE:], after
        rest = before
    else:
        other, whole = np.flatnonzero(own & (frame >= at))[:N_SIDE], before
        rest = after
    sides = [volume[rows] for rows in (other, rest, whole)]
    mean = [float(side.mean()) if len(side) else float("nan") for side in sides]
    error2 = [float(side.var(ddof=1) / len(side)) if len(side) > 1 else float("nan") for side in sides]
    parts = mean[0] + mean[1]
    ratio = mean[2] / parts if parts > 0 else float("nan")
    error = (
        np.sqrt((error2[0] + error2[1]) / parts**2 + error2[2] / mean[2] ** 2) if parts > 0 and mean[2] else 0
    )
    width = float(ndtri((1 + level) / 2) * error) if ratio > 0 else float("nan")
    status: Status = "ok" if np.isfinite(width) else "too_short"
    return {
        **{name: event[name] for name in ("kind", "frame", "track_id", "partner_id")},
        "parts_volume_nm3": parts, "whole_volume_nm3": mean[2], "ratio": ratio,
        "ratio_low": ratio * np.exp(-width), "ratio_high": ratio * np.exp(width),
        "conserved": bool(CONSERVED[0] <= ratio <= CONSERVED[1]), "n_detections": sum(map(len, sides)),
        "n_tracks": 2, "n_movies": 1, "ci_method": "wald_log", "ci_unit": "event", "status": status,
    }  # fmt: skip
