import numpy as np
import pandas as pd
import pytest

from playNano.algorithms.measurement.diffusion.columns import MSD_COLUMNS
from playNano.algorithms.measurement.diffusion.msd import msd_table
from playNano.algorithms.measurement.intervals import ratio_interval
from playNano.algorithms.measurement.plain_tables import tracks_from_table
from playNano.algorithms.measurement.tracked_movie import Frames, tracked_movie
from playNano.algorithms.measurement.window import Window


def plain_msd(track, lag):
    """Return the squared displacements and time differences of all pairs of a track at a lag, by frame."""
    at = track.set_index("frame")
    both = [frame for frame in at.index if frame + lag in at.index]
    later, earlier = at.loc[[frame + lag for frame in both]], at.loc[both]
    moved = later[["y_nm", "x_nm"]].to_numpy() - earlier[["y_nm", "x_nm"]].to_numpy()
    return (moved**2).sum(1), later["time_s"].to_numpy() - earlier["time_s"].to_numpy()


def test_each_track_and_lag_is_the_mean_over_its_pairs(make_walks):
    table = make_walks(6, 30, missing=0.2)
    table["time_s"] += np.random.default_rng(1).uniform(0, 0.1, len(table))
    msd = msd_table(tracks_from_table(table), max_lag=7)
    for track_id, track in table.groupby("track_id"):
        rows = msd[msd["track_id"] == track_id].set_index("lag")
        for lag in range(1, 8):
            square, time = plain_msd(track, lag)
            assert rows.loc[lag, "msd_nm2"] == pytest.approx(square.mean(), rel=1e-12)
            assert rows.loc[lag, "lag_s"] == pytest.approx(time.mean(), rel=1e-12)
            assert rows.loc[lag, "n_pairs"] == len(square)


def test_together_every_pair_has_the_same_weight(make_walks):
    table = make_walks(6, 30, missing=0.2)
    msd = msd_table(tracks_from_table(table), max_lag=3)
    for lag in (1, 3):
        squares = [plain_msd(track, lag)[0] for _, track in table.groupby("track_id")]
        row = msd[(msd["track_id"] == -1) & (msd["lag"] == lag)].iloc[0]
        sums, n = [s.sum() for s in squares], [len(s) for s in squares]
        assert row["msd_nm2"] == pytest.approx(np.concatenate(squares).mean(), rel=1e-12)
        assert (row["msd_low_nm2"], row["msd_high_nm2"]) == pytest.approx(ratio_interval(sums, n))
        assert (row["n_pairs"], row["n_tracks"], row["n_detections"]) == (sum(n), 6, len(table))


def test_pairs_that_start_near_the_border_are_left_out_while_others_remain():
    """D = 0.5 and a frame interval of 1: the band is 3 sqrt(lag) wide."""
    table = pd.DataFrame({"track_id": 0, "frame": range(9), "time_s": np.arange(9.0), "x_nm": 50.0})
    table["y_nm"] = [50.0, 2.0, 51.0, 50, 49, 50, 49, 50, 51]
    movie = tracked_movie(table, Frames.regular(9), Window(0, 100, 0, 100))
    msd = msd_table(movie, diffusion_nm2_s=0.5, max_lag=2).query("track_id == 0").set_index("lag")
    assert msd.loc[1, ["n_pairs", "n_pairs_edge"]].tolist() == [7, 1]
    assert msd.loc[1, "msd_nm2"] == pytest.approx((48**2 + 6) / 7)
    narrow = tracked_movie(table, Frames.regular(9), Window(48.5, 52.0, 0, 100))
    msd = msd_table(narrow, diffusion_nm2_s=0.5, max_lag=2)
    assert msd["status"].tolist() == ["at_bound"] * 4
    assert msd.query("track_id == 0")["n_pairs"].tolist() == [8, 7]


def test_tracks_are_cut_at_doubtful_links(make_walks):
    table = make_walks(1, 10)
    links = pd.DataFrame({"target": range(1, 10), "confidence": [0.9] * 4 + [0.1] + [0.9] * 4})
    movie = tracked_movie(table, Frames.regular(10, 0.5), Window(-1e9, 1e9, -1e9, 1e9), links=links)
    msd = msd_table(movie, max_lag=5, min_confidence=0.5).query("track_id == 0")
    assert msd.set_index("lag")["n_pairs"].to_dict() == {1: 8, 2: 6, 3: 4, 4: 2}


def test_too_few_tracks_have_no_interval_and_none_an_empty_table(make_walks):
    msd = msd_table(tracks_from_table(make_walks(2, 12)))
    together = msd[msd["track_id"] == -1]
    assert together["lag"].tolist() == [1, 2, 3, 4]
    assert together["status"].tolist() == ["too_few_tracks"] * 4
    assert together["msd_low_nm2"].isna().all()
    assert together["msd_nm2"].notna().all()
    empty = msd_table(tracks_from_table(make_walks(1, 3).iloc[:0]))
    assert empty.dtypes.astype(str).to_dict() == MSD_COLUMNS
    assert len(empty) == 0
