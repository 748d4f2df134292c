"""Tabulated heights of particles dilated by the tip, one table for every species and size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from playNano.simulate.population import Population
from playNano.simulate.scene import Scene
from playNano.simulate.shapes import Shape
from playNano.simulate.tip import Tip

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

# On an uneven substrate the flank of a particle is extended downwards from this fraction of its height, so that the
# tail of a Gaussian does not appear as a thin disc above lower parts.
_FLANK_LEVEL = 0.3
# Number of points of a radial profile, and maximum side of a map.
_RADIAL_POINTS = 600
_MAP_SIDE = 240


@dataclass(frozen=True, eq=False)
class Template:
    """Tabulated heights of one shape dilated by the tip.

    Parameters
    ----------
    table
        Heights, nm: a radial profile (1, n), or a map (height, width) in the particle's own axes; outside the particle
        lower than minus the height range of the substrate.
    step_nm
        Distance of adjacent points, nm.
    extent_nm
        Distance from the centre beyond which there is no height, nm.
    """

    table: FloatArray
    step_nm: float
    extent_nm: float


class Templates:
    """Templates of a population, and the template of each particle.

    Parameters
    ----------
    tables
        One template for every species, size, height and state.
    of_particle
        Index of the template of each particle alone and as a dimer, (n, 2).
    z_nm, radius_nm
        True height and radius of each particle alone and as a dimer, nm, (n, 2).

    Attributes
    ----------
    extent_nm
        Distance from the centre beyond which each template has no height, nm.
    """

    def __init__(
        self, tables: list[Template], of_particle: IntArray, z_nm: FloatArray, radius_nm: FloatArray
    ) -> None:
        self._tables = tables
        self.of_particle, self.z_nm, self.radius_nm = of_particle, z_nm, radius_nm
        self.extent_nm = np.array([t.extent_nm for t in tables])

    def heights(
        self, index: int, dy_nm: FloatArray, dx_nm: FloatArray, angle_rad: FloatArray
    ) -> tuple[IntArray, FloatArray]:
        """Interpolate a template at points relative to a particle's centre.

        Parameters
        ----------
        index
            Index of the template.
        dy_nm, dx_nm
            Points relative to the centre, in the axes of the image, nm, (n,).
        angle_rad
            Direction of the particle's long axis at each point, rad, (n,).

        Returns
        -------
        inside : numpy.ndarray
            Indices of the points that the template covers, (m,).
        z_nm : numpy.ndarray
            Height at these, nm, float64, (m,).
        """
        t = self._tables[index]
        rows, cols = t.table.shape
        if rows == 1:
            r = np.sqrt(dy_nm * dy_nm + dx_nm * dx_nm) / t.step_nm
            i = r.astype(np.int64)
            inside = np.flatnonzero(i < cols - 1)
            r, i = r[inside], i[inside]
            profile = t.table[0]
            return inside, profile[i] + (profile[i + 1] - profile[i]) * (r - i)
        c, s = np.cos(angle_rad), np.sin(angle_rad)
        x = (dx_nm * c + dy_nm * s) / t.step_nm + 0.5 * (cols - 1)
        y = (-dx_nm * s + dy_nm * c) / t.step_nm + 0.5 * (rows - 1)
        inside = np.flatnonzero((y >= 0) & (x >= 0) & (y <= rows - 1) & (x <= cols - 1))
        return inside, _bilinear(t.table, y[inside], x[inside])


def _bilinear(table: FloatArray, row: FloatArray, col: FloatArray) -> FloatArray:
    """Interpolate a map bilinearly at points inside it."""
    height, width = table.shape
    i = np.minimum(row.astype(np.int64), height - 2)
    j = np.minimum(col.astype(np.int64), width - 2)
    u, v = row - i, col - j
    upper = table[i, j] * (1.0 - v) + table[i, j + 1] * v
    lower = table[i + 1, j] * (1.0 - v) + table[i + 1, j + 1] * v
    return np.asarray(upper * (1.0 - u) + lower * u)


def _extend_flank(z: FloatArray, shape: Shape, range_nm: float) -> FloatArray:
    """Extend the flank of a shape down to the lowest part of the substrate, and truncate it there."""
    level = _FLANK_LEVEL * shape.height_nm
    return np.where(z > 0, z - range_nm * np.maximum(1.0 - z / level, 0.0), -np.inf)


def _radial(shape: Shape, tip: Tip, range_nm: float) -> Template:
    """Tabulate the radial profile of a round shape dilated by the tip."""
    extent = shape.extent_nm + tip.radius_at_nm(shape.height_nm + range_nm)
    step = extent / (_RADIAL_POINTS - 2)
    r = np.arange(_RADIAL_POINTS) * step
    z = _extend_flank(shape.profile(r), shape, range_nm)
    if tip.kind != "sharp":
        # By symmetry, the first contact with a circle around the centre lies on the radius through the tip.
        z = (z[None, :] - tip.profile(r[:, None] - r[None, :])).max(axis=1)
    return Template(np.maximum(z, -range_nm - 1e-6)[None, :], step, extent)


def _map(shape: Shape, tip: Tip, range_nm: float, pixel_nm: float) -> Template:
    """Tabulate the height map of a shape dilated by the tip, in the particle's own axes."""
    extent = shape.extent_nm + tip.radius_at_nm(shape.height_nm + range_nm)
    step = max(pixel_nm / 4, 2 * extent / _MAP_SIDE)
    half = int(np.ceil(extent / step)) + 1
    axis = np.arange(-half, half + 1) * step
    z = _extend_flank(shape.surface(axis[:, None], axis[None, :]), shape, range_nm)
    if tip.kind != "sharp":
        z = tip.dilate(np.maximum(z, -(shape.height_nm + 2 * range_nm + 1.0)), step)
    return Template(np.maximum(z, -range_nm - 1e-6), step, extent)


def tabulate(scene: Scene, population: Population, tip: Tip, range_nm: float, pixel_nm: float) -> Templates:
    """Tabulate the templates of every species and size in a population.

    Parameters
    ----------
    scene
        Shapes of the species, and the size of dimers.
    population
        Species and sizes of the particles.
    tip
        The tip that broadens them.
    range_nm
        Peak-to-valley height of the substrate, nm, >= 0.
    pixel_nm
        The smaller side of the movie's pixels, nm, > 0.

    Returns
    -------
    Templates
        Tables, and the index of the table of each particle.
    """
    n = population.n
    of_particle, z, radius = np.zeros((n, 2), dtype=np.int64), np.zeros((n, 2)), np.zeros((n, 2))
    known: dict[tuple[int, float, float, int], tuple[int, float, float]] = {}
    tables: list[Template] = []
    species, sizes, heights = (
        values.tolist() for values in (population.species, population.size, population.height)
    )
    for i, (kind, size, height) in enumerate(zip(species, sizes, heights, strict=True)):
        for dimer in range(2 if scene.dimers else 1):
            key = (kind, size, height, dimer)
            if key not in known:
                scale = size * (scene.dimers.size if scene.dimers and dimer else 1.0)
                shape = scene.species[kind].shape.scaled(scale, height)
                known[key] = (len(tables), shape.height_nm, shape.radius_nm)
                tables.append(
                    _radial(shape, tip, range_nm) if shape.radial else _map(shape, tip, range_nm, pixel_nm)
                )
            of_particle[i, dimer], z[i, dimer], radius[i, dimer] = known[key]
    return Templates(tables, of_particle, z, radius)
