"""Simulated movies with their ground truth."""

from __future__ import annotations

from dataclasses import dataclass, field, is_dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from playNano.core.scan import ScanGeometry
from playNano.simulate import _checks as check
from playNano.simulate.faults import Faults, inject_faults, plan_faults
from playNano.simulate.imaging import apply_feedback
from playNano.simulate.noise import Noise, NoiseGenerator, digitise
from playNano.simulate.scanner import Scanner
from playNano.simulate.scene import Kinetics, Motion, Scene, Species
from playNano.simulate.scene_imager import SceneImager
from playNano.simulate.shapes import Gaussian
from playNano.simulate.tip import Feedback, Tip
from playNano.simulate.truth import (
    truth_table,
)

if TYPE_CHECKING:
    import pandas as pd

    from playNano.afm_stack import AFMImageStack

Image = npt.NDArray[np.float32]

# Number of frames that are propagated and imaged together; it affects the movie that belongs to a seed.
_BLOCK = 8


@dataclass(frozen=True, eq=False)
class SimulatedMovie:
    """A movie and its truth.

    Parameters
    ----------
    data
        The movie as recorded by the instrument, nm, float32 (n_frames, height, width).
    truth
        One row per particle and frame in which the tip passed it: `frame`, `particle`, `time_s` (time at which
        the tip passed its centre), `y`, `x` (px, at that time), `y_nm`, `x_nm`, `z_nm` (height above the
        substrate), `radius_nm` (true radius of the disc with the area above half height, not dilated by the tip),
        `angle_rad`, `state` ("mobile", "paused", "still", "dimer"), `species`.
    pixel_size_nm
        (y, x), nm.
    frame_time_s
        Time from the start of one frame to the start of the next, s.
    scan
        Timing and direction of the scan.
    clean
        The movie of an ideal instrument with this tip, nm, float32, or None if it was not kept.
    retrace
        The retrace, if the scanner records both; else None.
    particles
        One row per particle: its times, sizes and rates.
    events
        One row per event: binding, unbinding, pause, resume, merge, split.
    faults
        One row per injected fault.
    description
        The components of the simulation as values for JSON, and `seed`.
    """

    data: Image
    truth: pd.DataFrame
    pixel_size_nm: tuple[float, float]
    frame_time_s: float
    scan: ScanGeometry
    clean: Image | None
    retrace: Image | None
    particles: pd.DataFrame
    events: pd.DataFrame
    faults: pd.DataFrame
    description: dict[str, Any] = field(default_factory=dict)

    def to_stack(self) -> AFMImageStack:
        """Return the movie as a stack whose first frame starts at 0 s."""
        from playNano.afm_stack import AFMImageStack

        return AFMImageStack(
            self.data,
            self.pixel_size_nm,
            "height_trace",
            "simulated",
            [{"timestamp": f * self.frame_time_s} for f in range(len(self.data))],
            scan=self.scan,
            unit="nm",
            metadata={"simulation": self.description},
        )


def _plain(value: Any) -> Any:
    """Convert a description to JSON types, with the names of the classes."""
    if is_dataclass(value) and not isinstance(value, type):
        fields = {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
        return {"kind": type(value).__name__, **fields}
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, (tuple, list)):
        return [_plain(v) for v in value]
    return value


def simulate_scene(
    scene: Scene,
    scanner: Scanner | None = None,
    *,
    tip: Tip | None = None,
    feedback: Feedback | None = None,
    noise: Noise | None = None,
    faults: Faults | None = None,
    seed: int = 0,
    keep_clean: bool = True,
) -> SimulatedMovie:
    """Simulate the imaging of a scene by high-speed AFM, line by line while the particles move.

    Parameters
    ----------
    scene
        The particles, the substrate and the motion.
    scanner
        The raster; `Scanner()` if None.
    tip
        The tip; a sharp one if None.
    feedback
        The feedback loop; an ideal one without lag if None.
    noise
        Noise of the instrument; none if None.
    faults
        Faults to inject; none if None.
    seed
        Seed of the random numbers, >= 0; the same seed gives the same movie.
    keep_clean
        Whether to keep also the movie without noise, lag and faults.

    Returns
    -------
    SimulatedMovie
        Heights and ground truth.

    Raises
    ------
    ParameterError
        The components are inconsistent, for example particles on paths with a substrate that has none.

    Examples
    --------
    >>> from playNano.simulate.shapes import Rod
    >>> scene = Scene((Species(Rod(3.0, 40.0, 8.0), count=2, motion=Motion(rotation_rad2_s=0.5)),))
    >>> movie = simulate_scene(scene, Scanner(n_frames=3, shape=(32, 32), pixel_size_nm=4.0), seed=1)
    >>> movie.data.shape, len(movie.truth)
    ((3, 32, 32), 6)
    """
    scanner = scanner or Scanner()
    tip, feedback = tip or Tip(), feedback or Feedback()
    noise, faults = noise or Noise(), faults or Faults()
    check.whole("simulate_scene", 0, seed=seed)
    seeds = np.random.SeedSequence(int(seed)).spawn(6)
    imager = SceneImager(scene, scanner, tip, seeds)
    fault_table = plan_faults(faults, scanner, seeds[3])
    ways = (False, True) if scanner.trace == "both" else (scanner.trace == "retrace",)
    generators = [NoiseGenerator(noise, scanner, s, way) for way, s in zip(ways, seeds[4:], strict=False)]
    movies = [np.empty((scanner.n_frames, *scanner.shape), dtype=np.float32) for _ in ways]
    clean = np.empty_like(movies[0]) if keep_clean else None
    for first in range(0, scanner.n_frames, _BLOCK):
        stop = min(first + _BLOCK, scanner.n_frames)
        imaged = imager.block(first, stop, ways)
        if clean is not None:
            clean[first:stop] = imager.as_frames(imaged[0], first)
        for m, way in enumerate(ways):
            part = movies[m][first:stop]
            part[:] = imager.as_frames(apply_feedback(imaged[m], feedback, scanner, way), first)
            generators[m].add(part, first)
            inject_faults(part, first, fault_table, scanner)
            digitise(part, noise)
    parts = {
        "scene": scene,
        "scanner": scanner,
        "tip": tip,
        "feedback": feedback,
        "noise": noise,
        "faults": faults,
    }
    return SimulatedMovie(
        data=movies[0],
        truth=truth_table(imager.passes, scanner),
        pixel_size_nm=scanner.pixel_yx_nm,
        frame_time_s=scanner.frame_time_s,
        scan=scanner.geometry(),
        clean=clean,
        retrace=movies[1] if len(movies) > 1 else None,
        particles=imager.particles(),
        events=imager.events(),
        faults=fault_table,
        description={name: _plain(part) for name, part in parts.items()} | {"seed": int(seed)},
    )


def simulate_movie(
    n_frames: int = 60,
    shape: tuple[int, int] = (128, 128),
    *,
    pixel_size_nm: float | tuple[float, float] = 2.0,
    frame_time_s: float = 0.5,
    n_particles: int = 12,
    height_nm: float = 5.0,
    radius_nm: float = 8.0,
    size_spread: float = 0.05,
    diffusion_nm2_s: float = 60.0,
    appear_rate_s: float | None = None,
    disappear_rate_s: float = 0.02,
    margin_nm: float | None = None,
    tilt_nm: tuple[float, float] = (4.0, -6.0),
    row_offset_nm: float = 0.4,
    noise_nm: float = 0.15,
    slow_axis: str = "down",
    seed: int = 0,
) -> SimulatedMovie:
    """Simulate round particles that diffuse, bind and unbind on a noisy surface with tilt and row offsets.

    Parameters
    ----------
    n_frames, shape
        Number of frames, >= 1, and (height, width) in px.
    pixel_size_nm
        A number or (y, x), nm, > 0.
    frame_time_s
        Time from frame to frame, s, > 0; a line takes frame_time_s / height.
    n_particles
        Number of particles at the beginning, >= 0; fewer if there are not enough free positions.
    height_nm, radius_nm
        Mean height, and mean radius at half the height, nm, > 0.
    size_spread
        Relative standard deviation of the size, >= 0.
    diffusion_nm2_s
        Diffusion coefficient, nm^2/s, >= 0.
    appear_rate_s
        Arrivals per second, >= 0; None balances the departures, so that the number of particles is stationary.
    disappear_rate_s
        Departures per particle and second, 1/s, >= 0.
    margin_nm
        Maximum distance of particles outside the field of view, nm; None keeps them two radii inside.
    tilt_nm
        Rise of the surface over the whole field along (y, x), nm.
    row_offset_nm, noise_nm
        Standard deviation of the offsets of lines and of the noise of pixels, nm, >= 0.
    slow_axis
        "down", "up" or "alternating".
    seed
        Seed of the random numbers, >= 0.

    Returns
    -------
    SimulatedMovie
        Heights and ground truth.

    Raises
    ------
    ParameterError
        A value is outside its limits.

    Examples
    --------
    >>> movie = simulate_movie(n_frames=4, shape=(64, 64), n_particles=3, disappear_rate_s=0.0, seed=3)
    >>> movie.data.shape, movie.truth.groupby("frame").size().tolist()
    ((4, 64, 64), [3, 3, 3, 3])
    """
    check.positive("simulate_movie", height_nm=height_nm, radius_nm=radius_nm)
    check.not_negative("simulate_movie", disappear_rate_s=disappear_rate_s)
    check.whole("simulate_movie", 0, n_particles=n_particles)
    arrivals = n_particles * disappear_rate_s if appear_rate_s is None else appear_rate_s
    species = Species(
        Gaussian(height_nm, radius_nm),
        count=n_particles,
        motion=Motion(diffusion_nm2_s=diffusion_nm2_s),
        kinetics=Kinetics(bind_rate_s=arrivals, unbind_rate_s=disappear_rate_s),
        size_spread=size_spread,
    )
    return simulate_scene(
        Scene((species,), margin_nm=-2.0 * radius_nm if margin_nm is None else margin_nm),
        Scanner(n_frames, shape, pixel_size_nm, frame_time_s, slow_axis=slow_axis),  # type: ignore[arg-type]
        noise=Noise(pixel_nm=noise_nm, row_offset_nm=row_offset_nm, tilt_nm=tilt_nm),
        seed=seed,
    )
