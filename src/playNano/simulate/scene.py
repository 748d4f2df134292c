"""Description of a scene: species, motion, kinetics and dimers."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from playNano.errors import ParameterError
from playNano.simulate import _checks as check
from playNano.simulate.shapes import Shape
from playNano.simulate.substrate import Flat, Substrate


@dataclass(frozen=True)
class Motion:
    """Motion of a particle: diffusion, drift, directed motion, rotation and confinement.

    Parameters
    ----------
    diffusion_nm2_s
        Diffusion coefficient, nm^2/s, >= 0; for a particle on a path, along the path.
    velocity_nm_s
        Common drift velocity (y, x), nm/s; ignored on paths.
    speed_nm_s
        Speed along the particle's own long axis, or along its path, nm/s; negative for backwards.
    step_nm
        If above 0, motion at `speed_nm_s` consists of instantaneous steps of this length at random times (a
        Poisson stepper), nm.
    rotation_rad2_s
        Rotational diffusion coefficient, rad^2/s, >= 0.
    spin_rad_s
        Constant angular velocity, rad/s.
    corral_nm
        Radius of confinement around the landing position, nm; None for no confinement.
    tether_nm
        Root mean square excursion, per axis, from the landing position under a harmonic tether, nm; None for
        none. With `diffusion_nm2_s` D the tether's relaxation time is ``tether_nm**2 / D``.

    Examples
    --------
    >>> Motion(diffusion_nm2_s=60.0, corral_nm=40.0).corral_nm
    40.0
    """

    diffusion_nm2_s: float = 0.0
    velocity_nm_s: tuple[float, float] = (0.0, 0.0)
    speed_nm_s: float = 0.0
    step_nm: float = 0.0
    rotation_rad2_s: float = 0.0
    spin_rad_s: float = 0.0
    corral_nm: float | None = None
    tether_nm: float | None = None

    def __post_init__(self) -> None:
        """Check the values."""
        check.not_negative(
            self,
            diffusion_nm2_s=self.diffusion_nm2_s,
            step_nm=self.step_nm,
            rotation_rad2_s=self.rotation_rad2_s,
        )
        check.number(self, speed_nm_s=self.speed_nm_s, spin_rad_s=self.spin_rad_s)
        object.__setattr__(self, "velocity_nm_s", check.pair(self, "velocity_nm_s", self.velocity_nm_s))
        for name in ("corral_nm", "tether_nm"):
            if getattr(self, name) is not None:
                check.positive(self, **{name: getattr(self, name)})
        if self.tether_nm is not None and self.diffusion_nm2_s == 0:
            raise ParameterError("Motion: tether_nm needs diffusion_nm2_s above 0.")


@dataclass(frozen=True)
class Kinetics:
    """Kinetics of binding, pausing and unbinding, with exponential waiting times.

    Parameters
    ----------
    bind_rate_s
        Arrivals per second: in the whole area for particles that land anywhere or on paths, at each empty
        site for particles on sites; 1/s, >= 0.
    unbind_rate_s
        Departures per particle and second, 1/s, >= 0; the inverse of the mean dwell time.
    pause_rate_s, resume_rate_s
        Rates at which a mobile particle pauses and a paused one resumes, 1/s, >= 0. A particle that is
        present at the beginning is paused with the equilibrium probability.

    Examples
    --------
    >>> Kinetics(bind_rate_s=0.5, unbind_rate_s=0.05).unbind_rate_s
    0.05
    """

    bind_rate_s: float = 0.0
    unbind_rate_s: float = 0.0
    pause_rate_s: float = 0.0
    resume_rate_s: float = 0.0

    def __post_init__(self) -> None:
        check.not_negative(
            self,
            bind_rate_s=self.bind_rate_s,
            unbind_rate_s=self.unbind_rate_s,
            pause_rate_s=self.pause_rate_s,
            resume_rate_s=self.resume_rate_s,
        )


@dataclass(frozen=True)
class Species:
    """Species of particles: shape, number, motion, kinetics and size distribution.

    Parameters
    ----------
    shape
        Shape of a particle of mean size.
    count
        Number of particles at the beginning, >= 0; None for the stationary state (random: each site is occupied with
        the equilibrium probability, elsewhere the number has a Poisson distribution).
    name
        Name in the truth tables.
    motion, kinetics
        Motion, and kinetics of binding, pausing and unbinding.
    size_spread
        Relative standard deviation of the particles' size (log-normal; all lengths scale together), >= 0.
    height_spread
        Additional relative standard deviation of the height, >= 0.
    place
        Where they bind: "anywhere", on the substrate's "paths" (filaments, DNA), along which they then move, or
        on its "sites" (of a lattice).

    Examples
    --------
    >>> from playNano.simulate.shapes import Gaussian
    >>> Species(Gaussian(5.0, 8.0), count=12, motion=Motion(diffusion_nm2_s=60.0)).place
    'anywhere'
    """

    shape: Shape
    count: int | None
    name: str = "particle"
    motion: Motion = field(default_factory=Motion)
    kinetics: Kinetics = field(default_factory=Kinetics)
    size_spread: float = 0.0
    height_spread: float = 0.0
    place: Literal["anywhere", "paths", "sites"] = "anywhere"

    def __post_init__(self) -> None:
        """Check the values."""
        if not isinstance(self.shape, Shape):
            raise ParameterError(f"Species: shape must be one of the shapes, got {self.shape!r}.")
        if self.count is not None:
            check.whole(self, 0, count=self.count)
        elif self.kinetics.unbind_rate_s == 0:
            raise ParameterError("Species: count=None needs kinetics with unbind_rate_s above 0.")
        check.not_negative(self, size_spread=self.size_spread, height_spread=self.height_spread)
        check.one_of(self, "place", self.place, ("anywhere", "paths", "sites"))


@dataclass(frozen=True)
class Dimers:
    """Dimers: two particles in contact merge into one, which later splits again.

    Parameters
    ----------
    merge_rate_s
        Rate at which two particles in contact merge, 1/s, >= 0.
    split_rate_s
        Rate at which a dimer splits, 1/s, >= 0.
    contact_gap_nm
        Gap between two particles below which they are in contact, nm, >= 0.
    volume
        Volume of the dimer relative to that of a particle, > 0: its lengths are those of the particle times the
        cube root of this ratio.

    Examples
    --------
    >>> round(Dimers(merge_rate_s=5.0, split_rate_s=0.2).size, 3)
    1.26
    """

    merge_rate_s: float
    split_rate_s: float
    contact_gap_nm: float = 2.0
    volume: float = 2.0

    def __post_init__(self) -> None:
        check.not_negative(
            self,
            merge_rate_s=self.merge_rate_s,
            split_rate_s=self.split_rate_s,
            contact_gap_nm=self.contact_gap_nm,
        )
        check.positive(self, volume=self.volume)

    @property
    def size(self) -> float:
        """Size of the dimer relative to that of a particle."""
        return math.cbrt(self.volume)


@dataclass(frozen=True)
class Scene:
    """Particles on a substrate.

    Parameters
    ----------
    species
        Species of particles.
    substrate
        Substrate on which they lie.
    exclusion
        Whether particles exclude each other: their contact radius is that of a tenth of their height. Particles
        that find no free position at the beginning or on arrival are left out.
    margin_nm
        Margin by which the area of the particles exceeds the field of view on every side, nm; negative to keep
        them inside. They are reflected at its border.
    dimers
        Whether and how particles of one species form pairs.

    Examples
    --------
    >>> from playNano.simulate.shapes import Gaussian
    >>> Scene((Species(Gaussian(5.0, 8.0), count=3),)).exclusion
    True
    """

    species: tuple[Species, ...]
    substrate: Substrate = field(default_factory=Flat)
    exclusion: bool = True
    margin_nm: float = 0.0
    dimers: Dimers | None = None

    def __post_init__(self) -> None:
        species = (self.species,) if isinstance(self.species, Species) else tuple(self.species)
        if not all(isinstance(s, Species) for s in species):
            raise ParameterError("Scene: species must be Species or a sequence of them.")
        object.__setattr__(self, "species", species)
        check.number(self, margin_nm=self.margin_nm)
        names = [s.name for s in species]
        if len(set(names)) != len(names):
            raise ParameterError(f"Scene: two species have the same name: {names}.")
