"""Follow detected particles from frame to frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from playNano._options import Unit
from playNano.afm_stack import AFMImageStack
from playNano.analysis.base import AnalysisModule, AnalysisOutputs, checked_run
from playNano.analysis.points import (
    DEFAULT_DETECTION,
    DETECTIONS,
    PIXEL_AXES,
    detected_points,
    joined,
    resolve_detection,
)
from playNano.analysis.tracking.run import follow, ruler_for
from playNano.core.tables import LastMasks, RowsByFrame, RowsByGroup
from playNano.errors import ParameterError

Weight = Annotated[float, Field(ge=0)]
Rate = Annotated[float, Field(gt=0, lt=1)]
Length = Annotated[float, Field(gt=0), Unit("nm")]


class ParticleTrackingModule(AnalysisModule):
    """Follow detected particles from frame to frame by optimal assignment."""

    name = "particle_tracking"
    kind = "tracking"
    version = "1.0"
    requires = DETECTIONS
    automatic = ("detection_module",)

    def bind(self, params: Mapping[str, Any], where: str | None = None) -> dict[str, Any]:
        """Return the values in effect; a reach in nm takes the place of the one in px."""
        if params.get("max_distance") is not None and params.get("max_distance_nm") is not None:
            raise ParameterError(f"{where or self.name}: give max_distance (px) or max_distance_nm, not both")
        bound = super().bind(params, where)
        if bound["max_distance"] is None and bound["max_distance_nm"] is None:
            raise ParameterError(f"{where or self.name}: give max_distance (px) or max_distance_nm")
        if bound["max_distance_nm"] is not None:
            bound["max_distance"] = None
            strange = [name for name in bound["coord_columns"] if name not in PIXEL_AXES]
            if strange:
                raise ParameterError(
                    f"{where or self.name}: max_distance_nm needs coordinates in px, not {strange[0]!r}"
                )
        return bound

    def resolve_defaults(self, params: dict[str, Any], previous_results: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters with the detection module set where it is not given."""
        return resolve_detection(params, previous_results)

    @checked_run
    def run(
        self,
        stack: AFMImageStack,
        previous_results: dict[str, Any] | None = None,
        *,
        detection_module: str = DEFAULT_DETECTION,
        coord_key: str = "features_per_frame",
        coord_columns: Annotated[Sequence[str], Field(min_length=1)] = ("centroid_x", "centroid_y"),
        max_distance: Annotated[float, Field(gt=0), Unit("px")] | None = 5.0,
        max_distance_nm: Annotated[float, Field(gt=0), Unit("nm")] | None = None,
        max_missing: Annotated[int, Field(ge=0)] = 0,
        distance_scale: Literal["constant", "sqrt", "linear"] = "constant",
        method: Literal["global", "frame"] = "global",
        min_length: Annotated[int, Field(ge=1)] = 1,
        motion: Literal["brownian", "directed", "static"] = "brownian",
        drift: Literal["none", "global"] = "none",
        area_weight: Weight = 0.0,
        area_scale_nm2: Annotated[float, Field(gt=0), Unit("nm2")] | None = None,
        height_weight: Weight = 0.0,
        height_scale_nm: Length | None = None,
        orientation_weight: Weight = 0.0,
        orientation_scale_rad: Annotated[float, Field(gt=0), Unit("rad")] | None = None,
        merge_split: bool = False,
        mass_column: str | None = None,
        step_nm: Length | None = None,
        miss_rate: Rate | None = None,
        end_rate: Rate | None = None,
        start_rate: Rate | None = None,
        false_per_frame: Annotated[float, Field(ge=0)] | None = None,
    ) -> AnalysisOutputs:
        """Follow detected particles through the movie.

        By default the links of the whole movie are the most likely ones together: how far particles go, how
        often they are missed, come and go is learnt from the movie, and one exact assignment decides on all
        links, over gaps too. ``method="frame"`` links from frame to frame: least sum of squared distances,
        where a link within reach beats an end and a new beginning. A movie with few links cannot tell how its
        particles move and is linked from frame to frame with either. The order of detections within a frame
        does not matter.

        Parameters
        ----------
        stack
            The movie.
        previous_results
            Outputs of earlier modules, among them the detection's.
        detection_module
            Module whose detections are followed. By default ``"feature_detection"``, or
            ``"log_blob_detection"`` where only that has run.
        coord_key
            Which of its outputs.
        coord_columns
            Coordinates to follow, in the order in which ``coords`` shows them.
        max_distance
            Farthest that a particle goes from one frame to the next, px. With ``method="global"`` a generous
            reach is a good one: likely distances are learnt.
        max_distance_nm
            The same in nm, instead; pixels need not be square.
        max_missing
            Number of frames in a row in which a particle may go undetected; frames that `frame_quality` calls
            unusable do not count as such.
        distance_scale
            How the reach grows with the time g since the last detection, in frame intervals: "constant" not
            at all, "sqrt" by sqrt(g) as for Brownian motion, "linear" by g as for directed motion.
        method
            "global": the whole movie at once. "frame": from frame to frame.
        min_length
            Tracks of fewer detections are left out.
        motion
            "brownian": steps know nothing of each other. "directed": a step follows the velocity before and
            after. "static": the particle stays about one place.
        drift
            "global": the common motion of all particles is estimated and removed before linking; ``drift``
            reports it. Coordinates stay as they were detected.
        area_weight, height_weight, orientation_weight
            How much the likeness of areas, heights, orientations counts beside the distance: a factor of the
            log-likelihood; 0: not at all, 1: as much as the data say.
        area_scale_nm2, height_scale_nm, orientation_scale_rad
            Standard deviation of one measurement of each; by default measured on the movie.
        merge_split
            Whether to look for merges and splits.
        mass_column
            Column of the detections that adds up in a merge, such as ``"volume_nm3"``; by default place alone
            decides.
        step_nm
            Root mean squared displacement per frame interval, nm, if known; else it is estimated.
        miss_rate, end_rate, start_rate
            Probability per frame that a particle is missed, goes, has just come, if known; else estimated.
        false_per_frame
            False detections in a frame, if known; else estimated.

        Returns
        -------
        dict
            ``tracks``: a sequence of dicts with ``id``, ``frames`` (first to last detection, without a gap),
            ``point_indices`` (place among the frame's detections) and ``coords`` (tuples); where the
            detection is missing, both are None.
            ``track_masks``: id -> bool mask (height, width) of the last detection, where detections have
            labels; else empty.
            ``n_tracks``: number of tracks.
            ``table``: the detections' table with ``track_id`` and ``point_index``, sorted by track and frame.
            ``track_table``: a row a track: ``track_id, start_frame, end_frame, length, gaps, missed,
            start_time_s, end_time_s, duration_s, mean_height_nm`` (where detections have a height),
            ``net_displacement_nm, path_length_nm, straightness, censored_start, censored_end,
            mean_confidence, min_confidence``, and ``lineage`` with `merge_split`; see
            `playNano.algorithms.linking.tables.track_table`.
            ``links``: a row a link: ``track_id, source, target`` (rows of ``table``), ``frame_from, frame_to,
            gap, time_step_s, displacement_nm, confidence`` (probability that the link is right).
            ``events``: a row a merge or split: ``kind, frame, track_id`` (the track that ended or began),
            ``partner_id, source, target, y_nm, x_nm, distance_nm, probability``; empty without `merge_split`.
            ``drift``: ``frame, y_nm, x_nm`` of the common motion removed; zeros without `drift`.
            ``summary``: ``n_tracks, n_links, median_length, expected_wrong_links`` (share, from the
            confidence), ``n_merges, n_splits, clock`` ("time_s", or "frame" where the stack has no times that
            run on), ``trackability`` (ratio of step to neighbour distance, a verdict, "safe", "doubtful" or
            "hopeless", with its reason; see `playNano.algorithms.linking.trackability`) and ``parameters`` (step,
            rates and so on, as estimated or given).

        Raises
        ------
        MissingInputError
            If no detection has run before.
        ParameterError
            If a parameter is unknown or wrong.

        References
        ----------
        Jaqaman et al.: Robust single-particle tracking in live-cell time-lapse sequences, Nature Methods 5,
        2008, doi 10.1038/nmeth.1237. Jonker, Volgenant: A shortest augmenting path algorithm for dense and
        sparse linear assignment problems, Computing 38, 1987, doi 10.1007/BF02278710. Hall, Foster: Practical
        considerations for feature assignment in high-speed AFM of live cell membranes, Biophysics and
        Physicobiology 19, 2022, doi 10.2142/biophysico.bppb-v19.0016.
        """
        asked = {name: value for name, value in locals().items() if name not in ("self", "stack")}
        results = previous_results or {}
        points = detected_points(stack, results, detection_module, coord_key, coord_columns)
        outputs = results[detection_module]
        ruler = ruler_for(stack, coord_columns, in_nm=max_distance_nm is not None)
        found = follow(stack, points, outputs, coord_key, ruler, asked)
        return {
            "tracks": RowsByGroup(
                found.rows, "track_id", range(len(found.tracks)), coord_columns, dense=True
            ),
            "track_masks": _last_masks(found.rows, outputs, coord_key),
            "n_tracks": len(found.tracks),
            "table": joined(found.rows, outputs.get(coord_key), "track_id"),
            "track_table": found.tracks,
            "links": found.links,
            "events": found.events,
            "drift": found.drift,
            "summary": found.summary,
        }


def _last_masks(rows: Any, outputs: Mapping[str, Any], coord_key: str) -> LastMasks | dict[int, Any]:
    labels, detections = outputs.get("labeled_masks"), outputs.get(coord_key)
    if isinstance(labels, list | tuple):
        labels = np.asarray(labels)
    if labels is None or detections is None or not len(rows):
        return {}
    last = rows.groupby("track_id", sort=True).tail(1)
    labelled = _labels_of(last, detections)
    if labelled is None:
        return {}
    places = zip(last["frame"].tolist(), labelled, strict=True)
    return LastMasks(labels, dict(zip(last["track_id"].tolist(), places, strict=True)))


def _labels_of(rows: Any, detections: Any) -> list[int] | None:
    """Return the labels of detections, or None where they have none."""
    frames, points = rows["frame"].tolist(), rows["point_index"].tolist()
    if isinstance(detections, RowsByFrame):
        if "label" not in detections.fields:
            return None
        column = detections.table[detections.fields["label"]].to_numpy()
        return [int(label) for label in column[detections.places(frames, points)]]
    features = [detections[frame][point] for frame, point in zip(frames, points, strict=True)]
    return [int(f["label"]) for f in features] if all("label" in f for f in features) else None
