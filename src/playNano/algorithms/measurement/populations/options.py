"""Options of the measurement of populations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from playNano._options import check_options


@dataclass(frozen=True)
class PopulationOptions:
    """How heights and volumes of tracks are measured, and grouped into populations.

    Parameters
    ----------
    columns
        Columns of the detections to measure. By default ``height_nm`` and ``volume_nm3``, where the detections have
        them, or the height in the unit of the channel.
    max_components
        Maximum number of populations, 1 to 10.
    oligomers
        Whether volumes are also fitted as multiples of the volume of a monomer.
    min_length
        Minimum number of detections of a track, >= 1.
    whole_only
        Whether detections that touch the border of the frame, and are cut by it, are left out.
    level
        Coverage of the intervals, 0 to 1.
    """

    columns: Annotated[Sequence[str], Field(min_length=1)] | None = None
    max_components: Annotated[int, Field(ge=1, le=10)] = 5
    oligomers: bool = False
    min_length: Annotated[int, Field(ge=1)] = 1
    whole_only: bool = True
    level: Annotated[float, Field(gt=0, lt=1)] = 0.95

    def __post_init__(self) -> None:
        """Check the values against the limits."""
        check_options(self)
