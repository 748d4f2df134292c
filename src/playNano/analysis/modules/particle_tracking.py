"""Tracking of detected particles by optimal assignment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import Field

from playNano.afm_stack import AFMImageStack
from playNano.algorithms.linking.settings import LinkingOptions
from playNano.analysis.base import LEADING, AnalysisModule, AnalysisOutputs, checked_run
from playNano.analysis.points import (
    DEFAULT_DETECTION,
    DETECTIONS,
    PIXEL_AXES,
    detected_points,
    joined,
    resolve_detection,
)
from playNano.analysis.tracking.options import (
    OF_COORDINATES,
    FeatureWeights,
    TrackingOptions,
    linking_options,
    options_of,
)
from playNano.analysis.tracking.run import DetectionSource, track_detections
from playNano.analysis.tracking.units import make_units, with_positions
from playNano.core.params import Declaration
from playNano.core.tables import LastMasks, RowsByFrame, RowsByGroup
from playNano.errors import ParameterError

if TYPE_CHECKING:
    import pandas as pd


class ParticleTrackingModule(AnalysisModule):
    """Link detected particles into tracks by optimal assignment."""

    name = "particle_tracking"
    kind = "tracking"
    version = "1.0"
    requires = DETECTIONS
    automatic = ("detection_module",)

    @classmethod
    def declarations(cls) -> tuple[Declaration, ...]:
        """Return the declarations of the parameters: `run` and the dataclasses of options."""
        return (
            Declaration(cls.run, LEADING, closed=True),
            Declaration(TrackingOptions),
            Declaration(LinkingOptions, OF_COORDINATES),
            Declaration(FeatureWeights),
        )

    def bind(self, params: Mapping[str, Any], where: str | None = None) -> dict[str, Any]:
        """Validate parameters, and return the values in effect; a search range in nm replaces the one in px.

        Parameters
        ----------
        params
            Values by name, as given.
        where
            Name of the step for messages; by default the module's.
        """
        if params.get("max_distance") is not None and params.get("max_distance_nm") is not None:
            raise ParameterError(f"{where or self.name}: give max_distance (px) or max_distance_nm, not both")
        bound = super().bind(params, where)
        if bound["max_distance_nm"] is not None:
            bound["max_distance"] = None
            others = [name for name in bound["coord_columns"] if name not in PIXEL_AXES]
            if others:
                raise ParameterError(
                    f"{where or self.name}: max_distance_nm needs coordinates in px, not {others[0]!r}"
                )
        return bound

    def resolve_defaults(self, params: dict[str, Any], previous_results: Mapping[str, Any]) -> dict[str, Any]:
        """Set the detection module if it is not given.

        Parameters
        ----------
        params
            Values in effect.
        previous_results
            Outputs of earlier modules by name.
        """
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
        **options: Any,
    ) -> AnalysisOutputs:
        """Link detected particles into tracks through the movie.

        By default the joint likelihood of all links of the movie is maximised: displacements, miss rate, birth and
        death rate are estimated from the movie, and one exact assignment determines all links, with gap closing.
        Whether the motion is Brownian or directed is decided by the correlation of successive displacements, and tracks
        that are less likely than clutter are left out.
        ``method="frame"`` links from frame to frame: minimum sum of squared distances, where a link within the search
        range is preferred to a death and a birth. A movie with too few links to estimate the model is
        linked from frame to frame with either method. The result does not depend on the order of detections.

        Parameters
        ----------
        stack
            The movie.
        previous_results
            Outputs of earlier modules, among them the detection's.
        detection_module
            Module whose detections are linked. By default ``"feature_detection"``, or the detection module that
            has run.
        coord_key
            Name of its output that contains the detections.
        coord_columns
            Coordinates to link, in the order of ``coords``.
        **options
            Those of `playNano.analysis.tracking.options.TrackingOptions` (search range, ...), of
            `playNano.algorithms.linking.settings.LinkingOptions` (gap closing, motion, rates, ...; lengths are declared
            by the former) and of `playNano.analysis.tracking.options.FeatureWeights`.

        Returns
        -------
        dict
            ``tracks``: a sequence of dicts with ``id``, ``frames`` (first to last detection, without gaps),
            ``point_indices`` (index among the detections of the frame) and ``coords`` (tuples); both are None
            if the detection is missing.
            ``track_masks``: id -> bool mask (height, width) of the last detection, if detections have
            labels; else empty.
            ``n_tracks``: number of tracks.
            ``table``: the detections' table with ``track_id`` and ``point_index``, sorted by track and frame.
            ``track_table``: one row per track: ``track_id, start_frame, end_frame, length, gaps, missed,
            start_time_s, end_time_s, duration_s, mean_height_nm`` (if detections have a height; named
            after the unit of the channel: ``mean_height_deg``),
            ``net_displacement_nm, path_length_nm, straightness, censored_start, censored_end,
            mean_confidence, min_confidence``, and ``lineage`` with `merge_split`; see
            `playNano.algorithms.linking.tables.track_table`.
            ``links``: one row per link: ``track_id, source, target`` (rows of ``table``), ``frame_from, frame_to,
            gap, time_step_s, displacement_nm, confidence`` (probability that the link is correct).
            With `drift`, ``table`` has the positions without the drift, ``y_corrected_nm, x_corrected_nm``, from which
            the lengths in ``track_table`` and ``links`` are computed.
            ``events``: one row per merge or split: ``kind, frame, track_id`` (the track that ended or began),
            ``partner_id, source, target, y_nm, x_nm, distance_nm, probability``; empty without `merge_split`.
            ``drift``: ``frame, y_nm, x_nm`` of the common motion removed; empty without `drift`.
            ``summary``: ``n_tracks, n_links, median_length, expected_wrong_links`` (fraction, from the
            confidence), ``n_merges, n_splits, clock`` ("time_s", or
            "frame" where the times of the stack are unknown or do not increase), ``trackability`` (ratio of
            displacement to neighbour distance, and a verdict, "safe", "doubtful", "hopeless" or "cut", with its
            reason; see `playNano.algorithms.linking.trackability`), ``search`` (search range and gap closing, the
            fraction of the displacements within it, and the estimated range; see
            `playNano.algorithms.linking.movie.SearchSummary`), ``motion`` (the model of motion, and the correlation of
            successive displacements by which it was decided; see `playNano.algorithms.linking.movie.MotionSummary`),
            ``parameters`` (displacement, rates, ..., as estimated
            or given; never from links that the search range has cut) and ``messages`` (texts for the user).

        Warns
        -----
        PlayNanoWarning
            If a given search range is shorter than a significant part of the displacements, or if merges are to be
            detected without a column that is conserved.

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
        results = previous_results or {}
        points = detected_points(stack, results, detection_module, coord_key, coord_columns)
        outputs = results[detection_module]
        tracking = options_of(options, TrackingOptions)
        units = make_units(stack, coord_columns, in_nm=tracking.max_distance_nm is not None)
        tables = track_detections(
            stack,
            DetectionSource(points, outputs, coord_key),
            units,
            linking_options(options, tracking, units),
            options_of(options, FeatureWeights),
            tracking.mass_column,
        )
        n_tracks = len(tables.tracks)
        return {
            "tracks": RowsByGroup(tables.rows, "track_id", range(n_tracks), coord_columns, dense=True),
            "track_masks": _last_masks(tables.rows, outputs, coord_key),
            "n_tracks": n_tracks,
            "table": _with_corrected(
                with_positions(joined(tables.rows, outputs.get(coord_key), "track_id"), stack), tables.rows
            ),
            "track_table": tables.tracks,
            "links": tables.links,
            "events": tables.events,
            "drift": tables.drift,
            "summary": tables.summary,
        }


def _with_corrected(table: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Add the positions without the drift, where it was estimated; rows are in the same order."""
    names = [name for name in rows.columns if "_corrected" in str(name)]
    return table.assign(**{name: rows[name].to_numpy() for name in names})


def _last_masks(rows: Any, outputs: Mapping[str, Any], coord_key: str) -> LastMasks | dict[int, Any]:
    """Return the mask of the last detection of each track; an empty dict if detections have no labels."""
    labels, detections = outputs.get("labeled_masks"), outputs.get(coord_key)
    if isinstance(labels, list | tuple):
        labels = np.asarray(labels)
    if labels is None or detections is None or not len(rows):
        return {}
    last = rows.groupby("track_id", sort=True).tail(1)
    labelled = _labels_of(last, detections)
    if labelled is None:
        return {}
    frame_and_label = zip(last["frame"].tolist(), labelled, strict=True)
    return LastMasks(labels, dict(zip(last["track_id"].tolist(), frame_and_label, strict=True)))


def _labels_of(rows: Any, detections: Any) -> list[int] | None:
    """Return the labels of detections, or None if they have none."""
    frames, points = rows["frame"].tolist(), rows["point_index"].tolist()
    if isinstance(detections, RowsByFrame):
        if "label" not in detections.fields:
            return None
        column = detections.table[detections.fields["label"]].to_numpy()
        return [int(label) for label in column[detections.row_numbers(frames, points)]]
    features = [detections[frame][point] for frame, point in zip(frames, points, strict=True)]
    return [int(f["label"]) for f in features] if all("label" in f for f in features) else None
