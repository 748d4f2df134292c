"""Result of a validation."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy.typing as npt

from playNano.core.serialize import json_safe
from playNano.simulate.movie import SimulatedMovie
from playNano.validate.measures import MEASURES, Measure
from playNano.validate.movie_model import MovieModel
from playNano.validate.sweep import Sensitivity, Sweep
from playNano.validate.trial import Steps, Trial


@dataclass(frozen=True, eq=False)
class Validation:
    """Scores of a pipeline on simulated movies that resemble the user's movie.

    Parameters
    ----------
    measured
        Model fitted to the movie.
    calibrated
        Corrected model, from which movies were simulated.
    remeasured
        Model fitted to a movie simulated from `measured`.
    on_movie
        Result on the user's own movie: detections per frame, diffusion coefficient.
    steps
        Analysis modules with the parameter values in effect.
    trials
        Scores of each movie.
    measures
        Scores over all movies, with confidence intervals.
    sensitivities
        Sensitivity of the objective to each parameter, the most sensitive first.
    swept
        Grid search over two of them; None if the pipeline has no numeric parameters.
    recommended
        Changes that are significantly better on movies not used in the grid search: module, parameter, yours,
        recommended; empty if there are none.
    compared
        The best setting of the grid search, its difference on those movies, and its scores.
    n_frames, seed
        Frames of each movie, and the seed of the first.
    caveats
        Limitations of the scores, in words.
    frame, example
        A frame of the user's movie, and the first simulated movie.
    """

    measured: MovieModel
    calibrated: MovieModel
    remeasured: MovieModel
    on_movie: dict[str, float]
    steps: Steps
    trials: list[Trial]
    measures: dict[str, Measure]
    sensitivities: list[Sensitivity]
    swept: Sweep | None
    recommended: list[dict[str, Any]]
    compared: dict[str, Any]
    n_frames: int
    seed: int
    caveats: tuple[str, ...]
    frame: npt.NDArray[Any]
    example: SimulatedMovie

    def to_dict(self) -> dict[str, Any]:
        """Return all fields except the images as JSON types, for ``validate.json``."""
        values = {
            "movie": self.measured.to_dict(),
            "simulated_from": self.calibrated.to_dict(),
            "simulated_measured_as": self.remeasured.to_dict(),
            "found_on_movie": self.on_movie,
            "pipeline": [{name: params} for name, params in self.steps],
            "simulated": {"n_movies": len(self.trials), "n_frames": self.n_frames, "seed": self.seed},
            "scores": {
                name: {**m.to_dict(), "unit": MEASURES[name][0], "meaning": MEASURES[name][1]}
                for name, m in self.measures.items()
            },
            "scores_by_movie": [t.scores for t in self.trials],
            "sensitivity": [
                {**asdict(s), "tried": [{"value": v, "objective": o} for v, o in s.tried.items()]}
                for s in self.sensitivities
            ],
            "sweep": None
            if self.swept is None
            else {
                "parameters": [list(name) for name in self.swept.names],
                "values": [list(v) for v in self.swept.values],
                "objective": self.swept.objective.tolist(),
            },
            "recommended": self.recommended,
            "compared": self.compared,
            "caveats": list(self.caveats),
        }
        plain: dict[str, Any] = json_safe(values)
        return plain
