"""Velocity, width, length and height from kymographs against truth, beside the naive ways."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import map_coordinates

from playNano.algorithms.measurement.kymograph import interpolated, line_sampler, sample_times, sampled_line
from playNano.algorithms.measurement.tracked_movie import Frames

T, FIELD, ROWS, SD = 0.2, 256.0, 128, 6.0
VELOCITIES = (20.0, 50.0, 100.0, -100.0, 300.0, -300.0)


def walker(velocity, rng):
    """A peak that moves along the slow axis, every line recorded when the tip is there; noise of 0.1 nm."""
    n_frames = max(5, min(60, int(160 / abs(velocity) / T)))
    frame, row = np.mgrid[:n_frames, :ROWS]
    time = T * frame + row * T / ROWS
    place = (40 if velocity > 0 else 216) + 8 * rng.random() + velocity * time
    across = np.exp(-((np.arange(24) - 12.0) ** 2) / 18)
    movie = (5 * np.exp(-((row * 2.0 - place) ** 2) / (2 * SD**2)))[..., None] * across
    return movie + rng.normal(0, 0.1, movie.shape)


def measured(velocity, rng):
    """Slope by frame times, slope by sample times, apparent width."""
    movie = walker(velocity, rng)
    n = len(movie)
    frames, still = Frames(T * np.arange(n), np.ones(n, bool), T / ROWS, ROWS, 2.0), np.zeros((n, 2))
    line = sampled_line([(0.0, 24.0), (254.0, 24.0)], 1.0)
    heights = line_sampler(line, (2.0, 2.0), 6.0, still)(0, movie)
    times = sample_times(line, frames, 2.0, 24, "trace", still)
    signal = np.where(heights > 0.8, heights, 0.0)
    seen = (signal.max(axis=1) > 3) & (signal[:, :25].max(axis=1) + signal[:, -25:].max(axis=1) == 0)
    centre = (signal * line.distance_nm).sum(axis=1)[seen] / signal.sum(axis=1)[seen]
    when = [
        np.interp(c, line.distance_nm, times[k]) for c, k in zip(centre, np.flatnonzero(seen), strict=True)
    ]
    mean = np.mean([np.interp(line.distance_nm - 128, line.distance_nm - c, h) for c, h in
                    zip(centre, heights[seen], strict=True)], axis=0)  # fmt: skip
    inner = np.abs(line.distance_nm - 128) < 12
    width = np.sqrt(
        -1 / (2 * np.polyfit(line.distance_nm[inner] - 128, np.log(np.maximum(mean[inner], 1e-3)), 2)[0])
    )
    return np.polyfit(T * np.flatnonzero(seen), centre, 1)[0], np.polyfit(when, centre, 1)[0], width


def interpolation():
    """Largest error of the height of a peak of 4 nm and sd 8 px, by the order of interpolation."""
    rows, cols = np.mgrid[:96, :96]

    def peak(y, x):
        return 4 * np.exp(-((y - 48.3) ** 2 + (x - 47.8) ** 2) / 128)

    at = 30 + 36 * np.random.default_rng([18, 7]).random((2, 20000))
    lines = ["| interpolation | largest error, nm |", "|---|---|"]
    for order, name in ((0, "nearest pixel"), (1, "linear")):
        error = np.abs(map_coordinates(peak(rows, cols), at, order=order) - peak(*at)).max()
        lines.append(f"| {name} | {error:.4f} |")
    error = np.abs(interpolated(peak(rows, cols), *at) - peak(*at)).max()
    return "\n".join([*lines, f"| cubic (ours) | {error:.5f} |"])


def report(trials=None):
    trials = trials or 40
    rows = [
        "# Kymograph",
        "",
        f"A walker along the slow axis, {FIELD:g} nm in {T:g} s (the tip moves at {FIELD / T:g} nm/s), noise 0.1 nm, "
        f"{trials} movies a row; mean ± sd.",
        "",
        "| velocity, nm/s | by the start of the frame | **by the time of the sample (ours)** | apparent width, nm | "
        f"{SD:g} / (1 - v/v_scan) |",
        "|---|---|---|---|---|",
    ]
    for number, velocity in enumerate(VELOCITIES):
        got = np.array([measured(velocity, np.random.default_rng([18, 8, number, k])) for k in range(trials)])
        cells = [f"{m:.1f} ± {s:.1f}" for m, s in zip(got.mean(axis=0), got.std(axis=0), strict=True)]
        cells[2] = f"{got[:, 2].mean():.2f} ± {got[:, 2].std():.2f}"
        rows.append(f"| {velocity:g} | {' | '.join(cells)} | {SD / (1 - velocity * T / FIELD):.2f} |")
    length = sampled_line([(0.0, 0.0), (200.0, 200.0)], 0.01).distance_nm[-1]
    rows += [
        "",
        f"Line from pixel (0, 0) to (50, 100) of 4 nm x 2 nm: ours {length:.1f} nm, true 282.8 nm; "
        f"pixels taken as square of 2 nm: {2 * np.hypot(50, 100):.1f} nm.",
        "",
        interpolation(),
    ]
    return "\n".join(rows)
