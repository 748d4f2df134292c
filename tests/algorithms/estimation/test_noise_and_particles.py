"""Estimates of noise and particles, against simulated movies whose numbers are known."""

from __future__ import annotations

import numpy as np
import pytest

from playNano.algorithms.estimation.noise_and_particles import estimate_noise, estimate_particles
from playNano.errors import ParameterError
from playNano.simulate.movie import simulate_movie, simulate_scene
from playNano.simulate.noise import Noise
from playNano.simulate.scanner import Scanner
from playNano.simulate.scene import Scene
from playNano.simulate.tip import Tip


def held_out(seed):
    """Movies whose settings nobody chose with the estimates in mind."""
    rng = np.random.default_rng(100 + seed)
    settings = {
        "n_particles": int(rng.integers(5, 25)),
        "radius_nm": rng.uniform(5, 10),
        "height_nm": rng.uniform(2, 8),
        "noise_nm": rng.uniform(0.05, 0.3),
        "row_offset_nm": rng.uniform(0.1, 0.6),
        "diffusion_nm2_s": rng.uniform(0, 120),
        "tilt_nm": tuple(rng.uniform(-8, 8, 2)),
        "shape": tuple(int(v) for v in rng.integers(110, 150, 2)),
    }
    return simulate_movie(20, seed=seed, margin_nm=20.0, **settings), settings


@pytest.mark.parametrize("seed", range(6))
def test_held_out_movies(seed):
    movie, truth = held_out(seed)
    noise = estimate_noise(movie.data)
    assert noise.pixel_nm == pytest.approx(truth["noise_nm"], rel=0.1)
    assert noise.row_offset_nm == pytest.approx(truth["row_offset_nm"], rel=0.1)
    assert abs(noise.pixel_autocorrelation) < 0.03
    assert abs(noise.row_autocorrelation) < 0.1
    found = estimate_particles(movie.data, movie.pixel_size_nm)
    assert found.radius_nm == pytest.approx(movie.truth["radius_nm"].median(), rel=0.15)
    assert found.height_nm == pytest.approx(movie.truth["z_nm"].median(), rel=0.1)
    # The movie's own count; the one truth for is random within the field of view.
    assert found.per_frame == pytest.approx(len(movie.truth) / 20, rel=0.05)
    area = np.prod(truth["shape"]) * 4e-6
    assert found.density_um2 == pytest.approx(found.per_frame / area)


def test_correlated_noise():
    noise = Noise(
        pixel_nm=0.2,
        pixel_autocorrelation=0.7,
        row_offset_nm=0.3,
        row_autocorrelation=0.6,
        tilt_nm=(5.0, -9.0),
    )
    movie = simulate_scene(Scene(()), Scanner(12, (128, 128), 2.0), noise=noise, seed=1)
    found = estimate_noise(movie.data)
    assert found.pixel_nm == pytest.approx(0.2, rel=0.05)
    assert found.pixel_autocorrelation == pytest.approx(0.7, abs=0.03)
    assert found.row_offset_nm == pytest.approx(0.3, rel=0.1)
    assert found.row_autocorrelation == pytest.approx(0.6, abs=0.08)


def test_steps_of_the_converter_do_not_matter():
    fine = simulate_scene(Scene(()), Scanner(10, (100, 100), 2.0), noise=Noise(pixel_nm=0.2), seed=2)
    coarse = simulate_scene(
        Scene(()), Scanner(10, (100, 100), 2.0), noise=Noise(pixel_nm=0.2, adc_step_nm=0.15), seed=2
    )
    both = [estimate_noise(m.data).pixel_nm for m in (fine, coarse)]
    assert both[1] == pytest.approx(np.hypot(both[0], 0.15 / np.sqrt(12)), rel=0.05)


def test_a_blunt_tip_makes_particles_look_larger():
    sharp = simulate_movie(10, n_particles=8, radius_nm=6.0, noise_nm=0.05, seed=3)
    found = estimate_particles(sharp.data, 2.0)
    assert found.radius_nm == pytest.approx(6.0, rel=0.1)
    wide = estimate_particles(np.stack([Tip("parabolic", 20.0).dilate(f, 2.0) for f in sharp.clean]), 2.0)
    assert wide.radius_nm > 1.15 * found.radius_nm


def test_pixels_that_are_not_square():
    movie = simulate_movie(
        10, (64, 128), pixel_size_nm=(4.0, 2.0), n_particles=6, radius_nm=10.0, margin_nm=20.0, seed=4
    )
    found = estimate_particles(movie.data, (4.0, 2.0))
    assert found.radius_nm == pytest.approx(10.0, rel=0.15)
    assert found.per_frame == pytest.approx(len(movie.truth) / 10, rel=0.1)


def test_background_without_particles():
    movie = simulate_scene(Scene(()), Scanner(5, (64, 64), 2.0), noise=Noise(pixel_nm=0.1), seed=1)
    found = estimate_particles(movie.data, 2.0)
    assert found.per_frame == 0
    assert found.n_measured == 0
    assert np.isnan(found.radius_nm)


def test_input_of_many_kinds():
    movie = simulate_movie(6, (64, 64), n_particles=3, noise_nm=0.2, seed=5)
    before = movie.data.copy()
    whole = estimate_noise(movie.data)
    np.testing.assert_array_equal(movie.data, before)
    assert estimate_noise(movie.data.astype(np.float64)[:, ::1]) == whole
    assert estimate_noise(np.ascontiguousarray(movie.data.transpose(2, 0, 1)).transpose(1, 2, 0)) == whole
    assert estimate_noise(movie.data[0]).pixel_nm == pytest.approx(0.2, rel=0.2)
    holes = movie.data.copy()
    holes[:, 10:14, 5:40] = np.nan
    holes[2, 30] = np.nan
    holes[:, :, 50] = np.nan
    assert estimate_noise(holes).pixel_nm == pytest.approx(0.2, rel=0.1)
    assert estimate_particles(holes, 2.0).n_measured > 0
    blank = np.concatenate([movie.data, np.full((40, 64, 64), 450.0, dtype=np.float32)])
    assert estimate_noise(blank) == whole
    levels = np.round(movie.data * 100).astype(np.int16)
    assert estimate_noise(levels).pixel_nm == pytest.approx(20.0, rel=0.1)


@pytest.mark.parametrize(
    "wrong",
    [np.zeros((3, 64, 64)), np.zeros((3, 4, 64)), np.zeros(7), np.array([["a"]]), np.full((2, 9, 9), np.nan)],
)
def test_no_movie(wrong):
    with pytest.raises(ParameterError, match="data"):
        estimate_noise(wrong)


def test_wrong_parameters():
    movie = np.random.default_rng(0).normal(size=(2, 16, 16))
    with pytest.raises(ParameterError, match="max_frames"):
        estimate_noise(movie, max_frames=0)
    with pytest.raises(ParameterError, match="pixel_size_nm"):
        estimate_particles(movie, -1.0)
