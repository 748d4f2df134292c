"""Movies whose drift is known: lattices, DNA, motors on filaments, and particles of which none is fixed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FRAMES = 64


@dataclass
class Scene:
    """A movie, (n, h, w) float32, the true drift (y, x), px, (n, 2), and which frames show the surface, (n,)."""

    movie: np.ndarray
    drift: np.ndarray
    good: np.ndarray


def make_scene(name, seed, *, drifting=True, size=160, n=FRAMES):
    """Return a movie: "lattice", "DNA", "motors" or "nothing fixed"."""
    rng = np.random.default_rng([seed, len(name)])
    drift = _drift(rng, n) if drifting else np.zeros((n, 2))
    draw = {"lattice": _lattice, "DNA": _dna, "motors": _motors, "nothing fixed": _loose}[name](rng, size, n)
    movie = np.empty((n, size, size), np.float32)
    y, x = np.mgrid[:size, :size] / size - 0.5
    for k in range(n):
        surface = np.zeros((size, size))
        draw(surface, k, drift[k])
        tilt = rng.normal(0, 0.3, 2)
        rows = rng.normal(0, 0.1, size).cumsum() * 0.1 + rng.normal(0, 0.1, size)
        movie[k] = surface + tilt[0] * y + tilt[1] * x + rows[:, None] + rng.normal(0, 0.12, surface.shape)
    good = np.ones(n, np.bool_)
    if name == "DNA":
        torn, blank = n // 3, (2 * n) // 3
        movie[torn, size // 4 : size // 4 + size // 2] = rng.normal(0, 4, (size // 2, size))
        movie[blank] = 6.0
        good[[torn, blank]] = False
    return Scene(movie, drift, good)


def _drift(rng, n):
    """Return 7 to 18 px of drift that slows down, with a random walk."""
    angle, length = rng.uniform(0, 2 * np.pi), rng.uniform(7, 18)
    decay = 1 - np.exp(-np.arange(n) / rng.uniform(0.3, 1.5) / n)
    way = length * decay / decay[-1]
    drift = way[:, None] * (np.cos(angle), np.sin(angle)) + rng.normal(0, 0.12, (n, 2)).cumsum(axis=0)
    return drift - drift[0]


def _add(surface, places, height, sigma, join):
    """Draw round Gaussian bumps; `join` is np.add or np.maximum."""
    half = int(4 * sigma) + 1
    size = surface.shape[0]
    for (y, x), h in zip(places, np.broadcast_to(height, len(places)), strict=True):
        if not (-half < y < size + half and -half < x < size + half):
            continue
        rows = slice(max(int(y) - half, 0), max(int(y) + half + 1, 0))
        columns = slice(max(int(x) - half, 0), max(int(x) + half + 1, 0))
        part = surface[rows, columns]
        yy = np.arange(rows.start, rows.start + part.shape[0])[:, None] - y
        xx = np.arange(columns.start, columns.start + part.shape[1])[None] - x
        join(part, h * np.exp(-(yy**2 + xx**2) / (2 * sigma**2)), out=part)


def _lattice(rng, size, n):
    """A lattice of molecules with 12 % of them missing."""
    edge, turn, skew = rng.uniform(9, 14), rng.uniform(0, np.pi), rng.uniform(1.2, 1.9)
    first = edge * np.array([np.sin(turn), np.cos(turn)])
    second = edge * rng.uniform(0.9, 1.2) * np.array([np.sin(turn + skew), np.cos(turn + skew)])
    index = np.mgrid[-60:61, -60:61].reshape(2, -1).T
    places = index @ np.array([first, second]) + size / 2
    places = places[(np.abs(places - size / 2) < size / 2 + 40).all(axis=1)]
    places = places[rng.random(len(places)) > 0.12] + rng.normal(0, 0.15, (1, 2))
    heights = rng.normal(1.2, 0.1, len(places))
    return lambda surface, k, d: _add(surface, places + d, heights, 0.22 * edge, np.add)


def _moving(rng, count, size, n, step):
    """Return paths of diffusing particles, (n, count, 2)."""
    start = rng.uniform(0, size, (1, count, 2))
    return (start + rng.normal(0, step, (n, count, 2)).cumsum(axis=0)) % size


def _dna(rng, size, n):
    """Strands of DNA that are fixed, and particles that diffuse over them."""
    strands = []
    for _ in range(5 * max(1, size // 160)):
        direction = rng.uniform(0, 2 * np.pi) + rng.normal(0, 0.12, 150).cumsum()
        path = np.stack([np.sin(direction), np.cos(direction)], axis=1).cumsum(axis=0)
        strands.append(path + rng.uniform(0, size, 2))
    strand, loose = np.concatenate(strands), _moving(rng, 12, size, n, 2.0)

    def draw(surface, k, d):
        _add(surface, strand + d, 1.8, 1.4, np.maximum)
        _add(surface, loose[k] + d, 4.0, 3.0, np.add)

    return draw


def _motors(rng, size, n):
    """Parallel filaments with little texture along them, and motors that walk on them."""
    turn, gap = rng.uniform(0.3, 1.2), rng.uniform(18, 26)
    along = np.array([np.sin(turn), np.cos(turn)])
    across = np.array([along[1], -along[0]])
    lines = np.arange(-8, 9) * gap
    steps = np.arange(-size, size, 1.5)
    texture = 2.5 + 0.25 * rng.normal(size=(len(lines), len(steps)))
    places = size / 2 + lines[:, None, None] * across + steps[None, :, None] * along
    line = rng.choice(lines[4:-4], 10)
    start, speed = rng.uniform(-size / 2, size / 2, 10), rng.uniform(0.8, 1.8, 10)

    def draw(surface, k, d):
        _add(surface, places.reshape(-1, 2) + d, texture.ravel(), 2.2, np.maximum)
        at = (start + speed * k + size / 2) % size - size / 2
        _add(surface, size / 2 + line[:, None] * across + at[:, None] * along + d, 3.5, 3.0, np.add)

    return draw


def _loose(rng, size, n):
    """Particles that all diffuse."""
    loose = _moving(rng, 25, size, n, 2.0)
    return lambda surface, k, d: _add(surface, loose[k] + d, 4.0, 3.0, np.add)
