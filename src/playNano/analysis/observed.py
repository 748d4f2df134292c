"""Determine which frames are observed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from playNano.analysis.previous import of_kind
from playNano.errors import ParameterError


def observed_frames(previous_results: Mapping[str, Any] | None, n_frames: int) -> npt.NDArray[np.bool_]:
    """Return which frames are observed: the usable ones if quality control has run, else all.

    Parameters
    ----------
    previous_results
        Module name -> its latest outputs. Of the modules of the kind "quality" or "tracking" (curation) that say which
        frames are ``usable`` the latest counts; in a plain dict, which knows no kinds, `frame_quality`.
    n_frames
        Number of frames of the movie.

    Returns
    -------
    ndarray
        (n_frames,) bool.

    Raises
    ------
    ParameterError
        If the module has not one value a frame.

    Examples
    --------
    >>> observed_frames({"frame_quality": {"usable": [True, False]}}, 2).tolist()
    [True, False]
    """
    results = previous_results or {}
    judging = {*of_kind(results, "quality"), *of_kind(results, "tracking")} or {"frame_quality"}
    names = [name for name in results if name in judging]
    names = [name for name in names if "usable" in results[name]]
    if not names:
        return np.ones(n_frames, dtype=np.bool_)
    usable = np.asarray(results[names[-1]]["usable"], dtype=np.bool_)
    if usable.shape != (n_frames,):
        raise ParameterError(
            f"the output 'usable' of {names[-1]!r} has the shape {usable.shape}, not one value for each of "
            f"{n_frames} frames"
        )
    return usable
