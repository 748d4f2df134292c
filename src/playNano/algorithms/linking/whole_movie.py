"""Global linking: one assignment over a whole movie on likelihood ratios, with the model estimated from the movie."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from playNano.algorithms.linking.assignment import match_frames
from playNano.algorithms.linking.detections import Floats, Indices, SearchRange, SortedDetections
from playNano.algorithms.linking.drift import estimate_drift
from playNano.algorithms.linking.edges import (
    candidate_edges,
    chosen_links,
    impose_links,
    link_confidence,
    solve,
    update_costs,
)
from playNano.algorithms.linking.features import estimate_feature_noise
from playNano.algorithms.linking.motion_model import (
    MIN_STEP,
    MotionModel,
    empty_context,
    first_motion,
    fit_motion_em,
    subsample,
)
from playNano.algorithms.linking.rates import Rates, ball_volume, estimate_rates, first_rates
from playNano.algorithms.linking.settings import LinkingOptions

if TYPE_CHECKING:
    from playNano.algorithms.linking._kernels.grid import Detections
    from playNano.algorithms.linking._kernels.motion_model import Features

MAX_PASSES = 5
# Passes have converged when at most this fraction of the detections changes its link.
CONVERGED = 0.01
FIRST_EM_ITERATIONS = 5
EM_ITERATIONS = 2
# Squared steps of the first linking above this multiple of their 90 % quantile are outliers.
OUTLIER_FACTOR = 4.0
# An outlier gets a small weight where fewer particles than this are expected within its length: it may be a rare long
# step.
MAX_NEIGHBOURS = 0.6
RARE_MOVER_WEIGHT = 0.1
# Minimum gap: steps between lines scanned at nearly the same time would have too much weight.
MIN_GAP = 0.25
# Minimum number of links to estimate the model; with fewer, the movie is linked from frame to frame.
ENOUGH_LINKS = 30
# Initial estimate of the number of outlier links in the whole movie.
OUTLIER_LINKS = 0.1


@dataclass(frozen=True)
class Assignment:
    """Links of a whole movie, over detections in canonical order.

    Parameters
    ----------
    previous
        Detection before each one in its track, or -1, (N,).
    confidence
        Probability of the link to it, (N,); nan without one.
    clutter
        Whether each detection was classified as clutter, (N,).
    drift
        Offset of each observed frame, (n_frames, D).
    cost
        Total cost: minus the log likelihood ratio to detections without links.
    model, rates
        The estimates.
    """

    previous: Indices
    confidence: Floats
    clutter: npt.NDArray[np.bool_]
    drift: Floats
    cost: float
    model: MotionModel
    rates: Rates


def assign_movie(detections: SortedDetections, features: Features, options: LinkingOptions) -> Assignment:
    """Link a whole movie by alternating between estimating the model and solving the global assignment.

    Parameters
    ----------
    detections
        Detections in canonical order, at least one.
    features
        Values and scales of the feature costs; see `features.prepare_features`.
    options
        Options of linking.
    """
    points, drift, previous = _first_links(detections.points, options)
    n_links = np.count_nonzero(previous >= 0)
    if n_links < ENOUGH_LINKS and options.method == "global" and options.step is None:
        options = replace(options, method="frame")
        points, drift, previous = _first_links(detections.points, options)
        n_links = np.count_nonzero(previous >= 0)
    estimate_feature_noise(features, previous)
    squared = _squared_steps(points, previous)
    model = _first_model(points, squared, features, options, detections.dims)
    outlier = OUTLIER_LINKS / (ENOUGH_LINKS + n_links)
    rates = first_rates(points, previous, options, outlier, detections.dims)
    weight = _first_weights(previous, squared, rates.detected / rates.area, detections.dims)
    fit_motion_em(model, points, previous, weight, n_iterations=FIRST_EM_ITERATIONS)
    edges = candidate_edges(points, model, rates, options)
    state = solve(edges)
    last = previous
    for n_pass in range(MAX_PASSES):
        best, clutter = chosen_links(edges, state)
        if options.method == "global":
            previous = best
        converged = n_pass > 0 and np.count_nonzero(last != best) <= CONVERGED * best.size
        last = best
        if converged or n_pass == MAX_PASSES - 1:
            break
        rates = estimate_rates(rates, options, points, previous, clutter)
        fit_motion_em(model, points, previous, np.ones(previous.size), n_iterations=EM_ITERATIONS)
        update_costs(points, model, rates, options, (edges, state), prune=n_pass == 0)
        state = solve(edges)
    optimal = options.method == "global"
    if not optimal:
        impose_links(edges, previous, state)
    confidence, cost = link_confidence(edges, state, previous, model.inverse_temperature, optimal=optimal)
    return Assignment(previous, confidence, clutter, drift, cost, model, rates)


def _first_links(points: Detections, options: LinkingOptions) -> tuple[Detections, Floats, Indices]:
    """Link from frame to frame, correcting for drift if set; return corrected detections, drift and links."""
    drift = np.zeros((points.frame_ptr.size - 1, points.position.shape[1]))
    # The first linking needs no gap closing: it is part of the later passes.
    search = SearchRange(options.max_distance, 1, options.growth_power)
    previous = match_frames(points, search)
    if options.drift == "global":
        drift = estimate_drift(points, previous)
        moved = points._replace(position=points.position - drift[points.frame_of])
        previous = match_frames(moved, search)
        drift += estimate_drift(moved, previous)
        points = points._replace(position=points.position - drift[points.frame_of])
    if options.method == "frame":
        previous = match_frames(points, replace(search, n_gaps=options.n_gaps))
    return points, drift, previous


def _squared_steps(points: Detections, previous: Indices) -> Floats:
    """Return the squared displacement per frame interval of every link, in the order of their targets."""
    target = np.flatnonzero(previous >= 0)
    source = previous[target]
    step = points.position[target] - points.position[source]
    squared = np.einsum("nd,nd->n", step, step)
    return np.asarray(squared / np.maximum(points.time[target] - points.time[source], MIN_GAP))


def _first_model(
    points: Detections, squared_steps: Floats, features: Features, options: LinkingOptions, dims: int
) -> MotionModel:
    """Return the motion model with its initial estimate."""
    min_variance = (MIN_STEP * options.max_distance) ** 2 / dims
    motion = first_motion(options.motion, squared_steps, dims, min_variance, options.step)
    context = empty_context(points.frame_of.size, points.position.shape[1], motion.weight.size)
    return MotionModel(
        options.motion, motion, context, features, min_variance, fixed=options.step is not None
    )


def _first_weights(previous: Indices, squared_steps: Floats, density: float, dims: int) -> Floats:
    """Return the weight of the link to each detection in the first linking, 0 for outliers.

    A wide search range includes wrong links. A step that is short compared with the distance between particles is
    kept in any case.
    """
    weight = np.zeros(previous.size)
    if squared_steps.size:
        inlier = squared_steps <= OUTLIER_FACTOR * np.quantile(subsample(squared_steps), 0.9)
        sparse = density * ball_volume(np.sqrt(squared_steps), dims) < MAX_NEIGHBOURS
        weight[previous >= 0] = np.where(inlier, 1.0, RARE_MOVER_WEIGHT * sparse)
    return weight


def describe_model(model: MotionModel, rates: Rates, options: LinkingOptions) -> dict[str, Any]:
    """Return the estimated parameters as numbers; lengths are in the unit of the positions.

    Parameters
    ----------
    model
        Motion model.
    rates
        Miss, birth, death and clutter rates.
    options
        Options of linking.
    """
    motion = model.motion
    squared = motion.dims * motion.variance
    return {
        "motion": model.name,
        "step_rms": float(np.sqrt((motion.weight * squared).sum())),
        "step_shares": motion.weight.tolist(),
        "step_rms_of_share": np.sqrt(squared).tolist(),
        "gap_growth": motion.growth.tolist(),
        "persistence": float(motion.persistence),
        "r_squared": model.r_squared,
        "coefficient_past": float(motion.coefficients[3, 0]),
        "coefficient_future": float(motion.coefficients[3, 1]),
        "miss_rate": rates.miss if options.n_gaps > 1 else None,
        "end_rate": rates.death,
        "start_rate": rates.birth,
        "false_per_frame": rates.clutter,
        "true_per_frame": rates.detected,
        "area": rates.area,
    }
