"""Kinds of modules: declared, recorded, and all that other code goes by."""

import json
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from playNano.analysis import BUILTIN_ANALYSIS_MODULES
from playNano.analysis.base import AnalysisModule
from playNano.analysis.pipeline import AnalysisPipeline, module_registry
from playNano.analysis.points import IN_REGION
from playNano.analysis.utils.common import export_to_hdf5, load_analysis_from_hdf5
from playNano.analysis.utils.tracks import export_tracks
from playNano.cli.app import run
from playNano.core.provenance import latest_table, outputs_of_kind
from playNano.core.serialize import read_record_json, write_record_json
from playNano.errors import MissingInputError, ParameterError, PluginTypeError
from playNano.io.export.bundle import write_bundle
from playNano.io.export.gif import write_gif
from playNano.io.export.numpy_files import write_npz
from playNano.io.export.tables import write_tables
from playNano.io.loader import load_afm_stack
from playNano.plots.overview import write_overview

DETECT = "feature_detection:mask_fn=mask_threshold,threshold=1"


class RankTracker(AnalysisModule):
    """Join the detections of equal rank along x: a tracker as a plugin would write it."""

    name = "rank_tracker"
    kind = "tracking"
    requires = ("feature_detection",)

    def run(self, stack, previous_results=None):
        table = previous_results["feature_detection"]["table"].copy()
        table["track_id"] = table.groupby("frame")["x"].rank().astype(int) - 1
        table = table.sort_values(["track_id", "frame"], ignore_index=True)
        tracks = [{"id": n, "frames": rows["frame"].tolist()} for n, rows in table.groupby("track_id")]
        return {"table": table, "tracks": tracks}


class CountOnly(AnalysisModule):
    """Return outputs that are named like those of tracking, without being one."""

    name = "count_only"

    def run(self, stack, previous_results=None):
        table = pd.DataFrame({"frame": [0], "track_id": [0], "y_nm": [1.0], "x_nm": [1.0]})
        return {"n_tracks": 1, "features_per_frame": [], "clusters": [], "table": table}


@pytest.fixture
def tracker(plugins):
    plugins.add("playNano.analysis", "rank_tracker", RankTracker)
    plugins.add("playNano.analysis", "count_only", CountOnly)


def analysed(stack, steps):
    return AnalysisPipeline().add_steps(steps).run(stack)


def pixels(path, frame=0):
    with Image.open(path) as picture:
        picture.seek(frame)
        return np.asarray(picture.convert("RGB"))


def test_the_kinds_of_the_built_in_modules():
    kinds = {name: module.kind for name, module in BUILTIN_ANALYSIS_MODULES.items()}
    assert "analysis" not in kinds.values()
    for kind, word in (("detection", "_detection"), ("clustering", "_clustering"), ("tracking", "_tracking")):
        others = {("detection", IN_REGION), ("tracking", "curation")}
        assert {name for name in kinds if kinds[name] == kind} == {
            name for name in kinds if name.endswith(word) or (kind, name) in others
        }
    assert kinds["frame_quality"] == "quality"
    assert CountOnly.kind == "analysis"


def test_the_record_carries_the_kinds(make_stack, tracker):
    record = analysed(make_stack(), f"count_nonzero;{DETECT};rank_tracker;count_only")
    steps = record["provenance"]["steps"]
    assert [step["kind"] for step in steps] == ["measurement", "detection", "tracking", "analysis"]
    assert json.loads(json.dumps([step["kind"] for step in steps]))


@pytest.mark.parametrize("kind", ["tracker", "Tracking", "", None, 3])
def test_a_kind_that_does_not_exist(plugins, monkeypatch, kind):
    strange = type("Strange", (CountOnly,), {"kind": kind, "name": "strange"})
    plugins.add("playNano.analysis", "strange", strange)
    with pytest.raises(PluginTypeError, match=rf"'strange' is of the kind {kind!r}; there are: quality, det"):
        AnalysisPipeline().add("strange")
    assert "kind" in module_registry().plugin_errors()["strange"]
    plugins.clear()
    monkeypatch.setitem(BUILTIN_ANALYSIS_MODULES, "strange", strange)
    with pytest.raises(PluginTypeError, match="'strange' is of the kind"):
        AnalysisPipeline().add("strange")


def test_outputs_by_kind(make_stack, tracker):
    stack = make_stack()
    record = analysed(
        stack, f"{DETECT};rank_tracker;particle_tracking;feature_detection:threshold=1,min_size=5;count_only"
    )
    for source in (record, stack):
        assert list(outputs_of_kind(source, "tracking")) == [
            "step_2_rank_tracker",
            "step_3_particle_tracking",
        ]
        assert outputs_of_kind(source, "quality") == {}
        assert latest_table(source, "tracking") is record["analysis"]["step_3_particle_tracking"]["table"]
        assert latest_table(source, "detection") is record["analysis"]["step_4_feature_detection"]["table"]
        assert latest_table(source, "clustering") is None
    assert outputs_of_kind({}, "tracking") == {}
    assert latest_table(make_stack(), "detection") is None


def test_a_step_that_failed_leaves_those_before(make_stack, tracker):
    stack = make_stack()
    with pytest.raises(MissingInputError):
        analysed(stack, f"{DETECT};rank_tracker;k_means_clustering:k=2,detection_module=peak_detection")
    assert list(outputs_of_kind(stack, "tracking")) == ["step_2_rank_tracker"]


def test_a_plugin_tracker_gives_the_files_of_a_tracker(make_stack, tracker, tmp_path):
    stack = make_stack(pixel_size_nm=(4.0, 2.0))
    record = analysed(stack, f"{DETECT};rank_tracker")
    written = write_tables(record, tmp_path)
    assert sorted(written) == ["features.csv", "tracks.csv"]
    pd.testing.assert_frame_equal(
        pd.read_csv(written["tracks.csv"]),
        record["analysis"]["step_2_rank_tracker"]["table"],
        check_dtype=False,
    )
    root = ElementTree.parse(export_tracks(record, stack, tmp_path)["trackmate"]).getroot()
    assert len(list(root.iter("Spot"))) == 18
    assert len(list(root.iter("Edge"))) == 15
    assert pd.read_csv(tmp_path / "tracks_trackpy.csv")["particle"].value_counts().to_dict() == {
        0: 6,
        1: 6,
        2: 6,
    }


def test_a_plugin_tracker_is_drawn(make_stack, tracker, tmp_path):
    stack = make_stack()
    record = analysed(stack, DETECT)
    write_overview(stack, record, tmp_path / "without.png")
    write_gif(stack, tmp_path / "without.gif", latest_table(record, "tracking"))
    record = analysed(stack, f"{DETECT};rank_tracker")
    write_overview(stack, record, tmp_path / "with.png")
    write_gif(stack, tmp_path / "with.gif", latest_table(record, "tracking"))
    # A panel more.
    assert pixels(tmp_path / "with.png").shape != pixels(tmp_path / "without.png").shape
    assert np.any(pixels(tmp_path / "with.gif", 3) != pixels(tmp_path / "without.gif", 3))


def test_names_of_outputs_make_no_tracker(make_stack, tracker, tmp_path):
    stack = make_stack()
    record = analysed(stack, f"{DETECT};count_only")
    assert sorted(write_tables(record, tmp_path)) == ["features.csv"]
    with pytest.raises(MissingInputError, match="no tracks"):
        export_tracks(record, stack, tmp_path)


def test_the_command_line_treats_a_plugin_tracker_as_ours(make_stack, tracker, tmp_path, capsys):
    write_npz(make_stack(), tmp_path / "movie.npz")
    words = [
        "analyze",
        tmp_path / "movie.npz",
        "-o",
        tmp_path / "out",
        "--export",
        "trackmate",
        "--export",
        "trackpy",
    ]
    with pytest.raises(SystemExit) as stop:
        run([*map(str, words), "-s", f"{DETECT};rank_tracker"])
    assert not stop.value.code
    assert "step_2_rank_tracker: n_tracks 3" in capsys.readouterr().out
    for name in (
        "tracks.csv",
        "tracks.xml",
        "tracks_trackpy.csv",
        "overview.png",
        "movie.gif",
        "record.json",
    ):
        assert (tmp_path / "out" / name).stat().st_size > 100


def test_kinds_go_through_files(make_stack, tracker, tmp_path):
    stack = make_stack()
    record = analysed(stack, f"{DETECT};rank_tracker")
    write_record_json(tmp_path / "record.json", record)
    export_to_hdf5(record, tmp_path / "record.h5")
    write_bundle(stack, tmp_path / "bundle.h5")
    for source in (
        read_record_json(tmp_path / "record.json"),
        load_analysis_from_hdf5(tmp_path / "record.h5"),
        load_afm_stack(tmp_path / "bundle.h5"),
    ):
        assert list(outputs_of_kind(source, "detection")) == ["step_1_feature_detection"]
        assert list(outputs_of_kind(source, "tracking")) == ["step_2_rank_tracker"]


def test_records_without_kinds_still_load(make_stack, tmp_path):
    stack = make_stack()
    record = analysed(stack, f"{DETECT};particle_tracking")
    for step in record["provenance"]["steps"]:
        del step["kind"]
    write_bundle(stack, tmp_path / "old.h5")
    back = load_afm_stack(tmp_path / "old.h5")
    assert list(back.analysis) == ["step_1_feature_detection", "step_2_particle_tracking"]
    assert outputs_of_kind(back, "tracking") == {}
    assert list(outputs_of_kind(back, "analysis")) == list(back.analysis)
    assert write_tables(back, tmp_path) == {}
    write_overview(back, back, tmp_path / "old.png")
    fresh = analysed(back, f"{DETECT};particle_tracking")
    assert list(outputs_of_kind(fresh, "tracking")) == ["step_2_particle_tracking"]


class Bare(AnalysisModule):
    """Run a function of the stack: what a plugin of any kind may return."""

    name = "bare"

    def run(self, stack, previous_results=None):
        return self.outputs(stack)


def bare(plugins, name, kind, outputs):
    module = type(name, (Bare,), {"name": name, "kind": kind, "outputs": staticmethod(outputs)})
    plugins.add("playNano.analysis", name, module)


def moving(stack):
    frames = np.arange(stack.n_frames)
    return pd.DataFrame({"frame": frames, "y": 10.0, "x": 5.0 + frames})


def cli(*words):
    with pytest.raises(SystemExit) as stop:
        run([*map(str, words)])
    return stop.value.code


def test_the_latest_quality_module_says_which_frames_count(make_stack, plugins):
    stack = make_stack()
    usable = np.arange(stack.n_frames) != 1
    bare(plugins, "my_quality", "quality", lambda stack: {"usable": usable})
    bare(plugins, "silent_quality", "quality", lambda stack: {"sharpness": 1.0})
    for steps, lost in (
        (f"my_quality;silent_quality;{DETECT}", [1]),
        (f"frame_quality;my_quality;{DETECT}", [1]),
        (f"my_quality;frame_quality;{DETECT}", []),
        (f"frame_quality;my_quality;frame_quality;{DETECT}", []),
    ):
        *_, detection = analysed(stack, steps)["analysis"].values()
        assert np.flatnonzero(~detection["observed"]).tolist() == lost, steps
    bare(plugins, "short_quality", "quality", lambda stack: {"usable": [True]})
    with pytest.raises(ParameterError, match=r"'usable' of 'short_quality' has the shape \(1,\)"):
        analysed(stack, f"short_quality;{DETECT}")


@pytest.mark.parametrize("form", ["table", "dicts"])
def test_detections_of_a_plugin_are_tracked_and_clustered(make_stack, plugins, tmp_path, capsys, form):
    def outputs(stack):
        table = moving(stack).iloc[::-1]
        dicts = [[{"y": row.y, "x": row.x}] for row in moving(stack).itertuples()]
        return {"table": table} if form == "table" else {"features_per_frame": dicts}

    bare(plugins, "my_detection", "detection", outputs)
    write_npz(make_stack(pixel_size_nm=(4.0, 2.0)), tmp_path / "movie.npz")
    steps = "my_detection;particle_tracking:max_distance=3;k_means_clustering:k=1"
    words = ("analyze", tmp_path / "movie.npz", "-o", tmp_path / "out", "-s", steps)
    assert not cli(*words, "--export", "trackmate", "--export", "trackpy")
    assert "n_tracks 1" in capsys.readouterr().out
    tracks = pd.read_csv(tmp_path / "out" / "tracks.csv")
    assert tracks["x_nm"].tolist() == [2 * (5.0 + n) for n in range(6)]
    assert set(tracks["y_nm"]) == {40.0}


def test_a_tracker_with_nothing_but_a_table(make_stack, plugins, tmp_path, capsys):
    bare(
        plugins,
        "table_tracker",
        "tracking",
        lambda stack: {"table": moving(stack).assign(track_id=7, y_nm=20.0, x_nm=10.0)},
    )
    write_npz(make_stack(), tmp_path / "movie.npz")
    words = ("analyze", tmp_path / "movie.npz", "-o", tmp_path / "out", "-s")
    assert not cli(*words, "table_tracker;k_means_clustering:k=1,detection_module=table_tracker")
    assert "step_1_table_tracker: n_tracks 1" in capsys.readouterr().out
    bare(plugins, "empty_tracker", "tracking", lambda stack: {})
    assert not cli(*words, f"{DETECT};empty_tracker", "--overwrite")


def test_a_table_of_tracks_without_positions_is_refused(make_stack, plugins):
    bare(plugins, "blind_tracker", "tracking", lambda stack: {"table": moving(stack)})
    with pytest.raises(PluginTypeError, match=r"step 1 \(blind_tracker\): .*lacks track_id, y_nm, x_nm"):
        analysed(make_stack(), "blind_tracker")


def test_a_summary_of_numpy_numbers_is_printed(make_stack, plugins, tmp_path, capsys):
    bare(
        plugins, "counter", "measurement", lambda stack: {"summary": {"n": np.int64(3), "m": np.float32(0.5)}}
    )
    write_npz(make_stack(), tmp_path / "movie.npz")
    assert not cli("analyze", tmp_path / "movie.npz", "-o", tmp_path / "out", "-s", "counter")
    assert "step_1_counter: n 3, m 0.5" in capsys.readouterr().out
