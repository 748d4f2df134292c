"""The confidence of a link is the probability that it is right, whatever the motion."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tests.algorithms.linking.linking_calls import link


def walks(seed, *, n=60, n_frames=60, step=0.3, turn=None, noise=0.0):
    """Detections of particles a neighbour distance of 1 apart, 7 % missed, 3 % clutter.

    They diffuse, or with `turn` glide, each at its own speed, turning by so much a frame.
    """
    rng = np.random.default_rng(seed)
    side = 2.0 * np.sqrt(n)
    moves = rng.normal(0, step / np.sqrt(2), (n_frames, n, 2))
    if turn is not None:
        angle = rng.uniform(0, 2 * np.pi, n) + np.cumsum(rng.normal(0, turn, (n_frames, n)), axis=0)
        speed = step * rng.uniform(0.6, 1.4, n)[:, None]
        moves = speed * np.stack([np.sin(angle), np.cos(angle)], axis=-1) + 0.1 * moves
    at = rng.uniform(0, side, (n, 2)) + np.cumsum(moves, axis=0)
    at = np.abs((at + side) % (2 * side) - side)
    frame, particle = np.nonzero(rng.random((n_frames, n)) >= 0.07)
    result = at[frame, particle] + rng.normal(0, noise, (frame.size, 2))
    false = np.repeat(np.arange(n_frames), rng.poisson(0.03 * n, n_frames))
    place = np.concatenate([result, rng.uniform(0, side, (false.size, 2))])
    return pd.DataFrame(
        {
            "frame": np.concatenate([frame, false]),
            "y": place[:, 0],
            "x": place[:, 1],
            "particle": np.concatenate([particle, np.full(false.size, -1)]),
        }
    )


def following(table):
    """Return the row of each detection's next one of the same particle, or -1."""
    order = np.lexsort([table["frame"], table["particle"]])
    particle = table["particle"].to_numpy()[order]
    same = (np.diff(particle) == 0) & (particle[1:] >= 0)
    rows = np.full(len(table), -1)
    rows[order[:-1][same]] = order[1:][same]
    return rows


def sure_and_right(movies, **options):
    sure, right = [], []
    for table in movies:
        links = link(table, max_missing=3, **options).links
        right.append(following(table)[links["source"]] == links["target"])
        sure.append(links["confidence"])
    return np.concatenate(sure), np.concatenate(right)


def assert_calibrated(sure, right, *, mean=0.02):
    between = (sure >= 0.8) & (sure < 0.9)
    assert between.sum() > 200
    assert right[sure > 0.99].mean() >= 0.99
    assert 0.75 <= right[between].mean() <= 0.95
    assert abs(sure.mean() - right.mean()) < mean


def test_confidence_is_calibrated():
    assert_calibrated(*sure_and_right([walks(seed) for seed in range(20, 24)], max_distance=1.2))


@pytest.mark.parametrize(("step", "turn"), [(0.5, 0.15), (0.7, 0.1), (0.5, 0.5), (0.4, 1.0)])
def test_confidence_of_gliding_particles_is_calibrated(step, turn):
    movies = [walks(seed, n_frames=80, step=step, turn=turn) for seed in range(700, 706)]
    assert_calibrated(*sure_and_right(movies, max_distance=1.5, motion="directed"))


def test_where_past_and_future_explain_nothing_confidence_stays():
    movies = [walks(seed) for seed in range(710, 713)]
    plain, _ = sure_and_right(movies, max_distance=1.2)
    sure, right = sure_and_right(movies, max_distance=1.2, motion="directed")
    assert_calibrated(sure, right)
    assert sure.mean() == pytest.approx(plain.mean(), abs=0.005)


def test_confidence_of_resting_particles_is_calibrated():
    movies = [walks(seed, n_frames=80, step=0.001, noise=0.2) for seed in range(720, 724)]
    assert_calibrated(*sure_and_right(movies, max_distance=1.2, motion="static"), mean=0.03)
