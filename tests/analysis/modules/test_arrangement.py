"""The module of arrangement: what it measures, the files of its tables, and its figure."""

import numpy as np
import pytest

from playNano.afm_stack import AFMImageStack
from playNano.analysis.pipeline import AnalysisPipeline
from playNano.errors import MissingInputError
from playNano.io.export.tables import write_tables
from playNano.plots.measurement import measurement_figures
from playNano.simulate.movie import simulate_scene
from playNano.simulate.scanner import Scanner
from playNano.simulate.scene import Scene, Species
from playNano.simulate.shapes import Gaussian


@pytest.fixture(scope="module")
def stack():
    scene = Scene((Species(Gaussian(5.0, 6.0), count=20),))
    scanner = Scanner(n_frames=6, shape=(64, 100), pixel_size_nm=(4.0, 2.5), frame_time_s=0.5)
    return simulate_scene(scene, scanner, seed=3).to_stack()


def run(stack, *steps):
    pipeline = AnalysisPipeline()
    for name, params in steps:
        pipeline.add(name, **params)
    return pipeline.run(stack)


DETECT = ("feature_detection", {"threshold": 1.0})
TRACK = ("particle_tracking", {})


def test_window_and_resolution_come_from_the_particles(stack):
    record = run(stack, DETECT, TRACK, ("arrangement", {}))
    table = record["analysis"]["step_1_feature_detection"]["table"]
    row = record["analysis"]["step_3_arrangement"]["test"].iloc[0]
    assert row["resolution_nm"] == pytest.approx(table["major_axis_nm"].median())
    assert (row["n_frames"], row["n_blocks"], row["status"]) == (6, 1, "one_frame")
    margin = record["analysis"]["step_3_arrangement"]
    wide = run(stack, DETECT, TRACK, ("arrangement", {"edge_nm": 0.0}))["analysis"]["step_3_arrangement"]
    assert wide["test"]["density_1_nm2"][0] == pytest.approx(len(table) / 6 / (256 * 250))
    assert wide["test"]["density_1_nm2"][0] < margin["test"]["density_1_nm2"][0]
    assert len(margin["summary"]["headlines"]) == 2


def test_detections_alone_are_enough(stack):
    outputs = run(stack, DETECT, ("arrangement", {}))["analysis"]["step_2_arrangement"]
    tracked = run(stack, DETECT, TRACK, ("arrangement", {}))["analysis"]["step_3_arrangement"]
    assert outputs["test"]["n_tracks"][0] == 0
    np.testing.assert_array_equal(outputs["pair_correlation"]["g"], tracked["pair_correlation"]["g"])
    with pytest.raises(MissingInputError, match="feature_detection"):
        run(stack, ("arrangement", {}))


def test_tables_and_figure(stack, tmp_path):
    record = run(stack, DETECT, ("arrangement", {}))
    names = set(write_tables(record, tmp_path))
    assert {"pair_correlation.csv", "neighbours.csv", "arrangement_test.csv"} <= names
    outputs = record["analysis"]["step_2_arrangement"]
    assert list(measurement_figures("arrangement", outputs)) == ["pair_correlation"]
    assert measurement_figures("arrangement", {**outputs, "pair_correlation": []}) == {}


def test_other_pixels_and_scans_give_the_same():
    scene = Scene((Species(Gaussian(5.0, 6.0), count=20),))
    rows = []
    for change in (
        {"shape": (128, 128), "pixel_size_nm": 2.0},
        {"shape": (64, 100), "pixel_size_nm": (4.0, 2.56), "slow_axis": "alternating", "trace": "retrace"},
        {"shape": (128, 80), "pixel_size_nm": (2.0, 3.2), "slow_axis": "up"},
    ):
        movie = simulate_scene(scene, Scanner(n_frames=2, frame_time_s=0.5, **change), seed=3)
        outputs = run(movie.to_stack(), DETECT, ("arrangement", {"edge_nm": 8.0}))["analysis"]
        rows.append(outputs["step_2_arrangement"]["test"].iloc[0])
    for name in ("density_1_nm2", "clark_evans", "exclusion_nm"):
        assert [row[name] for row in rows] == pytest.approx([rows[0][name]] * 3, rel=0.03), name


def test_without_times_names_have_no_seconds(stack):
    timeless = AFMImageStack(stack.data, stack.pixel_size_nm, "height", "movie.npy")
    outputs = run(timeless, DETECT, TRACK, ("arrangement", {}))["analysis"]["step_3_arrangement"]
    assert outputs["clock"] == "index"
    assert "block_frame" in outputs["test"]
    assert not [name for name in outputs["test"] if name.endswith("_s")]
