"""Tracks of molecules that come, diffuse and leave, as an ideal detector and tracker would give them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from playNano.algorithms.measurement.tracked_movie import Frames, tracked_movie
from playNano.algorithms.measurement.window import Window


@dataclass(frozen=True)
class Scene:
    """Molecules on a field of view; lengths in nm, times in s."""

    rates: tuple[float, ...] = (0.05,)
    shares: tuple[float, ...] = (1.0,)
    n_present: float = 20.0  # within the field
    n_frames: int = 100
    frame_s: float = 0.5
    diffusion: float = 0.0
    missed: float = 0.0
    max_missing: int = 0
    lost: float = 0.0
    field: float = 256.0
    margin: float = 0.0
    localization: float = 0.0


LINES = 128


def simulate(scene: Scene, rng: np.random.Generator):
    """Return the tracked movie, and the true number of arrivals per area and time."""
    side = scene.field + 2 * scene.margin
    duration = scene.n_frames * scene.frame_s
    mean_dwell = sum(s / k for s, k in zip(scene.shares, scene.rates, strict=True))
    per_second = scene.n_present * (side / scene.field) ** 2 / mean_dwell
    before = 12 / min(scene.rates)
    n = rng.poisson(per_second * (duration + before))
    on = rng.uniform(-before, duration, n)
    kind = rng.choice(len(scene.rates), n, p=scene.shares)
    off = on + rng.exponential(1 / np.asarray(scene.rates)[kind])
    here = off > 0
    on, off = on[here], off[here]
    observed = rng.random(scene.n_frames) >= scene.lost
    observed[0] = True
    starts = np.arange(scene.n_frames) * scene.frame_s
    line_s = scene.frame_s / LINES
    pixel = scene.field / LINES
    place = rng.uniform(-scene.margin, scene.field + scene.margin, (on.size, 2))
    step = np.sqrt(2 * scene.diffusion * scene.frame_s)
    rows = []
    for frame in range(scene.n_frames):
        if step:
            place = place + rng.normal(0, step, place.shape)
            place = -scene.margin + np.abs((place + scene.margin + side) % (2 * side) - side)
        time = starts[frame] + np.clip(place[:, 0] / pixel, 0, LINES - 1) * line_s
        seen = (on <= time) & (time < off) & ((place >= 0) & (place < scene.field)).all(axis=1)
        seen &= observed[frame] & (rng.random(on.size) >= scene.missed)
        who = np.flatnonzero(seen)
        noise = rng.normal(0, scene.localization, (who.size, 2)) if scene.localization else 0.0
        at = place[who] + noise
        rows.append(np.column_stack([who, np.full(who.size, frame), time[who], at]))
    table = pd.DataFrame(np.vstack(rows), columns=["molecule", "frame", "time_s", "y_nm", "x_nm"])
    frames = Frames(starts, observed, line_s, LINES, pixel)
    table = _linked(table.astype({"molecule": int, "frame": int}), frames, scene.max_missing)
    window = Window(0.0, scene.field, 0.0, scene.field)
    return tracked_movie(table, frames, window), per_second / side**2


def _linked(table: pd.DataFrame, frames: Frames, max_missing: int) -> pd.DataFrame:
    """Cut the detections of each molecule into tracks where it was missed too often in a row."""
    table = table.sort_values(["molecule", "frame"], kind="stable", ignore_index=True)
    rank = frames.observed_before[table["frame"].to_numpy()]
    molecule = table["molecule"].to_numpy()
    new = np.append(True, (molecule[1:] != molecule[:-1]) | (np.diff(rank) > max_missing + 1))
    return table.assign(track_id=np.cumsum(new) - 1)
