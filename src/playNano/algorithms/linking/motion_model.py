"""Motion model of linking, a hidden Markov model estimated by expectation maximisation (EM) from the tracks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from playNano.algorithms._common.threads import blocks_of, in_threads
from playNano.algorithms.linking.detections import Floats, Indices, Ints
from playNano.algorithms.linking.regression import MIN_REGRESSION_LINKS, r_squared, regression_coefficients
from playNano.algorithms.linking.settings import FittedMotion
from playNano.algorithms.linking.turning import NO_TURNING, fit_turning

if TYPE_CHECKING:
    import numpy.typing as npt

    from playNano.algorithms.linking._kernels.grid import Detections
    from playNano.algorithms.linking._kernels.motion_model import (
        Context,
        Features,
        Motion,
        MotionSums,
        Tracks,
    )

Number = TypeVar("Number", bound=np.generic)

MIN_WEIGHT = 1e-3
MAX_PERSISTENCE = 0.995
FIRST_PERSISTENCE = 0.9
# Minimum weight of the latest step in the moving averages of velocity and of position.
VELOCITY_GAIN = 0.5
POSITION_GAIN = 0.4
# Correction for double counting: where past and future explain a step, the agreement of two steps of a track enters
# twice, as the past of the later one and the future of the earlier one. A part of what is explained is counted again
# when a link is compared with its rivals, less for directed motion, where exchanges of a detection between two tracks
# are rivals too (see `exchanges`); measured on gliding, turning and resting particles and on motors.
DOUBLE_COUNTING = {"directed": 0.25, "static": 0.6}
# The same for the Gaussian of a particle, which the steps before and after a link imply: where fast and slow particles
# exchange their tracks for some frames, each of both wrong links supports the other.
STATE_COUNTING = 0.25
# Past and future of a link depend on links that may be wrong together with it: the regression on the mean positions of
# static particles is shrunk by half.
STATIC_SHRINKAGE = 0.5
ENOUGH_DETECTIONS = 25_000
# Minimum number of rows for threads: for fewer, starting them takes longer than the work.
MANY_ROWS = 50_000
# Minimum rms step as a fraction of the search range, because positions may be rounded to pixels.
MIN_STEP = 0.005


@dataclass
class MotionModel:
    """Motion model with its current estimate, and the data needed to update it.

    Parameters
    ----------
    name
        "brownian", "directed" or "static".
    motion
        Weights, variances and so on; see `Motion`.
    context
        Past and future of each detection; see `Context`.
    features
        Features that enter the cost of links.
    min_variance
        Minimum variance of a Gaussian, squared unit of the positions.
    fixed
        Whether the step is given, so that the variance is not estimated.
    r_squared
        R squared of the regression of the displacement on past and future of its track, 0 to 1.
    state_information
        Variance of the log variance of a step that the steps before and after it explain, up to 1.
    """

    name: FittedMotion
    motion: Motion
    context: Context
    features: Features
    min_variance: float
    fixed: bool = False
    r_squared: float = 0.0
    state_information: float = 0.0

    @property
    def inverse_temperature(self) -> float:
        """Factor of cost differences when a link is compared with its rivals, which corrects for double counting."""
        if self.name == "brownian":
            return 1.0 - STATE_COUNTING * self.state_information
        return 1.0 - DOUBLE_COUNTING[self.name] * self.r_squared


def first_motion(
    name: FittedMotion, squared_steps: Floats, dims: int, min_variance: float, step: float | None
) -> Motion:
    """Return the initial estimate of the motion from the squared steps per frame interval of the first linking.

    Parameters
    ----------
    name
        "brownian", "directed" or "static".
    squared_steps
        Squared displacement per frame interval of each link.
    dims
        Number of coordinates.
    min_variance
        Minimum variance of a Gaussian.
    step
        Root mean squared displacement, if known: then there is one Gaussian, else there are three.
    """
    from playNano.algorithms.linking._kernels.motion_model import Motion

    if step is not None:
        variance, weight = np.array([step**2 / dims]), np.ones(1)
    else:
        quantiles = np.full(3, min_variance)
        if squared_steps.size:
            quantiles = np.quantile(subsample(squared_steps), [0.2, 0.6, 0.9])
        variance, weight = np.maximum(quantiles / dims, min_variance), np.array([0.3, 0.4, 0.3])
    return Motion(
        weight,
        variance,
        growth=np.full(weight.size, 0.0 if name == "static" else 1.0),
        coefficients=np.zeros((4, 2)),
        variance_factor=np.ones(4),
        persistence=FIRST_PERSISTENCE if weight.size > 1 else 0.0,
        turning=NO_TURNING,
        directed=1 if name == "directed" else 0,
        dims=dims,
    )


def subsample(values: npt.NDArray[Number]) -> npt.NDArray[Number]:
    """Return every n-th value, about ENOUGH_DETECTIONS in total.

    Parameters
    ----------
    values
        Values, (N,).
    """
    return values[:: -(-values.size // ENOUGH_DETECTIONS) or 1]


def empty_context(n: int, dims: int, n_parts: int) -> Context:
    """Return the context of n detections with unknown past and future.

    Parameters
    ----------
    n
        Number of detections.
    dims
        Number of coordinates.
    n_parts
        Number of Gaussians.
    """
    from playNano.algorithms.linking._kernels.motion_model import Context

    return Context(
        np.ones((n, n_parts)) / n_parts,
        np.ones((n, n_parts)),
        np.zeros((n, dims)),
        np.zeros((n, dims)),
        np.zeros(n, np.int32),
        np.zeros(n, np.int32),
    )


def successors(previous: Indices) -> Indices:
    """Return the detection after each one in its track, or -1, from the detection before each one.

    Parameters
    ----------
    previous
        Detection before each one in its track, or -1, (N,).

    Examples
    --------
    >>> successors(np.array([-1, -1, 0, 1], np.int32)).tolist()
    [2, 3, -1, -1]
    """
    following = np.full(previous.size, -1, np.int32)
    target = np.flatnonzero(previous >= 0)
    following[previous[target]] = target
    return following


def fit_motion_em(
    model: MotionModel, points: Detections, previous: Indices, link_weight: Floats, *, n_iterations: int
) -> None:
    """Estimate the motion from the current links by EM, with the forward-backward algorithm along tracks; in place.

    The estimated parameters are weights, variances and growth of the Gaussians, the persistence and, for directed and
    static motion, the regression coefficients of the displacement on the past and the future of its track.

    Parameters
    ----------
    model
        The model, changed in place.
    points
        The detections.
    previous
        Detection before each one in its track, or -1, (N,).
    link_weight
        Weight of the link to each detection, (N,), 0 to 1.
    n_iterations
        Number of EM steps.
    """
    from playNano.algorithms.linking._kernels.motion_model import Tracks

    following = successors(previous)
    if model.name != "brownian":
        _fit_regression(model, points, previous, following)
    likelihood = np.zeros((previous.size, model.motion.weight.size))
    sample = Tracks(_sampled_rows(previous), previous, following)
    for _ in range(n_iterations):
        _forward_backward(model, points, sample, likelihood)
        sums = _expectations(model, points, sample, link_weight, likelihood)
        model.motion = _maximise(model, sums)
    _forward_backward(model, points, Tracks(np.arange(previous.size), previous, following), likelihood)


def state_information(model: MotionModel, previous: Indices) -> float:
    """Return the variance of the log variance of a step that the steps before and after it explain, up to 1.

    Parameters
    ----------
    model
        The motion model.
    previous
        Detection before each one in its track, or -1, (N,).
    """
    target = subsample(np.flatnonzero(previous >= 0))
    if not target.size:
        return 0.0
    motion, context = model.motion, model.context
    posterior = context.forward[previous[target]] * context.backward[target]
    posterior /= np.maximum(posterior.sum(axis=1, keepdims=True), 1e-300)
    log_variance = np.log(motion.variance)
    explained = posterior @ log_variance - motion.weight @ log_variance
    return min(float((explained**2).mean()), 1.0)


def _fit_regression(model: MotionModel, points: Detections, previous: Indices, following: Indices) -> None:
    """Compute past and future of each detection, and regress the displacement on them."""
    from playNano.algorithms.linking._kernels.context import offset_context, velocity_context

    if model.name == "directed":
        velocity_context(points, previous, following, VELOCITY_GAIN, model.context)
    else:
        offset_context(points, previous, following, POSITION_GAIN, model.context)
    sums = _regression_sums(points, previous, model.context, directed=model.name == "directed")
    shrinkage = STATIC_SHRINKAGE if model.name == "static" else 1.0
    model.motion = model.motion._replace(coefficients=regression_coefficients(sums, shrinkage))
    model.r_squared = r_squared(sums)
    if model.name == "directed":
        source, context = subsample(previous[(previous >= 0)]), model.context
        source = source[(context.has_past[source] > 0) & (context.has_future[following[source]] > 0)]
        turning = fit_turning(context.past[source], context.future[following[source]])
        model.motion = model.motion._replace(turning=turning)


def _regression_sums(points: Detections, previous: Indices, context: Context, *, directed: bool) -> Floats:
    """Return the normal equations of the displacement on past and future, (4, 7), by known context.

    Columns: past * past, past * future, future * future, past * step, future * step, number of links, step * step.
    """
    target = np.flatnonzero(previous >= 0)
    source = previous[target]
    step = points.position[target] - points.position[source]
    if directed:
        step *= (1.0 / (points.time[target] - points.time[source]))[:, None]
    past, future = context.past[source], context.future[target]
    known = context.has_past[source] + 2 * context.has_future[target]
    of_coordinate = np.repeat(known, step.shape[1])
    factors = [(past, past), (past, future), (future, future), (past, step), (future, step), (step, step)]
    sums = [np.bincount(of_coordinate, weights=(a * b).ravel(), minlength=4) for a, b in factors]
    return np.column_stack([*sums[:5], np.bincount(known, minlength=4), sums[5]])


def _sampled_rows(previous: Indices) -> Ints:
    """Return the detections of every n-th track, about ENOUGH_DETECTIONS in total."""
    from playNano.algorithms.linking._kernels.tracks import number_tracks

    stride = -(-previous.size // ENOUGH_DETECTIONS)
    if stride <= 1:
        return np.arange(previous.size)
    track, _ = number_tracks(previous)
    return np.flatnonzero(track % stride == 0)


def _forward_backward(model: MotionModel, points: Detections, tracks: Tracks, likelihood: Floats) -> None:
    """Compute the likelihood of each link under each Gaussian, and run the forward-backward algorithm."""
    from playNano.algorithms.linking._kernels.motion_model import (
        backward_pass,
        forward_pass,
        link_likelihoods,
    )

    motion, context = model.motion, model.context
    blocks = blocks_of(tracks.rows.size, min_items=MANY_ROWS)

    def write(block: tuple[int, int]) -> None:
        part = tracks._replace(rows=tracks.rows[slice(*block)])
        link_likelihoods(points, part, context, motion, likelihood)

    def run(forward: bool) -> None:
        if forward:
            forward_pass(tracks, likelihood, motion.weight, motion.persistence, context.forward)
        else:
            backward_pass(tracks, likelihood, motion.weight, motion.persistence, context.backward)

    in_threads(write, blocks)
    if len(blocks) > 1:
        in_threads(run, (True, False))
    else:
        run(True)
        run(False)


def _expectations(
    model: MotionModel, points: Detections, tracks: Tracks, link_weight: Floats, likelihood: Floats
) -> MotionSums:
    """Return the expected sums over the links (E step of EM)."""
    from playNano.algorithms.linking._kernels.motion_model import MotionSums, add_motion_sums

    n_parts = model.motion.weight.size

    def run(block: tuple[int, int]) -> MotionSums:
        sums = MotionSums._make([*np.zeros((6, n_parts)), *np.zeros((2, 4)), np.zeros(2)])
        part = tracks._replace(rows=tracks.rows[slice(*block)])
        add_motion_sums(points, part, link_weight, likelihood, model.context, model.motion, sums)
        return sums

    blocks = in_threads(run, blocks_of(tracks.rows.size, min_items=MANY_ROWS))
    return MotionSums._make(np.sum(parts, axis=0) for parts in zip(*blocks, strict=True))


def _maximise(model: MotionModel, sums: MotionSums) -> Motion:
    """Maximise the expected likelihood (M step of EM); the previous estimate acts as a prior where data are scarce."""
    old = model.motion
    total = sums.weight.sum()
    if not total > 0:
        return old
    weight = np.maximum(sums.weight / total, MIN_WEIGHT)
    prior = 2.0
    variance = (sums.squared + prior * old.dims * old.variance) / (old.dims * (sums.weight + prior))
    variance = old.variance if model.fixed else np.maximum(variance, model.min_variance)
    persistence = old.persistence
    if sums.steps[0] > 0 and weight.size > 1:
        kept = (sums.steps[1] + 10 * FIRST_PERSISTENCE) / (sums.steps[0] + 10)
        persistence = float(np.clip(kept, 0.0, MAX_PERSISTENCE))
    factor = old.variance_factor
    if model.name != "brownian":
        factor = (sums.known_squared + old.dims * 5 * factor) / (old.dims * (sums.known_weight + 5))
        unit = factor[3] if sums.known_weight[3] > MIN_REGRESSION_LINKS else factor.max()
        factor = factor / unit
        variance = variance if model.fixed else np.maximum(variance * unit, model.min_variance)
    return old._replace(
        weight=weight / weight.sum(),
        variance=variance,
        growth=_variance_growth(model.name, old, sums),
        variance_factor=factor,
        persistence=persistence,
    )


def _variance_growth(name: FittedMotion, old: Motion, sums: MotionSums) -> Floats:
    """Estimate the relative growth of the variance from one interval to two, with the growth of diffusion as prior."""
    if name == "static":
        return old.growth
    n_one, n_two = sums.weight_1, sums.weight_2
    with np.errstate(divide="ignore", invalid="ignore"):
        measured = (sums.squared_2 / n_two) / (sums.squared_1 / n_one) - 1.0
    usable = (n_one > 0) & (n_two > 0) & np.isfinite(measured)
    prior = 20.0
    growth = (n_two * np.where(usable, measured, 1.0) + prior) / (n_two + prior)
    return np.clip(growth, 0.0, 3.0 if name == "directed" else 1.0)
