"""The frames of a movie for a report: rounded, coded, and reduced where they exceed the size that is allowed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from playNano.algorithms.surface.noise import robust_noise
from playNano.core.lazy import computed
from playNano.core.threads import default_workers, ordered_map
from playNano.plots.analysed import AnalysedMovie
from playNano.report.encode import LABELS, Coding, Levels, best_coding, encode_image

MARGIN = 0.2
"""Heights beyond those of usable frames that are kept, as a share of their range."""

MIN_STEP = 1e-6
"""Step between heights of a movie without noise, as a share of their range."""


@dataclass(frozen=True)
class Detail:
    """How detailed a movie is shown.

    Parameters
    ----------
    noise_share
        Step between heights, in units of the noise of a pixel.
    bin_px
        Number of pixels along y and x that are shown as one.
    every
        Every how many frames one is shown.
    """

    noise_share: float = 0.5
    bin_px: int = 1
    every: int = 1

    def coarser(self) -> Detail:
        """Return the next reduction: step = noise, then 2 x 2 pixels as one, then fewer frames."""
        if self.noise_share < 1:
            return Detail(1.0)
        if self.bin_px == 1:
            return Detail(1.0, 2)
        return Detail(1.0, 2, self.every + 1)


@dataclass(frozen=True)
class CodedMovie:
    """The frames of a movie as text, and how they are decoded.

    Parameters
    ----------
    frames
        Text of each frame that is shown.
    labels
        Text of the label image of each frame; empty without label images.
    numbers
        Number of each frame in the movie, from 0.
    shape
        Height and width of the frames that are shown.
    levels, coding
        How heights are rounded and coded.
    detail
        The reduction.
    noise
        Noise of a pixel, in the unit of the channel.
    """

    frames: list[str]
    labels: list[str]
    numbers: list[int]
    shape: tuple[int, int]
    levels: Levels
    coding: Coding
    detail: Detail
    noise: float

    def reductions(self, unit: str) -> list[str]:
        """Return in words what is not shown of the movie; empty if it is shown in full.

        Parameters
        ----------
        unit
            Unit of the heights.
        """
        words = []
        if self.detail.noise_share > 0.5:
            words.append(f"heights are rounded to {self.levels.step:.2g} {unit}, the noise of a pixel")
        if self.detail.bin_px > 1:
            words.append(f"{self.detail.bin_px} x {self.detail.bin_px} pixels are shown as one, their mean")
        if self.detail.every > 1:
            words.append(f"one of {self.detail.every} frames is shown")
        return words


def code_movie(movie: AnalysedMovie, max_bytes: float) -> CodedMovie:
    """Code the frames and label images of a movie within a number of bytes.

    Parameters
    ----------
    movie
        The levelled movie with its detections.
    max_bytes
        Maximum number of bytes of all texts. It is exceeded only by a single frame.

    Returns
    -------
    CodedMovie
        The texts; `CodedMovie.reductions` says what was left out.
    """
    low, high = _range(movie)
    noise = _noise(movie)
    detail = Detail()
    while True:
        numbers = list(range(0, movie.stack.n_frames, detail.every))
        last = len(numbers) == 1
        sample = [int(i) for i in movie.sampled]
        if last or _expected(movie, sample, (low, high, noise), detail) * len(numbers) <= max_bytes:
            coded = _code(movie, numbers, (low, high, noise), detail)
            if last or sum(map(len, (*coded.frames, *coded.labels))) <= max_bytes:
                return coded
        detail = detail.coarser()


def _range(movie: AnalysedMovie) -> tuple[float, float]:
    """Return the range of heights in the usable frames, with a margin; bad frames would widen it a hundredfold."""
    used = np.flatnonzero(movie.observed)
    used = used if len(used) else np.arange(movie.stack.n_frames)
    lows, highs = [], []
    for start in range(0, len(used), 16):
        block = computed(movie.stack.data[used[start] : used[min(start + 15, len(used) - 1)] + 1])
        block = block[used[start : start + 16] - used[start]]
        if np.isfinite(block).any():
            lows.append(float(np.min(block, where=np.isfinite(block), initial=np.inf)))
            highs.append(float(np.max(block, where=np.isfinite(block), initial=-np.inf)))
    if not lows:
        return 0.0, 1.0
    low, high = min(lows), max(highs)
    margin = MARGIN * (high - low) or 0.5
    return low - margin, high + margin


def _noise(movie: AnalysedMovie) -> float:
    """Return the median over sampled frames of the noise of a pixel."""
    values = [robust_noise(movie.pixels(int(i))) for i in movie.sampled]
    return float(np.median(values)) if values else 0.0


def _expected(
    movie: AnalysedMovie, sample: Sequence[int], values: tuple[float, float, float], detail: Detail
) -> float:
    """Return the expected number of bytes of a frame with its labels."""
    coded = _code(movie, sample, values, detail)
    return sum(map(len, (*coded.frames, *coded.labels))) / max(len(sample), 1)


def _code(
    movie: AnalysedMovie, numbers: Sequence[int], values: tuple[float, float, float], detail: Detail
) -> CodedMovie:
    """Code frames of a movie; values are the range of heights and the noise."""
    low, high, noise = values
    step = max(noise * detail.noise_share, MIN_STEP * (high - low))
    levels = Levels.of_range(low, high, step)
    first = levels.rounded(binned(movie.pixels(movie.typical_frame), detail.bin_px))
    coding = best_coding(first)
    has_labels = movie.labels is not None

    def code(number: int) -> tuple[str, str]:
        heights = np.asarray(movie.stack.get_frame(number))
        frame = encode_image(levels.rounded(binned(heights, detail.bin_px)), coding)
        if not has_labels:
            return frame, ""
        labels = np.asarray(computed(movie.labels[number : number + 1]))[0]
        return frame, encode_image(labels.astype(np.uint16), LABELS)

    workers = 1 if movie.stack.is_lazy else default_workers()
    texts = list(ordered_map(code, numbers, workers))
    return CodedMovie(
        [frame for frame, _ in texts],
        [labels for _, labels in texts] if has_labels else [],
        list(numbers),
        (first.shape[0], first.shape[1]),
        levels,
        coding,
        detail,
        noise,
    )


def binned(image: npt.NDArray[Any], factor: int) -> npt.NDArray[Any]:
    """Return the mean of each square of pixels; rows and columns that fill no square are left out.

    Parameters
    ----------
    image
        (height, width).
    factor
        Edge of the squares, px.

    Examples
    --------
    >>> binned(np.array([[1.0, 3.0, 9.0], [5.0, 7.0, 9.0]]), 2)
    array([[4.]])
    """
    height, width = (n // factor for n in image.shape)
    if factor == 1 or not height or not width:
        return image
    cut = image[: height * factor, : width * factor]
    means: npt.NDArray[Any] = cut.reshape(height, factor, width, factor).mean(axis=(1, 3), dtype=np.float64)
    return means
