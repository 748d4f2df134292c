"""Sampling of the particles of a scene: their times, sizes and landing sites."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from playNano.errors import ParameterError
from playNano.simulate.scene import Kinetics, Scene, Species
from playNano.simulate.substrate import Area, Paths, Surface

FloatArray = npt.NDArray[np.float64]

# Number of positions that a particle tries on arrival; it is left out if none of them is free.
_TRIES = 200


@dataclass(frozen=True, eq=False)
class Population:
    """All particles of a movie in the order of arrival.

    Parameters
    ----------
    species
        Index into the scene's species, (n,).
    on_s, off_s
        Times of arrival and departure, s, (n,): exact; -inf for present at the beginning, inf for never.
    size, height
        Size relative to the mean of the species, and further relative factor of the height, (n,).
    angle_rad
        Direction of the long axis on arrival, (n,).
    landing
        Positions to try on arrival, (n, tries, 2): (y, x) in nm, or (arc length in nm, 0) on a path.
    path
        Index of the path of each of these, (n, tries); -1 off paths.
    switches
        Times at which a particle pauses or resumes, one sorted array per particle, s.
    paused_first
        Whether it is paused on arrival, (n,).
    """

    species: npt.NDArray[np.int64]
    on_s: FloatArray
    off_s: FloatArray
    size: FloatArray
    height: FloatArray
    angle_rad: FloatArray
    landing: FloatArray
    path: npt.NDArray[np.int64]
    switches: tuple[FloatArray, ...]
    paused_first: npt.NDArray[np.bool_]

    @property
    def n(self) -> int:
        """Number of particles."""
        return len(self.species)


def _waits(rng: np.random.Generator, rate: float, n: int) -> FloatArray:
    """Draw exponential waiting times, s; infinite at rate 0."""
    return rng.exponential(1.0 / rate, n) if rate > 0 else np.full(n, np.inf)


def _visits(
    species: Species, duration_s: float, n_sites: int, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray, npt.NDArray[np.int64]]:
    """Draw arrival and departure times, and the site of each particle of a species that binds to sites."""
    rates = species.kinetics
    if species.place == "sites":
        return _site_visits(rates, species.count, duration_s, n_sites, rng)
    later = int(rng.poisson(rates.bind_rate_s * duration_s)) if rates.bind_rate_s > 0 else 0
    count = species.count
    if count is None:
        count = int(rng.poisson(rates.bind_rate_s / rates.unbind_rate_s))
    # Exponential waiting times are memoryless: particles present at the beginning stay as long as those that arrive.
    on = np.concatenate([np.full(count, -np.inf), np.sort(rng.uniform(0.0, duration_s, later))])
    off = np.where(np.isinf(on), 0.0, on) + _waits(rng, rates.unbind_rate_s, len(on))
    return on, off, np.zeros(len(on), dtype=np.int64)


def _site_visits(
    rates: Kinetics, count: int | None, duration_s: float, n_sites: int, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray, npt.NDArray[np.int64]]:
    """Draw the visits to each site, which is occupied and empty alternately (alternating renewal process)."""
    filled = np.zeros(n_sites, dtype=bool)
    if count is None:
        filled = rng.uniform(size=n_sites) < rates.bind_rate_s / (rates.bind_rate_s + rates.unbind_rate_s)
    else:
        filled[rng.permutation(n_sites)[: min(count, n_sites)]] = True
    on: list[float] = []
    off: list[float] = []
    where: list[int] = []
    for site in range(n_sites):
        now, full = 0.0, bool(filled[site])
        first = full
        while now < duration_s:
            stay = float(_waits(rng, rates.unbind_rate_s if full else rates.bind_rate_s, 1)[0])
            if full:
                on.append(-math.inf if first else now)
                off.append(now + stay)
                where.append(site)
            now, full, first = now + stay, not full, False
    return np.array(on), np.array(off), np.array(where, dtype=np.int64)


def _landing_sites(
    species: Species,
    n: int,
    site: FloatArray,
    area: Area,
    surface: Surface,
    rng: np.random.Generator,
) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    """Draw the candidate landing positions of each particle, and their paths."""
    positions = np.zeros((n, _TRIES, 2))
    path = np.full((n, _TRIES), -1)
    if species.place == "sites":
        positions[:] = site[:, None, :]
    elif species.place == "paths":
        lengths = Paths(surface.paths).lengths_nm
        along = rng.uniform(0.0, lengths.sum(), (n, _TRIES))
        starts = np.concatenate([[0.0], np.cumsum(lengths)])
        path[:] = np.clip(np.searchsorted(starts, along, side="right") - 1, 0, len(lengths) - 1)
        positions[..., 0] = along - starts[path]
    else:
        positions[..., 0] = rng.uniform(area.top, area.bottom, (n, _TRIES))
        positions[..., 1] = rng.uniform(area.left, area.right, (n, _TRIES))
    return positions, path


def _spread(rng: np.random.Generator, relative: float, n: int) -> FloatArray:
    """Draw log-normal factors of mean 1, rounded to 1 % so that particles of equal size use the same template."""
    width = math.sqrt(math.log1p(relative**2))
    return np.maximum(np.round(np.exp(rng.normal(-(width**2) / 2, width, n)), 2), 0.05)


def _pauses(
    rates: Kinetics, on: FloatArray, off: FloatArray, duration_s: float, rng: np.random.Generator
) -> tuple[list[FloatArray], npt.NDArray[np.bool_]]:
    """Draw the times at which each particle pauses and resumes, and whether it is paused on arrival."""
    n = len(on)
    if rates.pause_rate_s == 0 and rates.resume_rate_s == 0:
        return [np.empty(0)] * n, np.zeros(n, dtype=bool)
    share = rates.pause_rate_s / (rates.pause_rate_s + rates.resume_rate_s)
    first = rng.uniform(size=n) < share
    switches = []
    for i in range(n):
        now, paused, moments = max(on[i], 0.0), bool(first[i]), []
        end = min(off[i], duration_s)
        while True:
            now += float(_waits(rng, rates.resume_rate_s if paused else rates.pause_rate_s, 1)[0])
            if now >= end:
                break
            moments.append(now)
            paused = not paused
        switches.append(np.array(moments))
    return switches, first


def populate(
    scene: Scene, area: Area, surface: Surface, duration_s: float, rng: np.random.Generator
) -> Population:
    """Draw every particle of a scene with its times, size and landing sites.

    Parameters
    ----------
    scene
        The species and the substrate.
    area
        Area that contains the particles.
    surface
        The substrate on that area.
    duration_s
        Length of the movie, s.
    rng
        Random number generator.

    Returns
    -------
    Population
        The particles in the order of arrival.

    Raises
    ------
    ParameterError
        A species needs paths or sites and the substrate has none.

    Examples
    --------
    >>> from playNano.simulate.shapes import Gaussian
    >>> scene = Scene((Species(Gaussian(5.0, 8.0), count=3),))
    >>> area = Area(0.0, 0.0, 200.0, 200.0)
    >>> populate(scene, area, Surface(), 10.0, np.random.default_rng(0)).n
    3
    """
    parts = []
    switches: list[FloatArray] = []
    sites = surface.sites[area.contains(surface.sites)]
    for index, species in enumerate(scene.species):
        available = {"paths": len(surface.paths), "sites": len(sites)}.get(species.place, 1)
        if available == 0 and (species.count or species.kinetics.bind_rate_s):
            raise ParameterError(
                f"Species {species.name!r} is placed on {species.place}, but the substrate "
                f"{type(scene.substrate).__name__} has none here: choose another one or place='anywhere'."
            )
        on, off, site = _visits(species, duration_s, len(sites), rng)
        n = len(on)
        landing, path = _landing_sites(
            species, n, sites[site] if len(sites) else np.zeros((n, 2)), area, surface, rng
        )
        moments, paused = _pauses(species.kinetics, on, off, duration_s, rng)
        switches += moments
        size, height = _spread(rng, species.size_spread, n), _spread(rng, species.height_spread, n)
        angle = rng.uniform(0.0, 2 * math.pi, n)
        parts.append((np.full(n, index), on, off, size, height, angle, landing, path, paused))
    columns: list[Any] = [np.concatenate(c) for c in zip(*parts, strict=True)] if parts else _empty_columns()
    order = np.argsort(columns[1], kind="stable")
    kind, on, off, size, height, angle, landing, path, paused = (c[order] for c in columns)
    return Population(
        kind, on, off, size, height, angle, landing, path, tuple(switches[i] for i in order), paused
    )


def _empty_columns() -> list[npt.NDArray[Any]]:
    shapes = [(0,)] * 6 + [(0, _TRIES, 2), (0, _TRIES), (0,)]
    kinds: list[type] = [int, float, float, float, float, float, float, int, bool]
    return [np.empty(s, dtype=k) for s, k in zip(shapes, kinds, strict=True)]
