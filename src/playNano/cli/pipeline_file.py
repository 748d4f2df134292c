"""Pipeline files with the values in effect, with which a run can be repeated."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from playNano.analysis.plan import Plan
from playNano.core.files import atomic_write
from playNano.core.serialize import json_safe
from playNano.processing.pipeline import CLEAR, PlannedStep


def write_plan(steps: dict[str, Any], path: Path, remarks: Sequence[str] = ()) -> None:
    """Write the steps with the values in effect to a pipeline file, with which the run can be repeated.

    Parameters
    ----------
    steps
        Steps as `plan_in_effect` returns them.
    path
        The file.
    remarks
        Lines of comment before them.
    """
    import yaml

    with atomic_write(path) as temporary:
        text = "".join(f"# {remark}\n" for remark in remarks)
        temporary.write_text(text + yaml.safe_dump(steps, sort_keys=False), encoding="utf-8")


def plan_in_effect(plan: Plan) -> dict[str, Any]:
    """Return the steps of a plan with all values in effect, in the form of a pipeline file.

    Parameters
    ----------
    plan
        Steps and modules as given.

    Raises
    ------
    ParameterError
        If a name or parameter is unknown or wrong.
    """
    processing, analysis = plan.bind()
    steps = described_steps(processing.steps, analysis.steps)
    if plan.objects is not None:
        steps = {**steps, "objects": plan.objects}
    if plan.edits:
        steps = {**steps, "edits": [edit.to_dict() for edit in plan.edits]}
    return {"input": plan.input, **steps} if plan.input else steps


def described_steps(
    processing: Sequence[PlannedStep], analysis: Sequence[tuple[str, dict[str, Any]]]
) -> dict[str, Any]:
    """Return processing steps and analysis modules as plain values.

    Parameters
    ----------
    processing
        Planned steps.
    analysis
        Names and parameters of modules.
    """
    return {
        "processing": [CLEAR if s.step is None else {s.name: json_safe(s.params)} for s in processing],
        "analysis": [{name: json_safe(params)} for name, params in analysis],
    }
