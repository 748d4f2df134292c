"""Common interface of the linkers compared by benchmarks/linking.py: table -> track of each row."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from playNano.algorithms.linking import LinkingOptions, link_frames, link_movie

# Interpreter in which playNano 0.5.0 is installed.
REFERENCE_PYTHON = os.environ.get("LINKING_REFERENCE_PYTHON", "python-with-the-reference")
REFERENCE_SCRIPT = """
import json, sys, time
import numpy as np
from playnano.analysis.modules.particle_tracking import ParticleTrackingModule
table = np.load(sys.argv[1])
options = json.loads(sys.argv[2])
frame, y, x = table["frame"], table["y"], table["x"]
n_frames = int(frame.max()) + 1
order = np.argsort(frame, kind="stable")
edges = np.searchsorted(frame[order], np.arange(n_frames + 1))
features, masks = [], []
for f in range(n_frames):
    rows = order[edges[f]:edges[f + 1]]
    features.append([
        {"frame_timestamp": float(f), "label": k + 1, "y": float(y[r]), "x": float(x[r])} for k, r in
        enumerate(rows)
    ])
    masks.append(np.arange(rows.size + 1)[None])
class Stack:
    def time_for_frame(self, f):
        return float(f)
start = time.perf_counter()
out = ParticleTrackingModule().run(
    Stack(), {"feature_detection": {"features_per_frame": features, "labeled_masks": masks}},
    coord_columns=("x", "y"), **options)
seconds = time.perf_counter() - start
track = np.full(frame.size, -1)
for k, found in enumerate(out["tracks"]):
    for f, i in zip(found["frames"], found["point_indices"]):
        if i is not None:
            track[order[edges[f] + i]] = k
np.savez(sys.argv[3], track=track, seconds=seconds)
"""


def ours(table: pd.DataFrame, **options: object) -> np.ndarray:
    return link_movie(table[["frame", "y", "x"]], LinkingOptions(**options)).track_id


def ours_frame(table: pd.DataFrame, **options: object) -> np.ndarray:
    return link_frames(table["frame"], table[["y", "x"]], **options)


def trackpy(table: pd.DataFrame, *, predict: bool = False, **options: object) -> np.ndarray | None:
    """Link with trackpy; None where it fails because subnetworks grow too large."""
    import trackpy as tp

    tp.quiet()
    link = tp.predict.NearestVelocityPredict().link_df if predict else tp.link
    # At high density trackpy fails unless the limit of the size of subnetworks is raised.
    tp.linking.Linker.MAX_SUB_NET_SIZE = 60
    try:
        linked = link(table[["frame", "y", "x"]], pos_columns=["y", "x"], t_column="frame", **options)
    except tp.SubnetOversizeException:
        return None
    return linked["particle"].reindex(table.index).to_numpy()


def laptrack(
    table: pd.DataFrame, *, max_distance: float, max_missing: int, gap_distance: float | None = None
) -> np.ndarray:
    """Link with laptrack; `gap_distance` is the search range over gaps, the same as from frame to frame if None."""
    from laptrack import LapTrack

    tracker = LapTrack(
        cutoff=max_distance**2,
        gap_closing_cutoff=(max_distance if gap_distance is None else gap_distance) ** 2,
        # laptrack counts frame intervals: 1 means no gap closing.
        gap_closing_max_frame_count=max_missing + 1,
        splitting_cutoff=False,
        merging_cutoff=False,
    )
    linked, _, _ = tracker.predict_dataframe(
        table[["frame", "y", "x"]].assign(row=np.arange(len(table))),
        coordinate_cols=["y", "x"],
        frame_col="frame",
        only_coordinate_cols=False,
    )
    track = np.full(len(table), -1)
    track[linked["row"].to_numpy()] = linked["track_id"].to_numpy()
    return track


def reference(table: pd.DataFrame, **options: object) -> np.ndarray:
    """Run the earlier implementation in its own Python; REFERENCE_SECONDS keeps its time without start-up."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in.npz", Path(folder) / "out.npz"
        np.savez(source, frame=table["frame"], y=table["y"], x=table["x"])
        subprocess.run(
            [REFERENCE_PYTHON, "-c", REFERENCE_SCRIPT, str(source), json.dumps(options), str(target)],
            check=True,
            capture_output=True,
        )
        with np.load(target) as out:
            REFERENCE_SECONDS.append(float(out["seconds"]))
            return out["track"]


REFERENCE_SECONDS: list[float] = []
METHODS = {
    "ours": ours,
    "ours_frame": ours_frame,
    "trackpy": trackpy,
    "laptrack": laptrack,
    "reference": reference,
}
