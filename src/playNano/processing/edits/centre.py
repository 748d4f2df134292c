"""Make a movie in which one particle stays in the centre."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, cast

import numpy as np
import numpy.typing as npt
from pydantic import Field

from playNano._options import Unit
from playNano.core.frame_shifts import SHIFT_SPEED
from playNano.errors import ParameterError
from playNano.processing.edit_step import Edit, Movie, edit
from playNano.processing.edits.drift import shifted
from playNano.processing.edits.field import Cut
from playNano.processing.edits.shifting import Shifted, ShiftInterpolation
from playNano.processing.steps import Pixels

Floats = npt.NDArray[np.float64]
COLUMNS = ("track_id", "frame", "y_nm", "x_nm")
FramePlace = Annotated[Sequence[float], Field(min_length=3, max_length=3)]


@dataclass(frozen=True)
class _ShiftedAndCut:
    """Shift frames, each by its own amount, then cut a rectangle."""

    shift: Shifted
    cut: Cut

    def __call__(self, block: Pixels, numbers: npt.NDArray[np.int64]) -> Pixels:
        return self.cut(self.shift(block, numbers))


@edit("1.0")
def centre_on(
    movie: Movie,
    *,
    tracks: str | None = None,
    track_id: Annotated[int | None, Field(ge=0)] = None,
    places: Sequence[FramePlace] | None = None,
    size_nm: Annotated[float | None, Field(gt=0), Unit("nm")] = None,
    size_px: Annotated[int | None, Field(ge=3), Unit("px")] = None,
    interpolation: ShiftInterpolation = "cubic",
) -> Edit:
    """Shift and cut the frames of a track, so that its particle stays in the centre.

    Frames before the first and after the last detection of the track are dropped. Where the particle was not detected
    in between, its place is interpolated. Places and times of what is detected afterwards are those of the movie as
    recorded.

    Parameters
    ----------
    movie
        The movie, with the frames on which the track was found.
    tracks
        A ``tracks.csv`` with the columns ``track_id, frame, y_nm, x_nm``; give this and `track_id`, or `places`.
    track_id
        Number of the track.
    places
        The track as rows ``[frame, y_nm, x_nm]``.
    size_nm
        Edge of the square that is cut out.
    size_px
        The same in pixels; give one of both. Pixels outside the frame are NaN.
    interpolation
        "nearest", "linear", "cubic" or "fourier".

    Returns
    -------
    Edit
        The plan; its details have the frames in which the place was interpolated.

    Raises
    ------
    ParameterError
        There is no such file, column, track or frame, or of two parameters not exactly one is given.

    Examples
    --------
    >>> from playNano.core.geometry import MovieGeometry
    >>> movie = Movie(np.zeros((5, 40, 40)), MovieGeometry(({},) * 5, (40, 40), (2.0, 2.0)))
    >>> plan = centre_on(movie, places=[[1, 20.0, 30.0], [3, 24.0, 30.0]], size_px=11)
    >>> plan.frames, plan.geometry.shape, plan.details["interpolated_frames"]
    ((1, 2, 3), (11, 11), [2])
    """
    if (places is None) == (tracks is None) or (tracks is None) != (track_id is None):
        raise ParameterError("centre_on needs tracks and track_id, or places")
    if (size_nm is None) == (size_px is None):
        raise ParameterError("give size_nm or size_px, one of both")
    if any(SHIFT_SPEED in entry for entry in movie.geometry.frame_metadata):
        raise ParameterError(
            "the lines of this movie were shifted (line_wise=true): centre_on needs whole frames"
        )
    frame, place = _path(
        movie, _table(tracks, track_id) if places is None else np.asarray(places, np.float64)
    )
    kept = np.arange(frame[0], frame[-1] + 1)
    at = np.stack([np.interp(kept, frame, place[:, axis]) for axis in (0, 1)], axis=1)
    geometry = movie.geometry.selected(kept.tolist())
    pixel, origin = np.array(geometry.pixel_size_nm), np.array(geometry.origin_nm)
    edges = (
        np.array([size_px, size_px])
        if size_px is not None
        else np.maximum(np.round((size_nm or 0) / pixel), 3)
    )
    shape = int(edges[0]), int(edges[1])
    corner = (np.array(geometry.shape) - shape) // 2
    centre_nm = origin + (corner + (np.array(shape) - 1) / 2) * pixel
    moved = shifted(geometry, centre_nm - at, None, interpolation, "nan")
    cut = Cut(int(corner[0]), int(corner[1]), shape)
    change = _ShiftedAndCut(cast(Shifted, moved.change_by_frame), cut)
    return replace(
        moved,
        geometry=moved.geometry.cropped(int(corner[0]), int(corner[1]), shape),
        frames=tuple(kept.tolist()),
        change_by_frame=change,
        details={"interpolated_frames": sorted(set(kept.tolist()) - set(frame.tolist()))},
    )


def _table(tracks: str | None, track_id: int | None) -> Floats:
    """Return the rows (frame, y_nm, x_nm) of a track in a CSV file."""
    import pandas as pd

    path = Path(str(tracks))
    if not path.is_file():
        raise ParameterError(f"there is no file {path}")
    table = pd.read_csv(path)
    missing = [name for name in COLUMNS if name not in table]
    if missing:
        raise ParameterError(f"{path.name} has no column {missing[0]}; centre_on needs {', '.join(COLUMNS)}")
    rows = table[table["track_id"] == track_id]
    if not len(rows):
        raise ParameterError(f"{path.name} has no track {track_id}")
    return rows[list(COLUMNS[1:])].to_numpy(np.float64)


def _path(movie: Movie, rows: Floats) -> tuple[npt.NDArray[np.int64], Floats]:
    """Return the frames of a track, increasing, and its places, nm."""
    if rows.ndim != 2 or rows.shape[0] < 1 or not np.isfinite(rows).all():
        raise ParameterError("places are rows [frame, y_nm, x_nm] of finite numbers")
    frame, first = np.unique(rows[:, 0].astype(np.int64), return_index=True)
    if len(frame) < len(rows):
        raise ParameterError("a track has one place in a frame")
    last = movie.geometry.n_frames - 1
    if frame[0] < 0 or frame[-1] > last:
        raise ParameterError(f"the track has frames {frame[0]} to {frame[-1]}, the movie 0 to {last}")
    return frame, rows[first, 1:]
