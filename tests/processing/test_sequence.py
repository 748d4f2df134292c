"""Step sequences over blocks of frames."""

import pickle

import numpy as np
import pytest

from playNano.errors import PlayNanoWarning, StepError
from playNano.processing.levels import zero_mean
from playNano.processing.masks import mask_below_threshold, mask_threshold
from playNano.processing.pipeline import ProcessingPipeline
from playNano.processing.sequence import BlockReport, BoundStep, FinalMask, FinalPixels, StepSequence
from playNano.processing.steps import step_registry


@pytest.fixture
def block():
    """Frames with pixels that only the first, only the second, both and none of two masks mark."""
    rng = np.random.default_rng(0)
    return rng.normal(0, 2.0, (4, 8, 10)).astype(np.float32)


def sequence(*steps):
    bound = []
    for index, (name, params) in enumerate(steps, start=1):
        step = None if name == "clear_mask" else step_registry()[name]
        bound.append(BoundStep(index, step, step.bind(params, name) if step else {}))
    return StepSequence("movie.asd", tuple(bound))


HIGH = ("mask_threshold", {"threshold": 1.0})
LOW = ("mask_below_threshold", {"threshold": -1.0})
MEAN = ("zero_mean", {})


def test_a_further_mask_is_joined_to_the_one_in_force(block):
    high, low = mask_threshold(block, threshold=1.0), mask_below_threshold(block, threshold=-1.0)
    for one, other in ((high, low), (low, high)):
        assert (one & ~other).any()
    assert not (high | low).all()
    _, pixels, mask = sequence(HIGH, LOW, MEAN)(0, block)
    np.testing.assert_array_equal(mask, high | low)
    np.testing.assert_array_equal(pixels, zero_mean(block, mask=high | low))
    given = np.zeros(block.shape, dtype=np.bool_)
    given[:, 0, :3] = True
    _, _, mask = sequence(HIGH)(0, block, given)
    np.testing.assert_array_equal(mask, given | high)
    _, _, mask = sequence(HIGH, ("clear_mask", {}), LOW)(0, block)
    np.testing.assert_array_equal(mask, low)


def test_the_pipeline_joins_masks(make_stack, block):
    high, low = mask_threshold(block, threshold=1.0), mask_below_threshold(block, threshold=-1.0)
    stack = make_stack(block)
    out = (
        ProcessingPipeline()
        .add_steps("mask_threshold:threshold=1;mask_below_threshold:threshold=-1;zero_mean")
        .run(stack)
    )
    np.testing.assert_array_equal(stack.masks["step_2_mask_below_threshold"], high | low)
    np.testing.assert_array_equal(out, zero_mean(block, mask=high | low))


def test_what_is_in_force_after_it():
    assert sequence(HIGH, MEAN).mask_after(False)
    assert not sequence(HIGH, ("clear_mask", {}), MEAN).mask_after(True)
    assert sequence(MEAN).mask_after(True)
    assert not sequence(MEAN).mask_after(False)


@pytest.mark.parametrize(
    ("given", "filtered"), [("int16", "float32"), ("float64", "float64"), ("int32", "float64")]
)
def test_the_type_of_the_pixels(given, filtered):
    assert sequence(MEAN).dtype(given) == filtered
    assert sequence(HIGH).dtype(given) == given


def test_the_report_is_of_the_inner_frames(block):
    block[1:] = np.nan
    report, pixels, _ = sequence(HIGH, MEAN)(10, block, inner=slice(1, 3))
    assert report.skipped == {1: [11, 12]}
    assert set(report.seconds) == {0, 1}
    assert pixels.shape == (2, 8, 10)
    assert BlockReport() == BlockReport({}, {})


def test_final_pixels_and_masks_travel(block):
    steps = sequence(HIGH, MEAN)
    report, pixels, mask = steps(0, block)
    for function, expected in ((FinalPixels(steps), pixels), (FinalMask(steps), mask)):
        sent_report, sent = pickle.loads(pickle.dumps(function))(0, block)
        np.testing.assert_array_equal(sent, expected)
        assert sent_report.skipped == report.skipped
    assert not FinalMask(sequence(MEAN))(0, block)[1].any()


@pytest.mark.parametrize("after", ["", ";gaussian_filter", ";zero_mean", ";remove_plane"])
@pytest.mark.parametrize(
    "cut",
    [
        lambda movie: movie[:, :1],
        lambda movie: movie[:, ::2, ::2],
        lambda movie: movie.transpose(0, 2, 1).copy(),
    ],
    ids=["one row", "half", "turned"],
)
def test_a_mask_in_force_must_fit_the_frames(make_stack, plugins, block, cut, after):
    """A frame of one row fits a mask of many rows by numpy's rules, and a step that takes no mask by any."""
    plugins.add("playNano.video_processing", "cut", cut)
    stack = make_stack(block)
    with pytest.raises(
        StepError, match=r"step 2 \(cut\) changes frames of \(8, 10\).*put clear_mask before it"
    ):
        ProcessingPipeline().add_steps(f"mask_threshold:threshold=1;cut{after}").run(stack)
    assert stack.data is block
    assert stack.processed == {}
    with pytest.warns(PlayNanoWarning, match="returned frames of"):
        made = ProcessingPipeline().add_steps(f"mask_threshold:threshold=1;clear_mask;cut{after}").run(stack)
    assert made.shape[1:] != (8, 10)
