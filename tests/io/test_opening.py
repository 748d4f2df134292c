"""Opening a movie reads its headers, not its pixels."""

import os
from pathlib import Path

import numpy as np
import pytest
import tifffile
from tests.io.test_asd import full_range
from tests.io.test_asd import write as asd_file
from tests.io.test_spm import write as spm_file

from playNano.io.formats import asd, spm
from playNano.io.loader import open_movie

IO = Path("/proc/self/io")
MEGABYTE = 2**20


def bytes_read():
    return int(IO.read_text().split()[1])


@pytest.mark.skipif(not IO.exists(), reason="the system does not count the bytes that are read")
@pytest.mark.parametrize("kind", ["spm", "folder", "bigtiff", "npy"])
def test_a_large_file_is_not_read(tmp_path, kind):
    side, options = 2048, {}
    path = tmp_path / f"a.{kind}"
    if kind in ("spm", "folder"):
        image = {"Samps/line": side, "Number of lines": side, "Data length": 2 * side * side}
        path = spm_file(tmp_path / "a.spm", [image])
        os.truncate(path, 2 * side * side + MEGABYTE)
        path = tmp_path if kind == "folder" else path
    elif kind == "bigtiff":
        options = {"pixel_size_nm": 2.0}
        with tifffile.TiffWriter(path, bigtiff=True) as tiff:
            for _ in range(50):
                tiff.write(shape=(256, 256), dtype=np.float32, contiguous=False, metadata=None)
    else:
        options = {"pixel_size_nm": 2.0}
        np.lib.format.open_memmap(path, "w+", np.float32, (16, 1024, 1024)).flush()
    open_movie(path, None, **options)  # what is imported does not count
    before = bytes_read()
    open_movie(path, None, **options)
    assert bytes_read() - before < MEGABYTE / 8


@pytest.mark.parametrize("size", [1, 7, 13, 14, 4096])
def test_the_end_of_a_header_lies_anywhere_in_a_piece(tmp_path, monkeypatch, size):
    path = spm_file(tmp_path / "a.spm")
    expected = open_movie(path, None).read(0, 1)
    monkeypatch.setattr(spm, "_PIECE_BYTES", size)
    np.testing.assert_array_equal(open_movie(path, None).read(0, 1), expected)


def test_headers_of_asd_frames_are_read_without_the_pixels(tmp_path, monkeypatch):
    """A memory map loads the pixels around each header."""
    path = asd_file(tmp_path / "a.asd", full_range(0x2))
    monkeypatch.setattr(asd.AsdFrames, "_map", None)
    numbers = [entry["frame_number"] for entry in open_movie(path).frame_metadata]
    assert numbers == list(range(1, len(numbers) + 1))
