"""Accuracy, time and memory of the step `align_drift` beside other programs, on movies whose drift is known.

    python benchmarks/drift.py --peer-python PEER/bin/python --data DATA --output benchmarks/results/drift.md

The peer (`playNano==0.5.0`, module `playnano`) runs in an interpreter of its own. `--data` is a folder with
`asd/lattice_v1_unipolar.asd`; without it the real lattice is left out.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import cv2
import numpy as np
from drift_scenes import make_scene
from scipy import ndimage
from skimage.registration import phase_cross_correlation

from playNano import AFMImageStack, ProcessingPipeline, load_afm_stack
from playNano.io.export.ome_zarr import write_ome_zarr

FIRST_SEED = 7000
SCENES = [(name, drifting) for drifting in (True, False) for name in ("lattice", "DNA", "motors")]
SCENES += [("nothing fixed", True)]
BARS = {("lattice", True): 0.05, ("DNA", True): 0.15, ("motors", True): 0.7,
        ("lattice", False): 0.05, ("DNA", False): 0.1, ("motors", False): 0.3}  # fmt: skip

PEER_SIDE = """
import logging, sys, time
logging.disable(logging.CRITICAL)
import numpy as np
from playnano.processing.video_processing import align_frames, rolling_frame_align
movie = np.load(sys.argv[1]).astype(float)
out = {}
ways = (
    ("align_frames", align_frames, {"pre_filter_sigma": 1.0}),
    ("align_frames_jump", align_frames, {"pre_filter_sigma": 1.0, "max_jump": 3}),
    ("rolling_frame_align", rolling_frame_align, {"pre_filter_sigma": 1.0}),
)
for name, function, options in ways[:int(sys.argv[3])]:
    began = time.process_time()
    try:
        out[name] = -np.asarray(function(movie, **options)[1]["shifts"], float)
    except Exception as error:
        out[name] = np.full((len(movie), 2), np.nan)
    out[name + "_s"] = time.process_time() - began
np.savez(sys.argv[2], **out)
"""


def ours(movie, **options):
    """Return the drift, px, the record of the step, and the processor time, s."""
    stack = AFMImageStack(movie, 1.0, "height", "movie.npy")
    began = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ProcessingPipeline(stack).add_filter("align_drift", apply="coordinates", **options).run()
    spent = time.process_time() - began
    entry = stack.provenance["processing"]["steps"][-1]["drift"]
    entry["warned"] = stack.provenance["warnings"]
    return np.array([m.get("drift_nm", (0.0, 0.0)) for m in stack.frame_metadata]), entry, spent


def phase(movie):
    """Return the drift by phase correlation with frame 0."""
    reference = movie[0]
    return np.array([-phase_cross_correlation(reference, frame, upsample_factor=20)[0] for frame in movie])


def ecc(movie):
    """Return the drift by the enhanced correlation coefficient with frame 0, each frame from the last shift."""
    warp, out = np.eye(2, 3, dtype=np.float32), []
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 100, 1e-5)
    for frame in movie:
        last = warp.copy()
        try:
            warp = cv2.findTransformECC(movie[0], frame, warp, cv2.MOTION_TRANSLATION, stop, None, 5)[1]
        except cv2.error:
            warp = last
        out.append(warp[::-1, 2].astype(float))
    return np.array(out)


def peer(movie, python, ways=3):
    """Return the results of the published peer, by the first of its ways."""
    with tempfile.TemporaryDirectory() as folder:
        given, made = Path(folder) / "movie.npy", Path(folder) / "out.npz"
        np.save(given, movie)
        subprocess.run([python, "-c", PEER_SIDE, str(given), str(made), str(ways)], check=True)
        return dict(np.load(made))


def others(movie, python):
    """Return the drift by the other programs."""
    none = np.full((len(movie), 2), np.nan)
    made = peer(movie, python) if python else {}
    keys = ("align_frames", "align_frames_jump", "rolling_frame_align")
    return [*(made.get(key, none) for key in keys), phase(movie), ecc(movie)]


def rms(found, scene):
    """Return the root mean square error of a drift in usable frames, px."""
    error = (found - scene.drift)[scene.good]
    error = error - error.mean(axis=0)
    return float(np.sqrt((error**2).sum(axis=1).mean()))


def accuracy(trials, peer_trials, python):
    """Return the table of errors; other programs, which take longer, see the first seeds only."""
    columns = ["ours", "peer align_frames", "peer, max_jump=3", "peer rolling", "phase correlation", "ECC"]
    lines = [f"| movie | {' | '.join(columns)} | bar | met | warned |", "| --- " * (len(columns) + 4) + "|"]
    for name, drifting in SCENES:
        errors, warned = [], 0
        for seed in range(FIRST_SEED, FIRST_SEED + trials):
            scene = make_scene(name, seed, drifting=drifting)
            drift, entry, _ = ours(scene.movie)
            warned += any("cannot be told apart" in text for text in entry["warned"])
            found = [drift]
            if seed < FIRST_SEED + peer_trials:
                found += others(scene.movie, python)
            found += [np.full_like(drift, np.nan)] * (len(columns) - len(found))
            errors.append([rms(one, scene) for one in found])
            print(
                name, drifting, seed, np.round(errors[-1], 3), entry["method"], entry["verdict"], flush=True
            )
        table = np.array(errors)
        bar = BARS.get((name, drifting))
        good = int(np.count_nonzero(table[:, 0] <= bar)) if bar else warned
        cells = [f"{table[:, 0].min():.3f} to {table[:, 0].max():.3f}"]
        cells += [f"{value:.2f}" for value in np.nanmedian(table[:peer_trials, 1:], axis=0)]
        label = name if drifting else f"{name}, no drift"
        shown = f"{bar:g}" if bar else "a warning"
        lines.append(f"| {label} | {' | '.join(cells)} | {shown} | {good} of {trials} | {warned} |")
    return lines


def real(data, python):
    """Return the agreement of halves of a real lattice, and planted shifts that are recovered."""
    stack = load_afm_stack(Path(data) / "asd" / "lattice_v1_unipolar.asd", channel="TP")
    # From frame 22 on no lattice is to be seen.
    ProcessingPipeline(stack).add_steps("select_frames:frames=0:22;remove_plane;row_median_align").run()
    movie = np.asarray(stack.data, np.float32)
    drift, entry, _ = ours(movie)
    vectors = np.array(entry.get("lattice_vectors_px", [[0, 0]]))
    moved = [_moved_back(movie, way) for way in (drift, *others(movie, python))]
    none, halves = _halves(movie, moved[0]), [_halves(m, m) for m in moved]
    names = ("aligned", "peer align_frames", "peer, max_jump=3", "peer rolling", "phase correlation", "ECC")
    rng = np.random.default_rng(FIRST_SEED)
    n = len(movie)
    ways = {
        "random walk, 0.3 px a frame": rng.normal(0, 0.3, (n, 2)).cumsum(axis=0),
        "ramp of 5 px along y": np.linspace(0, 1, n)[:, None] * (5.0, 0.0),
        f"ramp of one lattice vector ({vectors[0][0]:.1f}, {vectors[0][1]:.1f}) px": np.linspace(0, 1, n)[
            :, None
        ]
        * vectors[0],
    }
    lines = [
        f"lattice_v1_unipolar.asd, {n} frames of {movie.shape[1]} x {movie.shape[2]} px; drift "
        f"{np.ptp(drift[:, 0]):.1f} x {np.ptp(drift[:, 1]):.1f} px, verdict {entry['verdict']!r}, lattice vectors "
        f"{np.round(vectors, 1).tolist()} px.",
        "",
        "| movie | mean of even with mean of odd frames | mean of the first with mean of the second half |",
        "| --- | --- | --- |",
        f"| as recorded | {none[0]:.3f} | {none[1]:.3f} |",
        *(f"| {name} | {agree[0]:.3f} | {agree[1]:.3f} |" for name, agree in zip(names, halves, strict=True)),
        "",
        "| planted | rms error of what was recovered, px |",
        "| --- | --- |",
    ]
    for label, way in ways.items():
        moved = np.array(
            [ndimage.shift(f, w, order=3, mode="nearest") for f, w in zip(movie, way, strict=True)]
        )
        error = ours(moved.astype(np.float32))[0] - drift - way
        error -= error.mean(axis=0)
        lines.append(f"| {label} | {np.sqrt((error**2).sum(axis=1).mean()):.3f} |")
    return lines


def _moved_back(movie, drift):
    """Return a movie without a drift, NaN where nothing was recorded."""
    if not np.isfinite(drift).all():
        return np.full(movie.shape, np.nan)
    return np.array(
        [ndimage.shift(f, -d, order=3, cval=np.nan) for f, d in zip(movie, drift, strict=True)], np.float32
    )


def _halves(movie, known):
    """Return the correlations of means of frames, on the pixels known in all frames of the aligned movie."""
    mask = np.isfinite(known).all(axis=0)
    if np.count_nonzero(mask) < mask.size / 4:
        return float("nan"), float("nan")  # most of the field is lost

    def agree(first, second):
        return float(np.corrcoef(first.mean(axis=0)[mask], second.mean(axis=0)[mask])[0, 1])

    half = len(movie) // 2
    return agree(movie[::2], movie[1::2]), agree(movie[:half], movie[half:])


def timing(python):
    """Return the processor time a frame at 512 x 512 px, with the peer's."""
    lines = [
        "| movie | ours, ms | peer align_frames, ms | ratio, range of three runs |",
        "| --- | --- | --- | --- |",
    ]
    for size, n in ((512, 60), (160, 100)):
        for name in ("lattice", "DNA"):
            movie = make_scene(name, FIRST_SEED + 50, size=size, n=n).movie
            spent, other = np.empty(3), np.full(3, np.nan)
            for run in range(3):
                spent[run] = ours(movie)[2] / n
                if python:
                    other[run] = peer(movie, python, ways=1)["align_frames_s"] / n
            ratio = spent / other
            lines.append(
                f"| {name}, {n} x {size} x {size} | {1e3 * np.median(spent):.0f} | {1e3 * np.median(other):.0f} | "
                f"{ratio.min():.1f} to {ratio.max():.1f} |"
            )
    return lines


def memory(n_frames, size):
    """Align a lazy movie and print the peak memory, MB, and the time, s; run in a process of its own."""
    import dask.array as da

    rng = np.random.default_rng(0)
    surface = ndimage.gaussian_filter(rng.normal(size=(size + 64, size + 64)), 2).astype(np.float32) * 8

    def block(numbers):
        noise = np.random.default_rng(int(numbers[0])).normal(0, 0.1, (len(numbers), size, size))
        at = (np.abs((numbers % 100) - 50) // 2).astype(int)
        return np.stack([surface[a : a + size, a : a + size] for a in at]) + noise.astype(np.float32)

    numbers = da.arange(n_frames, chunks=16)
    movie = numbers.map_blocks(block, dtype=np.float32, new_axis=[1, 2], chunks=(numbers.chunks[0], size, size),
                               meta=np.empty((0, 0, 0), np.float32))  # fmt: skip
    stack = AFMImageStack(movie, 1.0, "height", "movie.zarr")
    began, cpu = time.perf_counter(), time.process_time()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ProcessingPipeline(stack).add_filter("repair_scars").add_filter("align_drift").run()
        write_ome_zarr(stack, Path(folder) / "movie.ome.zarr")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{peak:.0f} {time.perf_counter() - began:.0f} {time.process_time() - cpu:.0f}")


def memory_table(sizes):
    """Return the peak memory of lazy movies of growing length, repaired, aligned and written as OME-Zarr."""
    lines = [
        "| lazy movie | as float32, MB | peak memory, MB | wall time, s | processor time, s |",
        "| --- | --- | --- | --- | --- |",
    ]
    for n, size in sizes:
        out = subprocess.run(
            [sys.executable, __file__, "--memory", str(n), str(size)],
            check=True,
            capture_output=True,
            text=True,
        ).stdout.split()
        lines.append(f"| {n} x {size} x {size} | {n * size**2 * 4 / 2**20:.0f} | {' | '.join(out)} |")
    return lines


def main():
    """Write the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--trials", type=int, default=5)
    parser.add_argument("--peer-trials", type=int, default=2)
    parser.add_argument("--peer-python")
    parser.add_argument("--data")
    parser.add_argument("--output", type=Path)
    parser.add_argument("--long", action="store_true", help="also 10 000 frames of 512 x 512 px")
    parser.add_argument("--memory", nargs=2, type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.memory:
        memory(*given.memory)
        return
    cv2.setNumThreads(1)
    sizes = [(200, 256), (800, 256), (600, 512), *([(10_000, 512)] if given.long else [])]
    text = [
        "# Drift of the movie",
        "",
        f"`python benchmarks/drift.py --trials {given.trials} --peer-trials {given.peer_trials}`, "
        f"Python {platform.python_version()}, load "
        f"{os.getloadavg()[0]:.1f}. Seeds from {FIRST_SEED} on served no development.",
        "",
        "## Errors",
        "",
        "Root mean square error of the drift, px, over the usable frames of movies of 64 frames of 160 x 160 px "
        "(`drift_scenes.py`) with 7 to 18 px of drift: range over the seeds for `align_drift`, medians "
        "over the first seeds for the others. The DNA movies have a torn and a blank frame.",
        "",
        *accuracy(given.trials, given.peer_trials, given.peer_python),
    ]
    if given.data:
        text += ["", "## A real lattice", "", *real(given.data, given.peer_python)]
    text += ["", "## Processor time a frame", "", *timing(given.peer_python)]
    text += ["", "## Memory", "", *memory_table(sizes)]
    report = "\n".join(text) + "\n"
    print(report)
    if given.output:
        given.output.write_text(report)


if __name__ == "__main__":
    main()
