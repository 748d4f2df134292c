"""Substrates: height maps with paths and sites for particles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from playNano.simulate import _checks as check

FloatArray = npt.NDArray[np.float64]

# Distance of neighbouring points of a path, nm.
PATH_STEP_NM = 0.5


@dataclass(frozen=True)
class Area:
    """Rectangle on the surface, nm; the origin is the centre of pixel (0, 0)."""

    top: float
    left: float
    bottom: float
    right: float

    def grown(self, margin_nm: float) -> Area:
        """Return the rectangle with every side moved outwards.

        Parameters
        ----------
        margin_nm
            Distance, nm; negative to shrink the rectangle.
        """
        return Area(
            self.top - margin_nm, self.left - margin_nm, self.bottom + margin_nm, self.right + margin_nm
        )

    def contains(self, positions: FloatArray) -> npt.NDArray[np.bool_]:
        """Return whether positions lie in the rectangle, (n,).

        Parameters
        ----------
        positions
            Positions (y, x), nm, (n, 2).
        """
        after, before = positions >= (self.top, self.left), positions <= (self.bottom, self.right)
        return np.asarray((after & before).all(axis=1))


@dataclass(frozen=True, eq=False)
class Surface:
    """Substrate on an area: height map, paths and sites.

    Parameters
    ----------
    height
        Height map, nm, or None for a flat surface of height 0.
    origin_nm
        Position (y, x) of the map's pixel (0, 0), nm.
    step_nm
        Pixel size of the map, nm.
    paths
        Polylines (k, 2) of points (y, x) in nm, `PATH_STEP_NM` apart.
    sites
        Positions (y, x), nm, (n, 2).
    """

    height: FloatArray | None = None
    origin_nm: tuple[float, float] = (0.0, 0.0)
    step_nm: float = 1.0
    paths: tuple[FloatArray, ...] = ()
    sites: FloatArray = field(default_factory=lambda: np.empty((0, 2)))


class Paths:
    """Polylines along which particles move.

    Parameters
    ----------
    polylines
        Points (y, x), nm, `PATH_STEP_NM` apart, (k, 2) each with k >= 2; may be empty.

    Attributes
    ----------
    lengths_nm
        Arc length of each path, nm; a single path of length 0 if there are no paths.

    Examples
    --------
    >>> paths = Paths([np.column_stack([np.zeros(5), 0.5 * np.arange(5)])])
    >>> paths.lengths_nm.tolist(), paths.positions(np.array([0]), np.array([1.25])).tolist()
    ([2.0], [[0.0, 1.25]])
    """

    def __init__(self, polylines: Sequence[FloatArray]) -> None:
        polylines = list(polylines) or [np.zeros((1, 2))]
        self._points = np.concatenate(polylines)
        self._count = np.array([len(p) for p in polylines])
        self._first = np.cumsum(self._count) - self._count
        self.lengths_nm: FloatArray = (self._count - 1) * PATH_STEP_NM

    def positions(self, path: npt.NDArray[np.int64], arc_length_nm: FloatArray) -> FloatArray:
        """Return the points (y, x) at arc lengths along paths, by linear interpolation.

        Parameters
        ----------
        path
            Index of the path of each point, (n,).
        arc_length_nm
            Distance from the start of the path, nm, (n,); clipped to the path.

        Returns
        -------
        numpy.ndarray
            Positions (y, x), nm, float64, (n, 2).
        """
        u = np.clip(arc_length_nm / PATH_STEP_NM, 0, self._count[path] - 1.0)
        k = np.minimum(u.astype(np.int64), self._count[path] - 2)
        fraction = (u - k)[:, None]
        k = k + self._first[path]
        return np.asarray(self._points[k] * (1 - fraction) + self._points[k + 1] * fraction)


@dataclass(frozen=True)
class Substrate:
    """Base class of the substrates."""

    def lay_out(self, area: Area, step_nm: float, rng: np.random.Generator) -> Surface:
        """Generate the substrate on an area.

        Parameters
        ----------
        area
            Area to cover.
        step_nm
            Pixel size of the height map, nm, > 0.
        rng
            Random number generator.

        Returns
        -------
        Surface
            Height map, paths and sites.
        """
        return self._lay_out(area, step_nm, rng)

    def _lay_out(self, area: Area, step_nm: float, rng: np.random.Generator) -> Surface:
        """Generate the substrate; the base class has no height map, paths or sites."""
        return Surface()


def _grid(area: Area, step: float) -> tuple[FloatArray, FloatArray]:
    """Return the y (as a column) and x (as a row) of a grid that covers an area, nm."""
    y = area.top + step * np.arange(math.ceil((area.bottom - area.top) / step) + 2, dtype=np.float64)
    x = area.left + step * np.arange(math.ceil((area.right - area.left) / step) + 2, dtype=np.float64)
    return y[:, None], x[None, :]


@dataclass(frozen=True)
class Flat(Substrate):
    """Flat surface of height 0, such as mica."""


@dataclass(frozen=True)
class Steps(Substrate):
    """Terraces separated by atomic or membrane steps.

    Parameters
    ----------
    height_nm
        Height of one step, nm; a negative one goes down along the direction.
    width_nm
        Width of a terrace, nm, > 0.
    angle_rad
        Direction in which the staircase rises, from the x axis towards y (downwards in the image), rad.
    blur_nm
        Width over which an edge rises, nm, > 0.
    wander_nm
        Amplitude by which the edges meander, nm, >= 0.

    Examples
    --------
    >>> Steps(height_nm=4.0, width_nm=80.0).height_nm
    4.0
    """

    height_nm: float = 1.0
    width_nm: float = 100.0
    angle_rad: float = 0.3
    blur_nm: float = 1.0
    wander_nm: float = 0.0

    def __post_init__(self) -> None:
        check.number(self, height_nm=self.height_nm, angle_rad=self.angle_rad)
        check.positive(self, width_nm=self.width_nm, blur_nm=self.blur_nm)
        check.not_negative(self, wander_nm=self.wander_nm)

    def _lay_out(self, area: Area, step_nm: float, rng: np.random.Generator) -> Surface:
        """Generate the height map, with random phase and meandering of the edges."""
        y, x = _grid(area, step_nm)
        along = x * math.cos(self.angle_rad) + y * math.sin(self.angle_rad)
        across = -x * math.sin(self.angle_rad) + y * math.cos(self.angle_rad)
        phase = rng.uniform(0, 2 * math.pi, 2)
        along = along + self.wander_nm * (
            np.sin(across / self.width_nm * 2.1 + phase[0])
            + 0.5 * np.sin(across / self.width_nm * 5.3 + phase[1])
        )
        along = along + rng.uniform(0, self.width_nm)
        terrace = np.floor(along / self.width_nm + 0.5)
        beyond = (along - terrace * self.width_nm) / self.blur_nm
        left = 0.5 * (1 + np.tanh(beyond + 0.5 * self.width_nm / self.blur_nm))
        right = 0.5 * (1 + np.tanh(beyond - 0.5 * self.width_nm / self.blur_nm))
        z = self.height_nm * (terrace + left - 1 + right)
        return Surface(z - z.min(), (area.top, area.left), step_nm)


@dataclass(frozen=True)
class Lattice(Substrate):
    """Two-dimensional crystal: sites on a lattice, with or without a corrugation of the surface.

    Parameters
    ----------
    period_nm
        Lengths of the two lattice vectors (a, b), nm, > 0.
    angle_rad
        Angle between them, rad.
    turn_rad
        Angle of the first one from the x axis towards y, rad.
    relief_nm
        Peak-to-valley height of the corrugation, nm, >= 0; 0 for sites on a flat surface.

    Examples
    --------
    >>> Lattice(period_nm=(10.0, 10.0)).relief_nm
    0.0
    """

    period_nm: tuple[float, float] = (10.0, 10.0)
    angle_rad: float = math.pi / 3
    turn_rad: float = 0.1
    relief_nm: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "period_nm", check.pair(self, "period_nm", self.period_nm))
        check.positive(self, **{"period_nm[0]": self.period_nm[0], "period_nm[1]": self.period_nm[1]})
        check.number(self, turn_rad=self.turn_rad)
        check.positive(self, **{"sin(angle_rad)": math.sin(self.angle_rad)})
        check.not_negative(self, relief_nm=self.relief_nm)

    @property
    def vectors_nm(self) -> FloatArray:
        """The two lattice vectors as rows (y, x), nm."""
        angles = np.array([self.turn_rad, self.turn_rad + self.angle_rad])
        return np.asarray(
            np.column_stack([np.sin(angles), np.cos(angles)]) * np.array(self.period_nm)[:, None]
        )

    def _lay_out(self, area: Area, step_nm: float, rng: np.random.Generator) -> Surface:
        """Generate the sites, with a random origin, and the height map of the corrugation if there is one."""
        vectors = self.vectors_nm
        start = np.array([area.top, area.left]) + rng.uniform(0, 1, 2) @ vectors
        corners = np.array([[y, x] for y in (area.top, area.bottom) for x in (area.left, area.right)]) - start
        n = int(np.abs(corners @ np.linalg.inv(vectors)).max()) + 1
        ij = np.mgrid[-n : n + 1, -n : n + 1].reshape(2, -1).T
        sites = ij @ vectors + start
        sites = sites[area.contains(sites)]
        if self.relief_nm == 0:
            return Surface(sites=sites)
        y, x = _grid(area, step_nm)
        back = np.linalg.inv(vectors)
        u = (y - start[0]) * back[0, 0] + (x - start[1]) * back[1, 0]
        v = (y - start[0]) * back[0, 1] + (x - start[1]) * back[1, 1]
        waves = np.cos(2 * math.pi * u) + np.cos(2 * math.pi * v) + np.cos(2 * math.pi * (u - v))
        z = self.relief_nm * (waves + 1.5) / 4.5
        return Surface(z, (area.top, area.left), step_nm, sites=sites)


@dataclass(frozen=True)
class Strands(Substrate):
    """Worm-like chains on a flat surface, such as DNA, actin or microtubules, along which particles may move.

    Parameters
    ----------
    count
        Number of strands, >= 0.
    height_nm, width_nm
        Height, and full width at half the height, of a strand, nm, > 0.
    length_nm
        Contour length, nm, > 0.
    persistence_nm
        Persistence length, nm, > 0 (DNA about 50, actin 1e4, microtubules 1e6).
    angle_rad
        Initial direction of the strands, from the x axis towards y, rad; None: random for each.

    Examples
    --------
    >>> Strands(count=3, height_nm=2.0, width_nm=6.0, length_nm=300.0, persistence_nm=50.0).count
    3
    """

    count: int = 3
    height_nm: float = 2.0
    width_nm: float = 6.0
    length_nm: float = 300.0
    persistence_nm: float = 50.0
    angle_rad: float | None = None

    def __post_init__(self) -> None:
        check.whole(self, 0, count=self.count)
        check.positive(
            self,
            height_nm=self.height_nm,
            width_nm=self.width_nm,
            length_nm=self.length_nm,
            persistence_nm=self.persistence_nm,
        )

    def _lay_out(self, area: Area, step_nm: float, rng: np.random.Generator) -> Surface:
        """Generate the height map and one path for each strand, with random contours."""
        paths = tuple(self._chain(area, rng) for _ in range(self.count))
        y, x = _grid(area, step_nm)
        z = np.zeros((y.size, x.size))
        if paths:
            from scipy.spatial import cKDTree

            pixels = np.column_stack([np.repeat(y.ravel(), x.size), np.tile(x.ravel(), y.size)])
            tree = cKDTree(np.concatenate(paths))
            cut = 3.5 * self.width_nm / 2
            r = tree.query(pixels, distance_upper_bound=cut)[0].reshape(z.shape) / (self.width_nm / 2)
            z = np.where(np.isfinite(r), self.height_nm * np.exp2(-(np.minimum(r, 9.0) ** 2)), 0.0)
        return Surface(z, (area.top, area.left), step_nm, paths=paths)

    def _chain(self, area: Area, rng: np.random.Generator) -> FloatArray:
        """Draw one worm-like chain whose midpoint lies in the area, clipped to the area."""
        n = max(int(self.length_nm / PATH_STEP_NM), 2)
        start = rng.uniform(0, 2 * math.pi) if self.angle_rad is None else self.angle_rad
        bends = rng.normal(0.0, math.sqrt(PATH_STEP_NM / self.persistence_nm), n)
        angle = start + np.cumsum(bends) - bends.sum() / 2
        steps = PATH_STEP_NM * np.column_stack([np.sin(angle), np.cos(angle)])
        path = np.cumsum(steps, axis=0)
        midpoint = np.array([rng.uniform(area.top, area.bottom), rng.uniform(area.left, area.right)])
        path += midpoint - path[n // 2]
        inside = area.contains(path)
        # Only the part around the midpoint is kept, up to the points where the chain leaves the area.
        out = np.flatnonzero(~inside)
        first = out[out < n // 2].max() + 1 if (out < n // 2).any() else 0
        last = out[out > n // 2].min() if (out > n // 2).any() else n
        return np.ascontiguousarray(path[first:last])
