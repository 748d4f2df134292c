"""Coverage and false positives of comparisons of conditions against ways that count detections or tracks, and scipy."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from playNano.algorithms.measurement.comparison.condition import condition_row
from playNano.algorithms.measurement.comparison.counts import poisson_log_rate
from playNano.algorithms.measurement.comparison.options import ComparisonOptions
from playNano.algorithms.measurement.comparison.pair_of_conditions import comparison_row
from playNano.algorithms.measurement.comparison.random_effects import random_mean
from playNano.algorithms.measurement.comparison.samples import Sample, track_samples
from playNano.algorithms.measurement.comparison.two_samples import t_difference
from playNano.algorithms.measurement.quantities import Quantity

TRACK, DETECTION, N_TRACKS, N_DETECTIONS = 0.3, 0.3, 15, 10


def movies(rng, n, sd, mean=5.0, effects=None):
    """Heights of detections, (movie, track, detection)."""
    effect = rng.normal(0, sd, n) if effects is None else effects
    track = rng.normal(0, TRACK, (n, N_TRACKS))
    noise = rng.normal(0, DETECTION, (n, N_TRACKS, N_DETECTIONS))
    return mean + effect[:, None, None] + track[:, :, None] + noise


def sample_of(values, name="A"):
    n = len(values)
    table = pd.DataFrame({
        "movie": np.repeat([f"{name}{k}" for k in range(n)], N_TRACKS), "condition": name, "pair": "",
        "n_detections": N_DETECTIONS, "height_nm": np.median(values, axis=2).ravel(),
    })  # fmt: skip
    return track_samples(table, "height_nm", "movie")[0]


def coverage(trials):
    text = [
        "| sd of movies, movies | by detection | by track | bootstrap of movies | bootstrap of movies, "
        "then tracks | ours |",
        "|---|---|---|---|---|---|",
    ]
    for sd in (0.2, 0.0):
        for n in (3, 5, 10):
            inside = np.zeros(5)
            for seed in range(trials):
                rng = np.random.default_rng([18, 10, seed])
                values = movies(rng, n, sd)
                tracks, each = values.mean(axis=2), values.mean(axis=(1, 2))
                chosen = rng.integers(0, n, (400, n))
                within = rng.integers(0, N_TRACKS, (400, n, N_TRACKS))
                two = tracks[chosen[:, :, None], within].mean(axis=(1, 2))
                row = condition_row(sample_of(values), 0.95)
                intervals = [
                    stats.t.interval(0.95, values.size - 1, values.mean(), stats.sem(values.ravel())),
                    stats.t.interval(0.95, tracks.size - 1, tracks.mean(), stats.sem(tracks.ravel())),
                    np.quantile(each[chosen].mean(axis=1), [0.025, 0.975]),
                    np.quantile(two, [0.025, 0.975]),
                    (row["low"], row["high"]),
                ]
                inside += [low <= 5.0 <= high for low, high in intervals]
            text.append(
                f"| {sd:g}, {n} | " + " | ".join(f"{100 * share:.1f}" for share in inside / trials) + " |"
            )
    head = (
        f"## Mean of a condition\n\nCoverage of 95 % intervals (%), {trials} experiments a row; tracks "
        "0.3 nm, detections 0.3 nm."
    )
    return head + "\n\n" + "\n".join(text)


def tests(trials):
    text = [
        "| difference, sd of movies, movies | t by detection | t by track | permutation of movies | ours "
        "(Welch) | cover |",
        "|---|---|---|---|---|---|",
    ]
    options, equal = ComparisonOptions(), True
    for difference, sd in ((0.0, 0.2), (0.0, 0.0), (0.3, 0.2)):
        for n in (3, 4, 6):
            found, inside = np.zeros(4), 0
            for seed in range(trials):
                rng = np.random.default_rng([18, 11, seed])
                a, b = movies(rng, n, sd), movies(rng, n, sd, 5.0 + difference)
                row = comparison_row(sample_of(a), sample_of(b, "B"), options)
                means = [np.median(side, axis=2).mean(axis=1) for side in (a, b)]
                equal &= bool(
                    np.isclose(row["p"], stats.ttest_ind(*means, equal_var=False).pvalue, rtol=1e-9)
                )
                found += [
                    stats.ttest_ind(a.ravel(), b.ravel()).pvalue < 0.05,
                    stats.ttest_ind(a.mean(axis=2).ravel(), b.mean(axis=2).ravel()).pvalue < 0.05,
                    row["p_permutation"] < 0.05,
                    row["p"] < 0.05,
                ]
                inside += row["difference_low"] <= difference <= row["difference_high"]
            shown = " | ".join(f"{100 * share:.1f}" for share in found / trials)
            text.append(f"| {difference:g}, {sd:g}, {n} + {n} | {shown} | {100 * inside / trials:.1f} |")
    head = (
        f"## Two conditions\n\nExperiments with p < 0.05 (%), {trials} a row: false positives without a "
        "difference, power with "
        f"one; coverage of our interval of the difference. Our p equals scipy's on the means of movies in "
        f"{'all' if equal else 'NOT all'} experiments. 3 + 3 movies cannot be significant by permutation (p "
        ">= 0.10)."
    )
    return head + "\n\n" + "\n".join(text)


def paired(trials):
    text = [
        "| difference, pairs | paired: p < 0.05 | not paired: p < 0.05 | cover, paired |",
        "|---|---|---|---|",
    ]
    options = ComparisonOptions()
    for difference in (0.0, 0.2):
        for n in (4, 6):
            found, inside = np.zeros(2), 0
            for seed in range(trials):
                rng = np.random.default_rng([18, 12, seed])
                common = rng.normal(0, 0.4, n)
                a = sample_of(movies(rng, n, 0, effects=common + rng.normal(0, 0.1, n)))
                b = sample_of(movies(rng, n, 0, 5.0 + difference, common + rng.normal(0, 0.1, n)), "B")
                loose = comparison_row(a, b, options)
                pairs = tuple(map(str, range(n)))
                row = comparison_row(
                    *(
                        Sample(s.condition, s.quantity, s.scale, s.units, pairs, s.values, s.errors, s.tracks)
                        for s in (a, b)
                    ),
                    options,
                )
                found += [row["p"] < 0.05, loose["p"] < 0.05]
                inside += row["difference_low"] <= difference <= row["difference_high"]
            shown = " | ".join(f"{100 * share:.1f}" for share in found / trials)
            text.append(f"| {difference:g}, {n} | {shown} | {100 * inside / trials:.1f} |")
    head = (
        f"## Pairs\n\n{trials} experiments a row (%); samples differ by 0.4 nm, movies of one sample by "
        "0.1 nm."
    )
    return head + "\n\n" + "\n".join(text)


def rates(trials):
    text = [
        "| tau, errors, movies | pooled by errors | Student on logarithms | ours | width / Student's | "
        "false positives, ours |",
        "|---|---|---|---|---|---|",
    ]
    for tau, errors in ((0.0, (0.3, 0.3)), (0.3, (0.3, 0.3)), (0.3, (0.1, 0.8)), (0.0, (0.1, 0.8))):
        for n in (3, 5, 10):
            inside, widths, false = np.zeros(3), [], 0
            for seed in range(trials):
                rng = np.random.default_rng([18, 13, seed])
                sides = []
                for _ in range(2):
                    error = (
                        np.exp(rng.uniform(*np.log(errors), n))
                        if errors[0] < errors[1]
                        else np.full(n, errors[0])
                    )
                    sides.append((rng.normal(0, np.sqrt(error**2 + tau**2)), error))
                y, error = sides[0]
                weights = 1 / error**2
                pooled, own = weights @ y / weights.sum(), random_mean(y, error)
                student = stats.t.interval(0.95, n - 1, y.mean(), stats.sem(y))
                low, high = own.interval()
                inside += [
                    abs(pooled) < 1.96 / np.sqrt(weights.sum()),
                    student[0] <= 0 <= student[1],
                    low <= 0 <= high,
                ]
                widths.append(np.log((high - low) / (student[1] - student[0])))
                means = [random_mean(*side) for side in sides]
                change = t_difference(
                    means[1].value - means[0].value,
                    [m.error**2 for m in means],
                    [m.degrees for m in means],
                    0.95,
                )
                false += change.p < 0.05
            shown = " | ".join(f"{100 * share:.1f}" for share in inside / trials)
            label = f"{errors[0]:g}" if errors[0] == errors[1] else f"{errors[0]:g} to {errors[1]:g}"
            text.append(
                f"| {tau:g}, {label}, {n} | {shown} | {np.exp(np.mean(widths)):.2f} | "
                f"{100 * false / trials:.1f} |"
            )
    head = (
        "## Rates\n\nLogarithms of rates with errors of their own and a standard deviation tau between "
        "movies; coverage of 95 % "
        f"intervals (%), {trials} experiments a row."
    )
    return head + "\n\n" + "\n".join(text)


def counts(trials):
    text = [
        "| tau, events a movie, movies | pooled events (gamma) | ours | experiments with a movie without "
        "events |",
        "|---|---|---|---|",
    ]
    for tau, mean in ((0.0, 2.0), (0.5, 2.0), (0.5, 5.0)):
        for n in (4, 8):
            inside, zero, done = np.zeros(2), 0, 0
            for seed in range(trials):
                rng = np.random.default_rng([18, 14, seed])
                events = rng.poisson(mean * np.exp(rng.normal(0, tau, n)))
                if not events.sum():
                    continue
                done += 1
                zero += bool((events == 0).any())
                low, high = poisson_log_rate(events, np.ones(n)).interval
                total = events.sum()
                gamma = stats.chi2.ppf(0.025, 2 * total) / 2 / n, stats.chi2.ppf(0.975, 2 * total + 2) / 2 / n
                inside += [gamma[0] <= mean <= gamma[1], low <= np.log(mean) <= high]
            shown = " | ".join(f"{100 * share:.1f}" for share in inside / done)
            text.append(f"| {tau:g}, {mean:g}, {n} | {shown} | {100 * zero / done:.0f} % |")
    head = (
        "## Few events\n\nPoisson counts with a log-normal effect of the movie: coverage of 95 % intervals "
        "of the median rate (%), "
        f"{trials} experiments a row."
    )
    return head + "\n\n" + "\n".join(text)


def report(trials=None):
    n = trials or 200
    assert Quantity.of("height_nm").unit == "nm"
    parts = [coverage(n), tests(n), paired(n), rates(n), counts(max(n // 4, 5))]
    return "\n\n".join(["# Comparison of conditions", *parts])
