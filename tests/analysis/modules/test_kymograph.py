"""The module of kymographs: parameters as text, lazy movies, drift, lost frames, figure."""

import numpy as np
import pandas as pd
import pytest

from playNano.afm_stack import AFMImageStack
from playNano.analysis.pipeline import AnalysisPipeline
from playNano.core.literals import Text
from playNano.core.roi import RegionOfInterest
from playNano.core.roi_files import write_rois
from playNano.core.scan import ScanGeometry
from playNano.errors import ParameterError
from playNano.io.export.tables import write_tables
from playNano.measurement import kymograph
from playNano.plots.measurement import measurement_figures
from playNano.processing.pipeline import ProcessingPipeline

LINE = ((10.0, 12.0), (50.0, 12.0), (50.0, 57.0))
SCAN = ScanGeometry(lines=32, line_time_s=0.01, frame_time_s=0.32, direction="down", trace="trace")


def stack_of(data=None, **change):
    data = np.random.default_rng(0).normal(size=(7, 32, 40)).astype(np.float32) if data is None else data
    given = {"scan": SCAN, **change}
    times = [{"timestamp": 0.5 * k} for k in range(len(data))]
    return AFMImageStack(data, (2.0, 1.5), "height", "movie.npy", times, **given)


def run(stack, **params):
    pipeline = AnalysisPipeline()
    pipeline.add("kymograph", **params)
    return pipeline.run(stack)


def test_the_line_as_text_as_a_list_and_as_tuples():
    stack = stack_of()
    expected = kymograph(stack, line_nm=LINE, width_nm=3.0)
    for line in (
        Text("((10, 12), (50, 12), (50, 57))"),
        Text("[[10,12],[50,12],[50,57]]"),
        [list(p) for p in LINE],
    ):
        got = run(stack, line_nm=line, width_nm=Text("3"))["analysis"]["step_1_kymograph"]
        np.testing.assert_array_equal(got["kymograph"], expected["kymograph"])
        np.testing.assert_array_equal(got["time_s"], expected["time_s"])
    assert expected["kymograph"].shape == expected["time_s"].shape == (7, len(expected["distance_nm"]))
    for wrong in ("((1, 2))", "((1, 2, 3), (4, 5, 6))", "((5, 5), (5, 5))", "((500, 500), (600, 600))"):
        with pytest.raises(ParameterError, match="line_nm"):
            run(stack, line_nm=Text(wrong))


def test_a_lazy_movie_gives_the_same():
    import dask.array as da

    stack = stack_of()
    for chunks in ((2, 32, 40), (7, 32, 40)):
        lazy = stack_of(da.from_array(stack.data, chunks=chunks))
        for name in ("kymograph", "time_s"):
            one, other = (kymograph(s, line_nm=LINE)[name] for s in (stack, lazy))
            np.testing.assert_array_equal(one, other)


def test_profile_is_the_mean_over_usable_frames():
    stack = stack_of()
    usable = np.arange(7) != 2
    from playNano.analysis.modules.kymograph import KymographModule

    out = KymographModule().run(stack, {"frame_quality": {"usable": usable}}, line_nm=LINE)
    assert np.isnan(out["kymograph"][2]).all()
    assert np.isfinite(out["time_s"]).all()
    profile = out["profile"]
    np.testing.assert_allclose(profile["height_nm"], out["kymograph"][usable].mean(axis=0))
    np.testing.assert_allclose(profile["height_sd_nm"], out["kymograph"][usable].std(axis=0, ddof=1))
    assert set(profile["n_frames"]) == {6}
    assert "14.3 %" in " ".join(out["summary"]["messages"])


def test_the_line_moves_with_the_drift():
    shapes = np.exp(-((np.mgrid[:40, :40] - 15) ** 2).sum(axis=0) / 18)
    data = np.array([np.roll(shapes, (k, 2 * k), axis=(0, 1)) for k in range(5)])
    stack = stack_of(data, scan=None)
    drift = pd.DataFrame({"frame": range(5), "y_nm": 2.0 * np.arange(5), "x_nm": 3.0 * np.arange(5)})
    tracking = {"particle_tracking": {"table": None, "drift": drift}}
    from playNano.analysis.modules.kymograph import KymographModule

    line = ((10.0, 22.5), (50.0, 22.5))
    still = KymographModule().run(stack, tracking, line_nm=line)["kymograph"]
    np.testing.assert_allclose(still, np.broadcast_to(still[0], still.shape), atol=1e-6)
    moving = KymographModule().run(stack, tracking, line_nm=line, subtract_drift=False)["kymograph"]
    assert np.abs(moving - moving[0]).max() > 0.5


def test_what_is_not_known_of_the_times_is_said():
    from dataclasses import replace

    for scan, word in ((None, "line times"), (replace(SCAN, trace=None), "trace or retrace"), (SCAN, "")):
        out = kymograph(stack_of(scan=scan), line_nm=LINE)
        assert word in " ".join(out["summary"]["messages"])
        assert (len(out["summary"]["messages"]) == 0) == (scan is SCAN)
    data = np.zeros((3, 32, 40))
    timeless = kymograph(AFMImageStack(data, 2.0, "height", "movie.npy"), line_nm=LINE)
    assert timeless["time_frame"][:, 0].tolist() == [0.0, 1.0, 2.0]
    assert "time_s" not in timeless


def test_partly_outside_and_one_frame():
    out = kymograph(stack_of(np.ones((1, 32, 40))), line_nm=((10.0, 10.0), (10.0, 90.0)))
    status = out["profile"]["status"]
    assert set(status) == {"one_frame", "at_bound"}
    assert (np.isnan(out["kymograph"][0]) == (status == "at_bound")).all()
    assert out["profile"]["height_sd_nm"].isna().all()


def test_tables_and_figure(tmp_path):
    record = run(stack_of(), line_nm=LINE)
    assert "kymograph_profile.csv" in write_tables(record, tmp_path)
    outputs = record["analysis"]["step_1_kymograph"]
    assert list(measurement_figures("kymograph", outputs)) == ["kymograph"]
    nothing = {**outputs, "kymograph": np.full_like(outputs["kymograph"], np.nan)}
    assert measurement_figures("kymograph", nothing) == {}


def test_a_line_of_a_file_and_in_a_cropped_movie(tmp_path):
    path = tmp_path / "lines.geojson"
    write_rois(
        path, [RegionOfInterest("axis", "line", LINE), RegionOfInterest("b", "box", LINE[:1] + LINE[2:])]
    )
    expected = run(stack_of(), line_nm=LINE)["analysis"]["step_1_kymograph"]
    record = run(stack_of(), region=Text(f"{path}#axis"))
    assert record["provenance"]["steps"][0]["params"]["region"]["points_nm"] == [list(p) for p in LINE]
    part = stack_of()
    ProcessingPipeline(part).add_steps([{"crop": {"y": 3, "x": 4, "height": 26, "width": 36}}]).run()
    cropped = run(part, region=f"{path}#axis")["analysis"]["step_1_kymograph"]
    for got, beside_the_border in ((record["analysis"]["step_1_kymograph"], 0), (cropped, 0.03)):
        np.testing.assert_allclose(got["kymograph"], expected["kymograph"], atol=beside_the_border)
        np.testing.assert_allclose(got["time_s"], expected["time_s"], atol=1e-12)
        np.testing.assert_allclose(got["profile"]["y_nm"], expected["profile"]["y_nm"])


def test_a_line_and_a_region_together(tmp_path):
    line = {"name": "axis", "shape": "line", "points_nm": LINE}
    for params, text in [
        ({}, "give either line_nm, or a region"),
        ({"line_nm": LINE, "region": line}, "give either line_nm, or a region"),
        ({"region": {**line, "shape": "polygon"}}, "'axis' is a polygon, not a line"),
    ]:
        with pytest.raises(ParameterError, match=text):
            run(stack_of(), **params)
