"""The plan of commands that need no steps."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

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
