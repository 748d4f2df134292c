"""Detection without numbers: thresholds, scales and polarity from the movie, and the warnings."""

import json

import dask.array as da
import numpy as np
import pytest
from pandas.testing import assert_frame_equal

from playNano.afm_stack import AFMImageStack
from playNano.analysis.pipeline import AnalysisPipeline
from playNano.analysis.utils.common import make_json_safe
from playNano.errors import ParameterError, PlayNanoWarning

DETECTORS = ("feature_detection", "log_blob_detection", "peak_detection")
HEIGHT = {"feature_detection": "height_nm", "log_blob_detection": "height_nm", "peak_detection": "z_max_nm"}


def bumps(n=40, shape=(64, 80), height=4.0, sigma=3.0, sd=0.15, seed=0):
    """Return a movie of three Gaussian particles that drift, one of them over the upper border, and their number."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    out = np.random.default_rng(seed).normal(0, sd, (n, *shape))
    for i, frame in enumerate(out):
        for row, col in ((20, 20 + 0.2 * i), (45, 30), (2, 60)):
            frame += height * np.exp(-((y - row) ** 2 + (x - col) ** 2) / (2 * sigma**2))
    return out.astype(np.float32)


def run(data, name, pixel=1.0, **params):
    pipeline = AnalysisPipeline()
    pipeline.add(name, **params)
    record = pipeline.run(AFMImageStack(data, pixel, "height", "movie.npy"))
    return record, next(iter(record["analysis"].values()))


@pytest.mark.parametrize("name", DETECTORS)
def test_every_detector_has_defaults_that_work(name):
    record, out = run(bumps(), name)
    table = out["table"]
    # Peaks have no minimum area that would drop the noise.
    assert 120 <= len(table) <= (122 if name == "peak_detection" else 120)
    if name != "peak_detection":  # its peak is not on the border
        assert table.touches_edge.sum() == 40
    inner = table[table.y > 10]
    assert inner[HEIGHT[name]].mean() == pytest.approx(4, rel=0.15 if name == "peak_detection" else 0.05)
    assert "polarity up" in out["summary"]["segmentation"]
    assert out["segmentation"]["polarity"] == "up"
    json.loads(json.dumps(make_json_safe(record), allow_nan=False))


@pytest.mark.parametrize("name", DETECTORS)
@pytest.mark.parametrize("depth", [1.0, 3.0, 6.0])
def test_pits_are_found_and_have_depths(name, depth):
    _, out = run(-bumps(height=depth, n=12, sd=0.1), name)
    table = out["table"]
    assert 36 <= len(table) <= 37
    assert out["segmentation"]["polarity"] == "down"
    inner = table[table.y > 5]
    tolerance = 0.15 if name == "peak_detection" else 0.05  # the peaks' heights are those of smoothed frames
    assert inner[HEIGHT[name]].mean() == pytest.approx(-depth, rel=tolerance)
    if name == "feature_detection":
        assert inner.y_weighted.notna().all()
        assert (inner.volume_nm3 < 0).all()


@pytest.mark.parametrize("name", DETECTORS)
def test_both_polarities(name):
    data = bumps(n=6)
    data[:, :, :40] *= -1
    _, out = run(data, name, polarity="both")
    table = out["table"]
    assert table.groupby("polarity").size().to_dict() == {-1: 12, 1: 6}
    assert (np.sign(table[HEIGHT[name]]) == table.polarity).all()
    assert table.groupby("frame").label.apply(list).tolist() == [[1, 2, 3]] * 6


def test_blocks_and_lazy_pixels_do_not_change_the_result(monkeypatch):
    data = bumps()
    _, whole = run(data, "feature_detection")
    monkeypatch.setattr("playNano.analysis.modules.feature_detection.TABLE_BLOCK_BYTES", 3 * data[0].nbytes)
    lazy = da.from_array(data, chunks=(7, -1, -1))
    for pixels in (data, lazy):
        _, out = run(pixels, "feature_detection")
        assert_frame_equal(out["table"], whole["table"])
        assert out["segmentation"] == whole["segmentation"]
        np.testing.assert_array_equal(np.asarray(out["labeled_masks"][7]), whole["labeled_masks"][7])


def test_the_record_repeats_the_result():
    record, out = run(bumps(n=8), "feature_detection")
    step = record["provenance"]["steps"][0]
    _, again = run(bumps(n=8), step["name"], **step["params"])
    assert_frame_equal(out["table"], again["table"])


def test_limits_apply_beside_the_thresholds():
    data = bumps(n=6)
    assert len(run(data, "feature_detection", remove_edge=True)[1]["table"]) == 12
    assert len(run(data, "feature_detection", min_height_nm=3, min_size=20)[1]["table"]) == 18
    with pytest.warns(PlayNanoWarning, match="no detections"):
        assert len(run(data, "feature_detection", min_height_nm=8)[1]["table"]) == 0
    with pytest.raises(ParameterError, match="separate applies to masks"):
        run(data, "feature_detection", separate="watershed")


@pytest.mark.parametrize("name", DETECTORS)
def test_unusable_frames_neither_count_nor_are_searched(name):
    data = bumps(n=8)
    data[3] += np.random.default_rng(1).normal(0, 5, data[3].shape)
    usable = np.arange(8) != 3
    stack = AFMImageStack(data, 1.0, "height", "movie.npy")
    pipeline = AnalysisPipeline()
    pipeline.add(name)
    (module,) = pipeline._modules
    out = module.run(stack, {"frame_quality": {"usable": usable}}, **pipeline.steps[0][1])
    assert sorted(set(out["table"].frame)) == [0, 1, 2, 4, 5, 6, 7]
    assert out["segmentation"]["pixel_noise_nm"] == pytest.approx(0.15, rel=0.1)


@pytest.mark.parametrize("name", DETECTORS)
def test_no_detection_is_explained(name):
    quiet = np.random.default_rng(0).normal(0, 0.1, (3, 64, 64))
    with pytest.warns(PlayNanoWarning, match=r"no detections: the highest pixel is 0\.\d+ nm above the back"):
        record, _ = run(quiet, name)
    assert any("no detections" in text for text in record["provenance"]["warnings"])


def test_a_threshold_that_finds_nothing_is_explained():
    with pytest.warns(PlayNanoWarning, match=r"highest pixel is 3.* nm above .*, the threshold is 9 nm"):
        run(bumps(n=3), "feature_detection", threshold=9.0)


@pytest.mark.parametrize("params", [{}, {"threshold": -175.0}])
def test_a_movie_that_is_not_levelled_is_noticed(params):
    with pytest.warns(
        PlayNanoWarning, match=r"heights lie around -176 nm, not around 0: level the movie first"
    ):
        run(bumps(n=6) - 176, "feature_detection", **params)


def test_a_lattice_is_sent_to_other_detectors():
    y, x = np.mgrid[:128, :128]
    lattice = 0.08 * (np.cos(x / 3) + np.cos(x / 6 + y / 3.5))
    data = lattice + np.random.default_rng(0).normal(0, 0.15, (4, 128, 128))
    with pytest.warns(PlayNanoWarning) as caught:
        run(data, "feature_detection")
    assert any("use log_blob_detection or template_detection" in str(w.message) for w in caught)


def test_blobs_on_pixels_that_are_not_square():
    y, x = np.mgrid[:60, :180]
    data = np.random.default_rng(0).normal(0, 0.15, (3, 60, 180))
    for row in (30, 90, 150):
        for col in (30, 90, 150):
            data += 4.0 * (np.hypot(y * 3.0 - row, x - col) < 12)
    _, out = run(data, "log_blob_detection", pixel=(3.0, 1.0))
    table = out["table"]
    assert len(table) == 27
    assert table.y_nm.round(-1).tolist() == pytest.approx(table.y_nm, abs=2)
    assert "nm, polarity up" in out["summary"]["segmentation"]


def test_registered_masks_mark_pits_of_inverted_frames():
    data = -bumps(n=6, height=3.0)
    expected = run(
        data, "feature_detection", mask_fn="mask_below_threshold", threshold=-1.0, remove_edge=False
    )
    table = expected[1]["table"]
    assert len(table) == 18
    assert table.height_nm[table.y > 5].mean() == pytest.approx(-3, rel=0.05)
    same = run(data, "feature_detection", threshold=1.0, polarity="down", remove_edge=False)
    assert_frame_equal(same[1]["table"], table)
    otsu = run(data, "feature_detection", mask_fn="mask_otsu", polarity="down", remove_edge=False)
    assert len(otsu[1]["table"]) == 18
    deep = run(data, "feature_detection", mask_fn="mask_below_threshold", threshold=-1.0, min_height_nm=2.0)
    assert len(deep[1]["table"]) == 12
