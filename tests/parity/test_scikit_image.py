"""Where results are promised to be those of scikit-image, they are."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.feature import blob_log
from skimage.measure import label, regionprops_table

from playNano.afm_stack import AFMImageStack
from playNano.analysis.modules.feature_detection import FeatureDetectionModule
from playNano.analysis.modules.log_blob_detection import LoGBlobDetectionModule

PROPERTIES = ("label", "area", "bbox", "centroid", "intensity_min", "intensity_max", "intensity_mean")


def stack_of(data):
    return AFMImageStack(data, 1.0, "c", "movie.asd")


@pytest.mark.filterwarnings("ignore:.*no detections:UserWarning")
@settings(max_examples=30)
@given(st.integers(0, 10_000), st.floats(0.05, 0.95), st.tuples(st.integers(1, 23), st.integers(1, 23)))
def test_regions_of_any_speckle(seed, share, shape):
    data = np.random.default_rng(seed).random((2, *shape)).astype(np.float32)
    out = FeatureDetectionModule().run(
        stack_of(data), mask_fn=lambda frame: frame < share, min_size=1, remove_edge=False
    )
    for index, frame in enumerate(data):
        labels = label(frame < share, connectivity=2)
        np.testing.assert_array_equal(out["labeled_masks"][index], labels)
        expected = regionprops_table(labels, frame, properties=PROPERTIES)
        table = out["table"][out["table"]["frame"] == index]
        np.testing.assert_array_equal(table["label"], expected["label"])
        np.testing.assert_array_equal(table["area_px"], expected["area"])
        for place, side in enumerate(("min_row", "min_col", "max_row", "max_col")):
            np.testing.assert_array_equal(table[f"bbox_{side}"], expected[f"bbox-{place}"])
        np.testing.assert_allclose(table["y"], expected["centroid-0"])
        np.testing.assert_allclose(table["x"], expected["centroid-1"])
        for name in ("min", "max", "mean"):
            np.testing.assert_allclose(table[name], expected[f"intensity_{name}"], rtol=1e-5)


def particles(seed, noise, shape=(3, 40, 52)):
    """Return a movie of Gaussian particles of many sizes, some of them close together."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: shape[1], : shape[2]]
    data = rng.normal(0, noise, shape)
    for frame in data:
        for _ in range(9):
            row, column = rng.uniform(0, shape[1]), rng.uniform(0, shape[2])
            sigma, height = rng.uniform(1, 4), rng.uniform(0.5, 4)
            frame += height * np.exp(-((y - row) ** 2 + (x - column) ** 2) / (2 * sigma**2))
    return data


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    "params",
    [
        {},
        {"threshold": 0.4, "overlap": 0.2},
        {"min_sigma": 2.0, "max_sigma": 3.0, "num_sigma": 4},
        {"min_sigma": 1.5, "max_sigma": 1.5, "num_sigma": 1, "threshold": 0.2},
        {"overlap": 1.0},
        {"overlap": 0.3, "threshold": 0.0},
    ],
)
@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_blobs(seed, params, noise):
    data = particles(seed, noise)
    params = {"min_sigma": 1.0, "max_sigma": 5.0, "num_sigma": 10, "threshold": 0.1, "overlap": 0.5, **params}
    out = LoGBlobDetectionModule().run(stack_of(data), **params)
    for frame, found in zip(data, out["features_per_frame"], strict=True):
        expected = blob_log(frame, **params)
        mine = np.array([(blob["y"], blob["x"], blob["sigma"]) for blob in found]).reshape(-1, 3)
        np.testing.assert_allclose(mine[np.lexsort(mine.T)], expected[np.lexsort(expected.T)], atol=1e-9)
