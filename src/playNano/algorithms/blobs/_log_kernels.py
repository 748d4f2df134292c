"""Compiled scale space: Laplacian of Gaussian in single precision, its maxima, and their exact values."""

# mypy: ignore-errors
from __future__ import annotations

import numpy as np

from playNano._jit import jit
from playNano.algorithms.blobs._correlate_kernels import correlate

# Rows that are filtered along x at a time, as one long line with margins between.
ROWS = 8
# A bare 1 as a step would have `correlate` compiled for it once more.
ONE_APART = np.int64(1)
# Signed places would be checked for being negative, which keeps loops from being vectorised.
ONE, TWO = np.uint64(1), np.uint64(2)


@jit
def _mirror(i, n):
    """Return the index that ``i`` stands for where the edge pixel is repeated (d c b a | a b c d)."""
    if 0 <= i < n:
        return i
    if -n <= i < 0:
        return -1 - i
    i = i % (2 * n)
    return i if i < n else 2 * n - 1 - i


@jit(fastmath={"contract"})
def _down(image, y, kernels, rows, smooth, curved):
    """Correlate row ``y`` of an image along the columns with two kernels, which share the sums of rows."""
    height, width = image.shape
    reach = kernels.shape[1] - 1
    for j in range(-reach, reach + 1):
        rows[reach + j] = _mirror(y + j, height)
    for x in range(width):
        v = image[y, x]
        smooth[x] = v * kernels[0, 0]
        curved[x] = v * kernels[1, 0]
    j = reach
    if j % 2:
        a, b = rows[0], rows[2 * reach]
        k, m = kernels[0, j], kernels[1, j]
        for x in range(width):
            v = image[a, x] + image[b, x]
            smooth[x] += v * k
            curved[x] += v * m
        j -= 1
    while j > 0:
        a, b, c, d = rows[reach - j], rows[reach + j], rows[reach - j + 1], rows[reach + j - 1]
        k, m = kernels[0, j], kernels[1, j]
        p, q = kernels[0, j - 1], kernels[1, j - 1]
        for x in range(width):
            v = image[a, x] + image[b, x]
            u = image[c, x] + image[d, x]
            smooth[x] = (smooth[x] + v * k) + u * p
            curved[x] = (curved[x] + v * m) + u * q
        j -= 2


@jit
def _fill_margins(line, reach):
    n = line.size - 2 * reach
    for i in range(reach):
        line[i] = line[reach + _mirror(i - reach, n)]
        line[reach + n + i] = line[reach + _mirror(n + i, n)]


@jit(fastmath={"contract"})
def _combine(along_x, along_y, scale, shift, out):
    for x in range(out.size):
        out[x] = shift - (along_y[x] + along_x[x]) * scale


@jit
def laplace_of_gaussian(image, kernels_y, kernels_x, scale, shift, plane):
    """Write shift - scale * (curvature along y + curvature along x) of the smoothed image.

    Parameters
    ----------
    image
        (h, w) float32.
    kernels_y, kernels_x
        Halves of the Gaussian and of its second derivative, (2, reach + 1) float32, for each axis; the reach
        along x must be one for `correlate`.
    scale, shift
        Factor and constant, float32.
    plane
        (h + 2, w + 2) float32; its margin is left alone.
    """
    height, width = image.shape
    reach = kernels_x.shape[1] - 1
    pitch = width + 2 * reach
    rows = np.empty(2 * kernels_y.shape[1] - 1, np.int64)
    smooth = np.empty(ROWS * pitch, np.float32)
    curved = np.empty(ROWS * pitch, np.float32)
    along_x = np.empty(ROWS * pitch, np.float32)
    along_y = np.empty(ROWS * pitch, np.float32)
    flat = plane.reshape(-1)
    for first in range(0, height, ROWS):
        n = min(ROWS, height - first)
        for i in range(n):
            s = i * pitch + reach
            _down(image, first + i, kernels_y, rows, smooth[s : s + width], curved[s : s + width])
            _fill_margins(smooth[i * pitch : (i + 1) * pitch], reach)
            _fill_margins(curved[i * pitch : (i + 1) * pitch], reach)
        used = n * pitch - 2 * reach
        correlate(smooth[: n * pitch], reach, ONE_APART, kernels_x[1], along_x[:used])
        correlate(curved[: n * pitch], reach, ONE_APART, kernels_x[0], along_y[:used])
        for i in range(n):
            a = i * pitch
            t = (first + i + 1) * (width + 2) + 1
            _combine(along_x[a : a + width], along_y[a : a + width], scale, shift, flat[t : t + width])


@jit
def mirrored(n, margin):
    """Return where the pixels of the margins before and after ``n`` pixels are repeated from."""
    before = np.empty(margin, np.int64)
    after = np.empty(margin, np.int64)
    for i in range(margin):
        before[i] = margin + _mirror(i - margin, n)
        after[i] = margin + _mirror(n + i, n)
    return before, after


@jit
def _mark(above, here, below, threshold, slack, high, mark):
    """Mark the inner cells of a row above the threshold that none of the eight around them exceeds."""
    for i in range(high.size):
        t = above[i] if above[i] > below[i] else below[i]
        high[i] = here[i] if here[i] > t else t
    for i in range(np.uint64(mark.size)):
        v = here[i + ONE] + slack
        t = high[i] if high[i] > high[i + TWO] else high[i + TWO]
        t = high[i + ONE] if high[i + ONE] > t else t
        mark[i] = (v > threshold) & (v >= t)


@jit
def _tops(planes, k, i, pitch, slack):
    """Whether cell ``i`` of plane ``k`` is as high as the nine cells of either plane beside it."""
    v = planes[k, i] + slack
    for plane in (k - 1, k + 1):
        for row in range(i - pitch, i + pitch + 1, pitch):
            for j in range(row - 1, row + 2):
                if planes[plane, j] > v:
                    return False
    return True


@jit
def _collect(planes, k, s, pitch, margin, slack, mark, first, where, n):
    """Write down the maxima among eight marked cells; return how many there are so far."""
    for i in range(first, first + 8):
        if mark[i] and _tops(planes, k, s + i, pitch, slack):
            if n < where.shape[0]:
                where[n, 0] = k - 1
                where[n, 1] = (s + i) // pitch - 1
                where[n, 2] = (s + i) % pitch - margin
            n += 1
    return n


@jit
def plane_maxima(cube, k, margin, threshold, slack, where, n):
    """Find the maxima in plane ``k`` as `scale_space_maxima` does, which are written after the first ``n``."""
    height, pitch = cube.shape[1] - 2, cube.shape[2]
    planes = cube.reshape(cube.shape[0], -1)
    flat = planes[k]
    high = np.empty(ROWS * pitch, np.float32)
    mark = np.zeros((ROWS * pitch // 8 + 2) * 8, np.uint8)
    words = mark.view(np.uint64)
    for first in range(0, height, ROWS):
        # Rows with their margins as one line, without its two ends, which are margin.
        s = (first + 1) * pitch
        m = min(ROWS, height - first) * pitch
        _mark(
            flat[s - pitch : s - pitch + m], flat[s : s + m], flat[s + pitch : s + pitch + m],
            threshold, slack, high[:m], mark[: m - 2],
        )  # fmt: skip
        mark[m - 2 : m + 8] = 0
        for word in range((m + 7) // 8):
            if words[word]:
                n = _collect(planes, k, s + 1, pitch, margin, slack, mark, 8 * word, where, n)
    return n


@jit
def scale_space_maxima(cube, margin, threshold, slack, where):
    """Find the cells of a scale space that no neighbour exceeds by more than ``slack``.

    Parameters
    ----------
    cube
        (scales + 2, h + 2, w + 2 margin) float32, -inf on the margins.
    margin
        Columns of margin on either side, at least 1.
    threshold, slack
        Maxima must exceed ``threshold - slack``; float32.
    where
        (capacity, 3) int64 to be filled: scale, row, column.

    Returns
    -------
    int
        Number of maxima, which may exceed the capacity.
    """
    n = 0
    for k in range(1, cube.shape[0] - 1):
        n = plane_maxima(cube, k, margin, threshold, slack, where, n)
    return n
