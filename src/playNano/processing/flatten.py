"""Steps that subtract tilt and bow from frames: planes and polynomial surfaces."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import Field

from playNano.algorithms.leveling.surfaces import n_terms, subtract_surface
from playNano.processing.steps import Pixels, step

Mask = npt.NDArray[np.bool_]
Order = Annotated[int, Field(ge=1, le=6)]


@step("filter", "1.0", min_pixels=lambda params: n_terms(1))
def remove_plane(data: Pixels, mask: Mask | None = None) -> Pixels:
    """Subtract the least-squares plane of each frame.

    Parameters
    ----------
    data
        Heights, (height, width) or (n, height, width).
    mask
        True where pixels are excluded from the fit (they are levelled nevertheless).

    Returns
    -------
    numpy.ndarray
        Heights relative to the plane, same shape. NaN stays NaN and is excluded from the fit; a frame with fewer
        than three usable pixels is returned unchanged.

    Examples
    --------
    >>> y, x = np.mgrid[0:4, 0:5]
    >>> bool(np.allclose(remove_plane(1.0 + 2 * x - 3 * y), 0, atol=1e-9))
    True
    """
    return _subtract_fit(data, mask, 1)


@step("filter", "1.0", min_pixels=lambda params: n_terms(params["order"]))
def polynomial_flatten(data: Pixels, mask: Mask | None = None, *, order: Order = 2) -> Pixels:
    """Subtract the least-squares polynomial surface of each frame.

    Parameters
    ----------
    data
        Heights, (height, width) or (n, height, width).
    mask
        True where pixels are excluded from the fit (they are levelled nevertheless).
    order
        Total degree: terms x^i y^j with i + j <= order.

    Returns
    -------
    numpy.ndarray
        Heights relative to the surface, same shape. NaN stays NaN and is excluded from the fit; a frame with fewer
        usable pixels than the polynomial has terms is returned unchanged.

    Examples
    --------
    >>> y, x = np.mgrid[0:8, 0:9]
    >>> bool(np.allclose(polynomial_flatten(0.1 * x * y - y**2.0, order=2), 0, atol=1e-9))
    True
    """
    return _subtract_fit(data, mask, order)


def _subtract_fit(block: Pixels, mask: Mask | None, order: int) -> Pixels:
    """Subtract the fitted surface of every frame."""
    out = np.empty_like(block)
    for k, frame in enumerate(block):
        out[k] = subtract_surface(frame, order, None if mask is None else mask[k])
    return out
