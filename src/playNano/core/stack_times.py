"""The times of a movie's frames and detections."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from playNano.core import stack_checks as check
from playNano.core.clock import FrameClock, frame_clock
from playNano.core.frame_shifts import drift_at, has_drift, has_shift, shift_at
from playNano.core.scan import ScanGeometry


class FrameTimes:
    """The part of a `playNano.core.stack.Stack` that knows when its frames and lines were scanned."""

    frame_metadata: list[dict[str, Any]]
    scan: ScanGeometry | None
    file_path: Any
    _backwards: bool
    _pixel_size_nm: tuple[float, float]

    def time_for_frame(self, index: int) -> float:
        """Return the start time of a frame, as `get_frame_times` does.

        Parameters
        ----------
        index
            Number of the frame.

        Returns
        -------
        float
            Seconds; NaN where it is not known; the index of the frame where no frame has a usable time.
        """
        return self.get_frame_times()[
            check.frame_position(index, len(self.frame_metadata), self.file_path.name)
        ]

    def get_frame_times(self) -> list[float]:
        """Return the start time of each frame, s: NaN if it is not known; its index if no frame has a usable time."""
        return list(map(float, self.clock.times))

    @property
    def has_times(self) -> bool:
        """Whether `get_frame_times` are seconds: frames have times, which increase."""
        return self.clock.known

    @property
    def clock(self) -> FrameClock:
        """The times of the frames, and what is wrong with them."""
        return frame_clock(self.frame_metadata, backwards=self._backwards)

    def detection_times(self, frame: npt.ArrayLike, y: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return the times at which the tip passed given positions: frame start plus line time, s.

        Parameters
        ----------
        frame
            0-based frames, (N,).
        y
            Rows, px, (N,); fractions are allowed. In frames that were shifted, rows of the shifted frames.

        Returns
        -------
        numpy.ndarray
            Seconds, (N,); the start of the frame if line time or direction is not known.
        """
        frames = np.asarray(frame, dtype=np.int64)
        starts = np.asarray(self.get_frame_times(), dtype=np.float64)[frames]
        if self.scan is None or not self.has_times:
            return starts
        return starts + self.scan.delay_s(self._scanned_rows(frames, y), frames)

    def shift_of(self, frame: npt.ArrayLike, y: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return by how much the pixels at given positions were moved, (N, 2) nm along y and x; 0 without a shift.

        Parameters
        ----------
        frame
            0-based frames, (N,).
        y
            Rows, px, (N,).
        """
        if not has_shift(self.frame_metadata):
            return np.zeros((np.size(frame), 2))
        return shift_at(self.frame_metadata, self.scan, frame, y, self._pixel_size_nm[0])

    def drift_of(self, frame: npt.ArrayLike, y: npt.ArrayLike) -> npt.NDArray[np.float64] | None:
        """Return the drift of the surface at given positions, (N, 2) nm along y and x; None if it is not known.

        Parameters
        ----------
        frame
            0-based frames, (N,).
        y
            Rows, px, (N,).
        """
        if not has_drift(self.frame_metadata):
            return None
        return drift_at(self.frame_metadata, self.scan, frame, self._scanned_rows(frame, y))

    def _scanned_rows(self, frame: npt.ArrayLike, y: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return the rows that were scanned, which differ from those of shifted frames."""
        return np.asarray(y, np.float64) - self.shift_of(frame, y)[:, 0] / self._pixel_size_nm[0]
