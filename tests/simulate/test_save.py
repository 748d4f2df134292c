"""Simulated movies on disk: our readers find in them what was written, and the tables tell the truth."""

import json

import numpy as np
import pandas as pd
import pytest

from playNano.errors import ParameterError
from playNano.io.formats.asd import open_asd
from playNano.io.loader import load_afm_stack
from playNano.simulate import simulate_preset
from playNano.simulate.save import TABLES, save_movie


@pytest.fixture(scope="module")
def movie():
    changes = {"n_frames": 5, "shape": (48, 64), "pixel_size_nm": (4.0, 2.0), "torn_frames": (3,)}
    return simulate_preset("membrane diffusion", seed=2, **changes)


def opened(movie, path, **kwargs):
    written = save_movie(movie, path, **kwargs)
    assert all(p.stat().st_size > 0 for p in written)
    stack = load_afm_stack(path)
    assert stack.pixel_size_yx_nm == (4.0, 2.0)
    assert stack.unit == "nm"
    np.testing.assert_allclose(stack.get_frame_times(), 0.3 * np.arange(5), atol=1e-6)
    return stack


@pytest.mark.parametrize("ending", [".npz", ".h5"])
def test_our_own_formats_keep_every_bit(movie, tmp_path, ending):
    stack = opened(movie, tmp_path / f"a{ending}")
    np.testing.assert_array_equal(stack.data, movie.data)
    assert stack.scan == movie.scan


@pytest.mark.parametrize("version", [0, 1, 2])
def test_asd_keeps_heights_to_half_a_step(movie, tmp_path, version):
    stack = opened(movie, tmp_path / "a.asd", asd_version=version)
    header = open_asd(tmp_path / "a.asd").header
    assert header["version"] == version
    step = 10 * header["z_piezo_extension"] * header["z_piezo_gain"] / 4096
    assert step < 1.2 * 2 * np.abs(movie.data).max() / 4096 + 2e-3
    assert np.abs(stack.data - movie.data).max() <= step / 2 + 1e-5
    # The movie goes down, and the format can say only that a scan goes up.
    assert stack.scan.direction is None
    assert stack.scan.line_time_s == pytest.approx(0.3 / 48)


@pytest.mark.parametrize("version", [0, 1, 2])
def test_an_asd_file_of_a_scan_that_goes_up_gives_back_rows_and_times(tmp_path, version):
    movie = simulate_preset("crowded", n_frames=2, shape=(32, 32), slow_axis="up", seed=1)
    save_movie(movie, tmp_path / "a.asd", asd_version=version)
    stack, original = load_afm_stack(tmp_path / "a.asd"), movie.to_stack()
    assert np.abs(stack.data - movie.data).max() < 0.02
    frame, y = [0, 0, 1], [0.0, 31.0, 12.5]
    np.testing.assert_allclose(stack.detection_times(frame, y), original.detection_times(frame, y), atol=1e-6)


@pytest.mark.parametrize("slow_axis", ["down", "alternating"])
@pytest.mark.parametrize("version", [0, 1])
def test_an_asd_file_does_not_claim_a_scan_that_was_not(tmp_path, slow_axis, version):
    movie = simulate_preset("membrane diffusion", n_frames=2, shape=(32, 32), slow_axis=slow_axis)
    save_movie(movie, tmp_path / "a.asd", asd_version=version)
    assert load_afm_stack(tmp_path / "a.asd").scan.direction is None


def test_tables_stand_beside_the_movie(movie, tmp_path):
    save_movie(movie, tmp_path / "sub" / "a.npz")
    for name in TABLES:
        read = pd.read_csv(tmp_path / "sub" / f"a_{name}.csv")
        pd.testing.assert_frame_equal(read, getattr(movie, name), check_dtype=False)
    told = json.loads((tmp_path / "sub" / "a_simulation.json").read_text())
    assert told["seed"] == 2
    assert told["scanner"]["n_frames"] == 5
    assert "torn" in set(movie.faults["kind"])


def test_another_ending(movie, tmp_path):
    with pytest.raises(ParameterError, match=r"\.npz, \.h5, \.asd"):
        save_movie(movie, tmp_path / "a.mp4")
    assert not list(tmp_path.iterdir())


def test_a_field_of_no_whole_nanometres_does_not_fit_asd(tmp_path):
    movie = simulate_preset("membrane diffusion", n_frames=1, shape=(33, 32), pixel_size_nm=0.7)
    with pytest.raises(ParameterError, match="whole nm"):
        save_movie(movie, tmp_path / "a.asd")
    assert not list(tmp_path.iterdir())
