"""Which frames count as observed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np


def observed_frames(
    previous_results: Mapping[str, Any] | None, n_frames: int
) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Return which frames count as observed: the usable ones where `frame_quality` has run, else all."""
    quality = (previous_results or {}).get("frame_quality")
    if quality is None:
        return np.ones(n_frames, dtype=np.bool_)
    return np.asarray(quality["usable"], dtype=np.bool_)
