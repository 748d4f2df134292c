"""The dock "Pipeline" in a real viewer: live preview, run, cancel, save."""

import os
import threading
from pathlib import Path

import numpy as np
import pytest
from qtpy.QtCore import Qt

from playNano.analysis.plan import Plan
from playNano.cli.app import run
from playNano.core.serialize import json_safe
from playNano.errors import ParameterError
from playNano.viewer.pipeline_dock import PipelineDock
from playNano.viewer.pipeline_model import PipelineModel
from playNano.viewer.reader import read_layers
from playNano.viewer.show import add_layers
from playNano.viewer.worker import Cancelled, Worker

ANALYSIS = "feature_detection:threshold=1,min_size=3; particle_tracking:max_distance=5"


@pytest.fixture
def dock(viewer, movie_file):
    add_layers(viewer, read_layers(str(movie_file)))
    dock = PipelineDock(viewer)
    dock.set_model(PipelineModel.of_plan(Plan.from_options("zero_mean", ANALYSIS, None)))
    yield dock
    dock.shut_down()
    dock.close()


def idle(dock):
    return not dock.worker.running and not dock.preview._timer.isActive()


def shown(dock):
    return dock.preview.shown is not None and dock.preview._started == dock.preview._generation and idle(dock)


def test_preview_tracks_form_and_slider(dock, qtbot, viewer):
    qtbot.waitUntil(lambda: shown(dock), timeout=60_000)
    layer = viewer.layers["preview"]
    count = len(viewer.layers["preview detections"].data)
    assert count == 3
    dock.entries.setCurrentRow(1)
    dock.form.fields["threshold"].type_text("40")
    qtbot.waitUntil(lambda: shown(dock) and not len(viewer.layers["preview detections"].data), timeout=60_000)
    assert viewer.layers["preview"] is layer, "replaced in place"
    dock.form.fields["threshold"].type_text("-1x")
    assert "threshold" in dock.status.text()
    dock.form.fields["threshold"].type_text("1")
    for frame in range(12):
        viewer.dims.set_current_step(0, frame)
    qtbot.waitUntil(lambda: shown(dock) and dock.preview.shown.frame == 11, timeout=60_000)
    assert dock.worker.most == 1, "never two jobs at a time"
    raw = viewer.layers[0].data[11]
    assert np.allclose(layer.data, raw - raw.mean(), atol=1e-5)
    dock.live.setChecked(False)
    assert "preview" not in viewer.layers


def test_all_layers_have_units(dock, qtbot, viewer):
    qtbot.waitUntil(lambda: shown(dock), timeout=60_000)
    assert {str(layer.units[-1]) for layer in viewer.layers} == {"nanometer"}


def test_run_equals_the_command_line(dock, qtbot, viewer, movie_file, tmp_path):
    yaml = tmp_path / "pipeline.yaml"
    dock.model.save(yaml)
    run_into(dock, qtbot, tmp_path / "viewer")
    qtbot.waitUntil(lambda: "tracks" in viewer.layers, timeout=60_000)
    assert "particle_tracking: 3 tracks" in dock.run_panel.status.text()
    with pytest.raises(SystemExit) as stopped:
        run(["analyze", str(movie_file), "-p", str(yaml), "-o", str(tmp_path / "cli"), "--no-gif"])
    assert stopped.value.code == 0
    names = {path.name for path in (tmp_path / "cli").iterdir()}
    assert names == {path.name for path in (tmp_path / "viewer").iterdir()}
    tables = sorted(name for name in names if name.endswith((".csv", ".yaml")))
    assert {"features.csv", "tracks.csv", "pipeline.yaml"} <= {*tables}
    for name in tables:
        assert (tmp_path / "cli" / name).read_bytes() == (tmp_path / "viewer" / name).read_bytes(), name


def run_into(dock, qtbot, folder):
    dock.run_panel.folder.setText(str(folder))
    dock.run_panel.start()
    qtbot.waitUntil(lambda: "run" not in dock.worker.running, timeout=120_000)
    qtbot.waitUntil(lambda: dock.run_panel.run_button.isEnabled(), timeout=60_000)


def test_cancel_writes_nothing(dock, qtbot, tmp_path):
    dock.live.setChecked(False)
    qtbot.waitUntil(lambda: idle(dock), timeout=60_000)
    # In the thread of the run, so that it is after the first block.
    dock.worker.progress.connect(lambda *_: dock.worker.cancel(), Qt.ConnectionType.DirectConnection)
    run_into(dock, qtbot, tmp_path / "cancelled")
    assert dock.run_panel.status.text() == "cancelled: nothing was written"
    assert not (tmp_path / "cancelled").exists()
    assert dock.run_panel.record is None


def test_an_existing_folder_is_kept(dock, qtbot, tmp_path, results):
    before = {path.name: path.read_bytes() for path in results.iterdir()}
    run_into(dock, qtbot, results)
    assert "contains the results of another run" in dock.run_panel.status.text()
    assert {path.name: path.read_bytes() for path in results.iterdir()} == before


def test_nothing_to_analyse_is_said(dock):
    dock.set_model(PipelineModel.of_plan(Plan.from_options("zero_mean", None, None)))
    dock.run_panel.start()
    assert "nothing to analyse" in dock.run_panel.status.text()
    assert not dock.worker.running - {"preview"}


def test_building(dock):
    dock.set_model(PipelineModel())
    dock.add("particle_tracking", analysis=True)
    dock.add("level", analysis=False)
    dock.add("clear_mask", analysis=False)
    assert dock.form is None
    dock.entries.setCurrentRow(1)
    dock._up()
    assert [entry.name for entry in dock.model.entries] == ["clear_mask", "level", "particle_tracking"]
    dock._down()
    dock._down()
    assert [entry.name for entry in dock.model.entries][-1] == "particle_tracking", (
        "modules stay behind steps"
    )
    dock.entries.setCurrentRow(0)
    dock._remove()
    assert dock.entries.count() == 2
    dock.analysis.setCurrentIndex(dock.analysis.findData("pits"))
    dock._select_analysis(dock.analysis.currentIndex())
    assert dock.plan().objects == "pits"
    assert dock.plan().analysis == []


def test_another_channel_is_another_layer(viewer):

    data = Path(os.environ.get("PLAYNANO_TEST_DATA", "../shared/data")) / "asd" / "two_frames_v1.asd"
    if not data.exists():
        pytest.skip(f"no {data}")
    add_layers(viewer, read_layers(str(data)))
    dock = PipelineDock(viewer)
    try:
        names = [dock.channel.itemText(k) for k in range(dock.channel.count())]
        if len(names) < 2:
            pytest.skip("a file with one channel")
        other = next(k for k, name in enumerate(names) if name != dock.channel.currentText())
        dock.channel.setCurrentIndex(other)
        dock._select_channel(other)
        assert len(viewer.layers) >= 4
        assert dock.movie.raw.stack.channel == names[other]
    finally:
        dock.shut_down()
        dock.close()


def plain(steps):
    return json_safe([(one.name, one.params) if hasattr(one, "params") else list(one) for one in steps])


def test_save_and_open_give_the_same_pipeline(tmp_path):
    model = PipelineModel.of_plan(Plan.from_options("level;gaussian_filter:sigma=2", ANALYSIS, None))
    model.save(tmp_path / "pipeline.yaml")
    again = PipelineModel.of_plan(Plan.from_options(None, None, tmp_path / "pipeline.yaml"))
    for one, other in zip(model.plan().bind(), again.plan().bind(), strict=True):
        assert plain(one.steps) == plain(other.steps)
    with pytest.raises(ParameterError, match="taken by the movie"):
        PipelineModel.of_plan(Plan.default()).save(tmp_path / "no.yaml")


def test_worker(qtbot):
    worker = Worker()
    inside, go_on, results = threading.Event(), threading.Event(), {}
    worker.finished.connect(lambda name, result: results.update({name: result}))

    def job():
        inside.set()
        assert go_on.wait(30)
        worker._progress("x", 1, 2)
        return "not reached"

    worker.start("long", job)
    assert inside.wait(30)
    worker.cancel()
    go_on.set()
    qtbot.waitUntil(lambda: "long" in results)
    assert isinstance(results["long"], Cancelled)
    worker.start("next", lambda: 3)
    qtbot.waitUntil(lambda: results.get("next") == 3)
    worker.start("fails", lambda: 1 / 0)
    qtbot.waitUntil(lambda: isinstance(results.get("fails"), ZeroDivisionError))
    worker.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("playNano-viewer")]
