"""Which reader gets a file, and what is said when none takes it."""

import subprocess
import sys
import warnings
from pathlib import Path

import h5py
import numpy as np
import pytest

from playNano.core.registry import load_object
from playNano.errors import ChannelError, DuplicateNameError, FileFormatError, ParameterError, PluginWarning
from playNano.io.export.asd import write_asd
from playNano.io.formats import BUILTIN_READERS, Reader, reader, reader_registry
from playNano.io.loader import find_reader, list_channels, load_afm_stack, open_movie
from playNano.io.movie import Movie


@pytest.fixture
def asd(tmp_path):
    path = tmp_path / "movie.asd"
    write_asd(
        path, np.zeros((3, 4, 6)), second=np.zeros((3, 4, 6)), pixel_size_nm=(1.0, 2.0), frame_time_s=0.5
    )
    return path


def test_found_by_suffix_and_content(asd, tmp_path):
    assert find_reader(asd).name == "asd"
    assert find_reader(asd.rename(tmp_path / "MOVIE.ASD")).name == "asd"
    np.save(tmp_path / "a.npy", np.zeros((2, 2, 2)))
    np.savez(tmp_path / "a.npz", data=np.zeros((2, 2, 2)))
    assert [find_reader(tmp_path / f"a.{suffix}").name for suffix in ("npy", "npz")] == ["npy", "npz"]


def test_a_wrong_name_does_not_hide_the_content(asd, tmp_path):
    for name in ("movie.npy", "movie.h5-jpk", "movie", "movie.dat"):
        asd = asd.rename(tmp_path / name)
        assert find_reader(asd).name == "asd"


def test_open_movie_decodes_nothing(asd):
    movie = open_movie(asd, "TP")
    assert movie.shape == (3, 4, 6)
    assert movie.pixel_size_nm == (1.0, 2.0)
    assert movie.path == asd
    assert open_movie(str(asd)).channel == "height_trace"


def test_channels(asd):
    assert list_channels(asd) == ("TP", "PH")
    with pytest.raises(ChannelError, match=r"movie\.asd.*'amplitude'.*TP, PH"):
        open_movie(asd, "amplitude")


def test_options(asd, tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.zeros((2, 2, 2)))
    assert open_movie(path, pixel_size_nm=2.0).pixel_size_nm == (2.0, 2.0)
    assert list_channels(path, pixel_size_nm=2.0) == ("height_trace",)
    with pytest.raises(ParameterError, match="give pixel_size_nm"):
        open_movie(path)
    with pytest.raises(ParameterError, match=r"npy reader: .*'pixel_size'; did you mean 'pixel_size_nm'\?"):
        open_movie(path, pixel_size=2.0)
    with pytest.raises(
        ParameterError,
        match=r"the asd reader takes no pixel size: files of this format contain their own; leave pixel_size_nm",
    ):
        open_movie(asd, pixel_size_nm=2.0)


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.asd"):
        open_movie(tmp_path / "none.asd")
    with pytest.raises(FileNotFoundError):
        list_channels(tmp_path / "none.asd")


def test_folder_without_a_movie(tmp_path):
    with pytest.raises(FileFormatError, match="folder"):
        open_movie(tmp_path)


def test_empty_file(tmp_path):
    path = tmp_path / "empty.asd"
    path.touch()
    with pytest.raises(FileFormatError, match=r"empty\.asd: the file is empty.*\.h5-jpk"):
        open_movie(path)


def test_foreign_files_name_every_reader_and_its_reason(tmp_path):
    text = tmp_path / "notes.asd"
    text.write_text("These are my notes about a movie, and no movie." * 20)
    foreign = tmp_path / "table.h5"
    with h5py.File(foreign, "w") as file:
        file["numbers"] = np.arange(3)
    for path, reason in (
        (text, "header version 1936025684"),
        (foreign, "Measurement_000; it has ['numbers']"),
    ):
        with pytest.raises(FileFormatError) as caught:
            open_movie(path)
        message = str(caught.value)
        assert str(path) in message
        assert reason in message
        assert "\n" not in message
        for known in BUILTIN_READERS.values():
            if not known.folder:
                assert known.name in message


def test_the_fitting_reader_speaks_first(tmp_path):
    path = tmp_path / "notes.npz"
    path.write_text("no archive")
    with pytest.raises(FileFormatError, match=r"accepts this file\. npz \(\.npz\): it is not a zip"):
        open_movie(path)


def test_truncated_files(asd, tmp_path):
    asd.write_bytes(asd.read_bytes()[:-10])
    with pytest.raises(FileFormatError, match=r"movie\.asd: the file is cut off"):
        open_movie(asd)
    asd.write_bytes(asd.read_bytes()[:60])
    with pytest.raises(
        FileFormatError, match=r"asd \(\.asd\): the file ends within its header, after 60 bytes"
    ):
        open_movie(asd)


def test_damaged_hdf5_files(tmp_path):
    path = tmp_path / "movie.h5-jpk"
    with h5py.File(path, "w") as file:
        file["numbers"] = np.arange(1000)
    path.write_bytes(path.read_bytes()[:3000])
    reason = r"file\. h5-jpk \(\.h5-jpk\), bundle \(\.h5, \.hdf5\), .*: the HDF5 file cannot be read: .*; asd"
    with pytest.raises(FileFormatError, match=reason):
        open_movie(path)


def test_every_entry_of_the_table_can_be_imported():
    for name, entry in BUILTIN_READERS.items():
        assert entry.name == name
        assert callable(load_object(entry.sniff))
        assert callable(load_object(entry.open))
    assert set(reader_registry()) == set(BUILTIN_READERS)


def test_one_entry_makes_a_format_known(asd, monkeypatch):
    entry = Reader(
        "again", (".asd",), "playNano.io.formats.asd:sniff_asd", "playNano.io.formats.asd:open_asd"
    )
    monkeypatch.delitem(BUILTIN_READERS, "asd")
    monkeypatch.setitem(BUILTIN_READERS, "again", entry)
    assert find_reader(asd).name == "again"


@reader("raw", (".raw",), sniff=lambda path, head: None if head[:4] == b"RAW1" else "no RAW1", series=True)
def open_raw(path, channel=None, *, pixel_size_nm: float = 1.0):
    def read(start, stop):
        return np.full((stop - start, 2, 3), float(path.read_bytes()[4]), np.float32)

    return Movie(path, "raw", "height", ("height",), (1, 2, 3), (pixel_size_nm,) * 2, "nm", read, [{}])


@pytest.mark.parametrize("group", ["playNano.readers", "playnano.readers"])
def test_plugin_readers(plugins, tmp_path, group):
    plugins.add(group, "raw", open_raw)
    for level in (2, 1):
        (tmp_path / f"{level}.raw").write_bytes(b"RAW1" + bytes([level]))
    movie = open_movie(tmp_path / "2.raw", pixel_size_nm="2.5")
    assert (movie.format, movie.pixel_size_nm) == ("raw", (2.5, 2.5))
    assert load_afm_stack(tmp_path).data[:, 0, 0].tolist() == [1, 2]
    with pytest.raises(ParameterError, match=r"2\.raw: the raw reader: unknown parameter 'pixel_size'"):
        open_movie(tmp_path / "2.raw", pixel_size=2.5)


def test_a_broken_plugin_reader_breaks_nothing_else(plugins, asd, tmp_path):
    plugins.point("playNano.readers", "gone", "no_such_package_anywhere:open_gone")
    plugins.add("playNano.readers", "undeclared", lambda path, channel=None: None)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert open_movie(asd).format == "asd"
    texts = [str(warning.message) for warning in caught if warning.category is PluginWarning]
    assert len(texts) == 2
    assert (
        "'gone' (no_such_package_anywhere:open_gone) for reader cannot be loaded: ModuleNotFound" in texts[0]
    )
    assert "'undeclared' is a function that is not declared as reader; use @reader" in texts[1]
    (tmp_path / "a.gone").write_bytes(b"GONE")
    with pytest.warns(PluginWarning), pytest.raises(FileFormatError, match=r"'gone'.* cannot be loaded"):
        open_movie(tmp_path / "a.gone")


def test_a_plugin_reader_with_the_name_of_a_builtin(plugins, asd):
    plugins.point("playNano.readers", "npz", "package_a:open_npz")
    with pytest.raises(
        DuplicateNameError, match="'npz' is claimed by playNano itself and package_a:open_npz"
    ):
        reader_registry()["npz"]
    with pytest.warns(PluginWarning, match="'npz' is claimed by playNano itself"):
        assert open_movie(asd).format == "asd"


def test_nothing_heavy_is_imported_before_it_is_needed():
    code = (
        "import sys, playNano.io.loader; "
        "print([m for m in ('h5py', 'pandas', 'scipy', 'numba', 'tifffile') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_load_afm_stack(asd):
    pytest.importorskip("playNano.afm_stack")
    stack = load_afm_stack(asd, channel="TP")
    assert stack.data.shape == (3, 4, 6)
    assert stack.data.dtype == np.float32
    assert Path(stack.file_path) == asd
    assert stack.channel == "TP"
    assert stack.get_frame_times() == [0.0, 0.5, 1.0]
    assert tuple(np.ravel(stack.pixel_size_nm)) == (1.0, 2.0)
