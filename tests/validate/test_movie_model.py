"""Movie models fitted to movies whose settings are known, and movies simulated from them."""

import json
from dataclasses import replace

import numpy as np
import pytest

from playNano.afm_stack import AFMImageStack
from playNano.errors import ParameterError, StackError
from playNano.simulate import simulate_movie, simulate_preset
from playNano.simulate.scanner import Scanner
from playNano.validate.calibrate import calibrate
from playNano.validate.movie_model import fit_movie_model


@pytest.fixture(scope="module")
def movie():
    return simulate_movie(
        30, (112, 120), n_particles=14, diffusion_nm2_s=50.0, noise_nm=0.12, row_offset_nm=0.3,
        radius_nm=7.0, height_nm=4.0, margin_nm=20.0, slow_axis="alternating", seed=8,
    )  # fmt: skip


@pytest.fixture(scope="module")
def model(movie):
    return fit_movie_model(movie.to_stack())


def test_settings_are_measured(movie, model):
    assert model.shape == (30, 112, 120)
    assert model.frame_time_s == pytest.approx(0.5)
    assert model.line_time_s == pytest.approx(0.5 / 112)
    assert model.slow_axis == "alternating"
    assert model.noise.pixel_nm == pytest.approx(0.12, rel=0.1)
    assert model.noise.row_offset_nm == pytest.approx(0.3, rel=0.1)
    assert model.particles.radius_nm == pytest.approx(7.0, rel=0.15)
    assert model.particles.height_nm == pytest.approx(4.0, rel=0.1)
    assert model.particles.per_frame == pytest.approx(len(movie.truth) / 30, rel=0.05)
    assert model.tilt_nm == pytest.approx((4.0, -6.0), abs=0.3)
    d = model.dynamics.motion
    assert d.diffusion_nm2_s == pytest.approx(50.0, abs=0.15 * 50 + 3 * d.diffusion_error_nm2_s)
    assert d.velocity_nm_s == (0.0, 0.0)
    assert model.dynamics.unbind_rate_s < 0.06
    assert model.blank_share == model.torn_share == 0
    assert model.caveats == ()


def test_a_simulated_movie_has_the_properties_of_the_model(movie, model):
    calibrated, remeasured = calibrate(model, 20)
    for one in (remeasured, fit_movie_model(calibrated.simulate(20, 3).to_stack())):
        assert one.noise.pixel_nm == pytest.approx(model.noise.pixel_nm, rel=0.1)
        assert one.noise.row_offset_nm == pytest.approx(model.noise.row_offset_nm, rel=0.1)
        assert one.particles.height_nm == pytest.approx(model.particles.height_nm, rel=0.1)
        assert one.particles.radius_nm == pytest.approx(model.particles.radius_nm, rel=0.1)
        assert one.particles.per_frame == pytest.approx(model.particles.per_frame, rel=0.4)
        assert one.slow_axis == "alternating"
    np.testing.assert_array_equal(calibrated.simulate(3, 5).data, calibrated.simulate(3, 5).data)


def test_lost_frames_and_drift():
    movie = simulate_preset(
        "membrane diffusion", n_frames=40, shape=(96, 96), blank_frames=(3, 4), torn_frames=(12, 20, 30),
        drift_nm_s=(16.0, -12.0), scars_per_frame=0.0, seed=2,
    )  # fmt: skip
    model = fit_movie_model(movie.to_stack())
    assert model.blank_share == pytest.approx(2 / 40)
    # Of frame 20 three lines are lost, which is a scar.
    assert model.torn_share == pytest.approx(2 / 40)
    assert model.dynamics.motion.velocity_nm_s == pytest.approx((16.0, -12.0), abs=5.0)


def test_debris_is_measured_and_simulated_but_is_no_particle(movie):
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:112, :120]
    data = movie.data.copy()
    for cy, cx in rng.uniform(5, 105, (12, 2)):
        data += np.float32(1.1) * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / 8).astype(np.float32)
    stack = movie.to_stack()
    stack.data = data
    model = fit_movie_model(stack, min_height_nm=1.6)
    # Those under particles or beside them are not seen.
    assert 4 <= model.debris.per_frame <= 13
    assert model.debris.height_nm == pytest.approx(1.1, rel=0.2)
    assert model.particles.per_frame == pytest.approx(len(movie.truth) / 30, rel=0.1)
    kinds = model.simulate(4, 0).truth["species"].value_counts() / 4
    assert kinds["debris"] == pytest.approx(model.debris.per_frame, rel=0.4)
    assert kinds["particle"] == pytest.approx(model.particles.per_frame, rel=0.5)


def test_raw_heights_are_measured_whatever_was_done_to_them(movie, model):
    stack = movie.to_stack()
    stack.apply(["remove_plane", "gaussian_filter"])
    assert fit_movie_model(stack).to_dict() == model.to_dict()


def test_a_model_can_be_written(model):
    json.dumps(model.to_dict(), allow_nan=False)


def test_what_cannot_be_simulated():
    empty = np.random.default_rng(0).normal(0, 0.1, (8, 48, 48)).astype(np.float32)
    with pytest.raises(StackError, match="no particles"):
        fit_movie_model(AFMImageStack(empty, 1.0, "height", "empty.npy"))
    with pytest.raises(StackError, match="height channel"):
        fit_movie_model(AFMImageStack(empty, 1.0, "phase", "empty.npy", unit="deg"))


def test_the_number_of_particles_follows_from_the_density(model):
    scanner = Scanner(10, (112, 120), 2.0, 0.5)
    scene = model._scene(scanner)
    field = 112 * 120 * 4
    area = (112 * 2 + 2 * scene.margin_nm) * (120 * 2 + 2 * scene.margin_nm)
    assert scene.species[0].count == pytest.approx(model.particles.per_frame * area / field, abs=0.51)


def test_a_movie_that_does_not_show_how_long_particles_stay(model):
    short = replace(model, dynamics=replace(model.dynamics, unbind_rate_s=float("nan")))
    with pytest.raises(ParameterError, match=r"how long particles stay.* give a longer movie"):
        short.simulate(3, 0)
