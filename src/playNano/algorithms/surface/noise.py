"""Robust estimate of the noise of a frame."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def robust_noise(frame: npt.ArrayLike) -> float:
    """Estimate the noise of a frame from its second differences along the fast axis.

    ``z[x-1] - 2 z[x] + z[x+1]`` is independent of slopes and of the offsets between lines; the median of its absolute
    value is robust against particles. White noise is assumed: correlation along a line makes the estimate too small.

    Parameters
    ----------
    frame
        Heights, (h, w), in nm.

    Returns
    -------
    float
        Standard deviation of white noise with this median, in nm; 0 for frames of fewer than three columns or
        without three finite pixels in a row.

    See Also
    --------
    playNano.algorithms.estimation.noise_and_particles.estimate_noise : noise of a movie on its background, with its
        autocorrelation; it needs levelled frames.
    playNano.algorithms.quality.quality.frame_quality : noise of every frame, to flag abnormal ones.

    References
    ----------
    Immerkaer J., "Fast noise variance estimation", Computer Vision and Image Understanding 64, 1996,
    doi:10.1006/cviu.1996.0060.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(0, 0.3, (200, 200))
    >>> round(robust_noise(noise), 2)
    0.3
    """
    z = np.asarray(frame, dtype=np.float64)
    z = np.where(np.isfinite(z), z, np.nan)
    second = np.abs(z[:, 2:] - 2 * z[:, 1:-1] + z[:, :-2])
    second = second[np.isfinite(second)]
    # 0.6745 is the median of |N(0, 1)|, sqrt(6) the norm of (1, -2, 1).
    return float(np.median(second) / (0.6744897501960817 * np.sqrt(6))) if second.size else 0.0
