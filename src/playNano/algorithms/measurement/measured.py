"""What a measurement returns: tables, headlines for the summary, and remarks in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any

from playNano.algorithms.measurement.results import Headline, named_by_clock
from playNano.algorithms.measurement.tracked_movie import Clock

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Measured:
    """Tables of a measurement, with what a summary says of them.

    Parameters
    ----------
    tables
        Table by name.
    headlines
        The results in one line each.
    messages
        Remarks in words.
    warnings
        Doubts about the results, in words.
    """

    tables: dict[str, pd.DataFrame]
    headlines: tuple[Headline, ...] = ()
    messages: tuple[str, ...] = ()
    warnings: tuple[str, ...] = field(default=())

    def __getitem__(self, name: str) -> pd.DataFrame:
        """Return a table by name."""
        return self.tables[name]

    def _repr_html_(self) -> str:
        """Return warnings, results and the names of the tables for a notebook."""
        lines = [f"<div>&#9888; {escape(text)}</div>" for text in self.warnings]
        lines += [f"<div><b>{escape(str(line.to_dict()['text']))}</b></div>" for line in self.headlines]
        lines += [f"<div>{escape(text)}</div>" for text in self.messages]
        tables = [f"{escape(name)} ({len(table)} rows)" for name, table in self.tables.items()]
        return f"{''.join(lines)}<div>tables: {', '.join(tables) or 'none'}</div>"

    def outputs(self, clock: Clock = "line") -> dict[str, Any]:
        """Return tables and summary as the outputs of a module.

        Parameters
        ----------
        clock
            Basis of the times, after which columns are named.

        Returns
        -------
        dict
            Each table by its name, ``clock``, and ``summary`` with ``headlines`` and ``messages``.
        """
        return {
            **{name: named_by_clock(table, clock) for name, table in self.tables.items()},
            "clock": clock,
            "summary": {
                "headlines": [headline.to_dict() for headline in self.headlines],
                "messages": [*self.messages, *self.warnings],
            },
        }


def table_of(rows: Iterable[Mapping[str, Any]], dtypes: Mapping[str, Any]) -> pd.DataFrame:
    """Return a table with given columns and dtypes, also where it has no rows.

    Parameters
    ----------
    rows
        Values by column.
    dtypes
        Column -> dtype, in the order of the columns.

    Examples
    --------
    >>> table_of([], {"frame": "int64", "g": "float64"}).dtypes.astype(str).to_dict()
    {'frame': 'int64', 'g': 'float64'}
    """
    import pandas as pd

    return pd.DataFrame(list(rows), columns=list(dtypes)).astype(dict(dtypes))
