"""Kernels of the motion model: how likely a step is, and what a link costs."""

# mypy: disable-error-code="untyped-decorator"
from __future__ import annotations

from typing import NamedTuple

import numpy as np

from playNano._jit import jit
from playNano.algorithms.linking._kernels.assignment import Floats, Indices, Ints
from playNano.algorithms.linking._kernels.grid import Detections

LEAST_GROWTH = 0.05
FEATURE_OUTLIERS = 0.02
# exp(-x) from a table and a cubic: relative error under 1e-9, four times as fast as the library's.
TABLE_STEPS = 64
TABLE_END = 40.0
EXP_TABLE = np.exp(-np.arange(int(TABLE_END) * TABLE_STEPS + 1) / TABLE_STEPS)


@jit(inline="always")
def decay(x: float) -> float:
    """Return exp(-x) for x >= 0, but never less than exp(-TABLE_END)."""
    x = x if x < TABLE_END else TABLE_END
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


@jit(inline="always")
def unexplained(
    position: Floats, past: Floats, future: Floats, pull: Floats, i: int, j: int, known: int, lever: float
) -> float:
    """Return the squared step that past and future do not explain."""
    squared = 0.0
    for d in range(position.shape[1]):
        step = position[j, d] - position[i, d]
        step -= lever * (pull[known, 0] * past[i, d] + pull[known, 1] * future[j, d])
        squared += step * step
    return squared


@jit
def _grown(growth: float, gap: float) -> float:
    """Return how much wider a step is over a gap."""
    return float(max(1.0 + growth * (gap - 1.0), LEAST_GROWTH))


@jit
def link_terms(
    points: Detections, rows: Ints, previous: Indices, context: Context, motion: Motion, terms: Floats
) -> None:
    """Write each link's likelihood under each Gaussian, up to a factor, into terms[target].

    `rows`, here and below, are the detections to deal with, in order, with all others of their tracks.
    """
    n_parts = motion.weight.size
    # The first row is for gaps of one frame interval, the second for all others.
    sharp, height = np.empty((2, 4, n_parts)), np.empty((2, 4, n_parts))
    for known in range(4):
        gaussians(motion, 1.0, known, sharp[0, known], height[0, known])
    position, clock, past, future = points.position, points.clock, context.past, context.future
    known_past, known_future, pull, carry = (
        context.known_past,
        context.known_future,
        motion.pull,
        motion.carry,
    )
    for j in rows:
        i = previous[j]
        if i < 0:
            continue
        gap = clock[j] - clock[i]
        known = known_past[i] + 2 * known_future[j]
        squared = unexplained(position, past, future, pull, i, j, known, gap if carry == 1 else 1.0)
        form = 0
        if gap != 1.0:
            form = 1
            gaussians(motion, gap, known, sharp[1, known], height[1, known])
        least = sharp[form, known, 0]
        for k in range(n_parts):
            least = min(least, sharp[form, known, k])
        for k in range(n_parts):
            terms[j, k] = height[form, known, k] * decay(squared * (sharp[form, known, k] - least))


@jit
def carry_forward(
    rows: Ints, previous: Indices, terms: Floats, weight: Floats, persistence: float, forward: Floats
) -> None:
    """Carry what the steps tell of the Gaussian along every track, from its start to its end."""
    for j in rows:
        i = previous[j]
        total = 0.0
        if i >= 0:
            for k in range(weight.size):
                total += forward[i, k] * terms[j, k]
        for k in range(weight.size):
            forward[j, k] = weight[k]
            if total > 0.0:
                kept = persistence * forward[i, k] * terms[j, k] / total
                forward[j, k] = kept + (1.0 - persistence) * weight[k]


@jit
def carry_backward(
    rows: Ints, following: Indices, terms: Floats, weight: Floats, persistence: float, backward: Floats
) -> None:
    """Carry what the steps tell of the Gaussian along every track, from its end to its start."""
    for r in range(rows.size - 1, -1, -1):
        i = rows[r]
        j = following[i]
        total = 0.0
        if j >= 0:
            for k in range(weight.size):
                total += weight[k] * backward[j, k] * terms[j, k]
        for k in range(weight.size):
            backward[i, k] = 1.0
            if total > 0.0:
                backward[i, k] = persistence * backward[j, k] * terms[j, k] / total + (1.0 - persistence)


@jit
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
    position, clock, past, future = points.position, points.clock, context.past, context.future
    known_past, known_future, pull, carry = (
        context.known_past,
        context.known_future,
        motion.pull,
        motion.carry,
    )
    forward, backward = context.forward, context.backward
    weight, variance, spread, growth = motion.weight, motion.variance, motion.spread, motion.growth
    changed, sharp = 1.0 - motion.persistence, 1.0 / variance
    part = np.empty(weight.size)
    for j in rows:
        i = previous[j]
        if i < 0:
            continue
        gap = clock[j] - clock[i]
        known = known_past[i] + 2 * known_future[j]
        squared = unexplained(position, past, future, pull, i, j, known, gap if carry == 1 else 1.0)
        total = 0.0
        fresh = 0.0
        for k in range(part.size):
            likely = terms[j, k] * backward[j, k]
            part[k] = forward[i, k] * likely
            total += part[k]
            fresh += weight[k] * likely
        if not total > 0.0:
            continue
        squared /= spread[known]
        for k in range(part.size):
            share = part[k] * (trust[j] / total)
            grown = squared if gap == 1.0 else squared / _grown(growth[k], gap)
            sums[0, k] += share
            sums[1, k] += share * grown
            if 0.5 < gap < 1.5:
                sums[2, k] += share
                sums[3, k] += share * squared
            elif gap < 2.5:
                sums[4, k] += share
                sums[5, k] += share * squared
            sums[7, known] += share * grown * (spread[known] * sharp[k])
        sums[6, known] += trust[j]
        if previous[i] >= 0:
            sums[8, 0] += trust[j]
            sums[8, 1] += trust[j] * (1.0 - changed * fresh / total)


@jit
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


@jit(inline="always")
def gaussians(motion: Motion, gap: float, known: int, sharp: Floats, height: Floats) -> None:
    """Write 1 / (2 variance) and the height of each Gaussian at a gap."""
    for k in range(sharp.size):
        sharp[k] = 0.5 / (motion.spread[known] * motion.variance[k] * _grown(motion.growth[k], gap))
        # In a plane, as nearly always, the height needs no power.
        height[k] = sharp[k] / np.pi if motion.dims == 2 else (sharp[k] / np.pi) ** (0.5 * motion.dims)
