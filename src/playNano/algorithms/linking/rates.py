"""How often particles are missed, come and go: the rates of the likelihood model of linking."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from playNano.algorithms.linking.detections import Floats, Ints
from playNano.algorithms.linking.settings import Given

if TYPE_CHECKING:
    import numpy.typing as npt

    from playNano.algorithms.linking._kernels.grid import Detections


@dataclass(frozen=True)
class Rates:
    """How often particles are missed, come and go.

    Parameters
    ----------
    miss
        Probability that a particle that is there is not detected in a frame.
    end, start
        Probability per frame that a particle goes; that a particle seen was not there before.
    clutter
        False detections per frame.
    found
        True detections per frame.
    area
        Size of the field in which detections lie, in squared (cubed, ...) units of position.
    odd
        Probability that a link is none that the model foresees: a jump to anywhere within reach, or a gap of
        any length.
    """

    miss: float = 0.05
    end: float = 0.01
    start: float = 0.01
    clutter: float = 0.0
    found: float = 1.0
    area: float = 1.0
    odd: float = 0.0

    def log_gap(self, n_gaps: int) -> Floats:
        """Log probability of being detected again after 1, 2, ... frames, not before."""
        gap = np.arange(1, n_gaps + 1)
        miss = self.miss if n_gaps > 1 else 0.0
        foreseen = (1.0 - miss) * miss ** (gap - 1.0)
        either = (1.0 - self.odd) * foreseen + self.odd / n_gaps
        return np.asarray(np.log(np.maximum(either, 1e-300)) + gap * np.log1p(-self.end))

    def log_jump(self, reach: Floats, dims: int) -> Floats:
        """Log density of a jump, by the reach of each gap."""
        return np.asarray(np.log(max(self.odd, 1e-300)) - np.log(ball_volume(reach, dims)))

    def log_alone(self, n_gaps: int) -> float:
        """Log density of an end and a start in the midst of the movie: what a link competes with."""
        middle = 4 * n_gaps
        both = self.log_start(2 * middle, n_gaps) + self.log_end(2 * middle, n_gaps)
        return float(both[middle])

    def log_end(self, n_frames: int, n_gaps: int) -> Floats:
        """Log probability, by frame, that a particle seen is not detected again within reach of a link."""
        return _log_never(self.miss, self.end, n_frames, n_gaps)

    def log_start(self, n_frames: int, n_gaps: int) -> Floats:
        """Log density, by frame, of true detections that follow none within reach of a link."""
        before = _log_never(self.miss, self.start, n_frames, n_gaps)[::-1]
        return np.asarray(before + np.log(max(self.found, 1e-9) / self.area))

    @property
    def log_clutter(self) -> float:
        """Log density of false detections."""
        return float(np.log(max(self.clutter, 1e-9) / self.area))


def ball_volume(radius: Floats, dims: int) -> Floats:
    """Return the size of a disc (interval, ball) by its radius."""
    return np.asarray(math.pi ** (0.5 * dims) / math.gamma(0.5 * dims + 1.0) * radius**dims)


def field_size(position: Floats, least: float) -> float:
    """Return the size of the field in which points (N, D) lie, at least as wide as `least` along every axis."""
    size = 1.0
    for along in position.T:
        size *= max(float(along.max() - along.min()), least)
    return size


def _log_never(miss: float, lost: float, n_frames: int, n_gaps: int) -> Floats:
    gap = np.arange(1, n_gaps + 1)
    miss = miss if n_gaps > 1 else 0.0
    seen = np.concatenate([[0.0], np.cumsum((1 - miss) * miss ** (gap - 1.0) * (1 - lost) ** gap)])
    left = np.minimum(np.arange(n_frames)[::-1], n_gaps)
    return np.asarray(np.log(np.maximum(1.0 - seen[left], 1e-6)))


def lost_rate(never: float, miss: float, n_gaps: int) -> float:
    """Return the probability per frame of going that makes the part `never` of detections end a track."""
    low, high = 1e-6, 0.95
    miss = miss if n_gaps > 1 else 0.0
    for _ in range(40):
        middle = 0.5 * (low + high)
        again = (1 - miss) * (1 - middle) * sum((miss * (1 - middle)) ** g for g in range(n_gaps))
        if 1.0 - again < never:
            low = middle
        else:
            high = middle
    return low


def estimate_rates(
    old: Rates,
    given: Given,
    *,
    gaps: Ints,
    single: npt.NDArray[np.bool_],
    previous: npt.NDArray[np.int32],
    points: Detections,
    n_gaps: int,
) -> Rates:
    """Count gaps, ends, starts and false detections of an assignment.

    Parameters
    ----------
    old
        Rates so far.
    given
        Rates that the caller knows.
    gaps
        Number of frames that each link spans.
    single
        Whether each detection was called false.
    previous
        Detection before each one, or -1.
    points
        The detections.
    n_gaps
        Number of frames that a link may span.
    """
    from playNano.algorithms.linking._kernels.frames import turn_round

    count = np.bincount(gaps, minlength=n_gaps + 1)[1 : n_gaps + 1]
    miss = old.miss
    if n_gaps > 1:
        miss = float(np.clip((count[1:].sum() + 1.0) / (count[:-1].sum() + 20.0), 1e-4, 0.6))
    miss = miss if given.miss is None else given.miss
    n_frames = points.frame_ptr.size - 1
    inner_end = ~single & (points.frame_of < n_frames - n_gaps)
    inner_start = ~single & (points.frame_of >= n_gaps)
    ends = ((inner_end & (turn_round(previous) < 0)).sum() + 0.2) / (inner_end.sum() + 20.0)
    starts = ((inner_start & (previous < 0)).sum() + 0.2) / (inner_start.sum() + 20.0)
    n_false = float(single.sum())
    clutter = (n_false + 0.5) / max(n_frames, 1)
    return replace(
        old,
        miss=miss,
        end=lost_rate(float(ends), miss, n_gaps) if given.end is None else given.end,
        start=lost_rate(float(starts), miss, n_gaps) if given.start is None else given.start,
        clutter=clutter if given.clutter is None else given.clutter,
        found=max(previous.size - n_false, 1.0) / max(n_frames, 1),
    )
