"""Kernel of the costs of candidate links: negative log likelihood ratios."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from playNano._jit import jit
from playNano.algorithms.linking._kernels.assignment import Edges, Floats, Ints
from playNano.algorithms.linking._kernels.grid import Detections, squared_distance
from playNano.algorithms.linking._kernels.motion_model import (
    Context,
    Features,
    Motion,
    exp_minus,
    feature_log_ratio,
    gaussians,
    squared_residual,
    turning_ratio,
)


class RateTerms(NamedTuple):
    """Terms of the likelihood ratio of a link that depend on the rates (not logarithms).

    redetection : (G,), probability of being detected again after 1, 2, ... frames. jump : (F, G), density of an outlier
    displacement from each frame over 1, 2, ... frames. birth_density : (N,), density of detections that begin a track,
    at each detection. death_probability : (N,), probability that a detection is the last of its track. clutter : (N,),
    density of false detections. max_cost : edges of this cost or more are left out.
    """

    redetection: Floats
    jump: Floats
    birth_density: Floats
    death_probability: Floats
    clutter: Floats
    max_cost: float


class CostModel(NamedTuple):
    """Model from which the cost of a link is computed."""

    context: Context
    motion: Motion
    features: Features
    rates: RateTerms


class Pruning(NamedTuple):
    """A solved assignment and the reduced cost above which its edges are left out; inf: none are.

    edge_of_row : (N,), the edge of each row or -1. price : (N,), dual price of each column.
    """

    edge_of_row: Ints
    price: Floats
    max_reduced_cost: float


@jit
def _gaussian_table(motion: Motion, n_gaps: int) -> tuple[Floats, Floats]:
    """Return 1 / (2 variance) and height of each Gaussian, (n_gaps + 1, 4, K), by gap and known context.

    The last row is workspace for gaps that are not an integer number of frame intervals.
    """
    precision = np.empty((n_gaps + 1, 4, motion.weight.size))
    height = np.empty(precision.shape)
    for g in range(n_gaps):
        for known in range(4):
            gaussians(motion, g + 1.0, known, precision[g, known], height[g, known])
    return precision, height


@jit
def link_costs(
    points: Detections, model: CostModel, pruning: Pruning, block: tuple[int, int], edges: Edges
) -> None:
    """Compute the costs of the edges of the detections block[0] .. block[1], in place.

    The cost of a link is the negative log of its likelihood ratio to a death and a birth, which cost 0. The edge from
    row r to column r has the cost of clutter. Edges that cost too much, or are pruned, are removed from the list.
    Positions are corrected for drift.
    """
    # Local names for the arrays: access through the tuple would count references in every iteration.
    position, time, frame_of = points.position, points.time, points.frame_of
    context, motion, features, rates = model
    forward, backward, past, future = context.forward, context.backward, context.past, context.future
    has_past, has_future, coefficients = context.has_past, context.has_future, motion.coefficients
    redetection, jump, birth_density, death_probability, clutter, max_cost = rates
    edge_of_row, price, max_reduced = pruning
    start, stop, cols, cost = edges
    n_gaps, n_features, directed = redetection.size, features.weight.size, motion.directed
    prunes = max_reduced < np.inf
    precision, height = _gaussian_table(motion, n_gaps)
    min_ratio = np.exp(-max_cost - 10.0 * n_features)
    weight = np.empty(forward.shape[1])
    at = 0
    for i in range(block[0], block[1]):
        first, end = start[i], stop[i]
        first += first < end and cols[first] == i
        # Every row keeps its clutter edge, so that edges are never written beyond those already read.
        at = first - 1 if i == block[0] else at
        dual = cost[edge_of_row[i]] - price[cols[edge_of_row[i]]] if edge_of_row[i] >= 0 else 0.0
        no_link = death_probability[i]
        weight[:] = forward[i]
        cols[at], cost[at] = i, np.log(birth_density[i] * no_link / clutter[i])
        start[i] = at if cost[at] < max_cost else at + 1
        at += 1
        for e in range(first, end):
            j = cols[e]
            if prunes and cost[e] - dual - price[j] > max_reduced:
                continue
            gap = time[j] - time[i]
            g = frame_of[j] - frame_of[i] - 1
            known = has_past[i] + 2 * has_future[j]
            squared = squared_distance(position, j, position, i)
            if known > 0:
                scale = gap if directed == 1 else 1.0
                squared = squared_residual(position, past, future, coefficients, i, j, known, scale)
            row = g
            if abs(gap - g - 1.0) > 1e-9:
                row = n_gaps
                gaussians(motion, gap, known, precision[row, known], height[row, known])
            density = 0.0
            for k in range(weight.size):
                share = weight[k] * backward[j, k]
                density += share * height[row, known, k] * exp_minus(squared * precision[row, known, k])
            density *= turning_ratio(motion, past, future, i, j) if known == 3 else 1.0
            ratio = (density + jump[frame_of[i], g]) * redetection[g] / (no_link * birth_density[j])
            if ratio <= min_ratio:
                continue
            value = -np.log(ratio)
            if n_features > 0:
                value -= feature_log_ratio(features, i, j)
            cols[at], cost[at] = j, value
            at += value < max_cost
        stop[i] = at
