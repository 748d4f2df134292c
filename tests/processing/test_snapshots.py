"""What a run keeps in memory, and what is computed when it is read."""

import copy
import gc
import pickle

import numpy as np
import pytest

from playNano.core.lazy_mapping import LazyMapping
from playNano.errors import ParameterError, PlayNanoWarning, StackError, StepError
from playNano.io.export.bundle import write_bundle
from playNano.io.loader import load_afm_stack
from playNano.processing.flatten import remove_plane
from playNano.processing.levels import zero_mean
from playNano.processing.masks import mask_threshold
from playNano.processing.pipeline import ProcessingPipeline

da = pytest.importorskip("dask.array")

STEPS = (
    "mask_threshold:threshold=1;remove_plane;clear_mask;zero_mean;mask_threshold:threshold=2;gaussian_filter"
)
KEYS = ["raw", "step_2_remove_plane", "step_4_zero_mean", "step_6_gaussian_filter"]
MASKS = ["step_1_mask_threshold", "step_5_mask_threshold"]


def run(stack, **options):
    ProcessingPipeline(stack).add_steps(STEPS).run(**options)
    return stack


def expected(raw):
    first = mask_threshold(raw, threshold=1.0)
    plane = remove_plane(raw, mask=first)
    mean = zero_mean(plane)
    return {KEYS[1]: plane, KEYS[2]: mean, MASKS[0]: first, MASKS[1]: mask_threshold(mean, threshold=2.0)}


@pytest.mark.parametrize("keep", ["all", "last"])
@pytest.mark.parametrize("lazy", [False, True])
def test_snapshots_and_masks_are_those_of_the_steps(make_stack, keep, lazy):
    raw = make_stack().data
    stack = run(make_stack(da.from_array(raw, chunks=(2, *raw.shape[1:])) if lazy else raw), keep=keep)
    assert list(stack.processed) == KEYS
    assert list(stack.masks) == MASKS
    for key, value in expected(raw).items():
        actual = (stack.masks if "mask" in key else stack.processed)[key]
        np.testing.assert_array_equal(actual, value)
        assert actual.dtype == value.dtype
    assert stack.processed[KEYS[3]] is stack.data
    assert stack.provenance["processing"]["keys_by_name"]["mask_threshold"] == MASKS


def test_what_is_in_memory(make_stack):
    last, whole = run(make_stack()), run(make_stack(), keep="all")
    assert [last.processed.kept(key) for key in KEYS] == [True, False, False, True]
    assert not any(last.masks.kept(key) for key in MASKS)
    assert all(whole.processed.kept(key) for key in KEYS)
    assert all(whole.masks.kept(key) for key in MASKS)


def test_a_snapshot_is_shared_while_it_is_held(make_stack):
    stack = run(make_stack())
    held = stack.processed[KEYS[1]]
    assert stack.processed[KEYS[1]] is held
    address = held.__array_interface__["data"][0]
    del held
    gc.collect()
    assert stack.processed[KEYS[1]].shape == stack.data.shape
    assert address


def test_none_are_kept(make_stack):
    raw = make_stack().data
    stack = run(make_stack(raw), keep="none")
    assert (list(stack.processed), list(stack.masks)) == (["raw"], [])
    steps = stack.provenance["processing"]["steps"]
    assert len(steps) == 6
    assert not any("processed_key" in step or "mask_key" in step for step in steps)
    assert stack.provenance["processing"]["keys_by_name"] == {}
    assert stack.restore_raw() is raw


def test_another_word_is_refused(make_stack):
    stack = make_stack()
    with pytest.raises(ParameterError, match="keep must be one of all, last, none"):
        run(stack, keep="some")
    assert stack.processed == {}


def test_a_second_run_keeps_the_result_of_the_first(make_stack):
    stack = make_stack()
    first = ProcessingPipeline(stack).add_filter("remove_plane").add_filter("zero_mean").run()
    ProcessingPipeline(stack).add_filter("vertical_flip").add_filter("gaussian_filter").run()
    assert stack.processed["step_2_zero_mean"] is first
    np.testing.assert_array_equal(stack.processed["step_3_vertical_flip"], first[:, ::-1])
    np.testing.assert_array_equal(
        stack.processed["step_1_remove_plane"], remove_plane(stack.processed["raw"])
    )


def test_snapshots_around_a_step_over_the_whole_movie(make_stack, plugins):
    plugins.add("playNano.video_processing", "less_first", lambda movie: movie - movie[0])
    stack = make_stack()
    steps = (
        "zero_mean;mask_threshold:threshold=1;less_first;mask_threshold:threshold=2;remove_plane;zero_mean"
    )
    ProcessingPipeline(stack).add_steps(steps).run()
    mean = zero_mean(stack.processed["raw"])
    less = mean - mean[0]
    mask = mask_threshold(mean, threshold=1.0)
    both = mask | mask_threshold(less, threshold=2.0)
    np.testing.assert_array_equal(stack.processed["step_3_less_first"], less)
    np.testing.assert_array_equal(stack.masks["step_2_mask_threshold"], mask)
    np.testing.assert_array_equal(stack.masks["step_4_mask_threshold"], both)
    np.testing.assert_array_equal(stack.processed["step_5_remove_plane"], remove_plane(less, mask=both))


@pytest.mark.parametrize("lazy", [False, True])
def test_a_mask_stays_in_force_over_a_step_over_the_whole_movie(make_stack, plugins, lazy):
    plugins.add("playNano.video_processing", "less_first", lambda movie: movie - movie[0])
    raw = make_stack().data
    mask = mask_threshold(raw, threshold=1.0)
    for steps, used in (("less_first;remove_plane", mask), ("less_first;clear_mask;remove_plane", None)):
        stack = make_stack(da.from_array(raw, chunks=(2, 32, 40)) if lazy else raw)
        actual = ProcessingPipeline(stack).add_steps(f"mask_threshold:threshold=1;{steps}").run()
        np.testing.assert_array_equal(actual, remove_plane(raw - raw[0], mask=used))


def test_a_mask_does_not_fit_frames_of_another_size(make_stack, plugins):
    plugins.add("playNano.video_processing", "halve", lambda movie: movie[:, ::2, ::2])
    pipeline = ProcessingPipeline(make_stack()).add_steps("mask_threshold:threshold=1;halve;remove_plane")
    with pytest.raises(StepError, match=r"step 2 \(halve\).*clear_mask"):
        pipeline.run()
    steps = "mask_threshold:threshold=1;clear_mask;halve;remove_plane"
    with pytest.warns(PlayNanoWarning, match="returned frames of 16 x 20 px"):
        assert ProcessingPipeline(make_stack()).add_steps(steps).run().shape[1:] == (16, 20)


def test_copies_of_a_stack(make_stack, tmp_path):
    stack = run(make_stack())
    for other in (copy.deepcopy(stack), pickle.loads(pickle.dumps(stack)), stack[:]):
        assert isinstance(other.processed, LazyMapping)
        for key in KEYS:
            np.testing.assert_array_equal(other.processed[key], stack.processed[key])
        for key in MASKS:
            np.testing.assert_array_equal(other.masks[key], stack.masks[key])
    write_bundle(stack, tmp_path / "a.h5")
    back = load_afm_stack(tmp_path / "a.h5")
    assert list(back.processed) == KEYS
    np.testing.assert_array_equal(back.processed[KEYS[1]], stack.processed[KEYS[1]])


def test_a_slice_makes_its_snapshots_on_demand(make_stack):
    stack = run(make_stack())
    part = stack[1:5:2]
    assert not part.processed.kept(KEYS[1])
    np.testing.assert_array_equal(part.processed[KEYS[1]], stack.processed[KEYS[1]][1:5:2])


def test_a_lazy_run_reads_no_pixels(make_stack):
    def fail(block):
        raise AssertionError("read")

    raw = make_stack().data
    data = da.map_blocks(fail, da.from_array(raw, chunks=(2, 32, 40)), dtype=raw.dtype, meta=raw[:0])
    stack = run(make_stack(data))
    assert "lazy" in repr(stack)
    part = stack[2:4]
    assert (part.n_frames, part.get_frame_times(), part.image_shape) == (2, [1.0, 1.5], (32, 40))
    assert part.processed[KEYS[1]].shape == (2, 32, 40)


def test_a_lazy_step_fails_when_it_is_computed(make_stack, plugins):
    def fail_on_frame_3(frame):
        if frame[0, 0] == 3:
            raise ZeroDivisionError("no light")
        return frame

    plugins.add("playNano.filters", "fail_on_frame_3", fail_on_frame_3)
    data = np.broadcast_to(np.arange(5.0)[:, None, None], (5, 4, 4)).copy()
    stack = make_stack(da.from_array(data, chunks=(2, 4, 4)))
    ProcessingPipeline(stack).add_filter("fail_on_frame_3").run()
    np.testing.assert_array_equal(stack.get_frame(1), data[1])
    with pytest.raises(StepError, match=r"step 1 \(fail_on_frame_3\) failed on frame 3: ZeroDivisionError"):
        stack.get_frame(2)


def test_a_lazy_movie_that_a_step_needs_whole(make_stack, plugins, monkeypatch):
    plugins.add("playNano.video_processing", "less_first", lambda movie: movie - movie[0])
    raw = make_stack().data
    stack = make_stack(da.from_array(raw, chunks=(2, 32, 40)))
    with monkeypatch.context() as patch:
        patch.setattr("playNano.processing.lazy_sequence.free_memory_bytes", lambda: raw.nbytes)
        with pytest.raises(StackError, match="needs the whole movie in memory"):
            stack.apply(["less_first"])
    assert stack.processed == {}
    np.testing.assert_array_equal(stack.apply(["less_first"]), raw - raw[0])
