"""Take tilt and bow out of frames by polynomial surfaces."""

from __future__ import annotations

import functools
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
    from playNano.algorithms.leveling._plane_kernels import flatten_whole

    n, height, width = block.shape
    out = np.empty_like(block)
    whole = np.zeros(n, dtype=np.bool_)
    if height * width >= n_terms(order):
        powers, heights = _powers(width, order), _powers(height, order)
        skip = np.zeros(n, dtype=np.bool_) if mask is None else mask.any(axis=(1, 2))
        flatten_whole(block, skip, _inverse_of_whole(height, width, order), powers, heights, out, whole)
    rest = np.flatnonzero(~whole)
    if rest.size:
        out[rest] = _subtract_partial_fit(block[rest], None if mask is None else mask[rest], order)
    return out


def _subtract_partial_fit(block: Pixels, mask: Mask | None, order: int) -> Pixels:
    """Fit to the usable pixels only."""
    from playNano.algorithms.leveling._plane_kernels import subtract_surface, surface_sums

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


@functools.lru_cache(maxsize=32)
def _inverse_of_whole(height: int, width: int, order: int) -> npt.NDArray[np.float64]:
    """Return the inverse of the normal equations where every pixel is usable, (terms, terms)."""
    column_sums = _powers(width, order).sum(axis=1)
    row_sums = _powers(height, order).sum(axis=1)
    columns, rows = _terms(order)
    matrix = column_sums[columns[:, None] + columns] * row_sums[rows[:, None] + rows]
    return _inverse(matrix)


def _terms(order: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the powers of column and row of each term."""
    terms = np.array([(p, q) for p in range(order + 1) for q in range(order + 1 - p)], dtype=np.int64)
    return terms[:, 0], terms[:, 1]


def _inverse(matrix: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    # A frame one pixel wide, or with few usable pixels, leaves some terms open: the smallest do.
    return np.ascontiguousarray(np.linalg.pinv(matrix, rcond=1e-12, hermitian=True))


@functools.lru_cache(maxsize=64)
def _powers(length: int, order: int) -> npt.NDArray[np.float64]:
    """Return powers 0..2 order of a coordinate scaled to -1..1, (2 order + 1, length)."""
    coordinate = np.linspace(-1.0, 1.0, length) if length > 1 else np.zeros(1)
    return coordinate[None, :] ** np.arange(2 * order + 1)[:, None]


def _solve(moments: npt.NDArray[Any], products: npt.NDArray[Any], order: int) -> npt.NDArray[np.float64]:
    """Solve each frame's normal equations for coefficients (n, order + 1, order + 1)."""
    columns, rows = _terms(order)
    matrix = moments[:, columns[:, None] + columns, rows[:, None] + rows]
    solution = _inverse(matrix) @ products[:, columns, rows][:, :, None]
    coefficients = np.zeros_like(products)
    coefficients[:, columns, rows] = solution[:, :, 0]
    coefficients[moments[:, 0, 0] < len(columns)] = 0.0
    return coefficients
