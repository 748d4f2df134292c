"""Tell users how wrong their pipeline is on movies like theirs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from playNano.afm_stack import AFMImageStack
from playNano.analysis.plan import Plan
from playNano.simulate.movie import SimulatedMovie
from playNano.validate.likeness import Likeness, measure
from playNano.validate.look import look
from playNano.validate.measures import summarise
from playNano.validate.refine import refined
from playNano.validate.result import Validation
from playNano.validate.sweep import (
    GRID,
    QUICK_GRID,
    Key,
    Progress,
    best_setting,
    find_sensitive,
    gain,
    mean_objective,
    numeric_parameters,
    sweep,
)
from playNano.validate.trial import (
    Ground,
    Steps,
    Trial,
    prepare,
    run_trial,
)

_MATTERS = 1e-4


@dataclass(frozen=True)
class Effort:
    """How much is simulated and tried.

    Parameters
    ----------
    n_movies
        Movies on which scores stand, >= 3.
    n_swept
        Further movies on which parameters are tried, >= 1.
    pixels
        Pixels a movie: sets its frames, of which there are 12 to 60.
    factors
        By which the two parameters of the sweep are scaled.
    """

    n_movies: int = 8
    n_swept: int = 3
    pixels: int = 2_600_000
    factors: tuple[float, ...] = GRID

    def n_frames(self, shape: tuple[int, int, int]) -> int:
        """Return the frames of a movie like one of this shape."""
        return int(np.clip(self.pixels // (shape[1] * shape[2]), 12, 60))


QUICK = Effort(4, 2, 1_000_000, QUICK_GRID)


def _silent(what: str, done: int, total: int) -> None:
    """Tell nobody."""


def validate_pipeline(
    stack: AFMImageStack,
    plan: Plan,
    *,
    effort: Effort | None = None,
    seed: int = 0,
    progress: Progress = _silent,
) -> Validation:
    """Measure what a movie is like, simulate movies like it, and score a pipeline on them.

    Parameters
    ----------
    stack
        The user's movie, of heights in nm.
    plan
        The user's pipeline: processing steps, and analysis modules that detect and may track.
    effort
        How much is simulated; `Effort()` if None, and `QUICK` is a quick look.
    seed
        Seed of the first simulated movie, >= 0; the others follow.
    progress
        ``progress(what, done, total)`` is called as work goes on.

    Returns
    -------
    Validation
        Scores with confidence intervals, sensitive parameters, and what to change.

    Raises
    ------
    ParameterError
        The pipeline detects nothing, or moves pixels.
    StackError
        The movie is not of heights in nm, or shows no particles.

    Examples
    --------
    >>> from playNano.simulate import simulate_movie
    >>> stack = simulate_movie(20, (64, 64), n_particles=5, seed=2).to_stack()
    >>> plan = Plan.from_options("remove_plane;row_median_align", "log_blob_detection:min_sigma=2,threshold=0.5", None)
    >>> result = validate_pipeline(stack, plan, effort=Effort(3, 1, 50_000, (1.0, 1.5)))
    >>> sorted(result.measures)[:2], result.n_frames
    (['f1', 'height_bias_nm'], 12)
    """
    effort = effort or Effort()
    progress("measuring the movie", 0, 3)
    seen = look(stack, plan)
    steps = seen.steps
    progress("measuring the movie", 1, 3)
    measured = measure(stack, min_height_nm=seen.least_nm)
    n_frames = effort.n_frames(measured.shape)
    progress("measuring the movie", 2, 3)
    wanted, again = refined(measured, n_frames, min_height_nm=seen.least_nm)
    progress("measuring the movie", 3, 3)
    example, grounds = _simulated(wanted, plan, effort, n_frames, seed, progress)
    judged, swept_on = grounds[: effort.n_movies], grounds[effort.n_movies :]
    trials = _trials(judged, steps, "movies analysed", progress)
    base = mean_objective(swept_on, steps)
    found = find_sensitive(swept_on, steps, numeric_parameters(steps, seen.scored), base, progress)
    keys = [key for key, s in found[:2] if s.change > _MATTERS]
    swept = sweep(swept_on, steps, keys, effort.factors, progress) if keys else None
    better = best_setting(steps, keys, swept) if swept else steps
    recommended, compared = _recommend(judged, steps, better, keys, trials, progress)
    return Validation(
        measured=measured,
        wanted=wanted,
        again=again,
        on_movie=seen.on_movie,
        steps=steps,
        trials=trials,
        measures=summarise(trials),
        sensitivities=[s for _, s in found],
        swept=swept,
        recommended=recommended,
        compared=compared,
        n_frames=n_frames,
        seed=seed,
        caveats=(*seen.caveats, *measured.caveats),
        frame=seen.frame,
        example=example,
    )


def _simulated(
    like: Likeness, plan: Plan, effort: Effort, n_frames: int, seed: int, progress: Progress
) -> tuple[SimulatedMovie, list[Ground]]:
    """Simulate and level the movies; the first one is kept as it is."""
    total = effort.n_movies + effort.n_swept
    first: SimulatedMovie | None = None
    grounds = []
    for k in range(total):
        progress("movies simulated", k, total)
        movie = like.simulate(n_frames, seed + k)
        first = first or movie
        grounds.append(prepare(movie, plan, like.particles.radius_nm))
    progress("movies simulated", total, total)
    assert first is not None
    return first, grounds


def _trials(grounds: Sequence[Ground], steps: Steps, what: str, progress: Progress) -> list[Trial]:
    trials = []
    for k, ground in enumerate(grounds):
        progress(what, k, len(grounds))
        trials.append(run_trial(ground, steps))
    progress(what, len(grounds), len(grounds))
    return trials


def _recommend(
    grounds: Sequence[Ground],
    steps: Steps,
    better: Steps,
    keys: Sequence[Key],
    trials: list[Trial],
    progress: Progress,
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Try the sweep's best setting on movies that it has not seen; recommend what is better there for sure."""
    changes = [
        {
            "module": steps[k][0],
            "parameter": name,
            "yours": steps[k][1][name],
            "recommended": better[k][1][name],
        }
        for k, name in keys
        if better[k][1][name] != steps[k][1][name]
    ]
    if not changes:
        return [], {}
    again = _trials(grounds, better, "best setting checked", progress)
    difference = gain(trials, again)
    compared = {
        "setting": changes,
        "difference": difference,
        "scores": {name: m.to_dict() for name, m in summarise(again).items()},
    }
    return (changes if difference["sure"] else []), compared
