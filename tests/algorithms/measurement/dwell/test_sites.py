from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy.linalg import expm

from playNano.algorithms.measurement.dwell.dwell_times import measure_dwell_times
from playNano.algorithms.measurement.dwell.options import DwellOptions
from playNano.algorithms.measurement.dwell.passes import observe
from playNano.algorithms.measurement.dwell.site_rates import (
    fit_site_rates,
    pass_log_likelihood,
    return_probability,
)
from playNano.algorithms.measurement.dwell.sites import count_visits, find_sites, localisation_error_nm
from playNano.algorithms.measurement.tracked_movie import Frames, tracked_movie
from playNano.algorithms.measurement.window import Window
from playNano.measurement import dwell_times

FIELD = Window(-20.0, 420.0, -20.0, 420.0)
OPTIONS = DwellOptions(max_missing=2, model="exponential", n_draws=1)


def movie_of(rows, n_frames, *, observed=None, interval=0.5, **others):
    """Detections as (track, frame, y, x)."""
    table = pd.DataFrame(rows, columns=["track_id", "frame", "y_nm", "x_nm"])
    table = table.astype({"track_id": int, "frame": int, "y_nm": float, "x_nm": float})
    seen = np.ones(n_frames, bool) if observed is None else np.asarray(observed)
    frames = Frames(np.arange(n_frames) * interval, seen)
    return tracked_movie(table.assign(time_s=interval * table["frame"]), frames, FIELD, **others)


def visited(
    seed, *, n=25, k_on=0.08, k_off=0.25, missed=0.1, lost=0.1, n_frames=160, interval=0.5, error=1.0
):
    """Sites that are occupied and free in turn; tracks bridge two observed frames."""
    rng = np.random.default_rng(seed)
    observed = rng.random(n_frames) >= lost
    rank = np.cumsum(observed)
    time = np.arange(n_frames) * interval
    rows, track = [], 0
    for site in range(n):
        place = 10.0 + 40.0 * np.array(divmod(site, 10))
        states, switches = [bool(rng.random() < k_on / (k_on + k_off))], []
        while not switches or switches[-1] < time[-1]:
            before = switches[-1] if switches else 0.0
            switches.append(before + rng.exponential(1 / (k_off if states[-1] else k_on)))
            states.append(not states[-1])
        occupied = np.array(states)[np.searchsorted(switches, time, side="right")]
        previous = -(10**6)
        for frame in np.flatnonzero(occupied & observed & (rng.random(n_frames) >= missed)):
            track += rank[frame] - previous - 1 > 2
            previous = rank[frame]
            rows.append((track, frame, *(place + rng.normal(0, error, 2))))
    return movie_of(rows, n_frames, observed=observed, interval=interval)


def enumerated(wait, outcomes, k_on, k_off, missed):
    """Likelihood by summing over all paths of the hidden state, with the matrix exponential."""
    generator = np.array([[-k_on, k_on], [k_off, -k_off]])
    steps = [expm(generator * t) for t in wait]
    total = 0.0
    for path in product((0, 1), repeat=len(wait) - 1):
        states, value = (1, *path), 1.0
        for j in range(1, len(wait)):
            value *= steps[j][states[j - 1], states[j]]
            shows = {1: (0.0, 1 - missed), 0: (1.0, missed), -1: (1.0, 1.0)}[outcomes[j]]
            value *= shows[states[j]]
        total += value
    return total


@pytest.mark.parametrize("missed", [0.0, 0.2])
def test_the_likelihood_is_the_sum_over_all_paths(missed):
    wait = np.array([0.0, 0.5, 0.5, 2.0, 0.3, 0.7])
    for outcomes in ([1, 0, 1, 1, 0, 0], [1, 1, 0, 0, 0, 1], [1, 0, 0, 1, -1, -1]):
        ours = pass_log_likelihood(wait[None], np.array([outcomes], np.int8), 0.4, 0.9, missed)
        assert np.exp(ours[0]) == pytest.approx(enumerated(wait, outcomes, 0.4, 0.9, missed), rel=1e-12)


@pytest.mark.parametrize("missed", [0.0, 0.2])
@pytest.mark.parametrize("max_gap", [0, 1, 2])
def test_the_probability_of_a_second_visit_is_the_sum_over_all_outcomes(missed, max_gap):
    wait = np.array([0.0, 0.5, 0.5, 2.0, 0.3, 0.7])
    total = sum(
        enumerated(wait, (1, *rest), 0.4, 0.9, missed)
        for rest in product((0, 1), repeat=5)
        if count_visits((1, *rest), max_gap) > 1
    )
    longer = np.append(wait, [0.0, 0.0])[None]
    outcome = np.array([[1, 0, 0, 0, 0, 0, -1, -1]], np.int8)
    ours = return_probability(longer, outcome, 0.4, 0.9, missed, max_gap)
    assert ours[0] == pytest.approx(total, rel=1e-12)


def test_without_missed_detections_the_maximum_is_that_of_counted_transitions():
    rng = np.random.default_rng(0)
    outcome = np.ones((3, 400), np.int8)
    for j in range(1, 400):
        stays = rng.random(3) < np.where(outcome[:, j - 1] == 1, 0.8, 0.9)
        outcome[:, j] = np.where(stays, outcome[:, j - 1], 1 - outcome[:, j - 1])
    before, after = outcome[:, :-1].ravel(), outcome[:, 1:].ravel()
    binds, leaves = after[before == 0].mean(), 1 - after[before == 1].mean()
    both = -np.log(1 - binds - leaves) / 0.5
    k_on, k_off = both * binds / (binds + leaves), both * leaves / (binds + leaves)
    wait = np.full(outcome.shape, 0.5)
    best = pass_log_likelihood(wait, outcome, k_on, k_off, 0.0).sum()
    for a, b in ((1.02, 1), (0.98, 1), (1, 1.02), (1, 0.98)):
        assert pass_log_likelihood(wait, outcome, a * k_on, b * k_off, 0.0).sum() < best


def test_rates_of_simulated_sites_with_missed_detections_and_lost_frames():
    truth = np.array([0.08, 0.25])
    values, covered = [], 0
    for seed in range(3):
        movie = visited(seed, n=60, n_frames=120)
        fit = fit_site_rates(find_sites(movie, observe(movie, OPTIONS)))
        assert fit.status == "ok"
        values.append(np.log(np.array([fit.k_on, fit.k_off]) / truth))
        for true, (low, high) in zip(truth, (fit.k_on_interval, fit.k_off_interval), strict=True):
            covered += low < true < high
        assert fit.miss_rate == pytest.approx(0.1, abs=0.06)
    assert np.exp(np.mean(values, axis=0)) == pytest.approx([1.0, 1.0], abs=0.05)
    assert covered >= 5


def test_tables_of_sites():
    movie = visited(1, n=9)
    result = measure_dwell_times(movie, OPTIONS)
    sites, rates = result.sites, result.site_rates.iloc[0]
    assert len(sites) == rates.n_sites == 9
    grid = [10.0 + 40.0 * np.array(divmod(site, 10)) for site in range(9)]
    np.testing.assert_allclose(np.sort(sites["y_nm"]), np.sort([y for y, _ in grid]), atol=1.5)
    assert sites["spread_nm"].tolist() == pytest.approx([1.0] * 9, abs=0.4)
    assert (sites["n_passes"] == movie.frames.observed.sum()).all()
    assert sites["n_visits"].sum() == rates.n_visits
    share = sites["n_detections"] / sites["n_passes"] / (1 - rates.miss_rate)
    np.testing.assert_allclose(sites["occupancy"], share)
    assert rates.occupancy == pytest.approx(rates.k_on_1_s / (rates.k_on_1_s + rates.k_off_1_s))
    assert (rates.ci_method, rates.ci_unit, rates.n_movies) == ("wald_log", "event", 1)
    numbers = result.dwells.groupby("site_id")["n_detections"].sum()
    assert numbers[numbers.index >= 0].tolist() == sites["n_detections"].tolist()
    names = [headline.name for headline in result.headlines]
    assert names[-2:] == ["k_on of a site", "k_off at sites"]
    assert localisation_error_nm(movie, movie.pieces()) == pytest.approx(1.0, abs=0.1)


def test_lost_frames_and_passes_after_a_merge_say_nothing():
    rows = [(0, 0, 9, 9), (0, 1, 9, 9), (1, 8, 9, 9), (1, 9, 9, 9), (2, 1, 9, 30), (2, 2, 9, 30)]
    observed = np.arange(12) != 6
    movie = movie_of(rows, 12, observed=observed)
    sites = find_sites(movie, observe(movie, OPTIONS), 1.0)
    assert sites.outcome.tolist() == [[1, 1, 0, 0, 0, 0, 0, 1, 1, 0, 0]]
    assert sites.wait_s[0].tolist() == [0.0, *[0.5] * 5, 1.0, *[0.5] * 4]
    events = pd.DataFrame({"kind": ["merge"], "track_id": [0], "source": [1], "target": [5]})
    merged = movie_of(rows, 12, observed=observed, events=events)
    after = find_sites(merged, observe(merged, OPTIONS), 1.0)
    assert not len(after.status)  # one visit: what lies between says nothing


def test_two_molecules_at_once_are_not_one_site():
    rows = [(0, f, 50, 50) for f in range(4)] + [(1, f, 50.5, 50) for f in range(2, 5)]
    rows += [(2, f, 50, 50) for f in range(20, 25)]
    result = measure_dwell_times(movie_of(rows, 40), DwellOptions(site_radius_nm=2.0, neighbour_band_nm=0.0))
    assert result.sites["status"].tolist() == ["unresolved"]
    assert np.isnan(result.sites["occupancy"][0])
    row = result.site_rates.iloc[0]
    assert (row.status, row.n_sites) == ("unresolved", 0)
    assert np.isnan([row.k_on_1_s, row.k_off_low_1_s]).all()


def test_molecules_that_arrive_anywhere_have_no_sites():
    rng = np.random.default_rng(4)
    rows = []
    for track in range(400):
        first, place = rng.integers(0, 150), rng.uniform(0, 100, 2)
        rows += [(track, f, *(place + rng.normal(0, 1, 2))) for f in range(first, first + 4)]
    movie = movie_of(rows, 160)
    movie = tracked_movie(movie.table, movie.frames, Window(0, 100, 0, 100))
    result = measure_dwell_times(movie, DwellOptions(sites="on", miss_rate=0.0, neighbour_band_nm=0.0))
    assert result.site_rates["status"].tolist() == ["unresolved"]
    assert any("rates of sites are not given" in doubt for doubt in result.doubts)
    assert "not given (unresolved)" in result.headlines[-1].text()


def test_crowded_fields_join_to_few_wide_places():
    rng = np.random.default_rng(5)
    rows = [(t, t % 60, *rng.uniform(0, 100, 2)) for t in range(900)] + [
        (900, 0, 300, 300),
        (901, 30, 300, 301),
    ]
    movie = movie_of(rows, 60)
    sites = find_sites(movie, observe(movie, OPTIONS), 8.0)
    assert sites.n_by_chance > 100 * len(sites.status)
    assert fit_site_rates(sites).status == "unresolved"


def test_sites_are_of_molecules_at_rest_unless_wanted():
    rng = np.random.default_rng(2)
    rows = []
    for track in range(80):
        place = 50.0 + 40.0 * np.array(divmod(track % 40, 8)) + np.cumsum(rng.normal(0, 3, (10, 2)), axis=0)
        rows += [(track, f + 20 * (track // 40), *place[f]) for f in range(10)]
    movie = movie_of(rows, 40)
    assert not len(measure_dwell_times(movie, OPTIONS).sites)
    forced = measure_dwell_times(movie, DwellOptions(max_missing=2, sites="on", site_radius_nm=15.0))
    assert len(forced.sites)
    assert any("molecules move" in doubt for doubt in forced.doubts)
    still = visited(1, n=4)
    assert not len(measure_dwell_times(still, DwellOptions(max_missing=2, sites="off")).sites)


def test_visits_that_do_not_determine_rates_give_none():
    rows = [(0, 0, 50, 50), (1, 39, 50, 50)]
    result = measure_dwell_times(
        movie_of(rows, 40), DwellOptions(miss_rate=0.0, sites="on", site_radius_nm=2.0, max_missing=2)
    )
    assert result.site_rates["status"].tolist() == ["at_bound"]
    assert np.isnan(result.site_rates[["k_on_1_s", "k_off_1_s"]].to_numpy()).all()


def test_empty_tables_have_all_columns():
    full, empty = (measure_dwell_times(movie, OPTIONS) for movie in (visited(1, n=4), movie_of([], 20)))
    for name in ("dwells", "sites", "site_rates"):
        assert len(getattr(empty, name)) == 0 < len(getattr(full, name))
        assert getattr(empty, name).dtypes.equals(getattr(full, name).dtypes), name
    assert not len(measure_dwell_times(movie_of([(0, 0, 9, 9)], 1), OPTIONS).sites)


def test_order_unit_of_time_and_drift_do_not_count():
    movie = visited(1, n=6, n_frames=100)
    a = measure_dwell_times(movie, OPTIONS).site_rates.iloc[0]
    table = movie.table.sample(frac=1, random_state=1)
    walk = np.cumsum(np.random.default_rng(3).normal(0, 1, (100, 2)), axis=0)[table["frame"]]
    table = table.assign(
        y_corrected_nm=table["y_nm"], x_corrected_nm=table["x_nm"], track_id=-table["track_id"] + 999
    )
    table = table.assign(y_nm=table["y_nm"] + walk[:, 0], x_nm=table["x_nm"] + walk[:, 1])
    slower = Frames(movie.frames.start_s * 4, movie.frames.observed)
    table["time_s"] *= 4
    b = measure_dwell_times(tracked_movie(table, slower, FIELD), OPTIONS).site_rates.iloc[0]
    assert b.k_on_1_s * 4 == pytest.approx(a.k_on_1_s, rel=1e-3)
    assert b.k_off_low_1_s * 4 == pytest.approx(a.k_off_low_1_s, rel=1e-3)
    plain = dwell_times(movie.table.drop(columns="time_s"), max_missing=2)["site_rates"]
    assert "k_on_1_frame" in plain and "k_on_1_s" not in plain
