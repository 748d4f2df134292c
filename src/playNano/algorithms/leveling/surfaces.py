"""Polynomial surfaces of frames by least squares.

The terms are products of a power of x and a power of y, so that the sums over pixels of the normal equations
separate: first along the rows, then along the columns.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import numpy.typing as npt

Frame = npt.NDArray[Any]
FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


def n_terms(order: int) -> int:
    """Return the number of terms of a polynomial surface.

    Parameters
    ----------
    order
        Total degree, >= 0.

    Returns
    -------
    int
        Number of terms x^p y^q with p + q <= order.

    Examples
    --------
    >>> [n_terms(order) for order in (1, 2, 3)]
    [3, 6, 10]
    """
    return (order + 1) * (order + 2) // 2


def subtract_surface(frame: Frame, order: int, mask: Mask | None = None) -> Frame:
    """Subtract the least-squares polynomial surface of a frame.

    Parameters
    ----------
    frame
        Heights, (h, w), float32 or float64. Pixels that are not finite are left out of the fit.
    order
        Total degree: terms x^p y^q with p + q <= order, >= 1.
    mask
        True where pixels are left out of the fit, (h, w); None for nowhere.

    Returns
    -------
    ndarray
        Heights relative to the surface, same shape and dtype as `frame`; NaN stays NaN. A frame with fewer usable
        pixels than the surface has terms is returned unchanged (a copy).

    Notes
    -----
    All sums are computed in float64 without BLAS, whose order of summation depends on the number of threads, so
    that the result is reproducible to the bit.

    Examples
    --------
    >>> y, x = np.mgrid[0:4, 0:5]
    >>> bool(np.allclose(subtract_surface(1.0 + 2 * x - 3 * y, 1), 0, atol=1e-9))
    True
    """
    usable = np.isfinite(frame)
    if mask is not None:
        usable &= ~mask
    count = int(np.count_nonzero(usable))
    if count < n_terms(order):
        return frame.copy()
    heights = frame.astype(np.float64, order="C")
    if count == frame.size:
        inverse = _inverse_without_mask(*frame.shape, order)
    else:
        heights[~usable] = 0.0
        inverse = _inverse(_moments(usable.astype(np.float64, order="C"), 2 * order), order)
    p, q = _terms(order)
    sums = _moments(heights, order)[p, q]
    coefficients = np.zeros((order + 1, order + 1))
    coefficients[p, q] = np.einsum("ij,j->i", inverse, sums)
    surface = _evaluate(coefficients, *frame.shape)
    return np.subtract(frame, surface, out=np.empty_like(frame), casting="same_kind")


def _moments(values: FloatArray, degree: int) -> FloatArray:
    """Return the sums over pixels of values times x^p y^q, (degree + 1, degree + 1) over p and q."""
    height, width = values.shape
    along_rows = np.einsum("px,yx->py", _powers(width, degree), values)
    return np.asarray(np.einsum("py,qy->pq", along_rows, _powers(height, degree)))


def _evaluate(coefficients: FloatArray, height: int, width: int) -> FloatArray:
    """Return the surface of coefficients (order + 1, order + 1) over p and q, (height, width)."""
    order = len(coefficients) - 1
    weights = np.einsum("pq,qy->py", coefficients, _powers(height, order))
    surface: FloatArray = np.multiply.outer(weights[1], _powers(width, order)[1])
    surface += weights[0][:, None]
    for weight, power in zip(weights[2:], _powers(width, order)[2:], strict=True):
        surface += np.multiply.outer(weight, power)
    return surface


@functools.lru_cache(maxsize=32)
def _inverse_without_mask(height: int, width: int, order: int) -> FloatArray:
    """Return the inverse of the normal equations where every pixel is usable, (terms, terms)."""
    moments = np.multiply.outer(_powers(width, 2 * order).sum(axis=1), _powers(height, 2 * order).sum(axis=1))
    return _inverse(moments, order)


def _inverse(moments: FloatArray, order: int) -> FloatArray:
    """Return the inverse of the normal equations from the moments of the usable pixels, (terms, terms).

    It is the pseudo-inverse: where a frame one pixel wide, or with few usable pixels, leaves terms undetermined,
    the solution of minimum norm is taken.
    """
    p, q = _terms(order)
    matrix = moments[p[:, None] + p, q[:, None] + q]
    return np.asarray(np.linalg.pinv(matrix, rcond=1e-12, hermitian=True))


def _terms(order: int) -> tuple[IntArray, IntArray]:
    """Return the powers of x and y of each term."""
    terms = np.array([(p, q) for p in range(order + 1) for q in range(order + 1 - p)], dtype=np.int64)
    return terms[:, 0], terms[:, 1]


@functools.lru_cache(maxsize=64)
def _powers(length: int, degree: int) -> FloatArray:
    """Return the powers 0 to `degree` of a coordinate scaled to -1..1, (degree + 1, length)."""
    coordinate = np.linspace(-1.0, 1.0, length) if length > 1 else np.zeros(1)
    return np.asarray(coordinate[None, :] ** np.arange(degree + 1)[:, None])
