"""Random arrangements of the particles of a movie."""

import numpy as np
import pytest
from tests.validate.scenes import LEVEL, PIXEL, movie

from playNano.analysis.plan import Plan
from playNano.validate import Effort, validate_pipeline
from playNano.validate.reference import detect_reference
from playNano.validate.replanting import Replanter
from playNano.validate.scores import diffusion
from playNano.validate.sightings import neighbour_distances
from playNano.validate.whatif import rearranged

pytestmark = pytest.mark.filterwarnings("ignore::playNano.errors.PlayNanoWarning")


@pytest.fixture(scope="module")
def replanter():
    stack, _ = movie(n=5, n_frames=20, apart_nm=28.0)
    return Replanter(stack, np.ones(20, bool))


def test_twice_as_dense_and_half_as_fast(replanter):
    stack, truth = rearranged(replanter, np.random.default_rng(0), density=2.0, speed=0.5)
    here = (~replanter.sightings.at_border).sum() / 20
    assert len(truth) / 20 == pytest.approx(2 * here, abs=1)
    _, as_it_is = rearranged(replanter, np.random.default_rng(0), density=1.0, speed=1.0)
    _, slow = rearranged(replanter, np.random.default_rng(0), density=1.0, speed=0.25)
    assert diffusion(slow) == pytest.approx(diffusion(as_it_is) / 4, rel=0.35)
    found = detect_reference(np.asarray(stack.data), opening_px=8, sign=1)
    assert len(found) == pytest.approx(len(truth), rel=0.25)


def test_particles_keep_their_distance(replanter):
    _, truth = rearranged(replanter, np.random.default_rng(1), density=1.0, speed=1.0)
    at = truth[["y_nm", "x_nm"]].to_numpy() / PIXEL
    apart = neighbour_distances(truth["frame"].to_numpy(), *at.T)
    assert apart.min() > 0.9 * 28 / PIXEL
    assert ((at > -1) & (at < 89)).all()


def test_faster_particles_are_lost_more_often():
    stack, _ = movie(n=8, n_frames=20, apart_nm=20.0)
    detect = (
        "feature_detection:mask_fn=mask_threshold,threshold=1.5,min_size=20;particle_tracking:max_distance=8"
    )
    plan = Plan.from_options(LEVEL, detect, None)
    result = validate_pipeline(stack, plan, speed=6.0, effort=Effort(1, 20, ()))
    w = result.what_if
    assert (w.density, w.speed) == (1.0, 6.0)
    assert w.scores["link_error"] > w.as_it_is["link_error"] + 0.1
    assert result.to_dict()["what_if"]["scores"]["recall"] == w.scores["recall"]
    assert validate_pipeline(stack, plan, effort=Effort(1, 20, ())).what_if is None
