"""Trajectories of all particles, at the start of every scan line."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from playNano.simulate.population import Population
from playNano.simulate.population_state import PRESENT, WAITING, PopulationState
from playNano.simulate.propagation import Moves, Surroundings, Walkers, propagate
from playNano.simulate.scene import Scene
from playNano.simulate.substrate import Area, Surface

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Segment:
    """Trajectories of the k particles that are present during a segment of m times.

    Parameters
    ----------
    ids
        The particles, indices into the population, (k,).
    times_s
        The times, s, (m,).
    position_nm
        Positions (y, x), nm, (m, k, 2).
    shown
        0 where a particle is not visible, 1 for a particle, 2 for a dimer, (m, k).
    partner
        The other member of the dimer (index into the population) or -1, (m, k).
    angle_rad
        Direction of the long axis, from x towards y, rad, (m, k).
    moving
        Whether it is mobile, not paused, (m, k).
    """

    ids: IntArray
    times_s: FloatArray
    position_nm: FloatArray
    shown: npt.NDArray[np.int8]
    partner: IntArray
    angle_rad: FloatArray
    moving: BoolArray


class Trajectories:
    """Propagate a population in time, segment by segment.

    Parameters
    ----------
    scene
        The scene, with the motion of its species.
    population
        The particles with their times, sizes and landing sites.
    area
        Area that contains the particles; its borders reflect.
    surface
        The substrate, with its paths.
    seed
        Seed of the motion.

    Attributes
    ----------
    state
        The population at the end of the last segment.
    """

    def __init__(
        self, scene: Scene, population: Population, area: Area, surface: Surface, seed: np.random.SeedSequence
    ) -> None:
        self.scene, self.population, self.area = scene, population, area
        self._moves_rng, self._rng = (np.random.default_rng(s) for s in seed.spawn(2))
        self.state = PopulationState(scene, population, area, surface)
        self._surroundings = Surroundings(
            area, self.state.paths, scene.exclusion, scene.dimers.contact_gap_nm if scene.dimers else 0.0
        )
        self._angle = np.array(population.angle_rad)
        self._started = False

    def advance(self, times_s: FloatArray) -> Segment:
        """Propagate the population to the given times.

        Parameters
        ----------
        times_s
            Times, s, increasing; the first one is the last one of the previous call, if there was one.

        Returns
        -------
        Segment
            State of every particle at each of them.
        """
        state = self.state
        if not self._started:
            state.update(float(times_s[0]), self._rng)
            self._started = True
        arriving = (state.status == WAITING) & (state.on_s <= times_s[-1])
        ids = np.flatnonzero(arriving | (state.status == PRESENT))
        moving = self._moving(ids, times_s)
        angle, moves = self._draw_moves(ids, times_s, moving)
        shape = (len(times_s), len(ids))
        positions, shown = np.empty((*shape, 2)), np.empty(shape, dtype=np.int8)
        partner = np.empty(shape, dtype=np.int64)
        positions[0] = state.position[ids]
        done, last = 0, len(times_s) - 1
        while True:
            # Until the next arrival, departure, merge or split only positions change.
            goal = min(int(np.searchsorted(times_s, state.next_change_s(), side="left")), last)
            span = slice(done, goal + 1)
            shown[span] = np.where(state.visible[ids], np.where(state.partner[ids] >= 0, 2, 1), 0)
            partner[span] = state.partner[ids]
            if done == last:
                break
            done = self._run(ids, times_s, (done, max(goal, done + 1)), moves, positions)
            state.update(float(times_s[done]), self._rng)
            positions[done] = state.position[ids]
        self._angle[ids] = angle[-1]
        return Segment(ids, times_s, positions, shown, partner, angle, moving)

    def _run(
        self, ids: IntArray, times_s: FloatArray, span: tuple[int, int], moves: Moves, positions: FloatArray
    ) -> int:
        """Propagate until two particles merge or one leaves its path; return the number of steps done."""
        state, walkers = self.state, self._walkers(ids)
        stopped = propagate(walkers, moves, self._surroundings, *span, positions)
        state.coordinates[ids], state.position[ids] = walkers.coordinates.T, walkers.position.T
        if stopped is None:
            return span[1]
        done = stopped.step + 1
        now = float(times_s[done])
        if stopped.partner >= 0:
            state.merge(int(ids[stopped.particle]), int(ids[stopped.partner]), now, self._rng)
        else:
            state.off_s[ids[stopped.particle]] = now
        return done

    def _walkers(self, ids: IntArray) -> Walkers:
        """Return a copy of the state of some particles, with the limits of their motion."""
        state, motions = self.state, [s.motion for s in self.scene.species]
        species, path = self.population.species[ids], state.path[ids]
        corral = np.array([m.corral_nm or np.inf for m in motions] + [np.inf])[species]
        driven = np.array([m.speed_nm_s != 0 for m in motions] + [False])[species]
        return Walkers(
            coordinates=state.coordinates[ids].T.copy(),
            anchor=state.anchor[ids].T.copy(),
            position=state.position[ids].T.copy(),
            path=path,
            contact=state.contact[ids],
            visible=state.visible[ids],
            corral=corral,
            leaves=driven & (path >= 0),
            kind=np.where((state.partner[ids] < 0) & (path < 0), species, -1),
        )

    def _moving(self, ids: IntArray, times_s: FloatArray) -> BoolArray:
        """Return whether particles are mobile, not paused, at each time, (m, k)."""
        moving = np.empty((len(times_s), len(ids)), dtype=bool)
        for column, i in enumerate(ids):
            flips = np.searchsorted(self.population.switches[i], times_s, side="right")
            moving[:, column] = (flips % 2 == 1) == self.population.paused_first[i]
        return moving

    def _draw_moves(self, ids: IntArray, times_s: FloatArray, moving: BoolArray) -> tuple[FloatArray, Moves]:
        """Draw directions, and the moves of each particle without interactions.

        A tethered particle is an Ornstein-Uhlenbeck process, which is sampled exactly.
        """
        law = _laws_of_motion(self.scene)[self.population.species[ids]]
        d, turning, spin, speed, stride, v_y, v_x, tether, along = law.T
        dt = np.diff(times_s)[:, None]
        going = moving[1:].astype(np.float64)
        shape = (len(dt), len(ids))
        noise = self._moves_rng.standard_normal((2, *shape))
        turns = self._moves_rng.standard_normal(shape) if turning.any() else 0.0
        angle = np.empty((len(times_s), len(ids)))
        angle[0] = self._angle[ids]
        angle[1:] = angle[0] + np.cumsum((np.sqrt(2 * turning * dt) * turns + spin * dt) * going, axis=0)
        ahead = speed * dt
        if stride.any():
            n_steps = self._moves_rng.poisson(np.abs(ahead) / np.where(stride > 0, stride, math.inf))
            ahead = np.where(stride > 0, np.sign(speed) * stride * n_steps, ahead)
        decay = np.where(going > 0, np.exp(-tether * dt), 1.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            variance = np.where(tether > 0, d * -np.expm1(-2 * tether * dt) / tether, 2 * d * dt)
        sigma = np.sqrt(variance) * going
        free = along == 0
        step_a = sigma * noise[0] + going * np.where(free, v_y * dt + ahead * np.sin(angle[:-1]), ahead)
        step_b = np.where(free, sigma * noise[1] + going * (v_x * dt + ahead * np.cos(angle[:-1])), 0.0)
        merges = np.zeros(shape, dtype=bool)
        if self.scene.dimers:
            probability = -np.expm1(-self.scene.dimers.merge_rate_s * dt)
            merges = self._moves_rng.uniform(size=shape) < probability
        return angle, Moves(np.stack([step_a, step_b]), decay, merges)


def _laws_of_motion(scene: Scene) -> FloatArray:
    """Return the parameters of motion of each species, (n_species, 9), in the order of their use."""
    rows = [
        (
            m.diffusion_nm2_s,
            m.rotation_rad2_s,
            m.spin_rad_s,
            m.speed_nm_s,
            m.step_nm,
            *m.velocity_nm_s,
            m.diffusion_nm2_s / m.tether_nm**2 if m.tether_nm else 0.0,
            float(s.place == "paths"),
        )
        for s in scene.species
        for m in (s.motion,)
    ]
    return np.array(rows).reshape(-1, 9)
