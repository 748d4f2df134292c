"""The step that levels frames on their background."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from playNano.algorithms.leveling.background_level import PerFrame, level_movie
from playNano.algorithms.leveling.frame_level import MovieLevel
from playNano.algorithms.leveling.survey import Objects, sampled_frames
from playNano.algorithms.leveling.survey import survey as survey_frames
from playNano.processing.steps import Pixels, step
from playNano.processing.surveys import Survey

LITTLE_BACKGROUND = 0.2
"""Share of background below which the heights of a frame are doubtful."""


def _estimate(sample: Pixels, *, objects: Objects = "auto", order: int = 2) -> MovieLevel:
    """Survey sampled frames (n, height, width)."""
    return survey_frames(list(sample), objects, order)


def _summary(movie: MovieLevel) -> dict[str, Any]:
    """Return the values of a survey for the record."""
    return {
        "objects": {1: "up", -1: "down", 0: "both"}[movie.sign],
        "noise": movie.noise,
        "row_sd": movie.row_sd,
        "x_shape": movie.x_shape.tolist(),
        "recurrent_edges": np.flatnonzero(movie.edges).tolist(),
    }


def _warnings(per_frame: Mapping[str, Any], numbers: list[int]) -> list[str]:
    """Return texts on frames with little or no background."""
    frames, texts = np.asarray(numbers), []
    none = np.asarray(per_frame["no_background"], dtype=bool)
    little = ~none & (per_frame["background_share"] < LITTLE_BACKGROUND)
    without = ~none & (per_frame["rows_without_background"] > 0)
    if none.any():
        texts.append(
            f"no background was recognized in {_frames(frames[none])}: their rows are aligned and zero is their "
            "median, so heights may have no meaning; look at them, leave these frames out, or scan an area with bare "
            "surface"
        )
    if little.any():
        lowest = float(np.min(per_frame["background_share"][little]))
        texts.append(
            f"background covers as little as {100 * lowest:.0f} % of {_frames(frames[little])}: heights may be too "
            "low there; compare with an area with more bare surface"
        )
    if without.any():
        largest = int(np.max(per_frame["rows_without_background"][without]))
        texts.append(
            f"up to {largest} rows without background in {_frames(frames[without])}: these rows are tied to their "
            "neighbours only and may be off; check them by eye, or crop the frame along x to bare surface"
        )
    return texts


def _frames(numbers: Any) -> str:
    """Return frame numbers as text, runs shortened: "frames 3-9, 12"."""
    runs = np.split(numbers, np.flatnonzero(np.diff(numbers) > 1) + 1)
    texts = [str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs]
    more = f" and {sum(map(len, runs[8:]))} more" if len(texts) > 8 else ""
    return f"frame{'s' if len(numbers) > 1 else ''} {', '.join(texts[:8])}{more}"


@step(
    "filter",
    "1.0",
    min_pixels=lambda params: 1,
    survey=Survey(sampled_frames, _estimate, _summary, _warnings),
)
def level(
    data: Pixels,
    survey: MovieLevel | None = None,
    *,
    objects: Objects = "auto",
    order: Annotated[int, Field(ge=0, le=3)] = 2,
) -> tuple[Pixels, PerFrame]:
    """Level frames on their background, also where objects fill nearly all of a row; the background lies at zero.

    Tilt, bow and the offsets of rows are those of the background, recognized by the differences between rows and as the
    lowest level that is present. In contrast to medians of rows, this leaves the heights of objects unbiased, whatever
    part of a row they fill, as long as some background is visible in it.

    Parameters
    ----------
    data
        Heights, (height, width) or (n, height, width); any unit.
    survey
        What all frames of the movie share, estimated from at most 32 frames; by default from `data`.
    objects
        "up" for objects on a background, "down" for pits, "both" where the background is the fullest level, "auto" to
        decide between up and down.
    order
        Degree of the polynomial along x, 0 to 3; along y, every row has an offset of its own.

    Returns
    -------
    numpy.ndarray
        Heights above the background, same shape. NaN stays NaN.

    Notes
    -----
    The record holds the noise, the polarity and, for every frame, the share of background and the number of rows
    without; see docs/levelling.md.

    Examples
    --------
    >>> frame = np.random.default_rng(0).normal(0, 0.1, (40, 50)) + np.arange(40.0)[:, None]
    >>> frame[10:30, 5:45] += 4
    >>> round(float(np.median(level(frame, objects="up")[10:30, 5:45])), 1)
    4.0
    """
    levelled, per_frame, _ = level_movie(data, objects=objects, order=order, movie=survey)
    return levelled, per_frame
