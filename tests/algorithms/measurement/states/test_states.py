import numpy as np
import pandas as pd
import pytest

from playNano.algorithms.measurement.states.chains import chains_of
from playNano.algorithms.measurement.states.measure import measure_states
from playNano.algorithms.measurement.states.options import StatesOptions
from playNano.algorithms.measurement.states.rates import transition_matrices
from playNano.algorithms.measurement.tracked_movie import Frames, tracked_movie
from playNano.algorithms.measurement.window import Window
from playNano.errors import ParameterError
from playNano.measurement import states

RATES = np.array([[0.0, 0.5], [1.0, 0.0]])
INTERVAL = 0.2


def tracks(seed=0, *, levels=(4.0, 5.2), sd=0.3, n_tracks=20, length=80, missed=0.0, offset=0.0):
    """A table of heights of molecules that change between two levels."""
    rng = np.random.default_rng(seed)
    step = transition_matrices(RATES, np.array([INTERVAL]))[0]
    rows = []
    for track in range(n_tracks):
        state = int(rng.random() < 1 / 3)
        moved = rng.normal(0, offset) if offset else 0.0
        for frame in range(length):
            if rng.random() >= missed or frame in (0, length - 1):
                rows.append((track, frame, levels[state] + moved + rng.normal(0, sd), state))
            state = int(rng.random() < step[state, 1])
    table = pd.DataFrame(rows, columns=["track_id", "frame", "height_nm", "true"])
    return table.assign(time_s=table["frame"] * INTERVAL, y_nm=0.0, x_nm=0.0)


def movie_of(table, n_frames=None, **others):
    n = int(table["frame"].max()) + 1 if n_frames is None else n_frames
    frames = Frames.regular(n, INTERVAL)
    return tracked_movie(table, frames, Window(-np.inf, np.inf, -np.inf, np.inf), **others)


def test_two_states_with_missed_detections():
    table = tracks(missed=0.15)
    result = measure_states(movie_of(table), StatesOptions())
    levels = result.state_table
    assert levels["height_nm"].tolist() == pytest.approx([4.0, 5.2], abs=0.05)
    assert levels["sd_nm"].tolist() == pytest.approx([0.3, 0.3], rel=0.1)
    assert levels["occupancy"].tolist() == pytest.approx([2 / 3, 1 / 3], abs=0.08)
    assert levels["occupancy"].sum() == pytest.approx(1)
    for row in levels.to_dict("records"):
        assert row["height_low_nm"] < row["height_nm"] < row["height_high_nm"]
        assert row["occupancy_low"] < row["occupancy"] < row["occupancy_high"]
    rates = result.transitions
    assert rates[["from_state", "to_state"]].values.tolist() == [[0, 1], [1, 0]]
    for row, truth in zip(rates.to_dict("records"), (0.5, 1.0), strict=True):
        assert row["rate_low_1_s"] < truth < row["rate_high_1_s"]
    np.testing.assert_allclose(levels["dwell_s"], 1 / rates["rate_1_s"])
    np.testing.assert_allclose(levels["dwell_low_s"], 1 / rates["rate_high_1_s"])
    assert (result.states["state"] == table["true"]).mean() > 0.95
    assert result.states["state_probability"].between(0.5, 1).all()
    assert result.doubts == []
    assert [line.n_of for line in result.headlines] == ["tracks", "tracks", "transitions", "transitions"]


def test_one_state_is_one_state():
    table = tracks(levels=(4.0, 4.0))
    result = measure_states(movie_of(table), StatesOptions())
    assert (len(result.state_table), len(result.transitions)) == (1, 0)
    assert result.state_table["dwell_status"].tolist() == ["all_censored"]
    assert result.state_models["selected"].sum() == 1


def test_molecules_that_differ_are_no_states():
    table = tracks(levels=(4.0, 4.0), offset=0.3, n_tracks=25)
    with_offsets = measure_states(movie_of(table), StatesOptions(max_states=2))
    without = measure_states(movie_of(table), StatesOptions(max_states=2, offsets=False))
    assert (len(with_offsets.state_table), len(without.state_table)) == (1, 2)
    assert with_offsets.numbers["offset_sd_nm"] == pytest.approx(0.3, rel=0.4)
    assert "kind of molecule" in without.doubts[0]
    assert "2 states are the maximum that was tried" in without.doubts[-1]


def test_lost_frames_count_as_time():
    table = tracks(seed=3)
    lost = table[(table["frame"] < 30) | (table["frame"] >= 50)]
    result = measure_states(movie_of(lost), StatesOptions(n_states=2, offsets=False))
    for row, truth in zip(result.transitions.to_dict("records"), (0.5, 1.0), strict=True):
        assert row["rate_low_1_s"] < truth < row["rate_high_1_s"]


def test_missing_values_are_kept_and_tracks_without_any_are_counted():
    table = tracks(n_tracks=6)
    table.loc[table["track_id"] == 2, "height_nm"] = np.nan
    table.loc[(table["track_id"] == 3) & (table["frame"].isin([0, 5, 79])), "height_nm"] = np.nan
    result = measure_states(movie_of(table), StatesOptions(n_states=2))
    assert result.numbers["n_left_out"] == 1
    got = result.states
    assert len(got) == len(table)
    assert (got.loc[got["track_id"] == 2, "state"] == -1).all()
    third = got[got["track_id"] == 3].set_index("frame")["state"]
    assert third[[0, 79]].tolist() == [-1, -1]
    assert third[5] >= 0
    assert any("left out" in text for text in result.messages)


def test_tracks_are_cut_at_merges_and_doubtful_links():
    table = tracks(n_tracks=2, length=10)
    links = pd.DataFrame({"target": [4], "confidence": [0.2]})
    events = pd.DataFrame({"kind": ["merge"], "track_id": [9], "source": [0], "target": [13]})
    movie = movie_of(table, links=links, events=events)
    chains = chains_of(movie, movie.column("height_nm"), 0.5)
    assert np.diff(chains.grid.bounds).tolist() == [4, 6, 3, 7]
    assert chains.track.tolist() == [0, 0, 1, 1]


def test_all_values_equal():
    table = tracks(n_tracks=4, length=10).assign(height_nm=4.0)
    result = measure_states(movie_of(table), StatesOptions())
    row = result.state_table.iloc[0]
    assert (len(result.state_table), row["height_nm"], row["occupancy"]) == (1, 4.0, 1.0)
    assert row["sd_nm"] == pytest.approx(0.0, abs=1e-9)


def test_no_tracks_give_empty_tables_with_all_columns():
    table = tracks(n_tracks=3, length=30)
    full = measure_states(movie_of(table), StatesOptions(n_states=2))
    empty = measure_states(movie_of(table.iloc[:0], n_frames=5), StatesOptions())
    for name, given in full.tables().items():
        got = empty.tables()[name]
        assert len(got) == 0
        columns = [column for column in given.columns if column != "true"]
        assert got.dtypes[columns].equals(given.dtypes[columns]), name
    assert empty.headlines[0].text() == "states: not given (no events), 0 tracks"


def test_tracks_of_one_detection_and_too_few_tracks():
    one = tracks(n_tracks=8, length=1)
    result = measure_states(movie_of(one), StatesOptions())
    assert len(result.state_table) == 1
    few = measure_states(movie_of(tracks(n_tracks=2)), StatesOptions(n_states=2))
    assert few.state_table["status"].tolist() == ["too_few_tracks"] * 2
    assert np.isnan(few.state_table["occupancy_low"]).all()
    assert (few.transitions["rate_1_s"] > 0).all()


def test_order_of_rows_does_not_count():
    table = tracks(n_tracks=8)
    options = StatesOptions(n_states=2, offsets=False)
    a = measure_states(movie_of(table), options)
    b = measure_states(movie_of(table.sample(frac=1, random_state=2)), options)
    for name in ("transitions", "state_table"):
        numbers = a.tables()[name].select_dtypes("number").columns
        np.testing.assert_allclose(a.tables()[name][numbers], b.tables()[name][numbers], rtol=1e-9)


def test_another_column_names_the_results():
    table = tracks(n_tracks=4).rename(columns={"height_nm": "volume_nm3"})
    result = states(table, column="volume_nm3", n_states=2)
    assert {"volume_nm3", "volume_low_nm3", "sd_nm3", "sd_high_nm3"} <= {*result["state_table"].columns}
    with pytest.raises(ParameterError, match="no column 'eccentricity'"):
        states(table, column="eccentricity")


def test_plain_tables_without_times_give_rates_per_frame():
    table = tracks(n_tracks=10).drop(columns="time_s")
    result = states(table, n_states=2, offsets=False)
    assert "rate_1_frame" in result["transitions"]
    assert result["transitions"]["rate_1_frame"].tolist() == pytest.approx([0.1, 0.2], rel=0.6)
    assert not [name for name in result["state_table"] if name.endswith("_s")]


def test_molecules_that_leave_give_no_extra_transitions():
    table = tracks(n_tracks=30, length=8, seed=4)
    result = measure_states(movie_of(table), StatesOptions(n_states=2, offsets=False))
    for row, truth in zip(result.transitions.to_dict("records"), (0.5, 1.0), strict=True):
        assert row["rate_low_1_s"] < truth < row["rate_high_1_s"]


def test_outliers_are_no_state():
    table = tracks(seed=6)
    rng = np.random.default_rng(0)
    wrong = rng.random(len(table)) < 0.03
    table.loc[wrong, "height_nm"] = rng.uniform(2.5, 7.0, wrong.sum())
    result = measure_states(movie_of(table), StatesOptions(offsets=False))
    assert len(result.state_table) == 2
    assert result.numbers["outlier_share"] == pytest.approx(0.03, abs=0.015)
    assert result.state_table["sd_nm"].tolist() == pytest.approx([0.3, 0.3], rel=0.15)
    for row, truth in zip(result.transitions.to_dict("records"), (0.5, 1.0), strict=True):
        assert row["rate_low_1_s"] < truth < row["rate_high_1_s"]
    without = measure_states(movie_of(table), StatesOptions(offsets=False, outliers=False))
    assert len(without.state_table) > 2


def test_the_occupancy_of_a_single_state_is_1_and_no_estimate():
    result = measure_states(movie_of(tracks(levels=(4.0, 4.0))), StatesOptions(n_states=1))
    (row,) = result.state_table.to_dict("records")
    assert row["occupancy"] == 1.0 and np.isnan([row["occupancy_low"], row["occupancy_high"]]).all()
    (line,) = result.headlines
    assert line.text().startswith("level of state 0 = 3.99 nm (3.9")
    assert line.text().endswith("20 tracks") and "no interval" not in line.text()
