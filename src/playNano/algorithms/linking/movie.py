"""Linking: detections of a movie into tracks, by optimal assignment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from playNano.algorithms.linking.bridges import bridge_events
from playNano.algorithms.linking.detections import DistanceScale, Prepared, prepare
from playNano.algorithms.linking.features import FeatureCost, prepare_features
from playNano.algorithms.linking.frames import link_frames
from playNano.algorithms.linking.merge_split import find_events, lineages, no_events
from playNano.algorithms.linking.settings import (
    MotionName,
    Settings,
    checked_count,
    checked_given,
    make_settings,
)
from playNano.algorithms.linking.tables import Unit, keep_long_tracks, link_table, track_table
from playNano.algorithms.linking.trackability import (
    Trackability,
    judge_trackability,
    neighbour_distance,
    wrong_link_share,
)
from playNano.algorithms.linking.whole_movie import Assignment, assign_movie, describe
from playNano.errors import ParameterError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FeatureCost", "LinkedMovie", "link_frames", "link_movie"]

LinkMethod = Literal["global", "frame"]


@dataclass(frozen=True)
class LinkedMovie:
    """What linking a movie gave.

    Parameters
    ----------
    track_id
        Track of each detection, (N,) int64, in the order of the table: 0 .. n_tracks - 1 by first frame, then
        y, then x; -1 where there is none (unobserved frame, or a track shorter than asked for).
    links
        One row a link; see `track_tables.link_table`.
    tracks
        One row a track; see `track_tables.track_table`; with `lineage`, equal for tracks that events join,
        where merges and splits were looked for.
    events
        One row a merge or split; see `link_events.find_events`.
    drift
        Common motion that was removed: `frame` and one column a coordinate, since the first frame.
    parameters
        What was estimated or given: step, rates, persistence and so on, lengths in the unit of the
        coordinates.
    trackability
        Whether the particles can be told apart at this rate and density.
    """

    track_id: npt.NDArray[np.int64]
    links: pd.DataFrame
    tracks: pd.DataFrame
    events: pd.DataFrame
    drift: pd.DataFrame
    parameters: dict[str, Any]
    trackability: Trackability | None

    @property
    def n_tracks(self) -> int:
        """Number of tracks."""
        return len(self.tracks)

    def summary(self) -> dict[str, Any]:
        """Return the figures that tell the whole in a few numbers."""
        lengths = self.tracks["length"].to_numpy()
        return {
            "n_tracks": self.n_tracks,
            "n_links": len(self.links),
            "median_length": float(np.median(lengths)) if lengths.size else 0.0,
            "expected_wrong_links": wrong_link_share(self.links["confidence"]),
            "n_merges": int((self.events["kind"] == "merge").sum()),
            "n_splits": int((self.events["kind"] == "split").sum()),
            "trackability": None if self.trackability is None else self.trackability.as_dict(),
            "parameters": self.parameters,
        }


def link_movie(
    table: pd.DataFrame,
    *,
    max_distance: float,
    columns: Sequence[str] = ("y", "x"),
    unit: Unit = "px",
    method: LinkMethod = "global",
    max_missing: int = 0,
    min_length: int = 1,
    motion: MotionName = "brownian",
    distance_scale: DistanceScale | None = None,
    drift: Literal["none", "global"] = "none",
    features: Mapping[str, FeatureCost] | None = None,
    merge_split: bool = False,
    mass: str | None = None,
    observed: npt.ArrayLike | None = None,
    time_column: str | None = "time_s",
    frame_interval_s: float | None = None,
    step: float | None = None,
    miss_rate: float | None = None,
    end_rate: float | None = None,
    start_rate: float | None = None,
    false_per_frame: float | None = None,
) -> LinkedMovie:
    """Link the detections of a movie into tracks, and tell how sure each link is.

    ``method="global"`` finds the most likely set of tracks over the whole movie. A link costs the negative
    log of its likelihood ratio to an end and a new start: how far the particle goes (a mixture of three
    Gaussians, the same one being likely to hold from step to step), how often it is missed, how often
    particles go and come. A detection may be called false at a cost of its own. All links, over gaps too,
    compete in one exact assignment; the model is estimated from the tracks and the assignment repeated
    until it settles. ``method="frame"`` links frame by frame as `link_frames` does; the likelihoods then
    serve for the confidence only.

    Parameters
    ----------
    table
        Detections, one row each, in any order: `frame` (0-based), the coordinates, and what else is used
        below.
    max_distance
        Farthest that a particle may go in one frame interval, in the unit of the coordinates; > 0. Generous
        is right: likely distances are learnt from the movie.
    columns
        Coordinate columns, y first.
    unit
        Unit of the coordinates ("px", "nm", or "au", any other); it ends the names of lengths in the tables.
    method
        "global" or "frame".
    max_missing
        Number of observed frames in a row in which a particle may be missed; >= 0.
    min_length
        Tracks with fewer detections are dropped; >= 1.
    motion
        "brownian": steps know nothing of each other. "directed": a step follows the velocity before and
        after. "static": the particle stays about one place.
    distance_scale
        How the reach grows with a gap ("constant", "sqrt", "linear"); None: as the motion says.
    drift
        "global": the common motion of all particles is estimated robustly and removed from the costs.
    features
        Columns that tell particles apart, with their weight and scale.
    merge_split
        Whether to look for merges and splits.
    mass
        Column that adds up in a merge (volume, area), which tells merges from close passes.
    observed
        Per frame, whether it was observed, (n_frames,) bool. Detections of other frames are left out, and
        those frames do not count as missed. None: all were.
    time_column
        Column with the time of each detection, s; used if the table has it. None: frames are evenly spaced.
    frame_interval_s
        Time that counts as one frame interval, s; None: the median of the movie.
    step
        Root mean squared displacement per frame interval, if known; None: estimated.
    miss_rate, end_rate, start_rate
        Probability per frame that a particle is missed, goes, or has just come, if known; 0 to 1.
    false_per_frame
        False detections in a frame, if known; >= 0.

    Returns
    -------
    LinkedMovie
        Tracks, links with confidence, events, drift, estimated parameters, trackability.

    Raises
    ------
    ParameterError
        If a parameter is outside its limits or a column is missing.

    References
    ----------
    Jaqaman et al.: Robust single-particle tracking in live-cell time-lapse sequences, Nature Methods 5, 2008,
    doi 10.1038/nmeth.1237. Zhang, Li, Nevatia: Global data association for multi-object tracking using
    network flows, CVPR 2008, doi 10.1109/CVPR.2008.4587584. Jonker, Volgenant: A shortest augmenting path
    algorithm for dense and sparse linear assignment problems, Computing 38, 1987, doi 10.1007/BF02278710.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> walk = np.cumsum(np.random.default_rng(0).normal(0, 0.5, (40, 2)), axis=0)
    >>> frames = np.arange(40)
    >>> one = pd.DataFrame({"frame": frames, "y": walk[:, 0], "x": walk[:, 1]})
    >>> both = pd.concat([one, one.assign(x=one["x"] + 30.0)])
    >>> linked = link_movie(both, max_distance=5.0, max_missing=2)
    >>> linked.n_tracks, linked.trackability.verdict
    (2, 'safe')
    """
    settings = make_settings(
        max_distance=max_distance,
        max_missing=max_missing,
        motion=motion,
        scale=distance_scale,
        drift=drift,
        method=method,
        given=checked_given(step, miss_rate, end_rate, start_rate, false_per_frame),
    )
    least = checked_count("min_length", min_length)
    for name in ("frame", *columns):
        if name not in table.columns:
            raise ParameterError(
                f"the table has no column {name!r}; it has {', '.join(map(str, table.columns))}"
            )
    time = table[time_column].to_numpy() if time_column is not None and time_column in table.columns else None
    found = prepare(
        table["frame"].to_numpy(),
        table[list(columns)].to_numpy(),
        observed=observed,
        time_s=time,
        frame_interval_s=frame_interval_s,
    )
    costs = prepare_features(table, features or {}, found.order)
    solved = assign_movie(found, costs, settings) if found.n else None
    if merge_split and solved is not None:
        solved = _bridged(found, solved, settings)
    track, confidence = _in_table_order(found, solved)
    track = keep_long_tracks(track, least)
    links = link_table(table, track, columns=columns, unit=unit, confidence=confidence)
    tracks = track_table(table, track, columns=columns, unit=unit, confidence=confidence, observed=observed)
    events = no_events(columns)
    if merge_split and solved is not None:
        events = find_events(
            table,
            track,
            columns=columns,
            step=_typical_step(solved),
            max_distance=max_distance,
            max_missing=max_missing,
            mass=mass,
            observed=observed,
        )
        tracks["lineage"] = lineages(len(tracks), events)
    return LinkedMovie(
        track,
        links,
        tracks,
        events,
        _drift_table(solved, columns, observed),
        {} if solved is None else describe(solved.model, solved.rates, settings) | {"cost": solved.cost},
        _trackability(table, columns, solved),
    )


def _bridged(found: Prepared, solved: Assignment, settings: Settings) -> Assignment:
    """Let joint particles go on as one of their parts."""
    points = found.points._replace(position=found.points.position - solved.drift[found.points.frame_of])
    previous, confidence = bridge_events(
        points,
        solved.previous,
        solved.confidence,
        step=_typical_step(solved),
        max_distance=settings.max_distance,
        n_gaps=settings.n_gaps,
    )
    return replace(solved, previous=previous, confidence=confidence)


def _in_table_order(
    found: Prepared, solved: Assignment | None
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    from playNano.algorithms.linking._kernels.frames import number_tracks

    if solved is None:
        return np.full(found.n_input, -1, np.int64), np.full(found.n_input, np.nan)
    track, _ = number_tracks(solved.previous)
    return found.to_input(track, -1), found.to_input(solved.confidence, np.nan)


def _typical_step(solved: Assignment) -> float:
    motion = solved.model.motion
    return float(np.sqrt((motion.weight * motion.dims * motion.variance).sum()))


def _trackability(
    table: pd.DataFrame, columns: Sequence[str], solved: Assignment | None
) -> Trackability | None:
    if solved is None:
        return None
    return judge_trackability(
        _typical_step(solved), neighbour_distance(table, columns), motion=solved.model.name
    )


def _drift_table(
    solved: Assignment | None, columns: Sequence[str], observed: npt.ArrayLike | None
) -> pd.DataFrame:
    import pandas as pd

    if solved is None:
        return pd.DataFrame({"frame": np.zeros(0, np.int64), **{name: np.zeros(0) for name in columns}})
    n_frames = solved.drift.shape[0]
    frame = np.arange(n_frames) if observed is None else np.flatnonzero(np.asarray(observed))
    return pd.DataFrame({"frame": frame, **{name: solved.drift[:, k] for k, name in enumerate(columns)}})
