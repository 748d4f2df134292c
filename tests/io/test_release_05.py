"""Files of playNano 0.5, made with the layout in which that release wrote them."""

import io
import json
import warnings

import h5py
import numpy as np
import pytest
import tifffile

from playNano.errors import ChannelError, FileFormatError, PlayNanoWarning
from playNano.io.loader import find_reader, load_afm_stack, open_movie

FRAMES = np.random.default_rng(0).normal(size=(3, 6, 6)).astype(np.float32)
RECORD = {
    "acquisition": {},
    "environment": {},
    "processing": {"steps": [], "keys_by_name": {}},
    "analysis": {},
}
TIMES = [10.0, 13.5, 17.0]


def entries(pixel_size_nm=2.0):
    return [
        {
            "timestamp": time,
            "frame_pixel_size_nm": pixel_size_nm,
            "frame_duration_s": 3.25,
            "start_epoch_ms": 1748439718548,
            "scan_direction": "topDown",
            "line_rate": 40.0,
        }
        for time in TIMES
    ]


def h5_file(path, data=FRAMES, channel="TP", **members):
    """Write a bundle; further members replace its own, and None leaves one out."""
    content = {
        "data": data,
        "timestamps": np.array(TIMES),
        "frame_metadata_json": np.bytes_(json.dumps(entries())),
        "provenance_json": np.bytes_(json.dumps(RECORD)),
        **members,
    }
    with h5py.File(path, "w") as file:
        for name, value in content.items():
            if value is not None:
                large = {"compression": "gzip"} if np.ndim(value) == 3 else {}
                file.create_dataset(name, data=value, **large)
        file.require_group("processed")
        file.require_group("masks")
        file.attrs["pixel_size_nm"] = 2.0
        file.attrs["channel"] = channel
    return path


def tiff_file(path, data=FRAMES, channel="TP"):
    record, keys = json.dumps(RECORD).encode(), b"[]"
    tifffile.imwrite(
        path,
        data[:, None, None],
        ome=True,
        photometric="minisblack",
        resolution=(1e7, 1e7),
        resolutionunit="INCH",
        metadata={
            "axes": "TCZYX",
            "PhysicalSizeX": 0.002,
            "PhysicalSizeXUnit": "µm",
            "PhysicalSizeY": 0.002,
            "PhysicalSizeYUnit": "µm",
            "TimeIncrement": 3.5,
            "TimeIncrementUnit": "s",
            "Plane": [{"DeltaT": time} for time in TIMES],
            "Channel": [{"Name": channel}],
        },
        extratags=[(65000, 7, len(record), record, True), (65001, 7, len(keys), keys, True)],
    )
    return path


def npz_file(path):
    members = {
        "data": FRAMES,
        "pixel_size_nm": np.array(2.0),
        "channel": np.array("TP", dtype=object),
        "frame_metadata_json": np.array("[]", dtype=object),
        "provenance_json": np.array(b"{}", dtype=object),
    }
    file = io.BytesIO()
    np.savez_compressed(file, **members)
    path.write_bytes(file.getvalue())
    return path


both = pytest.mark.parametrize(("write", "name"), [(h5_file, "a.h5"), (tiff_file, "a.ome.tif")])


@both
def test_a_movie_of_the_asd_format(tmp_path, write, name):
    """Its bottom line is stored first."""
    stack = load_afm_stack(write(tmp_path / name))
    np.testing.assert_array_equal(stack.data, FRAMES[:, ::-1])
    assert (stack.channel, stack.unit, stack.pixel_size_nm) == ("TP", "nm", 2.0)
    assert stack.get_frame_times() == [0.0, 3.5, 7.0]
    assert stack.metadata["provenance"] == RECORD
    assert stack.scan.direction is None
    kept = load_afm_stack(write(tmp_path / name), bottom_first=False)
    np.testing.assert_array_equal(kept.data, FRAMES)


@both
def test_rows_whose_order_the_file_does_not_tell(tmp_path, write, name):
    path = write(tmp_path / name, channel="height_trace")
    with pytest.warns(PlayNanoWarning, match="may be upside down.*give bottom_first"):
        stack = load_afm_stack(path)
    np.testing.assert_array_equal(stack.data, FRAMES)
    assert (stack.unit, len(stack.provenance["warnings"])) == ("nm", 1)
    for bottom_first in (False, True):
        stack = load_afm_stack(path, bottom_first=bottom_first)
        np.testing.assert_array_equal(stack.data, FRAMES[:, ::-1] if bottom_first else FRAMES)


@both
def test_channels_that_are_no_heights(tmp_path, write, name):
    path = write(tmp_path / name, channel="PH")
    with pytest.warns(PlayNanoWarning, match="unit of the pixel values is not known"):
        assert load_afm_stack(path).unit == ""
    assert load_afm_stack(path, "PH", unit="deg").unit == "deg"
    with pytest.raises(ChannelError, match="the file has PH"):
        load_afm_stack(path, "phase")


@both
def test_pixels_that_may_not_be_square(tmp_path, write, name):
    path = write(tmp_path / name, FRAMES[:, :3], channel="Height Sensor")
    with pytest.warns(PlayNanoWarning, match="keeps the width of a pixel only"):
        stack = load_afm_stack(path)
    np.testing.assert_array_equal(stack.data, FRAMES[:, :3])
    assert load_afm_stack(path, pixel_size_nm=(4.0, 2.0)).pixel_size_nm == (4.0, 2.0)


@pytest.mark.parametrize("lazy", [False, True])
def test_snapshots_and_masks(tmp_path, lazy):
    path = h5_file(tmp_path / "a.h5")
    mask = FRAMES > 0
    with h5py.File(path, "a") as file:
        file["processed/raw"] = FRAMES + 1
        file["processed/remove_plane"] = FRAMES
        file["processed/before_frames_were_removed"] = FRAMES[:2]
        file["masks/mask_threshold"] = mask
    stack = load_afm_stack(path, lazy=lazy, unit="um")
    assert stack.is_lazy is lazy
    assert sorted(stack.processed) == ["raw", "remove_plane"]
    np.testing.assert_array_equal(np.asarray(stack.processed["raw"]), (FRAMES[:, ::-1] + 1) * np.float32(1e3))
    np.testing.assert_array_equal(np.asarray(stack.masks["mask_threshold"]), mask[:, ::-1])
    assert stack.masks["mask_threshold"].dtype == np.bool_
    assert stack.metadata["start_time"] == "2025-05-28T13:41:58.548+00:00"
    np.testing.assert_array_equal(np.asarray(stack.data), np.asarray(load_afm_stack(path, unit="um").data))


def test_archives_of_pickled_objects_are_refused(tmp_path):
    path = npz_file(tmp_path / "a.npz")
    with pytest.raises(
        FileFormatError, match=r"pickled Python objects.*export the movie again .* \.h5 or \.ome\.tif"
    ):
        load_afm_stack(path)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"timestamps": None}, "no timestamps"),
        ({"timestamps": np.zeros(2)}, "timestamps is no array of 3 numbers"),
        ({"frame_metadata_json": np.bytes_("[{}]")}, "metadata of 1 frames for 3 frames"),
        ({"frame_metadata_json": np.bytes_("{")}, "not JSON text"),
        ({"frame_metadata_json": np.zeros(3)}, "not JSON text"),
        ({"provenance_json": np.bytes_("[]")}, "not a dict"),
        ({"data": FRAMES[0]}, "three axes"),
        ({"data": np.zeros((3, 6, 6), "S3")}, "no array"),
    ],
)
def test_damaged_bundles(tmp_path, members, message):
    path = h5_file(tmp_path / "a.h5", **members)
    with pytest.raises(FileFormatError, match=message) as caught:
        load_afm_stack(path)
    assert str(path) in str(caught.value)


def test_a_tag_of_another_program_is_no_record(tmp_path):
    path = tmp_path / "a.ome.tif"
    size = {"PhysicalSizeX": 1.0, "PhysicalSizeY": 1.0}
    for value in (b"not json", b"[1]", b"{}", b"\xff"):
        tags = [(65000, 7, len(value), value, True)]
        tifffile.imwrite(path, FRAMES, ome=True, metadata={"axes": "TYX", **size}, extratags=tags)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            movie = open_movie(path)
        assert "provenance" not in movie.header
    assert find_reader(path).name == "ome-tiff"
