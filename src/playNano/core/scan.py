"""Scan geometry: timing and direction of the scan lines, from which the time of a row follows."""

from __future__ import annotations

from collections.abc import Sequence
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
        Scan lines in a frame, those outside a crop included.
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
    first_line
        Scan line of row 0: that of the upper border of a crop, counted from the top of the whole frame.
    line_step
        Scan lines from row to row: more than one after binning.
    frame_numbers
        Numbers, in the movie as recorded, of the frames, if some were dropped; the direction of an alternating scan
        follows from them. None: they are consecutive.

    Examples
    --------
    >>> scan = ScanGeometry(lines=128, line_time_s=0.025, direction="down")
    >>> float(scan.delay_s(row=4.0, frame=0))
    0.1
    >>> round(float(scan.rows_from(20).delay_s(row=4.0, frame=0)), 3)
    0.6
    """

    lines: int
    line_time_s: float | None = None
    frame_time_s: float | None = None
    direction: Literal["down", "up"] | None = None
    alternating: bool = False
    trace: Literal["trace", "retrace"] | None = None
    first_line: float = 0.0
    line_step: float = 1.0
    frame_numbers: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        """Convert frame numbers that come from a file."""
        if self.frame_numbers is not None:
            object.__setattr__(self, "frame_numbers", tuple(int(number) for number in self.frame_numbers))

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
            0-based frame of each row, >= 0; used only if the slow axis alternates.

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
            numbers = frames if self.frame_numbers is None else np.asarray(self.frame_numbers)[frames]
            upwards = upwards ^ (numbers % 2 == 1)
        line = self.first_line + rows * self.line_step
        return np.where(upwards, self.lines - 1 - line, line) * self.line_time_s

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
        if self.frame_numbers is not None:
            return replace(self, frame_numbers=self.frame_numbers[start::step])
        flipped: Literal["down", "up"] = "up" if self.direction == "down" else "down"
        return replace(
            self,
            direction=flipped if start % 2 else self.direction,
            alternating=step % 2 != 0,
        )

    def for_selected(self, frames: Sequence[int]) -> ScanGeometry:
        """Return the geometry of selected frames, renumbered from 0.

        Parameters
        ----------
        frames
            Numbers of the frames that are kept, 0-based.
        """
        if not self.alternating or self.direction is None:
            return self
        numbers = self.frame_numbers
        return replace(self, frame_numbers=tuple(frames if numbers is None else (numbers[n] for n in frames)))

    def rows_from(self, first_row: float, row_step: float = 1.0) -> ScanGeometry:
        """Return the geometry of frames of which rows are cut off or combined.

        Parameters
        ----------
        first_row
            Row, in the frames before, of the new row 0.
        row_step
            Rows, in the frames before, from one new row to the next.
        """
        first = self.first_line + first_row * self.line_step
        return replace(self, first_line=first, line_step=self.line_step * row_step)

    def turned(self, rows: int | None = None) -> ScanGeometry:
        """Return the geometry of frames whose rows are put in reverse order: "down" becomes "up", "up" "down".

        Parameters
        ----------
        rows
            Rows of a frame; None: as many as there are lines.
        """
        last = self.first_line + ((self.lines if rows is None else rows) - 1) * self.line_step
        first = self.lines - 1 - last
        if self.direction is None:
            return replace(self, first_line=first)
        return replace(self, direction="up" if self.direction == "down" else "down", first_line=first)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as a plain dict."""
        return asdict(self)
