"""Edits that cut the field of view; places stay those of the movie as recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from pydantic import Field

from playNano.core.executor import map_frames
from playNano.errors import ParameterError
from playNano.processing.edit_step import Edit, Movie, edit
from playNano.processing.steps import Pixels

Padding: TypeAlias = int | tuple[int, int] | tuple[int, int, int, int]
"""Pixels on all sides, (vertical, horizontal), or (top, bottom, left, right); negative values cut off more."""

Size = Annotated[float, Field(gt=0)]


@dataclass(frozen=True)
class Cut:
    """Cut a rectangle out of frames; what lies outside them becomes NaN.

    Parameters
    ----------
    top, left
        Row and column of its first pixel; negative outside.
    shape
        Rows and columns.
    """

    top: int
    left: int
    shape: tuple[int, int]

    def __call__(self, block: Pixels) -> Pixels:
        """Return the rectangle of each frame, (n, rows, columns).

        Parameters
        ----------
        block
            Frames, (n, height, width).
        """
        rows, columns = block.shape[1:]
        bottom, right = self.top + self.shape[0], self.left + self.shape[1]
        if self.top >= 0 and self.left >= 0 and bottom <= rows and right <= columns:
            return block[:, self.top : bottom, self.left : right].copy()
        kind = block.dtype if block.dtype.kind == "f" else np.dtype(np.float32)
        out = np.full((len(block), *self.shape), np.nan, kind)
        inside = slice(max(self.top, 0), min(bottom, rows)), slice(max(self.left, 0), min(right, columns))
        target = tuple(
            slice(part.start - first, part.stop - first)
            for part, first in zip(inside, (self.top, self.left), strict=True)
        )
        out[:, target[0], target[1]] = block[:, inside[0], inside[1]]
        return out


@edit("1.0")
def crop(
    movie: Movie,
    *,
    y: float,
    x: float,
    height: Size,
    width: Size,
    unit: Literal["px", "nm"] = "px",
) -> Edit:
    """Cut a rectangle out of all frames; places, times of the lines and pixel size stay true.

    Parameters
    ----------
    movie
        The movie.
    y, x
        Upper left corner: the first row and column in px, or the place in nm in the movie as recorded, from the centre
        of its pixel (0, 0).
    height, width
        Size of the rectangle, px or nm.
    unit
        Unit of all four. In nm the pixels whose centre lies inside are kept.

    Returns
    -------
    Edit
        The plan.

    Raises
    ------
    ParameterError
        The rectangle is not inside the frame, or contains no pixel.

    Examples
    --------
    >>> from playNano.core.geometry import MovieGeometry
    >>> movie = Movie(np.zeros((2, 50, 80)), MovieGeometry(({}, {}), (50, 80), (2.0, 1.0)))
    >>> cut = crop(movie, y=20, x=10, height=40, width=30, unit="nm").geometry
    >>> cut.shape, cut.origin_nm
    ((20, 30), (20.0, 10.0))
    """
    corner, size = (y, x), (height, width)
    edges = [_edges(movie, axis, corner[axis], size[axis], in_nm=unit == "nm") for axis in (0, 1)]
    for axis, (first, last) in enumerate(edges):
        name, pixels = "yx"[axis], movie.geometry.shape[axis]
        if first >= last:
            raise ParameterError(f"crop contains no pixel along {name}")
        if first < 0 or last > pixels:
            raise ParameterError(
                f"crop goes from {first} to {last} px along {name}, and the frame has {pixels} px "
                f"({_extent_nm(movie, axis)})"
            )
    (top, bottom), (left, right) = edges
    return _cut(movie, top, left, (bottom - top, right - left))


@edit("1.0")
def intersection_crop(movie: Movie, *, pad: Padding = 0) -> Edit:
    """Cut the frames to the rectangle around the pixels that are known in all of them, as after an alignment.

    Parameters
    ----------
    movie
        The movie; a lazy one is read once.
    pad
        Pixels added around it: on all sides, (vertical, horizontal), or (top, bottom, left, right). Beyond the frame
        they are NaN.

    Returns
    -------
    Edit
        The plan; without a pixel that is known in all frames, nothing is cut off, with a warning.

    Examples
    --------
    >>> from playNano.core.geometry import MovieGeometry
    >>> data = np.zeros((2, 6, 6)); data[0, :2] = np.nan; data[1, :, 5] = np.nan
    >>> intersection_crop(Movie(data, MovieGeometry(({}, {}), (6, 6), (1.0, 1.0)))).geometry.shape
    (4, 5)
    """
    box = _known_box(movie)
    if box is None:
        return _nothing_known(movie)
    return _padded(movie, *box, pad)


@edit("1.0")
def crop_square(movie: Movie, *, pad: Padding = 0) -> Edit:
    """Cut the frames to the largest central square of the pixels that are known in all of them.

    Parameters
    ----------
    movie
        The movie; a lazy one is read once.
    pad
        Pixels added around it: on all sides, (vertical, horizontal), or (top, bottom, left, right). Beyond the frame
        they are NaN.

    Returns
    -------
    Edit
        The plan; without a pixel that is known in all frames, nothing is cut off, with a warning.

    Examples
    --------
    >>> from playNano.core.geometry import MovieGeometry
    >>> movie = Movie(np.zeros((1, 6, 10)), MovieGeometry(({},), (6, 10), (1.0, 1.0)))
    >>> square = crop_square(movie).geometry
    >>> square.shape, square.origin_nm
    ((6, 6), (0.0, 2.0))
    """
    box = _known_box(movie)
    if box is None:
        return _nothing_known(movie)
    top, left, (rows, columns) = box
    side = min(rows, columns)
    return _padded(movie, top + (rows - side) // 2, left + (columns - side) // 2, (side, side), pad)


def _edges(movie: Movie, axis: int, corner: float, size: float, *, in_nm: bool) -> tuple[int, int]:
    """Return the first pixel of a rectangle along an axis, and that after its last."""
    if not in_nm:
        if corner != int(corner) or size != int(size):
            raise ParameterError(f"a crop in px has whole numbers, not {corner:g} and {size:g}")
        return int(corner), int(corner + size)
    ends = (corner, corner + size)
    first, last = (int(np.ceil(round(movie.geometry.index_of(end, axis), 6))) for end in ends)
    return first, last


def _extent_nm(movie: Movie, axis: int) -> str:
    """Return the extent of the frame along an axis in words."""
    first = movie.geometry.origin_nm[axis]
    last = first + movie.geometry.shape[axis] * movie.geometry.pixel_size_nm[axis]
    return f"{first:g} to {last:g} nm"


def _cut(movie: Movie, top: int, left: int, shape: tuple[int, int]) -> Edit:
    """Plan to cut a rectangle."""
    return Edit(movie.geometry.cropped(top, left, shape), change=Cut(top, left, shape))


def _padded(movie: Movie, top: int, left: int, shape: tuple[int, int], pad: Padding) -> Edit:
    """Plan to cut a rectangle with padding."""
    above, below, before, behind = _sides(pad)
    rows, columns = shape[0] + above + below, shape[1] + before + behind
    if rows < 1 or columns < 1:
        raise ParameterError(f"pad={pad} leaves no pixel of {shape[0]} x {shape[1]}")
    return _cut(movie, top - above, left - before, (rows, columns))


def _sides(pad: Padding) -> Sequence[int]:
    """Return the padding as (top, bottom, left, right)."""
    if isinstance(pad, int):
        return (pad,) * 4
    if len(pad) == 2:
        return pad[0], pad[0], pad[1], pad[1]
    return pad


def _known_box(movie: Movie) -> tuple[int, int, tuple[int, int]] | None:
    """Return top, left and shape of the rectangle around the pixels that are finite in all frames, or None."""
    parts: list[npt.NDArray[Any]] = map_frames(_all_known, movie.data, what="crop")
    known = np.logical_and.reduce([np.ones(movie.geometry.shape, np.bool_), *parts])
    rows, columns = np.flatnonzero(known.any(axis=1)), np.flatnonzero(known.any(axis=0))
    if not rows.size:
        return None
    shape = int(rows[-1] - rows[0] + 1), int(columns[-1] - columns[0] + 1)
    return int(rows[0]), int(columns[0]), shape


def _all_known(start: int, block: Pixels) -> npt.NDArray[np.bool_]:
    """Return which pixels are finite in all frames of a block."""
    return np.asarray(np.isfinite(block).all(axis=0))


def _nothing_known(movie: Movie) -> Edit:
    """Plan to leave the movie as it is."""
    return Edit(movie.geometry, warnings=("no pixel is known in all frames, so nothing was cut off",))
