"""Follow detected particles from frame to frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, cast

import numpy as np
from pydantic import Field

from playNano.afm_stack import AFMImageStack
from playNano.analysis.base import AnalysisModule, AnalysisOutputs, checked_run
from playNano.analysis.points import DEFAULT_DETECTION, DETECTIONS, detected_points, settle_detection
from playNano.core.params import Unit
from playNano.core.tables import LastMasks, RowsByFrame, RowsByGroup
from playNano.errors import ParameterError

PIXEL_AXES = {"centroid_x": 1, "x": 1, "centroid_y": 0, "y": 0}
"""Coordinates in px, and which edge of a pixel turns them into nm."""


class ParticleTrackingModule(AnalysisModule):
    """Follow detected particles from frame to frame by optimal assignment."""

    name = "particle_tracking"
    version = "1.0"
    requires = DETECTIONS

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

    def settle(self, params: dict[str, Any], previous_results: Mapping[str, Any]) -> dict[str, Any]:
        """Name the detection module that the default stands for."""
        return settle_detection(params, previous_results)

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
    ) -> AnalysisOutputs:
        """Follow detected particles from frame to frame.

        The links between the tracks open at a frame and its detections are the optimal assignment: least sum
        of squared distances, where a link within reach beats an end and a new beginning. The order of
        detections within a frame does not matter.

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
            Farthest that a particle goes from one frame to the next, px.
        max_distance_nm
            The same in nm, instead; pixels need not be square.
        max_missing
            Number of frames in a row in which a particle may go undetected; frames that `frame_quality` calls
            unusable do not count as such.
        distance_scale
            How the reach grows with the number of frames g since the last detection: "constant" not at all,
            "sqrt" by sqrt(g) as for Brownian motion, "linear" by g as for directed motion.

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

        Raises
        ------
        MissingInputError
            If no detection has run before.
        ParameterError
            If a parameter is unknown or wrong.

        References
        ----------
        Jonker, Volgenant: A shortest augmenting path algorithm for dense and sparse linear assignment
        problems, Computing 38, 1987, doi 10.1007/BF02278710.
        """
        from playNano.algorithms.linking import link_frames

        results = previous_results or {}
        chosen = settle_detection({"detection_module": detection_module}, results)["detection_module"]
        points = detected_points(stack, results, chosen, coord_key, coord_columns)
        positions = points[list(coord_columns)].to_numpy()
        if max_distance_nm is not None:
            positions = positions * [stack.pixel_size_yx_nm[PIXEL_AXES[name]] for name in coord_columns]
        outputs = results[chosen]
        points["track_id"] = link_frames(
            points["frame"].to_numpy(),
            positions,
            max_distance=cast(float, max_distance_nm or max_distance),
            max_missing=max_missing,
            distance_scale=distance_scale,
            observed=outputs.get("observed"),
        )
        points = points[points["track_id"] >= 0]
        rows = points.sort_values(["track_id", "frame"], kind="stable", ignore_index=True)
        n_tracks = int(rows["track_id"].max()) + 1 if len(rows) else 0
        return {
            "tracks": RowsByGroup(rows, "track_id", range(n_tracks), coord_columns, dense=True),
            "track_masks": _last_masks(rows, outputs, coord_key),
            "n_tracks": n_tracks,
            "table": joined(rows, outputs.get(coord_key), "track_id"),
        }


def joined(rows: Any, detections: Any, group: str) -> Any:
    """Return the detections' own columns for grouped rows, the group's number first."""
    keys = [group, "frame", "point_index"]
    if not isinstance(detections, RowsByFrame):
        return rows
    starts = np.concatenate([[0], np.cumsum(detections.counts())])
    places = starts[rows["frame"].to_numpy()] + rows["point_index"].to_numpy()
    table = detections.table.iloc[places].reset_index(drop=True).drop(columns=["frame"])
    for place, key in enumerate(keys):
        table.insert(place, key, rows[key].to_numpy())
    return table


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
        starts = np.concatenate([[0], np.cumsum(detections.counts())])
        column = detections.table[detections.fields["label"]].to_numpy()
        return [int(label) for label in column[starts[frames] + np.asarray(points)]]
    features = [detections[frame][point] for frame, point in zip(frames, points, strict=True)]
    return [int(f["label"]) for f in features] if all("label" in f for f in features) else None
