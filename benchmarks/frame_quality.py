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
from scipy import ndimage

from playNano.algorithms.quality.figures import frame_figures
from playNano.algorithms.quality.limits import QualityLimits
from playNano.algorithms.quality.quality import frame_quality, judge_frames


def simulator(name):
    """Return one of the modules of simulated movies that the tests use too."""
    file = Path(__file__).resolve().parents[1] / "tests" / "algorithms" / "quality" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


fault_movies = simulator("fault_movies")
changing_movies = simulator("changing_movies")

LOST = ("blank", "torn", "partly_torn")
FLAGS = ("blank", "saturated", "torn", "partly_torn", "repeat", "scrambled", "scars", "jump", "rough")


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


def spoil(movie, seed, correlation):
    """Replace five frames by frames without an observation, and return their numbers by kind."""
    rng = np.random.default_rng(seed)
    quiet, repeated, *shuffled = (int(k) for k in rng.choice(np.arange(1, len(movie)), 5, replace=False))
    h, w = movie.shape[1:]
    tilt = rng.normal(0, 0.1, 2)
    movie[quiet] = np.median(movie[quiet]) + tilt[0] * changing_movies.Y + tilt[1] * changing_movies.X
    noise = rng.normal(0, 1, (h, w))
    noise = ndimage.gaussian_filter1d(noise, correlation, axis=1) if correlation else noise
    movie[quiet] += 0.0075 * noise / noise.std()
    movie[shuffled[0]] = rng.permutation(movie[shuffled[0]].ravel()).reshape(h, w)
    movie[shuffled[1]] = rng.permutation(movie[shuffled[1]], axis=0)
    movie[shuffled[2]] = rng.permutation(movie[shuffled[2]], axis=1)
    movie[repeated] = movie[repeated - 1]
    names = ("out of contact", "repeat", "pixels shuffled", "lines shuffled", "columns shuffled")
    return dict(zip(names, (quiet, repeated, *shuffled), strict=True))


def changing(seeds):
    """Print what is flagged in movies of samples that change, whole and with five spoiled frames each."""
    print("\n## Samples that change: frames flagged without a fault, and faults that are flagged unusable\n")
    names = None
    for change in changing_movies.CHANGES:
        false, jumps, hits, frames = 0, 0, {}, 0
        for seed in seeds:
            correlation = 1.5 * (seed % 2)
            movie = changing_movies.changing_movie(change, seed, correlation=correlation)
            table = frame_quality(movie).table
            false, jumps, frames = (
                false + int((~table["usable"]).sum()),
                jumps + int(table["jump"].sum()),
                frames + len(table),
            )
            bad = spoil(movie, seed, correlation)
            usable = frame_quality(movie).table["usable"]
            for name, k in bad.items():
                hits[name] = hits.get(name, 0) + (not usable[k])
            others = usable.drop(list(bad.values()))
            hits["false"] = hits.get("false", 0) + int((~others).sum())
        if names is None:
            names = list(hits)
            print(f"| sample | frames | unusable | jump | {' | '.join(names)} |")
            print("|---" * (len(names) + 4) + "|")
        print(
            f"| {change.__name__.replace('_', ' ')} | {frames} | {false} | {jumps} | "
            + " | ".join(f"{hits[name]}" + (f" of {len(seeds)}" if name != "false" else "") for name in names)
            + " |"
        )


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
    changing(range(26_000, 26_000 + max(n // 3, 2)))
    if args.robustness:
        robustness(range(25_000, 25_000 + n // 2))
    speed(args.repeats, clock)


if __name__ == "__main__":
    main()
