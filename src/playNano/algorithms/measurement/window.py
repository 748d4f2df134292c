"""The window in which a particle can be detected, and distances from its border."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from playNano.errors import ParameterError

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Window:
    """The rectangle in which the place of a particle can be detected.

    Parameters
    ----------
    y_low_nm, y_high_nm
        Its extent along the slow axis, nm.
    x_low_nm, x_high_nm
        Its extent along the fast axis, nm.

    Examples
    --------
    >>> window = Window(0.0, 100.0, 0.0, 200.0).inset(10.0, 20.0)
    >>> window.area_nm2, window.distance_nm([50.0, 5.0], [30.0, 100.0]).tolist()
    (12800.0, [10.0, -5.0])
    """

    y_low_nm: float
    y_high_nm: float
    x_low_nm: float
    x_high_nm: float

    @property
    def height_nm(self) -> float:
        """Extent along the slow axis, nm; 0 for an empty window."""
        return max(self.y_high_nm - self.y_low_nm, 0.0)

    @property
    def width_nm(self) -> float:
        """Extent along the fast axis, nm; 0 for an empty window."""
        return max(self.x_high_nm - self.x_low_nm, 0.0)

    @property
    def area_nm2(self) -> float:
        """Area, nm2."""
        return self.height_nm * self.width_nm

    def inset(self, y_nm: float, x_nm: float | None = None) -> Window:
        """Return the window less a margin on each side.

        Parameters
        ----------
        y_nm
            Margin along the slow axis, nm.
        x_nm
            Margin along the fast axis, nm; None: the same.
        """
        x = y_nm if x_nm is None else x_nm
        return Window(self.y_low_nm + y_nm, self.y_high_nm - y_nm, self.x_low_nm + x, self.x_high_nm - x)

    def distance_nm(self, y_nm: npt.ArrayLike, x_nm: npt.ArrayLike) -> Floats:
        """Return the distance of places from the nearest side, negative outside.

        Parameters
        ----------
        y_nm, x_nm
            Places, nm.

        Returns
        -------
        ndarray of float64
            Minimum over the four sides, nm.
        """
        y, x = np.asarray(y_nm, dtype=np.float64), np.asarray(x_nm, dtype=np.float64)
        along_y = np.minimum(y - self.y_low_nm, self.y_high_nm - y)
        along_x = np.minimum(x - self.x_low_nm, self.x_high_nm - x)
        return np.asarray(np.minimum(along_y, along_x), dtype=np.float64)


def frame_window(
    shape: tuple[int, int], pixel_nm: tuple[float, float], origin_nm: tuple[float, float] = (0.0, 0.0)
) -> Window:
    """Return the window of a whole frame.

    Parameters
    ----------
    shape
        Rows and columns.
    pixel_nm
        Pixel size along y and x, nm.
    origin_nm
        Place of the centre of pixel (0, 0), nm.

    Examples
    --------
    >>> frame_window((10, 20), (2.0, 1.0))
    Window(y_low_nm=-1.0, y_high_nm=19.0, x_low_nm=-0.5, x_high_nm=19.5)
    """
    (y, x), (y0, x0) = pixel_nm, origin_nm
    return Window(y0 - y / 2, y0 + (shape[0] - 0.5) * y, x0 - x / 2, x0 + (shape[1] - 0.5) * x)


def half_extent_nm(table: pd.DataFrame, pixel_nm: tuple[float, float]) -> tuple[float, float]:
    """Return half the typical extent of a particle: the margin within which the border cuts it.

    Parameters
    ----------
    table
        Detections: their bounding boxes, or ``radius_nm``, and ``touches_edge`` if known.
    pixel_nm
        Pixel size along y and x, nm.

    Returns
    -------
    tuple of float
        Half the median extent along y and x, nm, of the detections that do not touch the border; 0 if the table does
        not have it.

    Examples
    --------
    >>> import pandas as pd
    >>> half_extent_nm(pd.DataFrame({"radius_nm": [4.0, 5.0, 6.0]}), (1.0, 1.0))
    (5.0, 5.0)
    """
    whole = table[~table["touches_edge"].astype(bool)] if "touches_edge" in table else table
    if not len(whole):
        return 0.0, 0.0
    sides = ("bbox_max_row", "bbox_min_row", "bbox_max_col", "bbox_min_col")
    if all(name in whole for name in sides):
        bottom, top, right, left = (whole[name].to_numpy(np.float64) for name in sides)
        y, x = np.nanmedian(bottom - top) / 2, np.nanmedian(right - left) / 2
        return float(y * pixel_nm[0]), float(x * pixel_nm[1])
    if "radius_nm" in whole:
        radius = float(np.nanmedian(whole["radius_nm"].to_numpy(np.float64)))
        return radius, radius
    return 0.0, 0.0


def detection_window(
    table: pd.DataFrame,
    shape: tuple[int, int],
    pixel_nm: tuple[float, float],
    edge_nm: float | None = None,
    origin_nm: tuple[float, float] = (0.0, 0.0),
) -> Window:
    """Return the window in which whole particles are detected: the frame less their half extent.

    Parameters
    ----------
    table
        Detections; see `half_extent_nm`.
    shape
        Rows and columns of a frame.
    pixel_nm
        Pixel size along y and x, nm.
    edge_nm
        Margin on each side, nm, >= 0; None: half the median extent of the particles along each axis.
    origin_nm
        Place of the centre of pixel (0, 0), nm.

    Raises
    ------
    ParameterError
        The margin is negative.

    Examples
    --------
    >>> import pandas as pd
    >>> detection_window(pd.DataFrame({"radius_nm": [4.5]}), (100, 100), (1.0, 1.0)).area_nm2
    8281.0
    """
    if edge_nm is not None and not edge_nm >= 0:
        raise ParameterError(f"edge_nm is {edge_nm}; it must not be negative")
    y, x = half_extent_nm(table, pixel_nm) if edge_nm is None else (edge_nm, edge_nm)
    return frame_window(shape, pixel_nm, origin_nm).inset(y, x)
