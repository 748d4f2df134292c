"""Quality control of frames: flag blank, saturated, torn, scarred, displaced and rough frames."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from playNano.afm_stack import AFMImageStack
from playNano.algorithms.quality.limits import QualityLimits
from playNano.analysis.base import AnalysisModule, AnalysisOutputs, checked_run
from playNano.core.executor import map_frames
from playNano.core.frame_shifts import SHIFT, frame_vectors
from playNano.core.remember import remembered
from playNano.core.value_units import named_by_unit, table_by_unit

if TYPE_CHECKING:
    from playNano.algorithms.quality.quality import FrameQuality

FLAGS = ("blank", "saturated", "torn", "partly_torn", "repeat", "scrambled", "scars", "jump", "rough")

LOST = ("blank", "torn", "partly_torn", "repeat", "scrambled")
"""Flags of frames that carry no observation."""
MAX_UNUSABLE = 0.2
"""Fraction of unusable frames above which a warning is issued."""


class FrameQualityModule(AnalysisModule):
    """Flag unusable frames; later detection and tracking steps exclude them."""

    name = "frame_quality"
    kind = "quality"
    version = "1.0"
    options_type = QualityLimits

    @checked_run
    def run(
        self,
        stack: AFMImageStack,
        previous_results: dict[str, Any] | None = None,
        *,
        source: Literal["raw", "current"] = "raw",
        **limits: Any,
    ) -> AnalysisOutputs:
        """Flag unusable frames.

        Parameters
        ----------
        stack
            The movie.
        previous_results
            Not used.
        source
            "raw": the heights as loaded, for which the limits are meant, even if processing steps have
            been run; "current": the heights after these steps.
        **limits
            Limits above which a line or frame is flagged: see `playNano.algorithms.quality.limits.QualityLimits`. The
            defaults are suitable for all movies.

        Returns
        -------
        dict
            ``table``: one row per frame with the flags ``blank, saturated, torn, partly_torn, repeat, scrambled,
            scars, jump, rough``,
            ``usable``, the ``reason`` in words, and the figures on which they are based: see
            `playNano.algorithms.quality.quality.frame_quality`. Where the channel is not a length, heights are named
            after its unit (``roughness_deg``), here and in ``thresholds``.
            ``usable``: bool (n_frames,); detection skips the others, tracking treats them as not observed.
            ``thresholds``: the limits in effect, and the reference values estimated from the movie.
            ``summary``: ``total_frames, usable_frames`` and the number of frames with each flag.

        Examples
        --------
        >>> movie = np.random.default_rng(0).normal(size=(6, 32, 32))
        >>> movie[2] = 450.0
        >>> out = FrameQualityModule().run(AFMImageStack(movie, 1.0, "height", "movie.npy"))
        >>> out["usable"].tolist(), out["summary"]["blank"]
        ([True, True, False, True, True, True], 1)
        """
        quality = judge_movie(stack, source, QualityLimits(**limits))
        usable = quality.table["usable"].to_numpy(dtype=np.bool_)
        counts = {flag: int(quality.table[flag].sum()) for flag in FLAGS}
        if usable.size and 1 - usable.mean() > MAX_UNUSABLE:
            stack.warn(_many_unusable(usable.size, int((~usable).sum()), counts))
        names = [*quality.table.columns, *quality.thresholds]
        # All lengths that are measured here are heights.
        heights = [name.removesuffix("_nm") for name in names if name.endswith("_nm")]
        called = named_by_unit(quality.thresholds, stack.unit, heights)
        return {
            "table": table_by_unit(quality.table, stack.unit, heights),
            "usable": usable,
            "thresholds": {called[name]: value for name, value in quality.thresholds.items()},
            "summary": {
                "total_frames": len(usable),
                "usable_frames": int(usable.sum()),
                **counts,
            },
        }


def judge_movie(
    stack: AFMImageStack,
    source: Literal["raw", "current"] = "raw",
    limits: QualityLimits | None = None,
) -> FrameQuality:
    """Flag the frames of a movie, block by block, without any warning.

    Parameters
    ----------
    stack
        The movie.
    source
        As for `FrameQualityModule`.
    limits
        Limits above which a line or frame is flagged; None for the defaults.

    Returns
    -------
    FrameQuality
        As that of `playNano.algorithms.quality.quality.frame_quality`.
    """
    from playNano.algorithms.quality.figures import figure_type
    from playNano.algorithms.quality.quality import judge_frames

    pixels = stack.processed.get("raw", stack.data) if source == "raw" else stack.data
    rows, columns = _field_of_all(stack)

    def measured() -> np.ndarray[Any, Any]:
        shown = pixels[:, rows, columns]
        parts = map_frames(_measure, shown, what=FrameQualityModule.name)
        return np.concatenate([np.empty(0, figure_type(shown.shape[1])), *parts])

    return judge_frames(remembered(measured, "quality figures", pixels), limits)


def _field_of_all(stack: AFMImageStack) -> tuple[slice, slice]:
    """Return the rows and columns that all frames show: of frames that were shifted the border is empty, not lost."""
    shift = frame_vectors(stack.frame_metadata, SHIFT) / stack.pixel_size_yx_nm
    field = []
    for size, along in zip(stack.image_shape, shift.T, strict=True):
        first, last = math.ceil(along.max(initial=0)), size + math.floor(along.min(initial=0))
        field.append(slice(first, last) if last - first >= size // 4 else slice(0, size))
    return field[0], field[1]


def _many_unusable(n_frames: int, n_unusable: int, counts: dict[str, int]) -> str:
    """Return the warning for a movie of which many frames are unusable."""
    kinds = ", ".join(f"{counts[flag]} {flag.replace('_', ' ')}" for flag in LOST if counts[flag])
    cure = "look at the movie, and analyse a part of it (--frames 20:60, or stack[20:60]) if the rest is lost"
    if n_unusable == n_frames:
        cure = "look at the movie: no part of it can be analysed"
    return (
        f"{n_unusable} of {n_frames} frames are unusable ({kinds}): nothing is detected in them, and tracks are cut "
        f"or bridge them; {cure}"
    )


def _measure(start: int, block: Any) -> Any:
    """Return the quality figures of a block of frames."""
    from playNano.algorithms.quality.figures import frame_figures

    return frame_figures(block)
