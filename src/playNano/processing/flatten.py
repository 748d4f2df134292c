"""Take tilt and bow out of frames by polynomial surfaces."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from playNano.processing.steps import Pixels, step, usable_pixels

Mask = npt.NDArray[np.bool_]
Order = Annotated[int, Field(ge=1, le=6)]


def n_terms(order: int) -> int:
    """Return the number of terms of a surface of this total degree."""
    return (order + 1) * (order + 2) // 2


@step("filter", "1.0", min_pixels=lambda params: n_terms(1))
def remove_plane(data: Pixels, mask: Mask | None = None) -> Pixels:
    """Subtract the least-squares plane of each frame.

    Parameters
    ----------
    data
        Heights, (height, width) or (n, height, width).
    mask
        True where pixels are left out of the fit (they are levelled all the same).

    Returns
    -------
    numpy.ndarray
        Heights about the plane, same shape. NaN stays NaN and enters no fit; a frame with fewer than
        three usable pixels is returned as it is.

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
        True where pixels are left out of the fit (they are levelled all the same).
    order
        Total degree: terms x^i y^j with i + j <= order.

    Returns
    -------
    numpy.ndarray
        Heights about the surface, same shape. NaN stays NaN and enters no fit; a frame with fewer
        usable pixels than the surface has terms is returned as it is.

    Examples
    --------
    >>> y, x = np.mgrid[0:8, 0:9]
    >>> bool(np.allclose(polynomial_flatten(0.1 * x * y - y**2.0, order=2), 0, atol=1e-9))
    True
    """
    return _subtract_fit(data, mask, order)


def _subtract_fit(block: Pixels, mask: Mask | None, order: int) -> Pixels:
    from playNano.processing._kernels import subtract_surface, surface_sums

    usable = usable_pixels(block, mask)
    powers, heights = _powers(block.shape[2], order), _powers(block.shape[1], order)
    everything = np.ones((1, 1, 1), dtype=np.bool_)
    moments, products = surface_sums(
        block, everything if usable is None else usable, usable is None, powers, heights
    )
    coefficients = _solve(moments, products, order)
    out = np.empty_like(block)
    subtract_surface(block, coefficients, powers, heights, out)
    return out


def _powers(length: int, order: int) -> npt.NDArray[np.float64]:
    """Return powers 0..2 order of a coordinate scaled to -1..1, (2 order + 1, length)."""
    coordinate = np.linspace(-1.0, 1.0, length) if length > 1 else np.zeros(1)
    return coordinate[None, :] ** np.arange(2 * order + 1)[:, None]


def _solve(moments: npt.NDArray[Any], products: npt.NDArray[Any], order: int) -> npt.NDArray[np.float64]:
    """Solve each frame's normal equations for coefficients (n, order + 1, order + 1)."""
    terms = [(p, q) for p in range(order + 1) for q in range(order + 1 - p)]
    columns = np.array([p for p, _ in terms])
    rows = np.array([q for _, q in terms])
    matrix = moments[:, columns[:, None] + columns, rows[:, None] + rows]
    right = products[:, columns, rows]
    # A frame one pixel wide, or with few usable pixels, leaves some terms open: the smallest do.
    solution = np.linalg.pinv(matrix, rcond=1e-12, hermitian=True) @ right[:, :, None]
    coefficients = np.zeros_like(products)
    coefficients[:, columns, rows] = solution[:, :, 0]
    coefficients[moments[:, 0, 0] < len(terms)] = 0.0
    return coefficients
