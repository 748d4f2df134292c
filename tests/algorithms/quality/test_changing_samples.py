"""Frames that carry no observation are flagged as what they are; samples that really change are not."""

import numpy as np
import pytest
from tests.algorithms.quality import changing_movies as movies

from playNano.algorithms.quality.quality import frame_quality

LOST = ("blank", "torn", "partly_torn", "repeat", "scrambled")
STEPS = (movies.surface_step,)  # A terrace edge that passes the frame's centre changes its level.


@pytest.mark.parametrize("correlation", [0.0, 1.5])
@pytest.mark.parametrize("change", movies.CHANGES)
def test_a_sample_that_changes_has_no_bad_frame(change, correlation):
    table = frame_quality(movies.changing_movie(change, 3, correlation=correlation)).table
    assert table["usable"].all()
    assert not table[[*LOST, "saturated", "scars"]].to_numpy().any()
    assert table["jump"].sum() <= (2 if change in STEPS else 0)


def quiet_frame(rng, slope):
    """Return a frame of a tip out of contact: noise 20 times lower, about a slope and a bow."""
    bow = 4e-4 * (movies.X - movies.W / 2) ** 2
    return slope * movies.X + bow + rng.normal(0, 0.15 / 20, movies.X.shape)


@pytest.mark.parametrize("slope", [0.0, 0.02, 0.3])
@pytest.mark.parametrize("change", movies.CHANGES)
def test_a_frame_out_of_contact_is_blank(change, slope):
    movie = movies.changing_movie(change, 4)
    movie[10] = np.median(movie[10]) + quiet_frame(np.random.default_rng(0), slope)
    table = frame_quality(movie).table
    assert np.flatnonzero(table["blank"]).tolist() == [10]
    assert np.flatnonzero(~table["usable"]).tolist() == [10]


@pytest.mark.parametrize("change", movies.CHANGES)
def test_repeats_are_flagged_and_unusable(change):
    movie = movies.changing_movie(change, 5)
    movie[7], movie[15] = movie[6], movie[3]
    table = frame_quality(movie).table
    assert np.flatnonzero(table["repeat"]).tolist() == [7, 15]
    assert np.flatnonzero(~table["usable"]).tolist() == [7, 15]
    assert table["reason"][7].startswith("repeat: equal to an earlier frame to the bit")


def shuffle(movie, k, way):
    """Shuffle pixels, lines or columns of frame `k`."""
    rng = np.random.default_rng(k)
    h, w = movie.shape[1:]
    if way == "pixels":
        movie[k] = rng.permutation(movie[k].ravel()).reshape(h, w)
    else:
        movie[k] = rng.permutation(movie[k], axis=0 if way == "lines" else 1)


@pytest.mark.parametrize("way", ["pixels", "lines", "columns"])
@pytest.mark.parametrize(
    "change", [c for c in movies.CHANGES if c not in (movies.surface_step, movies.dissolving)]
)
def test_a_scrambled_frame_is_unusable(change, way):
    movie = movies.changing_movie(change, 6)
    k = 21 if change is movies.forming_lattice else 5  # Without objects, order means nothing.
    shuffle(movie, k, way)
    table = frame_quality(movie).table
    assert np.flatnonzero(~table["usable"]).tolist() == [k]


@pytest.mark.parametrize(
    "change",
    [
        movies.landing_object,
        movies.surface_step,
        movies.another_area,
        movies.lateral_drift,
        movies.fast_movers,
        movies.growing_patch,
    ],
)
def test_a_movie_without_noise_is_usable(change):
    rng = np.random.default_rng(0)
    movie = np.stack([change(rng, k) for k in range(movies.N)])
    movie[movie - movie.min() < 0.05] = movie.min()  # The background is exactly flat.
    quality = frame_quality(movie.astype(np.float32))
    assert quality.table["usable"].all()
    assert not quality.table["saturated"].any()


def test_drift_that_settles_is_no_jump_but_a_step_in_it_is():
    movie = movies.changing_movie(movies.settling, 7)
    assert not frame_quality(movie).table["jump"].any()
    movie[12:] += 30.0
    assert np.flatnonzero(frame_quality(movie).table["jump"]).tolist() == [12]
