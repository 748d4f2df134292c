"""Simulated movies of samples that really change, without any fault, and frames that carry no observation."""

import numpy as np
from scipy import ndimage

N, H, W = 24, 96, 112
Y, X = np.mgrid[:H, :W].astype(float)


def _disc(y, x, radius, height):
    return height / (1 + np.exp((np.hypot(Y - y, X - x) - radius) / 0.8))


def _discs(rng, n=8, height=4.0):
    centres = rng.uniform(8, (H - 8, W - 8), (n, 2))
    radii = rng.uniform(3, 5, n)

    def draw(shift=0.0):
        out = np.zeros((H, W))
        for (y, x), radius in zip(centres + shift, radii, strict=True):
            out = np.maximum(out, _disc(y, x, radius, height))
        return out

    return draw


def _lattice(period, height):
    waves = (np.cos(2 * np.pi * (Y * np.sin(a) + X * np.cos(a)) / period) for a in np.deg2rad([10, 70, 130]))
    return height * (sum(waves) + 1.5) / 4.5


def landing_object(rng, k):
    """An object of twice the others' height lands."""
    return _discs(np.random.default_rng(1))() + (_disc(48, 60, 12, 9.0) if k >= 12 else 0)


def leaving_objects(rng, k):
    """All objects leave."""
    return _discs(np.random.default_rng(2))() if k < 12 else np.zeros((H, W))


def growing_patch(rng, k):
    """A patch grows over most of the frame."""
    return _disc(40, 50, 4 + 3.0 * k, 6.0)


def forming_lattice(rng, k):
    """A lattice forms on a bare surface."""
    return _lattice(14, 3.0) * np.clip((k - 6) / 8, 0, 1)


def surface_step(rng, k):
    """A terrace edge walks through the frame."""
    return 5.0 / (1 + np.exp(-(X - 100 + 4 * k) / 1.0))


def steady_drift(rng, k):
    """The scanner drifts along z by more than the relief in each frame."""
    return _discs(np.random.default_rng(3))() + 9.0 * k


def settling(rng, k):
    """The level settles exponentially after the approach."""
    return _discs(np.random.default_rng(4))() - 180.0 * np.exp(-k / 4.0)


def steady_approach(rng, k):
    """The scanner approaches: it creeps steadily within each frame and from frame to frame."""
    return _discs(np.random.default_rng(5))() + 25.0 * (k + (H - 1 - Y) / H) * 0.9


def another_area(rng, k):
    """The scan moves to another area."""
    return _discs(np.random.default_rng(6 + (k >= 12)), 8 if k < 12 else 20)()


def lateral_drift(rng, k):
    """The sample drifts by 3 px a frame."""
    return _discs(np.random.default_rng(8), 12)(shift=(2.0 * k - 24, 2.4 * k - 28))


def dissolving(rng, k):
    """A rough film dissolves."""
    film = ndimage.gaussian_filter(np.random.default_rng(9).normal(size=(H, W)), 2)
    return film / film.std() * 3.0 * np.clip(1 - k / 16, 0.02, 1)


def fast_movers(rng, k):
    """Objects diffuse fast: no frame resembles the one before."""
    return _discs(np.random.default_rng(1000 + k), 15)()


CHANGES = (
    landing_object,
    leaving_objects,
    growing_patch,
    forming_lattice,
    surface_step,
    steady_drift,
    settling,
    steady_approach,
    another_area,
    lateral_drift,
    dissolving,
    fast_movers,
)


def changing_movie(change, seed, noise=0.15, line=0.1, correlation=0.0):
    """Return a movie of a sample that changes, (24, 96, 112), nm."""
    rng = np.random.default_rng(seed)
    slope = rng.normal(0, 0.02, 2)
    base = rng.uniform(-200, 200)
    out = np.empty((N, H, W))
    for k in range(N):
        pixel = rng.normal(0, noise, (H, W))
        if correlation:
            pixel = ndimage.gaussian_filter1d(pixel, correlation, axis=1)
            pixel *= noise / max(pixel.std(), 1e-12)
        out[k] = base + slope[0] * Y + slope[1] * X + change(rng, k) + rng.normal(0, line, (H, 1)) + pixel
    return out.astype(np.float32)
