"""Averages over time."""

import numpy as np
import pytest
from scipy import ndimage
from tests.core.sent_tasks import tasks_through_pickle

from playNano.errors import ParameterError
from playNano.processing.flatten import remove_plane
from playNano.processing.pipeline import ProcessingPipeline
from playNano.processing.video.temporal import temporal_mean, temporal_median

da = pytest.importorskip("dask.array")


def movie(n=23, seed=0):
    return np.random.default_rng(seed).normal(size=(n, 5, 6))


def by_hand(data, window, average):
    half = window // 2
    return np.stack([average(data[max(0, t - half) : t + half + 1], axis=0) for t in range(len(data))])


@pytest.mark.parametrize("window", [1, 3, 5, 21, 99])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16])
def test_averages_are_those_of_numpy(window, dtype):
    data = (100 * movie()).astype(dtype)
    wide = data.astype(np.float32 if dtype == np.int16 else dtype)
    np.testing.assert_array_equal(temporal_median(data, window=window), by_hand(wide, window, np.median))
    mean = by_hand(wide.astype(np.float64), window, np.mean)
    np.testing.assert_allclose(temporal_mean(data, window=window), mean, rtol=1e-5, atol=1e-5)
    assert temporal_mean(data, window=window).dtype == wide.dtype


def test_the_middle_of_the_movie_is_as_in_scipy():
    data = movie()
    expected = ndimage.median_filter(data, size=(5, 1, 1))
    np.testing.assert_array_equal(temporal_median(data, window=5)[2:-2], expected[2:-2])


def test_bad_pixels_stay_and_do_not_spread():
    data = movie()
    data[4, 1, 2] = np.nan
    for function, average in ((temporal_median, np.nanmedian), (temporal_mean, np.nanmean)):
        expected = by_hand(data, 3, average)
        expected[4, 1, 2] = np.nan
        np.testing.assert_allclose(function(data), expected, rtol=1e-12)


def test_a_frame_alone_stays_as_it_is():
    frame = movie()[0]
    np.testing.assert_array_equal(temporal_median(frame, window=5), frame)
    assert temporal_mean(np.empty((0, 3, 3))).shape == (0, 3, 3)


@pytest.mark.parametrize("window", [2, 0, 1001, 1.5])
def test_windows_that_make_no_sense(make_stack, window):
    with pytest.raises(ParameterError, match="window"):
        temporal_median(movie(), window=window)
    with pytest.raises(ParameterError, match=r"step 1 \(temporal_mean\).*window"):
        ProcessingPipeline(make_stack()).add_filter("temporal_mean", window=window)


STEPS = "remove_plane;temporal_median:window=5;zero_mean;temporal_mean:window=3;mask_threshold:threshold=0.1"
STEPS += ";remove_plane"


@pytest.mark.parametrize("lazy", [None, 1, 2, 4, 7, 23])
@pytest.mark.parametrize("run", [{}, {"workers": 2, "block_frames": 1}, {"block_frames": 3}])
def test_blocks_and_chunks_do_not_matter(make_stack, lazy, run):
    data = movie()
    expected = make_stack(data)
    ProcessingPipeline(expected).add_steps(STEPS).run(block_frames=1000, workers=1)
    plane = remove_plane(data)
    np.testing.assert_array_equal(
        expected.processed["step_2_temporal_median"], temporal_median(plane, window=5)
    )
    stack = make_stack(data if lazy is None else da.from_array(data, chunks=(lazy, 5, 6)))
    with tasks_through_pickle():
        ProcessingPipeline(stack).add_steps(STEPS).run(**run)
    np.testing.assert_array_equal(stack.data, expected.data)
    for slot in ("processed", "masks"):
        for key, value in getattr(expected, slot).items():
            np.testing.assert_array_equal(getattr(stack, slot)[key], value)
    if lazy is None:
        seconds = [step["duration_s"] for step in stack.provenance["processing"]["steps"]]
        assert len(seconds) == 6


def test_frames_that_are_left_out_are_noted_once(make_stack):
    data = movie().astype(np.float32)
    data[3] = np.nan
    stack = make_stack(data)
    ProcessingPipeline(stack).add_steps("remove_plane;temporal_mean").run(block_frames=2)
    assert stack.provenance["processing"]["steps"][0]["skipped_frames"] == [3]


@pytest.mark.filterwarnings("ignore")
def test_a_cluster_gives_the_same(make_stack):
    pytest.importorskip("distributed")
    from playNano.core.cluster import cluster
    from playNano.core.executor import map_frames

    data = movie()
    with cluster(workers=1):
        parts = map_frames(middle_mean, da.from_array(data, chunks=(4, 5, 6)), what="x", overlap=2)
    np.testing.assert_array_equal(np.concatenate(parts), temporal_mean(data, window=5))


def middle_mean(start, block, inner=slice(None)):
    return temporal_mean(block, window=5)[inner]
