"""The step `fuse_trace_retrace`: where the other channel is from, which steps may come before, and its record."""

import numpy as np
import pytest

from playNano import AFMImageStack
from playNano.algorithms.repair.retrace import fuse_frame, shifted_along_x
from playNano.errors import PlayNanoWarning, StepError
from playNano.processing.pipeline import ProcessingPipeline

da = pytest.importorskip("dask.array")


def both(n=5):
    """Return trace and retrace of moving bumps, 1.6 px apart."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:40, :60]
    bumps = [4 * np.exp(-((y - 20) ** 2 + (x - 25 - 2 * f) ** 2) / 40) for f in range(n)]
    make = [[shifted_along_x(b, s) + rng.normal(0, 0.05, b.shape) for b in bumps] for s in (0.8, -0.8)]
    return [np.nan_to_num(np.array(m)).astype(np.float32) for m in make]


def stack_of(trace, retrace, scan=None):
    stack = AFMImageStack(trace, 1.0, "height_trace", "movie.npy", scan=scan)
    stack.other_channels["height_retrace"] = retrace
    return stack


def fused(stack, steps="fuse_trace_retrace", **run):
    ProcessingPipeline(stack).add_steps(steps).run(**run)
    return stack


@pytest.mark.parametrize("chunk", [None, 1, 2, 5])
def test_pixels_and_record(chunk):
    trace, retrace = both()
    given = [m if chunk is None else da.from_array(m, chunks=(chunk, 40, 60)) for m in (trace, retrace)]
    stack = fused(stack_of(*given), "fuse_trace_retrace;gaussian_filter")
    (record, _) = stack.provenance["processing"]["steps"]
    assert record["lag_px"] == pytest.approx(1.6, abs=0.15)
    assert len(record["lag_px_per_frame"]["lag_px"]) == 5
    assert record["channel"] == "height_retrace"
    expected = [fuse_frame(t, r, record["lag_px"]) for t, r in zip(trace, retrace, strict=True)]
    step = stack.processed["step_1_fuse_trace_retrace"]
    np.testing.assert_array_equal(step, np.array(expected, np.float32))
    np.testing.assert_array_equal(stack.processed["raw"], trace)


def test_edits_before_it_apply_to_both_channels():
    trace, retrace = both()
    stack = fused(
        stack_of(trace, retrace),
        "select_frames:frames=1:4;crop:y=5,x=0,height=30,width=60;fuse_trace_retrace:lag_px=0",
    )
    expected = fused(stack_of(trace, retrace), "fuse_trace_retrace:lag_px=0").data[1:4, 5:35]
    np.testing.assert_allclose(stack.data, expected, atol=0.2)
    np.testing.assert_array_equal(stack.processed["raw"], trace[1:4, 5:35])
    part = fused(stack_of(trace, retrace)[1:4], "fuse_trace_retrace:lag_px=0")
    np.testing.assert_array_equal(
        part.data, fused(stack_of(trace, retrace), "fuse_trace_retrace:lag_px=0").data[1:4]
    )


def test_other_steps_before_it_are_refused():
    with pytest.raises(StepError, match=r"put it before all steps but crops .*before it: zero_mean"):
        fused(stack_of(*both()), "zero_mean;fuse_trace_retrace")
    stack = fused(stack_of(*both()), "zero_mean")
    with pytest.raises(StepError, match="an earlier run of steps"):
        fused(stack)


def test_without_the_other_channel_or_relief():
    trace, retrace = both()
    with pytest.raises(StepError, match="there is no channel 'height_retrace'"):
        fused(AFMImageStack(trace, 1.0, "height_trace", "movie.npy"))
    with pytest.raises(StepError, match="has the shape"):
        fused(stack_of(trace, retrace[:, :30]))
    noise = np.random.default_rng(1).normal(0, 1, (2, 3, 40, 60))
    with pytest.warns(PlayNanoWarning, match="not show enough relief to find the lag"):
        fused(stack_of(*noise))
