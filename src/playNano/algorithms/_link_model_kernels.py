"""Kernels of the motion model: what a track's past and future tell about its next link, and what a link costs."""

# mypy: disable-error-code="untyped-decorator"
from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from playNano.algorithms._assignment_kernels import Floats, Indices, Ints
from playNano.algorithms._linking_kernels import Detections

LEAST_GROWTH = 0.05
FEATURE_OUTLIERS = 0.02


class Motion(NamedTuple):
    """How far a particle goes in one frame interval.

    The step is drawn from one of K Gaussians (share `weight`, `variance` per coordinate); after a gap of g
    intervals the variance is 1 + growth * (g - 1) times as large; the Gaussian of a particle stays the same from
    step to step with the probability `persistence`. `pull` (4, 2) tells how the step follows what is known of the
    track's past and future, `spread` (4,) how the variance changes with it; both go by what is known: nothing,
    past, future, both. `carry` is 1 where past and future are velocities, 0 where they are offsets.
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

    forward (N, K): probability of each Gaussian for the step that leaves a detection, from the steps before it.
    backward (N, K): likelihood of the steps after it under each Gaussian. past, future (N, D): velocity or offset.
    known_past, known_future (N,): 1 where there is any.
    """

    forward: Floats
    backward: Floats
    past: Floats
    future: Floats
    known_past: Indices
    known_future: Indices


class Features(NamedTuple):
    """Feature values as seen from the past and from the future of each detection.

    before, after (N, F): mean of the particle's value; before_var, after_var (N, F): its variance. prior_var (F,):
    variance over particles. noise_var (F,): of one measurement. weight (F,). period (F,): 0 or the period of an
    angle.
    """

    before: Floats
    before_var: Floats
    after: Floats
    after_var: Floats
    prior_var: Floats
    noise_var: Floats
    weight: Floats
    period: Floats


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
def _growth(motion: Motion, k: int, gap: float) -> float:
    growth: float = max(1.0 + motion.growth[k] * (gap - 1.0), LEAST_GROWTH)
    return growth


@njit(cache=True, nogil=True)
def link_terms(
    points: Detections, previous: Indices, context: Context, motion: Motion, terms: Floats
) -> None:
    """Write each link's likelihood under each Gaussian, up to a factor, into terms[target]."""
    for j in range(previous.size):
        i = previous[j]
        if i < 0:
            continue
        squared, gap, known = _residual(points, context, motion, i, j)
        top = -np.inf
        for k in range(motion.weight.size):
            variance = motion.spread[known] * motion.variance[k] * _growth(motion, k, gap)
            terms[j, k] = -0.5 * squared / variance - 0.5 * motion.dims * np.log(variance)
            top = max(top, terms[j, k])
        for k in range(motion.weight.size):
            terms[j, k] = np.exp(terms[j, k] - top)


@njit(cache=True, nogil=True)
def spread_context(
    previous: Indices, following: Indices, terms: Floats, context: Context, motion: Motion
) -> None:
    """Carry what the steps tell of the Gaussian along every track, forward and backward."""
    forward, backward, weight = context.forward, context.backward, motion.weight
    keep = motion.persistence
    for j in range(previous.size):
        i = previous[j]
        total = 0.0
        if i >= 0:
            for k in range(weight.size):
                total += forward[i, k] * terms[j, k]
        for k in range(weight.size):
            forward[j, k] = weight[k]
            if total > 0.0:
                forward[j, k] = keep * forward[i, k] * terms[j, k] / total + (1.0 - keep) * weight[k]
    for i in range(previous.size - 1, -1, -1):
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
    points: Detections, previous: Indices, terms: Floats, context: Context, motion: Motion, sums: Floats
) -> None:
    """Add up what the next estimate of the motion needs, over all links.

    Rows of sums: 0 share, 1 squared step over growth, 2 and 3 share and squared step of gaps about one, 4 and 5
    of gaps about two, 6 and 7 (four entries) links and squared step over variance by what is known, 8 (two
    entries) steps after a step and those that kept their Gaussian.
    """
    part = np.empty(motion.weight.size)
    for j in range(previous.size):
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
            share = part[k] / total
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
        sums[6, known] += 1.0
        if previous[i] >= 0:
            sums[8, 0] += 1.0
            sums[8, 1] += 1.0 - (1.0 - motion.persistence) * fresh / total


@njit(cache=True, nogil=True)
def velocity_context(
    points: Detections, previous: Indices, following: Indices, gain: float, context: Context
) -> None:
    """Write the mean velocity before and after each detection, the nearest step weighing most."""
    for j in range(previous.size):
        i = previous[j]
        context.known_past[j] = 1 if i >= 0 else 0
        for d in range(points.position.shape[1]):
            context.past[j, d] = 0.0
            if i >= 0:
                speed = (points.position[j, d] - points.position[i, d]) / (points.clock[j] - points.clock[i])
                old = context.past[i, d]
                context.past[j, d] = speed if context.known_past[i] == 0 else old + gain * (speed - old)
    for i in range(previous.size - 1, -1, -1):
        j = following[i]
        context.known_future[i] = 1 if j >= 0 else 0
        for d in range(points.position.shape[1]):
            context.future[i, d] = 0.0
            if j >= 0:
                speed = (points.position[j, d] - points.position[i, d]) / (points.clock[j] - points.clock[i])
                old = context.future[j, d]
                context.future[i, d] = speed if context.known_future[j] == 0 else old + gain * (speed - old)


@njit(cache=True, nogil=True)
def offset_context(
    points: Detections, previous: Indices, following: Indices, gain: float, context: Context
) -> None:
    """Write how far each detection lies from the mean place of its track before it, and after it."""
    n, dims = points.position.shape
    count = np.ones(n)
    mean = points.position.copy()
    for j in range(n):
        i = previous[j]
        context.known_past[j] = 1 if i >= 0 else 0
        for d in range(dims):
            if i >= 0:
                count[j] = count[i] + 1.0
                mean[j, d] = mean[i, d] + max(1.0 / count[j], gain) * (points.position[j, d] - mean[i, d])
            context.past[j, d] = mean[j, d] - points.position[j, d]
    for i in range(n - 1, -1, -1):
        j = following[i]
        context.known_future[i] = 1 if j >= 0 else 0
        count[i] = 1.0
        for d in range(dims):
            mean[i, d] = points.position[i, d]
            if j >= 0:
                count[i] = count[j] + 1.0
                mean[i, d] = mean[j, d] + max(1.0 / count[i], gain) * (points.position[i, d] - mean[j, d])
            context.future[i, d] = points.position[i, d] - mean[i, d]


@njit(cache=True, nogil=True)
def pull_sums(points: Detections, previous: Indices, context: Context, carry: int, sums: Floats) -> None:
    """Add up the normal equations of the step on past and future, by what is known, into sums (4, 6)."""
    for j in range(previous.size):
        i = previous[j]
        if i < 0:
            continue
        known = context.known_past[i] + 2 * context.known_future[j]
        gap = points.clock[j] - points.clock[i]
        scale = 1.0 / gap if carry == 1 else 1.0
        sums[known, 5] += 1.0
        for d in range(points.position.shape[1]):
            step = (points.position[j, d] - points.position[i, d]) * scale
            past, future = context.past[i, d], context.future[j, d]
            sums[known, 0] += past * past
            sums[known, 1] += past * future
            sums[known, 2] += future * future
            sums[known, 3] += past * step
            sums[known, 4] += future * step


@njit(cache=True, nogil=True)
def feature_context(
    values: Floats, previous: Indices, following: Indices, most: float, features: Features
) -> None:
    """Write the mean feature of each track up to, and from, each detection; values are centred."""
    n, n_features = values.shape
    count = np.ones(n)
    for direction in range(2):
        mean, var = features.before, features.before_var
        neighbour = previous
        if direction == 1:
            mean, var = features.after, features.after_var
            neighbour = following
        for step in range(n):
            j = step if direction == 0 else n - 1 - step
            i = neighbour[j]
            count[j] = min(count[i] + 1.0, most) if i >= 0 else 1.0
            for f in range(n_features):
                raw = values[j, f]
                if i >= 0 and features.period[f] == 0.0:
                    raw = mean_update(mean[i, f], raw, count[j], features.prior_var[f], features.noise_var[f])
                elif features.period[f] == 0.0:
                    raw *= features.prior_var[f] / (features.prior_var[f] + features.noise_var[f])
                mean[j, f] = raw
                var[j, f] = 1.0 / (1.0 / features.prior_var[f] + count[j] / features.noise_var[f])


@njit(cache=True, nogil=True)
def mean_update(old: float, value: float, count: float, prior_var: float, noise_var: float) -> float:
    """Return a particle's mean after one more measurement, `count` of which weigh in at most."""
    before = 1.0 / prior_var + (count - 1.0) / noise_var
    return (old * before + value / noise_var) / (before + 1.0 / noise_var)


@njit(cache=True, nogil=True)
def feature_evidence(features: Features, i: int, j: int) -> float:
    """Return the log-likelihood ratio that i's past and j's future are one particle, by their features."""
    total = 0.0
    for f in range(features.weight.size):
        a, b = features.before[i, f], features.after[j, f]
        if features.period[f] > 0.0:
            apart = abs(a - b) % features.period[f]
            apart = min(apart, features.period[f] - apart)
            var = 2.0 * features.noise_var[f]
            ratio = np.log(features.period[f]) - 0.5 * apart * apart / var - 0.5 * np.log(2.0 * np.pi * var)
        else:
            va, vb, prior = features.before_var[i, f], features.after_var[j, f], features.prior_var[f]
            precision = 1.0 / va + 1.0 / vb - 1.0 / prior
            mean = (a / va + b / vb) / precision
            ratio = 0.5 * (
                np.log(prior / (va * vb * precision)) + precision * mean * mean - a * a / va - b * b / vb
            )
        total += features.weight[f] * np.log((1.0 - FEATURE_OUTLIERS) * np.exp(ratio) + FEATURE_OUTLIERS)
    return total


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
    log_start: Floats,
    log_end: Floats,
    log_clutter: float,
    keep: float,
    out_ptr: Ints,
    out_cols: Indices,
    out_cost: Floats,
) -> None:
    """Write the costs of all links below `keep`, and of calling each detection clutter (an edge to itself).

    Cost 0 is an end and a new start: log_start and log_end by frame, log_gap by gap.
    """
    n_parts = motion.weight.size
    hopeless = keep + 10.0 * features.weight.size
    at = 0
    for i in range(points.frame_of.size):
        frame = points.frame_of[i]
        out_ptr[i] = at
        itself = log_start[frame] + log_end[frame] - log_clutter
        if itself < keep:
            out_cols[at] = i
            out_cost[at] = itself
            at += 1
        for g in range(n_gaps):
            for e in range(ptr[i * n_gaps + g], ptr[i * n_gaps + g + 1]):
                j = candidates[e]
                squared, gap, known = _residual(points, context, motion, i, j)
                likely = 0.0
                for k in range(n_parts):
                    variance = motion.spread[known] * motion.variance[k] * _growth(motion, k, gap)
                    share = context.forward[i, k] * context.backward[j, k]
                    norm = (2.0 * np.pi * variance) ** (0.5 * motion.dims)
                    likely += share * np.exp(-0.5 * squared / variance) / norm
                if not likely > 0.0:
                    continue
                cost = log_start[points.frame_of[j]] + log_end[frame] - np.log(likely) - log_gap[g]
                if cost >= hopeless:
                    continue
                cost -= feature_evidence(features, i, j)
                if cost < keep:
                    out_cols[at] = j
                    out_cost[at] = cost
                    at += 1
    out_ptr[points.frame_of.size] = at
