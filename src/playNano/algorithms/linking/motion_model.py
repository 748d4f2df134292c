"""How particles move: the motion part of the likelihood model of linking."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from playNano.algorithms._common.threads import blocks_of, in_threads
from playNano.algorithms.linking.detections import Floats, Ints
from playNano.algorithms.linking.settings import MotionName

if TYPE_CHECKING:
    import numpy.typing as npt

    from playNano.algorithms.linking._kernels.grid import Detections
    from playNano.algorithms.linking._kernels.motion_model import Context, Features, Motion

Number = TypeVar("Number", bound=np.generic)

N_PARTS = 3
LEAST_SHARE = 1e-3
MOST_PERSISTENT = 0.995
FIRST_PERSISTENCE = 0.9
# Of a step's evidence on velocity and place, how much the newest step weighs at least.
VELOCITY_GAIN = 0.5
PLACE_GAIN = 0.4
# Where past and future explain the step, that two steps of a track agree counts twice: the later one's past
# and the earlier one's future are the same evidence. Of what is explained, about half is told again when a
# link is weighed against its rivals. Measured on gliding, turning and resting particles, not the benchmark's.
COUNTED_AGAIN = 0.6
# Both sides of a link lean on links that may be wrong along with it: where a particle rests, the means
# before and after are trusted half, the places themselves the other half.
STATIC_TRUST = 0.5
ENOUGH_DETECTIONS = 25_000
# Fewer rows than these are dealt with sooner than threads have begun.
MANY_ROWS = 50_000
# Steps below this part of the reach are not told apart: positions may be whole pixels.
LEAST_STEP = 0.005


@dataclass
class MotionModel:
    """The motion model with its estimate so far, and the room that the estimate needs.

    `explained` is the part of the squared step that past and future of a track explain, 0 to 1.
    """

    name: MotionName
    motion: Motion
    context: Context
    features: Features
    least_variance: float
    fixed: bool = False
    explained: float = 0.0

    @property
    def sharpness(self) -> float:
        """What a difference of costs counts for when a link is weighed against its rivals; 1 is full."""
        return 1.0 - COUNTED_AGAIN * self.explained


def first_motion(
    name: MotionName, squared_per_gap: Floats, dims: int, least: float, step: float | None
) -> Motion:
    """Guess the motion from the squared steps of a first linking."""
    from playNano.algorithms.linking._kernels.motion_model import Motion

    carry = 1 if name == "directed" else 0
    growth = 0.0 if name == "static" else 1.0
    if step is not None:
        variance, weight = np.array([step**2 / dims]), np.ones(1)
    else:
        spread = (
            np.quantile(thinned(squared_per_gap), [0.2, 0.6, 0.9])
            if squared_per_gap.size
            else np.full(3, least)
        )
        variance, weight = np.maximum(spread / dims, least), np.array([0.3, 0.4, 0.3])
    return Motion(
        weight,
        variance,
        np.full(weight.size, growth),
        np.zeros((4, 2)),
        np.ones(4),
        FIRST_PERSISTENCE if weight.size > 1 else 0.0,
        carry,
        dims,
    )


def thinned(values: npt.NDArray[Number]) -> npt.NDArray[Number]:
    """Return every so many of the values, as many as an estimate needs."""
    return values[:: -(-values.size // ENOUGH_DETECTIONS) or 1]


def empty_context(n: int, width: int, n_parts: int) -> Context:
    """Return the context in which nothing is known."""
    from playNano.algorithms.linking._kernels.motion_model import Context

    return Context(
        np.ones((n, n_parts)) / n_parts,
        np.ones((n, n_parts)),
        np.zeros((n, width)),
        np.zeros((n, width)),
        np.zeros(n, np.int32),
        np.zeros(n, np.int32),
    )


def look_around(
    model: MotionModel, points: Detections, previous: npt.NDArray[np.int32], trust: Floats, *, rounds: int
) -> None:
    """Estimate the motion from the present links, and carry what it tells along the tracks.

    Expectation maximisation, `rounds` times, over the Gaussians' shares, variances and growth, the
    persistence, and (for directed and static motion) how the step follows from the past and the future of
    its track.
    """
    from playNano.algorithms.linking._kernels import context as contexts
    from playNano.algorithms.linking._kernels.frames import turn_round

    following = turn_round(previous)
    if model.name != "brownian":
        gather = contexts.velocity_context if model.name == "directed" else contexts.offset_context
        gather(
            points,
            previous,
            following,
            VELOCITY_GAIN if model.name == "directed" else PLACE_GAIN,
            model.context,
        )
        sums = np.zeros((4, 7))
        contexts.pull_sums(points, previous, model.context, model.motion.carry, sums)
        model.motion = model.motion._replace(
            pull=_pull(sums, STATIC_TRUST if model.name == "static" else 1.0)
        )
        model.explained = _explained(sums)
    terms = np.zeros((previous.size, model.motion.weight.size))
    rows = _sample(previous)
    for _ in range(rounds):
        _spread_terms(model, points, rows, previous, following, terms)
        sums = _add_up(model, points, rows, previous, trust, terms)
        model.motion = _next_motion(model, sums)
    _spread_terms(model, points, np.arange(previous.size), previous, following, terms)


def _add_up(
    model: MotionModel,
    points: Detections,
    rows: Ints,
    previous: npt.NDArray[np.int32],
    trust: Floats,
    terms: Floats,
) -> Floats:
    """Return the sums over the links of the rows from which the motion is estimated; see `motion_sums`."""
    from playNano.algorithms.linking._kernels.motion_model import motion_sums

    def run(block: tuple[int, int]) -> Floats:
        sums = np.zeros((9, max(4, model.motion.weight.size)))
        part = rows[slice(*block)]
        motion_sums(points, part, previous, trust, terms, model.context, model.motion, sums)
        return sums

    return np.asarray(np.sum(in_threads(run, blocks_of(rows.size, least=MANY_ROWS)), axis=0))


def _spread_terms(
    model: MotionModel,
    points: Detections,
    rows: Ints,
    previous: npt.NDArray[np.int32],
    following: npt.NDArray[np.int32],
    terms: Floats,
) -> None:
    """Write how likely each Gaussian makes the links of the rows, and carry that along their tracks."""
    from playNano.algorithms.linking._kernels.motion_model import carry_backward, carry_forward, link_terms

    motion, context = model.motion, model.context

    def write(block: tuple[int, int]) -> None:
        link_terms(points, rows[slice(*block)], previous, context, motion, terms)

    def carry(forward: bool) -> None:
        if forward:
            carry_forward(rows, previous, terms, motion.weight, motion.persistence, context.forward)
        else:
            carry_backward(rows, following, terms, motion.weight, motion.persistence, context.backward)

    blocks = blocks_of(rows.size, least=MANY_ROWS)
    in_threads(write, blocks)
    if len(blocks) > 1:
        in_threads(carry, (True, False))
    else:
        carry(True)
        carry(False)


def _sample(previous: npt.NDArray[np.int32]) -> Ints:
    """Choose whole tracks, evenly, with about as many detections as an estimate needs."""
    from playNano.algorithms.linking._kernels.frames import number_tracks

    stride = -(-previous.size // ENOUGH_DETECTIONS)
    if stride <= 1:
        return np.arange(previous.size)
    track, _ = number_tracks(previous)
    return np.flatnonzero(track % stride == 0)


def _pull(sums: Floats, trust: float) -> Floats:
    """Solve the regressions of the step on what is known, where there are enough links."""
    pull = np.zeros((4, 2))
    if sums[1, 5] > 30 and sums[1, 0] > 0:
        pull[1, 0] = sums[1, 3] / sums[1, 0]
    if sums[2, 5] > 30 and sums[2, 2] > 0:
        pull[2, 1] = sums[2, 4] / sums[2, 2]
    pull[3] = trust * _pull_of_both(sums)
    return pull


def _pull_of_both(sums: Floats) -> Floats:
    past2, cross, future2, past, future, n, _ = sums[3]
    determinant = past2 * future2 - cross**2
    if not (n > 30 and determinant > 1e-9 * past2 * future2):
        return np.zeros(2)
    both = np.array([past * future2 - future * cross, future * past2 - past * cross])
    return np.asarray(both / determinant)


def _explained(sums: Floats) -> float:
    """Return the part of the squared step that the regression on past and future explains."""
    total = sums[3, 6]
    part = float(_pull_of_both(sums) @ sums[3, 3:5]) / total if total > 0 else 0.0
    return min(max(part, 0.0), 1.0)


def _next_motion(model: MotionModel, sums: Floats) -> Motion:
    """Maximise the expected likelihood; scarce data hold on to what was before."""
    old = model.motion
    n_parts = old.weight.size
    share, squared = sums[0, :n_parts], sums[1, :n_parts]
    total = share.sum()
    if not total > 0:
        return old
    weight = np.maximum(share / total, LEAST_SHARE)
    prior = 2.0
    variance = (squared + prior * old.dims * old.variance) / (old.dims * (share + prior))
    variance = np.maximum(variance, model.least_variance)
    if model.fixed:
        variance = old.variance
    persistence = old.persistence
    if sums[8, 0] > 0 and n_parts > 1:
        kept = (sums[8, 1] + 10 * FIRST_PERSISTENCE) / (sums[8, 0] + 10)
        persistence = float(np.clip(kept, 0.0, MOST_PERSISTENT))
    spread = old.spread
    if model.name != "brownian":
        spread = (sums[7, :4] + old.dims * 5 * old.spread) / (old.dims * (sums[6, :4] + 5))
        unit = spread[3] if sums[6, 3] > 30 else spread.max()
        spread = spread / unit
        variance = variance if model.fixed else np.maximum(variance * unit, model.least_variance)
    return old._replace(
        weight=weight / weight.sum(),
        variance=variance,
        growth=_next_growth(model.name, old, sums),
        spread=spread,
        persistence=persistence,
    )


def _next_growth(name: MotionName, old: Motion, sums: Floats) -> Floats:
    """Estimate how much wider the step is over two intervals than over one."""
    if name == "static":
        return old.growth
    n_parts = old.weight.size
    n_one, one, n_two, two = (sums[row, :n_parts] for row in (2, 3, 4, 5))
    with np.errstate(divide="ignore", invalid="ignore"):
        measured = (two / n_two) / (one / n_one) - 1.0
    usable = (n_one > 0) & (n_two > 0) & np.isfinite(measured)
    prior = 20.0
    growth = (n_two * np.where(usable, measured, 1.0) + prior) / (n_two + prior)
    return np.clip(growth, 0.0, 3.0 if name == "directed" else 1.0)
