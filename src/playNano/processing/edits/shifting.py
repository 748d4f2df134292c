"""Shift frames by fractions of a pixel, each by its own amount."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from playNano.processing.steps import Pixels, as_float_block

ShiftInterpolation = Literal["nearest", "linear", "cubic", "fourier"]

ORDERS = {"nearest": 0, "linear": 1, "cubic": 3}


@dataclass(frozen=True)
class Shifted:
    """Shift frames, and cut the same rectangle out of all.

    Parameters
    ----------
    shift_px
        How far (y, x) the surface moves in each frame, px, (n_frames, 2).
    interpolation
        "nearest", "linear", "cubic" or "fourier".
    top, left
        Row and column of the first pixel that is returned.
    shape
        Rows and columns that are returned.
    speed_px
        Additional shift (y, x) per second after the scan of the central line, px/s, (n_frames, 2); None: all lines
        of a frame are shifted alike.
    line_delay_s
        Time from the scan of the central line to that of row 0, and from row to row, s, (n_frames, 2).
    """

    shift_px: npt.NDArray[np.float64]
    interpolation: ShiftInterpolation
    top: int
    left: int
    shape: tuple[int, int]
    speed_px: npt.NDArray[np.float64] | None = None
    line_delay_s: npt.NDArray[np.float64] | None = None

    def __call__(self, block: Pixels, numbers: npt.NDArray[np.int64]) -> Pixels:
        """Return shifted frames; NaN outside, and where a pixel with a share in the value is not known.

        Parameters
        ----------
        block
            Frames, (n, height, width).
        numbers
            Their numbers, (n,).
        """
        pixels = as_float_block(block)[0]
        out = np.empty((len(pixels), *self.shape), pixels.dtype)
        rows = slice(self.top, self.top + self.shape[0])
        columns = slice(self.left, self.left + self.shape[1])
        for frame, number, target in zip(pixels, numbers.tolist(), out, strict=True):
            target[...] = self._frame(frame, number)[rows, columns]
        return out

    def _frame(self, frame: Pixels, number: int) -> npt.NDArray[Any]:
        """Shift one frame."""
        by = self.shift_px[number]
        if not by.any() and self.speed_px is None:
            return frame
        unknown = ~np.isfinite(frame)
        filled = np.where(unknown, np.median(frame[~unknown]) if (~unknown).any() else 0.0, frame)
        shift = self._row_shifts(len(frame), number)
        order = ORDERS.get(self.interpolation, 3)
        if self.speed_px is not None:
            made = _sampled(filled, shift, order)
        elif self.interpolation == "fourier":
            made = _fourier(filled, by)
        else:
            made = ndimage.shift(filled.astype(np.float64), by, order=order, mode="nearest")
        height, width = frame.shape
        source = np.arange(height) - shift[:, 0]
        inside = ((source >= -1e-6) & (source <= height - 1 + 1e-6))[:, None]
        columns = np.arange(width)[None] - shift[:, 1:]
        inside = inside & (columns >= -1e-6) & (columns <= width - 1 + 1e-6)
        if unknown.any():
            inside &= _sampled(unknown.astype(np.float64), shift, min(order, 1)) < 1e-6
        return np.where(inside, made, np.nan)

    def _row_shifts(self, rows: int, number: int) -> npt.NDArray[np.float64]:
        """Return the shift (y, x) of each row of a shifted frame, px, (rows, 2)."""
        by = np.broadcast_to(self.shift_px[number], (rows, 2))
        if self.speed_px is None or self.line_delay_s is None:
            return by
        first, step = self.line_delay_s[number]
        moved = by
        for _ in range(3):
            delay = first + step * (np.arange(rows) - moved[:, 0])
            moved = by + delay[:, None] * self.speed_px[number]
        return moved


def _sampled(frame: npt.NDArray[Any], shift: npt.NDArray[np.float64], order: int) -> npt.NDArray[np.float64]:
    """Return a frame of which each row is shifted by its own amount."""
    height, width = frame.shape
    rows = np.broadcast_to((np.arange(height) - shift[:, 0])[:, None], frame.shape)
    columns = np.arange(width)[None] - shift[:, 1:]
    made: npt.NDArray[np.float64] = ndimage.map_coordinates(
        frame.astype(np.float64), [rows, columns], order=order, mode="nearest"
    )
    return made


def _fourier(frame: npt.NDArray[Any], by: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return a frame shifted by its Fourier transform, continued by its mirror images so that it has no jump."""
    height, width = frame.shape
    wide = np.pad(frame.astype(np.float64), [(0, max(height - 2, 0)), (0, max(width - 2, 0))], mode="reflect")
    moved = np.fft.irfft2(ndimage.fourier_shift(np.fft.rfft2(wide), by, n=wide.shape[1]), s=wide.shape)
    return np.asarray(moved[:height, :width])
