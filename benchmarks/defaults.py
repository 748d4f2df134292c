"""Measure the default analysis, without any number, on movies of known content.

    python benchmarks/defaults.py --seeds 501 502

writes `benchmarks/results/defaults.md`. The movies are those of `detection_scenes`; the seeds are not those with which
the code was developed. Each movie goes as it was recorded through what `playnano analyze MOVIE` runs: levelling,
quality control, detection, tracking. Links are scored on the detections as they are, and compared with those of the
best of a grid of search ranges given by hand.
"""

from __future__ import annotations

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
from detection_scenes import FURTHER, PIXEL_NM, TWELVE, empty, score

from playNano.afm_stack import AFMImageStack
from playNano.analysis.modules.particle_tracking import ParticleTrackingModule
from playNano.analysis.plan import Plan
from playNano.core.provenance import latest_table
from playNano.metrics.detection import match_points
from playNano.metrics.links import score_edges

ROOT = Path(__file__).resolve().parent.parent
RANGES_PX = (1.5, 2, 3, 4, 6, 8, 11, 15, 20, 28, 40)
BARS = {
    "12 and 2 nm": 0.95, "half resting": 0.95, "row of discs": 0.93, "step": 0.92, "49 discs": 0.88, "strong 1/f": 0.95,
    "lattice 16": 0.98, "lattice 12": 0.98, "terraces": 0.55,
}  # fmt: skip
HEIGHT_BARS = {"strong 1/f": 6.0, "lattice 12": 9.0}
DOWN = ("pits", "pits 25")
BEYOND = ("terraces",)
"""Kinds that count as served where the analysis warns of them."""


def stack_of(scene):
    times = [{"timestamp": float(k)} for k in range(len(scene.recorded))]
    return AFMImageStack(scene.recorded, PIXEL_NM, "height", f"{scene.name}.npy", frame_metadata=times)


def analysed(scene):
    """Return the record of the default analysis of a scene, the stack and the processor time, s."""
    stack, start = stack_of(scene), time.process_time()
    record = Plan.default().run(stack)
    return record, stack, time.process_time() - start


def edge_f1(scene, detections, tracks):
    """Return F1 of the links; detections of no true object count as clutter."""
    at = match_points(scene.truth, tracks, max_distance=max(4.0, 0.7 * float(scene.truth.radius.max())))
    particle = np.where(at >= 0, scene.truth.particle.to_numpy()[at], -1)
    counts = score_edges(tracks.frame, particle, tracks.track_id)
    total = 2 * counts.true_positives + counts.false_positives + counts.false_negatives
    return 2 * counts.true_positives / total if total else 1.0


def best_of_grid(scene, stack, outputs):
    """Return the highest F1 of the links over the grid of search ranges."""
    module = ParticleTrackingModule()
    values = []
    for distance in RANGES_PX:
        params = module.bind({"max_distance": distance, "detection_module": "feature_detection"})
        tracks = module.run(stack, {"feature_detection": outputs}, **params)["table"]
        values.append(edge_f1(scene, outputs["table"], tracks))
    return max(values)


def one(name, make, seed):
    """Return the measurements of one movie."""
    scene = make(seed)
    record, stack, spent = analysed(scene)
    automatic = record["provenance"]["automatic"]
    outputs = record["provenance"]["results_by_name"][automatic["detection"]][-1]
    tracks = latest_table(record, "tracking")
    found = score(scene, outputs["table"])
    side = outputs.get("segmentation", {}).get("polarity", "up")
    return {
        "f1": found.f1,
        "height": found.height_bias,
        "polarity": side == ("down" if name in DOWN else "up"),
        "edges": edge_f1(scene, outputs["table"], tracks),
        "grid": best_of_grid(scene, stack, outputs),
        "detection": automatic["detection"],
        "warned": [text.partition(": ")[2] for text in record["provenance"]["warnings"]],
        "ms": 1000 * spent / stack.n_frames,
    }


def kinds_table(kinds, seeds):
    """Return the lines of the table of kinds, and all measurements by kind."""
    lines = [
        "| kind | F1 of each seed | bar | height % | bar | polarity right | edge F1, automatic range | best of grid | "
        "warnings | ms a frame |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    measured = {}
    for name, make in kinds.items():
        m = measured[name] = [one(name, make, seed) for seed in seeds]
        bar, height_bar = BARS.get(name, 0.97), HEIGHT_BARS.get(name, 5.0)
        f1 = np.mean([r["f1"] for r in m])
        height = float(np.mean([r["height"] for r in m]))
        warned = sorted({text.split(":")[0][:60] for r in m for text in r["warned"]})
        met = f1 >= bar or (name in BEYOND and all(r["warned"] for r in m))
        each = " ".join(f"{r['f1']:.3f}" for r in m)
        edges, grid = (np.mean([r[k] for r in m]) for k in ("edges", "grid"))
        lines.append(
            f"| {name} | {each} | {bar:.2f} {_met(met)} | {height:+.1f} | "
            f"{height_bar:g} {_met(abs(height) <= height_bar)} | {sum(r['polarity'] for r in m)} of {len(m)} | "
            f"{edges:.3f} {_met(edges >= grid - 0.01)} | {grid:.3f} | {'; '.join(warned) or '-'} | "
            f"{np.median([r['ms'] for r in m]):.0f} |"
        )
        print(lines[-1], flush=True)
    return lines, measured


def empty_table(seed):
    """Return the lines of the table of empty movies, and the counts of false objects a frame."""
    lines = ["| disturbed lines a frame | false objects a frame | bar |", "|---|---|---|"]
    for streaks, bar in ((0.0, 0.1), (0.5, 0.2)):
        record, stack, _ = analysed(empty(seed, streaks, 80))
        table = latest_table(record, "detection")
        count = len(table) / stack.n_frames
        lines.append(f"| {streaks:g} | {count:.3f} | {bar:g} {_met(count <= bar)} |")
        print(lines[-1], flush=True)
    return lines


def _met(value):
    return "met" if value else "**not met**"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[501, 502])
    parser.add_argument("--kinds", nargs="+", help="Only these kinds; nothing is written.")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    if args.kinds:
        kinds_table({name: {**TWELVE, **FURTHER}[name] for name in args.kinds}, args.seeds)
        return
    twelve, measured = kinds_table(TWELVE, args.seeds)
    further, others = kinds_table(FURTHER, args.seeds)
    every = [r for m in measured.values() for r in m]
    mean = float(np.mean([r["f1"] for r in every]))
    worst = min(np.mean([r["f1"] for r in m]) for m in measured.values())
    right = sum(r["polarity"] for m in {**measured, **others}.values() for r in m)
    total = sum(len(m) for m in {**measured, **others}.values())
    text = [
        "# The default analysis",
        "",
        f"`python benchmarks/defaults.py --seeds {' '.join(map(str, args.seeds))}`: recorded movies of "
        "`detection_scenes`, analysed as by `playnano analyze MOVIE` without any option. Edge F1: links between the "
        "detections as they are, with the range that is found from the movie, and the best of "
        f"{len(RANGES_PX)} ranges given by hand ({', '.join(f'{r:g}' for r in RANGES_PX)} px); the bar is 0.01 "
        "below it.",
        "",
        *twelve,
        "",
        f"Mean F1 {mean:.3f}, bar 0.98: {_met(mean >= 0.98)}. Worst kind {worst:.3f}, bar 0.92: {_met(worst >= 0.92)}. "
        f"Polarity right in {right} of {total} movies, of both tables.",
        "",
        "## Further kinds",
        "",
        *further,
        "",
        "## Empty movies, 80 frames",
        "",
        *empty_table(args.seeds[0]),
        "",
    ]
    (ROOT / "benchmarks" / "results" / "defaults.md").write_text("\n".join(text), encoding="utf-8")


if __name__ == "__main__":
    main()
