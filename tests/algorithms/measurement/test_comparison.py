import numpy as np
import pandas as pd
import pytest
from scipy import stats

from playNano.algorithms.measurement.comparison.counts import poisson_log_rate, poisson_log_ratio
from playNano.algorithms.measurement.comparison.options import ComparisonOptions
from playNano.algorithms.measurement.comparison.random_effects import random_mean
from playNano.algorithms.measurement.comparison.two_samples import (
    hedges_g,
    holm,
    permutation_p,
    superiority,
    t_difference,
    welch,
)
from playNano.algorithms.measurement.comparison.variances import movies_needed, variance_components
from playNano.errors import ParameterError
from playNano.measurement import compare

A, B = np.array([5.1, 4.7, 5.4, 5.0]), np.array([5.9, 5.6, 6.4, 5.2, 5.5])


def tracks_of(means, condition, rng, n=8, **others):
    rows = []
    for movie, mean in enumerate(means):
        for value in mean + rng.normal(0, 0.3, n):
            rows.append({"condition": condition, "movie": f"{condition}{movie}", "height_nm": value})
    return pd.DataFrame(rows).assign(**others)


@pytest.fixture
def table():
    rng = np.random.default_rng(4)
    return pd.concat([tracks_of(A, "A", rng), tracks_of(B, "B", rng)], ignore_index=True)


def test_difference_is_welchs_on_the_means_of_movies(table):
    means = [own.groupby("movie")["height_nm"].mean().to_numpy() for _, own in table.groupby("condition")]
    row = compare(table)["comparison"].iloc[0]
    expected = stats.ttest_ind(means[1], means[0], equal_var=False)
    assert row["p"] == pytest.approx(expected.pvalue, rel=1e-12)
    ends = expected.confidence_interval(0.95)
    assert row[["difference_low", "difference_high"]].tolist() == pytest.approx(
        [ends.low, ends.high], rel=1e-9
    )
    exact = stats.permutation_test(means, lambda a, b: np.mean(b) - np.mean(a), n_resamples=np.inf)
    assert row["p_permutation"] == pytest.approx(exact.pvalue, rel=1e-12)
    assert row["p_min"] == pytest.approx(2 / 126)
    log = stats.ttest_ind(np.log(means[1]), np.log(means[0]), equal_var=False).confidence_interval()
    assert row[["ratio_low", "ratio_high"]].tolist() == pytest.approx(
        np.exp([log.low, log.high]).tolist(), rel=1e-9
    )
    assert (row["ci_unit"], row["n_a"], row["n_b"], row["n_tracks"], row["n_movies"]) == (
        "movie",
        4,
        5,
        72,
        9,
    )


def test_mean_of_a_condition_is_students_over_movies(table):
    row = compare(table)["conditions"].iloc[0]
    means = table[table["condition"] == "A"].groupby("movie")["height_nm"].mean()
    low, high = stats.t.interval(0.95, 3, means.mean(), stats.sem(means))
    assert row[["value", "low", "high"]].tolist() == pytest.approx([means.mean(), low, high])


def test_one_movie_has_the_interval_of_its_tracks_and_no_test(table):
    few = table[table["movie"].isin(["A0", "B0"])]
    out = compare(few)
    values = few[few["condition"] == "A"]["height_nm"]
    row = out["conditions"].iloc[0]
    expected = stats.t.interval(0.95, 7, values.mean(), stats.sem(values))
    assert row[["low", "high"]].tolist() == pytest.approx(list(expected))
    assert (row["ci_unit"], "this movie only" in row["remark"]) == ("track", True)
    both = out["comparison"].iloc[0]
    assert np.isnan(both["p"])
    assert (both["status"], both["ci_unit"]) == ("too_few_movies", "track")
    assert np.isfinite(both["difference_low"])


def test_three_against_three_say_that_permutation_cannot_decide(table):
    few = table[table["movie"].isin(["A0", "A1", "A2", "B0", "B1", "B2"])]
    row = compare(few)["comparison"].iloc[0]
    assert row["p_min"] == pytest.approx(0.1)
    assert "3 + 3 movies can never be significant by permutation" in row["remark"]


def test_pairs_are_differences_within_pairs(table):
    paired = table[table["movie"] != "B4"].assign(pair=lambda t: t["movie"].str[1:])
    means = [own.groupby("pair")["height_nm"].mean().to_numpy() for _, own in paired.groupby("condition")]
    row = compare(paired)["comparison"].iloc[0]
    expected = stats.ttest_rel(means[1], means[0])
    assert row["paired"]
    assert row["p"] == pytest.approx(expected.pvalue, rel=1e-9)
    signs = stats.permutation_test(
        (means[1], means[0]), lambda a, b: np.mean(a - b), permutation_type="samples", n_resamples=np.inf
    )
    assert row["p_permutation"] == pytest.approx(signs.pvalue)
    assert row["p_min"] == pytest.approx(2 / 16)
    left = paired[paired["movie"] != "A3"]
    assert "1 incomplete pairs are left out" in compare(left)["comparison"]["remark"].iloc[0]


def test_order_of_rows_does_not_count(table):
    one, other = compare(table), compare(table.sample(frac=1, random_state=1))
    numbers = ["value", "low", "high"]
    a, b = (t["conditions"].set_index("condition").loc[["A", "B"], numbers] for t in (one, other))
    assert np.allclose(a, b, rtol=1e-12)
    assert one["comparison"]["p"].iloc[0] == pytest.approx(other["comparison"]["p"].iloc[0], rel=1e-9)


def test_replicates_join_their_movies(table):
    joined = table.assign(
        replicate=table["condition"] + (table["movie"].str[1:].astype(int) // 2).astype(str)
    )
    out = compare(joined, unit="replicate")
    assert out["conditions"]["n_units"].tolist() == [2, 3]
    by_movie = joined.groupby(["condition", "replicate", "movie"])["height_nm"].mean()
    means = by_movie.groupby(["condition", "replicate"]).mean()
    assert out["conditions"]["value"].tolist() == pytest.approx(means.groupby("condition").mean().tolist())
    with pytest.raises(ParameterError, match="replicate"):
        compare(table, unit="replicate")


def test_detections_count_by_track():
    rng = np.random.default_rng(0)
    rows = [
        (c, f"{c}{m}", t, h)
        for c in "AB" for m in range(2) for t in range(3) for h in rng.normal(5, 1, 1 + 4 * t)
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=["condition", "movie", "track_id", "height_nm"])
    out = compare(table)
    assert out["comparison"]["n_tracks"].tolist() == [12]
    assert out["comparison"]["n_detections"].tolist() == [60]
    assert compare(table, min_length=5)["comparison"]["n_tracks"].tolist() == [8]


def test_values_that_do_not_vary_give_no_interval():
    table = pd.DataFrame({"condition": list("AABB"), "movie": list("abcd"), "area_nm2": [1.0, 1, 2, 2]})
    row = compare(table)["comparison"].iloc[0]
    assert row["difference"] == 1.0
    assert np.isnan([row["p"], row["difference_low"]]).all()


def test_random_effects_with_equal_errors_are_students():
    mean = random_mean(B, np.full(5, 0.1))
    assert mean.interval() == pytest.approx(stats.t.interval(0.95, 4, B.mean(), stats.sem(B)), rel=1e-9)
    assert mean.tau**2 == pytest.approx(B.var(ddof=1) - 0.01, rel=1e-5)


def test_restricted_likelihood_is_at_its_maximum():
    rng = np.random.default_rng(2)
    v = rng.uniform(0.01, 0.5, 7)
    y = rng.normal(0, np.sqrt(v + 0.3))
    found = random_mean(y, np.sqrt(v))
    tau2 = found.tau**2

    def log_likelihood(t2):
        w = 1 / (v + t2)
        mean = (w @ y) / w.sum()
        return -0.5 * (np.log(v + t2).sum() + np.log(w.sum()) + w @ (y - mean) ** 2)

    assert tau2 > 0
    weights = 1 / (v + tau2)
    assert found.value == pytest.approx(np.average(y, weights=weights), rel=1e-9)
    spread = (weights @ (y - found.value) ** 2) / (6 * weights.sum())
    assert found.interval() == pytest.approx(
        stats.t.interval(0.95, 6, found.value, np.sqrt(spread)), rel=1e-9
    )
    assert log_likelihood(tau2) >= max(log_likelihood(tau2 * f) for f in (0.98, 0.999, 1.001, 1.02))


def test_two_movies_that_agree_are_pooled_by_their_errors():
    mean = random_mean([1.0, 1.1], [0.2, 0.1])
    weights = np.array([25.0, 100.0])
    assert mean.value == pytest.approx((weights @ [1.0, 1.1]) / 125)
    assert mean.error == pytest.approx(1 / np.sqrt(125))
    assert not mean.over_movies
    assert random_mean([1.0, 3.0], [0.2, 0.1]).over_movies


def test_rates_of_movies_without_events():
    found = poisson_log_rate([0, 2, 1, 1, 1], [10.0] * 5)
    # Counts that vary no more than Poisson's: the pooled rate.
    assert np.exp(found.value) == pytest.approx(0.1, rel=0.01)
    assert found.interval[0] < found.value < found.interval[1]
    ratio = poisson_log_ratio(([4, 6, 5], [10.0] * 3), ([10, 9, 11], [10.0] * 3))
    assert np.exp(ratio.value) == pytest.approx(2.0, rel=0.02)


def test_welch_and_g_of_scipy():
    assert welch(A, B).p == pytest.approx(stats.ttest_ind(A, B, equal_var=False).pvalue, rel=1e-12)
    sd = np.sqrt((3 * A.var(ddof=1) + 4 * B.var(ddof=1)) / 7)
    g, (low, high) = hedges_g(B.mean() - A.mean(), sd, 7, 20 / 9, 0.95)
    assert g == pytest.approx((B.mean() - A.mean()) / sd * (1 - 3 / 27), rel=2e-3)
    correction, t = g * sd / (B.mean() - A.mean()), (B.mean() - A.mean()) / sd * np.sqrt(20 / 9)
    scale = np.sqrt(20 / 9) / correction
    assert stats.nct.cdf(t, 7, low * scale) == pytest.approx(0.975, abs=1e-6)
    assert stats.nct.cdf(t, 7, high * scale) == pytest.approx(0.025, abs=1e-6)


def test_probability_of_superiority_is_mann_whitneys():
    rng = np.random.default_rng(1)
    first, second = rng.integers(0, 6, 12).astype(float), rng.integers(1, 8, 9).astype(float)
    u = stats.mannwhitneyu(second, first).statistic
    value, interval = superiority([first], [second])
    assert value == pytest.approx(u / (12 * 9))
    assert np.isnan(interval).all()
    # By movie: the jackknife of a statistic of two samples.
    a, b = [first, first + 1, first - 1], [second, second + 2]
    matrix = np.array([[superiority([x], [y])[0] for y in b] for x in a])
    error2 = [matrix.mean(axis=1).var(ddof=1) / 3, matrix.mean(axis=0).var(ddof=1) / 2]
    expected = t_difference(matrix.mean(), error2, [2, 1], 0.95).interval
    got = superiority(a, b)[1]
    assert got == pytest.approx((max(expected[0], 0), min(expected[1], 1)))


def test_holm_by_hand():
    assert holm([0.03, 0.01, 0.02]).tolist() == pytest.approx([0.04, 0.03, 0.04])
    assert holm([0.9, 0.8]).tolist() == [1.0, 1.0]


def test_permutation_of_signs_and_of_movies():
    assert permutation_p(A, A + 1.0, paired=True) == (0.125, 0.125)
    assert permutation_p(A[:3], A[:3] + 9) == (pytest.approx(0.1), pytest.approx(0.1))


def test_variances_of_unequal_movies():
    rng = np.random.default_rng(3)
    found = []
    for _ in range(400):
        movies = [rng.normal(0, 0.5) + rng.normal(0, 1, n) for n in (3, 20, 8, 40, 5)]
        found.append(variance_components(movies))
    assert np.mean(found, axis=0) == pytest.approx([0.25, 1.0], rel=0.12)
    assert movies_needed(0.0, 1.0) == 0


@pytest.mark.parametrize(
    "wrong", [{"level": 2.0}, {"unit": "track"}, {"columns": ()}, {"correction": "bonferroni"}]
)
def test_wrong_options(wrong):
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        ComparisonOptions(**wrong)


def test_a_missing_column_is_named(table):
    with pytest.raises(ParameterError, match="condition"):
        compare(table.drop(columns="condition"))
    with pytest.raises(ParameterError, match="width"):
        compare(table, columns=["width"])


def test_two_movies_that_are_pooled_are_not_called_replicates():
    from playNano.algorithms.measurement.comparison.pair_of_conditions import comparison_row
    from playNano.algorithms.measurement.comparison.samples import Sample
    from playNano.algorithms.measurement.quantities import Quantity

    def sample(name, values, error):
        n = len(values)
        units = tuple(f"{name}{k}" for k in range(n))
        errors = np.full(n, error)
        return Sample(name, Quantity.of("k_off_1_s"), "log", units, ("",) * n, np.log(values), errors)

    row = comparison_row(sample("A", [0.1, 0.11], 0.2), sample("B", [0.2, 0.22], 0.2), ComparisonOptions())
    assert (row["ci_unit"], "their own errors" in row["remark"]) == ("track", True)
    assert row["ratio_high"] / row["ratio"] == pytest.approx(np.exp(1.96 * 0.2), rel=1e-3)
    row = comparison_row(sample("A", [0.1, 0.3], 0.1), sample("B", [0.2, 0.22], 0.2), ComparisonOptions())
    assert row["ci_unit"] == "movie"
