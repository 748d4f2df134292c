"""Compiled exact values of single cells of a scale space, and the overlap of blobs."""

# mypy: ignore-errors
from __future__ import annotations

import math

import numpy as np

from playNano._jit import jit
from playNano.algorithms.blobs._log_kernels import _mirror


@jit
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


@jit
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


@jit
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


@jit
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


@jit
def _cells(blobs, side):
    """Sort blobs into square cells: the first of each cell, and after each blob the next; -1 for none."""
    rows, columns = 1, 1
    for i in range(blobs.shape[0]):
        rows = max(rows, int(blobs[i, 0] / side) + 1)
        columns = max(columns, int(blobs[i, 1] / side) + 1)
    first = np.full((rows, columns), -1)
    after = np.empty(blobs.shape[0], np.int64)
    for i in range(blobs.shape[0]):
        row, column = int(blobs[i, 0] / side), int(blobs[i, 1] / side)
        after[i] = first[row, column]
        first[row, column] = i
    return first, after


@jit
def losers(blobs, order, side, reach, limit):
    """Find the blobs that are beaten: the smaller of two (of equals, the first) that overlap too much.

    Parameters
    ----------
    blobs
        (n, 3): y, x, sigma, of the type whose rounding counts.
    order
        (n,) from the largest to the smallest, of equals the last first: what beats comes before what it beats.
    side
        Side of the cells in which neighbours are looked for; any will do.
    reach
        Distance beyond which none overlap.
    limit
        Overlap that is allowed.

    Returns
    -------
    tuple
        (n,) truths: beaten by another, and beaten by one that is not beaten itself.
    """
    one = blobs.dtype.type(1)
    beaten = np.zeros(order.size, np.bool_)
    surely = np.zeros(order.size, np.bool_)
    first, after = _cells(blobs, side)
    for w in order:
        y, x, s = np.float64(blobs[w, 0]), np.float64(blobs[w, 1]), blobs[w, 2]
        near = min(2.83 * s, reach)
        for row in range(max(int((y - near) / side), 0), min(int((y + near) / side) + 1, first.shape[0])):
            for column in range(
                max(int((x - near) / side), 0), min(int((x + near) / side) + 1, first.shape[1])
            ):
                i = first[row, column]
                while i >= 0:
                    smaller = blobs[i, 2] < s or (blobs[i, 2] == s and i < w)
                    known = surely[i] or (beaten[i] and beaten[w])
                    close = (blobs[i, 0] - y) ** 2 + (blobs[i, 1] - x) ** 2 <= near * near
                    matters = smaller and close and not known
                    if matters and _overlap(blobs[min(i, w)], blobs[max(i, w)], one) > limit:
                        beaten[i] = True
                        surely[i] = not beaten[w]
                    i = after[i]
    return beaten, surely


@jit
def overlapping(blobs, pairs, limit):
    """Return, for each pair, whether the blobs overlap by more than ``limit``."""
    out = np.empty(pairs.shape[0], np.bool_)
    one = blobs.dtype.type(1)
    for p in range(pairs.shape[0]):
        out[p] = _overlap(blobs[pairs[p, 0]], blobs[pairs[p, 1]], one) > limit
    return out


@jit
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
