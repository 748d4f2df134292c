"""Compiled steps of the particles' motion, with exclusion.

Plane coordinates (a, b) are (y, x) in nm; those of a particle on a path are (place along it in nm, 0).
Who comes, goes, merges or splits is settled between calls: that is rare, and keeps what is compiled small.
"""

# mypy: ignore-errors
from __future__ import annotations

import numpy as np

from playNano._jit import jit


@jit
def _fold(value, low, high):
    """Reflect a value into [low, high]."""
    span = high - low
    if span <= 0.0:
        return 0.5 * (low + high)
    u = (value - low) % (2.0 * span)
    return low + (u if u <= span else 2.0 * span - u)


@jit
def _neighbours(pos, contact, visible, skin, near, n_near, old):
    """List for every visible particle those within contact plus a skin, and remember the places."""
    for i in range(pos.shape[0]):
        n_near[i] = 0
        old[i, 0] = pos[i, 0]
        old[i, 1] = pos[i, 1]
        if not visible[i]:
            continue
        for j in range(i):
            reach = contact[i] + contact[j] + skin
            if visible[j] and (pos[i, 0] - pos[j, 0]) ** 2 + (pos[i, 1] - pos[j, 1]) ** 2 < reach * reach:
                if n_near[i] < near.shape[1]:
                    near[i, n_near[i]] = j
                    n_near[i] += 1
                if n_near[j] < near.shape[1]:
                    near[j, n_near[j]] = i
                    n_near[j] += 1


@jit
def _place(a, b, path, points, path_first, path_count, spacing, spot):
    """Write the place (y, x) of plane or path coordinates."""
    if path < 0:
        spot[0] = a
        spot[1] = b
        return
    u = a / spacing
    q = min(int(u), path_count[path] - 2)
    u -= q
    q += path_first[path]
    spot[0] = points[q, 0] * (1.0 - u) + points[q + 1, 0] * u
    spot[1] = points[q, 1] * (1.0 - u) + points[q + 1, 1] * u


@jit
def _meets(i, spot, near, n_near, pos, contact, single, exclusion, merges, reach):
    """Tell whether a particle bumps into another one at a place (first), and whom it merges with or -1."""
    bumps = False
    mate = -1
    for m in range(n_near[i]):
        j = near[i, m]
        d2 = (spot[0] - pos[j, 0]) ** 2 + (spot[1] - pos[j, 1]) ** 2
        touch = contact[i] + contact[j]
        if exclusion and d2 < touch * touch:
            # Who overlaps already, as after a merge, may move away.
            bumps |= d2 < (pos[i, 0] - pos[j, 0]) ** 2 + (pos[i, 1] - pos[j, 1]) ** 2
        touch += reach
        if merges and single[i] >= 0 and single[i] == single[j] and d2 < touch * touch:
            mate = j
    return bumps, mate


@jit
def advance(start, stop, steps, decay, luck, chance, reach, single, corral, leaves, points, path_first,
            path_count, spacing, box, exclusion, skin, ab, anchor, path, pos, contact, visible, out,
            stopped):  # fmt: skip
    """Take the steps [start, stop) and write the places after each; stop early at a merge or a path's end.

    `stopped` gets the step after which it stopped, the particle and the one it merges with (-1: path's end).
    """
    n = pos.shape[0]
    near = np.zeros((n, min(n, 96)), dtype=np.int64)
    n_near = np.zeros(n, dtype=np.int64)
    old = np.zeros((n, 2))
    spot = np.zeros(2)
    stale = True
    for k in range(start, stop):
        if stale:
            _neighbours(pos, contact, visible, skin, near, n_near, old)
            stale = False
        for m in range(n):
            # Turning the order round keeps the first ones from pushing the others about.
            i = m if k % 2 else n - 1 - m
            if not visible[i]:
                continue
            a = anchor[i, 0] + (ab[i, 0] - anchor[i, 0]) * decay[k, i] + steps[0, k, i]
            b = anchor[i, 1] + (ab[i, 1] - anchor[i, 1]) * decay[k, i] + steps[1, k, i]
            if corral[i] > 0.0 and (a - anchor[i, 0]) ** 2 + (b - anchor[i, 1]) ** 2 > corral[i] * corral[i]:
                continue
            if path[i] < 0:
                a = _fold(a, box[0], box[2])
                b = _fold(b, box[1], box[3])
            else:
                end = (path_count[path[i]] - 1) * spacing
                if leaves[i] and not 0.0 <= a <= end:
                    stopped[0] = k
                    stopped[1] = i
                    stopped[2] = -1
                    continue
                a = _fold(a, 0.0, end)
            _place(a, b, path[i], points, path_first, path_count, spacing, spot)
            merges = luck[k, i % luck.shape[1]] < chance[k]
            bumps, mate = _meets(i, spot, near, n_near, pos, contact, single, exclusion, merges, reach)
            if mate >= 0:
                stopped[0] = k
                stopped[1] = i
                stopped[2] = mate
            if not bumps:
                ab[i, 0] = a
                ab[i, 1] = b
                pos[i, 0] = spot[0]
                pos[i, 1] = spot[1]
                stale |= (spot[0] - old[i, 0]) ** 2 + (spot[1] - old[i, 1]) ** 2 > 0.0625 * skin * skin
        # Slices and array assignments would take seconds to compile.
        for i in range(n):
            out[k + 1, i, 0] = pos[i, 0]
            out[k + 1, i, 1] = pos[i, 1]
        if stopped[0] == k:
            return
