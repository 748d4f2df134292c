"""The drift of a movie from a graph of shifts between pairs of frames."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse.linalg import spsolve

from playNano.algorithms.registration.frame_shift import (
    PairShift,
    Signal,
    correlation_peaks,
    prepare,
    refine,
)

Floats = npt.NDArray[np.float64]

GAPS = (1, 2, 4, 8, 16)
"""Frames between the two frames of a pair."""

BETTER = 0.02
"""By how much the correlation of another start must exceed that of the predicted shift."""

APERTURE_RATIO = 2.5
"""Ratio of the information along two axes above which the movie shows drift along one axis only."""


@dataclass(frozen=True)
class DriftOptions:
    """Options of `estimate_drift`.

    Parameters
    ----------
    band_px
        Scales of the structures that are registered, px.
    max_shift_px
        Largest shift between two frames of a pair, px; None: a quarter of the frame.
    """

    band_px: tuple[float, float] = (0.7, 3.0)
    max_shift_px: float | None = None


@dataclass
class Pairs:
    """Shifts of pairs of frames.

    Parameters
    ----------
    first, second
        Numbers of the frames.
    shift
        The shifts.
    """

    first: list[int] = field(default_factory=list)
    second: list[int] = field(default_factory=list)
    shift: list[PairShift] = field(default_factory=list)


@dataclass(frozen=True)
class Drift:
    """The drift of a movie.

    Parameters
    ----------
    position_px
        Movement (y, x) of the surface since the first frame, px, (n_frames, 2); interpolated in frames that were left
        out.
    error_px
        Standard error of it along y and x, relative to the neighbouring frames, px, (n_frames, 2), from the scatter of
        the pairs.
    score
        Mean correlation of the pairs of each frame, (n_frames,); NaN in frames that were left out.
    axis_ratio
        Ratio of the information along the best and the worst axis, >= 1.
    axis_rad
        Direction of the worst axis, from +y towards +x.
    scores_by_gap
        Gap in frames -> median correlation.
    """

    position_px: Floats
    error_px: Floats
    score: Floats
    axis_ratio: float
    axis_rad: float
    scores_by_gap: dict[int, float]


def estimate_drift(
    frames: Iterable[npt.ArrayLike],
    usable: npt.ArrayLike,
    options: DriftOptions | None = None,
    region: npt.NDArray[np.bool_] | None = None,
) -> Drift:
    """Estimate the drift of a movie from the shifts between its frames.

    Frames are compared with those 1, 2, 4, 8 and 16 usable frames before; one robust least-squares fit to all of these
    shifts gives the drift, so that one wrong shift has no consequence. At most 17 frames are in memory.

    Parameters
    ----------
    frames
        Heights of each frame, (height, width), in order.
    usable
        Whether each frame takes part, (n_frames,).
    options
        Options; None for the defaults.
    region
        Pixels that are used, bool (height, width); None: all.

    Returns
    -------
    Drift
        The drift, 0 in the first usable frame.

    Examples
    --------
    >>> surface = np.random.default_rng(0).normal(size=(90, 90)).cumsum(axis=0).cumsum(axis=1) / 50
    >>> movie = [surface[10 + 2 * k : 74 + 2 * k, 12 - k : 76 - k] for k in range(4)]
    >>> np.round(estimate_drift(movie, [True] * 4).position_px[-1], 1).tolist()
    [-6.0, 3.0]
    """
    given = options or DriftOptions()
    used = np.asarray(usable, dtype=np.bool_)
    pairs, ring = Pairs(), deque[tuple[int, Signal]](maxlen=max(GAPS) + 1)
    place: dict[int, Floats] = {}
    for number, frame in enumerate(frames):
        if not used[number]:
            continue
        signal = prepare(frame, given.band_px, region)
        place[number] = _add_frame(number, signal, ring, place, pairs, given)
        ring.append((number, signal))
    return _fitted(pairs, used, list(place))


def _add_frame(
    number: int,
    signal: Signal,
    ring: deque[tuple[int, Signal]],
    place: dict[int, Floats],
    pairs: Pairs,
    options: DriftOptions,
) -> Floats:
    """Measure the shifts of a frame against earlier ones, and return its place as far as it is known by then."""
    if not ring:
        return np.zeros(2)
    limit = options.max_shift_px or min(signal.image.shape) / 4
    earlier = [ring[-gap] for gap in GAPS if gap <= len(ring)]
    starts = {n: correlation_peaks(other, signal, limit, 2) for n, other in earlier[:2]}
    guesses: list[Floats] = []
    measured: list[tuple[int, PairShift]] = []
    for n, other in earlier:
        predicted = [np.median([place[m] + s.shift_px for m, s in measured], axis=0) - place[n]] if measured else []
        peaks = starts.get(n, [])
        if not measured:
            previous = [m for m in place if m < n]
            steady = place[n] - place[previous[-1]] if previous else np.zeros(2)
            predicted = [np.zeros(2), steady]
        best = _best_start(other, signal, predicted, peaks, limit)
        if best.score > 0:
            measured.append((n, best))
            pairs.first.append(n)
            pairs.second.append(number)
            pairs.shift.append(best)
            guesses.append(place[n] + best.shift_px)
    if not guesses:
        return place[ring[-1][0]]
    return np.asarray(np.median(guesses, axis=0))


def _best_start(
    other: Signal, signal: Signal, predicted: list[Floats], peaks: list[Floats], limit: float
) -> PairShift:
    """Refine from all starts; the best predicted shift wins unless a peak is clearly better."""
    best: PairShift | None = None
    tried: list[Floats] = []
    for kind, starts in enumerate((predicted, peaks)):
        for start in starts:
            if any(np.abs(start - other_start).max() < 0.5 for other_start in tried):
                continue
            tried.append(start)
            shift = refine(other, signal, start)
            if np.abs(shift.shift_px).max() > limit:
                continue
            if best is None or shift.score > best.score + (BETTER if kind else 0.0):
                best = shift
    return best or PairShift(np.zeros(2), np.zeros((2, 2)), -1.0)


def _fitted(pairs: Pairs, used: npt.NDArray[np.bool_], numbers: list[int]) -> Drift:
    """Fit the places of all frames to the shifts, robustly, and interpolate those of frames that were left out."""
    n = len(used)
    if len(numbers) < 2 or not pairs.shift:
        flat = np.full(n, np.nan)
        return Drift(np.zeros((n, 2)), np.full((n, 2), np.nan), flat, 1.0, 0.0, {})
    index = {number: k for k, number in enumerate(numbers)}
    first = np.array([index[a] for a in pairs.first])
    second = np.array([index[b] for b in pairs.second])
    shift = np.array([s.shift_px for s in pairs.shift])
    score = np.array([s.score for s in pairs.shift])
    information = np.array([s.information for s in pairs.shift])
    position, residual, weight = _robust_fit(len(numbers), first, second, shift, information)
    total = np.einsum("p,pij->ij", weight, information)
    values, vectors = np.linalg.eigh(total)
    place = np.stack([np.interp(np.arange(n), numbers, position[:, axis]) for axis in (0, 1)], axis=1)
    spread = _spread(residual, weight, first, second, len(numbers))
    error = np.full((n, 2), np.nan)
    error[numbers] = spread
    mean_score = np.full(n, np.nan)
    counts = np.bincount(first, minlength=len(numbers)) + np.bincount(second, minlength=len(numbers))
    sums = np.bincount(first, score, len(numbers)) + np.bincount(second, score, len(numbers))
    mean_score[numbers] = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    gaps = second - first
    by_gap = {int(gap): float(np.median(score[gaps == gap])) for gap in np.unique(gaps)}
    return Drift(
        place - place[numbers[0]],
        error,
        mean_score,
        float(np.sqrt(values[1] / max(values[0], 1e-12 * values[1]))),
        float(np.arctan2(vectors[1, 0], vectors[0, 0])),
        by_gap,
    )


def _robust_fit(
    n: int, first: npt.NDArray[np.int64], second: npt.NDArray[np.int64], shift: Floats, information: Floats
) -> tuple[Floats, Floats, Floats]:
    """Return the places, residuals of the pairs, and their Cauchy weights, by iteratively reweighted least squares."""
    rows = np.arange(len(first))
    design = sparse.csr_matrix(
        (np.concatenate([-np.ones(len(first)), np.ones(len(first))]), (np.concatenate([rows, rows]), np.concatenate([first, second]))),
        shape=(len(first), n),
    )
    mean = information.mean(axis=0)
    scaled = information / max(float(np.trace(mean)) / 2, 1e-30)
    weight = np.ones(len(first))
    position = np.zeros((n, 2))
    for _ in range(15):
        blocks = weight[:, None, None] * scaled
        normal = sparse.bmat(
            [
                [design.T @ sparse.diags(blocks[:, i, j]) @ design for j in (0, 1)]
                for i in (0, 1)
            ],
            format="csc",
        )
        right = np.concatenate(
            [design.T @ (blocks[:, i, 0] * shift[:, 0] + blocks[:, i, 1] * shift[:, 1]) for i in (0, 1)]
        )
        # The place of the first frame is free: it is held weakly at zero.
        held = sparse.eye(2 * n, format="csc") * 1e-9
        solved = spsolve(normal + held, right)
        new = np.stack([solved[:n], solved[n:]], axis=1)
        residual = shift - (new[second] - new[first])
        size = np.hypot(*residual.T)
        scale = max(2 * float(np.median(size)), 0.02)
        weight = 1 / (1 + (size / scale) ** 2)
        done = np.abs(new - position).max() < 1e-4
        position = new
        if done:
            break
    return position, residual, weight


def _spread(
    residual: Floats, weight: Floats, first: npt.NDArray[np.int64], second: npt.NDArray[np.int64], n: int
) -> Floats:
    """Return the standard error of each frame's place from the residuals of its pairs."""
    out = np.empty((n, 2))
    for axis in (0, 1):
        squares = weight * residual[:, axis] ** 2
        total = np.bincount(first, squares, n) + np.bincount(second, squares, n)
        weights = np.bincount(first, weight, n) + np.bincount(second, weight, n)
        out[:, axis] = np.sqrt(total / np.maximum(weights, 1e-12) / np.maximum(weights, 1.0))
    return out
