"""Options of the measurement of rotation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from playNano._options import Unit, check_options


@dataclass(frozen=True)
class RotationOptions:
    """Options of the measurement of rotation.

    Parameters
    ----------
    min_eccentricity
        Minimum eccentricity of a detection whose orientation counts, 0 to 1; that of a round one is noise.
    bins
        Minimum number of bins of orientation over half a turn, 12 to 720.
    min_confidence
        Minimum confidence of a link, 0 to 1; tracks are cut at others.
    max_pair_nm
        Maximum median distance of two tracks that are a pair, nm, > 0; None: each track and its nearest neighbour.
    level
        Coverage of the intervals, 0 to 1.
    """

    min_eccentricity: Annotated[float, Field(ge=0, lt=1)] = 0.6
    bins: Annotated[int, Field(ge=12, le=720)] = 90
    min_confidence: Annotated[float, Field(ge=0, le=1)] = 0.0
    max_pair_nm: Annotated[float, Field(gt=0), Unit("nm")] | None = None
    level: Annotated[float, Field(gt=0, lt=1)] = 0.95

    def __post_init__(self) -> None:
        """Check the values."""
        check_options(self)
