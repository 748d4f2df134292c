"""Layers of movies and results."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from npe2 import PluginManifest

import playNano.viewer
from playNano.afm_stack import AFMImageStack
from playNano.analysis.plan import Plan
from playNano.analysis.record_file import read_record
from playNano.cli.job import Options
from playNano.core.provenance import latest_table
from playNano.processing.on_frames import frames_after
from playNano.processing.pipeline import ProcessingPipeline
from playNano.viewer.layers import KEY, movie_layers, placing
from playNano.viewer.movie import ViewedMovie
from playNano.viewer.reader import get_reader, read_layers
from playNano.viewer.results import by_track, result_layers, with_confidence
from playNano.viewer.show import show
from playNano.viewer.time_display import show_times


def test_manifest():
    manifest = PluginManifest.from_file(Path(playNano.viewer.__file__).with_name("napari.yaml"))
    assert manifest.name == "playNano"
    for command in manifest.contributions.commands:
        module, _, name = command.python_name.partition(":")
        __import__(module)
        assert callable(getattr(sys.modules[module], name))


def test_only_what_we_read_is_accepted(movie_file, results, tmp_path):
    other = tmp_path / "text.txt"
    other.write_text("no movie")
    assert get_reader(str(movie_file)) is not None
    assert get_reader([str(results)]) is not None
    assert get_reader(str(results / "record.json")) is not None
    assert get_reader(str(other)) is None
    assert get_reader(str(tmp_path / "nothing.h5")) is None
    assert get_reader([str(movie_file), str(other)]) is None


def test_layers_of_a_movie(movie_file):
    raw, levelled = read_layers(str(movie_file))
    stack = AFMImageStack.load_data(movie_file)
    assert np.array_equal(np.asarray(raw[0]), stack.data)
    assert raw[1]["visible"] is False
    ProcessingPipeline().add_filter("level").run(stack)
    assert np.array_equal(np.asarray(levelled[0]), stack.data)
    for _, arguments, kind in (raw, levelled):
        assert kind == "image"
        assert arguments["scale"] == pytest.approx((0.5, 2.0, 2.0))
        assert arguments["units"] == ("s", "nm", "nm")
        assert all(type(limit) is float for limit in arguments["contrast_limits"])
    low, high = levelled[1]["contrast_limits"]
    assert low < 0 < 4 < high < 6


def test_opening_reads_the_first_frame_and_the_sample_only(movie_file, monkeypatch):
    """A movie of any length is opened at the cost of the frames that the levelling samples."""
    movie = ViewedMovie.open(movie_file)
    read = []
    inner = movie.raw.pixels._read

    def counted(start, stop):
        read.extend(range(start, stop))
        return inner(start, stop)

    monkeypatch.setattr(movie.raw.pixels, "_read", counted)
    movie_layers(movie)
    assert len(read) <= 12 + 2
    read.clear()
    movie.processed.pixels[5]
    assert read == [5]


def test_frames_one_by_one_equal_the_pipeline(make_stack, make_spots):
    """Masks, clear_mask, surveys and steps over neighbours: what is shown is what a run computes."""
    stack = make_stack(make_spots((9, 32, 40))[0])
    steps = "mask_threshold:threshold=1;remove_plane;clear_mask;level;mask_mean_offset;zero_mean"
    pipeline = ProcessingPipeline().add_steps(
        f"{steps};vertical_flip;level;temporal_median:window=3;mask_threshold;temporal_mean;zero_mean"
    )
    shown = frames_after(stack, stack.data.copy(), pipeline.steps_for(stack))
    one_by_one = np.stack([shown[k] for k in range(len(shown))])
    assert np.array_equal(one_by_one, pipeline.run(stack))


def test_a_movie_without_times_counts_frames(make_stack):
    stack = make_stack(frame_metadata=None)
    assert placing(stack)["scale"] == (1.0, 2.0, 2.0)
    assert placing(stack)["units"] == ("pixel", "nm", "nm")


def test_a_cropped_movie_lies_at_its_place(make_stack):
    stack = make_stack()
    ProcessingPipeline().add_filter("crop", y=4, x=6, height=20, width=20).run(stack)
    assert placing(stack)["translate"] == (0.0, 8.0, 12.0)


def test_steps_that_are_not_frame_wise(movie_file):
    plan = Plan.from_options("select_frames:frames=2:8;crop:y=4,x=6,height=20,width=20;zero_mean", None, None)
    movie = ViewedMovie(movie_file, Options(channel="height_trace"), plan)
    pixels = movie.processed.pixels
    stack = plan.process(AFMImageStack.load_data(movie_file))
    assert np.array_equal(np.asarray(pixels), stack.data)
    assert movie.processed.stack.n_frames == 6


def test_layers_of_results(results):
    layers = {
        arguments["name"]: (data, arguments, kind) for data, arguments, kind in read_layers(str(results))
    }
    record = read_record(results)
    detections, tracks = latest_table(record, "detection"), latest_table(record, "tracking")
    points = layers["detections"]
    assert np.allclose(points[0][:, 0], detections["frame"])
    assert np.allclose(points[0][:, 1:] * 2.0, detections[["y_nm", "x_nm"]])
    assert list(points[1]["features"].columns) == list(detections.columns)
    data, arguments, _ = layers["tracks"]
    assert set(data[:, 0]) == set(
        tracks["track_id"][tracks.groupby("track_id")["frame"].transform("size") > 1]
    )
    assert {"confidence", "height_nm", "area_nm2"} <= set(arguments["features"].columns)
    merged = pd.DataFrame(data, columns=["track_id", "frame", "y", "x"])
    merged = merged.merge(tracks, on=["track_id", "frame"], suffixes=("", "_table"))
    assert len(merged) == len(data)
    assert np.allclose(merged["y"], merged["y_table"])
    for _, one, _ in layers.values():
        assert one["scale"] == pytest.approx((0.5, 2.0, 2.0))
        assert one["units"] == ("s", "nm", "nm")


def test_outlines_keep_the_number_of_their_track(results):
    """Label images are numbered anew in each frame; the layer has one number a track."""
    movie = ViewedMovie.open(results)
    labels = next(data for data, arguments, _ in result_layers(movie) if arguments["name"] == "outlines")
    tracks = latest_table(movie.record, "tracking")
    assert len(tracks) > 20
    own = movie.analysed.labels
    for row in tracks.itertuples():
        region = np.asarray(own[row.frame]) == row.label
        assert set(labels[row.frame][region]) == {row.track_id + 2}
        assert region.sum() == (labels[row.frame] == row.track_id + 2).sum()


def test_labels_without_tracks():
    labels = np.array([[[0, 3]]])
    assert np.asarray(by_track(labels, None)).tolist() == [[[0, 3]]]


def test_confidence_is_that_of_the_link_to_a_detection():
    links = pd.DataFrame(
        {"track_id": [4, 4], "frame_from": [0, 1], "frame_to": [1, 2], "confidence": [0.9, 0.2]}
    )
    table = pd.DataFrame({"track_id": [4, 4, 4, 5], "frame": [0, 1, 2, 0]})
    record = {
        "analysis": {"step_1_x": {"links": links, "table": table}},
        "provenance": {"steps": [{"analysis_key": "step_1_x", "kind": "tracking", "name": "x"}]},
    }
    confidence = with_confidence(table, record)["confidence"].to_numpy()
    assert np.array_equal(confidence, [0.9, 0.9, 0.2, np.nan], equal_nan=True)


def test_in_a_viewer(viewer, results):
    show_times(viewer)
    for data, arguments, kind in read_layers(str(results)):
        getattr(viewer, f"add_{kind}")(data, **arguments)
    assert viewer.dims.current_step[0] == 0, "the first frame first"
    assert viewer.canvas.overlays.text.text == "frame 0, 0.000 s"
    assert viewer.layers["outlines"].contour == 1
    viewer.dims.set_current_step(0, 7)
    assert viewer.canvas.overlays.text.text == "frame 7, 3.500 s"
    viewer.add_points(np.zeros((1, 3)))
    assert viewer.dims.current_step[0] == 7, "further layers do not move the slider"
    tracks = viewer.layers["tracks"]
    for column in ("track_id", "confidence", "height_nm"):
        tracks.color_by = column
    assert isinstance(viewer.layers[0].metadata[KEY], ViewedMovie)


def test_unequal_intervals_have_their_real_times(viewer, make_stack, make_spots, tmp_path):
    from playNano.io.export.bundle import write_bundle

    times = [0.0, 1.0, 2.0, 7.5]
    stack = make_stack(make_spots((4, 32, 40))[0], frame_metadata=[{"timestamp": t} for t in times])
    write_bundle(stack, tmp_path / "uneven.h5")
    show_times(viewer)
    for data, arguments, kind in read_layers(str(tmp_path / "uneven.h5")):
        getattr(viewer, f"add_{kind}")(data, **arguments)
    viewer.dims.set_current_step(0, 3)
    assert viewer.canvas.overlays.text.text == "frame 3, 7.500 s"


def test_show(make_napari_viewer, movie_file, monkeypatch):
    import napari

    monkeypatch.setattr(napari, "Viewer", lambda **options: make_napari_viewer(**options))
    viewer = show(movie_file, Options(channel="height_trace"), with_docks=False)
    assert [layer.visible for layer in viewer.layers] == [False, True]
    assert viewer.dims.current_step[0] == 0
