"""Propagation and imaging of a scene, in blocks of frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from playNano.errors import ParameterError
from playNano.simulate.imaging import (
    SubstrateHeights,
    detect_encounters,
    field_of_view,
    image_lines,
    lateral_drift,
)
from playNano.simulate.motion import Trajectories
from playNano.simulate.population import populate
from playNano.simulate.scanner import Scanner
from playNano.simulate.scene import Scene
from playNano.simulate.templates import tabulate
from playNano.simulate.tip import Tip
from playNano.simulate.truth import (
    Columns,
    DimerChange,
    dimer_changes,
    event_table,
    particle_table,
    tip_passes,
)

if TYPE_CHECKING:
    import pandas as pd

Image = npt.NDArray[np.float32]


class SceneImager:
    """Propagate a scene in time and image it, in blocks of frames.

    Parameters
    ----------
    scene
        The particles, the substrate and the motion.
    scanner
        The raster.
    tip
        The tip.
    seeds
        Seeds of the lateral drift, of the population and of the motion.

    Attributes
    ----------
    passes
        Columns of the truth table, one entry for each block imaged so far.

    Raises
    ------
    ParameterError
        The margin leaves no area, or a species needs paths or sites that the substrate does not have.
    """

    def __init__(self, scene: Scene, scanner: Scanner, tip: Tip, seeds: list[np.random.SeedSequence]) -> None:
        """Draw drift, substrate and population, and tabulate the particles."""
        self._scene, self._scanner = scene, scanner
        self._starts = np.append(scanner.line_starts_s(0, scanner.n_frames), scanner.duration_s)
        self._drift = lateral_drift(scanner, self._starts, seeds[0])
        view = field_of_view(scanner)
        area = view.grown(scene.margin_nm)
        if area.top > area.bottom or area.left > area.right:
            raise ParameterError(
                f"Scene: margin_nm={scene.margin_nm} leaves no area within the field of view."
            )
        margin = float(np.abs(self._drift).max()) + max(scene.margin_nm, 0.0) + 2 * max(scanner.pixel_yx_nm)
        rng = np.random.default_rng(seeds[1])
        surface = scene.substrate.lay_out(view.grown(margin), min(scanner.pixel_yx_nm) / 2, rng)
        self._population = populate(scene, area, surface, scanner.duration_s, rng)
        self._substrate = SubstrateHeights(surface, tip)
        self._templates = tabulate(
            scene, self._population, tip, self._substrate.range_nm, min(scanner.pixel_yx_nm)
        )
        self._trajectories = Trajectories(scene, self._population, area, surface, seeds[2])
        self._dimer_changes: list[DimerChange] = []
        self.passes: list[Columns] = []

    def block(self, first: int, stop: int, ways: tuple[bool, ...]) -> list[Image]:
        """Propagate the scene over some frames and image them.

        Parameters
        ----------
        first, stop
            Frames [first, stop); blocks must be requested in order.
        ways
            For each requested pass (trace, retrace or both), whether it is the retrace.

        Returns
        -------
        list of numpy.ndarray
            Ideal lines of each pass in the order of scanning, nm, float32, (lines, width).
        """
        h = self._scanner.shape[0]
        lines, fence = slice(first * h, stop * h), slice(first * h, stop * h + 1)
        segment = self._trajectories.advance(self._starts[fence])
        self._dimer_changes += dimer_changes(segment)
        rows = np.concatenate([self._scanner.row_order(f) for f in range(first, stop)])
        on, off = self._population.on_s[segment.ids], self._trajectories.state.off_s[segment.ids]
        template = self._templates.of_particle[segment.ids]
        imaged = []
        for way in ways:
            encounters = detect_encounters(segment, self._drift[fence], self._scanner, on, off, way)
            imaged.append(
                image_lines(
                    encounters,
                    rows,
                    self._drift[lines],
                    self._scanner,
                    self._templates,
                    template,
                    self._substrate,
                )
            )
            if way == ways[0]:
                self.passes.append(
                    tip_passes(
                        encounters,
                        segment,
                        first,
                        self._scanner,
                        self._scene,
                        self._population,
                        self._templates,
                    )
                )
        return imaged

    def as_frames(self, lines: Image, first: int) -> Image:
        """Sort lines from the order of scanning into images, row 0 on top.

        Parameters
        ----------
        lines
            Lines of whole frames in the order of scanning, (lines, width).
        first
            Index of the first frame.

        Returns
        -------
        numpy.ndarray
            Frames, (n, height, width).
        """
        frames = lines.reshape(-1, *self._scanner.shape)
        return np.stack([f[np.argsort(self._scanner.row_order(first + k))] for k, f in enumerate(frames)])

    def particles(self) -> pd.DataFrame:
        """Return the table of particles."""
        state = self._trajectories.state
        return particle_table(self._scene, self._population, state.off_s, state.landed, self._templates)

    def events(self) -> pd.DataFrame:
        """Return the table of events."""
        state = self._trajectories.state
        return event_table(
            self._population, state.off_s, state.landed, self._dimer_changes, self._scanner.duration_s
        )
