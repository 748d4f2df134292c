"""Motion of particles: positions, angles and presence on a fine grid of times."""

from dataclasses import dataclass

import numpy as np

SUBSTEPS = 16


@dataclass
class Paths:
    """Places of all particles at every substep, (n_times, n): y, x in nm, angle in rad, whether bound, and identity."""

    y: np.ndarray
    x: np.ndarray
    angle: np.ndarray
    bound: np.ndarray
    identity: np.ndarray


@dataclass(frozen=True)
class World:
    """The area in which particles move, with walls that reflect, and the rules of their motion.

    Attributes
    ----------
    low_nm, high_nm
        Walls, along both axes; the field of view begins at 0.
    core_nm
        Distance below which two centres never come; 0: particles pass through each other.
    k_off, k_on
        Rates of unbinding, and of binding elsewhere as another particle, 1/s; 0: always bound.
    turn_rad2_s
        Rotational diffusion coefficient.
    drift_nm_s
        Velocity of all, along y and x.
    """

    low_nm: float
    high_nm: tuple
    core_nm: float = 0.0
    k_off: float = 0.0
    k_on: float = 0.0
    turn_rad2_s: float = 0.0
    drift_nm_s: tuple = (0.0, 0.0)


def walk(world, diffusion, n_frames, interval_s, rng, directed=0.0):
    """Move particles with the given diffusion coefficients (n,), nm^2/s, and return their paths.

    With `directed` they also walk at that speed, nm/s, each along a line of its own.
    """
    n, dt = len(diffusion), interval_s / SUBSTEPS
    n_times = n_frames * SUBSTEPS + 1
    at = _places(world, n, rng)
    sd = np.sqrt(2 * np.asarray(diffusion) * dt)
    bound = rng.random(n) < (world.k_on / (world.k_on + world.k_off) if world.k_off else 1.0)
    identity, following = np.arange(n), n
    angle = rng.uniform(0, 2 * np.pi, n)
    y, x, angles = np.empty((n_times, n)), np.empty((n_times, n)), np.empty((n_times, n))
    states, names = np.empty((n_times, n), bool), np.empty((n_times, n), int)
    drift = np.asarray(world.drift_nm_s) * dt
    if directed:
        way = rng.uniform(0, 2 * np.pi, n)
        drift = drift + directed * dt * np.column_stack([np.sin(way), np.cos(way)])
    for k in range(n_times):
        y[k], x[k], angles[k], states[k], names[k] = at[:, 0], at[:, 1], angle, bound, identity
        moved = _reflected(at + drift + rng.normal(size=(n, 2)) * sd[:, None], world)
        at = _kept_apart(at, moved, bound, world.core_nm)
        angle = angle + rng.normal(size=n) * np.sqrt(2 * world.turn_rad2_s * dt)
        if world.k_off:
            leaving = bound & (rng.random(n) < world.k_off * dt)
            coming = ~bound & (rng.random(n) < world.k_on * dt)
            bound = bound & ~leaving
            for i in np.flatnonzero(coming):
                place = _free_place(world, at[bound], rng)
                if place is not None:
                    at[i], bound[i], identity[i] = place, True, following
                    following += 1
    return Paths(y, x, angles, states, names)


def _reflected(at, world):
    """Fold positions back at the walls."""
    span = np.asarray(world.high_nm) - world.low_nm
    folded = np.mod(at - world.low_nm, 2 * span)
    return world.low_nm + np.where(folded > span, 2 * span - folded, folded)


def _kept_apart(at, moved, bound, core):
    """Return the new positions; a particle that would come too near another one stays for this substep."""
    if core <= 0:
        return moved
    at = at.copy()
    for i in range(len(at)):
        apart = np.hypot(*(at - moved[i]).T)
        before = np.hypot(*(at - at[i]).T)
        near = (apart < core) & (apart < before) & bound
        near[i] = False
        if not near.any():
            at[i] = moved[i]
    return at


def _free_place(world, others, rng, trials=200):
    for _ in range(trials):
        place = rng.uniform(world.low_nm, np.asarray(world.high_nm))
        if world.core_nm <= 0 or not len(others) or np.hypot(*(others - place).T).min() >= world.core_nm:
            return place
    return None


def _places(world, n, rng):
    places = np.empty((0, 2))
    for _ in range(n):
        place = _free_place(world, places, rng, 2000)
        if place is None:
            raise ValueError(f"{n} particles do not fit at a distance of {world.core_nm} nm")
        places = np.vstack([places, place])
    return places


def along_strands(strands, per_strand, diffusion, n_frames, interval_s, rng):
    """Move particles along strands, `strands(index, s) -> y, x` with s in nm, and return their paths."""
    n_times, dt = n_frames * SUBSTEPS + 1, interval_s / SUBSTEPS
    which = np.repeat(np.arange(strands.n), per_strand)
    n = len(which)
    s = rng.uniform(0, strands.length_nm, n)
    steps = rng.normal(size=(n_times, n)) * np.sqrt(2 * diffusion * dt)
    path = s + np.cumsum(steps, axis=0)
    span = strands.length_nm
    folded = np.mod(path, 2 * span)
    path = np.where(folded > span, 2 * span - folded, folded)
    y, x = strands.at(which, path)
    names = np.broadcast_to(np.arange(n), (n_times, n))
    return Paths(y, x, np.zeros((n_times, n)), np.ones((n_times, n), bool), names)
