"""Linking of detections in runs of consecutive frames."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from playNano.afm_stack import AFMImageStack
from playNano.analysis.modules.particle_tracking import ParticleTrackingModule
from playNano.core.tables import RowsByFrame

if TYPE_CHECKING:
    import pandas as pd


class Links(NamedTuple):
    """Number of tracks, expected fraction of wrong links, search range in effect, nm, and persistence.

    The persistence is the fraction of the detections, but for those of the last frames, that are linked to a later one.
    NaN where a value is unknown.
    """

    n_tracks: float
    expected_wrong: float
    search_range_nm: float
    persistence: float


def link_runs(
    stack: AFMImageStack,
    table: pd.DataFrame,
    observed: npt.NDArray[np.bool_],
    runs: list[slice],
    max_distance_nm: float | None,
) -> Links:
    """Link the detections of each run of frames, and return the results of all runs together.

    Parameters
    ----------
    stack
        The movie.
    table
        Its detections.
    observed
        (n_frames,) bool.
    runs
        Slices of consecutive frames.
    max_distance_nm
        Search range, nm; None to find it from each run.
    """
    module = ParticleTrackingModule()
    given: dict[str, Any] = {} if max_distance_nm is None else {"max_distance_nm": max_distance_nm}
    n_tracks, n_links, n_before_last, n_wrong, ranges = 0, 0, 0, 0.0, []
    for run in runs:
        rows = table[table["frame"].between(run.start, run.stop - 1)]
        rows = rows.assign(frame=rows["frame"] - run.start).reset_index(drop=True)
        view = RowsByFrame(rows, run.stop - run.start, {"centroid": ("y", "x")})
        outputs = {"features_per_frame": view, "table": rows, "observed": observed[run]}
        params = module.bind({**given, "detection_module": "feature_detection"})
        summary = module.run(stack[run], {"feature_detection": outputs}, **params)["summary"]
        wrong = summary["expected_wrong_links"]
        n_tracks += summary["n_tracks"]
        n_links += summary["n_links"]
        n_before_last += int((rows["frame"] < rows["frame"].max()).sum())
        n_wrong += summary["n_links"] * (wrong if wrong is not None and math.isfinite(wrong) else 0.0)
        ranges.append((summary.get("search") or {}).get("max_distance_nm", math.nan))
    known = [value for value in ranges if value is not None and math.isfinite(value)]
    return Links(
        n_tracks,
        n_wrong / n_links if n_links else math.nan,
        float(np.mean(known)) if known else math.nan,
        min(n_links / n_before_last, 1.0) if n_before_last else math.nan,
    )
