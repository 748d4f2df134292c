"""Units of pixel values: names of the quantities measured in them, and parameters that are heights in nm.

A name ends in its unit. Quantities measured in the unit of the pixels are called ``height_nm`` only where the channel
is a length; else ``height_deg``, ``height_V`` ... and there are no volumes.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from playNano._options import HeightUnit
from playNano.core.declaration import Declaration, metadata_of
from playNano.core.stack_text import channel_read
from playNano.errors import ParameterError

if TYPE_CHECKING:
    import pandas as pd

HEIGHTS = ("background", "z_min", "z_max", "z_mean", "height", "prominence", "mean_height")
"""Columns of tables, without ``_nm``, that are measured in the unit of the pixels; all other ``_nm`` are lateral."""

VOLUMES = ("volume_nm3",)
"""Columns that exist only where the pixels are lengths."""

_WORDS = {
    "": "au", "degree": "deg", "degrees": "deg", "volt": "V", "volts": "V", "a.u.": "au", "arb": "au",
}  # fmt: skip
_SIGNS = {
    "\u00b0": "deg", "\u00ba": "deg", "%": "percent", "\u00b5": "u", "\u03bc": "u", "\u2126": "ohm",
    "\u03a9": "ohm", "\u00c5": "angstrom", "\u212b": "angstrom", "/": "per", "\u221a": "sqrt",
}  # fmt: skip
_NOT_TOPOGRAPHY = re.compile("amplitude|deflection|error", re.IGNORECASE)


def value_suffix(unit: str | None) -> str:
    """Return the last part of the names of quantities that are measured in the unit of the pixels.

    Parameters
    ----------
    unit
        Unit of the pixel values, as in `playNano.core.stack.Stack.unit`.

    Returns
    -------
    str
        One word of ASCII letters and digits: "nm", "deg", "V" ...; "au" (arbitrary units) without a unit.

    Examples
    --------
    >>> [value_suffix(unit) for unit in ("nm", "\u00b0", "%", "mV", "nN/V", "")]
    ['nm', 'deg', 'percent', 'mV', 'nNperV', 'au']
    """
    text = (unit or "").strip()
    text = _WORDS.get(text.lower(), text)
    text = "".join(_SIGNS.get(sign, sign) for sign in text)
    plain = unicodedata.normalize("NFKD", text)
    return "".join(sign for sign in plain if sign.isascii() and sign.isalnum()) or "au"


def is_length(unit: str | None) -> bool:
    """Return whether pixel values with a unit are lengths in nm, to which readers convert all lengths.

    Parameters
    ----------
    unit
        Unit of the pixel values.

    Examples
    --------
    >>> is_length("nm"), is_length("deg"), is_length("")
    (True, False, False)
    """
    return value_suffix(unit) == "nm"


def named_by_unit(names: Iterable[str], unit: str | None, heights: Sequence[str] = HEIGHTS) -> dict[str, str]:
    """Return the names of quantities with the unit of the pixels instead of nm; lateral lengths keep their names.

    Parameters
    ----------
    names
        Names of columns or values, for pixels in nm.
    unit
        Unit of the pixel values.
    heights
        Names, without ``_nm``, of those in the unit of the pixels.

    Returns
    -------
    dict
        Name for pixels in nm -> name, in the same order; without volumes if the pixels are not lengths.

    Examples
    --------
    >>> named_by_unit(["y_nm", "height_nm", "volume_nm3"], "deg")
    {'y_nm': 'y_nm', 'height_nm': 'height_deg'}
    """
    if is_length(unit):
        return {name: name for name in names}
    suffix = value_suffix(unit)
    own = {f"{name}_nm": f"{name}_{suffix}" for name in heights}
    return {name: own.get(name, name) for name in names if name not in VOLUMES}


def table_by_unit(table: pd.DataFrame, unit: str | None, heights: Sequence[str] = HEIGHTS) -> pd.DataFrame:
    """Return a table with columns named by the unit of the pixels, and without volumes if they are not lengths.

    Parameters
    ----------
    table
        A table with the names for pixels in nm.
    unit
        Unit of the pixel values.
    heights
        Names, without ``_nm``, of the columns in the unit of the pixels.

    Returns
    -------
    pandas.DataFrame
        The same table for lengths, else a renamed copy.
    """
    if is_length(unit):
        return table
    names = named_by_unit(map(str, table.columns), unit, heights)
    return table[list(names)].rename(columns=names)


def value_label(stack: Any) -> str:
    """Return the label of an axis or colour bar of pixel values, with the unit.

    Parameters
    ----------
    stack
        The movie.

    Returns
    -------
    str
        "height (nm)" for lengths, else the channel and its unit: "phase_trace (deg)".
    """
    if is_length(stack.unit):
        return "height (nm)"
    return f"{stack.channel} ({(stack.unit or '').strip() or 'arbitrary units'})"


def channel_in_words(stack: Any) -> str:
    """Return in words what the values of a channel are, where they are not lengths in nm.

    Parameters
    ----------
    stack
        The movie.

    Returns
    -------
    str
        Such as "the channel 'phase_trace' is in deg, not a length in nm".
    """
    unit = (stack.unit or "").strip()
    values = f"is in {unit}, not a length in nm" if unit else "has no unit, so that it may not be a length"
    return f"the channel {stack.channel!r} {values}"


def topography_doubt(stack: Any) -> str | None:
    """Return a warning where the values of a channel are not heights of the sample; None where they are.

    Parameters
    ----------
    stack
        The movie.

    Returns
    -------
    str or None
        What the channel is, and what its results are called.
    """
    if not is_length(stack.unit):
        suffix = value_suffix(stack.unit)
        return (
            f"{channel_in_words(stack)}: heights are called height_{suffix}, z_max_{suffix} ..., and there are no "
            "volumes; for heights in nm, select a height channel"
        )
    name = channel_read(stack)
    if _NOT_TOPOGRAPHY.search(f"{stack.channel} {name}"):
        return (
            f"the channel {name!r} is not a topography: height_nm and volume_nm3 are measured "
            "in its values, and are not heights and volumes of the sample; select a height channel for these"
        )
    return None


def missing_column_reason(name: str, stack: Any) -> str:
    """Return why a movie's detections lack a column that they would have in nm; empty if that is not the reason.

    Parameters
    ----------
    name
        Name of the column.
    stack
        The movie.

    Returns
    -------
    str
        The end of an error message.
    """
    names = named_by_unit([name], stack.unit)
    if names.get(name) == name:
        return ""
    called = f"it is called {names[name]!r}" if name in names else "there are no volumes"
    return f"; {channel_in_words(stack)}: {called}"


def parameters_by_unit(
    declarations: Sequence[Declaration], params: Mapping[str, Any], stack: Any, where: str
) -> dict[str, Any]:
    """Return parameters without those that are heights in nm, if the pixels of a movie are not lengths.

    Parameters
    ----------
    declarations
        The functions that declare the parameters; heights are marked by `playNano._options.HeightUnit`.
    params
        Values in effect, by name.
    stack
        The movie.
    where
        Context for error messages: ``"step 2 (peak_detection)"``.

    Returns
    -------
    dict
        All of them for lengths.

    Raises
    ------
    ParameterError
        If the pixels are not lengths and such a parameter has a value other than its default.
    """
    kept = dict(params)
    if is_length(getattr(stack, "unit", "nm")):
        return kept
    for parameter in (p for declaration in declarations for p in declaration.parameters()):
        height = next((m for m in metadata_of(parameter.annotation) if isinstance(m, HeightUnit)), None)
        if height is None or parameter.name not in kept or not height.applies(kept):
            continue
        if kept.pop(parameter.name) != parameter.default:
            instead = height.instead.replace("<unit>", value_suffix(stack.unit))
            raise ParameterError(
                f"{where}: {parameter.name} is a height in nm, but {channel_in_words(stack)}; {instead}"
            )
    return kept
