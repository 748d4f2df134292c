"""Scores of pipelines whose faults are known, because the test plants them."""

import numpy as np
import pandas as pd
import pytest

from playNano.analysis.plan import Plan
from playNano.errors import ParameterError
from playNano.metrics import match_points
from playNano.simulate import simulate_movie
from playNano.validate import trial as of
from playNano.validate.measures import student_interval, summarise, wilson_interval
from playNano.validate.trial import Trial, prepare, run_trial

DETECT = "feature_detection:mask_fn=mask_threshold,threshold=1.5,min_size=8,remove_edge=false"
LEVEL = "remove_plane;row_median_align;mask_mean_offset:factor=2;remove_plane;row_median_align;clear_mask"


def plan(analysis=DETECT + ";particle_tracking:max_distance_nm=26,max_missing=1", processing=LEVEL):
    return Plan.from_options(processing, analysis, None)


@pytest.fixture(scope="module")
def movie():
    return simulate_movie(25, (96, 96), n_particles=8, diffusion_nm2_s=40.0, disappear_rate_s=0.0, seed=4)


@pytest.fixture(scope="module")
def reference(movie):
    return prepare(movie, plan(), 8.0)


def perfect(reference, **changes):
    truth = reference.truth
    table = truth[["frame", "time_s", "y_nm", "x_nm", "track_id"]].assign(z_max_nm=truth["z_nm"])
    return table.assign(**changes)


def trial_of(reference, table, monkeypatch):
    kinds = {"a": "detection", "b": "tracking"}
    steps = [{"analysis_key": key, "kind": kind} for key, kind in kinds.items()]
    record = {"analysis": {key: {"table": table} for key in kinds}, "provenance": {"steps": steps}}
    monkeypatch.setattr(of, "run_analysis", lambda stack, steps: record)
    return run_trial(reference, [])


def test_a_perfect_pipeline(reference, monkeypatch):
    scores = trial_of(reference, perfect(reference), monkeypatch).scores
    for name in ("recall", "precision", "f1", "link_recall", "link_precision", "idf1", "hota"):
        assert scores[name] == pytest.approx(1.0)
    for name in (
        "position_error_nm",
        "height_bias_nm",
        "link_error",
        "identity_switches_per_1000",
        "diffusion_bias",
    ):
        assert scores[name] == pytest.approx(0.0, abs=1e-12)


def test_planted_biases_come_back(reference, monkeypatch):
    table = perfect(reference)
    table["z_max_nm"] += 0.7
    # Steps that are longer by a tenth: D is larger by 21 %.
    for name in ("y_nm", "x_nm"):
        table[name] = 1.1 * table[name]
    far = reference.truth[["y_nm", "x_nm"]].abs().max().max()
    wide = of.ReferenceMovie(reference.stack, reference.truth, 0.2 * far)
    scores = trial_of(wide, table, monkeypatch).scores
    assert scores["height_bias_nm"] == pytest.approx(0.7)
    assert scores["height_error_nm"] == pytest.approx(0.0, abs=1e-9)
    assert scores["diffusion_bias"] == pytest.approx(0.21, abs=0.03)


def test_missed_and_spurious_points(reference, monkeypatch):
    table = perfect(reference)
    inner = reference.truth["inner"].to_numpy()
    lost = np.flatnonzero(inner)[::4]
    clutter = table.iloc[lost].assign(y_nm=96.0 + np.arange(len(lost)) % 7, x_nm=93.0, track_id=-1)
    both = pd.concat([table.drop(index=lost), clutter], ignore_index=True)
    scores = trial_of(reference, both, monkeypatch)
    near = match_points(reference.truth, clutter, max_distance=reference.gate_nm, columns=("y_nm", "x_nm"))
    n = int(inner.sum())
    assert scores.counts["recall"][1] == n
    assert scores.scores["recall"] == pytest.approx(1 - len(lost) / n, abs=(near >= 0).sum() / n + 1e-9)
    assert scores.scores["precision"] == pytest.approx(1 - len(lost) / n, abs=0.03)


def test_tracks_that_change_their_name(reference, monkeypatch):
    table = perfect(reference)
    table["track_id"] = 2 * table["track_id"] + (table["frame"] >= 12)
    scores = trial_of(reference, table, monkeypatch).scores
    assert scores["link_precision"] == pytest.approx(1.0)
    assert 0.9 < scores["link_recall"] < 1.0
    assert scores["identity_switches_per_1000"] > 0
    assert scores["recall"] == 1.0
    assert scores["diffusion_bias"] == pytest.approx(0.0, abs=0.05)


def test_a_real_pipeline_on_a_simulated_movie(reference):
    bound = plan().bind()[1].steps
    scores = run_trial(reference, bound).scores
    assert scores["recall"] > 0.95
    assert scores["precision"] > 0.95
    assert scores["link_error"] < 0.05
    assert abs(scores["height_bias_nm"]) < 0.3
    assert abs(scores["diffusion_bias"]) < 0.2


def test_heights_that_are_smoothed_away(movie):
    smooth = plan(DETECT + ",background=zero", LEVEL + ";gaussian_filter:sigma=2")
    reference = prepare(movie, smooth, 8.0)
    scores = run_trial(reference, smooth.bind()[1].steps).scores
    # A Gaussian of 4 px at half height is 3.4 px in standard deviation; the blur lowers it to 3.4^2 / (3.4^2 + 4).
    sigma2 = (4.0 / np.sqrt(2 * np.log(2))) ** 2
    lowered = movie.truth["z_nm"].mean() * (sigma2 / (sigma2 + 4.0) - 1)
    assert scores["height_bias_nm"] == pytest.approx(lowered, rel=0.15)
    assert "hota" not in scores


def test_the_border_counts_neither_way(movie, monkeypatch):
    dropping = plan(DETECT.replace("remove_edge=false", "remove_edge=true"))
    reference = prepare(movie, dropping, 12.0)
    assert run_trial(reference, dropping.bind()[1].steps).scores["recall"] > 0.95


def test_particles_on_lost_lines_cannot_be_found():
    from playNano.simulate import simulate_preset

    movie = simulate_preset(
        "membrane diffusion", n_frames=6, shape=(64, 64), blank_frames=(2,), torn_frames=(4,), seed=1
    )
    truth = prepare(movie, plan(), 5.0).truth
    assert 2 not in set(truth["frame"])
    torn = movie.faults[movie.faults["kind"] == "torn"].iloc[0]
    here = truth[truth["frame"] == 4]["y"]
    assert not here.between(torn["row"] + 0.5, torn["row"] + torn["n_rows"] - 1.5).any()
    assert len(truth[truth["frame"] == 3]) == (movie.truth["frame"] == 3).sum()


def test_nothing_found(reference, monkeypatch):
    trial = trial_of(reference, perfect(reference)[:0], monkeypatch)
    assert trial.scores["recall"] == 0
    assert np.isnan(trial.scores["precision"])
    assert np.isnan(trial.scores["height_bias_nm"])
    assert np.isnan(trial.scores["diffusion_bias"])


def test_steps_that_move_pixels(movie):
    with pytest.raises(ParameterError, match="vertical_flip"):
        prepare(movie, plan(processing="vertical_flip"), 8.0)


def test_a_pipeline_that_detects_nothing(reference):
    steps = plan("count_nonzero").bind()[1].steps
    with pytest.raises(ParameterError, match="detects"):
        of.needed_steps(steps, of.run_analysis(reference.stack, steps))


def test_clustering_is_left_out(reference):
    steps = plan(DETECT + ";dbscan_clustering;particle_tracking").bind()[1].steps
    needed = of.needed_steps(steps, of.run_analysis(reference.stack, steps))
    assert [name for name, _ in needed] == ["feature_detection", "particle_tracking"]


def test_intervals_hold_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(2000):
        _, low, high = student_interval(rng.normal(3.0, 2.0, 8))
        inside += low <= 3.0 <= high
    assert inside / 2000 == pytest.approx(0.95, abs=0.015)
    covered = sum(
        low <= 0.9 <= high for low, high in (wilson_interval(k, 60) for k in rng.binomial(60, 0.9, 2000))
    )
    assert covered / 2000 == pytest.approx(0.95, abs=0.03)


def test_joining_of_movies():
    trials = [
        Trial({"recall": 1.0, "precision": 1.0, "f1": 1.0, "height_bias_nm": b}, {"recall": (10, 10)})
        for b in (0.1, 0.3)
    ]
    joined = summarise(trials)
    assert joined["recall"].high == 1.0
    assert 0.8 < joined["recall"].low < 0.95
    assert joined["height_bias_nm"].value == pytest.approx(0.2)
    assert joined["height_bias_nm"].low < 0.1
    assert "hota" not in joined
    alone = summarise(trials[:1])
    assert np.isnan(alone["height_bias_nm"].low)
    assert alone["recall"].low < 1
    unknown = summarise([Trial({"recall": float("nan")}, {}), trials[0]])
    assert unknown["recall"].n_movies == 1


def test_tracks_without_times_have_no_diffusion():
    table = pd.DataFrame({"frame": range(9), "track_id": 0, "y_nm": 1.0, "x_nm": 2.0})
    assert np.isnan(of.diffusion(table))
