"""Which parameters matter, and where they are best."""

import numpy as np
import pytest

from playNano.analysis.plan import Plan
from playNano.simulate import simulate_movie
from playNano.validate.sweep import (
    Sweep,
    allowed,
    best_setting,
    find_sensitive,
    gain,
    mean_objective,
    numeric_parameters,
    objective_of,
    scaled,
    sweep,
)
from playNano.validate.trial import Trial, prepare

PLAN = Plan.from_options(
    "remove_plane;row_median_align",
    "feature_detection:mask_fn=mask_threshold,threshold=1.5,remove_edge=false;"
    "particle_tracking:max_distance_nm=5,max_missing=0",
    None,
)


def quiet(what, done, total):
    assert 0 <= done <= total


@pytest.fixture(scope="module")
def movies():
    movies = [simulate_movie(14, (64, 64), n_particles=5, diffusion_nm2_s=40.0, seed=s) for s in range(2)]
    return [prepare(m, PLAN, 8.0) for m in movies]


@pytest.fixture(scope="module")
def steps(movies):
    return PLAN.bind()[1].steps


def test_numbers_that_can_be_scaled(steps):
    keys = {(steps[k][0], name) for k, name in numeric_parameters(steps, [0, 1])}
    assert ("feature_detection", "threshold") in keys
    assert ("particle_tracking", "max_missing") in keys
    assert ("particle_tracking", "max_distance") not in keys  # None: the reach in nm is in effect
    assert ("feature_detection", "remove_edge") not in keys
    assert numeric_parameters(steps, []) == []


@pytest.mark.parametrize(
    ("value", "factor", "moved"),
    [(2.0, 0.5, 1.0), (10, 0.75, 8), (1, 0.75, 0), (1, 1.3, 2), (0, 1.3, 1), (5, 1.0, 5), (-2.0, 2.0, -4.0)],
)
def test_scaling(value, factor, moved):
    assert scaled(value, factor) == moved
    assert type(scaled(value, factor)) is type(value)


def test_a_reach_that_is_too_short_is_found_and_mended(movies, steps):
    keys = numeric_parameters(steps, [0, 1])
    _check_a_short_range(movies, steps, keys)


def _check_a_short_range(movies, steps, keys):
    base = mean_objective(movies, steps)
    found = find_sensitive(movies, steps, keys, base, quiet)
    # Whether short tracks count matters about as much.
    first_two = sorted(found[:2], key=lambda entry: entry[1].parameter != "max_distance_nm")
    assert first_two[0][1].parameter == "max_distance_nm"
    assert [s.change for _, s in found] == sorted((s.change for _, s in found), reverse=True)
    assert -1 not in next(s for _, s in found if s.parameter == "max_missing").tried
    told = sweep(movies, steps, [key for key, _ in first_two], (0.5, 1.0, 4.0), quiet)
    assert told.objective.shape == tuple(len(v) for v in told.values)
    assert told.objective[told.values[0].index(5.0)].max() >= base
    better = best_setting(steps, [key for key, _ in first_two], told)
    assert better[1][1]["max_distance_nm"] == 20.0
    assert mean_objective(movies, better) > base + 0.1


def test_values_beyond_their_limits_are_not_tried(movies, steps):
    wrong = [(n, {**p, "max_missing": -1} if n == "particle_tracking" else p) for n, p in steps]
    assert allowed(steps)
    assert not allowed(wrong)
    assert np.isnan(mean_objective(movies, wrong))


def test_small_gains_do_not_move_a_parameter(steps):
    keys = [(0, "threshold"), (1, "max_distance_nm")]
    names = (("feature_detection", "threshold"), ("particle_tracking", "max_distance_nm"))
    table = np.array([[0.5, 0.901], [0.5, 0.9], [0.5, np.nan]])
    better = best_setting(steps, keys, Sweep(names, ((0.75, 1.5, 3.0), (5.0, 10.0)), table))
    assert (better[0][1]["threshold"], better[1][1]["max_distance_nm"]) == (1.5, 10.0)
    same = best_setting(steps, keys, Sweep(names, ((1.5,), (5.0,)), np.array([[np.nan]])))
    assert same == steps


def test_a_gain_is_sure_only_where_all_movies_agree():
    def trials(*values):
        return [Trial({"hota": v, "f1": 1.0}, {}) for v in values]

    assert gain(trials(0.5, 0.6, 0.7), trials(0.6, 0.71, 0.79))["sure"]
    unsure = gain(trials(0.5, 0.6, 0.7), trials(0.9, 0.5, 0.71))
    assert not unsure["sure"]
    assert unsure["mean"] == pytest.approx(0.31 / 3)
    assert not gain(trials(0.5), trials(0.9))["sure"]


def test_the_objective():
    assert objective_of(Trial({"hota": 0.7, "f1": 0.9}, {})) == 0.7
    assert objective_of(Trial({"f1": 0.9}, {})) == 0.9
    assert objective_of(Trial({"f1": float("nan")}, {})) == 0.0
