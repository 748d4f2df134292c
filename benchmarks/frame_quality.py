"""Measure accuracy and speed of frame quality on simulated movies with injected faults.

The movies come from tests/algorithms/quality/fault_movies.py: particles, lattices, terraces, rough surfaces, filaments
and bare substrate, tilted, drifting, with noise between lines, with and without a coarse converter, in nm, in
1/100 nm and in metres. All are flagged with the default limits; the seeds differ from those with which the rules were
developed. `--robustness` also scales each of the limits separately.
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import time
from dataclasses import fields
from pathlib import Path

import numpy as np

from playNano.algorithms.quality.figures import frame_figures
from playNano.algorithms.quality.limits import QualityLimits
from playNano.algorithms.quality.quality import frame_quality, judge_frames

MOVIES_FILE = Path(__file__).resolve().parents[1] / "tests" / "algorithms" / "quality" / "fault_movies.py"
SPEC = importlib.util.spec_from_file_location("fault_movies", MOVIES_FILE)
fault_movies = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(fault_movies)

LOST = ("blank", "torn", "partly_torn")
FLAGS = ("blank", "saturated", "torn", "partly_torn", "scars", "jump", "rough")


def planted(seeds, **kind):
    """Yield movies with injected faults; a callable among the settings draws a value for each movie."""
    for seed in seeds:
        rng = np.random.default_rng(seed)
        drawn = {name: value(rng) if callable(value) else value for name, value in kind.items()}
        yield fault_movies.faulty_movie(rng, **drawn)


def score(movies, **limits):
    total = {}
    for movie in movies:
        table = frame_quality(movie.block, **limits).table
        for name, counts in fault_movies.compare(movie, table).items():
            total[name] = total.get(name, 0) + counts
    return total


def show(title, total):
    print(f"\n## {title}\n\n| flag | planted | recall | precision |\n|---|---|---|---|")
    for name, (hit, false, missed) in total.items():
        if hit + missed:
            precision = f"{hit / (hit + false):.3f}" if hit + false else "-"
            print(f"| {name} | {hit + missed} | {hit / (hit + missed):.3f} | {precision} |")


def clean(seeds, title, **kind):
    flagged = dict.fromkeys(FLAGS, 0)
    frames = 0
    for seed in seeds:
        block, *_ = fault_movies.clean_movie(np.random.default_rng(seed), **kind)
        table = frame_quality(block.astype(np.float32)).table
        frames += len(table)
        for name in FLAGS:
            flagged[name] += int(table[name].sum())
    print(f"\n## {title}\n\n{frames} sound frames; flagged: {flagged}")


def timed(call, repeats, clock):
    call()
    out = []
    for _ in range(repeats):
        start = clock()
        call()
        out.append(clock() - start)
    return statistics.median(out)


def speed(repeats, clock):
    print("\n## ms a frame, one thread\n\n| frames | kind | figures | judging |\n|---|---|---|---|")
    rng = np.random.default_rng(0)
    for h, kind in ((256, "float32"), (256, "float64"), (512, "float32"), (1024, "float32")):
        n = max(2_000_000 // h**2, 4)
        block = rng.normal(size=(n, h, h)).astype(kind)
        figures = frame_figures(block)
        measured = timed(lambda b=block: frame_figures(b), repeats, clock) / n * 1e3
        judged = timed(lambda f=figures: judge_frames(f), repeats, clock) / n * 1e3
        print(f"| {n} x {h} x {h} | {kind} | {measured:.3f} | {judged:.3f} |")


def robustness(seeds):
    print(
        "\n## Every default times 0.7 and 1.4: unusable frames\n\n| limit | recall | precision |\n|---|---|---|"
    )
    movies = list(planted(seeds, size=(100, 128)))
    for field in fields(QualityLimits):
        if not isinstance(field.default, float):
            continue
        cells = []
        for factor in (0.7, 1.4):
            hit, false, missed = score(movies, **{field.name: field.default * factor})["unusable"]
            cells.append((hit / (hit + missed), hit / (hit + false)))
        recall, precision = (
            " / ".join(f"{value:.3f}" for value in pair) for pair in zip(*cells, strict=True)
        )
        print(f"| {field.name} | {recall} | {precision} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--movies", type=int, default=50)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument(
        "--clock", choices=("wall", "cpu"), default="cpu", help="cpu is fairer on a busy machine"
    )
    parser.add_argument("--robustness", action="store_true")
    args = parser.parse_args()
    clock = time.process_time if args.clock == "cpu" else time.perf_counter
    n = args.movies
    print("# Frame quality\n\nMade by `python benchmarks/frame_quality.py --robustness`.")
    show(
        f"{n} movies of 8 to 39 frames, a fifth of the frames with a fault",
        score(planted(range(20_000, 20_000 + n))),
    )
    most = score(planted(range(21_000, 21_000 + n // 2), share=0.75, faults=LOST))
    show(
        f"{n // 2} movies, three quarters of the frames lost",
        {name: most[name] for name in ("unusable", *LOST)},
    )
    short = score(planted(range(22_000, 22_000 + n), share=0.3, n=lambda rng: int(rng.integers(2, 9))))
    show(f"{n} movies of 2 to 8 frames, a third of the frames with a fault", short)
    print("\nOf less than four usable frames nobody can tell a jump from drift: none is flagged.")
    clean(range(23_000, 23_000 + n), f"{n} sound movies")
    clean(range(24_000, 24_000 + n), f"{n} sound movies of three frames", n=3)
    if args.robustness:
        robustness(range(25_000, 25_000 + n // 2))
    speed(args.repeats, clock)


if __name__ == "__main__":
    main()
