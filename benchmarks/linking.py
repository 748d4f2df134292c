"""Compare linking with trackpy, laptrack and an earlier implementation: time, memory, accuracy.

Each command makes a part of benchmarks/results/linking.md:

    python benchmarks/linking.py speed --particles 500 --methods "ours, global" "trackpy, memory 3" ...
    python benchmarks/linking.py speed --particles 500 --methods "ours, global" "laptrack, 3-frame gaps" --part laptrack
    python benchmarks/linking.py accuracy --scenarios easy hard
    python benchmarks/linking.py calibration
    python benchmarks/linking.py events
    python benchmarks/linking.py checks
    python benchmarks/linking.py report

Run it with a Python in which trackpy 0.7, laptrack 0.17, traccuracy and playNano's requirements are installed
(PYTHONPATH=src). The environment variable LINKING_REFERENCE_PYTHON names the Python of the earlier implementation
(playNano 0.5.0)."""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from linking_accuracy import GRIDS, PARTS, accuracy
from linking_movies import SCENARIOS, dimer_movie
from linking_peers import METHODS

from playNano.algorithms.linking import LinkingOptions, link_movie
from playNano.metrics import score_edges, score_events

RESULTS = Path(__file__).parent / "results" / "linking.md"
# The search range with which the other packages make the fewest errors.
BEST_RANGE = {"easy": 0.5, "hard": 0.9}
TIMED = {
    "ours, global": ("ours", {"max_distance": 1.2, "max_missing": 3, "drift": "global"}),
    "ours, frame, max_missing 3": ("ours_frame", {"max_distance": 0.9, "max_missing": 3}),
    "ours, frame, max_missing 0": ("ours_frame", {"max_distance": 0.9, "max_missing": 0}),
    "trackpy, memory 3": ("trackpy", {"search_range": 0.9, "memory": 3}),
    "trackpy, memory 0": ("trackpy", {"search_range": 0.9, "memory": 0}),
    "laptrack, 3-frame gaps": ("laptrack", {"max_distance": 0.9, "max_missing": 2}),
    "playNano 0.5.0, max_missing 3": ("reference", {"max_distance": 0.9, "max_missing": 3}),
}


def one(args: argparse.Namespace) -> None:
    """Run one method once on saved detections; print time and memory."""
    warnings.simplefilter("ignore")
    with np.load(args.data) as columns:
        table = pd.DataFrame({name: columns[name] for name in columns.files})
    method, parameters = args.method, json.loads(args.parameters)
    small = SCENARIOS["hard"].movie(20, 30, 0).detections
    if method != "reference":
        METHODS[method](small, **parameters)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    seconds, after = [], 0.0
    for _ in range(args.times):
        start = time.perf_counter()
        track = METHODS[method](table, **parameters)
        seconds.append(time.perf_counter() - start)
        after = after or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "before": before, "after": after, "tracks": len(set(track))}))


def _isolated(method: str, data: Path, parameters: dict, times: int) -> dict:
    command = [
        sys.executable,
        __file__,
        "one",
        "--method",
        method,
        "--data",
        str(data),
        "--times",
        str(times),
    ]
    done = subprocess.run(
        [*command, "--parameters", json.dumps(parameters)], check=True, capture_output=True, text=True
    )
    return json.loads(done.stdout.strip().splitlines()[-1])


def speed(args: argparse.Namespace) -> str:
    """Time the methods alternately, each run in a separate process, after a small movie to warm up."""
    movie = SCENARIOS[args.scenario].movie(args.particles, args.frames, 1)
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "movie.npz"
        np.savez(data, **{name: column.to_numpy() for name, column in movie.detections.items()})
        runs: dict[str, list[dict]] = {name: [] for name in args.methods}
        for turn in range(args.repeats):
            for name in args.methods:
                slow = name.split(",")[0] in ("laptrack", "playNano 0.5.0")
                if slow and turn >= args.slow_repeats:
                    continue
                method, parameters = TIMED[name]
                lengths = [key for key in ("max_distance", "search_range") if key in parameters]
                if name != "ours, global":
                    parameters = {**parameters, **dict.fromkeys(lengths, BEST_RANGE[args.scenario])}
                runs[name].append(_isolated(method, data, parameters, 1 if slow else args.times))
                print(name, runs[name][-1], file=sys.stderr, flush=True)
    median = {
        name: float(np.median([s for r in results for s in r["seconds"]])) for name, results in runs.items()
    }
    first = {name: float(np.median([r["seconds"][0] for r in results])) for name, results in runs.items()}
    apart = f", {args.part} in a run of its own" if args.part else ""
    lines = [
        f"### {args.particles} particles a frame, {args.frames} frames, {args.scenario} "
        f"({len(movie.detections)} detections){apart}",
        "",
        "| | s (median) | runs | times ours, global | s, first run in a process | MB at peak | of it before |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, results in runs.items():
        after, before = (max(r[k] for r in results) for k in ("after", "before"))
        n = sum(len(r["seconds"]) for r in results)
        ratio = median[name] / median["ours, global"]
        lines.append(
            f"| {name} | {median[name]:.3g} | {n} | {ratio:.3g} | {first[name]:.3g} | {after:.0f} | {before:.0f} |"
        )
    if {"trackpy, memory 0", "ours, frame, max_missing 0"} <= set(runs):
        ratio = median["trackpy, memory 0"] / median["ours, frame, max_missing 0"]
        lines += ["", f"Frame to frame: trackpy (memory 0) takes {ratio:.0f} times as long as ours."]
    return "\n".join(lines)


def calibration(args: argparse.Namespace) -> str:
    """Compare the confidence of links with the fraction of correct links."""
    bins = [(0.99, 1.01), (0.95, 0.99), (0.9, 0.95), (0.8, 0.9), (0.6, 0.8), (0.4, 0.6), (0.0, 0.4)]
    lines = ["| scenario | " + " | ".join(f"{lo:g} to {min(hi, 1):g}" for lo, hi in bins) + " |"]
    lines.append("|---" * (len(bins) + 1) + "|")
    for name in args.scenarios:
        sure, right = [], []
        for seed in args.seeds:
            movie = SCENARIOS[name].movie(args.particles, args.frames, seed)
            motion = "directed" if movie.scenario.motion == "directed" else "brownian"
            options = LinkingOptions(1.5, max_missing=3, drift="global", motion=motion)
            linked = link_movie(movie.detections, options)
            following = true_following(movie.detections)
            right.append(following[linked.links["source"]] == linked.links["target"].to_numpy())
            sure.append(linked.links["confidence"].to_numpy())
        s, r = np.concatenate(sure), np.concatenate(right)
        cells = []
        for lo, hi in bins:
            inside = (s >= lo) & (s < hi)
            cells.append(f"{100 * r[inside].mean():.1f} % of {inside.sum()}" if inside.any() else "-")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(["### Confidence: part of links that are right, by confidence", "", *lines])


def true_following(table: pd.DataFrame) -> np.ndarray:
    """Return the row of the particle's next detection, -1 where there is none."""
    order = np.lexsort([table["frame"], table["particle"]])
    particle = table["particle"].to_numpy()[order]
    same = (particle[1:] == particle[:-1]) & (particle[1:] >= 0)
    following = np.full(len(table), -1)
    following[order[:-1][same]] = order[1:][same]
    return following


def events(args: argparse.Namespace) -> str:
    """Score merges and splits on simulated dimerisation movies."""
    lines = [
        "### Merges and splits of dimers (apart for three frames before, together for three after, or reversed)",
        "",
        "| step / neighbour distance | mass | true events | found | precision | recall | F1 |",
        "|---|---|---|---|---|---|---|",
    ]
    for step in (0.06, 0.12, 0.2, 0.3):
        for mass in (None, "mass"):
            hits = np.zeros(3, int)
            for seed in args.seeds:
                table, truth = dimer_movie(60, args.frames, seed, step=step)
                options = LinkingOptions(1.2, max_missing=3, merge_split=True)
                events = link_movie(table, options, mass=mass).events
                s = score_events(truth, events, max_distance=1.0, max_frames=3)
                hits += (s.true_positives, s.false_positives, s.false_negatives)
            tp, fp, fn = hits
            lines.append(
                f"| {step} | {'used' if mass else 'not used'} | {tp + fn} | {tp + fp} | {tp / (tp + fp):.3f} | "
                f"{tp / (tp + fn):.3f} | {2 * tp / (2 * tp + fp + fn):.3f} |"
            )
    return "\n".join(lines)


def checks(args: argparse.Namespace) -> str:
    """Compare the counts of links with those of traccuracy, where both define them."""
    import networkx as nx
    from traccuracy import TrackingGraph
    from traccuracy.matchers import PointMatcher
    from traccuracy.metrics import BasicMetrics

    warnings.simplefilter("ignore")
    movie = SCENARIOS["hard"].movie(30, 60, 3)
    table = movie.detections.reset_index(drop=True)
    track = METHODS["trackpy"](table, search_range=0.9, memory=0)

    def graph(ids: np.ndarray) -> TrackingGraph:
        g = nx.DiGraph()
        for row, (frame, y, x) in enumerate(zip(table["frame"], table["y"], table["x"], strict=True)):
            g.add_node(row, t=int(frame), y=float(y), x=float(x))
        order = np.lexsort([table["frame"], ids])
        same = (np.diff(ids[order]) == 0) & (ids[order][1:] >= 0)
        g.add_edges_from(zip(order[:-1][same].tolist(), order[1:][same].tolist(), strict=True))
        return TrackingGraph(g, frame_key="t", location_keys=("y", "x"))

    matched = PointMatcher(threshold=1e-6).compute_mapping(graph(table["particle"].to_numpy()), graph(track))
    theirs = BasicMetrics().compute(matched).results
    ours = score_edges(table["frame"], table["particle"], track)
    lines = ["### Links counted by traccuracy and by ours (trackpy's tracks of a hard movie)", ""]
    lines += ["| | right | wrong | missed | F1 |", "|---|---|---|---|---|"]
    right, wrong, missed = ours.true_positives, ours.false_positives, ours.false_negatives
    lines.append(f"| ours | {right} | {wrong} | {missed} | {ours.f1:.6f} |")
    right = int(theirs["True Positive Edges"])
    wrong, missed = int(theirs["False Positive Edges"]), int(theirs["False Negative Edges"])
    lines.append(f"| traccuracy | {right} | {wrong} | {missed} | {theirs['Edge F1']:.6f} |")
    return "\n".join(lines)


def report(args: argparse.Namespace) -> None:
    """Join the parts into the committed table."""
    parts = [path.read_text() for path in sorted(PARTS.glob("*.md"), key=lambda path: path.stem)]
    head = (Path(__file__).parent / "results" / "linking_head.md").read_text()
    RESULTS.write_text("\n\n".join([head.strip(), *(p.strip() for p in parts)]) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("one")
    command.add_argument("--method", choices=METHODS, required=True)
    command.add_argument("--data", type=Path, required=True)
    command.add_argument("--parameters", default="{}")
    command.add_argument("--times", type=int, default=1)
    command = commands.add_parser("speed")
    command.add_argument("--scenario", default="hard", choices=BEST_RANGE)
    command.add_argument("--particles", type=int, default=500)
    command.add_argument("--frames", type=int, default=500)
    command.add_argument("--repeats", type=int, default=5)
    command.add_argument("--slow-repeats", type=int, default=1)
    command.add_argument("--times", type=int, default=3)
    command.add_argument("--methods", nargs="+", default=list(TIMED), choices=TIMED)
    command.add_argument("--part", default="", help="keep the table beside others, under this name")
    command = commands.add_parser("accuracy")
    command.add_argument("--scenarios", nargs="+", default=list(SCENARIOS), choices=SCENARIOS)
    command.add_argument("--particles", type=int, default=50)
    command.add_argument("--frames", type=int, default=500)
    command.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    command.add_argument("--methods", nargs="+", default=list(GRIDS), choices=GRIDS)
    command = commands.add_parser("calibration")
    command.add_argument("--scenarios", nargs="+", default=list(SCENARIOS), choices=SCENARIOS)
    command.add_argument("--particles", type=int, default=50)
    command.add_argument("--frames", type=int, default=500)
    command.add_argument("--seeds", type=int, nargs="+", default=[31, 32, 33])
    command = commands.add_parser("events")
    command.add_argument("--frames", type=int, default=400)
    command.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    commands.add_parser("checks")
    commands.add_parser("report")
    args = parser.parse_args()
    run = {
        "one": one,
        "speed": speed,
        "accuracy": accuracy,
        "calibration": calibration,
        "events": events,
        "checks": checks,
        "report": report,
    }[args.command]
    text = run(args)
    if text is not None:
        PARTS.mkdir(exist_ok=True)
        extra = "-".join(getattr(args, "scenarios", [])) if args.command == "accuracy" else ""
        if args.command == "speed":
            extra = f"{args.particles:05d}" + ("" if args.scenario == "hard" else f"-{args.scenario}")
            extra += f"-{args.part}" if args.part else ""
        (PARTS / f"{args.command}{extra}.md").write_text(text + "\n")
        print(text)


if __name__ == "__main__":
    main()
