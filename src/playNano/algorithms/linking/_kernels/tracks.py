"""Kernel that numbers tracks."""

from __future__ import annotations

import numpy as np

from playNano._jit import jit
from playNano.algorithms.linking._kernels.assignment import Indices, Ints


@jit
def number_tracks(previous: Indices) -> tuple[Ints, int]:
    """Return the track of each detection, numbered by the tracks' first detections, and the number of tracks.

    previous : (N,) int32, the detection before each one in its track, or -1.
    """
    track = np.empty(previous.size, np.int64)
    n_tracks = 0
    for j in range(previous.size):
        if previous[j] < 0:
            track[j] = n_tracks
            n_tracks += 1
        else:
            track[j] = track[previous[j]]
    return track, n_tracks
