"""Steps that repair the rows of frames: scars, odd and even rows shifted against each other, periodic stripes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from playNano._options import Unit
from playNano.algorithms.repair.scars import (
    Direction,
    Fill,
    ScarOptions,
    filled_from_frames,
    filled_from_rows,
    scar_mask,
)
from playNano.processing.steps import Pixels, step
from playNano.processing.surveys import report_only

Mask = npt.NDArray[np.bool_]
PerFrame = dict[str, npt.NDArray[Any]]
MANY_SCARS = 0.05
"""Share of repaired pixels of a frame from which a warning is given."""

Sigmas = Annotated[float, Field(gt=0, le=100)]
Length = Annotated[int, Field(ge=2, le=9999), Unit("px")]
Rows = Annotated[int, Field(ge=1, le=10), Unit("rows")]


def _scar_warnings(per_frame: Mapping[str, Any], numbers: list[int]) -> list[str]:
    """Return a text on frames with many scars."""
    share = np.asarray(per_frame["repaired_share"], dtype=float)
    many = np.flatnonzero(share > MANY_SCARS)
    if not many.size:
        return []
    worst = int(many[np.argmax(share[many])])
    return [
        f"scars cover more than {100 * MANY_SCARS:.0f} % of {many.size} of {len(share)} frames (up to "
        f"{100 * share[worst]:.0f} %, frame {numbers[worst]}): look at these frames; thin objects along the rows, or "
        "a torn frame, may have been taken for scars"
    ]


def _scar_neighbours(params: Mapping[str, Any]) -> int:
    return 1 if params["fill"] == "temporal" else 0


@step("filter", "1.0", neighbours=_scar_neighbours, survey=report_only(_scar_warnings))
def repair_scars(
    data: Pixels,
    survey: None = None,
    *,
    sigmas: Sigmas = 5.0,
    min_length: Length = 8,
    max_rows: Rows = 1,
    direction: Direction = "both",
    fill: Fill = "rows",
) -> tuple[Pixels, PerFrame]:
    """Replace scars: parts of one or a few rows that lie above or below both the rows above and below.

    Parameters
    ----------
    data
        Heights, (height, width) or (n, height, width); any unit.
    survey
        Not used.
    sigmas
        Smallest height difference from the rows above and below, on average over `min_length` pixels, in standard
        deviations of the noise of a pixel of the frame.
    min_length
        Smallest length of a scar along its row, px.
    max_rows
        Largest number of adjacent rows of a scar.
    direction
        "up" for scars above the surface, "down" for those below, "both".
    fill
        "rows": interpolate between the nearest rows above and below. "temporal": mean of the frame before and the
        frame after, which must be levelled; where they have scars too, or there is none, as "rows". "nan": no value,
        so that no later step uses these pixels.

    Returns
    -------
    numpy.ndarray
        The repaired frames, same shape. Other pixels are not changed; NaN stays NaN.

    Notes
    -----
    The record holds the share of repaired pixels of every frame (``per_frame.repaired_share``). Scars in the first and
    the last row, and those of a whole row (an offset, which levelling removes), are left.

    See Also
    --------
    mask_scars : The same pixels as a mask, to be ignored by the levelling steps after it.

    Examples
    --------
    >>> frame = np.random.default_rng(0).normal(0, 0.1, (20, 60))
    >>> frame[7, 10:40] += 2
    >>> round(float(repair_scars(frame)[7, 10:40].mean()), 1)
    0.0
    """
    options = ScarOptions(sigmas, min_length, max_rows, direction)
    scars = np.array([scar_mask(frame, options) for frame in data], np.bool_).reshape(data.shape)
    out = data.copy()
    for index in np.flatnonzero(scars.any(axis=(1, 2))):
        if fill == "nan":
            out[index][scars[index]] = np.nan
        elif fill == "rows":
            out[index] = filled_from_rows(data[index], scars[index])
        else:
            out[index] = filled_from_frames(data, scars, int(index))
    return out, {"repaired_share": scars.mean(axis=(1, 2))}


@step("mask", "1.0")
def mask_scars(
    data: Pixels,
    *,
    sigmas: Sigmas = 5.0,
    min_length: Length = 8,
    max_rows: Rows = 1,
    direction: Direction = "both",
) -> Mask:
    """Mark scars: parts of one or a few rows that lie above or below both the rows above and below.

    Parameters
    ----------
    data
        Heights, (height, width) or (n, height, width); any unit.
    sigmas
        Smallest height difference from the rows above and below, on average over `min_length` pixels, in standard
        deviations of the noise of a pixel of the frame.
    min_length
        Smallest length of a scar along its row, px.
    max_rows
        Largest number of adjacent rows of a scar.
    direction
        "up" for scars above the surface, "down" for those below, "both".

    Returns
    -------
    numpy.ndarray
        bool, same shape; NaN is never marked.

    Examples
    --------
    >>> frame = np.random.default_rng(0).normal(0, 0.1, (20, 60))
    >>> frame[7, 10:40] += 2
    >>> int(mask_scars(frame).sum())
    30
    """
    options = ScarOptions(sigmas, min_length, max_rows, direction)
    return np.array([scar_mask(frame, options) for frame in data], np.bool_).reshape(data.shape)
