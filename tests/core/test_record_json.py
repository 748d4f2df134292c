"""Records as JSON files, large values once beside them."""

import json

import h5py
import numpy as np
import pandas as pd
import pytest

from playNano.core.serialize import read_record_json, write_record_json
from playNano.core.serialize.record import LARGE
from playNano.core.tables import RowsByFrame
from playNano.errors import RecordError


def sidecars(folder):
    return sorted(folder.glob("playnano-*.h5"))


def big(seed=0):
    return np.random.default_rng(seed).integers(0, 9, (5, 150, 150)).astype(np.int32)


@pytest.fixture
def record():
    outputs = {"labeled_masks": big(), "counts": np.arange(5), "summary": {"total": 3, "average": 0.6}}
    return {
        "environment": {"python_version": "3"},
        "analysis": {"step_1_feature_detection": outputs},
        "provenance": {"steps": [{"index": 1}], "results_by_name": {"feature_detection": [outputs]}},
    }


def test_small_values_stand_in_the_json(tmp_path, record):
    record["analysis"]["step_1_feature_detection"]["labeled_masks"] = np.zeros((1, 2, 2), int)
    path = tmp_path / "r.json"
    write_record_json(path, record)
    content = json.loads(path.read_text())
    assert content["analysis"]["step_1_feature_detection"]["labeled_masks"] == [[[0, 0], [0, 0]]]
    assert sidecars(tmp_path) == []
    content["provenance"]["results_by_name"]["feature_detection"] = [
        content["analysis"]["step_1_feature_detection"]
    ]
    assert read_record_json(path) == content


def test_exactly_the_limit_stays(tmp_path):
    write_record_json(tmp_path / "r.json", {"a": np.zeros(LARGE)})
    assert sidecars(tmp_path) == []
    write_record_json(tmp_path / "r.json", {"a": np.zeros(LARGE + 1)})
    assert len(sidecars(tmp_path)) == 1


def test_large_values_stand_once_beside_it(tmp_path, record):
    path = tmp_path / "r.json"
    write_record_json(path, record)
    (sidecar,) = sidecars(tmp_path)
    content = json.loads(path.read_text())
    reference = content["analysis"]["step_1_feature_detection"]["labeled_masks"]["$stored"]
    assert reference["file"] == sidecar.name
    assert reference["shape"] == [5, 150, 150]
    assert reference["dtype"] == "int32"
    assert reference["checksum"].startswith("sha256:")
    again = content["provenance"]["results_by_name"]["feature_detection"][0]
    assert again == {"$same": ["analysis", "step_1_feature_detection"]}
    with h5py.File(sidecar) as file:
        assert len(file) == 1
    assert path.stat().st_size < 10_000


def test_a_loader_puts_it_back(tmp_path, record):
    path = tmp_path / "r.json"
    write_record_json(path, record)
    back = read_record_json(path)
    masks = back["analysis"]["step_1_feature_detection"]["labeled_masks"]
    np.testing.assert_array_equal(masks, big())
    assert masks.dtype == np.int32
    assert back["provenance"]["results_by_name"]["feature_detection"][0]["labeled_masks"] is masks
    assert back["analysis"]["step_1_feature_detection"]["counts"] == [0, 1, 2, 3, 4]


def test_large_tables_views_and_lists(tmp_path):
    rows = 26_000
    table = pd.DataFrame({"frame": np.arange(rows), "x": np.linspace(0, 1, rows), "y": 1.0, "z": 2})
    view = RowsByFrame(table, rows, {"x": "x", "at": ("y", "x")})
    long_list = [[i, float(i), str(i)] for i in range(LARGE // 3 + 1)]
    numbered = {i: np.full((200, 200), i, bool) for i in range(3)}
    path = tmp_path / "r.json"
    write_record_json(path, {"view": view, "table": table, "list": long_list, "numbered": numbered})
    back = read_record_json(path)
    assert type(back["view"]) is RowsByFrame
    assert back["view"][17] == view[17]
    assert len(back["view"]) == rows
    pd.testing.assert_frame_equal(back["table"], table)
    assert back["list"] == long_list
    assert list(back["numbered"]) == [0, 1, 2]
    assert back["numbered"][2].all()


def test_a_list_of_outputs_stays_in_the_json(tmp_path):
    outputs = [{"masks": big(seed), "n": seed} for seed in range(3)]
    write_record_json(tmp_path / "r.json", {"results": {"m": outputs}})
    content = json.loads((tmp_path / "r.json").read_text())
    assert [entry["n"] for entry in content["results"]["m"]] == [0, 1, 2]
    assert [set(entry["masks"]) for entry in content["results"]["m"]] == [{"$stored"}] * 3


def test_a_missing_sidecar_is_named(tmp_path, record):
    path = tmp_path / "r.json"
    write_record_json(path, record)
    (sidecar,) = sidecars(tmp_path)
    sidecar.unlink()
    with pytest.raises(RecordError, match=rf"r\.json needs {sidecar.name} in the same folder"):
        read_record_json(path)


def test_a_changed_sidecar_is_noticed(tmp_path, record):
    path = tmp_path / "r.json"
    write_record_json(path, record)
    (sidecar,) = sidecars(tmp_path)
    with h5py.File(sidecar, "r+") as file:
        (name,) = file
        file[name][2, 3, 4] += 1
    with pytest.raises(RecordError, match=r"does not match its checksum in r\.json"):
        read_record_json(path)


@pytest.mark.parametrize("content", [b"", b"not HDF5 at all"])
def test_a_damaged_sidecar_is_named(tmp_path, record, content):
    path = tmp_path / "r.json"
    write_record_json(path, record)
    (sidecar,) = sidecars(tmp_path)
    sidecar.write_bytes(content)
    with pytest.raises(RecordError, match=rf"{sidecar.name} is damaged"):
        read_record_json(path)


def test_a_sidecar_without_the_value_is_damaged(tmp_path, record):
    path = tmp_path / "r.json"
    write_record_json(path, record)
    (sidecar,) = sidecars(tmp_path)
    with h5py.File(sidecar, "w"):
        pass
    with pytest.raises(RecordError, match="is damaged"):
        read_record_json(path)


def test_the_sidecar_is_sought_beside_the_json_only(tmp_path, record):
    path = tmp_path / "r.json"
    write_record_json(path, record)
    (sidecar,) = sidecars(tmp_path)
    (tmp_path / "deep").mkdir()
    text = path.read_text().replace(sidecar.name, f"../{sidecar.name}")
    (tmp_path / "deep" / "r.json").write_text(text)
    with pytest.raises(RecordError, match="in the same folder"):
        read_record_json(tmp_path / "deep" / "r.json")


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b""])
def test_a_file_that_is_no_record(tmp_path, content):
    path = tmp_path / "r.json"
    path.write_bytes(content)
    with pytest.raises(RecordError, match=r"r\.json is not a JSON record"):
        read_record_json(path)


def test_one_content_is_one_text(tmp_path, record):
    write_record_json(tmp_path / "a" / "r.json", record)
    write_record_json(tmp_path / "b" / "other.json", record)
    assert (tmp_path / "a" / "r.json").read_text() == (tmp_path / "b" / "other.json").read_text()
    assert [p.name for p in sidecars(tmp_path / "a")] == [p.name for p in sidecars(tmp_path / "b")]


def test_stale_sidecars_are_removed(tmp_path, record):
    path = tmp_path / "r.json"
    write_record_json(path, record)
    (first,) = sidecars(tmp_path)
    record["analysis"]["step_1_feature_detection"]["labeled_masks"] = big(1)
    write_record_json(path, record)
    (second,) = sidecars(tmp_path)
    assert second != first
    write_record_json(path, {"small": 1})
    assert sidecars(tmp_path) == []


def test_sidecars_of_other_records_stay(tmp_path, record):
    write_record_json(tmp_path / "a.json", record)
    write_record_json(tmp_path / "b.json", record)
    (shared,) = sidecars(tmp_path)
    write_record_json(tmp_path / "a.json", {"small": 1})
    assert sidecars(tmp_path) == [shared]
    assert read_record_json(tmp_path / "b.json")["environment"] == {"python_version": "3"}


def test_an_interrupted_write_leaves_the_old_record_whole(tmp_path, record, monkeypatch):
    path = tmp_path / "r.json"
    write_record_json(path, record)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}

    def interrupted(*_, **__):
        raise OSError("disk full")

    monkeypatch.setattr("pathlib.Path.write_text", interrupted)
    with pytest.raises(OSError, match="disk full"):
        write_record_json(path, {"a": big(2)})
    monkeypatch.undo()
    np.testing.assert_array_equal(
        read_record_json(path)["analysis"]["step_1_feature_detection"]["labeled_masks"], big()
    )
    assert {name: (tmp_path / name).read_bytes() for name in before} == before
    assert not list(tmp_path.glob(".*"))


def test_what_has_no_json_form_leaves_the_old_record_whole(tmp_path, record):
    path = tmp_path / "r.json"
    write_record_json(path, record)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(TypeError, match=r"record\['own'\]"):
        write_record_json(path, {"masks": big(3), "own": object()})
    assert sorted(tmp_path.iterdir()) == before
    assert read_record_json(path)["environment"] == {"python_version": "3"}


def test_the_json_is_strict(tmp_path):
    path = tmp_path / "r.json"
    write_record_json(path, {"a": float("nan"), "b": np.array([np.inf])})

    def refuse(constant):
        raise AssertionError(constant)

    assert json.loads(path.read_text(), parse_constant=refuse) == {"a": None, "b": ["Infinity"]}
