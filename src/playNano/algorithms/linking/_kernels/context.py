"""Kernels that gather, along each track, what its past and its future tell of a detection."""

# mypy: disable-error-code="untyped-decorator"
from __future__ import annotations

import numpy as np

from playNano._jit import jit
from playNano.algorithms.linking._kernels.assignment import Floats, Indices
from playNano.algorithms.linking._kernels.grid import Detections
from playNano.algorithms.linking._kernels.motion_model import Context


@jit
def velocity_context(
    points: Detections, previous: Indices, following: Indices, gain: float, context: Context
) -> None:
    """Write the mean velocity before and after each detection, the nearest step weighing most."""
    for j in range(previous.size):
        i = previous[j]
        context.known_past[j] = 1 if i >= 0 else 0
        for d in range(points.position.shape[1]):
            context.past[j, d] = 0.0
            if i >= 0:
                speed = (points.position[j, d] - points.position[i, d]) / (points.clock[j] - points.clock[i])
                old = context.past[i, d]
                context.past[j, d] = speed if context.known_past[i] == 0 else old + gain * (speed - old)
    for i in range(previous.size - 1, -1, -1):
        j = following[i]
        context.known_future[i] = 1 if j >= 0 else 0
        for d in range(points.position.shape[1]):
            context.future[i, d] = 0.0
            if j >= 0:
                speed = (points.position[j, d] - points.position[i, d]) / (points.clock[j] - points.clock[i])
                old = context.future[j, d]
                context.future[i, d] = speed if context.known_future[j] == 0 else old + gain * (speed - old)


@jit
def offset_context(
    points: Detections, previous: Indices, following: Indices, gain: float, context: Context
) -> None:
    """Write how far each detection lies from the mean place of its track before it, and after it."""
    n, dims = points.position.shape
    count = np.ones(n)
    mean = points.position.copy()
    for j in range(n):
        i = previous[j]
        context.known_past[j] = 1 if i >= 0 else 0
        for d in range(dims):
            if i >= 0:
                count[j] = count[i] + 1.0
                mean[j, d] = mean[i, d] + max(1.0 / count[j], gain) * (points.position[j, d] - mean[i, d])
            context.past[j, d] = mean[j, d] - points.position[j, d]
    for i in range(n - 1, -1, -1):
        j = following[i]
        context.known_future[i] = 1 if j >= 0 else 0
        count[i] = 1.0
        for d in range(dims):
            mean[i, d] = points.position[i, d]
            if j >= 0:
                count[i] = count[j] + 1.0
                mean[i, d] = mean[j, d] + max(1.0 / count[i], gain) * (points.position[i, d] - mean[j, d])
            context.future[i, d] = points.position[i, d] - mean[i, d]


@jit
def pull_sums(points: Detections, previous: Indices, context: Context, carry: int, sums: Floats) -> None:
    """Add up the normal equations of the step on past and future, by what is known, into sums (4, 7)."""
    for j in range(previous.size):
        i = previous[j]
        if i < 0:
            continue
        known = context.known_past[i] + 2 * context.known_future[j]
        gap = points.clock[j] - points.clock[i]
        scale = 1.0 / gap if carry == 1 else 1.0
        sums[known, 5] += 1.0
        for d in range(points.position.shape[1]):
            step = (points.position[j, d] - points.position[i, d]) * scale
            past, future = context.past[i, d], context.future[j, d]
            sums[known, 0] += past * past
            sums[known, 1] += past * future
            sums[known, 2] += future * future
            sums[known, 3] += past * step
            sums[known, 4] += future * step
            sums[known, 6] += step * step
