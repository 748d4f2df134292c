"""Detections of any module as one table of points."""

import numpy as np
import pandas as pd
import pytest

from playNano.analysis.points import (
    DEFAULT_DETECTION,
    DETECTIONS,
    detected_points,
    detection_outputs,
    settle_detection,
)
from playNano.core.tables import RowsByFrame
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
    settled = settle_detection({"detection_module": DEFAULT_DETECTION, "n": 1}, {name: {} for name in ran})
    assert settled == {"detection_module": chosen, "n": 1}
    assert type(settled["detection_module"]) is str


def test_a_name_given_is_taken_at_its_word():
    given = {"detection_module": "feature_detection"}
    assert settle_detection(given, {"log_blob_detection": {}}) == given
    assert DETECTIONS[:2] == ("feature_detection", "log_blob_detection")
