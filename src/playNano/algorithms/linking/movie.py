"""Linking of the detections of a movie into tracks by optimal assignment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from playNano.algorithms.linking.bridges import bridge_events
from playNano.algorithms.linking.detections import SortedDetections, sort_detections
from playNano.algorithms.linking.features import FeatureCost, prepare_features
from playNano.algorithms.linking.merge_split import find_events, lineages, no_events
from playNano.algorithms.linking.settings import FittedMotion, LinkingOptions
from playNano.algorithms.linking.tables import (
    Unit,
    keep_long_tracks,
    link_table,
    require_columns,
    track_table,
)
from playNano.algorithms.linking.trackability import (
    Trackability,
    judge_trackability,
    wrong_link_share,
)
from playNano.algorithms.linking.whole_movie import Assignment, assign_movie, describe_model

if TYPE_CHECKING:
    import pandas as pd

    from playNano.algorithms.linking._kernels.motion_model import Features


@dataclass(frozen=True)
class SearchSummary:
    """Search range and gap closing in effect, with the displacements on which they are based.

    Parameters
    ----------
    max_distance
        Search range: maximum displacement in one frame interval.
    share_within
        Fraction of the displacements that it contains, 0 to 1, from pairs of detections that no search range has
        clipped; None where there are too few.
    estimated_range
        The search range estimated from the movie.
    neighbour_distance
        Mean distance to the nearest neighbour in the same frame; inf where there is none.
    max_missing
        Number of observed frames in a row in which a particle may go undetected.
    clipped
        Whether the search range leaves out a significant fraction of the displacements.
    """

    max_distance: float
    share_within: float | None
    estimated_range: float
    neighbour_distance: float
    max_missing: int
    clipped: bool

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as a plain dict."""
        return asdict(self)


@dataclass(frozen=True)
class MotionSummary:
    """Motion model in effect, and the evidence for it.

    Parameters
    ----------
    model
        "brownian", "directed" or "static".
    correlation, shared_correlation, correlation_error
        Correlation of successive displacements around their mean and around 0, and its standard error, by which the
        model was decided; None where it was not estimated. See `velocity_correlation.VelocityCorrelation`.
    """

    model: FittedMotion
    correlation: float | None
    shared_correlation: float | None
    correlation_error: float | None

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as a plain dict."""
        return asdict(self)


@dataclass(frozen=True)
class LinkedMovie:
    """The tracks of a movie.

    Parameters
    ----------
    track_id
        Track of each detection, (N,) int64, in the order of the table: 0 .. n_tracks - 1 by first frame, then
        y, then x; -1 where there is none (unobserved frame, or a track shorter than `min_length`).
    links
        One row per link; see `tables.link_table`.
    tracks
        One row per track; see `tables.track_table`; where merges and splits are detected, also `lineage`, which is
        equal for tracks that events join.
    events
        One row per merge or split; see `merge_split.find_events`.
    drift
        Common motion that was removed: `frame` and one column per coordinate, since the first frame; empty where it
        was not estimated.
    corrected
        Coordinates without the drift, (N, D), in the order of the table; nan in unobserved frames if it was estimated.
        Lengths in `links` and `tracks` are computed from them.
    parameters
        Parameters of the model, estimated or given: step, rates, persistence and so on; lengths are in the unit of the
        coordinates.
    trackability
        Whether frame rate and density allow particles to be linked reliably; None without detections.
    search
        Search range and gap closing in effect; None without detections.
    motion
        Motion model in effect, and the evidence for it; None without detections.
    """

    track_id: npt.NDArray[np.int64]
    links: pd.DataFrame
    tracks: pd.DataFrame
    events: pd.DataFrame
    drift: pd.DataFrame
    corrected: npt.NDArray[np.float64]
    parameters: dict[str, Any]
    trackability: Trackability | None
    search: SearchSummary | None
    motion: MotionSummary | None

    @property
    def n_tracks(self) -> int:
        """Number of tracks."""
        return len(self.tracks)

    def summary(self) -> dict[str, Any]:
        """Return summary statistics of all tracks, and the estimated parameters."""
        lengths = self.tracks["length"].to_numpy()
        return {
            "n_tracks": self.n_tracks,
            "n_links": len(self.links),
            "median_length": float(np.median(lengths)) if lengths.size else 0.0,
            "expected_wrong_links": wrong_link_share(self.links["confidence"]),
            "n_merges": int((self.events["kind"] == "merge").sum()),
            "n_splits": int((self.events["kind"] == "split").sum()),
            "trackability": None if self.trackability is None else self.trackability.as_dict(),
            "search": None if self.search is None else self.search.as_dict(),
            "motion": None if self.motion is None else self.motion.as_dict(),
            "parameters": self.parameters,
        }


def link_movie(
    table: pd.DataFrame,
    options: LinkingOptions,
    *,
    columns: Sequence[str] = ("y", "x"),
    unit: Unit = "px",
    features: Mapping[str, FeatureCost] | None = None,
    mass: str | None = None,
    observed: npt.ArrayLike | None = None,
    time_column: str | None = "time_s",
    frame_interval_s: float | None = None,
) -> LinkedMovie:
    """Link the detections of a movie into tracks, with the confidence of each link.

    ``method="global"`` finds the most likely set of tracks over the whole movie. A link costs the negative log of its
    likelihood ratio to the death of a track and the birth of another: by the displacement (a mixture of three
    Gaussians with persistence, a hidden Markov model), the miss rate, the death rate and the birth rate. A detection
    may be classified as clutter at its own cost. All links, with gap closing, compete in one exact assignment (sparse
    LAPJV). The model is estimated from the tracks by expectation maximisation (EM, with the forward-backward
    algorithm), and the assignment is repeated until it converges. ``method="frame"`` links frame by frame as
    `link_frames` does; the likelihoods are then used only for the confidence.

    Parameters
    ----------
    table
        Detections, one row each, in any order: `frame` (0-based), the coordinates, and the other columns named
        below.
    options
        Search range, gap closing, motion, rates and so on.
    columns
        Coordinate columns, y first.
    unit
        Unit of the coordinates ("px", "nm", or "au" for any other); the suffix of the names of lengths in the tables.
    features
        Feature columns that distinguish particles, with their weight and scale.
    mass
        Column that adds up in a merge (volume, area), which distinguishes merges from close passes.
    observed
        Per frame, whether it was observed, (n_frames,) bool. Detections of other frames are left out, and
        those frames do not count as missed. None: all were.
    time_column
        Column with the time of each detection, s; used if the table has it. None: frames are evenly spaced.
    frame_interval_s
        Length of a frame interval, s, > 0; None: the median of the movie.

    Returns
    -------
    LinkedMovie
        Tracks, links with confidence, events, drift, estimated parameters, trackability.

    Raises
    ------
    ParameterError
        If a parameter is outside its limits or a column is missing.

    See Also
    --------
    link_frames : From frame to frame only, on arrays.

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
    >>> linked = link_movie(both, LinkingOptions(max_distance=5.0, max_missing=2))
    >>> linked.n_tracks, linked.trackability.verdict
    (2, 'safe')
    """
    require_columns(table, ("frame", *columns))
    time = table[time_column].to_numpy() if time_column is not None and time_column in table.columns else None
    detections = sort_detections(
        table["frame"].to_numpy(),
        table[list(columns)].to_numpy(),
        observed=observed,
        time_s=time,
        frame_interval_s=frame_interval_s,
    )
    costs = prepare_features(table, features or {}, detections.order)
    solved = assign_movie(detections, costs, options) if detections.n else None
    if options.merge_split and solved is not None:
        solved = _with_bridges(detections, solved)
    track, confidence = _in_table_order(detections, solved)
    track = keep_long_tracks(track, options.min_length)
    drift = _drift_table(None if options.drift == "none" else solved, columns, observed)
    corrected = _without_drift(table, columns, drift)
    moved = table.assign(**{name: corrected[:, k] for k, name in enumerate(columns)})
    links = link_table(moved, track, columns=columns, unit=unit, confidence=confidence)
    tracks = track_table(moved, track, columns=columns, unit=unit, confidence=confidence, observed=observed)
    events = no_events(columns)
    if options.merge_split and solved is not None:
        events = find_events(
            table,
            track,
            columns=columns,
            step=_rms_step(solved),
            max_distance=solved.options.search_range,
            max_missing=solved.options.n_gaps - 1,
            mass=mass,
            observed=observed,
        )
        tracks["lineage"] = lineages(len(tracks), events)
    return LinkedMovie(
        track,
        links,
        tracks,
        events,
        drift,
        corrected,
        {} if solved is None else _parameters(detections, costs, solved),
        None if solved is None else _trackability(solved),
        None if solved is None else _search_summary(solved),
        None if solved is None else _motion_summary(solved),
    )


def _with_bridges(detections: SortedDetections, solved: Assignment) -> Assignment:
    """Add the links by which a merged particle continues the track of one of its parts."""
    points = detections.points
    points = points._replace(position=points.position - solved.drift[points.frame_of])
    previous, confidence = bridge_events(
        points,
        solved.previous,
        solved.confidence,
        step=_rms_step(solved),
        max_distance=solved.options.search_range,
        n_gaps=solved.options.n_gaps,
    )
    return replace(solved, previous=previous, confidence=confidence)


def _in_table_order(
    detections: SortedDetections, solved: Assignment | None
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Return track and confidence of each row of the table."""
    from playNano.algorithms.linking._kernels.tracks import number_tracks

    if solved is None:
        return np.full(detections.n_input, -1, np.int64), np.full(detections.n_input, np.nan)
    track, _ = number_tracks(solved.previous)
    return detections.to_input(track, -1), detections.to_input(solved.confidence, np.nan)


def _rms_step(solved: Assignment) -> float:
    """Return the root mean squared displacement per frame interval of the model."""
    motion = solved.model.motion
    return float(np.sqrt((motion.weight * motion.dims * motion.variance).sum()))


def _trackability(solved: Assignment) -> Trackability:
    """Assess the trackability from the model's step, or where the search range clips the steps, from all of them."""
    clipped = solved.steps.is_clipped(solved.options.search_range)
    return judge_trackability(
        solved.steps.rms if clipped else _rms_step(solved),
        solved.steps.neighbour_distance,
        motion=solved.model.name,
        clipped=1.0 - float(solved.steps.share_within(solved.options.search_range)) if clipped else 0.0,
    )


def _search_summary(solved: Assignment) -> SearchSummary:
    """Return search range and gap closing of an assignment."""
    steps, options = solved.steps, solved.options
    known = bool(steps.weight.size)
    return SearchSummary(
        options.search_range,
        float(steps.share_within(options.search_range)) if known else None,
        steps.search_range(),
        steps.neighbour_distance,
        options.n_gaps - 1,
        steps.is_clipped(options.search_range),
    )


def _motion_summary(solved: Assignment) -> MotionSummary:
    """Return the motion model of an assignment with the evidence for it."""
    evidence = solved.evidence
    if evidence is None or not np.isfinite(evidence.correlation):
        return MotionSummary(solved.model.name, None, None, None)
    return MotionSummary(solved.model.name, evidence.correlation, evidence.shared, evidence.error)


def _parameters(detections: SortedDetections, features: Features, solved: Assignment) -> dict[str, Any]:
    """Describe the model; where the search range clips the steps, that of a linking with the estimated range."""
    source = solved
    if solved.steps.is_clipped(solved.options.search_range):
        source = assign_movie(detections, features, replace(solved.options, max_distance=None))
    return describe_model(source.model, source.rates, source.options) | {"cost": solved.cost}


def _drift_table(
    solved: Assignment | None, columns: Sequence[str], observed: npt.ArrayLike | None
) -> pd.DataFrame:
    """Return the drift, one row per observed frame; an empty table without an estimate."""
    import pandas as pd

    if solved is None:
        return pd.DataFrame({"frame": np.zeros(0, np.int64), **{name: np.zeros(0) for name in columns}})
    n_frames = solved.drift.shape[0]
    frame = np.arange(n_frames) if observed is None else np.flatnonzero(np.asarray(observed))
    return pd.DataFrame({"frame": frame, **{name: solved.drift[:, k] for k, name in enumerate(columns)}})


def _without_drift(
    table: pd.DataFrame, columns: Sequence[str], drift: pd.DataFrame
) -> npt.NDArray[np.float64]:
    """Return the coordinates of a table minus the drift of their frames; as they are where there is none."""
    position = table[list(columns)].to_numpy(np.float64)
    if drift.empty:
        return position
    of_row = drift.set_index("frame").reindex(table["frame"].to_numpy())[list(columns)]
    return np.asarray(position - of_row.to_numpy(np.float64))
