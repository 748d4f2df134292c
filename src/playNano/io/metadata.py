"""Convert units, times and channel names of vendors' files; shared by all readers."""

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
    """Return the conversion factor from a unit to the corresponding unit of playNano, and the name of the latter.

    Parameters
    ----------
    unit
        A unit as written by a vendor. Lengths are converted to nm; other units are kept.

    Returns
    -------
    factor : float
        Factor by which a value in `unit` is multiplied.
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
    """Convert a length to nm.

    Parameters
    ----------
    value
        The number.
    unit
        Its unit, as written by a vendor.
    path
        The file, for the message.
    what
        Name of the length, for the message.

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
    """Return the channel of a file that corresponds to a requested name.

    The comparison ignores case and the separators "_", "-" and space between words. A name without
    "_trace" or "_retrace" means the trace.

    Parameters
    ----------
    path
        The file, for the message.
    requested
        The requested name; None means the height, or the first channel if there is no height.
    available
        The channels of the file.
    aliases
        Alternative names (lower case) and the corresponding channels, in order of preference.

    Returns
    -------
    str
        One of `available`.

    Raises
    ------
    ChannelError
        The file does not contain the channel; the message lists its channels.

    Examples
    --------
    >>> pick_channel(Path("a.h5-jpk"), "height", ["phase_trace", "height_trace"])
    'height_trace'
    """
    known = {name.casefold(): name for name in reversed(available)}
    others = aliases or {}
    if not available:
        raise ChannelError(f"{path}: the file has no channel")
    # "HeightTrace" and "height_trace" are equivalent; an exact match has priority.
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
    """Convert columns of values to one dict per frame.

    Parameters
    ----------
    n_frames
        Number of frames.
    start_s
        Start of each frame, s, with any origin; the first frame is set to 0. None if it is not known.
    columns
        Further values by name, one a frame.

    Returns
    -------
    list of dict
        Plain Python values, with "timestamp" (s) if `start_s` is given.

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
    """Convert milliseconds since 1970 to an ISO 8601 time (UTC).

    Parameters
    ----------
    milliseconds
        Milliseconds since 1970-01-01 00:00 UTC.

    Returns
    -------
    str
        ISO 8601 time with milliseconds.

    Examples
    --------
    >>> iso_from_ms(1748439718548)
    '2025-05-28T13:41:58.548+00:00'
    """
    seconds, rest = divmod(int(milliseconds), 1000)
    moment = datetime.fromtimestamp(seconds, tz=UTC).replace(microsecond=1000 * rest)
    return moment.isoformat(timespec="milliseconds")
