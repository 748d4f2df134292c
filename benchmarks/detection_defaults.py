"""Measure detection without any number, on levelled movies of the kinds of `detection_scenes`.

    python benchmarks/detection_defaults.py --seeds 201 202 203

writes `benchmarks/results/detection_defaults.md`. The seeds are not those with which the code was developed (0 to 2,
101 to 104). Each movie is levelled by the step ``level`` and detected with the defaults of each module; nothing is told
to it, not even whether it shows pits.
"""

from __future__ import annotations

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
from detection_scenes import FURTHER, PIXEL_NM, TWELVE, Species, draw, empty, score

from playNano.afm_stack import AFMImageStack
from playNano.analysis.pipeline import AnalysisPipeline

ROOT = Path(__file__).resolve().parent.parent
DETECTORS = {
    "feature_detection": "height_nm",
    "log_blob_detection": "height_nm",
    "peak_detection": "z_max_nm",
}
BARS = {
    "12 and 2 nm": 0.95, "half resting": 0.95, "row of discs": 0.93, "step": 0.92, "49 discs": 0.88, "strong 1/f": 0.95,
    "lattice 16": 0.98, "lattice 12": 0.98, "22 discs": 0.97, "pits 25": 0.97, "terraces": 0.55,
}  # fmt: skip


def levelled(scene):
    """Return a movie levelled by the step ``level``, and its processor time, ms a frame."""
    stack = AFMImageStack(scene.recorded, PIXEL_NM, "height", f"{scene.name}.npy")
    start = time.process_time()
    stack.apply(["level"])
    return stack, 1000 * (time.process_time() - start) / len(scene.recorded)


def detected(stack, name, **params):
    """Return the outputs of a detection module, and its processor time, ms a frame."""
    pipeline = AnalysisPipeline()
    pipeline.add(name, **params)
    start = time.process_time()
    record = pipeline.run(stack)
    spent = 1000 * (time.process_time() - start) / stack.n_frames
    return next(iter(record["analysis"].values())), spent


def kinds_table(kinds, seeds):
    """Return the lines of the table of all kinds, and the values of F1 by detector."""
    lines = [
        "| kind | bar | feature_detection: F1 of each seed | height % | polarity | blobs: F1, height % | "
        "peaks: F1, height % |",
        "|---|---|---|---|---|---|---|",
    ]
    values = {name: [] for name in DETECTORS}
    for kind, make in kinds.items():
        results = {name: [] for name in DETECTORS}
        sides = []
        for seed in seeds:
            scene = make(seed)
            stack, _ = levelled(scene)
            for name, column in DETECTORS.items():
                out, _ = detected(stack, name)
                results[name].append(score(scene, out["table"], column))
                if name == "feature_detection":
                    sides.append(out["segmentation"]["polarity"])
        for name in DETECTORS:
            values[name] += [r.f1 for r in results[name]]
        regions, blobs, peaks = (results[name] for name in DETECTORS)
        lines.append(
            f"| {kind} | {BARS.get(kind, 0.97):.2f} | {' '.join(f'{r.f1:.3f}' for r in regions)} | "
            f"{np.mean([r.height_bias for r in regions]):+.1f} | {'/'.join(dict.fromkeys(sides))} | "
            + " | ".join(
                f"{np.mean([r.f1 for r in found]):.3f}, {np.mean([r.height_bias for r in found]):+.1f}"
                for found in (blobs, peaks)
            )
            + " |"
        )
        print(lines[-1], flush=True)
    return lines, values


def false_detections(seed):
    """Return the lines of the table of empty movies."""
    lines = ["| disturbed lines a frame | " + " | ".join(DETECTORS) + " |", "|---|---|---|---|"]
    for streaks in (0.0, 0.5):
        scene = empty(seed, streaks, 80)
        stack, _ = levelled(scene)
        counts = [len(detected(stack, name)[0]["table"]) / 80 for name in DETECTORS]
        lines.append(f"| {streaks:g} | " + " | ".join(f"{count:.3f}" for count in counts) + " |")
    return lines


def speeds(seed):
    """Return the lines of the table of processor times; thresholds are estimated once for the movie."""
    lines = ["| frames | level, ms a frame | feature_detection, ms a frame |", "|---|---|---|"]
    for side, count in ((128, 12), (256, 48), (512, 150)):
        scene = draw("speed", seed, [Species("cap", 4, 7, count)], shape=(side, side), n_frames=32)
        stack, level_ms = levelled(scene)
        detected(stack, "feature_detection")
        times = [detected(stack, "feature_detection")[1] for _ in range(3)]
        lines.append(f"| 32 x {side} x {side}, {count} particles | {level_ms:.1f} | {np.median(times):.1f} |")
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[201, 202, 203])
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "detection_defaults.md")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    levelled(empty(0, n_frames=2))  # compile
    twelve, values = kinds_table(TWELVE, args.seeds)
    further, _ = kinds_table(FURTHER, args.seeds)
    means = {name: float(np.mean(found)) for name, found in values.items()}
    text = [
        "# Detection without numbers",
        "",
        f"`python benchmarks/detection_defaults.py --seeds {' '.join(map(str, args.seeds))}`: movies of "
        "`detection_scenes`, levelled by `level`, detected by the defaults of each module. F1 of each seed, median "
        "bias of heights in %. Blobs are round and peaks have no extent: rods, patches and rings are not for them. The "
        "heights of peaks are those of smoothed frames (`z_max_nm`).",
        "",
        *twelve,
        "",
        "Mean F1 of the twelve kinds: "
        + ", ".join(f"{name} {mean:.3f}" for name, mean in means.items())
        + ".",
        "",
        "## Further kinds",
        "",
        *further,
        "",
        "## False detections a frame in empty movies of 80 frames",
        "",
        *false_detections(args.seeds[0]),
        "",
        "## Processor time",
        "",
        *speeds(args.seeds[0]),
        "",
    ]
    args.out.write_text("\n".join(text), encoding="utf-8")
    print("\n".join(text))


if __name__ == "__main__":
    main()
