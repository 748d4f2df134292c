"""One assignment over a whole movie on likelihood costs, with the model estimated from the movie itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from playNano.algorithms.linking.assignment import match_frames
from playNano.algorithms.linking.detections import (
    Floats,
    Prepared,
    Reach,
)
from playNano.algorithms.linking.drift import common_motion
from playNano.algorithms.linking.edges import (
    chosen_links,
    first_edges,
    price_again,
    put_in_place,
    solve,
    weigh,
)
from playNano.algorithms.linking.features import measure_features
from playNano.algorithms.linking.motion_model import (
    LEAST_STEP,
    MotionModel,
    empty_context,
    first_motion,
    look_around,
    thinned,
)
from playNano.algorithms.linking.rates import Rates, ball_volume, estimate_rates, field_size
from playNano.algorithms.linking.settings import Settings

if TYPE_CHECKING:
    from playNano.algorithms.linking._kernels.grid import Detections
    from playNano.algorithms.linking._kernels.motion_model import Features

PASSES = 5
# Passes end when this part of the detections, or less, changes its link.
SETTLED = 0.01
FIRST_ROUNDS = 5
ROUNDS = 2
FIRST_TRIM = 4.0
# How many others may lie nearer than a far step for it to count, a little, as one: rare movers among others.
FIRST_CROWD = 0.6
LONELY_TRUST = 0.1
# Steps between lines scanned at nearly one time would count for too much.
LEAST_GAP = 0.25
# Fewer links than these cannot tell how particles move: their movie is linked from frame to frame.
ENOUGH_LINKS = 30
# Links in the whole movie that are none the model foresees, if nothing is known.
ODD_LINKS = 0.1


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


def assign_movie(found: Prepared, features: Features, settings: Settings) -> Assignment:
    """Link a whole movie: first guess, then passes of estimating the model and solving the assignment.

    Parameters
    ----------
    found
        Detections in canonical order, at least one.
    features
        Values and scales of the feature costs; see `link_features.prepare_features`.
    settings
        What is asked for.
    """
    from playNano.algorithms.linking._kernels.frames import squared_steps

    n_gaps = settings.n_gaps
    points, drift, previous = _first_guess(found.points, settings)
    if np.count_nonzero(previous >= 0) < ENOUGH_LINKS and not settings.by_frame and not settings.informed:
        settings = replace(settings, by_frame=True)
        points, drift, previous = _first_guess(found.points, settings)
    measure_features(features, previous)
    squared = squared_steps(points, previous, LEAST_GAP)
    model = _first_model(points, squared, features, settings, found.dims)
    rates = _first_rates(points, previous, settings, found.dims)
    trust = _first_trust(previous, squared, rates.found / rates.area, found.dims)
    look_around(model, points, previous, trust, rounds=FIRST_ROUNDS)
    edges = first_edges(points, model, rates, settings)
    state = solve(edges)
    before = previous
    for turn in range(PASSES):
        best, false = chosen_links(edges, state)
        if not settings.by_frame:
            previous = best
        settled = turn > 0 and np.count_nonzero(before != best) <= SETTLED * best.size
        before = best
        if settled or turn == PASSES - 1:
            break
        gaps = points.frame_of[previous >= 0] - points.frame_of[previous[previous >= 0]]
        rates = estimate_rates(
            rates, settings.given, gaps=gaps, single=false, previous=previous, points=points, n_gaps=n_gaps
        )
        look_around(model, points, previous, np.ones(previous.size), rounds=ROUNDS)
        price_again(points, model, rates, edges, state, settings, prune=turn == 0)
        state = solve(edges)
    if settings.by_frame:
        put_in_place(edges, previous, state)
    confidence, cost = weigh(edges, state, previous, model.sharpness, optimal=not settings.by_frame)
    return Assignment(previous, confidence, false, drift, cost, model, rates)


def _first_guess(points: Detections, settings: Settings) -> tuple[Detections, Floats, npt.NDArray[np.int32]]:
    """Link from frame to frame, taking the common motion out, and once more what is left of it."""
    drift = np.zeros((points.frame_ptr.size - 1, points.position.shape[1]))
    # A first guess needs no gaps: the passes close them.
    reach = Reach.over(settings.max_distance, 1, settings.power)
    previous = match_frames(points, reach)
    if settings.drift:
        drift = common_motion(points, previous)
        still = points._replace(position=points.position - drift[points.frame_of])
        previous = match_frames(still, reach)
        drift += common_motion(still, previous)
        points = points._replace(position=points.position - drift[points.frame_of])
    if settings.by_frame:
        previous = match_frames(points, Reach.over(settings.max_distance, settings.n_gaps, settings.power))
    return points, drift, previous


def _first_model(
    points: Detections,
    squared_steps: Floats,
    features: Features,
    settings: Settings,
    dims: int,
) -> MotionModel:
    least = (LEAST_STEP * settings.max_distance) ** 2 / dims
    motion = first_motion(settings.motion, squared_steps, dims, least, settings.given.step)
    context = empty_context(points.frame_of.size, points.position.shape[1], motion.weight.size)
    return MotionModel(
        settings.motion, motion, context, features, least, fixed=settings.given.step is not None
    )


def _first_trust(previous: npt.NDArray[np.int32], squared: Floats, density: float, dims: int) -> Floats:
    """Leave the farthest steps of the first linking out: a wide reach takes in what is no particle's step.

    A step that is short beside the distance between particles is one whatever the others are.
    """
    trust = np.zeros(previous.size)
    if squared.size:
        usual = squared <= FIRST_TRIM * np.quantile(thinned(squared), 0.9)
        lonely = density * ball_volume(np.sqrt(squared), dims) < FIRST_CROWD
        trust[previous >= 0] = np.where(usual, 1.0, LONELY_TRUST * lonely)
    return trust


def _first_rates(points: Detections, previous: npt.NDArray[np.int32], settings: Settings, dims: int) -> Rates:
    """Guess the rates: what the first linking left alone is taken for clutter."""
    from playNano.algorithms.linking._kernels.frames import turn_round

    n_frames = points.frame_ptr.size - 1
    n_alone = np.count_nonzero((previous < 0) & (turn_round(previous) < 0))
    given = settings.given
    n_false = max(float(n_alone), 0.005 * previous.size)
    # Gaps count as ends here, so that this is the most that there can be.
    n_starts = np.count_nonzero(previous[points.frame_ptr[1] :] < 0)
    lost = min(0.01, (n_starts + 0.2) / (previous.size + 20.0))
    return Rates(
        miss=0.1 if given.miss is None else given.miss,
        end=lost if given.end is None else given.end,
        start=lost if given.start is None else given.start,
        clutter=n_false / n_frames if given.clutter is None else given.clutter,
        found=max(previous.size - n_false, 1.0) / n_frames,
        area=field_size(points.position[:, :dims], settings.max_distance),
        odd=ODD_LINKS / (ENOUGH_LINKS + np.count_nonzero(previous >= 0)),
    )


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
        "explained": model.explained,
        "pull_past": float(motion.pull[3, 0]),
        "pull_future": float(motion.pull[3, 1]),
        "miss_rate": rates.miss if settings.n_gaps > 1 else None,
        "end_rate": rates.end,
        "start_rate": rates.start,
        "false_per_frame": rates.clutter,
        "true_per_frame": rates.found,
        "area": rates.area,
    }
