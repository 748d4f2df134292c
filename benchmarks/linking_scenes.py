"""Simulated positions of many kinds of motion, for the benchmarks of linking with defaults.

Every scene is a function of a random generator that returns detections: `frame`, `time_s`, `y`, `x` (px) and
`particle` (-1: false detection). Particles move through a field that is part of a larger one, so that they enter and
leave it. None of the rules of motion is the model of the linker.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

Rng = np.random.Generator
FIELD = 200.0
SCENES: dict[str, Callable[[Rng], pd.DataFrame]] = {}


def scene(make: Callable[[Rng], pd.DataFrame]) -> Callable[[Rng], pd.DataFrame]:
    """Register a scene under the name of its function."""
    SCENES[make.__name__] = make
    return make


def starts(rng: Rng, density: float, margin: float) -> np.ndarray:
    """Draw start positions, `density` of them in the field, in a field wider by a margin on every side."""
    side = FIELD + 2 * margin
    n = rng.poisson(density * (side / FIELD) ** 2)
    return rng.uniform(-margin, FIELD + margin, (max(n, 2), 2))


def observe(
    rng: Rng,
    path: np.ndarray,
    *,
    missed: float = 0.05,
    clutter: float = 0.5,
    error: float = 0.3,
    times: np.ndarray | None = None,
    alive: np.ndarray | None = None,
    drift: np.ndarray | None = None,
) -> pd.DataFrame:
    """Detect particles on paths (n_frames, n, 2): leave out some, add errors of position and false detections."""
    n_frames, n, _ = path.shape
    moved = path if drift is None else path + drift[:, None]
    inside = ((moved >= 0) & (moved < FIELD)).all(axis=2) & (rng.random((n_frames, n)) >= missed)
    if alive is not None:
        inside &= alive
    frame, particle = np.nonzero(inside)
    at = moved[frame, particle] + rng.normal(0, error, (frame.size, 2))
    n_false = rng.poisson(clutter, n_frames)
    false = rng.uniform(0, FIELD, (n_false.sum(), 2))
    return table(
        np.concatenate([frame, np.repeat(np.arange(n_frames), n_false)]),
        np.concatenate([at, false]),
        np.concatenate([particle, np.full(n_false.sum(), -1)]),
        np.arange(n_frames) * 1.0 if times is None else times,
    )


def table(frame: np.ndarray, at: np.ndarray, particle: np.ndarray, times: np.ndarray) -> pd.DataFrame:
    """Return detections in the order of frames."""
    order = np.argsort(frame, kind="stable")
    columns = {"frame": frame, "time_s": times[frame], "y": at[:, 0], "x": at[:, 1], "particle": particle}
    return pd.DataFrame(columns).iloc[order].reset_index(drop=True)


def walks(rng: Rng, start: np.ndarray, sigma: np.ndarray | float, n_frames: int) -> np.ndarray:
    """Draw Brownian paths (n_frames, n, 2); `sigma` is the standard deviation of a step per axis."""
    step = rng.normal(0, 1, (n_frames, start.shape[0], 2)) * np.broadcast_to(sigma, start.shape[0])[:, None]
    return start + np.cumsum(step, axis=0)


@scene
def mixture(rng: Rng) -> pd.DataFrame:
    """Half of the particles fast, half nearly at rest."""
    start = starts(rng, 30, 30)
    return observe(rng, walks(rng, start, np.where(rng.random(len(start)) < 0.5, 0.3, 3.5), 200))


@scene
def crowded(rng: Rng) -> pd.DataFrame:
    """Brownian particles with steps of a third of the distance to the neighbour."""
    start = starts(rng, 45, 30)
    return observe(rng, walks(rng, start, 3.5, 200), missed=0.07, clutter=1.5)


@scene
def sparse(rng: Rng) -> pd.DataFrame:
    """Eight fast particles."""
    return observe(rng, walks(rng, starts(rng, 8, 40), 4.2, 100), missed=0.02, clutter=0.1)


@scene
def directed(rng: Rng) -> pd.DataFrame:
    """Directed motion with pauses, 2 px a frame for 15 frames, then 10 at rest, in a new direction each time."""
    start = starts(rng, 25, 80)
    n, n_frames = len(start), 200
    moving, heading = rng.random(n) < 0.6, rng.uniform(0, 2 * np.pi, n)
    speed, steps = rng.gamma(8, 2.5 / 8, n), np.zeros((n_frames, n, 2))
    for t in range(n_frames):
        change = rng.random(n) < np.where(moving, 1 / 15, 1 / 10)
        heading = np.where(change & ~moving, rng.uniform(0, 2 * np.pi, n), heading + rng.normal(0, 0.1, n))
        moving = moving ^ change
        steps[t] = (speed * moving)[:, None] * np.column_stack([np.sin(heading), np.cos(heading)])
    return observe(rng, start + np.cumsum(steps, axis=0) + rng.normal(0, 0.3, steps.shape))


@scene
def confined(rng: Rng) -> pd.DataFrame:
    """Particles on tethers: their positions are correlated over some frames."""
    centre = starts(rng, 40, 10)
    off = np.zeros((200, len(centre), 2))
    for t in range(200):
        off[t] = 0.6 * off[t - 1] + rng.normal(0, 2.0, centre.shape)
    return observe(rng, centre + off)


@scene
def hop(rng: Rng) -> pd.DataFrame:
    """Particles that rest, and hop to a site about 8 px away once in 25 frames."""
    start = starts(rng, 30, 30)
    shape = (200, len(start))
    length = rng.normal(8.0, 1.0, shape) * (rng.random(shape) < 0.04)
    angle = rng.integers(0, 6, shape) * np.pi / 3
    steps = length[..., None] * np.stack([np.sin(angle), np.cos(angle)], axis=-1)
    return observe(rng, start + np.cumsum(steps, axis=0), error=0.5)


@scene
def levy(rng: Rng) -> pd.DataFrame:
    """Lévy flights: the length of steps has a power-law tail with the exponent 1.6, cut off at 40 px."""
    start = starts(rng, 25, 60)
    shape = (200, len(start))
    length = np.minimum(1.2 * (rng.pareto(1.6, shape) + 0.2), 40.0)
    angle = rng.uniform(0, 2 * np.pi, shape)
    steps = length[..., None] * np.stack([np.sin(angle), np.cos(angle)], axis=-1)
    return observe(rng, start + np.cumsum(steps, axis=0))


@scene
def blinking(rng: Rng) -> pd.DataFrame:
    """Slow particles that are undetected for 3 frames on average, once in 12 frames."""
    start = starts(rng, 20, 20)
    alive = np.ones((240, len(start)), bool)
    for t in range(1, 240):
        alive[t] = np.where(alive[t - 1], rng.random(len(start)) > 1 / 12, rng.random(len(start)) < 1 / 3)
    return observe(rng, walks(rng, start, 1.2, 240), missed=0.02, alive=alive)


@scene
def false_clusters(rng: Rng) -> pd.DataFrame:
    """False detections around eight dirty spots, several in a frame, beside real particles."""
    real = observe(rng, walks(rng, starts(rng, 20, 20), 2.0, 200), clutter=0.3)
    spots = rng.uniform(0, FIELD, (8, 2))
    number = rng.poisson(0.7, (200, 8)) * (rng.random((200, 8)) < 0.7)
    frame, spot = (np.repeat(index.ravel(), number.ravel()) for index in np.indices(number.shape))
    false = spots[spot] + rng.normal(0, 5.0, (frame.size, 2))
    both = np.concatenate([real[["y", "x"]].to_numpy(), false])
    names = np.concatenate([real["particle"], np.full(frame.size, -1)])
    return table(np.concatenate([real["frame"], frame]), both, names, np.arange(200) * 1.0)


@scene
def motors(rng: Rng) -> pd.DataFrame:
    """Motors that run both ways along six filaments, pass each other, and fall off."""
    n_frames, n = 200, 70
    line, along = rng.integers(0, 6, n), rng.uniform(-60, FIELD, n)
    way = np.where(rng.random(n) < 0.7, 1.0, -1.0)
    begin = rng.integers(-60, n_frames, n)
    end = begin + rng.geometric(1 / 60, n)
    frame = np.arange(n_frames)[:, None]
    run = (frame - begin) * way * rng.normal(2.5, 0.4, n) + np.cumsum(
        rng.normal(0, 0.8, (n_frames, n)), axis=0
    )
    # Filaments are 33 px apart and slightly inclined.
    y = 17 + 33 * line + 0.05 * (along + run) + rng.normal(0, 0.4, (n_frames, n))
    path = np.stack([y, along + run], axis=-1)
    return observe(rng, path, alive=(frame >= begin) & (frame < end))


@scene
def drifting(rng: Rng) -> pd.DataFrame:
    """Brownian particles in a field that drifts steadily and at random."""
    drift = np.cumsum(rng.normal([0.4, -0.8], 0.5, (200, 2)), axis=0)
    start = starts(rng, 25, 170)
    return observe(rng, walks(rng, start, 1.6, 200), drift=drift)


@scene
def uneven(rng: Rng) -> pd.DataFrame:
    """Brownian particles at intervals of 1, 1, 1, 6 s."""
    start = starts(rng, 15, 60)
    intervals = np.tile([1.0, 1.0, 1.0, 6.0], 50)
    path = start + np.cumsum(
        rng.normal(0, 1, (200, len(start), 2)) * 1.8 * np.sqrt(intervals)[:, None, None], axis=0
    )
    return observe(rng, path, times=np.cumsum(intervals))


@scene
def turnover(rng: Rng) -> pd.DataFrame:
    """Particles that bind, stay for ten frames on average, and leave."""
    n_frames, n = 200, 800
    begin = rng.integers(-40, n_frames, n)
    end = begin + rng.geometric(0.1, n)
    frame = np.arange(n_frames)[:, None]
    path = walks(rng, rng.uniform(0, FIELD, (n, 2)), 1.5, n_frames)
    return observe(rng, path, alive=(frame >= begin) & (frame < end), clutter=2.0)


@scene
def head_on(rng: Rng) -> pd.DataFrame:
    """Forty particles in twenty pairs that meet head-on, never missed."""
    frame = np.arange(60)[:, None]
    lane, meeting = np.repeat(np.arange(20), 2), np.repeat(rng.uniform(20, 40, 20), 2)
    way = np.tile([1.0, -1.0], 20)
    x = 100 + way * 3.0 * (frame - meeting) + rng.normal(0, 0.2, (60, 40))
    y = 5 + 9.5 * lane + rng.normal(0, 0.2, (60, 40))
    return observe(rng, np.stack([y, x], axis=-1), missed=0.0, clutter=0.0, error=0.1)
