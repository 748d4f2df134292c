"""Whole chain: simulated movies, default analysis, and whether the 95 % intervals hold the truth."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from playNano.afm_stack import AFMImageStack
from playNano.analysis.plan import Plan
from playNano.simulate import simulate_scene
from playNano.simulate.faults import Faults
from playNano.simulate.noise import Noise
from playNano.simulate.scanner import Scanner
from playNano.simulate.scene import Dimers, Kinetics, Motion, Scene, Species
from playNano.simulate.shapes import Gaussian, SphericalCap
from playNano.simulate.substrate import Strands
from playNano.simulate.tip import Feedback, Tip

FIRST_SEED = 70_000
TRIALS = 50
K_OFF, D = 0.05, 60.0
RATES = (0.5, 1.0)

DEFAULT = "level", "frame_quality;feature_detection;particle_tracking;diffusion;dwell_times"


@dataclass(frozen=True)
class Kind:
    """A kind of movie, what is true of it, and how it is measured.

    A truth of None is that of the simulated particles themselves: contacts slow them down by a few percent.
    """

    movie: Callable[[int], tuple[AFMImageStack, tuple[float, float]]]
    truth: dict[str, float | None]
    steps: tuple[str, str] = DEFAULT


MOBILE = Species(Gaussian(5.0, 8.0), count=12, motion=Motion(diffusion_nm2_s=D))
COMING = replace(MOBILE, kinetics=Kinetics(bind_rate_s=12 * K_OFF, unbind_rate_s=K_OFF))
SCANNER = Scanner(n_frames=100, shape=(128, 128), pixel_size_nm=2.0, frame_time_s=0.5)
QUIET = Noise(pixel_nm=0.1)


def scene(
    species: Species,
    seed: int,
    *,
    scanner: Scanner = SCANNER,
    tip: Tip | None = None,
    feedback: Feedback | None = None,
    noise: Noise = QUIET,
    faults: Faults | None = None,
    **others: object,
) -> tuple[AFMImageStack, tuple[float, float]]:
    """Return a movie of a simulated scene, the sum of the true squared steps, and that of 4 times their duration."""
    built = Scene((species,), **{"margin_nm": 40.0, **others})
    movie = simulate_scene(
        built, scanner, tip=tip, feedback=feedback, noise=noise, faults=faults, seed=seed, keep_clean=False
    )
    return movie.to_stack(), true_steps(movie.truth)


def true_steps(truth: pd.DataFrame) -> tuple[float, float]:
    """Return the sums over the true steps that start inside the field, by more than three steps."""
    rows = truth.sort_values(["particle", "frame"])
    change = rows[["y_nm", "x_nm", "time_s", "frame"]].diff()
    inside = rows["y_nm"].shift().between(24, 232) & rows["x_nm"].shift().between(24, 232)
    counted = change[(rows["particle"] == rows["particle"].shift()) & (change["frame"] == 1) & inside]
    return float((counted["y_nm"] ** 2 + counted["x_nm"] ** 2).sum()), float(4 * counted["time_s"].sum())


def resting(seed: int) -> tuple[AFMImageStack, tuple[float, float]]:
    """Return molecules at rest whose height switches between two values, in a movie unlike those of the simulator."""
    rng = np.random.default_rng(seed)
    n, size, interval = 120, 128, 0.2
    yy, xx = np.mgrid[:size, :size]
    places = [
        (24 + 27 * i + rng.uniform(-3, 3), 24 + 27 * j + rng.uniform(-3, 3))
        for i in range(4)
        for j in range(4)
    ]
    total = sum(RATES)
    up = np.exp(-total * interval)
    movie = rng.normal(0, 0.12, (n, size, size)) + rng.normal(0, 0.1, (n, size, 1))
    for y, x in places:
        bump = np.exp(-((yy - y) ** 2 + (xx - x) ** 2) / (2 * 3.5**2))
        state = rng.random() < RATES[0] / total
        for k in range(n):
            chance = (RATES[1] if state else RATES[0]) / total * (1 - up)
            state = state ^ (rng.random() < chance)
            movie[k] += (3.0 + 1.5 * state) * bump
    entries = [{"timestamp": interval * k} for k in range(n)]
    return AFMImageStack(movie.astype(np.float32), 2.0, "height", f"two_states_{seed}.npy", entries), (
        0.0,
        0.0,
    )


FULL = Noise(
    pixel_nm=0.12,
    pixel_autocorrelation=0.5,
    pink_nm=0.1,
    row_offset_nm=0.25,
    tilt_nm=(3.0, -4.0),
    bow_nm=(0.5, 1.0),
)
MOTOR = Species(
    SphericalCap(5.0, 8.0),
    count=6,
    place="paths",
    motion=Motion(speed_nm_s=30.0),
    kinetics=Kinetics(bind_rate_s=0.6, unbind_rate_s=0.1),
)
STRANDS = Strands(count=4, height_nm=0.3, width_nm=9.0, length_nm=600.0, persistence_nm=2e5, angle_rad=0.25)
BOTH = {"D": None, "k_off": K_OFF}

KINDS: dict[str, Kind] = {
    "diffusing": Kind(partial(scene, MOBILE), {"D": None}),
    "blunt tip, slow feedback": Kind(
        partial(scene, MOBILE, tip=Tip("parabolic", radius_nm=8.0), feedback=Feedback(3e-6, fall_nm_s=1e5)),
        {"D": None},
    ),
    "row noise, tilt, bow": Kind(partial(scene, MOBILE, noise=FULL), {"D": None}),
    "drift of 0.5 nm/s": Kind(
        partial(scene, MOBILE, scanner=replace(SCANNER, drift_nm_s=(0.4, -0.3))), {"D": None}
    ),
    "alternating scan": Kind(
        partial(scene, MOBILE, scanner=replace(SCANNER, slow_axis="alternating")), {"D": None}
    ),
    "coming and leaving": Kind(partial(scene, COMING), BOTH),
    "coming, lost frames": Kind(
        partial(scene, COMING, faults=Faults(blank_frames=tuple(range(7, 100, 11)))), BOTH
    ),
    "merging molecules": Kind(partial(scene, MOBILE, dimers=Dimers(2.0, 0.2)), {"D": None}),
    "two heights": Kind(
        resting,
        {"k12": RATES[0], "k21": RATES[1]},
        ("level", "frame_quality;feature_detection;particle_tracking;states"),
    ),
    "motors": Kind(
        partial(scene, MOTOR, substrate=STRANDS, margin_nm=0.0),
        {"velocity": 30.0},
        ("level", "frame_quality;feature_detection:min_height_nm=3;particle_tracking;stepping"),
    ),
}


def measured(record: dict[str, object], name: str) -> tuple[float, float, float]:
    """Return estimate and interval of a quantity from a record."""
    tables = {key.split("_", 2)[2]: value for key, value in record["analysis"].items()}
    if name == "D":
        row = tables["diffusion"]["track_diffusion"].iloc[0]
        columns = ["diffusion_nm2_s", "diffusion_low_nm2_s", "diffusion_high_nm2_s"]
    elif name == "k_off":
        row, columns = (
            tables["dwell_times"]["rates"].iloc[0],
            ["k_off_1_s", "k_off_low_1_s", "k_off_high_1_s"],
        )
    elif name in ("k12", "k21"):
        table = tables["states"]["transitions"]
        if len(table) != 2:
            return (np.nan,) * 3
        row, columns = table.iloc[int(name == "k21")], ["rate_1_s", "rate_low_1_s", "rate_high_1_s"]
    else:
        speeds = tables["stepping"]["speeds"]
        row = speeds[speeds["track_id"] == -1].iloc[0]
        columns = ["velocity_nm_s", "velocity_low_nm_s", "velocity_high_nm_s"]
    return tuple(abs(float(row[column])) for column in columns)


def trial(kind: str, seed: int) -> tuple[dict[str, tuple[float, float, float]], tuple[float, float]]:
    """Simulate, analyse and measure one movie; also return the sums of its true steps."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stack, steps = KINDS[kind].movie(seed)
        processing, analysis = KINDS[kind].steps
        record = Plan.from_options(processing, analysis, None).run(stack)
    return {name: measured(record, name) for name in KINDS[kind].truth}, steps


def report(trials: int | None) -> str:
    """Return the table."""
    trials = trials or TRIALS
    lines = [
        "# Whole chain: simulate, level, detect, track, measure",
        "",
        f"{trials} movies a kind; seeds from {FIRST_SEED}, on which nothing was tuned. Coverage: movies whose 95 %",
        "interval holds the truth, of those that have an interval; in brackets its own 95 % interval. The true D is",
        f"that of the simulated particles, all movies together: {D:g} nm²/s, less what their contacts take away.",
        "",
        "| movies | quantity | truth | median | mean / truth | without a number | coverage, % |",
        "|---|---|---|---|---|---|---|",
    ]
    with ProcessPoolExecutor(int(os.environ.get("PLAYNANO_BENCHMARK_PROCESSES", "1"))) as pool:
        for kind, given in KINDS.items():
            seeds = range(FIRST_SEED, FIRST_SEED + trials)
            results, steps = zip(*pool.map(partial(trial, kind), seeds), strict=True)
            squares, durations = np.sum(steps, axis=0)
            for name, truth in given.truth.items():
                true = squares / durations if truth is None else truth
                lines.append(_row(kind, name, true, np.array([result[name] for result in results])))
                print(lines[-1], flush=True)
    return "\n".join(lines)


def _row(kind: str, name: str, truth: float, found: np.ndarray) -> str:
    known = np.isfinite(found).all(axis=1)
    value, low, high = found[known].T
    held = int(((low <= truth) & (truth <= high)).sum())
    n = int(known.sum())
    if not n:
        return f"| {kind} | {name} | {truth:g} | | | {len(found)} | |"
    ends = binomtest(held, n).proportion_ci()
    return (
        f"| {kind} | {name} | {truth:.3g} | {np.median(value):.3g} | {value.mean() / truth:.2f} ± "
        f"{value.std() / truth / np.sqrt(n):.2f} | {len(found) - n} | {100 * held / n:.0f} ({100 * ends.low:.0f} to "
        f"{100 * ends.high:.0f}) |"
    )
