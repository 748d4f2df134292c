"""Line by line: where the tip meets every particle, and what it feels there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from playNano.simulate.motion import Stretch
from playNano.simulate.scanner import Scanner
from playNano.simulate.substrate import Area, Surface
from playNano.simulate.templates import Templates
from playNano.simulate.tip import Feedback, Tip

FloatArray = npt.NDArray[np.float64]
Image = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Meeting:
    """Each particle at the moment when the tip passes its column, on every line in the order of scanning.

    Parameters
    ----------
    time_s
        That moment, s, (lines, k).
    y_px, x_px
        Place in the image then, px, (lines, k).
    angle_rad
        Direction of the long axis then, (lines, k).
    shown
        0 where it is not there, 1 for a particle, 2 for a dimer, (lines, k).
    """

    time_s: FloatArray
    y_px: FloatArray
    x_px: FloatArray
    angle_rad: FloatArray
    shown: npt.NDArray[np.int8]


def meet(
    stretch: Stretch,
    drift_nm: FloatArray,
    scanner: Scanner,
    on_s: FloatArray,
    off_s: FloatArray,
    retrace: bool = False,
) -> Meeting:
    """Tell where and when the tip passes the particles on every line.

    Parameters
    ----------
    stretch
        Particles at the start of every line, and of the line after the last, (lines + 1, k).
    drift_nm
        Lateral drift (y, x) at these moments, nm, (lines + 1, 2).
    scanner
        The raster.
    on_s, off_s
        Arrival and departure of the particles, s, (k,).
    retrace
        Whether on the way back.

    Returns
    -------
    Meeting
        Times and places, (lines, k).
    """
    py, px = scanner.pixel_yx_nm
    place = stretch.place_nm + drift_nm[:, None, :]
    now, then = stretch.shown[:-1] > 0, stretch.shown[1:] > 0
    start = stretch.times_s[:-1, None]
    col = np.where(now, place[:-1, :, 1], place[1:, :, 1]) / px
    delay = scanner.pixel_delay_s(np.clip(np.nan_to_num(col), -0.5, scanner.shape[1] - 0.5), retrace)
    share = delay / np.diff(stretch.times_s)[:, None]
    # Who comes or goes within the line has one place only.
    share = np.where(now & then, share, np.where(now, 0.0, 1.0))
    where = place[:-1] + (place[1:] - place[:-1]) * share[:, :, None]
    where = np.where(now[:, :, None], where, place[1:])
    where = np.where((now & ~then)[:, :, None], place[:-1], where)
    angle = stretch.angle_rad[:-1] + (stretch.angle_rad[1:] - stretch.angle_rad[:-1]) * share
    time = start + delay
    shown = np.where(now, stretch.shown[:-1], stretch.shown[1:])
    shown = np.where((time >= on_s) & (time < off_s), shown, 0).astype(np.int8)
    return Meeting(time, where[:, :, 0] / py, where[:, :, 1] / px, angle, shown)


class Ground:
    """The substrate under the particles, and as the tip feels it."""

    def __init__(self, surface: Surface, tip: Tip) -> None:
        self._surface = surface
        self._felt = None if surface.height is None else tip.dilate(surface.height, surface.step_nm)

    @property
    def drop_nm(self) -> float:
        """Difference between the highest and the lowest place, nm."""
        z = self._surface.height
        return 0.0 if z is None else float(z.max() - z.min())

    def _at(self, grid: FloatArray | None, y_nm: FloatArray, x_nm: FloatArray) -> FloatArray:
        shape = np.broadcast_shapes(y_nm.shape, x_nm.shape)
        if grid is None or 0 in shape:
            return np.zeros(shape)
        import cv2

        (top, left), step = self._surface.origin_nm, self._surface.step_nm
        rows, cols = np.broadcast_arrays((y_nm - top) / step, (x_nm - left) / step)
        # OpenCV takes at most 32767 rows of coordinates at a time.
        parts = [
            cv2.remap(grid.astype(np.float32), c.astype(np.float32), r.astype(np.float32), cv2.INTER_LINEAR,
                      borderMode=cv2.BORDER_REPLICATE)
            for r, c in zip(np.array_split(rows, len(rows) // 16384 + 1),
                            np.array_split(cols, len(cols) // 16384 + 1), strict=True)
        ]  # fmt: skip
        return np.concatenate(parts).astype(np.float64)

    def under(self, y_nm: FloatArray, x_nm: FloatArray) -> FloatArray:
        """Return the true height of the substrate at places in the sample, nm."""
        return self._at(self._surface.height, y_nm, x_nm)

    def felt(self, y_nm: FloatArray, x_nm: FloatArray) -> FloatArray:
        """Return the height of the substrate as the tip feels it, nm."""
        return self._at(self._felt, y_nm, x_nm)


def feel(
    meeting: Meeting, rows: npt.NDArray[np.int64], drift_nm: FloatArray, scanner: Scanner,
    templates: Templates, template: npt.NDArray[np.int64], ground: Ground,
) -> Image:  # fmt: skip
    """Return the lines as a tip feels them that never leaves the surface.

    Parameters
    ----------
    meeting
        Particles on every line.
    rows
        Row of each line in the image.
    drift_nm
        Lateral drift at the start of each line, nm, (lines, 2).
    scanner, templates, ground
        The raster, the particles and the substrate as the tip feels them.
    template
        Templates of the particles alone and as dimers, (k, 2).

    Returns
    -------
    numpy.ndarray
        Heights, nm, float32, (lines, width).
    """
    from playNano.simulate._imaging_kernels import lay_lines

    py, px = scanner.pixel_yx_nm
    width = scanner.shape[1]
    y = (rows * py - drift_nm[:, 0])[:, None]
    x = np.arange(width)[None, :] * px - drift_nm[:, 1:2]
    out = ground.felt(y, x)
    base = ground.under(meeting.y_px * py - drift_nm[:, 0:1], meeting.x_px * px - drift_nm[:, 1:2])
    lay_lines(
        out, rows.astype(np.float64), meeting.y_px, meeting.x_px, meeting.angle_rad, meeting.shown, base,
        template, templates.data, templates.first, templates.height, templates.width, templates.step_nm,
        templates.extent_nm, py, px,
    )  # fmt: skip
    return out.astype(np.float32)


def lag(lines: Image, feedback: Feedback, scanner: Scanner, retrace: bool = False) -> Image:
    """Return lines as the feedback follows them.

    Parameters
    ----------
    lines
        Heights that the tip would feel if it never left the surface, nm, (lines, width).
    feedback
        The loop.
    scanner
        The raster, for the time that a pixel takes.
    retrace
        Whether the lines are taken from right to left.

    Returns
    -------
    numpy.ndarray
        Heights, nm, float32; a new array.
    """
    if feedback.follows_at_once:
        return lines.copy()
    from playNano.simulate._imaging_kernels import follow

    dt = float(scanner.pixel_delay_s(1.0) - scanner.pixel_delay_s(0.0))
    gain = 1.0 if feedback.settle_s == 0 else -float(np.expm1(-dt / feedback.settle_s))
    out = np.array(lines, dtype=np.float64)
    follow(out, not retrace, gain, feedback.fall_nm_s * dt)
    return out.astype(np.float32)


def field(scanner: Scanner) -> Area:
    """Return the part of the surface that the pixels cover, edge to edge."""
    (py, px), (h, w) = scanner.pixel_yx_nm, scanner.shape
    return Area(-0.5 * py, -0.5 * px, (h - 0.5) * py, (w - 0.5) * px)


def drift(scanner: Scanner, times_s: FloatArray, seed: np.random.SeedSequence) -> FloatArray:
    """Draw the lateral drift (y, x) at given moments, nm, (len(times_s), 2)."""
    rng = np.random.default_rng(seed)
    steps = np.sqrt(2 * scanner.drift_walk_nm2_s * np.diff(times_s, prepend=times_s[0]))
    walk = np.cumsum(steps[:, None] * rng.standard_normal((len(times_s), 2)), axis=0)
    return np.asarray(walk + times_s[:, None] * np.array(scanner.drift_nm_s))
