"""Sensitivity of the objective to the parameters of detection and tracking, and a grid search over two of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from playNano.analysis.pipeline import AnalysisPipeline
from playNano.errors import ParameterError
from playNano.validate.running import PipelineInEffect, Steps
from playNano.validate.samples import Sample, objective_of

Progress = Callable[[str, int, int], None]
Key = tuple[int, str]

NUDGES = (0.75, 1.3)
"""Factors by which parameters are changed to measure their sensitivity."""

GRID = (0.5, 0.7, 1.0, 1.4, 2.0)


@dataclass(frozen=True)
class Sensitivity:
    """Sensitivity of the objective to one parameter.

    Parameters
    ----------
    module, parameter, value
        The parameter, and its value in effect.
    change
        Maximum absolute change of the objective when the value is changed by about a quarter (integers by at least 1).
    tried
        Values tried -> mean objective.
    """

    module: str
    parameter: str
    value: float
    change: float
    tried: dict[float, float]


@dataclass(frozen=True, eq=False)
class Sweep:
    """Objective on a grid of values of two parameters.

    Parameters
    ----------
    names
        (module, parameter) of the axes.
    values
        Values along each axis.
    objective
        Mean objective, (n, m); nan where the values are not allowed.
    """

    names: tuple[tuple[str, str], ...]
    values: tuple[tuple[float, ...], ...]
    objective: npt.NDArray[np.float64]


def numeric_parameters(steps: Steps, scored: Sequence[int]) -> list[Key]:
    """List the numeric parameters of detection and tracking that can be scaled.

    Parameters
    ----------
    steps
        Analysis modules with the parameter values in effect.
    scored
        Indices of the steps that detect or track.

    Returns
    -------
    list of (int, str)
        Index of the step and name of the parameter.
    """
    keys = []
    for k in scored:
        for name, value in steps[k][1].items():
            if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
                continue
            if isinstance(value, int) or value != 0:
                keys.append((k, name))
    return keys


def scaled(value: float, factor: float) -> float:
    """Multiply a value by a factor; integers are rounded, and change by at least 1.

    Parameters
    ----------
    value
        The value.
    factor
        The factor, > 0.

    Examples
    --------
    >>> scaled(2.0, 1.5), scaled(3, 1.1), scaled(0, 0.8), scaled(12, 0.75)
    (3.0, 4, -1, 9)
    """
    if not isinstance(value, int):
        return float(f"{value * factor:.3g}")
    if factor == 1:
        return value
    return min(round(value * factor), value - 1) if factor < 1 else max(round(value * factor), value + 1)


def with_value(steps: Steps, key: Key, value: float) -> Steps:
    """Return a copy of steps with one parameter changed.

    Parameters
    ----------
    steps
        Modules with their parameters.
    key
        Index of the step and name of the parameter.
    value
        The new value.
    """
    return [
        (name, {**params, key[1]: value} if k == key[0] else params) for k, (name, params) in enumerate(steps)
    ]


def allowed(steps: Steps) -> bool:
    """Return whether all values are within their limits.

    Parameters
    ----------
    steps
        Modules with their parameters.
    """
    pipeline = AnalysisPipeline()
    try:
        for name, params in steps:
            pipeline.add(name, **params)
    except ParameterError:
        return False
    return True


def mean_objective(samples: Sequence[Sample], pipeline: PipelineInEffect, steps: Steps) -> float:
    """Return the mean objective over samples; nan where the values are not allowed.

    Parameters
    ----------
    samples
        Copies with their truth.
    pipeline
        The user's pipeline.
    steps
        Modules with their parameters.
    """
    if not allowed(steps):
        return float("nan")
    try:
        return float(np.mean([objective_of(s.score(pipeline, steps)) for s in samples]))
    except ParameterError:
        return float("nan")


def find_sensitive(
    samples: Sequence[Sample],
    pipeline: PipelineInEffect,
    keys: Sequence[Key],
    base: float,
    progress: Progress,
) -> list[tuple[Key, Sensitivity]]:
    """Measure the sensitivity of the objective to each parameter, changing one at a time.

    Parameters
    ----------
    samples
        Copies with their truth.
    pipeline
        The user's pipeline.
    keys
        Parameters to try.
    base
        Objective with the values in effect.
    progress
        Called with (description, done, total).

    Returns
    -------
    list of (key, Sensitivity)
        The most sensitive first.
    """
    steps = pipeline.steps
    sensitivities = []
    for done, key in enumerate(keys):
        progress("parameters tried", done, len(keys))
        value = steps[key[0]][1][key[1]]
        tried = {}
        for factor in NUDGES:
            changed = scaled(value, factor)
            objective = mean_objective(samples, pipeline, with_value(steps, key, changed))
            if np.isfinite(objective):
                tried[changed] = objective
        change = max((abs(objective - base) for objective in tried.values()), default=0.0)
        sensitivities.append((key, Sensitivity(steps[key[0]][0], key[1], value, change, tried)))
    progress("parameters tried", len(keys), len(keys))
    return sorted(sensitivities, key=lambda item: -item[1].change)


def sweep(
    samples: Sequence[Sample],
    pipeline: PipelineInEffect,
    keys: Sequence[Key],
    factors: Sequence[float],
    progress: Progress,
) -> Sweep:
    """Evaluate the objective on a grid of values of two parameters (or of one).

    Parameters
    ----------
    samples, pipeline, progress
        As for `find_sensitive`.
    keys
        One or two parameters.
    factors
        Factors by which the values in effect are scaled.
    """
    steps = pipeline.steps
    axes = []
    for key in keys:
        value = steps[key[0]][1][key[1]]
        candidates = sorted({scaled(value, f) for f in factors})
        axes.append(tuple(v for v in candidates if allowed(with_value(steps, key, v))))
    shape = tuple(len(a) for a in axes)
    objective = np.full(shape, np.nan)
    for done, at in enumerate(np.ndindex(shape)):
        progress("settings tried", done, objective.size)
        changed = steps
        for key, axis, index in zip(keys, axes, at, strict=True):
            changed = with_value(changed, key, axis[index])
        objective[at] = mean_objective(samples, pipeline, changed)
    progress("settings tried", objective.size, objective.size)
    return Sweep(tuple((steps[k][0], name) for k, name in keys), tuple(axes), objective)
