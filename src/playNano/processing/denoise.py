"""Steps that reduce noise, as scikit-image and scipy do; for detection and display, not for heights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from playNano._options import Unit
from playNano.algorithms.leveling.survey import sampled_frames
from playNano.algorithms.surface.noise import robust_noise
from playNano.processing.steps import Pixels, step
from playNano.processing.surveys import Survey

PerFrame = dict[str, npt.NDArray[Any]]
Noise = Annotated[float | None, Field(gt=0), Unit("channel's")]


def _noise(sample: Pixels, *, sigma: float | None = None, **params: Any) -> float:
    """Return the noise of sampled frames, the median of their estimates, or a given one."""
    if sigma is not None:
        return sigma
    values = [value for value in map(robust_noise, sample) if value > 0]
    return float(np.median(values)) if values else 0.0


def _summary(sigma: float) -> dict[str, Any]:
    return {"sigma": sigma}


def _warnings(per_frame: Mapping[str, Any], numbers: list[int]) -> list[str]:
    return []


_SHARED_NOISE = Survey(sampled_frames, _noise, _summary, _warnings)


def _filled(frame: Pixels) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Return a frame whose NaN have the value of the nearest known pixel, and its known pixels."""
    from scipy.ndimage import distance_transform_edt

    known = np.isfinite(frame)
    if known.all() or not known.any():
        return np.where(known, frame, 0.0).astype(np.float64), known
    nearest = distance_transform_edt(~known, return_distances=False, return_indices=True)
    return frame[tuple(nearest)].astype(np.float64), known


def _denoised(
    data: Pixels,
    noise: float,
    filtered: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]],
    min_edge: int = 1,
) -> tuple[Pixels, PerFrame]:
    """Return the frames after a filter that needs all pixels; frames with a shorter edge are left as they are."""
    out = data.copy()
    for index, frame in enumerate(data):
        filled, known = _filled(frame)
        if noise > 0 and known.any() and min(frame.shape) >= min_edge:
            out[index] = np.where(known, filtered(filled), frame)
    return out, {"sigma": np.full(len(data), noise)}


@step("filter", "1.0", survey=_SHARED_NOISE)
def denoise_nl_means(
    data: Pixels,
    survey: float | None = None,
    *,
    sigma: Noise = None,
    strength: Annotated[float, Field(gt=0, le=10)] = 0.8,
    patch_size: Annotated[int, Field(ge=3, le=99), Unit("px")] = 5,
    patch_distance: Annotated[int, Field(ge=1, le=99), Unit("px")] = 6,
) -> tuple[Pixels, PerFrame]:
    """Reduce noise by non-local means: every pixel becomes the mean of pixels whose surroundings look the same.

    Parameters
    ----------
    data
        Heights, (height, width) or (n, height, width), levelled.
    survey
        Noise of the movie.
    sigma
        Standard deviation of the noise, in the pixels' unit; by default that of the movie.
    strength
        Cut-off of the differences of surroundings, in units of `sigma`.
    patch_size
        Edge of the surroundings, px.
    patch_distance
        Largest distance of the compared pixels, px.

    Returns
    -------
    numpy.ndarray
        The frames with less noise. Heights are changed: measure them on the movie before (``measure_on`` of the
        detection). NaN stays NaN; for its neighbours it is replaced by the nearest known pixel.

    References
    ----------
    Buades A., Coll B., Morel J.-M., "A non-local algorithm for image denoising", CVPR 2, 2005,
    doi:10.1109/CVPR.2005.38.

    Examples
    --------
    >>> frame = np.random.default_rng(0).normal(0, 1, (40, 40))
    >>> bool(denoise_nl_means(frame).std() < 0.4)
    True
    """
    from skimage.restoration import denoise_nl_means as nl_means

    noise = _noise(data, sigma=sigma) if survey is None else survey

    def filtered(frame: Pixels) -> Pixels:
        made: Pixels = nl_means(
            frame,
            patch_size=patch_size,
            patch_distance=patch_distance,
            h=strength * noise,
            sigma=noise,
            fast_mode=True,
        )
        return made

    return _denoised(data, noise, filtered, min_edge=patch_size + 1)


@step("filter", "1.0", survey=_SHARED_NOISE)
def denoise_wiener(
    data: Pixels,
    survey: float | None = None,
    *,
    sigma: Noise = None,
    window: Annotated[int, Field(ge=3, le=99), Unit("px")] = 5,
) -> tuple[Pixels, PerFrame]:
    """Reduce noise by a local Wiener filter: pixels move to the local mean where the local variance is that of noise.

    Parameters
    ----------
    data
        Heights, (height, width) or (n, height, width), levelled.
    survey
        Noise of the movie.
    sigma
        Standard deviation of the noise, in the pixels' unit; by default that of the movie.
    window
        Edge of the square of which mean and variance are taken, px.

    Returns
    -------
    numpy.ndarray
        The frames with less noise, as of `scipy.signal.wiener`, with mirrored borders. Heights are changed:
        measure them on the movie before (``measure_on`` of the detection). NaN stays NaN; for its neighbours it is
        replaced by the nearest known pixel.

    References
    ----------
    Lim J. S., "Two-dimensional signal and image processing", Prentice Hall, 1990, p. 548.

    Examples
    --------
    >>> frame = np.random.default_rng(0).normal(0, 1, (40, 40))
    >>> bool(denoise_wiener(frame).std() < 0.5)
    True
    """
    from scipy.ndimage import uniform_filter

    noise = _noise(data, sigma=sigma) if survey is None else survey

    def filtered(frame: Pixels) -> Pixels:
        mean = uniform_filter(frame, window, mode="reflect")
        variance = uniform_filter((frame - mean) ** 2, window, mode="reflect")
        share = np.clip(1 - noise**2 / np.maximum(variance, 1e-300), 0, 1)
        return np.asarray(mean + share * (frame - mean))

    return _denoised(data, noise, filtered)


@step("filter", "1.0", survey=_SHARED_NOISE)
def denoise_wavelet(
    data: Pixels,
    survey: float | None = None,
    *,
    sigma: Noise = None,
    method: Literal["BayesShrink", "VisuShrink"] = "BayesShrink",
) -> tuple[Pixels, PerFrame]:
    """Reduce noise by shrinking wavelet coefficients that are not larger than those of noise.

    Parameters
    ----------
    data
        Heights, (height, width) or (n, height, width), levelled.
    survey
        Noise of the movie.
    sigma
        Standard deviation of the noise, in the pixels' unit; by default that of the movie.
    method
        "BayesShrink": a threshold for each scale and direction; "VisuShrink": one for all, which smooths more.

    Returns
    -------
    numpy.ndarray
        The frames with less noise. Heights are changed: measure them on the movie before (``measure_on`` of the
        detection). NaN stays NaN; for its neighbours it is replaced by the nearest known pixel.

    References
    ----------
    Chang S. G., Yu B., Vetterli M., "Adaptive wavelet thresholding for image denoising and compression", IEEE
    Transactions on Image Processing 9, 2000, doi:10.1109/83.862633.

    Examples
    --------
    >>> frame = np.random.default_rng(0).normal(0, 1, (40, 40))
    >>> bool(denoise_wavelet(frame).std() < 0.5)
    True
    """
    from skimage.restoration import denoise_wavelet as wavelet

    noise = _noise(data, sigma=sigma) if survey is None else survey

    def filtered(frame: Pixels) -> Pixels:
        made: Pixels = wavelet(frame, sigma=noise, method=method, mode="soft", rescale_sigma=True)
        return made

    return _denoised(data, noise, filtered, min_edge=8)
