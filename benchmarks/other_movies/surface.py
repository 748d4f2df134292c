"""Surface under the particles, and what the instrument adds."""

from dataclasses import dataclass, field

import numpy as np
from scipy.ndimage import grey_dilation


@dataclass(frozen=True)
class Strands:
    """Wavy strands that lie on the surface, one above the other in the image.

    Attributes
    ----------
    offsets_nm, amplitudes_nm, phases
        Mean y, amplitude and phase of the wave of each strand.
    wave_nm, length_nm
        Wavelength, and length along x.
    height_nm, sigma_nm
        Height and width of the profile across a strand.
    """

    offsets_nm: np.ndarray
    amplitudes_nm: np.ndarray
    phases: np.ndarray
    wave_nm: float
    length_nm: float
    height_nm: float = 2.0
    sigma_nm: float = 3.0

    @property
    def n(self):
        """Number of strands."""
        return len(self.offsets_nm)

    def at(self, which, s):
        """Return y, x of the points at s along strands of given index."""
        wave = np.sin(2 * np.pi * s / self.wave_nm + self.phases[which])
        return self.offsets_nm[which] + self.amplitudes_nm[which] * wave, s

    def surface(self, y, x):
        """Return the height of the strands at points y (n, 1), x (1, m)."""
        z = np.zeros(np.broadcast_shapes(y.shape, x.shape))
        for k in range(self.n):
            middle, _ = self.at(k, x)
            slope = np.cos(2 * np.pi * x / self.wave_nm + self.phases[k])
            slope = slope * self.amplitudes_nm[k] * 2 * np.pi / self.wave_nm
            across = (y - middle) / np.sqrt(1 + slope**2)
            z = np.maximum(z, self.height_nm * np.exp(-0.5 * (across / self.sigma_nm) ** 2))
        return z


def terraces(y, x, step_nm, width_nm, angle, phase):
    """Return flights of terraces: steps of `step_nm` every `width_nm`, two pixels or so wide."""
    along = (y * np.sin(angle) + x * np.cos(angle)) / width_nm + phase
    fraction = along - np.floor(along)
    edge = 1.5 / width_nm
    return step_nm * (np.floor(along) + np.clip((fraction - 1 + edge) / edge, 0.0, 1.0))


@dataclass(frozen=True)
class Instrument:
    """What is added to the true surface.

    Attributes
    ----------
    noise_nm
        Standard deviation of the white noise.
    pink_nm
        Standard deviation of noise along the lines with a spectrum of 1/f.
    row_nm
        Standard deviation of the offsets of the lines.
    tilt_nm, bow_nm
        Height differences over the frame by tilt and by curvature; both vary slowly.
    fall_nm
        Greatest descent of the tip from one pixel to the next; None: the tip follows.
    tip_nm
        Radius of a blunt tip; 0: the shapes are as imaged.
    scars
        Mean number of scars of a frame: part of a line that lies 1 to 4 nm higher or lower.
    """

    noise_nm: float = 0.12
    pink_nm: float = 0.0
    row_nm: float = 0.3
    tilt_nm: float = 3.0
    bow_nm: float = 1.5
    fall_nm: float | None = None
    tip_nm: float = 0.0
    scars: float = 0.0
    turns: tuple = field(default=(1.3, 0.7, 0.4))

    def record(self, surface, pixel_nm, frame, rng):
        """Return a frame as it is recorded, of the surface (height, width)."""
        z = surface
        if self.tip_nm:
            z = _touched(z, self.tip_nm, pixel_nm)
        if self.fall_nm is not None:
            z = _fallen(z, self.fall_nm)
        return z + self._background(z.shape, frame) + self._noise(z.shape, rng)

    def _background(self, shape, frame):
        v = np.linspace(-1, 1, shape[0])[:, None]
        u = np.linspace(-1, 1, shape[1])[None]
        a, b, c = self.turns
        tilt = 0.5 * self.tilt_nm * (np.sin(a + 0.02 * frame) * u + np.cos(a + 0.02 * frame) * v)
        bow = self.bow_nm * (np.cos(b + 0.01 * frame) * u**2 + 0.5 * np.sin(c) * v**2)
        return tilt + bow + 0.05 * frame

    def _noise(self, shape, rng):
        noise = rng.normal(0, self.noise_nm, shape)
        rows = rng.normal(0, self.row_nm, shape[0]) + np.cumsum(rng.normal(0, 0.15 * self.row_nm, shape[0]))
        if self.pink_nm:
            frequency = np.fft.rfftfreq(shape[1])
            frequency[0] = np.inf
            waves = np.fft.rfft(rng.normal(size=shape), axis=1) / np.sqrt(frequency)
            pink = np.fft.irfft(waves, shape[1], axis=1)
            noise = noise + self.pink_nm * pink / pink.std()
        for _ in range(rng.poisson(self.scars)):
            row, first, n = rng.integers(shape[0]), rng.integers(shape[1]), rng.integers(8, 40)
            noise[row, first : first + n] += rng.choice([-1, 1]) * rng.uniform(1, 4)
        return noise + rows[:, None]


def _touched(z, radius_nm, pixel_nm):
    """Dilate a surface by a parabolic tip."""
    reach = int(np.ceil(np.sqrt(2 * radius_nm * max(float(np.ptp(z)), 0.1)) / pixel_nm))
    at = np.arange(-reach, reach + 1) * pixel_nm
    tip = -(at[:, None] ** 2 + at[None] ** 2) / (2 * radius_nm)
    return grey_dilation(z, structure=tip, mode="nearest")


def _fallen(z, fall_nm):
    """Let the tip come down behind an edge by no more than `fall_nm` a pixel, along the lines."""
    z = z.copy()
    for k in range(1, z.shape[1]):
        z[:, k] = np.maximum(z[:, k], z[:, k - 1] - fall_nm)
    return z
