import numpy as np
import pandas as pd
import pytest

from playNano.measurement import diffusion


def mixed(make_walks, ds, n_tracks, lengths=(15, 15), seed=0):
    tables = [
        make_walks(n, length, d=d, seed=seed + k).assign(state=k)
        for k, (d, n, length) in enumerate(zip(ds, n_tracks, lengths, strict=True))
    ]
    tables[1]["track_id"] += n_tracks[0]
    return pd.concat(tables, ignore_index=True)


def test_two_states_and_their_shares(make_walks):
    states = diffusion(mixed(make_walks, (5.0, 60.0), (40, 60)), alpha="none").diffusion_states
    assert states["state"].tolist() == [1, 2]
    assert states["diffusion_nm2_s"].to_numpy() == pytest.approx([5, 60], rel=0.15)
    assert states["share_tracks"].tolist() == pytest.approx([0.4, 0.6], abs=0.03)
    assert states["n_tracks"].sum() == 100
    assert states["n_detections"].sum() == 1500
    for name, unit, truth in (("diffusion", "_nm2_s", [5, 60]), ("share_tracks", "", [0.4, 0.6])):
        assert (states[f"{name}_low{unit}"].to_numpy() < truth).all()
        assert (states[f"{name}_high{unit}"].to_numpy() > truth).all()


def test_share_of_time_weighs_tracks_by_their_duration(make_walks):
    table = mixed(make_walks, (5.0, 100.0), (30, 60), (40, 10))
    states = diffusion(table, alpha="none").diffusion_states
    assert states["share_tracks"][0] == pytest.approx(1 / 3, abs=0.03)
    assert states["share_time"][0] == pytest.approx(1200 / 1800, abs=0.03)


def test_one_state_is_one(make_walks):
    for seed in range(3):
        states = diffusion(make_walks(60, 12, seed=seed), alpha="none").diffusion_states
        assert len(states) == 1
        assert states["share_time"].tolist() == [1.0]


def test_a_state_at_rest_has_d_zero_with_an_upper_end(make_walks):
    states = diffusion(mixed(make_walks, (0.0, 60.0), (20, 30), (30, 30)), alpha="none").diffusion_states
    assert states.loc[0, "diffusion_high_nm2_s"] < 1.0
    assert states.loc[0, "diffusion_nm2_s"] < 0.3
    assert states["share_tracks"][0] == pytest.approx(0.4, abs=0.03)


def test_error_and_slow_tracks_are_not_biased_by_the_fast_ones(make_walks):
    """From all tracks as of one D, the localisation error is too inaccurate for the slow ones."""
    table = mixed(make_walks, (4.0, 200.0), (60, 60), (12, 12), seed=4)
    rows = diffusion(table, alpha="none").track_diffusion.set_index("track_id")
    assert rows.loc[-1, "localization_nm"] == pytest.approx(2.0, abs=0.3)
    assert rows.loc[0:59, "diffusion_nm2_s"].median() == pytest.approx(4.0, rel=0.2)


def test_max_components_limits_the_states(make_walks):
    table = mixed(make_walks, (5.0, 60.0), (20, 20))
    assert len(diffusion(table, alpha="none", max_components=1).diffusion_states) == 1
    full = diffusion(table, alpha="none", max_components=2)
    assert any("max_components=2" in message for message in full.messages)
    free = diffusion(table, alpha="none")
    assert not any("max_components" in message for message in free.messages)
    assert np.isfinite(free.diffusion_states["share_time_low"]).all()
