"""Scales and threshold of blob detection for a lattice, from its period."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from playNano.afm_stack import AFMImageStack
from playNano.algorithms.blobs import BlobOptions, find_blobs
from playNano.algorithms.segmentation.periodicity import lattice_vector
from playNano.analysis.detection.automatic import sample_frames

if TYPE_CHECKING:
    import pandas as pd

SIGMA_PER_PERIOD = (0.18, 0.25)
"""Limits of sigma, in periods; the filter responds most to a cosine at 0.225."""
MIN_RESPONSE = 0.5
"""Threshold, as a fraction of the median response of the strongest maxima, one for each cell of the lattice."""
CLEARLY = 1.3
"""Ratio of the responses of holes and bumps above which the units of a lattice are its holes."""
N_FRAMES = 6
"""Frames from which the threshold is estimated."""


class Lattice(NamedTuple):
    """Period of a lattice, nm, and the parameters of `log_blob_detection` for its units."""

    period_nm: float
    params: dict[str, Any]


def find_lattice(
    stack: AFMImageStack, observed: npt.NDArray[np.bool_], threshold_nm: float
) -> Lattice | None:
    """Return period and parameters of blob detection of a lattice; None where the movie is not periodic.

    Parameters
    ----------
    stack
        The movie, levelled.
    observed
        (n_frames,) bool: the frames that may be used.
    threshold_nm
        Higher pixels are objects on the lattice, and are left out when the period is estimated, nm.

    Returns
    -------
    Lattice or None
        Its units are the bumps, or the holes if these respond clearly more to the Laplacian of Gaussian.
    """
    from scipy.ndimage import gaussian_filter

    frames = sample_frames(stack, observed)
    frames = frames[np.isfinite(frames).all(axis=(1, 2))]
    if not len(frames):
        return None
    vector = lattice_vector(np.stack([gaussian_filter(frame, 1.0) for frame in frames]), threshold_nm)
    if vector is None:
        return None
    pixel = stack.pixel_size_yx_nm
    period = math.hypot(vector[0] * pixel[0], vector[1] * pixel[1])
    low, high = (float(f"{share * period:.4g}") for share in SIGMA_PER_PERIOD)
    options = BlobOptions(min_sigma_nm=low, max_sigma_nm=high, num_sigma=3, threshold=0.0)
    some = frames[np.linspace(0, len(frames) - 1, min(N_FRAMES, len(frames))).round().astype(int)]
    n_cells = max(1, round(some[0].size * pixel[0] * pixel[1] / period**2)) * len(some)
    responses = {
        side: _response(some, replace(options, polarity=side), pixel, n_cells) for side in ("up", "down")
    }
    side = "down" if responses["down"] > CLEARLY * responses["up"] else "up"
    threshold = float(f"{MIN_RESPONSE * responses[side]:.3g}")
    params = {
        "min_sigma_nm": low,
        "max_sigma_nm": high,
        "num_sigma": 3,
        "threshold": threshold,
        "polarity": side,
    }
    return Lattice(period, params)


def _response(
    frames: npt.NDArray[Any], options: BlobOptions, pixel: tuple[float, float], n_cells: int
) -> float:
    """Return the median response of the strongest maxima, as many as the lattice has cells."""
    table: pd.DataFrame = find_blobs(frames, pixel_size_nm=pixel, options=options)
    responses = np.sort(np.abs(table["response"].to_numpy()))[-n_cells:]
    return float(np.median(responses)) if len(responses) else 0.0
