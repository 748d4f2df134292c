"""The processing pipeline: what runs, what it leaves in the stack, what it says when it cannot."""

import json

import numpy as np
import pytest

from playNano.core.executor import report_progress
from playNano.errors import ParameterError, PlayNanoWarning, StepError, UnknownNameError
from playNano.processing.flatten import polynomial_flatten, remove_plane
from playNano.processing.levels import zero_mean, zero_median
from playNano.processing.masks import mask_adaptive, mask_mean_offset, mask_threshold
from playNano.processing.pipeline import ProcessingPipeline
from playNano.processing.rows import row_median_align
from playNano.processing.smooth import gaussian_filter


@pytest.fixture
def stack(make_stack):
    return make_stack()


def test_steps_run_in_order(stack):
    raw = stack.data
    pipeline = ProcessingPipeline(stack)
    out = pipeline.add_filter("remove_plane").add_filter("gaussian_filter", sigma=2).run()
    np.testing.assert_array_equal(out, gaussian_filter(remove_plane(raw), sigma=2))
    assert stack.data is out


def test_snapshots(stack):
    raw = stack.data
    ProcessingPipeline(stack).add_filter("remove_plane").add_filter("zero_mean").run()
    assert list(stack.processed) == ["raw", "step_1_remove_plane", "step_2_zero_mean"]
    assert stack.processed["raw"] is raw
    np.testing.assert_array_equal(stack.processed["step_1_remove_plane"], remove_plane(raw))
    assert stack.processed["step_2_zero_mean"] is stack.data


def test_the_input_is_not_changed(stack):
    raw, before = stack.data, stack.data.copy()
    pipeline = ProcessingPipeline(stack)
    for name in ("row_median_align", "remove_plane", "polynomial_flatten", "zero_median", "gaussian_filter"):
        pipeline.add_filter(name)
    pipeline.run()
    np.testing.assert_array_equal(raw, before)


def test_provenance_says_what_ran(stack):
    ProcessingPipeline(stack).add_mask("mask_threshold", threshold=1).add_filter(
        "polynomial_flatten"
    ).clear_mask().add_filter("zero_mean").run()
    processing = stack.provenance["processing"]
    steps = processing["steps"]
    assert [(s["index"], s["name"], s["kind"]) for s in steps] == [
        (1, "mask_threshold", "mask"),
        (2, "polynomial_flatten", "filter"),
        (3, "clear_mask", "clear"),
        (4, "zero_mean", "filter"),
    ]
    assert [s["params"] for s in steps] == [{"threshold": 1.0}, {"order": 2}, {}, {}]
    assert all(s["duration_s"] >= 0 and s["timestamp"] for s in steps)
    assert steps[0]["mask_key"] == "step_1_mask_threshold"
    assert steps[1]["processed_key"] == "step_2_polynomial_flatten"
    assert processing["keys_by_name"] == {
        "mask_threshold": ["step_1_mask_threshold"],
        "polynomial_flatten": ["step_2_polynomial_flatten"],
        "zero_mean": ["step_4_zero_mean"],
    }
    assert stack.provenance["environment"]["playNano_version"]
    json.dumps(processing)


def test_a_mask_steers_the_levelling_after_it(stack):
    raw = stack.data
    mask = mask_threshold(raw, threshold=1.0)
    out = ProcessingPipeline(stack).add_mask("mask_threshold", threshold=1).add_filter("remove_plane").run()
    np.testing.assert_array_equal(stack.masks["step_1_mask_threshold"], mask)
    np.testing.assert_array_equal(out, remove_plane(raw, mask=mask))
    assert not np.array_equal(out, remove_plane(raw))


@pytest.mark.parametrize(
    "step",
    [row_median_align, remove_plane, polynomial_flatten, zero_mean, zero_median],
    ids=lambda s: s.__name__,
)
def test_every_levelling_step_honours_the_mask(make_stack, step):
    stack = make_stack()
    mask = mask_mean_offset(stack.data)
    expected = step(stack.data, mask=mask)
    out = ProcessingPipeline(stack).add_mask("mask_mean_offset").add_filter(step.__name__).run()
    np.testing.assert_array_equal(out, expected)


def test_a_filter_that_takes_no_mask_runs_without_it(stack):
    raw = stack.data
    out = ProcessingPipeline(stack).add_mask("mask_threshold").add_filter("gaussian_filter").run()
    np.testing.assert_array_equal(out, gaussian_filter(raw))


def test_a_further_mask_adds_to_the_one_in_force(stack):
    raw = stack.data
    first, second = mask_threshold(raw, threshold=3.0), mask_adaptive(raw, block_size=9)
    pipeline = ProcessingPipeline(stack).add_mask("mask_threshold", threshold=3)
    out = pipeline.add_mask("mask_adaptive", block_size=9).add_filter("zero_mean").run()
    np.testing.assert_array_equal(stack.masks["step_1_mask_threshold"], first)
    np.testing.assert_array_equal(stack.masks["step_2_mask_adaptive"], first | second)
    np.testing.assert_array_equal(out, zero_mean(raw, mask=first | second))


def test_clear_mask(stack):
    raw = stack.data
    pipeline = ProcessingPipeline(stack).add_mask("mask_threshold").clear_mask().add_filter("remove_plane")
    np.testing.assert_array_equal(pipeline.run(), remove_plane(raw))


def test_a_mask_does_not_outlive_its_run(stack):
    raw = stack.data
    ProcessingPipeline(stack).add_mask("mask_threshold", threshold=1).run()
    np.testing.assert_array_equal(ProcessingPipeline(stack).add_filter("zero_mean").run(), zero_mean(raw))


def test_frames_without_enough_pixels_are_named(make_stack):
    data = make_stack().data.copy()
    data[1] = np.nan
    data[3] = 50.0
    stack = make_stack(data)
    ProcessingPipeline(stack).add_mask("mask_threshold", threshold=40).add_filter("remove_plane").add_filter(
        "zero_mean"
    ).clear_mask().add_filter("row_median_align").run(block_frames=2)
    steps = stack.provenance["processing"]["steps"]
    assert [s.get("skipped_frames") for s in steps] == [None, [1, 3], [1, 3], None, [1]]
    np.testing.assert_array_equal(stack.processed["step_2_remove_plane"][3], data[3])


def test_frames_smaller_than_a_surface_are_named(make_stack):
    stack = make_stack(np.ones((2, 2, 2)))
    ProcessingPipeline(stack).add_filter("polynomial_flatten", order=2).run()
    assert stack.provenance["processing"]["steps"][0]["skipped_frames"] == [0, 1]
    np.testing.assert_array_equal(stack.data, np.ones((2, 2, 2)))


def test_a_second_run_goes_on(stack):
    raw = stack.data
    ProcessingPipeline(stack).add_filter("remove_plane").run()
    first = stack.provenance["processing"]
    steps_before = [dict(s) for s in first["steps"]]
    after_first = stack.data
    ProcessingPipeline(stack).add_filter("zero_mean").add_filter("remove_plane").run()
    assert list(stack.processed) == ["raw", "step_1_remove_plane", "step_2_zero_mean", "step_3_remove_plane"]
    assert stack.processed["raw"] is raw
    assert stack.processed["step_1_remove_plane"] is after_first
    processing = stack.provenance["processing"]
    assert [s["index"] for s in processing["steps"]] == [1, 2, 3]
    assert processing["keys_by_name"]["remove_plane"] == ["step_1_remove_plane", "step_3_remove_plane"]
    assert first["steps"] == steps_before
    assert first["keys_by_name"] == {"remove_plane": ["step_1_remove_plane"]}


def test_no_steps_change_nothing(stack):
    raw = stack.data
    assert ProcessingPipeline(stack).run() is raw
    assert stack.provenance["processing"]["steps"] == []


def test_the_stack_may_come_with_the_run(make_stack):
    pipeline = ProcessingPipeline().add_mask("mask_threshold", threshold=1).add_filter("remove_plane")
    for data in (make_stack().data, make_stack().data[::-1].copy()):
        stack, same = make_stack(data), make_stack(data)
        out = pipeline.run(stack, keep="all", block_frames=2)
        ProcessingPipeline(same).add_steps("mask_threshold:threshold=1;remove_plane").run()
        np.testing.assert_array_equal(out, same.data)
        assert out is stack.data
        assert list(stack.processed) == list(same.processed)
        assert stack.provenance["processing"]["keys_by_name"] == same.provenance["processing"]["keys_by_name"]
    assert pipeline.stack is None


def test_none_or_two_stacks(stack, make_stack):
    with pytest.raises(ParameterError, match="no stack to run on: give one to ProcessingPipeline or to run"):
        ProcessingPipeline().add_filter("remove_plane").run()
    raw = stack.data
    for other in (make_stack(), stack):
        with pytest.raises(ParameterError, match="has a stack already"):
            ProcessingPipeline(stack).add_filter("remove_plane").run(other)
        assert stack.data is raw
        assert other.processed == {}


def test_a_plan_is_checked_without_a_stack():
    pipeline = ProcessingPipeline()
    with pytest.raises(UnknownNameError, match="did you mean 'remove_plane'"):
        pipeline.add_filter("remove_plan")
    with pytest.raises(ParameterError, match=r"step 1 \(gaussian_filter\).*'sigma'"):
        pipeline.add_filter("gaussian_filter", sigma=-1)
    assert pipeline.steps == []
    assert pipeline.add_filter("gaussian_filter").steps[0].params["sigma"] == 1.0


def test_clear_forgets_the_plan(stack):
    pipeline = ProcessingPipeline(stack).add_filter("remove_plane")
    pipeline.clear()
    assert pipeline.steps == []
    pipeline.run()
    assert stack.provenance["processing"]["steps"] == []


@pytest.mark.parametrize(
    ("add", "error", "message"),
    [
        (lambda p: p.add_filter("remove_plan"), UnknownNameError, "did you mean 'remove_plane'"),
        (lambda p: p.add_mask("mask_treshold"), UnknownNameError, "did you mean 'mask_threshold'"),
        (
            lambda p: p.add_filter("mask_threshold"),
            UnknownNameError,
            "is a mask, not a filter; add it with add_mask",
        ),
        (
            lambda p: p.add_mask("remove_plane"),
            UnknownNameError,
            "is a filter, not a mask; add it with add_filter",
        ),
        (
            lambda p: p.add_filter("gaussian_filter", sgma=2),
            ParameterError,
            r"step 1 \(gaussian_filter\): unknown parameter 'sgma'; did you mean 'sigma'",
        ),
        (
            lambda p: p.add_filter("gaussian_filter", sigma=-1),
            ParameterError,
            "'sigma' must be 0 <= float <= 1000",
        ),
        (lambda p: p.add_filter("remove_plane", mask=None), ParameterError, "unknown parameter 'mask'"),
        (lambda p: p.add_filter("remove_plane", data=1), ParameterError, "unknown parameter 'data'"),
        (lambda p: p.add_steps("remove_plane;gausian_filter"), UnknownNameError, "gaussian_filter"),
        (lambda p: p.add_steps("clear_mask:now=1"), ParameterError, "clear_mask takes no parameters"),
        (
            lambda p: p.add_steps(["remove_plane", "zero_mean"], sigma=2),
            ParameterError,
            "steps remove_plane, zero_mean: unknown parameter 'sigma'",
        ),
    ],
)
def test_wrong_plans_are_refused_before_any_pixel_is_touched(stack, add, error, message):
    raw = stack.data
    with pytest.raises(error, match=message):
        add(ProcessingPipeline(stack))
    assert stack.data is raw
    assert stack.processed == {}


def test_steps_as_text(make_stack):
    stack, other = make_stack(), make_stack()
    text = "mask_threshold:threshold=1e0; remove_plane; clear_mask; gaussian_filter:sigma=15e-1"
    out = ProcessingPipeline(stack).add_steps(text).run()
    pipeline = ProcessingPipeline(other).add_mask("mask_threshold", threshold=1).add_filter("remove_plane")
    expected = pipeline.clear_mask().add_filter("gaussian_filter", sigma=1.5).run()
    np.testing.assert_array_equal(out, expected)
    steps = [(s["name"], s["params"]) for s in stack.provenance["processing"]["steps"]]
    assert steps == [(s["name"], s["params"]) for s in other.provenance["processing"]["steps"]]
    assert type(steps[0][1]["threshold"]) is float


def test_shared_parameters_go_to_the_steps_that_take_them(stack):
    steps = ["remove_plane", "gaussian_filter", "gaussian_filter:sigma=3"]
    ProcessingPipeline(stack).add_steps(steps, sigma=2).run()
    assert [s["params"] for s in stack.provenance["processing"]["steps"]] == [
        {},
        {"sigma": 2.0},
        {"sigma": 3.0},
    ]


def test_a_record_can_be_run_again(make_stack):
    stack, other = make_stack(), make_stack()
    ProcessingPipeline(stack).add_steps("mask_mean_offset:factor=1;remove_plane;clear_mask;zero_median").run()
    steps = json.loads(json.dumps(stack.provenance["processing"]["steps"]))
    np.testing.assert_array_equal(ProcessingPipeline(other).add_steps(steps).run(), stack.data)


def fail_on_frame_3(frame):
    if frame[0, 0] == 3:
        raise ZeroDivisionError("no light")
    return frame


@pytest.mark.parametrize("block_frames", [1, 2, 100])
@pytest.mark.parametrize("workers", [1, 2])
def test_a_failing_plugin_leaves_the_stack_as_it_was(make_stack, plugins, block_frames, workers):
    plugins.add("playNano.filters", "fail_on_frame_3", fail_on_frame_3)
    data = np.broadcast_to(np.arange(5.0)[:, None, None], (5, 4, 4)).copy()
    stack = make_stack(data)
    pipeline = ProcessingPipeline(stack).add_mask("mask_threshold").add_filter("vertical_flip")
    pipeline.add_filter("fail_on_frame_3")
    message = r"movie\.asd, step 3 \(fail_on_frame_3\) failed on frame 3: ZeroDivisionError: no light"
    with pytest.raises(StepError, match=message) as caught:
        pipeline.run(block_frames=block_frames, workers=workers)
    assert caught.value.__cause__ is not None
    assert stack.data is data
    assert (stack.processed, stack.masks) == ({}, {})
    assert stack.provenance["processing"] == {"steps": [], "keys_by_name": {}}


def test_a_plugin_that_changes_the_shape(stack, plugins):
    plugins.add("playNano.filters", "crop_frames", lambda frame: frame[1:])
    with pytest.raises(StepError, match=r"step 1 \(crop_frames\) failed on frame 0: it returned shape"):
        ProcessingPipeline(stack).add_filter("crop_frames").run()


def test_a_plugin_that_works_in_place(stack, plugins):
    def blank(frame, value=1.0):
        frame[:] = value
        return frame

    before = stack.data.copy()
    plugins.add("playnano.filters", "blank", blank)
    out = ProcessingPipeline(stack).add_filter("blank", value="2e-1").run()
    np.testing.assert_array_equal(stack.processed["raw"], before)
    np.testing.assert_allclose(out, 0.2)
    assert stack.provenance["processing"]["steps"][0]["params"] == {"value": 0.2}


def test_video_steps_see_the_whole_movie(stack, plugins):
    raw = stack.data
    plugins.add(
        "playNano.video_processing", "less_first", lambda movie, weight=1.0: movie - weight * movie[0]
    )
    plugins.add("playNano.video_processing", "with_notes", lambda movie: (movie[:, 1:], {"rows": 1}))
    pipeline = ProcessingPipeline(stack).add_filter("less_first", weight=2).add_filter("with_notes")
    with pytest.warns(PlayNanoWarning, match=r"step 2 \(with_notes\) returned frames of 31 x 40 px"):
        np.testing.assert_array_equal(pipeline.run(block_frames=1), (raw - 2 * raw[0])[:, 1:])
    assert stack.scan is None or not stack.scan.has_line_times
    assert stack.provenance["processing"]["steps"][0]["params"] == {"weight": 2.0}
    assert "step_1_less_first" in stack.processed


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda movie: movie[1:], r"step 1 \(bad_video\) returned shape \(5, 32, 40\)"),
        (lambda movie: 1 / 0, r"movie\.asd, step 1 \(bad_video\) failed: ZeroDivisionError"),
    ],
)
def test_video_steps_that_fail(stack, plugins, function, message):
    raw = stack.data
    plugins.add("playNano.video_processing", "bad_video", function)
    with pytest.raises(StepError, match=message):
        ProcessingPipeline(stack).add_filter("bad_video").run()
    assert stack.data is raw


def test_a_video_step_that_works_in_place(stack, plugins):
    def blank(movie):
        movie[:] = 0
        return movie

    before = stack.data.copy()
    plugins.add("playNano.video_processing", "blank_movie", blank)
    assert not ProcessingPipeline(stack).add_filter("blank_movie").run().any()
    np.testing.assert_array_equal(stack.processed["raw"], before)


@pytest.mark.parametrize("shape", [(0, 8, 9), (1, 8, 9), (3, 1, 1)])
def test_movies_of_few_frames_or_pixels(make_stack, shape):
    stack = make_stack(np.ones(shape, np.float32))
    steps = "mask_mean_offset;row_median_align;remove_plane;polynomial_flatten:order=3;zero_mean;zero_median"
    out = ProcessingPipeline(stack).add_steps(steps + ";gaussian_filter;vertical_flip;mask_adaptive").run()
    assert out.shape == shape
    assert out.dtype == np.float32
    assert np.isfinite(out).all()


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.uint8, np.float64])
def test_movies_of_other_numbers(make_stack, dtype):
    data = (make_stack().data * 10 + 50).astype(dtype)
    stack = make_stack(data)
    out = ProcessingPipeline(stack).add_filter("remove_plane").add_filter("zero_mean").run()
    np.testing.assert_allclose(out, zero_mean(remove_plane(data.astype(np.float64))), atol=1e-4)
    assert out.dtype.kind == "f"


def test_progress(stack):
    reports = []
    with report_progress(lambda *report: reports.append(report)):
        ProcessingPipeline(stack).add_filter("remove_plane").add_filter("zero_mean").run(
            block_frames=3, workers=1
        )
    # A block goes through all frame-wise steps at once.
    assert reports == [("remove_plane + zero_mean", 3, 6), ("remove_plane + zero_mean", 6, 6)]


@pytest.mark.parametrize("given", [np.zeros((2, 8, 8)), "movie.npy"])
def test_what_is_not_a_stack_is_refused_with_the_cure(given):
    with pytest.raises(
        ParameterError, match=rf"not on a {type(given).__name__}; make one .* AFMImageStack\("
    ):
        ProcessingPipeline().add_filter("remove_plane").run(given)


@pytest.mark.parametrize(
    ("name", "params", "reason"),
    [
        ("mask_hysteresis", {"low_nm": 3, "high_nm": 1}, "must not exceed high_nm"),
        ("mask_multi_otsu", {"classes": 3, "level": 3}, "classes - 1"),
        ("mask_local_height", {"height_nm": 1, "sigmas": 2}, "either height_nm or sigmas"),
    ],
)
def test_parameters_that_contradict_each_other_are_refused_when_a_step_is_added(name, params, reason):
    with pytest.raises(ParameterError, match=rf"step 1 \({name}\): .*{reason}"):
        ProcessingPipeline().add_mask(name, **params)
