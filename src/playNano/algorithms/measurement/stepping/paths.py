"""Positions along a path, and distances from it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from playNano.errors import ParameterError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def corners_of(path: str | Sequence[Sequence[float]]) -> Floats | None:
    """Return the corners of a path, (n, 2) nm; None for a line through each track.

    Parameters
    ----------
    path
        "line", or a list of (y, x), nm.

    Raises
    ------
    ParameterError
        It is neither.
    """
    if isinstance(path, str):
        if path != "line":
            raise ParameterError(f'path is {path!r}; it is "line" or a list of corners (y, x), nm')
        return None
    corners = np.asarray(path, np.float64)
    if corners.ndim != 2 or corners.shape[1:] != (2,) or len(corners) < 2 or not np.isfinite(corners).all():
        raise ParameterError("path needs two or more corners (y, x), nm")
    if (np.hypot(*np.diff(corners, axis=0).T) == 0).any():
        raise ParameterError("path has two equal corners in succession")
    return corners


def along_lines(position: Floats, time: Floats, piece: Ints) -> tuple[Floats, Floats]:
    """Return positions along a straight line through each piece, and distances from it.

    Parameters
    ----------
    position
        Places (y, x), (N, 2) nm.
    time
        Times, (N,) s.
    piece
        Number of the piece, 0 to n - 1, (N,).

    Returns
    -------
    tuple of ndarray
        Along the principal axis, in the direction of motion, from the mean of the piece, (N,) nm; and signed distances
        from the axis, (N,) nm.

    Examples
    --------
    >>> place = np.array([[0.0, 0.0], [3.0, 4.0], [6.0, 8.0]])
    >>> along, away = along_lines(place, np.arange(3.0), np.zeros(3, int))
    >>> along.round(6).tolist(), (abs(away) < 1e-9).tolist()
    ([-5.0, 0.0, 5.0], [True, True, True])
    """
    n = np.bincount(piece)
    centred = np.empty_like(position)
    for axis in (0, 1):
        centred[:, axis] = position[:, axis] - (np.bincount(piece, position[:, axis]) / n)[piece]
    yy, xx, yx = (np.bincount(piece, centred[:, i] * centred[:, j]) for i, j in ((0, 0), (1, 1), (0, 1)))
    angle = 0.5 * np.arctan2(2 * yx, yy - xx)
    since = time - (np.bincount(piece, time) / n)[piece]
    direction = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    forward = np.bincount(piece, since * (centred * direction[piece]).sum(axis=1))
    direction[forward < 0] *= -1
    along = (centred * direction[piece]).sum(axis=1)
    away = centred[:, 1] * direction[piece, 0] - centred[:, 0] * direction[piece, 1]
    return along, away


def along_polyline(position: Floats, corners: Floats) -> tuple[Floats, Floats]:
    """Return positions along a path, and distances from it.

    Parameters
    ----------
    position
        Places (y, x), (N, 2) nm.
    corners
        Corners of the path, (n, 2) nm.

    Returns
    -------
    tuple of ndarray
        Length of the path up to its nearest point, negative before its start and beyond its length after its end,
        (N,) nm; and distance from it, (N,) nm.

    Examples
    --------
    >>> along, away = along_polyline(np.array([[1.0, 5.0], [7.0, 11.0]]), np.array([[0.0, 0], [0, 10], [20, 10]]))
    >>> along.tolist(), away.tolist()
    ([5.0, 17.0], [1.0, 1.0])
    """
    edge = np.diff(corners, axis=0)
    length = np.hypot(edge[:, 0], edge[:, 1])
    before = np.concatenate([[0.0], np.cumsum(length)])
    best, along = np.full(len(position), np.inf), np.zeros(len(position))
    for k, start in enumerate(corners[:-1]):
        share = ((position - start) @ edge[k]) / length[k] ** 2
        low = -np.inf if k == 0 else 0.0
        high = np.inf if k == len(edge) - 1 else 1.0
        share = np.clip(share, low, high)
        gap = position - start - share[:, None] * edge[k]
        distance = np.hypot(gap[:, 0], gap[:, 1])
        nearer = distance < best
        best[nearer], along[nearer] = distance[nearer], (before[k] + share * length[k])[nearer]
    return along, best
