"""Detection of bright blobs of unknown size by the Laplacian of Gaussian."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from playNano.afm_stack import AFMImageStack
from playNano.algorithms.blobs import BlobOptions, find_blobs
from playNano.analysis.base import AnalysisModule, AnalysisOutputs, checked_run
from playNano.analysis.detection.automatic import automatic_blobs, blobs_summary, levels_record
from playNano.analysis.detection.spots import MovieThresholds, detect_spots, options_from
from playNano.analysis.observed import observed_frames
from playNano.core.serialize import json_safe


class LoGBlobDetectionModule(AnalysisModule):
    """Detect bright blobs of unknown size in every frame by the Laplacian of Gaussian."""

    name = "log_blob_detection"
    kind = "detection"
    version = "1.1"
    options_type = BlobOptions

    def bind(self, params: Mapping[str, Any], where: str | None = None) -> dict[str, Any]:
        """Validate parameters, and return the values in effect.

        Parameters
        ----------
        params
            Values by name, as given by the caller.
        where
            Name of the step for messages; by default the module's.
        """
        bound = super().bind(params, where)
        options_from(BlobOptions, bound, where or self.name)
        return bound

    @checked_run
    def run(
        self,
        stack: AFMImageStack,
        previous_results: dict[str, Any] | None = None,
        *,
        include_radius: bool = True,
        **params: Any,
    ) -> AnalysisOutputs:
        """Detect bright blobs of unknown size in every frame.

        Without ``threshold`` it is found from the noise of the movie, which must be levelled, and the polarity from its
        heights; if no limits of sigma are given either, these are found, in nm, from the areas of its objects.

        Parameters
        ----------
        stack
            The movie.
        previous_results
            Outputs of earlier modules; with those of `frame_quality`, frames that it flags as unusable are skipped.
        include_radius
            Whether the dicts contain ``radius`` = sigma * sqrt(2).
        **params
            Those of `playNano.algorithms.blobs.options.BlobOptions`.

        Returns
        -------
        dict
            ``features_per_frame``: per frame, a sequence of dicts with ``frame_timestamp`` (s), ``y, x,
            sigma[, radius]`` (px) and the further columns of the table.
            ``summary``: ``total_frames, total_blobs, avg_blobs_per_frame``; where the threshold was found from the
            movie also ``segmentation``, what was found, as text.
            ``segmentation``: only then, threshold, scales and the values that they were found from.
            ``table``: one row per blob; see `playNano.algorithms.blobs.blobs.find_blobs`; ``time_s`` is when the tip
            passed it, ``frame_time_s`` when the frame began.
            ``observed``: bool (n_frames,); where `frame_quality` has run before, frames that it flags as unusable
            are skipped and False here.

        Raises
        ------
        ParameterError
            If a parameter is unknown or out of range, or ``max_sigma`` is below ``min_sigma``.

        Examples
        --------
        >>> import numpy as np
        >>> y, x = np.mgrid[0:24, 0:24]
        >>> data = 5 * np.exp(-((y - 10.0) ** 2 + (x - 12.0) ** 2) / 8)[None]
        >>> out = LoGBlobDetectionModule().run(AFMImageStack(data, 1.0, "height", "movie.npy"), threshold=1)
        >>> [(blob["y"], blob["x"]) for blob in out["features_per_frame"][0]]
        [(10.0, 12.0)]
        """
        options = options_from(BlobOptions, params, self.name)
        hidden = () if include_radius else ("radius", "radius_nm")
        automatic = None
        if options.threshold is None:
            options, levels = automatic_blobs(
                stack, observed_frames(previous_results, len(stack.data)), options
            )
            automatic = MovieThresholds(
                blobs_summary(options, stack.value_suffix),
                {**levels_record(levels, stack.value_suffix), **_scales(options)},
                levels,
            )
        return detect_spots(
            stack,
            previous_results,
            find_blobs,
            options,
            name=self.name,
            noun="blobs",
            hidden_columns=hidden,
            automatic=automatic,
        )


def _scales(options: BlobOptions) -> dict[str, Any]:
    """Return what was found from the movie."""
    names = ("threshold", "min_sigma", "max_sigma", "min_sigma_nm", "max_sigma_nm", "polarity")
    scales: dict[str, Any] = json_safe({name: getattr(options, name) for name in names})
    return scales
