"""The overview figure."""

import numpy as np
import pytest
from PIL import Image

from playNano.analysis.pipeline import AnalysisPipeline
from playNano.plots import draw_overview, write_overview


@pytest.fixture
def analysed(make_stack):
    stack = make_stack(pixel_size_nm=(4.0, 2.0))
    pipeline = AnalysisPipeline()
    pipeline.add("feature_detection", mask_fn="mask_threshold", threshold=1)
    pipeline.add("particle_tracking")
    pipeline.add("k_means_clustering", k=3)
    pipeline.add("feature_detection", mask_fn="mask_threshold", threshold=2, min_size=3)
    return stack, pipeline.run(stack)


def test_the_overview_is_a_picture_with_and_without_detections(analysed, make_stack, tmp_path):
    stack, record = analysed
    write_overview(stack, record, tmp_path / "sub" / "overview.png")
    with Image.open(tmp_path / "sub" / "overview.png") as picture:
        assert picture.format == "PNG"
        assert min(picture.size) > 300
        assert len(picture.convert("RGB").getcolors(1 << 24)) > 50
    write_overview(make_stack(frame_metadata=None), make_stack(), tmp_path / "plain.png")
    assert (tmp_path / "plain.png").stat().st_size > 1000


def test_the_overview_shows_what_the_tables_hold(analysed):
    """Circles, lines, crosses and numbers are those of the last detection, tracking and clustering."""
    stack, record = analysed
    left, right = draw_overview(stack, record, frame=3).axes[:2]
    features = record["analysis"]["step_4_feature_detection"]["table"]
    here = features[features["frame"] == 3]
    circles = np.asarray(left.collections[0].get_offsets())
    np.testing.assert_allclose(circles, here[["x_nm", "y_nm"]].to_numpy())
    lines = [line for line in left.lines if line.get_marker() == "None" and len(line.get_xdata()) > 2]
    assert len(lines) == record["analysis"]["step_2_particle_tracking"]["n_tracks"]
    crosses = [line for line in left.lines if line.get_marker() == "+"]
    assert len(crosses) == 3
    clusters = record["analysis"]["step_3_k_means_clustering"]["table"]
    means = clusters.groupby("cluster_id")[["x_nm", "y_nm"]].mean().to_numpy()
    np.testing.assert_allclose([[*c.get_xdata(), *c.get_ydata()] for c in crosses], means)
    counts = next(line for line in right.lines if line.get_label() == "detections").get_ydata()
    np.testing.assert_array_equal(
        counts, features.groupby("frame").size().reindex(range(stack.n_frames), fill_value=0)
    )
    assert left.get_title().endswith(f"frame 3, {stack.time_for_frame(3):.2f} s")
