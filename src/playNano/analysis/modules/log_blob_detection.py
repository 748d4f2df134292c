"""Find bright spots of unknown size in every frame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from playNano._options import Unit
from playNano.afm_stack import AFMImageStack
from playNano.analysis.base import AnalysisModule, AnalysisOutputs, checked_run
from playNano.analysis.detection.spots import detect_spots
from playNano.errors import ParameterError

Sigma = Annotated[float, Field(gt=0), Unit("px")]


class LoGBlobDetectionModule(AnalysisModule):
    """Find bright spots of unknown size in every frame by the Laplacian of Gaussian."""

    name = "log_blob_detection"
    kind = "detection"
    version = "1.0"

    def bind(self, params: Mapping[str, Any], where: str | None = None) -> dict[str, Any]:
        """Return the values in effect."""
        bound = super().bind(params, where)
        if bound["max_sigma"] < bound["min_sigma"]:
            raise ParameterError(
                f"{where or self.name}: max_sigma ({bound['max_sigma']:g}) is less than min_sigma "
                f"({bound['min_sigma']:g})"
            )
        return bound

    @checked_run
    def run(
        self,
        stack: AFMImageStack,
        previous_results: dict[str, Any] | None = None,
        *,
        min_sigma: Sigma = 1.0,
        max_sigma: Sigma = 5.0,
        num_sigma: Annotated[int, Field(ge=1)] = 10,
        threshold: Annotated[float, Field(ge=0), Unit("nm")] = 0.1,
        overlap: Annotated[float, Field(ge=0, le=1)] = 0.5,
        include_radius: bool = True,
        mode: Literal["exact", "fast"] = "exact",
        subpixel: bool = False,
        fit: Literal["quadratic", "gaussian"] = "quadratic",
    ) -> AnalysisOutputs:
        """Find bright spots of unknown size in every frame.

        Parameters
        ----------
        stack
            The movie.
        previous_results
            Outputs of earlier modules; `frame_quality` is heeded.
        min_sigma, max_sigma
            Least and greatest standard deviation of the Gaussian, px.
        num_sigma
            Number of scales between them.
        threshold
            Least response of the scale-normalised filter, in the pixels' unit.
        overlap
            Where two blobs overlap by more than this fraction of the smaller one's area, the smaller goes.
        include_radius
            Whether the dicts carry ``radius`` = sigma * sqrt(2).
        mode
            "exact": the blobs of `skimage.feature.blob_log`; "fast": an approximation of the filter.
        subpixel, fit
            Whether places are refined between pixels, and by which fit.

        Returns
        -------
        dict
            ``features_per_frame``: per frame, a sequence of dicts with ``frame_timestamp`` (s), ``y, x,
            sigma[, radius]`` (px) and the further columns of the table.
            ``summary``: ``total_frames, total_blobs, avg_blobs_per_frame``.
            ``table``: one row a blob; see `playNano.algorithms.blobs.blobs.find_blobs`; ``time_s`` is when the tip
            passed it, ``frame_time_s`` when the frame began.
            ``observed``: bool (n_frames,); where `frame_quality` has run before, frames that it calls unusable
            are skipped and False here.

        Raises
        ------
        ParameterError
            If a parameter is unknown or wrong.

        Examples
        --------
        >>> import numpy as np
        >>> y, x = np.mgrid[0:24, 0:24]
        >>> data = 5 * np.exp(-((y - 10.0) ** 2 + (x - 12.0) ** 2) / 8)[None]
        >>> out = LoGBlobDetectionModule().run(AFMImageStack(data, 1.0, "height", "movie.npy"))
        >>> [(blob["y"], blob["x"]) for blob in out["features_per_frame"][0]]
        [(10.0, 12.0)]
        """
        from playNano.algorithms.blobs.blobs import find_blobs

        wanted: dict[str, Any] = {
            "min_sigma": min_sigma,
            "max_sigma": max_sigma,
            "num_sigma": num_sigma,
            "threshold": threshold,
            "overlap": overlap,
            "mode": mode,
            "subpixel": subpixel,
            "fit": fit,
        }
        radii = () if include_radius else ("radius", "radius_nm")
        return detect_spots(
            stack, previous_results, find_blobs, wanted, name=self.name, noun="blobs", leave_out=radii
        )
