"""Compiled scale space by small steps: each scale is blurred from the one before.

Images are kept with a margin of mirrored pixels on all sides, so that many rows can be treated as one long
line: what falls on the margins is written over afterwards. A few rows at a time are blurred along y and x
and their Laplacian is taken, while they are in the cache next to the processor.
"""

# mypy: ignore-errors
from __future__ import annotations

import numpy as np

from playNano._jit import jit
from playNano.algorithms.blobs._correlate_kernels import correlate
from playNano.algorithms.blobs._log_kernels import ONE, ONE_APART, ROWS, TWO, mirrored, plane_maxima


@jit
def _mirror_sides(image, first, last, left, right):
    """Fill the margins beside some rows; ``left`` and ``right`` are the columns to be repeated there."""
    edge = image.shape[1] - right.size
    for y in range(first, last):
        for i in range(left.size):
            image[y, i] = image[y, left[i]]
            image[y, edge + i] = image[y, right[i]]


@jit
def _repeat_row(image, to, row):
    for x in range(image.shape[1]):
        image[to, x] = image[row, x]


@jit
def _mirror_ends(image, above, below):
    """Fill the margins above and below, with the rows that are to be repeated there."""
    edge = image.shape[0] - below.size
    for i in range(above.size):
        _repeat_row(image, i, above[i])
        _repeat_row(image, edge + i, below[i])


# The order of the sum is free, so that it is vectorised.
@jit(fastmath={"reassoc"})
def _sum(values):
    total = 0.0
    for i in range(values.size):
        total += values[i]
    return total


@jit
def _subtract(row, middle, out):
    for x in range(row.size):
        out[x] = row[x] - middle


@jit
def enter(frame, margin, image):
    """Copy a frame, less its mean, into an image with margins."""
    height, width = frame.shape
    middle = _sum(frame.reshape(-1)) / frame.size
    for y in range(height):
        _subtract(frame[y], middle, image[margin + y, margin : margin + width])
    columns, rows = mirrored(width, margin), mirrored(height, margin)
    _mirror_sides(image, margin, margin + height, columns[0], columns[1])
    _mirror_ends(image, rows[0], rows[1])


@jit(fastmath={"contract"})
def _nine(above, here, below, weights, out):
    """Weigh the nine cells around each inner cell of three rows: the middle, above, beside, corners."""
    middle, upright, level, corner = weights
    for i in range(np.uint64(out.size)):
        t = (above[i] + above[i + TWO]) + (below[i] + below[i + TWO])
        t = (above[i + ONE] + below[i + ONE]) * upright + t * corner
        t = t + (here[i] + here[i + TWO]) * level
        out[i] = here[i + ONE] * middle - t


@jit
def _negative_laplacian(image, margin, first, last, along_y, along_x, plane):
    """Write minus the weighted Laplacian of some rows of an image into a plane; its margins become -inf.

    The weights (float32) belong to the second differences along y and x. A twelfth of their sum for the
    product of both makes the error the same in all directions.
    """
    pitch = image.shape[1]
    p = image.reshape(-1)
    q = plane.reshape(-1)
    mixed = (along_y + along_x) / np.float32(12)
    two = np.float32(2)
    weights = (
        two * (along_y + along_x) - two * two * mixed, along_y - two * mixed, along_x - two * mixed, mixed,
    )  # fmt: skip
    s, n = first * pitch, (last - first) * pitch
    t = s - (margin - 1) * pitch
    _nine(
        p[s - pitch - 1 : s - pitch + n + 1], p[s - 1 : s + n + 1], p[s + pitch - 1 : s + pitch + n + 1],
        weights, q[t : t + n],
    )  # fmt: skip
    for edge in range(t, t + n + 1, pitch):
        for i in range(max(edge - margin, 0), min(edge + margin, q.size)):
            q[i] = -np.inf


@jit
def _step(image, kernels, reaches, factors, margin, lines, out, plane):
    """Blur an image with margins into another, and write its Laplacian into a plane of the scale space."""
    pitch, bottom = image.shape[1], image.shape[0] - margin
    columns = mirrored(pitch - 2 * margin, margin)
    rows = mirrored(bottom - margin, margin)
    p, q = image.reshape(-1), out.reshape(-1)
    kernel_y, kernel_x = kernels[0, : reaches[0] + 1], kernels[1, : reaches[1] + 1]
    reach = reaches[1]
    done = margin
    for first in range(margin, bottom, ROWS):
        last = min(first + ROWS, bottom)
        s, n = first * pitch, (last - first) * pitch
        correlate(p, s, pitch, kernel_y, lines[:n])
        correlate(lines, reach, ONE_APART, kernel_x, q[s + reach : s + n - reach])
        _mirror_sides(out, first, last, columns[0], columns[1])
        # The Laplacian lags by a row, which waits for the one below it.
        ready = last - 1
        if first == margin:
            _repeat_row(out, margin - 1, margin)
        if last == bottom:
            _repeat_row(out, bottom, bottom - 1)
            ready = bottom
        _negative_laplacian(out, margin, done, ready, factors[0], factors[1], plane)
        done = ready
    _mirror_ends(out, rows[0], rows[1])


@jit
def small_steps(images, kernels, reaches, onwards, factors, margin, cube, threshold, where):
    """Compute a scale space and find its maxima.

    Parameters
    ----------
    images
        (2, h + 2 margin, w + 2 margin) float32: the frame (`enter`), and scratch.
    kernels, reaches
        (scales, 2, longest reach + 1) float32 halves of the blurs along y and x that lead to each scale, and
        (scales, 2) their reaches (see `correlate`).
    onwards
        (scales,) whether the next scale is blurred from this one, rather than from where this one was.
    factors
        (scales, 2) float32 weights of the curvature along y and x.
    margin
        Rows and columns of margin, at least the longest reach.
    cube
        (scales + 2, h + 2, w + 2 margin) float32; -inf on its first and last planes and rows.
    threshold, where
        As of `scale_space_maxima`.

    Returns
    -------
    int
        Number of maxima, which may exceed the capacity of ``where``.
    """
    lines = np.empty(ROWS * images.shape[2], np.float32)
    a = 0
    n = np.int64(0)
    count = cube.shape[0] - 2
    for i in range(count):
        _step(images[a], kernels[i], reaches[i], factors[i], margin, lines, images[1 - a], cube[i + 1])
        if onwards[i]:
            a = 1 - a
        # A plane is searched when the one after it is there, before it leaves the cache.
        if i > 0:
            n = plane_maxima(cube, i, margin, threshold, np.float32(0), where, n)
    return plane_maxima(cube, count, margin, threshold, np.float32(0), where, n)
