"""Find summits in every frame."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from playNano._options import Unit
from playNano.afm_stack import AFMImageStack
from playNano.analysis.base import AnalysisModule, AnalysisOutputs, checked_run
from playNano.analysis.detection.spots import detect_spots

Length = Annotated[float, Field(ge=0), Unit("nm")]


class PeakDetectionModule(AnalysisModule):
    """Find summits that stand high enough, alone enough and far enough apart."""

    name = "peak_detection"
    kind = "detection"
    version = "1.0"

    @checked_run
    def run(
        self,
        stack: AFMImageStack,
        previous_results: dict[str, Any] | None = None,
        *,
        min_height_nm: Length = 0.0,
        min_prominence_nm: Length | None = None,
        min_distance_nm: Length = 0.0,
        smoothing_px: Annotated[float, Field(ge=0), Unit("px")] = 0.0,
        background: Literal["frame", "zero"] = "frame",
        remove_edge: bool = True,
        subpixel: bool = True,
    ) -> AnalysisOutputs:
        """Find summits in every frame.

        Parameters
        ----------
        stack
            The movie.
        previous_results
            Outputs of earlier modules; `frame_quality` is heeded.
        min_height_nm
            Least height above the background, nm.
        min_prominence_nm
            How far one must at least go down from a summit to reach a higher one, nm; by default three times
            the noise of the frame.
        min_distance_nm
            Least distance between summits, nm; the higher one stays.
        smoothing_px
            Standard deviation of a Gaussian by which the frame is smoothed first, px.
        background
            What heights are measured from: the "frame"'s median, or "zero".
        remove_edge
            Whether summits on the border are dropped.
        subpixel
            Whether places are refined between pixels.

        Returns
        -------
        dict
            ``features_per_frame, summary, table, observed``: see `playNano.analysis.detection.spots.detect_spots` and
            `playNano.algorithms.peaks.peaks.find_peaks`.

        Examples
        --------
        >>> import numpy as np
        >>> data = np.zeros((1, 16, 16)); data[0, 6, 9] = 3.0
        >>> out = PeakDetectionModule().run(AFMImageStack(data, 1.0, "height", "movie.npy"), min_height_nm=1)
        >>> [(round(peak["y"]), round(peak["x"])) for peak in out["features_per_frame"][0]]
        [(6, 9)]
        """
        from playNano.algorithms.peaks.peaks import find_peaks

        wanted: dict[str, Any] = {
            "min_height_nm": min_height_nm,
            "min_prominence_nm": min_prominence_nm,
            "min_distance_nm": min_distance_nm,
            "smoothing_px": smoothing_px,
            "background": background,
            "remove_edge": remove_edge,
            "subpixel": subpixel,
        }
        return detect_spots(stack, previous_results, find_peaks, wanted, name=self.name)
