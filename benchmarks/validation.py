"""Measure the speed of `playnano validate`, and compare its scores with those on movies of known truth.

    python benchmarks/validation.py

writes `benchmarks/results/validation.md`. Every movie is simulated with random settings; its pipeline is validated
without the truth, then scored on that movie.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import numpy as np

from playNano.analysis.plan import Plan
from playNano.simulate import simulate_movie
from playNano.validate import QUICK, Effort, validate_pipeline
from playNano.validate.trial import prepare, run_trial

ROOT = Path(__file__).resolve().parent.parent
NAMES = ("recall", "precision", "link_error", "height_bias_nm", "diffusion_bias", "hota")
PROPORTIONS = ("recall", "precision", "link_error", "diffusion_bias", "hota")


def plan_of(range_nm, threshold_nm):
    analysis = (
        f"frame_quality;feature_detection:mask_fn=mask_threshold,threshold={threshold_nm},min_size=12,remove_edge=false;"
        f"particle_tracking:max_distance_nm={range_nm},max_missing=2"
    )
    return Plan.from_options("level", analysis, None)


def drawn(seed):
    """Simulate a movie with random settings; return it and a pipeline with approximately suitable parameters."""
    rng = np.random.default_rng(3000 + seed)
    height = rng.uniform(2.5, 7)
    movie = simulate_movie(
        60,
        (128, 128),
        n_particles=int(rng.integers(8, 24)),
        height_nm=height,
        radius_nm=rng.uniform(5, 9),
        diffusion_nm2_s=rng.uniform(10, 120),
        disappear_rate_s=rng.uniform(0, 0.04),
        noise_nm=rng.uniform(0.08, 0.3),
        row_offset_nm=rng.uniform(0.1, 0.5),
        margin_nm=20.0,
        seed=seed,
    )
    return movie, plan_of(round(rng.uniform(14, 40)), round(height * rng.uniform(0.2, 0.5), 2))


def formatted(value, name):
    return f"{100 * value:.1f} %" if name in PROPORTIONS else f"{value:.2f} nm"


def check(n_movies):
    """Compare the scores of each validation with the true scores on the movie."""
    lines = [
        "| movie | " + " | ".join(NAMES) + " |",
        "|---|" + "---|" * len(NAMES),
    ]
    errors = {name: [] for name in NAMES}
    for seed in range(n_movies):
        movie, plan = drawn(seed)
        result = validate_pipeline(movie.to_stack(), plan, effort=Effort(8, 1, 1_000_000, (1.0,)))
        reference = prepare(movie, plan, float(movie.truth["radius_nm"].median()))
        real = run_trial(reference, plan.bind()[1].steps).scores
        cells = []
        for name in NAMES:
            m = result.measures[name]
            errors[name].append(m.value - real[name])
            cells.append(f"{formatted(m.value, name)} ({formatted(real[name], name)})")
        lines.append(f"| {seed} | " + " | ".join(cells) + " |")
    lines.append(
        "| mean difference | " + " | ".join(formatted(float(np.mean(errors[n])), n) for n in NAMES) + " |"
    )
    lines.append(
        "| root mean square | "
        + " | ".join(formatted(float(np.sqrt(np.mean(np.square(errors[n])))), n) for n in NAMES)
        + " |"
    )
    return lines


def timed(effort):
    stack = simulate_movie(200, (256, 256), n_particles=40, seed=3).to_stack()
    start = time.perf_counter(), time.process_time()
    validate_pipeline(stack, plan_of(24, 1.5), effort=effort)
    return time.perf_counter() - start[0], time.process_time() - start[1]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--movies", type=int, default=8)
    parser.add_argument("--no-time", action="store_true", help="keep to the check")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "validation.md")
    chosen = parser.parse_args()
    text = ["# Validation", "", f"Made by `python benchmarks/validation.py --movies {chosen.movies}`.", ""]
    if not chosen.no_time:
        text += [
            "## Time",
            "",
            f"One run each, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}.",
            "",
        ]
        text += ["| 200 x 256 x 256, 40 particles | wall clock, s | processor, s |", "|---|---|---|"]
        for name, effort in (("whole", Effort()), ("--quick", QUICK)):
            wall, cpu = timed(effort)
            text.append(f"| {name} | {wall:.0f} | {cpu:.0f} |")
        text.append("")
    text += [
        f"## Estimated and true scores on {chosen.movies} movies",
        "",
        "In brackets: the score on the movie itself, from its truth, which validation does not see.",
        "",
        *check(chosen.movies),
    ]
    chosen.out.write_text("\n".join(text) + "\n", encoding="utf-8")
    print("\n".join(text))


if __name__ == "__main__":
    main()
