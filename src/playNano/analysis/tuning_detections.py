"""Detections of a movie from which settings are drawn by limits on their columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from playNano.afm_stack import AFMImageStack
from playNano.algorithms.segmentation import SegmentationOptions
from playNano.analysis.detection.automatic import movie_levels
from playNano.analysis.modules.feature_detection import FeatureDetectionModule
from playNano.analysis.modules.frame_quality import FrameQualityModule
from playNano.analysis.modules.log_blob_detection import LoGBlobDetectionModule
from playNano.core.step_text import StepCall
from playNano.metrics.detection import match_points

if TYPE_CHECKING:
    import pandas as pd

BoolArray = npt.NDArray[np.bool_]

FALSE_POSITIVES = (0.05, 0.5, 0.005)
"""Expected false detections of noise in a frame: the default, ten times more, and ten times fewer."""
HEIGHTS = (0.5, 1.0, 2.0, 4.0)
"""Minimum heights that are compared, in automatic thresholds; the first is the default."""
SIZES = (1.0, 2.0, 4.0)
"""Minimum areas that are compared, in automatic minimum areas."""
RESPONSES = (1.0, 0.7, 1.4)
"""Thresholds of blobs that are compared, in automatic ones."""
LOOSE = 0.4
"""Fraction of the lowest limit down to which objects are detected, so that limits can be varied."""
SAME_PX = 3.0
"""Maximum distance of two detections of the same object, px."""


@dataclass(frozen=True)
class Axis:
    """A limit that is varied.

    Attributes
    ----------
    parameter
        Parameter of the detection module.
    column
        Column of which it is the minimum.
    values
        Values that are compared, the default first.
    change
        Factor of a small change.
    integer
        Whether it is a whole number.
    always
        Whether it is given also where it has its default.
    """

    parameter: str
    column: str
    values: tuple[float, ...]
    change: float
    integer: bool = False
    always: bool = False


@dataclass(frozen=True)
class BaseDetections:
    """Detections without limits, and the same with more and fewer false detections expected.

    Attributes
    ----------
    module, params
        The detection module, and its parameters without those of the axes.
    table
        Detections, one row each.
    observed
        (n_frames,) bool.
    axes
        Limits that are varied.
    others
        For each variant its table, and the row of it that is the same object as each row of `table`, or -1.
    labels
        Label images, (n_frames, h, w); None of blobs.
    """

    module: str
    params: dict[str, Any]
    table: pd.DataFrame
    observed: BoolArray
    axes: tuple[Axis, ...]
    others: tuple[tuple[pd.DataFrame, npt.NDArray[np.int64]], ...] = ()
    labels: Any = None

    def kept(self, values: Sequence[float], table: pd.DataFrame | None = None) -> BoolArray:
        """Return the rows within the limits.

        Parameters
        ----------
        values
            Minimum of each axis.
        table
            Detections; by default `table`.
        """
        table = self.table if table is None else table
        kept = np.ones(len(table), np.bool_)
        for axis, value in zip(self.axes, values, strict=True):
            kept &= np.abs(table[axis.column].to_numpy()) >= value
        return kept

    def stability(self, values: Sequence[float]) -> float:
        """Return the mean F1 of the detections within limits, and those under small changes of each; 0 without any.

        Parameters
        ----------
        values
            Minimum of each axis.
        """
        kept = self.kept(values)
        if not kept.any():
            return 0.0
        scores = []
        for n, axis in enumerate(self.axes):
            for factor in (axis.change, 1 / axis.change):
                changed = self.kept([v * factor if i == n else v for i, v in enumerate(values)])
                scores.append(2 * np.count_nonzero(kept & changed) / (kept.sum() + changed.sum()))
        for table, partner in self.others:
            other = self.kept(values, table)
            both = np.count_nonzero(kept & (partner >= 0) & np.append(other, False)[partner])
            scores.append(2 * both / (kept.sum() + other.sum()))
        return float(np.mean(scores))


def detect_variants(stack: AFMImageStack, call: StepCall) -> BaseDetections:
    """Detect objects without limits, and with more and fewer false detections expected.

    Parameters
    ----------
    stack
        The movie, levelled.
    call
        A detection module with its parameters, as from `playNano.analysis.defaults.default_analysis`.

    Returns
    -------
    BaseDetections
        With limits of height and area for regions, of the response for blobs.
    """
    quality = {"frame_quality": FrameQualityModule().run(stack)}
    observed = quality["frame_quality"]["usable"]
    if call.name == "log_blob_detection":
        return _blobs(stack, call, quality)
    detect = FeatureDetectionModule()
    levels = movie_levels(stack, observed, SegmentationOptions(call.params.get("polarity", "auto")))
    threshold, area = levels.threshold_nm, levels.min_area_px
    params = {**call.params, "polarity": levels.polarity}
    axes = [Axis("min_size", "area_px", tuple(area * k for k in SIZES), 4 / 3, integer=True)]
    loose: dict[str, Any] = {}
    if stack.unit == "nm":
        axes.insert(0, Axis("min_height_nm", "height_nm", tuple(threshold * k for k in HEIGHTS), 1.2))
        loose = {"min_height_nm": LOOSE * threshold} if np.isfinite(threshold) else {}
    runs = [
        detect.run(stack, quality, **detect.bind({**params, **loose, "false_positives": expected}))
        for expected in FALSE_POSITIVES
    ]
    table = runs[0]["table"]
    others = tuple((run["table"], _partners(run["table"], table)) for run in runs[1:])
    return BaseDetections(
        call.name, params, table, runs[0]["observed"], tuple(axes), others, runs[0]["labeled_masks"]
    )


def _blobs(stack: AFMImageStack, call: StepCall, quality: dict[str, Any]) -> BaseDetections:
    """Detect blobs with a low threshold."""
    detect = LoGBlobDetectionModule()
    threshold = float(call.params["threshold"])
    low = {**call.params, "threshold": LOOSE * threshold}
    outputs = detect.run(stack, quality, **detect.bind(low))
    axis = Axis("threshold", "response", tuple(threshold * k for k in RESPONSES), 1.2, always=True)
    return BaseDetections(call.name, dict(call.params), outputs["table"], outputs["observed"], (axis,))


def _partners(table: pd.DataFrame, reference: pd.DataFrame) -> npt.NDArray[np.int64]:
    """Return for each row of the reference the row of a table that is the same object, or -1."""
    return match_points(table, reference, max_distance=SAME_PX)
