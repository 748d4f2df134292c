"""Tell which frames show the surface: blank, torn, scarred, jumped and rough ones are flagged."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from playNano.afm_stack import AFMImageStack
from playNano.analysis.base import AnalysisModule, AnalysisOutputs, checked_run
from playNano.core.executor import map_frames

Share = Annotated[float, Field(ge=0, le=1)]
Factor = Annotated[float, Field(ge=0)]


class FrameQualityModule(AnalysisModule):
    """Flag frames that do not show the surface; detection and tracking after it leave them out."""

    name = "frame_quality"
    version = "1.0"

    @checked_run
    def run(
        self,
        stack: AFMImageStack,
        previous_results: dict[str, Any] | None = None,
        *,
        source: Literal["raw", "current"] = "raw",
        use_partly_torn: bool = False,
        rail_share: Share = 0.5,
        quiet_ratio: Share = 0.1,
        min_dead_rows: Share = 0.05,
        min_bad_rows: Share = 0.1,
        min_good_rows: Share = 0.1,
        step_factor: Factor = 8.0,
        relief_factor: Factor = 0.5,
        off_level_factor: Factor = 3.0,
        noise_factor: Factor = 4.0,
        line_noise_factor: Factor = 5.0,
        min_saturated: Share = 0.01,
        min_scar_rows: Annotated[int, Field(ge=1)] = 2,
        jump_sigma: Factor = 6.0,
        rough_ratio: Annotated[float, Field(ge=1)] = 2.0,
        row_noise_ratio: Annotated[float, Field(ge=1)] = 4.0,
    ) -> AnalysisOutputs:
        """Flag frames that do not show the surface.

        Parameters
        ----------
        stack
            The movie.
        previous_results
            Not used.
        source
            "raw": the heights as loaded, on which the thresholds are meant to be used, also where steps have
            been run since; "current": the heights as they are now.
        use_partly_torn
            Whether a frame of which a part is lost counts as usable.
        rail_share, quiet_ratio, min_dead_rows, min_bad_rows, min_good_rows, step_factor, relief_factor, \
        off_level_factor, noise_factor, line_noise_factor, min_saturated, min_scar_rows, jump_sigma, \
        rough_ratio, row_noise_ratio
            Thresholds, most of them relative to what is usual in the movie: see
            `playNano.algorithms.quality.quality.frame_quality`. The defaults are meant for every movie.

        Returns
        -------
        dict
            ``table``: one row a frame with the flags ``blank, saturated, torn, partly_torn, scars, jump, rough``,
            ``usable``, the ``reason`` in words, and the figures that they rest on.
            ``usable``: bool (n_frames,); detection skips the others, tracking counts them as not observed.
            ``thresholds``: the limits in effect and what was learnt from the movie.
            ``summary``: ``total_frames, usable_frames`` and the number of frames with each flag.

        Examples
        --------
        >>> movie = np.random.default_rng(0).normal(size=(4, 32, 32))
        >>> movie[2] = 450.0
        >>> out = FrameQualityModule().run(AFMImageStack(movie, 1.0, "height", "movie.npy"))
        >>> out["usable"].tolist(), out["summary"]["blank"]
        ([True, True, False, True], 1)
        """
        from playNano.algorithms.quality.quality import figure_type, judge_frames

        pixels = stack.processed.get("raw", stack.data) if source == "raw" else stack.data

        parts = map_frames(_measure, pixels, what=self.name)
        figures = np.concatenate([np.empty(0, figure_type(pixels.shape[1])), *parts])
        found = judge_frames(
            figures,
            use_partly_torn=use_partly_torn,
            rail_share=rail_share,
            quiet_ratio=quiet_ratio,
            min_dead_rows=min_dead_rows,
            min_bad_rows=min_bad_rows,
            min_good_rows=min_good_rows,
            step_factor=step_factor,
            relief_factor=relief_factor,
            off_level_factor=off_level_factor,
            noise_factor=noise_factor,
            line_noise_factor=line_noise_factor,
            min_saturated=min_saturated,
            min_scar_rows=min_scar_rows,
            jump_sigma=jump_sigma,
            rough_ratio=rough_ratio,
            row_noise_ratio=row_noise_ratio,
        )
        usable = found.table["usable"].to_numpy(dtype=np.bool_)
        flags = ("blank", "saturated", "torn", "partly_torn", "scars", "jump", "rough")
        return {
            "table": found.table,
            "usable": usable,
            "thresholds": dict(found.thresholds),
            "summary": {
                "total_frames": len(usable),
                "usable_frames": int(usable.sum()),
                **{flag: int(found.table[flag].sum()) for flag in flags},
            },
        }


def _measure(start: int, block: Any) -> Any:
    from playNano.algorithms.quality.quality import frame_figures

    return frame_figures(block)
