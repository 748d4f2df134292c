"""The command line, run as a person would."""

import json
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import tifffile
import yaml
from rich.console import Console

from playNano.analysis.exporters import exporter_registry
from playNano.analysis.pipeline import module_registry
from playNano.cli import modules
from playNano.cli.app import run
from playNano.core.serialize import read_record_json
from playNano.io.export.asd import write_asd
from playNano.io.formats import reader_registry
from playNano.io.loader import load_afm_stack
from playNano.processing.steps import step_registry

DETECT = "feature_detection:mask_fn=mask_threshold,threshold=1,min_size=5"
LEVEL = "remove_plane;row_median_align;gaussian_filter:sigma=5e-1"


@pytest.fixture
def movie(make_spots, tmp_path):
    path = tmp_path / "movie.asd"
    write_asd(path, make_spots()[0], pixel_size_nm=2.0, frame_time_s=0.5)
    return path


def call(*words):
    """Run a command line and return its exit code."""
    with pytest.raises(SystemExit) as stop:
        run([str(word) for word in words])
    return stop.value.code or 0


def test_info_says_what_is_in_a_file(movie, capsys):
    assert call("info", movie) == 0
    said = capsys.readouterr().out
    for part in ("TP", "6 of 32 x 40 px", "2 nm", "0.5 s per frame", "lines/s", "first frame"):
        assert part in said


def test_process_writes_a_bundle_a_log_and_a_movie(movie, tmp_path, capsys):
    assert call("process", movie, "--steps", LEVEL, "-o", tmp_path / "out") == 0
    stack = load_afm_stack(tmp_path / "out" / "processed.h5")
    assert list(stack.processed)[1:] == [
        "step_1_remove_plane",
        "step_2_row_median_align",
        "step_3_gaussian_filter",
    ]
    log = json.loads((tmp_path / "out" / "processing.json").read_text())
    assert log["processing"]["steps"][2]["params"] == {"sigma": 0.5}
    assert (tmp_path / "out" / "movie.gif").stat().st_size > 100
    assert "results in" in capsys.readouterr().out


def test_analyze_writes_everything(movie, tmp_path, capsys):
    out = tmp_path / "out"
    steps = f"{DETECT};particle_tracking:max_distance=4;k_means_clustering:k=3"
    assert call("analyze", movie, "--process", LEVEL, "--steps", steps, "-o", out) == 0
    names = {path.name for path in out.iterdir()}
    assert {
        "record.json", "record.h5", "features.csv", "tracks.csv", "clusters.csv", "overview.png", "movie.gif",
        "pipeline.yaml", "clusters.png", "cluster_table.csv", "cluster_occupancy.csv",
    } <= names  # fmt: skip
    record = read_record_json(out / "record.json")
    assert [step["name"] for step in record["provenance"]["steps"]] == [
        "feature_detection", "particle_tracking", "k_means_clustering",
    ]  # fmt: skip
    assert len(pd.read_csv(out / "tracks.csv")) == len(pd.read_csv(out / "features.csv")) > 0
    assert "n_tracks" in capsys.readouterr().out


def test_every_parameter_of_tracking_is_passed_on_and_tracks_are_exported(movie, tmp_path, capsys):
    steps = f"{DETECT};particle_tracking:max_distance_nm=9,max_missing=1,method=global,motion=directed"
    steps += ",drift=global,distance_scale=linear,area_weight=0.5,area_scale_nm2=20,height_weight=1"
    steps += ",height_scale_nm=0.5,orientation_weight=1e-1,orientation_scale_rad=0.4,merge_split=true"
    steps += ",mass_column=volume_nm3,step_nm=3,miss_rate=0.05,end_rate=0.01,start_rate=0.01"
    steps += ",false_per_frame=0.1,min_length=2"
    words = ["analyze", movie, "--process", LEVEL, "--steps", steps, "-o", tmp_path, "--no-gif"]
    assert call(*words, "--export", "trackmate", "--export", "trackpy") == 0
    params = read_record_json(tmp_path / "record.json")["provenance"]["steps"][-1]["params"]
    assert (params["motion"], params["step_nm"], params["mass_column"]) == ("directed", 3.0, "volume_nm3")
    assert len(pd.read_csv(tmp_path / "tracks_trackpy.csv")) == len(pd.read_csv(tmp_path / "tracks.csv"))
    assert "<TrackMate" in (tmp_path / "tracks.xml").read_text()
    assert {"links.csv", "track_table.csv", "track_events.csv"} <= {p.name for p in tmp_path.iterdir()}
    assert call(*words, "--export", "excel") == 2
    assert "unknown exporter 'excel' (known: asd, btrack, bundle, gif, " in capsys.readouterr().err


def test_pixels_masks_and_labels_as_tiff(movie, tmp_path):
    steps = f"{LEVEL};mask_threshold:threshold=1"
    words = ("process", movie, "--steps", steps, "-o", tmp_path, "--no-gif")
    assert call(*words, "--export", "ome-tiff", "--export", "mask-tiff:mask=mask_threshold") == 0
    stack = load_afm_stack(movie)
    stack.apply(steps.split(";"))
    np.testing.assert_array_equal(load_afm_stack(tmp_path / "processed.ome.tif").data, stack.data)
    mask = np.asarray(next(iter(stack.masks.values())))
    np.testing.assert_array_equal(load_afm_stack(tmp_path / "mask.ome.tif").data, mask * 255)
    words = ("analyze", movie, "--process", LEVEL, "--steps", DETECT, "-o", tmp_path / "a", "--no-gif")
    assert call(*words, "--export", "label-tiff") == 0
    n_regions = len(pd.read_csv(tmp_path / "a" / "features.csv"))
    labels = load_afm_stack(tmp_path / "a" / "labels.ome.tif").data
    assert sum(len(np.unique(frame)) - 1 for frame in labels) == n_regions > 0


def test_options_of_the_reader(make_spots, tmp_path, capsys):
    path, data = tmp_path / "a.ome.tif", make_spots()[0]
    size = {"PhysicalSizeX": 2.0, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": 2.0, "PhysicalSizeYUnit": "nm"}
    tifffile.imwrite(path, data, ome=True, photometric="minisblack", metadata={"axes": "TYX", **size})
    words = ("process", path, "--steps", "zero_mean", "-o", tmp_path / "out", "--no-gif")
    given = ("--read", "unit=um", "--read", "bottom_first=true", "--read", "frame_time_s=0.25")
    assert call(*words, *given) == 0
    stack = load_afm_stack(tmp_path / "out" / "processed.h5")
    np.testing.assert_array_equal(stack.processed["raw"], data[:, ::-1] * np.float32(1e3))
    assert (stack.unit, stack.get_frame_times()[1]) == ("nm", 0.25)
    for wrong, message in (
        ("units=nm", "did you mean 'unit'"),
        ("unit", "NAME=VALUE"),
        ("frame_time_s=0", "greater"),
    ):
        assert call(*words, "--read", wrong, "--new") == 2
        assert message in capsys.readouterr().err


def test_clusters_of_tracks_by_lengths_of_their_own(movie, tmp_path):
    """Every parameter of clustering can be given on the command line."""
    steps = f"{DETECT};particle_tracking:max_distance=4;x_means_clustering:detection_module=particle_tracking"
    steps += ",units=nm,scale_nm=(20,10),scale_s=5,time_weight=0.5,variance=shared,max_k=3,n_bootstrap=2"
    steps += ",silhouette_points=500,judge_seed=3,criterion=aic,method=local,bic_threshold=1"
    assert call("analyze", movie, "--process", LEVEL, "--steps", steps, "-o", tmp_path, "--no-gif") == 0
    step = read_record_json(tmp_path / "record.json")["provenance"]["steps"][-1]
    assert step["params"]["coord_key"] == "tracks"
    assert step["params"]["scale_nm"] == [20.0, 10.0]
    assert {"track_id", "cluster_id"} <= set(pd.read_csv(tmp_path / "clusters.csv"))
    assert pd.read_csv(tmp_path / "cluster_table.csv")["stability"].notna().all()


@pytest.mark.filterwarnings("ignore")
def test_a_cluster_gives_the_same_tables(movie, tmp_path):
    pytest.importorskip("distributed")
    steps = ("--process", LEVEL, "--steps", f"{DETECT};particle_tracking:max_distance=4", "--no-gif")
    assert call("analyze", movie, *steps, "-o", tmp_path / "here") == 0
    assert call("analyze", movie, *steps, "-o", tmp_path / "there", "--workers", 1) == 0
    for name in ("features.csv", "tracks.csv"):
        assert (tmp_path / "there" / name).read_text() == (tmp_path / "here" / name).read_text()
    assert call("process", movie, "--steps", LEVEL, "--zarr", "-o", tmp_path / "zarr", "--workers", 1) == 0
    written = load_afm_stack(tmp_path / "zarr" / "processed.ome.zarr", lazy=False)
    stack = load_afm_stack(movie)
    np.testing.assert_array_equal(written.data, stack.apply(LEVEL.split(";")))


def test_the_written_pipeline_file_repeats_the_run(movie, tmp_path):
    assert (
        call("analyze", movie, "--process", LEVEL, "--steps", DETECT, "-o", tmp_path / "a", "--no-gif") == 0
    )
    pipeline = tmp_path / "a" / "pipeline.yaml"
    assert yaml.safe_load(pipeline.read_text())["processing"][2] == {"gaussian_filter": {"sigma": 0.5}}
    assert call("analyze", movie, "--pipeline", pipeline, "-o", tmp_path / "b", "--no-gif") == 0
    first, second = ((tmp_path / folder / "features.csv").read_text() for folder in "ab")
    assert first == second
    assert not (tmp_path / "b" / "movie.gif").exists()


def test_modules_lists_a_line_each_by_kind(capsys):
    assert call("modules") == 0
    lines = capsys.readouterr().out.splitlines()
    headings = [line for line in lines if line and not line.startswith(" ")]
    assert headings[:3] == [
        "Processing: filters",
        "Processing: masks",
        "Processing: steps over several frames",
    ]
    assert headings[-3:-1] == ["Readers of files", "Exporters"]
    for name, heading, words in (
        ("remove_plane", "Processing: filters", "Subtract the least-squares plane"),
        ("mask_adaptive", "Processing: masks", "Mark pixels"),
        ("temporal_median", "Processing: steps over several frames", "median over neighbouring frames"),
        ("spm", "Readers of files", "images"),
        ("trackmate", "Exporters", "TrackMate"),
    ):
        (at,) = (i for i, line in enumerate(lines) if line.split()[:1] == [name])
        assert words in lines[at]
        assert [line for line in lines[:at] if line in headings][-1] == heading
    for name in (*step_registry(), *module_registry(), *reader_registry(), *exporter_registry()):
        assert any(line.startswith(f"  {name} ") for line in lines), name


def test_modules_shows_one_with_every_parameter(capsys):
    assert call("modules", "dbscan_clustering") == 0
    said = capsys.readouterr().out
    assert "remove_plane" not in said
    (heading,) = (line.split() for line in said.splitlines() if line.startswith("parameter"))
    assert heading == ["parameter", "unit", "type", "and", "range", "default", "meaning"]
    (row,) = (line.split() for line in said.splitlines() if line.startswith("eps_nm"))
    assert row[:7] == ["eps_nm", "nm", "float", ">", "0", "or", "None"]
    assert row[7:11] == ["None", "The", "radius", "in"]


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("name", ["particle_tracking", "feature_detection", "mask_li", "tiff", "trackmate"])
def test_modules_shows_parameters_before_the_description(name, width, capsys, monkeypatch):
    monkeypatch.setattr(
        modules, "out", Console(width=width, highlight=False, force_terminal=True, no_color=True)
    )
    assert call("modules", name) == 0
    said = re.sub(r"\x1b\[\d*m", "", capsys.readouterr().out)
    lines = [line.rstrip() for line in said.splitlines()]
    (entry,) = (entry for entry in modules.list_entries()[0] if entry.name == name)
    assert " ".join(lines[1:3]).strip() == entry.summary
    assert " ".join(said.split()).count(entry.summary) == 1
    parameters = [line.split()[0].strip(":") for line in lines if line and not line.startswith(" ")]
    at = [parameters.index(parameter.name) for parameter in entry.parameters]
    assert at == sorted(at)
    assert all(i < parameters.index("Returns") for i in at)
    assert max(map(len, lines)) <= width
    for word in ("Raises", "Examples", "References", ">>>", "------", "``"):
        assert word not in said


def test_help_says_each_command_in_one_line(capsys):
    assert call("--help") == 0
    said = capsys.readouterr().out
    assert "..." not in said.partition("Commands:")[2]
    assert max(map(len, said.splitlines())) <= 80
    for name in (
        "info", "convert", "process", "analyze", "batch", "validate", "modules", "simulate", "demo", "warm-up",
    ):  # fmt: skip
        assert re.search(rf"^  {name} +[A-Z].*\.$", said, re.MULTILINE), name


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("asd", ["--channel:", "height_trace", "allow_incomplete"]),
        ("topostats", ["--channel:", "no other parameters"]),
        ("mask_hysteresis", ["low_nm", "high_nm"]),
        ("npy", ["pixel_size_nm", "Size of a pixel"]),
        ("threshold_mask", ["mask_threshold", "threshold"]),
        ("trackpy", ["has no parameters"]),
        ("bundle", ["Readers of files", "Exporters"]),
    ],
)
def test_modules_shows_files_and_aliases_too(name, parts, capsys):
    assert call("modules", name) == 0
    said = capsys.readouterr().out
    for part in parts:
        assert part in said


def test_modules_reports_broken_plugins(plugins, capsys):
    groups = ("filters", "masks", "video_processing", "analysis", "readers", "exporters")
    for group in groups:
        plugins.point(f"playNano.{group}", f"broken_{group}", "no_such_package_anywhere:thing")
    assert call("modules", "gaussian_filter") == 0
    said = capsys.readouterr()
    assert "Smooth each frame" in said.out
    assert len(said.err.strip().splitlines()) == len(groups)
    for group in groups:
        assert f"plugin broken_{group} cannot be used: " in said.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["info", "nowhere.asd"], "nowhere.asd"),
        (["analyze", "MOVIE", "--steps", "feature_detektion", "-o", "x"], "did you mean 'feature_detection'"),
        (["analyze", "MOVIE", "--steps", f"{DETECT},min_sise=3", "-o", "x"], "unknown parameter 'min_sise'"),
        (["analyze", "MOVIE", "--steps", "particle_tracking", "-o", "x"], "'feature_detection'"),
        (["process", "MOVIE", "-o", "x"], "give --steps"),
        (["analyze", "MOVIE", "--objects", "cats", "-o", "x"], "filaments, not 'cats'"),
        (
            ["analyze", "MOVIE", "--objects", "pits", "--steps", DETECT, "-o", "x"],
            "leave out the analysis steps",
        ),
        (["process", "MOVIE", "--steps", "gaussian_filter:sigma=-1", "-o", "x"], "sigma"),
        (["process", "MOVIE", "--steps", "zero_mean", "-c", "XX", "-o", "x"], "TP"),
        (
            ["modules", "gausian_filter"],
            "'gausian_filter'; did you mean 'gaussian_filter'? (`playnano modules` lists all)",
        ),
        (["modules", "zzz"], "known: align_drift, align_rows, ardf"),
    ],
)
def test_an_error_is_one_line_and_exit_code_2(words, message, movie, capsys):
    assert call(*(movie if word == "MOVIE" else word for word in words)) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("playnano: ")
    assert message in lines[0]


def test_debug_shows_where_an_error_comes_from():
    with pytest.raises(FileNotFoundError):
        run(["--debug", "info", "nowhere.asd"])


def test_a_pipeline_file_and_steps_together_are_refused(movie, tmp_path, capsys):
    (tmp_path / "p.yaml").write_text("analysis: [count_nonzero]\n")
    words = [
        "analyze",
        movie,
        "--pipeline",
        tmp_path / "p.yaml",
        "--steps",
        "count_nonzero",
        "-o",
        tmp_path / "x",
    ]
    assert call(*words) == 2
    assert "not both" in capsys.readouterr().err


def test_pixel_size_can_be_given_for_files_without_one(make_spots, tmp_path):
    np.save(tmp_path / "movie.npy", make_spots()[0])
    words = ["analyze", tmp_path / "movie.npy", "--steps", DETECT, "--no-gif", "-o", tmp_path / "out"]
    assert call(*words) == 2
    assert call(*words, "--pixel-size-nm", "3") == 0
    features = pd.read_csv(tmp_path / "out" / "features.csv")
    np.testing.assert_allclose(features["x_nm"], 3 * features["x"])


def test_the_installed_command_answers():
    done = subprocess.run(
        [sys.executable, "-m", "playNano", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("playNano ")
