"""Steps as text, as lists and as files."""

import pytest

from playNano.core.literals import Text
from playNano.core.step_text import StepCall, parse_steps, read_pipeline_file, step_calls
from playNano.errors import ParameterError


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        ("", []),
        (" ; ;", []),
        ("remove_plane", [StepCall("remove_plane")]),
        ("a;b ; c", [StepCall("a"), StepCall("b"), StepCall("c")]),
        ("a:", [StepCall("a")]),
        ("a: x = 1 , y=[1,2], z=(a;b),", [StepCall("a", {"x": "1", "y": "[1,2]", "z": "(a;b)"})]),
        ("a:path=x=y", [StepCall("a", {"path": "x=y"})]),
        ("a:x=", [StepCall("a", {"x": ""})]),
    ],
)
def test_parse_steps(text, calls):
    assert parse_steps(text) == calls


def test_values_are_still_text():
    (call,) = parse_steps("gaussian_filter:sigma=1e-3")
    assert type(call.params["sigma"]) is Text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a:sigma", r"step 'a:sigma': 'sigma' is not of the form key=value"),
        ("a:=3", r"not of the form key=value"),
        ("a:x=1,x=2", r"'x' is given twice"),
        (":x=1", r"step ':x=1' has no name"),
    ],
)
def test_text_of_another_form_is_refused(text, message):
    with pytest.raises(ParameterError, match=message):
        parse_steps(text)


def test_lists_of_every_form():
    calls = step_calls(
        [
            "a:x=1;b",
            {"c": {"y": 2, "word": "1e-3"}},
            {"d": None},
            {"name": "e", "params": {"z": True}},
            {"name": "f"},
        ],
        "file",
    )
    assert calls == [
        StepCall("a", {"x": "1"}),
        StepCall("b"),
        StepCall("c", {"y": 2, "word": "1e-3"}),
        StepCall("d"),
        StepCall("e", {"z": True}),
        StepCall("f"),
    ]
    assert type(calls[2].params["word"]) is Text


def test_a_record_can_be_read_as_steps():
    steps = [{"index": 1, "name": "remove_plane", "params": {}, "timestamp": "2024", "version": "1.0"}]
    assert step_calls(steps, "record") == [StepCall("remove_plane")]


def test_nothing_is_no_step():
    assert step_calls(None, "file") == []
    assert step_calls([], "file") == []


@pytest.mark.parametrize(
    "entries", [3, {"a": 1}, [3], [{"a": 1, "b": 2}], [{"a": [1]}], [{"a": "x"}], [None]]
)
def test_entries_of_another_form_are_refused(entries):
    with pytest.raises(ParameterError, match="file"):
        step_calls(entries, "file")


def test_pipeline_file(tmp_path):
    path = tmp_path / "p.yaml"
    path.write_text(
        "processing:\n- remove_plane\n- gaussian_filter: {sigma: 1e-3}\n"
        "analysis:\n- feature_detection:\n    mask_fn: mask_threshold\n    threshold: 1\n"
    )
    processing, analysis = read_pipeline_file(path)
    # YAML 1.1 reads 1e-3 as text; the parameter's type reads it as a number.
    assert processing == [StepCall("remove_plane"), StepCall("gaussian_filter", {"sigma": "1e-3"})]
    assert analysis == [StepCall("feature_detection", {"mask_fn": "mask_threshold", "threshold": 1})]


def test_pipeline_file_with_one_part(tmp_path):
    path = tmp_path / "p.yaml"
    path.write_text('processing: "remove_plane;zero_mean"\n')
    assert read_pipeline_file(str(path)) == ([StepCall("remove_plane"), StepCall("zero_mean")], [])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"processing: [a\n", "is not a YAML file"),
        (b"\xff\xfe\x00\xd8\xd8", "is not a YAML file"),
        (b"", "must hold 'processing:' and 'analysis:'"),
        (b"- a\n- b\n", "must hold"),
        (b"procesing: [a]\n", "unknown heading 'procesing'; it takes: input, processing, analysis"),
        (b"processing: 3\n", "processing must be a list of steps"),
        (b"analysis: [{a: 1, b: 2}]\n", "is not a step"),
        (b"!!python/object/apply:os.getcwd []\n", "is not a YAML file"),
    ],
)
def test_pipeline_file_of_another_form(tmp_path, content, message):
    path = tmp_path / "p.yaml"
    path.write_bytes(content)
    with pytest.raises(ParameterError, match=message) as caught:
        read_pipeline_file(path)
    assert "p.yaml" in str(caught.value)


def test_missing_pipeline_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_pipeline_file(tmp_path / "none.yaml")
