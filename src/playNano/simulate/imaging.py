"""Imaging of scan lines: times and positions at which the tip passes particles, and the traced surface."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from playNano.simulate.motion import Segment
from playNano.simulate.scanner import Scanner
from playNano.simulate.substrate import Area, Surface
from playNano.simulate.templates import Templates
from playNano.simulate.tip import Feedback, Tip

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Image = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Encounters:
    """State of k particles when the tip passes their column, for every line in the order of scanning.

    Parameters
    ----------
    time_s
        Time of the pass, s, (lines, k).
    y_px, x_px
        Position in the image at that time, px, (lines, k).
    angle_rad
        Direction of the long axis at that time, rad, (lines, k).
    shown
        0 where it is absent, 1 for a particle, 2 for a dimer, (lines, k).
    """

    time_s: FloatArray
    y_px: FloatArray
    x_px: FloatArray
    angle_rad: FloatArray
    shown: npt.NDArray[np.int8]


def detect_encounters(
    segment: Segment,
    drift_nm: FloatArray,
    scanner: Scanner,
    on_s: FloatArray,
    off_s: FloatArray,
    retrace: bool = False,
) -> Encounters:
    """Compute the times and positions at which the tip passes the particles on every line.

    Parameters
    ----------
    segment
        Particles at the start of every line, and at the end of the last line, (lines + 1, k).
    drift_nm
        Lateral drift (y, x) at these times, nm, (lines + 1, 2).
    scanner
        The raster.
    on_s, off_s
        Arrival and departure of the particles, s, (k,).
    retrace
        Whether the lines are those of the retrace.

    Returns
    -------
    Encounters
        Times and positions, (lines, k).
    """
    py, px = scanner.pixel_yx_nm
    position = segment.position_nm + drift_nm[:, None, :]
    now, then = segment.shown[:-1] > 0, segment.shown[1:] > 0
    start = segment.times_s[:-1, None]
    col = np.where(now, position[:-1, :, 1], position[1:, :, 1]) / px
    delay = scanner.pixel_delay_s(np.clip(np.nan_to_num(col), -0.5, scanner.shape[1] - 0.5), retrace)
    fraction = delay / np.diff(segment.times_s)[:, None]
    # A particle that arrives or leaves within the line has a single position.
    fraction = np.where(now & then, fraction, np.where(now, 0.0, 1.0))
    at = position[:-1] + (position[1:] - position[:-1]) * fraction[:, :, None]
    at = np.where(now[:, :, None], at, position[1:])
    at = np.where((now & ~then)[:, :, None], position[:-1], at)
    angle = segment.angle_rad[:-1] + (segment.angle_rad[1:] - segment.angle_rad[:-1]) * fraction
    time = start + delay
    shown = np.where(now, segment.shown[:-1], segment.shown[1:])
    shown = np.where((time >= on_s) & (time < off_s), shown, 0).astype(np.int8)
    return Encounters(time, at[:, :, 0] / py, at[:, :, 1] / px, angle, shown)


class SubstrateHeights:
    """Heights of the substrate: true, and dilated by the tip.

    Parameters
    ----------
    surface
        The substrate on the imaged area.
    tip
        The tip.
    """

    def __init__(self, surface: Surface, tip: Tip) -> None:
        self._surface = surface
        self._dilated = None if surface.height is None else tip.dilate(surface.height, surface.step_nm)

    @property
    def range_nm(self) -> float:
        """Peak-to-valley height, nm."""
        z = self._surface.height
        return 0.0 if z is None else float(z.max() - z.min())

    def _at(self, grid: FloatArray | None, y_nm: FloatArray, x_nm: FloatArray) -> FloatArray:
        """Interpolate a height map bilinearly; 0 for a flat substrate."""
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

    def true(self, y_nm: FloatArray, x_nm: FloatArray) -> FloatArray:
        """Return the true height at positions on the sample.

        Parameters
        ----------
        y_nm, x_nm
            Positions, nm; they broadcast.

        Returns
        -------
        numpy.ndarray
            Height, nm, float64.
        """
        return self._at(self._surface.height, y_nm, x_nm)

    def dilated(self, y_nm: FloatArray, x_nm: FloatArray) -> FloatArray:
        """Return the height dilated by the tip at positions on the sample.

        Parameters
        ----------
        y_nm, x_nm
            Positions, nm; they broadcast.

        Returns
        -------
        numpy.ndarray
            Height, nm, float64.
        """
        return self._at(self._dilated, y_nm, x_nm)


def image_lines(
    encounters: Encounters, rows: IntArray, drift_nm: FloatArray, scanner: Scanner, templates: Templates,
    template: IntArray, substrate: SubstrateHeights,
) -> Image:  # fmt: skip
    """Return the scan lines of an ideal instrument: the surface dilated by the tip, without lag or noise.

    Parameters
    ----------
    encounters
        Particles on every line.
    rows
        Row of each line in the image, (lines,).
    drift_nm
        Lateral drift (y, x) at the start of each line, nm, (lines, 2).
    scanner
        The raster.
    templates
        Dilated heights of the particles.
    template
        Template of each particle alone and as a dimer, (k, 2).
    substrate
        Heights of the substrate.

    Returns
    -------
    numpy.ndarray
        Heights, nm, float32, (lines, width).
    """
    py, px = scanner.pixel_yx_nm
    y = (rows * py - drift_nm[:, 0])[:, None]
    x = np.arange(scanner.shape[1])[None, :] * px - drift_nm[:, 1:2]
    out = substrate.dilated(y, x)
    e = encounters
    base = substrate.true(e.y_px * py - drift_nm[:, 0:1], e.x_px * px - drift_nm[:, 1:2])
    dy = (rows[:, None] - e.y_px) * py
    for p in range(e.shown.shape[1]):
        for state in (1, 2):
            t = int(template[p, state - 1])
            extent2 = templates.extent_nm[t] ** 2
            half2 = extent2 - dy[:, p] * dy[:, p]
            line = np.flatnonzero((e.shown[:, p] == state) & (half2 > 0))
            if not len(line):
                continue
            line, col = _columns(line, e.x_px[line, p], np.sqrt(half2[line]) / px, out.shape[1])
            dx = (col - e.x_px[line, p]) * px
            inside, z = templates.heights(t, dy[line, p], dx, e.angle_rad[line, p])
            line, col = line[inside], col[inside]
            # No pixel occurs twice within one particle, so that np.maximum.at is not needed.
            out[line, col] = np.maximum(out[line, col], base[line, p] + z)
    return out.astype(np.float32)


def _columns(line: IntArray, x_px: FloatArray, half_px: FloatArray, width: int) -> tuple[IntArray, IntArray]:
    """List the pixels (line, column) of an image that lie within half a width of x on each line."""
    left = np.maximum(np.ceil(x_px - half_px).astype(np.int64), 0)
    right = np.minimum(np.floor(x_px + half_px).astype(np.int64), width - 1)
    n = np.maximum(right - left + 1, 0)
    first = np.cumsum(n) - n
    return np.repeat(line, n), np.arange(int(n.sum())) + np.repeat(left - first, n)


def apply_feedback(lines: Image, feedback: Feedback, scanner: Scanner, retrace: bool = False) -> Image:
    """Apply the feedback loop to lines: first-order lag, and a limited falling speed.

    Parameters
    ----------
    lines
        Heights traced with ideal feedback, nm, (lines, width).
    feedback
        The loop.
    scanner
        The raster, for the time per pixel.
    retrace
        Whether the lines are recorded from right to left.

    Returns
    -------
    numpy.ndarray
        Heights, nm, float32; a new array.
    """
    if feedback.is_ideal:
        return lines.copy()
    dt = float(scanner.pixel_delay_s(1.0) - scanner.pixel_delay_s(0.0))
    gain = 1.0 if feedback.time_constant_s == 0 else -float(np.expm1(-dt / feedback.time_constant_s))
    fall = feedback.fall_nm_s * dt
    columns = np.array(lines.T[::-1] if retrace else lines.T, dtype=np.float64, order="C")
    z = columns[0].copy()
    for target in columns:
        z += np.maximum((target - z) * gain, -fall)
        target[:] = z
    traced = columns[::-1] if retrace else columns
    return np.ascontiguousarray(traced.T, dtype=np.float32)


def field_of_view(scanner: Scanner) -> Area:
    """Return the area that the pixels cover, edge to edge.

    Parameters
    ----------
    scanner
        The raster.
    """
    (py, px), (h, w) = scanner.pixel_yx_nm, scanner.shape
    return Area(-0.5 * py, -0.5 * px, (h - 0.5) * py, (w - 0.5) * px)


def lateral_drift(scanner: Scanner, times_s: FloatArray, seed: np.random.SeedSequence) -> FloatArray:
    """Draw the lateral drift (y, x) at given times: a constant velocity plus a random walk.

    Parameters
    ----------
    scanner
        The raster, for velocity and diffusion coefficient.
    times_s
        Times, s, increasing, (m,).
    seed
        Seed of the random walk.

    Returns
    -------
    numpy.ndarray
        Drift, nm, float64, (m, 2).
    """
    rng = np.random.default_rng(seed)
    steps = np.sqrt(2 * scanner.drift_walk_nm2_s * np.diff(times_s, prepend=times_s[0]))
    walk = np.cumsum(steps[:, None] * rng.standard_normal((len(times_s), 2)), axis=0)
    return np.asarray(walk + times_s[:, None] * np.array(scanner.drift_nm_s))
