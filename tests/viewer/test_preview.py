"""The preview of a frame is what a run of the whole movie gives for it."""

import numpy as np
import pytest

from playNano.afm_stack import AFMImageStack
from playNano.analysis.plan import Plan
from playNano.core.provenance import latest_table
from playNano.errors import ParameterError
from playNano.viewer.movie import Frames, ViewedMovie
from playNano.viewer.preview import ONE_FRAME, Previewer


def plan(processing, analysis=""):
    return Plan.from_options(processing, analysis, None)


@pytest.fixture
def previewer(movie_file):
    return Previewer(ViewedMovie.open(movie_file).raw)


@pytest.mark.parametrize(
    "steps",
    [
        "level",
        "mask_threshold:threshold=1;remove_plane;clear_mask;zero_mean",
        "level;temporal_median:window=5",
        "",
    ],
)
def test_pixels_are_those_of_the_run(previewer, movie_file, steps):
    whole = plan(steps, "count_nonzero").process(AFMImageStack.load_data(movie_file))
    for frame in (0, 5, 11):
        preview = previewer.preview(frame, plan(steps))
        assert np.array_equal(preview.stack.data[0], whole.data[frame])
        assert preview.messages == ()


def test_detections_are_those_of_the_run(previewer, movie_file):
    given = plan("zero_mean", "feature_detection:threshold=1,min_size=3;particle_tracking")
    record = given.run(AFMImageStack.load_data(movie_file))
    table = latest_table(record, "detection")
    labels = record["analysis"]["step_1_feature_detection"]["labeled_masks"]
    for frame in (0, 7):
        preview = previewer.preview(frame, given)
        own = table[table["frame"] == frame]
        assert np.allclose(
            preview.detections[["y_nm", "x_nm", "height_nm"]], own[["y_nm", "x_nm", "height_nm"]]
        )
        assert np.array_equal(preview.labels, labels[frame])
        assert preview.messages == ()


def test_what_one_frame_cannot_tell_is_said(previewer):
    preview = previewer.preview(3, plan("level", "feature_detection"))
    assert ONE_FRAME in preview.messages
    preview = previewer.preview(3, plan("select_frames:frames=0:5;crop:y=4,x=6,height=20,width=30;zero_mean"))
    assert preview.stack.image_shape == (20, 30)
    assert preview.stack.origin_nm == (8.0, 12.0)
    assert any("select_frames" in text for text in preview.messages)
    assert ONE_FRAME in preview.messages
    preview = previewer.preview(3, Plan.default())
    assert len(preview.detections) >= 3
    assert ONE_FRAME in preview.messages


def test_the_survey_is_made_once(previewer, monkeypatch):
    read = []
    inner = previewer.movie.pixels._read
    monkeypatch.setattr(previewer.movie.pixels, "_read", lambda a, b: read.append((a, b)) or inner(a, b))
    previewer.preview(2, plan("level"))
    assert len(read) > 2
    read.clear()
    previewer.preview(4, plan("level;gaussian_filter:sigma=2"))
    assert read == [(4, 5)]
    previewer.preview(4, plan("level:order=1"))
    assert len(read) > 2, "other values, another survey"


def test_the_movie_is_not_changed(make_stack, make_spots):
    stack = make_stack(make_spots((4, 32, 40))[0])
    before = stack.data.copy()
    Previewer(Frames.of(stack)).preview(
        1, plan("crop:y=0,x=0,height=8,width=8;level;zero_mean", "feature_detection")
    )
    assert np.array_equal(stack.data, before)
    assert stack.provenance["processing"]["steps"] == []


def test_a_wrong_value_raises(previewer):
    with pytest.raises(ParameterError, match="sigma"):
        previewer.preview(0, plan("gaussian_filter:sigma=-1"))
