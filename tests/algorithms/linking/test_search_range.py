"""The search range and gap closing that are estimated from a movie."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2
from tests.algorithms.linking.linking_calls import link

from playNano.algorithms.linking.detections import sort_detections
from playNano.algorithms.linking.search_range import MAX_RANGE, MIN_RANGE, estimate_steps


def walks(seed, *, n=25, n_frames=100, sigma=1.5, side=150.0, missed=0.0, clutter=0.0, blink=None):
    """Brownian particles in a field, `sigma` a frame and axis; `blink`: probability to vanish and to come back."""
    rng = np.random.default_rng(seed)
    at = rng.uniform(0, side, (n, 2)) + np.cumsum(
        rng.normal(0, 1, (n_frames, n, 2)) * np.c_[np.full(n, sigma)], axis=0
    )
    seen = rng.random((n_frames, n)) >= missed
    if blink is not None:
        on = np.ones((n_frames, n), bool)
        for t in range(1, n_frames):
            on[t] = np.where(on[t - 1], rng.random(n) >= blink[0], rng.random(n) < blink[1])
        seen &= on
    frame, particle = np.nonzero(seen)
    false = np.repeat(np.arange(n_frames), rng.poisson(clutter, n_frames))
    places = np.concatenate([at[frame, particle], rng.uniform(0, side, (false.size, 2))])
    return pd.DataFrame(
        {
            "frame": np.concatenate([frame, false]),
            "y": places[:, 0],
            "x": places[:, 1],
            "particle": np.concatenate([particle, np.full(false.size, -1)]),
        }
    )


def steps_of(table, power=1, **options):
    return estimate_steps(sort_detections(table["frame"], table[["y", "x"]], **options).points, 2, power)


@pytest.mark.parametrize(("sigma", "n"), [(0.3, 25), (1.5, 25), (4.0, 25), (4.0, 8), (2.0, 1), (5.0, 60)])
def test_the_distribution_of_steps_needs_no_links(sigma, n):
    steps = steps_of(walks(n, sigma=sigma, n=n, missed=0.05, clutter=1.0 if n > 1 else 0.0))
    assert steps.rms == pytest.approx(sigma * np.sqrt(2), rel=0.1)
    for share in (0.5, 0.9, 0.99):
        true = sigma * np.sqrt(chi2.ppf(share, 2))
        assert float(steps.share_within(true)) == pytest.approx(share, abs=0.06)
        assert steps.share_within(steps.quantile(share)) == pytest.approx(share, abs=1e-6)


def test_two_kinds_of_steps_are_told_apart():
    sigma = np.where(np.arange(30) < 15, 0.3, 4.0)
    steps = steps_of(walks(0, sigma=sigma, n=30, side=200.0))
    assert steps.weight.size == 2
    np.testing.assert_allclose(np.sqrt(steps.variance), [0.3, 4.0], rtol=0.15)
    np.testing.assert_allclose(steps.weight, 0.5, atol=0.1)


def test_steps_are_scaled_by_the_time_between_frames():
    rng = np.random.default_rng(0)
    interval = np.tile([1.0, 1.0, 1.0, 6.0], 25)
    walk = np.cumsum(rng.normal(0, 1, (100, 20, 2)) * np.sqrt(interval)[:, None, None], axis=0)
    at = rng.uniform(0, 300, (20, 2)) + walk
    table = pd.DataFrame(
        {"frame": np.repeat(np.arange(100), 20), "y": at[..., 0].ravel(), "x": at[..., 1].ravel()}
    )
    time = np.repeat(np.cumsum(interval), 20)
    assert steps_of(table, time_s=time).rms == pytest.approx(np.sqrt(2), rel=0.1)
    assert steps_of(table).rms > 1.8


@pytest.mark.parametrize("seed", range(3))
def test_a_range_is_clipping_where_steps_are_longer(seed):
    steps = steps_of(walks(seed, sigma=3.0, n=20, side=200.0))
    assert steps.is_clipped(3.0 * np.sqrt(chi2.ppf(0.8, 2)))
    assert not steps.is_clipped(3.0 * np.sqrt(chi2.ppf(0.998, 2)))


def test_the_search_range_is_between_its_limits():
    for sigma in (0.05, 2.0, 20.0):
        steps = steps_of(walks(1, sigma=sigma))
        assert MIN_RANGE <= steps.search_range() / steps.neighbour_distance <= MAX_RANGE
        assert float(steps.share_within(steps.search_range())) > 0.99 or sigma > 10


@pytest.mark.parametrize("n", [1, 2])
def test_few_detections_have_no_distribution(n):
    table = pd.DataFrame({"frame": np.arange(n), "y": np.arange(n) * 3.0, "x": 0.0})
    steps = steps_of(table)
    assert np.isnan(steps.rms) and np.isnan(steps.share_within(1.0)) and not steps.is_clipped(1.0)
    assert link(table).n_tracks == 1


def test_gap_closing_bridges_as_many_frames_as_particles_miss():
    kinds = {"never": {}, "missed": {"missed": 0.1}, "blinking": {"blink": (0.1, 0.3)}}
    missing = {name: link(walks(2, **kind)).search.max_missing for name, kind in kinds.items()}
    assert missing["never"] == 0
    assert 2 <= missing["missed"] <= 4
    assert 5 <= missing["blinking"] <= 16
    given = link(walks(2, missed=0.1), max_missing=0)
    assert given.search.max_missing == 0 and given.links["gap"].max() == 1
