import re

import numpy as np
import pandas as pd
import pytest

from playNano.algorithms.measurement.dwell.dwell_times import measure_dwell_times
from playNano.algorithms.measurement.dwell.options import DwellOptions
from playNano.algorithms.measurement.dwell.passes import END_REASONS, observe
from playNano.algorithms.measurement.plain_tables import tracks_from_table
from playNano.algorithms.measurement.tracked_movie import Frames, tracked_movie
from playNano.algorithms.measurement.window import Window
from playNano.errors import ParameterError
from playNano.measurement import dwell_times

FIELD = Window(0.0, 200.0, 0.0, 200.0)
REST = DwellOptions(miss_rate=0.0, model="exponential")


def movie_of(tracks, n_frames=20, *, observed=None, interval=0.5, **others):
    """Tracks as (first frame, last frame, y, x), or lists of (frame, y, x)."""
    rows = []
    for number, track in enumerate(tracks):
        if isinstance(track, tuple):
            first, last, y, x = track
            track = [(frame, y, x) for frame in range(first, last + 1)]
        rows += [(number, frame, frame * interval, y, x) for frame, y, x in track]
    table = pd.DataFrame(rows, columns=["track_id", "frame", "time_s", "y_nm", "x_nm"])
    table = table.astype({"track_id": int, "frame": int, "time_s": float, "y_nm": float, "x_nm": float})
    frames = Frames.regular(n_frames, interval)
    if observed is not None:
        frames = Frames(frames.start_s, np.asarray(observed))
    return tracked_movie(table, frames, FIELD, **others)


def molecules(n, rate, *, n_frames=100, interval=0.5, missed=0.0, seed=0):
    """Molecules at rest, at random places, with the detections of each in a row."""
    rng = np.random.default_rng(seed)
    tracks = []
    for _ in range(n):
        arrives = rng.uniform(-3 / rate, n_frames * interval)
        leaves = arrives + rng.exponential(1 / rate)
        y, x = rng.uniform(0, 200, 2)
        times = np.arange(n_frames) * interval
        seen = np.flatnonzero((times >= arrives) & (times < leaves) & (rng.random(n_frames) >= missed))
        if seen.size:
            tracks.append([(int(frame), y, x) for frame in seen])
    return movie_of(tracks, n_frames, interval=interval)


def test_a_track_that_ends_counts_until_the_next_observed_pass():
    observed = np.ones(20, bool)
    observed[[7, 8]] = False
    result = measure_dwell_times(movie_of([(3, 6, 100.0, 100.0)], observed=observed), REST)
    dwell = result.dwells.iloc[0]
    assert dwell[["start_time_s", "last_time_s", "next_time_s"]].tolist() == [1.5, 3.0, 4.5]
    assert (dwell.end_reason, dwell.censored_start, dwell.censored_end) == ("left", False, False)
    k = result.rates["k_off_1_s"][0]
    assert k == pytest.approx(np.log(1 + 1.5 / 1.5) / 1.5, rel=1e-6)  # exp(-1.5 k) (1 - exp(-1.5 k))


def test_every_reason_to_end():
    wide = [(frame, 100.0 + 3 * (-1) ** frame, 150.0) for frame in range(3)]
    tracks = [
        (0, 5, 100.0, 20.0),  # left
        (0, 17, 50.0, 50.0),  # until the frames are lost
        (0, 4, 20.0, 180.0),  # merges
        [*wide, (3, 100.0, 150.0)],
        (2, 6, 180.0, 20.0),  # a doubtful link in it
        (0, 3, 102.0, 152.0),
    ]
    observed = np.arange(20) < 18
    table = movie_of(tracks).table
    doubtful = int(np.flatnonzero((table["track_id"] == 4) & (table["frame"] == 5))[0])
    merged = int(np.flatnonzero((table["track_id"] == 1) & (table["frame"] == 5))[0])
    movie = movie_of(
        tracks,
        observed=observed,
        links=pd.DataFrame({"target": [doubtful], "confidence": [0.3]}),
        events=pd.DataFrame({"kind": ["merge"], "track_id": [2], "source": [0], "target": [merged]}),
    )
    options = DwellOptions(miss_rate=0.0, min_confidence=0.5, neighbour_band_nm=10.0, edge_band=0.0)
    dwells = measure_dwell_times(movie, options).dwells
    assert dwells["end_reason"].tolist() == [
        "left", "frame_lost", "merge", "neighbour", "low_confidence", "left", "neighbour",
    ]  # fmt: skip
    assert dwells["track_id"].tolist() == [0, 1, 2, 3, 4, 4, 5]
    assert dwells["censored_end"].tolist() == [False, True, True, True, True, False, True]
    assert dwells["censored_start"].tolist() == [True, True, True, True, False, True, True]
    assert set(dwells["end_reason"]) < set(END_REASONS)
    last = measure_dwell_times(movie_of([(0, 19, 9.0, 9.0)]), REST)
    assert last.dwells["end_reason"].tolist() == ["movie_end"]


def walkers(seed=3, n=150, n_frames=60, rate=0.1, step=8.0):
    """Molecules that walk in and out of the window and leave at a rate, all seen within it."""
    rng = np.random.default_rng(seed)
    tracks = []
    for _ in range(n):
        leaves = rng.exponential(1 / rate)
        place = rng.uniform(-100, 300, 2)
        run = []
        for frame in range(n_frames):
            inside = ((place >= 0) & (place <= 200)).all() and frame * 0.5 < leaves
            if inside:
                run.append((frame, *place))
            elif run:
                tracks.append(run)
                run = []
            place = place + rng.normal(0, step, 2)
        if run:
            tracks.append(run)
    return movie_of(tracks, n_frames)


def test_molecules_that_walk_out_do_not_leave():
    movie = walkers()
    plain = DwellOptions(miss_rate=0.0, edge_band=0.0, neighbour_band_nm=0.0, model="exponential")
    naive = measure_dwell_times(movie, plain)
    passes = observe(movie, DwellOptions(miss_rate=0.0, neighbour_band_nm=0.0))
    assert passes.bands.diffusion_nm2_s == pytest.approx((64.0, 64.0), rel=0.25)
    banded = measure_dwell_times(movie, DwellOptions(miss_rate=0.0, neighbour_band_nm=0.0))
    assert naive.rates["k_off_1_s"][0] > 0.15
    row = banded.rates.iloc[0]
    assert row.k_off_low_1_s < 0.1 < row.k_off_high_1_s
    wide = 3 * np.sqrt(2 * np.array(passes.bands.diffusion_nm2_s) * 0.5)
    y, x = (movie.table[name].to_numpy() for name in ("y_nm", "x_nm"))
    near = (np.minimum(y, 200 - y) < wide[0]) | (np.minimum(x, 200 - x) < wide[1])
    np.testing.assert_array_equal(passes.bands.near_edge, near)
    assert not passes.at_risk[near].any()


def test_ends_and_time_within_the_neighbour_band_do_not_count():
    tracks = [(0, 9, 100.0, 100.0), (0, 5, 100.0, 108.0), (0, 7, 20.0, 20.0)]
    near = DwellOptions(miss_rate=0.0, neighbour_band_nm=10.0)
    result = measure_dwell_times(movie_of(tracks), near)
    assert result.rates["exposure_s"][0] == 0.5 * (3 + 7)  # after frame 5 the first is alone
    assert result.rates["n_events"][0] == 2
    assert result.dwells["exposure_s"].tolist() == [1.5, 0.0, 3.5]


def test_missed_detections_are_no_ends():
    movie = molecules(300, 0.2, missed=0.1, seed=2)
    row = measure_dwell_times(movie, DwellOptions(max_missing=2)).rates.iloc[0]
    assert row.miss_rate == pytest.approx(0.1, abs=0.02)
    assert row.k_off_low_1_s < 0.2 < row.k_off_high_1_s
    assert row.k_off_1_s == pytest.approx(0.2, rel=0.12)


def test_tracks_cut_at_each_missed_detection_are_refused():
    whole = molecules(100, 0.2, missed=0.1, seed=2)
    new = (whole.table["track_id"].diff() != 0) | (whole.table["frame"].diff() != 1)
    cut = tracked_movie(whole.table.assign(track_id=new.cumsum() - 1), whole.frames, FIELD)
    result = measure_dwell_times(cut, DwellOptions())
    row = result.rates.iloc[0]
    assert np.isnan([row.k_off_1_s, row.dwell_s, row.k_on_1_nm2_s]).all()
    assert row.status == "at_bound"
    assert "max_missing" in result.doubts[0]
    assert np.isfinite(measure_dwell_times(cut, DwellOptions(miss_rate=0.0)).rates["k_off_1_s"][0])


def test_tracks_without_gaps_are_measured_where_none_begins_again():
    row = measure_dwell_times(molecules(200, 0.2, seed=4), DwellOptions()).rates.iloc[0]
    assert row.status == "ok"
    assert row.k_off_low_1_s < 0.2 < row.k_off_high_1_s


def test_arrivals_count_once_per_area_and_time():
    movie = molecules(400, 1.0, seed=5)
    row = measure_dwell_times(movie, REST).rates.iloc[0]
    # 400 arrivals in 53 s over the window
    assert row.k_on_1_nm2_s == pytest.approx(400 / 53 / 200**2, rel=0.1)
    assert row.k_on_low_1_nm2_s < 400 / 53 / 200**2 < row.k_on_high_1_nm2_s
    naive = row.n_starts / (row.area_nm2 * 49.5)
    assert naive < 0.85 * row.k_on_1_nm2_s


def test_counts_have_no_number_in_lost_frames():
    observed = np.ones(20, bool)
    observed[4] = False
    movie = movie_of([[(3, 1.0, 1.0), (5, 1.0, 1.0)], (0, 2, 50.0, 50.0)], observed=observed)
    counts = measure_dwell_times(movie, REST).counts
    assert counts["n_tracks_present"].tolist()[:7] == pytest.approx([1, 1, 1, 1, np.nan, 1, 0], nan_ok=True)
    assert counts["n_detections"].tolist()[3:6] == pytest.approx([1, np.nan, 1], nan_ok=True)
    assert len(counts) == 20


def test_no_tracks_give_empty_tables_with_all_columns():
    full, empty = (measure_dwell_times(movie_of(tracks), REST) for tracks in ([(0, 3, 9.0, 9.0)], []))
    for name in ("dwells", "rates", "survival"):
        assert len(getattr(empty, name)) == 0
        assert getattr(empty, name).dtypes.equals(getattr(full, name).dtypes), name
    assert empty.counts["n_detections"].tolist() == [0.0] * 20
    assert empty.headlines[0].text() == "k_off: not given (no events), 0 ends"


def test_one_frame():
    result = measure_dwell_times(movie_of([(0, 0, 9.0, 9.0)], n_frames=1), REST)
    row = result.rates.iloc[0]
    assert np.isnan([row.k_off_1_s, row.k_on_1_nm2_s]).all()
    assert (row.status, row.k_on_status, result.doubts) == ("one_frame", "one_frame", [])
    assert result.dwells["end_reason"].tolist() == ["movie_end"]


def test_molecules_that_are_all_seen_once_have_a_lower_bound():
    result = measure_dwell_times(movie_of([(f, f, 10.0 * f, 9.0) for f in range(1, 15)]), REST)
    row = result.rates.iloc[0]
    assert np.isnan(row.k_off_1_s)
    assert row.k_off_high_1_s == np.inf
    assert (row.status, row.n_events) == ("at_bound", 14)
    assert row.dwell_low_s == 0.0
    assert "one pass" in result.doubts[0]


def test_no_ends_give_a_one_sided_rate():
    result = measure_dwell_times(movie_of([(0, 19, 9.0, 9.0), (2, 19, 99.0, 9.0)]), REST)
    row = result.rates.iloc[0]
    assert (row.k_off_1_s, row.status) == (0.0, "all_censored")
    assert row.k_off_high_1_s == pytest.approx(-np.log(0.05) / row.exposure_s)
    assert row.dwell_s == np.inf


def test_a_window_that_is_all_band_says_what_would_do():
    result = measure_dwell_times(
        walkers(step=60.0, n=400), DwellOptions(miss_rate=0.0, neighbour_band_nm=0.0)
    )
    row = result.rates.iloc[0]
    assert np.isnan([row.k_off_1_s, row.k_on_1_nm2_s]).all()
    assert (row.status, row.k_on_status, row.area_nm2) == ("at_bound", "at_bound", 0.0)
    assert "needs a window wider than" in result.doubts[0]


def test_order_of_rows_and_numbers_of_tracks_do_not_count():
    movie = walkers()
    shuffled = movie.table.sample(frac=1, random_state=1)
    relabelled = shuffled.assign(track_id=997 - shuffled["track_id"])
    again = tracked_movie(relabelled, movie.frames, movie.window)
    a, b = (measure_dwell_times(m, DwellOptions(miss_rate=0.0)).rates for m in (movie, again))
    numbers = a.select_dtypes("number").columns
    np.testing.assert_allclose(a[numbers], b[numbers], rtol=1e-9)


def test_seconds_scale():
    slow = movie_of([(3, 9, 9.0, 9.0), (4, 5, 99.0, 9.0)], interval=2.0)
    fast = movie_of([(3, 9, 9.0, 9.0), (4, 5, 99.0, 9.0)], interval=0.5)
    a, b = (measure_dwell_times(m, REST).rates.iloc[0] for m in (slow, fast))
    assert 4 * a.k_off_1_s == pytest.approx(b.k_off_1_s, rel=1e-6)
    assert a.k_on_1_nm2_s * 4 == pytest.approx(b.k_on_1_nm2_s, rel=1e-6)


def test_plain_tables_without_times_give_rates_per_frame():
    table = movie_of([(3, 9, 9.0, 9.0), (4, 5, 99.0, 9.0), (6, 19, 3.0, 3.0)]).table.drop(columns="time_s")
    result = dwell_times(table, miss_rate=0.0)
    assert "k_off_1_frame" in result["rates"]
    assert not [name for name in result["rates"] if name.endswith("_s")]
    with pytest.raises(ParameterError, match="edge_bands"):
        dwell_times(table, edge_bands=1.0)


@pytest.mark.parametrize("direction", ["down", "up", "alternating"])
@pytest.mark.parametrize("pixel_y", [1.0, 4.0])
def test_any_direction_and_pixel_gives_the_same_rate(direction, pixel_y):
    n_frames, rows, rate = 200, int(200 / pixel_y), 0.4
    upwards = np.full(n_frames, direction == "up")
    if direction == "alternating":
        upwards[1::2] = True
    frames = Frames(np.arange(n_frames) * 1.0, np.ones(n_frames, bool), 1.0 / rows, rows, pixel_y, upwards)
    rng = np.random.default_rng(7)
    tables = []
    for track in range(400):
        arrives = rng.uniform(-5, n_frames)
        leaves = arrives + rng.exponential(1 / rate)
        y = rng.uniform(0, 199)
        time = frames.pass_s(np.arange(n_frames), y)
        seen = np.flatnonzero((time >= arrives) & (time < leaves))
        part = pd.DataFrame({"track_id": track, "frame": seen, "time_s": time[seen], "y_nm": y})
        tables.append(part.assign(x_nm=rng.uniform(0, 200)))
    movie = tracked_movie(pd.concat(tables), frames, FIELD)
    row = measure_dwell_times(movie, REST).rates.iloc[0]
    assert row.k_off_low_1_s < rate < row.k_off_high_1_s
    assert row.k_off_1_s == pytest.approx(rate, rel=0.15)


@pytest.mark.parametrize(("interval", "unit"), [(0.5, "1/s"), (None, "1/frame")])
def test_rates_in_words_have_a_unit(interval, unit):
    """Molecules that stay for long among many that are seen once, as false detections are."""
    rng = np.random.default_rng(2)
    stays = np.concatenate([np.ones(300, int), 1 + rng.geometric(0.08, 80)])
    first = rng.integers(1, 60, len(stays))
    rows = [
        (track, frame, 100.0 * track, 0.0)
        for track, (start, stay) in enumerate(zip(first, stays, strict=True))
        for frame in range(start, start + stay)
    ]
    table = pd.DataFrame(rows, columns=["track_id", "frame", "y_nm", "x_nm"])
    movie = tracks_from_table(table, frame_interval_s=interval)
    result = measure_dwell_times(movie, DwellOptions(miss_rate=0.0))
    said = " ".join([*result.doubts, *result.messages])
    assert re.search(rf"(the others leave at|two rates: \S+ and) \S+ {unit}", said), said
