import numpy as np
import pandas as pd
import pytest

from playNano.algorithms.measurement.diffusion.columns import (
    MSD_COLUMNS,
    STATE_COLUMNS,
    TRACK_COLUMNS,
)
from playNano.algorithms.measurement.diffusion.measure import measure_diffusion
from playNano.algorithms.measurement.diffusion.options import DiffusionOptions
from playNano.algorithms.measurement.diffusion.steps import steps_of
from playNano.algorithms.measurement.results import STATUSES
from playNano.algorithms.measurement.tracked_movie import Frames, tracked_movie
from playNano.algorithms.measurement.window import Window
from playNano.errors import ParameterError
from playNano.measurement import diffusion

FIELD = Window(0.0, 200.0, 0.0, 200.0)


def confined_to(window, n_tracks=60, n_frames=40, *, d=60.0, interval=0.5, seed=0, **frames):
    """Return the tracks of walkers that start in a window and end where they leave it."""
    rng = np.random.default_rng(seed)
    tables = []
    for track in range(n_tracks):
        start = rng.uniform(0, window.width_nm, 2)
        walk = start + np.cumsum(rng.normal(0, np.sqrt(2 * d * interval), (n_frames, 2)), axis=0)
        outside = np.flatnonzero(window.distance_nm(walk[:, 0], walk[:, 1]) < 0)
        n = outside[0] if outside.size else n_frames
        frame = np.arange(n)
        rows = {"track_id": track, "frame": frame, "time_s": frame * interval}
        tables.append(pd.DataFrame({**rows, "y_nm": walk[:n, 0], "x_nm": walk[:n, 1]}))
    table = pd.concat(tables, ignore_index=True)
    return tracked_movie(table, Frames.regular(n_frames, interval, **frames), window)


def first_row(out):
    return out.track_diffusion.iloc[0]


def test_headline_is_the_movies_d_with_an_interval_over_tracks(make_walks):
    out = diffusion(make_walks(30, 40))
    row = first_row(out)
    assert row["track_id"] == -1
    assert (row["ci_method"], row["ci_unit"], row["status"]) == ("jackknife_t", "track", "ok")
    assert row["diffusion_low_nm2_s"] < 60 < row["diffusion_high_nm2_s"]
    assert row["localization_nm"] == pytest.approx(2.0, abs=0.5)
    assert (row["n_tracks"], row["n_detections"], row["n_steps"], row["n_movies"]) == (30, 1200, 1170, 1)
    assert out.headlines[0].text().startswith("D = 6")
    assert out.headlines[0].text().endswith("30 tracks")
    assert out.doubts == ()


def test_tables_have_their_columns_and_types_also_when_empty(make_walks):
    table = make_walks(5, 30)
    for rows in (table, table.iloc[:0], table[table["frame"] == 0]):
        out = diffusion(rows, frames=Frames.regular(30, 0.5), confinement_draws=2)
        expected = {"msd": MSD_COLUMNS, "track_diffusion": TRACK_COLUMNS, "diffusion_states": STATE_COLUMNS}
        for name, found in out.tables().items():
            assert found.dtypes.astype(str).to_dict() == expected[name]
        assert set(out.track_diffusion["status"]) <= set(STATUSES)


def test_order_of_rows_does_not_count(make_walks):
    table = make_walks(8, 25, missing=0.1, spread=1.0)
    first = diffusion(table)
    other = diffusion(table.sample(frac=1.0, random_state=1))
    for name, rows in first.tables().items():
        pd.testing.assert_frame_equal(rows, other.tables()[name], rtol=1e-12)


def test_no_tracks_and_one_frame(make_walks):
    table = make_walks(4, 10)
    none = diffusion(table.iloc[:0])
    assert none.headlines[0].text() == "D: not given (too few tracks), 0 tracks"
    one = diffusion(table[table["frame"] == 0])
    assert first_row(one)["status"] == "one_frame"
    assert np.isnan(first_row(one)["diffusion_nm2_s"])
    assert first_row(one)["n_detections"] == 4


def test_tracks_of_one_or_two_detections(make_walks):
    table = make_walks(30, 12)
    table = table[(table["track_id"] > 1) | (table["frame"] <= table["track_id"])]
    by_id = diffusion(table).track_diffusion.set_index("track_id")
    assert by_id.loc[[0, 1], "status"].tolist() == ["too_short", "too_short"]
    assert by_id.loc[[0, 1], "diffusion_nm2_s"].isna().all()
    two = diffusion(table, min_length=2, alpha="per_track").track_diffusion.set_index("track_id")
    assert two.loc[1, "diffusion_high_nm2_s"] > two.loc[1, "diffusion_nm2_s"] >= 0
    assert np.isnan(two.loc[1, "directed_p"])
    assert np.isnan(two.loc[1, "alpha"])
    assert two.loc[1, "alpha_status"] == "too_short"
    own = diffusion(table, min_length=2, noise="per_track").track_diffusion.set_index("track_id")
    assert own.loc[1, "status"] == "too_short"


@pytest.mark.parametrize("n_tracks", [1, 2])
def test_fewer_than_three_tracks_give_a_value_without_interval(make_walks, n_tracks):
    row = first_row(diffusion(make_walks(n_tracks, 60)))
    assert row["status"] == "too_few_tracks"
    assert 30 < row["diffusion_nm2_s"] < 120
    assert np.isnan(row["diffusion_low_nm2_s"])


def test_particles_at_rest_are_not_below_zero_and_lose_no_steps(make_walks):
    table = make_walks(10, 30, d=0.0, seed=3) + np.array([0, 0, 0, 100.0, 100.0])
    out = diffusion(table.astype({"track_id": int, "frame": int}), window=FIELD)
    rows = out.track_diffusion
    assert (rows["diffusion_nm2_s"] >= 0).all()
    assert (rows.loc[rows["diffusion_nm2_s"] == 0, "status"] == "at_bound").all()
    assert (rows["diffusion_high_nm2_s"] > 0).all()
    assert rows["n_steps_edge"].sum() == 0
    still = diffusion(table.assign(y_nm=5.0, x_nm=5.0).astype({"track_id": int, "frame": int}))
    assert (first_row(still)["diffusion_nm2_s"], first_row(still)["status"]) == (0.0, "at_bound")


def test_steps_that_start_near_the_border_are_left_out():
    movie = confined_to(Window(0, 300, 0, 300), 600, d=400.0)
    banded = first_row(measure_diffusion(movie, DiffusionOptions(alpha="none", max_components=1)))
    everything = steps_of(movie)
    assert banded["n_steps"] + banded["n_steps_edge"] == len(everything.time_s)
    assert 0.3 < banded["n_steps"] / len(everything.time_s) < 0.8
    assert banded["diffusion_all_steps_nm2_s"] < 0.97 * 400
    assert banded["diffusion_low_nm2_s"] < 400 < banded["diffusion_high_nm2_s"]
    # A particle that comes back begins a new piece.
    steps = steps_of(movie, diffusion_nm2_s=400.0)
    start = steps.begins.sum()
    assert start > (steps.n_steps > 0).sum()


def test_a_field_that_is_too_small_is_said():
    small = Window(0.0, 60.0, 0.0, 60.0)
    out = measure_diffusion(confined_to(small, 60))
    assert first_row(out)["status"] == "at_bound"
    assert "the field is too small" in out.doubts[0]
    assert first_row(out)["diffusion_all_steps_nm2_s"] > 0
    assert (out.msd["status"] == "at_bound").all()
    assert out.msd["msd_nm2"].notna().any()


def test_overlapping_passes_of_an_alternating_scan_are_left_out():
    """A particle of 20 lines near the turning point is passed at the end of one frame and the start of the next."""
    frames = Frames(np.arange(6) * 10.0, np.ones(6, bool), 0.1, 100, 1.0, np.arange(6) % 2 == 1)
    table = pd.DataFrame({"track_id": 0, "frame": range(6), "y_nm": [90.0, 91, 90, 91, 90, 91], "x_nm": 50.0})
    table = table.assign(time_s=frames.pass_s(table["frame"], table["y_nm"]), radius_nm=10.0)
    movie = tracked_movie(table, frames, Window(0, 100, 0, 100))
    steps = steps_of(movie)
    assert steps.n_overlap.tolist() == [3]
    assert len(steps.time_s) == 2
    assert steps.begins.tolist() == [True, True]


def test_blur_of_a_point_scan_changes_the_error_not_d(make_walks):
    table = make_walks(20, 40)
    sharp, blurred = (first_row(diffusion(table, blur_s=blur)) for blur in (0.0, 0.1))
    assert blurred["diffusion_nm2_s"] == sharp["diffusion_nm2_s"]
    expected = np.sqrt(sharp["localization_nm"] ** 2 + 0.1 * sharp["diffusion_nm2_s"])
    assert blurred["localization_nm"] == pytest.approx(expected, rel=1e-6)


def test_a_shared_velocity_is_reported_and_fitted(make_walks):
    table = make_walks(30, 40, velocity=6.0)
    plain, fitted = diffusion(table), diffusion(table, drift="fit")
    assert any("share a velocity" in message for message in plain.messages)
    assert not any("share a velocity" in message for message in fitted.messages)
    row = first_row(fitted)
    assert row["velocity_y_low_nm_s"] < 6 < row["velocity_y_high_nm_s"]
    assert row["velocity_x_low_nm_s"] < 6 < row["velocity_x_high_nm_s"]
    assert row["diffusion_nm2_s"] < first_row(plain)["diffusion_nm2_s"]
    lag = 8
    msd = {key: out.msd.query(f"track_id == -1 and lag == {lag}")["msd_nm2"].iloc[0]
           for key, out in (("plain", plain), ("fitted", fitted))}  # fmt: skip
    assert msd["plain"] - msd["fitted"] == pytest.approx(2 * (6.0 * lag * 0.5) ** 2, rel=0.3)


def test_estimated_drift_is_subtracted_unless_declined(make_walks):
    table = make_walks(20, 40)
    moved = table.assign(
        y_nm=table["y_nm"] + 10 * table["time_s"], y_corrected_nm=table["y_nm"], x_corrected_nm=table["x_nm"]
    )
    expected = first_row(diffusion(table))["diffusion_nm2_s"]
    assert first_row(diffusion(moved))["diffusion_nm2_s"] == pytest.approx(expected, rel=1e-12)
    assert first_row(diffusion(moved, drift="none"))["diffusion_nm2_s"] > 1.1 * expected


def test_without_times_names_have_frames(make_walks):
    out = diffusion(make_walks(5, 30).drop(columns="time_s"), pixel_size_nm=1.0)
    names = {name for table in out.tables().values() for name in table}
    assert not [name for name in names if name.endswith("_s")]
    assert "diffusion_nm2_frame" in names
    assert "diffusion_alpha_nm2_framealpha" in names
    assert "nm2/frame" in out.headlines[0].text()


def test_gaps_and_uneven_times(make_walks):
    even = make_walks(200, 20, seed=5)
    rng = np.random.default_rng(6)
    gaps = even[rng.random(len(even)) > 0.3]
    assert first_row(diffusion(gaps))["diffusion_nm2_s"] == pytest.approx(60, rel=0.06)


@pytest.mark.parametrize("upwards", [False, True])
def test_times_of_an_alternating_scan(upwards):
    """Times from one pass to the next are between 0 and two frames."""
    rng = np.random.default_rng(12)
    frames = Frames(np.arange(20) * 0.5, np.ones(20, bool), 0.5 / 128, 128, 2.0, np.arange(20) % 2 == upwards)
    rows = []
    for track in range(150):
        place, last = rng.uniform(40, 216, 2), None
        for frame in range(20):
            time = float(frames.pass_s(frame, place[0]))
            if last is not None:
                place = place + rng.normal(0, np.sqrt(2 * 60 * max(time - last, 1e-6)), 2)
            last = time if last is None else max(time, last + 1e-6)
            rows.append((track, frame, last, *(place + rng.normal(0, 2, 2))))
    table = pd.DataFrame(rows, columns=["track_id", "frame", "time_s", "y_nm", "x_nm"])
    row = first_row(diffusion(table, frames=frames, alpha="none"))
    assert row["diffusion_nm2_s"] == pytest.approx(60, rel=0.06)
    assert row["localization_nm"] == pytest.approx(2.0, abs=0.5)


def test_own_noise_of_each_axis(make_walks):
    table = make_walks(30, 50)
    table["x_nm"] += np.random.default_rng(5).normal(0, 5.0, len(table))
    shared = diffusion(table)
    assert any("separate_noise" in message for message in shared.messages)
    row = first_row(diffusion(table, axes="separate_noise"))
    assert row["localization_y_nm"] == pytest.approx(2.0, abs=0.6)
    assert row["localization_x_nm"] == pytest.approx(np.sqrt(29), abs=0.6)


def test_directed_tracks_are_significant_and_free_ones_are_not(make_walks):
    free = diffusion(make_walks(300, 12, seed=9)).track_diffusion["directed_p"].dropna()
    assert 0.02 < (free < 0.05).mean() < 0.09
    directed = diffusion(make_walks(50, 20, velocity=20.0)).track_diffusion
    assert (directed["directed_p"].dropna() < 0.05).mean() > 0.9
    assert (directed["velocity_y_low_nm_s"] < 20)[1:].mean() > 0.85
    assert (directed["velocity_y_high_nm_s"] > 20)[1:].mean() > 0.85


def test_wrong_options_are_refused(make_walks):
    with pytest.raises(ParameterError, match="edge_band"):
        diffusion(make_walks(3, 5), edge_band=-1.0)
    with pytest.raises(ParameterError, match="noise"):
        diffusion(make_walks(3, 5), noise="none")
