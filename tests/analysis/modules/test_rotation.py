"""The module of rotation: a simulated movie from pixels to the coefficient, its files and its figure."""

import pytest

from playNano.analysis.pipeline import AnalysisPipeline
from playNano.io.export.tables import write_tables
from playNano.plots.measurement import measurement_figures
from playNano.simulate.movie import simulate_scene
from playNano.simulate.scanner import Scanner
from playNano.simulate.scene import Motion, Scene, Species
from playNano.simulate.shapes import Rod


def record_of(**scan):
    scene = Scene((Species(Rod(4.0, 20.0, 8.0), count=9, motion=Motion(rotation_rad2_s=0.2)),))
    scanner = Scanner(n_frames=40, frame_time_s=0.25, **scan)
    pipeline = AnalysisPipeline()
    pipeline.add("feature_detection", threshold=1.5)
    pipeline.add("particle_tracking")
    pipeline.add("rotation", bins=45)
    return pipeline.run(simulate_scene(scene, scanner, seed=5).to_stack())


@pytest.fixture(scope="module")
def record():
    return record_of(shape=(96, 96), pixel_size_nm=3.0)


def test_other_pixels_and_scans():
    other = record_of(shape=(72, 144), pixel_size_nm=(4.0, 2.0), slow_axis="alternating", trace="retrace")
    row = other["analysis"]["step_3_rotation"]["rotation"].iloc[0]
    assert row["rotation_rad2_s"] == pytest.approx(0.2, rel=0.3)


def test_from_pixels_to_the_coefficient(record):
    row = record["analysis"]["step_3_rotation"]["rotation"].iloc[0]
    assert row["status"] == "ok"
    assert row["rotation_rad2_s"] == pytest.approx(0.2, rel=0.25)
    assert row["rotation_high_rad2_s"] / row["rotation_low_rad2_s"] < 2.5


def test_tables_and_figure(record, tmp_path):
    assert {"rotation.csv", "rotation_pairs.csv", "orientation_correlation.csv"} <= set(
        write_tables(record, tmp_path)
    )
    outputs = record["analysis"]["step_3_rotation"]
    assert list(measurement_figures("rotation", outputs)) == ["rotation"]
    assert measurement_figures("rotation", {**outputs, "orientation_correlation": []}) == {}
