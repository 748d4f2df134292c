"""Exporters: found by name, checked before work begins, given the stack with its analysis."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import dask.array
import numpy as np
import pandas as pd
import pytest
import tifffile

from playNano.analysis.exporters import check_exports, export_stack, exporter_registry, plan_exports
from playNano.analysis.pipeline import AnalysisPipeline
from playNano.analysis.plan import Plan
from playNano.core.files import atomic_write
from playNano.errors import (
    DuplicateNameError,
    MissingInputError,
    ParameterError,
    PluginTypeError,
    UnknownNameError,
)
from playNano.io.export import Exporter, exporter
from playNano.io.loader import load_afm_stack


@pytest.fixture
def tracked(make_stack):
    stack = make_stack()
    stack.apply(["mask_threshold:threshold=1"])
    steps = "feature_detection:threshold=1;particle_tracking:max_distance=5;particle_regions"
    AnalysisPipeline().add_steps(steps).run(stack)
    return stack


@exporter("counts", ".txt", stem="all_counts")
def write_counts(stack, path, *, digits: int = 3):
    path.write_text(f"{stack.analysis['step_2_particle_tracking']['n_tracks']:0{digits}}")
    return path


@pytest.mark.parametrize("name", list(exporter_registry()))
def test_every_exporter_writes_a_file_of_its_name(tracked, tmp_path, name):
    declared = exporter_registry()[name]
    assert declared.file_name.endswith(declared.suffix)
    path = export_stack(tracked, name, tmp_path)
    assert path == tmp_path / declared.file_name
    assert path.exists()
    other = export_stack(tracked, name, tmp_path / "new" / f"other{declared.suffix}")
    assert other == tmp_path / "new" / f"other{declared.suffix}"
    assert other.exists()
    for parameter in declared.parameters():
        assert parameter.description, parameter.name
    assert "Returns\n" in declared.declaration.function.__doc__


def test_tracks_for_other_programs(tracked, tmp_path):
    n_tracks = tracked.analysis["step_2_particle_tracking"]["n_tracks"]
    table = pd.read_csv(export_stack(tracked, "trackpy", tmp_path))
    assert table["particle"].nunique() == n_tracks
    assert len(table) == len(tracked.analysis["step_2_particle_tracking"]["table"])
    for name, track, columns in (
        ("btrack", "ID", ["ID", "t", "x", "y", "z"]),
        ("laptrack", "track_id", ["frame", "y", "x", "track_id", "tree_id"]),
        ("napari", "track_id", ["index", "axis-0", "axis-1", "axis-2"]),
    ):
        other = pd.read_csv(export_stack(tracked, name, tmp_path))
        assert list(other)[: len(columns)] == columns
        assert (other[track].nunique(), len(other)) == (n_tracks, len(table))
        # Readers convert every value to a number.
        assert {dtype.kind for dtype in other.dtypes} <= {"i", "f"} or name == "laptrack"
    assert {path.name for path in tmp_path.glob("*laptrack_*")} == {
        "tracks_laptrack_splits.csv",
        "tracks_laptrack_merges.csv",
    }
    tree = ElementTree.parse(export_stack(tracked, "trackmate", tmp_path))
    assert len(tree.findall(".//Track")) == n_tracks


def test_tracks_for_fiji_with_their_image(tracked, tmp_path):
    tree = ElementTree.parse(export_stack(tracked, "trackmate", tmp_path, image=True))
    image = tree.find("Settings/ImageData")
    assert image.get("filename") == "tracks.ome.tif"
    assert int(image.get("nframes")) == tracked.n_frames
    np.testing.assert_array_equal(load_afm_stack(tmp_path / "tracks.ome.tif").data, tracked.data)
    assert not [spot for spot in tree.iter("Spot") if not float(spot.get("RADIUS")) > 1.0]


@pytest.mark.parametrize("name", ["trackmate", "trackpy", "btrack", "laptrack", "napari"])
def test_tracks_that_are_not_there(make_stack, tmp_path, name):
    with pytest.raises(MissingInputError, match="add a step particle_tracking"):
        export_stack(make_stack(), name, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("lazy", [False, True])
def test_label_images_are_those_of_the_table(make_stack, tmp_path, lazy):
    stack = make_stack()
    if lazy:
        stack.data = dask.array.from_array(stack.data, chunks=(2, 32, 40))
    AnalysisPipeline().add_steps("feature_detection:threshold=1").run(stack)
    labels = tifffile.imread(export_stack(stack, "label-tiff", tmp_path))
    assert labels.dtype == np.uint16
    table = stack.analysis["step_1_feature_detection"]["table"]
    areas = [
        (labels[frame] == label).sum() for frame, label in zip(table["frame"], table["label"], strict=True)
    ]
    assert areas == table["area_px"].tolist()
    assert (labels > 0).sum() == sum(areas) > 0
    named = export_stack(stack, "label-tiff", tmp_path / "a.ome.tif", step="feature_detection")
    np.testing.assert_array_equal(tifffile.imread(named), labels)
    with pytest.raises(MissingInputError, match="run the detection log_blob_detection"):
        export_stack(stack, "label-tiff", tmp_path, step="log_blob_detection")


@pytest.mark.parametrize(("name", "what"), [("label-tiff", "label images"), ("mask-tiff", "no mask")])
def test_images_that_are_not_there(make_stack, tmp_path, name, what):
    with pytest.raises(MissingInputError, match=what):
        export_stack(make_stack(), name, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["bundle", "ome-tiff", "ome-zarr"])
def test_pixels_come_back(tracked, tmp_path, name):
    back = load_afm_stack(export_stack(tracked, name, tmp_path))
    assert (back.data == tracked.data).all()


@pytest.mark.parametrize("group", ["playNano.exporters", "playnano.exporters"])
def test_plugin_exporters(plugins, tracked, tmp_path, group):
    plugins.add(group, "counts", write_counts)
    assert export_stack(tracked, "counts", tmp_path, digits="5") == tmp_path / "all_counts.txt"
    assert (tmp_path / "all_counts.txt").read_text() == "00003"
    ((planned, options),) = plan_exports(["counts:digits=2"])
    assert (planned.name, options) == ("counts", {"digits": 2})
    with pytest.raises(
        ParameterError, match="export counts: unknown parameter 'digit'; did you mean 'digits'"
    ):
        plan_exports(["counts:digit=2"])


def test_exports_that_cannot_be_planned(plugins):
    with pytest.raises(UnknownNameError, match="unknown exporter 'trackmat'; did you mean 'trackmate' or"):
        plan_exports(["trackpy", "trackmat"])
    with pytest.raises(ParameterError, match=r"would write the same file, tracks\.xml"):
        plan_exports(["trackmate", "trackpy", "trackmate"])
    assert plan_exports([]) == []
    plugins.point("playNano.exporters", "bundle", "package_a:write")
    plugins.add("playNano.exporters", "plain", lambda stack, path: Path(path))
    plugins.add("playNano.exporters", "other_name", Exporter("counts", ".txt", write_counts))
    with pytest.raises(
        DuplicateNameError, match="'bundle' is claimed by playNano itself and package_a:write"
    ):
        plan_exports(["bundle"])
    with pytest.raises(PluginTypeError, match="'plain' is a function that is not declared as exporter"):
        plan_exports(["plain"])
    with pytest.raises(PluginTypeError, match="'other_name' declares the exporter 'counts'"):
        plan_exports(["other_name"])


@exporter("half", ".txt")
def write_half(stack, path):
    with atomic_write(path) as temporary:
        temporary.write_text("half")
        raise OSError("no space left")


def test_an_exporter_that_fails_half_way_is_named_and_leaves_nothing(plugins, tracked, tmp_path):
    plugins.add("playNano.exporters", "half", write_half)
    with pytest.raises(OSError, match="no space left") as caught:
        export_stack(tracked, "half", tmp_path)
    assert caught.value.__notes__ == [f"in the exporter half, writing {tmp_path / 'half.txt'}"]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("export", "steps", "enough"),
    [
        ("mask-tiff", ("remove_plane", "log_blob_detection"), ("mask_otsu;clear_mask", "log_blob_detection")),
        ("trackpy", ("", "log_blob_detection"), ("", "log_blob_detection;particle_tracking")),
        ("trackmate", ("", "log_blob_detection"), ("", "log_blob_detection;particle_tracking")),
    ],
)
def test_exports_that_a_run_cannot_make_are_refused_before_it(make_stack, export, steps, enough):
    stack, planned = make_stack(), plan_exports([export])
    with pytest.raises(MissingInputError, match=f"--export {export} writes"):
        check_exports(planned, stack, Plan.from_options(*steps, None))
    check_exports(planned, stack, Plan.from_options(*enough, None))
    check_exports(plan_exports(["ome-tiff", "label-tiff"]), stack, Plan.from_options(*steps, None))
    if export != "mask-tiff":
        check_exports(planned, stack, Plan.default())
    stack.masks["step_1_mask_otsu"] = np.zeros(stack.data.shape, bool)
    if export == "mask-tiff":
        check_exports(planned, stack, Plan.from_options(*steps, None))
