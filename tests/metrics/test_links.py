"""Scores of links and events against hand-made cases."""

from __future__ import annotations

import pandas as pd

from playNano.metrics import Counts, score_edges, score_events, score_links


def table(rows, names=("frame", "track_id", "y", "x")):
    return pd.DataFrame(rows, columns=list(names))


def test_edges_count_skips_swaps_and_clutter():
    frame = [0, 1, 2, 0, 1, 2, 1]
    particle = [1, 1, 1, 2, 2, 2, -1]
    perfect = score_edges(frame, particle, [5, 5, 5, 6, 6, 6, 7])
    assert perfect == Counts(4, 0, 0)
    swapped = score_edges(frame, particle, [5, 5, 6, 6, 6, 5, -1])
    assert swapped == Counts(2, 2, 2)
    skipped = score_edges(frame, particle, [5, -1, 5, 6, 6, 6, -1])
    assert skipped == Counts(2, 1, 2)
    through_clutter = score_edges(frame, particle, [5, 8, 5, 6, 6, 6, 5])
    assert through_clutter == Counts(2, 2, 2)


def test_a_link_over_a_missed_detection_is_right():
    assert score_edges([0, 3], [1, 1], [0, 0]) == Counts(1, 0, 0)


def test_links_match_points_by_position():
    truth = table([(t, 1, float(t), 0.0) for t in range(4)])
    predicted = table([(t, 9, t + 0.1, 0.0) for t in range(4)] + [(0, 3, 30.0, 0.0), (1, 3, 30.0, 0.0)])
    assert score_links(truth, predicted, max_distance=1.0) == Counts(3, 1, 0)
    assert score_links(truth, predicted.drop(index=1), max_distance=1.0) == Counts(1, 2, 2)


def test_events_match_in_kind_time_and_position():
    names = ("frame", "kind", "y", "x")
    truth = table([(10, "merge", 0.0, 0.0), (20, "split", 5.0, 5.0), (30, "merge", 0.0, 0.0)], names)
    predicted = table([(11, "merge", 0.5, 0.0), (20, "merge", 5.0, 5.0), (36, "merge", 0.0, 0.0)], names)
    assert score_events(truth, predicted, max_distance=1.0) == Counts(1, 2, 2)
    assert score_events(truth, truth, max_distance=1.0) == Counts(3, 0, 0)
