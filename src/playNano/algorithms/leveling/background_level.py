"""Level all frames of a movie on their background."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from playNano.algorithms.leveling.frame_level import MovieLevel, level_frame
from playNano.algorithms.leveling.survey import Objects, sampled_frames, survey

Frames = npt.NDArray[Any]
PerFrame = dict[str, npt.NDArray[Any]]


def level_movie(
    data: Frames, *, objects: Objects = "auto", order: int = 2, movie: MovieLevel | None = None
) -> tuple[Frames, PerFrame, MovieLevel]:
    """Level the frames of a movie so that their background lies at zero.

    Row offsets, tilt and bow are those of the background, which may be a small part of each row; the heights of objects
    are then unbiased also where they fill most of a row, where medians of rows are not.

    Parameters
    ----------
    data
        Frames, (n, h, w), any real type and unit. Pixels that are not finite stay, and take no part.
    objects
        "up" where objects rise above the background, "down" for pits, "both" where the background is the fullest
        level; "auto" decides between up and down.
    order
        Degree of the polynomial along x, 0 to 3; along y, every row has an offset of its own.
    movie
        What all frames share, from `survey`; by default it is estimated from `data`. To level a movie in
        parts, survey it once: ``survey([data[i] for i in sampled_frames(len(data))])``.

    Returns
    -------
    levelled : ndarray
        (n, h, w) float32, or float64 if `data` is float64; the unit of `data`.
    per_frame : dict
        ``background_share`` (n,), ``rows_without_background`` (n,), ``jumps`` (n,), ``noise`` (n,) and
        ``no_background`` (n,) bool; see `playNano.algorithms.leveling.frame_level.FrameLevel`.
    movie : MovieLevel
        What all frames share: polarity, noise, jumps between rows, shape along x.

    Notes
    -----
    1. Noise from differences along and between rows, refined by the pixels beyond zero on the side without objects.
    2. Shape along x by Tukey's biweight from differences of distant pixels of a row, which contain no row offsets.
    3. Jumps between rows: modes of the differences of their pixels, weighted by the probability of the jump.
    4. The level of the background as the shortest path through rows and heights, where few pixels may lie below.
    5. Row offsets and polynomial by least squares on the background pixels, cut off above and corrected for that.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> data = rng.normal(0, 0.1, (3, 40, 50)) + rng.normal(0, 1, (3, 40, 1))
    >>> data[:, 10:30, 5:45] += 4  # an object that fills 80 % of half of the rows
    >>> levelled, per_frame, movie = level_movie(data, objects="up")
    >>> round(float(np.median(levelled[:, 10:30, 5:45])), 1), movie.sign
    (4.0, 1)
    """
    if movie is None:
        movie = survey([data[i] for i in sampled_frames(len(data))], objects, order)
    dtype = np.float64 if np.dtype(data.dtype) == np.float64 else np.float32
    levelled = np.empty(data.shape, dtype)
    how = []
    for k, frame in enumerate(data):
        levelled[k], frame_level = level_frame(frame, movie)
        how.append(frame_level)
    per_frame = {
        "background_share": np.array([h.background_share for h in how], dtype=np.float64),
        "rows_without_background": np.array([h.rows_without for h in how], dtype=np.int64),
        "jumps": np.array([h.jumps for h in how], dtype=np.int64),
        "noise": np.array([h.noise for h in how], dtype=np.float64),
        "no_background": np.array([h.no_background for h in how], dtype=np.bool_),
    }
    return levelled, per_frame, movie
