"""Errors of the measurements of a pipeline (diffusion, dwell times, states) on replanted copies."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from playNano.analysis.pipeline import module_registry
from playNano.analysis.previous import PreviousResults
from playNano.errors import PlayNanoError, PlayNanoWarning
from playNano.validate.running import PipelineInEffect, Run

if TYPE_CHECKING:
    import pandas as pd

    from playNano.afm_stack import AFMImageStack

SCORED_MODULES = ("diffusion", "dwell_times", "states")
"""Modules whose results are compared with those from the true tracks."""


@dataclass(frozen=True)
class MeasurementScore:
    """A result of a measuring module on the copies, beside the same result from the true tracks.

    Parameters
    ----------
    module, name, unit
        The module, and the name and unit of the result.
    measured, true
        Means over the copies from the tracks of the pipeline, and from the true tracks.
    bias
        Mean of measured minus true value, relative to the latter.
    n_copies, n_covered
        Number of copies with both results, and of those in which the interval contains the true value.
    """

    module: str
    name: str
    unit: str
    measured: float
    true: float
    bias: float
    n_copies: int
    n_covered: int


def score_measurements(
    pipeline: PipelineInEffect, copies: Sequence[tuple[AFMImageStack, pd.DataFrame]]
) -> tuple[MeasurementScore, ...]:
    """Measure the pipeline's tracks and the true tracks in the same way.

    Parameters
    ----------
    pipeline
        The user's pipeline.
    copies
        Processed copies of the movie with their truth.

    Returns
    -------
    tuple of MeasurementScore
        In the order of the pipeline's modules; without results that do not exist in any copy.
    """
    steps = [step for step in pipeline.measurements if step[0] in SCORED_MODULES]
    if not steps:
        return ()
    pairs: dict[tuple[str, str, str], list[tuple[Mapping[str, Any], float]]] = {}
    for stack, truth in copies:
        run = pipeline.run(stack)
        if run.tracks is None:
            return ()
        for name, params in steps:
            measured = _headlines(name, params, stack, _previous(run, stack, None))
            true = _headlines(name, params, stack, _previous(run, stack, truth))
            for key, headline in measured.items():
                if key in true and np.isfinite([headline["value"], true[key]["value"]]).all():
                    pairs.setdefault((name, *key), []).append((headline, float(true[key]["value"])))
    return tuple(_score(key, found) for key, found in pairs.items())


def _score(key: tuple[str, str, str], found: Sequence[tuple[Mapping[str, Any], float]]) -> MeasurementScore:
    """Return the score of one result."""
    measured = np.array([float(h["value"]) for h, _ in found])
    true = np.array([t for _, t in found])
    covered = sum(bool(h["low"] <= t <= h["high"]) for h, t in found)
    bias = float(measured.mean() / true.mean() - 1) if true.mean() else float("nan")
    return MeasurementScore(*key, float(measured.mean()), float(true.mean()), bias, len(found), covered)


def _previous(run: Run, stack: AFMImageStack, truth: pd.DataFrame | None) -> PreviousResults:
    """Return the outputs of the pipeline; with a truth, its tracks instead of those of the pipeline."""
    previous = PreviousResults()
    for step in run.record["provenance"]["steps"]:
        outputs = run.record["analysis"][step["analysis_key"]]
        if truth is not None and step["kind"] == "tracking":
            outputs = {"table": _as_tracks(truth, run, stack), "summary": {}}
        previous.put(step["name"], step["kind"], outputs, stack.n_frames)
    return previous


def _as_tracks(truth: pd.DataFrame, run: Run, stack: AFMImageStack) -> pd.DataFrame:
    """Return the truth with the columns that measurements need."""
    size, origin = stack.pixel_size_yx_nm, stack.origin_nm
    table = truth[["frame", "track_id", "time_s", "y_nm", "x_nm"]].copy()
    table["y"] = (table["y_nm"] - origin[0]) / size[0]
    table["x"] = (table["x_nm"] - origin[1]) / size[1]
    for column in ("height_nm", "z_max_nm"):
        if run.tracks is not None and column in run.tracks:
            table[column] = truth["z_nm"]
    table["radius_nm"] = np.sqrt(truth["area_nm2"] / np.pi)
    table["label"] = np.arange(len(table))
    return table.sort_values(["frame", "track_id"], ignore_index=True)


def _headlines(
    name: str, params: Mapping[str, Any], stack: AFMImageStack, previous: PreviousResults
) -> dict[tuple[str, str], Mapping[str, Any]]:
    """Return the main results of a module by name and unit; empty where it fails."""
    module = module_registry()[name]()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PlayNanoWarning)
        try:
            outputs = module.run(
                stack, previous_results=previous, **module.resolve_defaults(dict(params), previous)
            )
        except PlayNanoError:
            return {}
    return {(h["name"], h["unit"]): h for h in outputs["summary"]["headlines"]}
