"""Linking with defaults on the scenes of benchmarks/linking_scenes.py: accuracy against tuned trackpy, and confidence.

    python benchmarks/linking_defaults.py confidence --seeds 501 502 503 504 505
    python benchmarks/linking_defaults.py peers --seeds 1 2 --scenes directed motors
    python benchmarks/linking_defaults.py motion --seeds 601 602 603
    python benchmarks/linking_defaults.py short --seeds 100

`peers` and `short` need a Python in which trackpy 0.7 is installed besides playNano's requirements (PYTHONPATH=src).
Each prints a table; benchmarks/results/linking_defaults.md has all of them.
"""

from __future__ import annotations

import argparse
import itertools
import signal
import warnings
from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
from linking_peers import trackpy
from linking_scenes import SCENES, observe, walks

from playNano.algorithms.linking import LinkingOptions, link_movie
from playNano.algorithms.linking.trackability import neighbour_distance
from playNano.metrics import score_edges

BINS = [(0.0, 0.4), (0.4, 0.6), (0.6, 0.8), (0.8, 0.9), (0.9, 0.95), (0.95, 0.99), (0.99, 1.01)]
# Bins with fewer links than this are not shown for a single scene.
ENOUGH = 50
RANGES = (0.15, 0.2, 0.3, 0.4, 0.5, 0.65, 0.8, 1.0)
MEMORIES = (0, 1, 2, 3, 5, 8)
# Particles, frames, standard deviation of a step per axis (px), and width of the field (px) of short movies.
SHORT = (
    (6, 5, 3.0, 60),
    (3, 6, 3.0, 50),
    (20, 2, 3.0, 110),
    (10, 3, 2.0, 60),
    (4, 20, 4.0, 50),
    (12, 4, 1.0, 60),
)
DIRECTED = ("directed", "motors", "head_on")


def correct_links(table: pd.DataFrame, links: pd.DataFrame) -> np.ndarray:
    """Return whether each link joins a detection to the next one of its particle."""
    order = np.lexsort([table["frame"], table["particle"]])
    particle = table["particle"].to_numpy()[order]
    same = (np.diff(particle) == 0) & (particle[1:] >= 0)
    following = np.full(len(table), -1)
    following[order[:-1][same]] = order[1:][same]
    return following[links["source"]] == links["target"].to_numpy()


def confidence(seeds: list[int], names: list[str]) -> None:
    """Print the difference between the fraction of correct links and their confidence, in points."""
    labels = [f"{low:g} to {min(high, 1):g}" for low, high in BINS]
    print("| scene | F1 | wrong, % | expected, % | ratio | " + " | ".join(labels) + " |")
    print("|---" * (5 + len(BINS)) + "|")
    all_sure, all_right = [], []
    for name in names:
        sure, right, f1 = [], [], []
        for seed in seeds:
            table = SCENES[name](np.random.default_rng(seed))
            linked = link_movie(table, LinkingOptions())
            sure.append(linked.links["confidence"].to_numpy())
            right.append(correct_links(table, linked.links))
            f1.append(score_edges(table["frame"], table["particle"], linked.track_id).f1)
        all_sure += sure
        all_right += right
        print(_row(name, float(np.mean(f1)), np.concatenate(sure), np.concatenate(right)), flush=True)
    print(_row("all", float("nan"), np.concatenate(all_sure), np.concatenate(all_right)))


def _row(name: str, f1: float, sure: np.ndarray, right: np.ndarray) -> str:
    cells = []
    for low, high in BINS:
        inside = (sure >= low) & (sure < high)
        n = int(inside.sum())
        cells.append(
            f"{100 * (right[inside].mean() - sure[inside].mean()):+.1f} of {n}" if n >= ENOUGH else "-"
        )
    wrong, expected = 1 - right.mean(), 1 - sure.mean()
    numbers = f"{f1:.4f} | {100 * wrong:.2f} | {100 * expected:.2f} | {expected / wrong:.2f}"
    return f"| {name} | {numbers} | " + " | ".join(cells) + " |"


def motion(seeds: list[int], names: list[str]) -> None:
    """Print edge F1 with the motion decided by the movie beside that with a given one, and the decisions."""
    print("| scene | defaults | motion=brownian | motion=directed | correlation | directed in |")
    print("|---" * 6 + "|")
    for name in names:
        tables = [SCENES[name](np.random.default_rng(seed)) for seed in seeds]
        linked = [link_movie(t, LinkingOptions()) for t in tables]
        ours = np.mean(
            [
                score_edges(t["frame"], t["particle"], f.track_id).f1
                for t, f in zip(tables, linked, strict=True)
            ]
        )
        given = [_mean_f1(tables, partial(_track, motion=m)) for m in ("brownian", "directed")]
        value = [f.motion.correlation for f in linked]
        n_directed = sum(f.motion.model == "directed" for f in linked)
        print(
            f"| {name} | {ours:.4f} | {given[0]:.4f} | {given[1]:.4f} | {min(value):.2f} to {max(value):.2f} "
            f"| {n_directed} of {len(tables)} |",
            flush=True,
        )


def _track(table: pd.DataFrame, **options: str) -> np.ndarray:
    return link_movie(table, LinkingOptions(**options)).track_id


def peers(seeds: list[int], names: list[str]) -> None:
    """Print edge F1 with defaults beside the best of a grid of trackpy's settings, chosen on the same movies."""
    print("| scene | defaults | trackpy, best | its setting (range in neighbour distances) |")
    print("|---|---|---|---|")
    for name in names:
        tables = [SCENES[name](np.random.default_rng(seed)) for seed in seeds]
        ours = _mean_f1(tables, _track)
        best, setting = 0.0, ""
        near = float(np.mean([neighbour_distance(t) for t in tables]))
        for predict, share, memory in itertools.product((False, True), RANGES, MEMORIES):
            if predict and name not in DIRECTED:
                continue
            options = {"search_range": share * near, "memory": memory} | (
                {"predict": True} if predict else {}
            )
            f1 = _within(20, partial(_mean_f1, tables, partial(trackpy, **options)))
            if f1 > best:
                best, setting = f1, f"{share:g}, memory {memory}{', predict' if predict else ''}"
        print(f"| {name} | {ours:.4f} | {best:.4f} | {setting} |", flush=True)


def _mean_f1(tables: list[pd.DataFrame], link: Callable[[pd.DataFrame], np.ndarray | None]) -> float:
    scores = []
    for table in tables:
        track = link(table)
        if track is None:
            return 0.0
        scores.append(score_edges(table["frame"], table["particle"], track).f1)
    return float(np.mean(scores))


def _within(seconds: int, run: Callable[[], float]) -> float:
    """Return the result of a function, or 0 if it takes too long, as trackpy may at high density."""

    def stop(*_: object) -> None:
        raise TimeoutError

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        return run()
    except TimeoutError:
        return 0.0
    finally:
        signal.alarm(0)


def short(n_seeds: int) -> None:
    """Print edge F1, over all links, of a few particles in a few frames."""
    print("| particles, frames, step/axis px, field px | defaults | trackpy, best of 12 settings |")
    print("|---|---|---|")
    for n, n_frames, step, side in SHORT:
        tables = []
        for seed in range(n_seeds):
            rng = np.random.default_rng(seed)
            start = 70 + rng.uniform(0, side, (n, 2))
            tables.append(observe(rng, walks(rng, start, step, n_frames), clutter=0.1))
        ours = _pooled_f1(tables, lambda t: link_movie(t, LinkingOptions()).track_id)
        best = max(
            _pooled_f1(tables, lambda t, r=ratio * step, m=memory: trackpy(t, search_range=r, memory=m))
            for ratio in (3, 4, 5, 6)
            for memory in (0, 1, 2)
        )
        print(f"| {n}, {n_frames}, {step:g}, {side} | {ours:.4f} | {best:.4f} |", flush=True)


def _pooled_f1(tables: list[pd.DataFrame], link: Callable[[pd.DataFrame], np.ndarray]) -> float:
    counts = np.zeros(3)
    for table in tables:
        s = score_edges(table["frame"], table["particle"], link(table))
        counts += (s.true_positives, s.false_positives, s.false_negatives)
    return float(2 * counts[0] / (2 * counts[0] + counts[1] + counts[2]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=["confidence", "motion", "peers", "short"])
    parser.add_argument("--seeds", type=int, nargs="+", required=True)
    parser.add_argument("--scenes", nargs="+", choices=list(SCENES), default=list(SCENES))
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    if args.command == "short":
        short(args.seeds[0])
    else:
        {"confidence": confidence, "motion": motion, "peers": peers}[args.command](args.seeds, args.scenes)


if __name__ == "__main__":
    main()
