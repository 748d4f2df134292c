"""Damaged files: one error of one line that names the file and the reason, and nothing believed that cannot be."""

import io
import json
import os
import struct
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from tests.conftest import stack_of
from tests.io.test_jpk_h5 import write as h5_jpk_file
from tests.io.test_jpk_tiff import write as jpk_file
from tests.io.test_single_images import ibw_file
from tests.io.test_spm import write as spm_file

from playNano.errors import FileFormatError, RecordError
from playNano.io.export.bundle import write_bundle
from playNano.io.export.numpy_files import write_npz
from playNano.io.loader import load_afm_stack


def refused(path, reason, **options):
    """Check the error of a damaged file."""
    for lazy in (False, True):
        with pytest.raises(FileFormatError, match=reason) as caught:
            np.asarray(load_afm_stack(path, lazy=lazy, **options).data)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)


def stored(value):
    buffer = io.BytesIO()
    np.save(buffer, value)
    return buffer.getvalue()


@pytest.fixture
def npz(tmp_path):
    """Return a function that writes an archive with other members; None leaves one out."""
    write_npz(stack_of(np.random.default_rng(0).random((4, 24, 32)).astype("f4")), tmp_path / "whole.npz")
    with zipfile.ZipFile(tmp_path / "whole.npz") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}

    def write(**change):
        new = members | {f"{name}.npy": content for name, content in change.items()}
        with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
            for name, content in new.items():
                if content is not None:
                    archive.writestr(name, content(members[name]) if callable(content) else content)
        return tmp_path / "a.npz"

    return write


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            {"data": lambda content: content[:6000]},
            "'data' has 12288 bytes, of which the file has 6000; it is cut off",
        ),
        ({"version": None}, "version is None"),
        ({"version": stored("x")}, "version is 'x'"),
        ({"metadata": stored(json.dumps({"scan": {"bogus": 1}}))}, "bogus"),
        (
            {"metadata": stored(json.dumps({"frame_metadata": [{}, {}]}))},
            "2 entries of frame_metadata for 4 frames",
        ),
        ({"timestamps": stored("x")}, "timestamps are <U1, no numbers"),
        ({"timestamps": stored([0.0, np.inf, 1.0, 2.0])}, "time of frame 1 is inf"),
    ],
)
def test_archives_of_arrays(npz, change, reason):
    refused(npz(**change), reason)


@pytest.mark.parametrize(("field", "value", "reason"), [(8, 1, "encrypted"), (10, 9, "compression method")])
def test_archives_that_zip_does_not_read(npz, field, value, reason):
    path = npz()
    data = bytearray(path.read_bytes())
    data[data.find(b"PK\1\2") + field] = value
    path.write_bytes(data)
    refused(path, reason)


@pytest.mark.parametrize("at", [10, 3000, -100])
def test_a_flipped_byte_in_an_archive(npz, at):
    path = npz()
    data = bytearray(path.read_bytes())
    begin = data.find(b"data.npy") + 8
    data[begin + 128 + at % 12288] ^= 255
    path.write_bytes(data)
    refused(path, "BadZipFile: Bad CRC-32")


def test_members_that_are_not_used_are_not_read(npz):
    assert load_afm_stack(npz(unused=b"no array at all", notes=None)).n_frames == 4


def test_a_bracket_in_the_header_of_an_array(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((4, 24, 32), "f4"))
    path = tmp_path / "a.npy"
    path.write_bytes(path.read_bytes().replace(b"}", b" ", 1))
    refused(path, "cannot be read", pixel_size_nm=1.0)


def tags(data):
    """Yield position and code of every tag of a TIFF file in little-endian order."""
    (at,) = struct.unpack_from("<I", data, 4)
    while at:
        (count,) = struct.unpack_from("<H", data, at)
        for i in range(count):
            yield at + 2 + 12 * i, *struct.unpack_from("<H", data, at + 2 + 12 * i)
        (at,) = struct.unpack_from("<I", data, at + 2 + 12 * count)


@pytest.mark.parametrize(
    ("code", "entry", "reason"),
    [
        (256, (4, 2**32 - 1, 8), "cut off"),
        (257, (4, 2, 8), "jpk"),
        (0x8042, (5, 1, 8), "jpk"),
        (0x8080, (4, 1, 2**32 - 2), "no calibration slot"),
        (279, (4, 1, 2**31), "cut off"),
    ],
)
def test_tags_are_not_believed(tmp_path, code, entry, reason):
    """Without a limit the number of slots is counted up for minutes."""
    path = jpk_file(tmp_path / "a.jpk")
    data = bytearray(path.read_bytes())
    for at, there in list(tags(data)):
        if there == code:
            struct.pack_into("<HII", data, at + 2, *entry)
        if code == 0x8080 and there == 0x8081:  # the default slot is not there either
            struct.pack_into("<HI4s", data, at + 2, 2, 3, b"zz\0\0")
    path.write_bytes(data)
    refused(path, reason)


@pytest.mark.parametrize("key", [b"Number of lines: ", b"Samps/line: ", b"Data length: "])
def test_text_in_the_place_of_a_number(tmp_path, key):
    path = spm_file(tmp_path / "a.001")
    data = path.read_bytes()
    at = data.index(key, data.index(b"\\*Ciao image list")) + len(key)
    end = data.index(b"\r\n", at)
    path.write_bytes(data[:at] + b"nan"[: end - at].ljust(end - at) + data[end:])
    refused(path, r"a\.001: ")


@pytest.mark.parametrize(("at", "value"), [(8, -(2**31)), (12, -2), (16, -1)])
def test_negative_lengths(tmp_path, at, value):
    path = ibw_file(tmp_path / "a.ibw")
    data = bytearray(path.read_bytes())
    struct.pack_into("<i", data, at, value)
    path.write_bytes(data)
    refused(path, "negative length")


def link_to_itself(file):
    del file["Measurement_000/Channel_000"]
    file["Measurement_000/Channel_000"] = h5py.SoftLink("/Measurement_000/Channel_000")


def link_to_nothing(file):
    del file["Measurement_000/Channel_000"]
    file["Measurement_000/Channel_000"] = h5py.SoftLink("/nothing")


def link_to_another_file(file):
    del file["Measurement_000/Channel_000"]
    file["Measurement_000/Channel_000"] = h5py.ExternalLink("../other.h5-jpk", "/Measurement_000/Channel_000")


def empty_times(file):
    del file["Measurement_000/meta-data/end-times"]
    file["Measurement_000/meta-data/end-times"] = h5py.Empty("i8")


def complex_pixels(file):
    group = file["Measurement_000/Channel_000"]
    name = next(name for name in group if group[name].ndim == 2 and name != "thumbnail")
    pixels = group[name][()]
    del group[name]
    group[name] = pixels.astype("c8")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (link_to_itself, "too many links"),
        (link_to_nothing, "component not found|doesn't exist|KeyError"),
        (link_to_another_file, "the link 'Measurement_000/Channel_000' leads to another file"),
        (empty_times, "no list of numbers"),
        (complex_pixels, "no real numbers"),
    ],
)
def test_hdf5_files(tmp_path, change, reason):
    path = h5_jpk_file(tmp_path / "a.h5-jpk")
    with h5py.File(path, "a") as file:
        change(file)
    refused(path, reason)


@pytest.fixture
def bundle(tmp_path):
    stack = stack_of()
    stack.apply(["zero_mean"])
    return Path(write_bundle(stack, tmp_path / "a.h5"))


def test_a_group_in_itself(bundle):
    with h5py.File(bundle, "a") as file:
        file["stack/analysis/again"] = file["stack/analysis"]
    with pytest.raises(RecordError, match=r"a\.h5.*contains itself"):
        load_afm_stack(bundle)


def test_text_that_is_no_json(bundle):
    with h5py.File(bundle, "a") as file:
        del file["stack/provenance"]
        file["stack/provenance"] = "[1,2"
        file["stack/provenance"].attrs["kind"] = "text"
    refused(bundle, "JSONDecodeError|scalar dataset")


def test_objects_in_objects(tmp_path):
    inner = b""
    for _ in range(3000):
        inner = b"a\0oX\0" + struct.pack("<I", len(inner)) + inner
    (tmp_path / "a.gwy").write_bytes(b"GWYPC\0" + struct.pack("<I", len(inner)) + inner)
    refused(tmp_path / "a.gwy", "RecursionError")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system does not measure the memory of a process")
def test_no_memory_for_what_a_file_only_states(tmp_path, bundle):
    import resource

    path = h5_jpk_file(tmp_path / "a.h5-jpk")
    with h5py.File(path, "a") as file:
        del file["Measurement_000/meta-data/end-times"]
        file["Measurement_000/meta-data"].create_dataset("end-times", (2, 10**6), "f4", chunks=(2, 1))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused(path, "no list of numbers")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000
