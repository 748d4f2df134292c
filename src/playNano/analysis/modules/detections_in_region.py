"""Keep the detections whose centroid lies in a region of interest."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from playNano.afm_stack import AFMImageStack
from playNano.analysis.base import AnalysisModule, AnalysisOutputs, checked_run
from playNano.analysis.points import DEFAULT_DETECTION, DETECTIONS, detection_outputs, resolve_detection
from playNano.core.lazy import FrameArray
from playNano.core.roi import RegionOfInterest
from playNano.core.roi_files import RegionValue
from playNano.core.tables import RowsByFrame
from playNano.errors import ParameterError

if TYPE_CHECKING:
    import pandas as pd


class DetectionsInRegionModule(AnalysisModule):
    """Keep the detections whose centroid lies in a region of interest, or outside."""

    name = "detections_in_region"
    kind = "detection"
    version = "1.0"
    requires = DETECTIONS
    automatic = ("detection_module",)

    def resolve_defaults(self, params: dict[str, Any], previous_results: Mapping[str, Any]) -> dict[str, Any]:
        """Set the detection module if it is not given.

        Parameters
        ----------
        params
            Values in effect.
        previous_results
            Outputs of earlier modules by name.
        """
        module = resolve_detection({**params, "coord_key": ""}, previous_results)["detection_module"]
        return {**params, "detection_module": module}

    @checked_run
    def run(
        self,
        stack: AFMImageStack,
        previous_results: dict[str, Any] | None = None,
        *,
        region: RegionValue,
        where: Literal["inside", "outside"] = "inside",
        detection_module: str = DEFAULT_DETECTION,
    ) -> AnalysisOutputs:
        """Keep the detections whose centroid lies in a region of interest, or outside.

        Tracking and clustering then take these. Run twice, it keeps what lies in both regions.

        Parameters
        ----------
        stack
            The movie.
        previous_results
            Outputs of earlier modules, among them the detection's.
        region
            The region: "file#name", or its plain values; it has an area. The record contains its points.
        where
            Detections that are kept: those whose centroid lies inside, or the others.
        detection_module
            Module whose detections are filtered. By default that which has run.

        Returns
        -------
        dict
            All outputs of the detection, with only these detections in ``table`` and ``features_per_frame``, and their
            pixels in ``labeled_masks`` (if it has these), whose labels are unchanged. ``summary``: ``total_frames,
            total_features, left_out``.

        Raises
        ------
        MissingInputError
            If no detection has run.
        ParameterError
            If the region is a line, or the detections are no table with y_nm and x_nm.

        Examples
        --------
        >>> from playNano.analysis.pipeline import AnalysisPipeline
        >>> data = np.zeros((1, 16, 32)); data[0, 4:8, 5:9] = 2; data[0, 4:8, 20:24] = 2
        >>> stack = AFMImageStack(data, 1.0, "height", "movie.npy")
        >>> left = {"shape": "box", "points_nm": [[0, 0], [16, 16]]}
        >>> steps = [{"feature_detection": {"threshold": 1}}, {"detections_in_region": {"region": left}}]
        >>> record = AnalysisPipeline().add_steps(steps).run(stack)
        >>> record["analysis"]["step_2_detections_in_region"]["table"]["x_nm"].tolist()
        [6.5]
        """
        outputs = dict(detection_outputs(previous_results, detection_module, "table"))
        table = outputs["table"]
        if not {"frame", "y_nm", "x_nm"} <= {*table}:
            raise ParameterError(f"{self.name}: the detections of {detection_module!r} have no y_nm and x_nm")
        roi = RegionOfInterest.from_dict(region)  # type: ignore[arg-type]
        roi = roi.in_nm(stack.pixel_size_yx_nm, stack.origin_nm)
        inside = roi.contains(table["y_nm"], table["x_nm"])
        kept = table[inside if where == "inside" else ~inside]
        kept = kept.sort_values("frame", kind="stable").reset_index(drop=True)
        features, labels = outputs.get("features_per_frame"), outputs.get("labeled_masks")
        fields = (
            features.fields if isinstance(features, RowsByFrame) else {c: c for c in kept if c != "frame"}
        )
        outputs |= {
            "table": kept,
            "features_per_frame": RowsByFrame(kept, stack.n_frames, fields),
            "summary": {
                "total_frames": stack.n_frames,
                "total_features": len(kept),
                "left_out": len(table) - len(kept),
            },
        }
        if labels is not None and "label" in kept:
            read = partial(_kept_labels, labels, _labels_by_frame(kept, stack.n_frames))
            outputs["labeled_masks"] = FrameArray(read, labels.shape, labels.dtype, by_chunk=True)
        return outputs


def _labels_by_frame(table: pd.DataFrame, n_frames: int) -> list[npt.NDArray[np.int64]]:
    """Return the labels of the detections of each frame."""
    bounds = np.searchsorted(table["frame"], np.arange(1, n_frames))
    return np.split(table["label"].to_numpy(np.int64), bounds)


def _kept_labels(labels: Any, kept: list[npt.NDArray[np.int64]], start: int, stop: int) -> npt.NDArray[Any]:
    """Return label images with the regions of some detections only."""
    frames = np.array(labels[start:stop])
    for frame, numbers in zip(frames, kept[start:stop], strict=True):
        frame[~np.isin(frame, numbers)] = 0
    return frames
