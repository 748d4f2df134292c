"""Nested results to HDF5 and back, with their types."""

import h5py
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from playNano.core.serialize import read_tree, write_tree
from playNano.core.tables import LastMasks, RowsByFrame, RowsByGroup
from playNano.errors import RecordError


def round_trip(value, path=None):
    if path is None:
        with h5py.File("memory.h5", "w", driver="core", backing_store=False) as file:
            write_tree(file, "value", value)
            return read_tree(file, "value")
    with h5py.File(path, "w") as file:
        write_tree(file, "value", value)
    with h5py.File(path, "r") as file:
        return read_tree(file, "value")


def same(a, b):
    """Whether two nestings are equal in value, type, dtype and order of keys."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return len(a) == len(b) and all(same(k, k2) and same(a[k], b[k2]) for k, k2 in zip(a, b, strict=True))
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, np.ndarray):
        return (
            a.dtype == b.dtype and a.shape == b.shape and np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")
        )
    if isinstance(a, pd.DataFrame):
        return a.equals(b) and list(a.dtypes) == list(b.dtypes)
    return bool(a == b) or (a != a and b != b)


DTYPES = st.sampled_from(["?", "i1", "u2", "i4", "<i8", ">i4", "f4", "f8", "c16"])
SHAPES = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)
ARRAYS = DTYPES.flatmap(lambda dtype: hnp.arrays(dtype, SHAPES))
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=6)
    | st.sampled_from([b"\0a", 1j, np.float32(0.5), np.int8(-3), np.bool_(True)])
)
KEYS = (
    st.text(max_size=6)
    | st.integers(-5, 5)
    | st.sampled_from(["a/b", ".", "..", "", "a", "a|b", "__keys__", "\0"])
)
NESTED = st.recursive(
    SCALARS | ARRAYS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(KEYS, inner, max_size=4)
    ),
    max_leaves=10,
)


@settings(max_examples=60)
@given(NESTED)
def test_any_nesting_comes_back_with_its_types(value):
    assert same(round_trip({"v": value})["v"], value)
    assert same(round_trip(value), value)


def test_floats_of_whole_numbers_stay_floats(tmp_path):
    value = {"list": [1.0, 2.0], "int": [1, 2], "mixed": [1, 2.0, True, None, "3"], "tuple": (1.0, (2,))}
    assert same(round_trip(value, tmp_path / "a.h5"), value)


@pytest.mark.parametrize(
    "array",
    [
        np.array(["a", "\u00fcber", ""]),
        np.array("one"),
        np.empty((0, 3), "U4"),
        np.zeros((3, 40, 40), np.float32),
        np.zeros((0, 40, 40)),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.arange(20)[::3],
        np.array([np.nan, np.inf, -0.0]),
    ],
)
def test_arrays(array, tmp_path):
    assert same(round_trip({"a": [array]}, tmp_path / "a.h5")["a"][0], np.asarray(array))


@pytest.mark.parametrize(
    "array", [np.array([1, "a"], object), np.array(["2024"], "M8[Y]"), np.zeros(2, [("a", "i4")])]
)
def test_arrays_that_cannot_be_stored_are_refused(array):
    with pytest.raises(TypeError, match="cannot be stored"):
        round_trip({"a": array})


def test_objects_that_cannot_be_stored_are_named():
    with pytest.raises(TypeError, match=r"value\['a'\]: a object cannot be stored"):
        round_trip({"a": object()})


def test_large_arrays_are_compressed_by_frames(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        write_tree(file, "v", {"masks": np.zeros((5, 64, 64), np.int32)})
        dataset = file["v/masks"]
        assert dataset.compression == "gzip"
        assert dataset.chunks == (1, 64, 64)


def test_any_browser_can_walk_it(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        write_tree(file, "record", {"analysis": {"step_1_x": {"counts": np.arange(3)}}})
        np.testing.assert_array_equal(file["record/analysis/step_1_x/counts"][()], [0, 1, 2])


def test_order_of_keys_is_kept():
    keys = ["z", "a", "m", "b/c", "B", "1", 1, True, None, (1, "a")]
    keys.remove(True)  # equal to 1
    keys += [np.int64(7), np.float32(0.5)]
    assert list(round_trip({key: i for i, key in enumerate(keys)})) == keys


def test_keys_that_look_alike():
    value = {"a/b": 1, "a|b": 2, "": 3, "_": 4, "..": 5, "x" * 100: 6, "x" * 101: 7, "1": 8, 1: 9, "\0": 10}
    assert same(round_trip(value), value)


def test_what_occurs_twice_is_stored_once_and_comes_back_shared(tmp_path):
    masks = np.arange(10_000).reshape(1, 100, 100)
    outputs = {"masks": masks}
    record = {"analysis": {"step_1": outputs}, "provenance": {"by_name": [outputs], "masks": masks}}
    back = round_trip(record, tmp_path / "a.h5")
    assert back["analysis"]["step_1"] is back["provenance"]["by_name"][0]
    assert back["analysis"]["step_1"]["masks"] is back["provenance"]["masks"]
    once = tmp_path / "once.h5"
    round_trip({"analysis": {"step_1": outputs}}, once)
    assert (tmp_path / "a.h5").stat().st_size < 1.5 * once.stat().st_size


def test_values_made_on_demand_are_not_taken_for_one_another():
    class Fresh(dict):
        def items(self):
            return [(str(i), np.full(2000, i)) for i in range(20)]

    back = round_trip(Fresh())
    assert [int(back[str(i)][0]) for i in range(20)] == list(range(20))


TABLES = [
    pd.DataFrame({"frame": [0, 1], "x": [0.5, np.nan], "ok": [True, False], "n": np.array([1, 2], np.int16)}),
    pd.DataFrame({"name": ["a", "b"], "x": [1.0, 2.0]}),
    pd.DataFrame({"name": pd.Series(["a", None], dtype=object), "x": [1.0, 2.0]}),
    pd.DataFrame({"kind": pd.Categorical(["a", "b", "a"])}),
    pd.DataFrame({"frame": pd.Series([], dtype=np.int64), "x": pd.Series([], dtype=float)}),
    pd.DataFrame({"a/b": [1], 3: [2.0]}),
    pd.DataFrame({f"c{i}": [i] for i in range(15)}),
    pd.DataFrame({"when": pd.to_datetime(["2024-01-02", "2024-01-03"]).as_unit("us")}),
    pd.DataFrame(),
]


@pytest.mark.parametrize("table", TABLES, ids=range(len(TABLES)))
def test_tables(table):
    back = round_trip({"t": table})["t"]
    pd.testing.assert_frame_equal(back, table, check_index_type=False, check_column_type=False)
    assert [str(t) for t in back.dtypes] == [str(t) for t in table.dtypes] or "kind" in table


def test_views_come_back_as_views(tmp_path):
    table = pd.DataFrame({"frame": [0, 2], "track_id": [0, 0], "point_index": [0, 1], "x": [1.0, 2.0]})
    rows = RowsByFrame(table, 4, {"x": "x", "pair": ("x", "x")})
    groups = RowsByGroup(table, "track_id", [0], ["x"], dense=True)
    back = round_trip({"rows": rows, "groups": groups, "table": table}, tmp_path / "a.h5")
    assert type(back["rows"]) is RowsByFrame
    assert back["rows"] == rows
    assert type(back["groups"]) is RowsByGroup
    assert back["groups"] == groups
    pd.testing.assert_frame_equal(back["table"], table)


def test_foreign_members_are_refused(tmp_path):
    path = tmp_path / "foreign.h5"
    with h5py.File(path, "w") as file:
        file.create_group("a")["x"] = [1, 2]
    with h5py.File(path) as file:
        with pytest.raises(RecordError, match=r"foreign\.h5: /a was not written by playNano"):
            read_tree(file, "a")
        with pytest.raises(KeyError):
            read_tree(file, "b")


def test_masks_come_back_as_views_of_the_label_images():
    labels = np.zeros((2, 3, 4), np.int32)
    labels[0, 1, 1:3], labels[1, 2, 0] = 5, 5
    value = {"masks": LastMasks(labels, {3: (0, 5), 8: (1, 5)}), "labels": labels}
    back = round_trip(value)
    assert type(back["masks"]) is LastMasks
    assert back["masks"].positions == {3: (0, 5), 8: (1, 5)}
    assert back["masks"].labels is back["labels"]
    np.testing.assert_array_equal(back["masks"][8], labels[1] == 5)
    assert dict(round_trip(LastMasks(labels, {}))) == {}
