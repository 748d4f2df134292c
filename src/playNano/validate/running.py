"""Running the user's pipeline on the movie and on copies of it."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from playNano.afm_stack import AFMImageStack
from playNano.analysis.pipeline import AnalysisPipeline, AnalysisRecord
from playNano.analysis.plan import Plan
from playNano.core.provenance import latest_table, outputs_of_kind
from playNano.errors import ParameterError, PlayNanoWarning, StepError
from playNano.validate.scores import POSITION

if TYPE_CHECKING:
    import pandas as pd

Steps = list[tuple[str, dict[str, Any]]]

SCORED = ("detection", "tracking")
"""Kinds of modules whose results are scored."""


@dataclass(frozen=True, eq=False)
class Run:
    """Result of a pipeline on a movie.

    Parameters
    ----------
    detections
        Table of detections.
    tracks
        Table of tracks; None if the pipeline has no tracking.
    record
        The record.
    """

    detections: pd.DataFrame
    tracks: pd.DataFrame | None
    record: AnalysisRecord


@dataclass(frozen=True, eq=False)
class PipelineInEffect:
    """The user's pipeline with the modules and parameter values that were taken for the user's movie.

    Parameters
    ----------
    plan
        The processing steps, without the edits at the beginning.
    steps
        Detection, tracking and what they need.
    scored
        Indices of the steps that detect or track.
    measurements
        Modules that measure the tracks.
    """

    plan: Plan
    steps: Steps
    scored: Sequence[int]
    measurements: Steps

    def process(self, stack: AFMImageStack) -> AFMImageStack:
        """Process a copy of a raw movie, and return it.

        Parameters
        ----------
        stack
            The movie.

        Raises
        ------
        ParameterError
            A step moves pixels, so that positions no longer hold.
        """
        part = stack[:]
        shape = part.data.shape
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PlayNanoWarning)
            self.plan.bind()[0].run(part, keep="none")
        moving = [call.name for call in self.plan.processing if "flip" in call.name]
        if moving or part.data.shape != shape:
            raise ParameterError(
                f"pipelines that move pixels or remove frames cannot be validated ({', '.join(moving) or 'shape'} "
                "changed): leave such steps out"
            )
        return part

    def run(self, stack: AFMImageStack, steps: Steps | None = None) -> Run:
        """Analyse a processed movie.

        Parameters
        ----------
        stack
            The movie.
        steps
            Modules with their parameters; None: those in effect.

        Raises
        ------
        StepError
            The pipeline returns no table of detections.
        """
        with warnings.catch_warnings():
            # Doubts about a copy of the movie, or with settings that are only tried, are not the user's.
            warnings.simplefilter("ignore", PlayNanoWarning)
            record = run_analysis(stack, self.steps if steps is None else steps)
        detections = latest_table(record, "detection")
        if detections is None:
            raise StepError("the pipeline returned no table of detections")
        return Run(detections, latest_table(record, "tracking"), record)


def run_analysis(stack: AFMImageStack, steps: Steps) -> AnalysisRecord:
    """Run analysis modules on a movie and return the record.

    Parameters
    ----------
    stack
        The movie, processed.
    steps
        Modules with their parameters.
    """
    pipeline = AnalysisPipeline()
    for name, params in steps:
        pipeline.add(name, **params)
    return pipeline.run(stack)


def without_edits(stack: AFMImageStack, plan: Plan) -> tuple[AFMImageStack, Plan]:
    """Return the movie after the edits with which a pipeline begins, and the rest of the pipeline.

    Parameters
    ----------
    stack
        The movie; it is not changed.
    plan
        The pipeline.
    """
    edits = [step.kind == "edit" for step in plan.bind()[0].steps]
    first = edits.index(False) if False in edits else len(edits)
    if not first:
        return stack, plan
    part = stack[:]
    replace(plan, processing=plan.processing[:first]).bind()[0].run(part)
    return part, replace(plan, processing=plan.processing[first:])


def without_curation(plan: Plan) -> tuple[Plan, bool]:
    """Return a pipeline without edits of tracks by hand, which hold for one movie, and whether it had any.

    Parameters
    ----------
    plan
        The pipeline.
    """
    kept = [call for call in plan.analysis if call.name != "curation"]
    curated = len(kept) < len(plan.analysis) or bool(plan.edits)
    return replace(plan, analysis=kept, edits=()), curated


def take_effect(stack: AFMImageStack, plan: Plan) -> tuple[PipelineInEffect, Run]:
    """Run a pipeline on the user's movie, and return it with the values in effect, and the result.

    Parameters
    ----------
    stack
        The movie, raw; it is not changed.
    plan
        The pipeline.

    Raises
    ------
    ParameterError
        The pipeline detects nothing, or its detections have no positions.
    """
    processed = PipelineInEffect(plan, [], [], []).process(stack)
    steps = plan.for_movie(processed).bind()[1].steps
    record = run_analysis(processed, steps)
    entries, outputs = record["provenance"]["steps"], record["analysis"]
    scored = [
        k
        for k, entry in enumerate(entries)
        if entry["kind"] in SCORED and "table" in outputs[entry["analysis_key"]]
    ]
    detections, tracks = latest_table(record, "detection"), latest_table(record, "tracking")
    if not scored or detections is None:
        raise ParameterError(
            "the pipeline has no module that detects particles: there is nothing to validate"
        )
    if not {*POSITION, "frame"} <= set(detections.columns):
        raise ParameterError(
            "the detections have no table with 'frame', 'y_nm' and 'x_nm'; they cannot be scored"
        )
    needed = [k for k in range(scored[-1] + 1) if entries[k]["kind"] != "clustering"]
    keys = {**outputs_of_kind(record, "detection"), **outputs_of_kind(record, "tracking")}
    pipeline = PipelineInEffect(
        plan,
        [steps[k] for k in needed],
        [i for i, k in enumerate(needed) if entries[k]["analysis_key"] in keys],
        [steps[k] for k, entry in enumerate(entries) if entry["kind"] == "measurement" and k > scored[-1]],
    )
    return pipeline, Run(detections, tracks, record)


def measured_height(table: pd.DataFrame) -> float:
    """Return the mean height of detections, nm; nan without heights.

    Parameters
    ----------
    table
        The detections.
    """
    column = next((c for c in ("height_nm", "z_max_nm") if c in table.columns), None)
    values = table[column].to_numpy(np.float64) if column else np.zeros(0)
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")
