"""Outputs of plugins that a record cannot keep are refused at the step."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from playNano.analysis.base import AnalysisModule
from playNano.analysis.modules import BUILTIN_ANALYSIS_MODULES
from playNano.analysis.pipeline import AnalysisPipeline
from playNano.analysis.storable import check_storable
from playNano.errors import PluginTypeError

REFUSED = {
    "a Series": pd.Series([1.0]),
    "an array of dtype object": np.array([object()]),
    "an array of dtype datetime64": np.array(["2020-01-01"], dtype="datetime64[s]"),
    "a masked array": np.ma.masked_array([1.0, 2.0], [0, 1]),
    "a NaTType": pd.NaT,
    "a datetime64": np.datetime64("2020-01-01"),
    "keys 1 and '1'": {1: "a", "1": "b"},
    "a object": object(),
}


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
        np.sum,
    ]
    tables = {"table": pd.DataFrame({"a": [1]}), "array": np.zeros(3), "text": np.array(["a"])}
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
