import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.mixture import GaussianMixture

from playNano.algorithms.measurement.plain_tables import tracks_from_table
from playNano.algorithms.measurement.populations.binned import weighted_values
from playNano.algorithms.measurement.populations.measure import measure_populations
from playNano.algorithms.measurement.populations.merges import merge_volumes
from playNano.algorithms.measurement.populations.oligomers import oligomers_of
from playNano.algorithms.measurement.populations.options import PopulationOptions
from playNano.algorithms.measurement.populations.select import populations_of
from playNano.algorithms.measurement.populations.track_values import track_values
from playNano.algorithms.measurement.quantities import Quantity
from playNano.errors import ParameterError
from playNano.measurement import populations


def simulated(seed, means=(5.0,), n_tracks=20, within=0.3, between=0.3, lengths=(5, 80), **others):
    rng = np.random.default_rng(seed)
    true = np.asarray(means)[np.arange(n_tracks) % len(means)] + rng.normal(0, between, n_tracks)
    length = rng.integers(lengths[0], lengths[1] + 1, n_tracks)
    track = np.repeat(np.arange(n_tracks), length)
    frame = np.concatenate([np.arange(n) for n in length])
    height = true[track] + rng.normal(0, within, track.size)
    return pd.DataFrame(
        {"track_id": track, "frame": frame, "y_nm": 0.0, "x_nm": 0.0, "height_nm": height, **others}
    )


def test_one_detection_a_track_is_sklearns_mixture():
    table = simulated(1, (4.0, 7.0), 60, lengths=(1, 1))
    found = populations(table)["populations"]
    assert len(found) == 2
    peer = GaussianMixture(
        2, tol=1e-13, max_iter=20000, reg_covar=0, means_init=found["height_nm"].to_numpy()[:, None],
    ).fit(table[["height_nm"]])  # fmt: skip
    order = np.argsort(peer.means_[:, 0])
    assert found["height_nm"].tolist() == pytest.approx(peer.means_[order, 0].tolist(), rel=1e-6)
    assert found["height_sd_nm"].tolist() == pytest.approx(
        np.sqrt(peer.covariances_[order, 0, 0]).tolist(), rel=1e-6
    )
    assert found["share_tracks"].tolist() == pytest.approx(peer.weights_[order].tolist(), rel=1e-6)
    bic = populations(table)["population_bic"].set_index("n_components")["bic"]
    assert bic[2] == pytest.approx(peer.bic(table[["height_nm"]]), abs=1e-3)


def test_detections_given_twice_change_nothing():
    table = simulated(2, (4.0, 7.0), lengths=(3, 20))
    twice = pd.concat([table, table.assign(frame=table["frame"] + 1000)], ignore_index=True)
    one, other = populations(table)["populations"], populations(twice)["populations"]
    names = [
        "height_nm",
        "height_low_nm",
        "height_high_nm",
        "height_sd_nm",
        "share_tracks",
        "share_tracks_low",
    ]
    assert np.allclose(one[names], other[names], rtol=1e-9)


def test_the_order_of_rows_does_not_count():
    table = simulated(3, (4.0, 7.0), 30)
    for name, one in populations(table).items():
        other = populations(table.sample(frac=1, random_state=0))[name]
        pd.testing.assert_frame_equal(one, other, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("within", [0.1, 0.3])
@pytest.mark.parametrize("means", [(5.0,), (4.0, 7.0)])
def test_number_of_populations(within, means):
    for seed in range(3):
        found = populations(simulated(seed, means, 15, within))["populations"]
        assert len(found) == len(means), seed
        assert found["height_nm"].tolist() == pytest.approx(list(means), abs=0.4)


def test_short_stays_are_not_undercounted():
    table = simulated(4, (4.0, 7.0), 40, lengths=(40, 40))
    short = table[(table["track_id"] % 2 == 0) | (table["frame"] < 4)]
    found = populations(short)["populations"]
    assert found["share_tracks"].tolist() == pytest.approx([0.5, 0.5], abs=0.01)


def test_mean_is_students_over_tracks():
    table = simulated(5)
    row = populations(table)["population_means"].iloc[0]
    medians = table.groupby("track_id")["height_nm"].median()
    low, high = stats.t.interval(0.95, 19, medians.mean(), stats.sem(medians))
    assert row[["height_nm", "height_low_nm", "height_high_nm"]].tolist() == pytest.approx(
        [medians.mean(), low, high]
    )
    assert row["height_between_sd_nm"] == pytest.approx(0.3, rel=0.5)
    assert row["height_within_sd_nm"] == pytest.approx(0.3, rel=0.1)


def test_correlated_values_are_worth_fewer():
    rng = np.random.default_rng(6)
    for rho in (0.0, 0.6):
        noise = rng.normal(size=(200, 15))
        for k in range(1, 15):
            noise[:, k] = rho * noise[:, k - 1] + np.sqrt(1 - rho**2) * noise[:, k]
        track, frame = np.repeat(range(200), 15), np.tile(range(15), 200)
        values = track_values(noise.ravel(), track, frame)
        assert values.correlation == pytest.approx(rho, abs=0.08)
        assert values.n_eff[0] == pytest.approx(15 * (1 - values.correlation) / (1 + values.correlation))


def test_equal_values_are_one_population():
    table = simulated(7, within=0.0, between=0.0)
    out = populations(table)
    assert out["populations"][["height_nm", "share_tracks"]].values[0] == pytest.approx([5.0, 1.0])
    assert np.isfinite(out["population_bic"]["bic"]).all()


def test_many_detections_are_gathered_without_loss():
    rng = np.random.default_rng(8)
    values, track = rng.normal(5, 1, 20_000), np.repeat(np.arange(250), 80)
    gathered = weighted_values(values, track)
    assert len(gathered.values) <= 1001
    assert gathered.weights.sum() == pytest.approx(250)
    assert gathered.by_group.sum(axis=0) == pytest.approx(gathered.weights)
    found = populations_of(values, track, 3, 0.95).best
    assert found.mean[0] == pytest.approx(values.mean(), rel=1e-9)
    assert found.sd[0] == pytest.approx(values.std(), rel=1e-4)


def test_cut_and_missing_values():
    table = simulated(9, touches_edge=False)
    table.loc[table["track_id"] == 0, "height_nm"] = np.nan
    table.loc[table["track_id"] == 1, "touches_edge"] = True
    table.loc[table["track_id"] == 1, "height_nm"] = 1.0
    out = populations(table)
    assert out["population_means"]["n_tracks"].tolist() == [18]
    assert out["track_values"]["status"].tolist()[:3] == ["too_short", "too_short", "ok"]
    assert populations(table, whole_only=False)["population_means"]["n_tracks"].tolist() == [19]
    assert populations(table, min_length=30)["population_means"]["n_tracks"].iloc[0] < 18


@pytest.mark.parametrize("n_tracks", [0, 1, 2])
def test_few_tracks(n_tracks):
    out = populations(simulated(10).query("track_id < @n_tracks"))
    full = populations(simulated(10))
    for name, expected in full.items():
        assert out[name].columns.tolist() == expected.columns.tolist()
        assert out[name].dtypes.tolist() == expected.dtypes.tolist(), name
    if n_tracks:
        assert out["populations"]["status"].tolist() == ["too_few_tracks"]
        assert np.isnan(out["populations"]["height_low_nm"]).all()
        assert out["population_means"]["status"].tolist() == ["too_few_tracks"]


def volumes_of(rng, sizes, monomer=100.0, spread=0.1, n=15):
    track = np.repeat(np.arange(len(sizes)), n)
    volume = monomer * np.asarray(sizes) * np.exp(rng.normal(0, spread, len(sizes)))
    return volume[track] * np.exp(rng.normal(0, 0.03, track.size)), track


def test_oligomers_are_multiples_of_a_monomer():
    rng = np.random.default_rng(11)
    volume, track = volumes_of(rng, [1] * 20 + [2] * 12 + [4] * 8)
    found = oligomers_of(volume, track, 5, 0.95)
    assert np.exp(found.fit.log_volume) == pytest.approx(100, rel=0.06)
    assert found.volume_interval[0] < 100 < found.volume_interval[1]
    assert found.fit.share.tolist() == pytest.approx([0.5, 0.3, 0.0, 0.2], abs=0.02)
    single = oligomers_of(*volumes_of(rng, [1] * 30), 5, 0.95)
    assert not single.resolved
    table = pd.DataFrame({"track_id": track, "frame": np.tile(range(15), 40), "y_nm": 0.0, "x_nm": 0.0})
    out = populations(table.assign(volume_nm3=volume), oligomers=True)["oligomers"]
    assert out["subunits"].tolist() == [1, 2, 3, 4]
    lone = populations(table[track < 20].assign(volume_nm3=volume[track < 20]), oligomers=True)["oligomers"]
    assert (lone["status"].tolist(), np.isnan(lone["monomer_volume_nm3"]).all()) == (["unresolved"], True)


def test_volumes_of_merges_and_splits():
    rows = [(0, f, 100.0) for f in range(6)] + [(0, f, 250.0) for f in range(6, 12)]
    rows += [(1, f, 150.0) for f in range(6)] + [(2, f, 20.0 + f) for f in range(8, 12)]
    table = pd.DataFrame(rows, columns=["track_id", "frame", "volume_nm3"]).assign(y_nm=0.0, x_nm=0.0)
    events = pd.DataFrame({
        "kind": ["merge", "split"], "frame": [6, 8], "track_id": [1, 2], "partner_id": [0, 0],
    })  # fmt: skip
    movie = tracks_from_table(table, frame_interval_s=1.0)
    out = merge_volumes(movie, events)
    assert out["ratio"].tolist()[0] == pytest.approx(1.0)
    # The whole before the split: frames 3 to 7, the parts after it.
    assert out["ratio"].tolist()[1] == pytest.approx((3 * 100 + 2 * 250) / 5 / (250 + 29.5))
    assert out["conserved"].tolist() == [True, False]
    assert merge_volumes(movie, None).columns.tolist() == out.columns.tolist()
    assert "merge_volumes" in measure_populations(movie, events=events)


def test_units_of_names():
    table = simulated(12).rename(columns={"height_nm": "height_deg"})
    out = populations(table, columns=["height_deg"])
    assert {"height_deg", "height_low_deg", "height_sd_deg"} <= {*out["populations"]}
    names = [
        "rate_1_s",
        "k_on_1_nm2_s",
        "diffusion_nm2_s",
        "volume_nm3",
        "area_px",
        "height_V",
        "duration_s",
        "alpha",
    ]
    assert [Quantity.of(name).unit for name in names] == [
        "1_s",
        "1_nm2_s",
        "nm2_s",
        "nm3",
        "px",
        "V",
        "s",
        "",
    ]


@pytest.mark.parametrize("wrong", [{"max_components": 0}, {"level": 1.0}, {"min_length": 0}, {"columns": ()}])
def test_wrong_options(wrong):
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        PopulationOptions(**wrong)


def test_a_missing_column_is_named():
    with pytest.raises(ParameterError, match="width_nm"):
        populations(simulated(13), columns=["width_nm"])
