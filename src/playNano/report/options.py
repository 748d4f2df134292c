"""Options of a report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from playNano._options import check_options


@dataclass(frozen=True)
class ReportOptions:
    """Set what a report contains.

    Parameters
    ----------
    movie
        Whether the frames of the movie are in the report.
    size_mb
        Maximum size, MB. Above it, the movie is reduced: coarser heights, then 2 x 2 pixels as one, then every n-th
        frame; the report states it.

    Raises
    ------
    ParameterError
        The size is not a positive number.

    Examples
    --------
    >>> ReportOptions(size_mb=20).movie
    True
    """

    movie: bool = True
    size_mb: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 50.0

    def __post_init__(self) -> None:
        check_options(self)
