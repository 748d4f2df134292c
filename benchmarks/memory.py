"""Measure the peak memory of levelling, detection and tracking against the length of a movie on disk.

A movie is generated as OME-Zarr in blocks of frames; every length is measured in a separate process. The movie is
deleted afterwards unless `--keep` is given.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

STEPS = "remove_plane;polynomial_flatten:order=2;row_median_align;gaussian_filter:sigma=1"
MODULES = (
    "feature_detection:mask_fn=mask_threshold,threshold=1.5,min_size=10;particle_tracking:max_distance=5"
)
PARTICLES = 40
LEVEL_NM = 0.02
"""Step of the simulated converter, nm."""


def make_block(
    template: np.ndarray, places: np.ndarray, noise: np.ndarray, start: int, stop: int
) -> np.ndarray:
    """Simulate frames of drifting particles on a tilted plane, with noise, quantised in steps of the converter."""
    side = noise.shape[-1]
    y, x = np.mgrid[:side, :side]
    ground = 0.05 * x - 0.03 * y + 450
    frames = np.empty((stop - start, side, side), np.float32)
    edge = template.shape[0]
    for i, frame in enumerate(range(start, stop)):
        values = ground + np.roll(noise[frame % len(noise)], 37 * frame, axis=1)
        walk = 20 * np.sin(frame / 200.0 + np.arange(len(places)))
        for (row, column), shift in zip(places, walk, strict=True):
            r, c = int(row + shift), int(column + shift / 2)
            values[r : r + edge, c : c + edge] += template
        frames[i] = np.round(values / LEVEL_NM) * LEVEL_NM
    return frames


def generate(path: Path, n_frames: int, side: int) -> None:
    import dask.array

    from playNano.afm_stack import AFMImageStack
    from playNano.core.lazy import frames_per_chunk
    from playNano.io.export.ome_zarr import write_ome_zarr

    rng = np.random.default_rng(0)
    grid = np.arange(-10, 11)
    template = 5 * np.exp(-(grid[:, None] ** 2 + grid**2) / (2 * 3.0**2))
    cells = rng.permutation((side // 60) ** 2)[:PARTICLES]
    places = np.stack(np.divmod(cells, side // 60), axis=1) * ((side - 62) // (side // 60)) + 21
    noise = rng.normal(0, 0.2, (16, side, side))
    chunk = frames_per_chunk((n_frames, side, side), 4)

    def block(block_info: dict) -> np.ndarray:
        (start, stop), *_ = block_info[None]["array-location"]
        return make_block(template, places, noise, start, stop)

    sizes = [min(chunk, n_frames - start) for start in range(0, n_frames, chunk)]
    data = dask.array.map_blocks(
        block, dtype=np.float32, chunks=(tuple(sizes), (side,), (side,)), meta=np.empty((0, 0, 0), np.float32)
    )
    times = [{"timestamp": 0.1 * i} for i in range(n_frames)]
    write_ome_zarr(AFMImageStack(data, 1.0, "height", "generated", times), path)


def measure(path: str, n_frames: int) -> None:
    """Analyse the first frames and print time and memory as JSON."""
    from playNano.analysis.pipeline import AnalysisPipeline
    from playNano.io.loader import load_afm_stack
    from playNano.processing.pipeline import ProcessingPipeline

    stack = load_afm_stack(path, lazy=True)[:n_frames]
    start, stack.file_path = time.perf_counter(), Path("generated")
    ProcessingPipeline(stack).add_steps(STEPS).run()
    record = AnalysisPipeline().add_steps(MODULES).run(stack)
    seconds = time.perf_counter() - start
    features, tracks = (outputs["table"] for outputs in record["analysis"].values())
    print(
        json.dumps(
            {
                "frames": n_frames,
                "movie_gib": 4 * n_frames * stack.height * stack.width / 2**30,
                "seconds": seconds,
                "detections": len(features),
                "tracks": record["analysis"]["step_2_particle_tracking"]["n_tracks"],
                "tables_mib": sum(t.memory_usage(deep=True).sum() for t in (features, tracks)) / 2**20,
                "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
        )
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=int, nargs="+", default=[2500, 5000, 10_000])
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument(
        "--folder", type=Path, help="where the movie is generated; by default a temporary folder"
    )
    parser.add_argument("--keep", action="store_true", help="leave the movie in its folder")
    parser.add_argument("--output", type=Path, help="write the table to this file")
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        measure(given.measure[0], int(given.measure[1]))
        return
    folder = given.folder or Path(tempfile.mkdtemp(prefix="playnano-memory-"))
    path = folder / "movie.ome.zarr"
    rows = []
    try:
        if not path.exists():
            started = time.perf_counter()
            generate(path, max(given.frames), given.side)
            print(f"generated in {time.perf_counter() - started:.0f} s", file=sys.stderr)
        for n_frames in given.frames:
            command = [sys.executable, __file__, "--measure", str(path), str(n_frames)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            rows.append(json.loads(done.stdout))
            print(rows[-1], file=sys.stderr)
    finally:
        if not given.keep:
            shutil.rmtree(folder if given.folder is None else path, ignore_errors=True)
    text = report(rows, given.side)
    print(text)
    if given.output:
        given.output.parent.mkdir(parents=True, exist_ok=True)
        given.output.write_text(text)


def report(rows: list[dict], side: int) -> str:
    lines = [
        "# Peak memory against the length of a movie",
        "",
        f"`python benchmarks/memory.py {' '.join(sys.argv[1:])}`",
        "",
        f"Frames of {side} x {side} px, float32, as OME-Zarr on disk; four levelling steps, feature_detection, "
        f"particle_tracking. {platform.machine()}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}.",
        "",
        "| frames | movie, GiB | seconds | detections | tracks | tables, MiB | peak RSS, MiB |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        lines.append(
            f"| {row['frames']} | {row['movie_gib']:.2f} | {row['seconds']:.0f} | {row['detections']} "
            f"| {row['tracks']} | {row['tables_mib']:.0f} | {row['peak_mib']:.0f} |"
        )
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
