"""A plugin package as people install it: a module and a dist-info directory on the path."""

import textwrap

import numpy as np
import pytest

from playNano.analysis.pipeline import AnalysisPipeline, module_registry
from playNano.errors import DuplicateNameError, ParameterError, PluginError, PluginTypeError, StepError
from playNano.processing.pipeline import ProcessingPipeline
from playNano.processing.steps import step_registry

SOURCE = '''
"""A plugin that knows nothing of playNano but its interface."""

from playNano.analysis.base import AnalysisModule


def gain(frame, factor=2.0):
    """Multiply heights."""
    return frame * factor


def clip(frame, *, low: float = 0.0, high: float = 1.0):
    """Limit heights."""
    return frame.clip(low, high)


def breaks(frame):
    """Fail on every frame."""
    raise ValueError("out of order")


class HeightModule(AnalysisModule):
    """Measure the greatest height of each frame."""

    version = "0.3"

    @property
    def name(self):
        return "greatest_height"

    def run(self, stack, previous_results=None, *, scale: float = 1.0, **params):
        heights = stack.data.max(axis=(1, 2)) * scale
        return {"heights": heights, "before": sorted(previous_results or {}), "params": params}


class CountPoints(AnalysisModule):
    """Count what a detection found."""

    name = "count_points"
    requires = ("feature_detection",)

    def run(self, stack, previous_results=None):
        listed = previous_results["feature_detection"]["features_per_frame"]
        return {"n": [len(points) for points in listed]}


class NotAModule:
    """Look like a module without being one."""

    name = "not_a_module"

    def run(self, stack, previous_results=None):
        return {}


constant = 3
'''

ENTRY_POINTS = """
[playNano.analysis]
greatest_height = tiny_plugin:HeightModule
not_a_module = tiny_plugin:NotAModule
pointing_nowhere = tiny_plugin:Missing
module_gone = tiny_plugin_that_is_gone:Thing

[playnano.analysis]
count_points = tiny_plugin:CountPoints
greatest_height = tiny_plugin:HeightModule

[playNano.filters]
gain = tiny_plugin:gain
breaks = tiny_plugin:breaks
constant = tiny_plugin:constant

[playnano.filters]
clip = tiny_plugin:clip
filter_gone = tiny_plugin:no_such_filter
"""


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Install the package into a folder of its own."""
    (tmp_path / "tiny_plugin.py").write_text(SOURCE)
    info = tmp_path / "tiny_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tiny-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(textwrap.dedent(ENTRY_POINTS))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, "tiny_plugin", raising=False)
    step_registry.cache_clear()
    yield info
    step_registry.cache_clear()


def plan(*steps):
    pipeline = AnalysisPipeline()
    for name, params in steps:
        pipeline.add(name, **params)
    return pipeline


def test_names_are_listed(installed):
    assert {"greatest_height", "count_points"} <= set(module_registry())
    assert {"gain", "clip", "breaks"} <= set(step_registry())


def test_nothing_is_listed_without_the_package():
    assert "greatest_height" not in module_registry()
    assert "gain" not in step_registry()


@pytest.mark.parametrize(("name", "params"), [("gain", {"factor": "3"}), ("clip", {"high": 2})])
def test_filters_of_either_spelling(installed, make_stack, name, params):
    stack = make_stack()
    raw = stack.data.copy()
    out = ProcessingPipeline(stack).add_filter(name, **params).run()
    expected = raw * 3 if name == "gain" else raw.clip(0, 2)
    np.testing.assert_allclose(out, expected, rtol=1e-6)
    record = stack.provenance["processing"]["steps"][0]
    in_effect = {"factor": 3.0} if name == "gain" else {"low": 0.0, "high": 2.0}
    assert record["params"] == in_effect
    with pytest.raises(ParameterError, match="unknown parameter 'facto'"):
        ProcessingPipeline(stack).add_filter(name, facto=1)


def test_modules_of_either_spelling(installed, make_stack):
    stack = make_stack()
    steps = [
        ("feature_detection", {"threshold": 1}),
        ("count_points", {}),
        ("greatest_height", {"scale": "1e1"}),
    ]
    record = plan(*steps).run(stack)
    assert record["analysis"]["step_2_count_points"]["n"] == [3] * 6
    outputs = record["analysis"]["step_3_greatest_height"]
    np.testing.assert_allclose(outputs["heights"], stack.data.max(axis=(1, 2)) * 10)
    assert outputs["before"] == ["count_points", "feature_detection"]
    step = record["provenance"]["steps"][2]
    assert (step["params"], step["version"]) == ({"scale": 10.0}, "0.3")


def test_a_module_with_an_open_signature_takes_any_parameter(installed, make_stack):
    record = plan(("greatest_height", {"anything": 3})).run(make_stack())
    assert record["analysis"]["step_1_greatest_height"]["params"] == {"anything": 3}


def test_a_class_that_is_no_module(installed):
    with pytest.raises(
        TypeError, match=r"'not_a_module' is .*NotAModule.*, not a subclass of AnalysisModule"
    ):
        AnalysisPipeline().add("not_a_module")


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("pointing_nowhere", "tiny_plugin:Missing", "AttributeError"),
        ("module_gone", "tiny_plugin_that_is_gone:Thing", "ModuleNotFoundError"),
    ],
)
def test_a_module_that_is_not_there_is_named(installed, make_stack, name, value, reason):
    with pytest.raises(PluginError, match=rf"'{name}' \({value}\).* cannot be loaded: {reason}"):
        AnalysisPipeline().add(name)
    record = plan(("greatest_height", {}), ("count_nonzero", {})).run(make_stack())
    assert len(record["analysis"]) == 2


def test_filters_that_cannot_be_used_are_named(installed, make_stack):
    stack = make_stack()
    with pytest.raises(PluginError, match="'filter_gone'"):
        ProcessingPipeline(stack).add_filter("filter_gone")
    with pytest.raises(PluginTypeError, match="'constant' is a int"):
        ProcessingPipeline(stack).add_filter("constant")
    with pytest.raises(StepError, match=r"step 1 \(breaks\) failed on frame 0: ValueError: out of order"):
        ProcessingPipeline(stack).add_filter("breaks").run()
    ProcessingPipeline(stack).add_filter("gain").add_filter("remove_plane").run()


def test_every_broken_plugin_is_reported(installed):
    assert set(module_registry().plugin_errors()) == {"not_a_module", "pointing_nowhere", "module_gone"}
    assert set(step_registry().plugin_errors()) == {"filter_gone", "constant"}


def test_a_plugin_with_the_name_of_a_builtin(installed, make_stack):
    entry = "\n[playNano.filters]\nremove_plane = tiny_plugin:gain\n"
    (installed / "entry_points.txt").write_text(entry)
    __import__("importlib").invalidate_caches()
    with pytest.raises(
        DuplicateNameError, match="'remove_plane' is claimed by playNano itself and tiny_plugin:gain"
    ):
        ProcessingPipeline(make_stack()).add_filter("remove_plane")
    ProcessingPipeline(make_stack()).add_filter("zero_mean").run()
