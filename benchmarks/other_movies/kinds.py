"""Kinds of movies. Sizes, speeds, numbers and noise are drawn anew for every seed."""

from dataclasses import dataclass, field, replace

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

from .motion import World, along_strands, walk
from .movie import film
from .shapes import Shape
from .surface import Instrument, Strands, terraces


@dataclass(frozen=True)
class Kind:
    """A kind of movie.

    Attributes
    ----------
    species
        Shapes, each with its share of the particles and its diffusion coefficient, nm^2/s.
    n
        Number of particles in a field of 144 x 144 nm.
    core
        Least distance of two centres, in extents of the largest shape; 0: they pass through each other.
    beyond_nm
        How far particles move beyond the field of view; negative: walls within it.
    turn, k_off, k_on, drift
        Rotational diffusion, rad^2/s; rates of binding, 1/s; velocity, nm/s.
    ground
        "flat", "terraces" or "strands".
    instrument
        What the instrument adds.
    spread
        Standard deviation of heights and radii of single particles, as a share of those of their species.
    breathing
        By how much, as a share, heights go up and down between two states, each of 2 s on average.
    directed
        Speed of particles that each walk along a line of their own, nm/s.
    """

    species: tuple
    n: int = 12
    core: float = 1.6
    beyond_nm: float = 0.0
    turn: float = 0.0
    k_off: float = 0.0
    k_on: float = 0.0
    drift: float = 0.0
    ground: str = "flat"
    instrument: Instrument = field(default_factory=Instrument)
    spread: tuple = (0.04, 0.0)
    breathing: float = 0.0
    directed: float = 0.0


def _cap(height=4.0, radius=7.0, share=1.0, diffusion=20.0):
    return Shape("cap", height, radius), share, diffusion


KINDS = {
    "caps": Kind((_cap(),), core=1.5),
    "caps apart": Kind((_cap(),), n=9, core=3.2, beyond_nm=-9.0),
    "caps crossing": Kind((_cap(diffusion=15.0),), n=16, core=0.0, beyond_nm=20.0),
    "discs with tails": Kind(
        ((Shape("disc", 5.5, 8.0), 1.0, 15.0),), n=10, core=2.0, instrument=Instrument(fall_nm=1.4)
    ),
    "discs apart": Kind(((Shape("disc", 5.0, 8.5), 1.0, 25.0),), n=8, core=3.4, beyond_nm=-10.0),
    "rods": Kind(((Shape("rod", 3.0, 4.5, 12.0), 1.0, 15.0),), n=9, core=1.3, turn=0.6),
    "rods apart": Kind(
        ((Shape("rod", 3.2, 4.5, 11.0), 1.0, 20.0),), n=7, core=2.4, beyond_nm=-12.0, turn=0.8
    ),
    "rings": Kind(((Shape("ring", 3.0, 3.6, 8.5), 1.0, 12.0),), n=8, core=2.2, turn=0.3),
    "dimers": Kind(((Shape("dimer", 4.0, 5.0, 4.2), 1.0, 15.0),), n=9, core=2.2, turn=0.5),
    "trimers": Kind(((Shape("trimer", 3.5, 5.0, 5.0), 1.0, 12.0),), n=8, core=1.9, turn=0.4),
    "two heights": Kind((_cap(1.2, 7.0, 0.5, 25.0), _cap(8.0, 9.0, 0.5, 12.0)), n=11, core=1.9),
    "two sizes": Kind((_cap(3.0, 5.5, 0.6, 30.0), _cap(6.0, 10.0, 0.4, 10.0)), n=11, core=1.7),
    "half resting": Kind((_cap(share=0.5, diffusion=60.0), _cap(share=0.5, diffusion=0.02)), core=1.7),
    "half resting apart": Kind(
        (_cap(share=0.5, diffusion=40.0), _cap(share=0.5, diffusion=0.02)), n=8, core=3.2, beyond_nm=-9.0
    ),
    "three speeds": Kind(
        (_cap(4.0, 7.0, 0.34, 4.0), _cap(4.0, 7.0, 0.33, 25.0), _cap(4.0, 7.0, 0.33, 70.0)), core=1.7
    ),
    "blinking": Kind((_cap(diffusion=8.0),), n=22, core=2.2, k_off=0.25, k_on=0.2),
    "crowded": Kind((_cap(4.5, 6.5, 1.0, 10.0),), n=22, core=1.5),
    "terraces": Kind((_cap(3.5, 6.5, 1.0, 15.0),), n=10, core=2.0, ground="terraces"),
    "on strands": Kind((_cap(5.0, 6.5, 1.0, 60.0),), n=9, ground="strands"),
    "near the noise": Kind(
        (_cap(2.0, 6.0, 1.0, 12.0),), n=11, core=2.2, instrument=Instrument(noise_nm=0.28, row_nm=0.25)
    ),
    "crossing the border": Kind((_cap(4.5, 7.5, 1.0, 50.0),), n=22, core=1.7, beyond_nm=40.0),
    "blunt tip": Kind(
        (_cap(4.5, 5.0, 1.0, 18.0),), n=10, core=2.6, instrument=Instrument(pink_nm=0.2, row_nm=0.5, tip_nm=5.0)
    ),
    "drifting": Kind((_cap(diffusion=10.0),), n=18, core=1.8, beyond_nm=30.0, drift=2.0),
}  # fmt: skip

FURTHER = {
    "all sizes": Kind((_cap(4.5, 7.0, 1.0, 18.0),), n=11, core=1.6, spread=(0.2, 0.25)),
    "breathing": Kind((_cap(4.5, 7.5, 1.0, 15.0),), n=10, core=2.2, breathing=0.15),
    "scars": Kind((_cap(4.5, 7.0, 1.0, 18.0),), n=11, core=1.8, instrument=Instrument(scars=2.0)),
    "few": Kind((_cap(4.0, 8.0, 1.0, 15.0),), n=2, core=2.2),
    "rough": Kind((_cap(4.5, 7.0, 1.0, 18.0),), n=11, core=1.8, ground="rough"),
    "walking": Kind((_cap(5.0, 6.5, 1.0, 3.0),), n=14, core=0.0, beyond_nm=30.0, directed=14.0),
    "all resting": Kind((_cap(4.0, 7.0, 1.0, 0.05),), n=10, core=2.6),
    "rods and caps": Kind(
        ((Shape("rod", 2.5, 4.5, 11.0), 0.5, 12.0), _cap(5.5, 7.0, 0.5, 25.0)), n=9, core=1.6, turn=0.5
    ),
    "long rods": Kind(((Shape("rod", 4.0, 4.0, 22.0), 1.0, 10.0),), n=5, core=1.2, turn=0.15),
}  # fmt: skip
"""Kinds on which nothing was tuned: validation was developed on `KINDS`."""


def _scaled(kind, rng):
    """Return the kind with sizes, speeds and noise drawn around its own, and factors for all of one movie."""
    tall, wide, fast = rng.uniform(0.85, 1.2), rng.uniform(0.9, 1.15), rng.uniform(0.6, 1.5)
    species = tuple(
        (
            replace(s, height_nm=s.height_nm * tall, radius_nm=s.radius_nm * wide, long_nm=s.long_nm * wide),
            share,
            diffusion * fast,
        )
        for s, share, diffusion in kind.species
    )
    i, noise, rows = kind.instrument, rng.uniform(0.7, 1.5), rng.uniform(0.6, 1.5)
    instrument = replace(
        i, noise_nm=i.noise_nm * noise, pink_nm=i.pink_nm * noise, row_nm=i.row_nm * rows,
        tilt_nm=i.tilt_nm * rng.uniform(0.3, 1.5), bow_nm=i.bow_nm * rng.uniform(0.2, 1.2),
        turns=tuple(rng.uniform(0, 2 * np.pi, 3)),
    )  # fmt: skip
    return replace(kind, species=species, instrument=instrument, n=kind.n * rng.uniform(0.8, 1.25))


def make_movie(
    name,
    seed=0,
    n_frames=40,
    size=(96, 96),
    pixel_nm=None,
    interval_s=0.3,
    density=1.0,
):
    """Make a movie.

    Parameters
    ----------
    name
        One of `KINDS` or `FURTHER`.
    seed
        Seed, which with the name determines the movie.
    n_frames, size
        Number of frames, and (height, width) of each, px.
    pixel_nm
        Size of a pixel; None draws 1.3 to 1.8 nm.
    interval_s
        Time of a frame.
    density
        Factor for the number of particles.
    """
    rng = np.random.default_rng([sum(map(ord, name)), len(name), seed])
    kind = _scaled({**KINDS, **FURTHER}[name], rng)
    drawn = float(rng.uniform(1.3, 1.8))
    pixel_nm = drawn if pixel_nm is None else pixel_nm
    view = np.array(size) * pixel_nm
    low, high = -kind.beyond_nm, tuple(view + kind.beyond_nm)
    area = (high[0] - low) * (high[1] - low)
    n = max(round(kind.n * density * area / (144 + 2 * min(kind.beyond_nm, 0)) ** 2), 3)
    extent = max(s.extent_nm for s, _, _ in kind.species)
    world = World(low, high, kind.core * extent, kind.k_off, kind.k_on, kind.turn, _velocity(kind.drift, rng))
    species = _species([share for _, share, _ in kind.species], n, rng)
    ground, paths = _ground_and_paths(kind, world, species, view, n_frames, interval_s, rng)
    species = (
        species[: paths.y.shape[1]] if len(species) >= paths.y.shape[1] else np.zeros(paths.y.shape[1], int)
    )
    shapes, of = _one_each(kind, species, rng)
    diffusion = np.array([kind.species[s][2] for s in species])
    factor = 0.5 if kind.ground == "strands" else 1.0
    about = {
        "diffusion_nm2_s": float(diffusion.mean() * factor), "k_off_1_s": kind.k_off, "n": len(species),
        "noise_nm": kind.instrument.noise_nm, "extent_nm": extent, "ground": kind.ground,
    }  # fmt: skip
    states = _breaths(kind, n_frames, interval_s, len(species), rng)
    movie = film(
        name, seed, paths, shapes, of, states, ground, kind.instrument, size, pixel_nm, interval_s, about, rng
    )
    movie.truth["species"] = species[movie.truth.species.to_numpy()]
    return movie


def _species(shares, n, rng):
    exact = np.repeat(np.arange(len(shares)), np.ceil(np.array(shares) * n).astype(int))
    return rng.permutation(exact)[:n]


def _one_each(kind, species, rng):
    """Return one shape for each particle, of a height and radius of its own, and its index."""
    shapes, (tall, wide) = [], kind.spread
    for s in species:
        shape = kind.species[s][0]
        high = shape.height_nm * (1 + tall * rng.normal())
        radius = shape.radius_nm * (np.exp(wide * rng.normal()) if wide else 1.0)
        shapes.append(replace(shape, height_nm=high, radius_nm=radius))
    return shapes, np.arange(len(species))


def _breaths(kind, n_frames, interval_s, n, rng):
    """Return the factor of the height of each particle in each frame, (n_frames, n)."""
    if not kind.breathing:
        return np.ones((n_frames, n))
    turned = np.cumsum(rng.random((n_frames, n)) < interval_s / 2.0, axis=0) % 2
    return 1 + kind.breathing * (2 * turned - 1)


def _velocity(speed, rng):
    turn = rng.uniform(0, 2 * np.pi)
    return speed * np.sin(turn), speed * np.cos(turn)


def _ground_and_paths(kind, world, species, view, n_frames, interval_s, rng):
    diffusion = [kind.species[s][2] for s in species]
    if kind.ground == "strands":
        n = 4
        strands = Strands(
            (np.arange(n) + rng.uniform(0.35, 0.65, n)) * view[0] / n, rng.uniform(3, 7, n),
            rng.uniform(0, 6.28, n), rng.uniform(70, 140), float(view[1]),
        )  # fmt: skip
        paths = along_strands(
            strands, max(round(len(species) / n), 1), diffusion[0], n_frames, interval_s, rng
        )
        return (lambda y, x: (strands.surface(y, x), True)), paths
    paths = walk(world, diffusion, n_frames, interval_s, rng, kind.directed)
    if kind.ground == "rough":
        grain = gaussian_filter(rng.normal(size=(400, 400)), 3.0)
        grain *= 0.3 / grain.std()
        return (lambda y, x: (_sampled(grain, y, x), False)), paths
    if kind.ground == "terraces":
        width, angle, phase = rng.uniform(45, 75), rng.uniform(-1.1, 1.1), rng.uniform()
        return (lambda y, x: (terraces(y, x, 4.0, width, angle, phase), False)), paths
    return (lambda y, x: (np.zeros(np.broadcast_shapes(y.shape, x.shape)), False)), paths


def _sampled(grain, y, x):
    """Return the static roughness `grain`, of 1 nm a pixel, at points y (n, 1), x (1, m)."""
    return map_coordinates(grain, np.broadcast_arrays(y, x), order=1, mode="wrap")
