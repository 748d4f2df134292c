"""The sample of frames that figures show."""

import dask.array as da
import numpy as np
import pandas as pd
import pytest

from playNano.analysis.pipeline import AnalysisPipeline
from playNano.core.lazy import FrameArray
from playNano.io.export.render import PictureOptions
from playNano.plots.analysed import AnalysedMovie
from playNano.plots.pictures import write_pictures


class CountedFrames:
    """A movie on disk that notes which frames are read."""

    def __init__(self, data):
        self.data, self.shape, self.dtype, self.ndim = data, data.shape, data.dtype, data.ndim
        self.read = set()

    def __getitem__(self, index):
        first = index[0]
        self.read.update([first] if isinstance(first, int) else range(*first.indices(len(self.data))))
        return self.data[index]


def record_of(observed, table=None, labels=None):
    table = pd.DataFrame({"frame": [], "y_nm": [], "x_nm": []}) if table is None else table
    outputs = {"table": table, "observed": observed}
    if labels is not None:
        outputs["labeled_masks"] = labels
    steps = [{"analysis_key": "step_1_mine", "kind": "detection", "name": "mine"}]
    return {"analysis": {"step_1_mine": outputs}, "provenance": {"steps": steps}}


@pytest.mark.parametrize("n_usable", [1, 3, 10, 11, 57])
def test_frames_are_evenly_spaced_from_the_first_to_the_last_usable(make_stack, n_usable):
    observed = np.zeros(80, bool)
    observed[5 : 5 + n_usable] = True
    movie = AnalysedMovie.of(make_stack(np.zeros((80, 4, 4), np.float32)), record_of(observed))
    frames = movie.sampled
    assert len(frames) == min(10, n_usable)
    assert (frames[0], frames[-1]) == (5, 4 + n_usable)
    assert observed[frames].all()
    assert np.ptp(np.diff(frames)) <= 1 if n_usable > 1 else True


def test_without_usable_frames_all_are_sampled(make_stack):
    movie = AnalysedMovie.of(make_stack(), record_of(np.zeros(6, bool)))
    assert movie.sampled.tolist() == list(range(6))


def test_the_typical_frame_has_the_median_number_then_the_median_spread(make_stack):
    data = np.random.default_rng(0).normal(size=(6, 40, 40)).astype(np.float32)
    data *= np.array([5, 5, 1, 3, 9, 5], np.float32)[:, None, None]
    counts = [9, 2, 4, 4, 4, 0]
    table = pd.DataFrame({"frame": np.repeat(range(6), counts), "y_nm": 0.0, "x_nm": 0.0})
    stack = make_stack(data)
    assert AnalysedMovie.of(stack, record_of(np.ones(6, bool), table)).typical_frame == 3
    assert AnalysedMovie.of(stack, {}).typical_frame in (0, 1, 5)


def test_only_frames_that_are_shown_are_read(make_stack, make_spots, tmp_path):
    """Of a movie on disk with its label images, the figures read ten frames."""
    data = make_spots((40, 32, 40))[0]
    pixels, labels = CountedFrames(data), CountedFrames((data > 1).astype(np.int32))
    stack = make_stack(da.from_array(pixels, chunks=(1, 32, 40), asarray=False))
    record = record_of(
        np.ones(40, bool), labels=FrameArray(lambda a, b: labels[a:b,], data.shape, np.int32, True)
    )
    written = write_pictures(stack, record, tmp_path)
    assert sorted(written) == ["frames.png", "overview.png"]
    assert len(pixels.read) == 10
    assert labels.read == pixels.read
    assert {0, 39} <= pixels.read


def test_lazy_and_loaded_movies_give_the_same_pictures(make_stack, tmp_path):
    loaded = make_stack()
    lazy = make_stack(da.from_array(loaded.data, chunks=(2, 32, 40)))
    for name, stack in (("loaded", loaded), ("lazy", lazy)):
        record = AnalysisPipeline().add_steps("feature_detection:threshold=1;particle_tracking").run(stack)
        write_pictures(stack, record, tmp_path / name)
    names = sorted(path.name for path in (tmp_path / "lazy").iterdir())
    assert names == ["frames.png", "overview.png", "threshold.png"]
    for name in names:
        assert (tmp_path / "lazy" / name).read_bytes() == (tmp_path / "loaded" / name).read_bytes()


def test_limits_are_those_given_or_of_the_sampled_frames(make_stack):
    stack = make_stack()
    assert AnalysedMovie.of(stack, {}, PictureOptions(z_range=(-2, 7))).limits == (-2, 7)
    low, high = AnalysedMovie.of(stack, {}).limits
    assert -0.2 < low < 0.0 < 3 < high < 5.2


def test_label_images_of_another_shape_are_not_those_of_the_movie(make_stack):
    labels = np.ones((6, 32, 41), np.int32)
    assert AnalysedMovie.of(make_stack(), record_of(np.ones(6, bool), labels=labels)).label_image(0) is None
