"""Pixels that were changed by hand, and frames that were selected, are in the record; a replay knows of both."""

import warnings

import numpy as np
import pytest

from playNano.afm_stack import AFMImageStack
from playNano.analysis.pipeline import AnalysisPipeline
from playNano.analysis.record_file import read_record, write_record, write_record_hdf5
from playNano.analysis.record_model import check_record
from playNano.analysis.replay import replay_record
from playNano.core.edits import PixelMark
from playNano.core.result_folder import result_folder
from playNano.core.serialize import json_safe
from playNano.errors import PlayNanoWarning
from playNano.io.export.asd import write_asd
from playNano.io.export.bundle import write_bundle

DETECT = "feature_detection:mask_fn=mask_threshold,threshold=1,min_size=5"


@pytest.fixture
def movie(make_spots, tmp_path):
    """Write a movie of six frames, and return its path."""
    write_asd(tmp_path / "m.asd", make_spots()[0], pixel_size_nm=2.0, frame_time_s=0.5)
    return tmp_path / "m.asd"


@pytest.fixture(params=[False, True], ids=["eager", "lazy"])
def stack(movie, request):
    return AFMImageStack.load_data(movie, lazy=request.param)


def analyse(stack):
    return AnalysisPipeline().add_steps(DETECT).run(stack)


def edits(record):
    return [
        (step["index"], step["params"]["frames"])
        for step in record["provenance"]["processing"]
        if step["kind"] == "outside"
    ]


def kept(record, folder):
    """Write a record to a folder, and return the folder."""
    with result_folder(folder) as run:
        write_record(run, record, write_record_hdf5(run.path, record))
    return folder


def change(stack, frame):
    """Change one pixel in place."""
    stack.data[frame, 3, 4] = np.nextafter(stack.data[frame, 3, 4], np.float32(np.inf))


def test_one_changed_pixel_of_a_loaded_movie(movie, tmp_path):
    stack = AFMImageStack.load_data(movie, lazy=False)
    change(stack, 2)
    with pytest.warns(
        PlayNanoWarning, match="frame 2 were changed outside the pipeline, after the movie was"
    ):
        record = analyse(stack)
    assert edits(record) == [(1, [2])]
    assert any("changed outside the pipeline" in text for text in record["provenance"]["warnings"])
    check_record(json_safe(record))
    folder = kept(record, tmp_path / "results")
    assert edits(read_record(folder)) == [(1, [2])]
    with pytest.warns(PlayNanoWarning, match="the pixels of 1 frame were changed .* need not be identical"):
        replay_record(folder, AFMImageStack.load_data)


def test_a_replay_of_changed_pixels_says_what_differs(movie, tmp_path):
    stack = AFMImageStack.load_data(movie, lazy=False)
    stack.data[1] += 5
    with pytest.warns(PlayNanoWarning, match="changed outside"):
        folder = kept(analyse(stack), tmp_path / "results")
    with pytest.warns(PlayNanoWarning, match="need not be identical"):
        differences, _ = replay_record(folder, AFMImageStack.load_data)
    assert differences


def test_pixels_changed_between_processing_and_analysis(movie):
    stack = AFMImageStack.load_data(movie, lazy=False)
    stack.apply(["remove_plane"])
    change(stack, 0)
    change(stack, 5)
    with pytest.warns(PlayNanoWarning, match=r"frames 0, 5 were changed .* after step 1 \(remove_plane\)"):
        record = analyse(stack)
    assert edits(record) == [(2, [0, 5])]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert edits(analyse(stack)) == [(2, [0, 5])]  # the same change once
        stack.apply(["zero_mean"])
    change(stack, 1)
    with pytest.warns(PlayNanoWarning, match="frame 1"):
        stack.apply(["zero_mean"])
    assert [step["index"] for step in stack.provenance["processing"]["steps"]] == [1, 2, 3, 4, 5]
    assert "step_5_zero_mean" in stack.processed


def test_an_array_that_took_the_place_of_the_pixels(stack):
    stack.apply(["remove_plane"])
    stack.data = stack.data * 2
    with pytest.warns(PlayNanoWarning, match="changed outside"):
        record = analyse(stack)
    assert [index for index, _ in edits(record)] == [2]


def test_nothing_is_noticed_where_nothing_was_changed(stack):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        analyse(stack)
        stack.apply(["remove_plane", "gaussian_filter", "mask_threshold:threshold=1", "zero_mean"])
        analyse(stack)
        stack.data = stack.data
        part = stack[1:5][::-2]
        part.apply(["gaussian_filter"])
        assert edits(analyse(part)) == []
        part.restore_raw()
        assert edits(analyse(part)) == []
        stack.restore_raw()
        assert edits(analyse(stack)) == []


def test_a_lazy_movie_is_not_computed_to_notice():
    import dask.array

    def fail(block):
        raise AssertionError("computed")

    pixels = dask.array.zeros((4, 5, 6), chunks=(1, 5, 6)).map_blocks(
        fail, dtype=float, meta=np.empty((0, 0, 0))
    )
    mark = PixelMark.of(pixels)
    assert mark == PixelMark.of(pixels[:])
    assert mark != PixelMark.of(pixels[::-1])
    assert mark != PixelMark.of(pixels + 1)
    assert mark.part(slice(2), pixels, pixels[:2]) == PixelMark.of(pixels[:2])
    assert mark.part(slice(2), pixels + 1, (pixels + 1)[:2]) != PixelMark.of((pixels + 1)[:2])


def test_a_part_knows_of_the_change_of_its_frames(movie):
    stack = AFMImageStack.load_data(movie, lazy=False)
    stack.apply(["remove_plane"])
    change(stack, 4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert edits(analyse(stack[:4])) == []
    with pytest.warns(PlayNanoWarning, match="frame 1 were"):
        assert edits(analyse(stack[3:])) == [(3, [1])]


def test_a_change_of_raw_pixels_survives_their_restoration(movie):
    stack = AFMImageStack.load_data(movie, lazy=False)
    change(stack, 3)
    with pytest.warns(PlayNanoWarning, match="changed outside"):
        stack.apply(["remove_plane"])
    stack.restore_raw()
    assert edits(analyse(stack)) == [(1, [3])]


def test_a_bundle_has_the_change(movie, tmp_path):
    stack = AFMImageStack.load_data(movie, lazy=False)
    change(stack, 3)
    with pytest.warns(PlayNanoWarning, match="changed outside"):
        write_bundle(stack, tmp_path / "b.h5")
    with pytest.warns(PlayNanoWarning, match="changed outside"):
        read = AFMImageStack.load_data(tmp_path / "b.h5")
    assert edits(analyse(read)) == [(1, [3])]


@pytest.mark.parametrize("index", [slice(1, 5), slice(4, None, -2), slice(0, 1)], ids=str)
def test_frames_selected_between_steps_are_selected_again(stack, index, tmp_path):
    # The temporal filter of frames 1 and 4 depends on their neighbours, which are selected away afterwards.
    stack = stack[:5]
    stack.apply(["temporal_mean:window=3"])
    part = stack[index]
    part.apply(["remove_plane"])
    record = analyse(part)
    steps = [(step["name"], step["index"]) for step in record["provenance"]["processing"]]
    assert steps == [("temporal_mean", 1), ("slice", 2), ("remove_plane", 3)]
    folder = kept(record, tmp_path / "results")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        differences, new = replay_record(folder, AFMImageStack.load_data)
    assert differences == []
    assert new["provenance"]["input"]["frames"] == record["provenance"]["input"]["frames"]
    assert (
        new["provenance"]["input"]["checksum"] == record["provenance"]["input"]["checksum"] or stack.is_lazy
    )


def test_a_mask_of_an_earlier_run_does_not_apply_in_a_replay(stack, tmp_path):
    stack.apply(["mask_threshold:threshold=1"])
    stack.apply(["zero_mean"])
    record = analyse(stack)
    assert [step.get("mask_cleared") for step in record["provenance"]["processing"]] == [None, True]
    assert replay_record(kept(record, tmp_path / "results"), AFMImageStack.load_data)[0] == []
