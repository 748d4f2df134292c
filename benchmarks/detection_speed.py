"""Compare the speed of detection with that of scikit-image and of a reference implementation.

All implementations process the same frames alternately, for several rounds; the table shows medians of their times and
of the ratios within each round, so that other load on the machine affects all of them. `--clock cpu` compares
processor times, which depend less on other load; the table of threads always uses the wall clock. The reference runs in
a separate interpreter (`--reference`, one in which playNano 0.5.0 is installed).
"""

from __future__ import annotations

import argparse
import platform
import subprocess
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from skimage.feature import blob_log
from skimage.measure import label, regionprops_table

from playNano.algorithms.blobs import BlobOptions, find_blobs
from playNano.algorithms.regions import RegionOptions, find_regions

LEVEL = 1.5
AT_LEAST_S = 0.5
PROPERTIES = ("label", "area", "centroid", "bbox", "intensity_min", "intensity_max", "intensity_mean")

# Runs in the reference's interpreter: for each line of input it prints the time of one run, s.
REFERENCE = """
import logging, sys, time
logging.disable(logging.CRITICAL)
clock = time.process_time if sys.argv[1] == "cpu" else time.perf_counter
import numpy as np
from pathlib import Path
from playnano.afm_stack import AFMImageStack
from playnano.analysis.modules.feature_detection import FeatureDetectionModule
from playnano.analysis.modules.log_blob_detection import LoGBlobDetectionModule
answer, sys.stdout = sys.stdout, sys.stderr
for line in sys.stdin:
    kind, path = line.split()
    frames = np.load(path)
    stack = AFMImageStack(frames, 1.0, "h", Path("movie"), [{"timestamp": float(i)} for i in range(len(frames))])
    start = clock()
    if kind == "regions":
        FeatureDetectionModule().run(stack, mask_fn=lambda frame: frame > LEVEL)
    else:
        LoGBlobDetectionModule().run(stack)
    print(clock() - start, file=answer, flush=True)
""".replace("LEVEL", str(LEVEL))


def movie(
    n_frames: int, side: int, particles: int, sigma: tuple[float, float], noise: float, seed: int
) -> np.ndarray:
    """Return Gaussian particles 5 nm high on white noise, float32."""
    rng = np.random.default_rng(seed)
    frames = rng.normal(0, noise, (n_frames, side, side))
    grid = np.arange(side)
    for frame in frames:
        for _ in range(particles):
            y, x = rng.uniform(0, side, 2)
            s = rng.uniform(*sigma)
            rows, cols = (slice(max(int(c - 5 * s), 0), int(c + 5 * s) + 1) for c in (y, x))
            frame[rows, cols] += 5 * np.exp(
                -((grid[rows, None] - y) ** 2 + (grid[None, cols] - x) ** 2) / (2 * s * s)
            )
    return frames.astype(np.float32)


class Reference:
    """Reference implementation in its own interpreter."""

    def __init__(self, python: str, clock: str) -> None:
        self.process = subprocess.Popen(
            [python, "-c", REFERENCE, clock],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def run(self, kind: str, path: Path) -> float:
        """Return the time of one run, s."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{kind} {path}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def close(self) -> None:
        """End the interpreter."""
        self.process.communicate()


def timed(call: Callable[[], object], clock: str) -> Callable[[], float]:
    now = time.process_time if clock == "cpu" else time.perf_counter

    def seconds() -> float:
        # Short calls are repeated, so that the data are in the processor's caches.
        start, calls = now(), 0
        while calls == 0 or now() - start < AT_LEAST_S:
            call()
            calls += 1
        return (now() - start) / calls

    return seconds


def compete(contestants: dict[str, Callable[[], float]], rounds: int, n_frames: int) -> dict[str, np.ndarray]:
    """Run all once to warm up and then alternately; return the times of each round, ms per frame."""
    for run in contestants.values():
        run()
    times: dict[str, list[float]] = {name: [] for name in contestants}
    names = list(contestants)
    for first in range(rounds):
        # The order changes between rounds, because the previous run affects the caches and the processor's clock.
        for i in range(len(names)):
            name = names[(first + i) % len(names)]
            times[name].append(contestants[name]() / n_frames * 1e3)
    return {name: np.array(t) for name, t in times.items()}


def by_scikit_image(frames: np.ndarray) -> None:
    for frame in frames:
        regionprops_table(label(frame > LEVEL, connectivity=2), frame, properties=PROPERTIES)


def by_blob_log(frames: np.ndarray) -> None:
    for frame in frames:
        blob_log(frame, 1, 5, 10, threshold=0.1, overlap=0.5)


def through_module(frames: np.ndarray) -> None:
    from playNano.afm_stack import AFMImageStack
    from playNano.analysis.modules.feature_detection import FeatureDetectionModule

    stack = AFMImageStack(frames, 1.0, "h", Path("movie"))
    FeatureDetectionModule().run(stack, mask_fn=lambda frame: frame > LEVEL)


def in_threads(frames: np.ndarray, workers: int, call: Callable[[np.ndarray], object]) -> None:
    """Run `call` on four blocks of frames in a pool."""
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(call, np.array_split(frames, 4)))


def regions(
    frames: np.ndarray, reference: Reference | None, path: Path, args: argparse.Namespace
) -> tuple[dict, float]:
    """Time region detection on one movie; times include the computation of the masks."""
    contestants = {
        "basic": timed(lambda: find_regions(frames, frames > LEVEL, properties="basic"), args.clock),
        "full": timed(lambda: find_regions(frames, frames > LEVEL), args.clock),
        "full, zero": timed(
            lambda: find_regions(frames, frames > LEVEL, RegionOptions(background="zero")), args.clock
        ),
        "module": timed(lambda: through_module(frames), args.clock),
        "scikit-image": timed(lambda: by_scikit_image(frames), args.clock),
    }
    if reference is not None:
        contestants["reference"] = lambda: reference.run("regions", path)
    per_frame = len(find_regions(frames, frames > LEVEL, properties="basic").table) / len(frames)
    return compete(contestants, args.rounds, len(frames)), per_frame


def blobs(
    frames: np.ndarray, reference: Reference | None, path: Path, args: argparse.Namespace
) -> tuple[dict, float]:
    """Time blob detection on one movie."""
    contestants = {
        "exact": timed(lambda: find_blobs(frames), args.clock),
        "fast": timed(lambda: find_blobs(frames, BlobOptions(mode="fast")), args.clock),
        "exact, fitted": timed(
            lambda: find_blobs(frames, BlobOptions(subpixel=True, fit="gaussian")), args.clock
        ),
        "blob_log": timed(lambda: by_blob_log(frames), args.clock),
    }
    if reference is not None:
        contestants["reference"] = lambda: reference.run("blobs", path)
    return compete(contestants, args.rounds, len(frames)), len(find_blobs(frames)) / len(frames)


def row(name: str, per_frame: float, times: dict[str, np.ndarray], over: tuple[str, ...]) -> str:
    cells = [name, f"{per_frame:.0f}", *(f"{np.median(t):.3g}" for t in times.values())]
    pairs = (pair.split(" / ") for pair in over)
    cells += [f"**{np.median(times[a] / times[b]):.3g}**" for a, b in pairs if a in times]
    return "| " + " | ".join(cells) + " |"


def table(title: str, rows: list[tuple[str, dict, float]], over: tuple[str, ...]) -> list[str]:
    names = list(rows[0][1])
    ratios = [pair for pair in over if pair.split(" / ")[0] in names]
    head = ["movie", "detections a frame", *names, *ratios]
    lines = [f"## {title}", "", "ms a frame, ratios in bold.", "", "| " + " | ".join(head) + " |"]
    lines.append("|" + "---|" * len(head))
    lines += [row(name, per_frame, times, over) for name, times, per_frame in rows]
    return [*lines, ""]


def threads(rounds: int, quick: bool) -> list[str]:
    """Compare one and two threads over blocks of frames."""
    lines = [
        "## Two threads over blocks of frames",
        "",
        "| | one, ms a frame | two | ratio |",
        "|---|---|---|---|",
    ]
    for name, n, side, particles, call in (
        ("regions, full, 256 x 256", 200, 256, 40, lambda f: find_regions(f, f > LEVEL)),
        ("regions, full, 1024 x 1024", 16, 1024, 450, lambda f: find_regions(f, f > LEVEL)),
        ("blobs, exact, 256 x 256", 16, 256, 40, lambda f: find_blobs(f, BlobOptions(threshold=0.5))),
    ):
        frames = movie(4 if quick else n, side, particles, (2, 3.5), 0.3, seed=5)
        times = compete(
            {str(w): timed(lambda w=w, f=frames, c=call: in_threads(f, w, c), "wall") for w in (1, 2)},
            rounds,
            len(frames),
        )
        one, two = times["1"], times["2"]
        ratio = np.median(one / two)
        lines.append(f"| {name} | {np.median(one):.3g} | {np.median(two):.3g} | **{ratio:.2f}** |")
    return [*lines, ""]


def report(args: argparse.Namespace) -> str:
    reference = Reference(args.reference, args.clock) if args.reference else None
    shapes = (
        ("256 x 256, 40 particles", 60, 256, 40, (2.0, 3.5)),
        ("256 x 256, 400 small particles", 30, 256, 400, (1.2, 2.0)),
        ("1024 x 1024, 450 particles", 4, 1024, 450, (2.0, 3.5)),
    )
    noises = (
        ("256 x 256, 40 particles, noise 0.05 nm", 3, 0.05),
        ("256 x 256, 40 particles, noise 0.3 nm", 1, 0.3),
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "movie.npy"
        region_rows, blob_rows = [], []
        for name, n, side, particles, sigma in shapes:
            frames = movie(2 if args.quick else n, side, particles, sigma, 0.3, seed=1)
            np.save(path, frames)
            times, per_frame = regions(frames, reference, path, args)
            region_rows.append((name, times, per_frame))
        for name, n, noise in noises:
            frames = movie(1 if args.quick else n, 256, 40, (2.0, 3.5), noise, seed=2)
            np.save(path, frames)
            times, per_frame = blobs(frames, reference, path, args)
            blob_rows.append((name, times, per_frame))
    if reference is not None:
        reference.close()
    given = " --reference INTERPRETER" if args.reference else ""
    command = f"python benchmarks/detection_speed.py{given} --rounds {args.rounds} --clock {args.clock}"
    command += " --threads" if args.threads else ""
    lines = [
        "# Speed of detection",
        "",
        f"Made by `{command}`: medians of {args.rounds}.",
        "",
        machine(),
        "",
    ]
    lines += table(
        "Regions",
        region_rows,
        (
            "reference / module",
            "reference / basic",
            "reference / full",
            "scikit-image / basic",
            "full / basic",
        ),
    )
    lines += table("Blobs", blob_rows, ("blob_log / exact", "blob_log / fast", "reference / exact"))
    if args.threads:
        lines += threads(args.rounds, args.quick)
    return "\n".join([*lines, NOTES])


NOTES = """`basic` has the contract's statistics, `full` every property with the background from an annulus around each
region, `full, zero` the same without the annulus. `module` is `feature_detection` as it is called by a user,
`reference` the same call of playNano 0.5.0; by the wall clock the module has the two processors of the machine, all
others run on one. Masks are made inside the time of all of them. The reference and blob_log spend most of their time on
noise in pruning pairs one by one, which is why the ratios rise with noise.

A region costs `full` some microseconds beyond `basic`, most of it for the pixels of its annulus and their
median. Where a frame has hundreds of small regions that adds up to two to three times what `basic` takes, so that
`full / basic` is highest there. The machine is a virtual one with neighbours: ratios of single rounds differ by a
third, medians of ten rounds by a tenth.
"""


def machine() -> str:
    import cv2
    import numba
    import scipy
    import skimage

    parts = {"Python": platform.python_version(), "numpy": np.__version__, "scipy": scipy.__version__}
    parts |= {"numba": numba.__version__, "scikit-image": skimage.__version__, "OpenCV": cv2.__version__}
    return f"{platform.machine()}, " + ", ".join(f"{name} {version}" for name, version in parts.items())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reference", help="interpreter in which the reference implementation is installed")
    parser.add_argument("--rounds", type=int, default=21, help="turns of each contestant")
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall", help="what time to compare")
    parser.add_argument(
        "--threads", action="store_true", help="compare one and two threads too; needs a quiet machine"
    )
    parser.add_argument("--quick", action="store_true", help="few frames, to see that it runs")
    parser.add_argument("--output", type=Path, help="where to write the table")
    args = parser.parse_args()
    text = report(args)
    if args.output:
        args.output.parent.mkdir(parents=True, exist_ok=True)
        args.output.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
