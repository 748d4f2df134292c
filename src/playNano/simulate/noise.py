"""Noise of the instrument: thermal, 1/f, streaks, line offsets, tilt and bow, drift, quantisation."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from playNano.errors import ParameterError
from playNano.simulate import _checks as check
from playNano.simulate.scanner import Scanner

FloatArray = npt.NDArray[np.float64]
Image = npt.NDArray[np.float32]

# Maximum number of samples of 1/f noise that are generated at once.
_PIECE = 1 << 22


@dataclass(frozen=True)
class Noise:
    """Noise and distortions of the instrument: thermal and 1/f noise, streaks, line offsets, tilt, bow, drift, ADC.

    Parameters
    ----------
    pixel_nm
        Standard deviation of the thermal noise of a pixel, nm, >= 0.
    pixel_autocorrelation
        Autocorrelation of the thermal noise along a line at lag 1, from 0 to below 1.
    pink_nm
        Root mean square of the 1/f noise within one frame, nm, >= 0; its spectrum extends to lower frequencies
        through all frames, in the order in which pixels are recorded.
    pink_exponent
        Exponent of its power spectrum 1/f**pink_exponent; above 0, at most 2.
    streaks_per_line, streak_nm, streak_px
        Short bright streaks along the line, as caused by loose material under the tip: mean number per line,
        mean height (gamma distribution of shape 2), nm, and mean length (exponential distribution), px; >= 0.
    row_offset_nm
        Standard deviation of the offset of a line, nm, >= 0.
    row_autocorrelation
        Autocorrelation of the offsets of the lines at lag 1, from 0 to below 1.
    tilt_nm
        Rise over the whole field along (y, x), nm.
    bow_nm
        Height of the centre of the field above its ends along (y, x), nm: the bow of a tube scanner.
    tilt_walk_nm, bow_walk_nm
        Standard deviation by which the tilt and the bow change from frame to frame, nm, >= 0.
    height_nm
        Mean height of the surface in the first frame, nm.
    sink_nm_s
        Constant vertical drift, nm/s.
    sink_walk_nm
        Standard deviation of the additional change of height from frame to frame, nm, >= 0.
    adc_step_nm
        Step of the converter, nm, >= 0; 0 for none.
    adc_range_nm
        Lowest and highest value of the converter, nm; None for no limits.

    Examples
    --------
    >>> Noise(pixel_nm=0.1, row_offset_nm=0.3, tilt_nm=(2.0, -1.0)).bow_nm
    (0.0, 0.0)
    """

    pixel_nm: float = 0.0
    pixel_autocorrelation: float = 0.0
    pink_nm: float = 0.0
    pink_exponent: float = 1.0
    streaks_per_line: float = 0.0
    streak_nm: float = 1.0
    streak_px: float = 5.0
    row_offset_nm: float = 0.0
    row_autocorrelation: float = 0.0
    tilt_nm: tuple[float, float] = (0.0, 0.0)
    bow_nm: tuple[float, float] = (0.0, 0.0)
    tilt_walk_nm: float = 0.0
    bow_walk_nm: float = 0.0
    height_nm: float = 0.0
    sink_nm_s: float = 0.0
    sink_walk_nm: float = 0.0
    adc_step_nm: float = 0.0
    adc_range_nm: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        """Check the values."""
        check.not_negative(
            self,
            pixel_nm=self.pixel_nm,
            pink_nm=self.pink_nm,
            streaks_per_line=self.streaks_per_line,
            streak_nm=self.streak_nm,
            streak_px=self.streak_px,
            row_offset_nm=self.row_offset_nm,
            tilt_walk_nm=self.tilt_walk_nm,
            bow_walk_nm=self.bow_walk_nm,
            sink_walk_nm=self.sink_walk_nm,
            adc_step_nm=self.adc_step_nm,
        )
        check.fraction(
            self,
            pixel_autocorrelation=self.pixel_autocorrelation,
            row_autocorrelation=self.row_autocorrelation,
        )
        check.positive(
            self,
            pink_exponent=self.pink_exponent,
            **{
                "1 - pixel_autocorrelation": 1 - self.pixel_autocorrelation,
                "1 - row_autocorrelation": 1 - self.row_autocorrelation,
            },
        )
        check.number(self, height_nm=self.height_nm, sink_nm_s=self.sink_nm_s)
        for name in ("tilt_nm", "bow_nm"):
            object.__setattr__(self, name, check.pair(self, name, getattr(self, name)))
        if self.pink_exponent > 2:
            raise ParameterError(f"Noise: pink_exponent must be at most 2, got {self.pink_exponent}.")
        if self.adc_range_nm is not None:
            low, high = check.pair(self, "adc_range_nm", self.adc_range_nm)
            if low >= high:
                raise ParameterError(f"Noise: adc_range_nm must be increasing, got {self.adc_range_nm}.")
            object.__setattr__(self, "adc_range_nm", (low, high))


def ar1_noise(
    rng: np.random.Generator, shape: tuple[int, ...], sigma: float, autocorrelation: float
) -> FloatArray:
    """Draw a stationary Gaussian AR(1) process along the last axis.

    Parameters
    ----------
    rng
        Random number generator.
    shape
        Shape of the result.
    sigma
        Standard deviation.
    autocorrelation
        Autocorrelation at lag 1, from 0 to below 1.

    Returns
    -------
    numpy.ndarray
        float64.
    """
    white = rng.standard_normal(shape)
    if autocorrelation == 0:
        return sigma * white
    from scipy.signal import lfilter

    innovation = math.sqrt(1 - autocorrelation**2)
    white[..., 1:] *= innovation
    return np.asarray(sigma * lfilter([1.0], [1.0, -autocorrelation], white, axis=-1), dtype=np.float64)


def pink_noise(rng: np.random.Generator, n: int, band: int, exponent: float = 1.0) -> Image:
    """Draw noise with the power spectrum 1/f**exponent.

    Parameters
    ----------
    rng
        Random number generator.
    n
        Number of samples, > 0.
    band
        Period, in samples: the root mean square is 1 over frequencies from 1/`band` to the Nyquist frequency.
    exponent
        Exponent, > 0.

    Returns
    -------
    numpy.ndarray
        float32, (n,). Series of more than about 4 million samples are joined from overlapping parts; below the
        inverse of that length the spectrum is flat.

    References
    ----------
    Timmer, J. & Koenig, M. On generating power law noise. Astron. Astrophys. 300, 707 (1995).
    """
    from scipy.fft import irfft, next_fast_len

    size = next_fast_len(max(min(2 * n, _PIECE), 4), real=True)
    size += size % 2
    frequency = np.arange(size // 2 + 1)
    power = np.zeros(len(frequency))
    power[1:] = (frequency[1:] / size) ** -exponent
    inside = frequency >= size / min(band, size)
    scale = size / math.sqrt(2 * power[inside].sum())
    amplitude = (np.sqrt(power / 2) * scale).astype(np.float32)

    def piece() -> Image:
        """Draw one period of the noise."""
        draw = rng.standard_normal((2, len(amplitude)), dtype=np.float32)
        return np.asarray(irfft(amplitude * (draw[0] + 1j * draw[1]), n=size, overwrite_x=True))

    if n <= size // 2:
        # Only half of a period, since the series is periodic.
        return piece()[:n]
    half = size // 2
    fade = np.sin(np.arange(size) * (math.pi / size)).astype(np.float32)
    out = np.zeros((n // half + 2) * half, dtype=np.float32)
    for start in range(0, len(out) - half, half):
        # Crossfading two parts by sine and cosine preserves the variance.
        out[start : start + size] += piece() * fade
    return out[half : half + n]


class NoiseGenerator:
    """Generate the noise of a movie and add it block by block.

    Parameters
    ----------
    noise, scanner
        Noise to add, and the times of the pixels.
    seed
        Seed of the noise.
    retrace
        Whether the pixels are those of the retrace.
    """

    def __init__(
        self, noise: Noise, scanner: Scanner, seed: np.random.SeedSequence, retrace: bool = False
    ) -> None:
        """Draw the changes from frame to frame, and the 1/f noise of the whole movie."""
        self.noise, self.scanner, self.retrace = noise, scanner, retrace
        seeds = seed.spawn(5)
        slow, self._thermal, self._rows, streaks, for_pink = (np.random.default_rng(s) for s in seeds)
        self._streaks = streaks
        n = scanner.n_frames
        walk = np.cumsum(slow.standard_normal((5, n)), axis=1)
        walk -= walk[:, :1]
        self.tilt_nm = np.array(noise.tilt_nm)[:, None] + noise.tilt_walk_nm * walk[:2]
        self.bow_nm = np.array(noise.bow_nm)[:, None] + noise.bow_walk_nm * walk[2:4]
        self._sink = noise.height_nm + noise.sink_walk_nm * walk[4]
        self._pink: Image | None = None
        if noise.pink_nm > 0:
            h, w = scanner.shape
            both_ways = pink_noise(for_pink, 2 * n * h * w, 2 * h * w, noise.pink_exponent) * noise.pink_nm
            lines = both_ways.reshape(n, h, 2, w)
            self._pink = lines[:, :, 1, ::-1] if retrace else lines[:, :, 0]
        self._last_row = 0.0

    def add(self, frames: Image, first: int) -> None:
        """Add the noise to frames in place.

        Parameters
        ----------
        frames
            Heights, nm, float32 (k, height, width), row 0 on top.
        first
            Index of the first one in the movie; the blocks must be passed in order.
        """
        noise, (h, w) = self.noise, self.scanner.shape
        v = (np.arange(h) / (h - 1) - 0.5)[:, None]
        u = (np.arange(w) / (w - 1) - 0.5)[None, :]
        for k in range(len(frames)):
            f = first + k
            order = self.scanner.row_order(f)
            ty, tx, by, bx = (float(a[f]) for a in (*self.tilt_nm, *self.bow_nm))
            plane = self._sink[f] + (ty * v + by * (1 - 4 * v * v)) + (tx * u + bx * (1 - 4 * u * u))
            starts = self.scanner.line_starts_s(f, f + 1)
            by_row = np.empty(h)
            by_row[order] = noise.sink_nm_s * starts + self._row_offsets(h)
            frames[k] += (plane + by_row[:, None]).astype(np.float32)
            if noise.pixel_nm > 0:
                frames[k] += self._pixels(h, w)
            if noise.streaks_per_line > 0:
                frames[k] += self._streak_lines(h, w)
            if self._pink is not None:
                frames[k][order] += self._pink[f]

    def _pixels(self, h: int, w: int) -> Image:
        """Draw the thermal noise of a frame, nm."""
        if self.noise.pixel_autocorrelation == 0:
            return self._thermal.standard_normal((h, w), dtype=np.float32) * np.float32(self.noise.pixel_nm)
        return ar1_noise(self._thermal, (h, w), self.noise.pixel_nm, self.noise.pixel_autocorrelation).astype(
            np.float32
        )

    def _row_offsets(self, h: int) -> FloatArray:
        """Draw the offsets of a frame's lines: an AR(1) process that continues through all frames, nm."""
        correlation, sigma = self.noise.row_autocorrelation, self.noise.row_offset_nm
        draws = self._rows.standard_normal(h)
        if sigma == 0 or correlation == 0:
            return sigma * draws
        out = np.empty(h)
        innovation = math.sqrt(1 - correlation**2)
        last = self._last_row or float(self._rows.standard_normal())
        for i in range(h):
            last = correlation * last + innovation * draws[i]
            out[i] = last
        self._last_row = last
        return sigma * out

    def _streak_lines(self, h: int, w: int) -> Image:
        """Draw the streaks of a frame, nm."""
        n = int(self._streaks.poisson(self.noise.streaks_per_line * h))
        row = self._streaks.integers(0, h, n)
        start = self._streaks.integers(0, w, n)
        stop = np.minimum(start + 1 + self._streaks.exponential(self.noise.streak_px, n).astype(int), w)
        height = self._streaks.gamma(2.0, self.noise.streak_nm / 2, n)
        edges = np.zeros((h, w + 1))
        np.add.at(edges, (row, start), height)
        np.add.at(edges, (row, stop), -height)
        line = np.pad(np.cumsum(edges, axis=1)[:, :w], ((0, 0), (1, 1)), mode="edge")
        # Smoothed ends, since the feedback takes about a pixel to react.
        return (0.25 * line[:, :-2] + 0.5 * line[:, 1:-1] + 0.25 * line[:, 2:]).astype(np.float32)


def digitise(frames: Image, noise: Noise) -> None:
    """Quantise heights to the steps of the converter, and clip them to its range, in place.

    Parameters
    ----------
    frames
        Heights, nm, float32.
    noise
        Step and range of the converter.
    """
    if noise.adc_range_nm is not None:
        np.clip(frames, *noise.adc_range_nm, out=frames)
    if noise.adc_step_nm > 0:
        low = noise.adc_range_nm[0] if noise.adc_range_nm else 0.0
        frames[:] = np.rint((frames - low) / noise.adc_step_nm) * noise.adc_step_nm + low
