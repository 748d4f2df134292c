"""Units of the coordinates in tracking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from playNano.afm_stack import AFMImageStack
from playNano.algorithms.linking.tables import Unit
from playNano.analysis.points import PIXEL_AXES

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class CoordinateUnits:
    """Units in which coordinates are given, linked and reported.

    Parameters
    ----------
    columns
        Coordinate columns, y first.
    nm_per_unit
        Size of the unit of each column, nm; 1 where it is unknown.
    linking_factor
        Conversion factor of each column from its unit to that of linking.
    unit
        Unit of reported lengths: "nm", or "au" for coordinates of an unknown unit.
    origin
        What is added to reported coordinates: the place of pixel (0, 0), nm.
    """

    columns: tuple[str, ...]
    nm_per_unit: npt.NDArray[np.float64]
    linking_factor: npt.NDArray[np.float64]
    unit: Unit
    origin: npt.NDArray[np.float64]

    @property
    def report_factor(self) -> npt.NDArray[np.float64]:
        """Conversion factor of each column from the unit of linking to the report unit."""
        return self.nm_per_unit / self.linking_factor

    @property
    def length_factor(self) -> float:
        """Conversion factor of lengths in any direction: the geometric mean over the columns."""
        return float(np.exp(np.log(self.report_factor).mean()))

    @property
    def px_factor(self) -> float | None:
        """Conversion factor of lengths in any direction to px; None if coordinates are not in px."""
        if not all(name in PIXEL_AXES for name in self.columns):
            return None
        return float(np.exp(-np.log(self.linking_factor).mean()))

    @property
    def area_factor(self) -> float:
        """Conversion factor of areas (volumes): the product over the columns."""
        return float(self.report_factor.prod())


def make_units(stack: AFMImageStack, coord_columns: Sequence[str], *, in_nm: bool) -> CoordinateUnits:
    """Return the units of coordinate columns.

    Parameters
    ----------
    stack
        The movie, with its pixel size.
    coord_columns
        Names of the coordinates, in any order.
    in_nm
        Whether px coordinates are linked in nm instead of px.

    Returns
    -------
    CoordinateUnits
        Units, with the columns in the order y, x.
    """
    names = list(coord_columns)
    if all(name in PIXEL_AXES for name in names):
        columns = tuple(sorted(names, key=lambda name: PIXEL_AXES[name]))
        edge = np.array([stack.pixel_size_yx_nm[PIXEL_AXES[name]] for name in columns], dtype=np.float64)
        origin = np.array([stack.origin_nm[PIXEL_AXES[name]] for name in columns], dtype=np.float64)
        return CoordinateUnits(columns, edge, edge if in_nm else np.ones(len(names)), "nm", origin)
    columns = tuple(sorted(names, key=lambda name: not name.startswith(("y", "centroid_y"))))
    unit: Unit = "nm" if all(name.endswith("_nm") for name in names) else "au"
    return CoordinateUnits(columns, np.ones(len(names)), np.ones(len(names)), unit, np.zeros(len(names)))


def axis_of(name: str) -> str:
    """Return "y" or "x" for a column of px coordinates.

    Parameters
    ----------
    name
        Name of the column.
    """
    return "yx"[PIXEL_AXES[name]]


def corrected_name(name: str, units: CoordinateUnits) -> str:
    """Return the name of the column with a coordinate from which the drift has been subtracted.

    Parameters
    ----------
    name
        Name of the coordinate.
    units
        Units of the coordinates.

    Returns
    -------
    str
        ``"y_corrected_nm"``, ``"x_corrected_nm"``, or the name followed by ``_corrected`` for other coordinates.
    """
    return f"{axis_of(name)}_corrected_{units.unit}" if name in PIXEL_AXES else f"{name}_corrected"


def with_positions(table: pd.DataFrame, stack: AFMImageStack) -> pd.DataFrame:
    """Return a table of tracks with the columns ``y, x`` (px) and ``y_nm, x_nm``, from other px coordinates if need be.

    Parameters
    ----------
    table
        One row a detection. Without coordinates in px it comes back as it is.
    stack
        The movie, with its pixel size.
    """
    names = [next((known for known in (name, f"centroid_{name}") if known in table), "") for name in "yx"]
    if not all(names):
        return table
    places = [table[name] for name in names]
    shift = stack.shift_of(table["frame"], places[0])
    drift = stack.drift_of(table["frame"], places[0])
    added: dict[str, pd.Series] = {}
    for axis, (name, px) in enumerate(zip("yx", places, strict=True)):
        recorded = px * stack.pixel_size_yx_nm[axis] + stack.origin_nm[axis] - shift[:, axis]
        added |= {name: px, f"{name}_nm": recorded}
        if drift is not None:
            added[f"{name}_corrected_nm"] = recorded - drift[:, axis]
    return table.assign(**{name: values for name, values in added.items() if name not in table})


def left_drift(
    stack: AFMImageStack, units: CoordinateUnits, table: pd.DataFrame
) -> npt.NDArray[np.float64] | None:
    """Return the known drift that the pixel coordinates of detections still have, (N, 2) in the unit of linking.

    Parameters
    ----------
    stack
        The movie.
    units
        Units of the coordinates.
    table
        Detections, with ``frame`` and the coordinates in the unit of linking.

    Returns
    -------
    ndarray or None
        Along y and x; None if no drift is known, or the coordinates are not y and x in pixels.
    """
    if len(units.columns) != 2 or not all(name in PIXEL_AXES for name in units.columns):
        return None
    rows = table[units.columns[0]].to_numpy(np.float64) / units.linking_factor[0]
    drift = stack.drift_of(table["frame"], rows)
    if drift is None:
        return None
    return (drift + stack.shift_of(table["frame"], rows)) / units.report_factor
