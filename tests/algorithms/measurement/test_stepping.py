import numpy as np
import pandas as pd
import pytest
from scipy.stats import multivariate_normal

from playNano.algorithms.measurement.plain_tables import tracks_from_table
from playNano.algorithms.measurement.stepping.measure import measure_stepping
from playNano.algorithms.measurement.stepping.options import SteppingOptions
from playNano.algorithms.measurement.stepping.paths import along_polyline
from playNano.algorithms.measurement.stepping.runs import run_length
from playNano.algorithms.measurement.stepping.steps import find_steps, noise_of
from playNano.algorithms.measurement.stepping.velocity import _restricted, fit_velocities, increments_of
from playNano.algorithms.measurement.tracked_movie import Frames
from playNano.algorithms.measurement.window import Window
from playNano.errors import ParameterError
from playNano.measurement import stepping


def exhaustive(position, penalty):
    """The least penalised squares over all partitions, without pruning."""
    n = len(position)
    cost, start = np.zeros(n + 1), np.zeros(n + 1, int)
    cost[0] = -penalty
    for t in range(1, n + 1):
        own = [cost[s] + position[s:t].var() * (t - s) + penalty for s in range(t)]
        start[t], cost[t] = int(np.argmin(own)), min(own)
    found, t = [], n
    while start[t] > 0:
        t = start[t]
        found.append(t)
    return found[::-1]


def test_steps_are_the_exact_minimum():
    rng = np.random.default_rng(0)
    for p in (0.0, 0.05, 0.3):
        position = 8 * np.cumsum(rng.poisson(p, 60)) + rng.normal(0, 2, 60)
        penalty = 2 * np.log(60) * noise_of(position) ** 2
        assert find_steps(position).at.tolist() == exhaustive(position, penalty)


def test_steps_of_known_size():
    rng = np.random.default_rng(1)
    position = np.repeat(8.0 * np.arange(10), 30) + rng.normal(0, 1, 300)
    found = find_steps(position + 1e5)
    assert found.at.tolist() == list(range(30, 300, 30))
    assert abs(found.size - 8).max() < 4 * found.error.max()
    assert found.error == pytest.approx(np.full(9, found.noise * np.sqrt(2 / 30)))


def test_velocity_is_generalised_least_squares():
    rng = np.random.default_rng(2)
    n, diffusion, noise = 9, 3.0, 1.5
    time = np.cumsum(rng.uniform(0.2, 1.5, n))
    place = rng.normal(size=n).cumsum() + 4 * time
    steps = increments_of(place, time, np.zeros(n, int))
    scale = steps.duration.mean()
    variance = diffusion * scale + noise**2
    share = noise**2 / variance
    covariance = 2 * diffusion * np.diag(steps.duration) + noise**2 * (
        2 * np.eye(n - 1) - np.eye(n - 1, k=1) - np.eye(n - 1, k=-1)
    )
    inverse = np.linalg.inv(covariance)
    expected = (steps.duration @ inverse @ steps.displacement) / (steps.duration @ inverse @ steps.duration)
    log_likelihood, velocity, information, fitted, degrees = _restricted(steps, share, scale, True)
    assert velocity[0] == pytest.approx(expected, rel=1e-10)
    assert variance / information[0] == pytest.approx(
        1 / (steps.duration @ inverse @ steps.duration), rel=1e-10
    )
    # The restricted likelihood differs from the normal density by the integral over the velocity.
    scaled = covariance / variance * fitted
    dense = multivariate_normal(expected * steps.duration, scaled).logpdf(steps.displacement)
    dense += degrees / 2 * (1 + np.log(2 * np.pi)) + 0.5 * np.log(2 * np.pi) + 0.5 * np.log(fitted)
    dense -= 0.5 * np.log(steps.duration @ np.linalg.inv(scaled) @ steps.duration) + 0.5 * np.log(fitted)
    assert log_likelihood == pytest.approx(dense, rel=1e-9)


def walkers(rng, n_tracks=30, n=40, v=50.0, noise=2.0, diffusion=20.0, interval=0.2):
    rows = []
    for track in range(n_tracks):
        time = interval * np.arange(n)
        place = v * time + np.concatenate(
            [[0], np.cumsum(rng.normal(0, np.sqrt(2 * diffusion * interval), n - 1))]
        )
        x = place + rng.normal(0, noise, n)
        rows.append(
            pd.DataFrame(
                {"track_id": track, "frame": np.arange(n), "y_nm": rng.normal(0, noise, n), "x_nm": x}
            )
        )
    return pd.concat(rows, ignore_index=True)


def test_velocity_diffusion_and_noise_are_recovered():
    table = walkers(np.random.default_rng(3))
    row = stepping(table, frame_interval_s=0.2)["speeds"].set_index("track_id").loc[-1]
    assert row["velocity_nm_s"] == pytest.approx(50, rel=0.03)
    assert row["velocity_low_nm_s"] < 50 < row["velocity_high_nm_s"]
    assert row["diffusion_nm2_s"] == pytest.approx(20, rel=0.15)
    assert row["localization_nm"] == pytest.approx(2, rel=0.15)
    assert row["path_rms_nm"] == pytest.approx(2, rel=0.1)


def test_rows_backwards_and_pixels_that_are_not_square():
    table = walkers(np.random.default_rng(4), 5)
    one = stepping(table, frame_interval_s=0.2)["speeds"]
    shuffled = stepping(table.sample(frac=1, random_state=0), frame_interval_s=0.2)["speeds"]
    pd.testing.assert_frame_equal(one, shuffled, rtol=1e-12)
    pixels = table.assign(y=table["y_nm"] / 4, x=table["x_nm"] / 2).drop(columns=["y_nm", "x_nm"])
    other = stepping(pixels, frame_interval_s=0.2, pixel_size_nm=(4.0, 2.0))["speeds"]
    pd.testing.assert_frame_equal(one, other, rtol=1e-9)
    turned = stepping(table.assign(y_nm=table["x_nm"], x_nm=table["y_nm"]), frame_interval_s=0.2)["speeds"]
    assert turned["velocity_nm_s"].tolist() == pytest.approx(one["velocity_nm_s"].tolist(), rel=1e-9)


def test_path_with_a_corner_and_against_its_direction():
    along, away = along_polyline(
        np.array([[1.0, 5.0], [8.0, 11.0], [0.0, -3.0]]), np.array([[0.0, 0], [0, 10], [20, 10]])
    )
    assert along.tolist() == [5.0, 18.0, -3.0]
    assert away.tolist() == [1.0, 1.0, 0.0]
    table = walkers(np.random.default_rng(5), 4)
    back = stepping(table, frame_interval_s=0.2, path=[(0.0, 1000.0), (0.0, 0.0)])["speeds"]
    assert (back["velocity_nm_s"] < 0).all()


def test_run_length_in_closed_form():
    travelled, short = np.array([50.0, 120.0, 400.0, 10.0]), np.full(4, 1e-7)
    found = run_length(travelled, short, np.array([True, True, False, True]))
    assert found.value == pytest.approx(580 / 3, rel=1e-6)
    # All gaps equal: k = -ln(1 - events / (events + survived gaps)) / gap.
    whole = run_length(np.array([20.0, 0.0, 40.0]), np.full(3, 10.0), np.ones(3, bool))
    assert whole.value == pytest.approx(-10 / np.log(1 - 3 / 9), rel=1e-9)
    none = run_length(travelled, short, np.zeros(4, bool))
    assert (none.status, none.n_ends, none.interval) == (
        "all_censored",
        0,
        (pytest.approx(580 / 2.9957, rel=1e-4), np.inf),
    )


def test_ends_at_the_border_and_at_the_end_of_the_movie_are_no_ends():
    x = np.arange(10) * 10.0
    rows = [(0, f, 50.0, x[f]) for f in range(10)]  # up to the border at 100
    rows += [(1, f, 20.0, 5 + f * 5.0) for f in range(8)]  # ends inside
    rows += [(2, f + 10, 50.0, 5 + f * 5.0) for f in range(10)]  # to the last frame
    table = pd.DataFrame(rows, columns=["track_id", "frame", "y_nm", "x_nm"])
    movie = tracks_from_table(
        table, frame_interval_s=0.2, window=Window(0.0, 100.0, -10.0, 100.0), frames=Frames.regular(20, 0.2)
    )
    runs = measure_stepping(movie, SteppingOptions(min_length=3))[0]["runs"].set_index("track_id")
    assert runs["end_reason"].tolist()[:3] == ["edge", "left", "movie_end"]
    assert runs.loc[-1, "n_ends"] == 1
    # Beyond the third detection, where the border is farther than 1.5 displacements.
    assert runs.loc[[0, 1, 2], "travelled_nm"].round(6).tolist() == [70.0, 25.0, 35.0]
    wide = measure_stepping(movie, SteppingOptions(min_length=3, edge_band=3.5))[0]["runs"].set_index(
        "track_id"
    )
    assert 0 < wide.loc[0, "travelled_nm"] < 60


def test_fast_walkers_have_no_steps_but_a_velocity():
    rng = np.random.default_rng(6)
    steps = 8.0 * np.cumsum(rng.poisson(0.6, (6, 120)), axis=1)
    table = pd.DataFrame({
        "track_id": np.repeat(range(6), 120), "frame": np.tile(range(120), 6), "y_nm": 0.0,
        "x_nm": (steps + rng.normal(0, 1, steps.shape)).ravel(),
    })  # fmt: skip
    tables, messages = measure_stepping(
        tracks_from_table(table, frame_interval_s=0.1), SteppingOptions(step_nm=8.0)
    )
    assert len(tables["steps"]) == 0
    assert tables["speeds"]["step_status"].tolist() == ["unresolved"] * 7
    assert tables["speeds"]["velocity_nm_s"].iloc[-1] == pytest.approx(48, rel=0.1)
    assert any("scan faster" in text for text in messages)
    slow = table.assign(
        x_nm=(8.0 * np.cumsum(rng.poisson(0.03, (6, 120)), axis=1) + rng.normal(0, 1, (6, 120))).ravel()
    )
    tables, _ = measure_stepping(tracks_from_table(slow, frame_interval_s=0.1))
    assert tables["steps"]["step_nm"].median() == pytest.approx(8, abs=0.5)
    assert tables["steps"].groupby("track_id")["dwell_censored"].first().all()


def test_molecules_that_diffuse_between_steps_are_doubtful():
    rng = np.random.default_rng(7)
    still = 8.0 * np.cumsum(rng.poisson(0.02, (20, 200)), axis=1) + rng.normal(0, 2, (20, 200))
    walk = still + np.cumsum(rng.normal(0, 0.6, (20, 200)), axis=1)
    for place, doubtful in ((still, False), (walk, True)):
        table = pd.DataFrame({
            "track_id": np.repeat(range(20), 200), "frame": np.tile(range(200), 20), "y_nm": 0.0, "x_nm": place.ravel(),
        })  # fmt: skip
        messages = measure_stepping(tracks_from_table(table, frame_interval_s=0.1))[1]
        assert any("diffuse between steps" in text for text in messages) == doubtful


@pytest.mark.parametrize("lengths", [[], [1], [1, 1, 1], [2], [2, 2]])
def test_few_and_short_tracks(lengths):
    rows = [(t, f, 0.0, 10.0 * f) for t, n in enumerate(lengths) for f in range(n)]
    table = pd.DataFrame(rows, columns=["track_id", "frame", "y_nm", "x_nm"]).astype(
        {"track_id": int, "frame": int}
    )
    out = stepping(table, frame_interval_s=0.5)
    full = stepping(walkers(np.random.default_rng(0), 3), frame_interval_s=0.5)
    for name, expected in full.items():
        assert out[name].dtypes.tolist() == expected.dtypes.tolist(), name
        assert out[name].columns.tolist() == expected.columns.tolist()
    if max(lengths, default=0) < 2:
        assert not len(out["speeds"])
    else:
        assert out["speeds"]["status"].iloc[-1] == "too_few_tracks"
        assert np.isnan(out["speeds"]["velocity_low_nm_s"]).all()


def test_without_times_names_say_frames():
    out = stepping(walkers(np.random.default_rng(0), 3))
    assert "velocity_nm_frame" in out["speeds"]
    assert not [name for table in out.values() for name in table if name.endswith("_s")]


@pytest.mark.parametrize("path", ["circle", [(0.0, 0.0)], [(0.0, 0.0), (0.0, 0.0)]])
def test_wrong_paths(path):
    with pytest.raises(ParameterError, match="path"):
        stepping(walkers(np.random.default_rng(0), 2), frame_interval_s=0.2, path=path)


def test_pooled_fit_without_motion():
    rng = np.random.default_rng(8)
    place = rng.normal(0, 2, 400)
    fit = fit_velocities(increments_of(place, np.arange(400.0), np.repeat(np.arange(4), 100)), moving=False)
    assert fit.noise == pytest.approx(2, rel=0.1)
    assert fit.diffusion < 0.02


def test_molecules_that_stand_have_no_velocity():
    table = walkers(np.random.default_rng(9), v=0.0)
    tables, messages = measure_stepping(tracks_from_table(table, frame_interval_s=0.2))
    assert tables["speeds"]["status"].iloc[-1] == tables["runs"]["status"].iloc[-1] == "unresolved"
    assert np.isnan(
        [tables["speeds"]["velocity_nm_s"].iloc[-1], tables["runs"]["run_length_nm"].iloc[-1]]
    ).all()
    assert any("give a path" in text for text in messages)
    row = stepping(table, frame_interval_s=0.2, path=[(0.0, 0.0), (0.0, 100.0)])["speeds"].iloc[-1]
    assert row["status"] == "ok"
    assert row["velocity_low_nm_s"] < 0 < row["velocity_high_nm_s"]


def test_particles_that_the_border_cuts_do_not_slow_the_others_down():
    rng = np.random.default_rng(4)
    rows = []
    for track in range(6):
        frame = np.arange(12)
        place = 10.0 + 15.0 * frame + rng.normal(0, 0.2, 12)
        place[-2:] -= [3.0, 9.0]  # the centre of what is left of it
        cut = frame >= 10
        rows.append(
            pd.DataFrame(
                {"track_id": track, "frame": frame, "y_nm": 20.0 * track, "x_nm": place, "touches_edge": cut}
            )
        )
    tracks = pd.concat(rows, ignore_index=True)
    speeds = stepping(tracks, frame_interval_s=0.5)["speeds"]
    assert speeds["velocity_nm_s"].to_numpy() == pytest.approx(30.0, abs=0.15)
    slow = stepping(tracks.drop(columns="touches_edge"), frame_interval_s=0.5)["speeds"]
    assert slow["velocity_nm_s"].iloc[-1] < 29.5
