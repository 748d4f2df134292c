"""Predefined scenes: typical applications of high-speed AFM with typical faults."""

from __future__ import annotations

import difflib
import math
from dataclasses import dataclass, field, fields, replace
from typing import Any

from playNano.errors import ParameterError, UnknownNameError
from playNano.simulate.faults import Faults
from playNano.simulate.movie import SimulatedMovie, simulate_scene
from playNano.simulate.noise import Noise
from playNano.simulate.scanner import Scanner
from playNano.simulate.scene import Dimers, Kinetics, Motion, Scene, Species
from playNano.simulate.shapes import Gaussian, Rod, SphericalCap, Torus
from playNano.simulate.substrate import Lattice, Strands
from playNano.simulate.tip import Feedback, Tip

_PARTS = ("scene", "scanner", "tip", "feedback", "noise", "faults")


@dataclass(frozen=True)
class Preset:
    """Scene together with the instrument that images it.

    Parameters
    ----------
    summary
        Description in one sentence.
    scene, scanner, tip, feedback, noise, faults
        The components, as `simulate_scene` takes them.

    Examples
    --------
    >>> PRESETS["crowded"].with_changes(n_frames=10).scanner.n_frames
    10
    """

    summary: str
    scene: Scene
    scanner: Scanner
    tip: Tip = field(default_factory=Tip)
    feedback: Feedback = field(default_factory=Feedback)
    noise: Noise = field(default_factory=Noise)
    faults: Faults = field(default_factory=Faults)

    def with_changes(self, **changes: Any) -> Preset:
        """Return a copy of the preset with other components, or other fields of its components.

        Parameters
        ----------
        **changes
            A component by its name (``noise=Noise()``), or a field of a component by the field's name
            (``n_frames=50``, ``pixel_nm=0.2``, ``torn_frames=(7,)``).

        Returns
        -------
        Preset
            A new one.

        Raises
        ------
        ParameterError
            No component has such a field; the message names the closest one.
        """
        new = {name: changes.pop(name) for name in _PARTS if name in changes}
        for name, value in changes.items():
            for part_name in _PARTS:
                part = new.get(part_name, getattr(self, part_name))
                if name in {f.name for f in fields(part)}:
                    new[part_name] = replace(part, **{name: value})
                    break
            else:
                known = [f.name for part in _PARTS for f in fields(getattr(self, part))] + list(_PARTS)
                close = difflib.get_close_matches(name, known, 1)
                hint = (
                    f"; did you mean {close[0]!r}?" if close else f"; known are {', '.join(sorted(known))}."
                )
                raise ParameterError(f"A preset has no {name!r}{hint}")
        return replace(self, **new)


PRESETS: dict[str, Preset] = {
    "membrane diffusion": Preset(
        "Proteins that diffuse in a supported membrane, halt now and then, and form dimers.",
        Scene(
            (
                Species(
                    Gaussian(height_nm=3.5, half_width_nm=5.0),
                    count=22,
                    name="protein",
                    motion=Motion(diffusion_nm2_s=120.0),
                    kinetics=Kinetics(
                        bind_rate_s=0.4, unbind_rate_s=0.02, pause_rate_s=0.05, resume_rate_s=0.25
                    ),
                    size_spread=0.05,
                ),
            ),
            margin_nm=20.0,
            dimers=Dimers(merge_rate_s=2.0, split_rate_s=0.2),
        ),
        Scanner(n_frames=100, shape=(128, 128), pixel_size_nm=2.0, frame_time_s=0.3, line_turn=0.1),
        Tip("parabolic", radius_nm=3.0),
        Feedback(time_constant_s=3e-6, fall_nm_s=1.5e5),
        Noise(
            pixel_nm=0.12,
            pixel_autocorrelation=0.5,
            pink_nm=0.1,
            row_offset_nm=0.15,
            tilt_nm=(3.0, -4.0),
            bow_nm=(0.5, 1.0),
            tilt_walk_nm=0.02,
            sink_walk_nm=0.1,
            adc_step_nm=0.02,
        ),
        Faults(scars_per_frame=0.2, scar_nm=2.0),
    ),
    "molecular motors": Preset(
        "Motors that step along filaments, one way, until they let go or reach the end.",
        Scene(
            (
                Species(
                    SphericalCap(height_nm=5.0, base_radius_nm=8.0),
                    count=8,
                    name="motor",
                    motion=Motion(speed_nm_s=40.0, step_nm=8.0),
                    kinetics=Kinetics(
                        bind_rate_s=0.9, unbind_rate_s=0.06, pause_rate_s=0.1, resume_rate_s=0.5
                    ),
                    place="paths",
                ),
            ),
            substrate=Strands(
                count=5, height_nm=4.0, width_nm=9.0, length_nm=600.0, persistence_nm=2e4, angle_rad=0.25
            ),
        ),
        Scanner(n_frames=100, shape=(100, 200), pixel_size_nm=(2.5, 2.5), frame_time_s=0.25),
        Tip("parabolic", radius_nm=2.0),
        Feedback(time_constant_s=3e-6, fall_nm_s=1.5e5),
        Noise(
            pixel_nm=0.2,
            pixel_autocorrelation=0.3,
            row_offset_nm=0.2,
            tilt_nm=(-2.0, 3.0),
            sink_walk_nm=0.1,
            adc_step_nm=0.02,
        ),
    ),
    "DNA binding": Preset(
        "Proteins that land on DNA, slide along it and leave; ring-shaped ones lie on the mica.",
        Scene(
            (
                Species(
                    Gaussian(height_nm=4.0, half_width_nm=5.0),
                    count=6,
                    name="slider",
                    motion=Motion(diffusion_nm2_s=300.0),
                    kinetics=Kinetics(bind_rate_s=0.3, unbind_rate_s=0.05),
                    size_spread=0.08,
                    place="paths",
                ),
                Species(
                    Torus(height_nm=2.5, rim_radius_nm=6.0, rim_width_nm=5.0),
                    count=3,
                    name="clamp",
                    motion=Motion(diffusion_nm2_s=10.0, tether_nm=4.0),
                    kinetics=Kinetics(bind_rate_s=0.03, unbind_rate_s=0.01),
                ),
            ),
            substrate=Strands(count=4, height_nm=1.5, width_nm=5.0, length_nm=400.0, persistence_nm=50.0),
            margin_nm=-10.0,
        ),
        Scanner(n_frames=80, shape=(150, 150), pixel_size_nm=2.0, frame_time_s=0.5, drift_nm_s=(0.1, -0.2)),
        Tip("parabolic", radius_nm=2.0),
        Feedback(time_constant_s=3e-6),
        Noise(
            pixel_nm=0.12,
            pixel_autocorrelation=0.4,
            pink_nm=0.1,
            streaks_per_line=0.1,
            streak_nm=0.4,
            row_offset_nm=0.15,
            tilt_nm=(2.0, 3.0),
            adc_step_nm=0.02,
        ),
        Faults(scars_per_frame=0.2, scar_nm=2.0, blank_frames=(41,), torn_frames=(40,)),
    ),
    "2-D lattice with defects": Preset(
        "A crystal of proteins in which molecules leave their sites and others fill them again.",
        Scene(
            (
                Species(
                    Gaussian(height_nm=1.8, half_width_nm=2.6),
                    count=None,
                    name="molecule",
                    kinetics=Kinetics(bind_rate_s=0.1, unbind_rate_s=0.008),
                    size_spread=0.02,
                    place="sites",
                ),
            ),
            substrate=Lattice(period_nm=(9.0, 9.0), angle_rad=math.pi / 3, turn_rad=0.15),
            exclusion=False,
            margin_nm=6.0,
        ),
        Scanner(
            n_frames=60,
            shape=(128, 128),
            pixel_size_nm=0.75,
            frame_time_s=1.0,
            slow_axis="alternating",
            drift_nm_s=(0.02, 0.03),
            drift_walk_nm2_s=0.005,
        ),
        Tip("conical", radius_nm=1.5, half_angle_deg=20.0),
        Feedback(time_constant_s=1e-5),
        Noise(
            pixel_nm=0.1,
            pixel_autocorrelation=0.6,
            pink_nm=0.1,
            row_offset_nm=0.1,
            tilt_nm=(1.0, 2.0),
            bow_nm=(0.0, 0.5),
        ),
    ),
    "crowded": Preset(
        "So many particles that they push each other about: round ones and rods.",
        Scene(
            (
                Species(
                    Gaussian(height_nm=4.0, half_width_nm=5.0),
                    count=190,
                    name="ball",
                    motion=Motion(diffusion_nm2_s=60.0),
                    size_spread=0.15,
                    height_spread=0.1,
                ),
                Species(
                    Rod(height_nm=3.0, length_nm=28.0, width_nm=9.0),
                    count=16,
                    name="rod",
                    motion=Motion(diffusion_nm2_s=20.0, rotation_rad2_s=0.3),
                ),
            ),
            margin_nm=15.0,
        ),
        Scanner(n_frames=60, shape=(192, 192), pixel_size_nm=2.0, frame_time_s=0.4, slow_axis="up"),
        Tip("parabolic", radius_nm=2.0),
        Feedback(time_constant_s=3e-6, fall_nm_s=2e5),
        Noise(pixel_nm=0.15, pixel_autocorrelation=0.3, row_offset_nm=0.2, tilt_nm=(4.0, 2.0)),
        Faults(scars_per_frame=0.5, scar_nm=2.0),
    ),
}


def preset(name: str) -> Preset:
    """Return a preset by its name.

    Parameters
    ----------
    name
        One of `PRESETS`.

    Returns
    -------
    Preset
        The components of the simulation.

    Raises
    ------
    UnknownNameError
        There is no such preset; the message lists them.

    Examples
    --------
    >>> preset("molecular motors").summary
    'Motors that step along filaments, one way, until they let go or reach the end.'
    """
    if name not in PRESETS:
        raise UnknownNameError(
            f"There is no preset {name!r}; the presets are " + ", ".join(map(repr, PRESETS)) + "."
        )
    return PRESETS[name]


def simulate_preset(name: str, *, seed: int = 0, keep_clean: bool = True, **changes: Any) -> SimulatedMovie:
    """Simulate a movie of a preset.

    Parameters
    ----------
    name
        One of `PRESETS`: "membrane diffusion", "molecular motors", "DNA binding", "2-D lattice with defects",
        "crowded".
    seed
        Seed of the random numbers, >= 0.
    keep_clean
        Whether to keep also the movie without noise, lag and faults.
    **changes
        Components, or fields of components, to replace: see `Preset.with_changes`.

    Returns
    -------
    SimulatedMovie
        Heights and ground truth.

    Raises
    ------
    UnknownNameError
        There is no such preset.
    ParameterError
        A change has an unknown name or an invalid value.

    Examples
    --------
    >>> movie = simulate_preset("membrane diffusion", n_frames=3, shape=(64, 64), seed=1)
    >>> movie.data.shape
    (3, 64, 64)
    """
    parts = preset(name).with_changes(**changes)
    return simulate_scene(
        parts.scene,
        parts.scanner,
        tip=parts.tip,
        feedback=parts.feedback,
        noise=parts.noise,
        faults=parts.faults,
        seed=seed,
        keep_clean=keep_clean,
    )
