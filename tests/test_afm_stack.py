"""The movie: pixels, times, metadata, and the slots for what is made of them."""

import json
from pathlib import Path

import numpy as np
import pytest

from playNano import AFMImageStack
from playNano.analysis.pipeline import AnalysisPipeline
from playNano.core.scan import ScanGeometry
from playNano.errors import PlayNanoWarning, StackError


def movie(n=4, height=3, width=5):
    return np.arange(n * height * width, dtype=np.float32).reshape(n, height, width)


def test_attributes(make_stack):
    data = movie()
    with pytest.warns(PlayNanoWarning, match="3 of 4 frames have no time"):
        stack = AFMImageStack(data, 2.5, "height_trace", "folder/movie.asd", [{"timestamp": 1.5}])
    assert stack.data is data
    assert (stack.pixel_size_nm, stack.pixel_size_yx_nm) == (2.5, (2.5, 2.5))
    assert stack.channel == "height_trace"
    assert stack.file_path == Path("folder/movie.asd")
    assert (stack.n_frames, stack.height, stack.width, stack.image_shape) == (4, 3, 5, (3, 5))
    assert len(stack) == 4
    assert stack.frame_metadata == [{"timestamp": 1.5}, {}, {}, {}]
    assert (stack.processed, stack.masks, stack.analysis) == ({}, {}, {})
    assert (stack.scan, stack.unit, stack.metadata) == (None, "nm", {})


def test_provenance_has_its_keys(make_stack):
    assert make_stack().provenance == {
        "environment": {},
        "processing": {"steps": [], "keys_by_name": {}},
        "analysis": {"steps": [], "results_by_name": {}, "frame_times": None},
        "warnings": [],
    }


def test_two_stacks_share_nothing(make_stack):
    data = movie()
    a, b = make_stack(data), make_stack(data)
    a.processed["x"] = data
    a.provenance["processing"]["steps"].append({})
    a.frame_metadata[0]["timestamp"] = 99
    assert b.processed == {}
    assert b.provenance["processing"]["steps"] == []
    assert b.time_for_frame(0) == 0


@pytest.mark.parametrize("data", [[[[1.0]]], None, "pixels", 3.0])
def test_data_that_is_no_array(data):
    with pytest.raises(TypeError, match="numpy array"):
        AFMImageStack(data, 1.0, "c", "f")


@pytest.mark.parametrize("dtype", [complex, object, "U3", "M8[s]"])
def test_data_that_is_no_number(dtype):
    with pytest.raises(TypeError, match="real numbers"):
        AFMImageStack(np.zeros((1, 2, 2), dtype), 1.0, "c", "f")


@pytest.mark.parametrize("shape", [(4,), (4, 5), (1, 2, 3, 4)])
def test_data_that_is_not_3d(shape):
    with pytest.raises(ValueError, match=f"not {len(shape)}"):
        AFMImageStack(np.zeros(shape), 1.0, "c", "f")


@pytest.mark.parametrize("shape", [(2, 0, 3), (2, 3, 0)])
def test_frames_without_pixels(shape):
    with pytest.raises(StackError, match="no pixels"):
        AFMImageStack(np.zeros(shape), 1.0, "c", "f")


@pytest.mark.parametrize("size", [0, -1, float("nan"), float("inf"), (1, 0), (1, 2, 3), (), [-1, 2]])
def test_a_pixel_size_that_is_not_positive(size):
    with pytest.raises(ValueError, match="pixel_size_nm"):
        AFMImageStack(movie(), size, "c", "f")


@pytest.mark.parametrize("size", ["wide", None, {"y": 1}, [None, 1]])
def test_a_pixel_size_that_is_no_number(size):
    with pytest.raises(TypeError, match="pixel_size_nm"):
        AFMImageStack(movie(), size, "c", "f")


def test_more_metadata_than_frames():
    with pytest.raises(ValueError, match="5 frame metadata for 4 frames"):
        AFMImageStack(movie(), 1.0, "c", "f", [{}] * 5)


def test_pixels_that_are_not_square(make_stack):
    stack = make_stack(pixel_size_nm=(4.0, 2.0))
    assert stack.pixel_size_nm == (4.0, 2.0)
    assert make_stack(pixel_size_nm=[2, 2]).pixel_size_nm == 2.0
    stack.pixel_size_nm = 3
    assert stack.pixel_size_yx_nm == (3.0, 3.0)
    with pytest.raises(ValueError, match="positive"):
        stack.pixel_size_nm = 0


def test_frames(make_stack):
    data = movie()
    stack = make_stack(data)
    np.testing.assert_array_equal(stack.get_frame(2), data[2])
    np.testing.assert_array_equal(stack.get_frame(-1), data[3])
    np.testing.assert_array_equal(stack[1], data[1])
    np.testing.assert_array_equal(stack[np.int64(1)], data[1])
    assert [f.shape for f in stack.get_frames()] == [(3, 5)] * 4
    assert isinstance(stack.get_frames(), list)
    listed = list(stack.frames_with_metadata())
    assert [(i, m["timestamp"]) for i, _, m in listed] == [(0, 0.0), (1, 0.5), (2, 1.0), (3, 1.5)]
    np.testing.assert_array_equal(listed[2][1], data[2])


@pytest.mark.parametrize("index", [4, -5, 100])
def test_frames_that_do_not_exist(make_stack, index):
    stack = make_stack(movie())
    for method in (stack.get_frame, stack.get_frame_metadata, stack.time_for_frame, stack.__getitem__):
        with pytest.raises(IndexError, match=rf"frame {index} does not exist: movie\.asd has 4 frames"):
            method(index)


@pytest.mark.parametrize("index", ["a", 1.5, None, True, (1, 2)])
def test_indices_of_another_kind(make_stack, index):
    with pytest.raises(TypeError, match="frame number or a slice"):
        make_stack()[index]


def test_times(make_stack):
    stack = make_stack(movie())
    assert stack.get_frame_times() == [0.0, 0.5, 1.0, 1.5]
    assert stack.time_for_frame(-1) == 1.5
    assert stack.has_times


def test_times_that_are_not_known(make_stack):
    with pytest.warns(PlayNanoWarning, match="3 of 4 frames have no time"):
        stack = make_stack(movie(), frame_metadata=[{"timestamp": 7}, {}, {"timestamp": None}])
    np.testing.assert_array_equal(stack.get_frame_times(), [7.0, np.nan, np.nan, np.nan])
    assert stack.has_times
    assert not make_stack(movie(), frame_metadata=None).has_times
    assert make_stack(movie(), frame_metadata=None).get_frame_times() == [0.0, 1.0, 2.0, 3.0]
    assert [type(t) for t in stack.get_frame_times()] == [float] * 4


def test_channels(make_stack):
    stack = make_stack(movie(), frame_metadata=[{"channel": "phase"}])
    assert [stack.channel_for_frame(i) for i in (0, 1)] == ["phase", "height_trace"]


def test_a_part_is_a_stack(make_stack):
    data = movie(6)
    stack = make_stack(data, pixel_size_nm=(4, 2), unit="deg", metadata={"a": 1})
    stack.apply(["zero_mean"])
    stack.masks["m"] = np.zeros(data.shape, bool)
    part = stack[1:6:2]
    assert isinstance(part, AFMImageStack)
    np.testing.assert_array_equal(part.data, stack.data[1:6:2])
    assert part.get_frame_times() == [0.5, 1.5, 2.5]
    assert (part.pixel_size_nm, part.unit, part.metadata) == ((4, 2), "deg", {"a": 1})
    np.testing.assert_array_equal(part.processed["raw"], data[1:6:2])
    assert part.masks["m"].shape == part.data.shape
    done, keys = part.provenance["processing"].values()
    assert done[:-1] == stack.provenance["processing"]["steps"]
    assert (done[-1]["name"], done[-1]["params"]) == ("slice", {"first": 1, "step": 2, "count": 3})
    assert keys == stack.provenance["processing"]["keys_by_name"]
    part.provenance["processing"]["steps"].clear()
    part.frame_metadata[0]["timestamp"] = 99
    assert len(stack.provenance["processing"]["steps"]) == 1
    assert stack.time_for_frame(1) == 0.5


def test_parts_of_every_kind(make_stack):
    stack = make_stack(movie())
    assert stack[2:2].n_frames == 0
    assert stack[::-1].get_frame_times() == [1.5, 1.0, 0.5, 0.0]
    assert stack[-2:].n_frames == 2


@pytest.mark.parametrize(
    "part", [slice(1, 4), slice(None, None, 2), slice(1, None, 2), slice(None, None, -1)]
)
def test_a_part_keeps_when_the_tip_passed(make_stack, part):
    scan = ScanGeometry(lines=32, line_time_s=0.01, direction="down", alternating=True)
    stack = make_stack(scan=scan)
    frames = np.arange(6)[part]
    expected = stack.detection_times(frames, np.full(len(frames), 5.0))
    np.testing.assert_allclose(stack[part].detection_times(range(len(frames)), [5.0] * len(frames)), expected)


def test_detection_times(make_stack):
    scan = ScanGeometry(lines=32, line_time_s=0.01, direction="up")
    stack = make_stack(scan=scan)
    np.testing.assert_allclose(stack.detection_times([0, 2], [31.0, 0.0]), [0.0, 1.31])
    without = make_stack()
    np.testing.assert_allclose(without.detection_times([0, 2], [31.0, 0.0]), [0.0, 1.0])
    unknown = make_stack(scan=scan, frame_metadata=None)
    np.testing.assert_allclose(unknown.detection_times([0, 2], [31.0, 0.0]), [0.0, 2.0])
    assert stack.detection_times([], []).shape == (0,)


def test_apply(make_stack):
    stack, other = make_stack(), make_stack()
    out = stack.apply(["remove_plane", "gaussian_filter"], sigma=2.0)
    assert out is stack.data
    np.testing.assert_array_equal(out, other.apply(["remove_plane", "gaussian_filter:sigma=2"]))
    assert [s["name"] for s in stack.provenance["processing"]["steps"]] == ["remove_plane", "gaussian_filter"]
    with pytest.raises(ValueError, match="did you mean 'remove_plane'"):
        stack.apply(["remove_plan"])
    with pytest.raises(ValueError, match="'sigma'"):
        stack.apply(["remove_plane"], sigma=2.0)


def test_restore_raw(make_stack):
    stack = make_stack()
    raw = stack.data
    assert stack.restore_raw() is raw
    stack.apply(["mask_threshold", "remove_plane"])
    stack.apply(["zero_mean"])
    assert stack.restore_raw() is raw
    assert stack.data is raw
    assert (stack.processed, stack.masks) == ({}, {})
    assert stack.provenance["processing"] == {"steps": [], "keys_by_name": {}}
    stack.apply(["zero_mean"])
    assert list(stack.processed) == ["raw", "step_1_zero_mean"]


def test_export_processing_log(make_stack, tmp_path):
    stack = make_stack()
    stack.apply(["remove_plane"])
    path = tmp_path / "log" / "p.json"
    stack.export_processing_log(path)
    content = json.loads(path.read_text())
    assert set(content) == {"environment", "processing", "warnings"}
    assert content["processing"]["steps"][0]["name"] == "remove_plane"


def test_export_analysis_log(make_stack, tmp_path):
    stack = make_stack()
    with pytest.raises(ValueError, match="nothing has been analysed"):
        stack.export_analysis_log(tmp_path / "a.json")
    pipeline = AnalysisPipeline()
    pipeline.add("count_nonzero")
    pipeline.run(stack, log_to=tmp_path / "b.json")
    stack.export_analysis_log(str(tmp_path / "a.json"))
    assert (tmp_path / "a.json").read_text() == (tmp_path / "b.json").read_text()


def test_logs_without_a_folder(make_stack, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    stack = make_stack()
    stack.export_processing_log("p.json")
    assert (tmp_path / "p.json").is_file()


def test_load_data(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, movie())
    stack = AFMImageStack.load_data(path, pixel_size_nm=2.0)
    np.testing.assert_array_equal(stack.data, movie())
    assert AFMImageStack.load_data(str(path), pixel_size_nm=2.0).file_path == path
    with pytest.raises(FileNotFoundError):
        AFMImageStack.load_data(tmp_path / "none.npy")


def test_repr_says_what_a_person_asks_first(make_stack):
    scan = ScanGeometry(lines=32, line_time_s=0.01, direction="down")
    stack = make_stack(scan=scan)
    stack.apply(["remove_plane", "zero_mean"])
    text = repr(stack)
    for part in (
        "movie.asd",
        "height_trace",
        "6 frames of 32 x 40 px",
        "64 x 80 nm",
        "2 nm/px",
        "3 s, 0.5 s a frame",
        "100 lines/s",
        "scanned down",
        "remove_plane, zero_mean",
    ):
        assert part in text
    assert "4 x 2 nm/px (y, x)" in repr(make_stack(pixel_size_nm=(4, 2)))


@pytest.mark.parametrize(
    ("stack", "words"),
    [
        (AFMImageStack(movie(), 1, "c", "f"), "frame times not known"),
        (AFMImageStack(movie(1), 1, "c", "f", [{"timestamp": 2}]), "one frame at 2 s"),
        (AFMImageStack(movie(0), 1, "c", "f"), "0 frames"),
    ],
)
def test_repr_of_short_movies(stack, words):
    assert words in repr(stack)
    assert "steps: none" in repr(stack)


def test_repr_names_the_analysis(make_stack):
    stack = make_stack()
    pipeline = AnalysisPipeline()
    pipeline.add("count_nonzero")
    pipeline.run(stack)
    assert "analysis: step_1_count_nonzero" in repr(stack)
