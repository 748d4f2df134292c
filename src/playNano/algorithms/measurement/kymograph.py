"""Profiles along a polyline, frame by frame, with the time at which the tip passed each sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from playNano._options import Unit, check_options
from playNano.algorithms.measurement.tracked_movie import Frames
from playNano.errors import ParameterError

Floats = npt.NDArray[np.float64]
PixelSize = tuple[float, float]

MARGIN = 16
"""Pixels beside the line that its interpolation uses; those beyond change it by less than 1e-9 of their height."""


@dataclass(frozen=True)
class KymographOptions:
    """Options of a kymograph.

    Parameters
    ----------
    line_nm
        Vertices (y, x) of a polyline, nm, from the centre of pixel (0, 0) of the movie as recorded.
    width_nm
        Width over which heights are averaged across the line, nm, >= 0.
    step_nm
        Distance of the samples along the line, nm, > 0; None: the shorter edge of a pixel.
    subtract_drift
        Whether the line moves with the drift that the tracking has estimated.
    """

    line_nm: Annotated[tuple[tuple[float, float], ...], Field(min_length=2), Unit("nm")] | None = None
    width_nm: Annotated[float, Field(ge=0), Unit("nm")] = 0.0
    step_nm: Annotated[float, Field(gt=0), Unit("nm")] | None = None
    subtract_drift: bool = True

    def __post_init__(self) -> None:
        """Check the values."""
        check_options(self)


@dataclass(frozen=True)
class SampledLine:
    """Samples along a polyline.

    Parameters
    ----------
    distance_nm
        Distance of each sample from the first vertex along the line, nm, (n_points,).
    y_nm, x_nm
        Its place, nm, (n_points,).
    normal
        Unit vector (y, x) across the line at each sample, (n_points, 2).
    """

    distance_nm: Floats
    y_nm: Floats
    x_nm: Floats
    normal: Floats


def sampled_line(line_nm: npt.ArrayLike, step_nm: float) -> SampledLine:
    """Return samples at equal distances along a polyline.

    Parameters
    ----------
    line_nm
        Vertices (y, x), nm.
    step_nm
        Distance of the samples, nm.

    Raises
    ------
    ParameterError
        The line has no length.

    Examples
    --------
    >>> line = sampled_line([(0, 0), (0, 3), (4, 3)], 1.0)
    >>> line.distance_nm.tolist()[-1], line.y_nm.tolist()[-2:], line.x_nm.tolist()[:2]
    (7.0, [3.0, 4.0], [0.0, 1.0])
    """
    vertices = np.asarray(line_nm, dtype=np.float64)
    length = np.hypot(*np.diff(vertices, axis=0).T)
    if not np.isfinite(length).all() or not length.sum() > 0:
        raise ParameterError(f"line_nm = {vertices.tolist()} has no length")
    vertices = vertices[np.append(True, length > 0)]
    ends = np.append(0.0, np.cumsum(length[length > 0]))
    distance: Floats = np.arange(int(np.floor(ends[-1] / step_nm + 1e-9)) + 1, dtype=np.float64) * step_nm
    segment = np.clip(np.searchsorted(ends, distance, side="right") - 1, 0, len(ends) - 2)
    along = np.diff(vertices, axis=0) / np.diff(ends)[:, None]
    place = vertices[segment] + (distance - ends[segment])[:, None] * along[segment]
    normal = np.column_stack([along[segment, 1], -along[segment, 0]])
    return SampledLine(distance, place[:, 0], place[:, 1], normal)


@dataclass(frozen=True)
class LineSampler:
    """Function that samples blocks of frames along a line by cubic interpolation.

    Parameters
    ----------
    rows, cols
        Places of the samples in px, (n_lines, n_points): parallel lines, over which heights are averaged.
    shift
        Shift (row, column) of the line in each frame of the movie, px, (n_frames, 2).
    """

    rows: Floats
    cols: Floats
    shift: Floats

    def __call__(self, start: int, block: npt.NDArray[np.generic]) -> Floats:
        """Return the heights at the samples, (n_frames, n_points); NaN outside the frame and beside missing pixels.

        Parameters
        ----------
        start
            Number of the first frame.
        block
            Frames, (n_frames, height, width).
        """
        heights = np.empty((len(block), self.rows.shape[1]))
        for number, frame in enumerate(np.asarray(block)):
            by_row, by_col = self.shift[start + number]
            sampled = interpolated(frame, self.rows + by_row, self.cols + by_col)
            heights[number] = sampled.mean(axis=0)
        return heights


def interpolated(frame: npt.NDArray[np.generic], rows: Floats, cols: Floats) -> Floats:
    """Return heights between pixels by cubic spline interpolation.

    Parameters
    ----------
    frame
        Pixels, (height, width).
    rows, cols
        Places, px, of any shape.

    Returns
    -------
    ndarray of float64
        NaN outside the centres of the pixels at the border, and where one of the pixels around a place is missing.
    """
    from scipy.ndimage import distance_transform_edt, map_coordinates, maximum_filter

    height, width = frame.shape
    outside = (rows < -1e-6) | (rows > height - 1 + 1e-6) | (cols < -1e-6) | (cols > width - 1 + 1e-6)
    if outside.all():
        return np.full(rows.shape, np.nan)
    top, bottom = _span(rows[~outside], height)
    left, right = _span(cols[~outside], width)
    part = np.asarray(frame[top:bottom, left:right], dtype=np.float64)
    place = np.array([np.clip(rows, 0, height - 1) - top, np.clip(cols, 0, width - 1) - left])
    missing = ~np.isfinite(part)
    if missing.all():
        return np.full(rows.shape, np.nan)
    if missing.any():
        near = distance_transform_edt(missing, return_distances=False, return_indices=True)
        part = part[tuple(near)]
    values = np.asarray(map_coordinates(part, place, order=3, mode="mirror"), dtype=np.float64)
    if missing.any():
        beside = map_coordinates(maximum_filter(missing.astype(np.float64), 3), place, order=1, mode="mirror")
        outside = outside | (beside > 0)
    values[outside] = np.nan
    return values


def _span(place: Floats, size: int) -> tuple[int, int]:
    """Return the pixels that the interpolation along an axis uses."""
    low, high = int(np.floor(place.min())) - MARGIN, int(np.ceil(place.max())) + MARGIN + 1
    return max(0, low), min(size, high)


def line_sampler(
    line: SampledLine,
    pixel_nm: PixelSize,
    width_nm: float,
    drift_nm: Floats,
    origin_nm: tuple[float, float] = (0.0, 0.0),
) -> LineSampler:
    """Return the function that samples frames along a line.

    Parameters
    ----------
    line
        The line.
    pixel_nm
        Pixel size along y and x, nm.
    width_nm
        Width of the band over which heights are averaged, nm.
    drift_nm
        Drift (y, x) in each frame, nm, (n_frames, 2).
    origin_nm
        Place (y, x) of the centre of pixel (0, 0) of the frames, nm.
    """
    n_lines = max(1, int(np.ceil(width_nm / min(pixel_nm) - 1e-9)))
    across = ((np.arange(n_lines) + 0.5) / n_lines - 0.5) * width_nm
    rows = (line.y_nm - origin_nm[0] + across[:, None] * line.normal[:, 0]) / pixel_nm[0]
    cols = (line.x_nm - origin_nm[1] + across[:, None] * line.normal[:, 1]) / pixel_nm[1]
    return LineSampler(rows, cols, np.asarray(drift_nm, dtype=np.float64) / np.asarray(pixel_nm))


def sample_times(
    line: SampledLine,
    frames: Frames,
    pixel_x_nm: float,
    columns: int,
    trace: Literal["trace", "retrace"] | None,
    drift_nm: Floats,
) -> Floats:
    """Return the time at which the tip passed each sample in each frame.

    The tip scans a line in half the time from line to line, and returns in the other half, in which the retrace is
    recorded.

    Parameters
    ----------
    line
        The line.
    frames
        Times of the frames and of their lines.
    pixel_x_nm
        Pixel size along the fast axis, nm.
    columns
        Pixels in a line.
    trace
        Direction in which the pixels were recorded; None: not known, all samples of a line have the time of its start.
    drift_nm
        Drift (y, x) in each frame, nm, (n_frames, 2).

    Returns
    -------
    ndarray of float64
        s, (n_frames, n_points).
    """
    number = np.arange(frames.n_frames)[:, None]
    times = frames.pass_s(np.broadcast_to(number, (len(number), len(line.y_nm))), line.y_nm + drift_nm[:, :1])
    if trace is None:
        return times
    part = ((line.x_nm + drift_nm[:, 1:]) / pixel_x_nm + 0.5) / columns / 2
    return np.asarray(
        times + frames.line_time_s * (1 - part if trace == "retrace" else part), dtype=np.float64
    )
