"""Kernels that price candidate links: those within reach at first, those that still matter later."""

# mypy: disable-error-code="untyped-decorator"
from __future__ import annotations

from typing import NamedTuple

import numpy as np

from playNano._jit import jit
from playNano.algorithms.linking._kernels.assignment import Floats, Indices, Ints
from playNano.algorithms.linking._kernels.grid import (
    Detections,
    Grid,
    cells_within,
    squared_distance,
    squared_reach,
)
from playNano.algorithms.linking._kernels.motion_model import (
    Context,
    Features,
    Motion,
    decay,
    feature_evidence,
    gaussians,
    unexplained,
)


class Odds(NamedTuple):
    """What a link competes with, not in logarithms.

    again, jump (G,): probability of being detected again after a gap, and density of a jump. start, end (F,):
    density of starts and probability of an end, by frame. clutter: density of false detections. keep: cost
    from which on an edge is left out.
    """

    again: Floats
    jump: Floats
    start: Floats
    end: Floats
    clutter: float
    keep: float


@jit
def _gaussian_table(motion: Motion, n_gaps: int) -> tuple[Floats, Floats]:
    """Return 1 / (2 variance) and height of each Gaussian, by gap and what is known.

    The last row is for gaps that are no whole number of frame intervals.
    """
    sharp = np.empty((n_gaps + 1, 4, motion.weight.size))
    height = np.empty(sharp.shape)
    for g in range(n_gaps):
        for known in range(4):
            gaussians(motion, g + 1.0, known, sharp[g, known], height[g, known])
    return sharp, height


@jit(inline="always")
def _density(
    squared: float,
    mine: Floats,
    backward: Floats,
    j: int,
    sharp: Floats,
    height: Floats,
    form: int,
    known: int,
) -> float:
    """Return the density of a step: each Gaussian counts as the track on either side says."""
    density = 0.0
    for k in range(mine.size):
        density += mine[k] * backward[j, k] * height[form, known, k] * decay(squared * sharp[form, known, k])
    return density


@jit
def first_costs(
    points: Detections,
    grid: Grid,
    context: Context,
    motion: Motion,
    features: Features,
    odds: Odds,
    base2: float,
    power: int,
    limit2: Floats,
    first: int,
    last: int,
    at: int,
    lo: Ints,
    hi: Ints,
    cols: Indices,
    cost: Floats,
) -> None:
    """Write the edges of the detections first .. last, from `at` on: links within reach, and clutter.

    Row i has the edges lo[i] .. hi[i]; one to itself calls it clutter, and its place is kept where it costs
    too much. limit2 bounds the squared reach by gap. Cost 0 is an end and a new start.
    """
    # Arrays by their own names: taken out of their tuples in the loop they cost a count of references each.
    position, clock, frame_of, frame_ptr = points.position, points.clock, points.frame_of, points.frame_ptr
    latest, n_frames, n_gaps = points.latest, points.frame_ptr.size - 1, odds.again.size
    size, origin, shape, first_cell = grid.size, grid.origin, grid.shape, grid.first_cell
    cell_ptr, member, place = grid.cell_ptr, grid.member, grid.place
    forward, backward, past, future = context.forward, context.backward, context.past, context.future
    known_past, known_future, pull = context.known_past, context.known_future, motion.pull
    again, jump, start, end, keep = odds.again, odds.jump, odds.start, odds.end, odds.keep
    n_features, carry = features.weight.size, motion.carry
    sharp, height = _gaussian_table(motion, n_gaps)
    slack = np.exp(-keep - 10.0 * n_features)
    mine = np.empty(forward.shape[1])
    for i in range(first, last):
        alone = end[frame_of[i]]
        mine[:] = forward[i]
        cols[at], cost[at] = i, np.log(start[frame_of[i]] * alone / odds.clutter)
        lo[i] = at if cost[at] < keep else at + 1
        at += 1
        for g in range(n_gaps):
            f = frame_of[i] + g + 1
            if f >= n_frames or frame_ptr[f + 1] == frame_ptr[f]:
                continue
            reach2 = min(squared_reach(latest[f] - clock[i], base2, power), limit2[g])
            row_lo, row_hi, col_lo, col_hi = cells_within(
                size[f], origin, shape, f, position[i, 0], position[i, 1], np.sqrt(reach2)
            )
            per_unit = again[g] / (alone * start[f])
            for row in range(row_lo, row_hi + 1):
                cell = first_cell[f] + row * shape[f, 1]
                for m in range(cell_ptr[cell + col_lo], cell_ptr[cell + col_hi + 1]):
                    squared = squared_distance(place, m, position, i)
                    if squared > reach2:
                        continue
                    j = member[m]
                    gap = clock[j] - clock[i]
                    if clock[j] < latest[f] and squared > squared_reach(gap, base2, power):
                        continue
                    known = known_past[i] + 2 * known_future[j]
                    if known > 0:
                        lever = gap if carry == 1 else 1.0
                        squared = unexplained(position, past, future, pull, i, j, known, lever)
                    form = g
                    if abs(gap - g - 1.0) > 1e-9:
                        form = n_gaps
                        gaussians(motion, gap, known, sharp[form, known], height[form, known])
                    density = _density(squared, mine, backward, j, sharp, height, form, known)
                    ratio = (density + jump[g]) * per_unit
                    if ratio <= slack:
                        continue
                    value = -np.log(ratio)
                    if n_features > 0:
                        value -= feature_evidence(features, i, j)
                    cols[at], cost[at] = j, value
                    at += value < keep
        hi[i] = at


@jit
def later_costs(
    points: Detections,
    context: Context,
    motion: Motion,
    features: Features,
    odds: Odds,
    edge_of_row: Ints,
    price: Floats,
    most: float,
    first: int,
    last: int,
    lo: Ints,
    hi: Ints,
    cols: Indices,
    cost: Floats,
) -> None:
    """Price the edges of the detections first .. last anew, in place.

    Those that cost more than `most` above what the solved assignment would let pass are left out.
    """
    # The lines that price are those of first_costs: one function for both, which would be handed a dozen arrays
    # a pair, makes either half as slow again.
    position, clock, frame_of = points.position, points.clock, points.frame_of
    forward, backward, past, future = context.forward, context.backward, context.past, context.future
    known_past, known_future, pull = context.known_past, context.known_future, motion.pull
    again, jump, start, end, keep = odds.again, odds.jump, odds.start, odds.end, odds.keep
    n_gaps, n_features, carry = odds.again.size, features.weight.size, motion.carry
    sharp, height = _gaussian_table(motion, n_gaps)
    slack = np.exp(-keep - 10.0 * n_features)
    mine = np.empty(forward.shape[1])
    at = 0
    for i in range(first, last):
        begin, stop = lo[i], hi[i]
        begin += begin < stop and cols[begin] == i
        # Every row has a place for the edge to itself, so that rows never grow over what is still to be read.
        at = begin - 1 if i == first else at
        dual = cost[edge_of_row[i]] - price[cols[edge_of_row[i]]] if edge_of_row[i] >= 0 else 0.0
        alone = end[frame_of[i]]
        mine[:] = forward[i]
        cols[at], cost[at] = i, np.log(start[frame_of[i]] * alone / odds.clutter)
        lo[i] = at if cost[at] < keep else at + 1
        at += 1
        for e in range(begin, stop):
            j = cols[e]
            if cost[e] - dual - price[j] > most:
                continue
            gap = clock[j] - clock[i]
            g = frame_of[j] - frame_of[i] - 1
            known = known_past[i] + 2 * known_future[j]
            squared = squared_distance(position, j, position, i)
            if known > 0:
                lever = gap if carry == 1 else 1.0
                squared = unexplained(position, past, future, pull, i, j, known, lever)
            form = g
            if abs(gap - g - 1.0) > 1e-9:
                form = n_gaps
                gaussians(motion, gap, known, sharp[form, known], height[form, known])
            density = _density(squared, mine, backward, j, sharp, height, form, known)
            ratio = (density + jump[g]) * again[g] / (alone * start[frame_of[j]])
            if ratio <= slack:
                continue
            value = -np.log(ratio)
            if n_features > 0:
                value -= feature_evidence(features, i, j)
            cols[at], cost[at] = j, value
            at += value < keep
        hi[i] = at


@jit
def read_links(edge_of_row: Ints, cols: Indices, previous: Indices, false: Indices) -> None:
    """Write the detection before each one, or -1, and 1 where a detection was called clutter."""
    previous[:] = -1
    for i in range(edge_of_row.size):
        if edge_of_row[i] >= 0:
            j = cols[edge_of_row[i]]
            if j == i:
                false[i] = 1
            else:
                previous[j] = i
