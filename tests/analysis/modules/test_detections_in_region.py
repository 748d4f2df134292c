"""Detections in a region: table, features, label images, tracking of these, and detection by a region's mask."""

import numpy as np
import pytest

from playNano.afm_stack import AFMImageStack
from playNano.analysis.pipeline import AnalysisPipeline
from playNano.errors import ParameterError
from playNano.processing.pipeline import ProcessingPipeline

LEFT = {"name": "left", "shape": "polygon", "points_nm": [[0, 0], [100, 0], [100, 40], [0, 40]]}
DETECT = {"feature_detection": {"threshold": 1.0}}


def run(stack, *steps):
    return AnalysisPipeline().add_steps([DETECT, *steps]).run(stack)["analysis"]


@pytest.fixture
def movie(make_stack):
    return make_stack()


@pytest.mark.parametrize("where", ["inside", "outside"])
def test_what_is_kept(movie, where):
    analysis = run(movie, {"detections_in_region": {"region": LEFT, "where": where}})
    whole, part = analysis.values()
    inside = (whole["table"]["x_nm"] <= 40) == (where == "inside")
    assert 0 < inside.sum() < len(inside)
    assert part["table"].equals(whole["table"][inside].reset_index(drop=True))
    features = part["features_per_frame"].to_list()
    assert sum(map(len, features)) == inside.sum() == part["summary"]["total_features"]
    assert part["summary"]["left_out"] == (~inside).sum()
    for frame in range(movie.n_frames):
        labels = set(np.unique(part["labeled_masks"][frame])) - {0}
        assert labels == {f["label"] for f in features[frame]}
    kept = np.asarray(part["labeled_masks"])
    np.testing.assert_array_equal(kept[kept > 0], whole["labeled_masks"][kept > 0])


def test_tracking_takes_these(movie):
    analysis = run(movie, {"detections_in_region": {"region": LEFT}}, "particle_tracking")
    *_, kept, tracked = analysis.values()
    assert tracked["n_tracks"] == 2
    assert len(tracked["table"]) == len(kept["table"])
    np.testing.assert_array_equal(tracked["track_masks"][0].shape, movie.image_shape)


def test_two_regions_are_the_intersection(movie):
    top = {"shape": "box", "points_nm": [[0, 0], [30, 100]]}
    steps = [{"detections_in_region": {"region": region}} for region in (LEFT, top)]
    table = list(run(movie, *steps).values())[-1]["table"]
    assert len(table)
    assert (table["x_nm"] <= 40).all()
    assert (table["y_nm"] < 30).all()


def test_a_cropped_movie(movie, make_stack):
    part = make_stack()
    ProcessingPipeline(part).add_steps([{"crop": {"y": 2, "x": 3, "height": 30, "width": 37}}]).run()
    step = {"detections_in_region": {"region": LEFT}}
    one, other = (list(run(s, step).values())[-1]["table"] for s in (movie, part))
    np.testing.assert_allclose(one[["y_nm", "x_nm"]], other[["y_nm", "x_nm"]], atol=1e-6)


def test_what_is_refused(movie):
    with pytest.raises(ParameterError, match="line, which has no area"):
        run(movie, {"detections_in_region": {"region": {"shape": "line", "points_nm": [[0, 0], [3, 3]]}}})


def test_a_region_as_the_mask_of_a_detection():
    stack = AFMImageStack(np.ones((1, 20, 20)), 2.0, "height", "movie.npy")
    ProcessingPipeline(stack).add_steps([{"crop": {"y": 4, "x": 0, "height": 16, "width": 20}}]).run()
    region = {"shape": "box", "points_nm": [[12, 10], [24, 30]]}
    detect = {"mask_fn": "mask_roi", "region": region, "min_size": 0}
    record = AnalysisPipeline().add_steps([{"feature_detection": detect}]).run(stack)
    (row,) = record["analysis"]["step_1_feature_detection"]["table"].to_dict("records")
    assert (row["area_px"], row["y_nm"], row["x_nm"]) == (60, 17.0, 19.0)
