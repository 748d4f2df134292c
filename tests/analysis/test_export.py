"""Records as files: one JSON for all ways, and HDF5 with every type."""

import json

import h5py
import numpy as np
import pytest

from playNano.analysis.export import export_analysis_to_json
from playNano.analysis.modules import feature_detection
from playNano.analysis.pipeline import AnalysisPipeline
from playNano.analysis.utils.common import (
    NumpyEncoder,
    export_to_hdf5,
    load_analysis_from_hdf5,
    make_json_safe,
)
from playNano.core.serialize import read_record_json


def record_of(stack, **options):
    pipeline = AnalysisPipeline()
    pipeline.add("count_nonzero")
    pipeline.add("feature_detection", threshold=1)
    pipeline.add("particle_tracking", max_missing=1)
    pipeline.add("dbscan_clustering")
    return pipeline.run(stack, **options)


@pytest.fixture
def small(make_stack, make_spots):
    """Return a movie all of whose results are in the JSON file."""
    return make_stack(make_spots((3, 18, 36))[0])


@pytest.fixture
def large(make_stack, make_spots):
    """Return a movie whose label images are too large for a JSON file."""
    return make_stack(make_spots((6, 150, 150))[0])


@pytest.mark.parametrize("size", ["small", "large"])
def test_every_way_writes_the_same(small, large, size, tmp_path):
    stack = large if size == "large" else small
    record = record_of(stack, log_to=tmp_path / "log.json")
    export_analysis_to_json(str(tmp_path / "export.json"), record)
    stack.export_analysis_log(tmp_path / "stack.json")
    texts = {path.read_text() for path in tmp_path.glob("*.json")}
    assert len(texts) == 1
    assert len(list(tmp_path.glob("*.h5"))) == (size == "large")
    content = json.loads(texts.pop())
    assert set(content) == {"environment", "analysis", "provenance"}


def test_label_images_of_a_lazy_movie_are_not_made_for_every_file(large, make_stack, tmp_path, monkeypatch):
    da = pytest.importorskip("dask.array")
    made, make = [], feature_detection._label_frames

    def note(search, movies, start, stop):
        made.append((start, stop))
        return make(search, movies, start, stop)

    monkeypatch.setattr(feature_detection, "_label_frames", note)
    stack = make_stack(da.from_array(large.data, chunks=(2, *large.image_shape)))
    record = AnalysisPipeline().add_steps("feature_detection:threshold=1").run(stack)
    export_analysis_to_json(tmp_path / "record.json", record)
    once = len(made)
    assert once > 0
    export_to_hdf5(record, tmp_path / "record.h5")
    labels = record["analysis"]["step_1_feature_detection"]["labeled_masks"]
    expected = AnalysisPipeline().add_steps("feature_detection:threshold=1").run(large)["analysis"]
    np.testing.assert_array_equal(labels, expected["step_1_feature_detection"]["labeled_masks"])
    assert len(made) == once
    back = load_analysis_from_hdf5(tmp_path / "record.h5")["analysis"]["step_1_feature_detection"]
    np.testing.assert_array_equal(back["labeled_masks"], labels)


def test_the_whole_record_comes_back(large, tmp_path):
    record = record_of(large, log_to=tmp_path / "log.json")
    back = read_record_json(tmp_path / "log.json")
    detection = record["analysis"]["step_2_feature_detection"]
    again = back["analysis"]["step_2_feature_detection"]
    np.testing.assert_array_equal(again["labeled_masks"], detection["labeled_masks"])
    flat = [feature for listed in detection["features_per_frame"] for feature in listed]
    flat_again = [feature for listed in again["features_per_frame"] for feature in listed]
    assert len(flat) == len(flat_again) > 10
    for a, b in zip(flat, flat_again, strict=True):
        assert a["area"] == b["area"]
        assert list(a["centroid"]) == list(b["centroid"])
    tracking = back["analysis"]["step_3_particle_tracking"]
    assert tracking["n_tracks"] == record["analysis"]["step_3_particle_tracking"]["n_tracks"]
    by_name = back["provenance"]["results_by_name"]
    assert by_name["feature_detection"][0]["summary"] == detection["summary"]
    assert back["provenance"]["steps"] == make_json_safe(record["provenance"])["steps"]


def test_nothing_is_summarised(small, tmp_path):
    record = record_of(small)
    export_analysis_to_json(tmp_path / "r.json", record)
    content = json.loads((tmp_path / "r.json").read_text())
    detection = content["analysis"]["step_2_feature_detection"]
    expected = record["analysis"]["step_2_feature_detection"]
    assert detection["labeled_masks"] == expected["labeled_masks"].tolist()
    assert len(detection["features_per_frame"]) == 3
    assert detection["features_per_frame"][2][0]["bbox"] == list(expected["features_per_frame"][2][0]["bbox"])
    assert detection["table"]["$table"]["columns"]["area_px"] == expected["table"]["area_px"].tolist()
    assert content["analysis"]["step_1_count_nonzero"]["counts"] == [648] * 3
    assert content["analysis"]["step_3_particle_tracking"]["tracks"][0]["frames"] == [0, 1, 2]


def test_small_tables_and_shared_outputs_come_back(small, tmp_path):
    record = record_of(small)
    export_analysis_to_json(tmp_path / "r.json", record)
    back = read_record_json(tmp_path / "r.json")
    for key in ("step_2_feature_detection", "step_3_particle_tracking", "step_4_dbscan_clustering"):
        assert back["analysis"][key]["table"].equals(record["analysis"][key]["table"])
        name = key.split("_", 2)[2]
        assert back["provenance"]["results_by_name"][name][0] is back["analysis"][key]
    content = json.loads((tmp_path / "r.json").read_text())
    assert content["provenance"]["results_by_name"]["feature_detection"] == [
        {"$same": ["analysis", "step_2_feature_detection"]}
    ]


def test_a_table_is_stored_once(large, tmp_path):
    record = record_of(large)
    export_to_hdf5(record, tmp_path / "r.h5")
    with h5py.File(tmp_path / "r.h5") as file:
        outputs = file["analysis_record/analysis/step_2_feature_detection"]
        assert outputs["features_per_frame/table"] == outputs["table"]
        assert file["analysis_record/provenance/results_by_name/feature_detection/0"] == outputs


def test_a_name_without_a_folder(make_stack, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    export_analysis_to_json("out.json", record_of(make_stack()))
    assert (tmp_path / "out.json").is_file()


def test_a_new_folder(make_stack, tmp_path):
    export_analysis_to_json(tmp_path / "a" / "b" / "out.json", {"n": 1})
    assert json.loads((tmp_path / "a" / "b" / "out.json").read_text()) == {"n": 1}


def test_a_path_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        export_analysis_to_json(tmp_path / "file" / "out.json", {})
    with pytest.raises(OSError, match="is a folder"):
        export_analysis_to_json(tmp_path, {})


def test_json_by_hand(make_stack):
    record = record_of(make_stack())
    by_encoder = json.loads(json.dumps(record, cls=NumpyEncoder))
    assert by_encoder == json.loads(json.dumps(make_json_safe(record), allow_nan=False))
    assert by_encoder["provenance"]["steps"][1]["name"] == "feature_detection"


def test_hdf5_keeps_every_type(make_stack, tmp_path):
    record = record_of(make_stack())
    export_to_hdf5(record, tmp_path / "r.h5")
    back = load_analysis_from_hdf5(tmp_path / "r.h5")
    assert set(back) == set(record)
    assert back["environment"] == record["environment"]
    assert back["provenance"]["steps"] == record["provenance"]["steps"]
    assert back["provenance"]["frame_times"] == record["provenance"]["frame_times"]
    assert type(back["provenance"]["frame_times"][2]) is float
    for key, outputs in record["analysis"].items():
        again = back["analysis"][key]
        assert list(again) == list(outputs)
        assert again.get("summary") == outputs.get("summary")
        for name in ("features_per_frame", "tracks", "clusters", "n_tracks"):
            if name in outputs:
                assert again[name] == outputs[name]
                assert type(again[name]) is type(outputs[name])
        for name in ("labeled_masks", "counts", "cluster_centers"):
            if name in outputs:
                np.testing.assert_array_equal(again[name], outputs[name])
                assert again[name].dtype == outputs[name].dtype
        if "table" in outputs:
            assert again["table"].equals(outputs["table"])
    masks = back["analysis"]["step_3_particle_tracking"]["track_masks"]
    expected = record["analysis"]["step_3_particle_tracking"]["track_masks"]
    assert list(masks) == list(expected)
    np.testing.assert_array_equal(masks[1], expected[1])
    by_name = back["provenance"]["results_by_name"]["feature_detection"]
    assert by_name[0] is back["analysis"]["step_2_feature_detection"]


def test_several_records_in_one_file(tmp_path):
    path = tmp_path / "r.h5"
    export_to_hdf5({"n": 1}, path)
    export_to_hdf5({"n": 2}, str(path), dataset_name="second")
    export_to_hdf5({"n": 3}, path)
    assert load_analysis_from_hdf5(path) == {"n": 3}
    assert load_analysis_from_hdf5(str(path), "second") == {"n": 2}


def test_a_record_that_is_not_there(tmp_path):
    export_to_hdf5({"n": 1}, tmp_path / "r.h5", "mine")
    with pytest.raises(KeyError, match=r"has no record 'analysis_record' \(it has: mine\)"):
        load_analysis_from_hdf5(tmp_path / "r.h5")
    with pytest.raises(OSError, match=r"none\.h5"):
        load_analysis_from_hdf5(tmp_path / "none.h5")


def test_what_cannot_be_stored_leaves_the_old_file(tmp_path):
    path = tmp_path / "r.h5"
    export_to_hdf5({"n": 1}, path)
    with pytest.raises(TypeError, match=r"analysis_record\['own'\]"):
        export_to_hdf5({"own": object()}, path)
    assert load_analysis_from_hdf5(path) == {"n": 1}
    assert list(tmp_path.iterdir()) == [path]
