import numpy as np
import pytest
from scipy import stats

from playNano.algorithms.measurement.intervals import (
    gamma_rate_interval,
    jackknife_t,
    profile_interval,
    ratio_interval,
    t_interval,
)

VALUES = np.array([1.3, 0.7, 2.9, 1.1, 4.2])


def test_t_interval_is_scipys():
    expected = stats.t.interval(0.9, 4, VALUES.mean(), stats.sem(VALUES))
    assert t_interval(VALUES, 0.9) == pytest.approx(expected)
    assert np.isnan(t_interval([1.0])).all()


def test_jackknife_of_the_mean_is_students():
    left_out = (VALUES.sum() - VALUES) / 4
    assert jackknife_t(VALUES.mean(), left_out, 0.9) == pytest.approx(t_interval(VALUES, 0.9))
    assert np.isnan(jackknife_t(0.0, np.array([0.0, 1.0]), log=True)).all()


def test_ratio_of_equal_denominators_is_the_mean_on_the_log():
    left_out = np.log((VALUES.sum() - VALUES) / 4)
    low, high = jackknife_t(np.log(VALUES.mean()), left_out)
    assert ratio_interval(VALUES, np.ones(5)) == pytest.approx((np.exp(low), np.exp(high)))
    assert ratio_interval([*VALUES, 0.0], [1, 1, 1, 1, 1, 0]) == ratio_interval(VALUES, np.ones(5))


def test_profile_of_an_exponential_rate():
    def log_likelihood(rate):
        return 20 * np.log(rate) - rate * 10.0

    low, high = profile_interval(log_likelihood, 2.0, (1e-6, 50.0))
    drop = stats.chi2.ppf(0.95, 1) / 2
    for end in (low, high):
        assert log_likelihood(2.0) - log_likelihood(end) == pytest.approx(drop, rel=1e-6)
    assert low < 2.0 < high
    assert profile_interval(log_likelihood, 2.0, (1.9, 2.1)) == (1.9, 2.1)


def test_gamma_interval_is_chi_square():
    low, high = gamma_rate_interval(7, 2.0)
    assert (low, high) == pytest.approx((stats.chi2.ppf(0.025, 14) / 4, stats.chi2.ppf(0.975, 16) / 4))
    assert gamma_rate_interval(0, 2.0) == pytest.approx((0.0, -np.log(0.05) / 2))
    assert np.isnan(gamma_rate_interval(0, 0.0)).all()
