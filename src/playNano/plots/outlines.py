"""Outlines of label images, exact to the pixel."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Coordinates = npt.NDArray[np.float64]


def outline(labels: npt.NDArray[np.integer[Any]]) -> tuple[Coordinates, Coordinates]:
    """Return the borders between pixels of different labels as straight lines along the edges of the pixels.

    Parameters
    ----------
    labels
        Label image, (height, width); 0 is background. Touching regions are separated by a line.

    Returns
    -------
    y, x : numpy.ndarray
        End points of the lines, px from the centre of pixel (0, 0), (3 n,); each line is two points and a NaN, so
        that all can be drawn as one.

    Examples
    --------
    >>> y, x = outline(np.array([[0, 1], [0, 0]]))
    >>> list(zip(y[0:2].tolist(), x[0:2].tolist()))
    [(-0.5, 0.5), (-0.5, 1.5)]
    """
    padded = np.pad(np.asarray(labels), 1)
    inner = slice(1, -1)
    row, left, right = _runs(padded[1:, inner] != padded[:-1, inner])
    column, top, bottom = _runs((padded[inner, 1:] != padded[inner, :-1]).T)
    gap_row, gap_column = np.full(len(row), np.nan), np.full(len(column), np.nan)
    y = np.concatenate([np.stack([row, row, gap_row], 1), np.stack([top, bottom, gap_column], 1)])
    x = np.concatenate([np.stack([left, right, gap_row], 1), np.stack([column, column, gap_column], 1)])
    return y.ravel() - 0.5, x.ravel() - 0.5


def _runs(edges: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.intp], ...]:
    """Return row, start and stop of each run of True along the rows."""
    ends = np.diff(np.pad(edges, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    row, start = np.nonzero(ends == 1)
    return row, start, np.nonzero(ends == -1)[1]
