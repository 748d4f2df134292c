"""Heights in nm only from channels that are lengths."""

import re

import h5py
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from playNano.analysis.modules.peak_detection import PeakDetectionModule
from playNano.analysis.pipeline import AnalysisPipeline
from playNano.cli.app import run
from playNano.core.serialize import read_record_json
from playNano.errors import ParameterError, PlayNanoWarning
from playNano.io.export.numpy_files import write_npz
from playNano.plots.images import draw_colour_bar, draw_heights
from playNano.processing.pipeline import ProcessingPipeline

TEMPLATE = (5 * np.exp(-(np.mgrid[-4:5, -4:5] ** 2).sum(axis=0) / 8)).round(3).tolist()
QUALITY = "frame_quality;"
DETECTORS = {
    "feature_detection": "feature_detection:threshold=1,separate=watershed,separate_by=height",
    "log_blob_detection": "log_blob_detection:threshold=0.5",
    "peak_detection": "peak_detection",
    "template_detection": "template_detection:template_box=[0,4,4,13,13]",
}
HEIGHT = {"peak_detection": "z_max", "template_detection": "background"}
NAME = re.compile(r"[a-z][a-z0-9_]*_nm[23]?(?![a-z0-9])")


def text_of(path):
    """Return the text in a file; of an HDF5 file names, attributes and text."""
    if path.suffix != ".h5":
        is_text = path.suffix in (".json", ".csv", ".yaml", ".xml") or path.name.startswith(".z")
        return path.read_text(encoding="utf-8") if is_text else ""
    parts = []

    def read(name, item):
        parts.append(f"{name} {dict(item.attrs)}")
        if getattr(item, "dtype", np.dtype(float)).kind in "OS":
            parts.append(str(np.asarray(item[()]).tolist()))

    with h5py.File(path) as file:
        read("", file)
        file.visititems(read)
    return " ".join(parts)


def call(*words):
    with pytest.raises(SystemExit) as stop:
        run([str(word) for word in words])
    return stop.value.code or 0


def analyze(stack, folder, steps):
    write_npz(stack, folder / "movie.npz")
    exports = [word for name in ("trackmate", "trackpy", "bundle", "ome-zarr") for word in ("--export", name)]
    words = ("--channel", stack.channel, "--process", "remove_plane", "--steps", steps, *exports)
    return call("analyze", folder / "movie.npz", *words, "-o", folder / "out")


@pytest.mark.parametrize("module", DETECTORS)
def test_no_file_calls_degrees_nanometres(module, make_stack, lateral_names, tmp_path, capsys):
    steps = (
        QUALITY + DETECTORS[module] + ";particle_tracking:merge_split=true;"
        f"k_means_clustering:k=2,coord_columns=[{HEIGHT.get(module, 'height')}_deg,x]"
    )
    assert analyze(make_stack(unit="deg", channel="phase_trace"), tmp_path, steps) == 0
    said = capsys.readouterr()
    assert "'phase_trace' is in deg, not a length" in said.err
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    names = {path.name for path in files}
    assert {"record.json", "record.h5", "features.csv", "tracks.csv", "clusters.csv", "pipeline.yaml", "tracks.xml",
            "tracks_trackpy.csv", "bundle.h5", "overview.png", "movie.gif", "clusters.png"} <= names  # fmt: skip
    written = {name for path in files for name in NAME.findall(text_of(path))}
    assert "y_nm" in written
    assert written - lateral_names == set()
    assert "_nm" not in said.out
    record = read_record_json(tmp_path / "out" / "record.json")
    assert any("is in deg" in text for text in record["provenance"]["warnings"])
    assert record["provenance"]["input"]["unit"] == "deg"
    for name in ("overview.png", "movie.gif", "clusters.png"):
        with Image.open(tmp_path / "out" / name) as image:
            image.load()


@pytest.mark.parametrize("module", DETECTORS)
def test_the_numbers_are_those_of_the_same_movie_in_nm(module, make_stack, lateral_names):
    steps = QUALITY + DETECTORS[module] + ";particle_tracking"
    lengths = AnalysisPipeline().add_steps(steps).run(make_stack())
    with pytest.warns(PlayNanoWarning, match="height_V"):
        volts = AnalysisPipeline().add_steps(steps).run(make_stack(unit="V"))
    for key, outputs in lengths["analysis"].items():
        for output in ("table", "track_table"):
            if output not in outputs:
                continue
            expected, table = outputs[output], volts["analysis"][key][output]
            expected = expected.drop(columns="volume_nm3", errors="ignore")
            renamed = [name for name in expected if name not in table]
            back = {f"{name.removesuffix('_nm')}_V": name for name in renamed}
            pd.testing.assert_frame_equal(table.rename(columns=back), expected)
            assert set(renamed) & lateral_names == set()
    height = f"{HEIGHT.get(module, 'height')}_V"
    assert all(
        height in feature for feature in volts["analysis"][f"step_2_{module}"]["features_per_frame"][0]
    )


def test_a_record_of_volts_can_be_run_again(make_stack):
    stack = make_stack(unit="V")
    with pytest.warns(PlayNanoWarning):
        record = AnalysisPipeline().add_steps("peak_detection").run(stack)
    params = record["provenance"]["steps"][0]["params"]
    assert "min_height_nm" not in params and params["min_distance_nm"] == 0.0
    with pytest.warns(PlayNanoWarning):
        again = AnalysisPipeline().add_steps(record["provenance"]["steps"]).run(stack)
    assert again["provenance"]["steps"][0]["params"] == params
    assert sum("in V" in text for text in again["provenance"]["warnings"]) == 1


@pytest.mark.parametrize(
    ("steps", "parameter"),
    [
        ("peak_detection:min_height_nm=1", "min_height_nm"),
        ("peak_detection:min_prominence_nm=1", "min_prominence_nm"),
        ("feature_detection:threshold=1,min_height_nm=0.5", "min_height_nm"),
        ("feature_detection:threshold=1,max_height_nm=9", "max_height_nm"),
        ("feature_detection:mask_fn=mask_hysteresis,low_nm=1,high_nm=2", "low_nm"),
        ("feature_detection:mask_fn=mask_local_height,height_nm=2", "height_nm"),
        (f"{DETECTORS['feature_detection']},separate_depth_nm=1", "separate_depth_nm"),
        ("peak_detection;particle_tracking:height_weight=1,height_scale_nm=1", "height_scale_nm"),
    ],
)  # fmt: skip
def test_heights_in_nm_are_refused_for_degrees_before_any_step_runs(steps, parameter, make_stack):
    stack = make_stack(unit="deg", channel="phase_trace")
    with pytest.raises(ParameterError, match=rf"step \d.*: {parameter} is .* 'phase_trace' is in deg"):
        AnalysisPipeline().add_steps(steps).run(stack)
    assert stack.analysis == {}


def test_distances_in_nm_are_allowed_for_degrees(make_stack):
    steps = (
        "feature_detection:threshold=1,separate=watershed,separate_by=distance,separate_depth_nm=1;"
        "particle_tracking:max_distance_nm=9"
    )
    with pytest.warns(PlayNanoWarning):
        record = AnalysisPipeline().add_steps(steps).run(make_stack(unit="deg"))
    assert record["provenance"]["steps"][0]["params"]["separate_depth_nm"] == 1
    assert record["analysis"]["step_2_particle_tracking"]["n_tracks"] == 3


def test_modules_and_processing_steps_refuse_them_too(make_stack):
    stack = make_stack(unit="deg")
    with pytest.raises(ParameterError, match="peak_detection: min_height_nm is a height in nm"):
        PeakDetectionModule().run(stack, min_height_nm=1.0)
    before = stack.data
    pipeline = (
        ProcessingPipeline(stack).add_filter("zero_mean").add_mask("mask_hysteresis", low_nm=1, high_nm=2)
    )
    with pytest.raises(ParameterError, match=r"step 2 \(mask_hysteresis\): low_nm is a height in nm"):
        pipeline.run()
    assert stack.data is before
    ProcessingPipeline(stack).add_mask("mask_local_height", sigmas=4).run()
    assert stack.provenance["processing"]["steps"][0]["params"] == {"sigmas": 4.0, "window_px": 64}


def test_volumes_and_heights_in_nm_are_missing_with_the_reason(make_stack):
    stack = make_stack(unit="deg", channel="phase_trace")
    wrong = {
        "particle_tracking:merge_split=true,mass_column=volume_nm3": "is in deg.*there are no volumes",
        "k_means_clustering:k=2,coord_columns=[height_nm,y]": "is in deg.*called 'height_deg'",
    }
    for steps, reason in wrong.items():
        with pytest.warns(PlayNanoWarning), pytest.raises(ParameterError, match=reason):
            AnalysisPipeline().add_steps(f"feature_detection:threshold=1;{steps}").run(stack)


def test_heights_in_degrees_weigh_in_the_cost_of_links(make_stack):
    steps = "feature_detection:threshold=1;particle_tracking:height_weight=1"
    with pytest.warns(PlayNanoWarning):
        record = AnalysisPipeline().add_steps(steps).run(make_stack(unit="deg"))
    tracks = record["analysis"]["step_2_particle_tracking"]["track_table"]
    np.testing.assert_allclose(tracks["mean_height_deg"], 5.0, rtol=0.03)


@pytest.mark.parametrize(("unit", "label"), [("nm", "height (nm)"), ("deg", "phase_trace (deg)")])
def test_colour_bars_name_the_channel_and_its_unit(unit, label, make_stack):
    from matplotlib.figure import Figure

    figure = Figure()
    stack, axes = make_stack(unit=unit, channel="phase_trace"), figure.subplots()
    draw_colour_bar(figure, axes, draw_heights(axes, stack, stack.get_frame(0), (0, 1)), stack)
    assert [axes.get_ylabel() for axes in figure.axes] == ["", label]


def test_a_channel_in_nm_that_is_no_topography_is_named_in_a_warning(make_stack):
    with pytest.warns(PlayNanoWarning, match="'amplitude_trace' is not a topography"):
        AnalysisPipeline().add_steps("peak_detection").run(make_stack(channel="amplitude_trace"))
