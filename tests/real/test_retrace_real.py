"""Trace and retrace of a real movie."""

import os
from pathlib import Path

import numpy as np
import pytest

from playNano.afm_stack import AFMImageStack
from playNano.algorithms.repair.retrace import fuse_frame
from playNano.errors import StepError

DATA = Path(
    os.environ.get("PLAYNANO_TEST_DATA", Path(__file__).resolve().parents[2].parent / "shared" / "data")
)


@pytest.mark.parametrize("lazy", [False, True])
def test_a_file_with_both(lazy):
    path = DATA / "jpk_movie"
    if not path.exists():
        pytest.skip(f"no real data at {path}; set PLAYNANO_TEST_DATA to the folder that holds them")
    stack = AFMImageStack.load_data(path, lazy=lazy)[1:4]
    stack.apply(["fuse_trace_retrace"])
    (record,) = stack.provenance["processing"]["steps"]
    trace = np.asarray(stack.processed["raw"])
    retrace = AFMImageStack.load_data(path, "height_retrace").data[1:4]
    expected = [fuse_frame(t, r, record["lag_px"]) for t, r in zip(trace, retrace, strict=True)]
    np.testing.assert_array_equal(stack.data, np.array(expected, np.float32))
    assert -0.6 < record["lag_px"] < 0
    with pytest.raises(StepError, match="nothing"):
        AFMImageStack.load_data(path, lazy=lazy).apply(["fuse_trace_retrace:other=nothing"])
