"""The plan of commands that need no steps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from playNano.errors import ParameterError

if TYPE_CHECKING:
    from playNano.analysis.plan import Plan


def plan_or_default(
    processing: str | None,
    analysis: str | None,
    pipeline: Path | None,
    objects: str | None,
    *,
    analyse: bool = True,
) -> Plan:
    """Return the plan as given; without analysis steps, the one that needs no number.

    Parameters
    ----------
    processing, analysis
        Steps as text; None if they are not given.
    pipeline
        Pipeline file; None if it is not given.
    objects
        What the movie shows; None if it is not given.
    analyse
        Whether the default analysis is run if neither modules nor objects are given.

    Raises
    ------
    ParameterError
        If analysis modules are given in more than one way.
    """
    from playNano.analysis.plan import Plan

    if analyse and analysis is None and pipeline is None and objects is None:
        objects = "auto"
    return Plan.from_options(processing, analysis, pipeline, objects)


def with_edits(plan: Plan, frames: str | None, crop: str | None, crop_unit: str) -> Plan:
    """Return a plan that begins with a selection of frames and a crop, where they are given.

    Parameters
    ----------
    plan
        The plan.
    frames
        Frames to keep, as for the step `select_frames`: "20:60".
    crop
        The rectangle to keep, "Y,X,HEIGHT,WIDTH", as for the step `crop`.
    crop_unit
        Its unit, "px" or "nm".

    Raises
    ------
    ParameterError
        If the rectangle is not four numbers.
    """
    from playNano.core.literals import Text
    from playNano.core.step_text import StepCall

    edits = [] if frames is None else [StepCall("select_frames", {"frames": frames})]
    if crop is not None:
        parts = crop.split(",")
        if len(parts) != 4:
            raise ParameterError(f"--crop {crop}: it must be Y,X,HEIGHT,WIDTH")
        box = dict(zip(("y", "x", "height", "width"), map(Text, parts), strict=True))
        edits.append(StepCall("crop", {**box, "unit": crop_unit}))
    return replace(plan, processing=[*edits, *plan.processing]) if edits else plan


def curated(plan: Plan, edits: Path | None) -> Plan:
    """Return a plan with edits of the tracks by hand, if a file of these is given.

    Parameters
    ----------
    plan
        The plan.
    edits
        The CSV file.

    Raises
    ------
    FileFormatError
        If the file is wrong; the message has the line.
    ParameterError
        If no tracking is in the plan.
    OSError
        If the file cannot be read.
    """
    from playNano.analysis.curation.edits import read_edits

    return plan if edits is None else plan.curated(read_edits(edits))
