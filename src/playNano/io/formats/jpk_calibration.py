"""Calibration of JPK files: the chain of the encoder and the conversion slots up to the default one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from playNano.errors import FileFormatError
from playNano.io.formats.frames import Calibration, check_scaling
from playNano.io.metadata import base_unit


def as_text(value: Any) -> str:
    """Return an attribute as text (JPK files store text as bytes).

    Parameters
    ----------
    value
        Bytes, or any other object.

    Returns
    -------
    str
        Its text.
    """
    return value.decode("utf-8", errors="replace") if isinstance(value, bytes) else str(value)


def has_encoder(attributes: Mapping[str, Any]) -> bool:
    """Return whether a channel states what one of its stored numbers is worth.

    Parameters
    ----------
    attributes
        As for `calibration`.

    Returns
    -------
    bool
        Without it the further scalings have nothing to count from, and `calibration` gives the stored numbers.
    """
    return "encoder.scaling.multiplier" in attributes


def calibration(attributes: Mapping[str, Any], path: Path, channel: str) -> Calibration:
    """Compose the chain of linear scalings of a channel into one.

    Parameters
    ----------
    attributes
        The channel's properties by their JPK names ("encoder.scaling.multiplier",
        "conversion.<slot>.base-calibration-slot", "conversions.default" ...).
    path
        The file, for the message.
    channel
        The channel, for the message.

    Returns
    -------
    Calibration
        From stored numbers to the default slot, lengths in nm. A slot that is not defined changes nothing; without
        a scaling of the encoder none applies, and the numbers stay as stored, without a unit.

    Raises
    ------
    FileFormatError
        A scaling is not linear, or the chain is incomplete or cyclic.

    Examples
    --------
    >>> chain = {
    ...     "encoder.scaling.multiplier": 0.5,
    ...     "encoder.scaling.offset": 1.0,
    ...     "encoder.scaling.unit.unit": "V",
    ...     "conversions.base": "volts",
    ...     "conversions.default": "height",
    ...     "conversion.volts.defined": "false",
    ...     "conversion.height.defined": "true",
    ...     "conversion.height.base-calibration-slot": "volts",
    ...     "conversion.height.scaling.multiplier": 2e-9,
    ...     "conversion.height.scaling.offset": 0.0,
    ...     "conversion.height.scaling.unit.unit": "m",
    ... }
    >>> calibration(chain, Path("a.h5-jpk"), "height_trace")
    Calibration(slope=1.0, intercept=2.0, unit='nm')
    """
    where = f"{path}: channel {channel}"
    slope, intercept, unit = 1.0, 0.0, ""
    if not has_encoder(attributes):
        return Calibration(slope, intercept, unit)
    for prefix in _chain(attributes, where):
        multiplier, offset, scaled = _scaling(attributes, prefix, where)
        slope, intercept = slope * multiplier, intercept * multiplier + offset
        unit = scaled or unit
    factor, unit = base_unit(unit)
    check_scaling(slope, intercept, where)
    return Calibration(slope * factor, intercept * factor, unit)


def _chain(attributes: Mapping[str, Any], where: str) -> list[str]:
    """Return the prefixes of the scalings of the chain, in the order in which they are applied."""
    prefixes = ["encoder.scaling"]
    base = as_text(attributes.get("conversions.base", ""))
    slot = as_text(attributes.get("conversions.default", base))
    slots: list[str] = []
    while slot != base:
        if slot in slots:
            raise FileFormatError(f"{where}: its calibration is cyclic: {' <- '.join(slots)}")
        slots.append(slot)
        key = f"conversion.{slot}.base-calibration-slot"
        if _defined(attributes, slot) and key not in attributes:
            raise FileFormatError(f"{where}: calibration slot {slot!r} does not specify its base slot")
        slot = as_text(attributes.get(key, base))
    # The base slot is the output of the encoder; it has a scaling of its own only if it is defined.
    return prefixes + [
        f"conversion.{name}.scaling" for name in [base, *reversed(slots)] if _defined(attributes, name)
    ]


def _defined(attributes: Mapping[str, Any], slot: str) -> bool:
    return as_text(attributes.get(f"conversion.{slot}.defined", "false")) == "true"


def _scaling(attributes: Mapping[str, Any], prefix: str, where: str) -> tuple[float, float, str]:
    """Return multiplier, offset and unit of one scaling of the chain."""
    style = as_text(attributes.get(f"{prefix}.style", "offsetmultiplier"))
    kind = as_text(attributes.get(f"{prefix}.type", "linear"))
    if (kind, style) != ("linear", "offsetmultiplier"):
        raise FileFormatError(
            f"{where}: {prefix} is {kind!r} of style {style!r}; only linear ones can be read"
        )
    try:
        multiplier, offset = (_real(attributes[f"{prefix}.{name}"]) for name in ("multiplier", "offset"))
    except (KeyError, TypeError, ValueError) as error:
        raise FileFormatError(f"{where}: {prefix} has no readable multiplier and offset ({error})") from error
    return multiplier, offset, as_text(attributes.get(f"{prefix}.unit.unit", ""))


def _real(value: Any) -> float:
    if np.iscomplexobj(value):
        raise TypeError(f"{value} is not real")
    return float(value)
