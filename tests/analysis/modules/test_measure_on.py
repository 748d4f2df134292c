"""Regions that are detected on one movie and measured on another."""

import numpy as np
import pytest

from playNano.analysis.modules.feature_detection import FeatureDetectionModule
from playNano.errors import ParameterError

da = pytest.importorskip("dask.array")


def smoothed(make_stack, chunk=None):
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:60, :60]
    bump = 5 * np.exp(-((y - 30) ** 2 + (x - 30) ** 2) / 18)
    data = (bump + rng.normal(0, 0.1, (5, 60, 60))).astype(np.float32)
    stack = make_stack(data if chunk is None else da.from_array(data, chunks=(chunk, 60, 60)))
    stack.apply(["gaussian_filter:sigma=0.1", "gaussian_filter:sigma=3"])
    return stack


@pytest.mark.parametrize("chunk", [None, 2])
@pytest.mark.parametrize("options", [{}, {"threshold": 1.0, "min_size": 5}])
def test_heights_are_those_of_the_snapshot(make_stack, chunk, options):
    stack = smoothed(make_stack, chunk)
    module = FeatureDetectionModule()
    blurred = module.run(stack, **options)
    measured = module.run(stack, measure_on="raw", **options)
    assert blurred["table"]["z_max_nm"].max() < 3
    assert measured["table"]["z_max_nm"].between(4.7, 5.5).all()
    assert len(measured["table"]) == len(blurred["table"]) == 5
    np.testing.assert_array_equal(
        np.asarray(measured["labeled_masks"][:]), np.asarray(blurred["labeled_masks"][:])
    )
    last = module.run(stack, measure_on="gaussian_filter", **options)
    np.testing.assert_array_equal(last["table"]["z_max_nm"], blurred["table"]["z_max_nm"])


def test_an_unknown_snapshot_is_refused(make_stack):
    with pytest.raises(
        ParameterError, match=r"measure_on 'nothing': .* there are raw, step_1_gaussian_filter"
    ):
        FeatureDetectionModule().run(smoothed(make_stack), measure_on="nothing")


def test_with_a_stored_mask(make_stack):
    stack = smoothed(make_stack)
    masks = np.zeros(stack.data.shape, bool)
    masks[:, 25:36, 25:36] = True
    out = FeatureDetectionModule().run(stack, {"own": masks}, mask_key="own", measure_on="raw")
    assert out["table"]["z_max_nm"].min() > 4.7
