"""Compiled exact values of single cells of a scale space, and the overlap of blobs."""

# mypy: ignore-errors
from __future__ import annotations

import math

import numpy as np
from numba import njit

from playNano.algorithms._blob_kernels import _mirror


@njit(cache=True, nogil=True)
def _response(image, y, x, kernels_y, kernels_x, reach, scale):
    """Return one cell of the scale space, to the bit as `scipy.ndimage.gaussian_laplace` computes it.

    Sums run in double precision from the outermost pair of weights inwards and are rounded to the type
    of ``scale`` after each axis, so that what scipy finds equal is equal here.
    """
    height, width = image.shape
    kind = type(scale)
    rx = reach[1]
    smooth = np.empty(2 * rx + 1)
    curved = np.empty(2 * rx + 1)
    for i in range(2 * rx + 1):
        column = _mirror(x - rx + i, width)
        v = image[y, column]
        a = v * kernels_y[0, 0]
        b = v * kernels_y[1, 0]
        for j in range(reach[0], 0, -1):
            v = image[_mirror(y - j, height), column] + image[_mirror(y + j, height), column]
            a += v * kernels_y[0, j]
            b += v * kernels_y[1, j]
        smooth[i] = kind(a)
        curved[i] = kind(b)
    a = curved[rx] * kernels_x[0, 0]
    b = smooth[rx] * kernels_x[1, 0]
    for j in range(rx, 0, -1):
        a += (curved[rx - j] + curved[rx + j]) * kernels_x[0, j]
        b += (smooth[rx - j] + smooth[rx + j]) * kernels_x[1, j]
    return -(kind(a) + kind(b)) * scale


@njit(cache=True, nogil=True)
def confirm(image, cube, where, kernels_y, kernels_x, reaches, scales, threshold, slack, value):
    """Decide which candidates are maxima, from exact values wherever single precision leaves doubt.

    Parameters
    ----------
    image
        (h, w) float64.
    cube
        (scales + 2, h + 2, w + 2) float32.
    where
        (n, 3) candidates: scale, row, column.
    kernels_y, kernels_x
        (scales, 2, longest reach + 1) float64.
    reaches
        (scales, 2) reach of the kernels along y and x.
    scales
        (scales,) factors of the type whose rounding counts.
    threshold, slack
        Maxima must exceed the threshold; float32 values within ``slack`` of each other are in doubt.
    value
        (n,) of the type of ``scales``: exact heights, to be written; NaN where there is no maximum.
    """
    count, height, width = cube.shape[0] - 2, image.shape[0], image.shape[1]
    for c in range(where.shape[0]):
        k, y, x = where[c]
        v = _response(image, y, x, kernels_y[k], kernels_x[k], reaches[k], scales[k])
        good = v > threshold
        rough = cube[k + 1, y + 1, x + 1] - slack
        for q in range(max(k - 1, 0), min(k + 2, count)):
            for row in range(max(y - 1, 0), min(y + 2, height)):
                for col in range(max(x - 1, 0), min(x + 2, width)):
                    # A cell is not compared with itself: that would cost a third of all the work.
                    other = q != k or row != y or col != x
                    if good and other and cube[q + 1, row + 1, col + 1] >= rough:
                        beside = _response(image, row, col, kernels_y[q], kernels_x[q], reaches[q], scales[q])
                        good = v >= beside
        value[c] = v if good else np.nan


@njit(cache=True, nogil=True)
def _lens(d, small, swapped, one):
    """Return the part of the smaller disc that lies in the unit disc, rounding as scikit-image does.

    ``small`` is the smaller radius and ``swapped`` says that it belongs to the first disc.
    """
    kind = type(one)
    r1, r2 = (small, one) if swapped else (one, small)
    two = kind(2)
    s1, s2 = kind(r1 * r1), kind(r2 * r2)
    dd = kind(d * d)
    ratio_1 = kind(kind(kind(dd + s1) - s2) / kind(kind(two * d) * r1))
    ratio_2 = kind(kind(kind(dd + s2) - s1) / kind(kind(two * d) * r2))
    acos_1 = math.acos(np.float64(min(max(ratio_1, -one), one)))
    acos_2 = math.acos(np.float64(min(max(ratio_2, -one), one)))
    a = kind(kind(-d + r2) + r1)
    b = kind(kind(d - r2) + r1)
    c = kind(kind(d + r2) - r1)
    e = kind(kind(d + r2) + r1)
    root = 0.5 * math.sqrt(np.float64(abs(kind(kind(kind(a * b) * c) * e))))
    # The unit radius is a plain integer there, so that its term stays in double precision.
    first = kind(s1 * kind(acos_1)) if swapped else kind(acos_1)
    second = kind(acos_2) if swapped else kind(s2 * kind(acos_2))
    area = kind(kind(first + second) - kind(root))
    return np.float64(kind(area / kind(kind(math.pi) * kind(small * small))))


@njit(cache=True, nogil=True)
def _overlap(blob_1, blob_2, one):
    """Return the overlap of two blobs (y, x, sigma) with sigmas above zero, as a part of the smaller."""
    kind = type(one)
    first_larger = blob_1[2] > blob_2[2]
    large, small = (blob_1[2], blob_2[2]) if first_larger else (blob_2[2], blob_1[2])
    r = kind(small / large)
    unit = kind(large * kind(math.sqrt(2.0)))
    dy = kind(kind(blob_2[0] / unit) - kind(blob_1[0] / unit))
    dx = kind(kind(blob_2[1] / unit) - kind(blob_1[1] / unit))
    d = kind(math.sqrt(kind(kind(dy * dy) + kind(dx * dx))))
    if d > kind(one + r):
        return 0.0
    if d <= abs(kind(one - r)):
        return 1.0
    return _lens(d, r, not first_larger, one)


@njit(cache=True, nogil=True)
def losers(blobs, by_row, reach, limit):
    """Find the blobs that are beaten: the smaller of two (of equals, the first) that overlap too much.

    Parameters
    ----------
    blobs
        (n, 3): y, x, sigma, of the type whose rounding counts.
    by_row
        (n,) their order by y.
    reach
        Distance beyond which none overlap.
    limit
        Overlap that is allowed.

    Returns
    -------
    tuple
        (n,) truths: beaten by another, and beaten by one that is not beaten itself.
    """
    n = blobs.shape[0]
    one = blobs.dtype.type(1)
    beaten = np.zeros(n, np.bool_)
    surely = np.zeros(n, np.bool_)
    for again in (False, True):
        for a in range(n):
            i = by_row[a]
            for b in range(a + 1, n):
                j = by_row[b]
                dy, dx = np.float64(blobs[j, 0]) - blobs[i, 0], np.float64(blobs[j, 1]) - blobs[i, 1]
                if dy > reach:
                    break
                first, last = min(i, j), max(i, j)
                loser, winner = (last, first) if blobs[first, 2] > blobs[last, 2] else (first, last)
                known = beaten[winner] or surely[loser] or not beaten[loser] if again else beaten[loser]
                if not known and dy * dy + dx * dx <= reach * reach:
                    over = _overlap(blobs[first], blobs[last], one) > limit
                    if again:
                        surely[loser] = over
                    else:
                        beaten[loser] = over
    return beaten, surely


@njit(cache=True, nogil=True)
def overlapping(blobs, pairs, limit):
    """Return, for each pair, whether the blobs overlap by more than ``limit``."""
    out = np.empty(pairs.shape[0], np.bool_)
    one = blobs.dtype.type(1)
    for p in range(pairs.shape[0]):
        out[p] = _overlap(blobs[pairs[p, 0]], blobs[pairs[p, 1]], one) > limit
    return out


@njit(cache=True, nogil=True)
def knock_out(blobs, pairs):
    """Take overlapping pairs in their order; the smaller blob goes (of equals, the first).

    A blob that is gone removes no other. Return which stay.
    """
    stays = np.ones(blobs.shape[0], np.bool_)
    for p in range(pairs.shape[0]):
        i, j = pairs[p, 0], pairs[p, 1]
        if stays[i] and stays[j]:
            stays[j if blobs[i, 2] > blobs[j, 2] else i] = False
    return stays
