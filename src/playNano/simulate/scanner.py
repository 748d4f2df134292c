"""Raster scan: position of the tip against time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from playNano.core.scan import ScanGeometry
from playNano.errors import ParameterError
from playNano.simulate import _checks as check

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Scanner:
    """Raster scan of a movie: geometry, timing and drift.

    The lines of a frame start at equal intervals; the first half of a line is the trace, the second half the
    retrace. After the last line the tip may need some time to return.

    Parameters
    ----------
    n_frames
        Number of frames, >= 1.
    shape
        (lines, pixels a line), each >= 2.
    pixel_size_nm
        A number, or (y, x), nm, > 0.
    frame_time_s
        Time from the start of one frame to the start of the next, s, > 0.
    frame_turn_s
        Part of it between the last line of a frame and the first one of the next, s, >= 0.
    line_turn
        Fraction of each half line in which the tip reverses and no pixels are recorded, from 0 to below 1; half
        of it lies before the first pixel, half after the last.
    slow_axis
        "down" scans the top line first, "up" the bottom line, "alternating" reverses after every frame
        (the first one is scanned downwards).
    trace
        "trace", "retrace", or "both": then the movie is the trace, and the retrace is kept separately.
    drift_nm_s
        Constant lateral drift velocity (y, x) of the sample in the image, nm/s.
    drift_walk_nm2_s
        Diffusion coefficient of an additional random lateral drift, nm^2/s, >= 0.

    Examples
    --------
    >>> scanner = Scanner(n_frames=2, shape=(100, 200), pixel_size_nm=(4.0, 2.0), frame_time_s=0.5)
    >>> scanner.line_time_s
    0.005
    >>> scanner.geometry().direction
    'down'
    """

    n_frames: int = 60
    shape: tuple[int, int] = (128, 128)
    pixel_size_nm: tuple[float, float] | float = 2.0
    frame_time_s: float = 0.5
    frame_turn_s: float = 0.0
    line_turn: float = 0.0
    slow_axis: Literal["down", "up", "alternating"] = "down"
    trace: Literal["trace", "retrace", "both"] = "trace"
    drift_nm_s: tuple[float, float] = (0.0, 0.0)
    drift_walk_nm2_s: float = 0.0

    def __post_init__(self) -> None:
        """Check the values, and convert pairs."""
        check.whole(self, 1, n_frames=self.n_frames)
        height, width = check.pair(self, "shape", self.shape)
        check.whole(self, 2, **{"shape[0]": height, "shape[1]": width})
        object.__setattr__(self, "shape", (int(height), int(width)))
        size = self.pixel_size_nm
        size = check.pair(self, "pixel_size_nm", (size, size) if np.isscalar(size) else size)
        check.positive(self, **{"pixel_size_nm[0]": size[0], "pixel_size_nm[1]": size[1]})
        object.__setattr__(self, "pixel_size_nm", size)
        check.positive(self, frame_time_s=self.frame_time_s)
        check.not_negative(self, frame_turn_s=self.frame_turn_s, drift_walk_nm2_s=self.drift_walk_nm2_s)
        if self.frame_turn_s >= self.frame_time_s:
            raise ParameterError("Scanner: frame_turn_s must be shorter than frame_time_s.")
        check.fraction(self, line_turn=self.line_turn)
        if self.line_turn == 1:
            raise ParameterError("Scanner: line_turn must be below 1: no time is left for pixels.")
        check.one_of(self, "slow_axis", self.slow_axis, ("down", "up", "alternating"))
        check.one_of(self, "trace", self.trace, ("trace", "retrace", "both"))
        object.__setattr__(self, "drift_nm_s", check.pair(self, "drift_nm_s", self.drift_nm_s))

    @property
    def pixel_yx_nm(self) -> tuple[float, float]:
        """Pixel size (y, x), nm."""
        return self.pixel_size_nm  # type: ignore[return-value]

    @property
    def line_time_s(self) -> float:
        """Time from the start of one line to the start of the next, s."""
        return (self.frame_time_s - self.frame_turn_s) / self.shape[0]

    @property
    def duration_s(self) -> float:
        """Length of the movie, s."""
        return self.n_frames * self.frame_time_s

    def geometry(self) -> ScanGeometry:
        """Return the scan geometry of a stack."""
        return ScanGeometry(
            lines=self.shape[0],
            line_time_s=self.line_time_s,
            frame_time_s=self.frame_time_s - self.frame_turn_s,
            direction="up" if self.slow_axis == "up" else "down",
            alternating=self.slow_axis == "alternating",
            trace="retrace" if self.trace == "retrace" else "trace",
        )

    def row_order(self, frame: int) -> npt.NDArray[np.int64]:
        """Return the rows of a frame in the order in which they are scanned.

        Parameters
        ----------
        frame
            Index of the frame.
        """
        up = self.slow_axis == "up" or (self.slow_axis == "alternating" and frame % 2 == 1)
        rows = np.arange(self.shape[0])
        return rows[::-1] if up else rows

    def line_starts_s(self, first_frame: int, stop_frame: int) -> FloatArray:
        """Return the start time of each line, in the order of scanning.

        Parameters
        ----------
        first_frame, stop_frame
            Frames [first_frame, stop_frame).

        Returns
        -------
        numpy.ndarray
            Seconds since the start of the movie, float64, (frames * lines,).
        """
        frames = np.arange(first_frame, stop_frame)[:, None] * self.frame_time_s
        return (frames + np.arange(self.shape[0])[None, :] * self.line_time_s).ravel()

    def pixel_delay_s(self, col: npt.ArrayLike, retrace: bool = False) -> FloatArray:
        """Return the time from the start of a line until the tip arrives at a column.

        Parameters
        ----------
        col
            Column(s), px, fractions allowed; -0.5 and width - 0.5 are the ends of the line.
        retrace
            Whether for the retrace.

        Returns
        -------
        numpy.ndarray
            Seconds, float64, in the shape of `col`.
        """
        fraction = (np.asarray(col, dtype=np.float64) + 0.5) / self.shape[1]
        forth = (self.line_turn / 2 + (1 - self.line_turn) * fraction) * self.line_time_s / 2
        return self.line_time_s - forth if retrace else forth
