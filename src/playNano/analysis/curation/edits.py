"""Edits of tracks by hand: a small table, keyed by frame and place, that survives another run."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from os import PathLike
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, get_args

from pydantic import BeforeValidator

from playNano.core.files import atomic_write
from playNano.errors import FileFormatError, ParameterError

EditKind: TypeAlias = Literal["join", "break", "confirm", "delete", "add", "unusable"]
"""What an edit says: two detections follow each other in a track, do not, do indeed; there is no particle at a place,
there is one; a frame does not show the surface."""

OF_LINKS = ("join", "break", "confirm")
"""Kinds of edits with two places: the detections that a link joins."""

MAX_FRAME = 10**9
COORDINATES = ("frame", "y_px", "x_px", "y_nm", "x_nm")
COLUMNS = ("edit", *COORDINATES, *(f"to_{name}" for name in COORDINATES), "author", "time", "reason")
"""Columns of a file of edits; others are ignored."""


@dataclass(frozen=True)
class Place:
    """A place in a frame.

    Parameters
    ----------
    frame
        0-based frame, >= 0.
    y_px, x_px
        Place in the frames as analysed, px; None if not given.
    y_nm, x_nm
        Place in the movie as recorded, nm, which counts if both are given: a crop does not change it.

    Examples
    --------
    >>> Place(3, y_nm=10.0, x_nm=4.0).is_given
    True
    """

    frame: int
    y_px: float | None = None
    x_px: float | None = None
    y_nm: float | None = None
    x_nm: float | None = None

    @property
    def is_given(self) -> bool:
        """Whether both coordinates are known, in nm or in px."""
        return self.in_nm or None not in (self.y_px, self.x_px)

    @property
    def in_nm(self) -> bool:
        """Whether both coordinates are known in nm."""
        return None not in (self.y_nm, self.x_nm)


@dataclass(frozen=True)
class Edit:
    """One edit by hand.

    Parameters
    ----------
    kind
        What it says; see `EditKind`.
    place
        The detection, or the source of a link; only the frame counts for "unusable".
    to
        The target of a link; None for other kinds, and for the link that leaves `place`, whichever it is.
    author, time, reason
        Who made it, when (ISO 8601), and why; each may be empty.

    Examples
    --------
    >>> edit = Edit("break", Place(3, y_nm=10.0, x_nm=4.0), author="ada")
    >>> edit.to_dict()
    {'edit': 'break', 'frame': 3, 'y_nm': 10.0, 'x_nm': 4.0, 'author': 'ada'}
    >>> Edit.from_dict(edit.to_dict()) == edit
    True
    """

    kind: EditKind
    place: Place
    to: Place | None = None
    author: str = ""
    time: str = ""
    reason: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the edit as plain values, by the columns of a file; those without a value are left out."""
        row: dict[str, Any] = {"edit": self.kind}
        row |= {name: getattr(self.place, name) for name in COORDINATES}
        if self.to is not None:
            row |= {f"to_{name}": getattr(self.to, name) for name in COORDINATES}
        row |= {"author": self.author, "time": self.time, "reason": self.reason}
        return {name: value for name, value in row.items() if value not in (None, "")}

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Edit:
        """Return the edit of plain values, as `to_dict` returns them or as a file has them; unknown names are ignored.

        Parameters
        ----------
        row
            Column -> number or text.

        Raises
        ------
        ParameterError
            If the kind is unknown, or a place is missing or wrong.
        """
        kind = str(row.get("edit", "")).strip()
        if kind not in get_args(EditKind):
            raise ParameterError(f"edit must be one of {', '.join(get_args(EditKind))}, not {kind!r}")
        place = _place(row, "")
        if place is None or not (place.is_given or kind == "unusable"):
            raise ParameterError(f"{kind} needs frame, and y_nm and x_nm (or y_px and x_px)")
        to = _place(row, "to_") if kind in OF_LINKS else None
        if (
            kind in OF_LINKS
            and to is None
            and any(_number(row, f"to_{name}") is not None for name in COORDINATES)
        ):
            raise ParameterError(
                f"{kind} has a place to_..., and no to_frame: give it, or leave out the place"
            )
        if to is not None and not to.is_given:
            raise ParameterError(f"{kind} needs to_y_nm and to_x_nm (or to_y_px and to_x_px) with to_frame")
        if kind == "join" and to is None:
            raise ParameterError("join needs to_frame, to_y_nm and to_x_nm: the detection that follows")
        if to is not None and to.frame <= place.frame:
            raise ParameterError(f"{kind}: to_frame is {to.frame}; it must come after frame {place.frame}")
        words = [str(row.get(name) or "") for name in ("author", "time", "reason")]
        return cls(kind, place, to, *words)  # type: ignore[arg-type]

    @property
    def key(self) -> tuple[Any, ...]:
        """What makes two edits the same, whoever made them and when."""
        return self.kind, self.place, self.to


def read_edits(path: str | PathLike[str]) -> list[Edit]:
    """Read a file of edits.

    Parameters
    ----------
    path
        CSV file in UTF-8, with commas, semicolons (then also decimal commas) or tabs, and the columns ``edit, frame,
        y_nm, x_nm`` (or ``y_px, x_px``), for links ``to_frame, to_y_nm, to_x_nm`` (or px), and, if need be,
        ``author, time, reason``. Rows whose ``edit`` is empty are left out.

    Returns
    -------
    list of Edit
        In the order of the file.

    Raises
    ------
    FileFormatError
        If a column is missing or nearly one of these, or a row is wrong; the message has its line.
    OSError
        If the file cannot be read.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileFormatError(f"{path}: it is not text in UTF-8; save it as CSV in UTF-8") from error
    first = text.partition("\n")[0]
    mark = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text), delimiter=mark)
    names = [name.strip() for name in next(reader, [])]
    _check_names(path, names)
    edits = []
    try:
        for cells in reader:
            row = {name: cell.strip() for name, cell in zip(names, cells, strict=False)}
            if mark != ",":
                row |= {
                    k: v.replace(",", ".") for k, v in row.items() if k.removeprefix("to_") in COORDINATES
                }
            if row.get("edit"):
                _check_width(cells, names, mark)
                edits.append(Edit.from_dict(row))
    except (ParameterError, csv.Error) as error:
        raise FileFormatError(f"{path}, line {reader.line_num}: {error}") from error
    return edits


def write_edits(path: str | PathLike[str], edits: Iterable[Edit]) -> None:
    """Write a file of edits, which `read_edits` reads without loss.

    Parameters
    ----------
    path
        The CSV file.
    edits
        The edits.

    Raises
    ------
    OSError
        If the file cannot be written; an existing file is left unchanged.

    Examples
    --------
    >>> import tempfile
    >>> edits = [Edit("unusable", Place(7), reason="tip crash")]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_edits(Path(folder) / "edits.csv", edits)
    ...     read_edits(Path(folder) / "edits.csv") == edits
    True
    """
    with atomic_write(path) as temporary, Path(temporary).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="")
        writer.writeheader()
        writer.writerows(edit.to_dict() for edit in edits)


def edits_in_effect(value: Any) -> Any:
    """Return edits as plain values, read from a file if they are given as text.

    Parameters
    ----------
    value
        Name of a file; or a list of `Edit` or of their plain values.

    Returns
    -------
    list of dict
        What the record of a run contains, so that it does not depend on the file.

    Raises
    ------
    ParameterError
        If there is no such file, or an edit is wrong.
    """
    if isinstance(value, str | PathLike):
        try:
            return [edit.to_dict() for edit in read_edits(value)]
        except OSError as error:
            raise ParameterError(f"{value} cannot be read: {error.strerror or error}") from error
        except FileFormatError as error:
            raise ParameterError(str(error)) from error
    if not isinstance(value, Sequence) or not all(isinstance(entry, Edit | Mapping) for entry in value):
        raise ParameterError("give a CSV file, or a list of edits")
    edits = [entry if isinstance(entry, Edit) else Edit.from_dict(entry) for entry in value]
    return [edit.to_dict() for edit in edits]


EditsValue = Annotated[str | list[dict[str, Any]], BeforeValidator(edits_in_effect)]
"""Type of a parameter with edits: a CSV file or plain values; the value in effect is always the latter."""


def merged_edits(first: Sequence[Edit], then: Sequence[Edit]) -> list[Edit]:
    """Return edits in order, without those that repeat an earlier one which still holds.

    Parameters
    ----------
    first, then
        The edits. Where ``then`` begins as ``first`` ends, as a file to which rows were added, it continues it.

    Returns
    -------
    list of Edit
        A repeated edit stays if another one after the earlier may have undone it: a link that was broken, joined and
        is broken again.
    """
    before, after = [edit.key for edit in first], [edit.key for edit in then]
    common = next(
        n for n in range(min(len(before), len(after)), -1, -1) if before[len(before) - n :] == after[:n]
    )
    kept: list[Edit] = []
    for edit in (*first, *then[common:]):
        later = next((kept[i + 1 :] for i in reversed(range(len(kept))) if kept[i].key == edit.key), None)
        if later is None or any(_may_undo(other, edit) for other in later):
            kept.append(edit)
    return kept


def _may_undo(other: Edit, edit: Edit) -> bool:
    """Return whether an edit may undo another one: about a link at the same place, or add what it deletes."""
    if edit.kind in OF_LINKS:
        shared = {edit.place, edit.to} & {other.place, other.to} - {None}
        return other.kind in OF_LINKS and bool(shared)
    return {edit.kind, other.kind} == {"add", "delete"} and edit.place == other.place


def _place(row: Mapping[str, Any], prefix: str) -> Place | None:
    """Return a place of a row; None if it has no frame."""
    frame = _number(row, f"{prefix}frame")
    if frame is None:
        return None
    if not 0 <= frame <= MAX_FRAME or frame != int(frame):
        raise ParameterError(f"{prefix}frame is {frame:g}; frames are counted 0, 1, 2, ...")
    values = {name: _number(row, prefix + name) for name in COORDINATES[1:]}
    return Place(int(frame), **values)


def _number(row: Mapping[str, Any], name: str) -> float | None:
    """Return a number of a row; None where it has none."""
    given = row.get(name)
    if given is None or given == "":
        return None
    try:
        number = float(given)
    except (TypeError, ValueError) as error:
        raise ParameterError(f"{name} is {given!r}, which is no number") from error
    if math.isnan(number):
        return None
    if math.isinf(number):
        raise ParameterError(f"{name} is {given!r}, which is no finite number")
    return number


def _check_width(cells: Sequence[str], names: Sequence[str], mark: str) -> None:
    """Raise if a row has values beyond the last column: then the others may be in wrong columns too."""
    if any(cell.strip() for cell in cells[len(names) :]):
        hint = "; decimal commas need semicolons between the columns" if mark == "," else ""
        raise ParameterError(f"{len(cells)} values in {len(names)} columns{hint}")


def _check_names(path: str | PathLike[str], names: Sequence[str]) -> None:
    """Raise if a column is missing, twice there, or nearly one with a meaning."""
    for name in ("edit", "frame"):
        if name not in names:
            raise FileFormatError(f"{path}: there is no column {name!r}; it has {', '.join(names) or 'none'}")
    for name in names:
        if name in COLUMNS and names.count(name) > 1:
            raise FileFormatError(f"{path}: two columns are called {name!r}")
        close = get_close_matches(name, COLUMNS, 1, 0.75)
        if close and name not in COLUMNS:
            raise FileFormatError(
                f"{path}: the column {name!r} is nearly {close[0]!r}; call it so, or otherwise"
            )
