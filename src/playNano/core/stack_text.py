"""A movie in words."""

from __future__ import annotations

from typing import Any

from playNano.core.clock import time_summary


def describe(stack: Any) -> str:
    """Return a summary of a stack.

    Parameters
    ----------
    stack
        The movie, a `Stack`.

    Returns
    -------
    str
        A few lines: file and channel, size, times, steps, analysis.
    """
    y, x = stack.pixel_size_yx_nm
    pixel = f"{x:.4g} nm/px" if y == x else f"{y:.4g} x {x:.4g} nm/px (y, x)"
    field = f"{stack.height * y:.4g} x {stack.width * x:.4g} nm"
    rate, direction = (stack.scan.line_rate_hz, stack.scan.direction) if stack.scan else (None, None)
    done = [str(step["name"]) for step in stack.provenance["processing"]["steps"]]
    lines = [
        f"{type(stack).__name__} {stack.file_path.name!r}, channel {stack.channel!r} ({stack.unit})",
        f"  {stack.n_frames} frames of {stack.height} x {stack.width} px, {field}, {pixel}, {stack.data.dtype}"
        + (", lazy" if stack.is_lazy else ""),
        f"  {time_summary(stack.clock, rate, direction)}",
        f"  steps: {', '.join(done) or 'none'}",
    ]
    if stack.analysis:
        lines.append(f"  analysis: {', '.join(stack.analysis)}")
    return "\n".join(lines)


def channel_read(stack: Any) -> str:
    """Return the name of the channel as the file calls it, or as it was requested where the file has no name.

    Parameters
    ----------
    stack
        The movie, a `Stack`.
    """
    return str(stack.metadata.get("file_channel") or stack.channel)
