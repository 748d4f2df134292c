"""Which parameters matter, and where they are best."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from playNano.analysis.pipeline import AnalysisPipeline
from playNano.errors import ParameterError
from playNano.validate.measures import student_interval
from playNano.validate.trial import Ground, Steps, Trial, run_trial

Progress = Callable[[str, int, int], None]
Key = tuple[int, str]

NUDGES = (0.75, 1.3)
"""Factors by which parameters are moved to see whether they matter."""

GRID = (0.5, 0.7, 1.0, 1.4, 2.0)
QUICK_GRID = (0.6, 1.0, 1.6)
_NEARLY = 0.9


@dataclass(frozen=True)
class Sensitivity:
    """How much a parameter matters.

    Parameters
    ----------
    module, parameter, value
        Which one, and the value in effect.
    change
        Largest change of the objective when it is moved by a quarter or so (a whole number at least by one).
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
    """The objective over two parameters.

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


def objective_of(trial: Trial) -> float:
    """Return the figure by which settings are compared: HOTA, or F1 where nothing is tracked; 0 for nothing found."""
    value = trial.scores.get("hota", trial.scores["f1"])
    return float(value) if np.isfinite(value) else 0.0


def numeric_parameters(steps: Steps, scored: Sequence[int]) -> list[Key]:
    """List the parameters of detection and tracking that are numbers in effect, and can be scaled.

    Parameters
    ----------
    steps
        Modules with the values in effect.
    scored
        Which of them detect or track.
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
    """Return a value scaled; a whole one stays whole, and moves by at least one.

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
    """Return steps with one parameter changed."""
    return [
        (name, {**params, key[1]: value} if k == key[0] else params) for k, (name, params) in enumerate(steps)
    ]


def allowed(steps: Steps) -> bool:
    """Tell whether all values are within their limits."""
    pipeline = AnalysisPipeline()
    try:
        for name, params in steps:
            pipeline.add(name, **params)
    except ParameterError:
        return False
    return True


def mean_objective(grounds: Sequence[Ground], steps: Steps) -> float:
    """Return the mean objective over movies; nan where the values are not allowed."""
    if not allowed(steps):
        return float("nan")
    try:
        return float(np.mean([objective_of(run_trial(g, steps)) for g in grounds]))
    except ParameterError:
        return float("nan")


def find_sensitive(
    grounds: Sequence[Ground], steps: Steps, keys: Sequence[Key], base: float, progress: Progress
) -> list[tuple[Key, Sensitivity]]:
    """Move one parameter after the other and see how the objective follows; the most sensitive first.

    Parameters
    ----------
    grounds
        Movies.
    steps
        Modules with the values in effect.
    keys
        Parameters to try.
    base
        Objective with the values in effect.
    progress
        Called with what is done, how much of it, and of how much.
    """
    found = []
    for done, key in enumerate(keys):
        progress("parameters tried", done, len(keys))
        value = steps[key[0]][1][key[1]]
        tried = {}
        for factor in NUDGES:
            moved = scaled(value, factor)
            told = mean_objective(grounds, with_value(steps, key, moved))
            if np.isfinite(told):
                tried[moved] = told
        change = max((abs(told - base) for told in tried.values()), default=0.0)
        found.append((key, Sensitivity(steps[key[0]][0], key[1], value, change, tried)))
    progress("parameters tried", len(keys), len(keys))
    return sorted(found, key=lambda item: -item[1].change)


def sweep(
    grounds: Sequence[Ground], steps: Steps, keys: Sequence[Key], factors: Sequence[float], progress: Progress
) -> Sweep:
    """Try all pairs of values of two parameters (or all values of one).

    Parameters
    ----------
    grounds, steps, progress
        As for `find_sensitive`.
    keys
        One or two parameters.
    factors
        By which the values in effect are scaled.
    """
    axes = []
    for key in keys:
        value = steps[key[0]][1][key[1]]
        wanted = sorted({scaled(value, f) for f in factors})
        axes.append(tuple(v for v in wanted if allowed(with_value(steps, key, v))))
    shape = tuple(len(a) for a in axes)
    told = np.full(shape, np.nan)
    for done, at in enumerate(np.ndindex(shape)):
        progress("settings tried", done, told.size)
        changed = steps
        for key, axis, place in zip(keys, axes, at, strict=True):
            changed = with_value(changed, key, axis[place])
        told[at] = mean_objective(grounds, changed)
    progress("settings tried", told.size, told.size)
    return Sweep(tuple((steps[k][0], name) for k, name in keys), tuple(axes), told)


def best_setting(steps: Steps, keys: Sequence[Key], found: Sweep) -> Steps:
    """Return the steps with the values that did best; those in effect where nothing did better.

    Of values that bring nine tenths of the gain or more, the nearest to those in effect are taken.
    """
    yours = [steps[k][1][name] for k, name in keys]
    told = np.nan_to_num(found.objective, nan=-1.0)
    mine = tuple(axis.index(y) if y in axis else 0 for axis, y in zip(found.values, yours, strict=True))
    enough = told >= told[mine] + _NEARLY * (told.max() - told[mine])
    far = np.zeros(told.shape)
    for at in np.ndindex(told.shape):
        moved = [
            abs(np.log(max(axis[i], 0.5) / max(y, 0.5))) if isinstance(y, int) else abs(np.log(axis[i] / y))
            for axis, i, y in zip(found.values, at, yours, strict=True)
        ]
        far[at] = sum(moved)
    at = np.unravel_index(int(np.where(enough, far, np.inf).argmin()), told.shape)
    for key, axis, place in zip(keys, found.values, at, strict=True):
        steps = with_value(steps, key, axis[int(place)])
    return steps


def gain(before: Sequence[Trial], after: Sequence[Trial]) -> dict[str, Any]:
    """Compare two settings on the same movies, pair by pair.

    Returns
    -------
    dict
        ``mean``, ``low``, ``high``: difference of the objective with its 95 % confidence interval; ``sure``: whether
        the interval lies above 0.
    """
    pairs = [objective_of(b) - objective_of(a) for a, b in zip(before, after, strict=True)]
    mean, low, high = student_interval(pairs)
    return {"mean": mean, "low": low, "high": high, "sure": bool(low > 0)}
