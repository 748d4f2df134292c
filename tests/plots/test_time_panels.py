"""Panels against time."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from playNano.errors import PlayNanoWarning
from playNano.plots.analysed import AnalysedMovie
from playNano.plots.time_panels import draw_counts, draw_quality, frame_edges, shade_lost


def record_of(**tables):
    kinds = {"detections": "detection", "tracks": "tracking", "quality": "quality"}
    steps = [{"analysis_key": f"step_1_{name}", "kind": kinds[name], "name": name} for name in tables]
    outputs = {f"step_1_{name}": table for name, table in tables.items()}
    return {"analysis": outputs, "provenance": {"steps": steps}}


def test_counts_leave_out_frames_that_were_not_analysed(make_stack):
    stack = make_stack()
    features = pd.DataFrame({"frame": [0, 0, 1, 4, 5], "y_nm": 1.0, "x_nm": 1.0})
    tracks = pd.DataFrame({"track_id": [7, 7, 8], "frame": [0, 4, 5]})
    observed = np.array([True, True, False, True, True, True])
    record = record_of(detections={"table": features, "observed": observed}, tracks={"table": tracks})
    axes = Figure().subplots()
    draw_counts(axes, AnalysedMovie.of(stack, record))
    drawn = {p.get_label(): p.get_data() for p in axes.patches if hasattr(p, "get_data")}
    np.testing.assert_array_equal(drawn["detections"].values, [2, 1, np.nan, 0, 1, 1])
    np.testing.assert_array_equal(drawn["tracks"].values, [1, 1, 1, 1, 1, 1])
    np.testing.assert_allclose(drawn["tracks"].edges, np.arange(7) * 0.5 - 0.25)
    assert axes.get_xlabel() == "time (s)"


@pytest.mark.parametrize("lost", [[0], [5], [1, 2], [0, 1, 5]])
def test_every_lost_frame_is_shaded_as_wide_as_it_is(lost):
    """A single lost frame, and the first and the last, are as visible as others."""
    times = np.array([0.0, 1.0, 2.0, 3.0, 5.0, 6.0])
    flags = np.isin(np.arange(6), lost)
    axes = Figure().subplots()
    shade_lost(axes, times, flags)
    spans = [(p.get_x(), p.get_x() + p.get_width()) for p in axes.patches]
    edges = frame_edges(times)
    covered = [any(a <= t <= b for a, b in spans) for t in times]
    assert covered == flags.tolist()
    assert sum(b - a for a, b in spans) == pytest.approx(sum(edges[i + 1] - edges[i] for i in lost))
    assert [p.get_label() for p in axes.patches].count("not usable") == 1


def test_the_strip_tells_used_flagged_and_unused_frames_apart(make_stack):
    quality = pd.DataFrame(
        {
            "usable": [True, True, False, True, True, False],
            "reason": ["", "scars", "torn", "", None, "blank"],
        }
    )
    movie = AnalysedMovie.of(make_stack(), record_of(quality={"table": quality}))
    axes = Figure().subplots()
    draw_quality(axes, movie)
    np.testing.assert_array_equal(axes.collections[0].get_array().ravel(), [0, 1, 2, 0, 0, 2])
    labels = axes.get_legend_handles_labels()[1]
    assert labels == ["usable: 3", "flagged, used: 1", "not used: 2"]
    np.testing.assert_array_equal(movie.observed, quality["usable"])


@pytest.mark.parametrize("times", [[0.0, 1.0, float("nan"), 3.0, 4.0, 5.0], [0.0, 1.0, 1.0, 2.0, 3.0, 4.0]])
def test_without_increasing_times_the_axis_counts_frames(make_stack, times):
    with pytest.warns(PlayNanoWarning):
        stack = make_stack(frame_metadata=[{"timestamp": t} for t in times])
    values, label = AnalysedMovie.of(stack, {}).time_axis()
    assert label == "frame"
    np.testing.assert_array_equal(values, np.arange(6))
