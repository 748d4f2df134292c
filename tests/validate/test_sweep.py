"""Which parameters matter, and where they are best."""

import numpy as np
import pytest
from tests.validate.scenes import movie

from playNano.analysis.plan import Plan
from playNano.validate.running import take_effect
from playNano.validate.samples import Sample, objective_of
from playNano.validate.scores import Place, Scored
from playNano.validate.search import best_setting, search_settings
from playNano.validate.sweep import (
    Sweep,
    allowed,
    find_sensitive,
    mean_objective,
    numeric_parameters,
    scaled,
    sweep,
)

pytestmark = pytest.mark.filterwarnings("ignore::playNano.errors.PlayNanoWarning")

PLAN = Plan.from_options(
    "remove_plane;row_median_align",
    "feature_detection:mask_fn=mask_threshold,threshold=1.5,remove_edge=false;"
    "particle_tracking:max_distance_nm=5,max_missing=0",
    None,
)


def quiet(what, done, total):
    assert 0 <= done <= total


@pytest.fixture(scope="module")
def pipeline():
    return take_effect(movie(n=5, n_frames=14, step_nm=3.5)[0], PLAN)[0]


@pytest.fixture(scope="module")
def samples(pipeline):
    place = Place((88, 88), (1.5, 1.5), 5.0, 8.0)
    made = [movie(n=5, n_frames=14, step_nm=3.5, seed=s) for s in range(2)]
    return [Sample(pipeline.process(stack), truth, place) for stack, truth in made]


@pytest.fixture(scope="module")
def steps(pipeline):
    return pipeline.steps


def test_numbers_that_can_be_scaled(steps):
    keys = {(steps[k][0], name) for k, name in numeric_parameters(steps, [0, 1])}
    assert ("feature_detection", "threshold") in keys
    assert ("particle_tracking", "max_missing") in keys
    assert ("particle_tracking", "max_distance") not in keys  # None: the search range in nm is in effect
    assert ("feature_detection", "remove_edge") not in keys
    assert numeric_parameters(steps, []) == []


@pytest.mark.parametrize(
    ("value", "factor", "moved"),
    [(2.0, 0.5, 1.0), (10, 0.75, 8), (1, 0.75, 0), (1, 1.3, 2), (0, 1.3, 1), (5, 1.0, 5), (-2.0, 2.0, -4.0)],
)
def test_scaling(value, factor, moved):
    assert scaled(value, factor) == moved
    assert type(scaled(value, factor)) is type(value)


def test_a_search_range_that_is_too_short_is_found_and_mended(samples, pipeline, steps):
    keys = numeric_parameters(steps, pipeline.scored)
    base = mean_objective(samples, pipeline, steps)
    found = find_sensitive(samples, pipeline, keys, base, quiet)
    # Whether short tracks count matters about as much.
    first_two = sorted(found[:2], key=lambda entry: entry[1].parameter != "max_distance_nm")
    assert first_two[0][1].parameter == "max_distance_nm"
    assert [s.change for _, s in found] == sorted((s.change for _, s in found), reverse=True)
    assert -1 not in next(s for _, s in found if s.parameter == "max_missing").tried
    told = sweep(samples, pipeline, [key for key, _ in first_two], (0.5, 1.0, 4.0), quiet)
    assert told.objective.shape == tuple(len(v) for v in told.values)
    assert told.objective[told.values[0].index(5.0)].max() >= base
    better = best_setting(steps, [key for key, _ in first_two], told)
    assert better[1][1]["max_distance_nm"] == 20.0
    assert mean_objective(samples, pipeline, better) > base + 0.1


def test_a_setting_is_recommended_only_if_it_is_better_in_the_other_frames(samples, pipeline, monkeypatch):
    from playNano.validate import search as of

    search, changes = search_settings(samples, pipeline, (1.0, 4.0), quiet)
    assert {c["parameter"] for c in changes} >= {"max_distance_nm"}
    assert len(search.gains["selected_on"]) == len(search.gains["others"]) == 2
    calls = []

    def worse_in_the_other_half(some, *_):
        calls.append(some)
        return [0.2, 0.2] if len(calls) == 1 else [0.2, 0.0]

    monkeypatch.setattr(of, "_gains", worse_in_the_other_half)
    assert search_settings(samples, pipeline, (1.0, 4.0), quiet)[1] == []


def test_a_part_of_the_frames(samples):
    part = samples[0].part(7, 14)
    assert part.stack.n_frames == 7
    assert part.truth["frame"].min() == 0
    assert len(part.truth) == len(samples[0].truth) / 2
    np.testing.assert_array_equal(part.stack.data[0], samples[0].stack.data[7])


def test_values_beyond_their_limits_are_not_tried(samples, pipeline, steps):
    wrong = [(n, {**p, "max_missing": -1} if n == "particle_tracking" else p) for n, p in steps]
    assert allowed(steps)
    assert not allowed(wrong)
    assert np.isnan(mean_objective(samples, pipeline, wrong))


def test_small_gains_do_not_move_a_parameter(steps):
    keys = [(0, "threshold"), (1, "max_distance_nm")]
    names = (("feature_detection", "threshold"), ("particle_tracking", "max_distance_nm"))
    table = np.array([[0.5, 0.901], [0.5, 0.9], [0.5, np.nan]])
    better = best_setting(steps, keys, Sweep(names, ((0.75, 1.5, 3.0), (5.0, 10.0)), table))
    assert (better[0][1]["threshold"], better[1][1]["max_distance_nm"]) == (1.5, 10.0)
    same = best_setting(steps, keys, Sweep(names, ((1.5,), (5.0,)), np.array([[np.nan]])))
    assert same == steps


def test_the_objective():
    def scored(**scores):
        return Scored(scores, {}, np.zeros(0, bool), np.zeros(0, bool))

    assert objective_of(scored(hota=0.7, f1=0.9)) == 0.7
    assert objective_of(scored(f1=0.9)) == 0.9
    assert objective_of(scored(f1=float("nan"))) == 0.0
