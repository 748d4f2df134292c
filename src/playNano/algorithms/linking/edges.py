"""Candidate links of a whole movie: costs, optimal assignment, and confidence relative to rival assignments."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from playNano.algorithms._common.threads import blocks_of, in_threads
from playNano.algorithms.linking.detections import Floats, Indices, SearchRange, build_grid
from playNano.algorithms.linking.local_rates import uniform_rates
from playNano.algorithms.linking.motion_model import MotionModel, successors
from playNano.algorithms.linking.rates import Rates
from playNano.algorithms.linking.settings import LinkingOptions

if TYPE_CHECKING:
    from playNano.algorithms.linking._kernels.assignment import Edges, Matching
    from playNano.algorithms.linking._kernels.cost import CostModel, Pruning
    from playNano.algorithms.linking._kernels.grid import Detections
    from playNano.algorithms.linking._kernels.motion_model import Motion

# Links that cost up to this much more than a death and a birth are considered as rivals of the chosen ones.
RIVAL_COST = 1.0
RIVAL_DEPTH = 3
RIVAL_CUT = 6.0
# Dual prices still change a little after the pass in which edges are pruned.
PRUNE_SURPLUS = 1.0
# Displacements with a likelihood below exp(-10) under the widest Gaussian are not candidates.
MAX_LOG_DECAY = 10.0
# Allows for a wider model and rarer deaths than those of the initial estimate by which candidates are selected.
RANGE_SURPLUS = 2.0


def candidate_edges(points: Detections, model: MotionModel, rates: Rates, options: LinkingOptions) -> Edges:
    """List the pairs of detections that a link may join, and compute their costs.

    Parameters
    ----------
    points
        The detections.
    model
        Motion model.
    rates
        Miss, birth, death and clutter rates.
    options
        Options, among them the search range.

    Returns
    -------
    Edges
        The graph of the assignment. Row i is the end of a track at detection i; an edge leads to a later detection,
        or to column i, which means that the detection is clutter.
    """
    from playNano.algorithms.linking._kernels.assignment import Edges
    from playNano.algorithms.linking._kernels.cost import Pruning
    from playNano.algorithms.linking._kernels.grid import count_candidates, list_candidates

    n = points.frame_of.size
    search = _useful_range(points, model, rates, options)
    grid, limits = build_grid(points, search.max_distance), search.limits()
    blocks = blocks_of(n)

    def bound(block: tuple[int, int]) -> int:
        return int(count_candidates(points, grid, limits, block))

    # The bound may be far too high: pages of memory that are never written are not allocated.
    size = [n_pairs + b - a for n_pairs, (a, b) in zip(in_threads(bound, blocks), blocks, strict=True)]
    begin = np.concatenate([[0], np.cumsum(size)])
    edges = Edges(
        np.empty(n, np.int64), np.empty(n, np.int64), np.empty(begin[-1], np.int32), np.empty(begin[-1])
    )

    def run(block: tuple[int, int, int]) -> None:
        first, last, at = block
        list_candidates(points, grid, limits, (first, last), at, edges)

    in_threads(run, [(a, b, int(at)) for (a, b), at in zip(blocks, begin[:-1], strict=True)])
    unsolved = Pruning(np.full(n, -1, np.int64), np.zeros(n), np.inf)
    _write_costs(points, _cost_model(points, model, rates, options), unsolved, edges)
    return edges


def _useful_range(
    points: Detections, model: MotionModel, rates: Rates, options: LinkingOptions
) -> SearchRange:
    """Return the search range beyond which the likelihood ratio of a link is negligible, at most the given one."""
    motion, n_gaps, power = model.motion, options.n_gaps, options.growth_power
    gap = gap_times(points, n_gaps)
    if motion.directed:
        return SearchRange(options.search_range, n_gaps, power, np.full(gap.shape, np.inf))
    growth = np.maximum(1.0 + motion.growth.max() * (gap - 1.0), 1.0)
    variance = motion.variance.max() * motion.variance_factor.max() * growth
    gain = rates.log_gap(n_gaps) - 0.5 * motion.dims * np.log(2 * np.pi * variance)
    gain = gain - rates.log_death_birth(n_gaps)
    gain += RIVAL_COST + RANGE_SURPLUS + 3.0 * model.features.weight.sum()
    cap = 2.0 * variance * np.clip(gain, 4.0, MAX_LOG_DECAY)
    cap[np.isfinite(log_jumps(points, motion, rates, options))] = np.inf
    widest = float(np.sqrt((cap / gap**power).max()))
    return SearchRange(min(options.search_range, widest), n_gaps, power, cap)


def gap_times(points: Detections, n_gaps: int) -> Floats:
    """Return the time from each frame to the 1, 2, ... frames after it, (n_frames, n_gaps), in frame intervals.

    For frames without detections, and beyond the end of the movie, it is the number of frames.

    Parameters
    ----------
    points
        The detections.
    n_gaps
        Number of frames that a link may span, >= 1.
    """
    n_frames = points.latest.size
    time = np.concatenate([points.latest, np.full(n_gaps, -np.inf)])
    gaps = np.tile(np.arange(1.0, n_gaps + 1.0), (n_frames, 1))
    for g in range(1, n_gaps + 1):
        later, earlier = time[g : g + n_frames], time[:n_frames]
        known = np.isfinite(later) & np.isfinite(earlier)
        gaps[known, g - 1] = later[known] - earlier[known]
    return gaps


def log_jumps(points: Detections, motion: Motion, rates: Rates, options: LinkingOptions) -> Floats:
    """Return the log density of outlier jumps by frame and gap; -inf where a death and a birth are more likely.

    At high density a jump cannot be distinguished from another particle; where particles are sparse, a track continues
    after a jump.

    Parameters
    ----------
    points
        The detections, for the times of the frames.
    motion
        Motion model, for the number of coordinates.
    rates
        Rates, with the outlier probability.
    options
        Options, with the search range.
    """
    gap = gap_times(points, options.n_gaps)
    search_range = np.asarray(options.search_range * gap ** (0.5 * options.growth_power))
    jump = rates.log_jump(search_range, motion.dims)
    pays = jump + rates.log_gap(options.n_gaps) > rates.log_death_birth(options.n_gaps)
    return np.where(pays, jump, -np.inf)


def _cost_model(points: Detections, model: MotionModel, rates: Rates, options: LinkingOptions) -> CostModel:
    """Return the model of the cost of a link in the form used by kernels."""
    from playNano.algorithms.linking._kernels.cost import CostModel, RateTerms

    n_frames, n_gaps = points.frame_ptr.size - 1, options.n_gaps
    local = uniform_rates(points.frame_of.size) if rates.local is None else rates.local
    death = np.exp(rates.log_death(n_frames, n_gaps))[points.frame_of]
    terms = RateTerms(
        redetection=np.exp(rates.log_gap(n_gaps)),
        jump=np.exp(log_jumps(points, model.motion, rates, options)),
        birth_density=np.exp(rates.log_birth(n_frames, n_gaps))[points.frame_of] * local.birth,
        death_probability=np.minimum(death * local.death, 1.0),
        clutter=math.exp(rates.log_clutter) * local.clutter,
        max_cost=RIVAL_COST,
    )
    return CostModel(model.context, model.motion, model.features, terms)


def _write_costs(points: Detections, cost_model: CostModel, pruning: Pruning, edges: Edges) -> None:
    """Compute the costs of all edges, in place."""
    from playNano.algorithms.linking._kernels.cost import link_costs

    def run(block: tuple[int, int]) -> None:
        link_costs(points, cost_model, pruning, block, edges)

    in_threads(run, blocks_of(edges.start.size))


def update_costs(
    points: Detections,
    model: MotionModel,
    rates: Rates,
    options: LinkingOptions,
    solved: tuple[Edges, Matching],
    *,
    prune: bool,
) -> None:
    """Recompute the cost of every edge with the current estimates, in place.

    Parameters
    ----------
    points
        The detections.
    model, rates
        The current estimates.
    options
        Options of linking.
    solved
        The edges, and the assignment that was optimal for their costs so far.
    prune
        Whether edges of a high reduced cost are left out: later passes change costs little.
    """
    from playNano.algorithms.linking._kernels.cost import Pruning

    edges, state = solved
    limit = RIVAL_CUT / model.inverse_temperature + PRUNE_SURPLUS if prune else np.inf
    pruning = Pruning(state.edge_of_row, state.price, limit)
    _write_costs(points, _cost_model(points, model, rates, options), pruning, edges)


def solve(edges: Edges) -> Matching:
    """Return the assignment of minimum total cost; rows and columns may stay unassigned at cost 0.

    Parameters
    ----------
    edges
        Edges with their costs.
    """
    from playNano.algorithms.linking._kernels.assignment import assign_rows, new_matching

    n = edges.start.size
    state = new_matching(n, n)
    assign_rows(np.flatnonzero(edges.stop > edges.start), edges, 0.0, state)
    return state


def chosen_links(edges: Edges, state: Matching) -> tuple[Indices, npt.NDArray[np.bool_]]:
    """Return the detection before each one, or -1, and whether each detection was classified as clutter.

    Parameters
    ----------
    edges
        Edges of the assignment.
    state
        The assignment.
    """
    row = np.flatnonzero(state.edge_of_row >= 0)
    target = edges.col[state.edge_of_row[row]]
    previous = np.full(edges.start.size, -1, np.int32)
    clutter = np.zeros(previous.size, np.bool_)
    linked = row != target
    previous[target[linked]] = row[linked]
    clutter[row[~linked]] = True
    return previous, clutter


def impose_links(edges: Edges, previous: Indices, state: Matching) -> None:
    """Replace the assignment by given links; links that are not candidates are left out.

    Parameters
    ----------
    edges
        Candidate links.
    previous
        Detection before each one, or -1, (N,).
    state
        The assignment, changed in place; the dual prices become 0.
    """
    count = edges.stop - edges.start
    source = np.repeat(np.arange(count.size), count)
    at = np.arange(source.size) + np.repeat(edges.start - np.cumsum(count) + count, count)
    target = edges.col[at]
    unlinked = (previous < 0) & (successors(previous) < 0)
    imposed = previous[target] == source
    imposed |= (target == source) & unlinked[source] & (edges.cost[at] < 0)
    state.edge_of_row[:] = -1
    state.row_of_col[:] = -1
    state.price[:] = 0.0
    state.edge_of_row[source[imposed]] = at[imposed]
    state.row_of_col[target[imposed]] = source[imposed]


def link_confidence(
    edges: Edges, state: Matching, previous: Indices, inverse_temperature: float, *, optimal: bool
) -> tuple[Floats, float]:
    """Return the confidence of each link, its probability against rival assignments, and the total cost.

    Parameters
    ----------
    edges
        Candidate links; their costs are overwritten.
    state
        The assignment.
    previous
        Detection before each one, or -1, (N,).
    inverse_temperature
        Factor of cost differences, 0 to 1; see `MotionModel.inverse_temperature`.
    optimal
        Whether the assignment is optimal: then no change lowers the cost, and edges of a high reduced cost need not
        be searched.

    Returns
    -------
    confidence : ndarray of float64, (N,)
        Of the link to each detection, 0 to 1; nan without one.
    cost : float
        Total cost of the assignment.
    """
    from playNano.algorithms.linking._kernels.confidence import (
        RivalSearch,
        Solution,
        rival_weights,
        sort_rivals,
    )

    n = previous.size
    assigned = state.edge_of_row >= 0
    edge = state.edge_of_row[assigned]
    col_of_row, dual = np.full(n, -1, np.int32), np.zeros(n)
    col_of_row[assigned] = edges.col[edge]
    dual[assigned] = edges.cost[edge] - state.price[edges.col[edge]]
    total = float(edges.cost[edge].sum())
    solution = Solution(col_of_row, state.row_of_col, state.price, dual)
    search = RivalSearch(RIVAL_DEPTH, RIVAL_CUT / inverse_temperature, inverse_temperature)

    def sort(block: tuple[int, int]) -> None:
        sort_rivals(edges, solution, search.max_extra if optimal else np.inf, block)

    def run(block: tuple[int, int]) -> Floats:
        weights = np.zeros(n)
        rival_weights(edges, solution, search, block, weights)
        return weights

    in_threads(sort, blocks_of(n))
    rivals = np.sum(in_threads(run, blocks_of(n)), axis=0)
    held = np.zeros(n, np.bool_)
    held[col_of_row[assigned]] = True
    confidence = np.full(n, np.nan)
    linked = previous >= 0
    confidence[linked] = np.where(held[linked], 1.0 / (1.0 + rivals[previous[linked]]), 0.0)
    return confidence, total
