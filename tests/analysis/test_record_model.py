"""The form of records, and its JSON Schema."""

import copy
import json

import numpy as np
import pytest

from playNano.afm_stack import AFMImageStack
from playNano.analysis.pipeline import AnalysisPipeline
from playNano.analysis.record_file import read_record, write_record, write_record_hdf5
from playNano.analysis.record_model import Record, check_record, record_schema
from playNano.analysis.record_use import plan_of
from playNano.core.result_folder import result_folder
from playNano.errors import RecordError


@pytest.fixture
def content(make_stack, tmp_path):
    """Return the content of a record.json."""
    stack = make_stack()
    stack.apply(["remove_plane"])
    record = AnalysisPipeline().add_steps("feature_detection:threshold=1;particle_tracking").run(stack)
    with result_folder(tmp_path / "out") as run:
        write_record(run, record, write_record_hdf5(run.path, record))
    assert read_record(tmp_path / "out")["provenance"]["input"]["raw"] is None
    return json.loads((tmp_path / "out" / "record.json").read_text())


def test_the_schema_in_the_package_is_that_of_the_types():
    schema = dict(record_schema())
    assert schema.pop("$schema").startswith("https://json-schema.org/")
    assert schema == Record.model_json_schema()


def test_records_have_this_form(content):
    check_record(content)
    required = record_schema()["$defs"]["Provenance"]["required"]
    assert set(required) <= set(content["provenance"])


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("provenance", "record_version"), 1, "provenance.record_version"),
        (("provenance", "files", 0, "sha256"), "abc", "provenance.files.0.sha256"),
        (("provenance", "input", "pixel_size_from"), "guess", "pixel_size_from"),
        (("provenance", "steps", 0, "params"), None, "steps.0.params"),
        (("analysis",), [], "analysis"),
    ],
)
def test_another_form_is_refused(content, path, value, message):
    content = copy.deepcopy(content)
    place = content
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(RecordError, match=message):
        check_record(content)


def test_all_outputs_are_stored_once(content):
    texts = json.dumps(content["provenance"]["results_by_name"])
    assert texts.count("$same") == 2
    assert "$stored" not in texts


@pytest.mark.parametrize("n_frames", [100, 300], ids=["", "more-frames-than-the-limit"])
def test_steps_with_values_of_each_frame_stand_in_the_json(n_frames, tmp_path):
    pixels = np.random.default_rng(0).normal(0, 0.1, (n_frames, 32, 32)).astype(np.float32)
    pixels[:, 10:14, 10:14] += 5
    stack = AFMImageStack(pixels, 2.0, "height_trace", "movie.npz")
    stack.apply(["level"])
    record = AnalysisPipeline().add_steps("feature_detection:threshold=1").run(stack)
    with result_folder(tmp_path / "out") as run:
        write_record(run, record, write_record_hdf5(run.path, record))
    content = json.loads((tmp_path / "out" / "record.json").read_text())
    check_record(content)
    (step,) = content["provenance"]["processing"]
    assert (step["name"], step["per_frame"]["frame"]) == ("level", list(range(n_frames)))
    assert plan_of(content).processing[0].name == "level"
    assert not list((tmp_path / "out").glob("playnano-*.h5"))
    assert read_record(tmp_path / "out")["provenance"]["processing"] == record["provenance"]["processing"]
