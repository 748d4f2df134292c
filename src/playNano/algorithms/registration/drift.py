"""The drift of a movie from a graph of shifts between pairs of frames."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import spsolve

from playNano.algorithms.registration.frame_shift import (
    PairShift,
    Signal,
    correlation_at,
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

MIN_SCORE = 0.1
"""Pairs of frames that correlate less tell nothing."""

AGREE_PX = 1.0
"""Pairs agree on the place of a frame if it differs by less, px."""

MIN_FIXED_GAP = 8
"""Frames between two frames from which it can be judged whether anything is fixed."""

_ELSEWHERE = ((9.0, 4.0), (-9.0, 5.0), (5.0, -11.0), (-4.0, 10.0))
"""Displacements, px, at which the correlation by chance is measured."""


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
    chance
        Correlation of the two frames at other shifts; NaN where it was not measured.
    """

    first: list[int] = field(default_factory=list)
    second: list[int] = field(default_factory=list)
    shift: list[PairShift] = field(default_factory=list)
    chance: list[float] = field(default_factory=list)


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
    closure_px
        Median distance between the shift of a pair and the difference of the places of its frames, px.
    fixed
        How well the surface is recognised after many frames: the correlation at the largest gap less that at other
        shifts, over the correlation of successive frames. About 0 to 0.3 where all objects move by themselves, more
        where something is fixed; NaN for movies that are too short.
    placed
        Whether the place of each frame was measured, (n_frames,); else it is interpolated.
    """

    position_px: Floats
    error_px: Floats
    score: Floats
    axis_ratio: float
    axis_rad: float
    scores_by_gap: dict[int, float]
    closure_px: float = float("nan")
    fixed: float = float("nan")
    placed: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))


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
    pairs, recent = Pairs(), deque[tuple[int, Signal]](maxlen=max(GAPS) + 1)
    place: dict[int, Floats] = {}
    for number, frame in enumerate(frames):
        if not used[number]:
            continue
        signal = prepare(frame, given.band_px, region)
        place[number] = _add_frame(number, signal, recent, place, pairs, given)
        recent.append((number, signal))
    return _fitted(pairs, used)


def _add_frame(
    number: int,
    signal: Signal,
    recent: deque[tuple[int, Signal]],
    place: dict[int, Floats],
    pairs: Pairs,
    options: DriftOptions,
) -> Floats:
    """Measure the shifts of a frame against earlier ones, and return its place as far as it is known by then."""
    if not recent:
        return np.zeros(2)
    limit = options.max_shift_px or min(signal.image.shape) / 4
    earlier = [(gap, *recent[-gap]) for gap in GAPS if gap <= len(recent)]
    guesses: list[Floats] = []
    scores: list[float] = []
    for gap, n, other in earlier:
        peaks = correlation_peaks(other, signal, limit, 2) if gap <= 2 else []
        predicted = [guess - place[n] for guess in _by_agreement(guesses, scores)[:2]]
        if not predicted:
            steady = place[n] - place[recent[-2][0]] if len(recent) > 1 else np.zeros(2)
            predicted = [np.zeros(2), steady]
        best = _best_start(other, signal, predicted, peaks, limit)
        if best.score < MIN_SCORE:
            continue
        chance = float("nan")
        if gap >= MIN_FIXED_GAP:
            chance = float(np.median([correlation_at(other, signal, best.shift_px + d) for d in _ELSEWHERE]))
        pairs.first.append(n)
        pairs.second.append(number)
        pairs.shift.append(best)
        pairs.chance.append(chance)
        guesses.append(place[n] + best.shift_px)
        scores.append(best.score)
    if not guesses:
        return place[recent[-1][0]]
    return _by_agreement(guesses, scores)[0]


def _by_agreement(guesses: list[Floats], scores: list[float]) -> list[Floats]:
    """Return the places of a frame that its pairs suggest, the best supported first; near ones are combined."""
    groups: list[tuple[float, Floats]] = []
    left = list(range(len(guesses)))
    while left:
        near = [[k for k in left if np.abs(guesses[k] - guesses[centre]).max() < AGREE_PX] for centre in left]
        best = max(near, key=lambda members: sum(scores[k] for k in members))
        groups.append((sum(scores[k] for k in best), np.mean([guesses[k] for k in best], axis=0)))
        left = [k for k in left if k not in best]
    return [place for _, place in groups]


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


def _fitted(pairs: Pairs, used: npt.NDArray[np.bool_]) -> Drift:
    """Fit the places of all frames to the shifts, robustly, and interpolate those of frames that were left out."""
    n = len(used)
    numbers = _connected(pairs, n)
    if len(numbers) < 2:
        unknown = np.full(n, np.nan)
        return Drift(
            np.zeros((n, 2)), np.full((n, 2), np.nan), unknown, 1.0, 0.0, {}, placed=np.zeros(n, np.bool_)
        )
    index = np.full(n, -1)
    index[numbers] = np.arange(len(numbers))
    kept = np.flatnonzero(index[pairs.first] >= 0)
    first, second = index[np.array(pairs.first)[kept]], index[np.array(pairs.second)[kept]]
    shift = np.array([pairs.shift[k].shift_px for k in kept])
    score = np.array([pairs.shift[k].score for k in kept])
    chance = np.array([pairs.chance[k] for k in kept])
    information = np.array([pairs.shift[k].information for k in kept])
    position, residual, weight = _robust_fit(len(numbers), first, second, shift, information)
    total = np.einsum("p,pij->ij", weight, information)
    values, vectors = np.linalg.eigh(total)
    place = np.stack([np.interp(np.arange(n), numbers, position[:, axis]) for axis in (0, 1)], axis=1)
    error, mean_score = np.full((n, 2), np.nan), np.full(n, np.nan)
    error[numbers] = _spread(residual, weight, first, second, len(numbers))
    counts = np.bincount(first, minlength=len(numbers)) + np.bincount(second, minlength=len(numbers))
    sums = np.bincount(first, score, len(numbers)) + np.bincount(second, score, len(numbers))
    mean_score[numbers] = sums / np.maximum(counts, 1)
    gaps = _gaps(np.array(pairs.first)[kept], np.array(pairs.second)[kept], used)
    by_gap = {int(gap): float(np.median(score[gaps == gap])) for gap in np.unique(gaps)}
    placed = np.zeros(n, np.bool_)
    placed[numbers] = True
    return Drift(
        place - place[numbers[0]],
        error,
        mean_score,
        float(np.sqrt(values[1] / max(values[0], 1e-12 * values[1]))),
        float(np.arctan2(vectors[1, 0], vectors[0, 0])),
        by_gap,
        float(np.median(np.hypot(*residual.T))),
        _fixed(gaps, score, chance),
        placed,
    )


def _connected(pairs: Pairs, n: int) -> npt.NDArray[np.int64]:
    """Return the frames of the largest group that is connected by pairs."""
    if not pairs.shift:
        return np.zeros(0, np.int64)
    links = sparse.coo_matrix((np.ones(len(pairs.first)), (pairs.first, pairs.second)), shape=(n, n))
    group = connected_components(links, directed=False)[1]
    return np.flatnonzero(group == np.argmax(np.bincount(group)))


def _gaps(
    first: npt.NDArray[np.int64], second: npt.NDArray[np.int64], used: npt.NDArray[np.bool_]
) -> npt.NDArray[np.int64]:
    """Return the gap of each pair in usable frames."""
    order = np.cumsum(used)
    return np.asarray(order[second] - order[first])


def _fixed(gaps: npt.NDArray[np.int64], score: Floats, chance: Floats) -> float:
    """Return how well the surface is recognised at the largest gap; see `Drift`."""
    largest, near = gaps.max(), score[gaps == gaps.min()]
    measured = (gaps == largest) & np.isfinite(chance)
    if largest < MIN_FIXED_GAP or np.count_nonzero(measured) < 3:
        return float("nan")
    return float(np.median(score[measured] - chance[measured]) / np.median(near))


def _robust_fit(
    n: int, first: npt.NDArray[np.int64], second: npt.NDArray[np.int64], shift: Floats, information: Floats
) -> tuple[Floats, Floats, Floats]:
    """Return the places, residuals of the pairs, and their Cauchy weights, by iteratively reweighted least squares."""
    rows = np.arange(len(first))
    design = sparse.csr_matrix(
        (
            np.concatenate([-np.ones(len(first)), np.ones(len(first))]),
            (np.concatenate([rows, rows]), np.concatenate([first, second])),
        ),
        shape=(len(first), n),
    )
    mean = information.mean(axis=0)
    scaled = information / max(float(np.trace(mean)) / 2, 1e-30)
    weight = np.ones(len(first))
    position = np.zeros((n, 2))
    for _ in range(15):
        blocks = weight[:, None, None] * scaled
        normal = sparse.bmat(
            [[design.T @ sparse.diags(blocks[:, i, j]) @ design for j in (0, 1)] for i in (0, 1)],
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
