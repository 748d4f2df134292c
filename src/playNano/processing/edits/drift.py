"""Estimate the drift of the movie, and remove it from pixels or from coordinates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from playNano._options import Unit
from playNano.core.clock import frame_clock
from playNano.core.frame_shifts import (
    DRIFT,
    DRIFT_SPEED,
    SHIFT,
    SHIFT_SPEED,
    frame_vectors,
    since_centre_s,
)
from playNano.core.geometry import MovieGeometry
from playNano.errors import ParameterError
from playNano.processing.drift.estimate import estimate_motion
from playNano.processing.drift.frames import usable_frames
from playNano.processing.drift.motion import Box, DriftSettings, Floats, Motion
from playNano.processing.edit_step import Edit, Movie, edit
from playNano.processing.edits.shifting import Shifted, ShiftInterpolation

BoxPx = Annotated[Sequence[float], Field(min_length=4, max_length=4), Unit("px")]
BandPx = Annotated[Sequence[float], Field(min_length=2, max_length=2), Unit("px")]


@edit("1.0")
def align_drift(
    movie: Movie,
    *,
    method: Literal["auto", "image", "tracks", "landmarks"] = "auto",
    region: BoxPx | None = None,
    landmarks: Sequence[BoxPx] | None = None,
    band_px: BandPx | None = None,
    max_shift_px: Annotated[float | None, Field(gt=0), Unit("px")] = None,
    border: Literal["nan", "crop"] = "nan",
    apply: Literal["frames", "coordinates"] = "frames",
    interpolation: ShiftInterpolation = "cubic",
    line_wise: bool = False,
) -> Edit:
    """Estimate the drift of the surface, and remove it from the frames or from the coordinates.

    Frames that quality control calls unusable take no part, and their drift is interpolated. Detections then have
    places as recorded, ``y_nm, x_nm``, and without drift, ``y_corrected_nm, x_corrected_nm``; links, tracks and
    measurements use the latter.

    Parameters
    ----------
    movie
        The movie; a lazy one is read two or three times, a few frames at once.
    method
        "image" compares frames with those 1, 2, 4, 8 and 16 frames before; objects that move by themselves are
        outliers. "tracks" takes the common motion of detected objects. "landmarks" compares boxes around fixed objects.
        "auto" is "image", or "tracks" where the shifts of images do not agree with each other; the record says why.
    region
        Part of the frames that is used: [upper row, left column, height, width]; None: all. Not with landmarks.
    landmarks
        Boxes [upper row, left column, height, width] in the first usable frame, each around an object that does not
        move by itself; for ``method="landmarks"``.
    band_px
        Standard deviations of the Gaussians between which structures are registered; None: the first of (0.7, 3),
        (1, 12) and (2, 12) px in which successive frames correlate by 0.5 or more, else the best of them. For "auto"
        and "image".
    max_shift_px
        Largest movement between two frames that are compared; None: a quarter of the frame (with "tracks": from the
        steps of the objects).
    border
        "nan": frames keep their size, and pixels that were not scanned are NaN. "crop": frames are cut to the field
        that all have in common.
    apply
        "frames" shifts the pixels. "coordinates" leaves them as they are, and removes the drift from the places of
        detections, so that heights are measured on pixels without interpolation.
    interpolation
        "nearest", "linear", "cubic" or "fourier". Half a pixel of linear interpolation lowers peaks by about 6 %,
        cubic by 0.1 %; "fourier" is exact for smooth frames and overshoots at steps.
    line_wise
        Whether the drift within a frame, from line to line, is removed too; the file must contain the times of
        the lines.

    Returns
    -------
    Edit
        The plan. Its details have ``drift``: method, verdict, messages, and the drift of each frame.

    Raises
    ------
    ParameterError
        Parameters do not belong to the method, a box does not lie in the frame, lines have no times, or no field is
        common to all frames.

    References
    ----------
    Padfield: Masked object registration in the Fourier domain, IEEE Transactions on Image Processing 21, 2012,
    doi 10.1109/TIP.2011.2181402.

    Examples
    --------
    >>> surface = np.random.default_rng(0).normal(size=(90, 90)).cumsum(axis=0).cumsum(axis=1) / 50
    >>> frames = np.stack([surface[10 + 2 * k : 74 + 2 * k, 12 - k : 76 - k] for k in range(4)])
    >>> movie = Movie(frames, MovieGeometry(({},) * 4, (64, 64), (2.0, 2.0)))
    >>> plan = align_drift(movie, method="image", border="crop")
    >>> np.round(plan.geometry.frame_metadata[3]["drift_nm"]).tolist(), plan.geometry.shape[1] < 64
    ([-12.0, 6.0], True)
    """
    settings = _settings(movie, method, region, landmarks, band_px, max_shift_px)
    if apply == "coordinates" and border == "crop":
        raise ParameterError(
            "apply='coordinates' does not move pixels, so that border='crop' has nothing to cut"
        )
    geometry = movie.geometry
    if line_wise and (geometry.scan is None or not geometry.scan.has_line_times):
        raise ParameterError(
            "line_wise=true needs the times of the scan lines, which are not known for this movie"
        )
    if line_wise and interpolation == "fourier":
        raise ParameterError(
            "line_wise=true shifts each line by its own amount, which interpolation='fourier' cannot"
        )
    if any(SHIFT_SPEED in entry for entry in geometry.frame_metadata):
        raise ParameterError(
            "the lines of this movie were shifted already (line_wise=true): align it once only"
        )
    usable = usable_frames(movie.data, geometry.shape, "align_drift")
    motion = estimate_motion(movie.data, usable, settings)
    if motion.verdict == "none":
        return Edit(geometry, details={"drift": _summary(motion)}, warnings=motion.warnings)
    drift, speed = _drift_nm(geometry, motion, line_wise=line_wise)
    known = with_vectors_of_frames(geometry, {DRIFT: drift, DRIFT_SPEED: speed})
    details = {"drift": _summary(motion) | {"table": _table(geometry, motion, drift)}}
    if apply == "coordinates":
        return Edit(known, details=details, warnings=motion.warnings)
    planned = shifted(known, -drift, None if speed is None else -speed, interpolation, border)
    return replace(planned, details=details, warnings=motion.warnings)


def _settings(
    movie: Movie,
    method: Any,
    region: Sequence[float] | None,
    landmarks: Sequence[Sequence[float]] | None,
    band_px: Sequence[float] | None,
    max_shift_px: float | None,
) -> DriftSettings:
    """Return the settings of the estimate; raise where they do not belong to the method."""
    if landmarks is not None and method != "landmarks":
        raise ParameterError(f"landmarks are used by method='landmarks' only, not by {method!r}")
    if method == "landmarks" and (region is not None or band_px is not None):
        raise ParameterError("method='landmarks' has no region and no band_px: the boxes are the region")
    if method == "tracks" and band_px is not None:
        raise ParameterError("method='tracks' has no band_px")
    if band_px is not None and not 0 < band_px[0] < band_px[1]:
        raise ParameterError(f"band_px is from small to large scales, both above 0, not {list(band_px)}")
    box = None if region is None else _box(region)
    if box is not None:
        rows, columns = movie.geometry.shape
        y, x, height, width = box
        if min(y, x) < 0 or min(height, width) < 8 or y + height > rows or x + width > columns:
            raise ParameterError(
                f"region {list(box)} is not a box of 8 px or more in a frame of {rows} x {columns} px"
            )
    band = None if band_px is None else (float(band_px[0]), float(band_px[1]))
    return DriftSettings(method, box, tuple(map(_box, landmarks or ())), band, max_shift_px)


def _box(values: Sequence[float]) -> Box:
    """Return a box as a tuple."""
    y, x, height, width = map(float, values)
    return y, x, height, width


def _drift_nm(geometry: MovieGeometry, motion: Motion, *, line_wise: bool) -> tuple[Floats, Floats | None]:
    """Return the drift of the surface in each frame, nm, and its speed within the frames, nm/s.

    What an earlier shift of the pixels has removed is part of the drift. With the speed, the drift is that at the time
    of the central scan line.
    """
    pixel = np.array(geometry.pixel_size_nm)
    drift = motion.position_px * pixel - frame_vectors(geometry.frame_metadata, SHIFT)
    if not line_wise:
        return drift, None
    n = geometry.n_frames
    centre = np.full(n, (geometry.shape[0] - 1) / 2)
    delay = since_centre_s(geometry.scan, centre, np.arange(n))
    clock = frame_clock(geometry.frame_metadata)
    if not clock.known or n < 2:
        raise ParameterError("line_wise=true needs the times of at least two frames")
    speed = np.gradient(drift, clock.times + delay, axis=0)
    return drift - speed * delay[:, None], speed


def with_vectors_of_frames(geometry: MovieGeometry, vectors: dict[str, Floats | None]) -> MovieGeometry:
    """Return the geometry with vectors in the metadata of its frames.

    Parameters
    ----------
    geometry
        Frames, size, calibration and scan.
    vectors
        Key of the metadata -> (y, x) of each frame, (n_frames, 2); None removes the key.
    """
    entries = [dict(entry) for entry in geometry.frame_metadata]
    for key, values in vectors.items():
        for number, entry in enumerate(entries):
            if values is None:
                entry.pop(key, None)
            else:
                entry[key] = [float(part) for part in values[number]]
    return replace(geometry, frame_metadata=tuple(entries))


def shifted(
    geometry: MovieGeometry,
    shift_nm: Floats,
    speed_nm_s: Floats | None,
    interpolation: ShiftInterpolation,
    border: Literal["nan", "crop"],
) -> Edit:
    """Plan to shift the pixels of frames.

    Parameters
    ----------
    geometry
        Frames, size, calibration and scan.
    shift_nm
        Shift (y, x) of each frame against the movie as recorded, nm, (n_frames, 2).
    speed_nm_s
        Its change within the frames, nm/s; None: none.
    interpolation
        "nearest", "linear", "cubic" or "fourier".
    border
        "nan" or "crop".

    Raises
    ------
    ParameterError
        No field is common to all frames.
    """
    pixel = np.array(geometry.pixel_size_nm)
    more = (shift_nm - frame_vectors(geometry.frame_metadata, SHIFT)) / pixel
    moved = with_vectors_of_frames(geometry, {SHIFT: shift_nm, SHIFT_SPEED: speed_nm_s})
    speed = delays = None
    ends = more[:, None, :]
    rows, columns = geometry.shape
    if speed_nm_s is not None:
        speed = speed_nm_s / pixel
        delays = _line_delays(geometry)
        at = delays[:, :1] + delays[:, 1:] * np.array([0.0, rows - 1.0])
        ends = more[:, None, :] + at[:, :, None] * speed[:, None, :]
    top, left, shape = 0, 0, (rows, columns)
    if border == "crop":
        low = np.ceil(np.maximum(ends.max(axis=(0, 1)), 0) - 1e-6).astype(int)
        high = np.floor(np.array(shape) - 1 + np.minimum(ends.min(axis=(0, 1)), 0) + 1e-6).astype(int)
        if (high < low).any():
            raise ParameterError(
                "no field is common to all frames, which drift by up to "
                f"{np.ptp(more[:, 0]):.0f} x {np.ptp(more[:, 1]):.0f} px; use border='nan'"
            )
        top, left = int(low[0]), int(low[1])
        shape = int(high[0] - low[0] + 1), int(high[1] - low[1] + 1)
        moved = moved.cropped(top, left, shape)
    change = Shifted(more, interpolation, top, left, shape, speed, delays)
    return Edit(moved, change_by_frame=change)


def _line_delays(geometry: MovieGeometry) -> Floats:
    """Return the time from the scan of the central line to that of row 0, and from row to row, s, (n_frames, 2)."""
    numbers = np.arange(geometry.n_frames)
    first, second = (since_centre_s(geometry.scan, np.full(len(numbers), row), numbers) for row in (0.0, 1.0))
    return np.stack([first, second - first], axis=1)


def _summary(motion: Motion) -> dict[str, Any]:
    """Return how the drift was estimated, as plain values for the record."""
    return {
        "method": motion.method,
        "verdict": motion.verdict,
        "messages": list(motion.messages),
        "frames_measured": int(np.count_nonzero(motion.placed)),
        "frames_interpolated": np.flatnonzero(~motion.placed).tolist(),
        "closure_px": motion.closure_px,
        **motion.details,
    }


def _table(geometry: MovieGeometry, motion: Motion, drift: Floats) -> dict[str, Any]:
    """Return the drift of each frame by column."""
    clock = frame_clock(geometry.frame_metadata)
    times: npt.NDArray[np.float64] = clock.times if clock.known else np.full(geometry.n_frames, np.nan)
    table = {
        "frame": list(range(geometry.n_frames)),
        "time_s": times.tolist(),
        "y_nm": drift[:, 0].tolist(),
        "x_nm": drift[:, 1].tolist(),
    }
    if motion.error_px is not None:
        error = np.hypot(*(motion.error_px * np.array(geometry.pixel_size_nm)).T)
        table["error_nm"] = error.tolist()
    return table | {"score": motion.score.tolist()}
