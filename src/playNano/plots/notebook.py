"""Movies and records as HTML for notebooks: small, warnings first, every text escaped."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from html import escape
from numbers import Real
from typing import Any

import numpy as np

from playNano.core.html import html_rows, html_warnings
from playNano.core.stack import Stack
from playNano.core.stack_text import describe
from playNano.io.export.colour_maps import colour_map
from playNano.io.export.render import COLOUR_MAP, height_limits

THUMBNAIL_PX = 160
"""Maximum edge of the picture of a movie, px."""
MAX_NUMBERS = 6
"""Number of values of a summary that are shown."""


def stack_html(stack: Stack) -> str:
    """Return a movie as HTML: its warnings, a thumbnail of the frame in the middle, and what it is.

    Parameters
    ----------
    stack
        The movie; of a lazy one, one frame is read.
    """
    first, *others = describe(stack).split("\n")
    rows = [line.strip().partition(": ")[::2] if ": " in line else ("", line.strip()) for line in others]
    text = f"<div><b>{escape(first)}</b></div>{html_rows(rows)}"
    picture = ""
    if stack.n_frames:
        number = stack.n_frames // 2
        source = base64.b64encode(thumbnail(stack, number)).decode("ascii")
        picture = (
            f'<div style="text-align:center"><img src="data:image/png;base64,{source}" alt="frame {number}"/>'
            f"<div>frame {number}</div></div>"
        )
    warned = html_warnings([str(warning) for warning in stack.provenance.get("warnings", ())])
    return f'{warned}<div style="display:flex;gap:16px">{picture}<div>{text}</div></div>'


def thumbnail(stack: Stack, frame: int) -> bytes:
    """Return a small picture of a frame as a PNG file.

    Parameters
    ----------
    stack
        The movie.
    frame
        Index of the frame.
    """
    from PIL import Image

    pixels = np.asarray(stack.get_frame(frame))
    step = -(-max(pixels.shape) // THUMBNAIL_PX)
    small = pixels[::step, ::step].astype(np.float64)
    low, high = height_limits(small[None])
    scaled = np.clip((small - low) / (high - low), 0, 1)
    missing = ~np.isfinite(scaled)
    colours = (colour_map(COLOUR_MAP)(np.where(missing, 0.0, scaled))[..., :3] * 255).round().astype(np.uint8)
    colours[missing] = 128
    y, x = stack.pixel_size_yx_nm
    image = Image.fromarray(colours)
    factor = max(1, THUMBNAIL_PX // max(small.shape))
    wide, tall = image.width * factor * max(1.0, x / y), image.height * factor * max(1.0, y / x)
    shrink = min(1.0, THUMBNAIL_PX / max(wide, tall))
    image = image.resize((max(1, round(wide * shrink)), max(1, round(tall * shrink))), Image.Resampling.BOX)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def record_html(record: Mapping[str, Any]) -> str:
    """Return a record as HTML: its warnings, the movie, and a row a step with its results.

    Parameters
    ----------
    record
        A record as `AnalysisPipeline.run` returns it; parts that it does not have are left out.
    """
    provenance = record.get("provenance", {})
    given = provenance.get("input", {})
    shape: list[Any] = list(given.get("shape") or [])
    size = f", {shape[0]} frames of {shape[1]} x {shape[2]} px" if len(shape) == 3 else ""
    heading = f"record of {given.get('file') or 'a movie'}, channel {given.get('channel')}{size}"
    processing = [str(step.get("name")) for step in provenance.get("processing", ())]
    rows = [("processing", ", ".join(processing) or "none")]
    for step in provenance.get("steps", ()):
        outputs = record.get("analysis", {}).get(step["analysis_key"], {})
        rows.append((step["analysis_key"], _results(outputs.get("summary") or {})))
    warned = html_warnings([str(text) for text in provenance.get("warnings", ())])
    return f"{warned}<div><b>{escape(heading)}</b></div>{html_rows(rows)}"


def _results(summary: Mapping[str, Any]) -> str:
    """Return the headlines of a step, or some numbers of its summary."""
    headlines = [str(headline["text"]) for headline in summary.get("headlines", ())]
    if headlines:
        return "; ".join(headlines)
    plain = {
        name: value
        for name, value in summary.items()
        if isinstance(value, Real) and not isinstance(value, bool)
    }
    numbers = [f"{name} {value:.4g}" for name, value in list(plain.items())[:MAX_NUMBERS]]
    messages = [str(message) for message in summary.get("messages", ())][:2]
    return "; ".join([", ".join(numbers), *messages] if numbers else messages) or "done"
