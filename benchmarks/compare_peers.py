"""Compare the speed of processing and detection with that of the published peer package.

The peer (`playNano==0.5.0` from the package index; its module is `playnano`) runs in a separate virtual environment,
which is created here unless `--peer-python` names an interpreter in which it is installed. Both process the same movie
alternately, so that other load on the machine affects both; the table shows medians and their ratios. The time to copy
the movie to newly allocated memory is given as a lower bound of every step.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import venv
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from numba import njit

PEER = "playNano==0.5.0"
LEVELLING = ("remove_plane", "polynomial_flatten", "row_median_align", "gaussian_filter")
PARAMS: dict[str, dict[str, float]] = {"polynomial_flatten": {"order": 2}, "gaussian_filter": {"sigma": 1.0}}
BARS = {
    "remove_plane": 30, "polynomial_flatten": 40, "row_median_align": 4, "gaussian_filter": 6,
    "feature_detection, 40 a frame": 30, "feature_detection, 400 a frame": 60,
}  # fmt: skip
LEVEL = 1.5

# Runs in the peer's interpreter: for each line of input it prints the time of one run, s.
PEER_SIDE = """
import logging, sys, time
logging.disable(logging.CRITICAL)
import numpy as np
from functools import partial
from pathlib import Path
from playnano.afm_stack import AFMImageStack
from playnano.processing.pipeline import ProcessingPipeline
from playnano.analysis.modules.feature_detection import FeatureDetectionModule
PARAMS = {"polynomial_flatten": {"order": 2}, "gaussian_filter": {"sigma": 1.0}}
answer, sys.stdout = sys.stdout, sys.stderr
for line in sys.stdin:
    step, path = line.split()
    frames = np.load(path)
    stack = AFMImageStack(frames, 1.0, "h", Path("m"), [{"timestamp": float(i)} for i in range(len(frames))])
    if step == "feature_detection":
        start = time.perf_counter()
        FeatureDetectionModule().run(stack, mask_fn=lambda frame: frame > LEVEL)
    else:
        pipeline = ProcessingPipeline(stack)
        pipeline.add_filter(step, **PARAMS.get(step, {}))
        start = time.perf_counter()
        pipeline.run()
    print(time.perf_counter() - start, file=answer, flush=True)
""".replace("LEVEL", str(LEVEL))


def movie(n_frames: int, side: int, particles: int, seed: int = 0) -> np.ndarray:
    """Return Gaussian particles 5 nm high on noise of 0.2 nm, float32; 40 are wide, 400 narrow."""
    rng = np.random.default_rng(seed)
    sigma = 3.0 if particles < 100 else 1.5
    frames = rng.normal(0, 0.2, (n_frames, side, side))
    grid = np.arange(side)
    for frame in frames:
        for y, x in rng.uniform(3 * sigma, side - 3 * sigma, (particles, 2)):
            column, row = (np.exp(-((grid - c) ** 2) / (2 * sigma**2)) for c in (y, x))
            frame += 5 * column[:, None] * row
    return frames.astype(np.float32)


def tilted(frames: np.ndarray) -> np.ndarray:
    """Add tilt, bow and line offsets to a movie, as in raw data."""
    rng = np.random.default_rng(1)
    y, x = np.mgrid[: frames.shape[1], : frames.shape[2]]
    ground = 0.05 * x - 0.03 * y + 2e-4 * (x - 100.0) ** 2 + 450
    return (frames + ground + rng.normal(0, 1, (*frames.shape[:2], 1))).astype(np.float32)


class Peer:
    """Peer package in its own interpreter, if there is one."""

    def __init__(self, python: str | None) -> None:
        self.process = python and subprocess.Popen(
            [python, "-c", PEER_SIDE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __call__(self, step: str, path: Path) -> float:
        if not self.process:
            return float("nan")
        self.process.stdin.write(f"{step} {path}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def close(self) -> None:
        if self.process:
            self.process.stdin.close()
            self.process.wait(timeout=20)


def timed(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def run_steps(frames: np.ndarray, steps: tuple[str, ...], workers: int) -> np.ndarray:
    from playNano.afm_stack import AFMImageStack
    from playNano.processing.pipeline import ProcessingPipeline

    pipeline = ProcessingPipeline(AFMImageStack(frames, 1.0, "h", "m"))
    for step in steps:
        pipeline.add_filter(step, **PARAMS.get(step, {}))
    return pipeline.run(workers=workers)


def detect(frames: np.ndarray, workers: int) -> int:
    from playNano.afm_stack import AFMImageStack
    from playNano.analysis.modules.feature_detection import FeatureDetectionModule
    from playNano.core import executor

    stack = AFMImageStack(frames, 1.0, "h", "m", [{"timestamp": float(i)} for i in range(len(frames))])
    usual, executor.default_workers = executor.default_workers, lambda: workers
    try:
        found = FeatureDetectionModule().run(stack, mask_fn="mask_threshold", threshold=LEVEL)
    finally:
        executor.default_workers = usual
    return found["summary"]["total_features"]


def busy(threads: int) -> None:
    """Count in compiled code without the interpreter's lock, to measure the maximum speed-up by threads."""
    workers = [threading.Thread(target=_count, args=(COUNTED // threads,)) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


COUNTED = 60_000_000


@njit(nogil=True)
def _count(n: int) -> float:
    total = 0.0
    for i in range(n):
        total += (i * 1.0000001) % 3.0
    return total


def make_peer() -> str:
    """Create an environment with the peer from the package index; return its interpreter."""
    folder = Path(tempfile.mkdtemp(prefix="playnano-peer-"))
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", PEER], check=True)
    return str(python)


def contest(
    frames: int, side: int, peer_frames: int, rounds: int, peer: Peer, folder: Path
) -> dict[str, list]:
    """Return name -> rounds of (one thread, two threads, peer, copy), ms per frame."""
    sparse, dense = movie(frames, side, 40), movie(frames, side, 400)
    raw = tilted(sparse)
    jobs: list[tuple[str, np.ndarray, Callable[[int], object], str | None]] = [
        (step, raw, lambda workers, step=step: run_steps(raw, (step,), workers), step) for step in LEVELLING
    ]
    jobs.append(("all four, one pipeline", raw, lambda workers: run_steps(raw, LEVELLING, workers), None))
    for count, data in ((40, sparse), (400, dense)):
        name = f"feature_detection, {count} a frame"
        jobs.append((name, data, lambda workers, data=data: detect(data, workers), "feature_detection"))
    jobs.append(
        ("level + detect", raw, lambda workers: detect(run_steps(raw, LEVELLING, workers), workers), None)
    )
    results: dict[str, list] = {}
    jobs.append(("(counting, no memory)", sparse, busy, None))
    for name, data, job, peer_step in jobs:
        path = folder / f"{len(results)}.npy"
        np.save(path, data[:peer_frames])
        job(1), job(2)
        results[name] = []
        for _ in range(rounds):
            theirs = peer(peer_step, path) / peer_frames if peer_step else float("nan")
            row = (timed(partial(job, 1)) / frames, timed(partial(job, 2)) / frames, theirs)
            results[name].append([1e3 * value for value in (*row, timed(data.copy) / frames)])
    return results


def table(results: dict[str, list]) -> str:
    lines = [
        "| step | 1 thread, ms/frame | 2 threads | peer | peer / ours (2 threads) | bar | 1 / 2 threads | copy |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, rounds in results.items():
        one, two, peer, copy = (statistics.median(column) for column in zip(*rounds, strict=True))
        ratio = statistics.median(r[2] / r[1] for r in rounds)
        faster = statistics.median(r[0] / r[1] for r in rounds)
        shown, theirs = (f"{ratio:.0f} x", f"{peer:.2f}") if ratio == ratio else ("", "")
        bar = f"{BARS[name]} x" if name in BARS else ""
        lines.append(
            f"| {name} | {one:.3f} | {two:.3f} | {theirs} | {shown} | {bar} | {faster:.2f} | {copy:.3f} |"
        )
    four = results["all four, one pipeline"]
    share = statistics.median(r[1] / 4 / r[3] for r in four)
    single = statistics.median(r[0] / 4 / r[3] for r in four)
    lines += [
        "",
        f"All four steps in one pipeline: a step takes {share:.1f} times one copy of the movie with two ",
    ]
    lines[-1] += f"threads, {single:.1f} times with one (bar: 12)."
    lines += [
        "",
        "The last row is what two threads can give on this machine at the same time (bar for level + detect: 1.6).",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--peer-python", help="an interpreter that has the peer; 'none' leaves it out")
    parser.add_argument("--frames", type=int, default=200)
    parser.add_argument("--peer-frames", type=int, default=20)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output", type=Path, help="write the table to this file")
    given = parser.parse_args()
    python = None if given.peer_python == "none" else given.peer_python or make_peer()
    peer = Peer(python)
    with tempfile.TemporaryDirectory() as folder:
        results = contest(given.frames, given.side, given.peer_frames, given.rounds, peer, Path(folder))
    peer.close()
    loads = ", ".join(f"{load:.1f}" for load in os.getloadavg()) if hasattr(os, "getloadavg") else "?"
    text = "\n".join(
        [
            "# playNano and its peer",
            "",
            f"`python benchmarks/compare_peers.py {' '.join(sys.argv[1:])}`",
            "",
            f"{given.frames} frames of {given.side} x {given.side} px, float32 (the peer: {given.peer_frames} of "
            f"them); medians of {given.rounds} rounds, in turns. {platform.processor() or platform.machine()}, "
            f"{os.cpu_count()} processors, load {loads} (other work ran on the machine where that is above 2).",
            "",
            table(results),
            "",
        ]
    )
    print(text)
    if given.output:
        given.output.parent.mkdir(parents=True, exist_ok=True)
        given.output.write_text(text)


if __name__ == "__main__":
    main()
