"""Kernels of the motion model: how likely a step is, and what a link costs."""

# mypy: disable-error-code="untyped-decorator"
from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from playNano.algorithms._assignment_kernels import Floats, Indices, Ints
from playNano.algorithms._linking_kernels import Detections

LEAST_GROWTH = 0.05
FEATURE_OUTLIERS = 0.02
# exp(-x) from a table and a cubic: relative error under 1e-9, four times as fast as the library's.
TABLE_STEPS = 64
TABLE_END = 40.0
EXP_TABLE = np.exp(-np.arange(int(TABLE_END) * TABLE_STEPS + 1) / TABLE_STEPS)


@njit(cache=True, nogil=True, inline="always")
def decay(x: float) -> float:
    """Return exp(-x) for x >= 0; 0 from TABLE_END on."""
    if not x < TABLE_END:
        return 0.0
    k = int(x * TABLE_STEPS)
    r = x - k * (1.0 / TABLE_STEPS)
    return float(EXP_TABLE[k] * (1.0 - r * (1.0 - r * (0.5 - r * (1.0 / 6.0 - r * (1.0 / 24.0))))))


class Motion(NamedTuple):
    """How far a particle goes in one frame interval.

    The step is drawn from one of K Gaussians (share `weight`, `variance` per coordinate); after a gap of g
    intervals the variance is 1 + growth * (g - 1) times as large; the Gaussian of a particle stays the same
    from step to step with the probability `persistence`. `pull` (4, 2) tells how the step follows what is
    known of the track's past and future, `spread` (4,) how the variance changes with it; both go by what is
    known: nothing, past, future, both. `carry` is 1 where past and future are velocities, 0 where they are
    offsets.
    """

    weight: Floats
    variance: Floats
    growth: Floats
    pull: Floats
    spread: Floats
    persistence: float
    carry: int
    dims: int


class Context(NamedTuple):
    """What the track on either side tells of a detection's next and last step.

    forward (N, K): probability of each Gaussian for the step that leaves a detection, from the steps before
    it. backward (N, K): likelihood of the steps after it under each Gaussian. past, future (N, D): velocity
    or offset. known_past, known_future (N,): 1 where there is any.
    """

    forward: Floats
    backward: Floats
    past: Floats
    future: Floats
    known_past: Indices
    known_future: Indices


class Features(NamedTuple):
    """Feature values of each detection, (N, F), centred unless they are angles, and what they tell.

    prior_var (F,): variance over particles. noise_var (F,): of one measurement. weight (F,). period (F,):
    0, or the period of an angle.
    """

    value: Floats
    prior_var: Floats
    noise_var: Floats
    weight: Floats
    period: Floats


@njit(cache=True, nogil=True, inline="always")
def _residual(
    points: Detections, context: Context, motion: Motion, i: int, j: int
) -> tuple[float, float, int]:
    """Return the squared step that past and future do not explain, the gap, and what is known."""
    gap = points.clock[j] - points.clock[i]
    known = context.known_past[i] + 2 * context.known_future[j]
    lever = gap if motion.carry == 1 else 1.0
    squared = 0.0
    for d in range(points.position.shape[1]):
        step = points.position[j, d] - points.position[i, d]
        if known > 0:
            step -= lever * motion.pull[known, 0] * context.past[i, d]
            step -= lever * motion.pull[known, 1] * context.future[j, d]
        squared += step * step
    return squared, gap, known


@njit(cache=True, nogil=True, inline="always")
def _growth(motion: Motion, k: int, gap: float) -> float:
    return float(max(1.0 + motion.growth[k] * (gap - 1.0), LEAST_GROWTH))


@njit(cache=True, nogil=True)
def link_terms(
    points: Detections, rows: Ints, previous: Indices, context: Context, motion: Motion, terms: Floats
) -> None:
    """Write each link's likelihood under each Gaussian, up to a factor, into terms[target].

    `rows`, here and below, are the detections to deal with, in order, with all others of their tracks.
    """
    n_parts = motion.weight.size
    sharp, height = np.empty((4, n_parts)), np.empty((4, n_parts))
    odd_sharp, odd_height = np.empty(n_parts), np.empty(n_parts)
    for known in range(4):
        _gaussians(motion, 1.0, known, sharp[known], height[known])
    for j in rows:
        i = previous[j]
        if i < 0:
            continue
        squared, gap, known = _residual(points, context, motion, i, j)
        inverse, peak = sharp[known], height[known]
        if gap != 1.0:
            _gaussians(motion, gap, known, odd_sharp, odd_height)
            inverse, peak = odd_sharp, odd_height
        least = inverse[0]
        for k in range(n_parts):
            least = min(least, inverse[k])
        for k in range(n_parts):
            terms[j, k] = peak[k] * decay(squared * (inverse[k] - least))


@njit(cache=True, nogil=True)
def spread_context(
    rows: Ints, previous: Indices, following: Indices, terms: Floats, context: Context, motion: Motion
) -> None:
    """Carry what the steps tell of the Gaussian along every track, forward and backward."""
    forward, backward, weight = context.forward, context.backward, motion.weight
    keep = motion.persistence
    for j in rows:
        i = previous[j]
        total = 0.0
        if i >= 0:
            for k in range(weight.size):
                total += forward[i, k] * terms[j, k]
        for k in range(weight.size):
            forward[j, k] = weight[k]
            if total > 0.0:
                forward[j, k] = keep * forward[i, k] * terms[j, k] / total + (1.0 - keep) * weight[k]
    for i in rows[::-1]:
        j = following[i]
        total = 0.0
        if j >= 0:
            for k in range(weight.size):
                total += weight[k] * backward[j, k] * terms[j, k]
        for k in range(weight.size):
            backward[i, k] = 1.0
            if total > 0.0:
                backward[i, k] = keep * backward[j, k] * terms[j, k] / total + (1.0 - keep)


@njit(cache=True, nogil=True)
def motion_sums(
    points: Detections,
    rows: Ints,
    previous: Indices,
    trust: Floats,
    terms: Floats,
    context: Context,
    motion: Motion,
    sums: Floats,
) -> None:
    """Add up what the next estimate of the motion needs, over all links, each weighing trust[target].

    Rows of sums: 0 share, 1 squared step over growth, 2 and 3 share and squared step of gaps about one, 4
    and 5 of gaps about two, 6 and 7 (four entries) links and squared step over variance by what is known, 8
    (two entries) steps after a step and those that kept their Gaussian.
    """
    part = np.empty(motion.weight.size)
    for j in rows:
        i = previous[j]
        if i < 0:
            continue
        squared, gap, known = _residual(points, context, motion, i, j)
        total = 0.0
        fresh = 0.0
        for k in range(part.size):
            likely = terms[j, k] * context.backward[j, k]
            part[k] = context.forward[i, k] * likely
            total += part[k]
            fresh += motion.weight[k] * likely
        if not total > 0.0:
            continue
        squared /= motion.spread[known]
        for k in range(part.size):
            share = trust[j] * part[k] / total
            grown = squared / _growth(motion, k, gap)
            sums[0, k] += share
            sums[1, k] += share * grown
            if 0.5 < gap < 1.5:
                sums[2, k] += share
                sums[3, k] += share * squared
            elif gap < 2.5:
                sums[4, k] += share
                sums[5, k] += share * squared
            sums[7, known] += share * grown * motion.spread[known] / motion.variance[k]
        sums[6, known] += trust[j]
        if previous[i] >= 0:
            sums[8, 0] += trust[j]
            sums[8, 1] += trust[j] * (1.0 - (1.0 - motion.persistence) * fresh / total)


@njit(cache=True, nogil=True)
def feature_evidence(features: Features, i: int, j: int) -> float:
    """Return the log-likelihood ratio that two detections are one particle, by the features both have."""
    total = 0.0
    for f in range(features.weight.size):
        a, b = features.value[i, f], features.value[j, f]
        if not (np.isfinite(a) and np.isfinite(b)):
            continue
        prior, noise = features.prior_var[f], features.noise_var[f]
        if features.period[f] > 0.0:
            apart = abs(a - b) % features.period[f]
            apart = min(apart, features.period[f] - apart)
            ratio = (
                np.log(features.period[f]) - 0.25 * apart * apart / noise - 0.5 * np.log(4.0 * np.pi * noise)
            )
        else:
            # One particle: both values share its mean; two: each has its own.
            total_var = prior + noise
            rest = total_var - prior * prior / total_var
            miss = b - a * prior / total_var
            ratio = 0.5 * (b * b / total_var - miss * miss / rest + np.log(total_var / rest))
        total += features.weight[f] * np.log((1.0 - FEATURE_OUTLIERS) * np.exp(ratio) + FEATURE_OUTLIERS)
    return total


@njit(cache=True, nogil=True, inline="always")
def _unexplained(
    position: Floats, past: Floats, future: Floats, pull: Floats, i: int, j: int, known: int, lever: float
) -> float:
    """Return the squared step that past and future do not explain; as `_residual`, on bare arrays."""
    squared = 0.0
    for d in range(position.shape[1]):
        step = position[j, d] - position[i, d]
        if known > 0:
            step -= lever * (pull[known, 0] * past[i, d] + pull[known, 1] * future[j, d])
        squared += step * step
    return squared


@njit(cache=True, nogil=True)
def _gaussians(motion: Motion, gap: float, known: int, sharp: Floats, height: Floats) -> None:
    """Write 1 / (2 variance) and the height of each Gaussian at a gap."""
    for k in range(sharp.size):
        variance = motion.spread[known] * motion.variance[k] * _growth(motion, k, gap)
        sharp[k] = 0.5 / variance
        height[k] = (2.0 * np.pi * variance) ** (-0.5 * motion.dims)


@njit(cache=True, nogil=True)
def link_costs(
    points: Detections,
    context: Context,
    motion: Motion,
    features: Features,
    n_gaps: int,
    ptr: Ints,
    candidates: Indices,
    log_gap: Floats,
    log_jump: Floats,
    log_start: Floats,
    log_end: Floats,
    log_clutter: float,
    keep: float,
    first: int,
    last: int,
    lo: Ints,
    hi: Ints,
    out_cols: Indices,
    out_cost: Floats,
) -> None:
    """Write the costs below `keep` of links from the detections first .. last, and of calling them clutter.

    Row i's edges are put at lo[i] and on, clutter as an edge to itself; hi[i] tells where they end. Cost 0
    is an end and a new start: log_start and log_end by frame, log_gap and log_jump by gap.
    """
    # Arrays by their own names: taken out of their tuples in the loop they cost a count of references each.
    position, clock, frame_of = points.position, points.clock, points.frame_of
    backward, past, future, pull = context.backward, context.past, context.future, motion.pull
    known_past, known_future = context.known_past, context.known_future
    n_parts, n_features = motion.weight.size, features.weight.size
    # The last row is for gaps that are no whole number of frame intervals.
    sharp, height = np.empty((n_gaps + 1, 4, n_parts)), np.empty((n_gaps + 1, 4, n_parts))
    for g in range(n_gaps):
        for known in range(4):
            _gaussians(motion, g + 1.0, known, sharp[g, known], height[g, known])
    slack = np.exp(-keep - 10.0 * n_features)
    start, end, again, jump = np.exp(log_start), np.exp(log_end), np.exp(log_gap), np.exp(log_jump)
    mine = np.empty(n_parts)
    for i in range(first, last):
        frame = frame_of[i]
        at = lo[i]
        out_cols[at], out_cost[at] = i, log_start[frame] + log_end[frame] - log_clutter
        at += out_cost[at] < keep
        mine[:] = context.forward[i]
        for slot in range(i * n_gaps, (i + 1) * n_gaps):
            g = slot - i * n_gaps
            for e in range(ptr[slot], ptr[slot + 1]):
                j = candidates[e]
                gap = clock[j] - clock[i]
                known = known_past[i] + 2 * known_future[j]
                lever = gap if motion.carry == 1 else 1.0
                squared = _unexplained(position, past, future, pull, i, j, known, lever)
                row = g
                if abs(gap - g - 1.0) > 1e-9:
                    row = n_gaps
                    _gaussians(motion, gap, known, sharp[row, known], height[row, known])
                likely = jump[g]
                for k in range(n_parts):
                    fall = decay(squared * sharp[row, known, k])
                    likely += mine[k] * backward[j, k] * height[row, known, k] * fall
                unit = end[frame] * start[frame_of[j]] / again[g]
                if likely <= unit * slack:
                    continue
                cost = -np.log(likely / unit)
                if n_features > 0:
                    cost -= feature_evidence(features, i, j)
                out_cols[at], out_cost[at] = j, cost
                at += cost < keep
        hi[i] = at
