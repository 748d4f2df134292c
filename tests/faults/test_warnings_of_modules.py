"""Results that the data do not support come with a warning that reaches the caller and the record."""

import re

import numpy as np
import pytest

from playNano import AFMImageStack
from playNano.analysis.pipeline import AnalysisPipeline
from playNano.errors import PlayNanoWarning


def particles(n_frames=12, times=True):
    """Return a movie of six resting particles."""
    y, x = np.mgrid[:48, :64]
    movie = np.random.default_rng(0).normal(0, 0.1, (n_frames, 48, 64))
    for cy, cx in [(8, 8), (8, 32), (8, 56), (36, 10), (36, 30), (36, 54)]:
        movie += 4 * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / 8)
    stamps = [{"timestamp": 0.5 * k} for k in range(n_frames)] if times else None
    return AFMImageStack(movie, 1.0, "height_trace", "movie.npy", stamps)


def run(stack, *steps):
    """Run modules, and return the record."""
    pipeline = AnalysisPipeline()
    for name, params in steps:
        pipeline.add(name, **params)
    return pipeline.run(stack)


def test_many_unusable_frames():
    stack = particles()
    stack.data[3:5] = 450.0
    assert not run(stack, ("frame_quality", {}))["provenance"]["warnings"]
    stack = particles()
    stack.data[3:6] = 450.0
    with pytest.warns(PlayNanoWarning, match=r"movie\.npy: 3 of 12 frames are unusable \(3 blank\)"):
        record = run(stack, ("frame_quality", {}))
    assert len(record["provenance"]["warnings"]) == 1


@pytest.mark.parametrize("max_k", [3, 20])
def test_x_means_at_its_limit(max_k):
    steps = (
        ("feature_detection", {"mask_fn": "mask_threshold", "threshold": 2.0}),
        ("x_means_clustering", {"max_k": max_k, "use_time": False, "time_weight": None}),
    )
    if max_k == 3:
        with pytest.warns(PlayNanoWarning, match=r"at its limit, max_k=3"):
            record = run(particles(), *steps)
        assert any("max_k" in text for text in record["provenance"]["warnings"])
    else:
        record = run(particles(), *steps)
        assert record["analysis"]["step_2_x_means_clustering"]["summary"]["n_clusters"] == 6


TRACKING = ("particle_tracking", {"max_distance": 5.0})
DETECTION = ("feature_detection", {"mask_fn": "mask_threshold", "threshold": 2.0})


@pytest.mark.filterwarnings("error")
def test_unknown_times():
    with pytest.warns(PlayNanoWarning, match=re.escape("no frame times are known")):
        record = run(particles(times=False), DETECTION, TRACKING)
    assert record["provenance"]["warnings"] and not record["provenance"]["frame_times_known"]
    run(particles(times=False), DETECTION)
    run(particles(), DETECTION, TRACKING)


def test_averages_leave_out_unusable_frames():
    stack = particles()
    stack.data[3:5] = 450.0
    record = run(stack, ("frame_quality", {}), DETECTION, ("log_blob_detection", {"threshold": 1.0}))
    summaries = [outputs["summary"] for outputs in record["analysis"].values()]
    assert summaries[1]["avg_features_per_frame"] == summaries[1]["total_features"] / 10 == 6
    assert summaries[2]["avg_blobs_per_frame"] == summaries[2]["total_blobs"] / 10
