"""Exchanges of one detection between two tracks, against the likelihood of both assignments."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tests.algorithms.linking.linking_calls import link
from tests.algorithms.linking.test_confidence import following

from playNano.algorithms.linking.detections import sort_detections
from playNano.algorithms.linking.exchanges import MAX_GAIN, exchange_weights
from playNano.algorithms.linking.motion_model import successors


def log_likelihood(points, previous, rows, variance):
    """Log likelihood of detections by their distance from the line between those before and after."""
    last = successors(previous)
    line = 0.5 * (points.position[previous[rows]] + points.position[last[rows]])
    return -0.5 * ((points.position[rows] - line) ** 2).sum() / variance


def exchanged(previous, first, second):
    """Links after the exchange of two detections between their tracks."""
    last, result = successors(previous), previous.copy()
    result[[first, second]] = previous[[second, first]]
    result[[last[first], last[second]]] = [second, first]
    return result


@pytest.mark.parametrize("dims", [2, 3])
def test_the_weight_is_the_likelihood_ratio_of_the_exchange(dims):
    rng = np.random.default_rng(dims)
    # Pairs of tracks of three detections, far from other pairs.
    n = 40
    start = np.repeat(100.0 * np.arange(n), 2)[:, None] + rng.normal(0, 1.0, (2 * n, dims))
    at = np.stack([start, start + rng.normal(0, 1.0, start.shape), start + rng.normal(0, 1.0, start.shape)])
    frame, track = np.indices(at.shape[:2]).reshape(2, -1)
    detections = sort_detections(frame, at[frame, track])
    points, row = detections.points, np.empty(frame.size, np.int64)
    row[detections.order] = np.arange(frame.size)
    row = row.reshape(3, -1)
    previous = np.full(frame.size, -1, np.int32)
    previous[row[1]], previous[row[2]] = row[0], row[1]
    residual = at[1] - 0.5 * (at[0] + at[2])
    variance = (residual**2).sum(axis=1).mean() / dims
    weight = exchange_weights(points, previous, dims)
    for first, second in row[1].reshape(-1, 2):
        rows = np.array([first, second])
        gain = log_likelihood(points, exchanged(previous, first, second), rows, variance)
        gain -= log_likelihood(points, previous, rows, variance)
        ratio = np.exp(min(gain, MAX_GAIN))
        near = np.linalg.norm(points.position[first] - points.position[second]) < 6.0 * np.sqrt(variance)
        last = successors(previous)
        for link_to in (first, second, last[first], last[second]):
            assert weight[link_to] == pytest.approx(ratio if near else 0.0)
    assert (weight[row[0]] == 0).all()


def test_few_detections_have_no_rivals():
    points = sort_detections([0, 0, 1, 1, 2, 2], np.zeros((6, 2))).points
    assert (exchange_weights(points, np.array([-1, -1, 0, 1, 2, 3], np.int32), 2) == 0).all()


def test_expected_wrong_links_of_particles_that_pass_each_other():
    sure, right = [], []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        frame = np.arange(60)[:, None]
        lane, meeting = np.repeat(np.arange(20), 2), np.repeat(rng.uniform(20, 40, 20), 2)
        x = 100 + np.tile([1.0, -1.0], 20) * 3.0 * (frame - meeting) + rng.normal(0, 0.3, (60, 40))
        y = 9.5 * lane + rng.normal(0, 0.3, (60, 40))
        frames, particle = np.indices(x.shape).reshape(2, -1)
        table = pd.DataFrame({"frame": frames, "y": y.ravel(), "x": x.ravel(), "particle": particle})
        links = link(table).links
        right.append(following(table)[links["source"]] == links["target"])
        sure.append(links["confidence"])
    wrong, expected = 1 - np.concatenate(right).mean(), 1 - np.concatenate(sure).mean()
    assert 0.002 < wrong < 0.02
    assert expected == pytest.approx(wrong, rel=0.4)
