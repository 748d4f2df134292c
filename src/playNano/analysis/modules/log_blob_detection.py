"""Find bright spots of unknown size in every frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from playNano.afm_stack import AFMImageStack
from playNano.analysis.base import AnalysisModule, AnalysisOutputs, checked_run
from playNano.analysis.modules.feature_detection import add_times
from playNano.analysis.modules.frame_quality import observed_frames
from playNano.core.executor import TABLE_BLOCK_BYTES, map_frames
from playNano.core.params import Unit
from playNano.core.tables import RowsByFrame
from playNano.errors import ParameterError
from playNano.processing.steps import as_float_block

Sigma = Annotated[float, Field(gt=0), Unit("px")]


class LoGBlobDetectionModule(AnalysisModule):
    """Find bright spots of unknown size in every frame by the Laplacian of Gaussian."""

    name = "log_blob_detection"
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

        Returns
        -------
        dict
            ``features_per_frame``: per frame, a sequence of dicts with ``frame_timestamp`` (s), ``y, x,
            sigma[, radius]`` (px) and the further columns of the table.
            ``summary``: ``total_frames, total_blobs, avg_blobs_per_frame``.
            ``table``: one row a blob; see `playNano.algorithms.blobs.find_blobs`; ``time_s`` is when the tip
            passed it, ``frame_time_s`` when the frame began.
            ``observed``: bool (n_frames,); where `frame_quality` has run before, frames that it calls unusable
            are skipped and False here.

        Raises
        ------
        ParameterError
            If a parameter is unknown or wrong.

        Examples
        --------
        >>> y, x = np.mgrid[0:24, 0:24]
        >>> data = 5 * np.exp(-((y - 10.0) ** 2 + (x - 12.0) ** 2) / 8)[None]
        >>> out = LoGBlobDetectionModule().run(AFMImageStack(data, 1.0, "height", "movie.npy"))
        >>> [(blob["y"], blob["x"]) for blob in out["features_per_frame"][0]]
        [(10.0, 12.0)]
        """
        import pandas as pd

        wanted: dict[str, Any] = {
            "min_sigma": min_sigma,
            "max_sigma": max_sigma,
            "num_sigma": num_sigma,
            "threshold": threshold,
            "overlap": overlap,
        }

        observed = observed_frames(previous_results, len(stack.data))

        search = BlobSearch(stack.pixel_size_yx_nm, wanted)
        parts = map_frames(search, stack.data, observed, what=self.name, block_bytes=TABLE_BLOCK_BYTES)
        if not parts:
            parts = [search(0, np.zeros((0, *stack.data.shape[1:])), np.ones(0, np.bool_))]
        table = pd.concat(parts, ignore_index=True) if len(parts) > 1 else parts[0]
        table = add_times(table, stack)
        fields = {"frame_timestamp": "frame_time_s", "y": "y", "x": "x", "sigma": "sigma", "radius": "radius"}
        fields |= {c: c for c in table.columns if c not in (*fields, "frame_time_s")}
        if not include_radius:
            fields = {key: column for key, column in fields.items() if not key.startswith("radius")}
        return {
            "features_per_frame": RowsByFrame(table, len(stack.data), fields),
            "summary": {
                "total_frames": len(stack.data),
                "total_blobs": len(table),
                "avg_blobs_per_frame": len(table) / len(stack.data) if len(stack.data) else 0.0,
            },
            "table": table,
            "observed": observed,
        }


@dataclass(frozen=True)
class BlobSearch:
    """Find the blobs of a block of frames; for `map_frames`.

    Parameters
    ----------
    pixel_size_nm
        (y, x), nm.
    wanted
        Further parameters of `find_blobs`.
    """

    pixel_size_nm: tuple[float, float]
    wanted: dict[str, Any]

    def __call__(self, start: int, block: Any, observed: Any) -> Any:
        """Return the table of a block."""
        from playNano.algorithms.blobs import find_blobs

        pixels = as_float_block(block)[0]
        found = find_blobs(pixels, first_frame=start, pixel_size_nm=self.pixel_size_nm, **self.wanted)
        return found[observed[found["frame"].to_numpy() - start]]
