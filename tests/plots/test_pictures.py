"""Tables, the overview picture and the animated movie."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from playNano.analysis.pipeline import AnalysisPipeline
from playNano.io.export.gif import write_gif
from playNano.io.export.render import ScaleBar, height_limits, track_colour
from playNano.io.export.tables import write_tables
from playNano.plots.clusters import mean_image, write_cluster_pictures
from playNano.plots.overview import write_overview


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
        "cluster_occupancy.csv", "cluster_table.csv", "clusters.csv", "features.csv", "features_step_4.csv",
        "links.csv", "track_events.csv", "track_table.csv", "tracks.csv",
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


def test_the_overview_is_a_picture_with_and_without_detections(analysed, make_stack, tmp_path):
    stack, record = analysed
    write_overview(stack, record, tmp_path / "sub" / "overview.png")
    with Image.open(tmp_path / "sub" / "overview.png") as picture:
        assert picture.format == "PNG"
        assert min(picture.size) > 300
        assert len(picture.convert("RGB").getcolors(1 << 24)) > 50
    untouched = make_stack(frame_metadata=None)
    write_overview(untouched, untouched, tmp_path / "plain.png")
    assert (tmp_path / "plain.png").stat().st_size > 1000


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


def test_the_movie_has_every_frame_in_true_proportions(analysed, tmp_path):
    stack, record = analysed
    seen = []
    write_gif(
        stack,
        tmp_path / "movie.gif",
        record["analysis"]["step_2_particle_tracking"]["table"],
        width_px=256,
        progress=lambda done, total: seen.append((done, total)),
    )
    with Image.open(tmp_path / "movie.gif") as movie:
        assert movie.n_frames == stack.n_frames
        # 32 rows of 4 nm and 40 columns of 2 nm: taller than wide.
        assert movie.size == (160, 256)
    assert seen[-1] == (stack.n_frames, stack.n_frames)


def test_the_movie_shows_tracks_and_survives_blank_frames(make_stack, make_spots, tmp_path):
    data, _ = make_spots()
    data[2] = np.nan
    data[3] = 450.0
    stack = make_stack(data)
    write_gif(stack, tmp_path / "without.gif", width_px=128)
    table = pd.DataFrame({"track_id": [0, 0], "frame": [0, 1], "y_nm": [20.0, 24.0], "x_nm": [30.0, 44.0]})
    write_gif(stack, tmp_path / "with.gif", table, width_px=128)
    with Image.open(tmp_path / "without.gif") as plain, Image.open(tmp_path / "with.gif") as traced:
        plain.seek(1)
        traced.seek(1)
        assert np.any(np.asarray(plain.convert("RGB")) != np.asarray(traced.convert("RGB")))


def test_a_long_movie_is_thinned(make_stack, tmp_path):
    # Frames differ, or the format would merge them.
    data = np.random.default_rng(0).normal(size=(31, 8, 8)).astype(np.float32)
    write_gif(make_stack(data), tmp_path / "movie.gif", width_px=64, max_frames=10)
    with Image.open(tmp_path / "movie.gif") as movie:
        assert movie.n_frames == 8


def test_lost_frames_do_not_set_the_colours():
    data = np.random.default_rng(0).normal(size=(9, 16, 16))
    data[0] = 450.0
    low, high = height_limits(data)
    assert -5 < low < 0 < high < 5
    assert height_limits(np.full((2, 3, 3), np.nan)) == (0.0, 1.0)


@pytest.mark.parametrize(("width", "text"), [(400, "100 nm"), (9, "2 nm"), (30000, "5 µm"), (850, "200 nm")])
def test_scale_bars_are_round(width, text):
    assert ScaleBar.for_width(width).text == text
