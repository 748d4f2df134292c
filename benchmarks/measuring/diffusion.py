"""Diffusion: bias and coverage of D, MSD, states, exponent and confinement; equality with trackpy; time."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import time
import warnings

import numpy as np
import pandas as pd

from playNano.algorithms.measurement.diffusion._step_kernels import pair_sums
from playNano.algorithms.measurement.diffusion.anomalous import fit_alpha, pieces_of
from playNano.algorithms.measurement.diffusion.by_track import (
    covariance_estimates,
    fit_tracks,
    fit_tracks_and_noise,
)
from playNano.algorithms.measurement.diffusion.confinement import confinement_of
from playNano.algorithms.measurement.diffusion.measure import measure_diffusion
from playNano.algorithms.measurement.diffusion.msd import msd_table
from playNano.algorithms.measurement.diffusion.options import DiffusionOptions
from playNano.algorithms.measurement.diffusion.pooled import fit_pooled
from playNano.algorithms.measurement.diffusion.steps import steps_of, track_bounds
from playNano.algorithms.measurement.plain_tables import tracks_from_table
from playNano.algorithms.measurement.tracked_movie import Frames, tracked_movie
from playNano.algorithms.measurement.window import Window

D, T, SIGMA = 60.0, 0.5, 2.0
FIELD, LINES = 256.0, 128
HAS_TRACKPY = importlib.util.find_spec("trackpy") is not None
FIRST_SEED = 90_000


def walks(rng, n_tracks, length, *, d=D, sigma=SIGMA, missing=0.0, spread=0.0):
    """Return tracks as a table; `length` is (low, high), or a number, or one a track, as is `d`."""
    is_range = isinstance(length, tuple)
    n = rng.integers(length[0], length[1] + 1, n_tracks) if is_range else np.broadcast_to(length, n_tracks)
    own = np.broadcast_to(d, n_tracks) * np.exp(spread * rng.normal(size=n_tracks) - spread**2 / 2)
    track = np.repeat(np.arange(n_tracks), n)
    frame = np.arange(n.sum()) - np.repeat(np.cumsum(n) - n, n)
    steps = rng.normal(size=(n.sum(), 2)) * np.sqrt(2 * np.repeat(own, n) * T)[:, None]
    place = np.cumsum(steps, axis=0) + rng.normal(0, sigma, (n.sum(), 2))
    kept = rng.random(n.sum()) >= missing
    rows = {"track_id": track, "frame": frame, "time_s": frame * T, "y_nm": place[:, 0], "x_nm": place[:, 1]}
    return pd.DataFrame(rows)[kept].reset_index(drop=True)


def row(*cells):
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def table(head, rows):
    return "\n".join([row(*head), row(*["---"] * len(head)), *(row(*cells) for cells in rows)])


def percent(values):
    return f"{100 * np.mean(values):.0f}"


# Edge and clock


def raster_walkers(rng, n_tracks, n_frames, d, alternating, sigma=SIGMA):
    """Return tracks of walkers that the tip meets as it passes them, line by line, while they are in the field."""
    line_time = T / LINES
    start = rng.uniform(-FIELD / 2, 1.5 * FIELD, (n_tracks, 2))
    place, rows = start, []
    for frame in range(n_frames):
        met = np.zeros(n_tracks, bool)
        upwards = alternating and frame % 2 == 1
        for k in range(LINES):
            line = LINES - 1 - k if upwards else k
            tip = (line + 0.5) * FIELD / LINES
            passed = (place[:, 0] >= tip) if upwards else (place[:, 0] <= tip)
            inside = (place > 0).all(1) & (place < FIELD).all(1)
            here = np.flatnonzero(passed & ~met & inside)
            rows.append(
                (np.full(len(here), frame), here, np.full(len(here), frame * T + k * line_time), place[here])
            )
            met |= passed
            place = place + rng.normal(0, np.sqrt(2 * d * line_time), (n_tracks, 2))
    frame, track, at, where = (np.concatenate(part) for part in zip(*rows, strict=True))
    seen = where + rng.normal(0, sigma, where.shape)
    out = pd.DataFrame(
        {"frame": frame, "track_id": track, "time_s": at, "y_nm": seen[:, 0], "x_nm": seen[:, 1]}
    )
    out = out.sort_values(["track_id", "frame"], ignore_index=True)
    # A gap is a return to the field: another track.
    new = (out["track_id"].diff() != 0) | (out["frame"].diff() != 1)
    upward = np.arange(n_frames) % 2 == 1 if alternating else np.zeros(n_frames, bool)
    frames = Frames(np.arange(n_frames) * T, np.ones(n_frames, bool), line_time, LINES, FIELD / LINES, upward)
    return tracked_movie(out.assign(track_id=new.cumsum()), frames, Window(0, FIELD, 0, FIELD))


def by_mean_square(steps, axis):
    """Return D along an axis from the mean square of its steps, with the localisation error known."""
    return ((steps.step_nm[:, axis] ** 2).mean() - 2 * SIGMA**2) / (2 * steps.time_s.mean())


def edge(trials):
    rows = []
    for seed, (d, alternating) in enumerate([(60.0, False), (400.0, False), (60.0, True), (400.0, True)]):
        movie = raster_walkers(np.random.default_rng(FIRST_SEED + seed), 64 * trials, 20, d, alternating)
        cells = []
        for band in (0.0, 1.0, 2.0, 3.0):
            steps = steps_of(movie, diffusion_nm2_s=d, edge_band=band)
            both = [by_mean_square(steps, axis) / d for axis in (0, 1)]
            cells.append(" / ".join(f"{value:.3f}" for value in both))
        measured = measure_diffusion(movie, DiffusionOptions(alpha="none", max_components=1))
        first = measured.track_diffusion.iloc[0]
        low, best, high = (first[f"diffusion{end}_nm2_s"] / d for end in ("_low", "", "_high"))
        ours = f"**{best:.3f}** ({low:.3f} to {high:.3f})"
        lost = f"{first.n_steps_edge} of {first.n_steps + first.n_steps_edge}"
        scan = "alternating" if alternating else "one way"
        rows.append((f"{d:.0f}, {np.sqrt(2 * d * T) / FIELD:.2f}, {scan}", *cells, ours, lost))
    head = (
        "D, step/field, scan",
        "band 0",
        "1",
        "2",
        "3",
        "as measured: both axes, D not known",
        "steps left out",
    )
    return (
        "## Edge of the field and clock: D over truth, y / x\n\n"
        f"Walkers that the tip meets as it passes, line by line, in a field of {FIELD:.0f} nm that they leave and "
        "enter; at most 20 frames. Bar: within 2 %. "
        "Bands: from the mean square of the steps, error known; standard error 0.01.\n\n" + table(head, rows)
    )


# Mean squared displacement


def bootstrap(square, number, rng):
    picks = rng.integers(0, len(square), (500, len(square)))
    return np.percentile(square[picks].sum(1) / number[picks].sum(1), [2.5, 97.5])


def msd_coverage(trials):
    rows = []
    for n_tracks, spread in ((5, 0.0), (5, 0.5), (10, 0.5), (30, 0.5), (100, 0.5)):
        hits = {key: [] for key in ("pairs", "bootstrap", "jackknife")}
        for trial in range(trials):
            rng = np.random.default_rng(FIRST_SEED + 100 + trial)
            msd = msd_table(tracks_from_table(walks(rng, n_tracks, (10, 60), spread=spread)), max_lag=5)
            for lag in (1, 5):
                truth = 4 * D * T * lag + 4 * SIGMA**2
                all_tracks = msd[(msd.track_id == -1) & (msd.lag == lag)].iloc[0]
                single = msd[(msd.track_id >= 0) & (msd.lag == lag)]
                number = single.n_pairs.to_numpy(float)
                low, high = bootstrap(single.msd_nm2.to_numpy() * number, number, rng)
                error = all_tracks.msd_nm2 / np.sqrt(number.sum())
                hits["pairs"].append((lag, abs(all_tracks.msd_nm2 - truth) < 1.96 * error))
                hits["bootstrap"].append((lag, low <= truth <= high))
                hits["jackknife"].append((lag, all_tracks.msd_low_nm2 <= truth <= all_tracks.msd_high_nm2))
        cells = [
            " / ".join(percent([hit for at, hit in values if at == lag]) for lag in (1, 5))
            for values in hits.values()
        ]
        rows.append((f"{n_tracks}, {spread}", *cells[:2], f"**{cells[2]}**"))
    head = (
        "tracks, spread of ln D",
        "pairs as independent",
        "percentile bootstrap",
        "ours: jackknife-t on the log",
    )
    title = f"## MSD: coverage of 95 % intervals, lag 1 / 5 ({trials} trials)\n\nTracks of 10 to 60 detections.\n\n"
    return title + table(head, rows)


def sums_of_pairs(movie, max_lag):
    """Sum over the pairs of detections of each track and lag, without intervals and table."""
    bounds = track_bounds(movie)[1]
    frame = movie.table["frame"].to_numpy()
    n_lags = np.minimum(frame[bounds[1:] - 1] - frame[bounds[:-1]], max_lag)
    rows = np.append(0, np.cumsum(n_lags))[:-1]
    band, distance = np.full(max_lag + 1, -np.inf), np.zeros(len(frame))
    return pair_sums(frame, movie.column("time_s"), movie.position_nm(), distance, band, bounds, rows, n_lags)


def msd_peer():
    data = walks(np.random.default_rng(FIRST_SEED + 7), 1000, 180, missing=0.1)
    movie = tracks_from_table(data)
    msd_table(movie, max_lag=3)
    sums_of_pairs(movie, 3)
    if not HAS_TRACKPY:
        return "## MSD against trackpy\n\ntrackpy is not installed: left out."
    import trackpy

    features = data.rename(columns={"track_id": "particle", "y_nm": "y", "x_nm": "x"})
    rows = []
    for max_lag in (10, 100):
        start = time.process_time()
        ours = msd_table(movie, max_lag=max_lag)
        own = time.process_time() - start
        start = time.process_time()
        sums_of_pairs(movie, max_lag)
        loop = time.process_time() - start
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            start = time.process_time()
            theirs = trackpy.imsd(features, 1.0, 1 / T, max_lagtime=max_lag)
            peer = time.process_time() - start
            pooled = trackpy.emsd(features, 1.0, 1 / T, max_lagtime=max_lag)
        wide = ours[ours.track_id >= 0].set_index(["lag", "track_id"])["msd_nm2"].unstack().to_numpy()  # noqa: PD010
        difference = np.nanmax(np.abs(wide / theirs.to_numpy() - 1))
        together = ours[ours.track_id == -1].msd_nm2.to_numpy()
        emsd = np.nanmax(np.abs(together / pooled.to_numpy() - 1))
        ratio = f"**{peer / own:.0f} x**, **{peer / loop:.0f} x**"
        rows.append(
            (
                max_lag,
                f"{own:.3f} s, {loop:.3f} s",
                f"{peer:.1f} s",
                ratio,
                f"**{difference:.1e}**",
                f"{emsd:.1e}",
            )
        )
    head = (
        "lags",
        "ours; its loop over pairs",
        "trackpy.imsd",
        "faster",
        "largest relative difference",
        "of all tracks, from trackpy.emsd",
    )
    return (
        "## MSD against trackpy: 1000 tracks of 180 detections, 10 % missing (CPU time)\n\n"
        + table(head, rows)
        + "\n\nOurs includes the intervals. Of all tracks together, every pair has the same weight; in trackpy, tracks "
        "have weights of their own."
    )


# D of a track


def msd_slope(step_table):
    """Return D of each track from the slope of its MSD at lags 1 to 4, as commonly fitted."""
    short = step_table[(step_table.track_id >= 0) & (step_table.lag <= 4)]
    wide = short.set_index(["lag", "track_id"])["msd_nm2"].unstack().to_numpy()  # noqa: PD010
    usable = np.isfinite(wide).all(0)
    return np.polyfit(np.arange(1, 5) * T, wide[:, usable], 1)[0] / 4


def of_tracks(trials):
    rows, n_tracks = [], 10 * trials
    for n in (5, 10, 20, 50):
        for noise_ratio in (0.1, 1.0):
            rng = np.random.default_rng(FIRST_SEED + n)
            movie = tracks_from_table(walks(rng, n_tracks, n, sigma=np.sqrt(noise_ratio * D * T)))
            steps = steps_of(movie)
            noise = fit_pooled(steps, interval=False).noise(0.0)
            given, own = fit_tracks(steps, noise), fit_tracks_and_noise(steps)
            d, error = covariance_estimates(steps)
            slope = msd_slope(msd_table(movie, max_lag=4))
            cells = [f"{np.mean(x) / D:.2f} / {np.median(x) / D:.2f} ± {np.std(x) / D:.2f}"
                     for x in (slope, d, own.diffusion_nm2_s, given.diffusion_nm2_s)]  # fmt: skip
            cells[3] = f"**{cells[3]}**"
            cover = [np.abs(d - D) < 1.96 * error,
                     (own.low_nm2_s <= D) & (own.high_nm2_s >= D),
                     (given.low_nm2_s <= D) & (given.high_nm2_s >= D)]  # fmt: skip
            c = [f"{100 * np.mean(x):.1f}" for x in cover]
            rows.append((f"{n}, {noise_ratio}", *cells, c[0], c[1], f"**{c[2]}**"))
    head = ("n, s/(D t)", "slope of the MSD, lags 1-4", "covariance", "ML, own noise", "ours: ML, pooled noise",
            "cover: covariance", "own noise", "ours")  # fmt: skip
    return (
        f"## D of a track: mean / median ± sd over truth, coverage of 95 % ({n_tracks} tracks a row)\n\n"
        "Bars: mean within 4 % and coverage 93 to 97 % from 10 detections on; own noise 93 to 98 %.\n\n"
        + table(head, rows)
    )


def of_movies(trials):
    rows = []
    for n_tracks, spread, sigma in (
        (5, 0.0, 2.0),
        (5, 0.5, 2.0),
        (10, 0.5, 2.0),
        (10, 0.5, 5.5),
        (30, 0.5, 2.0),
    ):
        ours, naive, values = [], [], []
        for trial in range(trials):
            rng = np.random.default_rng(FIRST_SEED + 500 + trial)
            steps = steps_of(tracks_from_table(walks(rng, n_tracks, (10, 60), spread=spread, sigma=sigma)))
            fit = fit_pooled(steps)
            one = type(steps)(steps.step_nm, steps.time_s, steps.gap, steps.begins,
                              np.array([0, len(steps.time_s)]), np.zeros(1, int), np.zeros(1, int))  # fmt: skip
            pooled = fit_tracks_and_noise(one)
            ours.append(fit.interval[0] <= D <= fit.interval[1])
            naive.append(pooled.low_nm2_s[0] <= D <= pooled.high_nm2_s[0])
            values.append(fit.diffusion_nm2_s / D)
        rows.append(
            (
                f"{n_tracks}, {spread}, {sigma}",
                f"{np.mean(values):.3f}",
                percent(naive),
                f"**{percent(ours)}**",
            )
        )
    head = (
        "tracks, spread of ln D, error nm",
        "D / truth",
        "cover: profile of all steps",
        "ours: jackknife-t",
    )
    text = table(head, rows)
    return (
        f"## D of the movie: coverage of 95 % ({trials} trials)\n\nTracks of 10 to 60 detections.\n\n{text}"
    )


# States


def field_tracks(rng, ds, n_frames=120, per_state=24, per_length=3):
    """Return the tracks of walkers in a field with a reservoir outside, half of them of each D."""
    n = per_state * per_length**2
    tables, track = [], 0
    for d in ds:
        place = rng.uniform(-FIELD, 2 * FIELD, (n, 2))
        inside_before, ids = np.zeros(n, bool), np.full(n, -1)
        for frame in range(n_frames):
            inside = (place > 0).all(1) & (place < FIELD).all(1)
            new = inside & ~inside_before
            ids[new] = track + np.arange(new.sum())
            track += int(new.sum())
            seen = place[inside] + rng.normal(0, SIGMA, (inside.sum(), 2))
            tables.append(pd.DataFrame({"track_id": ids[inside], "frame": frame, "time_s": frame * T,
                                        "y_nm": seen[:, 0], "x_nm": seen[:, 1], "d": d}))  # fmt: skip
            inside_before = inside
            place = place + rng.normal(0, np.sqrt(2 * d * T), place.shape)
            # The reservoir is periodic.
            place = (place + FIELD) % (3 * FIELD) - FIELD
    return pd.concat(tables, ignore_index=True)


def states(trials):
    rows = []
    n_trials = max(trials // 10, 3)
    for n_tracks in (60, 300):
        for ds in ((60.0,), (5.0, 60.0), (20.0, 60.0)):
            right, values, shares, cover = [], [], [], []
            for trial in range(n_trials):
                rng = np.random.default_rng(FIRST_SEED + 700 + trial)
                own = np.where(np.arange(n_tracks) < 0.4 * n_tracks, ds[0], ds[-1])
                movie = tracks_from_table(walks(rng, n_tracks, 2 + rng.geometric(1 / 8, n_tracks), d=own))
                out = measure_diffusion(movie, DiffusionOptions(alpha="none")).diffusion_states
                right.append(len(out) == len(ds))
                if len(out) == len(ds):
                    values.append(out.diffusion_nm2_s.to_numpy() / ds)
                    shares.append(out.share_tracks[0])
                    cover.append(out.share_tracks_low[0] <= 0.4 <= out.share_tracks_high[0])
            mean = " / ".join(f"{value:.2f}" for value in np.mean(values, 0))
            share = f"{np.mean(shares):.2f} ± {np.std(shares):.2f}" if len(ds) > 1 else "1"
            covered = f"{sum(cover)} of {len(cover)}" if len(ds) > 1 else ""
            name = " + ".join(f"{d:.0f}" for d in ds)
            rows.append((name, n_tracks, f"**{sum(right)} of {n_trials}**", mean, share, covered))
    text = table(
        ("D", "tracks", "number of states right", "D / truth", "share of the slow; truth 0.4", "in interval"),
        rows,
    )
    head = "## States of different D: tracks of 3 and more, mean 10 detections, error 2 nm\n\n"
    return head + text + "\n\n" + shares_of_time(n_trials)


def shares_of_time(n_trials):
    rows = []
    window = Window(0, FIELD, 0, FIELD)
    for ds in ((5.0, 60.0), (5.0, 400.0), (20.0, 60.0)):
        by_track, ours_track, ours_time, n_states = [], [], [], []
        for trial in range(n_trials):
            data = field_tracks(np.random.default_rng(FIRST_SEED + 800 + trial), ds)
            by_track.append((data.groupby("track_id").d.first() == ds[0]).mean())
            movie = tracked_movie(data, Frames.regular(120, T), window)
            out = measure_diffusion(movie, DiffusionOptions(alpha="none")).diffusion_states
            n_states.append(len(out))
            slow = out.diffusion_nm2_s < np.sqrt(ds[0] * ds[1])
            ours_track.append(out.share_tracks[slow].sum())
            ours_time.append(out.share_time[slow].sum())
        cells = [f"{np.mean(values):.2f}" for values in (by_track, ours_track, ours_time)]
        name = f"{ds[0]:.0f} + {ds[1]:.0f}"
        rows.append(
            (name, *cells[:2], f"**{cells[2]} ± {np.std(ours_time):.2f}**", f"{np.mean(n_states):.1f}")
        )
    head = ("D", "true share of tracks", "share_tracks", "share_time; truth 0.50", "states")
    return "Equal concentrations in a field with a reservoir outside, share of the slow:\n\n" + table(
        head, rows
    )


# Exponent and confinement


def fractional(rng, n_tracks, n, alpha, noise_ratio):
    time = np.arange(1, n) * 1.0
    power = time[:, None] ** alpha + time**alpha - np.abs(time[:, None] - time) ** alpha
    factor = np.linalg.cholesky(D * T * power)
    place = np.concatenate([np.zeros((1, 2 * n_tracks)), factor @ rng.normal(size=(n - 1, 2 * n_tracks))])
    place += rng.normal(0, np.sqrt(noise_ratio * D * T), place.shape)
    frame = np.tile(np.arange(n), n_tracks)
    rows = {"track_id": np.repeat(np.arange(n_tracks), n), "frame": frame, "time_s": frame * T}
    return pd.DataFrame({**rows, "y_nm": place[:, ::2].T.ravel(), "x_nm": place[:, 1::2].T.ravel()})


def exponent(trials):
    rows, n_trials = [], max(trials, 10)
    for n, alpha, noise_ratio in (
        (15, 1.0, 1.0),
        (40, 0.5, 1.0),
        (40, 1.0, 0.1),
        (40, 1.0, 1.0),
        (40, 1.5, 1.0),
    ):
        ours, naive, cover = [], [], []
        for trial in range(n_trials):
            rng = np.random.default_rng(FIRST_SEED + 900 + trial)
            movie = tracks_from_table(fractional(rng, 50, n, alpha, noise_ratio))
            fit = fit_alpha(pieces_of(steps_of(movie), T, by_frame=True), T)
            ours.append(fit.alpha)
            cover.append(fit.interval[0] <= alpha <= fit.interval[1])
            msd = msd_table(movie, max_lag=min(10, n // 4)).query("track_id == -1")
            naive.append(np.polyfit(np.log(msd.lag), np.log(msd.msd_nm2), 1)[0])
        cells = [f"{np.mean(values):.2f} ± {np.std(values):.2f}" for values in (naive, ours)]
        rows.append((f"{n}, {alpha}, {noise_ratio}", cells[0], f"**{cells[1]}**", f"**{percent(cover)}**"))
    head = ("detections, alpha, noise", "log-log slope of the MSD", "ours", "ours: coverage of 95 %")
    text = table(head, rows)
    return (
        f"## Anomalous exponent: 50 tracks together, fractional Brownian motion ({n_trials} trials)\n\n"
        "Bars: within 0.05 for 40 detections; an interval of free motion without 1 in at most 7 %.\n\n" + text
    )


def disc_walk(rng, n, radius, d):
    """Return a walk reflected inside a disc, or free for an infinite radius, with localisation error."""
    place, out, fine = np.zeros(2), [], 20
    if np.isfinite(radius):
        angle, r = rng.uniform(0, 2 * np.pi), radius * np.sqrt(rng.random())
        place = r * np.array([np.cos(angle), np.sin(angle)])
    for _ in range(n):
        out.append(place.copy())
        for move in rng.normal(0, np.sqrt(2 * d * T / fine), (fine, 2)):
            place = place + move
            distance = np.hypot(*place)
            if distance > radius:
                place = place * (2 * radius - distance) / distance
    return np.array(out) + rng.normal(0, SIGMA, (n, 2))


def confinement(trials):
    rows, n_trials = [], max(trials, 8)
    for n, filling in ((20, 0.0), (60, 0.0), (20, 0.075), (60, 0.075), (60, 0.019)):
        radius = np.sqrt(D * T / filling) if filling else np.inf
        significant, sizes, naive = [], [], []
        for trial in range(n_trials):
            rng = np.random.default_rng(FIRST_SEED + 1000 + trial)
            place = disc_walk(rng, n, radius, D)
            test = confinement_of(np.diff(place, axis=0), np.full(n - 1, T), np.full(2, SIGMA**2), 200, rng)
            significant.append(test.p < 0.05)
            sizes.append(2 * np.sqrt(test.variance_nm2) / radius)
            naive.append(np.sqrt(2 * place.var(axis=0).sum()) / radius)
        name = f"{n}, " + (f"{filling}" if filling else "free")
        cells = (f"{np.median(sizes):.2f}", f"{np.median(naive):.2f}") if filling else ("", "")
        rows.append((name, f"**{percent(significant)}**", f"**{cells[0]}**" if filling else "", cells[1]))
    text = table(
        ("detections, D t / L²", "confined at 5 %, %", "ours: median L / truth", "sqrt(2 variance) / truth"),
        rows,
    )
    return (
        f"## Confinement in a disc of radius L, bootstrap of 200 ({n_trials} tracks a row)\n\n"
        "Bars: free tracks 3 to 7 %; L within 10 % where n D t / L² is 4 or more.\n\n" + text
    )


# Time and memory

MILLION = """
import resource, sys, time
import numpy as np
sys.path.insert(0, {folder!r})
from diffusion import walks, steps_of, fit_pooled, fit_tracks, msd_table, tracks_from_table, measure_diffusion
from playNano.algorithms.measurement.diffusion.options import DiffusionOptions
small = tracks_from_table(walks(np.random.default_rng(0), 12, 200))
measure_diffusion(small)
start = time.process_time(); measure_diffusion(small); print(time.process_time() - start)
movie = tracks_from_table(walks(np.random.default_rng({seed}), 5000, 200))
start = time.process_time(); msd_table(movie, max_lag=100); print(time.process_time() - start)
start = time.process_time(); steps = steps_of(movie); noise = fit_pooled(steps).noise(0.0); fit_tracks(steps, noise)
print(time.process_time() - start)
start = time.process_time(); measure_diffusion(movie); print(time.process_time() - start)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6)
"""


def speed():
    rows = []
    steps = steps_of(tracks_from_table(walks(np.random.default_rng(FIRST_SEED), 500, 50)))
    noise = fit_pooled(steps).noise(0.0)
    for name, bar, run in (
        (
            "pooled fit of 500 tracks of 50, without interval",
            "20 ms",
            lambda: fit_pooled(steps, interval=False),
        ),
        ("with interval over tracks", "", lambda: fit_pooled(steps)),
        ("D with interval of 500 tracks of 50, error given", "100 ms", lambda: fit_tracks(steps, noise)),
        ("with own error", "750 ms", lambda: fit_tracks_and_noise(steps)),
    ):
        run()
        times = []
        for _ in range(5):
            start = time.process_time()
            run()
            times.append(time.process_time() - start)
        rows.append((name, bar, f"**{1000 * min(times):.0f} ms**"))
    code = MILLION.format(folder=str(__import__("pathlib").Path(__file__).parent), seed=FIRST_SEED)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    values = [float(line) for line in done.stdout.split()]
    rows += [
        ("all of the module, 12 tracks of 200", "well below 1 s", f"**{values[0]:.2f} s**"),
        ("1e6 detections in 5000 tracks: MSD, 100 lags", "15 s", f"**{values[1]:.1f} s**"),
        ("1e6 detections: D of all tracks, with intervals", "15 s", f"**{values[2]:.1f} s**"),
        ("1e6 detections: all of the module", "", f"{values[3]:.1f} s"),
        ("1e6 detections: memory of the process, all of the module", "1 GB", f"**{values[4]:.2f} GB**"),
    ]
    return "## Time (CPU)\n\n" + table(("what", "bar", "ours"), rows)


def report(trials=None):
    """Return all tables."""
    trials = 100 if trials is None else trials
    parts = []
    for part in (edge, msd_coverage, of_tracks, of_movies, states, exponent, confinement):
        parts.append(part(trials))
        print(parts[-1], file=sys.stderr, flush=True)
    parts += [msd_peer(), speed()]
    title = "# Diffusion: accuracy of D, MSD, states, exponent, confinement\n\n"
    intro = f"Unless said otherwise D = {D:.0f} nm²/s, {T} s a frame, localisation error {SIGMA:.0f} nm; simulated.\n\n"
    return title + intro + "\n\n".join(parts)
