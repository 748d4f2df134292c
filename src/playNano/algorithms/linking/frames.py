"""Linking from frame to frame, by optimal assignment."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from playNano.algorithms.linking.assignment import match_frames
from playNano.algorithms.linking.detections import SearchRange, sort_detections
from playNano.algorithms.linking.settings import DistanceScale, LinkingOptions


def link_frames(
    frame: npt.ArrayLike,
    positions: npt.ArrayLike,
    *,
    max_distance: float,
    max_missing: int = 0,
    distance_scale: DistanceScale = "constant",
    time_s: npt.ArrayLike | None = None,
    frame_interval_s: float | None = None,
    observed: npt.ArrayLike | None = None,
) -> npt.NDArray[np.int64]:
    """Link detections from frame to frame by an optimal assignment.

    At each frame the open tracks (those last seen at most ``max_missing + 1`` frames ago) are matched to
    the frame's detections at minimum total cost. Only pairs within the search range r are candidates. A link
    over a gap of g frame intervals costs ``(d**2 / r(g)**2 - 1) / g``, no link costs 0; without gap closing
    this is equivalent to the sum of squared distances, with the squared search range for every unmatched track. The
    factor 1 / g prevents a track lost for long, whose search range is wide, from taking the detection of a track seen
    just before. The minimum is exact at any density (sparse LAPJV).

    The result does not depend on the order of the detections. Where costs tie, the track seen last is preferred,
    then the one of lower y, then x.

    Parameters
    ----------
    frame
        0-based frame of each detection, (N,), in any order.
    positions
        Coordinates (y, x, ...) of each detection, (N, D), in the same unit (px, nm).
    max_distance
        Search range over one frame interval, in the unit of `positions`; > 0.
    max_missing
        Gap closing: number of observed frames in a row in which a track may be missing; >= 0.
    distance_scale
        Growth of the search range with the gap g, in frame intervals: "constant", "sqrt" proportional to sqrt(g)
        as for Brownian motion, "linear" proportional to g as for directed motion.
    time_s
        Time of each detection, (N,), s. Gaps are then true times in units of `frame_interval_s`; without it
        they are differences of frame number.
    frame_interval_s
        Length of a frame interval, s; None: the median time from one frame to the next.
    observed
        Per frame, whether it was observed, (n_frames,) bool. Other frames are ignored: their detections get
        the track -1, and they do not count as missed. None: all were observed.

    Returns
    -------
    ndarray of int64, (N,)
        Track of each detection, 0 .. n_tracks - 1, numbered by first frame, then y, then x of its first
        detection; -1 for the detections of unobserved frames.

    Raises
    ------
    ParameterError
        If a parameter is outside its limits, shapes disagree or a position is not finite.

    References
    ----------
    Jonker, Volgenant: A shortest augmenting path algorithm for dense and sparse linear assignment problems,
    Computing 38, 1987, doi 10.1007/BF02278710. Crocker, Grier: Methods of digital video microscopy for
    colloidal studies, J. Colloid Interface Sci. 179, 1996, doi 10.1006/jcis.1996.0217.

    Examples
    --------
    >>> frame = [0, 0, 1, 1, 2]
    >>> positions = [[0.0, 0.0], [0.0, 9.0], [0.5, 9.5], [1.0, 0.0], [1.0, 9.0]]
    >>> link_frames(frame, positions, max_distance=3.0).tolist()
    [0, 1, 1, 0, 1]
    """
    options = LinkingOptions(max_distance, max_missing, distance_scale, method="frame")
    detections = sort_detections(
        frame, positions, observed=observed, time_s=time_s, frame_interval_s=frame_interval_s
    )
    if detections.n == 0:
        return np.full(detections.n_input, -1, np.int64)
    from playNano.algorithms.linking._kernels.tracks import number_tracks

    search = SearchRange(options.search_range, options.n_gaps, options.growth_power)
    track, _ = number_tracks(match_frames(detections.points, search))
    return np.asarray(detections.to_input(track, -1), dtype=np.int64)
