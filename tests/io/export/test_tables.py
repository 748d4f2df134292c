"""CSV tables of an analysis."""

import numpy as np
import pandas as pd
import pytest

from playNano.analysis.pipeline import AnalysisPipeline
from playNano.io.export.tables import write_csv, write_tables


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


NUMBERS = {
    "f": [1e16, 1e-5, np.nan, np.inf, -0.0, 0.1, 123456789.123],
    "g": np.array([0.1, 2, np.nan, 4, 1e20, 6, 1e-7], np.float32),
    "i": range(7),
    "b": [True, False, True, True, False, False, True],
}
TEXTS = {"s": ["a", "b,c", 'q"x', None, "two\nlines", "", " "], "o": [1, 2.5, None, "x", True, np.nan, -0.0]}


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame(NUMBERS | TEXTS),
        pd.DataFrame(NUMBERS).iloc[:0],
        pd.DataFrame({"s": TEXTS["s"]}),
        pd.DataFrame({"a,b": [1, 2], "n": pd.array([1, None], dtype="Int64")}),
        pd.DataFrame({"t": pd.to_datetime(["2024-01-01", "2024-05-01"]), "c": [1 + 2j, 3]}),
        pd.DataFrame({1: [1.5], "x": [2]}),
        pd.DataFrame([[1.5, 2]], columns=["x", "x"]),
        pd.DataFrame({"x": np.arange(10_000) / 7, "y": np.arange(10_000)}),
    ],
    ids=["mixed", "empty", "one column", "missing integers", "dates", "numbered", "twice", "long"],
)
def test_the_bytes_are_those_of_pandas(table, tmp_path):
    write_csv(table, tmp_path / "own.csv")
    table.to_csv(tmp_path / "pandas.csv", index=False)
    assert (tmp_path / "own.csv").read_bytes() == (tmp_path / "pandas.csv").read_bytes()
