"""A simulated movie: reproducible, timed by line, true to its table."""

from __future__ import annotations

import json

import numpy as np
import pytest

from playNano.errors import ParameterError
from playNano.simulate.movie import simulate_movie, simulate_scene
from playNano.simulate.scanner import Scanner
from playNano.simulate.scene import Scene, Species
from playNano.simulate.shapes import Gaussian


@pytest.fixture(scope="module")
def movie():
    return simulate_movie(n_frames=20, shape=(64, 96), n_particles=6, seed=4)


def test_same_seed_same_movie(movie):
    again = simulate_movie(n_frames=20, shape=(64, 96), n_particles=6, seed=4)
    np.testing.assert_array_equal(movie.data, again.data)
    assert movie.truth.equals(again.truth)
    other = simulate_movie(n_frames=20, shape=(64, 96), n_particles=6, seed=5)
    assert not np.array_equal(movie.data, other.data)


def test_shape_and_columns(movie):
    assert movie.data.shape == (20, 64, 96)
    assert movie.data.dtype == np.float32
    assert movie.pixel_size_nm == (2.0, 2.0)
    assert list(movie.truth.columns[:9]) == [
        "frame", "particle", "time_s", "y", "x", "y_nm", "x_nm", "z_nm", "radius_nm",
    ]  # fmt: skip
    assert movie.truth["frame"].dtype.kind == "i"
    assert movie.truth["y"].between(-0.5, 63.5).all()
    assert movie.truth["x"].between(-0.5, 95.5).all()


def test_particles_stand_where_the_truth_says(movie):
    rows, cols = movie.truth["y"].round().astype(int), movie.truth["x"].round().astype(int)
    height = movie.clean[movie.truth["frame"], rows, cols]
    np.testing.assert_allclose(height, movie.truth["z_nm"], rtol=0.1)


def test_the_tip_passes_when_it_passes(movie):
    """The moment in the table is that of the row, plus the way along the line."""
    truth = movie.truth
    start = truth["frame"] * movie.frame_time_s + movie.scan.delay_s(truth["y"], truth["frame"])
    along = (truth["x"] + 0.5) / 96 * movie.scan.line_time_s / 2
    np.testing.assert_allclose(truth["time_s"], start + along, atol=0.1 * movie.scan.line_time_s)


def test_particles_keep_clear_of_each_other(movie):
    for _, frame in movie.truth.groupby("frame"):
        p = frame[["y_nm", "x_nm"]].to_numpy()
        d = np.hypot(*(p[:, None] - p[None]).transpose(2, 0, 1))
        d[np.diag_indices(len(p))] = np.inf
        # The tip passes two particles at different moments, so they may come a little closer.
        assert d.min() > 0.8 * 2 * frame["radius_nm"].min() * np.sqrt(np.log2(10))


def test_stack(movie):
    stack = movie.to_stack()
    assert stack.n_frames == 20
    assert stack.time_for_frame(3) == pytest.approx(1.5)
    json.dumps(movie.description)


def test_nobody_there():
    movie = simulate_movie(
        n_frames=3, shape=(16, 16), n_particles=0, noise_nm=0, row_offset_nm=0, tilt_nm=(0, 0)
    )
    assert len(movie.truth) == 0
    assert not movie.data.any()
    empty = simulate_scene(Scene(()), Scanner(1, (4, 4)))
    assert len(empty.truth) == 0


def test_wrong_values_are_named():
    with pytest.raises(ParameterError, match="radius"):
        simulate_movie(radius_nm=-1)
    with pytest.raises(ParameterError, match="shape"):
        simulate_movie(shape=(1, 5))
    with pytest.raises(ParameterError, match="slow_axis"):
        simulate_movie(slow_axis="sideways")
    with pytest.raises(ParameterError, match="paths"):
        simulate_scene(Scene((Species(Gaussian(5.0, 5.0), count=1, place="paths"),)), Scanner(1))
