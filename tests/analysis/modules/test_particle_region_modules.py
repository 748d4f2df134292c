"""Boxes around tracked regions, their longer edge, and their movies, by the names of the published interface."""

import numpy as np
import pytest
from PIL import Image

from playNano.analysis.measurement import region_media
from playNano.analysis.measurement.region_boxes import BoxOptions
from playNano.analysis.pipeline import AnalysisPipeline
from playNano.errors import MissingInputError, ParameterError

EXTRACT, EXPORT = "particle_region_extraction", "particle_region_media_export"
SIZE_OF = "tracked_particle_boundary_size"


def run(stack, *steps, **extraction):
    first = [{"feature_detection": {"threshold": 1.0}}, "particle_tracking", {EXTRACT: extraction}]
    return list(AnalysisPipeline().add_steps([*first, *steps]).run(stack)["analysis"].values())


def test_boxes_and_crops(make_stack):
    stack = make_stack()
    detected, tracked, out = run(stack, padding=1)
    assert len(out["per_track"]) == tracked["n_tracks"] == 3
    n = 0
    for track in out["per_track"]:
        assert len(track["frames"]) == len(track["timestamps"]) == len(track["regions"])
        for frame, region in zip(track["frames"], track["regions"], strict=True):
            labels = np.asarray(detected["labeled_masks"][frame])
            rows, columns = np.nonzero(labels == region["label"])
            tight = (rows.min(), columns.min(), rows.max() + 1, columns.max() + 1)
            assert region["bbox_tight"] == tight
            top, left, bottom, right = region["bbox_padded"]
            assert (top, right) == (max(0, tight[0] - 1), min(40, tight[3] + 1))
            np.testing.assert_array_equal(region["image_crop"], stack.data[frame, top:bottom, left:right])
            np.testing.assert_array_equal(
                region["mask_crop"], labels[top:bottom, left:right] == region["label"]
            )
            n += 1
    assert out["summary"]["n_rows"] == len(out["flat_table"]) == n == 18
    row = out["flat_table"][0]
    assert row["bbox_tight_minr"] == out["per_track"][0]["regions"][0]["bbox_tight"][0]


def test_without_images_masks_and_boxes(make_stack):
    *_, out = run(make_stack(), include_image=False, include_mask=False, include_bbox=False)
    assert set(out["per_track"][0]["regions"][0]) == {"frame", "timestamp", "label"}
    assert set(out["flat_table"][0]) == {"track_id", "frame", "timestamp", "label"}
    with pytest.raises(MissingInputError, match="include_bbox=True"):
        run(make_stack(), SIZE_OF, include_bbox=False)
    with pytest.raises(MissingInputError, match="include_image=True"):
        run(make_stack(), {EXPORT: {"export_video": False, "export_gif": True}}, include_image=False)


def test_fixed_and_square_boxes():
    box, shape = (10, 10, 14, 17), (30, 30)
    assert BoxOptions().around(box, shape, None) == box
    assert BoxOptions(square=True).around(box, shape, None) == (9, 10, 16, 17)
    options = BoxOptions(fixed_box_size=9)
    assert options.around(box, shape, options.size_of([box])) == (8, 9, 17, 18)
    assert options.around((0, 28, 2, 30), shape, 9) == (0, 21, 9, 30)  # moved inside
    assert options.around((0, 0, 2, 2), (5, 5), 9) == (0, 0, 5, 5)
    per_track = BoxOptions(fixed_box_size=9, fixed_size_mode="per_track", padding=2)
    assert per_track.size_of([box, (0, 0, 3, 3)]) == 11


def test_the_longer_edge(make_stack):
    *_, extracted, out = run(make_stack(), {SIZE_OF: {"threshold": 6}})
    for track, entry in zip(extracted["per_track"], out["per_track"], strict=True):
        boxes = [region["bbox_tight"] for region in track["regions"]]
        edges = [max(b[2] - b[0], b[3] - b[1]) for b in boxes]
        assert entry["max_dim"] == edges
        assert entry["max_dim_nm"] == [2.0 * edge for edge in edges]
        assert entry["state"] == [int(edge > 6) for edge in edges]
    assert len(out["flat_table"]) == out["summary"]["n_rows"] == 18
    assert "state" not in run(make_stack(), SIZE_OF)[-1]["per_track"][0]


def test_movies_of_boxes(make_stack, tmp_path):
    export = {
        "export_video": False, "export_gif": True, "export_sequence": True, "output_folder": str(tmp_path / "media"),
        "output_name": "my/movie", "sort_by": "n_frames", "max_tracks": 2, "fps": 4,
    }  # fmt: skip
    *_, out = run(make_stack(), {EXPORT: export})
    assert [entry["track_id"] for entry in out["per_track"]] == [0, 1]
    assert out["summary"]["n_tracks_filtered_out"] == 1
    with Image.open(tmp_path / "media" / "my_movie_track_0.gif") as gif:
        assert (gif.n_frames, gif.info["duration"]) == (6, 250)
    names = sorted(path.name for path in (tmp_path / "media" / "my_movie_track_1").iterdir())
    assert names == [f"frame_{k:04d}.png" for k in range(6)]
    assert out["gif_paths"][0] == str(tmp_path / "media" / "my_movie_track_0.gif")
    with pytest.raises(ParameterError, match="there is no track 8"):
        run(make_stack(), {EXPORT: {**export, "track_ids": [8]}})


@pytest.mark.parametrize("video_fmt", ["mp4", "avi", "mov", "mkv"])
def test_a_video_has_all_frames_and_even_sizes(make_stack, tmp_path, video_fmt):
    ffmpeg = pytest.importorskip("imageio_ffmpeg")
    export = {"output_folder": str(tmp_path), "max_tracks": 1, "fps": 4, "video_fmt": video_fmt}
    *_, out = run(make_stack(), {EXPORT: export}, fixed_box_size=9)
    (path,) = out["video_paths"]
    assert path.endswith(video_fmt)
    assert ffmpeg.count_frames_and_secs(path) == (6, pytest.approx(1.5))
    frames = ffmpeg.read_frames(path)
    assert next(frames)["size"] == (244, 244)
    frames.close()


def test_what_cannot_be_written_is_refused_before_the_run(monkeypatch):
    monkeypatch.setattr(region_media, "find_spec", lambda name: None)
    for params, text in [
        ({}, "videos need imageio-ffmpeg"),
        ({"export_video": False}, "one of export_gif"),
        ({"export_video": False, "export_gif": True, "cmap_name": "afmhott"}, "no such colour map"),
    ]:
        with pytest.raises(ParameterError, match=text):
            AnalysisPipeline().add(EXPORT, **params)


def test_files_are_written_although_outputs_are_in_a_cache(make_stack, tmp_path):
    steps = [
        {"feature_detection": {"threshold": 1.0}},
        "particle_tracking",
        EXTRACT,
        {EXPORT: {"export_video": False, "export_gif": True, "output_folder": str(tmp_path / "media")}},
    ]
    for _ in range(2):
        AnalysisPipeline().add_steps(steps).run(make_stack(), cache=tmp_path / "cache")
        (tmp_path / "media" / "movie_track_0.gif").unlink()
