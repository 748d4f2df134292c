""".npy and .npz: what is written comes back, and nothing is ever unpickled."""

import json
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playNano.afm_stack import AFMImageStack
from playNano.core.scan import ScanGeometry
from playNano.errors import ChannelError, FileFormatError, ParameterError
from playNano.io.export.numpy_files import write_npz
from playNano.io.formats.numpy_files import open_npy, open_npz, sniff_npy, sniff_npz
from playNano.io.loader import load_afm_stack

SCAN = ScanGeometry(lines=3, line_time_s=0.1, frame_time_s=0.5, direction="down", trace="trace")


def movie_data(shape=(4, 3, 5), seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def fake_stack(data=None, **change):
    data = movie_data() if data is None else data
    values = {
        "data": data,
        "pixel_size_nm": (2.0, 1.5),
        "channel": "height_trace",
        "file_path": Path("movie.asd"),
        "frame_metadata": [{"timestamp": 0.5 * i, "frame_number": i + 1} for i in range(len(data))],
        "unit": "nm",
        "scan": SCAN,
        "metadata": {"comment": "mica", "gain": np.float32(2.0), "limits": np.array([1, 2])},
    }
    return AFMImageStack(**{**values, **change})


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16, np.uint8, bool])
@pytest.mark.parametrize("order", ["C", "F"])
def test_npy_of_any_number(tmp_path, dtype, order):
    data = np.asarray(10 * movie_data(), dtype=dtype, order=order)
    path = tmp_path / "a.npy"
    np.save(path, data)
    movie = open_npy(path, pixel_size_nm=2.0)
    values = movie.read(1, 3)
    assert values.dtype == np.float32
    assert values.flags.c_contiguous
    np.testing.assert_array_equal(values, data[1:3].astype(np.float32))
    assert (movie.shape, movie.pixel_size_nm, movie.unit) == ((4, 3, 5), (2.0, 2.0), "nm")
    assert movie.scan is None
    assert movie.frame_metadata == [{}] * 4


def test_npy_needs_a_pixel_size(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, movie_data())
    with pytest.raises(ParameterError, match=r"a\.npy.*give pixel_size_nm"):
        open_npy(path)
    for wrong in (0, -1.0, np.nan, "big", (1, 2, 3)):
        with pytest.raises(ParameterError, match="pixel_size_nm"):
            open_npy(path, pixel_size_nm=wrong)
    with pytest.raises(ParameterError, match="frame_time_s"):
        open_npy(path, pixel_size_nm=1, frame_time_s=0.0)


def test_npy_with_times_and_names(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, movie_data())
    movie = open_npy(path, "phase_trace", pixel_size_nm=(2, 3), frame_time_s=0.5, unit="deg")
    assert [frame["timestamp"] for frame in movie.frame_metadata] == [0.0, 0.5, 1.0, 1.5]
    assert (movie.channel, movie.channels, movie.unit) == ("phase_trace", ("phase_trace",), "deg")
    assert movie.pixel_size_nm == (2.0, 3.0)
    assert movie.scan == ScanGeometry(lines=3, frame_time_s=0.5)


def test_npy_of_one_frame(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, movie_data()[0])
    movie = open_npy(path, pixel_size_nm=1.0)
    assert movie.shape == (1, 3, 5)
    np.testing.assert_array_equal(movie.read(0, 1)[0], movie_data()[0])
    with pytest.raises(ParameterError):
        movie.read(0, 2)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((2, 2, 2, 2)), r"\(2, 2, 2, 2\)"),
        (np.zeros(3), r"\(3,\)"),
        (np.zeros((0, 2, 2)), r"\(0, 2, 2\)"),
        (np.zeros((2, 2), dtype=complex), "complex128"),
        (np.array([["a", "b"]]), "<U1"),
    ],
)
def test_arrays_that_are_no_movies(tmp_path, array, message):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(FileFormatError, match=message):
        open_npy(tmp_path / "a.npy", pixel_size_nm=1.0)
    np.savez(tmp_path / "a.npz", data=array, pixel_size_nm=1.0)
    with pytest.raises(FileFormatError, match=message):
        open_npz(tmp_path / "a.npz")


class Trap:
    """Would write a file if it were ever unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


@pytest.mark.parametrize("member", ["data", "pixel_size_nm", "extra"])
def test_objects_are_refused_and_never_unpickled(tmp_path, member):
    touched = tmp_path / "touched"
    arrays = {"data": movie_data(), "pixel_size_nm": np.array(1.0)}
    arrays[member] = np.array([[Trap(touched)]], dtype=object)
    np.savez(tmp_path / "a.npz", **arrays)
    if member == "extra":  # is not used, and not read
        assert open_npz(tmp_path / "a.npz").read(0, 1).shape[0] == 1
    else:
        with pytest.raises(FileFormatError, match=r"a\.npz.*(object|Object)"):
            open_npz(tmp_path / "a.npz")
    np.save(tmp_path / "a.npy", arrays["data"] if member == "data" else arrays[member], allow_pickle=True)
    if arrays[member].dtype.hasobject:
        with pytest.raises(FileFormatError, match=r"a\.npy"):
            open_npy(tmp_path / "a.npy", pixel_size_nm=1.0)
    assert not touched.exists()


def test_npz_round_trip(tmp_path):
    path = tmp_path / "a.npz"
    stack = fake_stack()
    write_npz(stack, path)
    movie = pickle.loads(pickle.dumps(open_npz(path, "height_trace")))
    np.testing.assert_array_equal(movie.read(0, 4), stack.data)
    np.testing.assert_array_equal(movie.read(2, 3), stack.data[2:3])
    assert movie.read(1, 1).shape == (0, 3, 5)
    assert movie.shape == (4, 3, 5)
    assert movie.pixel_size_nm == (2.0, 1.5)
    assert movie.frame_metadata == stack.frame_metadata
    assert movie.scan == SCAN
    assert movie.header["comment"] == "mica"
    assert movie.header["limits"] == [1, 2]
    assert [p.name for p in tmp_path.iterdir()] == ["a.npz"]


def test_npz_of_a_bare_stack(tmp_path):
    """A number for the pixel size, float64 pixels that are not contiguous, no metadata at all."""
    data = movie_data((3, 5, 4)).astype(float).transpose(2, 0, 1)
    stack = AFMImageStack(data=data, pixel_size_nm=2.0, channel="PH", file_path="x", frame_metadata=None)
    write_npz(stack, tmp_path / "a.npz")
    movie = open_npz(tmp_path / "a.npz")
    np.testing.assert_array_equal(movie.read(0, 4), data.astype(np.float32))
    assert (movie.pixel_size_nm, movie.channel, movie.scan) == ((2.0, 2.0), "PH", None)
    assert movie.frame_metadata == [{}] * 4


def test_npz_channel(tmp_path):
    path = tmp_path / "a.npz"
    write_npz(fake_stack(channel="TP"), path)
    for asked in ("TP", "height_trace", "height", None):
        assert open_npz(path, asked).channel == "TP"
    with pytest.raises(ChannelError, match=r"'phase'.*has TP"):
        open_npz(path, "phase")


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("order", ["C", "F"])
def test_npz_of_others(tmp_path, save, order):
    path = tmp_path / "a.npz"
    data = np.asarray(movie_data().astype(np.float64), order=order)
    save(path, data=data, timestamps=np.array([0.0, 1.0, 2.5, 3.0]))
    with pytest.raises(ParameterError, match="give pixel_size_nm"):
        open_npz(path)
    movie = open_npz(path, pixel_size_nm=(1.0, 2.0))
    np.testing.assert_array_equal(movie.read(1, 4), data[1:4].astype(np.float32))
    assert [frame["timestamp"] for frame in movie.frame_metadata] == [0.0, 1.0, 2.5, 3.0]
    assert movie.channel == "height_trace"
    assert movie.pixel_size_nm == (1.0, 2.0)


def test_npz_of_one_frame_and_given_size(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, data=movie_data()[0], pixel_size_nm=5.0)
    assert open_npz(path).pixel_size_nm == (5.0, 5.0)
    assert open_npz(path, pixel_size_nm=1.0).pixel_size_nm == (1.0, 1.0)
    np.testing.assert_array_equal(open_npz(path).read(0, 1)[0], movie_data()[0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"timestamps": np.zeros(3)}, "3 timestamps for 4 frames"),
        ({"metadata": np.array("{no")}, "not JSON"),
        ({"format": np.array("playNano-npz"), "version": np.array(99)}, "version 99"),
    ],
)
def test_npz_that_contradicts_itself(tmp_path, change, message):
    np.savez(tmp_path / "a.npz", data=movie_data(), pixel_size_nm=1.0, **change)
    with pytest.raises(FileFormatError, match=message):
        open_npz(tmp_path / "a.npz")


def test_damaged_and_foreign_archives(tmp_path):
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("b.txt", "no array")
    assert "b.txt" in sniff_npz(path, path.read_bytes())
    with pytest.raises(FileFormatError, match=r"b\.txt"):
        open_npz(path)
    write_npz(fake_stack(), path)
    assert sniff_npz(path, path.read_bytes()) is None
    path.write_bytes(path.read_bytes()[:-200])
    assert "damaged" in sniff_npz(path, path.read_bytes())
    with pytest.raises(FileFormatError, match=r"a\.npz"):
        open_npz(path)
    assert "zip" in sniff_npz(path, b"no")
    np.save(tmp_path / "a.npy", movie_data())
    raw = (tmp_path / "a.npy").read_bytes()
    assert sniff_npy(tmp_path / "a.npy", raw) is None
    assert "numpy" in sniff_npy(tmp_path / "a.npy", b"no")
    (tmp_path / "cut.npy").write_bytes(raw[:-20])
    with pytest.raises(FileFormatError, match=r"cut\.npy"):
        open_npy(tmp_path / "cut.npy", pixel_size_nm=1.0)
    with pytest.raises(FileFormatError, match="archive"):
        write_npz(fake_stack(), path)
        open_npy(path, pixel_size_nm=1.0)


def test_a_failed_write_leaves_the_older_file(tmp_path):
    path = tmp_path / "a.npz"
    write_npz(fake_stack(), path)
    before = path.read_bytes()
    with pytest.raises(FileFormatError, match="JSON"):
        write_npz(fake_stack(metadata={"odd": object()}), path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.npz"]


def test_metadata_are_plain_json(tmp_path):
    write_npz(fake_stack(metadata={"path": Path("x")}), tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz", allow_pickle=False) as arrays:
        assert json.loads(str(arrays["metadata"]))["header"] == {"path": "x"}
        assert str(arrays["format"]) == "playNano-npz"


@settings(deadline=None, max_examples=30)
@given(
    shape=st.tuples(*[st.integers(1, 6)] * 3),
    start=st.integers(0, 5),
    size=st.integers(0, 6),
    times=st.booleans(),
    seed=st.integers(0, 99),
)
def test_any_block_of_any_stack(tmp_path_factory, shape, start, size, times, seed):
    path = tmp_path_factory.mktemp("npz") / "a.npz"
    data = movie_data(shape, seed)
    frames = [{"timestamp": i / 3} for i in range(shape[0])] if times else []
    write_npz(fake_stack(data, frame_metadata=frames), path)
    movie = open_npz(path)
    first, last = min(start, shape[0]), min(start + size, shape[0])
    np.testing.assert_array_equal(movie.read(first, last), data[first:last])
    assert movie.frame_metadata == (frames or [{}] * shape[0])


def test_the_default_channel_is_the_one_of_the_archive(tmp_path):
    stack = AFMImageStack(np.ones((2, 3, 4), np.float32), 2.0, "Height Sensor", "a")
    path = write_npz(stack, tmp_path / "a.npz")
    assert load_afm_stack(path).channel == "Height Sensor"
    with pytest.raises(ChannelError, match="Height Sensor"):
        load_afm_stack(path, "phase")
