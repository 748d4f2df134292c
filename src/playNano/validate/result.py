"""What a validation measured."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy.typing as npt

from playNano.core.serialize import json_safe
from playNano.simulate.movie import SimulatedMovie
from playNano.validate.likeness import Likeness
from playNano.validate.measures import MEASURES, Measure
from playNano.validate.sweep import Sensitivity, Sweep
from playNano.validate.trial import Steps, Trial


@dataclass(frozen=True, eq=False)
class Validation:
    """How wrong a pipeline is on movies like the user's.

    Parameters
    ----------
    measured, wanted, again
        What the movie is like; from what movies like it were simulated; and what the first of these measured as.
    on_movie
        What the pipeline found on the user's own movie: detections a frame, diffusion coefficient.
    steps
        Modules with the values in effect.
    trials, measures
        Scores by movie, and joined.
    sensitivities
        Parameters, the most sensitive first.
    swept
        The sweep over two of them; None if the pipeline has none.
    recommended
        Changes that did better on movies that the sweep had not seen: module, parameter, yours, recommended; empty
        where none did for sure.
    compared
        Difference that the sweep's best setting made on those movies, and its scores.
    n_frames, seed
        Frames of each movie, and the seed of the first.
    caveats
        What to keep in mind.
    frame, example
        A frame of the user's movie, and the first of those simulated.
    """

    measured: Likeness
    wanted: Likeness
    again: Likeness
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
        """Return all but the pictures as plain values, as ``validate.json`` holds them."""
        told = {
            "movie": self.measured.to_dict(),
            "simulated_from": self.wanted.to_dict(),
            "simulated_measured_as": self.again.to_dict(),
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
        plain: dict[str, Any] = json_safe(told)
        return plain
