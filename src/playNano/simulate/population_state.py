"""State of a population of particles: arrival, departure, merging and splitting."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from playNano.simulate.population import Population
from playNano.simulate.scene import Scene
from playNano.simulate.substrate import Area, Paths, Surface

FloatArray = npt.NDArray[np.float64]

WAITING, PRESENT, GONE, REFUSED = 0, 1, 2, 3


class PopulationState:
    """State of a population of particles at a time.

    Parameters
    ----------
    scene
        The scene, for exclusion and dimers.
    population
        The n particles with their times, sizes and landing sites.
    area
        Area that contains the particles.
    surface
        The substrate, for its paths.

    Attributes
    ----------
    coordinates
        (y, x) in the plane, nm, or (arc length, 0) on a path, nm, (n, 2).
    anchor
        The same of the landing position, (n, 2).
    path
        Index of the path of a particle, -1 for none, (n,).
    position
        (y, x), nm, (n, 2).
    base, contact
        Contact radius of each particle alone, and its current one (larger for a dimer), nm, (n,).
    visible
        Whether it is present and not carried by its partner in a dimer, (n,).
    partner
        The other member of a dimer or -1, (n,).
    status
        `WAITING`, `PRESENT`, `GONE` or `REFUSED` (no free position on arrival), (n,).
    on_s, off_s, split_s
        Times of arrival, of departure, and of the split of its dimer, s, (n,).
    paths
        The paths of the substrate.
    """

    def __init__(self, scene: Scene, population: Population, area: Area, surface: Surface) -> None:
        """Initialise the state, with all particles waiting."""
        self._scene, self._population, self._area = scene, population, area
        n = population.n
        sizes = np.array([s.shape.contact_nm for s in scene.species] + [0.0])
        self.base = sizes[population.species] * population.size
        self.contact = self.base.copy()
        self.coordinates, self.anchor, self.position = (np.zeros((n, 2)) for _ in range(3))
        self.path = np.full(n, -1)
        self.visible = np.zeros(n, dtype=bool)
        self.partner = np.full(n, -1)
        self.status = np.zeros(n, dtype=np.int8)
        self.on_s = np.array(population.on_s)
        self.off_s = np.array(population.off_s)
        self.split_s = np.full(n, np.inf)
        self.paths = Paths(surface.paths)

    @property
    def landed(self) -> npt.NDArray[np.bool_]:
        """Whether each particle found a free position on arrival, (n,)."""
        return np.isin(self.status, (PRESENT, GONE))

    def next_change_s(self) -> float:
        """Return the time of the next arrival, departure or split, s; inf for none."""
        waiting, present = self.status == WAITING, self.status == PRESENT
        return min(
            float(self.on_s[waiting].min(initial=np.inf)),
            float(self.off_s[present].min(initial=np.inf)),
            float(self.split_s[present & self.visible].min(initial=np.inf)),
        )

    def update(self, now_s: float, rng: np.random.Generator) -> None:
        """Apply all departures, splits and arrivals that are due.

        Parameters
        ----------
        now_s
            Current time, s.
        rng
            Random number generator, for the directions in which dimers split.
        """
        for i in np.flatnonzero((self.status == PRESENT) & (self.off_s <= now_s)):
            self._leave(int(i))
        for i in np.flatnonzero(self.visible & (self.split_s <= now_s)):
            self._split(int(i), now_s, rng)
        for i in np.flatnonzero((self.status == WAITING) & (self.on_s <= now_s)):
            if self.off_s[i] <= now_s:
                self.status[i] = GONE
            else:
                self._land(int(i))

    def merge(self, i: int, j: int, now_s: float, rng: np.random.Generator) -> None:
        """Merge two particles into a dimer, which moves with the first.

        Parameters
        ----------
        i, j
            The particles.
        now_s
            Current time, s.
        rng
            Random number generator, for the lifetime of the dimer.
        """
        dimers = self._scene.dimers
        if dimers is None:
            return
        self.partner[i], self.partner[j] = j, i
        self.visible[j] = False
        self.contact[i] = self.base[i] * dimers.size
        wait = rng.exponential(1.0 / dimers.split_rate_s) if dimers.split_rate_s > 0 else math.inf
        self.split_s[i] = now_s + wait

    def _is_free(self, i: int, positions: FloatArray) -> npt.NDArray[np.bool_]:
        """Return whether a particle at each of some positions (y, x) would overlap no other one."""
        if not self._scene.exclusion:
            return np.ones(len(positions), dtype=bool)
        others = np.flatnonzero(self.visible)
        others = others[others != i]
        d2 = ((positions[:, None] - self.position[None, others]) ** 2).sum(axis=2)
        return np.asarray((d2 >= (self.contact[i] + self.contact[others]) ** 2).all(axis=1))

    def _land(self, i: int) -> None:
        """Place an arriving particle at its first free landing site, or reject it."""
        tries, path = self._population.landing[i], self._population.path[i]
        positions = tries.copy()
        on_path = path >= 0
        if on_path.any():
            positions[on_path] = self.paths.positions(path[on_path], tries[on_path, 0])
        # Tested in two groups, since most particles find a free site among the first few.
        for part in (slice(0, 16), slice(16, None)):
            free = np.flatnonzero(self._is_free(i, positions[part]))
            if len(free):
                m = free[0] + part.start
                self.coordinates[i] = self.anchor[i] = tries[m]
                self.path[i], self.position[i] = path[m], positions[m]
                self.status[i], self.visible[i] = PRESENT, True
                return
        self.status[i] = REFUSED

    def _leave(self, i: int) -> None:
        """Remove a particle; its partner in a dimer remains alone."""
        j = int(self.partner[i])
        if j >= 0:
            self.partner[i] = self.partner[j] = -1
            self.split_s[i] = self.split_s[j] = np.inf
            self.contact[j] = self.base[j]
            if not self.visible[j]:
                self.visible[j] = True
                self.path[j], self.position[j] = self.path[i], self.position[i]
                self.coordinates[j] = self.anchor[j] = self.coordinates[i]
        self.status[i], self.visible[i] = GONE, False

    def _split(self, i: int, now_s: float, rng: np.random.Generator) -> None:
        """Split a dimer: place its second member in contact with the first, in a random free direction."""
        j, area = int(self.partner[i]), self._area
        gap = (self.base[i] + self.base[j]) * (1 + 1e-9)
        angles = rng.uniform(0, 2 * math.pi) + np.arange(8) * math.pi / 4
        positions = self.position[i] + gap * np.column_stack([np.sin(angles), np.cos(angles)])
        inside = area.contains(positions)
        self.contact[i] = self.base[i]
        free = np.flatnonzero(inside & self._is_free(j, positions))
        if len(free) == 0:
            # Without a free direction, the split is tried again at the next line.
            self.contact[i] = self.base[i] * (self._scene.dimers.size if self._scene.dimers else 1.0)
            self.split_s[i] = np.nextafter(now_s, np.inf)
            return
        self.partner[i] = self.partner[j] = -1
        self.split_s[i] = np.inf
        self.coordinates[j] = self.anchor[j] = self.position[j] = positions[free[0]]
        self.path[j], self.visible[j] = -1, True
