"""Places in the frames of a movie: px of the frames as analysed, and nm in the movie as recorded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from playNano.analysis.curation.edits import Place
from playNano.core.stack import Stack

Floats = npt.NDArray[np.float64]
Shift = Callable[[npt.ArrayLike, npt.ArrayLike], Floats]


@dataclass(frozen=True)
class FrameGeometry:
    """Size and place of the frames of a movie.

    Parameters
    ----------
    pixel_nm
        Pixel size along y and x, nm.
    shape
        Rows and columns; None if not known.
    origin_nm
        Place of the centre of pixel (0, 0), nm.
    shift
        ``shift(frame, y_px)`` returns by how much pixels were moved, (N, 2) nm; None: they were not.

    Examples
    --------
    >>> geometry = FrameGeometry((2.0, 1.0), origin_nm=(10.0, 0.0))
    >>> geometry.to_nm([0], [3.0], [4.0]).tolist(), geometry.to_px([0], [16.0], [4.0]).tolist()
    ([[16.0, 4.0]], [[3.0, 4.0]])
    """

    pixel_nm: tuple[float, float] = (1.0, 1.0)
    shape: tuple[int, int] | None = None
    origin_nm: tuple[float, float] = (0.0, 0.0)
    shift: Shift | None = None

    @classmethod
    def of(cls, stack: Stack) -> FrameGeometry:
        """Return the geometry of a movie.

        Parameters
        ----------
        stack
            The movie.
        """
        size, origin = stack.pixel_size_yx_nm, stack.origin_nm
        return cls(
            (float(size[0]), float(size[1])),
            stack.image_shape,
            (float(origin[0]), float(origin[1])),
            stack.shift_of,
        )

    def to_nm(self, frame: npt.ArrayLike, y: npt.ArrayLike, x: npt.ArrayLike) -> Floats:
        """Return places in the movie as recorded, (N, 2) nm.

        Parameters
        ----------
        frame
            0-based frames, (N,).
        y, x
            Places in the frames as analysed, px.
        """
        px = np.column_stack([np.asarray(y, np.float64), np.asarray(x, np.float64)])
        nm: Floats = px * np.asarray(self.pixel_nm) + np.asarray(self.origin_nm)
        return nm if self.shift is None else nm - self.shift(frame, px[:, 0])

    def to_px(self, frame: npt.ArrayLike, y_nm: npt.ArrayLike, x_nm: npt.ArrayLike) -> Floats:
        """Return places in the frames as analysed, (N, 2) px.

        Parameters
        ----------
        frame
            0-based frames, (N,).
        y_nm, x_nm
            Places in the movie as recorded, nm.
        """
        nm = np.column_stack([np.asarray(y_nm, np.float64), np.asarray(x_nm, np.float64)])
        px: Floats = (nm - np.asarray(self.origin_nm)) / np.asarray(self.pixel_nm)
        if self.shift is None:
            return px
        moved = px
        for _ in range(3):  # the shift depends on the row, by little
            moved = px + self.shift(frame, moved[:, 0]) / np.asarray(self.pixel_nm)
        return moved

    def place_nm(self, place: Place) -> tuple[float, float]:
        """Return a place of an edit in the movie as recorded, nm.

        Parameters
        ----------
        place
            The place, in nm or px.
        """
        if place.y_nm is not None and place.x_nm is not None:
            return place.y_nm, place.x_nm
        y, x = self.to_nm([place.frame], [float(place.y_px or 0)], [float(place.x_px or 0)])[0].tolist()
        return y, x

    def place_px(self, place: Place) -> tuple[float, float]:
        """Return a place of an edit in the frames as analysed, px.

        Parameters
        ----------
        place
            The place, in nm or px.
        """
        if not place.in_nm and place.y_px is not None and place.x_px is not None:
            return place.y_px, place.x_px
        y, x = self.to_px([place.frame], [float(place.y_nm or 0)], [float(place.x_nm or 0)])[0].tolist()
        return y, x

    def is_inside(self, y: float, x: float) -> bool:
        """Return whether a place lies in the frame.

        Parameters
        ----------
        y, x
            Place, px.
        """
        if self.shape is None:
            return True
        return -0.5 <= y <= self.shape[0] - 0.5 and -0.5 <= x <= self.shape[1] - 0.5
