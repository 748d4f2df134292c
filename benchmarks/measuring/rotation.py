"""Rotational diffusion against truth, beside unwrapped angles and the correlation of doubled angles."""

from __future__ import annotations

import time

import numpy as np

from playNano.algorithms.measurement.rotation.fit import fit_rotation
from playNano.algorithms.measurement.rotation.sequences import Orientations, correlation

CELLS = ((0.02, 0.05), (0.05, 0.2), (0.1, 0.05), (0.1, 0.2), (0.2, 0.05), (0.2, 0.2), (0.4, 0.05), (0.4, 0.2))
TRACKS, FRAMES, MISSED = 10, 60, 0.1


def simulated(seed, turn, error):
    """Molecules that turn freely, seen in 90 % of the frames; time in frames."""
    rng = np.random.default_rng(seed)
    steps = rng.normal(0, np.sqrt(2 * turn), (TRACKS, FRAMES - 1))
    start = rng.random((TRACKS, 1)) * np.pi
    theta = (
        start
        + np.hstack([np.zeros((TRACKS, 1)), steps.cumsum(axis=1)])
        + rng.normal(0, error, (TRACKS, FRAMES))
    )
    seen = rng.random(theta.shape) > MISSED
    track = np.broadcast_to(np.arange(TRACKS)[:, None], theta.shape)[seen]
    frame = np.broadcast_to(np.arange(FRAMES), theta.shape)[seen]
    return Orientations(theta[seen] % np.pi, frame.astype(float), frame.copy(), track.copy(), track.copy())


def covariance(given):
    follows, step, lag = given.follows, given.steps, np.diff(given.time)
    both = follows[1:] & follows[:-1]
    return (np.mean(step[follows] ** 2) + 2 * np.mean(step[1:][both] * step[:-1][both])) / (
        2 * lag[follows].mean()
    )


def slope(given):
    """Slope of the mean squared unwrapped rotation, lags 1 to 4."""
    square, times = [], []
    for lag in range(1, 5):
        total, count = 0.0, 0
        for track in np.unique(given.track):
            rows = given.track == track
            angle, frame = np.unwrap(given.theta[rows], period=np.pi), given.frame[rows]
            place = {f: k for k, f in enumerate(frame)}
            pairs = [(place[f], place[f + lag]) for f in frame if f + lag in place]
            total += sum((angle[b] - angle[a]) ** 2 for a, b in pairs)
            count += len(pairs)
        square.append(total / count)
        times.append(lag)
    return np.polyfit(times, square, 1)[0] / 2


def decay(given):
    """Slope of the logarithm of the correlation, lags 1 to 4, weighted; NaN where fewer than two are positive."""
    lags, values, weights = [], [], []
    for lag in range(1, 5):
        cosine, _, count, _ = correlation(given, lag)
        c = cosine.sum() / count.sum()
        if c > 0.1:
            lags.append(lag)
            values.append(np.log(c))
            weights.append(c * np.sqrt(count.sum()))
    return -np.polyfit(lags, values, 1, w=weights)[0] / 4 if len(lags) > 1 else np.nan


def report(trials=None):
    trials = trials or 50
    rows = [
        "# Rotation",
        "",
        f"{TRACKS} tracks of {FRAMES} frames, {100 * MISSED:.0f} % of the detections missing, {trials} movies a row. "
        "D_r T: rotational diffusion in a frame; estimate over truth, mean ± sd over movies.",
        "",
        "| D_r T (rad²), error (rad) | unwrapped, covariance | unwrapped, slope | ln of the correlation | "
        "**filter on the circle (ours)** | SE | covers (95 %) | error, ours | CPU s a movie |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for number, (turn, error) in enumerate(CELLS):
        got, covered, errors, used = [], [], [], 0.0
        for seed in range(trials):
            given = simulated([18, 6, number, seed], turn, error)
            start = time.process_time()
            fit = fit_rotation(given, 1.0)
            used += time.process_time() - start
            if fit.status == "ok":  # a fit that is not resolved gives no number
                covered.append(fit.interval[0] <= turn <= fit.interval[1])
            errors.append(fit.error)
            got.append([covariance(given), slope(given), decay(given), fit.diffusion])
        got = np.array(got) / turn
        cells = []
        for column in got.T:
            known = np.isfinite(column)
            few = "" if known.all() else f" ({known.sum()} of {trials})"
            cells.append(
                f"{column[known].mean():.2f} ± {column[known].std():.2f}{few}" if known.any() else "none"
            )
        known = np.isfinite(got[:, -1])
        se = got[known, -1].std() / np.sqrt(known.sum())
        rows.append(
            f"| {turn:g}, {error:g} | {' | '.join(cells)} | {se:.3f} | {100 * np.mean(covered):.0f} % | "
            f"{np.mean(errors):.3f} | {used / trials:.2f} |"
        )
    return "\n".join(rows)
