"""Movies of another simulator: their truth is right, and what validation states about them holds or is withheld."""

import numpy as np
import pytest
from benchmarks.other_movies import KINDS, make_movie
from benchmarks.other_movies.motion import SUBSTEPS, World, walk
from benchmarks.other_movies.shapes import Shape


def test_every_kind_makes_a_movie_that_its_seed_determines():
    for kind in KINDS:
        first, second = (make_movie(kind, seed=3, n_frames=4, size=(64, 72)) for _ in range(2))
        np.testing.assert_array_equal(first.data, second.data)
        assert first.data.shape == (4, 64, 72)
        assert len(first.seen) >= 4
        assert not first.seen.duplicated(["frame", "track_id"]).any()
        assert (first.data != make_movie(kind, seed=4, n_frames=4, size=(64, 72)).data).any()


def test_particles_are_where_the_truth_says():
    movie = make_movie("caps apart", seed=2, n_frames=20)
    flat = movie.data - np.median(movie.data, axis=2, keepdims=True)
    seen = movie.seen
    row, col = np.rint(seen[["y", "x"]].to_numpy()).astype(int).T
    top = flat[seen.frame, row, col]
    # Tilt is left along the lines; beside a particle there is none.
    assert np.median(np.abs(top - seen.z_nm)) < 1.0
    beside = flat[seen.frame, np.clip(row + 9, 0, 95), col]
    assert np.median(top - beside) == pytest.approx(seen.z_nm.median(), rel=0.12)


@pytest.mark.parametrize(
    "shape",
    [
        Shape("cap", 4, 7), Shape("disc", 5, 8), Shape("rod", 3, 4, 11), Shape("ring", 3, 3, 8),
        Shape("dimer", 4, 5, 4), Shape("trimer", 4, 5, 5),
    ],
)  # fmt: skip
def test_height_and_area_of_shapes(shape):
    v, u = np.mgrid[-20:20:401j, -20:20:401j]
    z = shape.surface(u, v)
    assert z.max() == pytest.approx(shape.height_nm, rel=0.01)
    outline = z > (0.5 * shape.height_nm if shape.form == "disc" else 0)
    if shape.form == "ring":
        outline |= np.hypot(u, v) < shape.long_nm
    assert outline.sum() * 0.01 == pytest.approx(shape.area_nm2, rel=0.03)
    assert np.hypot(u, v)[outline].max() == pytest.approx(shape.extent_nm, abs=0.3)


def test_free_particles_diffuse_as_set():
    world = World(-1e4, (1e4, 1e4))
    paths = walk(world, np.full(400, 20.0), 30, 0.3, np.random.default_rng(0))
    step = np.hypot(np.diff(paths.y[::SUBSTEPS], axis=0), np.diff(paths.x[::SUBSTEPS], axis=0))
    assert (step**2).mean() / (4 * 0.3) == pytest.approx(20.0, rel=0.04)


def test_particles_keep_apart_and_leave_at_their_rate():
    world = World(0.0, (300.0, 300.0), core_nm=20.0, k_off=0.5, k_on=0.5)
    paths = walk(world, np.full(40, 10.0), 200, 0.3, np.random.default_rng(1))
    y, x, bound = paths.y[400], paths.x[400], paths.bound[400]
    apart = np.hypot(y[:, None] - y, x[:, None] - x)[np.ix_(bound, bound)]
    assert apart[~np.eye(len(apart), dtype=bool)].min() >= 20.0
    left = (paths.bound[:-1] & ~paths.bound[1:]).sum()
    assert left / (paths.bound.sum() * 0.3 / SUBSTEPS) == pytest.approx(0.5, rel=0.08)
