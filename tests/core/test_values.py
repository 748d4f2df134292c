"""Values as strict JSON."""

import json
from datetime import UTC, date, datetime
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from playNano.core.serialize import RecordEncoder, json_safe
from playNano.core.serialize.values import from_tagged, to_tagged
from playNano.core.tables import RowsByFrame
from playNano.errors import RecordError


class Opaque:
    """An object that no file can hold."""


TABLE = pd.DataFrame({"frame": [0, 1], "x": [1.5, np.nan]})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (np.bool_(True), True),
        (3, 3),
        (np.int16(3), 3),
        (2**70, 2**70),
        (0.1, 0.1),
        (np.float64(0.1), 0.1),
        (np.float32(0.5), 0.5),
        (float("nan"), None),
        (float("inf"), "Infinity"),
        (np.float32("-inf"), "-Infinity"),
        (1 + 2j, [1.0, 2.0]),
        ("text\0 \u2713", "text\0 \u2713"),
        (np.str_("text"), "text"),
        (b"ab\xff", "ab\\xff"),
        ((1, (2,)), [1, [2]]),
        ({2, 1}, [1, 2]),
        (frozenset(), []),
        (np.array([[1, 2]]), [[1, 2]]),
        (np.array([0.5, np.nan, np.inf]), [0.5, None, "Infinity"]),
        (np.array(3), 3),
        (np.array(["a"]), ["a"]),
        (np.array([{"a": np.int8(1)}, None], dtype=object), [{"a": 1}, None]),
        ({1: 2, np.int64(3): 4, "a": 5, (1, 2): 6}, {"1": 2, "3": 4, "a": 5, "(1, 2)": 6}),
        (Path("a") / "b", "a/b"),
        (PurePosixPath("/x"), "/x"),
        (datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC), "2024-01-02T03:04:05+00:00"),
        (date(2024, 1, 2), "2024-01-02"),
        (json.dumps, "json:dumps"),
        (int, "builtins:int"),
        (TABLE, [{"frame": 0, "x": 1.5}, {"frame": 1, "x": None}]),
        (RowsByFrame(TABLE, 2, {"x": "x"}), [[{"x": 1.5}], [{"x": None}]]),
    ],
)
def test_json_safe(value, expected):
    safe = json_safe({"k": [value]})["k"][0]
    assert safe == expected
    assert type(safe) is type(expected)
    json.dumps(safe, allow_nan=False)


def test_what_has_no_json_form_is_named():
    with pytest.raises(
        TypeError, match=r"record\['steps'\]\[1\]\['own'\]: a Opaque cannot be written to JSON"
    ):
        json_safe({"steps": [1, {"own": Opaque()}]})


def test_nothing_is_cut():
    deep = value = {}
    for _ in range(60):
        value["next"] = {"list": list(range(50))}
        value = value["next"]
    assert json_safe(deep) == deep
    array = np.arange(90_000.0).reshape(300, 300)
    assert json_safe(array) == array.tolist()


def test_json_safe_changes_nothing():
    record = {"a": np.arange(3), "b": [np.float64(1)]}
    json_safe(record)
    assert isinstance(record["a"], np.ndarray)
    assert isinstance(record["b"][0], np.float64)


def test_encoder():
    record = {"a": np.array([1.5, np.nan]), 1: {"t": (np.int64(2),)}, "table": TABLE}
    expected = {"a": [1.5, None], "1": {"t": [2]}, "table": [{"frame": 0, "x": 1.5}, {"frame": 1, "x": None}]}
    assert json.loads(json.dumps(record, cls=RecordEncoder)) == expected
    assert json.loads(json.dumps(record, cls=RecordEncoder, indent=2)) == expected
    assert json.loads("".join(RecordEncoder().iterencode(record))) == expected
    assert RecordEncoder().default(np.int8(3)) == 3


def test_encoder_to_a_file(tmp_path):
    path = tmp_path / "r.json"
    with path.open("w") as file:
        json.dump({"a": float("nan"), "b": np.ones(2)}, file, cls=RecordEncoder)
    assert json.loads(path.read_text()) == {"a": None, "b": [1.0, 1.0]}


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=6)
    | st.binary(max_size=4)
    | st.complex_numbers(allow_nan=False)
    | st.datetimes()
    | st.dates()
    | st.sampled_from([Path("a/b"), np.float32(0.5), np.int8(-3), np.bool_(True), np.uint64(2**63)])
)
KEYS = st.text(max_size=6) | st.integers(-5, 5) | st.floats(allow_nan=False) | st.tuples(st.integers(0, 3))
NESTED = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(KEYS, inner, max_size=4)
        | st.frozensets(st.integers(), max_size=3).map(set)
    ),
    max_leaves=12,
)


def same(a, b):
    """Whether two nestings are equal in value and type, all the way down."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        keys = [(k, k2) for k, k2 in zip(a, b, strict=False)]
        return len(a) == len(b) and all(same(k, k2) and same(a[k], b[k2]) for k, k2 in keys)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return bool(a == b)


@given(NESTED)
def test_tagged_values_come_back_with_their_types(value):
    text = json.dumps(to_tagged(value))
    assert same(from_tagged(json.loads(text)), value)


@given(NESTED)
def test_any_nesting_is_strict_json(value):
    json.loads(json.dumps(json_safe(value), allow_nan=False))


def test_tagged_specials():
    back = from_tagged(json.loads(json.dumps(to_tagged({"__type__": 1, "a": float("inf")}))))
    assert back == {"__type__": 1, "a": float("inf")}
    assert np.isnan(from_tagged(to_tagged(float("nan"))))
    array = from_tagged(to_tagged([np.arange(6, dtype=np.int16).reshape(2, 3)]))[0]
    np.testing.assert_array_equal(array, np.arange(6).reshape(2, 3))
    assert array.dtype == np.int16
    assert from_tagged(to_tagged(json.dumps)) == "json:dumps"


def test_types_of_a_newer_version_are_refused():
    with pytest.raises(RecordError, match="unknown type 'quaternion'; it was written by a newer version"):
        from_tagged({"__type__": "quaternion", "value": 3})


def test_what_cannot_come_back_is_refused():
    with pytest.raises(TypeError, match="Opaque cannot be stored"):
        to_tagged([Opaque()])
