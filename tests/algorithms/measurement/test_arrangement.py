"""Arrangement: sums over pairs, null models, global test, nearest neighbours, blocks of frames."""

import numpy as np
import pandas as pd
import pytest

from playNano.algorithms.measurement.arrangement.arrangement import (
    NEIGHBOURS,
    PAIR_CORRELATION,
    measure_arrangement,
)
from playNano.algorithms.measurement.arrangement.blocks_of_frames import renewal
from playNano.algorithms.measurement.arrangement.nearest import mean_distance, nearest_distances
from playNano.algorithms.measurement.arrangement.null_models import global_test, random_patterns
from playNano.algorithms.measurement.arrangement.pair_sums import pair_correlation, pair_sums, ripley_k
from playNano.algorithms.measurement.plain_tables import tracks_from_table
from playNano.algorithms.measurement.tracked_movie import Frames, tracked_movie
from playNano.algorithms.measurement.window import Window
from playNano.errors import ParameterError
from playNano.measurement import arrangement

FIELD = Window(0.0, 100.0, 0.0, 100.0)

# astropy 8.0, RipleysKEstimator(mode="translation"), of these points in 30 nm x 50 nm at 3, 6, 9, 12, 15 nm
POINTS = np.array([
    [24.15, 40.4], [15.46, 14.29], [1.62, 19.17], [12.25, 2.26], [1.46, 49.96], [19.57, 11.73], [13.05, 48.71],
    [26.93, 42.21], [11.77, 24.65], [20.3, 3.04], [16.67, 13.57], [26.39, 3.21],
])  # fmt: skip
ASTROPY_K = [
    24.028475550468666,
    103.89461056845825,
    192.25676279156465,
    406.80204231751543,
    720.8763413677397,
]


def table_of(places, frame=0, **columns):
    return pd.DataFrame({"frame": frame, "y_nm": places[:, 0], "x_nm": places[:, 1], **columns})


def repeated(places, n_frames):
    """The same molecules in every frame, as tracks."""
    rows = [table_of(places, frame, track_id=np.arange(len(places))) for frame in range(n_frames)]
    return pd.concat(rows, ignore_index=True)


def anew(n, n_frames, seed=0):
    """Other molecules in every frame, each a track."""
    rng = np.random.default_rng(seed)
    rows = [table_of(100 * rng.random((n, 2)), frame) for frame in range(n_frames)]
    return pd.concat(rows, ignore_index=True).assign(track_id=np.arange(n * n_frames))


def test_k_equals_that_of_astropy():
    sums = pair_sums(POINTS, Window(0, 30, 0, 50), 3.0, 5)
    np.testing.assert_allclose(ripley_k(sums, 12 * 11, Window(0, 30, 0, 50)), ASTROPY_K, rtol=1e-13)


def test_sums_are_the_same_for_a_turned_window_a_shifted_one_and_many_sets_at_once(monkeypatch):
    sums = pair_sums(POINTS, Window(0, 30, 0, 50), 3.0, 5)
    turned = np.column_stack([50 - POINTS[:, 1], POINTS[:, 0]])
    np.testing.assert_allclose(pair_sums(turned, Window(0, 50, 0, 30), 3.0, 5), sums, rtol=1e-13)
    monkeypatch.setattr("playNano.algorithms.measurement.arrangement.pair_sums.CHUNK_PAIRS", 100)
    np.testing.assert_allclose(
        pair_sums(np.array([POINTS, POINTS[::-1]]), Window(5, 35, -9, 41), 3.0, 5)[1], sums
    )


def test_a_square_lattice_has_peaks_at_its_distances():
    y, x = np.mgrid[5:100:10, 5:100:10].reshape(2, -1)
    sums = pair_sums(np.column_stack([y, x]), FIELD, 1.0, 25)
    assert np.flatnonzero(pair_correlation(sums, 100 * 99, FIELD, 1.0)).tolist() == [10, 14, 20, 22]
    assert mean_distance(*nearest_distances(np.column_stack([y, x]).astype(float), FIELD)) == pytest.approx(
        10
    )


def test_independent_points_have_g_one_and_the_expected_neighbours():
    rng = np.random.default_rng(3)
    sets = 100 * rng.random((400, 60, 2))
    g = pair_correlation(pair_sums(sets, FIELD, 5.0, 10), 60 * 59, FIELD, 5.0)
    assert g.mean() == pytest.approx(1, abs=0.01)
    assert g.mean(axis=0) == pytest.approx(np.ones(10), abs=0.07)
    means = [mean_distance(*nearest_distances(points, FIELD)) for points in sets]
    assert np.mean(means) == pytest.approx(0.5 / np.sqrt(60 / 1e4), rel=0.015)


def test_patterns_of_molecules_with_a_size():
    patterns = random_patterns(30, FIELD, 9.0, 20, np.random.default_rng(0))
    distance = np.linalg.norm(patterns[:, :, None] - patterns[:, None], axis=-1) + 1e3 * np.eye(30)
    assert distance.min() >= 9.0
    # Also across the border, so that the density is the same there as elsewhere.
    offset = np.abs(patterns[:, :, None] - patterns[:, None])
    around = np.linalg.norm(np.minimum(offset, 100 - offset), axis=-1) + 1e3 * np.eye(30)
    assert around.min() >= 9.0
    within = FIELD.distance_nm(patterns[..., 0], patterns[..., 1]) < 10
    assert within.mean() == pytest.approx(0.36, abs=0.05)
    assert random_patterns(200, FIELD, 9.0, 1, np.random.default_rng(0)) is None


@pytest.mark.parametrize("statistic", ["maximum", "integral"])
def test_global_test_has_its_size_whichever_curve_is_the_observed_one(statistic):
    rng = np.random.default_rng(2)
    curves = rng.normal(size=(100, 30)).cumsum(axis=1)
    p = [global_test(curves[k], np.delete(curves, k, axis=0), statistic, 0.95).p for k in range(len(curves))]
    assert sorted(p) == pytest.approx(np.arange(1, 101) / 100)


def test_the_envelope_is_left_if_and_only_if_the_maximum_is_significant():
    rng = np.random.default_rng(4)
    curves = rng.normal(size=(100, 12)) * np.linspace(0.1, 3, 12)
    decided = []
    for k in range(len(curves)):
        test = global_test(curves[k], np.delete(curves, k, axis=0), "maximum", 0.95)
        left = ((curves[k] < test.low) | (curves[k] > test.high)).any()
        assert left == (test.p <= 0.05)
        decided.append(left)
    assert sum(decided) == 5


def test_the_size_of_the_whole_test_at_random_and_its_power_for_a_lattice():
    rng = np.random.default_rng(11)
    p = [
        arrangement(table_of(100 * rng.random((25, 2))), window=FIELD, null="csr", seed=k)["test"]["p"][0]
        for k in range(60)
    ]
    assert np.mean(np.array(p) <= 0.05) <= 0.1
    y, x = np.mgrid[5:100:10, 5:100:10].reshape(2, -1)
    jittered = np.column_stack([y, x]) + rng.normal(0, 0.5, (100, 2))
    test = arrangement(table_of(jittered), window=FIELD, exclusion_nm=6.0)["test"].iloc[0]
    assert (test["p"], test["null"]) == (0.005, "hard_core")
    assert test["clark_evans"] == pytest.approx(1.9, abs=0.1)


def test_frames_are_no_replicates():
    places = 100 * np.random.default_rng(0).random((30, 2))
    once = arrangement(table_of(places), window=FIELD, frame_interval_s=1.0)
    often = arrangement(repeated(places, 20), window=FIELD, frame_interval_s=1.0)
    assert once["test"]["p"][0] == often["test"]["p"][0]
    row = often["test"].iloc[0]
    assert (row["n_frames"], row["n_blocks"], row["n_frames_tested"], row["status"]) == (
        20,
        1,
        1,
        "one_frame",
    )
    assert often["pair_correlation"]["g_low"].isna().all()
    assert np.isnan(row["clark_evans_low"])
    np.testing.assert_allclose(often["pair_correlation"]["g"], once["pair_correlation"]["g"])
    assert "no interval" in " ".join(often.messages)


def test_molecules_that_leave_make_frames_independent():
    result = arrangement(anew(30, 20), window=FIELD, frame_interval_s=0.5)
    row = result["test"].iloc[0]
    assert (row["status"], row["ci_unit"], row["n_blocks"], row["n_frames_tested"]) == ("ok", "block", 20, 20)
    assert row["clark_evans_low"] < 1 < row["clark_evans_high"]
    table = result["pair_correlation"]
    assert ((table["g_low"] <= 1) & (table["g_high"] >= 1)).mean() > 0.8
    assert row["p"] > 0.05
    longer = arrangement(anew(30, 20), window=FIELD, frame_interval_s=0.5, block_frames=10)["test"].iloc[0]
    assert (longer["n_blocks"], longer["block_s"]) == (2, 5.0)


def test_a_cut_track_at_the_same_place_is_no_departure():
    places = 100 * np.random.default_rng(0).random((30, 2))
    cut = repeated(places, 20).assign(track_id=np.arange(600))
    assert arrangement(cut, window=FIELD, frame_interval_s=0.5)["test"]["n_blocks"][0] == 1


def test_renewal_by_diffusion_and_by_unbinding():
    rng = np.random.default_rng(1)
    steps = rng.normal(0, 3.0, (40, 50, 2))
    places = rng.random((40, 1, 2)) * 100 + steps.cumsum(axis=1) + rng.normal(0, 2.0, (40, 50, 2))
    table = pd.DataFrame({
        "track_id": np.repeat(np.arange(40), 50), "frame": np.tile(np.arange(50), 40),
        "y_nm": places[..., 0].ravel(), "x_nm": places[..., 1].ravel(),
    })  # fmt: skip
    movie = tracks_from_table(table, frame_interval_s=0.5, window=FIELD)
    change = renewal(movie, 1.0)
    assert change.diffusion_nm2_s == pytest.approx(9.0, rel=0.1)
    assert change.off_rate_1_s == 0
    assert change.time_s == pytest.approx(100**2 / 4 / change.diffusion_nm2_s)
    left = tracks_from_table(
        table[table["frame"] < 20 + table["track_id"]], frame_interval_s=0.5, window=FIELD
    )
    k = 30 / (30 + sum(19 + j for j in range(30)) + 10 * 49)
    assert renewal(left, 1e-6).off_rate_1_s == pytest.approx(-np.log1p(-k) / 0.5)


def test_order_of_rows_does_not_matter():
    table = anew(20, 5)
    mixed = table.sample(frac=1, random_state=3)
    for name in ("pair_correlation", "neighbours", "test"):
        one, other = (arrangement(t, window=FIELD, frame_interval_s=1.0)[name] for t in (table, mixed))
        pd.testing.assert_frame_equal(one, other, rtol=1e-12)


def test_what_is_not_resolved_is_not_given():
    result = arrangement(anew(30, 10), window=FIELD, frame_interval_s=1.0, resolution_nm=7.0)
    table = result["pair_correlation"]
    below = table["r_low_nm"] < 7
    assert table.loc[below, ["g", "g_low", "g_tested", "envelope_low"]].isna().all(axis=None)
    assert set(table.loc[below, "status"]) == {"unresolved"}
    assert table.loc[~below, "g"].notna().all()


def test_molecules_too_large_to_be_placed():
    result = arrangement(
        table_of(100 * np.random.default_rng(0).random((40, 2))), window=FIELD, exclusion_nm=20.0
    )
    row = result["test"].iloc[0]
    assert (row["status"], np.isnan(row["p"])) == ("unresolved", True)
    assert "cannot be placed" in " ".join(result.messages)


def test_nothing_to_measure():
    empty = arrangement(table_of(np.empty((0, 2))), window=FIELD)
    assert empty["pair_correlation"].dtypes.astype(str).to_dict() == PAIR_CORRELATION
    assert empty["neighbours"].dtypes.astype(str).to_dict() == NEIGHBOURS
    assert len(empty["test"]) == 0
    lone = arrangement(table_of(np.array([[50.0, 50.0], [20.0, 20.0]]), np.array([0, 1])), window=FIELD)
    assert lone["test"]["status"].tolist() == ["too_few_tracks"]
    narrow = arrangement(table_of(POINTS), window=FIELD.inset(60.0))
    assert narrow["test"]["status"].tolist() == ["at_bound"]
    with pytest.raises(ParameterError, match="window"):
        arrangement(table_of(POINTS), window=Window(-np.inf, np.inf, 0, 1))
    with pytest.raises(ParameterError, match="dr_nm"):
        arrangement(table_of(POINTS), window=FIELD, dr_nm=80.0)


def test_frames_that_are_not_observed_and_molecules_outside_the_window_do_not_count():
    table = anew(30, 6)
    observed = np.arange(6) != 3
    movie = tracked_movie(
        table.assign(time_s=table["frame"] * 1.0),
        Frames(np.arange(6.0), observed),
        FIELD.inset(5.0),
    )
    row = measure_arrangement(movie)["test"].iloc[0]
    inside = FIELD.inset(5.0).distance_nm(table["y_nm"], table["x_nm"]) >= 0
    assert row["n_frames"] == 5
    assert row["n_detections"] == (inside & (table["frame"] != 3)).sum()
    assert row["density_1_nm2"] == pytest.approx(row["n_detections"] / 5 / 90**2)


def test_a_scan_that_is_slow_beside_the_motion_is_reported():
    rng = np.random.default_rng(1)
    places = 50 + rng.normal(0, 5.0, (10, 40, 2)).cumsum(axis=1)
    table = pd.DataFrame({
        "track_id": np.repeat(np.arange(10), 40), "frame": np.tile(np.arange(40), 10),
        "y_nm": places[..., 0].ravel(), "x_nm": places[..., 1].ravel(),
    })  # fmt: skip
    result = arrangement(table, window=FIELD, frame_interval_s=0.5, dr_nm=2.0)
    assert result["test"]["max_shear_nm"][0] == pytest.approx(np.sqrt(2) * 5.0, rel=0.15)
    assert "smoothed" in result.warnings[0]
