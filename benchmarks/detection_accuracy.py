"""Compare the accuracy of detection, positions and heights with that of other packages.

Particles of known shape, 5 nm high and more than two diameters apart, lie on a background with tilt, bow and line
offsets; white noise is added and the movie levelled by steps of playNano. All packages process the same levelled
frames. trackpy runs in a separate interpreter (`--trackpy`, one in which it is installed).
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter
from skimage.feature import blob_log

from playNano.afm_stack import AFMImageStack
from playNano.analysis.modules.feature_detection import FeatureDetectionModule
from playNano.analysis.modules.log_blob_detection import LoGBlobDetectionModule
from playNano.analysis.modules.peak_detection import PeakDetectionModule
from playNano.metrics import match_points
from playNano.simulate.shapes import Gaussian, Shape, SphericalCap

HEIGHT = 5.0
SIDE = 256
LEVELLING = [
    "remove_plane",
    "row_median_align",
    "mask_threshold:threshold=2",
    "polynomial_flatten:order=2",
    "row_median_align",
]
SHAPES: dict[str, Shape] = {
    "Gaussian, half width 3 px": Gaussian(HEIGHT, 3.0),
    "Gaussian, half width 5 px": Gaussian(HEIGHT, 5.0),
    "spherical cap, radius 6 px": SphericalCap(HEIGHT, 6.0),
}


def blob_search(noise: float) -> dict[str, float]:
    """Return minimum and maximum sigma, px, and threshold, nm; a Gaussian's response is half its height."""
    if noise < 0.5:
        return {"min_sigma": 1.5, "max_sigma": 6.0, "threshold": HEIGHT / 4}
    return {"min_sigma": 2.0, "max_sigma": 6.0, "threshold": 0.35 * HEIGHT}


TRACKPY = """
import sys, warnings
warnings.filterwarnings("ignore")
import numpy as np, pandas as pd, trackpy
trackpy.quiet()
frames, out, diameter, minmass = np.load(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
parts = []
for i, frame in enumerate(frames):
    detections = trackpy.locate(frame.astype(float) - frame.min(), diameter, minmass=minmass)
    parts.append(pd.DataFrame({"frame": i, "y": detections.y, "x": detections.x, "height": detections.signal}))
pd.concat(parts).to_csv(out, index=False)
print(trackpy.__version__)
"""


def simulate(shape: Shape, noise: float, n_frames: int, seed: int) -> tuple[np.ndarray, pd.DataFrame]:
    """Return raw frames with pixels of 1 nm, and the positions of the particles."""
    rng = np.random.default_rng(seed)
    diameter = 2 * shape.contact_nm
    y, x = np.mgrid[:SIDE, :SIDE].astype(float)
    frames, rows = np.empty((n_frames, SIDE, SIDE), np.float32), []
    for i in range(n_frames):
        places: list[np.ndarray] = []
        for _ in range(400):
            spot = rng.uniform(diameter, SIDE - 1 - diameter, 2)
            if len(places) < 25 and all(np.hypot(*(spot - p)) > 2 * diameter for p in places):
                places.append(spot)
        frame = 0.03 * y - 0.05 * x + 1e-4 * (x - 100) ** 2 + 40
        frame += rng.normal(0, 0.3, SIDE)[:, None] + rng.normal(0, noise, frame.shape)
        for py, px in places:
            frame += shape.profile(np.hypot(y - py, x - px))
            rows.append({"frame": i, "y": py, "x": px})
        frames[i] = frame
    return frames, pd.DataFrame(rows)


def by_regions(stack: AFMImageStack, noise: float, shape: Shape) -> pd.DataFrame:
    smoothing = 0.0 if noise < 0.5 else 2.0

    def mask(frame: np.ndarray) -> np.ndarray:
        return gaussian_filter(frame, smoothing) > 1.5 if smoothing else frame > 1.5

    table = FeatureDetectionModule().run(stack, mask_fn=mask)["table"]
    return table.assign(height=table["height_nm"])


def by_region_weights(stack: AFMImageStack, noise: float, shape: Shape) -> pd.DataFrame:
    table = by_regions(stack, noise, shape)
    return table.assign(y=table["y_weighted"], x=table["x_weighted"], height=table["z_max_nm"])


def by_blobs(fit: str) -> Callable[[AFMImageStack, float, Shape], pd.DataFrame]:
    def find(stack: AFMImageStack, noise: float, shape: Shape) -> pd.DataFrame:
        detections = LoGBlobDetectionModule().run(stack, **blob_search(noise), subpixel=True, fit=fit)
        return detections["table"].assign(height=detections["table"]["height_nm"])

    return find


def by_peaks(stack: AFMImageStack, noise: float, shape: Shape) -> pd.DataFrame:
    detections = PeakDetectionModule().run(
        stack, min_height_nm=1.5, min_prominence_nm=1.0, smoothing_px=1.0 if noise < 0.5 else 2.0
    )
    return detections["table"].assign(height=detections["table"]["z_max_nm"])


def by_blob_log(stack: AFMImageStack, noise: float, shape: Shape) -> pd.DataFrame:
    parts = []
    for i, frame in enumerate(stack.data):
        blobs = blob_log(frame, **blob_search(noise), num_sigma=10, overlap=0.5)
        y, x = blobs[:, 0].astype(int), blobs[:, 1].astype(int)
        # It returns no height; the height of the pixel at the position is used.
        parts.append(pd.DataFrame({"frame": i, "y": blobs[:, 0], "x": blobs[:, 1], "height": frame[y, x]}))
    return pd.concat(parts, ignore_index=True)


def by_trackpy(python: str) -> Callable[[AFMImageStack, float, Shape], pd.DataFrame]:
    def find(stack: AFMImageStack, noise: float, shape: Shape) -> pd.DataFrame:
        diameter = 2 * int(np.ceil(shape.contact_nm)) + 1
        y, x = np.mgrid[-30:31, -30:31]
        mass = float(shape.profile(np.hypot(y, x)).sum())
        with tempfile.TemporaryDirectory() as folder:
            frames, out = Path(folder) / "frames.npy", Path(folder) / "detections.csv"
            np.save(frames, stack.data)
            command = [python, "-c", TRACKPY, str(frames), str(out), str(diameter), str(mass / 3)]
            subprocess.run(command, check=True, capture_output=True)
            return pd.read_csv(out)

    return find


def judge(truth: pd.DataFrame, detections: pd.DataFrame, search_range: float) -> list[str]:
    """Return F1, bias and spread of the position, bias and spread of the height, as cells of a table."""
    detections = detections.reset_index(drop=True)
    partner = match_points(truth, detections, max_distance=search_range)
    hit = partner >= 0
    f1 = 2 * hit.sum() / (len(detections) + len(truth))
    off = detections.loc[hit, ["y", "x"]].to_numpy() - truth[["y", "x"]].to_numpy()[partner[hit]]
    height = detections.loc[hit, "height"].to_numpy()
    bias, spread = off.mean(axis=0), off.std(axis=0)
    return [
        f"{f1:.4f}",
        f"{bias[np.abs(bias).argmax()]:+.3f}",
        f"{spread.max():.3f}",
        f"{100 * (height.mean() / HEIGHT - 1):+.1f}",
        f"{100 * height.std() / HEIGHT:.1f}",
    ]


def report(args: argparse.Namespace) -> str:
    contestants: dict[str, Callable[[AFMImageStack, float, Shape], pd.DataFrame]] = {
        "playNano regions: centroid, `height_nm`": by_regions,
        "playNano regions: weighted centroid, `z_max_nm`": by_region_weights,
        "playNano blobs, Gaussian fit": by_blobs("gaussian"),
        "playNano blobs, quadratic fit": by_blobs("quadratic"),
        "playNano peaks": by_peaks,
        "scikit-image `blob_log`": by_blob_log,
    }
    if args.trackpy:
        contestants["trackpy `locate`"] = by_trackpy(args.trackpy)
    given = " --trackpy INTERPRETER" if args.trackpy else ""
    lines = [
        "# Accuracy of detection",
        "",
        f"Made by `python benchmarks/detection_accuracy.py{given} --frames {args.frames} --seed {args.seed}`.",
        "",
    ]
    for noise in (0.3, 1.5):
        for seed, (name, shape) in enumerate(SHAPES.items()):
            raw, truth = simulate(shape, noise, args.frames, args.seed + seed)
            stack = AFMImageStack(raw, 1.0, "height", "movie.npy")
            stack.apply(LEVELLING)
            lines += [
                f"## {name}, noise {noise} nm: {len(truth)} particles in {args.frames} frames",
                "",
                "| | F1 | bias, px | spread, px | height: bias, % | spread, % |",
                "|---|---|---|---|---|---|",
            ]
            for who, find in contestants.items():
                cells = judge(truth, find(stack, noise, shape), shape.radius_nm)
                lines.append(f"| {who} | " + " | ".join(cells) + " |")
            lines.append("")
    return "\n".join([*lines, NOTES])


NOTES = f"""Particles {HEIGHT:g} nm high on a background with tilt, bow and shifted lines (0.3 nm), 256 x 256 pixels of
1 nm, levelled by `{"`, `".join(LEVELLING)}`.
A detection within the radius at half height counts as right. Bias and spread are those of the worse axis; the
spread is a standard deviation. Regions: mask above 1.5 nm, at noise 1.5 nm of the frame smoothed by 2 px, while
heights are always read from the levelled frame. Blobs and `blob_log`: sigma 1.5 to 6, threshold a quarter of the
height (the response is half of it); at noise 1.5 nm sigma 2 to 6, threshold 0.35 of the height. Peaks: smoothed by
1 px, at noise 1.5 nm by 2 px, which lowers their heights; prominence 1 nm. trackpy: diameter of the particle,
`minmass` a third of its volume; its height is `signal`, after its band pass. `blob_log` gives no height: that of
the pixel is shown.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trackpy", help="interpreter in which trackpy is installed")
    parser.add_argument("--frames", type=int, default=40, help="frames of each movie")
    parser.add_argument("--seed", type=int, default=0, help="seed of the first movie")
    parser.add_argument("--output", type=Path, help="where to write the table")
    args = parser.parse_args()
    text = report(args)
    if args.output:
        args.output.parent.mkdir(parents=True, exist_ok=True)
        args.output.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
