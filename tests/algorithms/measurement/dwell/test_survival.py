from types import SimpleNamespace

import numpy as np
import pytest

from playNano.algorithms.measurement.dwell.biexponential import DwellRecords, fit_mixture, mixture_p
from playNano.algorithms.measurement.dwell.exponential import fit_rate
from playNano.algorithms.measurement.dwell.survival import fit_p, survival_curve


def passes_of(lengths, ended, widths):
    """Rows of molecules seen in every frame, whose ends lie within widths; as much of `Passes` as the curve needs."""
    lengths, ended = np.asarray(lengths), np.asarray(ended, bool)
    age = np.concatenate([np.arange(n) for n in lengths])
    last = np.cumsum(lengths) - 1
    is_last = np.isin(np.arange(age.size), last)
    leaves = np.zeros(age.size, bool)
    leaves[last] = ended
    width = np.ones(age.size, int)
    width[last] = widths
    at_risk = ~is_last | leaves
    return SimpleNamespace(
        age=age, at_risk=at_risk, ended=leaves, last=last, reason=np.where(ended, "left", "movie_end")
    ), width  # fmt: skip


def curve_of(lengths, ended, widths):
    passes, width = passes_of(lengths, ended, widths)
    return survival_curve(passes, np.ones(width.size, bool), width)


def test_with_regular_passes_it_is_the_product_of_hazards():
    curve = curve_of([1, 2, 2, 3, 3, 4], [True, True, False, True, True, False], 1)
    assert curve.passes.tolist() == [0, 1, 2, 3]
    np.testing.assert_allclose(curve.survival, [1, 5 / 6, 5 / 6 * 3 / 4, 5 / 6 * 3 / 4 * 1 / 3])
    assert curve.at_risk.tolist() == [6, 6, 4, 3]
    assert curve.ends.tolist() == [0, 1, 1, 2]
    assert curve.censored.tolist() == [0, 0, 1, 0]
    # Greenwood on log(-log S) at the first pass
    error = np.sqrt(1 / (6 * 5)) / abs(np.log(5 / 6))
    expected = (5 / 6) ** np.exp([1.959964 * error, -1.959964 * error])
    np.testing.assert_allclose([curve.low[1], curve.high[1]], expected, rtol=1e-6)


def test_ends_in_wide_intervals_maximise_the_likelihood():
    lengths, ended = [1, 1, 2, 2, 3, 3, 3], [True, True, True, True, True, True, False]
    widths = [1, 3, 1, 2, 1, 1, 1]
    curve = curve_of(lengths, ended, widths)

    def log_likelihood(survival):
        total = 0.0
        for length, left, width in zip(lengths, ended, widths, strict=True):
            before, after = survival[length - 1], survival[length - 1 + width]
            total += np.log(before - after if left else before)
        return total

    best = log_likelihood(curve.survival)
    rng = np.random.default_rng(0)
    hazard = 1 - curve.survival[1:] / curve.survival[:-1]
    for _ in range(300):
        moved = np.clip(hazard + rng.normal(0, 0.02, hazard.size), 0.001, 0.999)
        assert log_likelihood(np.append(1, np.cumprod(1 - moved))) <= best + 1e-9


def test_nothing_at_risk():
    curve = curve_of([1], [False], 1)
    assert curve.survival.tolist() == [1.0]


def drawn(rates, shares, n, seed, interval=1.0, limit=80):
    rng = np.random.default_rng(seed)
    kind = rng.choice(len(rates), n, p=shares)
    stay = rng.exponential(1 / np.asarray(rates)[kind]) - rng.uniform(0, interval, n)
    passes = np.floor(stay[stay > 0] / interval)
    ended = passes < limit
    return DwellRecords(np.minimum(passes, limit) * interval, np.full((len(passes), 1), interval), ended, 0.0)


def test_two_rates_and_the_share_of_those_that_were_not_seen():
    fit = fit_mixture(drawn((1.0, 0.05), (0.6, 0.4), 2000, 1), 1.0)
    assert (fit.status, fit.preferred) == ("ok", True)
    assert fit.k_fast[1] < 1.0 < fit.k_fast[2]
    assert fit.k_slow[1] < 0.05 < fit.k_slow[2]
    assert fit.share[0] == pytest.approx(0.6, abs=0.05)
    assert fit.share_seen[0] == pytest.approx(0.6 * 0.632 / (0.6 * 0.632 + 0.4 * 0.975), abs=0.05)
    assert fit.share_seen[0] < fit.share[1]


def test_one_rate_is_preferred_where_there_is_one():
    fits = [fit_mixture(drawn((0.2,), (1.0,), 150, seed), 1.0) for seed in range(8)]
    assert not any(fit.preferred for fit in fits)


def test_the_p_value_of_one_rate():
    two = drawn((1.0, 0.05), (0.6, 0.4), 300, 3)
    one = drawn((0.2,), (1.0,), 150, 4)
    for records, expected in ((two, 0.1), (one, 1.0)):
        rate = fit_rate(records.stay_s.sum(), records.wait_s[records.ended]).rate
        p = mixture_p(records, fit_mixture(records, 1.0), rate, n_draws=19)
        assert (p <= 0.05) == (expected < 0.5)


def test_too_few_ends_for_two_rates():
    assert fit_mixture(drawn((0.2,), (1.0,), 6, 0), 1.0).status == "too_few_tracks"


def test_goodness_of_fit():
    rng = np.random.default_rng(5)
    age = np.repeat(np.arange(30), 40)
    constant = np.full(age.size, 0.1)
    right = [fit_p(age, rng.random(age.size) < 0.1, constant, seed=s) for s in range(60)]
    assert np.mean(np.array(right) < 0.2) == pytest.approx(0.2, abs=0.15)
    falling = rng.random(age.size) < np.where(age < 5, 0.25, 0.07)
    assert fit_p(age, falling, constant) < 0.01
    assert np.isnan(fit_p(age[:20], falling[:20], constant[:20]))


def test_molecules_seen_once_only_leave_the_fast_rate_unbounded():
    slow = drawn((0.05,), (1.0,), 200, 6)
    once = DwellRecords(
        np.append(slow.stay_s, np.zeros(300)),
        np.ones((len(slow.stay_s) + 300, 1)),
        np.append(slow.ended, np.ones(300, bool)),
        0.0,
    )
    fit = fit_mixture(once, 1.0)
    assert (fit.status, fit.preferred) == ("at_bound", True)
    assert np.isnan(fit.k_fast[0]) and np.isnan(fit.share[0])
    assert fit.k_slow[1] < 0.05 < fit.k_slow[2]
