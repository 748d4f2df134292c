"""Search range and gap closing from the movie: the distribution of displacements that no search range has clipped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from playNano.algorithms.linking.detections import Floats, Ints

if TYPE_CHECKING:
    from playNano.algorithms.linking._kernels.grid import Detections

# Frames, detections and pairs of detections from which displacements are sampled.
MAX_FRAMES = 100
ENOUGH_POINTS = 3_000
ENOUGH_PAIRS = 120_000
N_BINS = 40
# Ratio of the largest to the smallest distance of the histogram.
BIN_RATIO = 300.0
# Candidate displacements are counted up to this many distances to the nearest neighbour.
HISTOGRAM_RANGE = 3.0
EM_ITERATIONS = 25
# Initial rms steps of the Gaussians, as fractions of the largest distance of the histogram.
FIRST_SCALES = ((0.1,), (0.01, 0.06), (0.03, 0.15), (0.01, 0.06, 0.25))
# The search range contains this fraction of the steps, times a margin for steps over gaps and the tail of the fit.
QUANTILE = 0.999
MARGIN = 1.25
# Limits of the search range, in distances to the nearest neighbour.
MIN_RANGE = 0.75
MAX_RANGE = 1.5
# A given search range clips the displacements where more than this fraction of them, and this number, is longer.
MAX_CLIPPED = 0.01
MIN_CLIPPED = 3.0
# Number of standard deviations by which candidates beyond a search range must exceed the background.
SIGNIFICANT = 2.0
# Number of bins on either side over which the background is averaged where a bin has few counts.
SMOOTHING = 3
FEW_COUNTS = 3.0
# Minimum number of excess candidates to estimate the distribution.
ENOUGH_STEPS = 50.0


@dataclass(frozen=True)
class StepDistribution:
    """Distribution of the displacement in one frame interval: a mixture of Gaussians, not clipped by a search range.

    Parameters
    ----------
    weight
        Fraction of each Gaussian, (K,), sum 1; empty where there are too few displacements.
    variance
        Variance of each along one coordinate, (K,).
    dims
        Number of coordinates.
    neighbour_distance
        Mean distance to the nearest neighbour in the same frame; inf where there is none.
    n_steps
        Estimated number of displacements in the histogram.
    extent
        Diagonal of the field of the detections.
    histogram
        Distances of the edges of bins, (B + 1,), the number of candidates in each bin, (B,), and the number expected
        from other particles, (B,).
    """

    weight: Floats
    variance: Floats
    dims: int
    neighbour_distance: float
    n_steps: float
    extent: float
    histogram: tuple[Floats, Floats, Floats]

    @property
    def rms(self) -> float:
        """Root mean squared displacement in one frame interval; nan where it is unknown."""
        return float(np.sqrt(self.dims * (self.weight * self.variance).sum())) if self.weight.size else np.nan

    def share_within(self, distance: npt.ArrayLike) -> Floats:
        """Return the fraction of displacements up to a distance; nan where it is unknown.

        Parameters
        ----------
        distance
            Distances, any shape, >= 0.
        """
        radius = np.asarray(distance, dtype=np.float64)
        if not self.weight.size:
            return np.full(radius.shape, np.nan)
        return np.asarray(
            (_share_within(radius[..., None], self.variance, self.dims) * self.weight).sum(axis=-1)
        )

    def quantile(self, share: float) -> float:
        """Return the distance that contains a fraction of the displacements (by bisection); nan where it is unknown.

        Parameters
        ----------
        share
            Fraction, 0 to 1.
        """
        if not self.weight.size:
            return np.nan
        low, high = 0.0, 20.0 * float(np.sqrt(self.dims * self.variance.max()))
        for _ in range(50):
            centre = 0.5 * (low + high)
            low, high = (centre, high) if self.share_within(centre) < share else (low, centre)
        return high

    def is_clipped(self, search_range: float) -> bool:
        """Return whether a search range leaves out a significant fraction of the displacements.

        Parameters
        ----------
        search_range
            Maximum displacement in one frame interval, > 0.
        """
        beyond = 1.0 - float(self.share_within(search_range))
        if not (beyond > MAX_CLIPPED and beyond * self.n_steps > MIN_CLIPPED):
            return False
        edges, candidates, background = self.histogram
        longest = max(
            self.quantile(QUANTILE), edges[np.searchsorted(edges, search_range) :][:2].max(initial=0.0)
        )
        inside = (edges[:-1] >= search_range) & (edges[:-1] < longest)
        excess = float((candidates - background)[inside].sum())
        return excess > SIGNIFICANT * float(np.sqrt((candidates + background)[inside].sum()))

    def search_range(self) -> float:
        """Return the search range: beyond nearly all displacements, and limited by the distance to neighbours."""
        if not np.isfinite(self.neighbour_distance):
            return max(self.extent, 1e-9)
        near = max(self.neighbour_distance, 1e-9)
        distance = MARGIN * self.quantile(QUANTILE) if self.weight.size else near
        return float(np.clip(distance, MIN_RANGE * near, MAX_RANGE * near))


def estimate_steps(points: Detections, dims: int, power: int) -> StepDistribution:
    """Estimate the distribution of displacements from all pairs of detections in consecutive frames.

    The histogram of distances from each detection to all those of the next frame is the sum of true displacements and
    of distances to other particles. The latter has the same distribution as the distances between detections of one
    frame, which is measured. The difference is fitted by a mixture of Gaussians (Poisson likelihood, EM with the
    measured background; the number of Gaussians by BIC), so that no assignment and no search range affects it.

    Parameters
    ----------
    points
        Detections in canonical order.
    dims
        Number of coordinates.
    power
        Power of the time between two frames with which the squared displacement grows: 0, 1 or 2.

    Returns
    -------
    StepDistribution
        Distribution of the displacement in one frame interval.
    """
    frames = _sampled_frames(points.frame_ptr)
    to_next, within, nearest = _distances(points, frames, dims, power)
    near, extent = float(nearest.mean()) if nearest.size else float("inf"), _extent(points.position[:, :dims])
    largest = min(HISTOGRAM_RANGE * near, extent) if np.isfinite(near) else extent
    nothing = np.zeros(0)
    unknown = StepDistribution(nothing, nothing, dims, near, 0.0, extent, (nothing, nothing, nothing))
    if not (frames.size and largest > 0):
        return unknown
    edges = np.concatenate([[0.0], np.geomspace(largest / BIN_RATIO, largest, N_BINS)])
    candidates = _count(to_next, edges)
    background = _smoothed(_count(within, edges), edges**dims)
    fits = [_fit(edges, candidates, background, np.array(scales) * largest, dims) for scales in FIRST_SCALES]
    _, number, variance = max(fits, key=lambda fit: fit[0])
    total = float(number.sum())
    if total < ENOUGH_STEPS:
        return unknown
    histogram = (edges, candidates, background)
    return StepDistribution(number / total, variance, dims, near, total, extent, histogram)


def _sampled_frames(frame_ptr: Ints) -> Ints:
    """Return frames, evenly spaced, in which as in the next frame there are detections."""
    count = np.diff(frame_ptr)
    usable = np.flatnonzero((count[:-1] > 0) & (count[1:] > 0))
    if not usable.size:
        return usable
    n_frames = min(MAX_FRAMES, max(10, int(np.ceil(ENOUGH_POINTS / count[usable].mean()))), usable.size)
    return np.asarray(usable[np.unique(np.linspace(0, usable.size - 1, n_frames).astype(np.int64))])


def _distances(points: Detections, frames: Ints, dims: int, power: int) -> tuple[Floats, Floats, Floats]:
    """Return the distances of detections to those of the next frame, to those of their own, and to the nearest of them.

    The first two are scaled to one frame interval. In large frames only every n-th detection is a centre.
    """
    count = np.diff(points.frame_ptr)
    n_pairs = float((count[frames] * (count[frames] + count[frames + 1])).sum())
    stride = max(1, int(np.ceil(n_pairs / ENOUGH_PAIRS)))
    to_next, within, nearest = [np.zeros(0)], [np.zeros(0)], [np.zeros(0)]
    for f in frames.tolist():
        begin, centre, end = points.frame_ptr[f : f + 3]
        places = points.position[begin:end, :dims]
        n_here, chosen = int(centre - begin), np.arange(0, int(centre - begin), stride)
        squared = sum((axis[chosen, None] - axis[None]) ** 2 for axis in places.T)
        distance = np.sqrt(squared)
        scale = max(points.latest[f + 1] - points.latest[f], 1e-9) ** (-0.5 * power)
        to_next.append(scale * distance[:, n_here:].ravel())
        distance[np.arange(chosen.size), chosen] = np.inf
        within.append(scale * distance[:, :n_here].ravel())
        if n_here > 1:
            nearest.append(distance[:, :n_here].min(axis=1))
    return np.concatenate(to_next), np.concatenate(within), np.concatenate(nearest)


def _count(distance: Floats, edges: Floats) -> Floats:
    """Count distances in bins; the edges after the first grow by a constant factor."""
    inside = np.maximum(distance[distance < edges[-1]], 0.5 * edges[1])
    number = np.ceil(np.log(inside / edges[1]) / np.log(edges[2] / edges[1])).astype(np.int64)
    return np.bincount(np.clip(number, 0, edges.size - 2), minlength=edges.size - 1).astype(np.float64)


def _extent(position: Floats) -> float:
    """Return the diagonal of the bounding box of points."""
    return float(np.hypot.reduce(np.ptp(position, axis=0)))


def _smoothed(count: Floats, volume_to_edge: Floats) -> Floats:
    """Average the density of counts over neighbouring bins where there are few."""
    kernel = np.ones(2 * SMOOTHING + 1)
    volume = np.diff(volume_to_edge)
    density = np.convolve(count, kernel, "same") / np.convolve(volume, kernel, "same")
    weight = count / (count + FEW_COUNTS)
    return np.asarray(weight * count + (1.0 - weight) * density * volume)


def _share_within(radius: Floats, variance: Floats, dims: int) -> Floats:
    """Return the probability that a Gaussian displacement is at most as long as a radius."""
    if dims == 2:
        return np.asarray(-np.expm1(-0.5 * radius**2 / variance))
    from scipy.special import gammainc

    return np.asarray(gammainc(0.5 * dims, 0.5 * radius**2 / variance))


def _fit(
    edges: Floats, candidates: Floats, background: Floats, scales: Floats, dims: int
) -> tuple[float, Floats, Floats]:
    """Fit a mixture of Gaussians above a background by EM; return BIC / -2, and number and variance of each."""
    variance = scales**2 / dims
    excess = max(float((candidates - background).sum()), 1.0)
    number = np.full(variance.size, excess / variance.size)
    floor = background + 0.1
    # Mean squared distance in a bin, for the M step.
    squared = (edges[1:] ** 3 - edges[:-1] ** 3) / (3.0 * np.diff(edges))
    smallest, widest = edges[1] ** 2 / (4 * dims), (edges[-1] / 4.0) ** 2 / dims
    for _ in range(EM_ITERATIONS):
        share = np.diff(_share_within(edges[:, None], variance, dims), axis=0)
        expected = floor + share @ number
        responsibility = (candidates / expected)[:, None] * share * number
        number = responsibility.sum(axis=0)
        mean_squared = (squared @ responsibility) / np.maximum(number, 1e-12)
        variance = np.clip(mean_squared / dims, smallest, widest)
    expected = floor + np.diff(_share_within(edges[:, None], variance, dims), axis=0) @ number
    log_likelihood = float((candidates * np.log(expected) - expected).sum())
    # The background is itself a count: differences of the log likelihood are twice as large as they should be.
    return 0.5 * log_likelihood - variance.size * np.log(candidates.size), number, variance
