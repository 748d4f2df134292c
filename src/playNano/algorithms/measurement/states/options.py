"""Options of states, declared once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from playNano._options import check_options

Auto = Literal["auto"]


@dataclass(frozen=True)
class StatesOptions:
    """Options of states.

    Parameters
    ----------
    column
        Column of the detections in which states differ; None: the height.
    n_states
        Number of states, >= 1; "auto": by BIC.
    max_states
        Maximum number of states that are tried, >= 1.
    offsets
        Whether models in which molecules differ by a constant offset are tried too.
    outliers
        Whether models in which some values are outliers, which say nothing of the state, are tried too.
    min_confidence
        Minimum confidence of a link, 0 to 1; tracks are cut at others.
    level
        Coverage of the intervals, 0 to 1.
    seed
        Seed of the random starts, >= 0.

    Raises
    ------
    ParameterError
        If a value is outside its limits.

    Examples
    --------
    >>> StatesOptions(n_states=2).n_states
    2
    """

    column: str | None = None
    n_states: Annotated[int, Field(ge=1, le=8)] | Auto = "auto"
    max_states: Annotated[int, Field(ge=1, le=8)] = 4
    offsets: bool = True
    outliers: bool = True
    min_confidence: Annotated[float, Field(ge=0, le=1)] = 0.0
    level: Annotated[float, Field(gt=0, lt=1)] = 0.95
    seed: Annotated[int, Field(ge=0)] = 0

    def __post_init__(self) -> None:
        """Check the limits."""
        check_options(self)
