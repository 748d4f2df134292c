"""Results are the same to the bit, however a movie is cut and however many workers there are."""

import numpy as np
import pytest

from playNano.afm_stack import AFMImageStack
from playNano.analysis.pipeline import AnalysisPipeline
from playNano.core import executor
from playNano.processing.pipeline import ProcessingPipeline
from playNano.processing.steps import step_registry

WAYS = [(block, workers) for block in (1, 3, None) for workers in (1, 2)]
N = 7
REGION = {"name": "left", "shape": "box", "points_nm": [[10.0, 6.0], [40.0, 30.0]]}
PARAMS = {
    "mask_hysteresis": {"low_nm": 702, "high_nm": 706},
    "mask_local_height": {"sigmas": 3, "window_px": 16},
    "crop": {"y": 2, "x": 3, "height": 16, "width": 18},
    "rotate": {"angle_deg": 90.0},
    "select_frames": {"frames": "1:6:2"},
    "drop_frames": {"frames": "1:3"},
    "drop_frame_range": {"start": 1, "end": 3},
    "mask_roi": {"region": REGION},
    "crop_roi": {"region": REGION},
    "centre_on": {"places": [[0, 22.0, 24.0], [5, 26.0, 25.0]], "size_px": 15},
}


def movie(dtype=np.float32, spoiled=True):
    """Return a tilted movie with particles; some frames with NaN, one without any value."""
    rng = np.random.default_rng(11)
    y, x = np.mgrid[:30, :37]
    data = rng.normal(700, 0.3, (N, 30, 37)) + 0.05 * x - 0.03 * y + rng.normal(0, 2, (N, 30, 1))
    for frame in range(N):
        for row, column in rng.uniform(5, 25, (4, 2)):
            data[frame] += 6 * np.exp(-((y - row) ** 2 + (x - column) ** 2) / 8)
    if spoiled:
        data[2, 4:9, 10:20] = np.nan
        data[5] = np.nan
    return data.astype(dtype)


def stack_of(data):
    stack = AFMImageStack(data, (2.0, 1.5), "c", "movie.asd", [{"timestamp": 0.1 * i} for i in range(N)])
    stack.other_channels["height_retrace"] = data
    return stack


def processed(data, steps, **way):
    stack = stack_of(data)
    ProcessingPipeline(stack).add_steps(steps).run(**way)
    return stack


def assert_same(a, b):
    assert list(a.processed) == list(b.processed)
    assert list(a.masks) == list(b.masks)
    for mine, its in ((a.processed, b.processed), (a.masks, b.masks)):
        for key in mine:
            assert mine[key].dtype == its[key].dtype
            assert mine[key].tobytes() == its[key].tobytes(), key
    kept = ("name", "params", "skipped_frames")
    records = [[{k: s.get(k) for k in kept} for s in x.provenance["processing"]["steps"]] for x in (a, b)]
    assert records[0] == records[1]


@pytest.mark.parametrize("name", sorted(step_registry()))
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.filterwarnings("ignore::playNano.errors.PlayNanoWarning")
def test_every_step(name, dtype):
    steps = [{name: PARAMS.get(name, {})}]
    for spoiled in (True, False):
        data = movie(dtype, spoiled)
        reference = processed(data, steps, block_frames=N, workers=1)
        for block, workers in WAYS:
            assert_same(processed(data, steps, block_frames=block, workers=workers), reference)


@pytest.mark.parametrize("spoiled", [True, False])
def test_a_whole_job(spoiled):
    steps = (
        "row_median_align;remove_plane;mask_mean_offset:factor=1.2;polynomial_flatten;mask_adaptive;"
        "row_median_align;zero_mean;clear_mask;zero_median;mask_morphological:threshold=1;gaussian_filter:sigma=1.3"
    )
    data = movie(spoiled=spoiled)
    reference = processed(data, steps, block_frames=N, workers=1)
    for block, workers in WAYS:
        assert_same(processed(data, steps, block_frames=block, workers=workers), reference)


@pytest.mark.parametrize("layout", ["fortran", "every second", "read only", "big endian"])
def test_any_layout_of_the_pixels(layout):
    data = movie(spoiled=False)
    other = {
        "fortran": np.asfortranarray(data),
        "every second": np.repeat(data, 2, axis=0)[::2],
        "read only": data.copy(),
        "big endian": data.astype(">f4"),
    }[layout]
    other.flags.writeable = layout != "read only"
    steps = "remove_plane;mask_mean_offset;row_median_align;zero_mean;zero_median;gaussian_filter"
    reference = processed(data, steps, workers=1)
    for block in (1, None):
        mine = processed(other, steps, block_frames=block, workers=2)
        assert mine.data.tobytes() == reference.data.tobytes()
    detection = [("feature_detection", {"mask_fn": "mask_mean_offset"})]
    assert same_outputs(analysed(other, detection, 2, 2), analysed(data, detection, N, 1))


def analysed(data, steps, block, workers):
    """Run modules with blocks of so many frames, or of what suits the workers."""
    pipeline = AnalysisPipeline()
    for name, params in steps:
        pipeline.add(name, **params)
    real = executor.map_blocks

    def map_blocks(function, shape, **options):
        return real(function, shape, **{**options, "workers": workers, "block_frames": block})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(executor, "map_blocks", map_blocks)
        return pipeline.run(stack_of(data))["analysis"]


def same_outputs(a, b):
    """Compare the tables and arrays of all outputs, bit for bit."""
    for key in b:
        for name, value in b[key].items():
            if hasattr(value, "columns"):
                assert value.equals(a[key][name]), (key, name)
                assert list(value.dtypes) == list(a[key][name].dtypes)
            elif isinstance(value, np.ndarray):
                assert value.tobytes() == a[key][name].tobytes(), (key, name)
                assert value.dtype == a[key][name].dtype
    return True


TEMPLATE = (5 * np.exp(-(np.mgrid[-4:5, -4:5] ** 2).sum(axis=0) / 8)).round(3).tolist()
DETECT = {
    "mask_fn": "mask_adaptive",
    "block_size": 15,
    "offset": 1.0,
    "min_size": 3,
    "remove_edge": False,
    "fill_holes": True,
}


@pytest.mark.filterwarnings("ignore:the mean height of the frame alone:UserWarning")
@pytest.mark.parametrize(
    "steps",
    [
        [("count_nonzero", {})],
        [("feature_detection", DETECT), ("particle_tracking", {"max_missing": 1}), ("dbscan_clustering", {})],
        [("feature_detection", {**DETECT, "separate": "watershed"})],
        [("log_blob_detection", {"threshold": 1.0}), ("k_means_clustering", {"k": 2})],
        [("peak_detection", {"min_height_nm": 1.0}), ("particle_tracking", {})],
        [("template_detection", {"template": TEMPLATE})],
        [("frame_quality", {})],
    ],
    ids=["counting", "job", "parting", "blobs", "peaks", "templates", "quality"],
)
@pytest.mark.parametrize("spoiled", [True, False])
def test_analysis(steps, spoiled):
    data = movie(spoiled=spoiled)
    reference = analysed(data, steps, N, 1)
    if "feature_detection" in steps[0]:
        assert reference["step_1_feature_detection"]["summary"]["total_features"] > 10
    for block, workers in WAYS:
        assert same_outputs(analysed(data, steps, block, workers), reference)
