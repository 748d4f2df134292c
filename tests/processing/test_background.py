"""The step `level` in pipelines: one survey for the movie, whatever the blocks; its record and its warnings."""

import numpy as np
import pytest
from tests.core.sent_tasks import tasks_through_pickle

from playNano.algorithms.leveling.background_level import level_movie
from playNano.errors import ParameterError, PlayNanoWarning
from playNano.processing.background import level
from playNano.processing.pipeline import ProcessingPipeline

da = pytest.importorskip("dask.array")


def movie(n=37, dtype=np.float32):
    """Return a movie with more frames than are sampled, and an object that fills more than half of some rows."""
    rng = np.random.default_rng(4)
    data = rng.normal(0, 0.1, (n, 24, 32)) + rng.normal(0, 0.3, (n, 24, 1)) + 0.05 * np.arange(32)
    data[:, 8:16, 6:28] += 3
    data[5] = np.nan
    data[7, 3, 2:9] = np.nan
    return data.astype(dtype)


def processed(make_stack, steps, data, **run):
    stack = make_stack(data)
    ProcessingPipeline(stack).add_steps(steps).run(**run)
    return stack


@pytest.mark.parametrize("chunk", [None, 1, 4, 36, 37])
@pytest.mark.parametrize("run", [{}, {"workers": 2, "block_frames": 1}, {"block_frames": 5}])
def test_blocks_and_chunks_do_not_matter(make_stack, chunk, run):
    data = movie()
    expected, *_ = level_movie(data, objects="up")
    given = data if chunk is None else da.from_array(data, chunks=(chunk, 24, 32))
    with tasks_through_pickle():
        stack = processed(make_stack, "level:objects=up", given, **run)
    assert stack.is_lazy == (chunk is not None)
    np.testing.assert_array_equal(stack.data, expected)


STEPS = (
    "remove_plane;vertical_flip;mask_threshold:threshold=1;level;row_median_align;clear_mask;temporal_mean"
)


@pytest.mark.parametrize("chunk", [1, 5, 37])
def test_in_the_middle_of_a_pipeline_with_a_mask_in_force(make_stack, chunk):
    data = movie()
    expected = processed(make_stack, STEPS, data, block_frames=100, workers=1)
    before = expected.processed["step_2_vertical_flip"]
    np.testing.assert_array_equal(expected.processed["step_4_level"], level(before))
    mask = expected.masks["step_3_mask_threshold"]
    by_hand = make_stack(expected.processed["step_4_level"])
    by_hand_rows = ProcessingPipeline(by_hand).add_filter("row_median_align").run()
    assert mask.any()
    assert not np.array_equal(expected.processed["step_5_row_median_align"], by_hand_rows, equal_nan=True)
    for given, run in ((data, {"block_frames": 2}), (da.from_array(data, chunks=(chunk, 24, 32)), {})):
        with tasks_through_pickle():
            stack = processed(make_stack, STEPS, given, **run)
        np.testing.assert_array_equal(stack.data, expected.data)
        for slot in ("processed", "masks"):
            for key, value in getattr(expected, slot).items():
                np.testing.assert_array_equal(getattr(stack, slot)[key], value)


def test_the_record_has_the_survey_and_the_frames(make_stack):
    data = movie()
    (record,) = processed(make_stack, "level", data, block_frames=3).provenance["processing"]["steps"]
    _, per_frame, found = level_movie(data)
    assert record["survey"]["objects"] == "up"
    assert record["survey"]["noise"] == found.noise
    assert record["per_frame"]["frame"] == list(range(37))
    np.testing.assert_array_equal(record["per_frame"]["background_share"], per_frame["background_share"])
    assert record["skipped_frames"] == [5]
    lazy = da.from_array(data, chunks=(4, 24, 32))
    (other,) = processed(make_stack, "level", lazy).provenance["processing"]["steps"]
    assert other["survey"] == record["survey"]
    sampled = other["per_frame"]["frame"]
    assert len(sampled) == 32
    expected = np.asarray(record["per_frame"]["background_share"])[sampled]
    np.testing.assert_array_equal(other["per_frame"]["background_share"], expected)


def covered():
    data = movie(8)
    data[:] = np.random.default_rng(0).normal(0, 0.1, data.shape)
    data[2:5, 1:23, 1:30] += 4
    return data


def test_little_background_is_a_warning_with_frames_and_share(make_stack):
    with pytest.warns(
        PlayNanoWarning,
        match=r"movie.asd: step 1 \(level\): background covers as little as 1\d % of frames 2-4",
    ):
        stack = processed(make_stack, "level:objects=up", covered())
    assert len(stack.provenance["warnings"]) == 1


def test_rows_without_background_are_a_warning(make_stack):
    data = covered()[2:]
    data[3, 6:10] += 4 * np.linspace(0, 1, 32)
    data = np.repeat(np.zeros((1, 24, 32), np.float32), 12, axis=0)
    data += np.random.default_rng(0).normal(0, 0.1, data.shape)
    data[:, 8:14] += 4
    with pytest.warns(PlayNanoWarning, match="6 rows without background in frames 0-11"):
        processed(make_stack, "level:objects=up", data)


def test_a_movie_that_levels_well_gives_no_warning(make_stack, recwarn):
    processed(make_stack, "level", movie())
    assert not recwarn.list


def test_wrong_parameters(make_stack):
    for wrong in ("order=4", "order=-1", "objects=sideways", "survey=1"):
        with pytest.raises(ParameterError, match=wrong.partition("=")[0]):
            ProcessingPipeline(make_stack()).add_steps(f"level:{wrong}")


def test_a_frame_alone():
    frame = movie()[0]
    np.testing.assert_array_equal(level(frame, objects="up"), level_movie(frame[None], objects="up")[0][0])
