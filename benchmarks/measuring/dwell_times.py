"""Rates of departure and arrival against truth, naive means and lifelines."""

from __future__ import annotations

import time
import warnings
from dataclasses import replace

import numpy as np
from _dwell_scenes import Scene, simulate

from playNano.algorithms.measurement.dwell.biexponential import dwell_records, fit_mixture
from playNano.algorithms.measurement.dwell.dwell_times import measure_dwell_times
from playNano.algorithms.measurement.dwell.exponential import fit_rate
from playNano.algorithms.measurement.dwell.options import DwellOptions
from playNano.algorithms.measurement.dwell.passes import observe

SEED = 20261127
TRIALS = 300

REST = [
    Scene(rates=(0.04,), n_present=20),
    Scene(rates=(0.04,), n_present=20, missed=0.1, max_missing=2),
    Scene(rates=(0.2,), n_present=6),
    Scene(rates=(0.2,), n_present=6, missed=0.1, max_missing=0),
    Scene(rates=(0.2,), n_present=6, missed=0.1, max_missing=2),
    Scene(rates=(0.2,), n_present=6, missed=0.1, max_missing=2, lost=0.1),
    Scene(rates=(1.0,), n_present=1.5),
    Scene(rates=(2.0,), n_present=1.0),
    Scene(rates=(4.0,), n_present=0.4),
    Scene(rates=(0.2,), n_present=0.9),
]
MOBILE = [(5.0, 0.05), (60.0, 0.05), (60.0, 0.2), (400.0, 0.05)]
TWO = [((1.0, 0.1), 8), ((1.0, 0.1), 32), ((4.0, 0.1), 8), ((0.4, 0.1), 10), ((0.4, 0.1), 40)]


def report(trials: int | None = None) -> str:
    n = trials or TRIALS
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parts = [
            _rest(n),
            _edges(max(n // 4, 2)),
            _two_rates(max(n // 4, 2)),
            _sizes(n),
            _chain(max(n // 15, 2)),
            _speed(),
        ]
    return "# Dwell times\n\n" + "\n\n".join(parts)


def _lifelines():
    try:
        from lifelines import ExponentialFitter
    except ImportError:
        return None
    return ExponentialFitter


def _line(cells):
    return "| " + " | ".join(map(str, cells)) + " |"


def _table(head, rows):
    return "\n".join([_line(head), _line(["---"] * len(head)), *map(_line, rows)])


def _mid(values, error=False):
    good = np.asarray(values, float)
    good = good[np.isfinite(good)]
    if not good.size:
        return "not given"
    text = f"{np.median(good):.2f}"
    return text + f" ± {1.25 * good.std() / np.sqrt(good.size):.2f}" if error else text


def _rest(n):
    """Molecules at rest: medians of estimate over truth."""
    fitter, rows = _lifelines(), []
    for number, scene in enumerate(REST):
        truth, values = (
            scene.rates[0],
            {
                name: []
                for name in ("all", "whole", "peer", "p0", "ours", "in", "on", "onin", "tracks", "naive_on")
            },
        )
        for trial in range(n):
            movie, arrivals = simulate(scene, np.random.default_rng([SEED, number, trial]))
            options = DwellOptions(
                model="exponential", max_missing=scene.max_missing, n_draws=1, neighbour_band_nm=0.0
            )
            if not scene.missed:
                options = replace(options, miss_rate=0.0)
            result = measure_dwell_times(movie, options)
            row, dwells = result.rates.iloc[0], result.dwells
            length = (dwells["last_frame"] - dwells["start_frame"] + 1) * scene.frame_s
            whole = ~(dwells["censored_start"] | dwells["censored_end"])
            values["all"].append(1 / length.mean() / truth)
            values["whole"].append(1 / length[whole].mean() / truth if whole.any() else np.nan)
            ended = ~dwells["censored_end"]
            if fitter is not None and ended.any():
                values["peer"].append(1 / fitter().fit(length, ended).lambda_ / truth)
            passes = observe(movie, options)
            plain = fit_rate(row.exposure_s, passes.wait_s[passes.ended], 0.0).rate if ended.any() else np.nan
            values["p0"].append(plain / truth)
            values["ours"].append(row.k_off_1_s / truth)
            if row.status in ("ok", "all_censored") or np.isfinite(row.k_off_low_1_s):
                values["in"].append(row.k_off_low_1_s <= truth <= row.k_off_high_1_s)
            values["on"].append(row.k_on_1_nm2_s / arrivals)
            if np.isfinite(row.k_on_1_nm2_s):
                values["onin"].append(row.k_on_low_1_nm2_s <= arrivals <= row.k_on_high_1_nm2_s)
            values["naive_on"].append(
                row.n_starts / (row.area_nm2 * (scene.n_frames - 1) * scene.frame_s) / arrivals
            )
            values["tracks"].append(len(dwells))
        cover = [f"{100 * np.mean(values[name]):.1f}" if values[name] else "-" for name in ("in", "onin")]
        missing = (
            f"; missed {scene.missed:.0%}, bridged {scene.max_missing}, lost {scene.lost:.0%}"
            if scene.missed
            else ""
        )
        rows.append(
            [
                f"{truth * scene.frame_s:g}{missing}", f"{np.mean(values['tracks']):.0f}", _mid(values["all"]),
                _mid(values["whole"]), _mid(values["peer"]) if fitter else "missing", _mid(values["p0"]),
                _mid(values["ours"], True), cover[0], _mid(values["naive_on"]), _mid(values["on"], True), cover[1],
            ]
        )  # fmt: skip
    head = [
        "k T",
        "tracks",
        "1 / mean n T, all",
        "1 / mean n T, whole tracks",
        "lifelines ExponentialFitter, n T",
        "ours, miss rate taken as 0",
        "**ours**",
        "cover %",
        "arrivals / (area time)",
        "**ours k_on**",
        "cover %",
    ]
    text = (
        f"Molecules at rest, {n} movies of 100 frames a row: estimate over truth, median (± its error); "
        "coverage of 95 % intervals. "
    )
    return (
        "## Rates of departure and arrival\n\n"
        + text
        + "Tracks of the fourth row are cut at each missed detection: refused.\n\n"
        + _table(head, rows)
    )


def _edges(n):
    """Mobile molecules with a reservoir outside of the field."""
    rows = []
    for number, (diffusion, rate) in enumerate(MOBILE):
        margin = max(60.0, 3 * np.sqrt(2 * diffusion / rate))
        scene = Scene(
            rates=(rate,), n_present=12, diffusion=diffusion, margin=margin, localization=2.0, frame_s=0.5
        )
        if diffusion == 400:
            scene = replace(scene, n_present=30)
        cells = {name: [] for name in ("none", 1, 2, 3, 4, None, "in", "on", "onin")}
        for trial in range(n):
            movie, arrivals = simulate(scene, np.random.default_rng([SEED + 1, number, trial]))
            for band in ("none", 1, 2, 3, 4, None):
                edge = 0.0 if band == "none" else band
                options = DwellOptions(
                    edge_band=edge, miss_rate=0.0, neighbour_band_nm=0.0, model="exponential", n_draws=1
                )
                row = measure_dwell_times(movie, options).rates.iloc[0]
                cells[band].append(row.k_off_1_s / rate)
            cells["in"].append(row.k_off_low_1_s <= rate <= row.k_off_high_1_s)
            cells["on"].append(row.k_on_1_nm2_s / arrivals)
            cells["onin"].append(row.k_on_low_1_nm2_s <= arrivals <= row.k_on_high_1_nm2_s)
        step = np.sqrt(2 * diffusion * 0.5) / 256
        rows.append(
            [f"{diffusion:g}, {rate:g}", f"{step:.3f}", *(_mid(cells[b]) for b in ("none", 1, 2, 3, 4)),
             _mid(cells[None], True), f"{100 * np.mean(cells['in']):.0f}", _mid(cells["on"], True),
             f"{100 * np.mean(cells['onin']):.0f}"]
        )  # fmt: skip
    head = [
        "D nm²/s, k 1/s",
        "step / field",
        "every end an event",
        "1 step",
        "2",
        "3",
        "4",
        "**default**",
        "cover %",
        "**k_on**",
        "cover %",
    ]
    text = (
        f"256 nm field with a reservoir outside, localisation 2 nm, {n} movies of 100 frames a row; k_off over truth "
        "by width of the band along the border."
    )
    return "## Mobile molecules\n\n" + text + "\n\n" + _table(head, rows)


def _two_rates(n):
    rows = []
    for number, (rates, present) in enumerate(TWO):
        scene = Scene(rates=rates, shares=(0.6, 0.4), n_present=present)
        options = DwellOptions(miss_rate=0.0, neighbour_band_nm=0.0)
        fits = []
        for trial in range(n):
            movie, _ = simulate(scene, np.random.default_rng([SEED + 2, number, trial]))
            fits.append(fit_mixture(dwell_records(observe(movie, options)), scene.frame_s))
        good = [fit for fit in fits if fit.status == "ok"]
        cover = [
            np.mean([fit.k_fast[1] <= rates[0] <= fit.k_fast[2] for fit in good]),
            np.mean([fit.k_slow[1] <= rates[1] <= fit.k_slow[2] for fit in good]),
        ]
        rows.append(
            [f"{rates[0] * 0.5:g} + {rates[1] * 0.5:g}", f"{np.mean([fit.n_tracks for fit in fits]):.0f}",
             f"{len(good)} of {n}", f"{100 * np.mean([fit.preferred for fit in fits]):.0f}",
             _mid([fit.k_fast[0] / rates[0] for fit in good], True),
             _mid([fit.k_slow[0] / rates[1] for fit in good], True), _mid([fit.share_seen[0] for fit in good]),
             _mid([fit.share[0] for fit in good], True), " / ".join(f"{100 * c:.0f}" for c in cover)]
        )  # fmt: skip
    head = [
        "k T",
        "seen starts",
        "fitted",
        "BIC prefers two, %",
        "k_fast / truth",
        "k_slow / truth",
        "share among seen",
        "**share** (truth 0.60)",
        "cover %, fast / slow",
    ]
    return f"## Two rates\n\nTrue share of the fast molecules 0.60, {n} movies a row.\n\n" + _table(
        head, rows
    )


def _below(values, limit=0.05):
    return 100 * np.mean(np.array(values) < limit)


def _sizes(n):
    """Goodness of fit and the median of the survival curve for one rate, and the test's power."""
    p_one, p_two, preferred, median, naive = [], [], [], [], []
    for trial in range(n):
        options = DwellOptions(miss_rate=0.0, neighbour_band_nm=0.0)
        movie, _ = simulate(Scene(rates=(0.6,), n_present=6), np.random.default_rng([SEED + 3, trial]))
        result = measure_dwell_times(movie, options)
        p_one.append(result.rates["fit_p"][0])
        preferred.append(len(result.rates) > 1 and result.rates["bic"][1] < result.rates["bic"][0])
        curve = result.survival
        median.append(
            np.interp(-np.log(0.5), -np.log(np.maximum(curve["survival"], 1e-9)), curve["time_s"])
            / (np.log(2) / 0.6)
        )
        dwells = result.dwells[~result.dwells["censored_start"] & ~result.dwells["censored_end"]]
        naive.append(np.median(dwells["last_frame"] - dwells["start_frame"] + 1) * 0.5 / (np.log(2) / 0.6))
        if trial < n // 4:
            other, _ = simulate(
                Scene(rates=(1.0, 0.1), shares=(0.6, 0.4), n_present=8),
                np.random.default_rng([SEED + 4, trial]),
            )
            exponential = replace(options, model="exponential")
            p_two.append(measure_dwell_times(other, exponential).rates["fit_p"][0])
    lines = [
        f"* goodness of fit, one rate (k T 0.3): p < 0.05 in {_below(p_one):.1f} % of {n} movies",
        f"* goodness of fit, two rates (k T 0.5 and 0.05): p < 0.05 in {_below(p_two):.0f} % of {n // 4} movies",
        f"* one rate: BIC prefers two in {100 * np.mean(preferred):.1f} %",
        f"* median of the survival curve over truth: {_mid(median, True)}; of n T of whole tracks: {_mid(naive)}",
    ]
    return "## Survival and goodness of fit\n\n" + "\n".join(lines)


def _chain(n):
    """Movies from the simulator, detected, tracked and measured."""
    from playNano.analysis.pipeline import AnalysisPipeline
    from playNano.simulate import simulate_scene
    from playNano.simulate.noise import Noise
    from playNano.simulate.scanner import Scanner
    from playNano.simulate.scene import Kinetics, Motion, Species
    from playNano.simulate.scene import Scene as Particles
    from playNano.simulate.shapes import Gaussian

    rate, cells = 0.05, {"naive": [], "edge": [], "both": [], "in": []}
    for trial in range(n):
        area = (256 + 80) ** 2
        species = Species(
            Gaussian(5.0, 8.0),
            count=None,
            motion=Motion(diffusion_nm2_s=60.0),
            kinetics=Kinetics(bind_rate_s=12 * area / 256**2 * rate, unbind_rate_s=rate),
        )
        scanner = Scanner(n_frames=100, shape=(128, 128), pixel_size_nm=2.0, frame_time_s=0.5)
        movie = simulate_scene(
            Particles((species,), margin_nm=40.0),
            scanner,
            noise=Noise(pixel_nm=0.1),
            seed=SEED % 10_000 + trial,
        )
        stack = movie.to_stack()
        for name, params in (
            ("naive", {"edge_band": 0.0, "neighbour_band_nm": 0.0}),
            ("edge", {"neighbour_band_nm": 0.0}),
            ("both", {}),
        ):
            pipeline = AnalysisPipeline()
            pipeline.add("feature_detection", mask_fn="mask_threshold", threshold=1.2, remove_edge=True)
            pipeline.add("particle_tracking", max_missing=2)
            pipeline.add("dwell_times", model="exponential", n_draws=1, **params)
            row = list(pipeline.run(stack)["analysis"].values())[-1]["rates"].iloc[0]
            cells[name].append(row.k_off_1_s / rate)
        cells["in"].append(row.k_off_low_1_s <= rate <= row.k_off_high_1_s)
    text = ", ".join(
        f"{label} {np.mean(cells[name]):.2f} ± {np.std(cells[name]) / np.sqrt(n):.2f}"
        for name, label in (
            ("naive", "no bands"),
            ("edge", "band along the border"),
            ("both", "both bands (default)"),
        )
    )
    return (
        "## Whole chain\n\n"
        "`simulate_scene` (Gaussians of 5 nm x 8 nm, 12 in the field, D = 60 nm²/s, k = 0.05 /s, noise 0.1 nm), "
        f"`feature_detection`, `particle_tracking`, `dwell_times`; {n} movies of 100 frames, k_off over truth, mean ± "
        f"error: {text}; coverage of the default {100 * np.mean(cells['in']):.0f} %."
    )  # fmt: skip


def _speed():
    rng = np.random.default_rng(SEED)
    wait = rng.uniform(0.4, 0.6, (1000, 3))
    wait.sort(axis=1)
    start = time.process_time()
    for _ in range(10):
        fit_rate(5000.0, wait, 0.05)
    fit = (time.process_time() - start) / 10
    movie, _ = simulate(Scene(rates=(0.2,), n_present=100), np.random.default_rng(SEED))
    start = time.process_time()
    measure_dwell_times(movie, DwellOptions(miss_rate=0.0, model="exponential", n_draws=1))
    whole = time.process_time() - start
    return (
        f"## Time\n\nFit with interval, 1000 ends: {1e3 * fit:.1f} ms CPU; all tables of {movie.n_tracks} tracks, "
        f"{len(movie.table)} detections: {1e3 * whole:.0f} ms."
    )
