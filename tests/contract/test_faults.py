"""The known faults of earlier implementations of this interface: none of them is ours."""

import json
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np
import pytest

from playNano.afm_stack import AFMImageStack
from playNano.analysis.export import export_analysis_to_json
from playNano.analysis.modules.feature_detection import FeatureDetectionModule
from playNano.analysis.modules.particle_tracking import ParticleTrackingModule
from playNano.analysis.pipeline import AnalysisPipeline
from playNano.analysis.utils.common import export_to_hdf5, load_analysis_from_hdf5
from playNano.core.serialize import read_record_json
from playNano.errors import FileFormatError, ParameterError, StepError
from playNano.io.formats import BUILTIN_READERS, Reader
from playNano.io.loader import load_afm_stack
from playNano.io.movie import Movie
from playNano.processing.pipeline import ProcessingPipeline
from playNano.processing.steps import step_registry


def analysis(*steps):
    pipeline = AnalysisPipeline()
    for name, params in steps:
        pipeline.add(name, **params)
    return pipeline


DETECT = ("feature_detection", {"threshold": 1.0})


def blobs(points_per_frame):
    """Return the outputs of a blob detection for points (y, x)."""
    features = [[{"y": y, "x": x, "sigma": 2.0} for y, x in points] for points in points_per_frame]
    return {"log_blob_detection": {"features_per_frame": features}}


def empty_stack(n_frames, **change):
    values = {"pixel_size_nm": 1.0, "channel": "c", "file_path": "movie.asd", **change}
    return AFMImageStack(np.zeros((n_frames, 8, 8)), **values)


def test_fault_01_unknown_parameters_are_refused(make_stack, plugins):
    stack = make_stack()
    plugins.add("playNano.filters", "gain", lambda frame, factor=1.0: frame * factor)
    for call in (
        lambda: ProcessingPipeline(stack).add_filter("gaussian_filter", sgima=2),
        lambda: ProcessingPipeline(stack).add_mask("mask_threshold", treshold=2),
        lambda: ProcessingPipeline(stack).add_filter("gain", facter=2),
        lambda: ProcessingPipeline(stack).add_steps("gaussian_filter:sgima=2"),
        lambda: stack.apply(["gaussian_filter"], sgima=2),
        lambda: analysis(("particle_tracking", {"max_jump": 2})),
        lambda: analysis(("feature_detection", {"mask_fn": "mask_threshold", "treshold": 2})),
        lambda: FeatureDetectionModule().run(stack, threshold=1, min_area=3),
    ):
        with pytest.raises(ParameterError, match="unknown parameter"):
            call()
    assert stack.provenance["processing"]["steps"] == []


def test_fault_02_a_failing_filter_or_mask_is_an_error(make_stack, plugins):
    def fails_on_dark(frame):
        if frame.max() < 1:
            raise ValueError("too dark")
        return frame

    data = make_stack().data.copy()
    data[4] = 0
    stack = make_stack(data)
    plugins.add("playNano.filters", "fails_on_dark", fails_on_dark)
    with pytest.raises(StepError, match=r"step 2 \(fails_on_dark\) failed on frame 4: ValueError: too dark"):
        stack.apply(["zero_mean", "fails_on_dark"])
    assert stack.data is data
    assert stack.provenance["processing"]["steps"] == []
    with pytest.raises(StepError, match="mask function on frame 4 failed: ValueError: too dark"):
        analysis(("feature_detection", {"mask_fn": lambda frame: fails_on_dark(frame) > 1})).run(stack)
    assert stack.provenance["analysis"]["steps"] == []


@pytest.mark.parametrize("dtype", [np.int16, np.uint8, np.int32])
@pytest.mark.filterwarnings("ignore::playNano.errors.PlayNanoWarning")
def test_fault_03_integers_are_not_truncated(make_stack, dtype):
    data = np.round(make_stack().data * 10 + 20).astype(dtype)
    for name in step_registry():
        if step_registry()[name].kind != "filter" or name == "vertical_flip":
            continue
        ints, floats = make_stack(data), make_stack(data.astype(np.float64))
        ints.apply([name])
        floats.apply([name])
        np.testing.assert_allclose(ints.data, floats.data, atol=1e-4)
    record = analysis(("feature_detection", {"threshold": 25.5})).run(make_stack(data))
    means = record["analysis"]["step_1_feature_detection"]["table"]["mean"]
    assert (means != np.round(means)).any()


def test_fault_04_tracking_and_clustering_follow_blobs():
    previous = blobs([[(1.0, 2.0), (6.0, 6.0)], [(1.5, 2.0), (6.0, 5.0)]])
    stack = empty_stack(2)
    tracked = ParticleTrackingModule().run(stack, previous)
    assert [t["coords"] for t in tracked["tracks"]] == [[(2.0, 1.0), (2.0, 1.5)], [(6.0, 6.0), (5.0, 6.0)]]
    from playNano.analysis.modules.dbscan_clustering import DBSCANClusteringModule
    from playNano.analysis.modules.k_means_clustering import KMeansClusteringModule

    clustered = KMeansClusteringModule().run(stack, previous, k=2, use_time=False)
    np.testing.assert_allclose(clustered["cluster_centers"], [[2.0, 1.25], [5.5, 6.0]])
    found = DBSCANClusteringModule().run(stack, previous, use_time=False, min_samples=2)
    assert found["summary"]["n_clusters"] == 2


def test_fault_05_x_is_the_column(make_stack):
    data = np.zeros((2, 16, 30))
    data[:, 4:8, 19:26] = 5.0
    record = analysis(DETECT, ("particle_tracking", {}), ("k_means_clustering", {"k": 1})).run(
        make_stack(data)
    )
    outputs = list(record["analysis"].values())
    assert outputs[0]["features_per_frame"][0][0]["centroid"] == (5.5, 22.0)
    assert outputs[1]["tracks"][0]["coords"] == [(22.0, 5.5)] * 2
    assert outputs[2]["cluster_centers"][0].tolist() == [22.0, 5.5, 0.25]
    swapped = analysis(DETECT, ("particle_tracking", {"coord_columns": ["y", "x"]})).run(make_stack(data))
    assert swapped["analysis"]["step_2_particle_tracking"]["tracks"][0]["coords"][0] == (5.5, 22.0)


def test_fault_06_links_are_optimal_and_do_not_depend_on_the_order():
    # Greedy in this order links (0, 3) to (0, 1), and leaves (0, 0) without a partner in reach.
    before, after = [(0.0, 3.0), (0.0, 0.0)], [(0.0, 1.2), (0.0, 6.0)]
    expected = {((0.0, 0.0), (1.2, 0.0)), ((3.0, 0.0), (6.0, 0.0))}
    for one in (before, before[::-1]):
        for two in (after, after[::-1]):
            out = ParticleTrackingModule().run(empty_stack(2), blobs([one, two]), max_distance=4)
            assert {tuple(t["coords"]) for t in out["tracks"]} == expected


def test_fault_06_the_detection_module_asked_for_is_followed():
    previous = {
        "feature_detection": {"features_per_frame": [[{"centroid": (1.0, 1.0)}], []]},
        **blobs([[(1.0, 1.0)], [(1.0, 1.0)]]),
    }
    module = ParticleTrackingModule()
    assert module.run(empty_stack(2), previous)["tracks"][0]["frames"] == [0]
    followed = module.run(empty_stack(2), previous, detection_module="log_blob_detection")
    assert followed["tracks"][0]["frames"] == [0, 1]
    with pytest.raises(RuntimeError, match="'third'"):
        module.run(empty_stack(2), previous, detection_module="third")


def test_fault_07_a_second_run_leaves_the_first_record(make_stack):
    stack = make_stack()
    first = analysis(("count_nonzero", {}), DETECT).run(stack)
    text = json.dumps([first["provenance"]["steps"], list(first["analysis"])], sort_keys=True)
    analysis(("feature_detection", {"threshold": 3.0})).run(stack)
    assert json.dumps([first["provenance"]["steps"], list(first["analysis"])], sort_keys=True) == text
    assert list(first["provenance"]["results_by_name"]) == ["count_nonzero", "feature_detection"]
    assert list(stack.analysis) == ["step_1_feature_detection"]
    assert list(stack.provenance["analysis"]["results_by_name"]) == ["feature_detection"]


def test_fault_08_log_and_export_write_the_same_whole_record(make_stack, make_spots, tmp_path):
    stack = make_stack(make_spots((6, 150, 150))[0])
    record = analysis(DETECT, ("particle_tracking", {})).run(stack, log_to=tmp_path / "log.json")
    export_analysis_to_json(tmp_path / "export.json", record)
    assert (tmp_path / "log.json").read_text() == (tmp_path / "export.json").read_text()
    back = read_record_json(tmp_path / "export.json")
    masks = record["analysis"]["step_1_feature_detection"]["labeled_masks"]
    assert masks.size > 100_000
    np.testing.assert_array_equal(back["analysis"]["step_1_feature_detection"]["labeled_masks"], masks)
    tracks = record["analysis"]["step_2_particle_tracking"]["tracks"].to_list()
    assert back["analysis"]["step_2_particle_tracking"]["tracks"] == json.loads(json.dumps(tracks))


def test_fault_09_a_name_without_a_folder(make_stack, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    stack = make_stack()
    record = analysis(DETECT).run(stack, log_to="log.json")
    export_analysis_to_json("out.json", record)
    stack.export_analysis_log("stack.json")
    content = json.loads(Path("stack.json").read_text())
    assert content["analysis"]["step_1_feature_detection"]["summary"]["total_features"] == 18
    assert len({Path(name).read_text() for name in ("log.json", "out.json", "stack.json")}) == 1


def test_fault_10_hdf5_keeps_types(tmp_path):
    value = {
        "floats": [1.0, 2.0],
        "ints": [1, 2],
        "bools": [True, False],
        "mixed": [1, 1.0, True, None, "1"],
        "tuple": (1.0, [2]),
        "numpy": np.float32(1.0),
        "array": np.array([1, 2], np.int16),
        3: "a number as a key",
        "empty": [[], {}, (), ""],
    }
    export_to_hdf5(value, tmp_path / "r.h5")
    back = load_analysis_from_hdf5(tmp_path / "r.h5")
    assert repr(back) == repr(value)


def test_fault_11_frames_of_a_folder_are_in_the_order_of_time(tmp_path, monkeypatch):
    def open_text(path, channel=None):
        second, level = path.read_text().split()
        start = f"2024-05-01T10:00:{int(second):02}+00:00"
        pixels = np.full((1, 2, 3), float(level), np.float32)
        return Movie(
            path,
            "text",
            "height",
            ("height",),
            (1, 2, 3),
            (1.0, 1.0),
            "nm",
            lambda start, stop: pixels,
            [{}],
            header={"start_time": start},
        )

    def sniff(path, head):
        return None if path.suffix == ".frame" else "its name does not end in .frame"

    monkeypatch.setitem(BUILTIN_READERS, "text", Reader("text", (".frame",), sniff, open_text, series=True))
    for name, second, level in [("a", 30, 3), ("b", 10, 1), ("c", 20, 2), ("z9", 5, 0), ("z10", 40, 4)]:
        (tmp_path / f"{name}.frame").write_text(f"{second} {level}")
    stack = load_afm_stack(tmp_path)
    assert stack.data[:, 0, 0].tolist() == [0, 1, 2, 3, 4]
    assert stack.get_frame_times() == [0, 5, 15, 25, 35]


def test_fault_12_pixels_need_not_be_square(tmp_path, make_stack):
    stack = make_stack(pixel_size_nm=(4.0, 2.0))
    table = analysis(DETECT).run(stack)["analysis"]["step_1_feature_detection"]["table"]
    np.testing.assert_allclose(table["y_nm"] / table["y"], 4.0)
    np.testing.assert_allclose(table["x_nm"] / table["x"], 2.0)
    np.testing.assert_allclose(table["area_nm2"] / table["area_px"], 8.0)
    steps = blobs([[(1.0, 1.0)], [(2.0, 1.0)]]), blobs([[(1.0, 1.0)], [(1.0, 2.0)]])
    down, right = (
        ParticleTrackingModule().run(empty_stack(2, pixel_size_nm=(4.0, 2.0)), step, max_distance_nm=3.0)
        for step in steps
    )
    assert (down["n_tracks"], right["n_tracks"]) == (2, 1)
    np.save(tmp_path / "a.npy", stack.data)
    assert load_afm_stack(tmp_path / "a.npy", pixel_size_nm=(4.0, 2.0)).pixel_size_nm == (4.0, 2.0)


def _packaged_entry_points():
    project = Path(__file__).parents[2] / "pyproject.toml"
    if project.is_file():
        content = tomllib.loads(project.read_text())["project"]
        groups = {"console_scripts": content.get("scripts", {}), **content.get("entry-points", {})}
        yield from ((name, value) for group in groups.values() for name, value in group.items())
    try:
        yield from ((point.name, point.value) for point in distribution("playNano").entry_points)
    except PackageNotFoundError:
        return


def test_fault_13_packaged_entry_points_exist():
    points = dict(_packaged_entry_points())
    assert "playnano" in points
    for name, value in points.items():
        module, _, attribute = value.partition(":")
        target = __import__(module, fromlist=["_"])
        if attribute.endswith(".yaml"):  # a manifest of napari is a file of the package
            assert (Path(target.__path__[0]) / attribute).is_file(), name
            continue
        for part in attribute.split("."):
            target = getattr(target, part)
        assert callable(target), name


def test_fault_14_nothing_is_unpickled(tmp_path):
    marker = tmp_path / "executed"

    class Bomb:
        def __reduce__(self):
            return Path.touch, (marker,)

    bomb = np.array([Bomb()], dtype=object)
    np.savez(tmp_path / "a.npz", data=bomb, pixel_size_nm=1.0, channel="c")
    np.savez(tmp_path / "b.npz", data=np.zeros((1, 2, 2)), pixel_size_nm=1.0, channel="c", metadata=bomb)
    np.save(tmp_path / "c.npy", bomb)
    for name in ("a.npz", "b.npz", "c.npy"):
        with pytest.raises(FileFormatError, match=name):
            load_afm_stack(tmp_path / name, **({"pixel_size_nm": 1.0} if name == "c.npy" else {}))
    assert not marker.exists()


def test_fault_15_numbers_in_step_strings_are_numbers(make_stack):
    stack = make_stack()
    ProcessingPipeline(stack).add_steps("mask_threshold:threshold=1e-3;gaussian_filter:sigma=5E-1").run()
    params = [step["params"] for step in stack.provenance["processing"]["steps"]]
    assert params == [{"threshold": 0.001}, {"sigma": 0.5}]
    pipeline = AnalysisPipeline().add_steps("feature_detection:threshold=1e0,min_size=5,remove_edge=false")
    detection = pipeline.steps[0][1]
    values = (detection["threshold"], detection["min_size"], detection["remove_edge"])
    assert values == (1.0, 5, False)
    assert [type(v) for v in values] == [float, int, bool]
