"""Background, noise, threshold and polarity of a movie, from some of its frames."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from playNano.algorithms._common.inputs import as_block
from playNano.algorithms.segmentation._smooth import repair_lines, smooth
from playNano.algorithms.segmentation.levels import Levels
from playNano.algorithms.segmentation.options import SegmentationOptions
from playNano.algorithms.segmentation.periodicity import is_periodic
from playNano.algorithms.segmentation.usual_area import with_usual_area

FloatArray = npt.NDArray[np.floating[Any]]

MAD_TO_SD = 1.4826022185056018
MIN_SIGMAS = 3.0
MAX_SIDE_FACTOR = 2.0
"""Maximum ratio of the noise on both sides of the background."""
SIDES = {"up": (1,), "down": (-1,), "both": (1, -1)}
LATTICE_SHARE = 0.9
"""Share of the pixels within the noise above which a periodic movie is a lattice that is taken for noise."""
MIN_BACKGROUND_SHARE = 0.03
"""Share of the pixels that must lie around 0 for 0 to be taken as the background of a levelled movie."""


def estimate_levels(frames: npt.ArrayLike, options: SegmentationOptions | None = None) -> Levels:
    """Estimate background, noise, threshold, minimum area and polarity from some frames of a levelled movie.

    Parameters
    ----------
    frames
        Heights, (n, h, w), nm; levelled. Pixels that are not finite are left out.
    options
        Polarity and expected number of false detections; None is ``SegmentationOptions()``.

    Returns
    -------
    Levels
        One set of thresholds for the whole movie.

    Notes
    -----
    The background is 0 if enough pixels lie around 0, as in a levelled movie, else the mode of all heights. The noise
    is the median deviation of the heights on the quieter side of the background, where there are no objects, widened
    where heights just above it are more frequent on the side that is searched. The threshold is the height at which
    the expected Euler characteristic of a Gaussian random field with the noise's correlation equals the number of
    false detections.

    References
    ----------
    Worsley K.J. et al., "A unified statistical approach for determining significant signals in images of cerebral
    activation", Human Brain Mapping 4, 1996.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(0, 0.2, (4, 64, 64))
    >>> levels = estimate_levels(noise)
    >>> levels.polarity, round(levels.pixel_noise_nm, 2), round(levels.sigmas)
    ('up', 0.2, 4)
    """
    options = options or SegmentationOptions()
    z = as_block(frames)
    usable = [frame for frame in z if np.isfinite(frame).any() and np.nanmin(frame) < np.nanmax(frame)]
    if not usable:
        return _nothing(options)
    raw = np.stack(usable).astype(np.float64)
    offset = background_height(raw)
    raw -= offset
    pixel_noise = _noise(raw)
    smoothed = np.stack([smooth(repair_lines(f, pixel_noise), options.smoothing_px) for f in raw])
    quiet_noise = _noise(smoothed)
    fwhm = _correlation_fwhm(smoothed, quiet_noise, options.smoothing_px)
    resels = smoothed.shape[1] * smoothed.shape[2] / (fwhm[0] * fwhm[1])
    sigmas = _threshold_sigmas(resels, options.false_positives)
    share = float((np.abs(smoothed) < 3 * quiet_noise).mean())
    polarity = options.polarity
    if polarity == "auto":
        polarity = _polarity(smoothed, sigmas * quiet_noise, fwhm)
    noise = max(_side_noise(side * smoothed, quiet_noise) for side in SIDES[polarity])
    levels = Levels(
        polarity=polarity,
        background_nm=offset,
        pixel_noise_nm=pixel_noise,
        noise_nm=noise,
        fwhm_px=fwhm,
        threshold_nm=sigmas * noise,
        low_nm=max(2.5, 0.6 * sigmas) * noise,
        min_area_px=_min_area(fwhm),
        background_share=share,
        highest_nm=float(smoothed.max()),
        lowest_nm=float(smoothed.min()),
        is_periodic=share > LATTICE_SHARE and is_periodic(smoothed, sigmas * noise),
        smoothing_px=options.smoothing_px,
    )
    return with_usual_area(smoothed, levels)


def _nothing(options: SegmentationOptions) -> Levels:
    """Return the levels of a movie without any usable frame: nothing exceeds them."""
    polarity = "up" if options.polarity == "auto" else options.polarity
    nan = math.nan
    return Levels(polarity, 0.0, nan, nan, (nan, nan), math.inf, math.inf, 4, nan, nan, nan)


def background_height(z: FloatArray) -> float:
    """Return the height of the background: 0 where enough pixels lie around it, else the mode of the heights.

    Parameters
    ----------
    z
        Heights, (n, h, w).

    Examples
    --------
    >>> z = np.random.default_rng(0).normal(0, 0.1, (1, 50, 50))
    >>> background_height(z), abs(background_height(z + 5) - 5) < 0.05
    (0.0, True)
    """
    values = z[np.isfinite(z)]
    differences = np.abs(np.diff(z, axis=2))
    differences = differences[np.isfinite(differences)]
    scale = float(np.median(differences)) if differences.size else 0.0
    low, high = np.quantile(values, (0.001, 0.999))
    width = max(scale / 2, (high - low) / 5000, 1e-12)
    if high <= low:
        return float(low)
    counts, edges = np.histogram(values, bins=int((high - low) / width) + 1, range=(low, high))
    from scipy.ndimage import gaussian_filter1d

    density = gaussian_filter1d(counts.astype(np.float64), 2.0, mode="constant")
    centres = (edges[1:] + edges[:-1]) / 2
    near = np.abs(centres) < 3 * max(scale, width)
    if near.any():
        peak = int(np.flatnonzero(near)[np.argmax(density[near])])
        is_mode = peak in (0, len(density) - 1) or density[peak] >= max(density[peak - 1], density[peak + 1])
        share = float((np.abs(values) < 3 * max(scale, width)).mean())
        if is_mode and share > MIN_BACKGROUND_SHARE and abs(centres[peak]) < 2 * max(scale, width):
            return 0.0
    return float(centres[np.argmax(density)])


def _noise(z: FloatArray) -> float:
    """Return the standard deviation of the noise: the median deviation on the quieter side of 0."""
    sides = [side for side in (-z[z < 0], z[z > 0]) if side.size]
    return MAD_TO_SD * min((float(np.median(side)) for side in sides), default=0.0)


def _correlation_fwhm(z: FloatArray, noise: float, smoothing_px: float) -> tuple[float, float]:
    """Return the width of the noise's correlation along y and x, px, from the neighbours of background pixels."""
    quiet = np.abs(z) < 3 * noise
    widths = []
    for axis in (1, 2):
        here, beside = np.delete(z, -1, axis), np.delete(z, 0, axis)
        both = np.delete(quiet, -1, axis) & np.delete(quiet, 0, axis)
        a, b = here[both], beside[both]
        total = float((a * a).sum() + (b * b).sum())
        correlation = 2 * float((a * b).sum()) / total if total > 0 else 0.0
        # A field that is white noise filtered by a Gaussian of variance v has the correlation exp(-1 / 4v) at lag 1.
        variance = -1 / (4 * math.log(min(max(correlation, 0.05), 0.995)))
        widths.append(math.sqrt(8 * math.log(2) * max(variance, 0.5 * smoothing_px**2)))
    return widths[0], widths[1]


def _threshold_sigmas(resels: float, false_positives: float) -> float:
    """Return the threshold at which a Gaussian field of so many resolution elements has the expected maxima."""

    def expected(u: float) -> float:
        return resels * 4 * math.log(2) / math.sqrt(2 * math.pi) ** 3 * u * math.exp(-u * u / 2)

    low, high = MIN_SIGMAS, 12.0
    if expected(low) <= false_positives:
        return low
    for _ in range(50):
        mean = (low + high) / 2
        low, high = (mean, high) if expected(mean) > false_positives else (low, mean)
    return high


def _min_area(fwhm: tuple[float, float]) -> int:
    """Return the minimum area of an object: that of a maximum of the noise, px."""
    return max(4, math.ceil(0.8 * fwhm[0] * fwhm[1]))


def _polarity(z: FloatArray, threshold: float, fwhm: tuple[float, float]) -> Literal["up", "down"]:
    """Return the side of the background with more height beyond the threshold; up where neither has any."""
    up, down = (np.where(side > threshold, side, 0.0) for side in (z, -z))
    # In noise alone the side is chance: there must be more than the smallest object a frame.
    enough = _min_area(fwhm) * max(2, len(z))
    return "down" if np.count_nonzero(down) > enough and down.sum() > 2 * up.sum() else "up"


def _side_noise(z: FloatArray, quiet: float) -> float:
    """Return the noise above the background, where it may be larger than below: the tip leaves the surface at times.

    It follows from the share of heights between 1.5 and 3 of those between 0 and 3 standard deviations of the quiet
    side, which objects hardly change, and is at most twice that.
    """
    near, far = (int(((z >= low * quiet) & (z < (low + 1.5) * quiet)).sum()) for low in (0.0, 1.5))
    factors = np.linspace(1.0, MAX_SIDE_FACTOR, 101)
    inner = np.array([math.erf(1.5 / f / math.sqrt(2)) for f in factors])
    outer = np.array([math.erf(3.0 / f / math.sqrt(2)) for f in factors])
    shares = (outer - inner) / outer
    return quiet * float(np.interp(far / max(near + far, 1), shares, factors))
