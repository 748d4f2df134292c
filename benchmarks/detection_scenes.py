"""Movies of known content for detection, drawn by a simulator that shares nothing with `playNano.simulate`.

Each kind is a function of a seed that returns a `Scene`: the movie as recorded, the same without the surface under
it (tilt, bow, offsets of the lines), and the objects of each frame. Lines are scanned one after another while the
objects move; the tip comes down slowly behind a high edge (parachuting); the noise is correlated along the lines.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter, gaussian_filter1d
from scipy.signal import lfilter

PIXEL_NM = 2.0
SUBSTEPS = 8


@dataclass
class Species:
    """Objects of one kind.

    Attributes
    ----------
    shape
        "disc", "cap", "rod", "dimer", "annulus" or "box".
    height_nm
        Height of the top, negative for pits.
    radius
        Radius, or half of the short side, px.
    count
        Number of objects.
    step_px
        Standard deviation of the displacement between frames, along each axis, px.
    long
        Half of the long side, px, of rods and boxes.
    places
        Positions (y, x) of the objects, px; None draws them.
    angle
        Direction of the long side, rad; None draws it.
    """

    shape: str
    height_nm: float
    radius: float
    count: int = 0
    step_px: float = 1.5
    long: float = 0.0
    places: np.ndarray | None = None
    angle: float | None = None

    @property
    def extent(self):
        """Radius of the circle around an object, px."""
        return max(self.radius, self.long) + (self.radius * 0.6 if self.shape == "dimer" else 0.0)


@dataclass
class Scene:
    """A simulated movie and its truth.

    Attributes
    ----------
    name
        Name of the kind.
    recorded, levelled
        (n, h, w) float32, nm: with and without the surface under the objects.
    truth
        One row an object and frame: ``frame, y, x`` (px), ``height_nm, radius``, ``inside``, whether all of it is in
        the frame, and ``particle``, its number.
    ignored
        (h, w) bool: pixels where a detection counts neither as right nor as wrong (a terrace).
    """

    name: str
    recorded: np.ndarray
    levelled: np.ndarray
    truth: pd.DataFrame
    ignored: np.ndarray = field(default_factory=lambda: np.zeros((1, 1), bool))


@dataclass
class Instrument:
    """What the microscope adds: all lengths in nm, over a frame or a pixel.

    Attributes
    ----------
    noise_nm, correlation
        Standard deviation of the noise of pixels, and its lag-1 correlation along a line.
    slow_nm
        Standard deviation of the slow (1/f) noise.
    line_nm
        Standard deviation of the offsets of the lines.
    descent_nm
        How far the tip comes down a pixel.
    drift_px
        Drift of the sample a frame.
    streaks
        Mean number of disturbed lines a frame.
    """

    noise_nm: float = 0.15
    correlation: float = 0.35
    slow_nm: float = 0.05
    line_nm: float = 0.15
    descent_nm: float = 2.0
    drift_px: float = 0.15
    streaks: float = 0.0


def profile(species, dy, dx, angle):
    """Return the height of an object, as a fraction, at distances (dy, dx) px from its centre."""
    along = dx * np.cos(angle) + dy * np.sin(angle)
    across = -dx * np.sin(angle) + dy * np.cos(angle)
    r = species.radius

    def edge(outside):
        """Fall from 1 to 0 over the two pixels around an edge."""
        return np.clip(0.5 - outside / 2, 0, 1)

    if species.shape == "disc":
        return edge(np.hypot(along, across) - r)
    if species.shape == "cap":
        return np.clip(1 - (along**2 + across**2) / (1.25 * r) ** 2, 0, 1)
    if species.shape == "rod":
        past = np.maximum(np.abs(along) - (species.long - r), 0)
        return np.sqrt(np.clip(1 - (past**2 + across**2) / r**2, 0, 1))
    if species.shape == "dimer":
        half = 0.6 * r
        left, right = ((along + s * half) ** 2 + across**2 for s in (-1, 1))
        return np.clip(1 - np.minimum(left, right) / r**2, 0, 1)
    if species.shape == "annulus":
        d = np.hypot(along, across)
        return np.maximum(np.exp(-0.5 * ((d - 0.65 * r) / (0.2 * r)) ** 2), 0.3 * edge(d - 0.65 * r))
    if species.shape == "box":
        return edge(np.maximum(np.abs(along) - species.long, np.abs(across) - r))
    raise ValueError(species.shape)


def trajectories(rng, all_species, shape, n_frames, gap=3.0):
    """Return per species the positions (substep, object, 2) and angles (substep, object); objects do not overlap."""
    steps = n_frames * SUBSTEPS + 1
    extents = (
        np.concatenate([np.full(_count(s), s.extent) for s in all_species]) if all_species else np.empty(0)
    )
    fixed = (
        np.concatenate([np.full(_count(s), s.places is not None) for s in all_species]) if all_species else []
    )
    size = np.array(shape)
    here = np.empty((len(extents), 2))
    i = 0
    for s in all_species:
        for k in range(_count(s)):
            for _ in range(4000):
                place = s.places[k] if s.places is not None else rng.uniform(0, size)
                apart = np.hypot(*(here[:i] - place).T) > extents[:i] + extents[i] + gap
                if s.places is not None or apart.all():
                    break
            else:
                raise RuntimeError("no place for another object")
            here[i] = place
            i += 1
    sd = np.concatenate([np.full(_count(s), s.step_px) for s in all_species]) / np.sqrt(SUBSTEPS)
    turn = np.concatenate(
        [
            rng.uniform(0, np.pi, _count(s)) if s.angle is None else np.full(_count(s), s.angle)
            for s in all_species
        ]
    )
    turning = np.concatenate([np.full(_count(s), s.angle is None and s.step_px > 0) for s in all_species])
    path, angle = np.empty((steps, len(extents), 2)), np.empty((steps, len(extents)))
    for t in range(steps):
        path[t], angle[t] = here, turn
        for i in range(len(extents)):
            if sd[i] == 0:
                continue
            new = here[i] + rng.normal(0, sd[i], 2)
            others = np.arange(len(extents)) != i
            clear = np.hypot(*(here[others] - new).T) > extents[others] + extents[i] + gap
            near = np.hypot(*(here[others] - here[i]).T) <= extents[others] + extents[i] + gap
            if (clear | near).all() and (new > -2).all() and (new < size + 1).all():
                here[i] = new
        turn = turn + turning * rng.normal(0, 0.1 / np.sqrt(SUBSTEPS), len(extents))
    del fixed
    return path, angle


def _count(species):
    return species.count if species.places is None else len(species.places)


def draw(name, seed, all_species, *, shape=(128, 128), n_frames=12, instrument=None, base=None, ignored=None):
    """Simulate a movie; ``base`` is the height (h, w) of terraces under the objects."""
    rng = np.random.default_rng([seed, sum(map(ord, name))])
    instrument = instrument or Instrument()
    base = np.zeros(shape) if base is None else base
    rows, cols = np.mgrid[: shape[0], : shape[1]].astype(float)
    path, angle = trajectories(rng, all_species, shape, n_frames) if all_species else (None, None)
    drift = np.cumsum(rng.normal(0, 1, (n_frames, 2)) * 0.3 + 1, axis=0) * instrument.drift_px / np.sqrt(2)
    kind = np.repeat(np.arange(len(all_species)), [_count(s) for s in all_species])
    frames, truth = np.empty((n_frames, *shape)), []
    for f in range(n_frames):
        up, down = np.zeros(shape), np.zeros(shape)
        moment = f * SUBSTEPS + rows[:, 0] / shape[0] * SUBSTEPS
        for i, k in enumerate(kind):
            s = all_species[k]
            at = [np.interp(moment, np.arange(len(path)), path[:, i, a]) for a in (0, 1)]
            moving = drift[f] if s.step_px > 0 else 0 * drift[f]
            y, x = at[0] + moving[0], at[1] + moving[1]
            turn = np.interp(moment, np.arange(len(path)), angle[:, i])
            part = s.height_nm * profile(s, rows - y[:, None], cols - x[:, None], turn[:, None])
            if s.height_nm > 0:
                np.maximum(up, part, out=up)
            else:
                np.minimum(down, part, out=down)
            # Where the scan line meets the centre.
            row = int(np.argmin(np.abs(np.arange(shape[0]) - y)))
            extent = s.extent
            inside = extent < y[row] < shape[0] - 1 - extent and extent < x[row] < shape[1] - 1 - extent
            if -extent < y[row] < shape[0] + extent and -extent < x[row] < shape[1] + extent:
                truth.append((f, y[row], x[row], s.height_nm, extent, bool(inside), i))
        frames[f] = base + up + down
    frames = scanned(frames, instrument.descent_nm)
    frames += noise(rng, frames.shape, instrument)
    surface = background(rng, frames.shape, instrument)
    table = pd.DataFrame(truth, columns=["frame", "y", "x", "height_nm", "radius", "inside", "particle"])
    ignored = np.zeros(shape, bool) if ignored is None else ignored
    return Scene(name, (frames + surface).astype(np.float32), frames.astype(np.float32), table, ignored)


def scanned(frames, descent):
    """Return what the tip records: it comes down by at most ``descent`` a pixel, and blurs by half a pixel."""
    out = frames.copy()
    for x in range(1, frames.shape[2]):
        out[:, :, x] = np.maximum(frames[:, :, x], out[:, :, x - 1] - descent)
    return gaussian_filter(out, (0, 0.5, 0.5))


def noise(rng, shape, instrument):
    """Return correlated and slow noise, and disturbed lines."""
    rho = instrument.correlation
    white = rng.normal(0, instrument.noise_nm * np.sqrt(1 - rho**2), shape)
    fast = lfilter([1.0], [1.0, -rho], white, axis=2)
    slow = rng.normal(0, 1, (shape[0], shape[1] * shape[2]))
    slow = gaussian_filter1d(slow, 6, axis=1) * np.sqrt(2 * 6 * np.sqrt(np.pi))
    out = fast + instrument.slow_nm * slow.reshape(shape)
    for f in range(shape[0]):
        for _ in range(rng.poisson(instrument.streaks)):
            row, start, length = rng.integers(shape[1]), rng.integers(shape[2] - 10), rng.integers(10, 50)
            out[f, row, start : start + length] += rng.choice([-1, 1]) * rng.uniform(0.8, 3)
    return out


def background(rng, shape, instrument):
    """Return tilt, bow and offsets of the lines."""
    n, h, w = shape
    y, x = np.linspace(-1, 1, h)[:, None], np.linspace(-1, 1, w)[None, :]
    level = rng.normal(0, 2, (n, 1, 1)) + 40.0
    tilt = (3 + rng.normal(0, 0.1, (n, 1, 1))) * y + (-4 + rng.normal(0, 0.1, (n, 1, 1))) * x
    bow = 0.8 * x**2 + 0.4 * y**2
    lines = lfilter([1.0], [1.0, -0.7], rng.normal(0, instrument.line_nm * np.sqrt(1 - 0.49), (n, h)), axis=1)
    return level + tilt + bow + lines[:, :, None]


def discs(seed):
    return draw("discs", seed, [Species("disc", 4, 6, 12)])


def caps(seed):
    return draw("caps", seed, [Species("cap", 4, 7, 11)])


def small(seed):
    return draw("small 2 nm", seed, [Species("cap", 2, 3.2, 15)])


def rods(seed):
    return draw("rods", seed, [Species("rod", 3, 3.5, 7, long=12)])


def dimers(seed):
    return draw("dimers", seed, [Species("dimer", 4, 6, 9)])


def annuli(seed):
    return draw("rings", seed, [Species("annulus", 4, 9, 8)])


def tall_and_low(seed):
    return draw("12 and 2 nm", seed, [Species("disc", 12, 7, 4), Species("disc", 2, 5, 9)])


def half_resting(seed):
    return draw(
        "half resting", seed, [Species("cap", 4, 6, 6, step_px=0), Species("cap", 4, 6, 6, step_px=4)]
    )


def row_of_discs(seed):
    places = np.column_stack([np.full(8, 64.0), 12 + 14.0 * np.arange(8)])
    return draw(
        "row of discs", seed, [Species("disc", 4, 6.6, places=places, step_px=0), Species("disc", 4, 6.6, 7)]
    )


def patch(seed):
    places = np.array([[80.0, 80.0]])
    box = Species("box", 4, 30, places=places, step_px=0, long=38, angle=0.2)
    return draw("patch", seed, [box, Species("disc", 4, 6, 9)], shape=(160, 160))


def terrace(shape, edges, height):
    """Return terraces whose edges cross the frame, highest on the right, and a mask of their edges."""
    rows, cols = np.mgrid[: shape[0], : shape[1]].astype(float)
    out, near = np.zeros(shape), np.zeros(shape, bool)
    for edge in edges:
        at = edge + 0.25 * (rows - shape[0] / 2) + 3 * np.sin(rows / 15)
        out += height * np.clip(0.5 + (cols - at) / 2, 0, 1)
        near |= np.abs(cols - at) < 8
    return out, near


def step(seed):
    base, near = terrace((128, 128), [64], 4)
    return draw("step", seed, [Species("disc", 4, 6, 10)], base=base, ignored=near)


def pits(seed):
    return draw("pits", seed, [Species("disc", -3, 6, 9)])


TWELVE = {
    "discs": discs, "caps": caps, "small 2 nm": small, "rods": rods, "dimers": dimers, "rings": annuli,
    "12 and 2 nm": tall_and_low, "half resting": half_resting, "row of discs": row_of_discs, "patch": patch,
    "step": step, "pits": pits,
}  # fmt: skip


def empty(seed, streaks=0.0, n_frames=40):
    return draw("empty", seed, [], n_frames=n_frames, instrument=Instrument(streaks=streaks))


def crowded(seed, count=22, radius=7.0, name="22 discs"):
    side = int(np.ceil(np.sqrt(count)))
    rng = np.random.default_rng(seed)
    pitch = 128 / side
    grid = np.stack(np.meshgrid(np.arange(side), np.arange(side), indexing="ij"), -1).reshape(-1, 2)
    chosen = rng.permutation(len(grid))[:count]
    free = (pitch - 2 * radius) / 2 - 0.5
    places = (grid[chosen] + 0.5) * pitch + rng.uniform(-free, free, (count, 2))
    return draw(name, seed, [Species("disc", 4, radius, places=places, step_px=0)])


def lattice(seed, pitch=16.0, height=2.0):
    rows = [
        [(r + 0.5) * pitch * 0.866, (c + 0.5 * (r % 2) + 0.25) * pitch] for r in range(12) for c in range(12)
    ]
    places = np.array([p for p in rows if p[0] < 132 and p[1] < 132])
    return draw(f"lattice {pitch:g}", seed, [Species("cap", height, pitch * 0.36, places=places, step_px=0)])


FURTHER = {
    "sparse": lambda seed: draw("sparse", seed, [Species("disc", 4, 6, 5)]),
    "22 discs": crowded,
    "49 discs": lambda seed: crowded(seed, 49, 8.2, "49 discs"),
    "row moving": lambda seed: draw(
        "row moving", seed,
        [Species("disc", 4, 6, places=np.column_stack([np.full(7, 64.0), 12 + 17.0 * np.arange(7)]), step_px=0.4)],
    ),
    "rods along x": lambda seed: draw(
        "rods along x", seed, [Species("rod", 4, 4, places=np.array(
            [[30.0, 40.0], [64.0, 30.0], [64.0, 95.0], [100.0, 70.0]]), step_px=0, long=26, angle=0.0)]
    ),
    "pits 25": lambda seed: draw(
        "pits 25", seed, [Species("disc", -3, 7, places=crowded_places(seed, 25, 7.0), step_px=0)]
    ),
    "lattice 16": lattice,
    "lattice 12": lambda seed: lattice(seed, 12.0),
    "strong 1/f": lambda seed: draw(
        "strong 1/f", seed, [Species("disc", 4, 6, 10)], instrument=Instrument(slow_nm=0.2)
    ),
    "noise x 2": lambda seed: draw("noise x 2", seed, [Species("cap", 4, 6, 10)], instrument=Instrument(noise_nm=0.3)),
    "terraces": lambda seed: draw(
        "terraces", seed, [Species("disc", 4, 6, 9)], base=terrace((128, 128), [45, 90], 2)[0],
        ignored=terrace((128, 128), [45, 90], 2)[1],
    ),
    "36 movers": lambda seed: draw("36 movers", seed, [Species("cap", 4, 5, 30, step_px=5)], shape=(160, 160)),
}  # fmt: skip


def crowded_places(seed, count, radius):
    side = int(np.ceil(np.sqrt(count)))
    rng = np.random.default_rng(seed)
    pitch = 128 / side
    grid = np.stack(np.meshgrid(np.arange(side), np.arange(side), indexing="ij"), -1).reshape(-1, 2)
    free = (pitch - 2 * radius) / 2 - 0.5
    return (grid[:count] + 0.5) * pitch + rng.uniform(-free, free, (count, 2))


@dataclass
class Score:
    """Agreement of detections with the truth: ``f1, precision, recall``, and the median bias of the height, %."""

    f1: float
    precision: float
    recall: float
    height_bias: float
    worst: float = 0.0


def score(scene, table, heights="height_nm"):
    """Compare detections with a scene's truth, frame by frame.

    Objects that the border cuts, and detections on them or at the border, count neither as right nor as wrong.
    """
    from scipy.optimize import linear_sum_assignment

    hits = missed = false = 0
    errors = []
    shape = scene.recorded.shape[1:]
    for f in range(len(scene.recorded)):
        truth = scene.truth[scene.truth.frame == f]
        found = table[table.frame == f]
        if len(truth) and len(found):
            d = np.hypot(
                truth.y.to_numpy()[:, None] - found.y.to_numpy(),
                truth.x.to_numpy()[:, None] - found.x.to_numpy(),
            )
            limit = np.maximum(0.7 * truth.radius.to_numpy(), 3)[:, None]
            i, j = linear_sum_assignment(np.where(d < limit, d, 1e4))
            good = d[i, j] < limit[i, 0]
            i, j = i[good], j[good]
        else:
            i = j = np.empty(0, int)
        inside = truth.inside.to_numpy(bool)
        hits += int(inside[i].sum())
        missed += int(inside.sum() - inside[i].sum())
        for a, b in zip(i, j, strict=True):
            if inside[a]:
                height = truth.height_nm.iloc[a]
                errors.append(100 * (found[heights].iloc[b] / height - 1))
        cut = truth[~truth.inside]
        for b in set(range(len(found))) - set(j):
            y, x = found.y.iloc[b], found.x.iloc[b]
            at_border = min(y, x, shape[0] - 1 - y, shape[1] - 1 - x) < 4 or bool(
                found.touches_edge.iloc[b] if "touches_edge" in found else False
            )
            on_cut = len(cut) and (np.hypot(cut.y - y, cut.x - x) < cut.radius + 2).any()
            on_ignored = scene.ignored[min(max(int(y), 0), shape[0] - 1), min(max(int(x), 0), shape[1] - 1)]
            false += not (at_border or on_cut or on_ignored)
    precision = hits / max(hits + false, 1)
    recall = hits / max(hits + missed, 1)
    f1 = 2 * hits / max(2 * hits + false + missed, 1)
    errors = np.array(errors) if errors else np.array([np.nan])
    return Score(f1, precision, recall, float(np.median(errors)))
