"""Tracks in other programs' formats."""

from __future__ import annotations

import csv
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from playNano.errors import ParameterError
from playNano.io.export.trackmate import write_trackmate_xml
from playNano.io.export.tracks import (
    btrack_table,
    laptrack_tables,
    napari_points,
    napari_tracks,
    trackpy_table,
)


@pytest.fixture
def table():
    return pd.DataFrame(
        {
            "frame": [2, 0, 1, 1, 0],
            "y": [2.0, 0.0, 1.0, 9.0, 5.0],
            "x": [0.2, 0.0, 0.1, 9.0, 5.0],
            "time_s": [1.0, 0.0, 0.5, 0.5, 0.0],
            "area_px": [4, 5, 6, 7, 8],
        }
    )


TRACK = np.array([0, 0, 0, 1, -1])
EVENTS = pd.DataFrame({"kind": ["split"], "track_id": [1], "partner_id": [0], "source": [1], "target": [3]})


def test_trackpy_has_its_columns(table):
    out = trackpy_table(table, TRACK)
    assert out[["frame", "particle"]].values.tolist() == [[0, 0], [1, 0], [1, 1], [2, 0]]
    assert {"y", "x", "area_px"} <= set(out.columns)


def test_napari_tracks_are_sorted_and_have_a_graph(table):
    data, properties, graph = napari_tracks(table, TRACK, events=EVENTS)
    assert data.tolist() == [[0, 0, 0, 0], [0, 1, 1, 0.1], [0, 2, 2, 0.2], [1, 1, 9, 9]]
    assert properties["area_px"].tolist() == [5, 6, 4, 7]
    assert graph == {1: [0]}


def test_a_merge_gives_the_joint_track_a_second_parent(table):
    merge = EVENTS.assign(kind="merge", track_id=1, partner_id=0)
    assert napari_tracks(table, TRACK, events=merge)[2] == {0: [1]}


def test_trackmate_xml_reads_back(table, tmp_path):
    path = write_trackmate_xml(
        tmp_path / "t.xml", table, TRACK, unit="nm", frame_interval_s=0.5, image_shape=(10, 20)
    )
    root = ElementTree.parse(path).getroot()
    spots = {int(s.get("ID")): s for s in root.iter("Spot")}
    assert len(spots) == 5
    assert float(spots[0].get("POSITION_Y")) == 2.0
    assert float(spots[0].get("POSITION_X")) == 0.2
    assert float(spots[0].get("POSITION_T")) == 1.0
    edges = [(int(e.get("SPOT_SOURCE_ID")), int(e.get("SPOT_TARGET_ID"))) for e in root.iter("Edge")]
    assert edges == [(1, 2), (2, 0)]
    assert [t.get("TRACK_ID") for t in root.iter("TrackID")] == ["0"]
    assert root.find("Model").get("spatialunits") == "nm"
    assert root.find("Settings/ImageData").get("width") == "20"
    declared = {f.get("feature") for f in root.iter("Feature")}
    assert set(spots[0].attrib) - {"ID", "name"} <= declared
    assert [int(f.get("frame")) for f in root.iter("SpotsInFrame")] == [0, 1, 2]
    assert list(tmp_path.iterdir()) == [path]


def test_trackmate_has_what_readers_require(table, tmp_path):
    radius = [1.0, 2.0, 3.0, 4.0, 5.0]
    late = table.assign(time_s=table["frame"] * 0.5 + [0.01, 0.02, 0.03, np.nan, 0.05])
    path = write_trackmate_xml(
        tmp_path / "t.xml", late, TRACK, radius=radius, frame_interval_s=0.5, n_frames=7, image_shape=(10, 20)
    )
    root = ElementTree.parse(path).getroot()
    settings = root.find("Settings")
    assert settings.find("InitialSpotFilter").attrib == {
        "feature": "QUALITY",
        "value": "0.0",
        "isabove": "true",
    }
    for name in ("SpotFilterCollection", "TrackFilterCollection", "BasicSettings", "DetectorSettings"):
        assert settings.find(name) is not None
    assert settings.find("ImageData").get("nframes") == "7"
    for spot in root.iter("Spot"):
        row = int(spot.get("ID"))
        assert float(spot.get("POSITION_T")) == int(spot.get("FRAME")) * 0.5
        assert float(spot.get("RADIUS")) == radius[row]
        np.testing.assert_equal(float(spot.get("LINE_TIME")), late["time_s"][row])
        assert set(spot.attrib) == {"ID", "name"} | {f.get("feature") for f in root.find(".//SpotFeatures")}
    (track,) = root.iter("Track")
    assert (track.get("NUMBER_SPOTS"), track.get("TRACK_DURATION")) == ("3", "1.0")
    assert set(track.attrib) == {"name"} | {f.get("feature") for f in root.find(".//TrackFeatures")}


def test_trackmate_joins_tracks_with_events(table, tmp_path):
    root = ElementTree.parse(write_trackmate_xml(tmp_path / "t.xml", table, TRACK, events=EVENTS)).getroot()
    assert len(list(root.iter("Track"))) == 1
    assert len(list(root.iter("Edge"))) == 3
    assert root.find("Model").get("timeunits") == "frame"


def test_nothing_can_be_written(tmp_path):
    empty = pd.DataFrame({"frame": np.zeros(0, int), "y": [], "x": []})
    assert len(trackpy_table(empty, [])) == 0
    assert napari_tracks(empty, [])[0].shape == (0, 4)
    assert write_trackmate_xml(tmp_path / "t.xml", empty, []).exists()


def test_what_does_not_fit_is_refused(table, tmp_path):
    with pytest.raises(ParameterError, match="track_id"):
        trackpy_table(table, [0])
    with pytest.raises(ParameterError, match="'x'"):
        napari_tracks(table.drop(columns="x"), TRACK)
    with pytest.raises(ParameterError, match="'frame'"):
        write_trackmate_xml(tmp_path / "t.xml", table.drop(columns="frame"), TRACK)


def read_as_btrack(path):
    """What ``btrack.io.import_CSV`` reads: numbers alone, of which some columns have a meaning and the others none."""
    fields = ("ID", "x", "y", "z", "t", "dummy", "states", "label", "n_features", "features")
    with path.open() as file:
        rows = [
            {k: float(v) for k, v in row.items()}
            for row in csv.DictReader(file, delimiter=",", quotechar="|")
        ]
    for number, row in enumerate(rows):
        row["ID"] = number
        assert row["t"] == int(row["t"])
        assert row.keys() & set(fields) == {"ID", "t", "x", "y", "z"}
    return rows


def test_btrack_reads_its_table(table, tmp_path):
    table = table.assign(
        label=1, touches_edge=[True, False] * 2 + [True], name="a", height_nm=[1, np.nan, 2, 3, 4]
    )
    made = btrack_table(table, TRACK, events=EVENTS)
    assert list(made)[:8] == ["ID", "t", "x", "y", "z", "parent", "root", "generation"]
    assert made[["ID", "t", "y", "parent", "root", "generation"]].values.tolist() == [
        [0, 0, 0, 0, 0, 0],
        [0, 1, 1, 0, 0, 0],
        [0, 2, 2, 0, 0, 0],
        [1, 1, 9, 0, 0, 1],
    ]
    made.to_csv(tmp_path / "t.csv", index=False, na_rep="nan")
    read = read_as_btrack(tmp_path / "t.csv")
    assert [row["x"] for row in read] == [0.0, 0.1, 0.2, 9.0]
    assert [row["track_id"] for row in read] == [0, 0, 0, 1]
    assert [row["touches_edge"] for row in read] == [0, 1, 1, 0]
    assert np.isnan(read[0]["height_nm"])
    assert read[0]["detection_label"] == 1
    assert "name" not in read[0]
    assert len(btrack_table(table[:0], [])) == 0


def test_generations_of_btrack():
    table = pd.DataFrame({"frame": [0, 1, 2, 2], "y": 0.0, "x": 0.0})
    events = pd.DataFrame(
        {"kind": ["split", "split", "merge"], "track_id": [1, 2, 3], "partner_id": [0, 1, 0]}
    )
    made = btrack_table(table, [0, 1, 2, 3], events=events)
    assert made[["parent", "root", "generation"]].values.tolist() == [
        [0, 0, 0],
        [0, 0, 1],
        [1, 0, 2],
        [3, 3, 0],
    ]


def test_napari_opens_a_table_of_points(table):
    made = napari_points(table.assign(index=3, name="a"), TRACK)
    assert list(made) == ["index", "axis-0", "axis-1", "axis-2", "track_id", "time_s", "area_px"]
    assert made.filter(like="axis-").values.tolist() == [[0, 0, 0], [1, 1, 0.1], [2, 2, 0.2], [1, 9, 9]]
    assert made["index"].tolist() == [0, 1, 2, 3]
    assert made["track_id"].tolist() == [0, 0, 0, 1]


def test_tracks_of_laptrack_end_at_events():
    #  row      0  1  2  3  4  5  6     track 0: rows 0 1 3 5, track 1: 2 4, which splits off after row 0 and merges
    #  frame    0  1  1  2  2  3  1     into row 5; row 6 is a track of its own
    table = pd.DataFrame({"frame": [0, 1, 1, 2, 2, 3, 1], "y": np.arange(7.0), "x": 0.0, "area_px": 1})
    events = pd.DataFrame({"source": [0, 4], "target": [2, 5]})
    tracks, splits, merges = laptrack_tables(table, [0, 0, 1, 0, 1, 0, 2], events=events)
    by_row = tracks.set_index("y").sort_index()
    assert by_row["track_id"].tolist() == [0, 1, 3, 1, 3, 2, 4]
    assert by_row["tree_id"].tolist() == [0, 0, 0, 0, 0, 0, 1]
    assert by_row["whole_track_id"].tolist() == [0, 0, 1, 0, 1, 0, 2]
    assert sorted(splits.values.tolist()) == [[0, 1], [0, 3]]
    assert sorted(merges.values.tolist()) == [[1, 2], [3, 2]]
    assert tracks["frame"].is_monotonic_increasing
    assert {tracks[name].dtype.kind for name in ("frame", "track_id", "tree_id")} == {"i"}
    # Every link of laptrack leads from the last detection of one track to the first one of another.
    for parent, child in [*splits.values.tolist(), *merges.values.tolist()]:
        assert tracks[tracks.track_id == parent].frame.max() < tracks[tracks.track_id == child].frame.min()


def test_laptrack_without_events(table):
    tracks, splits, merges = laptrack_tables(table, TRACK)
    assert tracks["track_id"].tolist() == tracks["tree_id"].tolist() == [0, 0, 1, 0]
    for part in (splits, merges):
        assert (list(part), len(part)) == (["parent_track_id", "child_track_id"], 0)
    assert [len(part) for part in laptrack_tables(table[:0], [])] == [0, 0, 0]
