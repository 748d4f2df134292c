"""Twenty kinds of movies with a known background, for the accuracy of levelling.

They share no code with `playNano.simulate`: flat discs, caps, rods, terraces and pits, tails of a tip that descends
at a limited rate, tilt and bow, row offsets (autocorrelated, with jumps, and lowered where a row is full of objects),
white, correlated and 1/f noise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

SIZE = 128
N_FRAMES = 18
DESCENT = 0.8  # nm per pixel at which the tip descends behind a steep edge


@dataclass(frozen=True)
class Instrument:
    """What the microscope adds to the heights, in nm."""

    white: float = 0.11
    correlated: float = 0.08
    one_over_f: float = 0.08
    row_sd: float = 0.15
    row_steps: float = 1.5
    step_sd: float = 0.5
    coupling: float = 0.4


@dataclass
class Scene:
    """A movie with its truth: `movie`, `noise`, `truth` (n, h, w) in nm; `background` and `top` mark pixels."""

    movie: np.ndarray
    noise: np.ndarray
    truth: np.ndarray
    background: np.ndarray
    top: np.ndarray


Y, X = np.mgrid[:SIZE, :SIZE].astype(float)


def disc(y, x, diameter, height):
    """Return a flat disc with an edge one pixel wide."""
    return height * np.clip(diameter / 2 + 0.5 - np.hypot(Y - y, X - x), 0, 1)


def cap(y, x, diameter, height):
    """Return a paraboloid cap."""
    return height * np.clip(1 - 4 * ((Y - y) ** 2 + (X - x) ** 2) / diameter**2, 0, None)


def box(top, bottom, left, right, height):
    """Return a flat rectangle with edges one pixel wide."""
    inside = np.minimum(np.minimum(Y - top, bottom - Y), np.minimum(X - left, right - X))
    return height * np.clip(inside + 0.5, 0, 1)


def scattered(rng, n, diameter, gap=2.0, tries=20000):
    """Return places of discs that do not overlap."""
    places: list[np.ndarray] = []
    for _ in range(tries):
        place = rng.uniform(diameter / 2 + 1, SIZE - diameter / 2 - 1, 2)
        if all(np.hypot(*(place - other)) > diameter + gap for other in places):
            places.append(place)
        if len(places) == n:
            return places
    return places


def union(images):
    """Return the highest of images at every pixel; 0 of none."""
    return np.max([np.zeros((SIZE, SIZE)), *images], axis=0)


def discs_at(places, diameter, height):
    return union([disc(y, x, diameter, height) for y, x in places])


def discs(n, diameter, height=4.0):
    def make(rng):
        image = discs_at(scattered(rng, n, diameter), diameter, abs(height))
        return [np.sign(height) * image] * N_FRAMES

    return make


def crowded(rng):
    spacing = SIZE / 7
    places = [(spacing * (i + 0.5), spacing * (j + 0.5)) for i in range(7) for j in range(7)]
    image = discs_at(np.array(places) + rng.uniform(-0.4, 0.4, (49, 2)), 17.4, 4.0)
    return [image] * N_FRAMES


def row_of_discs(moving):
    def make(rng):
        places = np.array([[rng.uniform(30, 98), SIZE / 6 * (j + 0.45)] for j in range(1)] * 6)
        places[:, 1] = SIZE / 6 * (np.arange(6) + 0.45) + rng.uniform(-0.5, 0.5, 6)
        speed = rng.choice([-2.0, 2.0]) if moving else 0.0
        return [
            discs_at(places + np.array([speed * (t - N_FRAMES / 2), 0]), 15, 4.0) for t in range(N_FRAMES)
        ]

    return make


def rods_along_x(rng):
    image = union(
        [
            box(y, y + 8, left, left + rng.uniform(95, 103), 4.0)
            for y, left in zip(
                np.array((14, 44, 74, 104)) + rng.uniform(-4, 4, 4), rng.uniform(4, 16, 4), strict=True
            )
        ]
    )
    return [image] * N_FRAMES


def patch(rows):
    def make(rng):
        height, width = rows * SIZE, 0.8 * SIZE
        top, left = rng.uniform(8, SIZE - height - 8), rng.uniform(4, SIZE - width - 10)
        low = box(top, top + height, left, left + width, 4.0)
        small = [disc(y, x, 9, 4.0) for y, x in scattered(rng, 6, 9) if low[int(y), int(x)] == 0]
        return [union([low, *small])] * N_FRAMES

    return make


def step(rng):
    edge = rng.uniform(50, 70) + 0.25 * (Y - SIZE / 2)
    terrace = 4.0 * np.clip(X - edge + 0.5, 0, 1)
    return [terrace + discs_at(scattered(rng, 5, 11), 11, 4.0)] * N_FRAMES


def terraces(rng):
    slope = rng.uniform(0.2, 0.3)
    edges = np.array([30, 60, 92]) + rng.uniform(-5, 5, 3)
    levels = sum(2.0 * np.clip(X - e - slope * (Y - SIZE / 2) + 0.5, 0, 1) for e in edges)
    return [levels + discs_at(scattered(rng, 4, 11), 11, 4.0)] * N_FRAMES


def tall_and_short(rng):
    places = scattered(rng, 12, 15, gap=3)
    image = union([disc(y, x, 15, 12.0 if i < 6 else 2.0) for i, (y, x) in enumerate(places)])
    return [image] * N_FRAMES


def lattice(spacing, diameter):
    def make(rng):
        shift = rng.uniform(0, spacing, 2)
        ticks = np.arange(-spacing, SIZE + spacing, spacing)
        image = union([cap(y + shift[0], x + shift[1], diameter, 2.0) for y in ticks for x in ticks])
        return [image] * N_FRAMES

    return make


def empty(rng):
    return [np.zeros((SIZE, SIZE))] * N_FRAMES


def movers(rng):
    places = rng.uniform(0, SIZE, (36, 2))
    frames = []
    for _ in range(N_FRAMES):
        frames.append(discs_at(places, 19, 4.0))
        places = (places + rng.normal(0, np.sqrt(2 * 60 * 0.25), places.shape)) % SIZE
    return frames


def bar(rng):
    top = rng.uniform(35, 65)
    return [box(top, top + 30, -9, SIZE + 9, 4.0)] * N_FRAMES


SCENES: dict[str, tuple[Callable, Instrument]] = {
    "sparse 5": (discs(5, 17), Instrument()),
    "22 discs 37%": (discs(22, 18.6), Instrument()),
    "crowded 49 discs": (crowded, Instrument()),
    "row of discs": (row_of_discs(False), Instrument()),
    "row of discs moving": (row_of_discs(True), Instrument()),
    "rods along x": (rods_along_x, Instrument()),
    "patch 62% rows": (patch(0.62), Instrument()),
    "patch 70% rows": (patch(0.70), Instrument()),
    "step 4 nm": (step, Instrument()),
    "terraces 3x2 nm": (terraces, Instrument()),
    "12 and 2 nm": (tall_and_short, Instrument()),
    "pits 8": (discs(8, 15, -4.0), Instrument()),
    "pits crowded 25": (discs(25, 18, -4.0), Instrument()),
    "lattice 2 nm/16": (lattice(16, 14), Instrument()),
    "lattice 2 nm/12": (lattice(12, 11), Instrument()),
    "empty": (empty, Instrument()),
    "1/f strong": (discs(8, 15), Instrument(one_over_f=0.3)),
    "line jumps": (discs(8, 15), Instrument(row_sd=0.8, row_steps=3, step_sd=2.0)),
    "36 moving": (movers, Instrument()),
    "bar all columns": (bar, Instrument()),
}


def descended(truth):
    """Return heights with the tail that a tip leaves which descends at a limited rate, scanning to the right."""
    out = truth.copy()
    for x in range(1, out.shape[1]):
        out[:, x] = np.maximum(truth[:, x], out[:, x - 1] - DESCENT)
    return out


def noise_of(rng, instrument):
    """Return one frame of noise."""
    n = SIZE * SIZE
    spectrum = np.fft.rfft(rng.normal(size=n))
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    spectrum[0] = 0
    pink = np.fft.irfft(spectrum, n).reshape(SIZE, SIZE)
    smooth = ndimage.gaussian_filter1d(rng.normal(size=(SIZE, SIZE)), 1.0, axis=1)
    parts = ((instrument.white, rng.normal(size=(SIZE, SIZE))), (instrument.correlated, smooth))
    noise = sum(sd * part / part.std() for sd, part in (*parts, (instrument.one_over_f, pink)))
    return noise - noise.mean()


def row_offsets(rng, instrument, heights):
    """Return the offsets of the rows of one frame."""
    rho, offsets = 0.7, np.zeros(SIZE)
    for y in range(1, SIZE):
        offsets[y] = rho * offsets[y - 1] + rng.normal(0, instrument.row_sd * np.sqrt(1 - rho**2))
    for row in rng.integers(1, SIZE, rng.poisson(instrument.row_steps)):
        offsets[row:] += rng.normal(0, instrument.step_sd)
    return offsets - instrument.coupling * heights.mean(axis=1)


def make_scene(name, seed, instrument=None, n_frames=N_FRAMES):
    """Return a scene of a kind with a seed."""
    make, own = SCENES[name]
    instrument = instrument or own
    rng = np.random.default_rng([seed, sum(name.encode())])
    truths = make(rng)[:n_frames]
    xs, ys = (X - SIZE / 2) / SIZE, (Y - SIZE / 2) / SIZE
    tilt, bow = rng.uniform(-5, 5, 2), rng.uniform(-4, 4, 2)
    movie, noises, heights, background, top = [], [], [], [], []
    level = -170.0
    for truth in truths:
        level += rng.normal(0, 0.4)
        tilt = tilt + rng.normal(0, 0.03, 2)
        noise, seen = noise_of(rng, instrument), descended(truth)
        surface = level + tilt[0] * xs + tilt[1] * ys + bow[0] * xs**2 + bow[1] * ys**2
        movie.append(seen + noise + surface + row_offsets(rng, instrument, seen)[:, None])
        noises.append(noise)
        heights.append(seen)
        background.append(np.abs(seen) < 0.01)
        flat = np.abs(truth - seen) < 0.01
        top.append(flat & (np.abs(truth) > 0.8 * np.abs(truth).max()) & (truth != 0))
        if name == "12 and 2 nm":
            top[-1] = flat & ((truth > 11.9) | ((truth > 1.95) & (truth < 2.05)))
        elif name in ("step 4 nm", "terraces 3x2 nm"):
            top[-1] = flat & (truth > 1.95)
    return Scene(*map(np.asarray, (np.float32(movie), noises, heights, background, top)))


def score(scene, levelled):
    """Return the bias of the heights, mean and worst frame, %, and the rms of the background over that of the noise."""
    bias, residual, true = [], [], []
    for t, frame in enumerate(levelled):
        if scene.top[t].any():
            bias.append(100 * (frame[scene.top[t]].mean() / scene.truth[t][scene.top[t]].mean() - 1))
        residual.append(frame[scene.background[t]])
        true.append(scene.noise[t][scene.background[t]])
    rms = np.sqrt(np.mean(np.concatenate(residual) ** 2) / np.mean(np.concatenate(true) ** 2))
    if not bias:
        return float("nan"), float("nan"), float(rms)
    return float(np.mean(bias)), float(max(bias, key=abs)), float(rms)
