"""The analysis pipeline and the record that it returns."""

import copy
import hashlib
import json
from datetime import datetime, timedelta
from types import SimpleNamespace

import numpy as np
import pytest

from playNano.analysis import BUILTIN_ANALYSIS_MODULES
from playNano.analysis.base import AnalysisModule
from playNano.analysis.pipeline import AnalysisPipeline, AnalysisRecord, module_registry
from playNano.core.executor import report_progress
from playNano.core.provenance import array_fingerprint
from playNano.errors import MissingInputError, ParameterError, PluginError, PluginTypeError, UnknownNameError
from playNano.io.export.numpy_files import write_npz
from playNano.io.loader import load_afm_stack


@pytest.fixture
def stack(make_stack):
    return make_stack()


def pipeline_of(*steps):
    pipeline = AnalysisPipeline()
    for name, params in steps:
        assert pipeline.add(name, **params) is None
    return pipeline


DETECT = ("feature_detection", {"mask_fn": "threshold_mask", "threshold": 1, "min_size": 5})


def test_the_example_of_the_documentation(stack, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    pipeline = AnalysisPipeline()
    pipeline.add("count_nonzero")
    pipeline.add("feature_detection", mask_fn="threshold_mask", min_size=5)
    record = pipeline.run(stack, log_to="out.json")
    counts = record["analysis"]["step_1_count_nonzero"]["counts"]
    assert list(counts) == [np.count_nonzero(frame) for frame in stack.data]
    listed = [(s["name"], s["analysis_key"]) for s in record["provenance"]["steps"]]
    assert listed == [
        ("count_nonzero", "step_1_count_nonzero"),
        ("feature_detection", "step_2_feature_detection"),
    ]
    assert (tmp_path / "out.json").is_file()


def test_the_example_of_the_record(stack, tmp_path):
    pipeline = AnalysisPipeline()
    pipeline.add("feature_detection", threshold=1)
    record = pipeline.run(stack, log_to=str(tmp_path / "out.json"))
    summary = record["analysis"]["step_1_feature_detection"]["summary"]
    assert (summary["total_features"], summary["avg_per_frame"]) == (18, 3.0)
    by_name = record["provenance"]["results_by_name"]
    assert by_name["feature_detection"][0]["summary"] == summary


def test_the_form_of_the_record(stack):
    record = pipeline_of(DETECT, ("particle_tracking", {})).run(stack)
    assert set(record) == {"environment", "analysis", "provenance"}
    assert list(record["analysis"]) == ["step_1_feature_detection", "step_2_particle_tracking"]
    provenance = record["provenance"]
    assert {"steps", "results_by_name", "frame_times"} <= set(provenance)
    assert provenance["frame_times"] == stack.get_frame_times()
    assert provenance["frame_times_known"] is True
    for index, step in enumerate(provenance["steps"], start=1):
        assert {"index", "name", "params", "timestamp", "version", "analysis_key"} <= set(step)
        assert step["index"] == index
        assert step["analysis_key"] == f"step_{index}_{step['name']}"
        assert step["version"] == module_registry()[step["name"]].version
        moment = datetime.fromisoformat(step["timestamp"])
        assert moment.utcoffset() == timedelta(0)
    for name, outputs in provenance["results_by_name"].items():
        assert isinstance(outputs, list)
        assert outputs[0] is record["analysis"][f"step_{1 if name == 'feature_detection' else 2}_{name}"]
    assert record["environment"]["playNano_version"]
    assert isinstance(record, AnalysisRecord) and issubclass(AnalysisRecord, dict)


def test_the_record_says_on_what_it_ran(make_stack):
    stack = make_stack(pixel_size_nm=(4.0, 2.0))
    stack.apply(["remove_plane"])
    record = pipeline_of(DETECT).run(stack)
    given = record["provenance"]["input"]
    assert given["file"] == "movie.asd"
    assert given["shape"] == [6, 32, 40]
    assert given["dtype"] == "float32"
    assert given["pixel_size_nm"] == [4.0, 2.0]
    other = pipeline_of(DETECT).run(make_stack())["provenance"]["input"]
    assert other["checksum"] != given["checksum"]
    assert [s["name"] for s in record["provenance"]["processing"]] == ["remove_plane"]


@pytest.mark.filterwarnings("ignore:.*level the movie first")
@pytest.mark.parametrize("level", [(), ("remove_plane",)])
def test_a_lazy_movie_is_identified_by_its_file(make_stack, tmp_path, level):
    write_npz(make_stack(), tmp_path / "movie.npz")
    write_npz(make_stack(make_stack().data + 1), tmp_path / "other.npz")
    checksums = {}
    for name in ("movie", "other"):
        path = tmp_path / f"{name}.npz"
        stack = load_afm_stack(path, lazy=True)
        stack.apply(level)
        checksums[name] = pipeline_of(DETECT).run(stack)["provenance"]["input"]["checksum"]
        assert stack.is_lazy
        assert checksums[name] == f"sha256-file:{hashlib.sha256(path.read_bytes()).hexdigest()}"
    assert checksums["movie"] != checksums["other"]
    eager = pipeline_of(DETECT).run(load_afm_stack(tmp_path / "movie.npz", lazy=False))["provenance"]["input"]
    assert eager["checksum"] == array_fingerprint(make_stack().data)


def test_the_params_are_those_in_effect(stack):
    steps = [DETECT, ("particle_tracking", {"max_distance": "4"}), ("x_means_clustering", {})]
    record = pipeline_of(*steps[:2]).run(stack)
    detection, tracking = (s["params"] for s in record["provenance"]["steps"])
    assert detection["threshold"] == 1.0
    assert detection["min_size"] == 5
    assert detection["remove_edge"] is True
    assert detection["fill_holes"] is False
    assert tracking["max_distance"] == 4.0
    assert tracking["max_missing"] is None
    assert tracking["detection_module"] == "feature_detection"
    assert tracking["distance_scale"] == "constant"


def test_functions_are_recorded_by_name(stack):
    record = pipeline_of(("feature_detection", {"mask_fn": lambda frame: frame > 1})).run(stack)
    assert record["provenance"]["steps"][0]["params"]["mask_fn"].startswith(f"{__name__}:")
    json.dumps(record["provenance"]["steps"])


def test_the_stack_holds_what_the_record_holds(stack):
    record = pipeline_of(("count_nonzero", {}), DETECT).run(stack)
    assert list(stack.analysis) == ["step_1_count_nonzero", "step_2_feature_detection"]
    assert stack.analysis["step_1_count_nonzero"] is record["analysis"]["step_1_count_nonzero"]
    assert stack.provenance["analysis"]["steps"] == record["provenance"]["steps"]
    assert stack.provenance["environment"]["playNano_version"]


def test_the_environment_of_the_stack_stays(stack):
    stack.provenance["environment"] = {"mine": 1}
    record = pipeline_of(("count_nonzero", {})).run(stack)
    assert stack.provenance["environment"] == {"mine": 1}
    assert record["environment"]["playNano_version"]


def test_a_second_run_leaves_the_first_record(stack):
    pipeline = pipeline_of(("count_nonzero", {}), DETECT)
    first = pipeline.run(stack)
    kept = {key: copy.deepcopy(first["provenance"][key]) for key in ("steps", "frame_times")}
    keys, ids = list(first["analysis"]), [id(v) for v in first["analysis"].values()]
    counts = first["analysis"]["step_1_count_nonzero"]["counts"].copy()
    stack.apply(["zero_mean"])
    pipeline.clear()
    pipeline.add("feature_detection", threshold=2)
    second = pipeline.run(stack)
    assert list(stack.analysis) == ["step_1_feature_detection"]
    assert {key: first["provenance"][key] for key in kept} == kept
    assert list(first["analysis"]) == keys
    assert [id(v) for v in first["analysis"].values()] == ids
    np.testing.assert_array_equal(first["analysis"]["step_1_count_nonzero"]["counts"], counts)
    assert list(second["provenance"]["results_by_name"]) == ["feature_detection"]
    assert len(second["provenance"]["results_by_name"]["feature_detection"]) == 1
    assert first["provenance"]["processing"] == []


def test_the_same_pipeline_again_gives_the_same(stack):
    pipeline = pipeline_of(DETECT, ("particle_tracking", {}))
    first, second = pipeline.run(stack), pipeline.run(stack)
    for key in first["analysis"]:
        assert first["analysis"][key] is not second["analysis"][key]
    assert (
        first["analysis"]["step_2_particle_tracking"]["tracks"]
        == second["analysis"]["step_2_particle_tracking"]["tracks"]
    )


def test_a_module_twice(stack):
    steps = [("feature_detection", {"threshold": t}) for t in (1, 3)]
    record = pipeline_of(*steps, ("particle_tracking", {})).run(stack)
    assert list(record["analysis"]) == [
        "step_1_feature_detection",
        "step_2_feature_detection",
        "step_3_particle_tracking",
    ]
    low, high = record["provenance"]["results_by_name"]["feature_detection"]
    assert low["table"]["area_px"].sum() > high["table"]["area_px"].sum()
    tracked = record["analysis"]["step_3_particle_tracking"]["table"]
    assert tracked["area_px"].sum() == high["table"]["area_px"].sum()


def test_clear(stack):
    pipeline = pipeline_of(DETECT)
    pipeline.clear()
    assert pipeline.steps == []
    record = pipeline.run(stack)
    assert record["analysis"] == {}
    assert record["provenance"]["steps"] == []
    assert record["provenance"]["results_by_name"] == {}


def test_steps_as_text(stack):
    pipeline = AnalysisPipeline().add_steps(
        "feature_detection:mask_fn=mask_threshold,threshold=1e0,min_size=5;"
        "particle_tracking:max_distance=4,coord_columns=[x,y]"
    )
    assert [name for name, _ in pipeline.steps] == ["feature_detection", "particle_tracking"]
    assert pipeline.steps[0][1]["threshold"] == 1.0
    assert list(pipeline.steps[1][1]["coord_columns"]) == ["x", "y"]
    record = pipeline.run(stack)
    again = AnalysisPipeline().add_steps(json.loads(json.dumps(record["provenance"]["steps"]))).run(stack)
    assert again["provenance"]["steps"][0]["params"] == record["provenance"]["steps"][0]["params"]
    tracks = [r["analysis"]["step_2_particle_tracking"]["tracks"] for r in (record, again)]
    assert tracks[0] == tracks[1]


@pytest.mark.parametrize(
    ("name", "params", "error", "message"),
    [
        ("particle_detect", {}, ValueError, "unknown analysis module 'particle_detect'"),
        ("particle_trackng", {}, UnknownNameError, "did you mean 'particle_tracking'"),
        ("count_nonzero", {"x": 1}, ParameterError, r"step 1 \(count_nonzero\): unknown parameter 'x'"),
        ("particle_tracking", {"max_jump": 3}, ParameterError, "unknown parameter 'max_jump'"),
        ("k_means_clustering", {}, ParameterError, "'k'"),
    ],
)
def test_wrong_plans_are_refused_when_they_are_made(name, params, error, message):
    pipeline = AnalysisPipeline()
    with pytest.raises(error, match=message):
        pipeline.add(name, **params)
    assert pipeline.steps == []


def test_a_step_without_what_it_needs(stack):
    with pytest.raises(MissingInputError, match="'feature_detection'") as caught:
        pipeline_of(("count_nonzero", {}), ("particle_tracking", {})).run(stack)
    assert caught.value.__notes__ == ["in analysis step 2 (particle_tracking) of movie.asd"]
    assert list(stack.analysis) == ["step_1_count_nonzero"]
    assert [s["name"] for s in stack.provenance["analysis"]["steps"]] == ["count_nonzero"]


def test_a_failing_run_writes_nothing(stack, tmp_path):
    with pytest.raises(RuntimeError):
        pipeline_of(("particle_tracking", {})).run(stack, log_to=tmp_path / "out.json")
    assert list(tmp_path.iterdir()) == []


def test_the_movie_is_not_changed(stack):
    before = stack.data.copy()
    pipeline_of(("count_nonzero", {}), DETECT, ("particle_tracking", {}), ("dbscan_clustering", {})).run(
        stack
    )
    np.testing.assert_array_equal(stack.data, before)
    assert stack.processed == {}


class Highest(AnalysisModule):
    """A module as a plugin would write it."""

    name = "highest"
    version = "7"

    def run(self, stack, previous_results=None, *, scale: float = 1.0):
        seen = sorted(previous_results)
        previous_results["spoiled"] = {}
        return {"highest": stack.data.max(axis=(1, 2)) * scale, "seen": seen}


@pytest.mark.parametrize("group", ["playNano.analysis", "playnano.analysis"])
def test_plugins(stack, plugins, group):
    plugins.add(group, "highest", Highest)
    record = pipeline_of(("count_nonzero", {}), ("highest", {"scale": "2"}), ("count_nonzero", {})).run(stack)
    step = record["provenance"]["steps"][1]
    assert (step["version"], step["params"]) == ("7", {"scale": 2.0})
    outputs = record["analysis"]["step_2_highest"]
    np.testing.assert_allclose(outputs["highest"], stack.data.max(axis=(1, 2)) * 2)
    assert outputs["seen"] == ["count_nonzero"]
    assert "spoiled" not in record["provenance"]["results_by_name"]
    assert "highest" in module_registry()


@pytest.mark.parametrize("target", [dict, lambda: None, Highest(), 3])
def test_a_plugin_that_is_no_module(plugins, target):
    plugins.add("playNano.analysis", "strange", target)
    with pytest.raises(TypeError, match="'strange'"):
        AnalysisPipeline().add("strange")
    AnalysisPipeline().add("count_nonzero")


def test_a_plugin_that_cannot_be_made(plugins):
    class NeedsMore(AnalysisModule):
        name = "needs_more"

        def __init__(self, more):
            self.more = more

        def run(self, stack, previous_results=None):
            return {}

    class HasNoRun(AnalysisModule):
        name = "has_no_run"

    plugins.add("playNano.analysis", "needs_more", NeedsMore)
    plugins.add("playNano.analysis", "has_no_run", HasNoRun)
    for name in ("needs_more", "has_no_run"):
        with pytest.raises(PluginError, match=f"'{name}' cannot be created: TypeError"):
            AnalysisPipeline().add(name)


def test_modules_that_fail_or_return_nothing(stack, plugins):
    class Fails(AnalysisModule):
        name = "fails"

        def run(self, stack, previous_results=None):
            raise ZeroDivisionError("dark")

    class ReturnsList(AnalysisModule):
        name = "returns_list"

        def run(self, stack, previous_results=None):
            return [1]

    plugins.add("playNano.analysis", "fails", Fails)
    plugins.add("playNano.analysis", "returns_list", ReturnsList)
    with pytest.raises(ZeroDivisionError, match="dark") as caught:
        pipeline_of(("fails", {})).run(stack)
    assert caught.value.__notes__ == ["in analysis step 1 (fails) of movie.asd"]
    with pytest.raises(PluginTypeError, match=r"step 1 \(returns_list\) returned a list, not a dict"):
        pipeline_of(("returns_list", {})).run(stack)


def test_modules_added_at_run_time(stack, monkeypatch):
    monkeypatch.setitem(BUILTIN_ANALYSIS_MODULES, "highest", Highest)
    record = pipeline_of(("highest", {})).run(stack)
    assert list(record["analysis"]) == ["step_1_highest"]


def test_a_stack_without_slots():
    bare = SimpleNamespace(data=np.eye(3)[None])
    record = pipeline_of(("count_nonzero", {})).run(bare)
    assert bare.analysis["step_1_count_nonzero"]["counts"].tolist() == [3]
    assert bare.provenance["analysis"]["steps"] == record["provenance"]["steps"]
    assert bare.provenance["environment"]
    assert record["provenance"]["frame_times"] is None


@pytest.mark.parametrize("n", [0, 1])
def test_few_frames(make_stack, n):
    stack = make_stack(make_stack().data[:n])
    steps = [("count_nonzero", {}), DETECT, ("particle_tracking", {}), ("dbscan_clustering", {})]
    record = pipeline_of(*steps).run(stack)
    assert record["analysis"]["step_2_feature_detection"]["summary"]["total_frames"] == n
    assert record["analysis"]["step_3_particle_tracking"]["n_tracks"] == 3 * n
    assert record["provenance"]["frame_times"] == [0.0] * n


def test_progress(stack):
    reports = []
    with report_progress(lambda *report: reports.append(report)):
        pipeline_of(("count_nonzero", {})).run(stack)
    assert reports[-1] == ("count_nonzero", 6, 6)


@pytest.mark.parametrize(
    "step",
    [
        "particle_tracking:max_distance=inf",
        "particle_tracking:max_distance_nm=inf",
        "particle_tracking:step_nm=inf",
        "particle_tracking:area_weight=inf",
        "peak_detection:smoothing_px=inf",
        "k_means_clustering:k=2,time_weight=inf",
    ],
)
def test_infinite_values_are_refused_before_the_run(step):
    with pytest.raises(ParameterError, match=r"finite number"):
        AnalysisPipeline().add_steps(step)
