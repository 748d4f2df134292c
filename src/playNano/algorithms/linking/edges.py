"""Candidate links of a whole movie: their costs, the best assignment, and how it compares with its rivals."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from playNano.algorithms._common.threads import blocks_of, in_threads
from playNano.algorithms.linking.detections import Floats, Ints, Reach, sort_into_cells
from playNano.algorithms.linking.motion_model import MotionModel
from playNano.algorithms.linking.rates import Rates
from playNano.algorithms.linking.settings import Settings

if TYPE_CHECKING:
    from playNano.algorithms.linking._kernels.assignment import Matching
    from playNano.algorithms.linking._kernels.cost import Odds
    from playNano.algorithms.linking._kernels.grid import Detections
    from playNano.algorithms.linking._kernels.motion_model import Motion

# Links that cost up to this much more than an end and a start still count as rivals of the chosen ones.
RIVAL_COST = 1.0
RIVAL_DEPTH = 3
RIVAL_CUT = 6.0
# Prices still move a little after the pass in which links are left out.
PRUNE_SURPLUS = 1.0
# Steps that the widest Gaussian makes less likely than exp(-10) are not looked for.
MOST_FALL = 10.0
# The model may turn out wider, and ends rarer, than the first guess by which candidates are chosen.
REACH_SURPLUS = 2.0


@dataclass(frozen=True)
class Edges:
    """The edges of the assignment: row i has the edges lo[i] .. hi[i].

    An edge leads to a later detection, or to the row's own: then the detection is called clutter.
    """

    lo: Ints
    hi: Ints
    cols: npt.NDArray[np.int32]
    cost: Floats


def first_edges(points: Detections, model: MotionModel, rates: Rates, settings: Settings) -> Edges:
    """Find the pairs of detections that a link may join, and work out what each costs."""
    from playNano.algorithms.linking._kernels.cost import first_costs
    from playNano.algorithms.linking._kernels.grid import bound_pairs

    n = points.frame_of.size
    reach = _useful_reach(model, rates, settings)
    grid = sort_into_cells(points, reach.max_distance)
    within = reach.max_distance**2, reach.power, reach.limit2
    odds = _odds(points, model, rates, settings)
    blocks = blocks_of(n)

    def bound(block: tuple[int, int]) -> int:
        return int(bound_pairs(points, grid, *block, reach.n_gaps, *within))

    # What is not written to takes no memory, so that the bound may be far too high.
    room = [
        bounded + last - first
        for bounded, (first, last) in zip(in_threads(bound, blocks), blocks, strict=True)
    ]
    begin = np.concatenate([[0], np.cumsum(room)])
    edges = Edges(
        np.empty(n, np.int64), np.empty(n, np.int64), np.empty(begin[-1], np.int32), np.empty(begin[-1])
    )

    def run(block: tuple[int, int, int]) -> None:
        first_costs(
            points,
            grid,
            model.context,
            model.motion,
            model.features,
            odds,
            *within,
            *block,
            edges.lo,
            edges.hi,
            edges.cols,
            edges.cost,
        )

    in_threads(run, [(*block, int(at)) for block, at in zip(blocks, begin[:-1], strict=True)])
    return edges


def _useful_reach(model: MotionModel, rates: Rates, settings: Settings) -> Reach:
    """Return the reach beyond which no link can pay, at most the caller's."""
    motion, n_gaps = model.motion, settings.n_gaps
    reach = Reach.over(settings.max_distance, n_gaps, settings.power)
    if motion.carry:
        return reach
    gap = np.arange(1, n_gaps + 1)
    variance = motion.variance.max() * motion.spread.max() * (1.0 + motion.growth.max() * (gap - 1.0))
    alone = rates.log_alone(n_gaps)
    gain = rates.log_gap(n_gaps) - 0.5 * motion.dims * np.log(2 * np.pi * variance) - alone
    gain += RIVAL_COST + REACH_SURPLUS + 3.0 * model.features.weight.sum()
    limit2 = 2.0 * variance * np.clip(gain, 4.0, MOST_FALL)
    limit2[np.isfinite(log_jumps(motion, rates, settings))] = np.inf
    widest = float(np.sqrt((limit2 / gap**settings.power).max()))
    return replace(reach, max_distance=min(settings.max_distance, widest), limit2=limit2)


def log_jumps(motion: Motion, rates: Rates, settings: Settings) -> Floats:
    """Return the log density of jumps by gap; -inf where an end and a new start are likelier.

    In a crowd a jump cannot be told from another particle; where there is room, a track goes on after one.
    """
    gap = np.arange(1.0, settings.n_gaps + 1.0)
    jump = rates.log_jump(np.asarray(settings.max_distance * gap ** (0.5 * settings.power)), motion.dims)
    pays = jump + rates.log_gap(settings.n_gaps) > rates.log_alone(settings.n_gaps)
    return np.where(pays, jump, -np.inf)


def _odds(points: Detections, model: MotionModel, rates: Rates, settings: Settings) -> Odds:
    from playNano.algorithms.linking._kernels.cost import Odds

    n_frames, n_gaps = points.frame_ptr.size - 1, settings.n_gaps
    return Odds(
        np.exp(rates.log_gap(n_gaps)),
        np.exp(log_jumps(model.motion, rates, settings)),
        np.exp(rates.log_start(n_frames, n_gaps)),
        np.exp(rates.log_end(n_frames, n_gaps)),
        math.exp(rates.log_clutter),
        RIVAL_COST,
    )


def price_again(
    points: Detections,
    model: MotionModel,
    rates: Rates,
    edges: Edges,
    state: Matching,
    settings: Settings,
    *,
    prune: bool,
) -> None:
    """Work out the cost of every edge anew, in place; with `prune`, but for those that matter no more.

    These are far from what the solved assignment would let pass; later passes change costs little.
    """
    from playNano.algorithms.linking._kernels.cost import later_costs

    odds = _odds(points, model, rates, settings)
    most = RIVAL_CUT / model.sharpness + PRUNE_SURPLUS if prune else np.inf

    def run(block: tuple[int, int]) -> None:
        later_costs(
            points,
            model.context,
            model.motion,
            model.features,
            odds,
            state.edge_of_row,
            state.price,
            most,
            *block,
            edges.lo,
            edges.hi,
            edges.cols,
            edges.cost,
        )

    in_threads(run, blocks_of(edges.lo.size))


def solve(edges: Edges) -> Matching:
    """Assign every row at least total cost; a row or a column may stay alone for nothing."""
    from playNano.algorithms.linking._kernels.assignment import assign_rows, new_matching

    n = edges.lo.size
    state = new_matching(n, n)
    rows = np.flatnonzero(edges.hi > edges.lo).astype(np.int64)
    assign_rows(rows, edges.lo, edges.hi, edges.cols, edges.cost, 0.0, state)
    return state


def chosen_links(edges: Edges, state: Matching) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.bool_]]:
    """Return the detection before each one, and which detections were called clutter."""
    from playNano.algorithms.linking._kernels.cost import read_links

    previous = np.empty(edges.lo.size, np.int32)
    false = np.zeros(edges.lo.size, np.int32)
    read_links(state.edge_of_row, edges.cols, previous, false)
    return previous, false > 0


def put_in_place(edges: Edges, previous: npt.NDArray[np.int32], state: Matching) -> None:
    """Replace the best links by given ones; those that are no candidate are left out."""
    from playNano.algorithms.linking._kernels.frames import turn_round

    count = edges.hi - edges.lo
    source = np.repeat(np.arange(count.size), count)
    at = np.arange(source.size) + np.repeat(edges.lo - np.cumsum(count) + count, count)
    target = edges.cols[at]
    free = (previous < 0) & (turn_round(previous) < 0)
    wanted = previous[target] == source
    wanted |= (target == source) & free[source] & (edges.cost[at] < 0)
    state.edge_of_row[:] = -1
    state.row_of_col[:] = -1
    state.price[:] = 0.0
    state.edge_of_row[source[wanted]] = at[wanted]
    state.row_of_col[target[wanted]] = source[wanted]


def weigh(
    edges: Edges, state: Matching, previous: npt.NDArray[np.int32], sharpness: float, *, optimal: bool
) -> tuple[Floats, float]:
    """Return each link's probability beside its rivals, and the total cost of the assignment.

    The edges are gone afterwards: their room serves to sort the rivals. `optimal` tells that no step away
    from the assignment gains anything, so that one that costs too much needs no second look.
    """
    from playNano.algorithms.linking._kernels.confidence import rival_weights, sort_rivals

    n = previous.size
    has = state.edge_of_row >= 0
    edge = state.edge_of_row[has]
    col_of_row, dual = np.full(n, -1, np.int32), np.zeros(n)
    col_of_row[has] = edges.cols[edge]
    dual[has] = edges.cost[edge] - state.price[edges.cols[edge]]
    total = float(edges.cost[edge].sum())
    cut = RIVAL_CUT / sharpness
    row_edges = edges.lo, edges.hi, edges.cols, edges.cost

    def sort(block: tuple[int, int]) -> None:
        sort_rivals(*row_edges, col_of_row, state.price, dual, cut if optimal else np.inf, *block)

    def run(block: tuple[int, int]) -> Floats:
        weights = np.zeros(n)
        holders = col_of_row, state.row_of_col, state.price, dual
        rival_weights(*row_edges, *holders, *block, RIVAL_DEPTH, cut, sharpness, weights)
        return weights

    in_threads(sort, blocks_of(n))
    rivals = np.sum(in_threads(run, blocks_of(n)), axis=0)
    held = np.zeros(n, np.bool_)
    held[col_of_row[has]] = True
    confidence = np.full(n, np.nan)
    linked = previous >= 0
    confidence[linked] = np.where(held[linked], 1.0 / (1.0 + rivals[previous[linked]]), 0.0)
    return confidence, total
