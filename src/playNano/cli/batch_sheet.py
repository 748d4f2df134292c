"""A sheet of movies for ``playnano batch``: a CSV file with one movie in a row."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from playNano.errors import ParameterError

KNOWN = ("file", "condition", "replicate", "channel", "frames", "edits")
"""Columns with a meaning; all others are only carried along."""

SUFFIXES = (".csv", ".tsv")
"""Endings of the names of sheets."""

_FRAMES = re.compile(r"(\d+)\s*[-\u2013]\s*(\d*)")


@dataclass
class Row:
    """One row of a sheet.

    Parameters
    ----------
    line
        Its line in the sheet, from 1.
    values
        Column -> text.
    file
        The movie.
    frames
        First and last frame, 0-based, both included; the last one is None for the end of the movie. None for all.
    problem
        Why the row cannot be run; empty if it can.
    edits
        File of edits of the tracks by hand; None for none.
    """

    line: int
    values: dict[str, str]
    file: Path
    frames: tuple[int, int | None] | None = None
    problem: str = ""
    edits: Path | None = None

    @property
    def channel(self) -> str | None:
        """The channel; None if the row has none."""
        return self.values.get("channel") or None

    @property
    def movie(self) -> tuple[Any, ...]:
        """What is read of which file: the same for two rows only if one is superfluous."""
        return self.file.resolve(), self.channel, self.frames

    def input(self, given: dict[str, Any]) -> dict[str, Any]:
        """Return the heading ``input`` of the pipeline for this row.

        Parameters
        ----------
        given
            The heading of the pipeline of the batch.
        """
        if self.frames is None:
            return given
        first, last = self.frames
        count = None if last is None else last - first + 1
        return {**given, "frames": {"first": first, "step": 1, "count": count, "of": None}}


@dataclass
class Sheet:
    """The rows of a sheet.

    Parameters
    ----------
    path
        The sheet.
    columns
        Names of its columns, in order.
    rows
        All rows that are not empty.
    doubts
        What is unusual, one text each.
    """

    path: Path
    columns: list[str]
    rows: list[Row]
    doubts: list[str] = field(default_factory=list)


def is_sheet(patterns: Sequence[str]) -> bool:
    """Return whether the arguments of the command are a sheet.

    Parameters
    ----------
    patterns
        Files or patterns.

    Raises
    ------
    ParameterError
        There are other arguments besides a sheet.
    """
    sheets = [p for p in patterns if Path(p).suffix.lower() in SUFFIXES and Path(p).is_file()]
    if sheets and len(patterns) > 1:
        raise ParameterError(f"{sheets[0]} is a sheet of movies; give it alone, without other files")
    return bool(sheets)


def read_sheet(path: Path, results: Path) -> Sheet:
    """Read a sheet, with commas, semicolons or tabs, in UTF-8 with or without byte order mark, or as Excel writes it.

    Parameters
    ----------
    path
        The sheet; its first row has the names of the columns, `file` among them. Paths are relative to the sheet.
    results
        Folder of the results of the batch, in which no movie may be.

    Returns
    -------
    Sheet
        All rows; those that cannot be run have a ``problem``.

    Raises
    ------
    ParameterError
        There is no column `file`, two columns have one name, or a name is nearly that of a column with a meaning.
    OSError
        The sheet cannot be read.
    """
    text, doubts = _text(path)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    first, _, rest = text.partition("\n")
    marked = re.fullmatch(r'"?sep=(.)"?', first.rstrip(" "))
    if marked:  # a line that Excel understands
        text = rest
    reader = csv.reader(io.StringIO(text), delimiter=marked[1] if marked else _delimiter(first))
    columns = _columns(path, next(reader, []))
    rows = []
    for cells in reader:
        cells = [cell.strip() for cell in cells]
        if any(cells):
            row = _row(path, reader.line_num + bool(marked), columns, cells)
            row.problem = row.problem or _file_problem(row.file, results)
            if row.values.get("edits"):
                row.edits = _file(path, row.values["edits"])
            rows.append(row)
    if not rows:
        raise ParameterError(f"{path}: the sheet has no movies")
    _mark_repeated(rows)
    return Sheet(path, columns, rows, [*doubts, *_doubts(rows, columns)])


def _text(path: Path) -> tuple[str, list[str]]:
    """Return the text of a file, and a doubt if its encoding is a guess."""
    content = path.read_bytes()
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16"), []
    try:
        return content.decode("utf-8-sig"), []
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace"), [
            'the sheet is not in UTF-8 and was read as Windows-1252; save it as "CSV UTF-8" if names are wrong'
        ]


def _delimiter(header: str) -> str:
    """Return the character that divides a header into most columns."""
    return max(",;\t", key=lambda mark: len(next(csv.reader([header], delimiter=mark), [])))


def _columns(path: Path, cells: list[str]) -> list[str]:
    """Return the names of the columns; known ones in small letters."""
    names = [cell.strip() for cell in cells]
    while names and not names[-1]:
        names.pop()
    names = [name.lower() if name.lower() in KNOWN else name for name in names]
    for name in names:
        close = get_close_matches(name.lower(), KNOWN, 1, 0.75)
        if not name or names.count(name) > 1:
            what = f"two columns are called {name!r}" if name else "a column has no name"
            raise ParameterError(f"{path}: {what}; every column needs a name of its own")
        if close and name not in KNOWN:
            raise ParameterError(
                f"{path}: the column {name!r} is nearly {close[0]!r}; call it so, or something else"
            )
    if "file" not in names:
        raise ParameterError(
            f"{path}: a sheet needs a column 'file'; its columns are {', '.join(map(repr, names)) or 'missing'}"
        )
    return names


def _row(path: Path, line: int, columns: list[str], cells: list[str]) -> Row:
    """Return a row of the sheet, with its problem if its cells have one."""
    values = dict(zip(columns, [*cells, *[""] * len(columns)], strict=False))
    row = Row(line, values, _file(path, values["file"]))
    if any(cells[len(columns) :]):
        row.problem = f"{len(cells)} cells, but {len(columns)} columns; put texts with separators in quotes"
    elif not values["file"]:
        row.problem = "no file is given"
    elif values.get("frames"):
        row.frames = _frames(values["frames"])
        if row.frames is None:
            row.problem = (
                f"frames {values['frames']!r}: write the first and the last frame, counted from 0, as 20-60, or 20- "
                "for all from frame 20 (a spreadsheet makes 20:60 a time of day; format the column as text)"
            )
    return row


def _file(path: Path, name: str) -> Path:
    """Return the movie of a row, relative to the sheet; backslashes are those of Windows."""
    file = path.parent / name
    return file if file.exists() or "\\" not in name else path.parent / name.replace("\\", "/")


def _frames(text: str) -> tuple[int, int | None] | None:
    """Return the first and last frame; None if the text is no range.

    Examples
    --------
    >>> _frames("20-60"), _frames("20-"), _frames("20:60"), _frames("60-20")
    ((20, 60), (20, None), None, None)
    """
    match = _FRAMES.fullmatch(text)
    if match is None:
        return None
    first, last = int(match[1]), int(match[2]) if match[2] else None
    return None if last is not None and last < first else (first, last)


def _file_problem(file: Path, results: Path) -> str:
    """Return why a file cannot be a movie of the batch, or nothing."""
    if results.resolve() in (file.resolve(), *file.resolve().parents):
        return f"{file} is in the folder of the results; give another folder"
    if file.exists():
        return ""
    if not file.parent.is_dir():
        return f"there is no folder {file.parent}"
    close = get_close_matches(file.name, [other.name for other in file.parent.iterdir()], 1)
    return f"there is no file {file}" + (f"; did you mean {close[0]!r}?" if close else "")


def _mark_repeated(rows: list[Row]) -> None:
    """Mark rows that repeat the movie of another row; both if they do not agree, as none can be preferred."""
    first: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        if row.problem:
            continue
        other = first.setdefault(row.movie, row)
        if other is row:
            continue
        row.problem = f"the same movie as in line {other.line}"
        if {**row.values, "file": ""} != {**other.values, "file": ""}:
            row.problem += ", with other values; delete the wrong row"
            other.problem = f"the same movie as in line {row.line}, with other values; delete the wrong row"


def _doubts(rows: list[Row], columns: list[str]) -> Iterator[str]:
    """Yield what is allowed but probably a mistake: missing conditions, and spellings of one condition."""
    for name in {"condition", "replicate"} & set(columns):
        empty = [str(row.line) for row in rows if not row.values[name]]
        if empty:
            yield f"no {name} in line {', '.join(empty)}"
    spellings: dict[str, str] = {}
    for row in rows:
        condition = row.values.get("condition", "")
        usual = spellings.setdefault(" ".join(condition.casefold().split()), condition)
        if condition != usual:
            yield f"line {row.line}: condition {condition!r} beside {usual!r} is taken as another condition"


def carried(values: dict[str, str], taken: Sequence[str]) -> dict[str, str]:
    """Return the values of a row for a table; a column whose name the table has already is called ``sheet_NAME``.

    Parameters
    ----------
    values
        Column -> text.
    taken
        Columns of the table.

    Examples
    --------
    >>> carried({"file": "a.asd", "condition": "pH 7", "label": "red"}, ["frame", "label"])
    {'condition': 'pH 7', 'sheet_label': 'red'}
    """
    return {
        f"sheet_{name}" if name in taken else name: text
        for name, text in values.items()
        if name not in ("file", "edits")
    }
