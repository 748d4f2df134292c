"""Columns of features.csv, as the documentation lists them, and the times of detections."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from playNano.afm_stack import AFMImageStack
from playNano.analysis import BUILTIN_ANALYSIS_MODULES
from playNano.analysis.pipeline import AnalysisPipeline
from playNano.analysis.utils.frames import frame_summary_to_dataframe
from playNano.analysis.utils.particles import flatten_particle_features
from playNano.core.scan import ScanGeometry
from playNano.io.export.tables import write_tables
from playNano.metrics import match_points
from playNano.simulate.movie import simulate_scene
from playNano.simulate.scanner import Scanner
from playNano.simulate.scene import Scene, Species
from playNano.simulate.shapes import Gaussian

PAGE = Path(__file__).resolve().parents[2] / "docs" / "columns.md"
DETECTIONS = {
    "feature_detection": {"mask_fn": "mask_threshold", "threshold": 1.0},
    "log_blob_detection": {"threshold": 0.5},
    "peak_detection": {"min_height_nm": 1.0},
    "template_detection": {"template_box": (0, 8, 10, 25, 27)},
}


def documented(module: str) -> list[str]:
    text = PAGE.read_text(encoding="utf-8")
    common, *sections = re.split(r"^## ", text, flags=re.M)
    section = next(s for s in sections if s.startswith(module + "\n"))
    rows = [
        line.split("|")[1]
        for part in (common, section)
        for line in part.splitlines()
        if line.startswith("| `")
    ]
    return [name for row in rows for name in re.findall(r"`(\w+)`", row)]


def movie(**options: object) -> AFMImageStack:
    y, x = np.mgrid[:40, :48]
    frame = 5 * np.exp(-((y - 16) ** 2 + (x - 18) ** 2) / 18) + 4 * np.exp(
        -((y - 28) ** 2 + (x - 34) ** 2) / 12
    )
    return AFMImageStack(np.stack([frame, frame[:, ::-1]]), (2.0, 1.0), "height", "movie.npy", **options)


@pytest.mark.parametrize("module", DETECTIONS)
def test_the_file_has_the_documented_columns_in_their_order(module: str, tmp_path: Path) -> None:
    pipeline = AnalysisPipeline()
    pipeline.add(module, **DETECTIONS[module])
    record = pipeline.run(movie())
    write_tables(record, tmp_path)
    table = pd.read_csv(tmp_path / "features.csv")
    assert list(table.columns) == documented(module)
    assert len(table) > 0


def test_the_contracts_frames_are_made_from_the_same_table() -> None:
    stack = movie()
    out = BUILTIN_ANALYSIS_MODULES["feature_detection"]().run(stack, **DETECTIONS["feature_detection"])
    table = out["table"]
    summary = frame_summary_to_dataframe(out["features_per_frame"])
    by_frame = table.groupby("frame")
    assert summary["n_features"].tolist() == by_frame.size().tolist()
    np.testing.assert_allclose(summary["total_area"], by_frame["area_px"].sum())
    np.testing.assert_allclose(summary["mean_intensity"], by_frame["mean"].mean())
    tracks = BUILTIN_ANALYSIS_MODULES["particle_tracking"]().run(
        stack, {"feature_detection": out}, max_distance=60.0
    )
    flat = flatten_particle_features(tracks, out).sort_values(["frame", "label"], ignore_index=True)
    np.testing.assert_array_equal(flat[["frame", "label"]], table[["frame", "label"]])
    np.testing.assert_allclose(flat[["centroid_y", "centroid_x"]], table[["y", "x"]])
    np.testing.assert_allclose(flat["timestamp"], table["frame_time_s"])


@pytest.mark.parametrize("slow_axis", ["down", "up", "alternating"])
@pytest.mark.parametrize("module", ["feature_detection", "log_blob_detection", "peak_detection"])
def test_time_is_when_the_tip_passed(module: str, slow_axis: str) -> None:
    scene = Scene((Species(Gaussian(5.0, 4.0), count=8),), margin_nm=20.0)
    scanner = Scanner(4, (96, 96), (2.0, 1.5), frame_time_s=0.5, frame_turn_s=0.1, slow_axis=slow_axis)
    made = simulate_scene(scene, scanner, seed=2)
    times = [{"timestamp": 3.0 + 0.5 * i} for i in range(4)]
    stack = AFMImageStack(made.data, made.pixel_size_nm, "height", "movie.npy", times, scan=made.scan)
    out = BUILTIN_ANALYSIS_MODULES[module]().run(stack, **DETECTIONS[module])
    table = out["table"]
    partner = match_points(made.truth, table, max_distance=2.0)
    hit = partner >= 0
    assert hit.sum() >= 8
    late = table["time_s"].to_numpy()[hit] - 3.0 - made.truth["time_s"].to_numpy()[partner[hit]]
    assert np.abs(late).max() < 2.5 * scanner.line_time_s
    assert out["times_from"] == "line"
    assert np.ptp((table["time_s"] - table["frame_time_s"]).to_numpy()) > 10 * scanner.line_time_s


@pytest.mark.parametrize("module", DETECTIONS)
def test_the_record_says_what_times_rest_on(module: str) -> None:
    scan = ScanGeometry(lines=40, line_time_s=0.01, direction="up")
    mute = ScanGeometry(lines=40, line_time_s=0.01)
    times = [{"timestamp": 0.0}, {"timestamp": 2.0}]
    for options, word in (
        ({"frame_metadata": times, "scan": scan}, "line"),
        ({"frame_metadata": times, "scan": mute}, "frame"),
        ({"frame_metadata": times}, "frame"),
        ({"scan": scan}, "index"),
    ):
        pipeline = AnalysisPipeline()
        pipeline.add(module, **DETECTIONS[module])
        record = pipeline.run(movie(**options))
        assert record["provenance"]["results_by_name"][module][0]["times_from"] == word
        table = record["analysis"][f"step_1_{module}"]["table"]
        assert (table["time_s"] == table["frame_time_s"]).all() == (word != "line")
