"""Which detections lie so near the border of the field that a particle may have come in or gone out there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from playNano.afm_stack import AFMImageStack
from playNano.algorithms.measurement.window import detection_window
from playNano.analysis.points import PIXEL_AXES
from playNano.analysis.tracking.units import CoordinateUnits

if TYPE_CHECKING:
    import pandas as pd

    from playNano.algorithms.linking import LinkedMovie


def near_edge(
    table: pd.DataFrame, linked: LinkedMovie, units: CoordinateUnits, stack: AFMImageStack
) -> npt.NDArray[np.bool_] | None:
    """Return whether each detection lies within one step of the border of the window of detection, (N,).

    Parameters
    ----------
    table
        Detections, with the coordinates in the unit of linking.
    linked
        The tracks, with the root mean square step per frame interval.
    units
        Units of the coordinates.
    stack
        The movie.

    Returns
    -------
    ndarray of bool
        None if the coordinates are not places in the image, or no step is known.
    """
    step = linked.parameters.get("step_rms")
    if step is None or len(units.columns) != 2 or not all(name in PIXEL_AXES for name in units.columns):
        return None
    y, x = (
        table[name].to_numpy(np.float64) / factor
        for name, factor in zip(units.columns, units.linking_factor, strict=True)
    )
    return within_step_of_edge(table, y, x, float(step) * units.length_factor, stack)


def within_step_of_edge(
    table: pd.DataFrame, y: npt.ArrayLike, x: npt.ArrayLike, step_nm: float, stack: AFMImageStack
) -> npt.NDArray[np.bool_]:
    """Return whether each place lies within one step of the border of the window of detection, (N,).

    Parameters
    ----------
    table
        Detections, with their extents.
    y, x
        Their places, px, (N,).
    step_nm
        Root mean square step per frame interval, nm.
    stack
        The movie.
    """
    pixel = stack.pixel_size_yx_nm
    window = detection_window(table, stack.image_shape, (float(pixel[0]), float(pixel[1])))
    y_nm, x_nm = np.asarray(y, np.float64) * pixel[0], np.asarray(x, np.float64) * pixel[1]
    return np.asarray(window.distance_nm(y_nm, x_nm) < step_nm / np.sqrt(2), dtype=np.bool_)
