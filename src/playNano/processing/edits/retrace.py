"""The step that makes one movie of trace and retrace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from playNano._options import Unit
from playNano.algorithms.leveling.survey import sampled_frames
from playNano.algorithms.repair.retrace import Method, estimate_lag, fuse_frame
from playNano.core.lazy import computed
from playNano.errors import ParameterError
from playNano.processing.edit_step import Edit, Movie, edit
from playNano.processing.steps import Pixels, as_float_block

MAX_LAG_PX = 16.0
"""Largest lag that is searched, px."""


@dataclass(frozen=True)
class Fused:
    """Make one block of frames of those of the movie and of the other channel.

    Parameters
    ----------
    lag
        Shift of the trace against the retrace, px.
    method
        As in `fuse_frame`.
    is_retrace
        Whether the movie is the retrace.
    """

    lag: float
    method: Method
    is_retrace: bool

    def __call__(self, block: Pixels, other: Pixels) -> Pixels:
        """Return the fused frames.

        Parameters
        ----------
        block, other
            Frames, (n, height, width).
        """
        pixels, beside = as_float_block(block)[0], as_float_block(other)[0]
        out = np.empty_like(pixels)
        for index, pair in enumerate(zip(pixels, beside, strict=True)):
            trace, retrace = pair[::-1] if self.is_retrace else pair
            out[index] = fuse_frame(trace, retrace, self.lag, self.method)
        return out


@edit("1.0")
def fuse_trace_retrace(
    movie: Movie,
    *,
    other: str | None = None,
    method: Method = "slope",
    lag_px: Annotated[float | None, Field(ge=-100, le=100), Unit("px")] = None,
) -> Edit:
    """Make one movie of trace and retrace, without the tails behind steep objects ("parachuting").

    Where the surface falls faster than the tip, the tip draws a tail, on the right in the trace, on the left in the
    retrace. Each side is taken from the pass that climbs it, after both passes have been moved by half of the lag.
    It needs pixels as recorded: only edits (crops, frames) may come before it; level afterwards.

    Parameters
    ----------
    movie
        Pixels and geometry before the edit.
    other
        The channel of the other pass; by default "height_retrace", or "height_trace" where the movie is the retrace.
    method
        "slope": where the surface rises from left to right, the trace, where it falls, the retrace, on level parts the
        mean. "lower": the lower of the two, whose noise lies below that of the mean.
    lag_px
        Shift of the trace against the retrace towards higher columns, px; one for the movie, estimated by default.

    Returns
    -------
    Edit
        The fused movie; ``lag_px`` in the record, and ``lag_px_per_frame`` of the frames that it was estimated from.

    Examples
    --------
    >>> import playNano
    >>> stack = playNano.AFMImageStack(np.zeros((2, 9, 9)), 1.0, "height_trace", "movie.npy")
    >>> stack.other_channels["height_retrace"] = np.ones((2, 9, 9))
    >>> float(stack.apply(["fuse_trace_retrace:lag_px=0"]).max())
    0.0
    """
    is_retrace = movie.geometry.scan is not None and movie.geometry.scan.trace == "retrace"
    name = other or ("height_trace" if is_retrace else "height_retrace")
    beside = None if movie.channel is None else movie.channel(name)
    if beside is None or beside.shape != movie.data.shape:
        shape = None if beside is None else beside.shape
        raise ParameterError(f"the channel {name!r} has the shape {shape}, the movie {movie.data.shape}")
    details: dict[str, Any] = {"channel": name}
    warnings: tuple[str, ...] = ()
    lag = lag_px
    if lag is None:
        estimate, details["lag_px_per_frame"] = _lag(movie.data, beside, is_retrace)
        lag = estimate if np.isfinite(estimate) else 0.0
        if not np.isfinite(estimate):
            warnings = (
                "the frames do not show enough relief to find the lag between trace and retrace, and it was taken as "
                "0 px; give lag_px if you know it",
            )
        elif abs(lag) > 0.9 * min(MAX_LAG_PX, movie.data.shape[2] // 4):
            warnings = (
                f"the lag between trace and retrace, {lag:.1f} px, is near the largest that is searched; check it",
            )
    details["lag_px"] = lag
    change = Fused(float(lag), method, is_retrace)
    return Edit(
        movie.geometry, change=change, details=details, warnings=warnings, beside=beside, of_raw=False
    )


def _lag(data: Any, beside: Any, is_retrace: bool) -> tuple[float, dict[str, Any]]:
    """Estimate the lag from sampled frames together, and of each of them."""
    frames = sampled_frames(len(data)) if len(data) else []
    if not frames:
        return float("nan"), {"frame": [], "lag_px": []}
    pair = [as_float_block(computed(pixels[frames]))[0] for pixels in (data, beside)]
    trace, retrace = pair[::-1] if is_retrace else pair
    largest = min(MAX_LAG_PX, data.shape[2] // 4)
    each = [estimate_lag(*both, largest) for both in zip(trace, retrace, strict=True)]
    return estimate_lag(trace, retrace, largest), {
        "frame": frames,
        "lag_px": [value if np.isfinite(value) else None for value in each],
    }
