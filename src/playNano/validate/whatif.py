"""What if the particles were denser or slower: a random arrangement of them on the erased movie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from playNano.validate.replanting import Replanter
from playNano.validate.running import PipelineInEffect
from playNano.validate.scores import Place, score_tables
from playNano.validate.sightings import neighbour_distances

if TYPE_CHECKING:
    import pandas as pd

    from playNano.afm_stack import AFMImageStack

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

# Attempts to place a particle, or a step, at the minimum distance from the others.
_PLACEMENTS, _STEPS = 200, 20
# Centres of particles keep this quantile of the distances to the nearest neighbour in the movie.
_CLOSEST = 0.02


@dataclass(frozen=True)
class WhatIf:
    """Mean scores of the pipeline on random arrangements of the movie's particles.

    Parameters
    ----------
    density
        Number of particles relative to the movie.
    speed
        Diffusion coefficient relative to the movie.
    scores
        Name -> mean; see `playNano.validate.scores.score_result`.
    as_it_is
        The same for a random arrangement of the movie's own density and speed.
    """

    density: float
    speed: float
    scores: dict[str, float]
    as_it_is: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON types."""
        return {
            "density": self.density,
            "speed": self.speed,
            "scores": self.scores,
            "as_it_is": self.as_it_is,
        }


def what_if(
    replanter: Replanter,
    pipeline: PipelineInEffect,
    place: Place,
    *,
    density: float,
    speed: float,
    n_copies: int,
    seed: int,
) -> WhatIf:
    """Score a pipeline on random arrangements of the movie's particles on its erased frames.

    Parameters
    ----------
    replanter
        The movie with its particles.
    pipeline
        The user's pipeline.
    place
        Frame, gate and border.
    density, speed
        Factors for the number of particles and for the diffusion coefficient, > 0.
    n_copies
        Number of arrangements, >= 1.
    seed
        Seed of the random numbers.
    """

    def scores(number: float, diffusion: float) -> dict[str, float]:
        """Return mean scores at a density and speed."""
        every = []
        for k in range(n_copies):
            rng = np.random.default_rng([seed, k, 77])
            raw, truth = rearranged(replanter, rng, density=number, speed=diffusion)
            run = pipeline.run(pipeline.process(raw))
            every.append(score_tables(truth, run.detections, run.tracks, place).scores)
        return {name: _mean([s[name] for s in every]) for name in every[0]}

    return WhatIf(density, speed, scores(density, speed), scores(1.0, 1.0))


def _mean(values: list[float]) -> float:
    known = [v for v in values if np.isfinite(v)]
    return float(np.mean(known)) if known else float("nan")


def rearranged(
    replanter: Replanter, rng: np.random.Generator, *, density: float, speed: float
) -> tuple[AFMImageStack, pd.DataFrame]:
    """Return the erased movie with its particles at random places, and the truth.

    Each particle is one of the movie's tracks with its images; its steps are those of that track in random order and
    direction, times the square root of `speed`. Particles keep the smallest distances that occur in the movie.

    Parameters
    ----------
    replanter
        The movie with its particles.
    rng
        Random numbers.
    density, speed
        Factors for the number of particles and for the diffusion coefficient, > 0.
    """
    s, c = replanter.sightings, replanter.cutouts
    n_frames, h, w = replanter.reference.labels.shape
    donors = np.unique(s.track[c.sighting])
    lengths = np.array([(s.track == t).sum() for t in donors], dtype=np.float64)
    per_frame = (~s.at_border).sum() / n_frames
    n = max(round(density * per_frame), 1)
    chosen = rng.choice(donors, n, p=lengths / lengths.sum())
    apart = neighbour_distances(s.frame, s.y, s.x)
    near = apart[np.isfinite(apart)]
    closest = float(np.quantile(near, _CLOSEST)) if near.size else 0.0
    steps = [_steps(replanter, int(t)) * np.sqrt(speed) for t in chosen]
    at = _placed(n, (h, w), closest, rng)
    images = [np.flatnonzero(s.track[c.sighting] == t) for t in chosen]
    rows = []
    for frame in range(n_frames):
        if frame:
            for i in range(n):
                at[i] = _moved(at, i, steps[i], (h, w), closest, rng)
        rows += [(frame, i, *at[i], int(rng.choice(images[i]))) for i in range(n)]
    columns = np.array(rows, dtype=np.float64).T
    frames, tracks, image = (columns[k].astype(np.int64) for k in (0, 1, 4))
    return replanter.plant(frames, tracks, columns[2], columns[3], image, rng)


def _steps(replanter: Replanter, track: int) -> FloatArray:
    """Return the steps of a track from frame to frame, px, (k, 2); one of length 0 where it has none."""
    s = replanter.sightings
    own = np.flatnonzero(s.track == track)
    step = np.column_stack([np.diff(s.y[own]), np.diff(s.x[own])])[np.diff(s.frame[own]) == 1]
    return np.asarray(step if len(step) else np.zeros((1, 2)))


def _placed(n: int, shape: tuple[int, int], closest: float, rng: np.random.Generator) -> FloatArray:
    """Return random places (n, 2), px, that keep a distance where this is possible."""
    at: list[FloatArray] = []
    for _ in range(n):
        new = np.zeros(2)
        for _ in range(_PLACEMENTS):
            new = rng.uniform(0, 1, 2) * (np.array(shape) - 1)
            if all(np.hypot(*(new - other)) >= closest for other in at):
                break
        at.append(new)
    return np.array(at)


def _moved(
    at: FloatArray,
    i: int,
    steps: FloatArray,
    shape: tuple[int, int],
    closest: float,
    rng: np.random.Generator,
) -> FloatArray:
    """Return the next place of a particle, which stays where every step leads too near to another one."""
    others = np.delete(at, i, axis=0)
    for _ in range(_STEPS):
        step = steps[rng.integers(len(steps))]
        angle = rng.uniform(0, 2 * np.pi)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        new = at[i] + turn @ step
        inside = ((new >= 0) & (new <= np.array(shape) - 1)).all()
        if inside and (np.hypot(*(others - new).T) >= closest).all():
            return np.asarray(new)
    return np.asarray(at[i])
