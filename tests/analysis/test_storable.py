"""Outputs of plugins that a record cannot keep are refused at the step."""

import re
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from playNano.analysis.base import AnalysisModule
from playNano.analysis.modules import BUILTIN_ANALYSIS_MODULES
from playNano.analysis.pipeline import AnalysisPipeline
from playNano.analysis.record_file import read_record
from playNano.analysis.storable import check_storable
from playNano.cli.app import run
from playNano.errors import PluginTypeError
from playNano.io.export.numpy_files import write_npz

REFUSED = {
    "a Series": pd.Series([1.0]),
    "an array of dtype object": np.array([object()]),
    "an array of dtype datetime64": np.array(["2020-01-01"], dtype="datetime64[s]"),
    "a masked array": np.ma.masked_array([1.0, 2.0], [0, 1]),
    "a NaTType": pd.NaT,
    "a datetime64": np.datetime64("2020-01-01"),
    "keys 1 and '1'": {1: "a", "1": "b"},
    "a object": object(),
    "a longdouble": np.longdouble(1),
    "an array of dtype (float128|complex256|float64)": np.zeros(2, np.longdouble),
    "a Timestamp": pd.Timestamp("2020-01-01T00:00:00.123456789"),
    "a NAType": pd.NA,
    "a function": lambda: 1,
    "a DataFrame with an index that is not numbers of rows": pd.DataFrame({"a": [1]}, index=["x"]),
    "an index that is not": pd.DataFrame({"a": [1]}, index=pd.Index([0], name="particle")),
    "index that is not numbers": pd.DataFrame({"a": [1]}, index=pd.MultiIndex.from_tuples([(0, 1)])),
    "columns have no unique names": pd.DataFrame([[1, 2]], columns=["a", "a"]),
    "a column of dtype datetime64": pd.DataFrame({"a": pd.to_datetime(["2020-01-01", None])}),
    "a column of dtype Int64": pd.DataFrame({"a": pd.array([1, None], dtype="Int64")}),
    "a column of dtype string": pd.DataFrame({"a": pd.array(["b", None], dtype=pd.StringDtype("python"))}),
    "a column of dtype category": pd.DataFrame({"a": pd.Categorical(["b"], ["b", "c"])}),
    "a Series, which": pd.DataFrame({"a": [pd.Series([1])]}),
}
if np.dtype(np.longdouble).itemsize == 8:  # on Windows it is a plain float
    del REFUSED["a longdouble"], REFUSED["an array of dtype (float128|complex256|float64)"]


@pytest.mark.parametrize("text", REFUSED)
def test_what_cannot_be_kept(text):
    for value in (REFUSED[text], [1, REFUSED[text]], {"deep": (REFUSED[text],)}):
        with pytest.raises(PluginTypeError, match=text) as caught:
            check_storable({"mine": value}, "step 2 (own)")
        assert str(caught.value).startswith("step 2 (own): the output mine")


def test_what_can_be_kept():
    values = [
        None,
        True,
        1,
        1.5,
        1j,
        "a",
        b"a",
        datetime.now(UTC),
        Path("a"),
        np.float32(1),
        {1, 2},
        {1: [2, (3,)]},
    ]
    columns = {
        "a": [1],
        "b": ["x"],
        "c": pd.Categorical(["x"]),
        "d": [None],
        "e": [(1, 2)],
        "f": [1j],
        "g": [True],
    }
    tables = {
        "table": pd.DataFrame(columns),
        "rows": pd.DataFrame({"a": [1, 2]})[1:],
        "array": np.zeros(3),
        "text": np.array(["a"]),
    }
    check_storable({"values": values, **tables}, "step 1 (own)")


def test_the_step_is_named_before_the_next_one_runs(make_stack, monkeypatch):
    class Own(AnalysisModule):
        name = "own"
        version = "1"

        def run(self, stack, previous_results=None):
            return {"v": pd.Series([1.0])}

    monkeypatch.setitem(BUILTIN_ANALYSIS_MODULES, "own", Own)
    pipeline = AnalysisPipeline().add_steps("own;count_nonzero")
    stack = make_stack()
    with pytest.raises(PluginTypeError, match=r"step 1 \(own\): the output v is a Series"):
        pipeline.run(stack)
    assert stack.analysis == {}


def test_a_slice_leaves_a_trace(make_stack):
    frames = (
        AnalysisPipeline()
        .add_steps("count_nonzero")
        .run(make_stack()[1:6:2][1:])["provenance"]["input"]["frames"]
    )
    assert frames == {"first": 3, "step": 2, "count": 2, "of": 6}


KEPT = {
    "numbers": [np.float32(1.1), np.int8(3), np.bool_(True), 1j, 2**80, float("nan"), -0.0],
    "text": ["\u00e4", b"\xff", Path("a/b"), datetime(2020, 1, 1, tzinfo=UTC)],
    "keys": {1: {"1": 2}, (1, 2): 3, None: 4, "a/b": 5},
    "array": np.arange(3, dtype=">f4"),
    "table": pd.DataFrame({"a": [1, 2], "b": ["x", None], "c": pd.Categorical(["y", "x"]), "d": [[1], (2,)]}),
}


@pytest.fixture
def plugin(plugins):
    """Install a plugin module whose output can be set."""

    class Own(AnalysisModule):
        name = "own"
        version = "1"
        value = None

        def run(self, stack, previous_results=None):
            return {"v": Own.value}

    plugins.add("playNano.analysis", "own", Own)
    return Own


@pytest.mark.parametrize("text", ["a masked array", "a NaTType", "a Series", "keys 1 and '1'"])
def test_analyze_refuses_what_a_plugin_returns(text, plugin, make_stack, tmp_path, capsys):
    write_npz(make_stack(), tmp_path / "m.npz")
    plugin.value = {"deep": [REFUSED[text]]}
    with pytest.raises(SystemExit) as stop:
        run(["analyze", str(tmp_path / "m.npz"), "-s", "own", "--no-gif", "-o", str(tmp_path / "out")])
    assert stop.value.code == 2
    message = capsys.readouterr().err
    assert "step 1 (own): the output v['deep'][0] is a" in message
    assert re.search(text, message)
    assert not (tmp_path / "out").exists()


def test_analyze_keeps_what_a_plugin_returns(plugin, make_stack, tmp_path):
    write_npz(make_stack(), tmp_path / "m.npz")
    plugin.value = KEPT
    with pytest.raises(SystemExit):
        run(["analyze", str(tmp_path / "m.npz"), "-s", "own", "--no-gif", "-o", str(tmp_path / "out")])
    kept = read_record(tmp_path / "out")["analysis"]["step_1_own"]["v"]
    pd.testing.assert_frame_equal(kept.pop("table"), KEPT["table"])
    array = kept.pop("array")
    assert (array.dtype, array.tolist()) == (KEPT["array"].dtype, KEPT["array"].tolist())
    assert repr(kept) == repr({name: KEPT[name] for name in ("numbers", "text", "keys")})
