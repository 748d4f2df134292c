"""Fluctuation maps of peaks under jitter, scars and slow fluctuations, beside the naive ways."""

from __future__ import annotations

import numpy as np

from playNano.algorithms.measurement.fluctuation import (
    FrameDisplacement,
    Relief,
    correlation_frames,
    fluctuation_map,
    pixel_statistics,
)

SIZE, NOISE, FRAMES = 64, 0.1, 100
ROWS, COLS = np.mgrid[:SIZE, :SIZE] - SIZE / 2.0
RADIUS = np.hypot(ROWS, COLS)


def peak(shift=(0.0, 0.0)):
    return 4 * np.exp(-((ROWS - shift[0]) ** 2 + (COLS - shift[1]) ** 2) / 128)


def ours(movie, robust=False):
    statistics = pixel_statistics(movie, robust)
    relief = Relief.of(statistics, (1.0, 1.0))
    where = relief.sloping
    function = FrameDisplacement(
        statistics.mean[where], np.sqrt(statistics.variance[where]), where, relief.projectors()
    )
    return fluctuation_map(statistics, relief, function(0, movie)), statistics, relief


def by_slope(statistics, relief):
    """Map and jitter where the slope of the variance against the squared gradient is taken for jitter."""
    squared = (relief.gradient**2).sum(axis=0)
    excess = statistics.variance - relief.floor**2
    ratio, weight = excess[relief.sloping] / squared[relief.sloping], squared[relief.sloping]
    order = np.argsort(ratio)
    total = np.cumsum(weight[order])
    jitter = max(ratio[order][np.searchsorted(total, total[-1] / 2)], 0.0) if len(total) else 0.0
    return np.sqrt(np.maximum(excess - jitter * squared, 0)), np.sqrt(jitter)


def rms(image, where):
    return float(np.sqrt((image[where] ** 2).mean()))


def jittered(rng, jitter, top=0.0):
    tip = np.exp(-(RADIUS**2) / 18)
    frames = np.array([peak(rng.normal(0, jitter, 2)) for _ in range(FRAMES)])
    return frames + rng.normal(0, top, (FRAMES, 1, 1)) * tip + rng.normal(0, NOISE, frames.shape)


def jitters(trials):
    outline, centre = np.abs(RADIUS - 8) < 2, RADIUS < 1.5
    rows = [
        "| jitter px, fluctuation at the top nm | rmsf on the outline (true 0): noise subtracted | and "
        "slope of the variance "
        "| **and displacement of frames (ours)** | at the top: noise subtracted | slope | **ours** | jitter "
        "found: slope | "
        "**ours** |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for number, (jitter, top) in enumerate(((0.0, 0.0), (0.5, 0.0), (0.0, 0.3), (0.5, 0.3), (1.0, 0.3))):
        got = []
        for seed in range(trials):
            found, statistics, relief = ours(
                jittered(np.random.default_rng([18, 9, number, seed]), jitter, top)
            )
            noise_only = np.sqrt(np.maximum(statistics.variance - relief.floor**2, 0))
            slope, jitter_by_slope = by_slope(statistics, relief)
            maps = (noise_only, slope, found.rmsf)
            got.append(
                [
                    *(rms(m, outline) for m in maps),
                    *(rms(m, centre) for m in maps),
                    jitter_by_slope,
                    found.jitter_nm,
                ]
            )
        rows.append(f"| {jitter:g}, {top:g} | " + " | ".join(f"{v:.3f}" for v in np.mean(got, axis=0)) + " |")
    return "\n".join(rows)


def molecules_that_move(trials):
    """Four peaks that wander by themselves: all of it is true motion."""
    got = []
    for seed in range(trials):
        rng = np.random.default_rng([18, 10, seed])
        steps = rng.normal(0, 0.7, (FRAMES, 4, 2))
        frames = [np.block([[peak(s[0]), peak(s[1])], [peak(s[2]), peak(s[3])]]) for s in steps]
        found, statistics, relief = ours(
            np.array(frames) + rng.normal(0, NOISE, (FRAMES, 2 * SIZE, 2 * SIZE))
        )
        outline = np.tile(np.abs(RADIUS - 8) < 1, (2, 2))
        slope, jitter = by_slope(statistics, relief)
        got.append([rms(slope, outline), rms(found.rmsf, outline), jitter, found.jitter_nm])
    mean = np.mean(got, axis=0)
    truth = 0.7 * 4 / 8 * np.exp(-0.5)
    return "\n".join(
        [
            "| four molecules that wander by 0.7 px each, not together | rmsf on their outline, nm | jitter, px |",
            "|---|---|---|",
            f"| truth | {truth:.3f} | 0 |",
            f"| slope of the variance | {mean[0]:.3f} | {mean[2]:.3f} |",
            f"| **displacement of frames (ours)** | {mean[1]:.3f} | {mean[3]:.3f} |",
        ]
    )


def scars(trials):
    got = []
    for seed in range(trials):
        rng = np.random.default_rng([18, 11, seed])
        movie = rng.normal(0, NOISE, (FRAMES, SIZE, SIZE))
        movie[40, 20] += 5.0
        states = rng.normal(0, NOISE, (FRAMES, SIZE, SIZE))
        states[:, 20] += 2.0 * (rng.random((FRAMES, 1)) < 0.15)
        row = np.zeros((SIZE, SIZE), bool)
        row[20] = True
        got.append([rms(ours(m, robust)[0].rmsf, row) for m in (movie, states) for robust in (False, True)])
    mean = np.mean(got, axis=0)
    truth = 2 * np.sqrt(0.15 * 0.85)
    return "\n".join(
        [
            "| rmsf of a line, nm | truth | sd | median absolute deviation |",
            "|---|---|---|---|",
            f"| one scar of 5 nm in {FRAMES} frames | 0 | {mean[0]:.2f} | {mean[1]:.2f} |",
            f"| second state of 2 nm, 15 % of the time | {truth:.2f} | {mean[2]:.2f} | {mean[3]:.2f} |",
        ]
    )


def slow(trials):
    rows = [
        f"| correlation, frames of {FRAMES} | variance over truth | said: low by 2 tau / n | tau found |",
        "|---|---|---|---|",
    ]
    for number, tau in enumerate((1.0, 3.0, 10.0, 30.0)):
        got = []
        for seed in range(trials):
            rng = np.random.default_rng([18, 12, number, seed])
            keep = np.exp(-1 / tau)
            series = np.empty((FRAMES, 200))
            series[0] = rng.normal(size=200)
            for k in range(1, FRAMES):
                series[k] = keep * series[k - 1] + np.sqrt(1 - keep**2) * rng.normal(size=200)
            variance = series.var(axis=0, ddof=1)
            noisy = series + rng.normal(0, 0.5, series.shape)
            found = correlation_frames(
                noisy, float(noisy.var(axis=0, ddof=1).mean() - 0.25), noisy.std(axis=0)
            )
            got.append([variance.mean(), found])
        mean = np.mean(got, axis=0)
        warned = f"{min(1, 2 * mean[1] / FRAMES):.2f}" if mean[1] > FRAMES / 20 else "-"
        rows.append(f"| {tau:g} | {mean[0]:.2f} | {warned} | {mean[1]:.1f} |")
    return "\n".join(rows)


def report(trials=None):
    trials = trials or 20
    return "\n\n".join(
        [
            "# Fluctuation maps",
            f"A peak of 4 nm and sd 8 px, noise {NOISE:g} nm, {FRAMES} frames; mean of {trials} movies a row.",
            jitters(trials),
            molecules_that_move(trials),
            scars(trials),
            slow(trials),
        ]
    )
