"""Simulated detections with known identity, without images, for the benchmarks of linking.

Lengths are in units of the mean distance to the nearest neighbour, 0.5 / sqrt(density), so that `step` is the ratio of
root mean squared displacement to neighbour distance, which determines how difficult a movie is to link.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Scenario:
    """Motion, birth, death and missed detections of particles."""

    name: str
    motion: str = "brownian"
    step: float = 0.31
    p_miss: float = 0.07
    clutter: float = 0.03
    p_end: float = 0.004
    drift: float = 0.1
    localisation: float = 0.0
    immobile: float = 0.0
    height_noise: float = 0.5

    def movie(self, n_particles: int, n_frames: int, seed: int) -> Movie:
        """Make the detections of a movie with about `n_particles` in every frame."""
        return _movie(self, n_particles, n_frames, np.random.default_rng(seed))


@dataclass(frozen=True)
class Movie:
    """Detections (frame, y, x, height, particle; -1: clutter) and true positions (frame, y, x, particle)."""

    detections: pd.DataFrame
    truth: pd.DataFrame
    drift: np.ndarray
    scenario: Scenario


SCENARIOS = {
    s.name: s
    for s in (
        Scenario("easy", step=0.12),
        Scenario("hard", step=0.31),
        Scenario("mixture", step=0.31, immobile=0.5),
        Scenario("noisy", step=0.25, localisation=0.05),
        Scenario("confined", motion="confined", step=0.31),
        Scenario("directed", motion="directed", step=0.6),
        Scenario("switching", motion="switching", step=0.31),
        Scenario("levy", motion="levy", step=0.31),
    )
}


def _life_spans(scenario: Scenario, n: int, n_frames: int, rng: np.random.Generator) -> tuple:
    """Draw birth and death frames of a stationary population of about n."""
    n_born = rng.poisson(n * scenario.p_end, n_frames - 1)
    birth = np.concatenate([np.zeros(n, int), np.repeat(np.arange(1, n_frames), n_born)])
    if scenario.p_end > 0:
        length = rng.geometric(scenario.p_end, birth.size)
    else:
        length = np.full(birth.size, n_frames)
    return birth, np.minimum(birth + length, n_frames)


def _walks(scenario: Scenario, n: int, n_frames: int, rng: np.random.Generator) -> np.ndarray:
    """Draw the trajectory of each particle relative to its start, (n_frames, n, 2), with rms step `scenario.step`."""
    sigma = scenario.step / np.sqrt(2.0)
    shape = (n_frames, n, 2)
    if scenario.motion == "brownian":
        mobile = np.where(rng.random(n) < scenario.immobile, 0.06, 1.0)
        return np.cumsum(rng.normal(0, sigma, shape) * mobile[:, None], axis=0)
    if scenario.motion == "confined":
        return _confined(sigma, shape, rng)
    if scenario.motion == "directed":
        return _directed(scenario.step, shape, rng)
    if scenario.motion == "switching":
        return _switching(scenario.step, shape, rng)
    if scenario.motion == "levy":
        # Steps with heavy tails: Student's t with 3 degrees of freedom has the variance 3.
        return np.cumsum(sigma / np.sqrt(3.0) * rng.standard_t(3, shape), axis=0)
    raise ValueError(scenario.motion)


def _confined(sigma: float, shape: tuple, rng: np.random.Generator) -> np.ndarray:
    """Draw confined diffusion in a disc with a hard wall and a radius of 1.5 rms steps, in ten substeps."""
    parts, radius = 10, 1.5 * np.sqrt(2.0) * sigma
    angle = rng.uniform(0, 2 * np.pi, shape[1])
    at = (radius * np.sqrt(rng.random(shape[1])))[:, None] * np.column_stack([np.sin(angle), np.cos(angle)])
    out = np.empty(shape)
    for t in range(shape[0]):
        for _ in range(parts):
            trial = at + rng.normal(0, 1.25 * sigma / np.sqrt(parts), at.shape)
            outside = np.hypot(*trial.T) > radius
            at = np.where(outside[:, None], at, trial)
        out[t] = at
    return out


def _directed(step: float, shape: tuple, rng: np.random.Generator) -> np.ndarray:
    """Draw directed motion at a constant speed of each particle, with slow rotational and some lateral diffusion."""
    speed = step * rng.uniform(0.6, 1.4, shape[1])
    heading = rng.uniform(0, 2 * np.pi, shape[1]) + np.cumsum(rng.normal(0, 0.15, shape[:2]), axis=0)
    way = speed[:, None] * np.stack([np.sin(heading), np.cos(heading)], axis=-1)
    return np.cumsum(way + rng.normal(0, 0.1 * step, shape), axis=0)


def _switching(step: float, shape: tuple, rng: np.random.Generator) -> np.ndarray:
    """Draw motion that switches between resting, diffusing and gliding, with a mean dwell time of 20 frames."""
    state = rng.integers(0, 3, shape[1])
    heading = rng.uniform(0, 2 * np.pi, shape[1])
    moves = np.empty(shape)
    for t in range(shape[0]):
        change = rng.random(shape[1]) < 0.05
        state = np.where(change, rng.integers(0, 3, shape[1]), state)
        heading = np.where(change, rng.uniform(0, 2 * np.pi, shape[1]), heading)
        diffuse = rng.normal(0, step / np.sqrt(2.0), (shape[1], 2))
        glide = step * np.column_stack([np.sin(heading), np.cos(heading)])
        moves[t] = np.choose(state[:, None], [0.15 * diffuse, 1.2 * diffuse, glide + 0.15 * diffuse])
    return np.cumsum(moves, axis=0)


def _movie(scenario: Scenario, n: int, n_frames: int, rng: np.random.Generator) -> Movie:
    side = 2.0 * np.sqrt(n)
    birth, death = _life_spans(scenario, n, n_frames, rng)
    start = rng.uniform(0, side, (birth.size, 2))
    drift = np.cumsum(rng.normal(0, scenario.drift / np.sqrt(2.0), (n_frames, 2)), axis=0)
    walk = _walks(scenario, birth.size, n_frames, rng)
    alive = (np.arange(n_frames)[:, None] >= birth) & (np.arange(n_frames)[:, None] < death)
    frame, particle = np.nonzero(alive)
    local = walk[frame, particle] - walk[birth[particle], particle]
    # Reflecting borders keep the density uniform.
    where = np.abs((start[particle] + local + side) % (2 * side) - side)
    where = where + drift[frame]
    truth = pd.DataFrame({"frame": frame, "y": where[:, 0], "x": where[:, 1], "particle": particle})
    height = rng.normal(5.0, 1.0, birth.size)
    seen = rng.random(frame.size) >= scenario.p_miss
    detected = truth[seen].copy()
    detected["height"] = height[particle[seen]] + rng.normal(0, scenario.height_noise, int(seen.sum()))
    noise = rng.normal(0, scenario.localisation, (len(detected), 2)) if scenario.localisation else 0.0
    detected[["y", "x"]] += noise
    n_clutter = rng.poisson(n * scenario.clutter, n_frames)
    at = np.repeat(np.arange(n_frames), n_clutter)
    false = rng.uniform(0, side, (at.size, 2)) + drift[at]
    clutter = pd.DataFrame(
        {
            "frame": at,
            "y": false[:, 0],
            "x": false[:, 1],
            "particle": -1,
            "height": rng.normal(5.0, 1.1, at.size),
        }
    )
    both = pd.concat([detected, clutter], ignore_index=True)
    both = both.iloc[rng.permutation(len(both))].sort_values("frame", kind="stable", ignore_index=True)
    return Movie(both, truth, drift, scenario)


def dimer_movie(
    n_particles: int,
    n_frames: int,
    seed: int,
    *,
    step: float = 0.12,
    contact: float = 0.4,
    lifetime: float = 25.0,
    p_miss: float = 0.05,
    mass_noise: float = 0.15,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Simulate Brownian particles that dimerise on contact and dissociate; a dimer is one detection.

    Returns the detections (frame, y, x, mass, particle; a dimer has the lower number) and the events (frame, kind,
    y, x) whose particles are separate for three frames before and bound for three frames after, or vice versa.
    """
    rng = np.random.default_rng(seed)
    side = 2.0 * np.sqrt(n_particles)
    at = rng.uniform(0, side, (n_particles, 2))
    mass = rng.uniform(0.8, 1.2, n_particles)
    partner = np.full(n_particles, -1)
    rest = np.zeros(n_particles, int)
    states, places = np.empty((n_frames, n_particles), int), np.empty((n_frames, n_particles, 2))
    for t in range(n_frames):
        move = rng.normal(0, step / np.sqrt(2.0), (n_particles, 2))
        bound = np.flatnonzero(partner > np.arange(n_particles))
        for a in bound:
            move[partner[a]] = move[a]
        at = np.abs((at + move + side) % (2 * side) - side)
        for a in bound:
            b = partner[a]
            at[b] = at[a]
            if rng.random() < 1.0 / lifetime:
                way = rng.uniform(0, 2 * np.pi)
                half = 0.6 * contact * np.array([np.sin(way), np.cos(way)])
                at[a], at[b] = at[a] + half, at[b] - half
                partner[a] = partner[b] = -1
                rest[a] = rest[b] = 8
        free = np.flatnonzero((partner < 0) & (rest <= 0))
        apart = np.hypot(*(at[free][:, None] - at[free][None]).transpose(2, 0, 1))
        for i, j in zip(*np.nonzero(np.triu(apart < contact, 1)), strict=True):
            a, b = sorted((free[i], free[j]))
            if partner[a] < 0 and partner[b] < 0:
                partner[a], partner[b] = b, a
                at[a] = at[b] = 0.5 * (at[a] + at[b])
        rest -= 1
        states[t], places[t] = partner, at
    return _dimer_tables(states, places, mass, p_miss, mass_noise, rng)


def _dimer_tables(
    states: np.ndarray,
    places: np.ndarray,
    mass: np.ndarray,
    p_miss: float,
    noise: float,
    rng: np.random.Generator,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    n = states.shape[1]
    head = (states < 0) | (states > np.arange(n))
    frame, particle = np.nonzero(head & (rng.random(head.shape) >= p_miss))
    pair = states[frame, particle]
    total = mass[particle] + np.where(pair >= 0, mass[pair], 0.0)
    detected = pd.DataFrame(
        {
            "frame": frame,
            "y": places[frame, particle, 0],
            "x": places[frame, particle, 1],
            "mass": total + rng.normal(0, noise, frame.size),
            "particle": particle,
        }
    )
    events = []
    for a in range(n):
        change = np.flatnonzero(np.diff(states[:, a])) + 1
        for t in change:
            before, after = states[max(t - 3, 0) : t, a], states[t : t + 3, a]
            b = max(states[t - 1, a], states[t, a])
            both = np.concatenate([states[max(t - 3, 0) : t, b], states[t : t + 3, b]])
            steady = t >= 3 and after.size == 3 and np.ptp(before) == 0 and np.ptp(after) == 0
            steady = steady and np.ptp(both[:3]) == 0 and np.ptp(both[3:]) == 0
            if b > a and steady and (states[t - 1, a] < 0) != (states[t, a] < 0):
                kind = "merge" if states[t, a] >= 0 else "split"
                y, x = places[t if kind == "merge" else t - 1, a]
                events.append((t, kind, y, x))
    return detected, pd.DataFrame(events, columns=["frame", "kind", "y", "x"])
