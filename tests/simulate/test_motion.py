"""Motion: what the truth tables say obeys the given laws."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy import stats

from playNano.errors import ParameterError
from playNano.simulate.motion import Trajectories
from playNano.simulate.movie import simulate_scene
from playNano.simulate.population import populate
from playNano.simulate.propagation import Moves, Stop, Surroundings, Walkers, _reflect, propagate
from playNano.simulate.scanner import Scanner
from playNano.simulate.scene import Dimers, Kinetics, Motion, Scene, Species
from playNano.simulate.shapes import Gaussian, Rod
from playNano.simulate.substrate import PATH_STEP_NM, Area, Lattice, Paths, Strands, Surface

DOT = Gaussian(3.0, 5.0)
# A wide field whose pixels do not matter: only the tables are looked at.
WIDE = {"shape": (32, 32), "pixel_size_nm": 100.0, "frame_time_s": 0.5}


def movie_of(species, seed=1, n_frames=100, scanner=None, **scene):
    return simulate_scene(Scene(species, **scene), Scanner(n_frames=n_frames, **(scanner or WIDE)), seed=seed)


def steps_of(truth):
    """Displacements (y, x) from frame to frame and the time between, per particle."""
    t = truth.sort_values(["particle", "frame"])
    same = (t["particle"].diff() == 0) & (t["frame"].diff() == 1)
    return t[["y_nm", "x_nm"]].diff()[same].to_numpy(), t["time_s"].diff()[same].to_numpy()


def trajectories_of(scene, side=400.0, duration=20.0, lines=2000, seed=0, surface=None):
    area = Area(0.0, 0.0, side, side)
    surface = surface or Surface()
    who = populate(scene, area, surface, duration, np.random.default_rng(seed))
    moved = Trajectories(scene, who, area, surface, np.random.SeedSequence(seed))
    times = np.linspace(0, duration, lines)
    return moved, [moved.advance(times[a : a + 401]) for a in range(0, lines - 1, 400)]


@pytest.mark.parametrize("seed", [1, 2])
def test_diffusion_coefficient_within_two_per_cent(seed):
    scanner = {"shape": (128, 32), "pixel_size_nm": (100.0, 400.0), "frame_time_s": 0.5}
    species = Species(DOT, count=250, motion=Motion(diffusion_nm2_s=400.0))
    movie = movie_of(species, seed, n_frames=110, scanner=scanner, exclusion=False)
    moves, dt = steps_of(movie.truth)
    assert len(moves) > 25_000
    d = (moves**2).sum() / (4 * dt.sum())
    assert d == pytest.approx(400.0, rel=0.02)
    for axis in (0, 1):
        assert (moves[:, axis] ** 2).sum() / (2 * dt.sum()) == pytest.approx(400.0, rel=0.03)
    normal = moves[:, 1] / np.sqrt(2 * 400.0 * dt)
    assert stats.kstest(normal[::3], "norm").pvalue > 0.001


def test_steady_motion_is_known_to_the_microsecond():
    species = Species(DOT, count=20, motion=Motion(velocity_nm_s=(30.0, -20.0)))
    movie = movie_of(species, exclusion=False, margin_nm=5000.0, n_frames=20)
    for _, one in movie.truth.groupby("particle"):
        t = one["time_s"].to_numpy()
        for name, v in (("y_nm", 30.0), ("x_nm", -20.0)):
            at = one[name].to_numpy()
            assert np.abs((at - at[0]) / v - (t - t[0])).max() < 1e-6


def test_own_speed_and_rotation():
    motion = Motion(speed_nm_s=50.0, rotation_rad2_s=0.2, spin_rad_s=0.4)
    movie = movie_of(
        Species(Rod(3.0, 20.0, 5.0), count=300, motion=motion), exclusion=False, margin_nm=3000.0
    )
    t = movie.truth.sort_values(["particle", "frame"])
    same = (t["particle"].diff() == 0) & (t["frame"].diff() == 1)
    dt = t["time_s"].diff()[same].to_numpy()
    turn = (t["angle_rad"].diff()[same].to_numpy() - 0.4 * dt + np.pi) % (2 * np.pi) - np.pi
    assert turn.mean() == pytest.approx(0.0, abs=0.02)
    assert (turn**2).sum() / (2 * dt.sum()) == pytest.approx(0.2, rel=0.05)
    moves, dt = steps_of(movie.truth)
    path = np.hypot(*moves.T) / dt
    assert np.median(path) == pytest.approx(50.0, rel=0.05)
    heading = t["angle_rad"].shift()[same].to_numpy()
    forwards = moves[:, 0] * np.sin(heading) + moves[:, 1] * np.cos(heading)
    assert forwards.mean() / dt.mean() == pytest.approx(50.0, rel=0.08)


def test_poisson_stepper():
    _, segments = trajectories_of(
        Scene(
            Species(DOT, count=400, motion=Motion(speed_nm_s=40.0, step_nm=8.0)), exclusion=False, margin_nm=0
        ),
        side=1e6,
        duration=2.0,
        lines=401,
    )
    path = segments[0].position_nm
    gone = np.hypot(*(path[-1] - path[0]).T)
    assert gone.mean() == pytest.approx(80.0, rel=0.05)
    assert gone.var() == pytest.approx(8.0 * 80.0, rel=0.25)
    single = np.hypot(*np.diff(path, axis=0).transpose(2, 0, 1))
    np.testing.assert_allclose(single / 8.0, np.round(single / 8.0), atol=1e-6)


def test_corral_and_tether():
    moved, segments = trajectories_of(
        Scene(
            (
                Species(DOT, count=50, name="corral", motion=Motion(diffusion_nm2_s=200.0, corral_nm=20.0)),
                Species(DOT, count=300, name="tether", motion=Motion(diffusion_nm2_s=200.0, tether_nm=6.0)),
            ),
            exclusion=False,
        ),
        side=1e5,
        duration=40.0,
        lines=4001,
    )
    path = np.concatenate([s.position_nm[1:] for s in segments])
    kind = moved.population.species
    away = np.hypot(*(path - segments[0].position_nm[0]).transpose(2, 0, 1))
    assert 19.0 < away[:, kind == 0].max() <= 20.0
    late = (path - segments[0].position_nm[0])[200:, kind == 1]
    assert late.std() == pytest.approx(6.0, rel=0.03)
    # Relaxation time: 36 / 200 = 0.18 s = 18 steps.
    both = (late[18:] * late[:-18]).mean() / late.var()
    assert both == pytest.approx(np.exp(-1), abs=0.04)


def test_dwell_times_are_exponential():
    kinetics = Kinetics(bind_rate_s=20.0, unbind_rate_s=0.8, pause_rate_s=1.5, resume_rate_s=0.7)
    movie = movie_of(
        Species(DOT, count=None, motion=Motion(10.0), kinetics=kinetics), exclusion=False, n_frames=120
    )
    p = movie.particles
    arrived = p[p["on_s"] >= 0]
    assert stats.kstest(arrived["off_s"] - arrived["on_s"], "expon", args=(0, 1 / 0.8)).pvalue > 0.01
    gaps = np.diff(np.sort(arrived["on_s"]))
    assert stats.kstest(gaps, "expon", args=(0, 1 / 20.0)).pvalue > 0.01
    # Those there at the beginning stay as long as the others from then on.
    there = p[p["on_s"] < 0]
    assert len(there) == pytest.approx(25, abs=15)


def test_pauses_are_exponential_and_stand_still():
    kinetics = Kinetics(pause_rate_s=0.5, resume_rate_s=1.25)
    movie = movie_of(
        Species(DOT, count=150, motion=Motion(100.0), kinetics=kinetics), exclusion=False, n_frames=100
    )
    events = movie.events.sort_values(["particle", "time_s"])
    length = events["time_s"].diff()[events["particle"].diff() == 0]
    pauses = length[events["kind"] == "resume"]
    # Pauses that do not end within the movie are missing, which shortens the mean a little.
    assert stats.kstest(pauses, "expon", args=(0, 0.8)).pvalue > 0.01
    share = (movie.truth["state"] == "paused").mean()
    assert share == pytest.approx(0.5 / 1.75, abs=0.03)
    t = movie.truth.sort_values(["particle", "frame"])
    same = (t["particle"].diff() == 0) & (t["state"] == "paused") & (t["state"].shift() == "paused")
    moved = np.hypot(t["y_nm"].diff(), t["x_nm"].diff())[same]
    assert (moved == 0).mean() > 0.5


def test_exclusion_holds_at_every_line():
    scene = Scene(
        Species(DOT, count=100, motion=Motion(diffusion_nm2_s=300.0), size_spread=0.2), exclusion=True
    )
    moved, segments = trajectories_of(scene, side=300.0, duration=4.0, lines=801)
    contact = moved.state.contact
    assert moved.state.landed.sum() > 60
    for s in segments:
        touch = contact[s.ids][:, None] + contact[s.ids][None]
        for k in range(0, len(s.times_s), 20):
            there = s.shown[k] > 0
            d = np.hypot(*(s.position_nm[k][:, None] - s.position_nm[k][None]).transpose(2, 0, 1))
            d[np.diag_indices(len(d))] = np.inf
            assert (d >= touch - 1e-9)[np.ix_(there, there)].all()


def test_the_area_has_walls():
    _, segments = trajectories_of(
        Scene(Species(DOT, count=20, motion=Motion(2000.0)), exclusion=False), side=60.0
    )
    path = np.concatenate([s.position_nm for s in segments])
    assert path.min() >= 0
    assert path.max() <= 60
    # They spread evenly: no wall attracts.
    assert stats.kstest(path[::50].ravel(), "uniform", args=(0, 60)).pvalue > 1e-4


def test_segments_join():
    _, segments = trajectories_of(Scene(Species(DOT, count=5, motion=Motion(100.0))), lines=1201)
    for a, b in pairwise(segments):
        np.testing.assert_array_equal(a.position_nm[-1], b.position_nm[0])
        assert a.times_s[-1] == b.times_s[0]


def test_motors_stay_on_their_filaments_and_leave_at_the_end():
    area = Area(0.0, 0.0, 300.0, 300.0)
    surface = Strands(count=3, persistence_nm=1e4, length_nm=250.0).lay_out(
        area, 2.0, np.random.default_rng(1)
    )
    motion = Motion(speed_nm_s=30.0, diffusion_nm2_s=5.0)
    scene = Scene(Species(DOT, count=6, motion=motion, place="paths"))
    moved, segments = trajectories_of(scene, side=300.0, duration=20.0, surface=surface)
    points = np.concatenate(surface.paths)
    for s in segments:
        seen = s.position_nm[s.shown > 0][::97]
        away = np.hypot(*(seen[:, None] - points[None]).transpose(2, 0, 1)).min(axis=1)
        assert (away < PATH_STEP_NM).all()
    assert (moved.state.off_s < 20.0).any()
    speed = np.median(
        np.hypot(*(segments[0].position_nm[100] - segments[0].position_nm[0]).T) / segments[0].times_s[100]
    )
    assert speed == pytest.approx(30.0, rel=0.3)


def test_sites_fill_and_empty():
    lattice = Lattice(period_nm=(12.0, 12.0))
    kinetics = Kinetics(bind_rate_s=0.3, unbind_rate_s=0.1)
    movie = movie_of(
        Species(Gaussian(2.0, 2.0), count=None, kinetics=kinetics, place="sites"),
        n_frames=60,
        scanner={"shape": (64, 64), "pixel_size_nm": 4.0, "frame_time_s": 0.5},
        substrate=lattice,
        exclusion=False,
    )
    per_frame = movie.truth.groupby("frame").size()
    cell = 12.0 * 12.0 * np.sin(np.pi / 3)
    assert per_frame.mean() == pytest.approx(0.75 * (64 * 4.0) ** 2 / cell, rel=0.05)
    offsets = (movie.truth[["y_nm", "x_nm"]].to_numpy()) @ np.linalg.inv(lattice.vectors_nm)
    offsets -= offsets[0]
    np.testing.assert_allclose(offsets, np.round(offsets), atol=1e-6)


def test_dimers_merge_and_split():
    scene = Scene(
        Species(DOT, count=40, motion=Motion(300.0)), dimers=Dimers(merge_rate_s=20.0, split_rate_s=2.0)
    )
    movie = simulate_scene(scene, Scanner(60, (64, 64), 5.0, 0.5), seed=3)
    kinds = movie.events["kind"].value_counts()
    assert kinds["merge"] > 30
    assert abs(kinds["merge"] - kinds["split"]) < 20
    dimers = movie.truth[movie.truth["state"] == "dimer"]
    np.testing.assert_allclose(dimers["z_nm"], 3.0 * 2 ** (1 / 3), rtol=1e-6)
    # Lifetimes from merge to the split of the same pair.
    since, lives = {}, []
    for event in movie.events.itertuples():
        pair = frozenset((event.particle, event.partner))
        if event.kind == "merge":
            since[pair] = event.time_s
        elif event.kind == "split":
            lives.append(event.time_s - since.pop(pair))
    assert stats.kstest(lives, "expon", args=(0, 0.5)).pvalue > 0.005


def test_a_dimer_outlives_neither_twice():
    """Who leaves while in a dimer leaves the other one behind."""
    scene = Scene(
        Species(DOT, count=30, motion=Motion(200.0), kinetics=Kinetics(2.0, 0.3)),
        dimers=Dimers(merge_rate_s=50.0, split_rate_s=0.0),
    )
    moved, _ = trajectories_of(scene, side=150.0, duration=10.0)
    assert (moved.state.partner >= 0).any()
    state = moved.state
    for i in np.flatnonzero(state.partner >= 0):
        j = state.partner[i]
        assert state.partner[j] == i
        assert state.visible[i] != state.visible[j]
    assert not state.visible[state.status != 1].any()


def test_no_room_leaves_particles_out():
    movie = movie_of(
        Species(Gaussian(3.0, 30.0), count=200),
        n_frames=1,
        scanner={"shape": (32, 32), "pixel_size_nm": 10.0, "frame_time_s": 1.0},
    )
    assert 1 <= len(movie.particles) < 20


def test_reflection_folds_values_back_however_far_they_are():
    low, high = np.array([0.0, 0.0, 0.0, 5.0]), np.array([10.0, 10.0, 10.0, 5.0])
    np.testing.assert_allclose(_reflect(np.array([-3.0, 12.0, 27.0, 9.0]), low, high), [3.0, 8.0, 7.0, 5.0])


def one_by_one(w, moves, surroundings, n_steps):
    """Take steps as `propagate` does, but particle by particle, each against all others."""
    area, n = surroundings.area, len(w.path)
    out = np.full((n_steps + 1, n, 2), np.nan)
    ends = surroundings.paths.lengths_nm
    for k in range(n_steps):
        stopped = None
        for i in range(n) if k % 2 else reversed(range(n)):
            if not w.visible[i]:
                continue
            c = (
                w.anchor[:, i]
                + (w.coordinates[:, i] - w.anchor[:, i]) * moves.decay[k, i]
                + moves.step[:, k, i]
            )
            if ((c - w.anchor[:, i]) ** 2).sum() > w.corral[i] ** 2:
                continue
            low, high = np.array([area.top, area.left]), np.array([area.bottom, area.right])
            if w.path[i] >= 0:
                low, high = np.zeros(2), np.array([ends[w.path[i]], 0.0])
                if w.leaves[i] and not 0 <= c[0] <= high[0]:
                    stopped = (k, i, -1)
                    continue
            while (c < low).any() or (c > high).any():
                c = np.where(c < low, 2 * low - c, np.where(c > high, 2 * high - c, c))
            here = surroundings.paths.positions(w.path[i : i + 1], c[:1])[0] if w.path[i] >= 0 else c
            blocked = False
            for j in range(n):
                if j == i or not w.visible[j]:
                    continue
                apart, touch = np.hypot(*(here - w.position[:, j])), w.contact[i] + w.contact[j]
                before = np.hypot(*(w.position[:, i] - w.position[:, j]))
                blocked |= surroundings.exclusion and apart < touch and apart < before
                same = w.kind[i] >= 0 and w.kind[i] == w.kind[j]
                if moves.merges[k, i] and same and apart < touch + surroundings.merge_gap_nm:
                    stopped = (k, i, j)
            if not blocked:
                w.coordinates[:, i], w.position[:, i] = c, here
        out[k + 1] = w.position.T
        if stopped:
            return out, stopped
    return out, None


@pytest.mark.parametrize("exclusion", [True, False])
@pytest.mark.parametrize("merging", [0.0, 0.02])
@pytest.mark.parametrize("scale", [0.5, 4.0])
def test_steps_equal_those_of_one_particle_after_the_other(scale, merging, exclusion):
    n, m = 24, 120
    rng = np.random.default_rng(0)
    line = np.column_stack([np.full(101, 20.0), 20.0 + np.arange(101) * 0.5])
    surroundings = Surroundings(Area(0.0, 0.0, 60.0, 60.0), Paths([line]), exclusion, 1.0)

    def walkers():
        rng = np.random.default_rng(1)
        coordinates = rng.uniform(0, 60, (2, n))
        path = np.full(n, -1)
        path[-3:], coordinates[0, -3:], coordinates[1, -3:] = 0, [10.0, 25.0, 40.0], 0.0
        position = coordinates.copy()
        position[:, -3:] = surroundings.paths.positions(path[-3:], coordinates[0, -3:]).T
        return Walkers(
            coordinates=coordinates,
            anchor=coordinates.copy(),
            position=position,
            path=path,
            contact=rng.uniform(3.0, 4.0, n),
            visible=np.arange(n) != 5,
            corral=np.where(np.arange(n) == 2, 6.0, np.inf),
            leaves=path == 0 if scale < 1 else np.zeros(n, dtype=bool),
            kind=np.where(path < 0, np.arange(n) % 2, -1),
        )

    moves = Moves(
        rng.normal(0, scale, (2, m, n)), np.where(np.arange(n) == 7, 0.9, 1.0) * np.ones((m, n)),
        rng.uniform(size=(m, n)) < merging,
    )  # fmt: skip
    moves.step[1, :, -3:] = 0.0
    # Of the particles that start on top of each other, none comes closer.
    slow, fast = walkers(), walkers()
    expected, stop = one_by_one(slow, moves, surroundings, m)
    out = np.full((m + 1, n, 2), np.nan)
    assert propagate(fast, moves, surroundings, 0, m, out) == stop
    assert (stop is not None and stop[2] >= 0) == (merging > 0)
    np.testing.assert_allclose(out, expected, rtol=0, atol=1e-9)
    np.testing.assert_allclose(fast.coordinates, slow.coordinates, rtol=0, atol=1e-9)


def pair(positions, path=-1, **changes):
    """Two particles of contact radius 1 nm at positions (y, x), or at arc lengths of a path along x at y = 20."""
    positions = np.array(positions, dtype=float)
    coordinates = np.array([positions, np.zeros(2)]) if path >= 0 else positions.T.copy()
    values = {
        "coordinates": coordinates,
        "anchor": coordinates.copy(),
        "position": np.array([[20.0, 20.0], positions]) if path >= 0 else coordinates.copy(),
        "path": np.full(2, path),
        "contact": np.ones(2),
        "visible": np.ones(2, dtype=bool),
        "corral": np.full(2, np.inf),
        "leaves": np.full(2, path >= 0),
        "kind": np.full(2, -1 if path >= 0 else 0),
    }
    return Walkers(**(values | changes))


def steady(step, n_steps, merges=False):
    """Moves by the same step (2 coordinates, 2 particles) at every step."""
    steps = np.repeat(np.array(step, dtype=float)[:, None], n_steps, axis=1)
    return Moves(steps, np.ones((n_steps, 2)), np.full((n_steps, 2), merges))


def surroundings_of(exclusion, gap=0.0):
    line = np.column_stack([np.full(21, 20.0), np.arange(21) * 0.5])
    return Surroundings(Area(0.0, 0.0, 300.0, 300.0), Paths([line]), exclusion, gap)


def test_a_particle_that_leaves_its_path_stops_the_steps():
    walkers, out = pair([4.0, 9.0], path=0), np.full((10, 2, 2), np.nan)
    moves = steady([[0.4, 0.4], [0.0, 0.0]], 9)
    assert propagate(walkers, moves, surroundings_of(True), 0, 9, out) == Stop(2, 1, -1)
    np.testing.assert_allclose(out[3], [[20.0, 5.2], [20.0, 9.8]])
    assert np.isnan(out[4]).all()


@pytest.mark.parametrize(("at", "last"), [(9.4, 1), (9.0, 0)])
def test_of_two_that_leave_together_the_last_one_is_returned(at, last):
    """Odd steps run forwards, even ones backwards; the other one leaves in the next call."""
    walkers, out = pair([at, at], path=0), np.empty((10, 2, 2))
    moves = steady([[0.4, 0.4], [0.0, 0.0]], 9)
    assert propagate(walkers, moves, surroundings_of(False), 0, 9, out) == Stop(2 - last, last, -1)


def test_particles_from_afar_meet():
    """The list of neighbours is renewed on the way: 200 steps of 1 nm end at contact."""
    walkers, out = pair([(50.0, 20.0), (50.0, 250.0)]), np.empty((301, 2, 2))
    moves = steady([[0.0, 0.0], [1.0, 0.0]], 300)
    assert propagate(walkers, moves, surroundings_of(True), 0, 300, out) is None
    np.testing.assert_allclose(out[-1], [[50.0, 248.0], [50.0, 250.0]])


def test_particles_on_paths_do_not_merge():
    touching = [(50.0, 20.0), (50.0, 22.5)]
    moves, out = steady(np.zeros((2, 2)), 3, merges=True), np.empty((4, 2, 2))
    assert propagate(pair(touching), moves, surroundings_of(True, 1.0), 0, 3, out) == Stop(0, 0, 1)
    assert propagate(pair([4.0, 6.5], path=0), moves, surroundings_of(True, 1.0), 0, 3, out) is None


def test_descriptions_reject_nonsense():
    with pytest.raises(ParameterError, match="diffusion_nm2_s"):
        Motion(diffusion_nm2_s=-1.0)
    with pytest.raises(ParameterError, match="tether_nm"):
        Motion(tether_nm=3.0)
    with pytest.raises(ParameterError, match="velocity_nm_s"):
        Motion(velocity_nm_s=3.0)
    with pytest.raises(ParameterError, match="unbind_rate_s"):
        Kinetics(unbind_rate_s=-1.0)
    with pytest.raises(ParameterError, match="count"):
        Species(DOT, count=1.5)
    with pytest.raises(ParameterError, match="count"):
        Species(DOT, count=None)
    with pytest.raises(ParameterError, match="shape"):
        Species("ball", count=1)
    with pytest.raises(ParameterError, match="place"):
        Species(DOT, count=1, place="nowhere")
    with pytest.raises(ParameterError, match="the same name"):
        Scene((Species(DOT, 1), Species(DOT, 1)))
    with pytest.raises(ParameterError, match="species"):
        Scene(("ball",))
    with pytest.raises(ParameterError, match="margin_nm"):
        movie_of(Species(DOT, 1), margin_nm=-1e6)
    with pytest.raises(ParameterError, match="volume"):
        Dimers(1.0, 1.0, volume=0.0)
