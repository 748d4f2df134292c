"""Measure the speed of the simulator, and compare it with physical laws, statistics and a real movie.

    python benchmarks/simulator.py --data ../shared/data

writes `benchmarks/results/simulator.md` and the figures in `docs/pictures`.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from scipy import stats

from playNano.algorithms.estimation._level import level
from playNano.algorithms.estimation.noise_and_particles import estimate_noise, estimate_particles
from playNano.simulate import PRESETS, simulate_movie, simulate_preset, simulate_scene
from playNano.simulate.noise import Noise
from playNano.simulate.scanner import Scanner
from playNano.simulate.scene import Kinetics, Motion, Scene, Species
from playNano.simulate.shapes import Gaussian
from playNano.simulate.substrate import Strands
from playNano.simulate.tip import Tip

ROOT = Path(__file__).resolve().parent.parent

COLD = """
import time
start = time.perf_counter()
from playNano.simulate import simulate_movie
simulate_movie()
print(time.perf_counter() - start, time.process_time())
"""


def spent(function, repeats):
    """Return the medians of wall-clock and processor time, s."""
    function()
    wall, cpu = [], []
    for _ in range(repeats):
        start = time.perf_counter(), time.process_time()
        function()
        wall.append(time.perf_counter() - start[0])
        cpu.append(time.process_time() - start[1])
    return float(np.median(wall)), float(np.median(cpu))


def cold(repeats):
    """Time import and a default movie in a new interpreter, without compilation."""
    times = []
    for _ in range(repeats):
        run = subprocess.run([sys.executable, "-c", COLD], capture_output=True, check=True, text=True)
        times.append([float(v) for v in run.stdout.split()])
    return tuple(np.median(times, axis=0))


def speed(repeats):
    rows = [
        ("60 x 128 x 128, 12 particles, first movie (import and simulation)", cold(min(repeats, 3))),
        ("60 x 128 x 128, 12 particles", spent(simulate_movie, repeats)),
        (
            "200 x 256 x 256, 40 particles",
            spent(lambda: simulate_movie(200, (256, 256), n_particles=40), repeats),
        ),
    ]
    for name, preset in PRESETS.items():
        n, (h, w) = preset.scanner.n_frames, preset.scanner.shape
        rows.append((f'"{name}": {n} x {h} x {w}', spent(lambda name=name: simulate_preset(name), repeats)))
    lines = ["| movie | wall clock, s | processor, s |", "|---|---|---|"]
    return lines + [f"| {name} | {wall:.2f} | {cpu:.2f} |" for name, (wall, cpu) in rows]


def diffusion():
    """Measure D from the truth tables of ten movies."""
    ratios = []
    for seed in range(10):
        species = Species(Gaussian(3.0, 5.0), count=250, motion=Motion(diffusion_nm2_s=400.0))
        movie = simulate_scene(
            Scene((species,), exclusion=False), Scanner(60, (128, 32), (100.0, 400.0), 0.5), seed=seed
        )
        t = movie.truth.sort_values(["particle", "frame"])
        same = (t["particle"].diff() == 0) & (t["frame"].diff() == 1)
        square = (t[["y_nm", "x_nm"]].diff()[same] ** 2).to_numpy().sum()
        ratios.append(square / (4 * t["time_s"].diff()[same].sum()))
    return np.array(ratios) / 400.0


def laws():
    d = diffusion()
    kinetics = Kinetics(bind_rate_s=20.0, unbind_rate_s=0.8)
    species = Species(Gaussian(3.0, 5.0), count=None, kinetics=kinetics)
    p = simulate_scene(
        Scene((species,), exclusion=False), Scanner(200, (16, 16), 100.0, 0.5), seed=1
    ).particles
    p = p[p["on_s"] >= 0]
    ks = stats.kstest(p["off_s"] - p["on_s"], "expon", args=(0, 1 / 0.8)).pvalue
    noise = Noise(pixel_nm=0.3, pixel_autocorrelation=0.6, row_offset_nm=0.7, row_autocorrelation=0.5)
    estimated = estimate_noise(simulate_scene(Scene(()), Scanner(30, (128, 128), 1.0), noise=noise).data)
    scanner = Scanner(10, (128, 8), 1.0, 0.5, frame_turn_s=0.01, slow_axis="alternating")
    rise = simulate_scene(Scene(()), scanner, noise=Noise(sink_nm_s=1.0))
    frame, row = np.indices((10, 128))
    late = np.abs(rise.data[:, :, 3] - frame * 0.5 - rise.scan.delay_s(row, frame)).max()
    rows = [
        (
            "diffusion coefficient, measured / set, mean of ten movies",
            f"{d.mean():.4f} (spread {d.std():.4f})",
        ),
        (f"dwell times of {len(p)} particles, Kolmogorov-Smirnov p", f"{ks:.2f}"),
        ("pixel noise, measured / set", f"{estimated.pixel_nm / 0.3:.3f}"),
        ("its correlation along the line (set 0.60)", f"{estimated.pixel_autocorrelation:.2f}"),
        ("line offsets, measured / set", f"{estimated.row_offset_nm / 0.7:.3f}"),
        ("their correlation (set 0.50)", f"{estimated.row_autocorrelation:.2f}"),
        ("largest error of a line's time, s", f"{late:.1e}"),
    ]
    return ["| law | value |", "|---|---|", *[f"| {name} | {value} |" for name, value in rows]]


def estimates(n_movies):
    """Compare estimates with the truth on movies with random settings."""
    errors = {
        "pixel noise": [],
        "line offsets": [],
        "particle height": [],
        "particle radius": [],
        "density": [],
    }
    for seed in range(n_movies):
        rng = np.random.default_rng(1000 + seed)
        noise, rows = rng.uniform(0.05, 0.35), rng.uniform(0.1, 0.6)
        movie = simulate_movie(
            40,
            tuple(int(v) for v in rng.integers(100, 200, 2)),
            n_particles=int(rng.integers(4, 30)),
            radius_nm=rng.uniform(5, 12),
            height_nm=rng.uniform(2, 8),
            noise_nm=noise,
            row_offset_nm=rows,
            diffusion_nm2_s=rng.uniform(0, 150),
            margin_nm=20.0,
            seed=seed,
        )
        a, b, t = estimate_noise(movie.data), estimate_particles(movie.data, 2.0), movie.truth
        errors["pixel noise"].append(a.pixel_nm / noise - 1)
        errors["line offsets"].append(a.row_offset_nm / rows - 1)
        errors["particle height"].append(b.height_nm / t["z_nm"].median() - 1)
        errors["particle radius"].append(b.radius_nm / t["radius_nm"].median() - 1)
        errors["density"].append(b.per_frame / (len(t) / 40) - 1)
    lines = ["| estimate | median error | largest error |", "|---|---|---|"]
    for name, e in errors.items():
        lines.append(f"| {name} | {100 * np.median(e):+.1f} % | {100 * np.abs(e).max():.1f} % |")
    return lines


def sbccd_like(n_frames=60):
    """Simulate protein heads on coiled coils with the noise of sbccd_v1.asd."""
    heads = Species(
        Gaussian(1.9, 7.0),
        count=7,
        name="head",
        motion=Motion(diffusion_nm2_s=30.0, tether_nm=6.0),
        place="paths",
    )
    # Material on the mica that is too low to be distinguished from noise in a single frame.
    fuzz = Species(Gaussian(0.16, 8.0), count=400, name="fuzz", size_spread=0.3, height_spread=0.5)
    coils = Strands(count=5, height_nm=1.0, width_nm=8.0, length_nm=130.0, persistence_nm=30.0)
    noise = Noise(
        pixel_nm=0.082,
        pixel_autocorrelation=0.33,
        pink_nm=0.06,
        streaks_per_line=3.0,
        streak_nm=0.55,
        streak_px=5.0,
        row_offset_nm=0.09,
        row_autocorrelation=0.85,
        tilt_nm=(-0.7, 1.6),
        bow_nm=(0.0, 0.3),
        height_nm=-176.7,
        sink_nm_s=0.45,
        sink_walk_nm=0.3,
        adc_step_nm=10 / 4096 * 12.85 * 5,
    )
    scanner = Scanner(n_frames, (200, 200), 2.0, 0.59)
    return simulate_scene(
        Scene((heads, fuzz), substrate=coils, exclusion=False),
        scanner,
        tip=Tip("parabolic", 3.0),
        noise=noise,
        seed=1,
    ).data


def texture(data):
    """Return statistics of the background and of the lines, by the estimator and independently of it."""
    levelled = level(np.asarray(data[::2], dtype=np.float64))
    background = np.where(levelled.background, levelled.height_nm, np.nan)
    variance = np.nanvar(background)
    y = np.linspace(-1, 1, background.shape[1])
    rows = np.array([o - np.polyval(np.polyfit(y, o, 2), y) for o in levelled.offset_nm])
    noise = estimate_noise(data)
    return {
        "pixel noise, nm (estimator)": noise.pixel_nm,
        "its correlation with the next pixel (estimator)": noise.pixel_autocorrelation,
        "standard deviation of the background, nm": np.sqrt(variance),
        "correlation of the background with the next pixel": np.nanmean(
            background[:, :, 1:] * background[:, :, :-1]
        )
        / variance,
        "correlation of the background two pixels on": np.nanmean(
            background[:, :, 2:] * background[:, :, :-2]
        )
        / variance,
        "line offsets, nm (estimator)": noise.row_offset_nm,
        "their correlation with the next line (estimator)": noise.row_autocorrelation,
        "standard deviation of the line levels, nm": rows.std(),
        "correlation of the level with the next line": (rows[:, 1:] * rows[:, :-1]).mean() / rows.var(),
        "standard deviation of the step from line to line, nm": np.diff(levelled.offset_nm, axis=1).std(),
        "fraction of background": noise.background_share,
    }


def compare_sbccd(data_dir, pictures):
    from playNano.io.loader import load_afm_stack

    path = data_dir / "asd" / "sbccd_v1.asd"
    if not path.exists():
        return [f"Not compared: {path.name} is absent."]
    stack = load_afm_stack(path, channel="TP")
    # Frames 109 to 126 are damaged.
    real, ours = np.asarray(stack.data[:60]), sbccd_like(60)
    lines = ["| statistic | sbccd_v1.asd | simulated | difference |", "|---|---|---|---|"]
    theirs, mine = texture(real), texture(ours)
    for name, value in theirs.items():
        lines.append(f"| {name} | {value:.3f} | {mine[name]:.3f} | {100 * (mine[name] / value - 1):+.0f} % |")
    draw_pair(real, ours, pictures / "sbccd_simulated.png")
    return lines


def flat(frame):
    return level(np.asarray(frame, dtype=np.float64)[None]).height_nm[0]


def save_small(figure, path, dpi):
    """Save a figure with 64 colours, which reduces the file to a quarter without visible difference."""
    import io

    from PIL import Image

    made = io.BytesIO()
    figure.savefig(made, dpi=dpi)
    Image.open(made).convert("RGB").quantize(64, dither=Image.Dither.NONE).save(path, optimize=True)


def draw_pair(real, ours, path):
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2, 3, figsize=(10.5, 7), layout="constrained")
    for row, (name, movie) in zip(axes, (("sbccd_v1.asd", real), ("simulated", ours)), strict=True):
        for axis, frame in zip(row, (0, 25, 50), strict=True):
            image = axis.imshow(flat(movie[frame]), vmin=-0.5, vmax=3.5, cmap="afmhot")
            axis.set_title(f"{name}, frame {frame}", fontsize=10)
            axis.set_xticks([])
            axis.set_yticks([])
            axis.plot([10, 60], [192, 192], color="white", lw=3)
            axis.text(35, 187, "100 nm", color="white", ha="center", fontsize=8)
    figure.colorbar(image, ax=axes, label="height, nm", shrink=0.6)
    save_small(figure, path, 60)
    plt.close(figure)


def draw_presets(pictures):
    import matplotlib.pyplot as plt

    for name, preset in PRESETS.items():
        movie = simulate_preset(name, seed=3)
        figure, axes = plt.subplots(1, 3, figsize=(10.5, 3.9), layout="constrained")
        py, px = movie.pixel_size_nm
        h, w = movie.data.shape[1:]
        for axis, frame in zip(axes, np.linspace(0, len(movie.data) - 1, 3).astype(int), strict=True):
            shown = movie.truth[movie.truth["frame"] == frame]
            axis.imshow(
                flat(movie.data[frame]),
                cmap="afmhot",
                extent=(-0.5 * px, (w - 0.5) * px, (h - 0.5) * py, -0.5 * py),
            )
            axis.plot(shown["x_nm"], shown["y_nm"], "+", color="deepskyblue", ms=4, mew=0.8)
            axis.set_title(f"{frame * movie.frame_time_s:.1f} s", fontsize=9)
            axis.set_xlabel("nm")
        figure.suptitle(f"{name}: {preset.summary}", fontsize=9)
        save_small(figure, pictures / f"preset_{name.replace(' ', '_').replace('-', '').lower()}.png", 60)
        plt.close(figure)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--movies", type=int, default=20, help="movies for the estimates")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "simulator.md")
    parser.add_argument("--pictures", type=Path, default=ROOT / "docs" / "pictures")
    chosen = parser.parse_args()
    import matplotlib

    matplotlib.use("Agg")
    chosen.pictures.mkdir(parents=True, exist_ok=True)
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    parts = {
        "Time": [
            f"Medians of {chosen.repeats}, one thread (the first of 3).",
            "",
            *speed(chosen.repeats),
        ],
        "Laws": laws(),
        f"Estimates on {chosen.movies} movies with settings drawn at random": estimates(chosen.movies),
        "A movie made to resemble sbccd_v1.asd": [
            "Frames 0 to 59 of each; the picture is `docs/pictures/sbccd_simulated.png`.",
            "",
            *compare_sbccd(chosen.data, chosen.pictures),
        ],
    }
    draw_presets(chosen.pictures)
    text = ["# The simulator", "", "Made by `python benchmarks/simulator.py --data ../shared/data`."]
    for title, lines in parts.items():
        text += ["", f"## {title}", "", *lines]
    chosen.out.write_text("\n".join(text) + "\n", encoding="utf-8")
    print("\n".join(text))


if __name__ == "__main__":
    main()
