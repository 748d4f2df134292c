"""Drift: the common motion of all particles from frame to frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from playNano.algorithms._common.threads import frame_blocks, in_threads
from playNano.algorithms.linking.detections import Floats, Indices
from playNano.algorithms.linking.motion_model import subsample

if TYPE_CHECKING:
    from playNano.algorithms.linking._kernels.grid import Detections

MAD_TO_SD = 1.4826
"""Standard deviation of a Gaussian divided by its median absolute deviation."""


def estimate_drift(points: Detections, previous: Indices) -> Floats:
    """Estimate the drift of the field of view since the first frame by median steps, shrunk towards their mean.

    The drift from a frame to the next is the median step of the particles linked between them. With few particles,
    the median is shrunk towards the movie's mean drift by the fraction of its variance that is sampling noise, so that
    the motion of the particles themselves is not removed.

    Parameters
    ----------
    points
        Detections in canonical order.
    previous
        Detection before each one in its track, or -1.

    Returns
    -------
    ndarray of float64, (n_frames, D)
        Offset of each observed frame, in the unit of the positions; for frames without links by the mean drift.
    """
    n_frames = points.frame_ptr.size - 1
    target = np.flatnonzero(previous >= 0)
    target = target[points.frame_of[previous[target]] == points.frame_of[target] - 1]
    step = points.position[target] - points.position[previous[target]]
    count = np.bincount(points.frame_of[target], minlength=n_frames)
    if step.shape[0] < 3:
        return np.zeros((n_frames, step.shape[1]))
    step_ptr = np.concatenate([[0], np.cumsum(count)])
    drift = _median_steps(step, step_ptr)
    sample = subsample(np.arange(step.shape[0]))
    own = step[sample] - drift[np.searchsorted(step_ptr, sample, side="right") - 1]
    for axis in range(step.shape[1]):
        drift[:, axis] = _shrunk(drift[:, axis], count, own[:, axis])
    drift[0] = 0.0
    return np.cumsum(drift, axis=0)


def _median_steps(step: Floats, step_ptr: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Floats:
    """Return the median step into each frame, (n_frames, D); 0 where there is none."""
    from playNano.algorithms.linking._kernels.frames import group_medians

    medians = np.zeros((step_ptr.size - 1, step.shape[1]))

    def run(frames: tuple[int, int]) -> None:
        first, last = frames
        group_medians(step, step_ptr[first : last + 1], medians[first:last])

    in_threads(run, frame_blocks(step_ptr))
    return medians


def _shrunk(median: Floats, count: np.ndarray[tuple[int], np.dtype[np.int64]], own: Floats) -> Floats:
    """Shrink the median steps of an axis towards their mean by the fraction of their variance that is noise.

    Parameters
    ----------
    median
        Median step into each frame, (n_frames,).
    count
        Number of steps into each frame, (n_frames,).
    own
        Steps of a sample of particles, relative to the median of their frame.
    """
    has = np.flatnonzero(count)
    variance = (MAD_TO_SD * np.median(np.abs(own))) ** 2 * np.mean(count[has] / np.maximum(count[has] - 1, 1))
    noise = np.full(count.size, np.inf)
    # The variance of a median is pi / 2 times that of the mean.
    noise[has] = 0.5 * np.pi * variance / count[has]
    mean = np.average(median[has], weights=count[has])
    true_variance = max(float(np.mean((median[has] - mean) ** 2 - noise[has])), 0.0)
    weight = np.divide(true_variance, true_variance + noise, out=np.zeros(count.size), where=noise > 0)
    if variance == 0.0:
        weight = np.where(count > 0, 1.0, 0.0)
    overall = mean * _mean_shrinkage(median[has], noise[has], true_variance)
    shrunk = overall + weight * (median - overall)
    shrunk[count == 0] = overall
    return np.asarray(shrunk)


def _mean_shrinkage(median: Floats, noise: Floats, true_variance: float) -> float:
    """Return the weight of the mean drift against zero: 0 for noise, near 1 for a significant drift."""
    chance = float((noise + true_variance).mean() / median.size)
    square = float(median.mean()) ** 2
    return max(0.0, 1.0 - chance / square) if square > 0 else 0.0
