"""Accuracy of the linkers of benchmarks/linking.py over a grid of settings for each."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from linking_movies import SCENARIOS
from linking_peers import METHODS

from playNano.metrics import score_edges, score_tracks

PARTS = Path(tempfile.gettempdir()) / "playnano-linking-parts"
GATE = 0.5
GRIDS = {
    "ours, global": (
        "ours",
        [{"max_distance": 1.5, "max_missing": 3, "drift": "global"}],
    ),
    "ours, frame": (
        "ours_frame",
        [{"max_distance": r, "max_missing": m} for r in (0.5, 0.7, 0.9, 1.1, 1.3) for m in (0, 1, 2, 3)],
    ),
    "trackpy": (
        "trackpy",
        [{"search_range": r, "memory": m} for r in (0.5, 0.7, 0.9, 1.1, 1.3) for m in (0, 1, 2, 3)],
    ),
    # laptrack takes half a minute per movie: the search range is varied first, then the gaps (`laptrack_gaps`).
    "laptrack": (
        "laptrack",
        [{"max_distance": r, "max_missing": 2} for r in (0.5, 0.7, 0.9, 1.1, 1.3)],
    ),
    "playNano 0.5.0": (
        "reference",
        [{"max_distance": r, "max_missing": m} for r in (0.7, 0.9, 1.1) for m in (0, 3)],
    ),
}
# Number of missed frames to bridge, and factor of the search range over gaps.
VARIED = ((1, 1.0), (3, 1.0), (3, 1.4))
DIRECTED_GRIDS = {
    "ours, global, motion=directed": (
        "ours",
        [{"max_distance": 1.5, "max_missing": 3, "drift": "global", "motion": "directed"}],
    ),
    "trackpy, NearestVelocityPredict": (
        "trackpy",
        [{"search_range": r, "memory": m, "predict": True} for r in (0.3, 0.5, 0.7, 0.9) for m in (0, 1, 3)],
    ),
}


def measure(movie, track: np.ndarray) -> dict[str, float]:
    """Score tracks of two detections or more."""
    edges = score_edges(movie.detections["frame"], movie.detections["particle"], track)
    track = np.asarray(track)
    length = pd.Series(track).map(pd.Series(track).value_counts()).to_numpy()
    kept = movie.detections.assign(track_id=track)[(length >= 2) & (track >= 0)]
    whole = score_tracks(movie.truth.rename(columns={"particle": "track_id"}), kept, gate=GATE)
    return {
        "precision": edges.precision,
        "recall": edges.recall,
        "F1": edges.f1,
        "wrong or missed": edges.errors,
        "alpha": whole.alpha,
        "beta": whole.beta,
        "JSC": whole.jsc,
        "JSC_theta": whole.jsc_theta,
        "RMSE": whole.rmse,
    }


def laptrack_gaps(best: dict) -> list[dict]:
    """Return settings around the best one so far: shorter and longer gaps, and a wider search range over gaps."""
    return [best | {"max_missing": m, "gap_distance": w * best["max_distance"]} for m, w in VARIED]


def over_grid(scenario: str, name: str, method: str, grid: list[dict], movies: list, key: str) -> list[dict]:
    """Return the mean scores for every setting of a method; those of other packages are saved between runs."""
    kept = PARTS / f"grid-{scenario}-{name.replace(' ', '_')}-{key}.json"
    results: list[dict] = []
    if not name.startswith("ours") and kept.exists():
        results = json.loads(kept.read_text())
    PARTS.mkdir(exist_ok=True)

    def run(settings: list[dict]) -> list[dict]:
        for parameters in settings:
            if parameters not in [row["parameters"] for row in results]:
                results.append({"parameters": parameters, "scores": _mean_scores(method, parameters, movies)})
                kept.write_text(json.dumps(results))
        return [row for row in results if row["scores"] is not None]

    usable = run(grid)
    if method == "laptrack":
        usable = run(laptrack_gaps(_best(grid_rows(usable, grid))["parameters"]))
    print(scenario, name, _best(usable)["scores"]["F1"], file=sys.stderr, flush=True)
    return usable


def grid_rows(rows: list[dict], grid: list[dict]) -> list[dict]:
    """Return the rows whose setting is one of the grid."""
    return [row for row in rows if row["parameters"] in grid]


def _best(rows: list[dict]) -> dict:
    return max(rows, key=lambda row: row["scores"]["F1"])


def _mean_scores(method: str, parameters: dict, movies: list) -> dict[str, float] | None:
    """Return the mean scores over the movies; None where the method fails on one of them."""
    scores = []
    for movie in movies:
        track = METHODS[method](movie.detections, **parameters)
        if track is None:
            return None
        scores.append(measure(movie, track))
    mean = {k: float(np.mean([s[k] for s in scores])) for k in scores[0]}
    mean["wrong or missed"] = float(np.sum([s["wrong or missed"] for s in scores]))
    return mean


def accuracy(args: argparse.Namespace) -> str:
    """Score every method with all settings of its grid on the same movies."""
    warnings.simplefilter("ignore")
    lines = []
    key = f"{args.particles}-{args.frames}-{'-'.join(map(str, args.seeds))}"
    for scenario in args.scenarios:
        movies = [SCENARIOS[scenario].movie(args.particles, args.frames, seed) for seed in args.seeds]
        grids = {name: GRIDS[name] for name in args.methods}
        if SCENARIOS[scenario].motion == "directed":
            grids = DIRECTED_GRIDS | grids
        results = {name: over_grid(scenario, name, *grid, movies, key) for name, grid in grids.items()}
        lines += [
            f"### {scenario} ({args.particles} a frame, {args.frames} frames, seeds {args.seeds})",
            "",
            "| | F1 | precision | recall | wrong or missed | alpha | beta | RMSE | JSC | JSC_theta | "
            "setting with best F1 | best JSC | best JSC_theta |",
            "|---|---|---|---|---|---|---|---|---|---|---|---|---|",
        ]
        best = {name: _best(rows) for name, rows in results.items()}
        most = {
            name: {k: max(row["scores"][k] for row in rows) for k in ("JSC", "JSC_theta")}
            for name, rows in results.items()
        }
        for name, row in best.items():
            s = row["scores"]
            setting = ", ".join(
                f"{k} {v:.3g}" if isinstance(v, float) else f"{k} {v}" for k, v in row["parameters"].items()
            )
            lines.append(
                f"| {name} | {s['F1']:.4f} | {s['precision']:.4f} | {s['recall']:.4f} | {s['wrong or missed']:.0f} | "
                f"{s['alpha']:.3f} | {s['beta']:.3f} | {s['RMSE']:.3f} | {s['JSC']:.3f} | {s['JSC_theta']:.3f} | "
                f"{setting} | {most[name]['JSC']:.3f} | {most[name]['JSC_theta']:.3f} |"
            )
        lines += ["", _verdict(best, most), ""]
    return "\n".join(lines)


def _verdict(best: dict[str, dict], most: dict[str, dict]) -> str:
    """Compare playNano with the best of the other packages, each score at the best setting for it."""
    first = next(iter(best))
    peers = [name for name in best if not name.startswith("ours")]
    fewest = min(peers, key=lambda name: best[name]["scores"]["wrong or missed"])
    fewer = 100 * (1 - best[first]["scores"]["wrong or missed"] / best[fewest]["scores"]["wrong or missed"])
    text = f"Fewer wrong or missed links than the best peer ({fewest}): {fewer:.0f} %."
    for k in ("JSC", "JSC_theta"):
        name = max(peers, key=lambda peer: most[peer][k])
        text += f" {k} {most[first][k]:.3f} against {most[name][k]:.3f} ({name})."
    return text
