"""Rates between states and the number of states against truth, counting, thresholds and hmmlearn."""

from __future__ import annotations

import time
import warnings

import numpy as np
from _state_scenes import simulate

from playNano.algorithms.measurement.states.chains import chains_of
from playNano.algorithms.measurement.states.hmm import Model, expect, fit_em, n_nodes_for
from playNano.algorithms.measurement.states.rates import fit_rates, rates_from_matrix
from playNano.algorithms.measurement.states.selection import fit_states, select_states

SEED = 20261128
TRIALS = 60
RATES = np.array([[0.0, 0.5], [1.0, 0.0]])
INTERVAL, SD = 0.2, 0.3
CELLS = [(4.0, 0.0), (4.0, 0.15), (2.5, 0.0), (2.5, 0.15), (1.5, 0.0), (1.5, 0.15)]
THREE = np.array([[0.0, 0.5, 0.1], [0.5, 0.0, 0.5], [0.1, 0.5, 0.0]])
NUMBERS = [
    ("1 state", 1, 4.0, 0.0),
    ("2 states, SNR 4", 2, 4.0, 0.0),
    ("2 states, SNR 2", 2, 2.0, 0.0),
    ("3 states, SNR 3", 3, 3.0, 0.0),
    ("1 state, offsets 0.5 sd", 1, 4.0, 0.15),
    ("2 states, SNR 4, offsets 0.5 sd", 2, 4.0, 0.15),
    ("2 states, SNR 4, offsets 1 sd", 2, 4.0, 0.3),
    ("2 states, SNR 4, 2 % outliers", 2, 4.0, 0.0),
]


def report(trials: int | None = None) -> str:
    n = trials or TRIALS
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parts = [
            _rates(n),
            _fast(max(n // 3, 2)),
            _intervals(n),
            _numbers(max(n // 5, 2)),
            _movies(max(n // 6, 2)),
        ]
    return "# States\n\n" + "\n\n".join(parts)


def _table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def _hmmlearn():
    try:
        from hmmlearn.hmm import GaussianHMM
    except ImportError:
        return None
    return GaussianHMM


def _peer(chains):
    """Rates by hmmlearn, frames without a value dropped, and its CPU time."""
    model = _hmmlearn()(2, covariance_type="diag", n_iter=200, tol=1e-4, random_state=0)
    lengths = np.diff(chains.seen.bounds)
    model.fit(chains.seen.value[:, None], lengths)
    order = np.argsort(model.means_[:, 0])
    rate = rates_from_matrix(model.transmat_[np.ix_(order, order)], INTERVAL)
    return np.full((2, 2), np.nan) if rate is None else rate


def _times(chains):
    """CPU time of 30 iterations from the same start, ours and hmmlearn's, s."""
    start = Model(np.full(2, 0.5), np.array([[0.9, 0.1], [0.1, 0.9]]), np.array([0.1, 0.9]), np.full(2, 0.4))
    values, lengths = chains.seen.value[:, None], np.diff(chains.seen.bounds)
    model = _hmmlearn()(2, covariance_type="diag", n_iter=30, tol=-np.inf, init_params="")
    model.startprob_, model.transmat_ = start.start, start.transition
    model.means_, model.covars_ = start.mean[:, None], start.sd[:, None] ** 2
    fit_em(chains.seen, start, iterations=1)
    begin = time.process_time()
    fit_em(chains.seen, start, iterations=30, tolerance=-np.inf)
    ours = time.process_time() - begin
    begin = time.process_time()
    model.fit(values, lengths)
    return ours, time.process_time() - begin


def _counted(state, chains):
    """Rates by counting changes between successive frames of a path of states on the grid of values."""
    index, bounds = state, chains.seen.bounds
    inside = np.ones(len(index) - 1, bool)
    inside[bounds[1:-1] - 1] = False
    out = np.zeros((2, 2))
    stay = chains.seen.durations[chains.seen.index[1:]]
    for i in (0, 1):
        from_i = inside & (index[:-1] == i)
        out[i, 1 - i] = (from_i & (index[1:] == 1 - i)).sum() / max(stay[from_i].sum(), 1e-9)
    return out


def _rates(n):
    rows, peer = [], _hmmlearn()
    for number, (snr, missed) in enumerate(CELLS):
        ours, peers, path, middle, right, seconds, others = [], [], [], [], [], [], []
        inside = []
        for trial in range(n):
            movie, truth = simulate(
                np.random.default_rng([SEED, number, trial]), RATES, [0.0, snr * SD], sd=SD, missed=missed
            )
            chains = chains_of(movie, movie.column("height_nm"))
            start = time.process_time()
            fit = fit_states(chains.grid, 2)
            seconds.append(time.process_time() - start)
            expected = expect(chains.grid, fit.model, n_nodes_for(chains.grid, fit.model))
            rates = fit_rates(chains.grid, chains.seen, fit.model, expected.pairs)
            ours.append(rates.rate / np.where(RATES > 0, RATES, 1))
            inside.append((rates.low <= RATES) & (rates.high >= RATES))
            best = expected.gamma.argmax(axis=1)[chains.row]
            right.append((best == truth).mean())
            path.append(_counted(best, chains) / np.where(RATES > 0, RATES, 1))
            middle.append(
                _counted((chains.seen.value > snr * SD / 2).astype(int), chains)
                / np.where(RATES > 0, RATES, 1)
            )
            if peer and trial < n // 3:
                peers.append(_peer(chains) / np.where(RATES > 0, RATES, 1))
                others.append(_times(chains))
        pair = lambda values: ", ".join(f"{np.nanmedian([v[i, 1 - i] for v in values]):.2f}" for i in (0, 1))  # noqa: E731
        cover = ", ".join(f"{100 * np.mean([v[i, 1 - i] for v in inside]):.0f}" for i in (0, 1))
        times = f"{np.median(seconds):.3f}"
        if others:
            own, other = np.median(others, axis=0)
            times += f"; {1e3 * own:.1f} / {1e3 * other:.0f} ms ({other / own:.0f} x)"
        rows.append(
            [
                f"{snr:g}, {missed:.0%}",
                pair(ours),
                cover,
                pair(peers) if peers else "missing",
                pair(path),
                pair(middle),
                f"{np.mean(right):.3f}",
                times,
            ]
        )
    head = [
        "SNR, missed",
        "**ours** (k12, k21)",
        "cover %",
        "hmmlearn, missing frames dropped",
        "counted along the path",
        "threshold halfway",
        "states right",
        "CPU s of our fit (3 starts); 30 iterations ours / hmmlearn",
    ]
    text = (
        f"40 tracks of 20 to 150 frames, k12 = 0.5, k21 = 1 /s, T = 0.2 s, {n} sets a row (hmmlearn: a third of "
        "them): rate over truth, median; coverage of 95 % intervals; detections in the right state."
    )
    return "## Rates\n\n" + text + "\n\n" + _table(head, rows)


def _fast(n):
    rows = []
    for product in (0.3, 0.6, 1.2, 2.4):
        rates = RATES * product / (1.5 * INTERVAL)
        ratio, inside, given = [], [], 0
        for trial in range(n):
            movie, _ = simulate(
                np.random.default_rng([SEED + 1, int(10 * product), trial]), rates, [0.0, 4 * SD], sd=SD
            )
            chains = chains_of(movie, movie.column("height_nm"))
            fit = fit_states(chains.grid, 2)
            expected = expect(chains.grid, fit.model)
            fitted = fit_rates(chains.grid, chains.seen, fit.model, expected.pairs)
            if fitted.status[0][1] == "ok":
                given += 1
                ratio.append(fitted.rate.sum() / rates.sum())
                inside.append(
                    [fitted.low[i, 1 - i] <= rates[i, 1 - i] <= fitted.high[i, 1 - i] for i in (0, 1)]
                )
        rows.append(
            [
                product,
                f"{np.median(ratio):.2f} ± {1.25 * np.std(ratio) / np.sqrt(len(ratio)):.2f}",
                f"{100 * np.mean(inside):.0f}",
                f"{given} of {n}",
            ]
        )
    return f"## Fast changes\n\nSNR 4, {n} sets a row.\n\n" + _table(
        ["(k12 + k21) T", "k12 + k21 over truth", "cover %", "resolved"], rows
    )


def _intervals(n):
    rows = []
    for tracks, missed, offset in ((20, 0.0, 0.0), (20, 0.15, 0.0), (20, 0.15, 0.3), (8, 0.0, 0.0)):
        inside = []
        for trial in range(n if not offset else max(n // 3, 2)):
            rng = np.random.default_rng([SEED + 2, tracks, int(100 * missed), int(10 * offset), trial])
            movie, _ = simulate(
                rng, RATES, [0.0, 4 * SD], sd=SD, n_tracks=tracks, missed=missed, offset=offset
            )
            chains = chains_of(movie, movie.column("height_nm"))
            best, _ = select_states(chains.grid, 2, offsets=offset > 0)
            expected = expect(chains.grid, best.model, n_nodes_for(chains.grid, best.model))
            fitted = fit_rates(chains.grid, chains.seen, best.model, expected.pairs)
            inside.append([fitted.low[i, 1 - i] <= RATES[i, 1 - i] <= fitted.high[i, 1 - i] for i in (0, 1)])
        cover = 100 * np.mean(inside, axis=0)
        rows.append(
            [tracks, f"{missed:.0%}", f"{offset / SD:g} sd", len(inside), f"{cover[0]:.1f}, {cover[1]:.1f}"]
        )
    return "## Coverage of 95 % intervals\n\n" + _table(
        ["tracks", "missed", "offsets", "sets", "k12, k21, %"], rows
    )


def _numbers(n):
    rows = []
    for number, (name, k, snr, offset) in enumerate(NUMBERS):
        picked, plain, kinds, spread, seconds = [], [], [], [], []
        for trial in range(n):
            rates = np.zeros((1, 1)) if k == 1 else RATES if k == 2 else THREE
            movie, _ = simulate(
                np.random.default_rng([SEED + 3, number, trial]),
                rates,
                snr * SD * np.arange(k),
                sd=SD,
                offset=offset,
            )
            height = movie.column("height_nm")
            if "outliers" in name:
                rng = np.random.default_rng([SEED + 4, trial])
                wrong = rng.random(len(height)) < 0.02
                height = np.where(wrong, rng.uniform(height.min(), height.max(), len(height)), height)
            chains = chains_of(movie, height)
            start = time.process_time()
            best, _ = select_states(chains.grid, None)
            seconds.append(time.process_time() - start)
            picked.append(best.model.n_states)
            kinds.append((best.model.offset_sd > 0, best.model.outlier_share > 0))
            spread.append(best.model.offset_sd)
            without, _ = select_states(chains.grid, None, offsets=False, outliers=False)
            plain.append(without.model.n_states)
        rows.append(
            [name, f"{100 * np.mean(np.array(picked) == k):.0f}",
             " / ".join(f"{100 * share:.0f}" for share in np.mean(kinds, axis=0)),
             f"{np.median(spread):.3f} ({offset:g})",
             f"{100 * np.mean(np.array(plain) == k):.0f} (median {np.median(plain):g})",
             f"{np.median(seconds):.1f}"]
        )  # fmt: skip
    head = [
        "truth",
        "K right, %",
        "model with offsets / outliers, %",
        "offset sd (truth), nm",
        "K right without either, %",
        "CPU s",
    ]
    return (
        f"## Number of states\n\n40 tracks of 20 to 150 frames, sd 0.3 nm, {n} sets a row, K = 1 to 4 by BIC.\n\n"
        + _table(head, rows)
    )


def _movies(n):
    """Movies of molecules at rest whose height changes, detected, tracked and measured."""
    from _state_movies import two_state_movie

    from playNano.analysis.pipeline import AnalysisPipeline

    ratio, inside, number = [], [], []
    for trial in range(n):
        stack, truth = two_state_movie(SEED % 10_000 + trial)
        pipeline = AnalysisPipeline()
        pipeline.add("feature_detection", mask_fn="mask_threshold", threshold=1.5, remove_edge=True)
        pipeline.add("particle_tracking")
        pipeline.add("states")
        outputs = list(pipeline.run(stack)["analysis"].values())[-1]
        number.append(len(outputs["state_table"]))
        if number[-1] == 2:
            rates = outputs["transitions"]
            ratio.append((rates["rate_1_s"] / truth).tolist())
            inside.append(((rates["rate_low_1_s"] <= truth) & (truth <= rates["rate_high_1_s"])).tolist())
    text = f"K = 2 in {100 * np.mean(np.array(number) == 2):.0f} % of {n} movies"
    if ratio:
        mean, error = np.mean(ratio, axis=0), np.std(ratio, axis=0) / np.sqrt(len(ratio))
        cover = 100 * np.mean(inside, axis=0)
        text += f"; k12 / truth {mean[0]:.2f} ± {error[0]:.2f}, k21 / truth {mean[1]:.2f} ± {error[1]:.2f}; "
        text += f"coverage {cover[0]:.0f}, {cover[1]:.0f} %"
    return (
        "## Whole chain\n\nMovies of 10 molecules at rest whose height changes between 3 and 4 nm "
        "(k12 = 0.3, k21 = 0.6 /s, 0.4 s a frame, 120 frames, noise 0.15 nm, height spread 5 %), "
        f"detected, tracked and measured: {text}."
    )
