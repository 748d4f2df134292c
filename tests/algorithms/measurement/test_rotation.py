"""Rotation: likelihood on the circle, fit, axial order, pairs."""

import numpy as np
import pandas as pd
import pytest

from playNano.algorithms.measurement.rotation.circle_filter import CircleFilter
from playNano.algorithms.measurement.rotation.fit import fit_rotation
from playNano.algorithms.measurement.rotation.rotation import CORRELATION, ROTATION, axial_order
from playNano.algorithms.measurement.rotation.sequences import Orientations, correlation
from playNano.errors import ParameterError
from playNano.measurement import rotation


def table_of(turn, error=0.1, n_tracks=6, n_frames=30, seed=0, missed=0.0):
    """Molecules that turn freely: turn is D_r T."""
    rng = np.random.default_rng(seed)
    steps = np.hstack(
        [rng.random((n_tracks, 1)) * 7, rng.normal(0, np.sqrt(2 * turn), (n_tracks, n_frames - 1))]
    )
    theta = steps.cumsum(axis=1) + rng.normal(0, error, steps.shape)
    table = pd.DataFrame({
        "track_id": np.repeat(np.arange(n_tracks), n_frames), "frame": np.tile(np.arange(n_frames), n_tracks),
        "y_nm": np.repeat(10.0 * np.arange(n_tracks), n_frames), "x_nm": 0.0, "orientation_rad": theta.ravel(),
    })  # fmt: skip
    return table[rng.random(len(table)) >= missed].reset_index(drop=True)


def orientations(table):
    columns = ("orientation_rad", "frame", "frame", "track_id", "track_id")
    theta, time, frame, piece, track = (table[c].to_numpy() for c in columns)
    return Orientations(theta % np.pi, time.astype(float), frame, piece, track)


def wrapped(x, variance):
    turns = np.arange(-40, 41) * np.pi
    return (np.exp(-((x + turns[:, None]) ** 2) / (2 * variance)) / np.sqrt(2 * np.pi * variance)).sum(axis=0)


def test_the_likelihood_of_two_detections_is_a_wrapped_normal_of_their_difference():
    theta = np.array([0.3, 1.4, 3.0, 0.1, 1.0, 1.05])
    time = np.array([0.0, 1.0, 0.0, 2.5, 0.0, 0.7])
    group = np.repeat([0, 1, 2], 2)
    given = Orientations(theta, time, time.astype(int), group, group)
    for diffusion, error in ((0.1, 0.1), (0.02, 0.3), (0.5, 0.05)):
        got = CircleFilter(given, 180).log_likelihoods(diffusion, error)
        variance = 2 * diffusion * np.array([1.0, 2.5, 0.7]) + 2 * error**2
        pairs = zip([1.1, -2.9, 0.05], variance, strict=True)
        expected = [np.log(wrapped(np.array([d]), v)[0] / np.pi) for d, v in pairs]
        assert got == pytest.approx(expected, abs=5e-3)


def test_small_rotations_equal_the_closed_form_of_unwrapped_angles():
    given = orientations(table_of(2e-4, 0.0, n_tracks=20))
    expected = np.mean(given.steps[given.follows] ** 2) / 2
    likelihood = CircleFilter(given, 720)
    values = expected * np.exp(np.linspace(-0.2, 0.2, 41))
    total = [likelihood.log_likelihoods(value, 1e-5).sum() for value in values]
    assert values[np.argmax(total)] == pytest.approx(expected, rel=0.03)


def test_half_turns_and_the_order_of_rows_change_nothing():
    table = table_of(0.05)
    turned = table.assign(orientation_rad=table["orientation_rad"] + np.pi * (np.arange(len(table)) % 3))
    shuffled = table.sample(frac=1, random_state=1)
    one = rotation(table, frame_interval_s=0.5, bins=45)
    for other in (turned, shuffled):
        result = rotation(other, frame_interval_s=0.5, bins=45)
        pd.testing.assert_frame_equal(result["rotation"], one["rotation"], rtol=1e-6)
        pd.testing.assert_frame_equal(
            result["orientation_correlation"], one["orientation_correlation"], rtol=1e-9
        )


@pytest.mark.parametrize(("turn", "error"), [(0.02, 0.05), (0.3, 0.1)])
def test_truth_is_in_the_interval(turn, error):
    fit = fit_rotation(orientations(table_of(turn, error, 10, 50, seed=4, missed=0.1)), 1.0, 60)
    assert (fit.status, fit.method) == ("ok", "profile")
    assert fit.interval[0] < turn < fit.interval[1]
    assert fit.diffusion == pytest.approx(turn, rel=0.35)


def test_the_interval_in_seconds_scales_with_the_clock():
    table = table_of(0.05)
    fast, slow = (rotation(table, frame_interval_s=t, bins=45)["rotation"].iloc[0] for t in (0.1, 1.0))
    assert fast["rotation_rad2_s"] == pytest.approx(10 * slow["rotation_rad2_s"], rel=0.01)
    names = rotation(table, bins=45)["rotation"]
    assert "rotation_rad2_s" in names  # a plain result keeps its names; outputs() follows the clock
    assert "rotation_rad2_frame" in rotation(table, bins=45).outputs("index")["rotation"]


def test_rotation_too_fast_to_be_resolved():
    result = rotation(table_of(3.0), frame_interval_s=1.0, bins=45)
    row = result["rotation"].iloc[0]
    assert (row["status"], np.isnan(row["rotation_rad2_s"])) == ("unresolved", True)
    # Turning at random by large angles must not pass for molecules at rest with a large error.
    assert np.isnan(row["rotation_high_rad2_s"])
    assert "scan faster" in " ".join(result.messages)


def test_molecules_at_rest():
    fits = [fit_rotation(orientations(table_of(0.0, 0.1, seed=seed)), 1.0, 45) for seed in range(3)]
    assert {"at_bound"} <= {fit.status for fit in fits} <= {"ok", "at_bound"}
    for fit in fits:
        assert fit.interval[0] == 0
        assert 0 <= fit.diffusion < fit.interval[1] < 1e-3
        assert (fit.status == "at_bound") == (fit.diffusion == 0)
        assert fit.error == pytest.approx(0.1, rel=0.2)


def test_tracks_that_differ_get_an_interval_over_tracks():
    slow, fast = table_of(0.005, n_tracks=4), table_of(0.2, n_tracks=4, seed=1)
    both = pd.concat([slow, fast.assign(track_id=fast["track_id"] + 10)], ignore_index=True)
    row = rotation(both, frame_interval_s=1.0, bins=45)["rotation"].iloc[0]
    assert (row["ci_method"], row["status"]) == ("jackknife_t", "ok")
    assert row["differ_p"] < 1e-6
    assert row["rotation_high_rad2_s"] / row["rotation_low_rad2_s"] > 3


def test_steady_turning_is_reported():
    table = table_of(0.005)
    turning = table.assign(orientation_rad=table["orientation_rad"] + 0.4 * table["frame"])
    result = rotation(turning, frame_interval_s=0.5, bins=45)
    assert result["rotation"]["turn_rad_s"][0] == pytest.approx(0.8, abs=0.05)
    assert "turn steadily" in result.warnings[0]
    assert rotation(table, frame_interval_s=0.5, bins=45).warnings == ()


def test_axes_in_common_and_in_all_directions():
    rng = np.random.default_rng(0)
    base = table_of(0.0, 0.05, n_tracks=40, n_frames=3)
    parallel = np.repeat(rng.normal(2.0, 0.2, 40), 3)
    row = rotation(base.assign(orientation_rad=parallel), frame_interval_s=1.0, bins=12)["rotation"].iloc[0]
    assert row["axial_direction_rad"] == pytest.approx(2.0, abs=0.1)
    assert row["axial_order"] == pytest.approx(np.exp(-2 * 0.2**2), abs=0.03)
    assert row["axial_p"] < 1e-10
    p = []
    for _ in range(60):
        angles = np.repeat(rng.random(40) * np.pi, 3) + rng.normal(0, 0.01, 120)
        p.append(axial_order(orientations(base.assign(orientation_rad=angles)))[2])
    assert np.mean(np.array(p) < 0.05) <= 0.15
    assert 0.3 < np.mean(p) < 0.7


def test_round_ones_and_those_at_the_border_do_not_count():
    table = table_of(0.05).assign(eccentricity=0.9, touches_edge=False)
    table.loc[::7, "eccentricity"] = 0.3
    table.loc[1::7, "touches_edge"] = True
    table.loc[2::7, "orientation_rad"] = np.nan
    row = rotation(table, frame_interval_s=1.0, bins=45)["rotation"].iloc[0]
    left_out = len(table.loc[::7]) + len(table.loc[1::7]) + len(table.loc[2::7])
    assert (row["n_left_out"], row["n_detections"]) == (left_out, len(table) - left_out)


def test_of_very_many_detections_a_part_is_fitted(monkeypatch):
    from playNano.algorithms.measurement.rotation import rotation as measured

    monkeypatch.setattr(measured, "MAX_DETECTIONS", 90)
    table = table_of(0.05)
    result = rotation(table, frame_interval_s=1.0, bins=45)
    part = rotation(table[table["track_id"] % 2 == 0], frame_interval_s=1.0, bins=45)
    assert result["rotation"]["rotation_rad2_s"][0] == part["rotation"]["rotation_rad2_s"][0]
    assert result["rotation"]["n_detections"][0] == len(table)
    assert "fitted to about 90" in " ".join(result.messages)
    assert "fitted to" not in " ".join(part.messages)
    assert "turn far" not in " ".join(part.messages)
    assert "turn far" in " ".join(rotation(table_of(0.4), frame_interval_s=1.0, bins=45).messages)


def test_correlation_by_lag_against_a_loop():
    table = table_of(0.1, missed=0.3)
    cosine, time, count, tracks = correlation(orientations(table), 2)
    for number, track in enumerate(tracks):
        angle = table[table["track_id"] == track].set_index("frame")["orientation_rad"]
        pairs = [f for f in angle.index if f + 2 in angle.index]
        assert count[number] == len(pairs)
        assert time[number] == 2 * len(pairs)
        assert cosine[number] == pytest.approx(sum(np.cos(2 * (angle[f + 2] - angle[f])) for f in pairs))


def test_pairs_are_nearest_neighbours_or_all_within_a_distance():
    table = table_of(0.05, n_tracks=3, n_frames=4)
    table.loc[table["track_id"] == 2, "y_nm"] = 17.0
    pairs = rotation(table, frame_interval_s=0.5, bins=12)["pairs"]
    assert pairs.groupby("pair")[["track_id_1", "track_id_2"]].first().values.tolist() == [[0, 1], [1, 2]]
    assert pairs["pair_distance_nm"].tolist() == [10.0] * 4 + [7.0] * 4
    near = rotation(table, frame_interval_s=0.5, bins=12, max_pair_nm=8.0)["pairs"]
    assert near["pair"].tolist() == [0] * 4
    # A distance in all common frames, also where the pair is far apart.
    table.loc[(table["track_id"] == 2) & (table["frame"] == 3), "y_nm"] = 90.0
    apart = rotation(table, frame_interval_s=0.5, bins=12, max_pair_nm=8.0)["pairs"]
    assert apart["pair_distance_nm"].tolist() == [7.0, 7.0, 7.0, 80.0]
    assert apart["time_1_s"].tolist() == [0.0, 0.5, 1.0, 1.5]


def test_too_little_to_measure():
    empty = rotation(table_of(0.1).iloc[:0], frame_interval_s=1.0)
    assert empty["rotation"].dtypes.astype(str).to_dict() == ROTATION
    assert empty["orientation_correlation"].dtypes.astype(str).to_dict() == CORRELATION
    assert len(empty["pairs"]) == 0
    table = table_of(0.1)
    cases = {
        "one_frame": table[table["frame"] == 0],
        "too_few_tracks": table[table["frame"] == 2 * table["track_id"]],
        "too_short": table[table["frame"] < 2],
    }
    for status, part in cases.items():
        row = rotation(part, frame_interval_s=1.0)["rotation"].iloc[0]
        assert (row["status"], np.isnan(row["rotation_rad2_s"])) == (status, True)
    two = rotation(table[table["track_id"] < 2], frame_interval_s=1.0, bins=45)["rotation"].iloc[0]
    assert (two["status"], np.isnan(two["rotation_low_rad2_s"])) == ("too_few_tracks", True)
    assert two["rotation_rad2_s"] > 0
    with pytest.raises(ParameterError, match="orientation_rad"):
        rotation(table.drop(columns="orientation_rad"), frame_interval_s=1.0)
