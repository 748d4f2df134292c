"""Units, times and channel names: what the readers share when they describe a movie."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from playNano.errors import ChannelError, FileFormatError

_NM_PER = {
    "km": 1e12,
    "m": 1e9,
    "mm": 1e6,
    "um": 1e3,
    "\u00b5m": 1e3,
    "\u03bcm": 1e3,
    "~m": 1e3,
    "nm": 1.0,
    "pm": 1e-3,
    "angstrom": 0.1,
    "\u00c5": 0.1,
    "\u212b": 0.1,
}
_SAME_UNIT = {"\u00b0": "deg", "\u00ba": "deg", "degree": "deg", "degrees": "deg", "volt": "V", "volts": "V"}
_HEIGHT_NAMES = (
    "height_trace",
    "height",
    "tp",
    "topography",
    "measuredheight_trace",
    "zsensor",
    "height_retrace",
)


def base_unit(unit: str) -> tuple[float, str]:
    """Return the factor to playNano's unit for a quantity, and the name of that unit.

    Parameters
    ----------
    unit
        A unit as a vendor writes it. Lengths become nm; every other unit stays what it is.

    Returns
    -------
    factor : float
        What a value in `unit` is multiplied with.
    name : str
        "nm", "deg", "V" ... or the text as given.

    Examples
    --------
    >>> base_unit("m")
    (1000000000.0, 'nm')
    >>> base_unit("V")
    (1.0, 'V')
    """
    name = unit.strip()
    if name in _NM_PER:
        return _NM_PER[name], "nm"
    return 1.0, _SAME_UNIT.get(name, name)


def length_nm(value: float, unit: str, path: Path, what: str) -> float:
    """Return a length in nm.

    Parameters
    ----------
    value
        The number.
    unit
        Its unit, as a vendor writes it.
    path
        The file, for the message.
    what
        What the length is, for the message.

    Returns
    -------
    float
        The length, nm.

    Raises
    ------
    FileFormatError
        The unit is not a length, or the number is not finite and positive.

    Examples
    --------
    >>> length_nm(1.5, "um", Path("a.spm"), "scan size")
    1500.0
    """
    factor, name = base_unit(unit)
    if name != "nm":
        raise FileFormatError(f"{path}: {what} is given in {unit!r}, which is not a length")
    length = float(value) * factor
    if not np.isfinite(length) or length <= 0:
        raise FileFormatError(f"{path}: {what} is {value} {unit}; it must be positive")
    return length


def pick_channel(
    path: Path,
    requested: str | None,
    available: Sequence[str],
    aliases: Mapping[str, Sequence[str]] | None = None,
) -> str:
    """Return the channel of a file that is meant by a name.

    Upper and lower case are the same, and so are "_", "-", a space and nothing between words. A name without
    "_trace" or "_retrace" means the trace.

    Parameters
    ----------
    path
        The file, for the message.
    requested
        The requested name; None means the height, or the first channel where there is no height.
    available
        The channels of the file.
    aliases
        Other names (lower case) and the channels that they mean, the best first.

    Returns
    -------
    str
        One of `available`.

    Raises
    ------
    ChannelError
        There is no such channel; the message lists those that are there.

    Examples
    --------
    >>> pick_channel(Path("a.h5-jpk"), "height", ["phase_trace", "height_trace"])
    'height_trace'
    """
    known = {name.casefold(): name for name in reversed(available)}
    others = aliases or {}
    if not available:
        raise ChannelError(f"{path}: the file has no channel")
    # "HeightTrace" and "height_trace" are one name; the exact spelling goes first.
    bare = {_bare(name): name for name in reversed(available)}
    for alias in _HEIGHT_NAMES if requested is None else (requested.casefold(),):
        for name in (alias, f"{alias}_trace", *others.get(alias, ())):
            if name.casefold() in known:
                return known[name.casefold()]
            if _bare(name) in bare:
                return bare[_bare(name)]
    if requested is None:
        return available[0]
    raise ChannelError(f"{path}: there is no channel {requested!r}; the file has {', '.join(available)}")


def _bare(name: str) -> str:
    return re.sub(r"[ _-]", "", name).casefold()


def frame_dicts(
    n_frames: int, start_s: npt.ArrayLike | None, columns: Mapping[str, Iterable[Any]] | None = None
) -> list[dict[str, Any]]:
    """Return one dict a frame from columns of values.

    Parameters
    ----------
    n_frames
        How many frames there are.
    start_s
        When each frame began, s, on any clock; the first frame becomes 0. None where it is not known.
    columns
        Further values by name, one a frame.

    Returns
    -------
    list of dict
        Plain Python values; "timestamp" (s) is there where `start_s` is given.

    Examples
    --------
    >>> frame_dicts(2, [10.0, 12.5])
    [{'timestamp': 0.0}, {'timestamp': 2.5}]
    """
    plain: dict[str, list[Any]] = {}
    if start_s is not None:
        starts = np.asarray(start_s, dtype=np.float64)
        plain["timestamp"] = (starts - starts[0]).tolist() if len(starts) else []
    for name, values in (columns or {}).items():
        plain[name] = np.asarray(values).tolist()
    return [{name: values[i] for name, values in plain.items()} for i in range(n_frames)]


def iso_from_ms(milliseconds: int) -> str:
    """Return an ISO 8601 time (UTC) for milliseconds since 1970.

    Parameters
    ----------
    milliseconds
        Milliseconds since 1970-01-01 00:00 UTC.

    Returns
    -------
    str
        As in the example.

    Examples
    --------
    >>> iso_from_ms(1748439718548)
    '2025-05-28T13:41:58.548+00:00'
    """
    seconds, rest = divmod(int(milliseconds), 1000)
    moment = datetime.fromtimestamp(seconds, tz=UTC).replace(microsecond=1000 * rest)
    return moment.isoformat(timespec="milliseconds")
