"""Propagation of particles by random moves with excluded volume (hard discs, Verlet list)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from playNano.simulate.substrate import Area, Paths

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]


@dataclass(eq=False)
class Walkers:
    """State of the n particles of a segment, one column each, updated in place by `propagate`.

    Parameters
    ----------
    coordinates
        (y, x) in the plane, nm, or (arc length, 0) on a path, nm, (2, n).
    anchor
        The same of the landing position, (2, n).
    position
        (y, x), nm, (2, n).
    path
        Index of the particle's path, -1 in the plane, (n,).
    contact
        Contact radius, nm, (n,).
    visible
        Whether it is present and not carried by its partner in a dimer, (n,).
    corral
        Radius of the circle around the anchor that it cannot leave, nm; inf for none, (n,).
    leaves
        Whether it leaves at the end of its path instead of being reflected there, (n,).
    kind
        Particles of the same kind >= 0 may merge; -1 for those that cannot, (n,).
    """

    coordinates: FloatArray
    anchor: FloatArray
    position: FloatArray
    path: IntArray
    contact: FloatArray
    visible: BoolArray
    corral: FloatArray
    leaves: BoolArray
    kind: IntArray


@dataclass(frozen=True, eq=False)
class Moves:
    """Random moves drawn for the m steps of a segment.

    Parameters
    ----------
    step
        Displacement in the coordinates of `Walkers`, nm, (2, m, n).
    decay
        Factor by which a tether reduces the distance from the anchor in each step, 0 to 1; 1 without a tether, (m, n).
    merges
        Whether a particle merges in this step if another one is in touch, (m, n).
    """

    step: FloatArray
    decay: FloatArray
    merges: BoolArray


@dataclass(frozen=True, eq=False)
class Surroundings:
    """Borders, paths and interactions of particles.

    Parameters
    ----------
    area
        Rectangle with reflecting borders.
    paths
        Paths of the substrate.
    exclusion
        Whether particles exclude each other.
    merge_gap_nm
        Gap below which two particles are in touch and may merge, nm.
    """

    area: Area
    paths: Paths
    exclusion: bool
    merge_gap_nm: float


class Stop(NamedTuple):
    """Event that stopped `propagate`: the step, the particle, and its partner in a merge (-1: end of path)."""

    step: int
    particle: int
    partner: int


def propagate(
    walkers: Walkers, moves: Moves, surroundings: Surroundings, start: int, stop: int, out: FloatArray
) -> Stop | None:
    """Propagate hard discs over the steps [start, stop) by random sequential moves with rejection.

    In each step the particles move one after the other; a move that would increase the overlap with another particle
    is rejected. The order alternates between forwards and backwards, so that no particle is preferred.

    Parameters
    ----------
    walkers
        The particles, updated in place.
    moves
        Their random moves.
    surroundings
        Borders, paths and interactions.
    start, stop
        Steps to take.
    out
        Positions (y, x) after step k are written to ``out[k + 1]``, nm, (m + 1, n, 2).

    Returns
    -------
    Stop or None
        The merge or departure after which it stopped (the last one of that step), or None.
    """
    w, (low, high) = walkers, _limits(walkers, surroundings)
    on_path = np.flatnonzero(w.path >= 0)
    in_corral = bool(np.isfinite(w.corral).any())
    neighbours = _Neighbours(w, _skin(w, moves, start, stop)) if surroundings.exclusion else None
    merging: BoolArray = np.asarray(moves.merges.any(axis=1))
    for k in range(start, stop):
        forwards = k % 2 == 1
        proposed = w.anchor + (w.coordinates - w.anchor) * moves.decay[k] + moves.step[:, k]
        blocked = ~w.visible
        if in_corral:
            blocked |= ((proposed - w.anchor) ** 2).sum(axis=0) > w.corral**2
        outside = (proposed < low) | (proposed > high)
        gone: IntArray | None = None
        if outside.any():
            gone = np.flatnonzero(outside[0] & w.leaves & ~blocked)
            blocked[gone] = True
            proposed = np.where(outside, _reflect(proposed, low, high), proposed)
        position = proposed
        if len(on_path):
            position = proposed.copy()
            position[:, on_path] = surroundings.paths.positions(w.path[on_path], proposed[0, on_path]).T
        tries = np.flatnonzero(moves.merges[k] & (w.kind >= 0) & ~blocked) if merging[k] else None
        if neighbours is not None:
            neighbours.block_overlaps(position, blocked, forwards)
        before = w.position.copy() if tries is not None else w.position
        np.copyto(w.coordinates, proposed, where=~blocked)
        np.copyto(w.position, position, where=~blocked)
        out[k + 1] = w.position.T
        if tries is not None or gone is not None:
            ended = [Stop(k, int(i), -1) for i in gone] if gone is not None else []
            for i in tries if tries is not None else ():
                partner = _partner(w, int(i), position[:, i], before, forwards, surroundings.merge_gap_nm)
                ended += [Stop(k, int(i), partner)] if partner >= 0 else []
            if ended:
                return (max if forwards else min)(ended, key=lambda s: s.particle)
    return None


def _limits(w: Walkers, surroundings: Surroundings) -> tuple[FloatArray, FloatArray]:
    """Return the lowest and highest coordinates of each particle, (2, n) each."""
    on_path = w.path >= 0
    area = surroundings.area
    ends = surroundings.paths.lengths_nm[w.path]
    low = np.where(on_path, 0.0, np.array([[area.top], [area.left]]))
    high = np.where(on_path, np.vstack([ends, np.zeros_like(ends)]), np.array([[area.bottom], [area.right]]))
    return low, high


def _skin(w: Walkers, moves: Moves, start: int, stop: int) -> float:
    """Return the skin of the Verlet list: many steps, so that lists are rarely renewed."""
    longest = float(np.abs(moves.step[:, start:stop]).max(initial=0.0))
    return max(0.75 * float(w.contact.max(initial=1.0)), 8 * longest)


def _reflect(values: FloatArray, low: FloatArray, high: FloatArray) -> FloatArray:
    """Reflect values at the ends of intervals until they lie inside."""
    span = high - low
    period = np.where(span > 0, 2 * span, 1.0)
    phase = np.mod(values - low, period)
    return np.where(span > 0, low + np.where(phase <= span, phase, period - phase), (low + high) / 2)


def _partner(
    w: Walkers, i: int, position: FloatArray, before: FloatArray, forwards: bool, gap_nm: float
) -> int:
    """Return the particle in contact with i at its proposed position in sequential order, or -1."""
    others = np.arange(len(w.path))
    moved = others < i if forwards else others > i
    apart = position[:, None] - np.where(moved, w.position, before)
    touching = (apart**2).sum(axis=0) < (w.contact[i] + w.contact + gap_nm) ** 2
    candidates = np.flatnonzero(touching & w.visible & (w.kind == w.kind[i]) & (others != i))
    return int(candidates[-1]) if len(candidates) else -1


class _Neighbours:
    """Verlet list: pairs of visible particles closer than contact plus a skin, renewed as they move.

    Verlet, L. Computer "experiments" on classical fluids. Phys. Rev. 159, 98 (1967). doi:10.1103/PhysRev.159.98
    """

    def __init__(self, walkers: Walkers, skin: float) -> None:
        self._walkers, self._skin = walkers, skin
        self._listed_at = np.full_like(walkers.position, np.inf)
        self._pairs, self._touch2 = np.empty((2, 0), dtype=np.int64), np.empty(0)

    def _renew(self) -> None:
        """Renew the list if a particle has moved by a quarter of the skin since the last time."""
        w = self._walkers
        moved = w.position - self._listed_at
        if not (moved * moved).sum(axis=0).max(initial=0.0) > (self._skin / 4) ** 2:
            return
        from scipy.spatial import cKDTree

        self._listed_at = w.position.copy()
        here = np.flatnonzero(w.visible)
        radius = 2 * float(w.contact[here].max(initial=0.0)) + self._skin
        pairs = here[cKDTree(w.position.T[here]).query_pairs(radius, output_type="ndarray")]
        touch = w.contact[pairs].sum(axis=1)
        apart2 = ((w.position[:, pairs[:, 0]] - w.position[:, pairs[:, 1]]) ** 2).sum(axis=0)
        listed = apart2 < (touch + self._skin) ** 2
        self._pairs = np.sort(pairs[listed], axis=1).T
        self._touch2 = touch[listed] ** 2

    def block_overlaps(self, position: FloatArray, blocked: BoolArray, forwards: bool) -> None:
        """Mark in `blocked` the particles whose move would increase the overlap with another particle.

        Parameters
        ----------
        position
            Proposed positions (y, x), nm, (2, n).
        blocked
            Particles that do not move in any case; updated in place, (n,).
        forwards
            Whether particle 0 moves first, or the last one.
        """
        self._renew()
        first, second = self._pairs if forwards else self._pairs[::-1]
        if not len(first):
            return
        old_new = np.stack([self._walkers.position, position])
        apart = old_new[:, None, :, first] - old_new[None, :, :, second]
        apart *= apart
        # Squared distances by (first: old, new), (second: old, new).
        d2 = apart[:, :, 0] + apart[:, :, 1]
        near = d2 < self._touch2
        if not near.any():
            return
        pushes = near[1, 0] & (d2[1, 0] < d2[0, 0])
        blocked[first[pushes]] = True
        # Whether the second one overlaps depends on whether the first one has moved before it.
        if_stayed = near[0, 1] & (d2[0, 1] < d2[0, 0])
        if_moved = near[1, 1] & (d2[1, 1] < d2[1, 0])
        open_pairs = np.flatnonzero(if_stayed | if_moved)
        turns = np.argsort(second[open_pairs] if forwards else -second[open_pairs], kind="stable")
        for m in open_pairs[turns]:
            if if_stayed[m] if blocked[first[m]] else if_moved[m]:
                blocked[second[m]] = True
