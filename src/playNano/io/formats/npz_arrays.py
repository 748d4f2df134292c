"""The arrays of `.npz` files, read strictly: nothing is believed, read or allocated beyond what the file can hold."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import numpy.typing as npt

from playNano.errors import FileFormatError

_SMALL = ("format", "version", "pixel_size_nm", "channel", "unit", "timestamps", "metadata")
"""The arrays that are read beside the pixels; others are left alone."""
_RELEASE_05 = {"data.npy", "frame_metadata_json.npy", "provenance_json.npy"}
# Deflate, the usual compression, packs at most about a thousand bytes into one.
_MAX_PACKING = 1100


def check_pixels(shape: tuple[int, ...], dtype: np.dtype[Any], path: Path) -> None:
    """Raise FileFormatError unless an array can be a movie or a frame.

    Parameters
    ----------
    shape
        Its shape.
    dtype
        Its type.
    path
        The file, for the message.
    """
    if dtype.hasobject:
        raise FileFormatError(
            f"{path}: the array contains Python objects, which are never loaded; save plain numbers"
        )
    if dtype.kind not in "biuf":
        raise FileFormatError(f"{path}: the array contains {dtype}, not real numbers")
    if len(shape) not in (2, 3) or 0 in shape:
        raise FileFormatError(
            f"{path}: the array has the shape {shape}; a movie is (frames, y, x), a frame (y, x)"
        )


def member_header(member: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Read the header of an array.

    Parameters
    ----------
    member
        The open member of the archive, at its begin.

    Returns
    -------
    shape : tuple of int
        Shape of the array.
    fortran : bool
        Whether the first axis varies fastest.
    dtype : numpy.dtype
        Type of its elements.
    """
    version = np.lib.format.read_magic(cast("BinaryIO", member))
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    return read(cast("BinaryIO", member))


def npz_members(path: Path) -> tuple[tuple[int, int, int], np.dtype[Any], dict[str, Any]]:
    """Read all arrays of a file that playNano uses, except the pixels.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    shape : tuple of int
        (n_frames, height, width).
    dtype : numpy.dtype
        Type of the stored pixels.
    arrays : dict
        The other arrays by name.

    Raises
    ------
    FileFormatError
        There are no pixels, or an array is longer than the file can hold, or contains Python objects.
    """
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        if "data.npy" not in names:
            raise FileFormatError(
                f"{path}: the file has no array 'data'; it has {', '.join(names) or 'nothing'}"
            )
        if set(names) >= _RELEASE_05:
            raise FileFormatError(
                f"{path}: playNano 0.5 wrote the file as pickled Python objects, which are never loaded; "
                "export the movie again from that release as .h5 or .ome.tif"
            )
        with archive.open("data.npy") as member:
            shape, _, dtype = member_header(member)
            check_pixels(shape, dtype, path)
            _check_member(archive, "data.npy", shape, dtype, path)
        small = {
            name: _small_array(archive, f"{name}.npy", path) for name in _SMALL if f"{name}.npy" in names
        }
    full = shape if len(shape) == 3 else (1, *shape)
    return cast("tuple[int, int, int]", full), dtype, small


def _check_member(
    archive: zipfile.ZipFile, name: str, shape: tuple[int, ...], dtype: np.dtype[Any], path: Path
) -> None:
    """Raise FileFormatError unless a member can hold the array that its header states."""
    info = archive.getinfo(name)
    stated = math.prod(shape) * dtype.itemsize
    there = info.file_size if info.compress_type == zipfile.ZIP_STORED else path.stat().st_size * _MAX_PACKING
    if stated > min(info.file_size, there):
        raise FileFormatError(
            f"{path}: the array {name.removesuffix('.npy')!r} has {stated} bytes, of which the file has "
            f"{info.file_size}; it is cut off"
        )


def _small_array(archive: zipfile.ZipFile, name: str, path: Path) -> npt.NDArray[Any]:
    """Return an array other than the pixels."""
    with archive.open(name) as member:
        shape, fortran, dtype = member_header(member)
        _check_member(archive, name, shape, dtype, path)
        if dtype.hasobject:
            raise FileFormatError(
                f"{path}: the array {name.removesuffix('.npy')!r} contains Python objects, which are never loaded"
            )
        count = math.prod(shape)
        data = member.read(count * dtype.itemsize)
        array = np.frombuffer(data, dtype, count=count) if data else np.empty(count, dtype)
        # The sum of the member is compared at its end.
        member.read(1)
        return array.reshape(shape[::-1]).T if fortran else array.reshape(shape)
