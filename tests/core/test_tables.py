"""Tables seen as lists of dicts."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from playNano.core.tables import LastMasks, RowsByFrame, RowsByGroup, view_from_spec


@pytest.fixture
def detections():
    table = pd.DataFrame(
        {
            "frame": [0, 0, 2, 3],
            "label": [1, 2, 1, 1],
            "y": [1.0, 2.0, 3.0, 4.0],
            "x": [5.0, 6.0, 7.0, 8.0],
            "edge": [True, False, False, True],
        }
    )
    return RowsByFrame(table, 5, {"label": "label", "centroid": ("y", "x"), "edge": "edge"})


EXPECTED = [
    [
        {"label": 1, "centroid": (1.0, 5.0), "edge": True},
        {"label": 2, "centroid": (2.0, 6.0), "edge": False},
    ],
    [],
    [{"label": 1, "centroid": (3.0, 7.0), "edge": False}],
    [{"label": 1, "centroid": (4.0, 8.0), "edge": True}],
    [],
]


def test_rows_by_frame_equal_the_lists(detections):
    assert detections == EXPECTED
    assert detections.to_list() == EXPECTED
    assert list(detections) == EXPECTED
    assert detections == tuple(EXPECTED)
    assert detections == view_from_spec(detections.table, detections.spec())
    assert detections != EXPECTED[:-1]
    assert detections != [[], *EXPECTED[1:]]
    assert detections != 3


def test_places_are_rows_of_the_table(detections):
    assert detections.row_numbers([3, 0, 2], [0, 1, 0]).tolist() == [3, 1, 2]
    assert detections.row_numbers([], []).tolist() == []


def test_values_are_plain_python(detections):
    feature = detections[0][0]
    assert [type(feature[key]) for key in ("label", "edge", "centroid")] == [int, bool, tuple]
    assert [type(v) for v in feature["centroid"]] == [float, float]


@pytest.mark.parametrize(
    "index",
    [
        slice(None),
        slice(1, 3),
        slice(None, None, -1),
        slice(-2, None),
        slice(9, 12),
        0,
        4,
        -1,
        -5,
        np.int64(2),
    ],
)
def test_indices_are_those_of_a_list(detections, index):
    assert detections[index] == EXPECTED[index]


@pytest.mark.parametrize("index", [5, -6, 100])
def test_indices_out_of_range(detections, index):
    with pytest.raises(IndexError, match=f"index {index} is out of range for 5 items"):
        detections[index]


@pytest.mark.parametrize("index", ["a", 1.0, None])
def test_indices_of_another_kind(detections, index):
    with pytest.raises((TypeError, AttributeError)):
        detections[index]


def test_views_with_nan_equal_their_like():
    table = pd.DataFrame({"frame": [0, 1], "x": [np.nan, 1.0]})
    view = RowsByFrame(table, 2, {"x": "x"})
    assert view == RowsByFrame(table.copy(), 2, {"x": "x"})
    assert view != RowsByFrame(table, 3, {"x": "x"})
    assert view != RowsByFrame(table.fillna(2.0), 2, {"x": "x"})
    assert RowsByFrame(table[1:], 2, {"x": "x"}) == [[], [{"x": 1.0}]]


def test_counts_and_repr(detections):
    np.testing.assert_array_equal(detections.counts(), [2, 0, 1, 1, 0])
    assert repr(detections) == "<RowsByFrame: 5 items over a table of 4 rows>"
    assert len(detections) == 5
    assert EXPECTED[2] in detections
    with pytest.raises(TypeError):
        hash(detections)


def test_no_detections():
    empty = RowsByFrame(pd.DataFrame({"frame": pd.Series([], dtype=int), "y": []}), 3, {"y": "y"})
    assert empty == [[], [], []]
    assert RowsByFrame(pd.DataFrame({"frame": [], "y": []}), 0, {"y": "y"}) == []


@given(st.lists(st.integers(0, 6), max_size=20))
def test_rows_by_frame_of_any_movie(frames):
    frames = sorted(frames)
    view = RowsByFrame(pd.DataFrame({"frame": frames, "n": range(len(frames))}), 7, {"n": "n"})
    expected = [[{"n": i} for i, f in enumerate(frames) if f == frame] for frame in range(7)]
    assert view == expected


@pytest.fixture
def grouped():
    return pd.DataFrame(
        {
            "track_id": [0, 0, 2],
            "frame": [1, 4, 0],
            "point_index": [3, 0, 1],
            "x": [1.0, 2.0, 3.0],
            "y": [4.0, 5.0, 6.0],
        }
    )


def test_dense_groups_show_what_is_missing_as_none(grouped):
    view = RowsByGroup(grouped, "track_id", [0, 2], ["x", "y"], dense=True)
    assert view == [
        {
            "id": 0,
            "frames": [1, 2, 3, 4],
            "point_indices": [3, None, None, 0],
            "coords": [(1.0, 4.0), None, None, (2.0, 5.0)],
        },
        {"id": 2, "frames": [0], "point_indices": [1], "coords": [(3.0, 6.0)]},
    ]
    assert view[-1]["id"] == 2


def test_groups_that_are_not_dense(grouped):
    view = RowsByGroup(grouped, "track_id", range(3), ("x",), dense=False)
    assert view[0] == {"id": 0, "frames": [1, 4], "point_indices": [3, 0], "coords": [(1.0,), (2.0,)]}
    assert view[1] == {"id": 1, "frames": [], "point_indices": [], "coords": []}


def test_a_group_is_plain_python(grouped):
    track = RowsByGroup(grouped, "track_id", np.array([0, 2]), ["x", "y"], dense=True)[0]
    assert {type(v) for v in [track["id"], *track["frames"], track["point_indices"][0]]} == {int}
    assert type(track["coords"][0][0]) is float


@pytest.mark.parametrize("dense", [True, False])
def test_a_view_comes_back_from_its_spec(grouped, dense):
    view = RowsByGroup(grouped, "track_id", [0, 1, 2], ["x", "y"], dense=dense)
    again = view_from_spec(grouped, view.spec())
    assert again == view
    assert type(again) is RowsByGroup
    assert again.spec() == view.spec()


def test_last_masks_are_cut_out_when_asked_for():
    labels = np.zeros((3, 4, 5), np.int32)
    labels[1, 1:3, 1:3] = 7
    labels[2, 0, 0] = 7
    masks = LastMasks(labels, {4: (1, 7), 9: (2, 7)})
    assert list(masks) == [4, 9]
    assert len(masks) == 2
    assert masks[4].dtype == bool
    np.testing.assert_array_equal(masks[4], labels[1] == 7)
    assert masks[9].sum() == 1
    assert set(dict(masks)) == {4, 9}
    with pytest.raises(KeyError):
        masks[5]
