from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from scipy.linalg import expm
from scipy.stats import norm

from playNano.algorithms.measurement.states.chains import Chains
from playNano.algorithms.measurement.states.hmm import Model, expect, fit_em, log_likelihood, offset_nodes
from playNano.algorithms.measurement.states.rates import (
    fit_rates,
    generator,
    rates_from_matrix,
    transition_matrices,
)


def chains_of(*values, durations=(1.0,), index=None):
    value = np.concatenate(values).astype(float)
    bounds = np.append(0, np.cumsum([len(v) for v in values]))
    index = np.zeros(value.size, np.int64) if index is None else np.asarray(index, np.int64)
    return Chains(value, bounds, index, np.asarray(durations, float))


def random_model(k, rng, offset_sd=0.0):
    transition = rng.dirichlet(np.ones(k), k)
    return Model(
        rng.dirichlet(np.ones(k)), transition, rng.normal(0, 2, k), rng.uniform(0.3, 1, k), offset_sd
    )


def by_all_paths(value, model, transitions=None):
    """Log likelihood, state probabilities and expected transitions by summing over all paths."""
    k, n = model.n_states, len(value)
    steps = [model.transition] * n if transitions is None else transitions
    total, gamma, pairs = 0.0, np.zeros((n, k)), np.zeros((k, k))
    for path in product(range(k), repeat=n):
        p = model.start[path[0]]
        for i, state in enumerate(path):
            if i:
                p *= steps[i][path[i - 1], state]
            if np.isfinite(value[i]):
                usual = norm.pdf(value[i], model.mean[state], model.sd[state])
                p *= (1 - model.outlier_share) * usual + model.outlier_share * model.outlier_density
        total += p
        for i, state in enumerate(path):
            gamma[i, state] += p
            if i:
                pairs[path[i - 1], state] += p
    return np.log(total), gamma / total, pairs / total


@pytest.mark.parametrize(("k", "n"), [(1, 4), (2, 8), (3, 6)])
def test_likelihood_and_expectations_are_those_of_all_paths(k, n):
    rng = np.random.default_rng(k)
    model, value = random_model(k, rng), rng.normal(0, 2, n)
    value[[1, n - 2]] = np.nan
    logs, gamma, pairs = by_all_paths(value, model)
    expected = expect(chains_of(value), model)
    assert expected.log_likelihood == pytest.approx(logs, abs=1e-10)
    np.testing.assert_allclose(expected.gamma, gamma, atol=1e-10)
    np.testing.assert_allclose(expected.pairs, pairs, atol=1e-10)
    seen = np.isfinite(value)
    np.testing.assert_allclose(expected.sums[0], gamma[0], atol=1e-10)
    for power in range(3):
        moment = (gamma[seen] * value[seen, None] ** power).sum(axis=0)
        np.testing.assert_allclose(expected.sums[1 + power], moment, atol=1e-9)


def test_offsets_are_integrated_over():
    rng = np.random.default_rng(5)
    model = random_model(2, rng, offset_sd=0.7)
    values = [rng.normal(0, 2, 5), rng.normal(0, 2, 4)]
    offsets, log_weight = offset_nodes(0.7)
    logs, square = 0.0, 0.0
    for value in values:
        each = np.array([by_all_paths(value - b, model)[0] for b in offsets]) + log_weight
        logs += np.log(np.exp(each).sum())
        square += (np.exp(each) * offsets**2).sum() / np.exp(each).sum() / 2
    expected = expect(chains_of(*values), model)
    assert expected.log_likelihood == pytest.approx(logs, abs=1e-10)
    assert expected.offset_square == pytest.approx(square, abs=1e-10)
    assert np.exp(log_weight).sum() == pytest.approx(1.0)


def test_outliers_have_the_same_density_in_each_state():
    rng = np.random.default_rng(8)
    plain = random_model(2, rng)
    model = replace(plain, outlier_share=0.1, outlier_density=0.2)
    value = rng.normal(0, 2, 6)
    logs, gamma, _ = by_all_paths(value, model)
    expected = expect(chains_of(value), model)
    assert expected.log_likelihood == pytest.approx(logs, abs=1e-10)
    usual = (1 - 0.1) * norm.pdf(value[:, None], model.mean, model.sd)
    weight = (gamma * usual / (usual + 0.1 * 0.2)).sum(axis=0)
    np.testing.assert_allclose(expected.sums[1], weight, atol=1e-10)
    fitted, _ = fit_em(hmmlearn_data(), replace(plain, outlier_share=0.1, outlier_density=0.2), iterations=1)
    assert 0 < fitted.outlier_share <= 0.2
    assert fitted.n_parameters == plain.n_parameters + 1


def test_a_value_far_from_all_states_does_not_underflow():
    model = Model(np.full(2, 0.5), np.full((2, 2), 0.5), np.array([0.0, 1.0]), np.full(2, 1e-3))
    assert np.isfinite(log_likelihood(chains_of(np.array([0.0, 1e4, 1.0])), model))


def hmmlearn_data():
    rng = np.random.default_rng(7)
    lengths = [40, 25, 35]
    return chains_of(
        *np.split(
            np.concatenate(
                [
                    np.where((np.arange(n) + p) // 9 % 2, 2.0, 0.0) + rng.normal(0, 0.6, n)
                    for n, p in zip(lengths, (0, 4, 7), strict=True)
                ]
            ),
            [40, 65],
        )
    )


def test_thirty_iterations_equal_hmmlearn():
    """hmmlearn 0.3.3, GaussianHMM without priors, from the same start."""
    start = Model(np.full(2, 0.5), np.array([[0.8, 0.2], [0.3, 0.7]]), np.array([0.5, 1.5]), np.ones(2))
    chains = hmmlearn_data()
    assert log_likelihood(chains, start) == pytest.approx(-148.00383134578945, abs=1e-9)
    model, logs = fit_em(chains, start, iterations=30, tolerance=-np.inf)
    assert logs == pytest.approx(-110.74117940675258, abs=1e-6)
    np.testing.assert_allclose(model.mean, [-0.1307399918717069, 1.918378026031029], atol=1e-6)
    np.testing.assert_allclose(model.sd**2, [0.2731747766890954, 0.289216949683696], atol=1e-6)
    np.testing.assert_allclose(
        model.transition,
        [[0.8801920047441268, 0.11980799525587314], [0.11016562768888148, 0.8898343723111186]],
        atol=1e-6,
    )


def test_each_iteration_raises_the_likelihood():
    chains = hmmlearn_data()
    start = Model(np.full(2, 0.5), np.array([[0.8, 0.2], [0.3, 0.7]]), np.array([0.5, 1.5]), np.ones(2), 0.2)
    logs = [fit_em(chains, start, iterations=n, tolerance=-np.inf)[1] for n in range(1, 12)]
    assert (np.diff(logs) > -1e-9).all()


def test_order_of_states_does_not_count():
    rng = np.random.default_rng(2)
    model, value = random_model(3, rng), rng.normal(0, 2, 12)
    order = [2, 0, 1]
    steps = model.transition[np.ix_(order, order)]
    turned = Model(model.start[order], steps, model.mean[order], model.sd[order])
    assert log_likelihood(chains_of(value), turned) == pytest.approx(log_likelihood(chains_of(value), model))
    np.testing.assert_array_equal(turned.by_mean().mean, model.by_mean().mean)
    np.testing.assert_array_equal(turned.by_mean().transition, model.by_mean().transition)


def test_states_that_never_change_are_a_mixture_of_chains():
    rng = np.random.default_rng(3)
    model = Model(np.array([0.3, 0.7]), np.eye(2), np.array([0.0, 1.0]), np.array([0.5, 0.4]))
    values = [rng.normal(0, 1, 6), rng.normal(1, 1, 3)]
    expected = sum(
        np.log(sum(p * norm.pdf(v, m, s).prod() for p, m, s in zip(model.start, model.mean, model.sd, strict=True)))
        for v in values
    )  # fmt: skip
    assert log_likelihood(chains_of(*values), model) == pytest.approx(expected)


@pytest.mark.parametrize("k", [2, 3, 5])
def test_rates_and_probabilities_are_each_others_inverse(k):
    rng = np.random.default_rng(k)
    rate = rng.uniform(0.05, 0.6, (k, k))
    np.fill_diagonal(rate, 0)
    durations = np.array([0.2, 3.0, 40.0])
    matrices = transition_matrices(rate, durations)
    np.testing.assert_allclose(matrices, [expm(generator(rate) * t) for t in durations], atol=1e-12)
    np.testing.assert_allclose(rates_from_matrix(matrices[0], 0.2), rate, rtol=1e-8)
    if k == 2:
        p = matrices[0]
        total = -np.log(p[0, 0] + p[1, 1] - 1) / 0.2
        assert rates_from_matrix(p, 0.2).sum() == pytest.approx(total)


def test_uneven_times_count_as_they_are():
    rng = np.random.default_rng(9)
    model, rate = random_model(2, rng), np.array([[0, 0.8], [0.3, 0]])
    durations = np.array([0.5, 1.7])
    index = np.array([0, 1, 0, 0, 1])
    value = rng.normal(0, 2, 5)
    matrices = transition_matrices(rate, durations)
    logs = by_all_paths(value, model, matrices[index])[0]
    assert log_likelihood(
        chains_of(value, index=index, durations=durations), model, matrices
    ) == pytest.approx(logs)


def test_rates_of_even_times_are_those_of_the_fitted_matrix():
    chains = hmmlearn_data()
    start = Model(np.full(2, 0.5), np.array([[0.8, 0.2], [0.3, 0.7]]), np.array([0.5, 1.5]), np.ones(2))
    model, _ = fit_em(chains, start, tolerance=1e-12)
    expected = expect(chains, model)
    fitted = fit_rates(chains, chains, model, expected.pairs)
    np.testing.assert_allclose(fitted.rate, rates_from_matrix(model.transition, 1.0), rtol=1e-3)
    assert (fitted.low[[0, 1], [1, 0]] < fitted.rate[[0, 1], [1, 0]]).all()
    assert (fitted.rate[[0, 1], [1, 0]] < fitted.high[[0, 1], [1, 0]]).all()


def test_states_that_change_within_a_frame_are_unresolved():
    assert rates_from_matrix(np.array([[0.4, 0.6], [0.6, 0.4]]), 1.0) is None
    model = Model(np.full(2, 0.5), np.array([[0.4, 0.6], [0.6, 0.4]]), np.array([0.0, 2.0]), np.ones(2))
    fitted = fit_rates(hmmlearn_data(), hmmlearn_data(), model, np.full((2, 2), 20.0))
    assert fitted.status[0][1] == "unresolved"
    assert np.isnan(fitted.rate[0, 1])


def test_a_transition_that_is_never_seen_has_an_upper_bound():
    model = Model(
        np.full(2, 0.5), np.array([[0.95, 0.05], [1e-9, 1.0]]), np.array([0.0, 2.0]), np.ones(2) * 0.3
    )
    value = np.where(np.arange(40) < 20, 0.0, 2.0)
    chains = chains_of(value + np.random.default_rng(0).normal(0, 0.3, 40), value * 0 + 2.0)
    pairs = np.array([[19.0, 1.0], [0.0, 58.0]])
    fitted = fit_rates(chains, chains, model, pairs)
    assert (fitted.rate[1, 0], fitted.status[1][0], fitted.low[1, 0]) == (0.0, "no_events", 0.0)
    assert fitted.high[1, 0] == pytest.approx(-np.log(0.05) / 58)
    assert fitted.low[0, 1] < fitted.rate[0, 1] < fitted.high[0, 1]
