"""The helpers for what comes after an analysis."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from playNano.analysis.modules.feature_detection import FeatureDetectionModule
from playNano.analysis.modules.particle_tracking import ParticleTrackingModule
from playNano.analysis.utils.frames import frame_summary_to_dataframe, plot_frame_histogram
from playNano.analysis.utils.particles import (
    export_particle_csv,
    flatten_particle_features,
    plot_particle_labels_3d,
)

FEATURE = {
    "frame_timestamp": 0.5,
    "label": 1,
    "centroid": (2.0, 3.0),
    "area": 9,
    "mean": 1.5,
    "min": 1.0,
    "max": 2.0,
}
COLUMNS = ["frame", "timestamp", "label", "centroid_x", "centroid_y", "area", "mean", "min", "max"]


def test_frame_summary():
    other = {**FEATURE, "area": 3, "mean": 2.5}
    table = frame_summary_to_dataframe([[FEATURE, other], [], [FEATURE]])
    assert list(table.columns) == ["frame_index", "n_features", "total_area", "mean_area", "mean_intensity"]
    assert table["frame_index"].tolist() == [0, 1, 2]
    assert table["n_features"].tolist() == [2, 0, 1]
    assert table["total_area"].tolist() == [12, 0, 9]
    assert table["mean_area"].tolist() == [6, 0, 9]
    assert table["mean_intensity"].tolist() == [2.0, 0, 1.5]


def test_frame_summary_of_a_detection(make_stack):
    out = FeatureDetectionModule().run(make_stack(), threshold=1)
    table = frame_summary_to_dataframe(out["features_per_frame"])
    assert table["n_features"].sum() == out["summary"]["total_features"]
    assert table["total_area"].sum() == (out["labeled_masks"] > 0).sum()


def test_frame_summary_of_nothing():
    table = frame_summary_to_dataframe([])
    assert len(table) == 0
    assert "n_features" in table
    assert frame_summary_to_dataframe([[{"y": 1.0, "x": 2.0}]])["total_area"].tolist() == [0]


def test_frame_histogram(tmp_path):
    table = frame_summary_to_dataframe([[FEATURE]] * 5)
    path = tmp_path / "h.png"
    axes = plot_frame_histogram(table, "n_features", save_to=path, bins=4)
    assert path.read_bytes().startswith(b"\x89PNG")
    assert len(axes.patches) == 4
    mine = Figure().add_subplot()
    assert plot_frame_histogram(table, "mean_area", ax=mine) is mine
    assert mine.get_xlabel() == "mean_area"
    with pytest.raises(ValueError, match=r"no column 'height' \(there are: frame_index"):
        plot_frame_histogram(table, "height")


def test_flatten_tracks():
    tracks = {
        "tracks": [
            {"id": 7, "frames": [0, 1, 2], "point_indices": [0, None, 1]},
            {"id": 8, "frames": [2], "point_indices": [0]},
        ]
    }
    features = [[FEATURE], [], [{**FEATURE, "label": 3}, {**FEATURE, "label": 4, "centroid": (5.0, 6.0)}]]
    flat = flatten_particle_features(tracks, {"features_per_frame": features})
    assert list(flat.columns) == ["track_id", *COLUMNS]
    assert flat["track_id"].tolist() == [7, 7, 8]
    assert flat["frame"].tolist() == [0, 2, 2]
    assert flat["label"].tolist() == [1, 4, 3]
    assert flat["centroid_x"].tolist() == [3.0, 6.0, 3.0]
    assert flat["centroid_y"].tolist() == [2.0, 5.0, 2.0]
    assert flat["timestamp"].tolist() == [0.5] * 3


def test_flatten_clusters_of_blobs():
    clusters = {"clusters": [{"id": 0, "frames": [0, 0], "point_indices": [1, 0]}]}
    blobs = [[{"frame_timestamp": 1.0, "y": 1.0, "x": 2.0}, {"frame_timestamp": 1.0, "y": 3.0, "x": 4.0}]]
    flat = flatten_particle_features(clusters, {"features_per_frame": blobs})
    assert flat["cluster_id"].tolist() == [0, 0]
    assert flat["centroid_x"].tolist() == [4.0, 2.0]
    assert flat["area"].isna().all()


def test_flatten_by_other_names():
    groups = {"mine": [{"id": 1, "when": [0], "which": [0]}]}
    flat = flatten_particle_features(
        groups,
        {"features_per_frame": [[FEATURE]]},
        object_key="mine",
        object_id_field="particle",
        frame_key="when",
        index_key="which",
    )
    assert flat["particle"].tolist() == [1]


def test_flatten_what_is_not_there():
    detection = {"features_per_frame": [[FEATURE]]}
    with pytest.raises(ValueError, match="give object_key"):
        flatten_particle_features({"n_tracks": 0}, detection)
    with pytest.raises(KeyError, match="features_per_frame"):
        flatten_particle_features({"tracks": []}, {"table": 1})
    for broken in ({"id": 3, "frames": [0]}, {"id": 3, "point_indices": [0]}):
        with pytest.raises(KeyError, match="group 3 must have 'frames' and 'point_indices'"):
            flatten_particle_features({"tracks": [broken]}, detection)


def test_flatten_nothing():
    flat = flatten_particle_features({"tracks": []}, {"features_per_frame": []})
    assert list(flat.columns) == ["track_id", *COLUMNS]
    assert len(flat) == 0


def test_flatten_modules(make_stack, tmp_path):
    stack = make_stack()
    detected = FeatureDetectionModule().run(stack, threshold=1)
    tracked = ParticleTrackingModule().run(stack, {"feature_detection": detected})
    flat = flatten_particle_features(tracked, detected)
    assert len(flat) == 18
    np.testing.assert_allclose(flat["area"], tracked["table"]["area_px"])
    np.testing.assert_allclose(flat["centroid_y"], tracked["table"]["y"])
    path = tmp_path / "new" / "tracks.csv"
    export_particle_csv(flat, path)
    pd.testing.assert_frame_equal(pd.read_csv(path), flat, check_dtype=False)


def test_plot_in_space_and_time(tmp_path):
    flat = pd.DataFrame(
        {
            "track_id": [0, 0, 1],
            "centroid_x": [1.0, 2, 3],
            "centroid_y": [1.0, 2, 3],
            "timestamp": [0.0, 1, 2],
        }
    )
    path = tmp_path / "p.png"
    axes = plot_particle_labels_3d(flat, save_to=path)
    assert path.read_bytes().startswith(b"\x89PNG")
    assert len(axes.collections) == 2
    assert axes.get_zlabel() == "time (s)"
    assert (
        plot_particle_labels_3d(flat.rename(columns={"track_id": "cluster_id"}), "cluster_id", ax=axes)
        is axes
    )
    with pytest.raises(ValueError, match="no column 'cluster_id'"):
        plot_particle_labels_3d(flat, "cluster_id")


def test_plots_keep_no_global_figures():
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    plot_frame_histogram(frame_summary_to_dataframe([[FEATURE]]), "n_features")
    assert plt.get_fignums() == before


def test_csv_is_replaced_whole(tmp_path):
    path = tmp_path / "t.csv"
    export_particle_csv(pd.DataFrame({"a": [1, 2]}), str(path))
    export_particle_csv(pd.DataFrame({"b": []}), path)
    assert path.read_text().split() == ["b"]
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(OSError, match="is a folder"):
        export_particle_csv(pd.DataFrame(), tmp_path)
