"""Detections of any module as one table of points."""

import numpy as np
import pandas as pd
import pytest

from playNano.analysis.pipeline import AnalysisPipeline, module_registry
from playNano.analysis.points import (
    DETECTIONS,
    detected_points,
    detection_outputs,
    points_of,
    resolve_detection,
)
from playNano.core.tables import RowsByFrame, RowsByGroup
from playNano.errors import MissingInputError, ParameterError

FEATURES = [
    [{"centroid": (1.0, 2.0), "area": 4}, {"centroid": (3.0, 4.0), "area": 5}],
    [],
    [{"centroid": (5.0, 6.0), "area": 6}],
]
BLOBS = [[{"y": 1.0, "x": 2.0}, {"y": 3.0, "x": 4.0}], [], [{"y": 5.0, "x": 6.0}]]


def as_view(features):
    frames = [frame for frame, listed in enumerate(features) for _ in listed]
    flat = [feature for listed in features for feature in listed]
    if "centroid" in flat[0]:
        table = pd.DataFrame(
            {
                "frame": frames,
                "y": [f["centroid"][0] for f in flat],
                "x": [f["centroid"][1] for f in flat],
                "area_px": [f["area"] for f in flat],
            }
        )
        return RowsByFrame(table, len(features), {"centroid": ("y", "x"), "area": "area_px"})
    table = pd.DataFrame({"frame": frames, "y": [f["y"] for f in flat], "x": [f["x"] for f in flat]})
    return RowsByFrame(table, len(features), {"y": "y", "x": "x"})


@pytest.fixture
def stack(make_stack):
    return make_stack(np.zeros((3, 8, 8)))


def points(stack, features, columns=("centroid_x", "centroid_y")):
    results = {"d": {"features_per_frame": features}}
    return detected_points(stack, results, "d", "features_per_frame", columns)


@pytest.mark.parametrize("features", [FEATURES, BLOBS, as_view(FEATURES), as_view(BLOBS), tuple(BLOBS)])
def test_x_and_y_are_found_under_every_name(stack, features):
    for columns in (("centroid_x", "centroid_y"), ("x", "y")):
        table = points(stack, features, columns)
        assert list(table.columns) == ["frame", "point_index", "time_s", *columns]
        assert table[columns[0]].tolist() == [2.0, 4.0, 6.0]
        assert table[columns[1]].tolist() == [1.0, 3.0, 5.0]
        assert table["frame"].tolist() == [0, 0, 2]
        assert table["point_index"].tolist() == [0, 1, 0]
        assert table["time_s"].tolist() == [0.0, 0.0, 1.0]


def test_names_of_the_centroid_in_flat_dicts(stack):
    flat = [[{"centroid_x": 2.0, "centroid_y": 1.0}], [], []]
    assert points(stack, flat, ("x", "y"))[["x", "y"]].to_numpy().tolist() == [[2.0, 1.0]]


@pytest.mark.parametrize("features", [FEATURES, as_view(FEATURES)])
def test_any_other_column(stack, features):
    assert points(stack, features, ("area", "y"))["area"].tolist() == [4.0, 5.0, 6.0]


def test_a_column_that_no_dict_shows(stack):
    assert points(stack, as_view(FEATURES), ("area_px",))["area_px"].tolist() == [4.0, 5.0, 6.0]


@pytest.mark.parametrize("features", [FEATURES, as_view(FEATURES)])
def test_a_column_that_is_not_there(stack, features):
    with pytest.raises(ParameterError, match=r"'d' have no coordinate 'height' \(they have: .*centroid"):
        points(stack, features, ("height",))


@pytest.mark.parametrize("value", ["wide", None, float("nan"), float("inf")])
def test_coordinates_that_are_no_numbers(stack, value):
    broken = [[{"y": 1.0, "x": value}], [], []]
    with pytest.raises(ParameterError, match=r"'x' of 'd' is not (a number|finite)"):
        points(stack, broken, ("x", "y"))


def test_detections_that_differ_in_their_keys(stack):
    with pytest.raises(ParameterError, match="coordinate 'x'"):
        points(stack, [[{"y": 1.0, "x": 2.0}, {"y": 1.0}], [], []], ("x",))
    with pytest.raises(ParameterError, match="coordinate 'x'"):
        points(stack, [[{"centroid": (1.0, 2.0)}, {"centroid": (1.0,)}], [], []], ("x",))


def test_no_detections(stack):
    table = points(stack, [[], [], []])
    assert list(table.columns) == ["frame", "point_index", "time_s", "centroid_x", "centroid_y"]
    assert len(table) == 0
    assert {str(t) for t in table.dtypes} == {"int64", "float64"}
    assert len(points(stack, [])) == 0


def test_more_frames_than_the_movie_has(stack):
    with pytest.raises(ParameterError, match="detections in frame 4 of 3 frames"):
        points(stack, [[], [], [], [], [{"y": 1.0, "x": 1.0}]])


def test_outputs_that_are_not_there():
    with pytest.raises(MissingInputError, match="needs the detections of 'd', but before it ran: no module"):
        detection_outputs(None, "d", "k")
    with pytest.raises(RuntimeError, match="before it ran: a, b; add 'd' first, or set detection_module"):
        detection_outputs({"a": {}, "b": {}}, "d", "k")
    with pytest.raises(RuntimeError, match=r"'d' has no output 'k' \(it has: m, n\); set coord_key"):
        detection_outputs({"d": {"m": 1, "n": 2}}, "d", "k")


@pytest.mark.parametrize(
    ("ran", "chosen"),
    [
        ([], "feature_detection"),
        (["feature_detection"], "feature_detection"),
        (["log_blob_detection"], "log_blob_detection"),
        (["log_blob_detection", "feature_detection"], "feature_detection"),
        (["count_nonzero"], "feature_detection"),
    ],
)
def test_what_the_default_stands_for(ran, chosen):
    resolved = resolve_detection({"n": 1}, {name: {} for name in ran})
    assert resolved == {"n": 1, "detection_module": chosen, "coord_key": "features_per_frame"}


def test_a_name_given_is_kept():
    given = {"detection_module": "feature_detection", "coord_key": "features_per_frame"}
    assert resolve_detection(given, {"log_blob_detection": {"tracks": []}}) == given
    assert resolve_detection(given, {"feature_detection": {"tracks": []}}) == given
    assert DETECTIONS[:2] == ("feature_detection", "log_blob_detection")


@pytest.mark.parametrize("name", ["k_means_clustering", "particle_tracking"])
def test_a_name_given_that_has_not_run_is_an_error(name, make_stack):
    detected = {"log_blob_detection": {"features_per_frame": BLOBS}}
    module, stack = module_registry()[name](), make_stack(np.zeros((3, 8, 8)))
    params = {"k": 1} if name == "k_means_clustering" else {}
    assert "detection_module" not in module.bind(params)
    module.run(stack, detected, **params)
    with pytest.raises(MissingInputError, match="'feature_detection', but before it ran: log_blob_detection"):
        module.run(stack, detected, detection_module="feature_detection", **params)


def test_the_record_has_the_module_that_the_default_stood_for(make_stack):
    pipeline = AnalysisPipeline()
    pipeline.add("log_blob_detection", threshold=1.0)
    pipeline.add("dbscan_clustering")
    record = pipeline.run(make_stack())["provenance"]["steps"][1]["params"]
    assert (record["detection_module"], record["coord_key"]) == ("log_blob_detection", "features_per_frame")
    assert {type(record[key]) for key in ("detection_module", "coord_key")} == {str}


TRACKS = [
    {"id": 3, "frames": [0, 1, 2], "point_indices": [0, None, 1], "coords": [(2.0, 1.0), None, (4.0, 3.0)]},
    {"id": 5, "frames": [2], "point_indices": [0], "coords": [(8.0, 9.0)]},
    {"id": 6, "frames": [1], "point_indices": [None], "coords": [None]},
]


def as_group_view():
    rows = pd.DataFrame(
        {
            "track_id": [3, 3, 5],
            "frame": [0, 2, 2],
            "point_index": [0, 1, 0],
            "centroid_x": [2.0, 4.0, 8.0],
            "centroid_y": [1.0, 3.0, 9.0],
        }
    )
    return RowsByGroup(rows, "track_id", [3, 5, 6], ("centroid_x", "centroid_y"), dense=True)


@pytest.mark.parametrize("tracks", [TRACKS, as_group_view()], ids=["dicts", "view"])
@pytest.mark.parametrize("columns", [("centroid_x", "centroid_y"), ("x", "y")])
def test_tracks_are_points_at_their_mean(make_stack, tracks, columns):
    stack = make_stack(np.zeros((3, 8, 8)), pixel_size_nm=(10.0, 1.0))
    found = points_of(stack, {"t": {"tracks": tracks}}, "t", "tracks", columns)
    assert found.of_tracks
    assert list(found.table) == ["frame", "point_index", "time_s", *columns]
    assert found.table.to_numpy().tolist() == [[0, 3, 0.5, 3, 2], [2, 5, 1.0, 8, 9]]
    assert found.observations.to_numpy().tolist() == [[0, 0, 0.0], [0, 2, 1.0], [1, 2, 1.0]]
    assert found.positions_nm.tolist() == [[20.0, 3.0], [90.0, 8.0]]


def test_other_columns_of_tracks_come_from_their_table(make_stack):
    stack = make_stack(np.zeros((3, 8, 8)))
    view = as_group_view()
    results = {"t": {"tracks": view, "table": view.table.assign(area=[1.0, 3.0, 7.0])}}
    found = points_of(stack, results, "t", "tracks", ("area",))
    assert found.table["area"].tolist() == [2.0, 7.0]
    with pytest.raises(ParameterError, match="no coordinate 'z'"):
        points_of(stack, results, "t", "tracks", ("z",))


def test_tracks_with_other_than_the_named_coordinates(make_stack):
    stack = make_stack(np.zeros((3, 8, 8)))
    with pytest.raises(ParameterError, match="have 2 coordinates each; coord_columns names 3"):
        points_of(stack, {"t": {"tracks": TRACKS}}, "t", "tracks", ("x", "y", "z"))
    broken = [{"id": 0, "frames": [0], "point_indices": [0], "coords": [(1.0, float("nan"))]}]
    with pytest.raises(ParameterError, match="'y' of 't' is not finite for 1 of 1"):
        points_of(stack, {"t": {"tracks": broken}}, "t", "tracks", ("x", "y"))
    with pytest.raises(ParameterError, match="detections in frame 2 of 1 frames"):
        points_of(make_stack(np.zeros((1, 8, 8))), {"t": {"tracks": TRACKS}}, "t", "tracks", ("x", "y"))


def test_detections_are_seen_once_and_may_have_no_place(make_stack):
    stack = make_stack(np.zeros((3, 8, 8)))
    found = points_of(stack, {"d": {"k": FEATURES}}, "d", "k", ("area",))
    assert not found.of_tracks
    assert found.observations["point"].tolist() == [0, 1, 2]
    assert found.observations["frame"].tolist() == [0, 0, 2]
    assert found.positions_nm.tolist() == [[2.0, 4.0], [6.0, 8.0], [10.0, 12.0]]
    without = [[{"area": 1.0}], [], []]
    assert points_of(stack, {"d": {"k": without}}, "d", "k", ("area",)).positions_nm is None


@pytest.mark.parametrize(
    ("outputs", "chosen"), [({"tracks": []}, "tracks"), ({"features_per_frame": []}, "features_per_frame")]
)
def test_the_output_that_the_default_stands_for(outputs, chosen):
    assert resolve_detection({"detection_module": "d"}, {"d": {**outputs, "n_tracks": 0}}) == {
        "detection_module": "d",
        "coord_key": chosen,
    }
