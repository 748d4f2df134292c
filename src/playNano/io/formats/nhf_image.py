"""One channel of one measurement of an `.nhf` file: where its numbers are, and what they mean."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from playNano.errors import FileFormatError
from playNano.io.formats.frames import Calibration
from playNano.io.formats.hdf5_values import attribute
from playNano.io.formats.header_values import finite
from playNano.io.metadata import base_unit

# The numbers that version 1 has for types.
_TYPES = ("int32", "uint8", "uint16", "uint32", "uint64", "int16", "int64", "double")


@dataclass(frozen=True)
class NhfImage:
    """One channel of one measurement: where its numbers are and what they mean.

    Parameters
    ----------
    dataset
        Path of the dataset within the file.
    shape
        (height, width).
    size_nm
        (y, x) of the whole image, nm.
    scaling
        From stored numbers to values.
    missing
        The stored number that means "no value"; None where there is none.
    lines_acquired
        Lines that were scanned before the measurement ended.
    direction
        Way of the slow axis.
    line_time_s
        Time of a line, s.
    start
        When the measurement began, ISO 8601.
    measurement
        Name of the measurement.
    not_written
        Whether each stored line of those that were scanned is missing in the file; empty if none is.
    """

    dataset: str
    shape: tuple[int, int]
    size_nm: tuple[float, float]
    scaling: Calibration
    missing: int | None
    lines_acquired: int
    direction: Literal["down", "up"] | None
    line_time_s: float | None
    start: str | None
    measurement: str
    not_written: tuple[bool, ...] = ()

    def decode(self, raw: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """Return the image, top line first; NaN where nothing was measured.

        Parameters
        ----------
        raw
            The stored numbers.

        Returns
        -------
        numpy.ndarray
            (height, width), float64.
        """
        values = raw.astype(np.float64)
        values *= self.scaling.slope
        values += self.scaling.intercept
        if self.missing is not None:
            values[raw == self.missing] = np.nan
        lines = values.reshape(self.shape)
        if self.not_written:
            lines[np.array(self.not_written)] = np.nan
        # The lowest line of the image is stored first.
        image = lines[::-1]
        not_scanned = self.shape[0] - self.lines_acquired
        if not_scanned:
            image[slice(0, not_scanned) if self.direction == "up" else slice(-not_scanned, None)] = np.nan
        return image


def nhf_scaling(dataset: Any, path: Path) -> tuple[Calibration, int | None]:
    """Return the scaling of a channel.

    Parameters
    ----------
    dataset
        The numbers of the channel.
    path
        The file, for messages.

    Returns
    -------
    scaling : Calibration
        From stored numbers to values.
    missing : int or None
        The stored number that means "no value".

    Raises
    ------
    FileFormatError
        The numbers are of another type than the file states, or have a calibration that cannot be read.
    """
    where = f"of {dataset.name}"
    kind = attribute(dataset, "dataset_element_type", str(dataset.dtype))
    if isinstance(kind, int):
        kind = _TYPES[kind] if 0 <= kind < len(_TYPES) else str(kind)
    if np.dtype({"double": "float64"}.get(kind, kind)) != dataset.dtype.newbyteorder("="):
        raise FileFormatError(f"{path}: the numbers {where} are {dataset.dtype}, but it says {kind}")
    newer = "signal_calibration_min" in dataset.attrs
    selected, base = (attribute(dataset, key) for key in ("signal_selected", "signal_id"))
    if selected is not None and selected != base:
        raise FileFormatError(
            f"{path}: the signal {base!r} {where} is to be shown as {selected!r}, by a calibration that cannot be read"
        )
    prefix = "signal" if newer else "base"
    if f"{prefix}_calibration_min" not in dataset.attrs:
        return Calibration(1.0, 0.0, ""), None
    low, high = (
        finite(attribute(dataset, f"{prefix}_calibration_{end}"), path, f"the calibration {where}")
        for end in ("min", "max")
    )
    unit = str(attribute(dataset, f"{prefix}_calibration_unit", ""))
    bracketed = re.search(r"\(([^()]*)\)\s*$", unit)
    factor, unit = base_unit(bracketed[1] if bracketed else unit)
    if dataset.dtype.kind == "f":
        return Calibration(factor, 0.0, unit), None
    lowest, highest, missing = _limits(dataset.dtype, newer)
    slope = (high - low) / (highest - lowest)
    return Calibration(slope * factor, (low - slope * lowest) * factor, unit), missing


def _limits(dtype: np.dtype[Any], newer: bool) -> tuple[int, int, int | None]:
    """Return the stored numbers at both ends of the range, and the one that means "no value"."""
    lowest, highest = int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)
    if not newer:
        return lowest, highest, None
    return (lowest + 1, highest, lowest) if dtype.kind == "i" else (lowest, highest - 1, highest)
