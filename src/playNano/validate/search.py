"""Which parameters of detection and tracking matter, and whether others are better: tried on replanted copies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from playNano.validate.running import PipelineInEffect, Steps
from playNano.validate.samples import Sample, objective_of
from playNano.validate.sweep import (
    Key,
    Progress,
    Sensitivity,
    Sweep,
    find_sensitive,
    mean_objective,
    numeric_parameters,
    sweep,
    with_value,
)

# Of all settings with at least this fraction of the maximum gain, the nearest to the user's is selected.
_NEAR_BEST = 0.9
# Minimum change of the objective by a parameter to be included in the grid search.
_MIN_CHANGE = 1e-3
# A setting is recommended if it is better by this much on every copy, in both halves of the frames.
MIN_GAIN = 0.03


@dataclass(frozen=True, eq=False)
class Search:
    """Sensitivity of the objective to the parameters, and a grid search over the two most sensitive ones.

    Parameters
    ----------
    objective
        "HOTA", or "F1" without tracking.
    sensitivities
        The most sensitive parameter first.
    swept
        The grid search; None if no parameter matters.
    gains
        Differences of the objective between the best setting and the user's, per copy: ``selected_on`` and ``others``,
        the two halves of the frames; empty if the best setting is the user's.
    """

    objective: str
    sensitivities: list[Sensitivity]
    swept: Sweep | None
    gains: dict[str, list[float]]

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON types."""
        return {
            "objective": self.objective,
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
            "gains": self.gains,
        }


def search_settings(
    copies: Sequence[Sample],
    pipeline: PipelineInEffect,
    factors: Sequence[float],
    progress: Progress,
) -> tuple[Search, list[dict[str, Any]]]:
    """Measure which parameters matter, search for better values in half of the frames, and check them in the others.

    Parameters
    ----------
    copies
        Replanted copies of the movie.
    pipeline
        The user's pipeline.
    factors
        Factors by which the values of the two most sensitive parameters are scaled.
    progress
        Called with (description, done, total).

    Returns
    -------
    search : Search
        What was tried.
    recommended : list of dict
        module, parameter, yours, recommended; empty unless better on every copy in both halves of the frames.
    """
    n = copies[0].stack.n_frames
    tuned, others = ([c.part(*span) for c in copies] for span in ((0, n // 2), (n // 2, n)))
    steps = pipeline.steps
    base = mean_objective(tuned, pipeline, steps)
    ranked = find_sensitive(tuned, pipeline, numeric_parameters(steps, pipeline.scored), base, progress)
    keys = [key for key, s in ranked[:2] if s.change > _MIN_CHANGE]
    tracks = any("hota" in c.score(pipeline).scores for c in tuned[:1])
    swept = sweep(tuned, pipeline, keys, factors, progress) if keys else None
    best = best_setting(steps, keys, swept) if swept else steps
    changes = [
        {
            "module": steps[k][0],
            "parameter": name,
            "yours": steps[k][1][name],
            "recommended": best[k][1][name],
        }
        for k, name in keys
        if best[k][1][name] != steps[k][1][name]
    ]
    gains = {}
    if changes:
        gains = {
            "selected_on": _gains(tuned, pipeline, best),
            "others": _gains(others, pipeline, best),
        }
    search = Search("HOTA" if tracks else "F1", [s for _, s in ranked], swept, gains)
    sure = bool(gains) and min(min(g) for g in gains.values()) > MIN_GAIN
    return search, changes if sure else []


def _gains(samples: Sequence[Sample], pipeline: PipelineInEffect, best: Steps) -> list[float]:
    return [objective_of(s.score(pipeline, best)) - objective_of(s.score(pipeline)) for s in samples]


def best_setting(steps: Steps, keys: Sequence[Key], swept: Sweep) -> Steps:
    """Return the steps with the best values of a grid search; the values in effect where none is better.

    Of all values with at least nine tenths of the maximum gain, those nearest to the values in effect are selected.

    Parameters
    ----------
    steps
        Analysis modules with the parameter values in effect.
    keys
        The parameters of the sweep.
    swept
        The sweep.
    """
    yours = [steps[k][1][name] for k, name in keys]
    objective = np.nan_to_num(swept.objective, nan=-1.0)
    current = tuple(axis.index(y) if y in axis else 0 for axis, y in zip(swept.values, yours, strict=True))
    good = objective >= objective[current] + _NEAR_BEST * (objective.max() - objective[current])
    distance = np.zeros(objective.shape)
    for at in np.ndindex(objective.shape):
        changes = [
            abs(np.log(max(axis[i], 0.5) / max(y, 0.5))) if isinstance(y, int) else abs(np.log(axis[i] / y))
            for axis, i, y in zip(swept.values, at, yours, strict=True)
        ]
        distance[at] = sum(changes)
    at = np.unravel_index(int(np.where(good, distance, np.inf).argmin()), objective.shape)
    for key, axis, index in zip(keys, swept.values, at, strict=True):
        steps = with_value(steps, key, axis[int(index)])
    return steps
