"""What search range and border do to D, seen in the user's tracks."""

import numpy as np
import pandas as pd
import pytest
from tests.validate.scenes import LEVEL, PIXEL, movie

from playNano.analysis.plan import Plan
from playNano.validate.motion_checks import check_motion, step_diffusion
from playNano.validate.running import take_effect
from playNano.validate.scores import Place

DETECT = "feature_detection:mask_fn=mask_threshold,threshold=1.5,min_size=8"


def checks(stack, analysis):
    pipeline, run = take_effect(stack, Plan.from_options(LEVEL, analysis, None))
    place = Place(stack.image_shape, stack.pixel_size_yx_nm, 5.0, 8.0)
    return check_motion(run, pipeline, pipeline.process(stack), place)


@pytest.mark.filterwarnings("ignore::playNano.errors.PlayNanoWarning")
def test_a_short_search_range_is_told():
    stack, _ = movie(step_nm=4.0, n_frames=40)
    short = checks(stack, f"{DETECT};particle_tracking:max_distance_nm=6,max_missing=0")
    assert short.search_range_nm == pytest.approx(6)
    assert short.share_in_last_fifth > 0.05
    assert any("set max_distance_nm of the tracking to" in text for text in short.messages)
    enough = checks(stack, f"{DETECT};particle_tracking:max_distance_nm={short.needed_range_nm:.3g}")
    assert enough.share_in_last_fifth < 0.02
    assert np.isnan(enough.needed_range_nm)
    assert not any("search range" in text for text in enough.messages)
    assert enough.diffusion_nm2_s > 1.3 * short.diffusion_nm2_s


def test_the_other_value_of_remove_edge_is_tried():
    stack, _ = movie(step_nm=2.0, n_frames=30)
    on = checks(stack, f"{DETECT},remove_edge=true;particle_tracking:max_distance_nm=14")
    off = checks(stack, f"{DETECT},remove_edge=false;particle_tracking:max_distance_nm=14")
    assert (on.remove_edge, off.remove_edge) == (True, False)
    assert on.other_remove_edge_nm2_s == pytest.approx(off.diffusion_nm2_s)
    assert off.other_remove_edge_nm2_s == pytest.approx(on.diffusion_nm2_s)


def test_steps_over_the_border_are_lost():
    """Particles that diffuse in a large field, of which a window is seen: D of all steps is low, away from it not."""
    rng = np.random.default_rng(2)
    walk = rng.uniform(-100, 200, (1, 1500, 2)) + np.cumsum(rng.normal(0, 12, (30, 1500, 2)), axis=0)
    frame, track = np.indices(walk.shape[:2])
    table = pd.DataFrame(
        {
            "frame": frame.ravel(),
            "track_id": track.ravel(),
            "time_s": frame.ravel() * 0.5,
            "y_nm": walk[..., 0].ravel(),
            "x_nm": walk[..., 1].ravel(),
        }
    )
    place = Place((100, 100), (1.0, 1.0), 5.0, 8.0)
    seen = table[place.inner(table, 0.0)].sort_values(["track_id", "frame"])
    gap = (seen["track_id"].diff() != 0) | (seen["frame"].diff() != 1)
    seen = seen.assign(track_id=gap.cumsum())
    every, away, lengths = step_diffusion(seen, place)
    true = 12**2 / (2 * 0.5)
    assert every < 0.93 * true
    assert away == pytest.approx(true, rel=0.06)
    assert len(lengths) > 1000


def test_without_tracks():
    stack, _ = movie(n_frames=8)
    assert checks(stack, DETECT) is None
    assert stack.pixel_size_yx_nm[0] == PIXEL
