"""Figures of clusters."""

import numpy as np
import pytest
from PIL import Image

from playNano.analysis.pipeline import AnalysisPipeline
from playNano.io.export.render import track_colour
from playNano.plots.clusters import mean_image, write_cluster_pictures


def colours_in(path):
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        return {colour for _, colour in picture.convert("RGB").getcolors(1 << 24)}


@pytest.mark.parametrize(
    ("steps", "n_files"),
    [
        ("k_means_clustering:k=3", 1),
        ("dbscan_clustering:eps=1e-9,min_samples=50", 1),
        (
            "dbscan_clustering:eps=0.3,min_samples=2;k_means_clustering:k=2,detection_module=particle_tracking",
            2,
        ),
        ("k_means_clustering:k=2,coord_columns=[area],use_time=false", 1),
        ("particle_tracking", 0),
    ],
)
def test_each_clustering_has_its_picture(make_stack, tmp_path, steps, n_files):
    stack = make_stack(pixel_size_nm=(4.0, 2.0))
    first = "feature_detection:mask_fn=mask_threshold,threshold=1;particle_tracking;"
    record = AnalysisPipeline().add_steps(first + steps).run(stack)
    written = write_cluster_pictures(stack, record, tmp_path / "sub")
    assert list(written) == ["clusters.png", "clusters_step_4.png"][:n_files]
    for path in written.values():
        assert len(colours_in(path)) > 50


def test_the_picture_shows_clusters_in_their_colours(make_stack, tmp_path):
    stack = make_stack()
    record = (
        AnalysisPipeline()
        .add_steps(
            "feature_detection:mask_fn=mask_threshold,threshold=1;k_means_clustering:k=3,use_time=false"
        )
        .run(stack)
    )
    (path,) = write_cluster_pictures(stack, record, tmp_path).values()
    wanted = {tuple(bytes.fromhex(track_colour(number)[1:])) for number in range(3)}
    assert wanted <= colours_in(path)
    outputs = dict(record["analysis"]["step_2_k_means_clustering"])
    nothing = {**record, "analysis": {"step_2_k_means_clustering": outputs}}
    for name in ("table", "cluster_table", "occupancy_table"):
        outputs[name] = outputs[name].iloc[:0]
    (path,) = write_cluster_pictures(stack, nothing, tmp_path / "none").values()
    assert not wanted & colours_in(path) - {(0, 114, 178)}


@pytest.mark.parametrize("n_frames", [0, 1])
def test_a_picture_of_clusters_in_few_frames(make_stack, make_spots, tmp_path, n_frames):
    stack = make_stack(make_spots()[0][:n_frames])
    record = (
        AnalysisPipeline()
        .add_steps("feature_detection:mask_fn=mask_threshold,threshold=1;dbscan_clustering:min_samples=1")
        .run(stack)
    )
    (path,) = write_cluster_pictures(stack, record, tmp_path).values()
    assert len(colours_in(path)) > 10


def test_the_mean_image_leaves_out_what_is_not_observed(make_stack):
    data = np.arange(24, dtype=np.float32).reshape(4, 2, 3)
    data[1, 0, 0] = data[2:, 1, 2] = data[0, 1, 2] = np.nan
    data[3] = 450.0
    data[3, 1, 2] = np.nan
    observed = np.array([True, True, True, False])
    expected = data[:3].astype(float)
    found = mean_image(make_stack(data), observed)
    np.testing.assert_allclose(found, np.nanmean(expected, axis=0))
    observed[1] = False
    assert np.isnan(mean_image(make_stack(data), observed)[1, 2])
    assert np.isnan(mean_image(make_stack(data), np.zeros(4, dtype=bool))).all()
