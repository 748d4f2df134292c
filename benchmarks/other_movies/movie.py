"""A movie with its truth: particles drawn line by line while they move."""

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from .motion import SUBSTEPS

LONGEST_ABSENCE = 2
"""Frames that a particle may be out of view and keep its identity."""


@dataclass
class Movie:
    """A recorded movie and its truth.

    Attributes
    ----------
    data
        Heights, nm, (frames, height, width).
    truth
        One row for each frame and particle in the world: `frame`, `track_id`, `y`, `x` (px, when the tip passed its
        centre), `y_nm`, `x_nm`, `time_s`, `z_nm` (height of its top above the surface around it), `area_nm2`,
        `extent_nm`, `species`, `angle`, `visible`.
    pixel_nm, interval_s
        Size of a pixel, and time of a frame.
    about
        What was simulated: true diffusion coefficients, rates, noise.
    """

    kind: str
    seed: int
    data: np.ndarray
    truth: pd.DataFrame
    pixel_nm: float
    interval_s: float
    about: dict = field(default_factory=dict)

    @property
    def seen(self):
        """Truth of what is in view."""
        return self.truth[self.truth.visible].reset_index(drop=True)


def film(
    kind, seed, paths, shapes, species, states, ground, instrument, size, pixel_nm, interval_s, about, rng
):
    """Draw particles of `shapes[species[i]]`, `states[frame, i]` times as high, on a surface.

    The surface is `ground(y, x) -> z, joined`; `joined` tells whether particles are embedded in it, so that
    the higher of both is seen, or stand on it.
    """
    n_frames = (len(paths.y) - 1) // SUBSTEPS
    height, width = size
    rows, cols = np.arange(height) * pixel_nm, np.arange(width) * pixel_nm
    below, joined = ground(rows[:, None], cols[None])
    lines = np.arange(height) / height * SUBSTEPS
    data, truth = np.empty((n_frames, height, width), np.float32), []
    for frame in range(n_frames):
        body = np.zeros((height, width))
        for i, which in enumerate(species):
            at = _line_by_line(paths, frame, i, lines)
            shape = replace(shapes[which], height_nm=shapes[which].height_nm * states[frame, i])
            _draw(body, shape, at, rows, cols)
            truth.append(_true_row(frame, i, which, shape, at, rows, paths, interval_s))
        surface = np.maximum(below, body) if joined else below + body
        data[frame] = instrument.record(surface, pixel_nm, frame, rng)
    table = _truth_table(truth, size, pixel_nm)
    return Movie(kind, seed, data, table, pixel_nm, interval_s, about)


def _line_by_line(paths, frame, i, lines):
    """Return y, x, angle and presence of a particle when each line is scanned, (height,)."""
    first = frame * SUBSTEPS
    low = np.floor(lines).astype(int)
    part = lines - low
    now, later = first + low, first + low + 1
    between = [
        values[now, i] * (1 - part) + values[later, i] * part for values in (paths.y, paths.x, paths.angle)
    ]
    jumped = paths.identity[now, i] != paths.identity[later, i]
    y, x, angle = (
        np.where(jumped, v[now, i], b) for v, b in zip((paths.y, paths.x, paths.angle), between, strict=True)
    )
    return y, x, angle, paths.bound[now, i]


def _draw(body, shape, at, rows, cols):
    y, x, angle, bound = at
    far = shape.extent_nm + 3.0
    on = np.flatnonzero(bound & (np.abs(rows - y) < far))
    if not len(on):
        return
    cut = np.flatnonzero((cols > x[on].min() - far) & (cols < x[on].max() + far))
    if not len(cut):
        return
    dy, dx = rows[on, None] - y[on, None], cols[None, cut] - x[on, None]
    cos, sin = np.cos(angle[on, None]), np.sin(angle[on, None])
    z = shape.surface(dx * cos + dy * sin, dy * cos - dx * sin)
    body[np.ix_(on, cut)] = np.maximum(body[np.ix_(on, cut)], z)


def _true_row(frame, i, which, shape, at, rows, paths, interval_s):
    y, x, angle, bound = at
    line = int(np.argmin(np.abs(rows - y)))
    step = frame * SUBSTEPS + int(line / len(rows) * SUBSTEPS)
    return {
        "frame": frame,
        "track_id": int(paths.identity[step, i]),
        "y_nm": y[line],
        "x_nm": x[line],
        "time_s": (frame + line / len(rows)) * interval_s,
        "z_nm": shape.height_nm,
        "area_nm2": shape.area_nm2,
        "extent_nm": shape.extent_nm,
        "species": which,
        "angle": angle[line],
        "bound": bool(bound[line]),
    }


def _truth_table(rows, size, pixel_nm):
    table = pd.DataFrame(rows)
    table["y"], table["x"] = table.y_nm / pixel_nm, table.x_nm / pixel_nm
    inside = table.y.between(-0.5, size[0] - 0.5) & table.x.between(-0.5, size[1] - 0.5)
    table["visible"] = inside & table.bound
    table = table.sort_values(["track_id", "frame"], kind="stable").reset_index(drop=True)
    # Whoever was out of view for long is another one when it comes back.
    seen = table[table.visible]
    new = (seen.track_id.diff() != 0) | (seen.frame.diff() > LONGEST_ABSENCE + 1)
    table["track_id"] = -1
    table.loc[seen.index, "track_id"] = np.cumsum(new.to_numpy()) - 1
    return table.drop(columns="bound")
