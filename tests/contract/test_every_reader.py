"""What holds for every built-in reader: types, pickling, lazy equals eager, and errors for files that are cut off.

What needs no file of the format holds for the readers of installed plugins too.
"""

import os
import pickle
import re
import warnings

import numpy as np
import pytest
from tests.io.test_ardf import ardf_file
from tests.io.test_aris import aris_file
from tests.io.test_asd import full_range
from tests.io.test_asd import write as asd_file
from tests.io.test_jpk_h5 import write as h5_jpk_file
from tests.io.test_jpk_tiff import write as jpk_file
from tests.io.test_mi import mi_file
from tests.io.test_nhf import nhf_file
from tests.io.test_nid import nid_file
from tests.io.test_park import park_file
from tests.io.test_release_05 import h5_file as bundle_05_file
from tests.io.test_single_images import gwy_field, gwy_file, ibw_file, text, topostats_file, wsxm_file
from tests.io.test_spm import write as spm_file
from tests.io.test_sxm import sxm_file
from tests.io.test_tiff_movie import imagej_file, without_gap

from playNano.core.scan import ScanGeometry
from playNano.errors import FileFormatError, ParameterError
from playNano.io.export.bundle import write_bundle
from playNano.io.export.numpy_files import write_npz
from playNano.io.export.ome_tiff import write_ome_tiff
from playNano.io.export.ome_zarr import write_ome_zarr
from playNano.io.formats import BUILTIN_READERS, reader_registry
from playNano.io.loader import find_reader, list_channels, load_afm_stack, open_movie

POSITIONS = 40
OPTIONS = {"npy": {"pixel_size_nm": (5.0, 2.0), "frame_time_s": 0.5}}


def npy_file(path):
    np.save(path, full_range(0x2))
    return path


def npz_file(path, stack):
    write_npz(stack, path)
    return path


def spm_folder(path):
    path.mkdir()
    for second in range(3):
        spm_file(path / f"image.{second:03d}", date=f"01:59:{40 + second} PM Fri Apr 25 2014")
    return path


@pytest.fixture
def make_file(tmp_path, make_stack):
    def make(name):
        stack = make_stack(
            np.random.default_rng(0).normal(size=(3, 6, 5)).astype(np.float32),
            pixel_size_nm=(5.0, 2.0),
            scan=ScanGeometry(lines=6, line_time_s=0.01, frame_time_s=0.5, direction="down"),
        )
        builders = {
            "asd": lambda: asd_file(tmp_path / "a.asd", full_range(0x2)),
            "h5-jpk": lambda: h5_jpk_file(tmp_path / "a.h5-jpk"),
            "bundle": lambda: write_bundle(stack, tmp_path / "a.h5"),
            "bundle-05": lambda: bundle_05_file(tmp_path / "a.h5"),
            "npz": lambda: npz_file(tmp_path / "a.npz", stack),
            "npy": lambda: npy_file(tmp_path / "a.npy"),
            "jpk": lambda: jpk_file(tmp_path / "a.jpk"),
            "spm": lambda: spm_file(tmp_path / "a.spm"),
            "gwy": lambda: gwy_file(
                tmp_path / "a.gwy", __0__data__title=b"s" + text("Topography"), __0__data=gwy_field()
            ),
            "ibw": lambda: ibw_file(tmp_path / "a.ibw"),
            "wsxm": lambda: wsxm_file(tmp_path / "a.stp"),
            "topostats": lambda: topostats_file(tmp_path / "a.topostats"),
            "nid": lambda: nid_file(tmp_path / "a.nid"),
            "nhf": lambda: nhf_file(tmp_path / "a.nhf"),
            "sxm": lambda: sxm_file(tmp_path / "a.sxm"),
            "mi": lambda: mi_file(tmp_path / "a.mi"),
            "park": lambda: park_file(tmp_path / "a.tiff"),
            "aris": lambda: aris_file(tmp_path / "a.aris"),
            "ardf": lambda: ardf_file(tmp_path / "a.ARDF"),
            "tiff": lambda: without_gap(imagej_file(tmp_path / "a.tif")),
            "ome-tiff": lambda: without_gap(write_ome_tiff(stack, tmp_path / "a.ome.tif")),
            "ome-zarr": lambda: write_ome_zarr(stack, tmp_path / "a.ome.zarr"),
            "folder": lambda: spm_folder(tmp_path / "images"),
        }
        assert set(builders) == set(BUILTIN_READERS)
        return builders[name]()

    return make


every = pytest.mark.parametrize("name", list(BUILTIN_READERS))


@every
def test_its_file_is_known_by_name_and_content(name, make_file):
    path = make_file(name)
    assert find_reader(path).name == name
    reader = BUILTIN_READERS[name]
    assert reader.folder == path.is_dir()
    if not reader.folder:
        plain = path.rename(path.with_name("without_suffix"))
        assert find_reader(plain).name == name


@every
def test_what_a_movie_tells(name, make_file):
    path = make_file(name)
    options = OPTIONS.get(name, {})
    movie = open_movie(path, None, **options)
    n_frames = movie.shape[0]
    assert [type(length) for length in movie.shape] == [int, int, int]
    assert min(movie.shape) > 0
    assert movie.path == path
    assert movie.format.endswith(name) or name == "folder"
    assert [type(size) for size in movie.pixel_size_nm] == [float, float]
    assert all(size > 0 for size in movie.pixel_size_nm)
    assert isinstance(movie.unit, str)
    assert movie.channels == list_channels(path, **options)
    assert all(isinstance(channel, str) for channel in movie.channels)
    assert len(movie.frame_metadata) == n_frames
    times = [entry["timestamp"] for entry in movie.frame_metadata if "timestamp" in entry]
    assert len(times) in (0, n_frames)
    assert all(type(time) is float for time in times)
    assert times == sorted(times)
    assert times[:1] in ([], [0.0])
    assert movie.scan is None or isinstance(movie.scan, ScanGeometry)
    values = movie.read(0, n_frames)
    assert values.shape == movie.shape
    assert values.dtype == np.float32
    assert values.flags.writeable
    assert values.flags.c_contiguous
    assert np.isfinite(values).all()
    assert np.ptp(values) > 0


@every
def test_any_frames_are_those_of_the_whole(name, make_file):
    movie = open_movie(make_file(name), None, **OPTIONS.get(name, {}))
    n_frames = movie.shape[0]
    whole = movie.read(0, n_frames)
    for start in range(n_frames + 1):
        for stop in range(start, n_frames + 1):
            np.testing.assert_array_equal(movie.read(start, stop), whole[start:stop])
    for start, stop in ((0, n_frames + 1), (-1, 1), (1, 0)):
        with pytest.raises(ParameterError):
            movie.read(start, stop)


@every
def test_it_can_be_sent_to_another_process(name, make_file):
    movie = open_movie(make_file(name), None, **OPTIONS.get(name, {}))
    read = pickle.loads(pickle.dumps(movie.read))
    np.testing.assert_array_equal(read(0, movie.shape[0]), movie.read(0, movie.shape[0]))


@every
def test_lazy_equals_eager(name, make_file):
    path = make_file(name)
    eager, lazy = (load_afm_stack(path, lazy=lazy, **OPTIONS.get(name, {})) for lazy in (False, True))
    assert (eager.is_lazy, lazy.is_lazy) == (False, True)
    assert lazy.data.dtype == eager.data.dtype
    np.testing.assert_array_equal(np.asarray(lazy.data), eager.data)
    assert lazy.get_frame_times() == eager.get_frame_times()
    for attribute in ("pixel_size_nm", "channel", "unit", "scan", "frame_metadata"):
        assert getattr(lazy, attribute) == getattr(eager, attribute)


@every
def test_a_channel_that_is_not_there(name, make_file):
    path = make_file(name)
    if name == "npy":  # the file has no names of channels
        assert open_movie(path, "no such channel", **OPTIONS[name]).channel == "no such channel"
        return
    with pytest.raises(FileFormatError, match="no such channel") as caught:
        open_movie(path, "no such channel")
    assert str(path) in str(caught.value) or name == "folder"


@every
def test_an_option_that_is_not_there(name, make_file):
    path = make_file(name)
    with pytest.raises(ParameterError, match=f"the {name} reader: unknown parameter 'pixel_sise_nm'"):
        open_movie(path, None, pixel_sise_nm=2.0)


def members(path):
    """Return the files of a movie."""
    return [file for file in sorted(path.rglob("*")) if file.is_file()] if path.is_dir() else [path]


@every
def test_cut_off_anywhere(name, make_file):
    """A file that ends too early is an error that names it, never a movie and never another exception."""
    path = make_file(name)
    options = OPTIONS.get(name, {})
    for file in members(path):
        content = file.read_bytes()
        for length in positions(len(content)):
            file.write_bytes(content[:length])
            try:
                movie = open_movie(path, None, **options)
                values = movie.read(0, movie.shape[0])
            except FileFormatError as error:
                assert str(path) in str(error)
            else:
                pytest.fail(f"{file.name} was read from {length} of {len(content)} bytes: {values.shape}")
        file.write_bytes(content)


@every
def test_what_exists_of_a_file_that_is_cut_off(name, make_file):
    """With the option, pixels are those of the whole file or NaN, with a warning that counts; else an error."""
    path = make_file(name)
    if not BUILTIN_READERS[name].incomplete:
        with pytest.raises(ParameterError, match=f"the {name} reader has no option 'allow_incomplete'"):
            open_movie(path, None, allow_incomplete=True, **OPTIONS.get(name, {}))
        return
    whole_movie = open_movie(path, None, allow_incomplete=True)
    whole = whole_movie.read(0, whole_movie.shape[0])
    partial = 0
    for file in members(path):
        content = file.read_bytes()
        for length in positions(len(content)):
            file.write_bytes(content[:length])
            try:
                with warnings.catch_warnings(record=True) as caught:
                    warnings.simplefilter("always")
                    movie = open_movie(path, None, allow_incomplete=True)
                values = movie.read(0, movie.shape[0])
            except FileFormatError as error:
                assert str(path) in str(error)
                assert "\n" not in str(error)
            else:
                partial += 1
                assert re.search("cut off|cannot be used|were written", str(caught[0].message))
                assert movie.shape == (len(values), *whole.shape[1:])
                there = np.isfinite(values)
                expected = whole[whole_frames(movie, whole_movie)]
                np.testing.assert_array_equal(values[there], expected[there])
        file.write_bytes(content)
    # A cut HDF5 file cannot be opened at all; of a zarr store, chunks may be lost but none is ever half.
    assert partial or name in ("h5-jpk", "bundle", "nhf", "aris", "ome-zarr")


def whole_frames(movie, whole_movie):
    """Return which frames of the whole movie are those of a part."""
    files = whole_movie.header.get("files")
    return [files.index(file) for file in movie.header["files"]] if files else slice(0, movie.shape[0])


@every
def test_a_file_that_is_replaced_is_noticed(name, make_file):
    """A movie on disk is that of the file that was opened, or an error that names the file."""
    path = make_file(name)
    options = OPTIONS.get(name, {})
    stack = load_afm_stack(path, lazy=True, **options)
    first = np.asarray(stack.data[0])
    assert first.shape == stack.data.shape[1:]
    for file in members(path):
        content = file.read_bytes()
        file.write_bytes(content)
        os.utime(file, ns=(0, 123_456_789_000))  # another file of the same size
    with pytest.raises(FileFormatError, match=r"was replaced or changed after it was opened") as caught:
        np.asarray(stack.data)
    assert str(path) in str(caught.value)
    again = load_afm_stack(path, lazy=True, **options)
    np.testing.assert_array_equal(np.asarray(again.data[0]), first)
    for file in members(path):
        moment = file.stat().st_mtime_ns
        file.write_bytes(file.read_bytes() + b"\0")
        os.utime(file, ns=(0, moment))
    with pytest.raises(FileFormatError, match=r"was replaced or changed after it was opened"):
        np.asarray(again.data)


def positions(size):
    """Return lengths to cut a file to: every 64 bytes, 40 lengths of a large one, and one byte short."""
    steps = range(0, size, 64)
    if len(steps) > POSITIONS:
        steps = np.linspace(0, size - 1, POSITIONS, dtype=int).tolist()
    return [*steps, size - 1]


registered = pytest.mark.parametrize("name", sorted(reader_registry()))


@registered
def test_options_are_documented(name):
    reader = reader_registry()[name]
    for parameter in reader.parameters():
        assert parameter.description, parameter.name
    text = reader.declaration.function.__doc__
    assert text.partition("\n")[0].endswith(".")
    if name in BUILTIN_READERS:
        assert text.startswith("Read ")
        assert "Parameters\n" in text
        assert "Raises\n" in text


@registered
def test_a_file_of_another_format_is_refused(name, tmp_path):
    """Both functions of a reader say so: one gives a reason, the other an error that names the file."""
    reader = reader_registry()[name]
    path = tmp_path / f"other{reader.suffixes[0].replace('[0-9]', '0').strip('/')}"
    content = b"no movie\n" * 100
    if reader.folder:
        path.mkdir()
        path = path.rename(tmp_path / f"folder{reader.suffixes[0].strip('/')}")
        (path / "text.txt").write_bytes(content)
    else:
        path.write_bytes(content)
    assert all(suffix == suffix.casefold() for suffix in reader.suffixes)
    reason = reader.refusal(path, b"" if reader.folder else content[:512])
    if name != "folder":  # it takes every folder, and says what is in it
        assert reason
        assert str(path) not in reason
    with pytest.raises(FileFormatError, match=r"other|folder") as caught:
        reader.open_movie(path, None, **OPTIONS.get(name, {}))
    assert str(path) in str(caught.value)


@registered
def test_an_unknown_option_is_refused_by_name(name, tmp_path):
    with pytest.raises(ParameterError, match=f"the {name} reader: unknown parameter 'no_such_thing'"):
        reader_registry()[name].open_movie(tmp_path / "movie", None, no_such_thing=1)
