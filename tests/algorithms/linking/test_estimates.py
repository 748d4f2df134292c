"""Estimates of linking against formulas written out: rates, drift, feature noise, partners of merges, medians."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from playNano.algorithms.linking import FeatureCost, LinkingOptions
from playNano.algorithms.linking._kernels.frames import group_medians
from playNano.algorithms.linking._kernels.motion_model import exp_minus
from playNano.algorithms.linking.detections import sort_detections
from playNano.algorithms.linking.drift import estimate_drift
from playNano.algorithms.linking.features import estimate_feature_noise, prepare_features
from playNano.algorithms.linking.merge_split import _near_passes, _sorted_tracks
from playNano.algorithms.linking.rates import Rates, estimate_rates, rate_of_ends


@pytest.mark.parametrize(
    ("motion", "scale"), [("brownian", "sqrt"), ("directed", "linear"), ("static", "constant")]
)
def test_the_search_range_grows_as_the_motion_implies(motion, scale):
    assert LinkingOptions(1.0, motion=motion).scale == scale
    assert LinkingOptions(1.0, motion=motion, distance_scale="linear").scale == "linear"


@pytest.mark.parametrize("wrong", [{"max_distance": "3"}, {"max_distance": True}, {"max_distance": np.inf}])
def test_a_length_is_a_finite_number(wrong):
    with pytest.raises(ValueError, match="max_distance"):
        LinkingOptions(**wrong)


def test_the_spread_of_an_angle_over_particles_is_that_of_a_uniform_distribution():
    table = pd.DataFrame({"frame": [0, 1], "angle": [0.1, 0.2]})
    features = prepare_features(table, {"angle": FeatureCost(scale=0.1, period=np.pi)}, np.arange(2))
    estimate_feature_noise(features, np.array([-1, 0], np.int32))
    assert features.noise_var[0] == pytest.approx(0.01)
    assert features.prior_var[0] == pytest.approx(np.pi**2 / 12 - 0.01)


def test_birth_and_death_rates_count_the_first_and_last_frames_that_can_tell():
    frame = np.array([0, 0, 0, 1, 1, 1, 1])
    points = sort_detections(frame, np.column_stack([np.arange(7.0), np.zeros(7)])).points
    previous = np.array([-1, -1, -1, 0, 1, -1, -1], np.int32)
    rates = estimate_rates(Rates(), LinkingOptions(1.0), points, previous, np.zeros(7, bool))
    assert rates.birth == pytest.approx(rate_of_ends(2.2 / 24, np.ones(1)))
    assert rates.death == pytest.approx(rate_of_ends(1.2 / 23, np.ones(1)))
    assert rates.clutter == 0.25
    assert rates.detected == 3.5


def test_drift_of_few_is_shrunk_by_the_robust_variance_of_their_steps():
    rng = np.random.default_rng(4)
    n, n_frames = 4, 30
    steps = rng.normal(0, 0.3, (n_frames, n, 2)) + rng.normal(0.2, 0.25, (n_frames, 1, 2))
    walk = np.cumsum(steps, axis=0) + 50.0 * np.arange(n)[:, None]
    points = sort_detections(np.repeat(np.arange(n_frames), n), walk.reshape(-1, 2)).points
    previous = np.arange(n * n_frames, dtype=np.int32) - n
    previous[:n] = -1
    expected = np.zeros((n_frames, 2))
    for axis in range(2):
        step = steps[1:, :, axis]
        median = np.median(step, axis=1)
        # Median absolute deviation as standard deviation, and the loss of the median's own degree of freedom.
        sd = np.median(np.abs(step - median[:, None])) / norm.ppf(0.75)
        noise = np.pi / 2 * sd**2 * n / (n - 1) / n
        true = max(((median - median.mean()) ** 2).mean() - noise, 0.0)
        chance = (noise + true) / median.size
        overall = median.mean() * max(0.0, 1 - chance / median.mean() ** 2)
        expected[1:, axis] = overall + true / (true + noise) * (median - overall)
    np.testing.assert_allclose(estimate_drift(points, previous), np.cumsum(expected, axis=0), rtol=1e-4)


@pytest.mark.parametrize(("n_gaps", "n_partners"), [(1, 0), (2, 1)])
def test_the_partner_of_a_merge_was_there_when_the_track_ended(n_gaps, n_partners):
    """The track that ends in frame 3 lies beside one that is missing in this frame."""
    frame = np.array([2, 3, 0, 1, 2, 4])
    track = np.array([1, 1, 0, 0, 0, 0])
    tracks = _sorted_tracks(frame, track, np.zeros((6, 2)), None)
    end = np.flatnonzero((tracks.track == 1) & (tracks.after < 0))
    rows, cols = _near_passes(tracks, end, 1.0, n_gaps)
    assert tracks.frame[cols].tolist() == [4] * n_partners
    assert rows.tolist() == [0] * n_partners


def test_medians_of_groups():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(40, 2))
    ptr = np.array([0, 1, 1, 8, 20, 40])
    medians = np.full((5, 2), 7.0)
    group_medians(values, ptr, medians)
    expected = [np.median(values[a:b], axis=0) if b > a else [7.0, 7.0] for a, b in pairwise(ptr)]
    np.testing.assert_allclose(medians, expected, rtol=1e-14)


def test_the_table_of_exponentials():
    for x in np.random.default_rng(1).uniform(0, 40, 200):
        assert exp_minus(x) == pytest.approx(np.exp(-x), rel=1e-9)
