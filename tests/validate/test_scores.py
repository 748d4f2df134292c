"""Scores of results whose faults are known, because the test makes them."""

import numpy as np
import pandas as pd
import pytest
from tests.validate.scenes import PIXEL, movie

from playNano.validate import score_result
from playNano.validate.classes import recall_by_class
from playNano.validate.scores import Place, score_tables

PLACE = {"shape": (88, 88), "pixel_size_nm": (PIXEL, PIXEL), "gate_nm": 5.0, "border_nm": 12.0}


@pytest.fixture(scope="module")
def truth():
    return movie(n_frames=30)[1]


def perfect(truth, **changes):
    return truth.rename(columns={"z_nm": "height_nm"}).assign(**changes)


def scores_of(truth, table):
    return score_result(truth, table, table, **PLACE)


def test_a_perfect_result(truth):
    scores = scores_of(truth, perfect(truth))
    for name in ("recall", "precision", "f1", "link_recall", "link_precision", "idf1", "hota"):
        assert scores[name] == pytest.approx(1.0)
    for name in ("position_error_nm", "height_bias_nm", "link_error", "diffusion_bias"):
        assert scores[name] == pytest.approx(0.0, abs=1e-12)


def test_biases_come_back(truth):
    table = perfect(truth)
    table["height_nm"] += 0.7
    middle = 44 * PIXEL
    for name in ("y_nm", "x_nm"):
        table[name] = middle + 1.05 * (table[name] - middle)
    scores = score_result(truth, table, table, **{**PLACE, "border_nm": 1.0, "gate_nm": 8.0})
    assert scores["height_bias_nm"] == pytest.approx(0.7)
    assert scores["height_error_nm"] == pytest.approx(0.0, abs=1e-9)
    assert scores["diffusion_bias"] == pytest.approx(1.05**2 - 1, abs=0.01)


def test_missed_and_false_points_away_from_the_border(truth):
    inner = Place(**PLACE).inner(truth, 12.0)
    lost = np.flatnonzero(inner)[::4]
    at_border = np.flatnonzero(~inner)
    table = perfect(truth).drop(index=[*lost, *at_border])
    scores = scores_of(truth, table)
    assert scores["recall"] == pytest.approx(1 - len(lost) / inner.sum())
    assert scores["precision"] == 1.0
    clutter = perfect(truth).iloc[:20].assign(y_nm=66.0, x_nm=np.linspace(14, 118, 20), track_id=-1)
    at_edge = clutter.assign(y_nm=3.0)
    near = pd.concat([perfect(truth), clutter, at_edge], ignore_index=True)
    found = score_tables(truth, near, near, Place(**PLACE))
    assert found.scores["recall"] == 1.0
    assert found.n["detections"] <= inner.sum() + 20
    assert found.scores["precision"] < 1.0
    assert found.hit[inner].all()
    assert not found.hit[~inner].any()


def test_wrong_links(truth):
    table = perfect(truth)
    table.loc[table["frame"] >= 15, "track_id"] += 100
    scores = scores_of(truth, table)
    assert 0 < scores["link_error"] < 0.1
    assert scores["idf1"] < 0.8
    swapped = perfect(truth)
    late = swapped["frame"] >= 15
    swapped.loc[late, "track_id"] = (swapped.loc[late, "track_id"] + 1) % 7
    assert scores_of(truth, swapped)["diffusion_bias"] > 1


def test_the_border_follows_the_origin(truth):
    moved = truth.assign(y_nm=truth["y_nm"] + 500, x_nm=truth["x_nm"] - 90)
    here = score_tables(truth, perfect(truth), None, Place(**PLACE))
    there = score_tables(moved, perfect(moved), None, Place(**PLACE, origin_nm=(500.0, -90.0)))
    np.testing.assert_array_equal(here.inner, there.inner)
    assert 0 < here.inner.sum() < len(truth)
    assert "hota" not in here.scores


def test_nothing_to_score(truth):
    empty = perfect(truth).iloc[:0]
    scores = scores_of(truth, empty)
    assert scores["recall"] == 0
    assert np.isnan(scores["precision"])
    assert np.isnan(scores["height_bias_nm"])
    assert np.isnan(score_result(truth.iloc[:0], perfect(truth), **PLACE)["recall"])


def test_recall_by_class_of_height(truth):
    low = (truth["track_id"] % 2 == 0).to_numpy()
    truth = truth.assign(z_nm=np.where(low, 1.2, 8.0) + 0.05 * np.sin(truth["track_id"]))
    found = score_tables(truth, perfect(truth)[~low], None, Place(**PLACE))
    first, second = recall_by_class([truth], [found])
    assert (first["recall"], second["recall"]) == (0.0, 1.0)
    assert first["high_nm"] < 1.5
    assert second["low_nm"] > 7.5
    assert first["n"] + second["n"] == found.inner.sum()
    assert first["low"] == 0.0
    assert 0.02 < first["high"] < 0.6
    assert (
        recall_by_class(
            [truth.iloc[:5]], [score_tables(truth.iloc[:5], perfect(truth), None, Place(**PLACE))]
        )
        == []
    )
