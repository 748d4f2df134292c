"""Values from headers of text: numbers within limits, dates, and names of trace and retrace."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from playNano.errors import FileFormatError

MAX_HEADER_BYTES = 4 << 20
"""A header of text that is longer is refused."""
_CHUNK_BYTES = 1 << 16


def text_header(path: Path, end: bytes) -> tuple[str, int]:
    """Read the text at the begin of a file, up to a mark.

    Parameters
    ----------
    path
        The file.
    end
        The mark.

    Returns
    -------
    text : str
        What stands before the mark, as UTF-8, or as Latin-1 where it is not UTF-8.
    first_byte : int
        The byte behind the mark.

    Raises
    ------
    FileFormatError
        The mark is not within the first `MAX_HEADER_BYTES`.
    """
    data = b""
    with path.open("rb") as file:
        while len(data) < MAX_HEADER_BYTES and (chunk := file.read(_CHUNK_BYTES)):
            searched = max(0, len(data) - len(end))
            data += chunk
            at = data.find(end, searched)
            if at >= 0:
                return decoded(data[:at]), at + len(end)
    raise FileFormatError(f"{path}: the header has no end: {end!r} is not within its first {len(data)} bytes")


def decoded(data: bytes) -> str:
    r"""Return text whose encoding the file does not state.

    Parameters
    ----------
    data
        The bytes.

    Returns
    -------
    str
        UTF-8, or Latin-1 where the bytes are not UTF-8.

    Examples
    --------
    >>> decoded(b"\xb0"), decoded(b"\xc2\xb0")
    ('°', '°')
    """
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def finite(value: Any, path: Path, what: str) -> float:
    """Return a number of a header.

    Parameters
    ----------
    value
        Text or a number; None where the header has no such entry.
    path
        The file, for the message.
    what
        What the number is, for the message.

    Returns
    -------
    float
        Finite.

    Raises
    ------
    FileFormatError
        It is missing, no number, or not finite.
    """
    try:
        number = float("complex" if np.iscomplexobj(value) else value)
    except (TypeError, ValueError) as error:
        raise FileFormatError(f"{path}: {what} is {value!r}, which is no number") from error
    # float32 pixels cannot hold a larger one.
    if not abs(number) < 1e30:
        raise FileFormatError(f"{path}: {what} is {value!r}, which no measurement has")
    return number


def positive(value: Any) -> float | None:
    """Return a positive number, or None where a value is missing or not one.

    Parameters
    ----------
    value
        Text, a number, or None.

    Returns
    -------
    float or None
        Finite and above zero.

    Examples
    --------
    >>> positive("2.5"), positive("n/a"), positive(0)
    (2.5, None, None)
    """
    try:
        number = float("complex" if np.iscomplexobj(value) else value)
    except (TypeError, ValueError):
        return None
    return number if np.isfinite(number) and number > 0 else None


def whole(value: Any, path: Path, what: str, minimum: int = 1) -> int:
    """Return a whole number of a header.

    Parameters
    ----------
    value
        Text or a number; None where the header has no such entry.
    path
        The file, for the message.
    what
        What the number is, for the message.
    minimum
        The smallest one that is allowed.

    Returns
    -------
    int
        From `minimum` to 2**31 - 1.

    Raises
    ------
    FileFormatError
        It is missing, not whole, or outside these limits.
    """
    number = finite(value, path, what)
    if number != int(number) or not minimum <= number < 2**31:
        raise FileFormatError(f"{path}: {what} is {value!r}; it must be a whole number of {minimum} or more")
    return int(number)


def iso_start(date: str, time: str, layouts: Sequence[str]) -> str | None:
    """Return a date and a time of day as ISO 8601, or None where they have no known layout.

    Parameters
    ----------
    date, time
        As the header has them.
    layouts
        Layouts of "date time" as `datetime.strptime` takes them; the first one that fits is used.

    Returns
    -------
    str or None
        Without a time zone.

    Examples
    --------
    >>> iso_start("24-01-2008", "15:53:53", ["%d-%m-%Y %H:%M:%S"])
    '2008-01-24T15:53:53'
    """
    for layout in layouts:
        try:
            return datetime.strptime(f"{date.strip()} {time.strip()}", layout).isoformat()
        except ValueError:
            continue
    return None


def moment_of(text: str | None) -> datetime | None:
    """Return the moment that ISO 8601 text means, or None where it is no such text.

    Parameters
    ----------
    text
        Without a time zone it is taken as UTC.

    Returns
    -------
    datetime or None
        With a time zone.

    Examples
    --------
    >>> moment_of("2023-07-18T15:26:38Z").second
    38
    """
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def height_aliases(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return what common names of the height mean in a format.

    Parameters
    ----------
    names
        The format's names of the height without "_trace" or "_retrace", the best first.

    Returns
    -------
    dict
        As `playNano.io.metadata.pick_channel` takes it.

    Examples
    --------
    >>> height_aliases(["Z"])["height_retrace"]
    ('Z_retrace',)
    """
    names = tuple(names)
    forth = tuple(f"{name}_trace" for name in names)
    back = tuple(f"{name}_retrace" for name in names)
    return {"height_trace": forth, "height": forth + names + back, "height_retrace": back}
