"""Small pieces of HTML for notebooks; every text in them is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

MAX_TEXTS = 8
"""Number of warnings that are shown."""

_CELL = 'style="text-align:left;vertical-align:top;padding:1px 10px 1px 0"'
_WARNING = 'style="border-left:4px solid #d55e00;padding:2px 8px;margin:2px 0"'


def html_rows(rows: Iterable[Sequence[Any]], head: Sequence[str] = ()) -> str:
    """Return a table without borders.

    Parameters
    ----------
    rows
        Its rows; values are shown as text.
    head
        Names of the columns; none without them.

    Examples
    --------
    >>> "<b>" in html_rows([("file", "<b>.asd")])
    False
    """
    names = "".join(f"<th {_CELL}>{escape(str(name))}</th>" for name in head)
    lines = [f"<tr>{names}</tr>"] if head else []
    for row in rows:
        lines.append("<tr>" + "".join(f"<td {_CELL}>{escape(str(value))}</td>" for value in row) + "</tr>")
    return f"<table>{''.join(lines)}</table>"


def html_warnings(texts: Sequence[str]) -> str:
    """Return warnings, each marked at its left; of many the first, with the number of the others.

    Parameters
    ----------
    texts
        The warnings; none gives an empty text.
    """
    shown = [f"<div {_WARNING}>&#9888; {escape(str(text))}</div>" for text in texts[:MAX_TEXTS]]
    if len(texts) > MAX_TEXTS:
        shown.append(f"<div {_WARNING}>and {len(texts) - MAX_TEXTS} more warnings</div>")
    return "".join(shown)


def html_table(table: pd.DataFrame, title: str, n_rows: int = 6) -> str:
    """Return the first rows of a table below a title.

    Parameters
    ----------
    table
        The table.
    title
        Text above it.
    n_rows
        Number of rows that are shown.
    """
    rows = table.head(n_rows).to_html(escape=True, index=False, border=0, max_cols=14)
    more = f"<div>{len(table) - n_rows} more rows</div>" if len(table) > n_rows else ""
    return f"<div><b>{escape(title)}</b></div>{rows}{more}"
