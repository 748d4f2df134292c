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
from playNano.algorithms.linking.exchanges import exchange_weights
from playNano.algorithms.linking.features import estimate_feature_noise
from playNano.algorithms.linking.motion_model import (
    MIN_STEP,
    MotionModel,
    empty_context,
    first_motion,
    fit_motion_em,
    state_information,
    subsample,
)
from playNano.algorithms.linking.rates import Rates, ball_volume, estimate_rates, first_rates, gap_counts
from playNano.algorithms.linking.search_range import StepDistribution, estimate_steps
from playNano.algorithms.linking.settings import DEFAULT_SCALE, GROWTH_POWER, LinkingOptions
from playNano.algorithms.linking.track_evidence import track_log_ratio, without_false_tracks
from playNano.algorithms.linking.velocity_correlation import VelocityCorrelation, velocity_correlation

if TYPE_CHECKING:
    from playNano.algorithms.linking._kernels.assignment import Edges, Matching
    from playNano.algorithms.linking._kernels.grid import Detections
    from playNano.algorithms.linking._kernels.motion_model import Features

MAX_PASSES = 5
# Passes have converged when at most this fraction of the detections changes its link.
CONVERGED = 0.01
FIRST_EM_ITERATIONS = 5
EM_ITERATIONS = 2
# Squared steps of the first linking above this multiple of their 90 % quantile are outliers.
OUTLIER_FACTOR = 4.0
# Minimum gap: steps between lines scanned at nearly the same time would have too much weight.
MIN_GAP = 0.25
# Minimum number of links to estimate the model, with a given and with an estimated search range; with fewer, the movie
# is linked from frame to frame.
ENOUGH_LINKS = 30
FEW_LINKS = 10
# Gap closing where it is estimated: the first value, the largest, and the value for movies with few links. Links over
# more missed frames may be this fraction of all links.
FIRST_MISSING = 4
MAX_MISSING = 16
FEW_MISSING = 1
RARE_GAPS = 0.0005
# Limit of the log likelihood ratio of clutter to a track.
MAX_LOSS = 50.0
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
        Total cost: minus the log likelihood ratio to detections without links, before tracks that are more likely
        clutter are left out.
    model, rates
        The estimates.
    options
        The options in effect, with search range and gap closing.
    steps
        Distribution of the displacement, not clipped by the search range.
    evidence
        Correlation of successive displacements, by which the motion was decided; None where it was given.
    """

    previous: Indices
    confidence: Floats
    clutter: npt.NDArray[np.bool_]
    drift: Floats
    cost: float
    model: MotionModel
    rates: Rates
    options: LinkingOptions
    steps: StepDistribution
    evidence: VelocityCorrelation | None = None


def assign_movie(detections: SortedDetections, features: Features, options: LinkingOptions) -> Assignment:
    """Link a whole movie by alternating between estimating the model and solving the global assignment.

    Parameters
    ----------
    detections
        Detections in canonical order, at least one.
    features
        Values and scales of the feature costs; see `features.prepare_features`.
    options
        Options of linking; search range and gap closing are estimated where they are None, the motion where it is
        "auto".
    """
    if options.motion != "auto":
        return _assign_with_motion(detections, features, options)
    solved = _assign_with_motion(detections, features, replace(options, motion="brownian"))
    if solved.options.method == "frame" or options.step is not None:
        return solved
    points = detections.points
    points = points._replace(position=points.position - solved.drift[points.frame_of])
    evidence = velocity_correlation(points, solved.previous)
    if evidence.motion != "brownian":
        solved = _assign_with_motion(detections, features, replace(options, motion=evidence.motion))
    return replace(solved, evidence=evidence)


def _assign_with_motion(
    detections: SortedDetections, features: Features, options: LinkingOptions
) -> Assignment:
    """Link a whole movie with a given model of motion."""
    steps = estimate_steps(
        detections.points, detections.dims, GROWTH_POWER[DEFAULT_SCALE[options.fitted_motion]]
    )
    enough = FEW_LINKS if options.max_distance is None else ENOUGH_LINKS
    if options.max_distance is None:
        options = replace(options, max_distance=steps.search_range())
    points, drift, previous = _first_links(detections.points, options)
    if np.count_nonzero(previous >= 0) < enough and options.method == "global" and options.step is None:
        missing = FEW_MISSING if options.max_missing is None else options.max_missing
        options = replace(options, method="frame", max_missing=missing)
        points, drift, previous = _first_links(detections.points, options)
    features = features._replace(prior_var=features.prior_var.copy(), noise_var=features.noise_var.copy())
    estimate_feature_noise(features, previous)
    start = _Start(points, detections.dims, features, drift, steps)
    solved = _assign_from(start, previous, options)
    if options.motion != "directed" or options.method == "frame":
        return solved
    # From links by distance alone, particles that meet stay exchanged: a second start predicts positions by velocity.
    search = SearchRange(solved.options.search_range, solved.options.n_gaps, solved.options.growth_power)
    previous = match_frames(points, search, np.zeros(points.position.shape))
    predicted = _assign_from(start, previous, solved.options)
    return min(solved, predicted, key=lambda assignment: _absolute_cost(points, assignment))


@dataclass(frozen=True)
class _Start:
    """What all first guesses share: detections corrected for drift, features, drift and distribution of steps."""

    points: Detections
    dims: int
    features: Features
    drift: Floats
    steps: StepDistribution


def _assign_from(start: _Start, previous: Indices, options: LinkingOptions) -> Assignment:
    """Alternate between estimating the model and solving the assignment, from a first guess of the links."""
    points, dims = start.points, start.dims
    n_links = np.count_nonzero(previous >= 0)
    squared = _squared_steps(points, previous)
    model = _first_model(points, squared, start.features, options, dims)
    outlier = OUTLIER_LINKS / (ENOUGH_LINKS + n_links)
    rates = first_rates(points, previous, options, outlier, dims)
    weight = _first_weights(previous, squared, rates.detected / rates.area, dims)
    fit_motion_em(model, points, previous, weight, n_iterations=FIRST_EM_ITERATIONS)
    if options.max_missing is None:
        options, edges, state = _close_gaps(points, model, rates, options)
        if options.method == "frame":
            search = SearchRange(options.search_range, options.n_gaps, options.growth_power)
            previous = match_frames(points, search)
    else:
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
    solution = edges, state, previous, clutter
    return _with_confidence(start, solution, model, rates, options)


def _with_confidence(
    start: _Start,
    solution: tuple[Edges, Matching, Indices, npt.NDArray[np.bool_]],
    model: MotionModel,
    rates: Rates,
    options: LinkingOptions,
) -> Assignment:
    """Return an assignment with the confidence of its links, without the tracks that are more likely clutter."""
    points, dims = start.points, start.dims
    edges, state, previous, clutter = solution
    model.state_information = state_information(model, previous)
    optimal = options.method == "global"
    if not optimal:
        impose_links(edges, previous, state)
    confidence, cost = link_confidence(edges, state, previous, model.inverse_temperature, optimal=optimal)
    if model.name == "directed":
        confidence = np.minimum(confidence, 1.0 / (1.0 + exchange_weights(points, previous, dims)))
    if model.name == "brownian" and not model.features.weight.size:
        track, log_ratio = track_log_ratio(points, previous, model, rates, options)
        confidence = np.minimum(confidence, 1.0 / (1.0 + np.exp(-np.maximum(log_ratio, -MAX_LOSS))[track]))
        if optimal:
            previous, clutter = without_false_tracks(previous, clutter, track, log_ratio)
            confidence[previous < 0] = np.nan
    return Assignment(previous, confidence, clutter, start.drift, cost, model, rates, options, start.steps)


def _close_gaps(
    points: Detections, model: MotionModel, rates: Rates, options: LinkingOptions
) -> tuple[LinkingOptions, Edges, Matching]:
    """Estimate `max_missing` from the gaps of a first assignment; return options, edges and assignment with it."""
    missing, longest = FIRST_MISSING, min(MAX_MISSING, max(points.frame_ptr.size - 3, 0))
    while True:
        missing = min(missing, longest)
        options = replace(options, max_missing=missing)
        edges = candidate_edges(points, model, rates, options)
        state = solve(edges)
        count = gap_counts(points, chosen_links(edges, state)[0], options.n_gaps)
        # Number of links that miss more than 0, 1, ... frames.
        missing_more = count.sum() - np.cumsum(count)
        needed = int(np.argmax(missing_more <= RARE_GAPS * count.sum()))
        if needed < 0.7 * missing or missing == longest:
            break
        missing *= 2
    if needed == missing:
        return options, edges, state
    options = replace(options, max_missing=needed)
    edges = candidate_edges(points, model, rates, options)
    return options, edges, solve(edges)


def _absolute_cost(points: Detections, solved: Assignment) -> float:
    """Return minus the log likelihood of an assignment: the cost of links is relative to detections without links."""
    n_frames, n_gaps = points.frame_ptr.size - 1, solved.options.n_gaps
    alone = solved.rates.log_birth(n_frames, n_gaps) + solved.rates.log_death(n_frames, n_gaps)
    return solved.cost - float(alone[points.frame_of].sum())


def _first_links(points: Detections, options: LinkingOptions) -> tuple[Detections, Floats, Indices]:
    """Link from frame to frame, correcting for drift if set; return corrected detections, drift and links."""
    drift = np.zeros((points.frame_ptr.size - 1, points.position.shape[1]))
    # The first linking needs no gap closing: it is part of the later passes.
    search = SearchRange(options.search_range, 1, options.growth_power)
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
    min_variance = (MIN_STEP * options.search_range) ** 2 / dims
    motion = first_motion(options.fitted_motion, squared_steps, dims, min_variance, options.step)
    context = empty_context(points.frame_of.size, points.position.shape[1], motion.weight.size)
    return MotionModel(
        options.fitted_motion, motion, context, features, min_variance, fixed=options.step is not None
    )


def _first_weights(previous: Indices, squared_steps: Floats, density: float, dims: int) -> Floats:
    """Return the weight of the link to each detection in the first linking, 0 to 1.

    A wide search range includes wrong links. The weight of an outlier is the probability that no other particle is
    as near by chance, so that rare long steps count where particles are sparse.
    """
    weight = np.zeros(previous.size)
    if squared_steps.size:
        inlier = squared_steps <= OUTLIER_FACTOR * np.quantile(subsample(squared_steps), 0.9)
        alone = np.exp(-density * ball_volume(np.sqrt(squared_steps), dims))
        weight[previous >= 0] = np.where(inlier, 1.0, alone)
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
