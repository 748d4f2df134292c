"""The executor over lazy movies: the same results as in memory, in one process and on a cluster of processes."""

import importlib
import os
import time
from pathlib import Path

import numpy as np
import pytest
from tests.core.sent_tasks import tasks_through_pickle

from playNano.analysis.pipeline import AnalysisPipeline
from playNano.core.cluster import cluster
from playNano.core.executor import map_frames, report_progress
from playNano.core.lazy import FrameArray, chunk_borders, whole_frames
from playNano.core.lazy_mapping import LazyMapping
from playNano.errors import ClusterError, ParameterError
from playNano.processing.pipeline import ProcessingPipeline

da = pytest.importorskip("dask.array")

STEPS = "mask_threshold:threshold=1;remove_plane;clear_mask;polynomial_flatten:order=2;row_median_align"
STEPS += ";gaussian_filter:sigma=1;zero_median"
MODULES = "feature_detection:threshold=1;particle_tracking:max_distance=5;count_nonzero;frame_quality"


def frame_sums(start, block):
    return [(start + i, float(frame.sum())) for i, frame in enumerate(block)]


def lazy(data, frames=3):
    return da.from_array(data, chunks=(frames, *data.shape[1:]))


def analysed(stack, **run):
    ProcessingPipeline(stack).add_steps(STEPS).run(**run)
    return AnalysisPipeline().add_steps(MODULES).run(stack)["analysis"]


def assert_same(found, expected):
    assert list(found) == list(expected)
    for key, outputs in expected.items():
        for name, value in outputs.items():
            if name == "table":
                assert found[key][name].equals(value)
            elif name in ("labeled_masks", "counts", "usable", "observed"):
                np.testing.assert_array_equal(found[key][name], value)
    masks, same = found["step_2_particle_tracking"]["track_masks"], expected["step_2_particle_tracking"]
    assert len(masks) == len(same["track_masks"]) > 0
    for track, mask in same["track_masks"].items():
        np.testing.assert_array_equal(masks[track], mask)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("block_frames", [None, 1, 2])
@pytest.mark.parametrize("frames", [1, 3, 100])
def test_blocks_and_chunks_do_not_matter(make_spots, workers, block_frames, frames):
    data = make_spots()[0]
    sums = [(i, float(frame.sum())) for i, frame in enumerate(data)]
    for movie in (data, lazy(data, frames)):
        parts = map_frames(frame_sums, movie, what="x", workers=workers, block_frames=block_frames)
        assert [pair for part in parts for pair in part] == sums


def doubled(start, block):
    return start, 2 * block


@pytest.mark.parametrize("chunk", [None, 2, 5])
def test_frames_go_to_an_array(make_spots, chunk):
    data = make_spots()[0]
    out = np.empty_like(data)
    starts = map_frames(
        doubled, data if chunk is None else lazy(data, chunk), what="x", out=out, block_frames=2
    )
    assert starts[0] == 0
    np.testing.assert_array_equal(out, 2 * data)


def test_a_lazy_movie_tells_its_progress(make_spots):
    told = []
    with report_progress(lambda *news: told.append(news)):
        map_frames(frame_sums, lazy(make_spots()[0], 4), what="sums")
    assert told == [("sums", 4, 6), ("sums", 6, 6)]


def fail_on_4(start, block):
    if start <= 4 < start + len(block):
        raise KeyError(start)


def test_a_failure_comes_through(make_spots):
    with pytest.raises(KeyError):
        map_frames(fail_on_4, lazy(make_spots()[0], 2), what="x")


@pytest.mark.parametrize("frames", [1, 4, 6])
@pytest.mark.parametrize("run", [{}, {"workers": 1}, {"workers": 2, "block_frames": 2}])
def test_a_lazy_stack_gives_the_same(make_stack, frames, run):
    expected = analysed(make_stack(), **run)
    stack = make_stack()
    found = analysed(make_stack(lazy(stack.data, frames)))
    assert isinstance(found["step_1_feature_detection"]["labeled_masks"], FrameArray)
    assert_same(found, expected)


def test_every_task_can_be_sent(make_stack):
    expected = analysed(make_stack())
    with tasks_through_pickle():
        assert_same(analysed(make_stack()), expected)
        assert_same(analysed(make_stack(lazy(make_stack().data))), expected)


def test_blobs_of_a_lazy_stack(make_stack):
    blobs = AnalysisPipeline().add_steps("log_blob_detection:threshold=0.5,max_sigma=3,num_sigma=3")
    expected = blobs.run(make_stack())["analysis"]["step_1_log_blob_detection"]["table"]
    with tasks_through_pickle():
        found = blobs.run(make_stack(lazy(make_stack().data)))["analysis"]["step_1_log_blob_detection"][
            "table"
        ]
    assert len(expected) > 0
    assert found.equals(expected)


def test_chunks_are_whole_frames():
    array = da.zeros((10, 8, 9), chunks=(4, 3, 5))
    assert whole_frames(array).chunks == ((4, 4, 2), (8,), (9,))
    assert chunk_borders(whole_frames(array)) == [(0, 4), (4, 8), (8, 10)]
    assert chunk_borders(da.zeros((0, 8, 9))) == []


def test_frames_made_when_read():
    whole = np.arange(6 * 2 * 3).reshape(6, 2, 3)
    for by_chunk in (False, True):
        frames = FrameArray(lambda a, b: whole[a:b], whole.shape, whole.dtype, by_chunk=by_chunk)
        for index in (
            0,
            -1,
            slice(1, 4),
            slice(None, None, 2),
            (2, 1),
            (slice(0, 2), 1),
            slice(4, 2),
            [0, 3],
        ):
            np.testing.assert_array_equal(frames[index], whole[index])
        np.testing.assert_array_equal(np.asarray(frames), whole)
        np.testing.assert_array_equal(list(frames), whole)
        assert (frames.ndim, frames.size, frames.nbytes, len(frames)) == (3, 36, whole.nbytes, 6)
        with pytest.raises(IndexError, match="frame 6 does not exist"):
            frames[6]
    assert "computed when read" in repr(frames)


def test_frames_that_have_been_stored(tmp_path):
    whole, made = np.arange(6 * 2 * 3).reshape(6, 2, 3), []

    def make(start, stop):
        made.append((start, stop))
        return whole[start:stop]

    frames = FrameArray(make, whole.shape, whole.dtype)
    np.save(tmp_path / "a.npy", whole)

    class Stored:
        def __getitem__(self, index):
            return np.load(tmp_path / "a.npy")[index]

    frames.cache_to(Stored())
    np.testing.assert_array_equal(frames, whole)
    assert made == []
    (tmp_path / "a.npy").unlink()
    np.testing.assert_array_equal(frames[2], whole[2])
    assert made == [(2, 3)]


def test_arrays_on_demand():
    calls = []

    def make():
        calls.append(1)
        return np.arange(4)

    values = LazyMapping({"kept": np.zeros(4), "made": make})
    held = values["made"]
    assert values["made"] is held
    assert len(calls) == 1
    del held
    np.testing.assert_array_equal(values.part(slice(1, 3))["made"], [1, 2])
    assert values.kept("kept")
    assert not values.kept("made")
    values["made"] = np.ones(1)
    assert values["made"].tolist() == [1]
    del values["made"]
    assert list(values) == ["kept"]


# On a cluster of processes


def slow_sum(start, block):
    time.sleep(0.3)
    return os.getpid(), start, float(block.sum())


def die_once(start, block, flag=""):
    """Kill the worker at the first try of the second chunk."""
    marker = Path(os.environ["PLAYNANO_TEST_MARKER"])
    if start == 2 and not marker.exists():
        marker.touch()
        os._exit(1)
    return start, float(block.sum())


@pytest.fixture(scope="module")
def two_workers():
    pytest.importorskip("distributed")
    with cluster(workers=2) as client:
        yield client


pytestmark_cluster = pytest.mark.filterwarnings("ignore")


@pytestmark_cluster
def test_work_is_done_by_the_workers(two_workers, make_spots):
    data = make_spots()[0]
    told = []
    with report_progress(lambda *news: told.append(news)):
        parts = map_frames(slow_sum, lazy(data, 1), what="sums")
    assert os.getpid() not in {pid for pid, _, _ in parts}
    assert [(start, value) for _, start, value in parts] == [(i, float(f.sum())) for i, f in enumerate(data)]
    assert told[-1] == ("sums", 6, 6)


@pytestmark_cluster
def test_the_cluster_gives_the_same(two_workers, make_stack):
    expected = analysed(make_stack())
    assert_same(analysed(make_stack(lazy(make_stack().data, 2))), expected)


@pytestmark_cluster
def test_a_failure_on_the_cluster_comes_through(two_workers, make_spots):
    with pytest.raises(KeyError):
        map_frames(fail_on_4, lazy(make_spots()[0], 2), what="x")


@pytestmark_cluster
def test_work_that_the_workers_cannot_unpack(two_workers, make_spots, tmp_path, monkeypatch):
    (tmp_path / "only_here.py").write_text("def task(start, block):\n    return start\n")
    monkeypatch.syspath_prepend(tmp_path)
    task = importlib.import_module("only_here").task
    with pytest.raises(ClusterError, match=r"only_here.*install playNano and its plugins"):
        map_frames(task, lazy(make_spots()[0], 2), what="x")


@pytestmark_cluster
def test_a_killed_worker_does_not_stop_the_job(tmp_path, make_spots, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setenv("PLAYNANO_TEST_MARKER", str(tmp_path / "died"))
    data = make_spots()[0]
    with cluster(workers=2):
        parts = map_frames(die_once, lazy(data, 1), what="sums")
    assert (tmp_path / "died").exists()
    assert parts == [(i, float(frame.sum())) for i, frame in enumerate(data)]


def test_no_cluster_is_asked_for():
    with cluster() as client:
        assert client is None
    with pytest.raises(ParameterError, match="not both"), cluster("tcp://x:1", 2):
        pass
