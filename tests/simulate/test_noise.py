"""Noise and faults: statistics as asked, and a table that tells where they are."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy.signal import periodogram

from playNano.errors import ParameterError
from playNano.simulate.faults import Faults
from playNano.simulate.movie import simulate_scene
from playNano.simulate.noise import Noise, NoiseGenerator, ar1_noise, pink_noise
from playNano.simulate.scanner import Scanner
from playNano.simulate.scene import Scene

EMPTY = Scene(())


def noise_of(n_frames=30, shape=(128, 128), slow_axis="down", **noise):
    scanner = Scanner(n_frames, shape, 1.0, 0.5, slow_axis=slow_axis)
    return simulate_scene(EMPTY, scanner, noise=Noise(**noise), seed=3).data.astype(np.float64)


def test_thermal_noise():
    data = noise_of(pixel_nm=0.3)
    assert data.std() == pytest.approx(0.3, rel=0.01)
    assert abs((data[:, :, 1:] * data[:, :, :-1]).mean()) < 0.001
    data = noise_of(pixel_nm=0.3, pixel_autocorrelation=0.6)
    assert data.std() == pytest.approx(0.3, rel=0.01)
    for lag in (1, 2, 3):
        assert (data[:, :, lag:] * data[:, :, :-lag]).mean() / 0.09 == pytest.approx(0.6**lag, abs=0.02)
    assert abs((data[:, 1:] * data[:, :-1]).mean()) < 0.003


@pytest.mark.parametrize("exponent", [1.0, 1.5, 0.5])
def test_spectrum_of_pink_noise(exponent):
    series = np.concatenate([pink_noise(np.random.default_rng(s), 2**15, 2**12, exponent) for s in range(20)])
    f, power = periodogram(series.reshape(20, -1), axis=1, window="hann")
    power = power.mean(axis=0)
    inside = (f > 20 / 2**15) & (f < 0.45)
    edges = np.geomspace(f[inside][0], 0.45, 12)
    middle = np.sqrt(edges[1:] * edges[:-1])
    level = [power[(f >= a) & (f < b)].mean() for a, b in pairwise(edges)]
    slope = np.polyfit(np.log(middle), np.log(level), 1)[0]
    assert slope == pytest.approx(-exponent, abs=0.06)
    band = (f >= 1 / 2**12) & (f <= 0.5)
    assert np.sqrt(power[band].sum() * (f[1] - f[0])) == pytest.approx(1.0, rel=0.05)


def test_long_pink_noise_has_no_seams(monkeypatch):
    monkeypatch.setattr("playNano.simulate.noise._PIECE", 4096)
    series = np.array([pink_noise(np.random.default_rng(s), 30_000, 512) for s in range(60)])
    assert series.shape == (60, 30_000)
    spread = series.reshape(60, -1, 500).std(axis=(0, 2))
    assert spread.std() / spread.mean() < 0.1
    steps = np.abs(np.diff(series, axis=1)).mean(axis=0)
    assert steps.max() < 1.6 * steps.mean()


def test_pink_noise_runs_along_the_tip():
    down, up = noise_of(pink_nm=0.5, n_frames=3), noise_of(pink_nm=0.5, n_frames=3, slow_axis="up")
    np.testing.assert_array_equal(down, up[:, ::-1])
    assert down[1].std() == pytest.approx(0.5, rel=0.4)
    # Neighbours on a line are closer in time than neighbours in a column.
    assert np.diff(down, axis=2).std() < np.diff(down, axis=1).std()


def test_row_offsets():
    data = noise_of(row_offset_nm=0.7, shape=(128, 4), n_frames=60)
    assert (data == data[:, :, :1]).all()
    rows = data[:, :, 0]
    assert rows.std() == pytest.approx(0.7, rel=0.03)
    assert abs((rows[:, 1:] * rows[:, :-1]).mean()) < 0.02
    rows = noise_of(row_offset_nm=0.7, row_autocorrelation=0.8, shape=(128, 4), n_frames=200)[:, :, 0]
    assert rows.std() == pytest.approx(0.7, rel=0.05)
    assert (rows[:, 1:] * rows[:, :-1]).mean() / rows.var() == pytest.approx(0.8, abs=0.02)
    assert (rows[1:, 0] * rows[:-1, -1]).mean() / rows.var() == pytest.approx(0.8, abs=0.15)


def test_tilt_bow_and_their_drift():
    data = noise_of(tilt_nm=(3.0, -5.0), n_frames=2)
    assert data[0, -1, 7] - data[0, 0, 7] == pytest.approx(3.0, abs=1e-5)
    assert data[1, 7, -1] - data[1, 7, 0] == pytest.approx(-5.0, abs=1e-5)
    assert data[0].mean() == pytest.approx(0.0, abs=1e-5)
    bow = noise_of(bow_nm=(0.0, 2.0), shape=(65, 65), n_frames=1)[0]
    assert bow[3, 32] - bow[3, 0] == pytest.approx(2.0, abs=1e-5)
    assert bow[3, 0] == pytest.approx(bow[3, 64], abs=1e-6)
    scanner = Scanner(4000, (2, 2), 1.0)
    generator = NoiseGenerator(Noise(tilt_walk_nm=0.2, bow_walk_nm=0.1), scanner, np.random.SeedSequence(0))
    assert np.diff(generator.tilt_nm, axis=1).std() == pytest.approx(0.2, rel=0.05)
    assert np.diff(generator.bow_nm, axis=1).std() == pytest.approx(0.1, rel=0.05)
    assert (generator.tilt_nm[:, 0] == 0).all()


def test_height_sinks_and_walks():
    data = noise_of(height_nm=100.0, sink_walk_nm=0.5, n_frames=800, shape=(2, 2))
    level = data.mean(axis=(1, 2))
    assert level[0] == pytest.approx(100.0, abs=1e-4)
    assert np.diff(level).std() == pytest.approx(0.5, rel=0.1)


def test_streaks():
    data = noise_of(streaks_per_line=0.05, streak_nm=2.0, streak_px=6.0, shape=(256, 512), n_frames=4)
    assert data.min() >= -1e-6
    starts = ((data[:, :, 1:] > 1e-6) & (data[:, :, :-1] <= 1e-6)).sum() / (4 * 256)
    assert starts == pytest.approx(0.05, rel=0.25)
    # A streak of whole pixels is on average 6.5 long, and 2 nm high.
    assert data.sum() / (starts * 4 * 256) == pytest.approx(13.0, rel=0.25)


def test_converter():
    data = noise_of(pixel_nm=1.0, adc_step_nm=0.25, adc_range_nm=(-1.1, 2.0))
    levels = np.unique(data)
    assert levels.min() == pytest.approx(-1.1)
    assert levels.max() <= 2.0 + 0.125
    np.testing.assert_allclose((levels + 1.1) / 0.25, np.round((levels + 1.1) / 0.25), atol=1e-4)


def test_ar1_noise_is_stationary():
    values = ar1_noise(np.random.default_rng(0), (20_000, 8), 2.0, 0.7)
    np.testing.assert_allclose(values.std(axis=0), 2.0, rtol=0.03)


def test_faults_are_where_the_table_says():
    faults = Faults(scars_per_frame=3.0, blank_frames=(4,), torn_frames=(2, 5), blank_nm=450.0, torn_nm=20.0)
    scanner = Scanner(8, (32, 48), 1.0, slow_axis="alternating")
    movie = simulate_scene(EMPTY, scanner, faults=faults, seed=6)
    table = movie.faults
    assert sorted(set(table["kind"])) == ["blank", "scar", "torn"]
    assert (movie.data[4] == 450.0).all()
    rebuilt = np.zeros_like(movie.data)
    for fault in table.itertuples():
        if fault.kind == "scar":
            rebuilt[fault.frame, fault.row, fault.col : fault.col + fault.n_cols] += fault.size_nm
    for fault in table.itertuples():
        here = rebuilt[fault.frame, fault.row : fault.row + fault.n_rows]
        if fault.kind == "blank":
            here[:] = fault.size_nm
        elif fault.kind == "torn":
            here[:] = here.mean(axis=1, keepdims=True) + fault.size_nm
            assert fault.row + fault.n_rows == 32 if fault.frame % 2 == 0 else fault.row == 0
    np.testing.assert_allclose(movie.data, rebuilt, atol=1e-4)
    assert len(table[table["kind"] == "scar"]) == pytest.approx(24, abs=15)


def test_shares_of_lost_frames():
    movie = simulate_scene(EMPTY, Scanner(1000, (4, 4), 1.0), faults=Faults(blank_share=0.1, torn_share=0.2))
    kinds = movie.faults["kind"].value_counts()
    assert kinds["blank"] == pytest.approx(100, abs=35)
    assert kinds["torn"] == pytest.approx(180, abs=45)
    assert simulate_scene(EMPTY, Scanner(2, (4, 4), 1.0)).faults.empty


@pytest.mark.parametrize(
    ("kind", "wrong", "name"),
    [
        (Noise, {"pixel_nm": -1.0}, "pixel_nm"),
        (Noise, {"pixel_autocorrelation": 1.0}, "pixel_autocorrelation"),
        (Noise, {"row_autocorrelation": -0.1}, "row_autocorrelation"),
        (Noise, {"tilt_nm": 3.0}, "tilt_nm"),
        (Noise, {"pink_exponent": 3.0}, "pink_exponent"),
        (Noise, {"adc_range_nm": (2.0, 1.0)}, "adc_range_nm"),
        (Noise, {"height_nm": float("nan")}, "height_nm"),
        (Faults, {"blank_share": 1.5}, "blank_share"),
        (Faults, {"torn_frames": (1.5,)}, "torn_frames"),
        (Faults, {"scar_px": 0.0}, "scar_px"),
    ],
)
def test_impossible_noise(kind, wrong, name):
    with pytest.raises(ParameterError, match=name):
        kind(**wrong)
