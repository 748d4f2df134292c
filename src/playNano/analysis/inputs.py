"""Describe the input of an analysis for its record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from playNano.core.edits import frame_range
from playNano.core.lazy import is_lazy
from playNano.core.provenance import array_fingerprint, file_fingerprint
from playNano.core.serialize import json_safe
from playNano.core.source import identify
from playNano.errors import ParameterError

RECORD_VERSION = 2
"""Version of the form of records."""


def describe_input(stack: Any) -> dict[str, Any]:
    """Return the entries of a record that describe the input of an analysis.

    Parameters
    ----------
    stack
        The movie.

    Returns
    -------
    dict
        ``record_version``; ``frame_times`` (s) and ``frame_times_known``; ``warnings``; ``processing``, the steps that
        had been run; and ``input``:

        ``file``
            The movie, as it was given.
        ``raw``
            Its identity: ``name, path, bytes, modified, kind, sha256``; None for a movie that is not of a file.
        ``channel``, ``requested_channel``, ``unit``
            The channel as the file calls it, the channel that was requested, and the unit of its values.
        ``shape``, ``dtype``
            Of the pixels that were analysed.
        ``frames``
            ``first``, ``step``, ``count``, and ``of``: number of frames in the file.
        ``pixel_size_nm``, ``pixel_size_from``, ``times_from``
            (y, x), and whether they are of the "file", were "given" to the reader, or are those of the "stack" as it
            was created or changed in Python; "unknown" for times that are numbers of frames.
        ``reader_options``, ``steps_before``
            Options of the reader as given, and number of processing steps that are stored in the file itself.
        ``checksum``
            Of the pixels, or of a lazy stack's file.
    """
    times = getattr(stack, "get_frame_times", None)
    provenance = getattr(stack, "provenance", None) or {}
    source = provenance.get("source") or {}
    return {
        "record_version": RECORD_VERSION,
        "frame_times": times() if times is not None else None,
        "frame_times_known": bool(getattr(stack, "has_times", False)),
        "input": {
            "file": str(getattr(stack, "file_path", "")),
            "raw": identify(source) if "path" in source else None,
            **describe_calibration(stack),
            "shape": list(stack.data.shape),
            "dtype": str(stack.data.dtype),
            "checksum": _checksum(stack),
        },
        "warnings": list(provenance.get("warnings", ())),
        "processing": [dict(step) for step in provenance.get("processing", {}).get("steps", [])],
    }


def describe_calibration(stack: Any) -> dict[str, Any]:
    """Return the part of `describe_input` that does not depend on the pixels.

    Parameters
    ----------
    stack
        The movie.

    Returns
    -------
    dict
        ``channel, requested_channel, unit, frames, pixel_size_nm, pixel_size_from, times_from, reader_options,
        steps_before``.
    """
    source = (getattr(stack, "provenance", None) or {}).get("source") or {}
    channel = getattr(stack, "channel", None)
    whole = {"first": 0, "step": 1, "count": len(stack.data), "of": len(stack.data)}
    known = bool(getattr(stack, "has_times", False))
    return {
        # "Height" may have been read from "height_trace": only the file's own name tells trace from retrace.
        "channel": (getattr(stack, "metadata", None) or {}).get("file_channel") or channel,
        "requested_channel": source.get("requested_channel", channel),
        "unit": getattr(stack, "unit", None),
        "frames": source.get("frames", whole),
        "pixel_size_nm": _pixel_size_as_read(stack),
        "pixel_size_from": _origin(source, "pixel_size_nm"),
        "times_from": _origin(source, "frame_time_s") if known else "unknown",
        "reader_options": dict(source.get("options", {})),
        "steps_before": source.get("steps_before", 0),
    }


def _pixel_size_as_read(stack: Any) -> list[float]:
    """Return height and width of a pixel before the steps that changed them."""
    steps = (getattr(stack, "provenance", None) or {}).get("processing", {}).get("steps", [])
    edited = next((step["geometry_before"] for step in steps if step.get("geometry_before")), None)
    return list(edited["pixel_size_nm"] if edited else getattr(stack, "pixel_size_yx_nm", ()))


def _origin(source: Mapping[str, Any], option: str) -> str:
    """Return where a property of the movie is from."""
    if "path" not in source:
        return "stack"
    return "given" if source["options"].get(option) is not None else "file"


def _checksum(stack: Any) -> str | None:
    """Return the checksum of the pixels, or for a lazy stack that of its file.

    The file and the processing steps together identify the pixels, without computing all of them.
    """
    if is_lazy(stack.data):
        return file_fingerprint(stack.file_path)
    return array_fingerprint(stack.data)


def planned_input(stack: Any) -> dict[str, Any]:
    """Return the heading ``input`` of a pipeline file for a movie, as `read_pipeline_input` returns it.

    Parameters
    ----------
    stack
        The movie, as loaded.

    Returns
    -------
    dict
        ``channel`` (as requested), ``pixel_size_nm``, ``pixel_size_from``, ``frames``, ``reader_options``.
    """
    entry = describe_calibration(stack)
    return {
        "channel": entry["requested_channel"],
        "pixel_size_nm": entry["pixel_size_nm"],
        "pixel_size_from": entry["pixel_size_from"],
        "frames": dict(entry["frames"]),
        "reader_options": json_safe(entry["reader_options"]),
    }


def load_planned(
    load: Callable[..., Any], given: Mapping[str, Any], channel: str | None, options: Mapping[str, Any]
) -> Any:
    """Load a movie in the way for which a pipeline was written, as far as the caller does not say otherwise.

    Parameters
    ----------
    load
        ``load(channel, **options)`` returns the movie.
    given
        The heading ``input`` of the pipeline; a ``count`` of None means frames to the end of the movie.
    channel
        The channel; None for that of the pipeline, or the height.
    options
        Options of the reader; others are taken from the pipeline.

    Returns
    -------
    AFMImageStack
        The movie: the frames of the pipeline, if it was not written for all frames.

    Raises
    ------
    ParameterError
        If the movie does not have the frames.

    Warns
    -----
    PlayNanoWarning
        If the pixel size is another than that of the pipeline: lengths in px then mean others in nm.
    """
    stack = load(
        channel or given.get("channel") or "height_trace", **{**given.get("reader_options", {}), **options}
    )
    frames = given.get("frames", {})
    first, step = frames.get("first", 0), frames.get("step", 1)
    count = frames.get("count", len(stack.data))
    if count is None:  # to the end
        count = len(range(first, len(stack.data), step))
    if (first, step, count) != (0, 1, frames.get("of", count)):
        last = first + step * (count - 1)
        if not (0 <= first < len(stack.data) and 0 <= last < len(stack.data)) or count < 1:
            raise ParameterError(
                f"{stack.file_path.name} has {len(stack.data)} frames, 0 to {len(stack.data) - 1}; the pipeline is for "
                f"frames {first} to {max(first, last)}"
            )
        stack = stack[frame_range(first, step, count)]
    size = given.get("pixel_size_nm")
    if size and list(size) != list(stack.pixel_size_yx_nm):
        now, then = (" x ".join(f"{edge:g}" for edge in edges) for edges in (stack.pixel_size_yx_nm, size))
        stack.warn(
            f"the pixels are {now} nm, those of the movie of the pipeline were {then} nm: lengths in px differ in nm"
        )
    return stack
