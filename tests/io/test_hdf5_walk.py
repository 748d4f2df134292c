"""Links to other files, damaged texts and stated sizes are refused before the HDF5 library uses them."""

import struct

import h5py
import numpy as np
import pytest

from playNano.errors import FileFormatError
from playNano.io.formats import hdf5_walk
from playNano.io.formats.hdf5 import opened


def read_texts(path):
    """Return all texts of a file."""
    with opened(path) as file:
        texts = [file.attrs["title"]]
        file.visititems(lambda name, node: texts.append(node[()]) if isinstance(node, h5py.Dataset) else None)
        return texts


@pytest.fixture(params=["earliest", "latest"])
def text_file(tmp_path, request):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w", libver=request.param) as file:
        file.attrs["title"] = "a text"
        file.create_group("group").attrs["list"] = ["one", "two", "", "four"]
        file["group/text"] = "another text"
        file.create_dataset("group/many", data=np.array(["x", "yy"], dtype=object), dtype=h5py.string_dtype())
        file["group/empty"] = ""
        file["again"] = h5py.SoftLink("/group")
        file["group/circle"] = file["group"]
        for i in range(40):  # the header goes on in another block
            file["group"].attrs[f"number {i}"] = np.arange(i)
    return path


def test_a_whole_file_is_read(text_file):
    texts = read_texts(text_file)
    assert texts[0] == "a text"
    assert any(isinstance(text, bytes) and text == b"another text" for text in texts)


def test_every_text_is_checked(text_file, monkeypatch):
    """The walk meets the texts of attributes and datasets that h5py reads."""
    met = []
    real = hdf5_walk._Objects._check_references

    def check(self, kind, data, what):
        if hdf5_walk._is_variable(kind):
            met.append((what, len(data) // 16))
        real(self, kind, data, what)

    monkeypatch.setattr(hdf5_walk._Objects, "_check_references", check)
    hdf5_walk._walked.clear()
    read_texts(text_file)
    with h5py.File(text_file) as file:
        latest = file.id.get_create_plist().get_version()[0] > 0
    expected = [
        ("the attribute 'title' of '/'", 1),
        ("the dataset 'group/many'", 2),
        ("the dataset 'group/text'", 1),
    ]
    if not latest:  # many attributes of the newer form are kept elsewhere
        expected.append(("the attribute 'list' of 'group'", 4))
    assert set(expected) <= set(met)


def test_long_texts(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.attrs["title"] = "a text"
        for i in range(3):
            file[f"long {i}"] = "x" * (10**5 * i + 1000)
    assert [len(text) for text in read_texts(path)] == [6, 1000, 101000, 201000]
    data = bytearray(path.read_bytes())
    heap = data.index(b"x" * 201000) - 32
    assert data[heap : heap + 4] == b"GCOL"
    struct.pack_into("<Q", data, heap + 24, 2**64 - 16)
    path.write_bytes(data)
    with pytest.raises(FileFormatError, match=r"a\.h5: the heap of texts at byte \d+ is damaged"):
        read_texts(path)


def test_an_object_of_a_heap_that_leads_nowhere(text_file):
    """The library takes an endless loop from an object of no bytes."""
    data = bytearray(text_file.read_bytes())
    heap = data.index(b"GCOL")
    size = struct.unpack_from("<Q", data, heap + 8)[0]
    # The last object is the free space: number 0.
    at = heap + 16
    while struct.unpack_from("<H", data, at)[0]:
        at += 16 + (struct.unpack_from("<Q", data, at + 8)[0] + 7) // 8 * 8
    assert at < heap + size
    struct.pack_into("<Q", data, at + 8, 0)
    text_file.write_bytes(data)
    with pytest.raises(FileFormatError, match=r"a\.h5: the heap of texts at byte \d+ is damaged"):
        read_texts(text_file)


@pytest.mark.parametrize("length", [7, 2**31, 2**32 - 1])
def test_a_text_that_is_too_long(text_file, length):
    data = bytearray(text_file.read_bytes())
    heap = data.index(b"GCOL")
    reference = data.index(struct.pack("<IQI", 6, heap, 1))
    struct.pack_into("<I", data, reference, length)
    text_file.write_bytes(data)
    if b"OHDR" in data:  # has a sum, which the library compares
        with pytest.raises(RuntimeError, match="checksum"):
            read_texts(text_file)
        return
    with pytest.raises(
        FileFormatError, match=rf"'title' of '/' is damaged: {length} bytes are stated, and 6"
    ):
        read_texts(text_file)


def test_a_text_of_an_unknown_type(tmp_path):
    """The library crashes when it reads one."""
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.attrs["title"] = "a text"
    data = bytearray(path.read_bytes())
    data[data.index(struct.pack("<BBHI", 0x19, 1, 1, 16)) + 1] = 0xFE
    path.write_bytes(data)
    with pytest.raises(FileFormatError, match="'title' of '/' is damaged: it is of an unknown type"):
        read_texts(path)


def external_link(file):
    file["stack/data"] = h5py.ExternalLink("../other.h5", "/data")


def external_storage(file):
    file.create_dataset("stack/data", (3, 4), "f4", external=[("/etc/hostname", 0, h5py.h5f.UNLIMITED)])


def virtual(file):
    layout = h5py.VirtualLayout(shape=(3, 4), dtype="f4")
    layout[...] = h5py.VirtualSource("other.h5", "data", shape=(3, 4))
    file.create_virtual_dataset("stack/data", layout)


@pytest.mark.parametrize("libver", ["earliest", "latest"])
@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (external_link, r"the link 'stack/data' leads to another file"),
        (external_storage, r"the dataset 'stack/data' is stored in another file"),
        (virtual, r"the dataset 'stack/data' is made of other datasets"),
    ],
)
def test_other_files_are_not_opened(tmp_path, make, reason, libver):
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["data"] = np.zeros((3, 4), "f4")
    (tmp_path / "folder").mkdir()
    path = tmp_path / "folder" / "a.h5"
    with h5py.File(path, "w", libver=libver) as file:
        file.attrs["title"] = "a text"
        make(file)
    with pytest.raises(FileFormatError, match=rf"a\.h5: {reason}") as error:
        read_texts(path)
    assert "\n" not in str(error.value)


def test_a_dataset_that_the_file_cannot_hold(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.attrs["title"] = "a text"
        file.create_dataset("small", (1000, 1000), "f4", chunks=(10, 10))
    with opened(path) as file:
        assert file["small"].shape == (1000, 1000)
    with h5py.File(path, "a") as file:
        file.create_dataset("large", (2**20, 2**20), "f4", chunks=(10, 10))
    with pytest.raises(FileFormatError, match=r"a\.h5: the dataset 'large' has 4398046511104 bytes"):
        read_texts(path)


def test_a_user_block_before_the_file(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w", userblock_size=1024) as file:
        file.attrs["title"] = "a text"
        file["text"] = "another text"
    assert read_texts(path) == ["a text", b"another text"]


def test_a_file_is_walked_once(text_file, monkeypatch):
    walks = []
    walk = hdf5_walk._walk
    monkeypatch.setattr(hdf5_walk, "_walk", lambda file, path: walks.append(path) or walk(file, path))
    hdf5_walk._walked.clear()
    for _ in range(3):
        read_texts(text_file)
    assert walks == [text_file]
    with h5py.File(text_file, "a") as file:
        file["new"] = h5py.ExternalLink("other.h5", "/data")
    with pytest.raises(FileFormatError, match="'new' leads to another file"):
        read_texts(text_file)
