import numpy as np
import pytest
from scipy.special import gammaincinv

from playNano.algorithms.measurement.dwell.exponential import (
    detection_probability,
    end_probability,
    expected_restarts,
    fit_rate,
)


def test_without_missed_detections_the_rate_has_a_closed_form():
    fit = fit_rate(0.5 * 80, np.full((20, 1), 0.5))
    assert fit.rate == pytest.approx(-np.log(1 - 20 / 100) / 0.5, rel=1e-6)
    assert (fit.status, fit.ci_method) == ("ok", "profile")
    ratio = [20 * np.log(-np.expm1(-0.5 * k)) - 40 * k for k in (fit.rate, fit.low, fit.high)]
    np.testing.assert_allclose(ratio[0] - np.array(ratio[1:]), 1.9207, atol=1e-3)


def test_for_fast_frames_it_is_that_of_known_times():
    fit = fit_rate(1000.0, np.full((30, 1), 1e-3))
    assert fit.rate == pytest.approx(30 / 1000.0, rel=1e-4)
    # The profile interval lies between the ends of the exact one, which is wider for a discrete count.
    assert gammaincinv(30, 0.025) / 1000 < fit.low < fit.rate < fit.high < gammaincinv(31, 0.975) / 1000


@pytest.mark.parametrize(("miss_rate", "passes"), [(0.0, 1), (0.3, 1), (0.3, 3), (0.7, 4)])
def test_the_probability_of_an_end_is_that_of_all_histories(miss_rate, passes):
    wait = np.array([0.4, 1.1, 1.5, 3.0])[:passes]
    rate = 0.8
    rng = np.random.default_rng(0)
    leaves = rng.exponential(1 / rate, 400_000)
    detected = (leaves[:, None] > wait) & (rng.random((len(leaves), passes)) >= miss_rate)
    drawn = 1 - detected.any(axis=1).mean()
    assert end_probability(rate, wait[None], miss_rate)[0] == pytest.approx(drawn, abs=0.003)


def test_fewer_passes_are_marked_by_nan():
    wait = np.array([[0.5, 1.0, np.nan], [np.nan] * 3])
    some = end_probability(0.7, wait, 0.2)
    assert some[0] == pytest.approx(end_probability(0.7, wait[:1, :2], 0.2)[0])
    assert some[1] == 1.0


def test_a_molecule_that_arrives_at_random_is_seen_before_it_leaves():
    rng = np.random.default_rng(1)
    rate, interval, miss = 1.3, 0.9, 0.25
    arrives, stays = rng.uniform(0, interval, 200_000), rng.exponential(1 / rate, 200_000)
    passes = interval * np.arange(1, 40)
    seen = (passes < (arrives + stays)[:, None]) & (rng.random((200_000, 39)) >= miss)
    assert detection_probability(rate, interval, miss) == pytest.approx(seen.any(axis=1).mean(), abs=0.003)


def test_no_ends_give_an_upper_bound():
    fit = fit_rate(50.0, np.empty((0, 1)))
    assert (fit.rate, fit.low, fit.status) == (0.0, 0.0, "all_censored")
    assert fit.high == pytest.approx(-np.log(0.05) / 50)


def test_no_time_gives_a_lower_bound():
    fit = fit_rate(0.0, np.full((4, 1), 0.5))
    assert np.isnan(fit.rate)
    assert fit.high == np.inf
    assert fit.status == "at_bound"
    assert (-np.expm1(-fit.low * 0.5)) ** 4 == pytest.approx(0.05)


def test_ends_that_may_all_be_missed_detections_give_a_bound():
    fit = fit_rate(1000.0, np.full((1, 1), 0.1), miss_rate=0.5)
    assert (fit.rate, fit.low, fit.status) == (0.0, 0.0, "at_bound")
    assert 0 < fit.high < 0.01


def test_the_level_widens_the_interval():
    narrow, wide = (fit_rate(40.0, np.full((20, 1), 0.5), level=level) for level in (0.8, 0.99))
    assert wide.low < narrow.low < narrow.rate < narrow.high < wide.high
    assert narrow.log_error == pytest.approx(wide.log_error, rel=0.05)


def test_molecules_that_were_missed_at_all_passes_begin_again():
    rate, miss, wait = 0.3, 0.4, np.tile([0.5, 1.0], (1000, 1))
    rng = np.random.default_rng(2)
    leaves = rng.exponential(1 / rate, 300_000)
    seen = ((leaves[:, None] > wait[0]) & (rng.random((300_000, 2)) >= miss)).any(axis=1)
    still = (leaves[~seen] > 1.0).mean()
    assert expected_restarts(rate, wait, miss) == pytest.approx(1000 * still, rel=0.02)
    assert expected_restarts(rate, np.array([[0.5, np.nan]]), miss) == 0.0
