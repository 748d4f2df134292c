"""Results with the step cache, without it and from it are the same to the bit; and only what was done is not done."""

import warnings

import numpy as np
import pytest

from playNano.afm_stack import AFMImageStack
from playNano.analysis import kept, pipeline
from playNano.analysis.base import AnalysisModule
from playNano.analysis.compare_records import compare_records
from playNano.analysis.kept import KeptModules
from playNano.analysis.pipeline import AnalysisPipeline
from playNano.analysis.plan import Plan
from playNano.analysis.record_file import read_record, write_record, write_record_hdf5
from playNano.analysis.replay import replay_record
from playNano.core.lazy import FrameArray
from playNano.core.result_folder import result_folder
from playNano.core.step_cache import StepCache
from playNano.core.tables import TableView
from playNano.errors import PlayNanoWarning
from playNano.io.export.asd import write_asd
from playNano.processing.pipeline import ProcessingPipeline
from playNano.processing.run import Run

DETECT = "feature_detection:mask_fn=mask_threshold,threshold=1,min_size=5"
TRACK = "particle_tracking:max_distance=4"
CLUSTERS = "dbscan_clustering:eps=5;k_means_clustering:k=3;x_means_clustering;hdbscan_clustering"
SPOTS = "log_blob_detection;peak_detection;template_detection:template_box=[0,4,4,9,9]"
MEASURE = "arrangement;dwell_times;diffusion;populations;states;rotation;kymograph:line_nm=[[4,6],[30,40]]"
JOB = f"frame_quality;{DETECT};{TRACK};{MEASURE};{CLUSTERS};{SPOTS};count_nonzero"
STEPS = (
    "row_median_align;mask_threshold:threshold=1;remove_plane;level;temporal_median;vertical_flip;zero_mean"
)


@pytest.fixture
def movie(make_spots, tmp_path):
    write_asd(tmp_path / "m.asd", make_spots()[0], pixel_size_nm=2.0, frame_time_s=0.5)
    return tmp_path / "m.asd"


@pytest.fixture(params=[False, True], ids=["eager", "lazy"])
def lazy(request):
    return request.param


@pytest.fixture
def cache(tmp_path):
    return StepCache(tmp_path / "cache")


@pytest.fixture
def runs(monkeypatch):
    """List what is run: "pixels" for processing steps, and the names of modules."""
    done = []
    pixels, outputs = Run.pixels, pipeline._outputs

    def run_pixels(self, *args):
        done.append("pixels")
        return pixels(self, *args)

    def run_module(where, module, *args):
        done.append(module.name)
        return outputs(where, module, *args)

    monkeypatch.setattr(Run, "pixels", run_pixels)
    monkeypatch.setattr(pipeline, "_outputs", run_module)
    return done


def job(movie, lazy, cache, steps=STEPS, modules=JOB, **way):
    """Process and analyse a movie; return stack, record, and texts of warnings."""
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        stack = movie if isinstance(movie, AFMImageStack) else AFMImageStack.load_data(movie, lazy=lazy)
        ProcessingPipeline(stack).add_steps(steps).run(cache=cache, **way)
        record = AnalysisPipeline().add_steps(modules).run(stack, cache=cache)
    return stack, record, [str(item.message) for item in given]


def from_cache(record):
    parts = record["provenance"]["processing"] + record["provenance"]["steps"]
    return [step["name"] for step in parts if step.get("from_cache")]


def assert_exact(one, other, where):
    """Two outputs are of the same types, with the same bits."""
    assert type(one) is type(other), where
    if isinstance(one, dict):
        assert list(one) == list(other), where
        for key in one:
            assert_exact(one[key], other[key], f"{where}.{key}")
    elif isinstance(one, list | tuple):
        assert len(one) == len(other), where
        for item, (mine, its) in enumerate(zip(one, other, strict=True)):
            assert_exact(mine, its, f"{where}[{item}]")
    elif isinstance(one, TableView):
        assert one.spec() == other.spec(), where
        assert_exact(one.table, other.table, f"{where} (table)")
    elif isinstance(one, np.ndarray | FrameArray):
        assert (one.dtype, one.shape) == (other.dtype, other.shape), where
        assert np.asarray(one).tobytes() == np.asarray(other).tobytes(), where
    elif type(one).__name__ == "DataFrame":
        assert one.index.equals(other.index), where
        assert type(one.index) is type(other.index), where
        assert list(one.dtypes.items()) == list(other.dtypes.items()), where
        assert one.equals(other), where
    elif type(one).__name__ == "LastMasks":
        assert one.positions == other.positions, where
        assert all((one[group] == other[group]).all() for group in one), where
    else:
        assert one == other or (one != one and other != other), where


def assert_same(one, other):
    (stack, record, texts), (stack_2, record_2, texts_2) = one, other
    assert np.asarray(stack.data).tobytes() == np.asarray(stack_2.data).tobytes()
    assert stack.geometry == stack_2.geometry
    assert list(stack.processed) == list(stack_2.processed)
    for name in stack.processed:
        assert np.asarray(stack.processed[name]).tobytes() == np.asarray(stack_2.processed[name]).tobytes()
    for name in stack.masks:
        assert np.asarray(stack.masks[name]).tobytes() == np.asarray(stack_2.masks[name]).tobytes()
    assert compare_records(record, record_2) == []
    assert_exact(record["analysis"], record_2["analysis"], "analysis")
    assert record["provenance"]["warnings"] == record_2["provenance"]["warnings"]
    assert stack.provenance["warnings"] == stack_2.provenance["warnings"]
    assert texts == texts_2


def test_the_same_to_the_bit(movie, lazy, cache):
    without = job(movie, lazy, None)
    first = job(movie, lazy, cache)
    second = job(movie, lazy, cache)
    assert_same(without, first)
    assert_same(without, second)
    assert from_cache(first[1]) == []
    names = [call.partition(":")[0] for call in JOB.split(";")]
    pixels = [] if lazy else [call.partition(":")[0] for call in STEPS.split(";")]
    assert from_cache(second[1]) == pixels + names


def test_the_same_with_any_workers(movie, cache):
    first = job(movie, False, cache, workers=1, block_frames=1)
    second = job(movie, False, cache, workers=2)
    assert_same(first, second)
    assert "level" in from_cache(second[1])


def test_a_parameter_of_tracking_neither_levels_nor_detects(movie, lazy, cache, runs):
    modules = f"frame_quality;{DETECT};particle_tracking:max_distance="
    job(movie, lazy, cache, modules=modules + "4")
    expected = job(movie, lazy, None, modules=modules + "5")
    runs.clear()
    result = job(movie, lazy, cache, modules=modules + "5")
    # The graph of a lazy movie is made again, and not computed.
    assert list(dict.fromkeys(runs)) == (["pixels", "particle_tracking"] if lazy else ["particle_tracking"])
    assert_same(expected, result)


@pytest.mark.parametrize(
    "change",
    ["pixel", "raw", "name", "pixel size", "time", "scan", "unit", "channel", "part", "step", "module"],
)
def test_what_differs_is_run_again(movie, cache, runs, change):
    steps, modules = "remove_plane", f"frame_quality;{DETECT}"
    job(movie, False, cache, steps, modules)
    stack = AFMImageStack.load_data(movie, lazy=False)
    expected = ["pixels", "frame_quality", "feature_detection"]
    if change == "pixel":
        stack.data[0, 0, 0] = np.nextafter(stack.data[0, 0, 0], np.float32(9))
    elif change == "raw":  # another plane, which is removed again: hardly any pixel differs, but raw ones do
        stack.data += 1
    elif change == "name":
        stack.file_path = stack.file_path.with_name("other.asd")
    elif change == "pixel size":
        stack.pixel_size_nm = 3.0
    elif change == "time":
        stack.frame_metadata[-1]["timestamp"] += 0.1
        expected = expected[1:]
    elif change == "scan":
        stack.scan = None
    elif change == "unit":
        stack.unit = "um"
    elif change == "channel":
        stack.channel = "another"
    elif change == "part":
        stack = stack[1:]
    elif change == "step":
        steps = "remove_plane;zero_mean"
    elif change == "module":
        modules = f"{DETECT};frame_quality"
        expected = ["feature_detection", "frame_quality"]
    runs.clear()
    _, record, _ = job(stack, False, cache, steps, modules)
    assert runs == expected
    assert len(from_cache(record)) == len(steps.split(";")) * ("pixels" not in expected)


def test_raw_pixels_are_part_of_the_key(movie, cache, runs):
    """Frame quality reads them: the same levelled pixels of other raw ones are another input."""
    first, second = (AFMImageStack.load_data(movie, lazy=False) for _ in range(2))
    for stack in (first, second):
        stack.apply(["remove_plane"])
    second.processed["raw"] = first.processed["raw"] + 1
    AnalysisPipeline().add_steps("frame_quality").run(first, cache=cache)
    runs.clear()
    AnalysisPipeline().add_steps("frame_quality").run(second, cache=cache)
    assert runs == ["frame_quality"]


def test_warnings_are_given_again(make_stack, cache):
    texts = []
    for _ in range(2):
        stack = make_stack(file_path="flat.asd")
        with warnings.catch_warnings(record=True) as given:
            warnings.simplefilter("always")
            record = (
                AnalysisPipeline()
                .add_steps("feature_detection:mask_fn=mask_threshold,threshold=99")
                .run(stack, cache=cache)
            )
        texts.append(([str(w.message) for w in given], record["provenance"]["warnings"]))
    assert texts[0] == texts[1]
    assert texts[0][1]
    assert from_cache(record) == ["feature_detection"]


def test_the_default_analysis(movie, cache, runs, monkeypatch):
    def run():
        stack = AFMImageStack.load_data(movie, lazy=False)
        plan = Plan.default()
        plan.bind()[0].run(stack, cache=cache)
        return plan.analyze(stack, cache)

    first = run()
    runs.clear()
    monkeypatch.setattr(kept, "default_analysis", None)
    second = run()
    assert runs == []
    assert compare_records(first, second) == []
    assert first["provenance"]["automatic"] == second["provenance"]["automatic"]


class Count(AnalysisModule):
    name = "my_count"
    version = "1"

    def run(self, stack, previous_results=None):
        return {"count": np.array([len(stack.data)])}


def lift(frame, by: float = 1.0):
    return frame + by


def high(frame):
    return frame > 1


def test_plugins_are_run_always(movie, cache, plugins, runs):
    plugins.add("playNano.analysis", "my_count", Count)
    plugins.add("playNano.filters", "lift", lift)
    plugins.add("playNano.masks", "high", high)
    for _ in range(2):
        runs.clear()
        _, record, _ = job(movie, False, cache, "lift", f"frame_quality;my_count;{DETECT}")
        assert runs[0] == "pixels"
    assert from_cache(record) == ["frame_quality"]  # on pixels that a plugin made, but in memory
    for _ in range(2):
        _, record, _ = job(movie, True, cache, "lift", "frame_quality")
        assert from_cache(record) == []
        _, record, _ = job(movie, False, cache, "zero_mean", "feature_detection:mask_fn=high")
        assert from_cache(record)[1:] == []


def test_edits_are_run_always_and_what_they_make_is_known(movie, cache, lazy):
    modules = f"frame_quality;{DETECT}"
    expected = job(movie, lazy, None, "select_frames:frames=1:5;level", modules)
    for done in ([], ["frame_quality", "feature_detection"]):
        result = job(movie, lazy, cache, "select_frames:frames=1:5;level", modules)
        assert_same(expected, result)
        assert from_cache(result[1]) == done


def test_functions_as_parameters_are_run_always(movie, cache):
    for _ in range(2):
        stack = AFMImageStack.load_data(movie, lazy=False)
        analysis = AnalysisPipeline()
        analysis.add("feature_detection", mask_fn=high, min_size=5)
        assert from_cache(analysis.run(stack, cache=cache)) == []


def test_a_lazy_movie_that_is_not_known_is_run_always(movie, make_spots, cache):
    import dask.array

    for _ in range(2):
        made = AFMImageStack(dask.array.from_array(make_spots()[0], chunks=2), 1.0, "h", movie)
        assert from_cache(AnalysisPipeline().add_steps("frame_quality").run(made, cache=cache)) == []
        stack = AFMImageStack.load_data(movie, lazy=True)
        stack.data = stack.data + 1
        with pytest.warns(PlayNanoWarning, match="changed outside"):
            record = AnalysisPipeline().add_steps("frame_quality").run(stack, cache=cache)
        assert from_cache(record) == []


def test_lazy_frames_stay_readable_when_their_entry_is_removed(movie, cache, tmp_path):
    _, record, _ = job(movie, True, None, "zero_mean", DETECT)
    expected = np.asarray(record["analysis"]["step_1_feature_detection"]["labeled_masks"])
    for _ in range(2):
        _, record, _ = job(movie, True, cache, "zero_mean", f"{DETECT};{TRACK}")
        for path in cache.entries():
            path.unlink()
        labels = record["analysis"]["step_1_feature_detection"]["labeled_masks"]
        assert isinstance(labels, FrameArray)
        assert (labels[2] == expected[2]).all()
        assert (np.asarray(labels) == expected).all()
        job(movie, True, cache, "zero_mean", f"{DETECT};{TRACK}")
    del record, labels
    assert list((tmp_path / "cache").glob(".*")) == []


def test_a_damaged_entry_is_made_again(movie, cache, runs):
    expected = job(movie, False, cache)
    for path in cache.entries():
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 255
        path.write_bytes(content)
    runs.clear()
    assert_same(expected, job(movie, False, cache))
    assert "pixels" in runs
    assert len(from_cache(job(movie, False, cache)[1])) > 5


def test_what_cannot_be_kept_exactly_is_not_kept(cache):
    import pandas as pd

    frame = pd.DataFrame({"a": [1, 2]})
    for value in (
        frame.set_index("a"),
        frame.astype("category"),
        {1.5: 2},
        {"x": {1, 2}},
        print,
        frame.iloc[1:],
    ):
        assert kept._encoded({"deep": [value]}, {}) is None
    run = KeptModules(cache, {}, {})
    run.put("a" * 64, {"function": print}, [], [])
    assert cache.entries() == []


def test_a_record_from_the_cache_replays(movie, lazy, cache, tmp_path, runs):
    for name in ("one", "two"):
        _, record, _ = job(movie, lazy, cache, "level", f"{DETECT};{TRACK}")
        with result_folder(tmp_path / name) as run:
            write_record(run, record, write_record_hdf5(run.path, record))
    assert compare_records(read_record(tmp_path / "one"), read_record(tmp_path / "two")) == []
    assert from_cache(read_record(tmp_path / "two")) == from_cache(record)
    runs.clear()
    assert replay_record(tmp_path / "two", AFMImageStack.load_data)[0] == []
    assert runs == ["pixels", "feature_detection", "particle_tracking"]
