"""Kernels that gather, along each track, the past and future motion of a detection."""

from __future__ import annotations

import numpy as np

from playNano._jit import jit
from playNano.algorithms.linking._kernels.assignment import Indices
from playNano.algorithms.linking._kernels.grid import Detections
from playNano.algorithms.linking._kernels.motion_model import Context


@jit
def velocity_context(
    points: Detections, previous: Indices, following: Indices, gain: float, context: Context
) -> None:
    """Compute the mean velocity before and after each detection, exponential moving averages with weight `gain`."""
    position, time, past, future = points.position, points.time, context.past, context.future
    for j in range(previous.size):
        i = previous[j]
        context.has_past[j] = 1 if i >= 0 else 0
        for d in range(position.shape[1]):
            past[j, d] = 0.0
            if i >= 0:
                velocity = (position[j, d] - position[i, d]) / (time[j] - time[i])
                old = past[i, d]
                past[j, d] = velocity if context.has_past[i] == 0 else old + gain * (velocity - old)
    for i in range(previous.size - 1, -1, -1):
        j = following[i]
        context.has_future[i] = 1 if j >= 0 else 0
        for d in range(position.shape[1]):
            future[i, d] = 0.0
            if j >= 0:
                velocity = (position[j, d] - position[i, d]) / (time[j] - time[i])
                old = future[j, d]
                future[i, d] = velocity if context.has_future[j] == 0 else old + gain * (velocity - old)


@jit
def offset_context(
    points: Detections, previous: Indices, following: Indices, gain: float, context: Context
) -> None:
    """Compute the offset of each detection from the mean position of its track before it, and after it.

    The means are cumulative until a new position weighs less than the gain, then exponential moving averages.
    """
    position, past, future = points.position, context.past, context.future
    n, dims = position.shape
    count = np.ones(n)
    mean = position.copy()
    for j in range(n):
        i = previous[j]
        context.has_past[j] = 1 if i >= 0 else 0
        for d in range(dims):
            if i >= 0:
                count[j] = count[i] + 1.0
                mean[j, d] = mean[i, d] + max(1.0 / count[j], gain) * (position[j, d] - mean[i, d])
            past[j, d] = mean[j, d] - position[j, d]
    for i in range(n - 1, -1, -1):
        j = following[i]
        context.has_future[i] = 1 if j >= 0 else 0
        count[i] = 1.0
        for d in range(dims):
            mean[i, d] = position[i, d]
            if j >= 0:
                count[i] = count[j] + 1.0
                mean[i, d] = mean[j, d] + max(1.0 / count[i], gain) * (position[i, d] - mean[j, d])
            future[i, d] = position[i, d] - mean[i, d]
