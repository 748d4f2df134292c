"""Validation of a pipeline on simulated movies that resemble the user's movie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from playNano.afm_stack import AFMImageStack
from playNano.analysis.plan import Plan
from playNano.simulate.movie import SimulatedMovie
from playNano.validate.calibrate import calibrate
from playNano.validate.measures import summarise
from playNano.validate.movie_model import MovieModel, fit_movie_model
from playNano.validate.probe import probe_pipeline
from playNano.validate.result import Validation
from playNano.validate.sweep import (
    GRID,
    QUICK_GRID,
    Key,
    Progress,
    Sensitivity,
    Sweep,
    best_setting,
    find_sensitive,
    gain,
    mean_objective,
    numeric_parameters,
    sweep,
)
from playNano.validate.trial import (
    ReferenceMovie,
    Steps,
    Trial,
    prepare,
    run_trial,
)

# Minimum change of the objective by a parameter to be included in the grid search.
_MIN_CHANGE = 1e-4


@dataclass(frozen=True)
class Effort:
    """Number and size of the simulated movies, and grid of the sweep.

    Parameters
    ----------
    n_movies
        Number of movies on which the pipeline is scored, >= 3.
    n_swept
        Number of further movies for the grid search, >= 1.
    pixels
        Number of pixels of a movie, > 0, which determines its number of frames, 12 to 60.
    factors
        Factors by which the two parameters of the grid search are scaled, > 0.
    """

    n_movies: int = 8
    n_swept: int = 3
    pixels: int = 2_600_000
    factors: tuple[float, ...] = GRID

    def n_frames(self, shape: tuple[int, int, int]) -> int:
        """Return the number of frames to simulate.

        Parameters
        ----------
        shape
            Shape of the user's movie, (n_frames, height, width).
        """
        return int(np.clip(self.pixels // (shape[1] * shape[2]), 12, 60))


QUICK = Effort(4, 2, 1_000_000, QUICK_GRID)


def _silent(what: str, done: int, total: int) -> None:
    """Ignore progress."""


def validate_pipeline(
    stack: AFMImageStack,
    plan: Plan,
    *,
    effort: Effort | None = None,
    seed: int = 0,
    progress: Progress = _silent,
) -> Validation:
    """Fit a model to a movie, simulate movies from it, and score a pipeline on them.

    Parameters
    ----------
    stack
        The user's movie, of heights in nm.
    plan
        The user's pipeline: processing steps, and analysis modules with a detection and possibly tracking.
    effort
        Number and size of the movies, and grid of the search; `Effort()` if None; `QUICK` for a rough result.
    seed
        Seed of the first simulated movie, >= 0; the others have the seeds after it.
    progress
        ``progress(what, done, total)`` is called during the work.

    Returns
    -------
    Validation
        Scores with confidence intervals, sensitivities, and recommended changes.

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
    >>> plan = Plan.from_options("level", "log_blob_detection:min_sigma=2,threshold=0.5", None)
    >>> result = validate_pipeline(stack, plan, effort=Effort(3, 1, 50_000, (1.0, 1.5)))
    >>> sorted(result.measures)[:2], result.n_frames
    (['f1', 'height_bias_nm'], 12)
    """
    effort = effort or Effort()
    stack, plan = _edited(stack, plan)
    progress("measuring the movie", 0, 3)
    probe = probe_pipeline(stack, plan)
    steps = probe.steps
    progress("measuring the movie", 1, 3)
    measured = fit_movie_model(stack, min_height_nm=probe.min_height_nm)
    n_frames = effort.n_frames(measured.shape)
    progress("measuring the movie", 2, 3)
    calibrated, remeasured = calibrate(measured, n_frames, min_height_nm=probe.min_height_nm)
    progress("measuring the movie", 3, 3)
    example, movies = _simulate(calibrated, plan, effort, n_frames, seed, progress)
    scored_on, swept_on = movies[: effort.n_movies], movies[effort.n_movies :]
    trials = _run_trials(scored_on, steps, "movies analysed", progress)
    search = _search(swept_on, steps, probe.scored, effort, progress)
    recommended, compared = _recommend(scored_on, steps, search, trials, progress)
    return Validation(
        measured=measured,
        calibrated=calibrated,
        remeasured=remeasured,
        on_movie=probe.on_movie,
        steps=steps,
        trials=trials,
        measures=summarise(trials),
        sensitivities=search.sensitivities,
        swept=search.swept,
        recommended=recommended,
        compared=compared,
        n_frames=n_frames,
        seed=seed,
        caveats=(*probe.caveats, *measured.caveats),
        frame=probe.frame,
        example=example,
    )


def _edited(stack: AFMImageStack, plan: Plan) -> tuple[AFMImageStack, Plan]:
    """Return the movie after the edits with which a pipeline begins, and the rest of the pipeline."""
    edits = [step.kind == "edit" for step in plan.bind()[0].steps]
    first = edits.index(False) if False in edits else len(edits)
    if not first:
        return stack, plan
    part = stack[:]
    replace(plan, processing=plan.processing[:first]).bind()[0].run(part)
    return part, replace(plan, processing=plan.processing[first:])


@dataclass(frozen=True, eq=False)
class _Search:
    """Sensitivity of the parameters, the grid search over two of them (`keys`), and the best steps."""

    sensitivities: list[Sensitivity]
    keys: list[Key]
    swept: Sweep | None
    best: Steps


def _search(
    movies: Sequence[ReferenceMovie], steps: Steps, scored: Sequence[int], effort: Effort, progress: Progress
) -> _Search:
    """Measure the sensitivity to all numeric parameters, and run a grid search over the two most sensitive ones."""
    base = mean_objective(movies, steps)
    ranked = find_sensitive(movies, steps, numeric_parameters(steps, scored), base, progress)
    keys = [key for key, s in ranked[:2] if s.change > _MIN_CHANGE]
    swept = sweep(movies, steps, keys, effort.factors, progress) if keys else None
    best = best_setting(steps, keys, swept) if swept else steps
    return _Search([s for _, s in ranked], keys, swept, best)


def _simulate(
    model: MovieModel, plan: Plan, effort: Effort, n_frames: int, seed: int, progress: Progress
) -> tuple[SimulatedMovie, list[ReferenceMovie]]:
    """Simulate and process the movies; the first one is also returned unprocessed."""
    total = effort.n_movies + effort.n_swept
    first: SimulatedMovie | None = None
    movies = []
    for k in range(total):
        progress("movies simulated", k, total)
        movie = model.simulate(n_frames, seed + k)
        first = first or movie
        movies.append(prepare(movie, plan, model.particles.radius_nm))
    progress("movies simulated", total, total)
    assert first is not None
    return first, movies


def _run_trials(movies: Sequence[ReferenceMovie], steps: Steps, what: str, progress: Progress) -> list[Trial]:
    """Run and score the same steps on every movie."""
    trials = []
    for k, movie in enumerate(movies):
        progress(what, k, len(movies))
        trials.append(run_trial(movie, steps))
    progress(what, len(movies), len(movies))
    return trials


def _recommend(
    movies: Sequence[ReferenceMovie], steps: Steps, search: _Search, trials: list[Trial], progress: Progress
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Score the best setting on movies not used in the grid search; recommend it if it is significantly better."""
    best = search.best
    changes = [
        {
            "module": steps[k][0],
            "parameter": name,
            "yours": steps[k][1][name],
            "recommended": best[k][1][name],
        }
        for k, name in search.keys
        if best[k][1][name] != steps[k][1][name]
    ]
    if not changes:
        return [], {}
    with_best = _run_trials(movies, best, "best setting checked", progress)
    difference = gain(trials, with_best)
    compared = {
        "setting": changes,
        "difference": difference,
        "scores": {name: m.to_dict() for name, m in summarise(with_best).items()},
    }
    return (changes if difference["sure"] else []), compared
