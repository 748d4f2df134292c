"""g(r), K and nearest neighbours against truth, astropy and naive ways; size of the test in 1000 trials a model."""

from __future__ import annotations

import time

import numpy as np

from playNano.algorithms.measurement.arrangement.nearest import mean_distance, nearest_distances
from playNano.algorithms.measurement.arrangement.null_models import global_test, random_patterns
from playNano.algorithms.measurement.arrangement.pair_sums import (
    bin_areas,
    pair_correlation,
    pair_sums,
    ripley_k,
)
from playNano.algorithms.measurement.window import Window

FIELD = Window(0.0, 240.0, 0.0, 240.0)
N, DR, BINS = 60, 5.0, 24
SHOWN = (1, 5, 10, 19)
SIMULATIONS = 199


def poisson(rng, window=FIELD):
    return np.array([window.height_nm, window.width_nm]) * rng.random((N, 2))


def hard_core(rng, diameter=16.0):
    """Molecules placed one after the other in a field twice as wide, of which the window is cut out: n varies."""
    wide = Window(-120.0, 360.0, -120.0, 360.0)
    points = random_patterns(4 * N, wide, diameter, 1, rng)[0]
    return points[FIELD.distance_nm(points[:, 0], points[:, 1]) >= 0]


def g_of(points, window=FIELD, n_bins=BINS):
    return pair_correlation(
        pair_sums(points, window, DR, n_bins), len(points) * (len(points) - 1), window, DR
    )


def without_correction(points):
    distance = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1))
    count = np.histogram(distance[distance > 0], np.arange(BINS + 1) * DR)[0]
    return count * FIELD.area_nm2 / (N * (N - 1)) / bin_areas(DR, BINS)


def curves(trials):
    """Mean and sd of g(r) of independent points, in four ways."""
    ways = {"translation": [], "no correction": [], "frame as the window (particles of 8 nm)": []}
    for seed in range(trials):
        points = poisson(np.random.default_rng([18, 1, seed]))
        ways["translation"].append(g_of(points))
        ways["no correction"].append(without_correction(points))
        inside = points[FIELD.distance_nm(points[:, 0], points[:, 1]) >= 8]
        ways["frame as the window (particles of 8 nm)"].append(g_of(inside))
    rows = [
        "| g(r) of independent points, r (nm) | " + " | ".join(f"{(k + 0.5) * DR:g}" for k in SHOWN) + " |"
    ]
    rows.append("|---|" + "---|" * len(SHOWN))
    for name, got in ways.items():
        got = np.array(got)[:, SHOWN]
        cells = (f"{m:.3f} (sd {s:.2f})" for m, s in zip(got.mean(axis=0), got.std(axis=0), strict=True))
        rows.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


def beside_astropy():
    try:
        from astropy.stats import RipleysKEstimator
    except ImportError:
        return "astropy is not installed: not compared."
    points = poisson(np.random.default_rng([18, 2]))
    radii = np.arange(1, BINS + 1) * DR
    own_start = time.process_time()
    for _ in range(20):
        own = ripley_k(pair_sums(points, FIELD, DR, BINS), N * (N - 1), FIELD)
    own_s = (time.process_time() - own_start) / 20
    estimator = RipleysKEstimator(area=FIELD.area_nm2, x_max=240, y_max=240, x_min=0, y_min=0)
    rows = ["| K(r), one pattern of 60 points | largest deviation from ours | CPU ms |", "|---|---|---|"]
    rows.append(f"| ours | | {1e3 * own_s:.2f} |")
    for mode in ("translation", "ohser", "ripley", "none"):
        start = time.process_time()
        theirs = estimator(data=points, radii=radii, mode=mode)
        took = 1e3 * (time.process_time() - start)
        deviation = np.abs(theirs[1:] / own[1:] - 1).max()
        rows.append(f"| astropy, {mode} | {deviation:.1e} | {took:.2f} |")
    return "\n".join(rows)


def neighbours(trials):
    ways = {
        "Kaplan-Meier, censored by the border (ours)": [],
        "all neighbours": [],
        "nearer than the border only": [],
    }
    expected = 0.5 / np.sqrt(N / FIELD.area_nm2)
    for seed in range(trials):
        points = poisson(np.random.default_rng([18, 3, seed]))
        distance, seen = nearest_distances(points, FIELD)
        wide = Window(-1e9, 1e9, -1e9, 1e9)
        ways["Kaplan-Meier, censored by the border (ours)"].append(mean_distance(distance, seen))
        ways["all neighbours"].append(nearest_distances(points, wide)[0].mean())
        ways["nearer than the border only"].append(distance[seen].mean())
    rows = [
        "| mean distance of nearest neighbours, independent points | over the expectation | SE |",
        "|---|---|---|",
    ]
    rows += [
        f"| {name} | {np.mean(v) / expected:.3f} | {np.std(v) / expected / np.sqrt(len(v)):.3f} |"
        for name, v in ways.items()
    ]
    return "\n".join(rows)


def rejected(curve, simulated):
    """Whether a curve is rejected: globally (maximum, integral), pointwise, and with mean and sd of the others only."""
    ours = [global_test(curve, simulated, kind).p <= 0.05 for kind in ("maximum", "integral")]
    low, high = np.quantile(simulated, [0.025, 0.975], axis=0)
    pointwise = bool(((curve < low) | (curve > high)).any())
    mean, sd = simulated.mean(axis=0), simulated.std(axis=0, ddof=1)
    kept = sd > 0
    deviation = (np.abs(np.vstack([curve, simulated])[:, kept] - mean[kept]) / sd[kept]).max(axis=1)
    return [*ours, pointwise, (deviation >= deviation[0]).mean() <= 0.05]


def sizes(trials):
    rows = [
        "| truth, null model | maximum (default) | integral | 95 % at each of 24 distances | "
        "without the observation in mean and sd |",
        "|---|---|---|---|---|",
    ]
    cases = {
        "independent points, csr": (poisson, lambda p: 0.0),
        "hard core 16 nm, hard_core with the smallest distance": (hard_core, smallest),
        "hard core 16 nm, hard_core with 16 nm": (hard_core, lambda p: 16.0),
        "hard core 16 nm, csr (power)": (hard_core, lambda p: 0.0),
    }
    for number, (name, (make, diameter)) in enumerate(cases.items()):
        hits = []
        for seed in range(trials):
            rng = np.random.default_rng([18, 4, number, seed])
            points = make(rng)
            patterns = random_patterns(len(points), FIELD, diameter(points), SIMULATIONS, rng)
            simulated = pair_correlation(
                pair_sums(patterns, FIELD, DR, BINS), len(points) * (len(points) - 1), FIELD, DR
            )
            hits.append(rejected(g_of(points), simulated))
        rate = np.mean(hits, axis=0)
        cells = (f"{100 * r:.1f} % ± {100 * np.sqrt(r * (1 - r) / trials):.1f}" for r in rate)
        rows.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


def smallest(points):
    distance = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1))
    return float(distance[distance > 0].min())


def through_defaults(trials):
    """Size of the test as the function runs it, with its own bins."""
    import pandas as pd

    from playNano.measurement import arrangement

    rows = ["| whole function, defaults | rejected at 5 % |", "|---|---|"]
    for number, (make, null) in enumerate(((poisson, "csr"), (hard_core, "hard_core"))):
        p = []
        for seed in range(trials):
            points = make(np.random.default_rng([18, 5, number, seed]))
            table = pd.DataFrame({"frame": 0, "y_nm": points[:, 0], "x_nm": points[:, 1]})
            p.append(arrangement(table, window=FIELD, null=null, seed=seed)["test"]["p"][0])
        rate = np.mean(np.array(p) <= 0.05)
        rows.append(
            f"| truth and null model {null} | {100 * rate:.1f} % ± {100 * np.sqrt(rate * (1 - rate) / trials):.1f} |"
        )
    return "\n".join(rows)


def report(trials=None):
    trials = trials or 1000
    return "\n\n".join(
        [
            "# Arrangement",
            f"60 points in 240 nm x 240 nm, bins of {DR:g} nm, {SIMULATIONS} simulations; {trials} patterns a row.",
            curves(min(trials, 400)),
            beside_astropy(),
            neighbours(min(trials, 400)),
            "False positives at 5 % (the last row: power):",
            sizes(trials),
            through_defaults(trials),
        ]
    )
