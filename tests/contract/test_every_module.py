"""What holds for every registered analysis module."""

import inspect
import json
import re
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from playNano.afm_stack import AFMImageStack
from playNano.analysis.pipeline import AnalysisPipeline, module_registry
from playNano.analysis.utils.common import (
    NumpyEncoder,
    export_to_hdf5,
    load_analysis_from_hdf5,
    make_json_safe,
)
from playNano.core.serialize import read_record_json, write_record_json
from playNano.core.tables import TableView
from playNano.errors import ParameterError

LEADING = ("stack", "previous_results", "self")
DETECTION = ("feature_detection", {"threshold": 1.0})
TEMPLATE = (5 * np.exp(-(np.mgrid[-4:5, -4:5] ** 2).sum(axis=0) / 8)).round(3).tolist()
MEDIA = str(Path(tempfile.gettempdir()) / "playnano_contract_media")
REGION = {"name": "left", "shape": "box", "points_nm": [[0.0, 0.0], [50.0, 30.0]]}
CUT = {"edit": "break", "frame": 1, "y_px": 10.0, "x_px": 10.0}
PARAMS = {
    "curation": {"edits": [CUT]},
    "detections_in_region": {"region": REGION},
    "particle_region_media_export": {"export_video": False, "export_gif": True, "output_folder": MEDIA},
    "feature_detection": {"threshold": 1.0},
    "k_means_clustering": {"k": 1},
    "template_detection": {"template": TEMPLATE},
    "kymograph": {"line_nm": ((4.0, 6.0), (30.0, 40.0))},
}
every = pytest.mark.parametrize("name", sorted(module_registry()))


def pipeline_for(name, **params):
    """Return a pipeline that runs a module after what it requires."""
    pipeline = AnalysisPipeline()
    requires = module_registry()[name].requires
    if requires and "particle_region_extraction" not in requires:
        pipeline.add(DETECTION[0], **DETECTION[1])
    if "particle_tracking" in requires and name != "particle_tracking":
        pipeline.add("particle_tracking")
    if "particle_region_extraction" in requires:
        pipeline.add(DETECTION[0], **DETECTION[1])
        pipeline.add("particle_tracking")
        pipeline.add("particle_region_extraction")
    pipeline.add(name, **{**PARAMS.get(name, {}), **params})
    return pipeline


def stack_of(data, **change):
    metadata = [{"timestamp": 0.5 * i} for i in range(len(data))]
    return AFMImageStack(data, (2.0, 1.5), "c", "movie.asd", metadata, **change)


@pytest.fixture
def movie(make_spots):
    def make(kind):
        data = make_spots((4, 32, 40))[0]
        if kind == "nan":
            data = data.copy()
            data[0, 2:5, 3:9] = np.nan
            data[1] = np.nan
            return data
        if kind in ("no frames", "one frame"):
            return data[: 1 if kind == "one frame" else 0]
        return (data * 8).astype(kind) if np.dtype(kind).kind == "i" else data.astype(kind)

    return make


@every
def test_an_unknown_parameter_is_refused(name):
    with pytest.raises(ParameterError, match="no_such_thing"):
        pipeline_for(name, no_such_thing=1)


def parameters_of(name):
    return [p for declaration in module_registry()[name].declarations() for p in declaration.parameters()]


@every
def test_the_nearest_name_is_told(name):
    for parameter in parameters_of(name):
        wrong = parameter.name + "x"
        with pytest.raises(ParameterError, match=f"'{wrong}'.*'{parameter.name}'"):
            pipeline_for(name, **{wrong: 1})


@every
def test_a_value_of_the_wrong_kind_is_refused(name):
    for parameter in parameters_of(name):
        if parameter.name == "mask_key":
            continue  # it does not go with the mask's own parameters, which are refused first
        with pytest.raises(ParameterError, match=f"'{parameter.name}' must be"):
            pipeline_for(name, **{parameter.name: {"not": "a value"}})


@every
@pytest.mark.filterwarnings("ignore:.*frames are unusable:UserWarning")
@pytest.mark.filterwarnings("ignore:.*molecules diffuse by:UserWarning")
@pytest.mark.filterwarnings("ignore:.*edits do not match:UserWarning")
@pytest.mark.parametrize("kind", ["int16", "float32", "float64", "nan", "no frames", "one frame"])
def test_any_movie(name, kind, movie):
    data = movie(kind)
    before = data.copy()
    stack = stack_of(data)
    record = pipeline_for(name).run(stack)
    np.testing.assert_array_equal(data, before)
    assert stack.data is data
    outputs = list(record["analysis"].values())[-1]
    assert isinstance(outputs, dict)
    summary = outputs.get("summary", {})
    assert summary.get("total_frames", len(data)) == len(data)
    json.loads(json.dumps(make_json_safe(record), allow_nan=False))


def names_in(outputs):
    """Return all keys and columns of outputs."""
    if isinstance(outputs, pd.DataFrame):
        return set(map(str, outputs.columns))
    if isinstance(outputs, TableView):
        return names_in(outputs.table) | set(getattr(outputs, "fields", ()))
    if isinstance(outputs, dict):
        return set(map(str, outputs)).union(*(names_in(value) for value in outputs.values()))
    return set()


@every
def test_a_channel_that_is_not_a_length(name, movie, lateral_names):
    stack = stack_of(movie("float32"), unit="deg")
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        record = pipeline_for(name).run(stack)
    detects = any(step["kind"] == "detection" for step in record["provenance"]["steps"])
    assert [str(w.message) for w in given if "is in deg" in str(w.message)] != [] or not detects
    for outputs, step in zip(record["analysis"].values(), record["provenance"]["steps"], strict=True):
        names = names_in(outputs) | set(step["params"])
        assert {n for n in names if re.search("_nm[23]?$", n)} - lateral_names == set()


@every
def test_heights_in_nm_are_refused_for_such_a_channel(name, movie, lateral_names):
    stack = stack_of(movie("float32"), unit="deg")
    for parameter in parameters_of(name):
        ends_in_nm = re.search("_nm[23]?$", parameter.name)
        if ends_in_nm and parameter.name not in lateral_names:
            with pytest.raises(ParameterError, match=f"{parameter.name} is a height in nm, but the channel"):
                pipeline_for(name, **{parameter.name: 3.0}).run(stack)


@every
def test_the_record_says_what_ran(name, movie):
    stack = stack_of(movie("float32"))
    record = pipeline_for(name).run(stack)
    step = record["provenance"]["steps"][-1]
    module = module_registry()[name]
    assert (step["name"], step["kind"], step["version"]) == (name, module.kind, module.version)
    declared = [p for d in module.declarations() for p in d.parameters() if p.name not in LEADING]
    defaults = {p.name: p.default for p in declared if not p.required}
    expected = {**defaults, **PARAMS.get(name, {})}
    if name == "feature_detection":
        expected["mask_fn"] = "mask_threshold"
    assert step["params"] == expected


@every
def test_a_record_can_be_run_again(name, movie):
    stack = stack_of(movie("float32"))
    record = pipeline_for(name).run(stack)
    steps = json.loads(json.dumps(record["provenance"]["steps"]))
    again = AnalysisPipeline().add_steps(steps).run(stack)
    assert make_json_safe(again["analysis"]) == make_json_safe(record["analysis"])
    without = [{k: v for k, v in s.items() if k not in ("timestamp", "duration_s")} for s in steps]
    repeated = json.loads(json.dumps(again["provenance"]["steps"]))
    assert [{k: v for k, v in s.items() if k in without[0]} for s in repeated] == without


@every
def test_the_record_goes_through_files(name, movie, tmp_path):
    record = pipeline_for(name).run(stack_of(movie("float32")))
    write_record_json(tmp_path / "r.json", record)
    assert make_json_safe(read_record_json(tmp_path / "r.json")) == make_json_safe(record)
    assert json.loads(json.dumps(record, cls=NumpyEncoder)) == make_json_safe(record)
    export_to_hdf5(record, tmp_path / "r.h5")
    back = load_analysis_from_hdf5(tmp_path / "r.h5")
    assert make_json_safe(back) == make_json_safe(record)
    assert list(back["analysis"]) == list(record["analysis"])


@every
def test_it_is_documented(name):
    module = module_registry()[name]
    assert inspect.getdoc(module)
    for declaration in module.declarations():
        text = inspect.getdoc(declaration.function)
        for parameter in declaration.parameters():
            assert parameter.name in text
            assert parameter.description, parameter.name
            assert "\n" not in parameter.description
