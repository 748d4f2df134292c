"""Kernels of the motion model: likelihoods of displacements, forward-backward algorithm and sums of the EM steps."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from playNano._jit import jit
from playNano.algorithms.linking._kernels.assignment import Floats, Indices, Ints
from playNano.algorithms.linking._kernels.grid import Detections

MIN_VARIANCE_RATIO = 0.05
FEATURE_OUTLIERS = 0.02
# exp(-x) from a table and a polynomial: relative error below 1e-9, four times as fast as that of the library.
TABLE_STEPS = 64
TABLE_END = 40.0
EXP_TABLE = np.exp(-np.arange(int(TABLE_END) * TABLE_STEPS + 1) / TABLE_STEPS)


class Motion(NamedTuple):
    """The motion model: the displacement in one frame interval, drawn from one of K Gaussians (a hidden Markov model).

    weight : (K,), weight of each Gaussian. variance : (K,), per coordinate. growth : (K,), after a gap of g intervals
    the variance is 1 + growth * (g - 1) times as large. coefficients : (4, 2), regression coefficients of the
    displacement on past and future of the track. variance_factor : (4,), the factor of the variance with them. The
    index of both is the known context: 0 nothing, 1 past, 2 future, 3 both. persistence : probability that a particle
    keeps its Gaussian from step to step. turning : (2, 2), heights and precisions of the likelihood ratio of a change
    from past to future velocity in one particle to one between two. directed : 1 where past and future are velocities,
    0 where they are offsets. dims : number of coordinates.
    """

    weight: Floats
    variance: Floats
    growth: Floats
    coefficients: Floats
    variance_factor: Floats
    persistence: float
    turning: Floats
    directed: int
    dims: int


class Context(NamedTuple):
    """Past and future of the track at each detection, and the HMM probabilities that they imply.

    forward : (N, K), probability of each Gaussian for the step that leaves a detection, given the steps before it.
    backward : (N, K), likelihood of the steps after it under each Gaussian. past, future : (N, D), velocity or
    offset. has_past, has_future : (N,), 1 where there is any.
    """

    forward: Floats
    backward: Floats
    past: Floats
    future: Floats
    has_past: Indices
    has_future: Indices


class Features(NamedTuple):
    """Feature values of each detection, (N, F), centred unless they are angles, and their distributions.

    prior_var : (F,), variance over particles. noise_var : (F,), variance of one measurement. weight : (F,).
    period : (F,), 0, or the period of an angle.
    """

    value: Floats
    prior_var: Floats
    noise_var: Floats
    weight: Floats
    period: Floats


class Tracks(NamedTuple):
    """Tracks as linked lists, and the detections of the tracks that are used.

    rows : (R,) int64, detections in order, with all others of their tracks. previous, following : (N,) int32, the
    detection before and after each one in its track, or -1.
    """

    rows: Ints
    previous: Indices
    following: Indices


class MotionSums(NamedTuple):
    """Expected sums over links, from which EM estimates the motion.

    weight, squared : (K,), responsibilities, and squared displacements over the growth of the gap. weight_1, squared_1
    and weight_2, squared_2 : (K,), the same for gaps of about one and two intervals, without the growth. known_weight,
    known_squared : (4,), links and squared displacements over the variance, by known context. steps : (2,), number of
    steps after another step, and of those among them that kept their Gaussian.
    """

    weight: Floats
    squared: Floats
    weight_1: Floats
    squared_1: Floats
    weight_2: Floats
    squared_2: Floats
    known_weight: Floats
    known_squared: Floats
    steps: Floats


@jit(inline="always")
def exp_minus(x: float) -> float:
    """Return exp(-x) for x >= 0, at least exp(-TABLE_END)."""
    x = x if x < TABLE_END else TABLE_END
    k = int(x * TABLE_STEPS)
    r = x - k * (1.0 / TABLE_STEPS)
    return float(EXP_TABLE[k] * (1.0 - r * (1.0 - r * (0.5 - r * (1.0 / 6.0 - r * (1.0 / 24.0))))))


@jit(inline="always")
def squared_residual(
    position: Floats,
    past: Floats,
    future: Floats,
    coefficients: Floats,
    i: int,
    j: int,
    known: int,
    scale: float,
) -> float:
    """Return the squared residual of the displacement from i to j after regression on past and future."""
    squared = 0.0
    for d in range(position.shape[1]):
        step = position[j, d] - position[i, d]
        step -= scale * (coefficients[known, 0] * past[i, d] + coefficients[known, 1] * future[j, d])
        squared += step * step
    return squared


@jit(inline="always")
def turning_ratio(motion: Motion, past: Floats, future: Floats, i: int, j: int) -> float:
    """Return the likelihood ratio of the change of velocity from the past of i to the future of j."""
    if motion.directed == 0:
        return 1.0
    squared, turning = 0.0, motion.turning
    for d in range(past.shape[1]):
        squared += (future[j, d] - past[i, d]) ** 2
    return float(
        turning[0, 0] * exp_minus(squared * turning[1, 0])
        + turning[0, 1] * exp_minus(squared * turning[1, 1])
    )


@jit
def _variance_ratio(growth: float, gap: float) -> float:
    """Return the variance of a displacement over a gap relative to that over one frame interval."""
    return float(max(1.0 + growth * (gap - 1.0), MIN_VARIANCE_RATIO))


@jit(inline="always")
def gaussians(motion: Motion, gap: float, known: int, precision: Floats, height: Floats) -> None:
    """Compute 1 / (2 variance) and the height of each Gaussian at a gap."""
    for k in range(precision.size):
        variance = motion.variance_factor[known] * motion.variance[k]
        precision[k] = 0.5 / (variance * _variance_ratio(motion.growth[k], gap))
        # Fast path for two dimensions, without a power.
        height[k] = (
            precision[k] / np.pi if motion.dims == 2 else (precision[k] / np.pi) ** (0.5 * motion.dims)
        )


@jit
def link_likelihoods(
    points: Detections, tracks: Tracks, context: Context, motion: Motion, likelihood: Floats
) -> None:
    """Compute the likelihood of each link under each Gaussian, up to a common factor, into likelihood[target]."""
    n_parts = motion.weight.size
    # The first row is for gaps of one frame interval, the second for all others.
    precision, height = np.empty((2, 4, n_parts)), np.empty((2, 4, n_parts))
    for known in range(4):
        gaussians(motion, 1.0, known, precision[0, known], height[0, known])
    position, time, past, future = points.position, points.time, context.past, context.future
    has_past, has_future = context.has_past, context.has_future
    coefficients, directed = motion.coefficients, motion.directed
    previous = tracks.previous
    for j in tracks.rows:
        i = previous[j]
        if i < 0:
            continue
        gap = time[j] - time[i]
        known = has_past[i] + 2 * has_future[j]
        scale = gap if directed == 1 else 1.0
        squared = squared_residual(position, past, future, coefficients, i, j, known, scale)
        row = 0
        if gap != 1.0:
            row = 1
            gaussians(motion, gap, known, precision[1, known], height[1, known])
        widest = precision[row, known, 0]
        for k in range(n_parts):
            widest = min(widest, precision[row, known, k])
        for k in range(n_parts):
            decay = exp_minus(squared * (precision[row, known, k] - widest))
            likelihood[j, k] = height[row, known, k] * decay


@jit
def forward_pass(
    tracks: Tracks, likelihood: Floats, weight: Floats, persistence: float, forward: Floats
) -> None:
    """Compute the forward probabilities of the Gaussians along each track (forward-backward algorithm).

    From step to step a particle keeps its Gaussian with the probability `persistence`, else it draws a new one.
    """
    previous = tracks.previous
    for j in tracks.rows:
        i = previous[j]
        total = 0.0
        if i >= 0:
            for k in range(weight.size):
                total += forward[i, k] * likelihood[j, k]
        for k in range(weight.size):
            forward[j, k] = weight[k]
            if total > 0.0:
                kept = persistence * forward[i, k] * likelihood[j, k] / total
                forward[j, k] = kept + (1.0 - persistence) * weight[k]


@jit
def backward_pass(
    tracks: Tracks, likelihood: Floats, weight: Floats, persistence: float, backward: Floats
) -> None:
    """Compute the scaled backward likelihoods of the Gaussians along each track (forward-backward algorithm)."""
    rows, following = tracks.rows, tracks.following
    for r in range(rows.size - 1, -1, -1):
        i = rows[r]
        j = following[i]
        total = 0.0
        if j >= 0:
            for k in range(weight.size):
                total += weight[k] * backward[j, k] * likelihood[j, k]
        for k in range(weight.size):
            backward[i, k] = 1.0
            if total > 0.0:
                kept = persistence * backward[j, k] * likelihood[j, k] / total
                backward[i, k] = kept + (1.0 - persistence)


@jit
def add_motion_sums(
    points: Detections,
    tracks: Tracks,
    link_weight: Floats,
    likelihood: Floats,
    context: Context,
    motion: Motion,
    sums: MotionSums,
) -> None:
    """Add the expectations over all links to the sums (E step of EM); link_weight (N,) is indexed by target."""
    position, time, past, future = points.position, points.time, context.past, context.future
    has_past, has_future = context.has_past, context.has_future
    forward, backward = context.forward, context.backward
    weight, variance, factor, growth = motion.weight, motion.variance, motion.variance_factor, motion.growth
    coefficients, directed = motion.coefficients, motion.directed
    sum_weight, sum_squared, weight_1, squared_1, weight_2, squared_2, known_weight, known_squared, steps = (
        sums
    )
    previous, change, precision = tracks.previous, 1.0 - motion.persistence, 1.0 / variance
    joint = np.empty(weight.size)
    for j in tracks.rows:
        i = previous[j]
        if i < 0:
            continue
        gap = time[j] - time[i]
        known = has_past[i] + 2 * has_future[j]
        scale = gap if directed == 1 else 1.0
        squared = squared_residual(position, past, future, coefficients, i, j, known, scale)
        total = 0.0
        redrawn = 0.0
        for k in range(joint.size):
            likely = likelihood[j, k] * backward[j, k]
            joint[k] = forward[i, k] * likely
            total += joint[k]
            redrawn += weight[k] * likely
        if not total > 0.0:
            continue
        squared /= factor[known]
        for k in range(joint.size):
            responsibility = joint[k] * (link_weight[j] / total)
            per_interval = squared if gap == 1.0 else squared / _variance_ratio(growth[k], gap)
            sum_weight[k] += responsibility
            sum_squared[k] += responsibility * per_interval
            if 0.5 < gap < 1.5:
                weight_1[k] += responsibility
                squared_1[k] += responsibility * squared
            elif gap < 2.5:
                weight_2[k] += responsibility
                squared_2[k] += responsibility * squared
            known_squared[known] += responsibility * per_interval * (factor[known] * precision[k])
        known_weight[known] += link_weight[j]
        if previous[i] >= 0:
            steps[0] += link_weight[j]
            steps[1] += link_weight[j] * (1.0 - change * redrawn / total)


@jit
def feature_log_ratio(features: Features, i: int, j: int) -> float:
    """Return the log likelihood ratio that two detections are the same particle, by the features known of both."""
    total = 0.0
    for f in range(features.weight.size):
        a, b = features.value[i, f], features.value[j, f]
        if not (np.isfinite(a) and np.isfinite(b)):
            continue
        prior, noise, period = features.prior_var[f], features.noise_var[f], features.period[f]
        if period > 0.0:
            apart = abs(a - b) % period
            apart = min(apart, period - apart)
            ratio = np.log(period) - 0.25 * apart * apart / noise - 0.5 * np.log(4.0 * np.pi * noise)
        else:
            # The same particle has one mean for both values; two particles have different means.
            total_var = prior + noise
            conditional_var = total_var - prior * prior / total_var
            residual = b - a * prior / total_var
            ratio = 0.5 * (
                b * b / total_var
                - residual * residual / conditional_var
                + np.log(total_var / conditional_var)
            )
        total += features.weight[f] * np.log((1.0 - FEATURE_OUTLIERS) * np.exp(ratio) + FEATURE_OUTLIERS)
    return total
