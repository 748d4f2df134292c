"""Common motion of all particles from frame to frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from playNano.algorithms._common.threads import frame_blocks, in_threads
from playNano.algorithms.linking.detections import Floats
from playNano.algorithms.linking.motion_model import thinned

if TYPE_CHECKING:
    import numpy.typing as npt

    from playNano.algorithms.linking._kernels.grid import Detections


def common_motion(points: Detections, previous: npt.NDArray[np.int32]) -> Floats:
    """Estimate how far the whole field has moved since the first frame.

    The drift from a frame to the next is the median step of the particles linked between them. Where few
    particles carry it, the median is shrunk towards the movie's mean drift by the part of its variance that
    is sampling noise, so that a movie of few particles does not lose their own motion.

    Parameters
    ----------
    points
        Detections in canonical order.
    previous
        Detection before each one in its track, or -1.

    Returns
    -------
    ndarray of float64, (n_frames, D)
        Offset of each observed frame, in the unit of the positions; frames without links move on with the
        mean drift.
    """
    from playNano.algorithms.linking._kernels.frames import count_steps, middle_steps

    n_frames = points.frame_ptr.size - 1
    dims = points.position.shape[1]
    blocks = frame_blocks(points.frame_ptr)
    count = np.zeros(n_frames, np.int64)
    in_threads(lambda frames: count_steps(frames, points, previous, count), blocks)
    edges = np.concatenate([[0], np.cumsum(count)])
    step = np.empty((int(edges[-1]), dims))
    middle = np.zeros((n_frames, dims))
    noise = np.full((n_frames, dims), np.inf)
    if step.shape[0] < 3:
        return middle
    has = np.flatnonzero(count)
    in_threads(lambda frames: middle_steps(frames, points, previous, edges, step, middle), blocks)
    some = thinned(np.arange(step.shape[0]))
    own = step[some] - middle[np.searchsorted(edges, some, side="right") - 1]
    # The median's variance is pi / 2 times that of the mean; the steps' own scale is taken robustly.
    for axis in range(dims):
        scale2 = (1.4826 * np.median(np.abs(own[:, axis]))) ** 2 * np.mean(
            count[has] / np.maximum(count[has] - 1, 1)
        )
        noise[has, axis] = 0.5 * np.pi * scale2 / count[has]
        mean = np.average(middle[has, axis], weights=count[has])
        true_var = max(float(np.mean((middle[has, axis] - mean) ** 2 - noise[has, axis])), 0.0)
        trust = np.divide(
            true_var, true_var + noise[:, axis], out=np.zeros(n_frames), where=noise[:, axis] > 0
        )
        if scale2 == 0.0:
            trust = np.where(count > 0, 1.0, 0.0)
        overall = mean * _trust_in_mean(middle[has, axis], noise[has, axis], true_var)
        middle[:, axis] = overall + trust * (middle[:, axis] - overall)
        middle[count == 0, axis] = overall
    middle[0] = 0.0
    return np.cumsum(middle, axis=0)


def _trust_in_mean(middle: Floats, noise: Floats, true_var: float) -> float:
    """Return how much of the mean drift is more than chance: 0 for noise, near 1 for a clear drift."""
    chance = float((noise + true_var).mean() / middle.size)
    square = float(middle.mean()) ** 2
    return max(0.0, 1.0 - chance / square) if square > 0 else 0.0
