"""Tables of the ground truth: particles in frames, particles, events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from playNano.simulate.imaging import Encounters
from playNano.simulate.motion import Segment
from playNano.simulate.population import Population
from playNano.simulate.scanner import Scanner
from playNano.simulate.scene import Scene
from playNano.simulate.templates import Templates

if TYPE_CHECKING:
    import pandas as pd

FloatArray = npt.NDArray[np.float64]
Columns = dict[str, npt.NDArray[Any]]
DimerChange = tuple[float, str, int, int]
"""A merge or split: (time_s, kind, particle, partner)."""

TRUTH_COLUMNS = (
    "frame", "particle", "time_s", "y", "x", "y_nm", "x_nm", "z_nm", "radius_nm", "angle_rad", "state",
    "species",
)  # fmt: skip


def tip_passes(
    encounters: Encounters, segment: Segment, first_frame: int, scanner: Scanner, scene: Scene,
    population: Population, templates: Templates,
) -> Columns:  # fmt: skip
    """List the particles that the tip passed in every frame, with time and position of the pass.

    The tip passes a centre between the first two lines that lie on either side of it. A particle that arrives
    after the tip has passed, or leaves before, is not in the frame.

    Parameters
    ----------
    encounters, segment
        Particles on every line of a block of frames.
    first_frame
        Index of the block's first frame.
    scanner, scene, population, templates
        The raster, the species, their particles and their heights.

    Returns
    -------
    dict
        Columns of the truth table; `y`, `x` in px.
    """
    h, w = scanner.shape
    k = len(segment.ids)
    n_frames = len(encounters.time_s) // h
    shape = (n_frames, h, k)
    orders = np.array([scanner.row_order(first_frame + f) for f in range(n_frames)]).reshape(n_frames, h)
    way = np.where(orders[:, -1] > orders[:, 0], 1.0, -1.0)[:, None, None]
    there = encounters.shown.reshape(shape) > 0
    ahead = way * (orders[:, :, None] - encounters.y_px.reshape(shape))
    begins = there[:, :1] & (ahead[:, :1] >= 0) & (ahead[:, :1] <= 0.5)
    between = there[:, 1:] & there[:, :-1] & (ahead[:, :-1] < 0) & (ahead[:, 1:] >= 0)
    ends = there[:, -1:] & (ahead[:, -1:] < 0) & (ahead[:, -1:] > -0.5)
    crossing = np.concatenate([begins, between, ends], axis=1)
    frame, column = np.nonzero(crossing.any(axis=1))
    at = crossing.argmax(axis=1)[frame, column]
    after, before = np.minimum(at, h - 1), np.maximum(np.minimum(at - 1, h - 1), 0)
    a, b = ahead[frame, before, column], ahead[frame, after, column]
    fraction = np.where((at > 0) & (at < h), -a / np.where(b > a, b - a, 1.0), 1.0)

    def at_pass(values: FloatArray) -> FloatArray:
        """Interpolate values between the two lines on either side of the centre."""
        values = values.reshape(shape)
        low, high = values[frame, before, column], values[frame, after, column]
        return np.asarray(low + (high - low) * fraction)

    x = at_pass(encounters.x_px)
    keep = (x >= -0.5) & (x < w - 0.5)
    frame, column, after, fraction = frame[keep], column[keep], after[keep], fraction[keep]
    before = before[keep]
    line = frame * h + after
    pair = encounters.shown[line, column] == 2
    ids = segment.ids[column]
    return {
        "frame": frame + first_frame,
        "particle": ids,
        "time_s": at_pass(encounters.time_s),
        "y": at_pass(encounters.y_px),
        "x": x[keep],
        "z_nm": templates.z_nm[ids, pair.astype(int)],
        "radius_nm": templates.radius_nm[ids, pair.astype(int)],
        "angle_rad": at_pass(encounters.angle_rad) % (2 * np.pi),
        "state": _states(pair, segment.moving[line, column], population.species[ids], scene),
        "species": np.array([s.name for s in scene.species] or [""], dtype=object)[population.species[ids]],
    }


def _states(
    pair: npt.NDArray[np.bool_], moving: npt.NDArray[np.bool_], kind: npt.NDArray[np.int64], scene: Scene
) -> npt.NDArray[np.object_]:
    """Return the state of each particle: "mobile", "paused", "still" or "dimer"."""
    motions = [s.motion for s in scene.species]
    moves = np.array(
        [m.diffusion_nm2_s > 0 or m.speed_nm_s != 0 or any(m.velocity_nm_s) for m in motions] + [False]
    )
    state = np.where(moves[kind], np.where(moving, "mobile", "paused"), "still").astype(object)
    state[pair] = "dimer"
    return state


def truth_table(blocks: list[Columns], scanner: Scanner) -> pd.DataFrame:
    """Join the columns of all blocks into the truth table, sorted by frame and particle.

    Parameters
    ----------
    blocks
        Columns of each block of frames, as `tip_passes` returns them.
    scanner
        The raster, for the pixel size.
    """
    import pandas as pd

    py, px = scanner.pixel_yx_nm
    table = pd.DataFrame({name: np.concatenate([b[name] for b in blocks]) for name in blocks[0]})
    table["y_nm"], table["x_nm"] = table["y"] * py, table["x"] * px
    for name in ("state", "species"):
        table[name] = table[name].astype("str")
    return table[list(TRUTH_COLUMNS)].sort_values(["frame", "particle"], ignore_index=True)


def dimer_changes(segment: Segment) -> list[DimerChange]:
    """List the merges and splits of a segment, each under the visible particle.

    Parameters
    ----------
    segment
        Trajectories of a block of frames.
    """
    events = []
    before, after = segment.partner[:-1], segment.partner[1:]
    for step, column in zip(*np.nonzero(before != after), strict=True):
        particle = int(segment.ids[column])
        time = float(segment.times_s[step + 1])
        if after[step, column] >= 0 and segment.shown[step + 1, column] == 2:
            events.append((time, "merge", particle, int(after[step, column])))
        elif before[step, column] >= 0 and after[step, column] < 0 and segment.shown[step, column] == 2:
            events.append((time, "split", particle, int(before[step, column])))
    return events


def event_table(
    population: Population,
    off_s: FloatArray,
    landed: npt.NDArray[np.bool_],
    changes: list[DimerChange],
    duration_s: float,
) -> pd.DataFrame:
    """List the events of all particles: bind, unbind, pause, resume, merge, split.

    Parameters
    ----------
    population
        The particles.
    off_s
        Times of departure, s, including those at the end of a path.
    landed
        Whether each of them found a free position on arrival.
    changes
        Merges and splits.
    duration_s
        Length of the movie, s.

    Returns
    -------
    pandas.DataFrame
        `time_s` (exact for bind, unbind, pause and resume, to within a line for merge and split), `kind`,
        `particle`, `partner` (-1 for none), sorted by time.
    """
    import pandas as pd

    rows = list(changes)
    for i in np.flatnonzero(landed):
        if population.on_s[i] >= 0:
            rows.append((float(population.on_s[i]), "bind", int(i), -1))
        if off_s[i] <= duration_s:
            rows.append((float(off_s[i]), "unbind", int(i), -1))
        paused = bool(population.paused_first[i])
        for moment in population.switches[i]:
            if moment < off_s[i]:
                rows.append((float(moment), "resume" if paused else "pause", int(i), -1))
            paused = not paused
    table = pd.DataFrame(rows, columns=["time_s", "kind", "particle", "partner"])
    return table.sort_values(["time_s", "particle"], ignore_index=True)


def particle_table(
    scene: Scene,
    population: Population,
    off_s: FloatArray,
    landed: npt.NDArray[np.bool_],
    templates: Templates,
) -> pd.DataFrame:
    """List the particles that landed.

    Parameters
    ----------
    scene
        The species.
    population
        The particles.
    off_s
        Times of departure, s, (n,).
    landed
        Whether each of them found a free position on arrival, (n,).
    templates
        Their true heights and radii.

    Returns
    -------
    pandas.DataFrame
        `particle`, `species`, `on_s` (-inf for those present at the beginning), `off_s` (inf for those that
        stay), `z_nm`, `radius_nm` (true, alone), `diffusion_nm2_s`, `speed_nm_s`, `unbind_rate_s`.
    """
    import pandas as pd

    ids = np.flatnonzero(landed)
    kinds = [scene.species[k] for k in population.species[ids]]
    return pd.DataFrame(
        {
            "particle": ids,
            "species": pd.Series([k.name for k in kinds], dtype="str"),
            "on_s": population.on_s[ids],
            "off_s": off_s[ids],
            "z_nm": templates.z_nm[ids, 0],
            "radius_nm": templates.radius_nm[ids, 0],
            "diffusion_nm2_s": np.array([k.motion.diffusion_nm2_s for k in kinds], dtype=float),
            "speed_nm_s": np.array([k.motion.speed_nm_s for k in kinds], dtype=float),
            "unbind_rate_s": np.array([k.kinetics.unbind_rate_s for k in kinds], dtype=float),
        }
    )
