"""Means, numbers of populations and oligomers against truth, ways that count detections, and scikit-learn."""

from __future__ import annotations

import time

import numpy as np
from scipy import stats
from sklearn.mixture import GaussianMixture

from playNano.algorithms.measurement.intervals import t_interval
from playNano.algorithms.measurement.populations.oligomers import oligomers_of
from playNano.algorithms.measurement.populations.select import populations_of
from playNano.algorithms.measurement.populations.track_values import track_values

BETWEEN, N_NAIVE = 0.3, 8


def heights(seed, means, n_tracks, within, lengths=(5, 80)):
    rng = np.random.default_rng([18, 8, seed])
    true = np.asarray(means)[np.arange(n_tracks) % len(means)] + rng.normal(0, BETWEEN, n_tracks)
    length = rng.integers(lengths[0], lengths[1] + 1, n_tracks)
    track = np.repeat(np.arange(n_tracks), length)
    return true[track] + rng.normal(0, within, track.size), track


def least_bic(values, n_max=5):
    """Number of components of scikit-learn's mixture with the least BIC, each value counting once."""
    data = values[:, None]
    fits = [GaussianMixture(k, random_state=0).fit(data) for k in range(1, min(n_max, len(data) - 1) + 1)]
    return 1 + int(np.argmin([fit.bic(data) for fit in fits]))


def numbers(trials):
    text = [
        "| within (nm), tracks, populations | detections, scikit-learn | track medians, scikit-learn | "
        "ours | seconds a set |",
        "|---|---|---|---|---|",
    ]
    cases = [(w, n, m) for w in (0.3, 0.1) for n in (15, 40) for m in ((5.0,), (4.0, 7.0))]
    cases += [(0.3, 15, (5.0, 7.0)), (0.1, 15, (5.0, 7.0)), (0.3, 40, (5.0, 7.0)), (0.3, 60, (4.0, 6.0, 9.0))]
    for within, n_tracks, means in cases:
        right, spent = np.zeros(3, int), 0.0
        for seed in range(trials):
            values, track = heights(seed, means, n_tracks, within)
            medians = np.array([np.median(values[track == k]) for k in range(n_tracks)])
            begin = time.process_time()
            own = populations_of(values, track, 5, 0.95).best.n_components
            spent += time.process_time() - begin
            right[2] += own == len(means)
            if seed < N_NAIVE:
                right[:2] += np.array([least_bic(values), least_bic(medians)]) == len(means)
        name = f"{len(means)} at {', '.join(f'{m:g}' for m in means)}"
        text.append(
            f"| {within:g}, {n_tracks}, {name} | {right[0]} | {right[1]} | **{right[2]}** | "
            f"{spent / trials:.2f} |"
        )
    head = (
        f"## Number of populations\n\nSets in which the number is right, of {trials} for ours and of the first "
        f"{min(N_NAIVE, trials)} for the others; between tracks {BETWEEN:g} nm, 5 to 80 detections a track. "
        "With 15 tracks 2 nm apart (4.7 standard deviations) the BIC cannot always "
        "tell two from one."
    )
    return head + "\n\n" + "\n".join(text)


def means(trials):
    text = ["| tracks | per detection | percentile bootstrap of tracks | ours |", "|---|---|---|---|"]
    for n_tracks in (4, 8, 20, 60):
        inside = np.zeros(3)
        for seed in range(trials):
            values, track = heights(1000 + seed, (5.0,), n_tracks, 0.3)
            medians = track_values(values, track, np.arange(values.size)).median
            draws = np.random.default_rng(seed).choice(medians, (200, n_tracks)).mean(axis=1)
            intervals = (
                stats.t.interval(0.95, values.size - 1, values.mean(), stats.sem(values)),
                np.quantile(draws, [0.025, 0.975]),
                t_interval(medians),
            )
            inside += [low <= 5.0 <= high for low, high in intervals]
        text.append(f"| {n_tracks} | " + " | ".join(f"{100 * share:.1f}" for share in inside / trials) + " |")
    head = (
        f"## Mean height\n\nCoverage of 95 % intervals (%), {trials} movies a row; between 0.3 nm, "
        "within 0.3 nm."
    )
    return head + "\n\n" + "\n".join(text)


def shares(trials):
    text = [
        "| stays of the second kind | share by detection | ours | cover of the share | cover of the means |",
        "|---|---|---|---|---|",
    ]
    for short in (40, 4):
        naive, own, cover, of_mean = [], [], [], []
        for seed in range(trials):
            values, track = heights(2000 + seed, (4.0, 7.0), 40, 0.3, (40, 40))
            kept = (track % 2 == 0) | (np.arange(values.size) % 40 < short)
            values, index = values[kept], track[kept]
            naive.append(np.mean(values > 5.5))
            found = populations_of(values, index, 5, 0.95)
            if found.best.n_components != 2:
                continue
            own.append(found.best.share[1])
            low, high = found.share_interval[1]
            cover.append(low <= 0.5 <= high)
            of_mean += [
                low <= true <= high for (low, high), true in zip(found.mean_interval, (4.0, 7.0), strict=True)
            ]
        text.append(
            f"| {short} detections of 40 | {np.mean(naive):.2f} | {np.mean(own):.2f} | "
            f"{100 * np.mean(cover):.0f} "
            f"| {100 * np.mean(of_mean):.0f} |"
        )
    head = (
        f"## Shares\n\n{trials} sets a row: 20 tracks at 4 nm with 40 detections, 20 at 7 nm. The share of "
        "tracks is 0.5 in "
        "each set, so that its interval, made for tracks at random, must always hold it."
    )
    return head + "\n\n" + "\n".join(text)


def oligomers(trials):
    text = [
        "| true share of 1, 2, 3, 4 | spread | sizes right | monomer / truth | cover of the monomer | "
        "share of monomers |",
        "|---|---|---|---|---|---|",
    ]
    for share in ((0.5, 0.5), (0.5, 0.3, 0.0, 0.2), (0.6, 0.25, 0.15), (1.0,)):
        for spread in (0.1, 0.15):
            right, monomer, cover, first = [], [], [], []
            for seed in range(trials):
                rng = np.random.default_rng([18, 9, seed])
                size = 1 + rng.choice(len(share), 60, p=share)
                track = np.repeat(np.arange(60), 20)
                volume = 100 * size * np.exp(rng.normal(0, spread, 60))
                found = oligomers_of(volume[track] * np.exp(rng.normal(0, 0.05, track.size)), track, 5, 0.95)
                right.append(len(found.fit.share) == len(share))
                if found.resolved:
                    monomer.append(np.exp(found.fit.log_volume) / 100)
                    cover.append(found.volume_interval[0] <= 100 <= found.volume_interval[1])
                first.append(found.fit.share[0])
            own = (
                f"{np.mean(monomer):.3f} | {100 * np.mean(cover):.0f}"
                if len(monomer) > trials / 4
                else "not given | -"
            )
            text.append(
                f"| {share} | {spread:g} | {100 * np.mean(right):.0f} % | {own} | {np.mean(first):.2f} |"
            )
    head = f"## Oligomers\n\n{trials} sets of 60 tracks a row; 20 detections a track, within 5 %."
    return head + "\n\n" + "\n".join(text)


def report(trials=None):
    n = trials or 40
    return "\n\n".join(["# Populations", numbers(n), means(10 * n), shares(n), oligomers(max(n // 4, 2))])
