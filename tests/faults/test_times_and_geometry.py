"""Times that belong to their frames, and scans that turn with the rows."""

import json
import warnings

import numpy as np
import pytest

from playNano.afm_stack import AFMImageStack
from playNano.analysis.pipeline import AnalysisPipeline
from playNano.core.scan import ScanGeometry
from playNano.errors import PlayNanoWarning, StackError
from playNano.io.export.bundle import write_bundle
from playNano.io.loader import load_afm_stack
from playNano.processing.steps import step

DOWN = ScanGeometry(lines=6, line_time_s=0.1, frame_time_s=1.0, direction="down")


def stack(times=(0.0, 1.0, 2.0, 3.0), *, lines=6, scan=DOWN, **change):
    data = np.random.default_rng(0).normal(size=(len(times), lines, 5)).astype(np.float32)
    metadata = [{} if time is None else {"timestamp": time} for time in times]
    return AFMImageStack(data, 2.0, "height_trace", "movie.asd", metadata, scan=scan, **change)


def test_a_vertical_flip_turns_the_scan():
    movie = stack()
    before = movie.data.copy()
    movie.apply(["vertical_flip"])
    np.testing.assert_array_equal(movie.data, before[:, ::-1])
    assert movie.scan.direction == "up"
    # A particle on the old row 1 is on row 4 now, and was scanned at the same moment.
    assert movie.detection_times([2], [4.0]).tolist() == pytest.approx([2.1])
    movie.apply(["vertical_flip"])
    assert movie.scan == DOWN


def test_raw_pixels_come_back_with_their_scan(tmp_path):
    movie = stack(scan=ScanGeometry(6, 0.1, 1.0, "down", alternating=True))
    movie.apply(["zero_mean", "vertical_flip"])
    assert movie.scan.direction == "up"
    part = movie[1:]
    assert part.scan.direction == "down"
    part.restore_raw()
    assert part.scan.direction == "up"
    write_bundle(movie, tmp_path / "a.h5")
    read = load_afm_stack(tmp_path / "a.h5")
    assert read.scan == movie.scan
    read.restore_raw()
    assert read.scan.direction == "down"


def test_a_flip_of_a_scan_of_unknown_direction_claims_nothing():
    for scan in (None, ScanGeometry(6, 0.1)):
        movie = stack(scan=scan)
        movie.apply(["vertical_flip"])
        assert movie.scan == scan


@pytest.mark.parametrize("part", [slice(1, 3), slice(0, 1)])
def test_other_frames_cannot_take_the_place_of_all(part):
    movie = stack()
    with pytest.raises(StackError, match=r"2? ?.*frames cannot take the place of 4: .*stack\[20:60\]"):
        movie.data = movie.data[part]
    assert movie.n_frames == 4
    assert movie[part].get_frame_times() == [0.0, 1.0, 2.0, 3.0][part]
    movie.data = movie.data + 1


def test_frames_without_a_time_are_not_counted_in_seconds():
    with pytest.warns(
        PlayNanoWarning, match=r"movie\.asd: 1 of 4 frames have no time; times in them are NaN"
    ):
        movie = stack((100.0, 100.5, None, 101.5))
    assert movie.has_times
    np.testing.assert_array_equal(movie.get_frame_times(), [100.0, 100.5, np.nan, 101.5])
    assert np.isnan(movie.time_for_frame(2))
    np.testing.assert_allclose(movie.detection_times([1, 2, 3], [1, 1, 0]), [100.6, np.nan, 101.5])
    assert "0.5 s a frame" in repr(movie)
    pipeline = AnalysisPipeline()
    pipeline.add("count_nonzero")
    record = pipeline.run(movie)
    assert record["provenance"]["warnings"] == movie.provenance["warnings"] != []


@pytest.mark.parametrize("times", [(0.0, 1.0, 1.0, 2.0), (3.0, 2.0, 1.0, 0.0), (0.0, None, 0.0, 1.0)])
def test_times_that_do_not_increase_give_way_to_the_index(times):
    with pytest.warns(PlayNanoWarning, match="do not increase .* index instead of seconds"):
        movie = stack(times)
    assert not movie.has_times
    assert movie.get_frame_times() == [0.0, 1.0, 2.0, 3.0]
    # Of an index no line can be a fraction.
    assert movie.detection_times([2], [3.0]).tolist() == [2.0]
    assert "frame times not known" in repr(movie)


def test_iso_text_is_read():
    movie = stack(
        ("2024-05-01T12:00:00", "2024-05-01T12:00:00.500", "2024-05-01 12:00:01", "2024-05-01T12:00:02")
    )
    assert movie.get_frame_times() == [0.0, 0.5, 1.0, 2.0]
    assert stack(("2.5", "3", 4, 5.5)).get_frame_times() == [2.5, 3.0, 4.0, 5.5]


@pytest.mark.parametrize(
    ("times", "message"),
    [
        ((0.0, "noon", 2.0, 3.0), "frame 1: the timestamp 'noon' is neither"),
        ((0.0, float("inf"), 2.0, 3.0), "frame 1: the timestamp is inf"),
        ((0.0, "2024-05-01T12:00:00", 2.0, 3.0), "dates and those of others seconds"),
    ],
)
def test_a_time_that_cannot_be_read_is_named(times, message):
    with pytest.raises(StackError, match=message):
        stack(times)


def test_warnings_stand_in_the_log_of_processing(tmp_path):
    with pytest.warns(PlayNanoWarning):
        movie = stack((0.0, None))
    movie.apply(["zero_mean"])
    movie.export_processing_log(tmp_path / "log.json")
    assert "1 of 2 frames" in json.loads((tmp_path / "log.json").read_text())["warnings"][0]
    assert movie[:1].provenance["warnings"] == movie.provenance["warnings"]


def test_warnings_of_steps_stand_in_the_record(plugins):
    @step("filter", "1.0")
    def doubtful(data):
        """Return the pixels and warn of them."""
        warnings.warn("the surface is too rough", PlayNanoWarning, stacklevel=1)
        return data

    plugins.add("playNano.filters", "doubtful", doubtful)
    movie = stack()
    with pytest.warns(PlayNanoWarning, match="too rough"):
        movie.apply(["doubtful"])
    assert movie.provenance["warnings"] == ["the surface is too rough"]
