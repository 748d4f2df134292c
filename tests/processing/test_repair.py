"""Steps that repair rows: the same result for any blocks, what the record holds, and masks."""

import warnings
from contextlib import contextmanager

import numpy as np
import pytest
from tests.core.sent_tasks import tasks_through_pickle

from playNano.errors import PlayNanoWarning
from playNano.processing.pipeline import ProcessingPipeline
from playNano.processing.repair import mask_scars, repair_scars

da = pytest.importorskip("dask.array")


def scarred(n=7, dtype=np.float32):
    """Return a movie with one scar a frame, the first excepted, and the scars' pixels."""
    rng = np.random.default_rng(0)
    data = rng.normal(0, 0.1, (n, 40, 60))
    truth = np.zeros(data.shape, bool)
    for f in range(1, n):
        truth[f, 4 + 4 * f, 10 : 30 + f] = True
    data[2, 30:33, 40:50] = np.nan
    return (data + 2 * truth).astype(dtype), truth


@contextmanager
def quiet():
    """Ignore that a frame without values determines nothing."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PlayNanoWarning)
        yield


def processed(make_stack, steps, data, **run):
    stack = make_stack(data)
    ProcessingPipeline(stack).add_steps(steps).run(**run)
    return stack


@pytest.mark.parametrize("fill", ["rows", "temporal", "nan"])
@pytest.mark.parametrize("chunk", [None, 1, 3])
@pytest.mark.parametrize("run", [{}, {"workers": 2, "block_frames": 1}, {"block_frames": 3}])
def test_blocks_and_chunks_do_not_matter(make_stack, fill, chunk, run):
    data, truth = scarred()
    expected = repair_scars(data, fill=fill)
    given = data if chunk is None else da.from_array(data, chunks=(chunk, 40, 60))
    with tasks_through_pickle():
        stack = processed(make_stack, f"repair_scars:fill={fill}", given, **run)
    np.testing.assert_array_equal(stack.data, expected)
    (record,) = stack.provenance["processing"]["steps"]
    np.testing.assert_allclose(record["per_frame"]["repaired_share"], truth.mean(axis=(1, 2)))
    assert record["per_frame"]["frame"] == list(range(7))
    assert "survey" not in record


def test_what_is_filled(make_stack):
    data, truth = scarred()
    for fill in ("rows", "temporal"):
        out = repair_scars(data, fill=fill)
        assert abs(float(out[truth].mean())) < 0.05
        np.testing.assert_array_equal(out[~truth], data[~truth])
    out = repair_scars(data, fill="nan")
    np.testing.assert_array_equal(np.isnan(out), truth | np.isnan(data))
    np.testing.assert_array_equal(mask_scars(data), truth)


def test_levelling_ignores_masked_scars(make_stack):
    data, truth = scarred()
    stack = processed(make_stack, "mask_scars;row_median_align;clear_mask", data)
    hidden = np.where(truth, np.nan, data)
    by_hand = processed(make_stack, "row_median_align", hidden)
    np.testing.assert_array_equal(stack.data[~truth], by_hand.data[~truth])


def test_many_scars_are_a_warning(make_stack):
    data, _ = scarred()
    data[3, 2:38:4, 5:50] += 3
    with pytest.warns(PlayNanoWarning, match=r"scars cover more than 5 % of 1 of 7 frames .*frame 3"):
        processed(make_stack, "repair_scars", data)


@pytest.mark.parametrize(
    "steps", ["align_rows", "destripe:period_px=7.5", "denoise_nl_means", "denoise_wavelet", "denoise_wiener"]
)
@pytest.mark.parametrize("chunk", [None, 1, 3])
def test_other_steps_do_not_depend_on_blocks(make_stack, steps, chunk):
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:40, :60]
    moved = np.where(y % 2 == 1, 1.0, -1.0)
    data = 3 * np.exp(-((y - 20) ** 2 + (x - moved - 30) ** 2) / 40) + rng.normal(0, 0.05, (7, 40, 60))
    data[2, 30:33, 40:50] = np.nan
    data[4] = np.nan
    with quiet():
        expected = processed(make_stack, steps, data, workers=1, block_frames=7)
    given = data if chunk is None else da.from_array(data, chunks=(chunk, 40, 60))
    with tasks_through_pickle(), quiet():
        stack = processed(make_stack, steps, given, **({"block_frames": 2} if chunk is None else {}))
    np.testing.assert_array_equal(stack.data, expected.data)
    (record,) = stack.provenance["processing"]["steps"]
    assert record == {
        **expected.provenance["processing"]["steps"][0],
        **{k: record[k] for k in ("timestamp", "duration_s")},
    }
    if steps == "align_rows":
        assert record["survey"]["median_shift_px"] == pytest.approx(2, abs=0.05)
        assert record["per_frame"]["is_measured"] == [True] * 4 + [False] + [True] * 2
