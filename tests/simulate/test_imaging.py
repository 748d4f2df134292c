"""Scanning: when each line is taken, which way, and what is on it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import label, map_coordinates

from playNano.errors import ParameterError
from playNano.simulate.imaging import (
    Encounters,
    SubstrateHeights,
    apply_feedback,
    field_of_view,
    image_lines,
    lateral_drift,
)
from playNano.simulate.movie import simulate_movie, simulate_scene
from playNano.simulate.noise import Noise
from playNano.simulate.scanner import Scanner
from playNano.simulate.scene import Kinetics, Motion, Scene, Species
from playNano.simulate.shapes import Gaussian, Rod
from playNano.simulate.substrate import Area, Flat, Lattice, Steps, Strands, Substrate, Surface
from playNano.simulate.templates import Template, Templates
from playNano.simulate.tip import Feedback, Tip

EMPTY = Scene(())


@pytest.mark.parametrize("slow_axis", ["down", "up", "alternating"])
def test_line_times_to_the_microsecond(slow_axis):
    """A surface that rises by 1 nm/s tells the moment at which every line was begun."""
    scanner = Scanner(6, (40, 8), 1.0, frame_time_s=0.25, frame_turn_s=0.01, slow_axis=slow_axis)
    movie = simulate_scene(EMPTY, scanner, noise=Noise(sink_nm_s=1.0))
    assert scanner.line_time_s == pytest.approx(0.006)
    frame, row = np.indices((6, 40))
    expected = frame * 0.25 + movie.scan.delay_s(row, frame)
    assert np.abs(movie.data[:, :, 3] - expected).max() < 1e-6
    starts = scanner.line_starts_s(0, 6).reshape(6, 40)
    for f in range(6):
        np.testing.assert_allclose(starts[f], expected[f, scanner.row_order(f)], atol=1e-9)


@settings(deadline=None, max_examples=40)
@given(
    h=st.integers(2, 40),
    w=st.integers(2, 40),
    turn=st.floats(0, 0.9),
    frame_turn=st.floats(0, 0.3),
    axis=st.sampled_from(["down", "up", "alternating"]),
)
def test_time_runs_forwards(h, w, turn, frame_turn, axis):
    scanner = Scanner(3, (h, w), 1.0, 0.5, frame_turn_s=frame_turn, line_turn=turn, slow_axis=axis)
    starts = scanner.line_starts_s(0, 3)
    forth = scanner.pixel_delay_s(np.arange(w))
    back = scanner.pixel_delay_s(np.arange(w), retrace=True)
    assert (np.diff(starts) > 0).all()
    assert (np.diff(forth) > 0).all()
    assert (np.diff(back) < 0).all()
    assert forth[0] > 0
    assert forth[-1] < back[-1]
    assert back[0] < scanner.line_time_s
    np.testing.assert_allclose(forth + back, scanner.line_time_s)
    assert sorted(scanner.row_order(1)) == list(range(h))


def test_a_moving_particle_is_sheared():
    """Scanned downwards, one that runs down with a third of the tip's speed is half as long again."""
    speed = 128 * 2.0 / 0.5
    species = Species(Gaussian(5.0, 10.0), count=40, motion=Motion(velocity_nm_s=(speed / 3, 0.0)))
    tall = simulate_scene(Scene((species,), margin_nm=150.0), Scanner(2, (128, 128)), seed=5)
    inner = tall.truth[tall.truth["y"].between(30, 97) & tall.truth["x"].between(30, 97)]
    assert len(inner) >= 2
    for one in inner.itertuples():
        labels, _ = label(tall.clean[one.frame] > 2.5)
        y, x = np.nonzero(labels == labels[round(one.y), round(one.x)])
        assert np.ptp(y) / np.ptp(x) == pytest.approx(1.5, abs=0.2)
        assert y.mean() == pytest.approx(one.y, abs=0.5)


@pytest.mark.parametrize("slow_axis", ["up", "alternating"])
def test_other_directions_find_the_particles(slow_axis):
    movie = simulate_movie(n_frames=6, shape=(64, 64), n_particles=4, slow_axis=slow_axis, seed=2)
    rows, cols = movie.truth["y"].round().astype(int), movie.truth["x"].round().astype(int)
    np.testing.assert_allclose(movie.clean[movie.truth["frame"], rows, cols], movie.truth["z_nm"], rtol=0.1)
    delay = movie.scan.delay_s(movie.truth["y"], movie.truth["frame"])
    assert (movie.truth["time_s"] - movie.truth["frame"] * 0.5 - delay).between(0, 0.5 / 64).all()


def test_pixels_that_are_not_square():
    scene = Scene(Species(Gaussian(5.0, 12.0), count=1), margin_nm=-40.0)
    movie = simulate_scene(scene, Scanner(1, (60, 120), (4.0, 2.0)), seed=1)
    y, x = np.nonzero(movie.clean[0] > 2.5)
    assert np.ptp(x) / np.ptp(y) == pytest.approx(2.0, rel=0.15)
    one = movie.truth.iloc[0]
    assert (one["y_nm"], one["x_nm"]) == pytest.approx((one["y"] * 4, one["x"] * 2))
    assert (y.mean(), x.mean()) == pytest.approx((one["y"], one["x"]), abs=0.5)


def test_trace_and_retrace():
    scene = Scene(Species(Gaussian(5.0, 8.0), count=4, motion=Motion(200.0)))
    both = Scanner(4, (64, 64), 2.0, trace="both", line_turn=0.2)
    movie = simulate_scene(scene, both, noise=Noise(pixel_nm=0.1), feedback=Feedback(fall_nm_s=2e4), seed=3)
    forth = simulate_scene(
        scene,
        Scanner(4, (64, 64), 2.0, line_turn=0.2),
        noise=Noise(pixel_nm=0.1),
        feedback=Feedback(fall_nm_s=2e4),
        seed=3,
    )
    np.testing.assert_array_equal(movie.data, forth.data)
    assert movie.retrace.shape == movie.data.shape
    assert np.corrcoef(movie.data.ravel(), movie.retrace.ravel())[0, 1] > 0.8
    back = simulate_scene(scene, Scanner(4, (64, 64), 2.0, trace="retrace", line_turn=0.2), seed=3)
    assert back.scan.trace == "retrace"
    assert back.retrace is None
    assert (back.truth["time_s"] > forth.truth["time_s"]).all()


def test_steady_and_erratic_drift():
    scene = Scene(Species(Gaussian(5.0, 8.0), count=5), margin_nm=60.0)
    movie = simulate_scene(scene, Scanner(10, (64, 64), 4.0, drift_nm_s=(3.0, -5.0)), seed=2)
    for _, one in movie.truth.groupby("particle"):
        np.testing.assert_allclose(np.diff(one["y_nm"]) / np.diff(one["time_s"]), 3.0, rtol=1e-6)
        np.testing.assert_allclose(np.diff(one["x_nm"]) / np.diff(one["time_s"]), -5.0, rtol=1e-6)
    scanner = Scanner(10, (64, 64), 4.0, drift_walk_nm2_s=7.0)
    times = np.linspace(0, 50, 20_000)
    walk = np.diff(lateral_drift(scanner, times, np.random.SeedSequence(1)), axis=0)
    assert walk.var() / (2 * np.diff(times)[0]) == pytest.approx(7.0, rel=0.03)


def test_arrivals_and_departures_within_a_frame():
    """Who comes after the tip went by is not in the frame; who left before it came neither."""
    species = Species(Gaussian(5.0, 6.0), count=8, kinetics=Kinetics(bind_rate_s=8.0, unbind_rate_s=1.0))
    movie = simulate_scene(Scene(species, exclusion=False), Scanner(20, (64, 64), 4.0), seed=4)
    times = movie.particles.set_index("particle")
    on, off = times.loc[movie.truth["particle"], "on_s"], times.loc[movie.truth["particle"], "off_s"]
    assert (movie.truth["time_s"].to_numpy() >= on.to_numpy()).all()
    assert (movie.truth["time_s"].to_numpy() < off.to_numpy()).all()
    # Everybody that the tip could have met in a frame is in it.
    spot = movie.truth.groupby("particle")[["y", "x"]].first()
    for p in spot.index:
        passed = np.arange(20) * 0.5 + float(movie.scan.delay_s(spot.loc[p, "y"], 0)) + 0.002
        there = (passed > times.loc[p, "on_s"] + 0.02) & (passed < times.loc[p, "off_s"] - 0.02)
        seen = movie.truth.loc[movie.truth["particle"] == p, "frame"]
        assert set(np.flatnonzero(there)) <= set(seen)


def test_substrates():
    rng = np.random.default_rng(0)
    area = Area(0.0, 0.0, 200.0, 300.0)
    steps = Steps(height_nm=2.0, width_nm=50.0, angle_rad=0.0).lay_out(area, 1.0, rng)
    levels, counts = np.unique(steps.height.round(1), return_counts=True)
    terraces = levels[counts > 1000]
    np.testing.assert_allclose(np.diff(terraces), 2.0, atol=0.11)
    lattice = Lattice(period_nm=(10.0, 12.0), relief_nm=1.5).lay_out(area, 1.0, rng)
    assert np.ptp(lattice.height) == pytest.approx(1.5, rel=0.05)
    rows = np.rint(lattice.sites).astype(int)
    assert (lattice.height[rows[:, 0], rows[:, 1]] > 1.2).all()
    assert len(lattice.sites) == pytest.approx(200 * 300 / (120 * np.sin(np.pi / 3)), rel=0.05)
    strands = Strands(count=4, persistence_nm=50.0, length_nm=150.0).lay_out(area, 1.0, rng)
    assert len(strands.paths) == 4
    for path in strands.paths:
        np.testing.assert_allclose(np.hypot(*np.diff(path, axis=0).T), 0.5, rtol=1e-9)
        assert area.contains(path).all()
    assert strands.height.max() == pytest.approx(2.0, rel=0.02)
    assert Flat().lay_out(area, 1.0, rng).height is None
    assert Substrate().lay_out(area, 1.0, rng).paths == ()
    assert Strands(count=0).lay_out(area, 1.0, rng).height.max() == 0


def test_worm_like_chains_bend_as_their_persistence_length_says():
    rng = np.random.default_rng(0)
    chains = Strands(count=200, length_nm=100.0, persistence_nm=50.0)
    paths = chains.lay_out(Area(0.0, 0.0, 1e3, 1e3), 50.0, rng).paths
    tangents = [np.diff(p, axis=0) / 0.5 for p in paths if len(p) == 200]
    # In two dimensions <cos> = exp(-s / 2P).
    cos = np.mean([(t[100:] * t[:-100]).sum(axis=1).mean() for t in tangents])
    assert cos == pytest.approx(np.exp(-50 / 100), abs=0.05)


def test_particles_stand_on_the_terrace_below_them():
    scene = Scene(
        Species(Gaussian(4.0, 5.0), count=10),
        substrate=Steps(height_nm=3.0, width_nm=100.0, wander_nm=3.0),
        margin_nm=-20.0,
    )
    movie = simulate_scene(scene, Scanner(1, (128, 128), 2.0), seed=1)
    bare = simulate_scene(Scene((), substrate=scene.substrate), Scanner(1, (128, 128), 2.0), seed=1)
    rows, cols = movie.truth["y"].round().astype(int), movie.truth["x"].round().astype(int)
    height = (movie.clean - bare.clean)[0, rows, cols]
    np.testing.assert_allclose(height, movie.truth["z_nm"], rtol=0.15)
    assert (movie.clean >= bare.clean - 1e-6).all()


def test_a_substrate_dilated_by_the_tip():
    steps = Steps(height_nm=3.0, width_nm=40.0, angle_rad=0.0)
    surface = steps.lay_out(Area(0.0, 0.0, 100.0, 100.0), 0.5, np.random.default_rng(0))
    heights = SubstrateHeights(surface, Tip("parabolic", radius_nm=5.0))
    at = np.linspace(20.0, 80.0, 301)[None, :]
    true, dilated = heights.true(np.array([[50.0]]), at), heights.dilated(np.array([[50.0]]), at)
    assert (dilated >= true - 1e-6).all()
    assert dilated.mean() > true.mean()
    assert heights.range_nm == pytest.approx(np.ptp(surface.height))
    assert field_of_view(Scanner(1, (10, 20), (2.0, 1.0))) == Area(-1.0, -0.5, 19.0, 19.5)


def test_rods_lie_as_the_truth_says():
    movie = simulate_scene(
        Scene(Species(Rod(4.0, 60.0, 8.0), count=3), margin_nm=-40.0), Scanner(1, (200, 200), 1.0), seed=2
    )
    labels, n = label(movie.clean[0] > 1.0)
    assert n == 3
    for one in movie.truth.itertuples():
        y, x = np.nonzero(labels == labels[round(one.y), round(one.x)])
        angle = np.linalg.svd(np.column_stack([y, x]) - [y.mean(), x.mean()])[2][0]
        assert abs(angle @ [np.sin(one.angle_rad), np.cos(one.angle_rad)]) > 0.999


def test_lines_equal_the_maximum_over_particles_pixel_by_pixel():
    """Radial profiles and maps, turned and cut at the border, against one map_coordinates a pixel."""
    rng = np.random.default_rng(3)
    scanner = Scanner(1, (12, 16), (1.0, 0.9))
    shown = rng.integers(0, 3, (12, 3)).astype(np.int8)
    e = Encounters(
        np.zeros((12, 3)), np.full((12, 3), 5.5), np.tile([3.0, 8.0, 14.0], (12, 1)),
        rng.uniform(0, 6, (12, 3)), shown,
    )  # fmt: skip
    tables = [np.linspace(4, 0, 50)[None], rng.uniform(0, 3, (20, 20))]
    steps, extents, template = (0.1, 0.5), (4.9, 5.0), np.array([[0, 1], [1, 0], [1, 1]])
    templates = Templates(
        [Template(*t) for t in zip(tables, steps, extents, strict=True)],
        template,
        np.zeros((3, 2)),
        np.zeros((3, 2)),
    )
    flat = SubstrateHeights(Surface(), Tip())
    lines = image_lines(e, np.arange(12), np.zeros((12, 2)), scanner, templates, template, flat)
    expected = np.zeros((12, 16))
    for row, col, p in np.ndindex(12, 16, 3):
        if shown[row, p] == 0:
            continue
        t = template[p, shown[row, p] - 1]
        dy, dx = row - 5.5, (col - e.x_px[row, p]) * 0.9
        if np.hypot(dy, dx) > extents[t]:
            continue
        c, s = np.cos(e.angle_rad[row, p]), np.sin(e.angle_rad[row, p])
        v, u = (dy * c - dx * s) / steps[t] + 9.5, (dx * c + dy * s) / steps[t] + 9.5
        at = [0, np.hypot(dy, dx) / steps[t]] if t == 0 else [v, u]
        z = map_coordinates(tables[t], np.array(at)[:, None], order=1, mode="constant", cval=0.0)[0]
        expected[row, col] = max(expected[row, col], z)
    assert (expected > 0).sum() > 50
    np.testing.assert_allclose(lines, expected, atol=1e-6)


@pytest.mark.parametrize("retrace", [False, True])
def test_feedback_equals_its_difference_equation(retrace):
    lines = np.random.default_rng(5).uniform(0, 3, (4, 30)).astype(np.float32)
    scanner = Scanner(1, (4, 30), 1.0, frame_time_s=0.24)
    feedback = Feedback(time_constant_s=5e-4, fall_nm_s=700.0)
    traced = apply_feedback(lines, feedback, scanner, retrace)
    gain, fall = 1 - np.exp(-1e-3 / 5e-4), 0.7
    for line, own in zip(lines.astype(float), traced, strict=True):
        line, own = (line[::-1], own[::-1]) if retrace else (line, own)
        z, expected = line[0], []
        for target in line:
            z += max((target - z) * gain, -fall)
            expected.append(z)
        np.testing.assert_allclose(own, expected, rtol=1e-6)
    assert (np.diff(traced[:, ::-1] if retrace else traced, axis=1) > -fall - 1e-6).all()


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"n_frames": 0}, "n_frames"),
        ({"shape": 5}, "shape"),
        ({"pixel_size_nm": (1.0, -1.0)}, "pixel_size_nm"),
        ({"frame_time_s": 0.0}, "frame_time_s"),
        ({"frame_turn_s": 0.5}, "frame_turn_s"),
        ({"line_turn": 1.0}, "line_turn"),
        ({"trace": "there"}, "trace"),
        ({"drift_nm_s": "fast"}, "drift_nm_s"),
    ],
)
def test_impossible_scans(wrong, name):
    with pytest.raises(ParameterError, match=name):
        Scanner(**wrong)
