"""Options of comparisons of conditions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from playNano._options import check_options


@dataclass(frozen=True)
class ComparisonOptions:
    """How conditions are compared.

    Parameters
    ----------
    columns
        Values of tracks to compare; by default height, volume, area and duration, as far as they exist.
    unit
        What counts as one replicate: each movie, or all movies of one replicate (sample, day) together.
    min_length
        Minimum number of detections of a track, >= 1.
    correction
        Correction of p values for the number of comparisons: "holm" or "none".
    level
        Coverage of the intervals, 0 to 1.
    seed
        Seed of the permutations that are drawn where there are too many to count them all, >= 0.
    """

    columns: Annotated[Sequence[str], Field(min_length=1)] | None = None
    unit: Literal["movie", "replicate"] = "movie"
    min_length: Annotated[int, Field(ge=1)] = 1
    correction: Literal["holm", "none"] = "holm"
    level: Annotated[float, Field(gt=0, lt=1)] = 0.95
    seed: Annotated[int, Field(ge=0)] = 0

    def __post_init__(self) -> None:
        """Check the values against the limits."""
        check_options(self)
