"""What holds for every registered processing step."""

import inspect
import json
import re

import numpy as np
import pytest

from playNano.afm_stack import AFMImageStack
from playNano.core.params import declared_parameters
from playNano.core.serialize import read_record_json
from playNano.errors import ParameterError
from playNano.processing.pipeline import ProcessingPipeline
from playNano.processing.steps import step_registry

# A step may say that such small movies do not determine what it needs.
pytestmark = pytest.mark.filterwarnings("ignore::playNano.errors.PlayNanoWarning")
every = pytest.mark.parametrize("name", sorted(step_registry()))
RNG = np.random.default_rng(7)
FLOATS = RNG.normal(20, 5, (3, 12, 14))
REGION = {"name": "left", "shape": "box", "points_nm": [[4.0, 6.0], [18.0, 20.0]]}
PARAMS = {
    "mask_hysteresis": {"low_nm": 18.0, "high_nm": 25.0},
    "mask_local_height": {"height_nm": 1.0},
    "crop": {"y": 2, "x": 3, "height": 6, "width": 8},
    "rotate": {"angle_deg": 90.0},
    "select_frames": {"frames": "0:1"},
    "drop_frames": {"frames": "1:2"},
    "drop_frame_range": {"start": 1, "end": 2},
    "mask_roi": {"region": REGION},
    "crop_roi": {"region": REGION},
    "fuse_trace_retrace": {"lag_px": 0.5},
    "centre_on": {"places": [[0, 12.0, 14.0], [1, 12.0, 15.0]], "size_px": 7},
}


def movie(kind):
    """Return a movie of a kind of pixels."""
    if kind == "nan":
        data = FLOATS.copy()
        data[0, 2:5, 3:9] = np.nan
        data[1] = np.nan
        return data
    if kind in ("no frames", "one frame"):
        return FLOATS[: 1 if kind == "one frame" else 0].astype(np.float32)
    return FLOATS.astype(kind)


def run(name, data, values_in="nm", **params):
    stack = AFMImageStack(data, 2.0, "c", "movie.asd", unit=values_in)
    stack.other_channels["height_retrace"] = data
    pipeline = ProcessingPipeline(stack)
    add = pipeline.add_mask if step_registry()[name].kind == "mask" else pipeline.add_filter
    add(name, **{**PARAMS.get(name, {}), **params}).run()
    return stack


@every
def test_an_unknown_parameter_is_refused(name):
    with pytest.raises(ParameterError, match=rf"step 1 \({name}\): unknown parameter 'no_such_thing'"):
        run(name, movie("float32"), no_such_thing=1)


@every
def test_heights_in_nm_are_refused_where_pixels_are_not_lengths(name, lateral_names):
    step = step_registry()[name]
    own = [p.name for p in declared_parameters(step.function, step.leading) if p.name.endswith("_nm")]
    heights = set(own) - lateral_names
    if not heights:
        run(name, movie("float32"), values_in="deg")
    for parameter in heights:
        value = PARAMS.get(name, {}).get(parameter, 20.0)
        with pytest.raises(ParameterError, match="is a height in nm, but the channel 'c' is in deg"):
            run(name, movie("float32"), values_in="deg", **{parameter: value})


@every
def test_the_nearest_name_is_in_the_message(name):
    step = step_registry()[name]
    for parameter in declared_parameters(step.function, step.leading):
        wrong = parameter.name + "x"
        with pytest.raises(ParameterError, match=f"'{wrong}'; did you mean '{parameter.name}'"):
            run(name, movie("float32"), **{wrong: 1})
        with pytest.raises(ParameterError, match=f"'{parameter.name}' must be"):
            # The name of a channel or file may be any text.
            run(
                name,
                movie("float32"),
                **{parameter.name: 1.5 if parameter.name in ("other", "tracks") else "not a value"},
            )


@every
@pytest.mark.parametrize("kind", ["int16", "uint8", "float32", "float64", "nan", "no frames", "one frame"])
def test_any_movie(name, kind):
    data = movie(kind)
    if step_registry()[name].kind == "edit" and (len(data) < 2 or kind == "nan"):
        return  # an edit may have no frame to keep; see tests/processing/test_edits.py
    before = data.copy()
    stack = run(name, data)
    np.testing.assert_array_equal(data, before)
    step = step_registry()[name]
    if step.kind == "edit":
        assert stack.data.shape == stack.processed["raw"].shape
        assert stack.data.shape == (stack.n_frames, *stack.geometry.shape)
        return
    assert stack.processed["raw"] is data
    if step.kind == "mask":
        (mask,) = stack.masks.values()
        assert (mask.dtype, mask.shape) == (bool, data.shape)
        assert stack.data is data
    else:
        assert stack.data.dtype.kind == "f"
        assert not np.shares_memory(stack.data, data)
        if step.kind == "filter":
            assert stack.data.shape == data.shape
            if name not in ("vertical_flip", "fill_nan"):
                np.testing.assert_array_equal(np.isnan(stack.data), np.isnan(data))
        if kind == "float64":
            assert stack.data.dtype == np.float64


@every
def test_the_record_says_what_ran(name, tmp_path):
    stack = run(name, movie("float32"))
    step = step_registry()[name]
    (record,) = stack.provenance["processing"]["steps"]
    defaults = {p.name: p.default for p in declared_parameters(step.function, step.leading)}
    in_effect = {**defaults, **PARAMS.get(name, {})}
    assert record["params"] == in_effect
    assert (record["index"], record["name"], record["kind"]) == (1, name, step.kind)
    assert record["version"] == step.version
    stack.export_processing_log(tmp_path / "log.json")
    back = read_record_json(tmp_path / "log.json")
    assert back["processing"]["steps"][0]["params"] == json.loads(json.dumps(in_effect))
    again = AFMImageStack(movie("float32"), 2.0, "c", "movie.asd")
    again.other_channels["height_retrace"] = movie("float32")
    ProcessingPipeline(again).add_steps(back["processing"]["steps"]).run()
    np.testing.assert_array_equal(again.data, stack.data)


@every
def test_it_is_documented(name):
    step = step_registry()[name]
    text = inspect.getdoc(step.function)
    assert "Parameters\n----------" in text
    assert "Returns\n-------" in text
    for parameter in declared_parameters(step.function, step.leading):
        assert re.search(rf"^(\w+, )*{parameter.name}(, \w+)*$", text, re.MULTILINE)
        assert parameter.description, parameter.name
        assert "\n" not in parameter.description
