"""Who is where now: landing, leaving, merging and splitting."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from playNano.simulate.population import Population
from playNano.simulate.scene import Scene
from playNano.simulate.substrate import PATH_STEP_NM, Area, Surface

FloatArray = npt.NDArray[np.float64]

WAITING, PRESENT, GONE, REFUSED = 0, 1, 2, 3


class Crowd:
    """State of a population at one moment.

    Parameters
    ----------
    scene, population, area, surface
        What there is, who, where, and on what.

    Attributes
    ----------
    ab, anchor, path, pos
        Coordinates in the plane (y, x) or along a path, those of the landing place, the path or -1, and the
        place (y, x), nm.
    base, contact
        Contact radius of each alone and as it is, nm.
    visible
        Whether it is present and not carried by its partner in a dimer.
    partner
        The other member of a dimer or -1.
    status
        `WAITING`, `PRESENT`, `GONE` or `REFUSED`.
    on_s, off_s, split_s
        When it comes, goes, and when its dimer splits, s.
    """

    def __init__(self, scene: Scene, population: Population, area: Area, surface: Surface) -> None:
        self._scene, self._who, self._area = scene, population, area
        n = population.n
        sizes = np.array([s.shape.contact_nm for s in scene.species] + [0.0])
        self.base = sizes[population.species] * population.size
        self.contact = self.base.copy()
        self.ab, self.anchor, self.pos = (np.zeros((n, 2)) for _ in range(3))
        self.path = np.full(n, -1)
        self.visible = np.zeros(n, dtype=bool)
        self.partner = np.full(n, -1)
        self.status = np.zeros(n, dtype=np.int8)
        self.on_s = np.array(population.on_s)
        self.off_s = np.array(population.off_s)
        self.split_s = np.full(n, np.inf)
        paths = surface.paths or (np.zeros((2, 2)),)
        self.points = np.concatenate(paths)
        self.path_count = np.array([len(p) for p in paths])
        self.path_first = np.cumsum(self.path_count) - self.path_count

    def next_change_s(self) -> float:
        """Return the moment of the next arrival, departure or split."""
        waiting, present = self.status == WAITING, self.status == PRESENT
        return min(
            float(self.on_s[waiting].min(initial=np.inf)),
            float(self.off_s[present].min(initial=np.inf)),
            float(self.split_s[present & self.visible].min(initial=np.inf)),
        )

    def change(self, now_s: float, rng: np.random.Generator) -> None:
        """Let everybody leave, split and arrive whose moment has come."""
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
        """Make two particles one dimer, carried by the first."""
        dimers = self._scene.dimers
        if dimers is None:
            return
        self.partner[i], self.partner[j] = j, i
        self.visible[j] = False
        self.contact[i] = self.base[i] * dimers.size
        wait = rng.exponential(1.0 / dimers.split_rate_s) if dimers.split_rate_s > 0 else math.inf
        self.split_s[i] = now_s + wait

    def _room(self, i: int, places: FloatArray) -> npt.NDArray[np.bool_]:
        """Tell at which places (y, x) a particle would overlap nobody."""
        if not self._scene.exclusion:
            return np.ones(len(places), dtype=bool)
        others = np.flatnonzero(self.visible)
        others = others[others != i]
        d2 = ((places[:, None] - self.pos[None, others]) ** 2).sum(axis=2)
        return np.asarray((d2 >= (self.contact[i] + self.contact[others]) ** 2).all(axis=1))

    def _land(self, i: int) -> None:
        tries, path = self._who.places[i], self._who.path[i]
        places = tries.copy()
        on_path = path >= 0
        if on_path.any():
            places[on_path] = self._along(path[on_path], tries[on_path, 0])
        # Most find room soon: the rest of the tries is looked at only by who needs them.
        for part in (slice(0, 16), slice(16, None)):
            room = np.flatnonzero(self._room(i, places[part]))
            if len(room):
                m = room[0] + part.start
                self.ab[i] = self.anchor[i] = tries[m]
                self.path[i], self.pos[i] = path[m], places[m]
                self.status[i], self.visible[i] = PRESENT, True
                return
        self.status[i] = REFUSED

    def _along(self, path: npt.NDArray[np.int64], s_nm: FloatArray) -> FloatArray:
        u = np.clip(s_nm / PATH_STEP_NM, 0, self.path_count[path] - 1.0)
        k = np.minimum(u.astype(np.int64), self.path_count[path] - 2)
        share = (u - k)[:, None]
        k = k + self.path_first[path]
        return np.asarray(self.points[k] * (1 - share) + self.points[k + 1] * share)

    def _leave(self, i: int) -> None:
        j = int(self.partner[i])
        if j >= 0:
            self.partner[i] = self.partner[j] = -1
            self.split_s[i] = self.split_s[j] = np.inf
            self.contact[j] = self.base[j]
            if not self.visible[j]:
                self.visible[j] = True
                self.path[j], self.pos[j] = self.path[i], self.pos[i]
                self.ab[j] = self.anchor[j] = self.ab[i]
        self.status[i], self.visible[i] = GONE, False

    def _split(self, i: int, now_s: float, rng: np.random.Generator) -> None:
        """Part a dimer side by side, each half the gap away from where it was, if there is room."""
        j, area = int(self.partner[i]), self._area
        gap = (self.base[i] + self.base[j]) * (1 + 1e-9)
        turns = rng.uniform(0, 2 * math.pi) + np.arange(8) * math.pi / 4
        places = self.pos[i] + gap * np.column_stack([np.sin(turns), np.cos(turns)])
        inside = area.holds(places)
        self.contact[i] = self.base[i]
        room = np.flatnonzero(inside & self._room(j, places))
        if len(room) == 0:
            # Crowded in: try again a little later.
            self.contact[i] = self.base[i] * (self._scene.dimers.size if self._scene.dimers else 1.0)
            self.split_s[i] = np.nextafter(now_s, np.inf)
            return
        self.partner[i] = self.partner[j] = -1
        self.split_s[i] = np.inf
        self.ab[j] = self.anchor[j] = self.pos[j] = places[room[0]]
        self.path[j], self.visible[j] = -1, True
