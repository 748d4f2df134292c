"""The detections and tracks of an analysis, as curation takes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from playNano.afm_stack import AFMImageStack
from playNano.analysis.curation.geometry import FrameGeometry
from playNano.analysis.curation.graph import Bools, Floats, Ints
from playNano.analysis.curation.model import CurationModel
from playNano.analysis.measurement.source import frames_of
from playNano.analysis.observed import observed_frames
from playNano.analysis.points import resolve_detection
from playNano.analysis.previous import PreviousResults, of_kind
from playNano.analysis.tracking.units import with_positions
from playNano.core.tables import RowsByFrame
from playNano.errors import MissingInputError, ParameterError

if TYPE_CHECKING:
    import pandas as pd

CORRECTED = ("y_corrected_nm", "x_corrected_nm")


@dataclass(frozen=True)
class CurationSource:
    """Detections and tracks to be edited.

    Parameters
    ----------
    rows
        One row a detection: first those of the tracking, in the order of its table, then those that it left out; all
        columns of the tracking, with ``frame, point_index, y, x`` (px) and ``y_nm, x_nm``.
    track_id
        Track of each, (N,); -1: left out.
    confidence
        Confidence of the link that ends at each, (N,); NaN: no link, or not known.
    curated
        Whether the link that ends at each was made or confirmed by hand in an earlier step, (N,).
    usable
        Whether each frame was analysed, (n_frames,).
    tracking, detection
        Outputs of these modules; `detection` is empty if it is not known.
    """

    rows: pd.DataFrame
    track_id: Ints
    confidence: Floats
    curated: Bools
    usable: Bools
    tracking: Mapping[str, Any]
    detection: Mapping[str, Any]

    @classmethod
    def of(
        cls,
        stack: AFMImageStack,
        previous_results: Mapping[str, Any],
        tracking_module: str,
        detection_module: str,
    ) -> CurationSource:
        """Return the detections and tracks of earlier modules.

        Parameters
        ----------
        stack
            The movie.
        previous_results
            Module name -> its latest outputs.
        tracking_module
            The tracking to edit.
        detection_module
            The detection that it has linked; detections that the tracking left out are taken from it.

        Raises
        ------
        MissingInputError
            No such tracking has run.
        ParameterError
            Its tracks are not of places in the image.
        """
        if tracking_module not in previous_results:
            raise MissingInputError("curation needs tracks: run particle_tracking before it")
        tracking = previous_results[tracking_module]
        detection = previous_results.get(detection_module, {})
        table = tracking.get("table")
        if table is None or not {"track_id", "frame", "y_nm", "x_nm"} <= {*table.columns}:
            raise ParameterError(
                f"curation: {tracking_module!r} has no table of tracks with frame, y_nm and x_nm to edit"
            )
        tracked = _with_px(table, stack)
        rows = _with_left_out(tracked.drop(columns="track_id"), detection, stack)
        track_id = np.full(len(rows), -1, np.int64)
        track_id[: len(table)] = table["track_id"].to_numpy(np.int64)
        seen = detection.get("observed")
        usable = tracking.get(
            "usable", observed_frames(previous_results, stack.n_frames) if seen is None else seen
        )
        return cls(
            rows,
            track_id,
            np.asarray(_of_links(tracking, "confidence", len(rows), np.nan), dtype=np.float64),
            np.asarray(_of_links(tracking, "curated", len(rows), False), dtype=np.bool_),
            np.array(usable, dtype=np.bool_),
            tracking,
            detection,
        )

    def model(
        self, stack: AFMImageStack, *, max_distance_nm: float | None = None, author: str = ""
    ) -> CurationModel:
        """Return a model in which these tracks are edited.

        Parameters
        ----------
        stack
            The movie.
        max_distance_nm
            Distance within which a detection is that of an edit, nm; None: 3 pixels.
        author
            Who makes the edits.
        """
        return CurationModel(
            table=self.rows,
            track_id=self.track_id,
            n_frames=stack.n_frames,
            geometry=FrameGeometry.of(stack),
            confidence=self.confidence,
            curated=self.curated,
            usable=self.usable,
            max_distance_nm=max_distance_nm,
            author=author,
        )


def model_of(
    record: Any, stack: AFMImageStack, *, max_distance_nm: float | None = None, author: str = ""
) -> CurationModel:
    """Return a model in which the last tracks of an analysis are edited.

    Parameters
    ----------
    record
        A record as `AnalysisPipeline.run` returns it, or an analysed stack.
    stack
        The movie.
    max_distance_nm
        Distance within which a detection is that of an edit, nm; None: 3 pixels.
    author
        Who makes the edits.

    Raises
    ------
    MissingInputError
        No tracking has run.

    Examples
    --------
    >>> from playNano.analysis.pipeline import AnalysisPipeline
    >>> movie = np.zeros((2, 24, 24)); movie[:, 8:13, 9:14] = 5
    >>> stack = AFMImageStack(movie, 1.0, "height", "movie.npy")
    >>> record = AnalysisPipeline().add_steps("feature_detection:threshold=1;particle_tracking").run(stack)
    >>> model_of(record, stack).track_ids().tolist()
    [0, 0]
    """
    results, params = previous_of(record, stack.n_frames)
    names = of_kind(results, "tracking")
    if not names:
        raise MissingInputError("there are no tracks to edit: add a step particle_tracking")
    given = params[names[-1]].get("detection_module")
    module = given or resolve_detection({}, results)["detection_module"]
    source = CurationSource.of(stack, results, names[-1], module)
    return source.model(stack, max_distance_nm=max_distance_nm, author=author)


def previous_of(record: Any, n_frames: int) -> tuple[PreviousResults, dict[str, Mapping[str, Any]]]:
    """Return the outputs of the modules of an analysis, as a further module would see them, and their parameters.

    Parameters
    ----------
    record
        A record as `AnalysisPipeline.run` returns it, or an analysed stack.
    n_frames
        Number of frames of the movie.
    """
    if isinstance(record, Mapping):
        analysis, provenance = record["analysis"], record["provenance"]
    else:
        analysis, provenance = record.analysis, record.provenance.get("analysis", {})
    results, params = PreviousResults(), {}
    for step in provenance.get("steps", ()):
        if step["analysis_key"] in analysis:
            results.put(step["name"], step.get("kind", "analysis"), analysis[step["analysis_key"]], n_frames)
            params[step["name"]] = step.get("params") or {}
    return results, params


def added_rows(model: CurationModel, source: CurationSource, stack: AFMImageStack) -> pd.DataFrame:
    """Return the detections that were added by hand, with what is known of them.

    Parameters
    ----------
    model
        The edited tracks.
    source
        What they were made from.
    stack
        The movie.

    Returns
    -------
    DataFrame
        Columns among those of the tracks: ``frame, y, x, y_nm, x_nm``, ``time_s`` if the others have it, and
        ``point_index`` and ``label``, -1.
    """
    import pandas as pd

    first = len(source.rows)
    rows = pd.DataFrame({name: getattr(model, name)[first:] for name in ("frame", "y", "x", "y_nm", "x_nm")})
    if "time_s" in source.rows:
        rows["time_s"] = frames_of(stack, model.usable).pass_s(rows["frame"], rows["y_nm"])
    for name in ("point_index", "label"):
        if name in source.rows:
            rows[name] = np.full(len(rows), -1, np.int64)
    return rows


def with_corrected(rows: pd.DataFrame, n_known: int) -> pd.DataFrame:
    """Return detections with places without the drift also where the tracking gave none.

    Parameters
    ----------
    rows
        Detections; the first `n_known` have ``y_corrected_nm, x_corrected_nm`` if the drift is known.
    n_known
        Number of these.
    """
    if not {*CORRECTED} <= {*rows.columns} or n_known in (0, len(rows)):
        return rows
    out = rows.copy()
    frame = rows["frame"].to_numpy(np.float64)
    for name in CORRECTED:
        plain = rows[name.replace("_corrected", "")].to_numpy(np.float64)
        corrected = rows[name].to_numpy(np.float64).copy()
        # The drift is common to all detections of a frame; it is smooth from frame to frame.
        by_frame = (corrected - plain)[:n_known]
        frames, at = np.unique(frame[:n_known], return_inverse=True)
        drift = np.bincount(at, weights=by_frame) / np.bincount(at)
        missing = ~np.isfinite(corrected)
        corrected[missing] = plain[missing] + np.interp(frame[missing], frames, drift)
        out[name] = corrected
    return out


def _with_px(table: pd.DataFrame, stack: AFMImageStack) -> pd.DataFrame:
    """Return a table of tracks with y and x in px, from those in nm if need be."""
    table = with_positions(table.reset_index(drop=True), stack)
    if {"y", "x"} <= {*table.columns}:
        return table
    px = FrameGeometry.of(stack).to_px(table["frame"], table["y_nm"], table["x_nm"])
    return table.assign(y=px[:, 0], x=px[:, 1])


def _with_left_out(rows: pd.DataFrame, detection: Mapping[str, Any], stack: AFMImageStack) -> pd.DataFrame:
    """Append the detections that the tracking left out."""
    import pandas as pd

    listed = detection.get("features_per_frame")
    if "point_index" not in rows or not isinstance(listed, RowsByFrame):
        return rows
    left_out = np.ones(len(listed.table), np.bool_)
    known = rows[rows["point_index"] >= 0]
    left_out[listed.row_numbers(known["frame"], known["point_index"])] = False
    counts = listed.counts()
    index = np.arange(len(listed.table)) - np.repeat(np.cumsum(counts) - counts, counts)
    others = listed.table.assign(point_index=index)[left_out]
    seen = detection.get("observed")
    if seen is not None:
        others = others[np.asarray(seen, np.bool_)[others["frame"].to_numpy(np.int64)]]
    if not len(others):
        return rows
    others = _with_px(others, stack)
    flags = [str(name) for name in rows if rows[name].dtype == np.bool_ and name not in others]
    others = others.assign(**dict.fromkeys(flags, False))
    both = pd.concat([rows, others[[name for name in rows if name in others]]], ignore_index=True)
    return with_corrected(both, len(rows))


def _of_links(tracking: Mapping[str, Any], column: str, n_rows: int, default: Any) -> npt.NDArray[Any]:
    """Return the value of the link that ends at each detection."""
    values, links = np.full(n_rows, default), tracking.get("links")
    if links is not None and len(links) and column in links:
        values[links["target"].to_numpy(np.int64)] = links[column].to_numpy()
    return values
