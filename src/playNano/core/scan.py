"""Scan geometry: timing and direction of the scan lines, from which the time of a row follows."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class ScanGeometry:
    """Timing and direction of the scan, as far as the file contains them.

    Parameters
    ----------
    lines
        Scan lines in a frame (the frame's height in pixels).
    line_time_s
        Time from the start of one line to the start of the next, s; None if the file does not contain it.
    frame_time_s
        Duration of the scan of one frame, s; None if the file does not contain it.
    direction
        Direction of the slow axis in frame 0: "down" scans row 0 (the top line) first, "up" the last row first;
        None if the file does not contain it.
    alternating
        Whether the slow axis reverses direction after every frame.
    trace
        Direction of the fast axis in which the pixels were recorded: "trace" or "retrace", if known.

    Examples
    --------
    >>> scan = ScanGeometry(lines=128, line_time_s=0.025, direction="down")
    >>> float(scan.delay_s(row=4.0, frame=0))
    0.1
    """

    lines: int
    line_time_s: float | None = None
    frame_time_s: float | None = None
    direction: Literal["down", "up"] | None = None
    alternating: bool = False
    trace: Literal["trace", "retrace"] | None = None

    @property
    def has_line_times(self) -> bool:
        """Whether line time and direction are known, so that each row has a time within its frame."""
        return self.line_time_s is not None and self.direction is not None

    @property
    def line_rate_hz(self) -> float | None:
        """Line rate, Hz, or None if the file does not contain it."""
        return None if self.line_time_s is None else 1.0 / self.line_time_s

    def delay_s(self, row: npt.ArrayLike, frame: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return the time from the start of a frame until the tip scans a row.

        Parameters
        ----------
        row
            Row(s), px; fractions are allowed.
        frame
            0-based frame of each row; used only if the slow axis alternates.

        Returns
        -------
        numpy.ndarray
            Seconds, in the broadcast shape of `row` and `frame`; zeros if line time or direction is unknown.
        """
        rows, frames = np.broadcast_arrays(np.asarray(row, dtype=np.float64), np.asarray(frame))
        if self.line_time_s is None or self.direction is None:
            return np.zeros(rows.shape)
        upwards = np.full(rows.shape, self.direction == "up")
        if self.alternating:
            upwards = upwards ^ (frames % 2 == 1)
        return np.where(upwards, self.lines - 1 - rows, rows) * self.line_time_s

    def for_frames(self, start: int, step: int) -> ScanGeometry:
        """Return the geometry of every `step`-th frame from `start` on, renumbered from 0.

        Parameters
        ----------
        start
            First frame, 0-based.
        step
            Step between frames.

        Returns
        -------
        ScanGeometry
            Timing and direction of these frames.
        """
        if not self.alternating or self.direction is None:
            return self
        flipped: Literal["down", "up"] = "up" if self.direction == "down" else "down"
        return replace(
            self,
            direction=flipped if start % 2 else self.direction,
            alternating=step % 2 != 0,
        )

    def turned(self) -> ScanGeometry:
        """Return the geometry of frames whose rows are put in reverse order: "down" becomes "up", "up" "down"."""
        if self.direction is None:
            return self
        return replace(self, direction="up" if self.direction == "down" else "down")

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as a plain dict."""
        return asdict(self)
