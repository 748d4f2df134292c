"""Miss, birth, death and clutter rates of the likelihood model of linking."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from playNano.algorithms.linking.detections import Floats, Indices, Ints
from playNano.algorithms.linking.local_rates import LocalRates, local_rates
from playNano.algorithms.linking.motion_model import successors
from playNano.algorithms.linking.settings import LinkingOptions

if TYPE_CHECKING:
    import numpy.typing as npt

    from playNano.algorithms.linking._kernels.grid import Detections

# Width of the cells in which local rates are estimated, relative to the mean distance of particles.
CELL_WIDTH = 0.2
# Weight, in links, of independent misses in the distribution of gaps.
GAP_PRIOR = 20.0


@dataclass(frozen=True)
class Rates:
    """Miss rate, death rate, birth rate, clutter rate and outlier probability.

    Parameters
    ----------
    miss
        Miss rate: probability that a particle that is present is not detected in a frame.
    death
        Death rate: probability per frame that a track ends.
    birth
        Birth rate: probability per frame that a detected particle has just appeared.
    clutter
        Clutter rate: false detections per frame.
    detected
        True detections per frame.
    area
        Size of the field in which detections lie, in squared (cubed, ...) units of position.
    outlier
        Outlier probability of a link: that it is a uniformly distributed jump within the search range, or a gap of
        any length.
    gaps
        Probability that a particle is detected again after 1, 2, ... frames and not before, given that it is present
        and at most n_gaps frames pass; empty: by the miss rate, independently in every frame. Particles that blink
        have more long gaps than that.
    local
        Factors of the rates at each detection; None: the rates are uniform.
    """

    miss: float = 0.05
    death: float = 0.01
    birth: float = 0.01
    clutter: float = 0.0
    detected: float = 1.0
    area: float = 1.0
    outlier: float = 0.0
    gaps: tuple[float, ...] = ()
    local: LocalRates | None = None

    def redetection(self, n_gaps: int) -> Floats:
        """Return the probability of being detected again after 1, 2, ... n_gaps frames, and not before, if present.

        Parameters
        ----------
        n_gaps
            Number of frames that a link may span, >= 1.
        """
        if len(self.gaps) == n_gaps:
            return np.array(self.gaps)
        gap = np.arange(1, n_gaps + 1)
        miss = self.miss if n_gaps > 1 else 0.0
        return np.asarray((1.0 - miss) * miss ** (gap - 1.0))

    def log_gap(self, n_gaps: int) -> Floats:
        """Return the log probability of being detected again after 1, 2, ... n_gaps frames, and not before.

        Parameters
        ----------
        n_gaps
            Number of frames that a link may span, >= 1.
        """
        gap = np.arange(1, n_gaps + 1)
        mixture = (1.0 - self.outlier) * self.redetection(n_gaps) + self.outlier / n_gaps
        return np.asarray(np.log(np.maximum(mixture, 1e-300)) + gap * np.log1p(-self.death))

    def log_jump(self, search_range: Floats, dims: int) -> Floats:
        """Return the log density of an outlier displacement, uniform within the search range of each gap.

        Parameters
        ----------
        search_range
            Search range of each gap, (n_gaps,).
        dims
            Number of coordinates.
        """
        return np.asarray(np.log(max(self.outlier, 1e-300)) - np.log(ball_volume(search_range, dims)))

    def log_death_birth(self, n_gaps: int) -> float:
        """Return the log of birth density times death probability far from the ends of a movie, where it is lowest.

        The likelihood of a link is divided by this product. Near the first and last frames it is higher, since the
        particle could appear in fewer frames. Candidate links are pruned by it: a higher value would remove links far
        from the ends that lower the total cost.

        Parameters
        ----------
        n_gaps
            Number of frames that a link may span, >= 1.
        """
        centre = 4 * n_gaps
        both = self.log_birth(2 * centre, n_gaps) + self.log_death(2 * centre, n_gaps)
        return float(both[centre])

    def log_death(self, n_frames: int, n_gaps: int) -> Floats:
        """Return the log probability, by frame, that a detected particle is not detected again within n_gaps frames.

        Parameters
        ----------
        n_frames
            Number of observed frames.
        n_gaps
            Number of frames that a link may span, >= 1.
        """
        return _log_undetected(self.redetection(n_gaps), self.death, n_frames)

    def log_birth(self, n_frames: int, n_gaps: int) -> Floats:
        """Return the log density, by frame, of true detections without an earlier one within n_gaps frames.

        Parameters
        ----------
        n_frames
            Number of observed frames.
        n_gaps
            Number of frames that a link may span, >= 1.
        """
        undetected = _log_undetected(self.redetection(n_gaps), self.birth, n_frames)[::-1]
        return np.asarray(undetected + np.log(max(self.detected, 1e-9) / self.area))

    @property
    def log_clutter(self) -> float:
        """Return the log density of false detections."""
        return float(np.log(max(self.clutter, 1e-9) / self.area))


def ball_volume(radius: Floats, dims: int) -> Floats:
    """Return the volume of a ball (disc, interval) of a radius.

    Parameters
    ----------
    radius
        Radius, any shape.
    dims
        Number of dimensions, >= 1.
    """
    return np.asarray(math.pi ** (0.5 * dims) / math.gamma(0.5 * dims + 1.0) * radius**dims)


def field_size(position: Floats, min_width: float) -> float:
    """Return the area (volume) of the bounding box of points (N, D), at least `min_width` wide along every axis.

    Parameters
    ----------
    position
        Points, (N, D), N >= 1.
    min_width
        Minimum width of the field along every axis, > 0.
    """
    size = 1.0
    for along in position.T:
        size *= max(float(along.max() - along.min()), min_width)
    return size


def _log_undetected(redetection: Floats, death: float, n_frames: int) -> Floats:
    """Return the log probability, by frame, of no detection in the next n_gaps frames or up to the movie's end."""
    gap = np.arange(1, redetection.size + 1)
    detected = np.concatenate([[0.0], np.cumsum(redetection * (1 - death) ** gap)])
    n_left = np.minimum(np.arange(n_frames)[::-1], redetection.size)
    return np.asarray(np.log(np.maximum(1.0 - detected[n_left], 1e-6)))


def rate_of_ends(fraction: float, redetection: Floats) -> float:
    """Return the death rate at which a given fraction of detections ends a track (by bisection).

    Parameters
    ----------
    fraction
        Fraction of detections without a link to a later one, 0 to 1.
    redetection
        Probability of being detected again after 1, 2, ... frames and not before, if present, (n_gaps,).
    """
    low, high = 1e-6, 0.95
    gap = np.arange(1, redetection.size + 1)
    for _ in range(40):
        rate = 0.5 * (low + high)
        if 1.0 - float((redetection * (1.0 - rate) ** gap).sum()) < fraction:
            low = rate
        else:
            high = rate
    return low


def first_rates(
    points: Detections, previous: Indices, options: LinkingOptions, outlier: float, dims: int
) -> Rates:
    """Return the initial estimate of the rates: detections without a link in the first linking count as clutter.

    Parameters
    ----------
    points
        The detections.
    previous
        Detection before each one, or -1, by the first linking.
    options
        Options, with the rates that are known.
    outlier
        Outlier probability of a link.
    dims
        Number of coordinates.
    """
    n_frames = points.frame_ptr.size - 1
    n_unlinked = np.count_nonzero((previous < 0) & (successors(previous) < 0))
    n_false = max(float(n_unlinked), 0.005 * previous.size)
    # An upper bound, since gaps count as ends here.
    n_starts = np.count_nonzero(previous[points.frame_ptr[1] :] < 0)
    turnover = min(0.01, (n_starts + 0.2) / (previous.size + 20.0))
    clutter = n_false / n_frames
    detected = max(previous.size - n_false, 1.0) / n_frames
    area = field_size(points.position[:, :dims], options.search_range)
    return Rates(
        miss=0.1 if options.miss_rate is None else options.miss_rate,
        death=turnover if options.end_rate is None else options.end_rate,
        birth=turnover if options.start_rate is None else options.start_rate,
        clutter=clutter if options.false_per_frame is None else options.false_per_frame,
        detected=detected,
        area=area,
        outlier=outlier,
        local=_local(points, previous, area / max(detected, 1.0)),
    )


def estimate_rates(
    old: Rates,
    options: LinkingOptions,
    points: Detections,
    previous: Indices,
    clutter: npt.NDArray[np.bool_],
) -> Rates:
    """Estimate the rates from the gaps, ends, starts and false detections of an assignment.

    Parameters
    ----------
    old
        Rates so far.
    options
        Options, with the rates that are known.
    points
        The detections.
    previous
        Detection before each one, or -1.
    clutter
        Whether each detection was classified as clutter.
    """
    n_gaps = options.n_gaps
    count = gap_counts(points, previous, n_gaps)
    miss = old.miss
    if n_gaps > 1:
        miss = float(np.clip((count[1:].sum() + 1.0) / (count[:-1].sum() + 20.0), 1e-4, 0.6))
    miss = miss if options.miss_rate is None else options.miss_rate
    gaps: tuple[float, ...] = ()
    if n_gaps > 1 and options.miss_rate is None:
        independent = replace(old, miss=miss, gaps=()).redetection(n_gaps)
        gaps = tuple((count + GAP_PRIOR * independent) / (count.sum() + GAP_PRIOR))
    redetection = replace(old, miss=miss, gaps=gaps).redetection(n_gaps)
    n_frames = points.frame_ptr.size - 1
    inner_end = ~clutter & (points.frame_of < n_frames - n_gaps)
    inner_start = ~clutter & (points.frame_of >= n_gaps)
    ends = ((inner_end & (successors(previous) < 0)).sum() + 0.2) / (inner_end.sum() + 20.0)
    starts = ((inner_start & (previous < 0)).sum() + 0.2) / (inner_start.sum() + 20.0)
    n_false = float(clutter.sum())
    false_rate = (n_false + 0.5) / max(n_frames, 1)
    return replace(
        old,
        miss=miss,
        gaps=gaps,
        local=_local(points, previous, old.area / max(old.detected, 1.0)),
        death=rate_of_ends(float(ends), redetection) if options.end_rate is None else options.end_rate,
        birth=rate_of_ends(float(starts), redetection) if options.start_rate is None else options.start_rate,
        clutter=false_rate if options.false_per_frame is None else options.false_per_frame,
        detected=max(previous.size - n_false, 1.0) / max(n_frames, 1),
    )


def _local(points: Detections, previous: Indices, area_per_particle: float) -> LocalRates:
    """Return the local rates of an assignment."""
    width = CELL_WIDTH * math.sqrt(area_per_particle)
    return local_rates(points.position, width, previous < 0, successors(previous) < 0)


def gap_counts(points: Detections, previous: Indices, n_gaps: int) -> Ints:
    """Return the number of links that span 1, 2, ... n_gaps frames.

    Parameters
    ----------
    points
        The detections.
    previous
        Detection before each one, or -1.
    n_gaps
        Maximum number of frames.
    """
    target = np.flatnonzero(previous >= 0)
    gaps = points.frame_of[target] - points.frame_of[previous[target]]
    return np.bincount(gaps, minlength=n_gaps + 1)[1 : n_gaps + 1]
