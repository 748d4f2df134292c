"""What a step is, and where steps are found."""

import pickle
from typing import Annotated

import numpy as np
import pytest
from pydantic import Field

from playNano.errors import (
    DuplicateNameError,
    ParameterError,
    PluginError,
    PluginTypeError,
    StackError,
    StepError,
    UnknownNameError,
)
from playNano.processing.frame_functions import FrameError, frame_by_frame
from playNano.processing.steps import (
    as_float_block,
    step,
    step_registry,
    usable_pixels,
)

FILTERS = {
    "row_median_align",
    "remove_plane",
    "polynomial_flatten",
    "zero_mean",
    "zero_median",
    "gaussian_filter",
    "vertical_flip",
}
MASKS = {"mask_threshold", "mask_below_threshold", "mask_mean_offset", "mask_morphological", "mask_adaptive"}


def test_every_builtin_is_registered():
    registry = step_registry()
    assert set(registry) >= FILTERS | MASKS
    assert {name for name in registry if registry[name].kind == "mask"} >= MASKS
    assert {name for name in registry if registry[name].kind == "filter"} >= FILTERS
    assert all(registry[name].version for name in FILTERS | MASKS)
    assert step_registry() is registry


def test_the_other_spelling_of_the_documentation():
    assert step_registry()["threshold_mask"] is step_registry()["mask_threshold"]


def test_unknown_names():
    with pytest.raises(UnknownNameError, match="did you mean 'remove_plane'"):
        step_registry()["remove_plan"]
    assert "remove_plan" not in step_registry()


@pytest.mark.parametrize("group", ["playNano.filters", "playnano.filters"])
def test_filter_plugins(plugins, group):
    def double(frame, factor: float = 2.0):
        return frame * factor

    plugins.add(group, "double", double)
    found = step_registry()["double"]
    assert (found.kind, found.uses_mask, found.version) == ("filter", False, None)
    assert found.bind({"factor": "1e-3"}, "w") == {"factor": 0.001}
    with pytest.raises(ParameterError, match="did you mean 'factor'"):
        found.bind({"factr": 1}, "w")
    block = np.ones((2, 3, 4))
    np.testing.assert_array_equal(found.function(block, factor=3.0), 3 * block)
    assert "double" in step_registry()
    assert "double" in set(step_registry())


@pytest.mark.parametrize("group", ["playNano.video_processing", "playnano.video_processing"])
def test_video_plugins(plugins, group):
    plugins.add(group, "reverse_time", lambda movie: movie[::-1])
    assert step_registry()["reverse_time"].kind == "video"
    assert "reverse_time" in step_registry()
    assert "reverse_time" in set(step_registry())


@pytest.mark.parametrize("group", ["playNano.masks", "playnano.masks"])
def test_mask_plugins(plugins, group):
    plugins.add(group, "above_level", lambda frame, level=0.5: frame > level)
    found = step_registry()["above_level"]
    assert found.kind == "mask"
    block = np.linspace(0, 1, 24).reshape(2, 3, 4)
    np.testing.assert_array_equal(found.function(block, level=0.3), block > 0.3)
    np.testing.assert_array_equal(found.function(block[0], level=0.3), block[0] > 0.3)
    assert found.function(block[:0], level=0.3).dtype == bool


def test_a_mask_plugin_must_return_a_mask(plugins):
    plugins.add("playNano.masks", "heights", lambda frame: frame)
    with pytest.raises(FrameError, match="a mask must be bool, not float64") as caught:
        step_registry()["heights"].function(np.ones((2, 3, 4)))
    assert caught.value.index == 0


@step("video", "2.0", neighbours=lambda params: params["half"])
def time_step(data, *, half: Annotated[int, Field(ge=0)] = 1):
    """Return the block as it is."""
    return data


def test_a_plugin_that_declares_its_step(plugins):
    plugins.add("playNano.video_processing", "time_step", time_step)
    found = step_registry()["time_step"]
    assert found is time_step.__step__
    assert (found.version, found.neighbours({"half": 3})) == ("2.0", 3)
    assert pickle.loads(pickle.dumps(found)) is found
    plugins.add("playNano.video_processing", "other_name", time_step)
    with pytest.raises(PluginTypeError, match="'other_name' declares the step 'time_step'"):
        step_registry()["other_name"]


def test_a_declared_step_in_the_wrong_group(plugins):
    plugins.add("playNano.filters", "time_step", time_step)
    with pytest.raises(PluginTypeError, match="'time_step' is a video in the group of a filter"):
        step_registry()["time_step"]


def test_plugins_that_cannot_be_used(plugins):
    plugins.add("playNano.filters", "number", 3)
    plugins.point("playNano.filters", "gone", "no_such_package_anywhere:x")
    plugins.point("playnano.video_processing", "gone_too", "no_such_package_anywhere:x")
    plugins.point("playnano.filters", "zero_mean", "package_a:zero_mean")
    with pytest.raises(PluginTypeError, match="'number' is a int, not a function of a frame"):
        step_registry()["number"]
    with pytest.raises(PluginError, match="'gone'"):
        step_registry()["gone"]
    with pytest.raises(DuplicateNameError, match="zero_mean"):
        step_registry()["zero_mean"]
    assert set(step_registry().plugin_errors()) == {"number", "gone", "gone_too", "zero_mean"}
    assert step_registry()["remove_plane"].kind == "filter"


def test_the_version_of_a_plugin_is_known(plugins):
    def with_version(frame):
        return frame

    with_version.__version__ = "2.3"
    plugins.add("playNano.filters", "with_version", with_version)
    assert step_registry()["with_version"].version == "2.3"


def test_frame_by_frame_names_the_frame():
    def fail_on_dark(frame):
        if frame.max() == 0:
            raise ZeroDivisionError("dark")
        return frame

    block = np.ones((3, 2, 2))
    block[1] = 0
    with pytest.raises(FrameError, match="ZeroDivisionError: dark") as caught:
        frame_by_frame("p", fail_on_dark)(block)
    assert caught.value.index == 1
    assert isinstance(caught.value, StepError)
    with pytest.raises(FrameError, match=r"it returned shape \(1, 2\) for a frame of \(2, 2\)"):
        frame_by_frame("p", lambda frame: frame[:1])(block)


def test_frame_by_frame_keeps_the_movie():
    def in_place(frame):
        frame[:] = 7
        return frame

    block = np.zeros((2, 3, 3))
    out = frame_by_frame("p", in_place)(block)
    assert (out == 7).all()
    assert (block == 0).all()
    assert frame_by_frame("p", in_place)(block[:0]).shape == (0, 3, 3)


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        ("f2", "f4"),
        ("f4", "f4"),
        (">f4", "f4"),
        ("f8", "f8"),
        ("u1", "f4"),
        ("i2", "f4"),
        ("?", "f4"),
        ("i4", "f8"),
        ("u4", "f8"),
        ("i8", "f8"),
    ],
)
def test_floats_that_hold_every_value(dtype, expected):
    block, is_frame = as_float_block(np.ones((2, 3), dtype))
    assert (block.dtype, block.shape, is_frame) == (np.dtype(expected), (1, 2, 3), True)
    assert block.flags.c_contiguous
    assert as_float_block([[[1, 2]]])[1] is False


def test_floats_are_not_copied():
    data = np.zeros((2, 3, 4), np.float32)
    assert as_float_block(data)[0] is data


def test_what_is_no_frame():
    with pytest.raises(StackError, match="not 1"):
        as_float_block([1, 2])
    with pytest.raises(ParameterError, match="real numbers"):
        as_float_block(np.zeros((2, 2), "U1"))


def test_usable_pixels():
    data = np.ones((1, 2, 2))
    mask = np.array([[[True, False], [False, False]]])
    assert usable_pixels(data, None) is None
    np.testing.assert_array_equal(usable_pixels(data, mask), ~mask)
    data[0, 1, 1] = np.nan
    np.testing.assert_array_equal(usable_pixels(data, None), np.isfinite(data))
    np.testing.assert_array_equal(usable_pixels(data, mask), [[[False, True], [True, False]]])
    opposite = np.array([[[np.inf, -np.inf]]])
    np.testing.assert_array_equal(usable_pixels(opposite, None), [[[False, False]]])
    assert usable_pixels(np.full((1, 2, 2), 1e308), None) is None


def test_a_step_is_declared_by_its_signature():
    @step("filter", "0.1", min_pixels=lambda params: params["least"])
    def shift(data, mask=None, *, by: float = 1.0, least: Annotated[int, Field(ge=0)] = 0):
        return data + by

    declared = shift.__step__
    assert (declared.name, declared.kind, declared.version, declared.uses_mask) == (
        "shift",
        "filter",
        "0.1",
        True,
    )
    assert declared.bind({"by": 2}, "w") == {"by": 2.0, "least": 0}
    assert declared.min_pixels({"least": 4}) == 4
    assert declared.leading == ("data", "mask")
    with pytest.raises(ParameterError, match="mask"):
        declared.bind({"mask": None}, "w")
    np.testing.assert_array_equal(shift(np.zeros((2, 2), np.int8), by=3), np.full((2, 2), 3.0))
    with pytest.raises(ParameterError, match="'by'"):
        shift(np.zeros((0, 2, 2)), by="x")


@pytest.mark.parametrize("name", sorted(FILTERS | MASKS))
def test_infinite_pixels_of_both_signs(name):
    block = np.random.default_rng(0).normal(size=(2, 9, 9))
    block[0, 1, 1], block[0, 4, 4] = np.inf, -np.inf
    out = step_registry()[name].function(block)
    assert out.shape == block.shape
    if out.dtype != bool:
        assert np.isfinite(out).sum() == out.size - 2
