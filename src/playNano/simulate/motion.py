"""Where every particle is when each line begins."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from playNano.simulate.crowd import GONE, PRESENT, WAITING, Crowd
from playNano.simulate.population import Population
from playNano.simulate.scene import Scene
from playNano.simulate.substrate import PATH_STEP_NM, Area, Surface

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Stretch:
    """Paths of the particles that live during a stretch of time.

    Parameters
    ----------
    ids
        The particles, indices into the population, (k,).
    times_s
        Moments, s, (m,).
    place_nm
        Places (y, x), nm, (m, k, 2).
    shown
        0 where a particle is not seen, 1 for a particle, 2 for a dimer, (m, k).
    partner
        The other member of the dimer (index into the population) or -1, (m, k).
    angle_rad
        Direction of the long axis, (m, k).
    moving
        Whether it is mobile, not paused, (m, k).
    """

    ids: npt.NDArray[np.int64]
    times_s: FloatArray
    place_nm: FloatArray
    shown: npt.NDArray[np.int8]
    partner: npt.NDArray[np.int64]
    angle_rad: FloatArray
    moving: npt.NDArray[np.bool_]


class Walk:
    """Moves a population through time, a stretch after the other.

    Parameters
    ----------
    scene, population, area, surface
        What there is, who, where, and on what.
    seed
        Seed of the motion.
    """

    def __init__(
        self, scene: Scene, population: Population, area: Area, surface: Surface, seed: np.random.SeedSequence
    ) -> None:
        self.scene, self.population, self.area = scene, population, area
        self._steps_rng, self._rng = (np.random.default_rng(s) for s in seed.spawn(2))
        self.crowd = Crowd(scene, population, area, surface)
        self._angle = np.array(population.angle_rad)
        self._started = False

    @property
    def landed(self) -> npt.NDArray[np.bool_]:
        """Which particles found a place when they arrived."""
        return np.isin(self.crowd.status, (PRESENT, GONE))

    def to(self, times_s: FloatArray) -> Stretch:
        """Move on to the given moments.

        Parameters
        ----------
        times_s
            Moments, s, rising; the first one is the last of the call before, if there was one.

        Returns
        -------
        Stretch
            Who is where at each of them.
        """
        crowd = self.crowd
        if not self._started:
            crowd.change(float(times_s[0]), self._rng)
            self._started = True
        coming = (crowd.status == WAITING) & (crowd.on_s <= times_s[-1])
        ids = np.flatnonzero(coming | (crowd.status == PRESENT))
        moving = self._moving(ids, times_s)
        angle, steps, decay = self._steps(ids, times_s, moving)
        shape = (len(times_s), len(ids))
        places, shown = np.empty((*shape, 2)), np.empty(shape, dtype=np.int8)
        partner = np.empty(shape, dtype=np.int64)
        places[0] = crowd.pos[ids]
        taken, last = 0, len(times_s) - 1
        while True:
            now = crowd.next_change_s()
            goal = min(int(np.searchsorted(times_s, now, side="left")), last)
            here = slice(taken, goal + 1)
            shown[here] = np.where(crowd.visible[ids], np.where(crowd.partner[ids] >= 0, 2, 1), 0)
            partner[here] = crowd.partner[ids]
            if taken == last:
                break
            taken = self._run(ids, times_s, taken, max(goal, taken + 1), steps, decay, places)
            crowd.change(float(times_s[taken]), self._rng)
            places[taken] = crowd.pos[ids]
        self._angle[ids] = angle[-1]
        return Stretch(ids, times_s, places, shown, partner, angle, moving)

    def _run(
        self,
        ids: npt.NDArray[np.int64],
        times_s: FloatArray,
        start: int,
        stop: int,
        steps: FloatArray,
        decay: FloatArray,
        places: FloatArray,
    ) -> int:
        """Take steps until `stop`, or until two merge or one walks off; return how many are taken by then."""
        from playNano.simulate._motion_kernels import advance

        crowd, area, dimers = self.crowd, self.area, self.scene.dimers
        state = [
            a[ids] for a in (crowd.ab, crowd.anchor, crowd.path, crowd.pos, crowd.contact, crowd.visible)
        ]
        motions = [s.motion for s in self.scene.species]
        kind = self.population.species[ids]
        corral = np.array([m.corral_nm or 0.0 for m in motions] + [0.0])[kind]
        leaves = np.array([m.speed_nm_s != 0 for m in motions] + [False])[kind]
        single = np.where((crowd.partner[ids] < 0) & (crowd.path[ids] < 0), kind, -1)
        chance = -np.expm1(-(dimers.merge_rate_s if dimers else 0.0) * np.diff(times_s))
        luck = self._luck if dimers else np.ones((len(times_s), 1))
        reach = dimers.reach_nm if dimers else 0.0
        far = float(np.abs(steps[:, start:stop]).max(initial=0.0))
        skin = max(0.75 * float(state[4].max(initial=1.0)), 8 * far, 4 * reach)
        stopped = np.full(3, -1)
        advance(
            start, stop, steps, decay, luck, chance, reach, single, corral, leaves, crowd.points,
            crowd.path_first, crowd.path_count, PATH_STEP_NM, np.array([area.top, area.left, area.bottom, area.right]),
            self.scene.exclusion, skin, *state, places, stopped,
        )  # fmt: skip
        for values, here in zip((crowd.ab, crowd.pos), (state[0], state[3]), strict=True):
            values[ids] = here
        if stopped[0] < 0:
            return stop
        taken = int(stopped[0]) + 1
        now = float(times_s[taken])
        if stopped[2] >= 0:
            crowd.merge(int(ids[stopped[1]]), int(ids[stopped[2]]), now, self._rng)
        else:
            crowd.off_s[ids[stopped[1]]] = now
        return taken

    def _moving(self, ids: npt.NDArray[np.int64], times_s: FloatArray) -> npt.NDArray[np.bool_]:
        moving = np.empty((len(times_s), len(ids)), dtype=bool)
        for column, i in enumerate(ids):
            flips = np.searchsorted(self.population.switches[i], times_s, side="right")
            moving[:, column] = (flips % 2 == 1) == self.population.paused_first[i]
        return moving

    def _steps(
        self, ids: npt.NDArray[np.int64], times_s: FloatArray, moving: npt.NDArray[np.bool_]
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Draw directions, and the steps that each particle would take were it alone."""
        motions = [s.motion for s in self.scene.species]
        kind = self.population.species[ids]
        dt = np.diff(times_s)[:, None]
        going = moving[1:].astype(np.float64)
        columns = np.array(
            [
                (
                    m.diffusion_nm2_s,
                    m.rotation_rad2_s,
                    m.spin_rad_s,
                    m.speed_nm_s,
                    m.step_nm,
                    *m.velocity_nm_s,
                    m.diffusion_nm2_s / m.tether_nm**2 if m.tether_nm else 0.0,
                    s.place == "paths",
                )
                for m, s in zip(motions, self.scene.species, strict=True)
            ]
            or np.empty((0, 9))
        ).reshape(-1, 9)[kind]
        d, turning, spin, speed, stride, v_y, v_x, tether, along = columns.T
        shape = (len(dt), len(ids))
        noise = self._steps_rng.standard_normal((2, *shape))
        bend = self._steps_rng.standard_normal(shape) if turning.any() else 0.0
        angle = np.empty((len(times_s), len(ids)))
        angle[0] = self._angle[ids]
        angle[1:] = angle[0] + np.cumsum((np.sqrt(2 * turning * dt) * bend + spin * dt) * going, axis=0)
        ahead = speed * dt
        if stride.any():
            n_steps = self._steps_rng.poisson(np.abs(ahead) / np.where(stride > 0, stride, math.inf))
            ahead = np.where(stride > 0, np.sign(speed) * stride * n_steps, ahead)
        decay = np.where(going > 0, np.exp(-tether * dt), 1.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            variance = np.where(tether > 0, d * -np.expm1(-2 * tether * dt) / tether, 2 * d * dt)
        sigma = np.sqrt(variance) * going
        free = along == 0
        step_a = sigma * noise[0] + going * np.where(free, v_y * dt + ahead * np.sin(angle[:-1]), ahead)
        step_b = np.where(free, sigma * noise[1] + going * (v_x * dt + ahead * np.cos(angle[:-1])), 0.0)
        self._luck = self._steps_rng.uniform(size=shape) if self.scene.dimers else np.ones((1, 1))
        return angle, np.stack([step_a, step_b]), decay
