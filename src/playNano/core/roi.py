"""Regions of interest: named boxes, ellipses, polygons and lines at places of a movie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from playNano.errors import ParameterError

Shape = Literal["box", "ellipse", "polygon", "line"]
Point = tuple[float, float]

_MIN_POINTS = {"box": 2, "ellipse": 2, "polygon": 3, "line": 2}


@dataclass(frozen=True)
class RegionOfInterest:
    """A named place of a movie.

    Parameters
    ----------
    name
        Its name, unique in a file.
    shape
        "box" and "ellipse" (with axes along y and x), "polygon", or "line" (a polyline).
    points
        (y, x) of two opposite corners of the box, or of the box around the ellipse, or of the vertices.
    unit
        "nm": places in the movie as recorded, from the centre of its pixel (0, 0). "px": rows and columns of the
        frames on which the region is used, from the centre of their pixel (0, 0).

    Raises
    ------
    ParameterError
        If there are too few points, a point is not finite, or the region has no extent.

    Examples
    --------
    >>> box = RegionOfInterest("left", "box", ((0, 0), (4, 2)))
    >>> box.mask((3, 3), (2.0, 1.0)).tolist()
    [[True, True, False], [True, True, False], [False, False, False]]
    """

    name: str
    shape: Shape
    points: tuple[Point, ...]
    unit: Literal["nm", "px"] = "nm"

    def __post_init__(self) -> None:
        """Check shape and points."""
        where = f"the region {self.name!r}"
        if self.shape not in get_args(Shape) or self.unit not in ("nm", "px"):
            raise ParameterError(
                f"{where}: shape is one of {', '.join(get_args(Shape))} in nm or px, "
                f"not {self.shape!r} in {self.unit!r}"
            )
        array = _checked_points(self.points, where)
        needed, is_exact = _MIN_POINTS[self.shape], self.shape in ("box", "ellipse")
        if len(array) < needed or (is_exact and len(array) != needed):
            raise ParameterError(
                f"{where}: a {self.shape} has {'' if is_exact else 'at least '}{needed} points, not {len(array)}"
            )
        extent = np.ptp(array, axis=0)
        if not (extent.any() if self.shape == "line" else extent.all()):
            raise ParameterError(f"{where}: its {self.shape} has no extent")
        object.__setattr__(self, "points", tuple((float(y), float(x)) for y, x in array))

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Smallest y and x, and largest y and x, in its unit."""
        array = np.array(self.points)
        return (*map(float, array.min(axis=0)), *map(float, array.max(axis=0)))  # type: ignore[return-value]

    def in_nm(self, pixel_size_nm: Sequence[float], origin_nm: Sequence[float]) -> RegionOfInterest:
        """Return the region at places in the movie as recorded.

        Parameters
        ----------
        pixel_size_nm
            Height and width of a pixel of the frames, nm.
        origin_nm
            Place (y, x) of the centre of their pixel (0, 0), nm.
        """
        if self.unit == "nm":
            return self
        return self._at(np.array(self.points) * pixel_size_nm + origin_nm, "nm")

    def in_px(self, pixel_size_nm: Sequence[float], origin_nm: Sequence[float]) -> RegionOfInterest:
        """Return the region in rows and columns of frames.

        Parameters
        ----------
        pixel_size_nm
            Height and width of a pixel of the frames, nm.
        origin_nm
            Place (y, x) of the centre of their pixel (0, 0), nm.
        """
        if self.unit == "px":
            return self
        # Places that are pixels up to rounding are these pixels.
        return self._at(((np.array(self.points) - origin_nm) / pixel_size_nm).round(9), "px")

    def contains(self, y: npt.ArrayLike, x: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Return which places lie inside.

        Parameters
        ----------
        y, x
            Places in the unit of the region, of one shape.

        Returns
        -------
        ndarray of bool
            Of the same shape. The upper and left edges of a box belong to it, the lower and right ones do not; the
            edges of ellipses and polygons belong to them.

        Raises
        ------
        ParameterError
            If the region is a line, which has no area.
        """
        ys, xs = np.asarray(y, dtype=np.float64), np.asarray(x, dtype=np.float64)
        top, left, bottom, right = self.bounds
        if self.shape == "line":
            raise ParameterError(f"the region {self.name!r} is a line, which has no area")
        if self.shape == "box":
            return np.asarray((ys >= top) & (ys < bottom) & (xs >= left) & (xs < right))
        if self.shape == "ellipse":
            across = (2 * ys - top - bottom) / (bottom - top), (2 * xs - left - right) / (right - left)
            return np.asarray(across[0] ** 2 + across[1] ** 2 <= 1)
        from skimage.measure import points_in_poly

        places = np.column_stack([ys.ravel(), xs.ravel()])
        return np.asarray(points_in_poly(places, np.array(self.points)), dtype=np.bool_).reshape(ys.shape)

    def mask(
        self,
        shape: tuple[int, int],
        pixel_size_nm: Sequence[float] = (1.0, 1.0),
        origin_nm: Sequence[float] = (0.0, 0.0),
    ) -> npt.NDArray[np.bool_]:
        """Return which pixels of a frame have their centre inside.

        Parameters
        ----------
        shape
            Rows and columns.
        pixel_size_nm
            Height and width of a pixel, nm; without effect on a region in px.
        origin_nm
            Place (y, x) of the centre of pixel (0, 0) in the movie as recorded, nm; without effect on a region in px.

        Returns
        -------
        ndarray of bool
            (rows, columns).

        Raises
        ------
        ParameterError
            If the region is a line, which has no area.
        """
        rows, columns = np.indices(shape)
        return self.in_px(pixel_size_nm, origin_nm).contains(rows, columns)

    def to_dict(self) -> dict[str, Any]:
        """Return the region as plain values: ``name``, ``shape``, and ``points_nm`` or ``points_px``."""
        return {
            "name": self.name,
            "shape": self.shape,
            f"points_{self.unit}": [list(point) for point in self.points],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> RegionOfInterest:
        """Return the region that `to_dict` has described.

        Parameters
        ----------
        values
            ``shape``, ``points_nm`` or ``points_px``, and ``name`` (empty if it is missing).

        Raises
        ------
        ParameterError
            If an entry is unknown, missing or wrong.
        """
        unknown = sorted(set(map(str, values)) - {"name", "shape", "points_nm", "points_px"})
        units = [unit for unit in ("nm", "px") if f"points_{unit}" in values]
        if unknown or len(units) != 1 or "shape" not in values:
            raise ParameterError(
                "a region has name, shape, and points_nm or points_px; "
                + (f"unknown: {', '.join(unknown)}" if unknown else f"it has {', '.join(map(str, values))}")
            )
        unit: Any = units[0]
        return cls(str(values.get("name", "")), values["shape"], values[f"points_{unit}"], unit)

    def _at(self, points: npt.NDArray[np.float64], unit: Literal["nm", "px"]) -> RegionOfInterest:
        return replace(self, points=tuple((float(y), float(x)) for y, x in points), unit=unit)


def _checked_points(points: Any, where: str) -> npt.NDArray[np.float64]:
    """Return points as an array (n, 2), or raise."""
    try:
        array = np.asarray(points, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ParameterError(f"{where}: points are pairs of numbers (y, x), not {points!r}") from error
    if array.ndim != 2 or array.shape[1] != 2 or not np.isfinite(array).all():
        raise ParameterError(f"{where}: points are pairs of finite numbers (y, x), not {points!r}")
    return array
