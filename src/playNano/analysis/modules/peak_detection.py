"""Detection of local maxima."""

from __future__ import annotations

from typing import Any

from playNano.afm_stack import AFMImageStack
from playNano.algorithms.peaks import PeakOptions, find_peaks
from playNano.analysis.base import AnalysisModule, AnalysisOutputs, checked_run
from playNano.analysis.detection.automatic import automatic_peaks, levels_record, peaks_summary
from playNano.analysis.detection.spots import MovieThresholds, detect_spots, options_from
from playNano.analysis.observed import observed_frames


class PeakDetectionModule(AnalysisModule):
    """Detect local maxima, with limits on height, prominence and distance."""

    name = "peak_detection"
    kind = "detection"
    version = "1.1"
    options_type = PeakOptions

    @checked_run
    def run(
        self, stack: AFMImageStack, previous_results: dict[str, Any] | None = None, **params: Any
    ) -> AnalysisOutputs:
        """Detect local maxima in every frame.

        Without ``min_height_nm`` it is found from the noise of the movie, which must be levelled, and the polarity from
        its heights.

        Parameters
        ----------
        stack
            The movie.
        previous_results
            Outputs of earlier modules; with those of `frame_quality`, frames that it flags as unusable are skipped.
        **params
            Those of `playNano.algorithms.peaks.options.PeakOptions`.

        Returns
        -------
        dict
            ``features_per_frame, summary, table, observed``: see `playNano.analysis.detection.spots.detect_spots` and
            `playNano.algorithms.peaks.peaks.find_peaks`.

        Raises
        ------
        ParameterError
            If a parameter is unknown or out of range.

        Examples
        --------
        >>> import numpy as np
        >>> data = np.zeros((1, 16, 16)); data[0, 6, 9] = 3.0
        >>> out = PeakDetectionModule().run(AFMImageStack(data, 1.0, "height", "movie.npy"), min_height_nm=1)
        >>> [(round(peak["y"]), round(peak["x"])) for peak in out["features_per_frame"][0]]
        [(6, 9)]
        """
        options = options_from(PeakOptions, params, self.name)
        automatic = None
        if options.min_height_nm is None:
            options, levels = automatic_peaks(
                stack, observed_frames(previous_results, len(stack.data)), options
            )
            automatic = MovieThresholds(
                peaks_summary(options, stack.value_suffix), levels_record(levels, stack.value_suffix), levels
            )
        return detect_spots(stack, previous_results, find_peaks, options, name=self.name, automatic=automatic)
