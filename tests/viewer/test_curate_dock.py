"""The dock "Curate" in a real viewer: keys, clicks, undo, edits in a file."""

import numpy as np
import pytest

from playNano.analysis.curation.edits import read_edits, write_edits
from playNano.analysis.record_file import read_record
from playNano.core.provenance import latest_table
from playNano.viewer.curate_dock import CurateDock
from playNano.viewer.curate_layers import PICKED, POINTS, TRACKS
from playNano.viewer.reader import read_layers
from playNano.viewer.show import add_layers


@pytest.fixture
def dock(viewer, results):
    add_layers(viewer, read_layers(str(results)))
    dock = CurateDock(viewer)
    dock.author.setText("ada")
    dock.start()
    yield dock
    dock.shut_down()
    dock.close()


def click(dock, viewer, row):
    model = dock.model
    viewer.dims.set_current_step(0, int(model.frame[row]))
    dock.clicks.at(
        viewer.layers["detections"].data_to_world((model.frame[row], model.y[row] + 0.4, model.x[row]))
    )


def keymap(viewer):
    return {str(key): function for key, function in viewer.layers[POINTS].keymap.items()}


def test_start_says_what_is_missing(viewer):
    dock = CurateDock(viewer)
    dock.start()
    assert "no results in the viewer" in dock.status.text()
    dock.do("A")
    dock.shut_down()
    dock.close()


def test_keys_edit_and_undo_is_exact(dock, viewer):
    model = dock.model
    before = model.tracks()
    keys = keymap(viewer)
    assert {"A", "B", "S", "D", "N", "Z", "R", "I", "C", "F"} <= {*keys}
    row = int(np.flatnonzero((model.frame == 4) & (model.following >= 0))[0])
    target = int(model.following[row])
    click(dock, viewer, row)
    assert dock.picked == [row]
    keys["B"](viewer.layers[POINTS])
    assert model.following[row] == -1
    click(dock, viewer, target)
    assert dock.picked == [row, target]
    keys["A"](viewer.layers[POINTS])
    assert model.following[row] == target
    keys["D"](viewer.layers[POINTS])
    assert model.deleted[target]
    assert len(viewer.layers[POINTS].data) == (model.frame == 5).sum() - 1
    assert dock.log.count() == len(model.edits) >= 2
    assert all(edit.author == "ada" for edit in model.edits)
    while dock.buttons["Z"].isEnabled():
        keys["Z"](viewer.layers[POINTS])
    assert model.tracks().equals(before)
    keys["Z"](viewer.layers[POINTS])
    assert "nothing to undo" in dock.status.text()
    keys["R"](viewer.layers[POINTS])
    assert model.following[row] == -1


def test_two_of_one_frame_cannot_be_joined(dock, viewer):
    model = dock.model
    rows = np.flatnonzero(model.frame == 2)[:2]
    for row in rows:
        click(dock, viewer, int(row))
    before = model.version
    dock.do("A")
    assert model.version == before
    assert "frame" in dock.status.text()


def test_layers_show_the_frame(dock, viewer):
    model = dock.model
    viewer.dims.set_current_step(0, 6)
    points = viewer.layers[POINTS]
    assert len(points.data) == (model.frame == 6).sum()
    here = np.flatnonzero(model.frame == 6)
    assert np.allclose(points.data, np.column_stack([model.y[here], model.x[here]]))
    assert set(viewer.layers[TRACKS].data[:, 0]) == set(model.tracks()["track_id"])
    click(dock, viewer, int(here[0]))
    assert np.allclose(viewer.layers[PICKED].data, [[model.y[here[0]], model.x[here[0]]]])
    assert not viewer.layers["detections"].visible


def test_next_goes_to_the_most_doubtful_link(dock, viewer):
    first, second = dock.model.doubtful(2).itertuples()
    dock.do("N")
    assert dock.picked == [first.source, first.target]
    assert viewer.dims.current_step[0] == first.frame_from
    dock.do("C")
    assert dock.model.curated[first.target]
    dock.do("N")
    assert dock.picked == [second.source, second.target]


def test_insert_is_at_the_cursor(dock, viewer):
    viewer.dims.set_current_step(0, 3)
    viewer.cursor.position = viewer.layers["detections"].data_to_world((3, 40.0, 10.0))
    dock.do("I")
    model = dock.model
    assert (model.frame[-1], model.y[-1], model.x[-1]) == (3, pytest.approx(40.0), pytest.approx(10.0))


def test_an_unusable_frame(dock, viewer):
    viewer.dims.set_current_step(0, 5)
    dock.do("F")
    assert not dock.model.usable[5]
    assert len(viewer.layers[POINTS].data) == 0


def test_edits_in_a_file_are_made_again(dock, viewer, tmp_path):
    dock.do("N")
    dock.do("B")
    edited = dock.model.tracks()
    write_edits(tmp_path / "edits.csv", dock.model.edits)
    assert [edit.kind for edit in read_edits(tmp_path / "edits.csv")] == ["break"]
    dock.start()
    assert dock.model.edits == []
    dock.apply(tmp_path / "edits.csv")
    assert dock.model.tracks().equals(edited)
    dock.apply(tmp_path / "edits.csv")
    assert "already so" in dock.status.text() or "no match" in dock.status.text()


def test_results_with_the_edits_have_the_curated_tracks(dock, viewer, tmp_path, qtbot):
    dock.do("N")
    dock.do("B")
    dock.do("N")
    dock.do("D")
    edited = dock.model.tracks()
    dock.save_results(tmp_path / "curated")
    qtbot.waitUntil(lambda: "curated results in" in dock.status.text(), timeout=120_000)
    record = read_record(tmp_path / "curated")
    assert [step["name"] for step in record["provenance"]["steps"]][-1] == "curation"
    table = latest_table(record, "tracking").sort_values(["track_id", "frame"])
    assert table["track_id"].tolist() == edited["track_id"].tolist()
    assert np.allclose(table[["frame", "y_nm", "x_nm"]], edited[["frame", "y_nm", "x_nm"]])
    add_layers(viewer, read_layers(str(tmp_path / "curated")))
    dock.start()
    assert dock.model.tracks()[["track_id", "frame"]].equals(edited[["track_id", "frame"]])
