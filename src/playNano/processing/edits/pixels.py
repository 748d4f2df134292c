"""Edits that change size, number or orientation of the pixels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field
from scipy import ndimage

from playNano._options import Unit
from playNano.errors import ParameterError
from playNano.processing.edit_step import Edit, Movie, edit
from playNano.processing.steps import Pixels, as_float_block

Interpolation = Literal["nearest", "linear", "cubic"]

_ORDERS = {"nearest": 0, "linear": 1, "cubic": 3}


@dataclass(frozen=True)
class Binned:
    """Replace blocks of pixels by the mean of those that are known.

    Parameters
    ----------
    rows, columns
        Size of a block.
    """

    rows: int
    columns: int

    def __call__(self, block: Pixels) -> Pixels:
        """Return the means, (n, height // rows, width // columns).

        Parameters
        ----------
        block
            Frames, (n, height, width).
        """
        pixels = as_float_block(block)[0]
        height, width = pixels.shape[1] // self.rows, pixels.shape[2] // self.columns
        cut = pixels[:, : height * self.rows, : width * self.columns]
        parts = cut.reshape(len(pixels), height, self.rows, width, self.columns)
        known = np.isfinite(parts)
        count = known.sum(axis=(2, 4))
        total = np.sum(parts, axis=(2, 4), where=known, dtype=np.float64)
        return np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(pixels.dtype)


@dataclass(frozen=True)
class Sampled:
    """Sample frames at other places: row = matrix @ (new row, new column) + offset.

    Parameters
    ----------
    matrix
        Rows of the 2 x 2 matrix.
    offset
        Place of the new pixel (0, 0).
    shape
        New rows and columns.
    order
        Order of the spline: 0, 1 or 3.
    """

    matrix: tuple[tuple[float, float], tuple[float, float]]
    offset: tuple[float, float]
    shape: tuple[int, int]
    order: int

    def __call__(self, block: Pixels) -> Pixels:
        """Return the sampled frames; NaN outside, and where a pixel with a share in the value is not known.

        Parameters
        ----------
        block
            Frames, (n, height, width).
        """
        pixels = as_float_block(block)[0]
        out = np.empty((len(pixels), *self.shape), pixels.dtype)
        for frame, target in zip(pixels, out, strict=True):
            target[...] = self._frame(frame)
        return out

    def _frame(self, frame: Pixels) -> Pixels:
        """Sample one frame."""
        unknown = ~np.isfinite(frame)
        filled = np.where(unknown, np.median(frame[~unknown]) if (~unknown).any() else 0.0, frame)
        made = self._values(filled, self.order, "nearest")
        inside = self._values(np.ones(frame.shape), 0, "constant") > 0
        if unknown.any():
            inside &= self._values(unknown.astype(np.float64), min(self.order, 1), "nearest") < 1e-6
        return np.where(inside, made, np.nan)

    def _values(self, frame: npt.NDArray[Any], order: int, mode: str) -> npt.NDArray[np.float64]:
        values: npt.NDArray[np.float64] = ndimage.affine_transform(
            frame.astype(np.float64), np.array(self.matrix), np.array(self.offset), self.shape,
            order=order, mode=mode, cval=0.0,
        )  # fmt: skip
        return values


@dataclass(frozen=True)
class Turned:
    """Mirror or turn frames without interpolation.

    Parameters
    ----------
    quarters
        Quarter turns, anticlockwise.
    flip
        Axis that is put in reverse order: "y", "x", or "" for none.
    """

    quarters: int = 0
    flip: str = ""

    def __call__(self, block: Pixels) -> Pixels:
        """Return the frames.

        Parameters
        ----------
        block
            Frames, (n, height, width).
        """
        turned = np.rot90(block, self.quarters, axes=(1, 2))
        if self.flip:
            turned = np.flip(turned, axis=1 if self.flip == "y" else 2)
        return np.ascontiguousarray(turned)


@edit("1.0")
def bin_pixels(
    movie: Movie,
    *,
    factor: Annotated[int, Field(ge=1), Unit("px")] = 2,
    columns: Annotated[int | None, Field(ge=1), Unit("px")] = None,
) -> Edit:
    """Replace blocks of pixels by their mean: fewer, larger pixels with less noise.

    Parameters
    ----------
    movie
        The movie.
    factor
        Pixels of a block along both axes, or along y if `columns` is given. Rows and columns that do not fill a block
        are cut off at the bottom and on the right.
    columns
        Pixels of a block along x; None: as along y.

    Returns
    -------
    Edit
        The plan.

    Raises
    ------
    ParameterError
        A block is larger than the frame.

    Examples
    --------
    >>> from playNano.core.geometry import MovieGeometry
    >>> movie = Movie(np.arange(16.0).reshape(1, 4, 4), MovieGeometry(({},), (4, 4), (1.0, 1.0)))
    >>> plan = bin_pixels(movie)
    >>> plan.apply(movie.data).tolist(), plan.geometry.pixel_size_nm, plan.geometry.origin_nm
    ([[[2.5, 4.5], [10.5, 12.5]]], (2.0, 2.0), (0.5, 0.5))
    """
    across = factor if columns is None else columns
    rows, columns = movie.geometry.shape
    shape = rows // factor, columns // across
    if not all(shape):
        raise ParameterError(
            f"blocks of {factor} x {across} px are larger than the frame, {rows} x {columns}"
        )
    y, x = movie.geometry.pixel_size_nm
    geometry = movie.geometry.resampled((factor - 1) / 2, (across - 1) / 2, (y * factor, x * across), shape)
    return Edit(geometry, change=Binned(factor, across))


@edit("1.0")
def resample_square(
    movie: Movie,
    *,
    pixel_size_nm: Annotated[float | None, Field(gt=0), Unit("nm")] = None,
    interpolation: Interpolation = "cubic",
) -> Edit:
    """Resample frames to square pixels.

    Parameters
    ----------
    movie
        The movie.
    pixel_size_nm
        Edge of a new pixel; None: the shorter edge of the pixels as they are.
    interpolation
        "nearest", "linear" or "cubic". Linear interpolation lowers peaks, cubic keeps them to about 0.1 %. Pixels
        much larger than before are sampled, not averaged: use `bin_pixels` for that.

    Returns
    -------
    Edit
        The plan; the field of view stays, to a fraction of a pixel.

    Raises
    ------
    ParameterError
        A pixel is larger than the field.

    Examples
    --------
    >>> from playNano.core.geometry import MovieGeometry
    >>> movie = Movie(np.zeros((1, 10, 40)), MovieGeometry(({},), (10, 40), (4.0, 1.0)))
    >>> resample_square(movie).geometry.shape
    (40, 40)
    """
    old = movie.geometry.pixel_size_nm
    edge = min(old) if pixel_size_nm is None else pixel_size_nm
    if old == (edge, edge):
        return Edit(movie.geometry)
    ratio = [edge / size for size in old]
    rows, columns = (round(n / r + 1e-9) for n, r in zip(movie.geometry.shape, ratio, strict=True))
    if not rows or not columns:
        raise ParameterError(f"pixels of {edge:g} nm are larger than the field")
    # The borders of the first pixels coincide.
    top, left = ((r - 1) / 2 for r in ratio)
    change = Sampled(((ratio[0], 0.0), (0.0, ratio[1])), (top, left), (rows, columns), _ORDERS[interpolation])
    return Edit(movie.geometry.resampled(top, left, (edge, edge), (rows, columns)), change=change)


@edit("1.0")
def rotate(
    movie: Movie,
    *,
    angle_deg: Annotated[float, Unit("deg")],
    interpolation: Interpolation = "cubic",
) -> Edit:
    """Rotate frames about their centre, anticlockwise as seen.

    After a rotation rows are no scan lines any more (except by 180 degrees): the times of detections are then those of
    their frames.

    Parameters
    ----------
    movie
        The movie; pixels must be square, unless the angle is a multiple of 90 degrees.
    angle_deg
        Angle. Multiples of 90 degrees need no interpolation; by others the size of the frame stays, and pixels without
        a value are NaN.
    interpolation
        "nearest", "linear" or "cubic".

    Returns
    -------
    Edit
        The plan. Places are those in the rotated frame: its centre stays where it was.

    Raises
    ------
    ParameterError
        Pixels are not square.

    Examples
    --------
    >>> from playNano.core.geometry import MovieGeometry
    >>> movie = Movie(np.array([[[1.0, 2], [3, 4]]]), MovieGeometry(({},), (2, 2), (1.0, 1.0)))
    >>> rotate(movie, angle_deg=90).apply(movie.data).tolist()
    [[[2.0, 4.0], [1.0, 3.0]]]
    """
    if angle_deg % 90 == 0:
        return _quarter_turns(movie, int(angle_deg // 90) % 4)
    y, x = movie.geometry.pixel_size_nm
    if not np.isclose(y, x):
        raise ParameterError(
            f"pixels of {y:g} x {x:g} nm can be rotated by multiples of 90 degrees only; put resample_square before it"
        )
    cosine, sine = np.cos(np.deg2rad(angle_deg)), np.sin(np.deg2rad(angle_deg))
    # Rows run downwards: a pixel (row, column) of the result comes from the place turned clockwise.
    matrix = np.array([[cosine, sine], [-sine, cosine]])
    centre = (np.array(movie.geometry.shape) - 1) / 2
    offset = centre - matrix @ centre
    rows = tuple((float(a), float(b)) for a, b in matrix)
    change = Sampled(
        (rows[0], rows[1]), (float(offset[0]), float(offset[1])), movie.geometry.shape, _ORDERS[interpolation]
    )
    turned = movie.geometry.of_unknown_rows(movie.geometry.shape).with_vectors(matrix.T)
    return Edit(turned, change=change)


@edit("1.0")
def flip(movie: Movie, *, axis: Literal["y", "x"] = "y") -> Edit:
    """Mirror the frames; along y the direction of the scan is reversed with them, along x trace becomes retrace.

    Parameters
    ----------
    movie
        The movie.
    axis
        "y" puts rows in reverse order, "x" columns.

    Returns
    -------
    Edit
        The plan. Places are those in the mirrored frame.

    See Also
    --------
    playNano.processing.levels.vertical_flip : The same along y, as a filter.

    Examples
    --------
    >>> from playNano.core.geometry import MovieGeometry
    >>> movie = Movie(np.array([[[1.0, 2], [3, 4]]]), MovieGeometry(({},), (2, 2), (1.0, 1.0)))
    >>> flip(movie, axis="x").apply(movie.data).tolist()
    [[[2.0, 1.0], [4.0, 3.0]]]
    """
    return Edit(movie.geometry.flipped(axis), change=Turned(flip=axis))


def _quarter_turns(movie: Movie, quarters: int) -> Edit:
    """Plan a rotation by a multiple of 90 degrees."""
    geometry = movie.geometry
    if quarters == 0:
        return Edit(geometry)
    if quarters == 2:
        return Edit(geometry.flipped("y").flipped("x"), change=Turned(2))
    shape, size = geometry.shape, geometry.pixel_size_nm
    centre = [
        place + (n - 1) / 2 * edge for place, n, edge in zip(geometry.origin_nm, shape, size, strict=True)
    ]
    turned_shape, turned_size = (shape[1], shape[0]), (size[1], size[0])
    origin = [c - (n - 1) / 2 * edge for c, n, edge in zip(centre, turned_shape, turned_size, strict=True)]
    turned = replace(
        geometry.of_unknown_rows(turned_shape).with_vectors(
            [[0, -1], [1, 0]] if quarters == 1 else [[0, 1], [-1, 0]]
        ),
        pixel_size_nm=turned_size,
        origin_nm=(origin[0], origin[1]),
    )
    return Edit(turned, change=Turned(quarters))
