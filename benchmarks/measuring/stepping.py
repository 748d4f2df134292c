"""Velocities, run lengths and steps against truth, naive ways and ruptures."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd

from playNano.algorithms.measurement.plain_tables import tracks_from_table
from playNano.algorithms.measurement.stepping.measure import measure_stepping
from playNano.algorithms.measurement.stepping.options import SteppingOptions
from playNano.algorithms.measurement.stepping.steps import find_steps, noise_of
from playNano.algorithms.measurement.tracked_movie import Frames
from playNano.algorithms.measurement.window import Window

try:
    import ruptures
except ImportError:
    ruptures = None

FIELD, T, ROWS = 256.0, 0.2, 128


def scanned(rng, n_tracks, velocity, noise, n_frames=40, angle=None, diffusion=0.0):
    """Molecules with a velocity along lines, each seen when the tip passes it; its first frame is random."""
    rows, scan = [], FIELD / T
    for track in range(n_tracks):
        direction = rng.uniform(0, 2 * np.pi) if angle is None else angle
        v = velocity * np.array([np.sin(direction), np.cos(direction)])
        start = FIELD / 2 - v * n_frames * T / 2 + rng.uniform(-20, 20, 2)
        walk = np.cumsum(rng.normal(0, np.sqrt(2 * diffusion * T), n_frames))
        for frame in range(n_frames):
            begin = start + v * frame * T + walk[frame] * v / max(velocity, 1e-9)
            # The tip is at y = scan * t in the frame, the molecule at begin + v t.
            t = begin[0] / (scan - v[0])
            place = begin + v * t + rng.normal(0, noise, 2)
            rows.append((track, frame, frame * T + t, frame * T, *place))
    return pd.DataFrame(rows, columns=["track_id", "frame", "time_s", "start_s", "y_nm", "x_nm"])


def velocities(trials):
    text = [
        "| v (nm/s), noise (nm), direction | ours | cover | slope, frame clock | path length / time |",
        "|---|---|---|---|---|",
    ]
    cases = [(50.0, s, None, "any") for s in (1.0, 2.0, 4.0)]
    cases += [(v, 2.0, a, d) for v, a, d in (
        (20.0, np.pi / 2, "down"), (100.0, np.pi / 2, "down"), (100.0, -np.pi / 2, "up"), (300.0, np.pi / 2, "down"),
    )]  # fmt: skip
    for v, noise, angle, word in cases:
        found = {"ours": [], "in": [], "frame": [], "path": []}
        for seed in range(trials):
            rng = np.random.default_rng([18, 4, seed])
            n_frames = int(np.clip(200 / (v * T), 4, 40))
            table = scanned(rng, 12, v, noise, n_frames, angle, 1.0)
            row = measure_stepping(tracks_from_table(table))[0]["speeds"].iloc[-1]
            found["ours"].append(row["velocity_nm_s"] / v)
            found["in"].append(row["velocity_low_nm_s"] <= v <= row["velocity_high_nm_s"])
            frame = measure_stepping(tracks_from_table(table.assign(time_s=table["start_s"])))[0][
                "speeds"
            ].iloc[-1]
            found["frame"].append(frame["velocity_nm_s"] / v)
            own = table.groupby("track_id")[["y_nm", "x_nm", "time_s"]].diff().dropna()
            found["path"].append(np.hypot(own["y_nm"], own["x_nm"]).sum() / own["time_s"].sum() / v)
        text.append(
            f"| {v:g}, {noise:g}, {word} | {np.mean(found['ours']):.3f} ± {np.std(found['ours']):.3f} "
            f"| {100 * np.mean(found['in']):.0f} | {np.mean(found['frame']):.3f} | "
            f"{np.mean(found['path']):.2f} |"
        )
    head = (
        f"## Velocity\n\nMean of 12 tracks over truth, {trials} movies a row (D = 1 nm²/s along the path, "
        f"{T:g} s a frame, "
        f"scan {FIELD / T:g} nm/s); coverage of 95 % intervals over tracks."
    )
    return head + "\n\n" + "\n".join(text)


def runs_of(rng, mean, field, n_runs, v=50.0, noise=2.0, n_frames=200):
    """Runs that begin anywhere in a field of a length, and are seen once a frame until they end or leave it."""
    rows, window = [], Window(-1e6, 1e6, 0.0, field)
    for track in range(n_runs):
        start, length, first = rng.uniform(0, field), rng.exponential(mean), rng.uniform(0, n_frames * T)
        frame = int(np.ceil(first / T))
        while frame < n_frames and (went := v * (frame * T - first)) < length and start + went < field:
            rows.append((track, frame, 0.0, start + went + rng.normal(0, noise)))
            frame += 1
    table = pd.DataFrame(rows, columns=["track_id", "frame", "y_nm", "x_nm"])
    return table[(table["x_nm"] > 0) & (table["x_nm"] < field)], window, Frames.regular(n_frames, T)


def run_lengths(trials):
    text = [
        "| mean run, field (nm), minimum | ours | cover | mean of all | of those that end inside | "
        "censored, without minimum |",
        "|---|---|---|---|---|---|",
    ]
    for mean, field, minimum in (
        (50.0, 300.0, 3),
        (100.0, 300.0, 5),
        (200.0, 300.0, 5),
        (300.0, 300.0, 5),
        (600.0, 300.0, 5),
    ):
        found = {"ours": [], "in": [], "all": [], "whole": [], "plain": []}
        for seed in range(trials):
            rng = np.random.default_rng([18, 5, seed])
            table, window, frames = runs_of(rng, mean, field, 120)
            movie = tracks_from_table(table, frame_interval_s=T, window=window, frames=frames)
            options = SteppingOptions(path=((0.0, 0.0), (0.0, field)), min_length=minimum)
            runs = measure_stepping(movie, options)[0]["runs"]
            own, row = runs[(runs["track_id"] >= 0) & (runs["n_detections"] >= minimum)], runs.iloc[-1]
            found["ours"].append(row["run_length_nm"] / mean)
            found["in"].append(row["run_length_low_nm"] <= mean <= row["run_length_high_nm"])
            length, left = own["run_length_nm"], own["end_reason"] == "left"
            found["all"].append(length.mean() / mean)
            found["whole"].append(length[left].mean() / mean)
            found["plain"].append(length.sum() / max(left.sum(), 1) / mean)
        shown = [f"{np.mean(found[k]):.2f}" for k in ("all", "whole", "plain")]
        error = np.std(found["ours"]) / np.sqrt(trials)
        text.append(
            f"| {mean:g}, {field:g}, {minimum} | {np.mean(found['ours']):.3f} ± {error:.3f} | "
            f"{100 * np.mean(found['in']):.0f} "
            f"| {' | '.join(shown)} |"
        )
    head = (
        f"## Run length\n\nEstimate over truth (mean ± its error), {trials} movies of 120 runs a row, 10 nm "
        "a frame, noise "
        "2 nm; runs of fewer detections than the minimum are not counted; coverage of 95 % intervals."
    )
    return head + "\n\n" + "\n".join(text)


def trace(rng, n, per_frame, snr, step=8.0):
    """A walker with steps of 8 nm at random frames, and its true change points."""
    jumps = rng.poisson(per_frame, n)
    jumps[0] = 0
    place = step * np.cumsum(jumps)
    return place + rng.normal(0, step / snr, n), np.flatnonzero(jumps), int(jumps.sum())


def matched(found, true):
    """Number of change points found within one frame of a true one."""
    left, hits = list(true), 0
    for point in found:
        near = [t for t in left if abs(t - point) <= 1]
        if near:
            left.remove(min(near, key=lambda t: abs(t - point)))
            hits += 1
    return hits


def steps(trials):
    text = [
        "| noise, steps a frame | recall | precision | counted / true | median step (8 nm) | threshold on "
        "differences: recall | precision |",
        "|---|---|---|---|---|---|---|",
    ]
    same = total = 0
    times = {"ours": 0.0, "ruptures": 0.0}
    for snr in (6, 4, 3, 2):
        for p in (0.02, 0.1, 0.3):
            sums, sizes, naive = np.zeros(4), [], np.zeros(2)
            for seed in range(trials):
                values, true, n_true = trace(np.random.default_rng([18, 6, seed]), 300, p, snr)
                begin = time.process_time()
                found = find_steps(values)
                times["ours"] += time.process_time() - begin
                sums += [matched(found.at, true), len(true), len(found.at), n_true]
                sizes += np.abs(found.size).tolist()
                jumps = np.flatnonzero(np.abs(np.diff(values)) > 4.0) + 1
                naive += [matched(jumps, true), len(jumps)]
                if ruptures is not None:
                    begin = time.process_time()
                    penalty = 2 * np.log(300) * noise_of(values) ** 2
                    kernel = ruptures.KernelCPD(kernel="linear", min_size=1).fit(values[:, None])
                    other = kernel.predict(pen=penalty)[:-1]
                    times["ruptures"] += time.process_time() - begin
                    same += other == found.at.tolist()
                total += 1
            text.append(
                f"| {snr}, {p:g} | {sums[0] / sums[1]:.2f} | {sums[0] / max(sums[2], 1):.2f} | "
                f"{sums[2] / sums[3]:.2f} "
                f"| {np.median(sizes):.1f} | {naive[0] / sums[1]:.2f} | {naive[0] / max(naive[1], 1):.2f} |"
            )
    counts = [
        np.mean(
            [
                len(find_steps(np.random.default_rng([18, 7, s]).normal(size=300), beta).at)
                for s in range(20 * trials)
            ]
        )
        for beta in (1, 2, 3)
    ]
    peer = (
        f'Equal to `ruptures.KernelCPD(kernel="linear", min_size=1)` on {same} of {total} traces; '
        f"{1e3 * times['ours'] / total:.3f} ms a trace against {1e3 * times['ruptures'] / total:.3f} ms."
        if ruptures is not None
        else "ruptures is missing."
    )
    false = "/".join(f"{count:.3f}" for count in counts)
    tail = f"False steps of a molecule that stands, a trace of 300 frames, at beta 1/2/3: {false}.\n\n{peer}"
    head = (
        f"## Steps\n\n{trials} traces of 300 frames a row; noise is step / standard deviation; a hit is "
        "within one frame."
    )
    return head + "\n\n" + "\n".join(text) + "\n\n" + tail


def report(trials=None):
    n = trials or 300
    find_steps(np.arange(9.0))  # compiled here
    return "\n\n".join(["# Motors", velocities(max(n // 2, 2)), run_lengths(n), steps(max(n // 6, 2))])
