"""What the modules share that find spots (blobs, peaks, templates) rather than regions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from playNano.afm_stack import AFMImageStack
from playNano.analysis.base import AnalysisOutputs
from playNano.analysis.observed import observed_frames
from playNano.analysis.times import add_times, times_from
from playNano.core.blocks import TABLE_BLOCK_BYTES
from playNano.core.executor import map_frames
from playNano.core.tables import RowsByFrame
from playNano.processing.steps import as_float_block


@dataclass(frozen=True)
class SpotSearch:
    """Find the spots of a block of frames; for `map_frames`.

    Parameters
    ----------
    function
        ``function(block, first_frame=..., pixel_size_nm=..., **wanted)`` -> table.
    pixel_size_nm
        (y, x), nm.
    wanted
        Further parameters of the function.
    """

    function: Callable[..., Any]
    pixel_size_nm: tuple[float, float]
    wanted: dict[str, Any]

    def __call__(self, start: int, block: Any, observed: Any) -> Any:
        """Return the table of a block, without the spots of frames that were not observed."""
        pixels = as_float_block(block)[0]
        found = self.function(pixels, first_frame=start, pixel_size_nm=self.pixel_size_nm, **self.wanted)
        return found[observed[found["frame"].to_numpy() - start]]


def detect_spots(
    stack: AFMImageStack,
    previous_results: dict[str, Any] | None,
    function: Callable[..., Any],
    wanted: dict[str, Any],
    *,
    name: str,
    noun: str = "features",
    leave_out: tuple[str, ...] = (),
) -> AnalysisOutputs:
    """Run a spot finder over a movie and name its outputs.

    Parameters
    ----------
    stack
        The movie.
    previous_results
        Outputs of earlier modules; `frame_quality` is heeded.
    function, wanted
        The finder and its parameters.
    name
        Of the module, for the progress display.
    noun
        What the summary counts: ``total_<noun>``, ``avg_<noun>_per_frame``.
    leave_out
        Columns that the dicts do not show.

    Returns
    -------
    dict
        ``features_per_frame``: per frame, a sequence of dicts with ``frame_timestamp`` (s) and the table's
        columns. ``summary``. ``table``: with ``time_s`` (when the tip passed the spot) and ``frame_time_s``
        (when the frame began). ``observed``: bool (n_frames,); where `frame_quality` has run before, frames
        that it calls unusable are skipped and False here. ``times_from``: what ``time_s`` rests on, see
        `playNano.analysis.modules.feature_detection.times_from`.
    """
    import pandas as pd

    observed = observed_frames(previous_results, len(stack.data))
    search = SpotSearch(function, stack.pixel_size_yx_nm, wanted)
    parts = map_frames(search, stack.data, observed, what=name, block_bytes=TABLE_BLOCK_BYTES)
    if not parts:
        parts = [search(0, np.zeros((0, *stack.data.shape[1:])), np.ones(0, np.bool_))]
    table = pd.concat(parts, ignore_index=True) if len(parts) > 1 else parts[0]
    table = add_times(table.reset_index(drop=True), stack)
    fields = {"frame_timestamp": "frame_time_s"}
    fields |= {c: c for c in table.columns if c not in ("frame_time_s", *leave_out)}
    n_frames = len(stack.data)
    return {
        "features_per_frame": RowsByFrame(table, n_frames, fields),
        "summary": {
            "total_frames": n_frames,
            f"total_{noun}": len(table),
            f"avg_{noun}_per_frame": len(table) / n_frames if n_frames else 0.0,
        },
        "table": table,
        "observed": observed,
        "times_from": times_from(stack),
    }
