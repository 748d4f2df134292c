"""Pixels of a movie after an earlier step."""

from __future__ import annotations

from typing import Any

from playNano.afm_stack import AFMImageStack
from playNano.errors import ParameterError


def snapshot(stack: AFMImageStack, name: str) -> Any:
    """Return the pixels of a snapshot, (n_frames, height, width), lazy if the movie is.

    Parameters
    ----------
    stack
        The movie.
    name
        Key of the snapshot, or the name of a step, whose latest result is meant.

    Raises
    ------
    ParameterError
        If there is none; the message lists the snapshots.
    """
    keys = [name, *reversed(stack.provenance["processing"]["keys_by_name"].get(name, []))]
    key = next((key for key in keys if key in stack.processed), None)
    if key is None:
        raise ParameterError(
            f"measure_on {name!r}: there is no such snapshot or step; there are {', '.join(stack.processed) or 'none'}"
        )
    pixels = stack.processed[key]
    if pixels.shape != stack.data.shape:
        raise ParameterError(
            f"measure_on {name!r} has the shape {pixels.shape}, the movie {stack.data.shape}"
        )
    return pixels
