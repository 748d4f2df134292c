"""Periodic stripes along x, such as those of mains hum or of a vibration."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Frame = npt.NDArray[Any]
FloatArray = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

SMOOTH_BINS = 15
"""Width of the running median of the row spectrum, from which peaks stand out."""
LONGEST = 4
"""Longest period, as a fraction of the width: of longer ones a row has too few."""
CLIP = 3.0
"""Pixels farther from the background than this, in standard deviations of the noise, are left out of the fit."""


def stripe_frequencies(frames: Frame, strength: float, n_max: int) -> list[float]:
    """Return the frequencies at which the rows of frames have sharp peaks in their mean spectrum.

    Parameters
    ----------
    frames
        (n, h, w).
    strength
        Smallest power of a peak, in units of the running median of the spectrum.
    n_max
        Largest number of frequencies.

    Returns
    -------
    list of float
        Cycles per pixel, the strongest first.
    """
    width = frames.shape[2] if len(frames) else 0
    if width < 16:
        return []
    window = np.hanning(width)
    total = np.zeros(width // 2 + 1)
    for frame in frames:
        total += _spectrum(frame, window)
    frequencies: list[float] = []
    if not total.any():
        return frequencies
    from scipy.ndimage import median_filter

    total = np.maximum(total, 1e-12 * total.max())
    contrast = total / median_filter(total, SMOOTH_BINS, mode="nearest")
    contrast[: LONGEST + 1] = 0.0
    while len(frequencies) < n_max:
        best = int(np.argmax(contrast))
        if contrast[best] < strength:
            break
        frequencies.append(_refined(total, best) / width)
        contrast[max(best - 2, 0) : best + 3] = 0.0
    return frequencies


def _refined(power: FloatArray, best: int) -> float:
    """Return the place of a peak of the spectrum, by a parabola through the logarithms."""
    if best + 1 >= len(power):
        return float(best)
    left, here, right = np.log(power[best - 1 : best + 2])
    bend = left - 2 * here + right
    return float(best + (0.5 * (left - right) / bend if bend < 0 else 0.0))


def _background(frame: Frame) -> tuple[FloatArray, Mask]:
    """Return a frame without tilt and row medians, and its pixels without objects."""
    from scipy.ndimage import uniform_filter1d

    z = np.where(np.isfinite(frame), frame, np.nan).astype(np.float64)
    known = np.isfinite(z)
    rise = np.diff(z, axis=1)
    if np.isfinite(rise).any():
        z = z - np.nanmedian(rise) * np.arange(z.shape[1])
    some = known.any(axis=1)
    medians = np.zeros(len(z))
    if some.any():
        medians[some] = np.nanmedian(z[some], axis=1)
    flat = np.where(known, z - medians[:, None], 0.0)
    spread = float(np.median(np.abs(flat[known]))) / 0.6745 if known.any() else 0.0
    objects = np.abs(uniform_filter1d(flat, 3, axis=1)) > CLIP * spread
    return flat, known & ~objects


def _spectrum(frame: Frame, window: FloatArray) -> FloatArray:
    """Return the mean power of the rows, objects left out."""
    flat, use = _background(frame)
    rows = np.where(use, flat, 0.0)
    power: FloatArray = (np.abs(np.fft.rfft(rows * window, axis=1)) ** 2).mean(axis=0)
    return power


def stripes_of(frame: Frame, frequencies: list[float]) -> tuple[FloatArray, float]:
    """Return the stripes of a frame: in every row a sine of each frequency, fitted to the pixels without objects.

    Parameters
    ----------
    frame
        (h, w).
    frequencies
        Cycles per pixel.

    Returns
    -------
    stripes : ndarray
        (h, w); to be subtracted.
    rms : float
        Their root mean square.
    """
    flat, use = _background(frame)
    x = np.arange(flat.shape[1])
    parts = [f(2 * np.pi * nu * x) for nu in frequencies for f in (np.cos, np.sin)]
    basis = np.stack([np.ones(len(x)), *parts], axis=1)
    stripes = np.zeros(flat.shape)
    for row in range(len(flat)):
        keep = use[row]
        if keep.sum() < max(2 * basis.shape[1], len(x) // 4):
            continue
        fit = np.linalg.lstsq(basis[keep], flat[row, keep], rcond=None)[0]
        stripes[row] = basis[:, 1:] @ fit[1:]
    return stripes, float(np.sqrt(np.mean(stripes**2))) if stripes.size else 0.0
