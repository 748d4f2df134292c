"""Steps that use regions of interest: a mask, and a crop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from playNano.core.geometry import MovieGeometry
from playNano.core.roi import RegionOfInterest
from playNano.core.roi_files import RegionValue
from playNano.errors import ParameterError
from playNano.processing.edit_step import Edit, Movie, edit
from playNano.processing.edits.field import Cut
from playNano.processing.steps import Pixels, step


@step("mask", "1.0")
def mask_roi(
    data: Pixels,
    geometry: MovieGeometry | None = None,
    *,
    region: RegionValue,
    where: Literal["inside", "outside"] = "inside",
) -> npt.NDArray[np.bool_]:
    """Mark the pixels inside a region of interest, or those outside.

    Parameters
    ----------
    data
        Heights, (height, width) or (n, height, width).
    geometry
        Pixel size and place of the frames; needed for a region in nm. A pipeline sets it.
    region
        The region: "file#name", or its plain values; it has an area. The record contains its points.
    where
        Pixels that are marked: those whose centre lies inside, or the others.

    Returns
    -------
    numpy.ndarray
        bool, same shape; the same for all frames.

    Raises
    ------
    ParameterError
        The region is a line, or in nm and the place of the frames is not known.

    Examples
    --------
    >>> box = {"shape": "box", "points_px": [[0, 1], [1, 3]]}
    >>> mask_roi(np.zeros((2, 3)), region=box).tolist()
    [[False, True, True], [False, False, False]]
    """
    roi, shape = RegionOfInterest.from_dict(region), data.shape[-2:]  # type: ignore[arg-type]
    if geometry is not None:
        inside = roi.mask((shape[0], shape[1]), geometry.pixel_size_nm, geometry.origin_nm)
    elif roi.unit == "px":
        inside = roi.mask((shape[0], shape[1]))
    else:
        raise ParameterError(f"the region {roi.name!r} is in nm: give the geometry of the frames")
    return np.broadcast_to(inside == (where == "inside"), data.shape).copy()


@dataclass(frozen=True)
class CutShape:
    """Cut a rectangle out of frames, and set what lies outside a shape in it to NaN.

    Parameters
    ----------
    cut
        The rectangle.
    inside
        Pixels of the rectangle that are kept, (rows, columns).
    """

    cut: Cut
    inside: npt.NDArray[np.bool_]

    def __call__(self, block: Pixels) -> Pixels:
        """Return the rectangle of each frame, float, (n, rows, columns).

        Parameters
        ----------
        block
            Frames, (n, height, width).
        """
        pixels = self.cut(block)
        pixels = pixels if pixels.dtype.kind == "f" else pixels.astype(np.float32)
        pixels[:, ~self.inside] = np.nan
        return pixels


@edit("1.0")
def crop_roi(movie: Movie, *, region: RegionValue, outside: Literal["keep", "nan"] = "keep") -> Edit:
    """Cut all frames to the rectangle around a region of interest; places stay those of the movie as recorded.

    Parameters
    ----------
    movie
        The movie.
    region
        The region: "file#name", or its plain values. The record contains its points.
    outside
        Pixels of the rectangle that lie outside the shape: "keep" them, or set them to "nan".

    Returns
    -------
    Edit
        The plan, with a warning if a part of the region lies outside the frames.

    Raises
    ------
    ParameterError
        No pixel lies in the region, or `outside` is "nan" for a line.

    Examples
    --------
    >>> movie = Movie(np.zeros((1, 50, 80)), MovieGeometry(({},), (50, 80), (2.0, 1.0)))
    >>> disc = {"name": "disc", "shape": "ellipse", "points_nm": [[10, 10], [30, 30]]}
    >>> cut = crop_roi(movie, region=disc, outside="nan")
    >>> cut.geometry.shape, cut.geometry.origin_nm, cut.warnings
    ((11, 21), (10.0, 10.0), ())
    """
    geometry, roi = movie.geometry, RegionOfInterest.from_dict(region)  # type: ignore[arg-type]
    in_px = roi.in_px(geometry.pixel_size_nm, geometry.origin_nm)
    (rows, columns), bounds = geometry.shape, in_px.bounds
    if roi.shape == "line":
        if outside == "nan":
            raise ParameterError(f"the region {roi.name!r} is a line, outside of which nothing can be kept")
        inside = _box_around(bounds, geometry.shape)
    else:
        inside = in_px.mask(geometry.shape)
    if not inside.any():
        raise ParameterError(f"no pixel of the frames lies in the region {roi.name!r}")
    kept = [np.flatnonzero(inside.any(axis=axis)) for axis in (1, 0)]
    (top, bottom), (left, right) = ((int(k[0]), int(k[-1]) + 1) for k in kept)
    cut = Cut(top, left, (bottom - top, right - left))
    change = CutShape(cut, inside[top:bottom, left:right].copy()) if outside == "nan" else cut
    beyond = min(bounds[:2]) < -0.5 or bounds[2] > rows - 0.5 or bounds[3] > columns - 0.5
    texts = (f"a part of the region {roi.name!r} lies outside the frames, and was cut off",) if beyond else ()
    return Edit(geometry.cropped(top, left, cut.shape), change=change, warnings=texts)


def _box_around(bounds: tuple[float, float, float, float], shape: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """Return the pixels of the smallest rectangle of whole pixels that contains these bounds, px."""
    inside = np.zeros(shape, np.bool_)
    top, left = (max(0, int(np.floor(edge))) for edge in bounds[:2])
    inside[top : max(0, int(np.ceil(bounds[2])) + 1), left : max(0, int(np.ceil(bounds[3])) + 1)] = True
    return inside
