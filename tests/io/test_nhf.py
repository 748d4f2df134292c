"""The `.nhf` reader on files made after the layout: values, orientation, scan, units, times, damage."""

import h5py
import numpy as np
import pytest

from playNano.errors import ChannelError, FileFormatError, PlayNanoWarning
from playNano.io.loader import find_reader, open_movie

RAW = np.arange(12).reshape(3, 4) * 10**8 - 5 * 10**8
CALIBRATION = {
    "base_calibration_min": -2e-6,
    "base_calibration_max": 2e-6,
    "base_calibration_unit": "m",
    "dataset_element_type": np.uint32(0),
}
MEASUREMENT = {
    "measurement_type": "image_line_based",
    "image_points_per_line": np.uint32(4),
    "image_number_of_lines": np.uint32(3),
    "image_number_of_lines_acquired": np.uint32(3),
    "image_size_x": 8e-7,
    "image_size_y": 3e-7,
    "image_line_rate": 2.0,
    "image_scan_direction": "up",
    "created": "2023-07-18T15:26:38.320Z",
}


def stored(image):
    return image[::-1].ravel()


def measurement(file, number=0, raw=RAW, **change):
    group = file.create_group(f"measurement_{number}")
    group.attrs.update({"name": f"Image {number + 1}", **MEASUREMENT, **change})
    for k, (segment, offset) in enumerate((("Forward", 0), ("Backward", 1))):
        part = group.create_group(f"segment_{k}")
        part.attrs["name"] = segment
        channel = part.create_dataset("dataset_0", data=stored(raw + offset).astype("<i4"))
        channel.attrs.update({"name": "Topography", **CALIBRATION})
        volts = part.create_dataset("dataset_1", data=stored(raw // 10**5).astype("<i2"))
        volts.attrs.update(
            {
                "name": "Amplitude",
                "dataset_element_type": np.uint32(5),
                "base_calibration_min": -5.0,
                "base_calibration_max": 5.0,
                "base_calibration_unit": "V",
            }
        )
        counts = part.create_dataset("dataset_2", data=stored(np.arange(12).reshape(3, 4)).astype("<i4"))
        counts.attrs.update({"name": "counts", "dataset_element_type": np.uint32(0)})
        part.create_dataset("dataset_10", data=np.zeros(150, "<i2")).attrs["name"] = "Curve"
    return group


def nhf_file(path, measurements=({},)):
    with h5py.File(path, "w") as file:
        file.attrs.update({"nsf_file_version_major": np.uint32(1), "nsf_file_version_minor": np.uint32(1)})
        for number, change in enumerate(measurements):
            measurement(file, number, **change)
    return path


def heights_nm(raw):
    return ((raw + 2.0**31) / (2.0**32 - 1) * 4e-6 - 2e-6) * 1e9


def test_values_scan_and_times(tmp_path):
    movie = open_movie(nhf_file(tmp_path / "a.nhf"))
    np.testing.assert_allclose(movie.read(0, 1)[0], heights_nm(RAW), rtol=1e-6)
    assert (movie.unit, movie.header["file_channel"]) == ("nm", "Topography_trace")
    assert movie.channels == tuple(
        f"{name}_{way}" for way in ("trace", "retrace") for name in ("Topography", "Amplitude", "counts")
    )
    assert movie.pixel_size_nm == pytest.approx((100.0, 200.0))
    scan = movie.scan
    assert (scan.direction, scan.trace, scan.alternating) == ("up", "trace", False)
    assert (scan.line_time_s, scan.frame_time_s) == (0.5, 1.5)
    assert movie.header["start_time"] == "2023-07-18T15:26:38.320Z"


def test_other_units(tmp_path):
    path = nhf_file(tmp_path / "a.nhf")
    volts = open_movie(path, "amplitude")
    assert volts.unit == "V"
    np.testing.assert_allclose(volts.read(0, 1)[0], (RAW // 10**5 + 2**15) / (2**16 - 1) * 10 - 5, atol=1e-6)
    counts = open_movie(path, "counts_retrace")
    assert (counts.unit, counts.scan.trace) == ("", "retrace")
    np.testing.assert_array_equal(counts.read(0, 1)[0], np.arange(12).reshape(3, 4))
    with pytest.raises(ChannelError):
        open_movie(path, "Curve")


def test_measurements_are_a_movie_in_the_order_of_their_time(tmp_path):
    seconds = (41, 38, 44)
    movie = open_movie(
        nhf_file(
            tmp_path / "a.nhf",
            [
                {
                    "raw": RAW + 10**6 * i,
                    "created": f"2023-07-18T15:26:{second}Z",
                    "image_scan_direction": "down" if second == 41 else "up",
                }
                for i, second in enumerate(seconds)
            ],
        )
    )
    assert movie.shape == (3, 3, 4)
    assert [frame["timestamp"] for frame in movie.frame_metadata] == [0.0, 3.0, 6.0]
    assert [frame["measurement"] for frame in movie.frame_metadata] == ["Image 2", "Image 1", "Image 3"]
    assert (movie.scan.direction, movie.scan.alternating) == ("up", True)
    for frame, i in zip(movie.read(0, 3), (1, 0, 2), strict=True):
        np.testing.assert_allclose(frame, heights_nm(RAW + 10**6 * i), rtol=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image_size_x": 9e-7}, r"no movie \(Image 1, Image 2\): size"),
        ({"image_line_rate": 4.0}, r"no movie \(Image 1, Image 2\): time of a line"),
        ({"created": "yesterday"}, r"when they began \(Image 1, Image 2\)"),
    ],
)
def test_measurements_that_differ(tmp_path, change, message):
    path = nhf_file(tmp_path / "a.nhf", [{}, change])
    with pytest.raises(FileFormatError, match=message):
        open_movie(path)


@pytest.mark.parametrize("direction", ["up", "down"])
def test_lines_that_were_not_scanned(tmp_path, direction):
    change = {"image_number_of_lines_acquired": np.uint32(1), "image_scan_direction": direction}
    path = nhf_file(tmp_path / "a.nhf", [change])
    with pytest.warns(
        PlayNanoWarning, match=r"a\.nhf: Image 1: .* 1 of 3 lines were scanned; the others are NaN"
    ):
        movie = open_movie(path)
    scanned = np.isfinite(movie.read(0, 1)[0]).all(axis=1).tolist()
    assert scanned == ([False, False, True] if direction == "up" else [True, False, False])
    assert movie.frame_metadata[0]["lines_acquired"] == 1


def version_2(path, **change):
    raw = RAW.copy()
    raw[1, 2] = -(2**31)
    with h5py.File(path, "w") as file:
        file.attrs["nsf_file_version_major"] = np.uint32(2)
        part = file.create_group("measurement_0").create_group("segment_0")
        file["measurement_0"].attrs["group_type"] = "image"
        part.attrs.update(
            {"segment_name": "Forward", "rect_axis_size": [3, 4], "rect_axis_range": [3e-7, 8e-7]}
        )
        channel = part.create_dataset("dataset_0", data=stored(raw).astype("<i4"))
        channel.attrs.update(
            {
                "signal_name": "Topography",
                "signal_calibration_min": -2e-6,
                "signal_calibration_max": 2e-6,
                "signal_calibration_unit": "Meter (m)",
                "dataset_element_type": "int32",
                **change,
            }
        )
    return path


def test_version_2(tmp_path):
    movie = open_movie(version_2(tmp_path / "a.nhf"))
    expected = ((RAW + 2.0**31 - 1) / (2.0**32 - 2) * 4e-6 - 2e-6) * 1e9
    expected[1, 2] = np.nan
    np.testing.assert_allclose(movie.read(0, 1)[0], expected, rtol=1e-6)
    assert (movie.unit, movie.scan.direction, movie.scan.line_time_s) == ("nm", None, None)
    path = version_2(tmp_path / "b.nhf", signal_id="z", signal_selected="z linearised")
    with pytest.raises(FileFormatError, match="shown as 'z linearised'"):
        open_movie(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image_number_of_lines": np.uint32(0)}, "whole number of 1 or more"),
        ({"image_number_of_lines": np.uint32(2**31)}, "whole number"),
        ({"image_number_of_lines": np.uint32(30)}, "none of its measurements has an image"),
        ({"image_size_x": np.nan}, "no measurement has"),
        ({"image_size_y": "big"}, "no number"),
        ({"image_size_y": 0.0}, "must be positive"),
    ],
)
def test_damaged_attributes(tmp_path, change, message):
    path = nhf_file(tmp_path / "a.nhf", [change])
    with pytest.raises(FileFormatError, match=message) as caught:
        open_movie(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("base_calibration_max", np.inf, "no measurement has"),
        ("dataset_element_type", np.uint32(5), "it says int16"),
        ("dataset_element_type", np.uint32(99), "missing or damaged"),
    ],
)
def test_damaged_datasets(tmp_path, name, value, message):
    path = nhf_file(tmp_path / "a.nhf")
    with h5py.File(path, "a") as file:
        file["measurement_0/segment_0/dataset_0"].attrs[name] = value
    with pytest.raises(FileFormatError, match=message):
        open_movie(path)


def test_numbers_that_are_not_stored(tmp_path):
    """A dataset may claim any size; nothing of it is allocated."""
    large = {"image_points_per_line": np.uint32(10**6), "image_number_of_lines": np.uint32(10**6)}
    path = nhf_file(tmp_path / "a.nhf", [large])
    with h5py.File(path, "a") as file:
        del file["measurement_0/segment_0/dataset_0"]
        claim = file["measurement_0/segment_0"].create_dataset("dataset_0", shape=(10**12,), dtype="<i4")
        claim.attrs.update({"name": "Topography", **CALIBRATION})
    with pytest.raises(FileFormatError, match=r"which the file of .* cannot hold"):
        open_movie(path)


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "a.nhf"
    with h5py.File(path, "w") as file:
        file["x"] = 1
    with pytest.raises(FileFormatError, match="no attribute nsf_file_version_major"):
        find_reader(path)
