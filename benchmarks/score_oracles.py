"""Score random tracks with other packages, as reference values for the tests of `playNano.metrics`.

    python benchmarks/score_oracles.py

in an environment with motmetrics, trackeval and traccuracy writes `tests/metrics/score_oracles.json`: the tables, and
the scores by those packages.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path

import networkx as nx
import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parent.parent
GATE = 2.0


def walkers(rng, n_tracks, n_frames):
    """Draw random walks with gaps."""
    rows = []
    for k in range(n_tracks):
        position = rng.uniform(0, 14, 2)
        for f in range(n_frames):
            position = position + rng.normal(0, 0.6, 2)
            if rng.random() < 0.85:
                rows.append((f, k, *position))
    return pd.DataFrame(rows, columns=["frame", "track_id", "y", "x"])


def prediction_of(rng, truth):
    """Make a prediction of the truth: remove and shift points, cut and swap tracks, add clutter."""
    predicted = truth[rng.random(len(truth)) < 0.85].copy()
    predicted[["y", "x"]] += rng.normal(0, 0.4, (len(predicted), 2))
    late = predicted["frame"] >= rng.integers(5, 9)
    swapped = predicted["track_id"].max() - predicted["track_id"]
    chosen = late & (predicted["track_id"] % 3 == 0)
    predicted.loc[chosen, "track_id"] = swapped[chosen] + 40
    clutter = pd.DataFrame(
        {
            "frame": rng.integers(0, truth["frame"].max() + 1, 8),
            "track_id": 90 + np.arange(8),
            "y": rng.uniform(0, 14, 8),
            "x": rng.uniform(0, 14, 8),
        }
    )
    both = pd.concat([predicted, clutter]).drop_duplicates(["frame", "track_id"])
    return both.sort_values(["frame", "track_id"], ignore_index=True)


def by_frame(truth, predicted):
    for f in range(int(max(truth["frame"].max(), predicted["frame"].max())) + 1):
        a, b = truth[truth["frame"] == f], predicted[predicted["frame"] == f]
        apart = np.linalg.norm(a[["y", "x"]].to_numpy()[:, None] - b[["y", "x"]].to_numpy()[None], axis=2)
        yield a["track_id"].to_numpy(), b["track_id"].to_numpy(), apart


def by_trackeval(truth, predicted, gate):
    from trackeval.metrics import HOTA, Identity

    names = [np.unique(t["track_id"]) for t in (truth, predicted)]
    parts = [
        (np.searchsorted(names[0], a), np.searchsorted(names[1], b), np.maximum(1 - d / gate, 0))
        for a, b, d in by_frame(truth, predicted)
    ]
    data = {
        "num_gt_dets": len(truth),
        "num_tracker_dets": len(predicted),
        "num_gt_ids": len(names[0]),
        "num_tracker_ids": len(names[1]),
        "num_timesteps": len(parts),
        "gt_ids": [p[0] for p in parts],
        "tracker_ids": [p[1] for p in parts],
        "similarity_scores": [p[2] for p in parts],
    }
    hota = HOTA().eval_sequence(data)
    # Identity scores use pairs of similarity 0.5 or more: those within half the gate.
    identity = Identity().eval_sequence(data)
    return {
        "hota": float(np.mean(hota["HOTA"])),
        "deta": float(np.mean(hota["DetA"])),
        "assa": float(np.mean(hota["AssA"])),
        "idf1_at_half_the_gate": float(identity["IDF1"]),
    }


def by_motmetrics(truth, predicted, gate):
    import motmetrics as mm

    told = mm.MOTAccumulator(auto_id=True)
    for a, b, d in by_frame(truth, predicted):
        told.update(a.tolist(), b.tolist(), np.where(d <= gate, d, np.nan))
    names = ["num_switches", "idf1", "mota", "num_matches", "num_false_positives", "num_misses"]
    made = mm.metrics.create().compute(told, metrics=names).iloc[0]
    return {name: float(made[name]) for name in names}


def by_traccuracy(truth, predicted, gate):
    from traccuracy import TrackingGraph, run_metrics
    from traccuracy.matchers import PointMatcher
    from traccuracy.metrics import BasicMetrics

    def graph(table):
        out = nx.DiGraph()
        for i, row in enumerate(table.itertuples()):
            out.add_node(i, t=int(row.frame), y=float(row.y), x=float(row.x))
        for _, rows in table.groupby("track_id"):
            order = rows.sort_values("frame").index.tolist()
            out.add_edges_from(pairwise(order))
        return TrackingGraph(out, location_keys=("y", "x"))

    made, _ = run_metrics(
        graph(truth), graph(predicted), PointMatcher(gate), [BasicMetrics()], relax_skips_gt=False
    )
    told = made[0]["results"]
    return {
        name: float(told[name]) for name in ("Edge Recall", "Edge Precision", "Node Recall", "Node Precision")
    }


def main():
    cases = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        truth = walkers(rng, 7, 14)
        predicted = prediction_of(rng, truth)
        truth, predicted = truth.round(6), predicted.round(6)
        cases.append(
            {
                "truth": truth.to_dict("list"),
                "predicted": predicted.to_dict("list"),
                "trackeval": by_trackeval(truth, predicted, GATE),
                "motmetrics": by_motmetrics(truth, predicted, GATE),
                "traccuracy": by_traccuracy(truth, predicted, GATE),
            }
        )
    names = ("motmetrics", "trackeval", "traccuracy")
    told = {"gate": GATE, "versions": {n: version(n) for n in names}, "cases": cases}
    path = ROOT / "tests" / "metrics" / "score_oracles.json"
    path.write_text(json.dumps(told) + "\n", encoding="utf-8")
    print(f"{path}: {path.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
