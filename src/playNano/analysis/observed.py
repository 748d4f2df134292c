"""Determine which frames are observed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt


def observed_frames(previous_results: Mapping[str, Any] | None, n_frames: int) -> npt.NDArray[np.bool_]:
    """Return which frames are observed: the usable ones if `frame_quality` has run, else all.

    Parameters
    ----------
    previous_results
        Module name -> its latest outputs.
    n_frames
        Number of frames of the movie.

    Returns
    -------
    ndarray
        (n_frames,) bool.

    Examples
    --------
    >>> observed_frames({"frame_quality": {"usable": [True, False]}}, 2).tolist()
    [True, False]
    """
    quality = (previous_results or {}).get("frame_quality")
    if quality is None:
        return np.ones(n_frames, dtype=np.bool_)
    return np.asarray(quality["usable"], dtype=np.bool_)
