"""Recordings that broke off: what exists is read with the option and a warning that counts, and refused without."""

import os
import shutil
import struct
import warnings
from pathlib import Path

import h5py
import numpy as np
import pytest
from tests.io.test_ardf import NOTE as ARDF_NOTE
from tests.io.test_ardf import ardf_file
from tests.io.test_aris import aris_file
from tests.io.test_jpk_h5 import VOLTS_TO_NM, add_measurement, raw_frames
from tests.io.test_jpk_h5 import write as h5_jpk_file
from tests.io.test_jpk_tiff import write as jpk_file
from tests.io.test_mi import mi_file
from tests.io.test_nhf import nhf_file
from tests.io.test_nid import RAW as NID_RAW
from tests.io.test_nid import nid_file, section
from tests.io.test_park import park_file
from tests.io.test_single_images import NOTE as IBW_NOTE
from tests.io.test_single_images import gwy_field, gwy_file, ibw_file, text, wsxm_file
from tests.io.test_spm import RAW as SPM_RAW
from tests.io.test_spm import write as spm_file
from tests.io.test_sxm import sxm_file

from playNano.cli.app import run
from playNano.errors import FileFormatError, PlayNanoWarning
from playNano.io.export.bundle import write_bundle
from playNano.io.export.ome_zarr import write_ome_zarr
from playNano.io.formats.hdf5_values import stored_frames
from playNano.io.loader import load_afm_stack, open_movie

DATA = Path(
    os.environ.get("PLAYNANO_TEST_DATA", Path(__file__).resolve().parents[2].parent / "shared" / "data")
)


def spm(path, second):
    return spm_file(path, date=f"01:59:{second:02d} PM Fri Apr 25 2014")


def nid(path, second):
    nid_file(path, line_time="333.33333ms")
    path.write_bytes(path.read_bytes().replace(b"Time=10:23:52", b"Time=10:23:%02d" % second))
    return path


def jpk(path, second):
    identity = str(1676549326000 + 1000 * second)
    return jpk_file(path, main={0x8003: f"2023-02-16 12:08:{46 + second % 10}.000 GMT", 0x8008: identity})


def park(path, second):
    """Write a file with its pixels at the end."""
    raw = bytearray(park_file(path).read_bytes())
    entry = raw.index(struct.pack("<HHI", 50434, 1, 24))
    (start,) = struct.unpack_from("<I", raw, entry + 8)
    struct.pack_into("<I", raw, entry + 8, len(raw))
    path.write_bytes(raw + raw[start : start + 24])
    return path


IMAGES = {
    "spm": (".spm", spm),
    "jpk": (".jpk", jpk),
    "ibw": (".ibw", lambda path, s: ibw_file(path, note=IBW_NOTE.replace("10:01:29", f"10:01:{s:02d}"))),
    "nid": (".nid", nid),
    "sxm": (".sxm", lambda path, s: sxm_file(path, REC_TIME=f"03:04:{s:02d}")),
    "ardf": (".ARDF", lambda path, s: ardf_file(path, note=ARDF_NOTE.replace("1:02:03", f"1:02:{s:02d}"))),
    "wsxm": (".stp", lambda path, s: wsxm_file(path, Acquisition__time=f"18/06/2021, 14:12:{s:02d}.0")),
    "nhf": (".nhf", lambda path, s: nhf_file(path, [{"created": f"2023-07-18T15:26:{s:02d}Z"}])),
    "mi": (".mi", lambda path, s: mi_file(path)),
    "mi text": (".mi", lambda path, s: mi_file(path, "ASCII")),
    "park": (".tiff", park),
    "aris": (".aris", lambda path, s: aris_file(path, (0,), times=(0.0,))),
    "gwy": (
        ".gwy",
        lambda path, s: gwy_file(path, __0__data__title=b"s" + text("Topography"), __0__data=gwy_field()),
    ),
}
"""Files of one image, by format: suffix, and the function that writes one of a second."""
TIMED = [name for name in IMAGES if name.split()[0] not in ("mi", "park", "aris", "gwy")]
UNTIMED = [name for name in IMAGES if name not in TIMED]
MISSING_ROW = {name: 0 for name in IMAGES if name not in ("nhf", "aris")} | {"gwy": 2, "ardf": 2}


def image(folder, name, stem, second):
    folder.mkdir(exist_ok=True)
    suffix, write = IMAGES[name]
    return write(folder / f"{stem}{suffix}", second)


def cut_lines(path, lines):
    """Cut a file so that it has fewer lines of its first channel, and return the values of the whole file."""
    whole = open_movie(path, None).read(0, 1)[0]
    raw = path.read_bytes()
    for length in range(len(raw) - 1, 0, -1):
        path.write_bytes(raw[:length])
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                values = open_movie(path, None, allow_incomplete=True).read(0, 1)[0]
        except FileFormatError:
            continue
        if np.isfinite(values).all(axis=1).sum() <= lines:
            return whole
    raise AssertionError("it can't be cut")


@pytest.mark.parametrize("name", list(MISSING_ROW))
def test_an_image_that_is_cut_off_keeps_its_lines(tmp_path, name):
    path = image(tmp_path, name, "a", 1)
    whole = cut_lines(path, 2)
    cure = r"2 of 3 lines of channel .* exist; .* NaN; allow_incomplete=True \(--allow-incomplete\)"
    with pytest.raises(FileFormatError, match=rf"{path.name}: .*{cure}"):
        open_movie(path, None)
    with pytest.warns(PlayNanoWarning, match=rf"^{path.name}: the file is cut off: 2 of 3 lines"):
        stack = load_afm_stack(path, "layer 0" if name == "ibw" else "height", allow_incomplete=True)
    assert "2 of 3 lines" in stack.provenance["warnings"][0]
    expected = whole.copy()
    expected[MISSING_ROW[name]] = np.nan
    np.testing.assert_array_equal(stack.data[0], expected)


def test_a_channel_whose_name_is_lost(tmp_path):
    path = image(tmp_path, "ibw", "a", 1)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(FileFormatError, match="names of its channels are lost; one of layer 0 can be read"):
        load_afm_stack(path, allow_incomplete=True)


def test_an_image_whose_unit_is_lost_is_refused(tmp_path):
    """A program may store the unit behind the pixels; metres must not become plain numbers."""
    field = gwy_field(data=None, si_unit_z=None)
    pixels = b"data\0" + b"D" + struct.pack("<I", 12) + np.arange(12, dtype="<f8").tobytes()
    name, size = field[1:].index(b"\0") + 2, len(field) + len(pixels) + 4
    head = field[: name + 4].replace(field[name : name + 4], struct.pack("<I", size))
    path = gwy_file(tmp_path / "a.gwy", __0__data=head + field[name + 4 :] + pixels)
    with pytest.raises(FileFormatError, match=r"image 'data 0' has lost its unit: .*cut off"):
        open_movie(path, None, allow_incomplete=True)


def test_the_option_can_be_off(tmp_path):
    path = image(tmp_path, "spm", "a", 1)
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(FileFormatError, match="2 of 3 lines"):
        open_movie(path, allow_incomplete=False)


def test_integers_without_a_scale_of_their_own_are_not_cut(tmp_path):
    """The scale of these is the range of the whole image."""
    raw = np.arange(12).reshape(3, 4)
    path = wsxm_file(tmp_path / "a.stp", raw, "<i2", Image__Data__Type="short", Minimum=None, Maximum=None)
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(FileFormatError, match="scale of its values is that of the whole image"):
        open_movie(path, None, allow_incomplete=True)


def test_few_bytes_do_not_become_a_large_image(tmp_path):
    path = spm_file(tmp_path / "a.spm", [{"Number of lines": 10**7, "Data length": 8 * 10**7}])
    with pytest.raises(FileFormatError, match="3 of 10000000 lines"):
        open_movie(path, allow_incomplete=True)


@pytest.mark.parametrize(("direction", "rows", "line"), [("Up", [0], 1), ("Down", [1, 2], 2)])
def test_lines_of_an_earlier_nanosurf_scan(tmp_path, direction, rows, line):
    """CurLine counts from the bottom, and is 0 in a whole image that was scanned down."""
    path = nid_file(
        tmp_path / "a.nid", [(0, 1, {**section(), "CurLine": line}, NID_RAW)], direction=direction
    )
    whole = open_movie(nid_file(tmp_path / "b.nid", direction=direction)).read(0, 1)[0]
    with pytest.warns(PlayNanoWarning, match=rf"a\.nid: .*{3 - len(rows)} of 3 lines were scanned"):
        values = open_movie(path).read(0, 1)[0]
    whole[rows] = np.nan
    np.testing.assert_array_equal(values, whole)


def test_lines_that_nanonis_did_not_scan(tmp_path):
    path = sxm_file(tmp_path / "a.sxm")
    raw = path.read_bytes()
    at = raw.index(b"\x1a\x04") + 2 + 16
    path.write_bytes(raw[:at] + np.full(8, np.nan, ">f4").tobytes() + raw[at + 32 :])
    with pytest.warns(PlayNanoWarning, match=r"a\.sxm: channel Z_trace: .*1 of 3 lines were scanned"):
        values = open_movie(path).read(0, 1)[0]
    assert np.isnan(values).all(axis=1).tolist() == [True, True, False]


@pytest.mark.parametrize("name", list(IMAGES))
def test_a_folder_of_images_is_a_movie_in_the_order_of_time(tmp_path, name):
    stems = ["c", "b", "a"] if name in TIMED else ["1", "2", "10"]
    files = [image(tmp_path / "scan", name, stem, 10 * i) for i, stem in enumerate(stems)]
    movie = open_movie(tmp_path / "scan", None)
    assert movie.header["files"] == [file.name for file in files]
    assert movie.shape == (3, 3, 4)
    expected = open_movie(files[0], None).read(0, 1)[0]
    np.testing.assert_array_equal(movie.read(0, 3), [expected] * 3)
    times = [frame.get("timestamp") for frame in movie.frame_metadata]
    assert times == (pytest.approx([0.0, 10.0, 20.0]) if name in TIMED else [None] * 3)


@pytest.mark.parametrize("name", TIMED)
def test_a_damaged_image_leaves_a_gap_in_the_times(tmp_path, name):
    files = [image(tmp_path / "scan", name, f"{i:03d}", 10 * i) for i in range(4)]
    files[1].write_bytes(files[1].read_bytes()[:30])
    message = rf"scan: 1 of 4 images cannot be used \({files[1].name}: .*allow_incomplete=True \(--allow"
    with pytest.raises(FileFormatError, match=message):
        open_movie(tmp_path / "scan", None)
    with pytest.warns(PlayNanoWarning, match=rf"1 of 4 images cannot be used \({files[1].name}: "):
        movie = open_movie(tmp_path / "scan", None, allow_incomplete=True)
    assert movie.header["files"] == [files[i].name for i in (0, 2, 3)]
    assert movie.header["lost_files"] == [files[1].name]
    times = [frame["timestamp"] for frame in movie.frame_metadata]
    assert times == pytest.approx([0.0, 20.0, 30.0])
    assert np.isfinite(movie.read(0, 3)).all()


@pytest.mark.parametrize("name", UNTIMED)
def test_a_damaged_image_without_times_is_a_frame_of_nan(tmp_path, name):
    files = [image(tmp_path / "scan", name, f"{i}", 0) for i in range(3)]
    files[1].write_bytes(b"")
    with pytest.warns(PlayNanoWarning, match=rf"1 of 3 images cannot be used \({files[1].name}: "):
        movie = open_movie(tmp_path / "scan", None, allow_incomplete=True)
    assert np.isfinite(movie.read(0, 3)).all(axis=(1, 2)).tolist() == [True, False, True]
    assert np.isnan(movie.read(1, 2)).all()
    assert movie.frame_metadata[1] == {"file": files[1].name, "missing": True}


def test_an_image_whose_time_is_lost_is_left_out(tmp_path):
    """The text of an Igor wave is behind its pixels; without it an image has no place among the others."""
    files = [image(tmp_path / "scan", "ibw", f"{i}", 10 * i) for i in range(3)]
    files[1].write_bytes(files[1].read_bytes()[:-1])
    with pytest.warns(PlayNanoWarning, match=r"1\.ibw: the file is cut off.*its acquisition time is lost"):
        movie = open_movie(tmp_path / "scan", None, allow_incomplete=True)
    assert [frame["timestamp"] for frame in movie.frame_metadata] == [0.0, 20.0]
    assert np.isfinite(movie.read(0, 2)).all()


def test_a_gap_shorter_than_the_clock_stays(tmp_path):
    """Clocks of whole seconds are replaced by the frame time, a lost image counted."""
    for i in range(6):
        image(tmp_path / "scan", "nid", f"{i}", i)
    (tmp_path / "scan" / "2.nid").write_bytes(b"")
    with pytest.warns(PlayNanoWarning, match="1 of 6 images"):
        movie = open_movie(tmp_path / "scan", None, allow_incomplete=True)
    times = [frame["timestamp"] for frame in movie.frame_metadata]
    assert times == pytest.approx([0.0, 1.0, 3.0, 4.0, 5.0], abs=1e-6)
    assert times[1] == pytest.approx(0.99999999, abs=1e-9)  # 3 lines of 333.33333 ms


def test_an_aborted_image_does_not_refuse_its_folder(tmp_path):
    """Fewer lines than the others: left out; lines that are missing at the end of the file: NaN."""
    for i in range(4):
        image(tmp_path / "scan", "spm", f"{i}", 10 * i)
    aborted = {"Number of lines": 3, "Valid data len Y": 2, "Data length": 16}
    spm_file(tmp_path / "scan" / "1.spm", [aborted], [SPM_RAW[1:]], date="01:59:10 PM Fri Apr 25 2014")
    last = tmp_path / "scan" / "3.spm"
    last.write_bytes(last.read_bytes()[:-8])
    with pytest.raises(
        FileFormatError, match=r"1 of 4 images cannot be used \(1\.spm: .*interrupted, 2 of 3"
    ):
        open_movie(tmp_path / "scan")
    with pytest.warns(PlayNanoWarning) as caught:
        stack = load_afm_stack(tmp_path / "scan", allow_incomplete=True)
    said = " ".join(str(one.message) for one in caught)
    assert "1.spm: the scan was interrupted, 2 of 3 lines exist" in said
    assert "3.spm: the file is cut off: 2 of 3 lines" in said
    assert stack.get_frame_times() == [0.0, 20.0, 30.0]
    assert np.isfinite(stack.data).all(axis=2).tolist() == [[True] * 3, [True] * 3, [False, True, True]]


def test_files_of_several_frames_are_no_images(tmp_path):
    image(tmp_path / "scan", "aris", "a", 0)
    aris_file(tmp_path / "scan" / "b.aris")
    with pytest.raises(FileFormatError, match=r"b\.aris is a movie of 3 frames, not an image; open it by"):
        open_movie(tmp_path / "scan", None)


def rewrite(path, name, written, axis=0, n_frames=None):
    """Store a dataset anew with only some frames written; the length stays, or becomes another."""
    with h5py.File(path, "r+") as file:
        old, attributes = file[name][()], dict(file[name].attrs)
        shape = list(old.shape)
        shape[axis] = n_frames or shape[axis]
        chunks = [1 if k == axis else size for k, size in enumerate(shape)]
        del file[name]
        new = file.create_dataset(name, shape, old.dtype, chunks=tuple(chunks))
        new.attrs.update(attributes)
        for frame in written:
            index = tuple(frame if k == axis else slice(None) for k in range(len(shape)))
            new[index] = old[index]
    return path


def h5_jpk(path, written):
    channels = [("height", b"false", VOLTS_TO_NM, raw_frames(6))]
    return rewrite(
        h5_jpk_file(path, channels, n_frames=6), "Measurement_000/Channel_000/Data", written, axis=1
    )


def bundle(path, written, stack):
    return rewrite(write_bundle(stack, path), "stack/data", written)


def zarr_store(path, written, stack, monkeypatch):
    pytest.importorskip("zarr")
    monkeypatch.setattr("playNano.io.export.ome_zarr._STORED_BYTES", 1)
    write_ome_zarr(stack, path)
    for i in set(range(6)) - set(written):
        shutil.rmtree(path / "0" / "c" / str(i))
    return path


@pytest.fixture
def unwritten(tmp_path, make_stack, monkeypatch):
    def make(name, written):
        stack = make_stack(np.random.default_rng(0).normal(5.0, 1.0, (6, 4, 5)).astype(np.float32))
        builders = {
            "h5-jpk": lambda: h5_jpk(tmp_path / "a.h5-jpk", written),
            "bundle": lambda: bundle(tmp_path / "a.h5", written, stack),
            "ome-zarr": lambda: zarr_store(tmp_path / "a.ome.zarr", written, stack, monkeypatch),
            "aris": lambda: aris_file(tmp_path / "a.aris", written, planned=6, times=np.arange(6.0)),
        }
        return builders[name]()

    return make


@pytest.mark.parametrize("name", ["h5-jpk", "bundle", "ome-zarr", "aris"])
@pytest.mark.parametrize(("written", "length"), [((0, 1, 2, 3), 4), ((0, 2, 3), 4), ((0, 1, 2, 4, 5), 6)])
@pytest.mark.parametrize("lazy", [False, True])
def test_frames_that_were_never_written(unwritten, name, written, length, lazy):
    """They are no flat frames: the movie ends at the last frame, and those before it that are missing are NaN."""
    path = unwritten(name, written)
    count = rf"{len(written)} of 6 frames .*were written|{len(written)} of 6 frames were written"
    with pytest.raises(FileFormatError, match=rf"{path.name}: ({count}).*allow_incomplete=True"):
        load_afm_stack(path)
    with pytest.warns(PlayNanoWarning, match=count):
        stack = load_afm_stack(path, allow_incomplete=True, lazy=lazy)
    assert f"{len(written)} of 6" in stack.provenance["warnings"][0]
    data = np.asarray(stack.data)
    assert len(data) == length
    there = np.isfinite(data).all(axis=(1, 2))
    assert tuple(np.flatnonzero(there)) == written
    assert np.isnan(data[~there]).all()
    assert (np.ptp(data[there], axis=(1, 2)) > 0).all()
    assert len(stack.frame_metadata) == length


@pytest.mark.parametrize("name", ["h5-jpk", "bundle", "ome-zarr", "aris"])
def test_no_frame_at_all(unwritten, name):
    path = unwritten(name, ())
    with pytest.raises(FileFormatError, match=r"a\..*(0 of 6 frames|none of 6 frames|is missing)"):
        load_afm_stack(path, allow_incomplete=True)


def test_stored_frames_of_any_chunks(tmp_path):
    """The list of chunks tells which frames are whole, for chunks of any shape."""
    rng = np.random.default_rng(1)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for n, chunks in enumerate([(1, 4, 4), (3, 4, 4), (2, 2, 4), (5, 3, 1), (7, 4, 4)]):
            data = file.create_dataset(f"d{n}", (7, 4, 4), "f4", chunks=chunks, fillvalue=np.nan)
            frames = rng.permutation(7)[:3]
            for frame in frames:
                data[frame] = 1.0
            # A chunk that holds one frame that was written was stored as a whole.
            starts = {frame // chunks[0] for frame in frames.tolist()}
            assert [*stored_frames(data)] == [i for i in range(7) if i // chunks[0] in starts]
        part = file.create_dataset("part", (2, 4, 4), "f4", chunks=(1, 2, 4))
        part[0], part[1, :2] = 1.0, 1.0
        assert [*stored_frames(part)] == [0]
        assert [*stored_frames(file.create_dataset("empty", (3, 2, 2), "f4"))] == []
        assert [*stored_frames(file.create_dataset("whole", data=np.zeros((3, 2, 2))))] == [0, 1, 2]
        assert [*stored_frames(file.create_dataset("huge", (2**40, 9), "f4", chunks=(1, 9)))] == []


def test_a_snapshot_that_was_not_written(tmp_path, make_stack):
    stack = make_stack()
    stack.apply(["remove_plane"])
    path = rewrite(write_bundle(stack, tmp_path / "a.h5"), "stack/processed/raw", (0,))
    with pytest.raises(FileFormatError, match=r"1 of \d+ frames of processed/raw were written"):
        load_afm_stack(path)
    with pytest.warns(PlayNanoWarning, match="steps, masks and results are not read"):
        back = load_afm_stack(path, allow_incomplete=True)
    np.testing.assert_array_equal(back.data, stack.data)


def test_lines_of_a_nanosurf_file_that_were_not_written(tmp_path):
    path = nhf_file(tmp_path / "a.nhf", [{}, {"created": "2023-07-18T15:26:39Z"}])
    whole = open_movie(path).read(0, 2)
    with h5py.File(path, "r+") as file:
        old = file["measurement_1/segment_0/dataset_0"]
        raw, attributes = old[()], dict(old.attrs)
        del file["measurement_1/segment_0/dataset_0"]
        new = file["measurement_1/segment_0"].create_dataset("dataset_0", (12,), raw.dtype, chunks=(4,))
        new.attrs.update(attributes)
        new[:8] = raw[:8]
    with pytest.raises(FileFormatError, match=r"2 of 3 lines of Image 2 were written.*allow_incomplete"):
        open_movie(path)
    with pytest.warns(PlayNanoWarning, match="2 of 3 lines of Image 2 were written"):
        values = open_movie(path, allow_incomplete=True).read(0, 2)
    whole[1, 0] = np.nan  # the line that is stored last is the top one
    np.testing.assert_array_equal(values, whole)


def test_measurements_of_a_jpk_file_go_by_their_times(tmp_path):
    """The name decides nothing; one measurement that broke off keeps its place in time."""
    path = tmp_path / "a.h5-jpk"
    first, second = raw_frames(2, seed=1), raw_frames(3, seed=2)
    with h5py.File(path, "w") as file:
        file.attrs["file-format-info"] = b"JPK SCAN"
        for number, raw, start_ms in ((0, second, 1_700_000_010_000), (1, first, 1_700_000_000_000)):
            channels = [("height", b"false", {}, raw)]
            add_measurement(file, f"Measurement_{number:03d}", channels, start_ms, len(raw))
    rewrite(path, "Measurement_001/Channel_000/Data", (0,), axis=1)
    with pytest.warns(PlayNanoWarning):
        movie = open_movie(path, allow_incomplete=True)
    assert "1 of 2 frames of channel height_trace of Measurement_001" in movie.warnings[0]
    times = [frame["timestamp"] for frame in movie.frame_metadata]
    assert times == pytest.approx([0.0, 10.0, 10.25, 10.5])
    np.testing.assert_array_equal(movie.read(0, 4), np.concatenate([first[:1], second])[:, ::-1])


@pytest.mark.parametrize("form", ["zarr", "bundle"])
@pytest.mark.parametrize("lazy", [False, True])
def test_a_written_movie_keeps_its_warnings(tmp_path, form, lazy, make_stack, recwarn):
    path = DATA / "cases" / "cut.asd"
    if not path.exists():
        pytest.skip(f"no file at {path}; set PLAYNANO_TEST_DATA to the folder that holds it")
    stack = load_afm_stack(path, allow_incomplete=True)
    (warning,) = stack.provenance["warnings"]
    target = tmp_path / f"a.{form}"
    if form == "zarr":
        pytest.importorskip("zarr")
        write_ome_zarr(stack, target)
    else:
        write_bundle(stack, target)
    recwarn.clear()
    back = load_afm_stack(target, lazy=lazy)
    assert back.provenance["warnings"] == [warning]
    assert [str(one.message) for one in recwarn] == [warning]


def test_a_frame_of_zeros_is_stored(tmp_path, make_stack, monkeypatch):
    """Zarr may leave out chunks of the fill value; those of playNano's stores are all there."""
    pytest.importorskip("zarr")
    monkeypatch.setattr("playNano.io.export.ome_zarr._STORED_BYTES", 1)
    stack = make_stack(np.zeros((3, 4, 5), np.float32))
    write_ome_zarr(stack, tmp_path / "a.ome.zarr")
    np.testing.assert_array_equal(load_afm_stack(tmp_path / "a.ome.zarr").data, stack.data)


def test_the_option_on_the_command_line(tmp_path, capsys):
    path = image(tmp_path, "spm", "a", 1)
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(SystemExit) as stop:
        run(["info", str(path)])
    assert stop.value.code == 2
    assert "2 of 3 lines of channel Height exist" in capsys.readouterr().err
    with pytest.raises(SystemExit) as stop:
        run(["info", str(path), "--allow-incomplete"])
    assert stop.value.code == 0
    assert "2 of 3 lines of channel Height exist" in capsys.readouterr().out
