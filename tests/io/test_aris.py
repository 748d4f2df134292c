"""The `.aris` reader on files made after the layout: values, orientation, times, missing frames, damage."""

import h5py
import numpy as np
import pytest

from playNano.errors import ChannelError, FileFormatError, PlayNanoWarning
from playNano.io.loader import find_reader, open_movie

HEIGHTS = np.arange(1.0, 13.0).reshape(3, 4) * 1e-9
GLOBAL = "DataSetInfo/Global/Channels"


def heights(number):
    return HEIGHTS * (number + 1)


def aris_file(path, frames=(0, 1, 2), *, planned=None, times=(5.0, 5.5, 6.0), units=("m", "m"), blank=""):
    """Write frames of a height (the top line last) and of a phase."""
    with h5py.File(path, "w") as file:
        file.attrs["ARFormat"] = "Ergo"
        file.attrs["ARVersion"] = np.array([1, 0, 0], np.int32)
        info = file.create_group("DataSetInfo")
        info.attrs["NumFrames"] = np.int32(len(frames) if planned is None else planned)
        names = [f"HeightTrace{blank}", f"PhaseRetrace{blank}"]
        info.attrs["ChannelNames"] = np.array(names, dtype=h5py.string_dtype())
        for name, unit in zip(names, ("m", "deg"), strict=True):
            dims = file.create_group(f"{GLOBAL}/{name}/ImageDims")
            dims.attrs["DataUnits"] = unit
            dims.attrs["DimUnits"] = np.array(units, dtype=h5py.string_dtype())
            dims.attrs["DimScaling"] = np.array([[1e-9, 4e-9], [9e-9, 1e-9]])
            dims.create_group("Resolution 0").attrs["DimExtents"] = np.array([3, 4], np.int32)
        for number in frames:
            group = f"DataSet/Resolution 0/Frame {number}"
            file[f"{group}/{names[0]}/Image"] = heights(number)[::-1].astype("<f4")
            file[f"{group}/{names[1]}/Image"] = np.arange(12.0).reshape(3, 4)[::-1] + number
        if times is not None:
            file["DataSetInfo/Series/Time"] = np.asarray(times, float)
    return path


@pytest.mark.parametrize("blank", ["", "  "])
def test_values_units_and_times(tmp_path, blank):
    path = aris_file(tmp_path / "a.aris", blank=blank)
    movie = open_movie(path)
    assert movie.channels == ("HeightTrace", "PhaseRetrace")
    np.testing.assert_allclose(movie.read(0, 3), [heights(n) * 1e9 for n in range(3)], rtol=1e-6)
    assert (movie.unit, movie.pixel_size_nm) == ("nm", pytest.approx((1.0, 2.0)))
    assert movie.frame_metadata == [{"timestamp": 0.0}, {"timestamp": 0.5}, {"timestamp": 1.0}]
    assert (movie.scan.trace, movie.scan.frame_time_s, movie.scan.direction) == ("trace", 0.5, None)
    phase = open_movie(path, "phase_retrace")
    assert (phase.unit, phase.scan.trace) == ("deg", "retrace")
    np.testing.assert_array_equal(phase.read(2, 3)[0], np.arange(12).reshape(3, 4) + 2)


def test_frames_go_by_number(tmp_path):
    movie = open_movie(aris_file(tmp_path / "a.aris", range(12), times=None))
    np.testing.assert_allclose(movie.read(10, 11)[0], heights(10) * 1e9, rtol=1e-6)
    assert movie.frame_metadata == [{}] * 12


def test_missing_frames(tmp_path):
    """A frame that is missing is NaN and named; the movie ends at the last frame that is there."""
    path = aris_file(tmp_path / "a.aris", (0, 2), planned=9, times=np.arange(9.0))
    with h5py.File(path, "a") as file:
        image = file["DataSet/Resolution 0/Frame 2/HeightTrace/Image"]
        image[2] = np.nan  # the top line
    with pytest.raises(FileFormatError, match=r"a\.aris: 2 of 9 frames were written.*allow_incomplete"):
        open_movie(path)
    with pytest.warns(PlayNanoWarning, match=r"a\.aris: 2 of 9 frames .*last one is frame 2; .*NaN"):
        movie = open_movie(path, allow_incomplete=True)
    assert movie.shape == (3, 3, 4)
    assert np.isfinite(movie.read(0, 3)).all(axis=2).tolist() == [
        [True] * 3,
        [False] * 3,
        [False, True, True],
    ]
    assert (movie.header["missing_frames"], movie.header["frames_planned"]) == ([1], 9)
    assert [frame["missing"] for frame in movie.frame_metadata] == [False, True, False]


def test_time_of_a_frame(tmp_path):
    path = aris_file(tmp_path / "a.aris", times=None)
    with h5py.File(path, "a") as file:
        file.create_group("DataSetInfo/Global/Parameters/Other").attrs["TimePerFrame"] = 7.0
        scan = file.create_group("DataSetInfo/Global/Parameters/Scan")
        scan.attrs.update({"TimePerFrame": 0.25, "ScanLines": 3, "ScanPoints": 4})
    movie = open_movie(path)
    assert [frame["timestamp"] for frame in movie.frame_metadata] == [0.0, 0.25, 0.5]
    assert movie.scan.frame_time_s == 0.25


@pytest.mark.parametrize("part", ["Parameters/Scan", "Channels/HeightTrace/ImageDims"])
@pytest.mark.parametrize(("size", "changes"), [(8e-9, False), (5e-9, True), (np.nan, True)])
def test_a_size_that_changes(tmp_path, part, size, changes):
    path = aris_file(tmp_path / "a.aris")
    with h5py.File(path, "a") as file:
        file.create_group(f"DataSetInfo/Frames/Frame 1/{part}").attrs["ScanSize"] = size
    if changes:
        with pytest.raises(FileFormatError, match=r"changes at frame 1|ScanSize is nan"):
            open_movie(path)
    else:
        assert open_movie(path).shape[0] == 3


def test_a_scaling_that_changes(tmp_path):
    path = aris_file(tmp_path / "a.aris")
    with h5py.File(path, "a") as file:
        dims = file.create_group("DataSetInfo/Frames/Frame 2/Channels/HeightTrace/ImageDims")
        dims.attrs["DimScaling"] = np.array([[0.0, 3e-9], [0.0, 6e-9]])
    with pytest.raises(FileFormatError, match="changes at frame 2: DimScaling"):
        open_movie(path)


@pytest.mark.parametrize(
    ("node", "name", "value", "message"),
    [
        ("DataSetInfo", "NumFrames", 0, "NumFrames is 0"),
        ("DataSetInfo", "NumFrames", 2, "states 2 frames"),
        (f"{GLOBAL}/HeightTrace/ImageDims", "DimScaling", np.zeros((2, 2)), "must be positive"),
        (f"{GLOBAL}/HeightTrace/ImageDims", "DimScaling", np.full((2, 2), np.nan), "no measurement has"),
        (f"{GLOBAL}/HeightTrace/ImageDims", "DimScaling", np.zeros(3), "two dimensions"),
        (f"{GLOBAL}/HeightTrace/ImageDims", "DimUnits", ["V", "V"], "not a length"),
        (f"{GLOBAL}/HeightTrace/ImageDims/Resolution 0", "DimExtents", [3, 5], "no array of 3 x 5"),
        (f"{GLOBAL}/HeightTrace/ImageDims/Resolution 0", "DimExtents", [3], "2 are needed"),
        (f"{GLOBAL}/HeightTrace/ImageDims/Resolution 0", "DimExtents", [0, 4], "DimExtents is 0"),
    ],
)
def test_damaged_attributes(tmp_path, node, name, value, message):
    path = aris_file(tmp_path / "a.aris")
    with h5py.File(path, "a") as file:
        file[node].attrs[name] = value
    with pytest.raises(FileFormatError, match=message) as caught:
        open_movie(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("times", [(0.0, 0.0, 1.0), (0.0, np.nan, 1.0), (0.0, 1.0)])
def test_damaged_times(tmp_path, times):
    with pytest.raises(FileFormatError, match="times"):
        open_movie(aris_file(tmp_path / "a.aris", times=times))


@pytest.mark.parametrize(
    "node", ["DataSet/Resolution 0", f"{GLOBAL}/HeightTrace/ImageDims", GLOBAL, "DataSetInfo"]
)
def test_missing_groups(tmp_path, node):
    path = aris_file(tmp_path / "a.aris")
    with h5py.File(path, "a") as file:
        del file[node]
    with pytest.raises(FileFormatError, match=r"a\.aris"):
        open_movie(path)


def test_a_far_frame_allocates_nothing(tmp_path):
    path = aris_file(tmp_path / "a.aris", (0, 999_999_999), planned=2**31 - 1, times=None)
    with pytest.raises(FileFormatError, match="the last one Frame 999999999"):
        open_movie(path)


def test_channels_and_other_files(tmp_path):
    path = aris_file(tmp_path / "a.aris")
    with pytest.raises(ChannelError, match="HeightTrace"):
        open_movie(path, "amplitude")
    other = tmp_path / "b.aris"
    with h5py.File(other, "w") as file:
        file["x"] = 1
    with pytest.raises(FileFormatError, match="no attributes ARFormat"):
        find_reader(other)
