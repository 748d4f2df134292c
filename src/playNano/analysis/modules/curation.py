"""Tracks that are edited by hand, as a step of an analysis."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from playNano._options import Unit
from playNano.afm_stack import AFMImageStack
from playNano.analysis.base import AnalysisModule, AnalysisOutputs, checked_run
from playNano.analysis.curation.apply import APPLIED, NO_MATCH, SO_ALREADY, apply_edits
from playNano.analysis.curation.edits import Edit, EditsValue
from playNano.analysis.curation.source import CurationSource
from playNano.analysis.curation.tables import curated_tables
from playNano.analysis.measurement.source import DEFAULT_TRACKING
from playNano.analysis.points import DEFAULT_DETECTION, resolve_detection
from playNano.analysis.previous import of_kind


class CurationModule(AnalysisModule):
    """Apply edits by hand to tracks: join, break, confirm links; delete, add detections; leave out frames."""

    name = "curation"
    kind = "tracking"
    version = "1.0"
    requires = (DEFAULT_TRACKING,)
    automatic = ("tracking_module", "detection_module")

    def resolve_defaults(self, params: dict[str, Any], previous_results: Mapping[str, Any]) -> dict[str, Any]:
        """Set the tracking and the detection if they are not given.

        Parameters
        ----------
        params
            Values in effect.
        previous_results
            Outputs of earlier modules by name.
        """
        ran = of_kind(previous_results, "tracking") or [DEFAULT_TRACKING]
        detection = resolve_detection({**params, "coord_key": ""}, previous_results)["detection_module"]
        return {
            **params,
            "tracking_module": params.get("tracking_module", ran[-1]),
            "detection_module": detection,
        }

    @checked_run
    def run(
        self,
        stack: AFMImageStack,
        previous_results: dict[str, Any] | None = None,
        *,
        edits: EditsValue,
        max_distance_nm: Annotated[float, Field(gt=0), Unit("nm")] | None = None,
        tracking_module: str = DEFAULT_TRACKING,
        detection_module: str = DEFAULT_DETECTION,
    ) -> AnalysisOutputs:
        """Apply edits by hand to the tracks of an earlier module; later modules measure the edited tracks.

        An edit is found by its frame and place, so that it also applies after another run of the pipeline. An edit
        whose detection is not there, or not clearly so, changes nothing: it is listed with the reason, and warned of.

        Parameters
        ----------
        stack
            The movie.
        previous_results
            Outputs of earlier modules, among them the tracking's.
        edits
            A CSV file of edits, or their plain values; see `playNano.analysis.curation.edits.read_edits`. The record
            contains the edits themselves.
        max_distance_nm
            Distance from the place of an edit within which its detection must lie, nm; by default 3 pixels.
        tracking_module
            Module whose tracks are edited. By default the latest tracking.
        detection_module
            Module whose detections it has linked; those that it left out can be joined. By default that which has run.

        Returns
        -------
        dict
            All outputs of `particle_tracking` for the edited tracks. ``table`` also has ``added``: whether a detection
            was added by hand; its measured values are NaN, its ``label`` and ``point_index`` -1. ``links`` has
            ``curated``: whether a link was made or confirmed by hand; its ``confidence`` is NaN, as no model gave it.
            ``track_table`` has ``curated``: whether the track has such a link or detection.
            ``usable``: whether each frame shows the surface, bool (n_frames,).
            ``edits``: one row per edit: its columns, ``status`` ("applied", "already so" or "no match"), ``why`` and
            ``distance_nm`` from its places.
            ``summary``: also ``n_edits, n_applied, n_already_so, n_not_matched, links_before, links_edited,
            links_confirmed, detections_deleted, detections_added, frames_unusable``; ``expected_wrong_links`` counts
            links made or confirmed by hand as correct.

        Warns
        -----
        PlayNanoWarning
            If an edit does not match.

        Raises
        ------
        MissingInputError
            If no tracking has run before.
        ParameterError
            If an edit is wrong, or the tracks are not of places in the image.

        Examples
        --------
        >>> import numpy as np
        >>> from playNano.analysis.pipeline import AnalysisPipeline
        >>> movie = np.zeros((4, 24, 24)); movie[:, 8:13, 9:14] = 5
        >>> stack = AFMImageStack(movie, 1.0, "height", "movie.npy")
        >>> edit = {"edit": "break", "frame": 1, "y_px": 10, "x_px": 11}
        >>> steps = ["feature_detection:threshold=1;particle_tracking", {"curation": {"edits": [edit]}}]
        >>> record = AnalysisPipeline().add_steps(steps).run(stack)
        >>> record["analysis"]["step_3_curation"]["track_table"]["length"].tolist()
        [2, 2]
        """
        source = CurationSource.of(stack, previous_results or {}, tracking_module, detection_module)
        model = source.model(stack, max_distance_nm=max_distance_nm)
        listed = [Edit.from_dict(edit) for edit in edits if isinstance(edit, Mapping)]
        table = apply_edits(model, listed)
        outputs = curated_tables(model, source, stack)
        counts = table["status"].value_counts()
        numbers = model.n_edited
        summary = outputs["summary"] | {
            "n_edits": len(table),
            "n_applied": int(counts.get(APPLIED, 0)),
            "n_already_so": int(counts.get(SO_ALREADY, 0)),
            "n_not_matched": int(counts.get(NO_MATCH, 0)),
            "links_before": numbers.pop("links"),
            **numbers,
        }
        summary["messages"] = _messages(summary)
        missed = table[table["status"] == NO_MATCH]
        if len(missed):
            first = missed.iloc[0]
            stack.warn(
                f"{self.name}: {len(missed)} of {len(table)} edits do not match these tracks and were not applied; "
                f"the first: {first['edit']} in frame {first['frame']}: {first['why']}; the table of edits "
                "(curation.csv) lists all with the reason"
            )
        return outputs | {"edits": table, "summary": summary}


def _messages(summary: Mapping[str, Any]) -> list[str]:
    """Return what was edited in words."""
    parts = [f"{_number(summary['links_edited'], 'link')} edited of {summary['links_before']}"]
    for name, noun, done in (
        ("links_confirmed", "link", "confirmed"),
        ("detections_deleted", "detection", "deleted"),
        ("detections_added", "detection", "added"),
        ("frames_unusable", "frame", "marked unusable"),
    ):
        if summary[name]:
            parts.append(f"{_number(summary[name], noun)} {done}")
    said = [", ".join(parts)]
    if summary["n_already_so"]:
        said.append(f"{_number(summary['n_already_so'], 'edit')} without effect: the tracks say so already")
    if summary["n_not_matched"]:
        said.append(
            f"{summary['n_not_matched']} of {summary['n_edits']} edits do not match and were not applied"
        )
    return said


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' * (count != 1)}"
