"""Options of the measurement of motors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from playNano._options import Unit, check_options


@dataclass(frozen=True)
class SteppingOptions:
    """How velocities, runs and steps along a path are measured.

    Parameters
    ----------
    path
        "line": a straight line through each track, in its direction of motion; or the corners of one path for all
        tracks as a list of (y, x), nm, along which velocities are positive.
    beta
        Penalty of a step, in units of the logarithm of the number of detections times the variance of the noise, > 0.
    step_nm
        Size of a step, nm, > 0; by default the median of those that are found.
    min_length
        Minimum number of detections of a run, >= 2.
    edge_band
        Distance from the border of the field at which an end may be a departure from the field, in displacements
        between frames, >= 0.
    min_confidence
        Minimum confidence of a link, 0 to 1; a track is cut at others.
    level
        Coverage of the intervals, 0 to 1.
    """

    path: str | Sequence[Sequence[float]] = "line"
    beta: Annotated[float, Field(gt=0)] = 2.0
    step_nm: Annotated[float, Field(gt=0), Unit("nm")] | None = None
    min_length: Annotated[int, Field(ge=2)] = 5
    edge_band: Annotated[float, Field(ge=0)] = 1.5
    min_confidence: Annotated[float, Field(ge=0, le=1)] = 0.0
    level: Annotated[float, Field(gt=0, lt=1)] = 0.95

    def __post_init__(self) -> None:
        """Check the values against the limits."""
        check_options(self)
