"""CSV tables of an analysis."""

import pandas as pd
import pytest

from playNano.analysis.pipeline import AnalysisPipeline
from playNano.io.export.tables import write_tables


@pytest.fixture
def analysed(make_stack):
    stack = make_stack(pixel_size_nm=(4.0, 2.0))
    pipeline = AnalysisPipeline()
    pipeline.add("feature_detection", mask_fn="mask_threshold", threshold=1)
    pipeline.add("particle_tracking")
    pipeline.add("k_means_clustering", k=3)
    pipeline.add("feature_detection", mask_fn="mask_threshold", threshold=2, min_size=3)
    return stack, pipeline.run(stack)


def test_tables_are_one_file_for_each_kind_and_step(analysed, tmp_path):
    written = write_tables(analysed[1], tmp_path)
    assert sorted(written) == [
        "cluster_occupancy.csv", "cluster_table.csv", "clusters.csv", "drift.csv", "features.csv",
        "features_step_4.csv", "links.csv", "track_events.csv", "track_table.csv", "tracks.csv",
    ]  # fmt: skip
    assert pd.read_csv(written["cluster_table.csv"])["cluster_id"].tolist() == [0, 1, 2]
    occupancy = pd.read_csv(written["cluster_occupancy.csv"])
    assert occupancy["n_members"].sum() == len(pd.read_csv(written["clusters.csv"]))
    features = pd.read_csv(written["features.csv"])
    assert len(features) == analysed[1]["analysis"]["step_1_feature_detection"]["summary"]["total_features"]
    assert list(features.columns[:5]) == ["frame", "time_s", "frame_time_s", "label", "y"]
    tracks = pd.read_csv(written["tracks.csv"])
    assert list(tracks.columns[:3]) == ["track_id", "frame", "point_index"]
    assert tracks["track_id"].nunique() == 3
    assert pd.read_csv(written["track_table.csv"])["length"].sum() == len(tracks)
    assert pd.read_csv(written["links.csv"])["confidence"].between(0, 1).all()
