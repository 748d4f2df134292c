"""Simulated movies with planted faults and their truth, for the tests and the benchmark of frame quality."""

from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage

FAULTS = ("blank", "torn", "partly_torn", "scars", "jump", "rough")


@dataclass
class FaultMovie:
    """A movie, what it shows, and the faults of every frame."""

    block: np.ndarray
    kind: str
    truth: dict[str, set[int]] = field(default_factory=dict)


def _bumps(rng, h, w, n, height, sigma):
    y, x = np.mgrid[:h, :w]
    places = rng.uniform(0, 1, (n, 2)) * (h, w)
    tall = height * rng.uniform(0.6, 1.4, n)

    def draw(shift):
        out = np.zeros((h, w))
        for (cy, cx), a in zip(places + shift, tall, strict=True):
            cy, cx = cy % h, cx % w
            r0, r1 = int(max(cy - 5 * sigma, 0)), int(min(cy + 5 * sigma + 1, h))
            c0, c1 = int(max(cx - 5 * sigma, 0)), int(min(cx + 5 * sigma + 1, w))
            d2 = (y[r0:r1, c0:c1] - cy) ** 2 + (x[r0:r1, c0:c1] - cx) ** 2
            out[r0:r1, c0:c1] += a * np.exp(-d2 / (2 * sigma**2))
        return out

    return draw


def _surface(rng, kind, h, w, height):
    """Return a function of the frame's shift (y, x) that draws the surface."""
    y, x = np.mgrid[:h, :w].astype(float)
    if kind == "particles":
        draw = _bumps(rng, h, w, int(rng.integers(3, 60)), height, rng.uniform(1.5, 5))
        return lambda s: draw(np.array(s)[None] + rng.normal(0, 0.7, (1, 2)))
    if kind == "lattice":
        period = rng.uniform(10, 25)
        angle = rng.uniform(0, np.pi)

        def lattice(s):
            out = 0
            for k in range(3):
                a = angle + k * np.pi / 3
                out = out + np.cos(2 * np.pi * ((y + s[0]) * np.sin(a) + (x + s[1]) * np.cos(a)) / period)
            return height * out / 6

        return lattice
    if kind == "terraces":
        angle = rng.choice([0.0, np.pi / 2, rng.uniform(0, np.pi)])
        width = rng.uniform(0.15, 0.6) * h
        start = rng.uniform(0, width)
        return lambda s: (
            height * np.floor(((y + s[0]) * np.cos(angle) + (x + s[1]) * np.sin(angle) + start) / width)
        )
    if kind == "rough":
        texture = ndimage.gaussian_filter(rng.normal(size=(h, w)), rng.uniform(1.5, 6), mode="wrap")
        texture *= height / texture.std() / 4
        return lambda s: ndimage.shift(texture, s, order=1, mode="grid-wrap")
    if kind == "filaments":
        t = np.linspace(0, 1, 400)
        out = np.zeros((h, w))
        for _ in range(int(rng.integers(2, 8))):
            p = rng.uniform(0, 1, (4, 2)) * (h, w)
            curve = (
                (1 - t)[:, None] ** 3 * p[0]
                + 3 * (t * (1 - t) ** 2)[:, None] * p[1]
                + 3 * (t**2 * (1 - t))[:, None] * p[2]
                + t[:, None] ** 3 * p[3]
            )
            yi, xi = np.clip(curve.round().astype(int), 0, (h - 1, w - 1)).T
            out[yi, xi] = 1
        out = ndimage.gaussian_filter(out, rng.uniform(1.2, 3))
        out *= height / max(out.max(), 1e-9)
        return lambda s: ndimage.shift(out, s, order=1, mode="grid-wrap")
    return lambda s: np.zeros((h, w))


KINDS = ("particles", "lattice", "terraces", "rough", "filaments", "flat")


def clean_movie(rng, n=None, kind=None, size=None):
    """Return a movie without faults, its noise (rms) and its relief, in nm."""
    kind = kind or str(rng.choice(KINDS))
    h, w = size or (int(rng.choice([64, 100, 128, 200, 256, 512])), int(rng.choice([64, 128, 200, 256])))
    n = n or int(rng.integers(8, 40))
    if h * w > 60_000:
        n = min(n, 16)
    noise = 10 ** rng.uniform(-1.3, 0)
    height = noise * 10 ** rng.uniform(0.6, 1.8)
    draw = _surface(rng, kind, h, w, height)
    line = noise * 10 ** rng.uniform(-1.5, 0.2)
    tilt = height * rng.normal(0, 1, 2)
    drift = height * rng.normal(0, 0.1)
    walk = np.cumsum(rng.normal(0, 0.1 * height, n)) + drift * np.arange(n)
    base = rng.uniform(-300, 300)
    y, x = np.mgrid[:h, :w]
    slope = tilt[0] * y / h + tilt[1] * x / w
    shift = np.zeros(2)
    out = np.empty((n, h, w))
    for k in range(n):
        shift = shift + rng.normal(0, 0.5, 2)
        out[k] = base + walk[k] + slope + draw(shift)
        out[k] += rng.normal(0, line, (h, 1)) + rng.normal(0, noise, (h, w))
    relief = float(np.median(np.ptp(out - np.median(out, axis=2)[:, :, None], axis=(1, 2))))
    return out, kind, noise, line, relief


def _waves(rng, rows, size):
    """Return levels of a tip that lost the surface: swings of many times the relief within lines."""
    t = np.arange(rows)
    out = np.zeros(rows)
    for _ in range(4):
        out += np.sin(t * rng.uniform(0.15, 1.2) + rng.uniform(0, 7)) * rng.uniform(0.5, 1)
    return size * out + np.cumsum(rng.normal(0, 0.05 * size, rows))


def _tear(rng, frame, part, rail, relief, noise):
    """Lose the surface on a share of the lines, in one of four ways."""
    h, w = frame.shape
    rows = max(round(part * h), 2)
    start = int(rng.choice([0, h - rows, rng.integers(0, h - rows + 1)]))
    lost = slice(start, start + rows)
    how = rng.choice(["rail", "waves", "waves to rail", "fill"])
    if how == "rail":
        frame[lost] = rail
    elif how == "fill":
        frame[lost] = rng.choice([0.0, np.nan])
    else:
        level = frame[lost].mean() + _waves(rng, rows, relief * rng.uniform(6, 40))
        frame[lost] = level[:, None] + rng.normal(0, noise, (rows, w)) + rng.normal(0, relief / 4, (rows, 1))
        if how == "waves to rail":
            frame[start : start + max(rows // 3, 1)] = rail
    return how


def _scar(rng, frame, line, noise, relief):
    h, w = frame.shape
    size = max(rng.uniform(0.7, 4) * relief, 12 * noise, 14 * line)
    rows = rng.choice(np.arange(3, h - 4, 5), size=min(int(rng.integers(3, 9)), h // 10), replace=False)
    for r in rows:
        length = int(rng.uniform(0.3, 1) * w)
        at = int(rng.integers(0, w - length + 1))
        frame[r : r + int(rng.integers(1, 3)), at : at + length] += size * rng.choice([-1, 1])


def _plant(rng, fault, frame, rail, figures):
    """Plant one fault in a frame, in place."""
    noise, line, relief, step = figures
    h, w = frame.shape
    if fault == "blank":
        frame[:] = rng.choice([rail, 0.0])
        if rng.random() < 0.3 and step > 0:
            frame += step * (rng.random((h, w)) < 0.2)
    elif fault == "torn":
        _tear(rng, frame, rng.uniform(0.95, 0.99), rail, relief, noise)
    elif fault == "partly_torn":
        _tear(rng, frame, rng.uniform(0.15, 0.8), rail, relief, noise)
    elif fault == "scars":
        _scar(rng, frame, line, noise, relief)
    elif fault == "jump":
        frame += relief * rng.uniform(3, 10) * rng.choice([-1, 1])
    elif fault == "rough":
        frame += rng.normal(0, rng.uniform(4, 8) * max(noise, relief / 6), (h, w))


def faulty_movie(rng, share=0.2, n=None, faults=FAULTS, kind=None, size=None):
    """Return a movie in which a share of the frames has one fault each."""
    block, kind, noise, line, relief = clean_movie(rng, n, kind, size)
    n = len(block)
    rail = float(rng.choice([-1, 1])) * (np.abs(block).max() + 60 * relief)
    step = float(rng.choice([0.0, 0.3, 1.0])) * noise
    bad = rng.choice(n, size=max(1, round(share * n)), replace=False)
    truth = {name: set() for name in FAULTS}
    for k in sorted(bad):
        fault = str(rng.choice(faults))
        truth[fault].add(int(k))
        _plant(rng, fault, block[k], rail, (noise, line, relief, step))
    scale = float(rng.choice([1.0, 1.0, 0.01, 1e-9]))
    return FaultMovie((convert(block, step, rail) * scale).astype(np.float32), kind, truth)


def convert(block, step, rail):
    """Round to the converter's steps (counted from the rail) and clip at the rail."""
    if step > 0:
        block = rail + np.round((block - rail) / step) * step
    return np.minimum(block, rail) if rail > 0 else np.maximum(block, rail)


def compare(movie, table):
    """Return true positives, false positives and false negatives of every flag, and of ``unusable``."""
    lost = movie.truth["blank"] | movie.truth["torn"] | movie.truth["partly_torn"]
    pairs = {"unusable": (lost, set(table["frame"][~table["usable"]]))}
    for name in FAULTS:
        got = set(table["frame"][table[name]])
        # In a frame without a surface, the warnings have no meaning.
        pairs[name] = (movie.truth[name], got if name in ("blank", "torn", "partly_torn") else got - lost)
    return {name: np.array([len(a & b), len(b - a), len(a - b)]) for name, (a, b) in pairs.items()}
