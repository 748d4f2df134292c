"""Detections of spots: blobs, peaks and copies of a shape."""

import numpy as np
import pytest

from playNano.analysis.modules.frame_quality import FrameQualityModule
from playNano.analysis.modules.log_blob_detection import LoGBlobDetectionModule
from playNano.analysis.modules.particle_tracking import ParticleTrackingModule
from playNano.analysis.modules.peak_detection import PeakDetectionModule
from playNano.analysis.modules.template_detection import TemplateDetectionModule
from playNano.analysis.pipeline import AnalysisPipeline
from playNano.core.scan import ScanGeometry
from playNano.errors import ParameterError

SHAPE = 5 * np.exp(-(np.mgrid[-5:6, -5:6] ** 2).sum(axis=0) / 8)
MODULES = [
    pytest.param(LoGBlobDetectionModule, {"threshold": 0.8}, id="blobs"),
    pytest.param(PeakDetectionModule, {"min_height_nm": 2.0, "min_prominence_nm": 1.0}, id="peaks"),
    pytest.param(TemplateDetectionModule, {"template": SHAPE.tolist(), "min_score": 0.8}, id="templates"),
]
each = pytest.mark.parametrize(("module", "params"), MODULES)


@each
def test_known_particles_are_detected(module, params, make_stack, make_spots):
    truth = make_spots()[1]
    out = module().run(make_stack(), **params)
    assert len(out["features_per_frame"]) == 6
    for frame, spots in enumerate(out["features_per_frame"]):
        positions = np.array(sorted((spot["y"], spot["x"]) for spot in spots))
        expected = np.array(sorted(map(tuple, truth[:, frame])))
        assert positions == pytest.approx(expected, abs=0.75)


@each
def test_the_form_of_the_outputs(module, params, make_stack):
    scan = ScanGeometry(lines=32, line_time_s=0.01, direction="down")
    out = module().run(make_stack(pixel_size_nm=(4.0, 2.0), scan=scan), **params)
    table, features = out["table"], out["features_per_frame"]
    noun = "blobs" if module is LoGBlobDetectionModule else "features"
    summary = {"total_frames": 6, f"total_{noun}": len(table), f"avg_{noun}_per_frame": len(table) / 6}
    assert out["summary"] == summary
    assert [len(spots) for spots in features] == np.bincount(table["frame"], minlength=6).tolist()
    np.testing.assert_allclose(table["y_nm"], table["y"] * 4)
    np.testing.assert_allclose(table["x_nm"], table["x"] * 2)
    np.testing.assert_allclose(table["time_s"], 0.5 * table["frame"] + 0.01 * table["y"])
    spot = features[3][0]
    assert spot["frame_timestamp"] == 1.5
    assert {type(spot[key]) for key in ("frame_timestamp", "y", "x")} == {float}


@each
@pytest.mark.parametrize("n", [0, 1])
def test_few_frames(module, params, make_stack, n):
    data = make_stack().data[:n]
    out = module().run(make_stack(data), **params)
    assert [len(spots) for spots in out["features_per_frame"]] == [3] * n
    assert list(out["table"].columns) == list(module().run(make_stack(), **params)["table"].columns)


@each
def test_a_frame_that_shows_nothing(module, params, make_stack):
    data = make_stack().data.copy()
    data[2], data[3] = 0.0, np.nan
    out = module().run(make_stack(data), **params)
    counts = [len(spots) for spots in out["features_per_frame"]]
    assert counts == [3, 3, 0, 0, 3, 3]
    assert np.isfinite(out["table"][["y", "x"]].to_numpy()).all()


@each
def test_tracking_follows(module, params, make_stack):
    pipeline = AnalysisPipeline()
    pipeline.add(module.name, **params)
    pipeline.add("particle_tracking", max_distance=4)
    record = pipeline.run(make_stack())
    tracked = record["analysis"]["step_2_particle_tracking"]
    assert [t["frames"] for t in tracked["tracks"]] == [[0, 1, 2, 3, 4, 5]] * 3
    assert record["provenance"]["steps"][1]["params"]["detection_module"] == module.name
    assert dict(tracked["track_masks"]) == {}


@each
def test_spots_of_unusable_frames_are_dropped(module, params, make_stack):
    """A lost frame of microscopes is no constant: it is noisy and not levelled, and has spots like any other."""
    data = make_stack().data.copy()
    rng = np.random.default_rng(0)
    y, x = np.mgrid[: data.shape[1], : data.shape[2]]
    data[3] += 40.0 + 0.06 * y - 0.04 * x + rng.normal(0, 0.2, data[3].shape)
    stack = make_stack(data)
    before = module().run(stack, **params)
    assert before["observed"].all()
    assert len(before["features_per_frame"][3]) > 0
    usable = np.arange(6) != 3
    previous = {"frame_quality": {"usable": usable}}
    out = module().run(stack, previous, **params)
    np.testing.assert_array_equal(out["observed"], usable)
    assert [len(spots) > 0 for spots in out["features_per_frame"]] == usable.tolist()
    assert set(out["table"]["frame"]) == {0, 1, 2, 4, 5}
    assert out["summary"][[key for key in out["summary"] if key.startswith("total_")][1]] == len(out["table"])


@each
def test_frames_that_are_no_good_are_left_out(module, params, make_stack):
    data = make_stack().data.copy()
    data[3] = 450.0
    stack = make_stack(data)
    previous = {"frame_quality": FrameQualityModule().run(stack)}
    out = module().run(stack, previous, **params)
    assert out["observed"].tolist() == [True, True, True, False, True, True]
    assert out["features_per_frame"][3] == []
    tracked = ParticleTrackingModule().run(stack, {**previous, module.name: out}, max_distance=4)
    assert [t["frames"] for t in tracked["tracks"]] == [[0, 1, 2, 3, 4, 5]] * 3
    assert [t["point_indices"][3] for t in tracked["tracks"]] == [None] * 3


def test_keys_of_blobs(make_stack):
    stack = make_stack()
    blob = LoGBlobDetectionModule().run(stack, threshold=0.8)["features_per_frame"][0][0]
    assert {"frame_timestamp", "y", "x", "sigma", "radius"} <= set(blob)
    assert blob["radius"] == pytest.approx(blob["sigma"] * 2**0.5)
    assert blob["sigma"] == pytest.approx(2.0, abs=0.5)
    without = LoGBlobDetectionModule().run(stack, threshold=0.8, include_radius=False)
    blob = without["features_per_frame"][0][0]
    assert not {key for key in blob if key.startswith("radius")}
    tracked = ParticleTrackingModule().run(stack, {"log_blob_detection": without})
    assert tracked["n_tracks"] == 3


@pytest.mark.parametrize(
    ("module", "params", "message"),
    [
        (LoGBlobDetectionModule, {"min_sigma": 0}, "'min_sigma' must be float > 0"),
        (
            LoGBlobDetectionModule,
            {"min_sigma": 3, "max_sigma": 2},
            r"max_sigma \(2\) is less than min_sigma \(3\)",
        ),
        (LoGBlobDetectionModule, {"num_sigma": 0}, "'num_sigma'"),
        (LoGBlobDetectionModule, {"overlap": 1.5}, "'overlap'"),
        (LoGBlobDetectionModule, {"treshold": 1}, "did you mean 'threshold'"),
        (PeakDetectionModule, {"min_height": 1}, "did you mean 'min_height_nm'"),
        (TemplateDetectionModule, {}, r"give either template \(heights\) or template_box"),
        (TemplateDetectionModule, {"template_box": (9, 0, 0, 4, 4)}, "not within 6 frames of 32 x 40 px"),
        (TemplateDetectionModule, {"template": [[1.0, 2.0], [3.0]]}, "rows of template"),
    ],
)
def test_wrong_parameters(module, params, message, make_stack):
    with pytest.raises(ParameterError, match=message):
        module().run(make_stack(), **params)
