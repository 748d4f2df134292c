"""The reader of TIFF movies: ImageJ hyperstacks, several pages, BigTIFF, channels, times, damage."""

import numpy as np
import pytest
import tifffile

from playNano.errors import FileFormatError, ParameterError
from playNano.io.formats.tiff_movie import open_tiff
from playNano.io.loader import find_reader, open_movie

FRAMES = np.random.default_rng(0).normal(size=(3, 6, 5)).astype(np.float32)


def imagej_file(path, data=FRAMES, axes="TYX", resolution=(0.5, 0.2), **metadata):
    metadata = {"axes": axes, "unit": "nm", "finterval": 0.5, **metadata}
    tifffile.imwrite(path, data, imagej=True, resolution=resolution, metadata=metadata)
    return path


def without_gap(path):
    """Leave out the bytes behind the last page, which no tag refers to."""
    data = path.read_bytes()
    with tifffile.TiffFile(path) as file:
        last = file.pages[-1].aspage()
        end = last.offset + 2 + 12 * len(last.tags) + 4
    path.write_bytes(data[:end])
    return path


def test_hyperstack(tmp_path):
    movie = open_movie(imagej_file(tmp_path / "a.tif"))
    np.testing.assert_array_equal(movie.read(0, 3), FRAMES)
    assert (movie.format, movie.channels, movie.unit) == ("tiff", ("channel 1",), "")
    assert movie.pixel_size_nm == pytest.approx((5.0, 2.0))
    assert [frame["timestamp"] for frame in movie.frame_metadata] == [0.0, 0.5, 1.0]
    assert (movie.scan.frame_time_s, movie.scan.direction, movie.scan.line_time_s) == (0.5, None, None)


@pytest.mark.parametrize(("unit", "factor"), [("um", 1e3), ("micron", 1e3), ("\\u00B5m", 1e3), ("m", 1e9)])
def test_units_of_length(tmp_path, unit, factor):
    movie = open_movie(imagej_file(tmp_path / "a.tif", unit=unit))
    assert movie.pixel_size_nm == pytest.approx((5.0 * factor, 2.0 * factor))


def test_calibrated_values(tmp_path):
    raw = np.arange(90, dtype=np.uint16).reshape(3, 6, 5)
    movie = open_movie(imagej_file(tmp_path / "a.tif", raw, cf=0, c0=-1.0, c1=0.25, vunit="um"))
    np.testing.assert_allclose(movie.read(0, 3), (raw * 0.25 - 1) * 1e3)
    assert movie.unit == "nm"
    with pytest.raises(FileFormatError, match="function 3"):
        open_movie(imagej_file(tmp_path / "b.tif", raw, cf=3))


def test_channels(tmp_path):
    data = np.arange(2 * 3 * 6 * 5, dtype=np.float32).reshape(3, 2, 6, 5)
    path = imagej_file(tmp_path / "a.tif", data, axes="TCYX")
    movie = open_movie(path, "channel 2")
    assert movie.channels == ("channel 1", "channel 2")
    np.testing.assert_array_equal(movie.read(0, 3), data[:, 1])
    np.testing.assert_array_equal(open_movie(path).read(1, 3), data[1:, 0])


@pytest.mark.parametrize("change", [{"bigtiff": True}, {"byteorder": ">"}, {"compression": "zlib"}, {}])
def test_pages(tmp_path, change):
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path, **{k: v for k, v in change.items() if k != "compression"}) as tiff:
        for frame in FRAMES:
            tiff.write(frame, contiguous=False, metadata=None, compression=change.get("compression"))
    with pytest.raises(ParameterError, match="give pixel_size_nm"):
        open_movie(path)
    movie = open_movie(path, pixel_size_nm=2.0, frame_time_s=0.25, unit="nm")
    np.testing.assert_array_equal(movie.read(0, 3), FRAMES)
    assert (movie.pixel_size_nm, movie.unit, movie.scan.frame_time_s) == ((2.0, 2.0), "nm", 0.25)
    assert open_movie(path, pixel_size_nm=2.0).frame_metadata == [{}, {}, {}]


def test_one_page_and_a_movie_behind_one_directory(tmp_path):
    one = imagej_file(tmp_path / "a.tif", FRAMES[0], axes="YX")
    np.testing.assert_array_equal(open_movie(one).read(0, 1)[0], FRAMES[0])
    # ImageJ writes stacks above 4 GB with one directory and all frames behind one another.
    path = imagej_file(tmp_path / "b.tif")
    data = path.read_bytes()
    with tifffile.TiffFile(path) as file:
        after = file.pages.first.offset + 2 + 12 * len(file.pages.first.tags)
    alone = data[:after] + bytes(4) + data[after + 4 :]
    path.write_bytes(alone)
    np.testing.assert_array_equal(open_movie(path).read(0, 3), FRAMES)
    path.write_bytes(alone.replace(b"images=3", b"images=9").replace(b"frames=3", b"frames=9"))
    with pytest.raises(FileFormatError, match=r"images|too short|damaged"):
        open_movie(path)


@pytest.mark.parametrize(
    ("data", "axes", "message"),
    [
        (np.zeros((2, 3, 6, 5), np.float32), "TZYX", "axes of the TIFF file are TZYX"),
        (np.zeros((2, 6, 5, 3), np.uint8), "TYXS", "axes of the TIFF file are TYXS"),
    ],
)
def test_stacks_that_are_no_movie(tmp_path, data, axes, message):
    path = imagej_file(tmp_path / "a.tif", data, axes=axes)
    with pytest.raises(FileFormatError, match=message):
        open_movie(path)


def test_other_tiff_formats_are_refused(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, FRAMES, ome=True, metadata={"axes": "TYX"})
    assert find_reader(path).name == "ome-tiff"
    with pytest.raises(FileFormatError, match="it is an OME-TIFF file"):
        open_tiff(path)
    jpk = tmp_path / "b.tif"
    tifffile.imwrite(jpk, FRAMES[0], extratags=[(0x8000, 2, 4, "JPK", True)], metadata=None)
    with pytest.raises(FileFormatError, match="image of JPK"):
        find_reader(jpk)


def test_series_of_different_images(tmp_path):
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(FRAMES[0], metadata=None)
        tiff.write(FRAMES[0, :4], metadata=None)
    with pytest.raises(FileFormatError, match="2 series"):
        open_movie(path, pixel_size_nm=1.0)


@pytest.mark.parametrize("change", [{"unit": "V"}, {"resolution": (0, 1)}])
def test_sizes_that_are_wrong(tmp_path, change):
    path = imagej_file(tmp_path / "a.tif", **change)
    with pytest.raises(FileFormatError, match=r"not a length|resolution"):
        open_movie(path)


@pytest.mark.parametrize("tag", [256, 257, 279])
@pytest.mark.parametrize("value", [0, 2**31 - 1, 2**32 - 1])
def test_damaged_sizes(tmp_path, tag, value):
    path = imagej_file(tmp_path / "a.tif")
    with tifffile.TiffFile(path) as file:
        at, order = file.pages.first.tags[tag].valueoffset, file.byteorder
    data = bytearray(path.read_bytes())
    data[at : at + 4] = value.to_bytes(4, "little" if order == "<" else "big")
    path.write_bytes(data)
    with pytest.raises(FileFormatError, match=r"a\.tif"):
        movie = open_movie(path)
        movie.read(0, movie.shape[0])


def test_pages_in_a_circle(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, FRAMES[0], metadata=None)
    with tifffile.TiffFile(path) as file:
        page = file.pages.first
        after, order = page.offset + 2 + 12 * len(page.tags), file.byteorder
        offset = page.offset
    data = bytearray(path.read_bytes())
    data[after : after + 4] = offset.to_bytes(4, "little" if order == "<" else "big")
    path.write_bytes(data)
    with pytest.raises(FileFormatError, match="in a circle"):
        open_movie(path)


def test_a_tag_of_an_unknown_type(tmp_path):
    """A lost sample format would turn floats into integers without a word."""
    path = imagej_file(tmp_path / "a.tif")
    with tifffile.TiffFile(path) as file:
        at, order = file.pages.first.tags[339].offset, file.byteorder
    data = bytearray(path.read_bytes())
    data[at + 2 : at + 4] = (99).to_bytes(2, "little" if order == "<" else "big")
    path.write_bytes(data)
    with pytest.raises(FileFormatError, match="the tag 339 is of the unknown type 99"):
        find_reader(path)
