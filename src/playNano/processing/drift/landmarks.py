"""Drift from landmarks: objects that do not move by themselves, given as boxes."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from playNano.errors import ParameterError
from playNano.processing.drift.frames import each_frame
from playNano.processing.drift.motion import Box, DriftSettings, Floats, Motion

MIN_SCORE = 0.3
"""A landmark that correlates less with its first picture is not recognised in a frame."""


def motion_from_landmarks(data: Any, usable: npt.NDArray[np.bool_], settings: DriftSettings) -> Motion:
    """Return the drift of a movie from boxes around fixed objects.

    Each is compared with its picture in the first usable frame; the drift is the median over the landmarks.

    Parameters
    ----------
    data
        Pixels, (n_frames, height, width); a lazy movie is read once.
    usable
        Whether each frame takes part, (n_frames,).
    settings
        Landmarks and largest shift from frame to frame.

    Raises
    ------
    ParameterError
        No landmark is given, or one does not lie in the frame.
    """
    shape = int(data.shape[1]), int(data.shape[2])
    corners = [_corner(box, shape) for box in settings.landmarks]
    if not corners:
        raise ParameterError("method='landmarks' needs landmarks: boxes [y, x, height, width] in px")
    n, limit = len(data), settings.max_shift_px or min(shape) / 4
    place = np.full((n, len(corners), 2), np.nan)
    score = np.full((n, len(corners)), np.nan)
    pictures: list[npt.NDArray[np.float32]] = []
    last = np.zeros(2)
    for number, frame in enumerate(each_frame(data)):
        if not usable[number]:
            continue
        filled = _filled(frame)
        if not pictures:
            pictures = [filled[y : y + h, x : x + w] for y, x, h, w in corners]
        maps = [
            _score_map(filled, picture, (y, x), last, limit)
            for (y, x, _, _), picture in zip(corners, pictures, strict=True)
        ]
        joint = _joint_shift(maps)
        for k, scores in enumerate(maps):
            at, value = _local_peak(scores, joint)
            score[number, k] = value
            if value >= MIN_SCORE:
                place[number, k] = np.round(last) + at - scores.shape[0] // 2
        if np.isfinite(place[number]).any():
            last = np.nanmedian(place[number], axis=0)
    return _combined(place, score, usable)


def _corner(box: Box, shape: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return a box in whole pixels, or raise."""
    y, x, height, width = (round(value) for value in box)
    if y < 0 or x < 0 or height < 4 or width < 4 or y + height > shape[0] or x + width > shape[1]:
        raise ParameterError(
            f"landmark {list(box)} does not lie in a frame of {shape[0]} x {shape[1]} px, or is smaller than 4 x 4 px"
        )
    return y, x, height, width


def _filled(frame: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return a frame whose unknown pixels are its median."""
    known = np.isfinite(frame)
    level = np.median(frame[known]) if known.any() else 0.0
    return np.where(known, frame, level).astype(np.float32)


def _score_map(
    frame: npt.NDArray[np.float32],
    picture: npt.NDArray[np.float32],
    corner: tuple[int, int],
    last: Floats,
    limit: float,
) -> Floats:
    """Return the correlation of a picture with a frame at each shift around the last one; -1 outside the frame."""
    half = int(np.ceil(limit))
    out = np.full((2 * half + 1, 2 * half + 1), -1.0)
    height, width = picture.shape
    first = np.array(corner) + np.round(last).astype(int) - half
    low = np.maximum(first, 0)
    high = np.minimum(first + 2 * half, np.array(frame.shape) - (height, width))
    if (high < low).any() or picture.std() == 0:
        return out
    part = frame[low[0] : high[0] + height, low[1] : high[1] + width]
    scores = np.asarray(cv2.matchTemplate(part, picture, cv2.TM_CCOEFF_NORMED), np.float64)
    scores[~np.isfinite(scores)] = -1.0
    rows, columns = low - first
    out[rows : rows + scores.shape[0], columns : columns + scores.shape[1]] = scores
    return out


def _joint_shift(maps: list[Floats]) -> tuple[int, int]:
    """Return the cell of the shift at which the landmarks agree best, so that none is taken for a similar object."""
    total = np.mean(maps, axis=0)
    row, column = np.unravel_index(int(np.argmax(total)), total.shape)
    return int(row), int(column)


def _local_peak(scores: Floats, near: tuple[int, int]) -> tuple[Floats, float]:
    """Return the place of the maximum within two cells of one, and the correlation there."""
    first, left = max(near[0] - 2, 0), max(near[1] - 2, 0)
    part = scores[first : near[0] + 3, left : near[1] + 3]
    best = np.unravel_index(int(np.argmax(part)), part.shape)
    row, column = int(best[0]) + first, int(best[1]) + left
    return np.array([_vertex(scores[:, column], row), _vertex(scores[row], column)]), float(
        scores[row, column]
    )


def _vertex(line: Floats, index: int) -> float:
    """Return the place of a maximum from a parabola through its neighbours."""
    if not 0 < index < line.size - 1:
        return float(index)
    before, peak, after = line[index - 1 : index + 2]
    curvature = before - 2 * peak + after
    return (
        index + float(np.clip(0.5 * (before - after) / curvature, -0.5, 0.5))
        if curvature < 0
        else float(index)
    )


def _combined(place: Floats, score: Floats, usable: npt.NDArray[np.bool_]) -> Motion:
    """Return the median over the landmarks, its standard error from their scatter, and what is doubtful."""
    n, count = score.shape
    known = np.isfinite(place[:, :, 0])
    seen = known.sum(axis=1)
    placed = seen > 0
    position, error = np.zeros((n, 2)), np.full((n, 2), np.nan)
    # A landmark that is lost in a frame must not shift the median by its own offset.
    offset = np.zeros((count, 2))
    for k in range(count):
        both = known[:, k] & placed
        if both.any():
            whole = np.array([np.median(place[f][known[f]], axis=0) for f in np.flatnonzero(both)])
            offset[k] = np.median(place[both, k] - whole, axis=0)
    for frame in np.flatnonzero(placed):
        values = place[frame][known[frame]] - offset[known[frame]]
        position[frame] = np.median(values, axis=0)
        if len(values) >= 3:
            scatter = 1.4826 * np.median(np.abs(values - position[frame]), axis=0)
            error[frame] = 1.25 * scatter / np.sqrt(len(values))
    numbers = np.flatnonzero(placed)
    warnings = []
    lost = int(np.count_nonzero(usable & ~placed))
    if lost:
        warnings.append(
            f"no landmark was recognised in {lost} of {int(usable.sum())} usable frames; interpolated"
        )
    if not len(numbers):
        return Motion(
            "landmarks", position, placed, np.full(n, np.nan), verdict="none", warnings=tuple(warnings)
        )
    for axis in (0, 1):
        position[:, axis] = np.interp(
            np.arange(n), numbers, position[numbers, axis] - position[numbers[0], axis]
        )
    mean = np.where(placed, np.sum(np.where(known, score, 0), axis=1) / np.maximum(seen, 1), np.nan)
    scatter = error[np.isfinite(error).all(axis=1)]
    return Motion(
        "landmarks",
        position,
        placed,
        mean,
        error if len(scatter) else None,
        float(np.median(np.hypot(*scatter.T))) if len(scatter) else float("nan"),
        "drift",
        (f"{count} landmarks, recognised in {float(seen[usable].mean()) / count:.0%} of the frames",),
        tuple(warnings),
    )
