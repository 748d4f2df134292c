"""Candidate links of a whole movie: their costs, the best assignment, and how it compares with its rivals."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from playNano.algorithms.link_candidates import Floats, Ints, PairBlock, Reach, pair_source
from playNano.algorithms.link_model import MotionModel, Rates
from playNano.algorithms.link_settings import Settings
from playNano.algorithms.link_threads import blocks_of, in_threads

if TYPE_CHECKING:
    from playNano.algorithms._assignment_kernels import Matching
    from playNano.algorithms._link_model_kernels import Motion
    from playNano.algorithms._linking_kernels import Detections

# Links that cost up to this much more than an end and a start still count as rivals of the chosen ones.
RIVAL_COST = 1.0
RIVAL_DEPTH = 3
RIVAL_CUT = 6.0
PRUNE_SURPLUS = 1.0
# Steps that the widest Gaussian makes less likely than exp(-10) are not looked for.
MOST_FALL = 10.0
# The model may turn out wider, and ends rarer, than the first guess by which candidates are chosen.
REACH_SURPLUS = 2.0


@dataclass(frozen=True)
class Edges:
    """Candidate pairs, and the edges of the assignment: row i has the edges lo[i] .. hi[i].

    An edge leads to a later detection, or to the row's own: then the detection is called clutter.
    """

    pairs: PairBlock
    lo: Ints
    hi: Ints
    cols: npt.NDArray[np.int32]
    cost: Floats


def with_room(pairs: PairBlock, n_gaps: int) -> Edges:
    """Make room for the edges of all pairs, each row's in a place of its own."""
    n = pairs.last - pairs.first
    lo = pairs.ptr[:-1:n_gaps] + np.arange(n)
    room = pairs.cols.size + n
    return Edges(pairs, lo, lo.copy(), np.empty(room, np.int32), np.empty(room))


def candidates(points: Detections, model: MotionModel, rates: Rates, settings: Settings) -> Edges:
    """Find the pairs of detections that a link may join."""
    pairs = pair_source(points, _useful_reach(model, rates, settings)).all_pairs()
    return with_room(pairs, settings.n_gaps)


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


def price(points: Detections, model: MotionModel, rates: Rates, edges: Edges, settings: Settings) -> None:
    """Work out the cost of every candidate, and keep as edges those that may matter."""
    from playNano.algorithms._link_model_kernels import link_costs

    n_frames, n_gaps = points.frame_ptr.size - 1, settings.n_gaps
    log_gap = rates.log_gap(n_gaps)
    log_start, log_end = rates.log_start(n_frames, n_gaps), rates.log_end(n_frames, n_gaps)
    log_jump = log_jumps(model.motion, rates, settings)

    def run(block: tuple[int, int]) -> None:
        link_costs(
            points,
            model.context,
            model.motion,
            model.features,
            n_gaps,
            edges.pairs.ptr,
            edges.pairs.cols,
            log_gap,
            log_jump,
            log_start,
            log_end,
            rates.log_clutter,
            RIVAL_COST,
            block[0],
            block[1],
            edges.lo,
            edges.hi,
            edges.cols,
            edges.cost,
        )

    in_threads(run, blocks_of(edges.lo.size))


def solve(edges: Edges) -> Matching:
    """Assign every row at least total cost; a row or a column may stay alone for nothing."""
    from playNano.algorithms._assignment_kernels import assign_rows, new_matching

    n = edges.lo.size
    state = new_matching(n, n)
    rows = np.flatnonzero(edges.hi > edges.lo).astype(np.int64)
    assign_rows(rows, edges.lo, edges.hi, edges.cols, edges.cost, 0.0, state)
    return state


def prune(edges: Edges, state: Matching, points: Detections, n_gaps: int, sharpness: float) -> Edges:
    """Leave out candidates that the solution is far from using; later passes change costs little.

    The room of the old edges is used again: they are gone.
    """
    from playNano.algorithms._link_context_kernels import prune_pairs

    pairs = edges.pairs
    prune_pairs(
        points.frame_of,
        n_gaps,
        edges.lo,
        edges.hi,
        edges.cols,
        edges.cost,
        _duals(edges, state),
        state.price,
        RIVAL_CUT / sharpness + PRUNE_SURPLUS,
        pairs.ptr,
        pairs.cols,
    )
    pairs = replace(pairs, cols=pairs.cols[: pairs.ptr[-1]])
    lo = pairs.ptr[:-1:n_gaps] + np.arange(edges.lo.size)
    return Edges(pairs, lo, lo.copy(), edges.cols, edges.cost)


def _duals(edges: Edges, state: Matching) -> Floats:
    """Return what each row pays in the solved assignment."""
    dual = np.zeros(state.edge_of_row.size)
    has = state.edge_of_row >= 0
    edge = state.edge_of_row[has]
    dual[has] = edges.cost[edge] - state.price[edges.cols[edge]]
    return dual


def chosen_links(edges: Edges, state: Matching) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.bool_]]:
    """Return the detection before each one, and which detections were called clutter."""
    n = edges.lo.size
    previous = np.full(n, -1, np.int32)
    false = np.zeros(n, np.bool_)
    source = np.flatnonzero(state.edge_of_row >= 0)
    target = edges.cols[state.edge_of_row[source]]
    itself = source == target
    previous[target[~itself]] = source[~itself]
    false[target[itself]] = True
    return previous, false


def put_in_place(edges: Edges, previous: npt.NDArray[np.int32], state: Matching) -> None:
    """Replace the best links by given ones; those that are no candidate are left out."""
    count = edges.hi - edges.lo
    source = np.repeat(np.arange(count.size), count)
    at = np.arange(source.size) + np.repeat(edges.lo - np.cumsum(count) + count, count)
    target = edges.cols[at]
    free = previous < 0
    free[previous[previous >= 0]] = False
    wanted = previous[target] == source
    wanted |= (target == source) & free[source] & (edges.cost[at] < 0)
    state.edge_of_row[:] = -1
    state.row_of_col[:] = -1
    state.price[:] = 0.0
    state.edge_of_row[source[wanted]] = at[wanted]
    state.row_of_col[target[wanted]] = source[wanted]


def weigh(
    edges: Edges, state: Matching, previous: npt.NDArray[np.int32], sharpness: float
) -> tuple[Floats, float]:
    """Return each link's probability beside its rivals, and the total cost of the assignment."""
    from playNano.algorithms._link_confidence_kernels import rival_weights

    dual = _duals(edges, state)

    def run(block: tuple[int, int]) -> Floats:
        weights = np.zeros(previous.size)
        rival_weights(
            edges.lo,
            edges.hi,
            edges.cols,
            edges.cost,
            state.edge_of_row,
            state.row_of_col,
            state.price,
            dual,
            block[0],
            block[1],
            RIVAL_DEPTH,
            RIVAL_CUT / sharpness,
            sharpness,
            weights,
        )
        return weights

    rivals = np.sum(in_threads(run, blocks_of(previous.size)), axis=0)
    held = np.zeros(previous.size, np.bool_)
    edge = state.edge_of_row[state.edge_of_row >= 0]
    held[edges.cols[edge]] = True
    confidence = np.full(previous.size, np.nan)
    linked = previous >= 0
    confidence[linked] = np.where(held[linked], 1.0 / (1.0 + rivals[previous[linked]]), 0.0)
    return confidence, float(edges.cost[edge].sum())
