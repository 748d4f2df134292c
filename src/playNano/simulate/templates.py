"""Particles as the tip sees them, tabulated once for every size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from playNano.simulate.population import Population
from playNano.simulate.scene import Scene
from playNano.simulate.shapes import Shape
from playNano.simulate.tip import Tip

FloatArray = npt.NDArray[np.float64]

# On uneven ground a particle's flank bends down from this part of its height, so that the tail of a
# Gaussian does not stand out over lower ground as a thin disc.
_FOOT = 0.3
# Points of a radial profile, and the longest side of a map.
_RADIAL_POINTS = 600
_MAP_SIDE = 240


@dataclass(frozen=True, eq=False)
class Templates:
    """Height tables one behind the other in a flat array, and which particle uses which.

    Parameters
    ----------
    of_particle
        Template of each particle alone and as a dimer, (n, 2).
    z_nm, radius_nm
        True height and radius of each particle alone and as a dimer, nm, (n, 2).
    data
        Heights, nm; below `-drop_nm` where there is nothing.
    first, height, width
        Where a template begins in `data`, and its size; height 1 is a radial profile.
    step_nm
        Its pixel size, nm.
    extent_nm
        Distance from the centre beyond which it has nothing, nm.
    """

    of_particle: npt.NDArray[np.int64]
    z_nm: FloatArray
    radius_nm: FloatArray
    data: FloatArray
    first: npt.NDArray[np.int64]
    height: npt.NDArray[np.int64]
    width: npt.NDArray[np.int64]
    step_nm: FloatArray
    extent_nm: FloatArray


def _on_ground(z: FloatArray, shape: Shape, drop_nm: float) -> FloatArray:
    """Lead the foot of a shape down to the lowest ground, and cut it off there."""
    foot = _FOOT * shape.height_nm
    return np.where(z > 0, z - drop_nm * np.maximum(1.0 - z / foot, 0.0), -np.inf)


def _radial(shape: Shape, tip: Tip, drop_nm: float) -> tuple[FloatArray, float, float]:
    extent = shape.extent_nm + tip.reach_nm(shape.height_nm + drop_nm)
    step = extent / (_RADIAL_POINTS - 2)
    r = np.arange(_RADIAL_POINTS) * step
    z = _on_ground(shape.profile(r), shape, drop_nm)
    if tip.kind != "sharp":
        # The tip is round, so the point of a ring that it touches first lies on the way to the centre.
        z = (z[None, :] - tip.profile(r[:, None] - r[None, :])).max(axis=1)
    return np.maximum(z, -drop_nm - 1e-6)[None, :], step, extent


def _map(shape: Shape, tip: Tip, drop_nm: float, pixel_nm: float) -> tuple[FloatArray, float, float]:
    extent = shape.extent_nm + tip.reach_nm(shape.height_nm + drop_nm)
    step = max(pixel_nm / 4, 2 * extent / _MAP_SIDE)
    half = int(np.ceil(extent / step)) + 1
    axis = np.arange(-half, half + 1) * step
    z = _on_ground(shape.surface(axis[:, None], axis[None, :]), shape, drop_nm)
    if tip.kind != "sharp":
        z = tip.dilate(np.maximum(z, -(shape.height_nm + 2 * drop_nm + 1.0)), step)
    return np.maximum(z, -drop_nm - 1e-6), step, extent


def tabulate(scene: Scene, population: Population, tip: Tip, drop_nm: float, pixel_nm: float) -> Templates:
    """Make the tables for every species and size in a population.

    Parameters
    ----------
    scene, population
        The particles.
    tip
        The tip that broadens them.
    drop_nm
        How far the surface may lie below a particle's foot, nm.
    pixel_nm
        The smaller side of the movie's pixels, nm.

    Returns
    -------
    Templates
        Tables and who uses which.
    """
    n = population.n
    of_particle, z, radius = np.zeros((n, 2), dtype=np.int64), np.zeros((n, 2)), np.zeros((n, 2))
    known: dict[tuple[int, float, float, int], tuple[int, float, float]] = {}
    tables: list[tuple[FloatArray, float, float]] = []
    for i in range(n):
        for pair in range(2 if scene.dimers else 1):
            kind, size, tall = (
                int(population.species[i]),
                float(population.size[i]),
                float(population.height[i]),
            )
            key = (kind, size, tall, pair)
            if key not in known:
                grown = size * (scene.dimers.size if scene.dimers and pair else 1.0)
                shape = scene.species[kind].shape.scaled(grown, tall)
                known[key] = (len(tables), shape.height_nm, shape.radius_nm)
                tables.append(
                    _radial(shape, tip, drop_nm) if shape.radial else _map(shape, tip, drop_nm, pixel_nm)
                )
            of_particle[i, pair], z[i, pair], radius[i, pair] = known[key]
    lengths = np.array([t[0].size for t in tables], dtype=np.int64)
    return Templates(
        of_particle,
        z,
        radius,
        np.concatenate([t[0].ravel() for t in tables] or [np.zeros(1)]),
        np.cumsum(lengths) - lengths,
        np.array([t[0].shape[0] for t in tables], dtype=np.int64),
        np.array([t[0].shape[1] for t in tables], dtype=np.int64),
        np.array([t[1] for t in tables]),
        np.array([t[2] for t in tables]),
    )
