"""One assignment over a whole movie on likelihood costs, with the model estimated from the movie itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from playNano.algorithms.link_candidates import (
    Floats,
    Ints,
    PairBlock,
    Prepared,
    count_pairs,
    fill_pairs,
    make_grid,
)
from playNano.algorithms.link_drift import common_motion
from playNano.algorithms.link_model import (
    LEAST_STEP,
    Given,
    MotionModel,
    MotionName,
    Rates,
    empty_context,
    estimate_rates,
    first_motion,
    look_around,
)
from playNano.algorithms.link_solve import match_frames

if TYPE_CHECKING:
    from playNano.algorithms._assignment_kernels import Matching
    from playNano.algorithms._link_model_kernels import Features
    from playNano.algorithms._linking_kernels import Detections

PASSES = 4
FIRST_ROUNDS = 8
ROUNDS = 3
# Links that cost up to this much more than an end and a start still count as rivals of the chosen ones.
RIVAL_COST = 3.0
RIVAL_DEPTH = 3
RIVAL_CUT = 8.0


@dataclass(frozen=True)
class Settings:
    """What the caller asks of a whole-movie assignment; see `link_movie`."""

    max_distance: float
    n_gaps: int
    motion: MotionName
    power: int
    drift: bool
    by_frame: bool
    given: Given


@dataclass(frozen=True)
class Assignment:
    """Links of a whole movie, over detections in canonical order.

    `previous` is the detection before each one or -1, `confidence` that of the link to it (nan without one),
    `false` marks detections called clutter, `drift` (n_frames, D) the offset of each observed frame.
    """

    previous: npt.NDArray[np.int32]
    confidence: Floats
    false: npt.NDArray[np.bool_]
    drift: Floats
    cost: float
    model: MotionModel
    rates: Rates


@dataclass
class _Edges:
    """Candidate links, with room for the costs of those worth keeping."""

    pairs: PairBlock
    ptr: Ints
    cols: npt.NDArray[np.int32]
    cost: Floats


def assign_movie(found: Prepared, features: Features, values: Floats, settings: Settings) -> Assignment:
    """Link a whole movie: first guess, then passes of estimating the model and solving the assignment.

    Parameters
    ----------
    found
        Detections in canonical order, at least one.
    features
        Room and scales of the feature costs.
    values
        Feature values (N, F), centred.
    settings
        What is asked for.
    """
    reach, n_gaps = settings.max_distance, settings.n_gaps
    previous = match_frames(found.points, reach, n_gaps, settings.power)
    drift = np.zeros((found.points.frame_ptr.size - 1, found.points.position.shape[1]))
    points = found.points
    if settings.drift:
        points, drift, previous = _without_drift(found.points, previous, settings)
    model = _first_model(points, previous, features, values, settings, found.dims)
    rates = _first_rates(points, previous, settings, found.dims)
    look_around(model, points, previous, rounds=FIRST_ROUNDS)
    edges = _candidates(points, model, rates, settings)
    state = None
    for turn in range(PASSES):
        before = previous
        _price(points, model, rates, edges, settings, keep=0.0)
        state = _solve(edges)
        chosen, false = _chosen(edges, state)
        if not settings.by_frame:
            previous = chosen
        gaps = points.frame_of[previous >= 0] - points.frame_of[previous[previous >= 0]]
        rates = estimate_rates(
            rates, settings.given, gaps=gaps, single=false, previous=previous, points=points, n_gaps=n_gaps
        )
        if np.array_equal(before, previous) and turn > 0:
            break
        if turn < PASSES - 1:
            look_around(model, points, previous, rounds=ROUNDS)
    _price(points, model, rates, edges, settings, keep=RIVAL_COST)
    confidence, previous, false, cost = _confidence(edges, previous if settings.by_frame else None)
    return Assignment(previous, confidence, false, drift, cost, model, rates)


def _without_drift(
    points: Detections, previous: npt.NDArray[np.int32], settings: Settings
) -> tuple[Detections, Floats, npt.NDArray[np.int32]]:
    """Take the common motion out, and once more after linking without it."""
    drift = np.zeros((points.frame_ptr.size - 1, points.position.shape[1]))
    still = points
    for _ in range(2):
        drift = drift + common_motion(still, previous)
        still = points._replace(position=points.position - drift[points.frame_of])
        previous = match_frames(still, settings.max_distance, settings.n_gaps, settings.power)
    return still, drift, previous


def _first_model(
    points: Detections,
    previous: npt.NDArray[np.int32],
    features: Features,
    values: Floats,
    settings: Settings,
    dims: int,
) -> MotionModel:
    target = np.flatnonzero(previous >= 0)
    source = previous[target]
    gap = np.maximum(points.clock[target] - points.clock[source], 0.25)
    squared = ((points.position[target] - points.position[source]) ** 2).sum(axis=1) / gap
    least = (LEAST_STEP * settings.max_distance) ** 2 / dims
    motion = first_motion(settings.motion, squared, dims, least, settings.given.step)
    context = empty_context(previous.size, points.position.shape[1], motion.weight.size)
    return MotionModel(
        settings.motion, motion, context, features, values, least, fixed=settings.given.step is not None
    )


def _first_rates(points: Detections, previous: npt.NDArray[np.int32], settings: Settings, dims: int) -> Rates:
    """Guess the rates: what the first linking left alone is taken for clutter."""
    n_frames = points.frame_ptr.size - 1
    alone = previous < 0
    alone[previous[previous >= 0]] = False
    extent = np.ptp(points.position[:, :dims], axis=0)
    area = float(np.prod(np.maximum(extent, settings.max_distance)))
    given = settings.given
    n_false = max(float(alone.sum()), 0.005 * previous.size)
    return Rates(
        miss=0.1 if given.miss is None else given.miss,
        end=0.01 if given.end is None else given.end,
        start=0.01 if given.start is None else given.start,
        clutter=n_false / n_frames if given.clutter is None else given.clutter,
        found=max(previous.size - n_false, 1.0) / n_frames,
        area=area,
    )


def _useful_reach(model: MotionModel, rates: Rates, settings: Settings) -> float:
    """Return the reach beyond which no link can pay, at most the caller's."""
    motion = model.motion
    if motion.carry:
        return settings.max_distance
    gap = np.arange(1, settings.n_gaps + 1)
    variance = motion.variance.max() * motion.spread.max() * (1.0 + motion.growth.max() * (gap - 1.0))
    alone = float(rates.log_start(100, settings.n_gaps)[50] + rates.log_end(100, settings.n_gaps)[50])
    surplus = RIVAL_COST + 3.0 + 3.0 * model.features.weight.sum()
    gain = (
        rates.log_gap(settings.n_gaps)[0] - 0.5 * motion.dims * np.log(2 * np.pi * variance) - alone + surplus
    )
    squared = 2.0 * variance * np.maximum(gain, 4.0) / gap**settings.power
    return float(min(settings.max_distance, 1.2 * np.sqrt(squared.max())))


def _candidates(points: Detections, model: MotionModel, rates: Rates, settings: Settings) -> _Edges:
    n = points.frame_of.size
    reach = _useful_reach(model, rates, settings)
    grid = make_grid(points, reach)
    counts = count_pairs(points, grid, settings.n_gaps, reach, settings.power)
    pairs = fill_pairs(
        points, grid, counts, (0, n), n_gaps=settings.n_gaps, max_distance=reach, power=settings.power
    )
    room = pairs.cols.size + n
    return _Edges(
        replace(pairs, squared=np.zeros(0)),
        np.zeros(n + 1, np.int64),
        np.empty(room, np.int32),
        np.empty(room),
    )


def _price(
    points: Detections, model: MotionModel, rates: Rates, edges: _Edges, settings: Settings, *, keep: float
) -> None:
    """Work out the cost of every candidate, and keep those that cost less than `keep`."""
    from playNano.algorithms._link_model_kernels import link_costs

    n_frames = points.frame_ptr.size - 1
    link_costs(
        points,
        model.context,
        model.motion,
        model.features,
        settings.n_gaps,
        edges.pairs.ptr,
        edges.pairs.cols,
        rates.log_gap(settings.n_gaps),
        rates.log_start(n_frames, settings.n_gaps),
        rates.log_end(n_frames, settings.n_gaps),
        rates.log_clutter,
        keep,
        edges.ptr,
        edges.cols,
        edges.cost,
    )


def _solve(edges: _Edges) -> Matching:
    from playNano.algorithms._assignment_kernels import assign_rows, new_matching

    n = edges.ptr.size - 1
    state = new_matching(n, n)
    rows = np.flatnonzero(np.diff(edges.ptr)).astype(np.int64)
    assign_rows(rows, edges.ptr[:-1], edges.ptr[1:], edges.cols, edges.cost, 0.0, state)
    return state


def _chosen(edges: _Edges, state: Matching) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.bool_]]:
    """Return the detection before each one, and which detections were called clutter."""
    n = edges.ptr.size - 1
    previous = np.full(n, -1, np.int32)
    false = np.zeros(n, np.bool_)
    source = np.flatnonzero(state.edge_of_row >= 0)
    target = edges.cols[state.edge_of_row[source]]
    itself = source == target
    previous[target[~itself]] = source[~itself]
    false[target[itself]] = True
    return previous, false


def _confidence(
    edges: _Edges, fixed: npt.NDArray[np.int32] | None
) -> tuple[Floats, npt.NDArray[np.int32], npt.NDArray[np.bool_], float]:
    """Solve once more with the rivals in view, and weigh each link against them."""
    from playNano.algorithms._link_confidence_kernels import rival_weights

    state = _solve(edges)
    if fixed is not None:
        state = _as_given(edges, fixed, state)
    previous, false = _chosen(edges, state)
    has = state.edge_of_row >= 0
    edge = state.edge_of_row[has]
    dual = np.zeros(state.edge_of_row.size)
    dual[has] = edges.cost[edge] - state.price[edges.cols[edge]]
    rivals = np.zeros(dual.size)
    rival_weights(
        edges.ptr,
        edges.cols,
        edges.cost,
        state.edge_of_row,
        state.row_of_col,
        state.price,
        dual,
        RIVAL_DEPTH,
        RIVAL_CUT,
        1.0,
        rivals,
    )
    confidence = np.full(previous.size, np.nan)
    linked = previous >= 0
    confidence[linked] = 1.0 / (1.0 + rivals[previous[linked]])
    if fixed is not None:
        confidence[fixed >= 0] = np.nan_to_num(confidence[fixed >= 0], nan=0.0)
        previous = fixed
    return confidence, previous, false, float(edges.cost[edge].sum())


def _as_given(edges: _Edges, fixed: npt.NDArray[np.int32], state: Matching) -> Matching:
    """Put given links in place of the best ones; those without a candidate are left out."""
    source = np.repeat(np.arange(edges.ptr.size - 1), np.diff(edges.ptr))
    target = edges.cols[: edges.ptr[-1]]
    free = fixed < 0
    free[fixed[~free]] = False
    wanted = np.flatnonzero(
        (fixed[target] == source) | ((target == source) & free[source] & (edges.cost[: edges.ptr[-1]] < 0))
    )
    state.edge_of_row[:] = -1
    state.row_of_col[:] = -1
    state.price[:] = 0.0
    state.edge_of_row[source[wanted]] = wanted
    state.row_of_col[target[wanted]] = source[wanted]
    return state


def describe(model: MotionModel, rates: Rates, settings: Settings) -> dict[str, Any]:
    """Report the estimated parameters in plain numbers; lengths in the unit of the positions."""
    motion = model.motion
    squared = motion.dims * motion.variance
    return {
        "motion": model.name,
        "step_rms": float(np.sqrt((motion.weight * squared).sum())),
        "step_shares": motion.weight.tolist(),
        "step_rms_of_share": np.sqrt(squared).tolist(),
        "gap_growth": motion.growth.tolist(),
        "persistence": float(motion.persistence),
        "pull_past": float(motion.pull[3, 0]),
        "pull_future": float(motion.pull[3, 1]),
        "miss_rate": rates.miss if settings.n_gaps > 1 else None,
        "end_rate": rates.end,
        "start_rate": rates.start,
        "false_per_frame": rates.clutter,
        "true_per_frame": rates.found,
        "area": rates.area,
    }
