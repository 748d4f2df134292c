"""Write `.npz` (a stack with its metadata) and `.npy` files (pixels only), block by block."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import numpy.typing as npt

from playNano.core.files import atomic_write
from playNano.core.lazy import FrameArray
from playNano.core.serialize import json_safe
from playNano.core.stack import Stack
from playNano.errors import FileFormatError
from playNano.io.formats.numpy_files import NPZ_FORMAT, NPZ_VERSION


def write_npz(stack: Stack, path: str | Path) -> Path:
    """Write pixels and metadata of a stack to an `.npz` file of numpy, atomically.

    Parameters
    ----------
    stack
        The movie; its current `data`, pixel size, channel, unit, times, metadata, list of processing steps and
        warnings are written; masks and results are not (see `playNano.io.export.bundle.write_bundle`).
    path
        The file; its folder is created if necessary. An existing file is replaced.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    FileFormatError
        The metadata contain a value that JSON cannot represent.
    OSError
        If the file cannot be written; an existing file is left unchanged.
    """
    target = Path(path)
    rest = {
        "frame_metadata": stack.frame_metadata,
        "scan": None if stack.scan is None else stack.scan.to_dict(),
        "header": stack.metadata,
        "processing": stack.provenance["processing"]["steps"],
        "warnings": stack.provenance["warnings"],
        "file_path": str(stack.file_path),
    }
    try:
        text = json.dumps(json_safe(rest))
    except (TypeError, ValueError) as error:
        raise FileFormatError(f"{target}: the stack's metadata cannot be written as JSON: {error}") from error
    members = {
        "format": np.array(NPZ_FORMAT),
        "version": np.array(NPZ_VERSION),
        "pixel_size_nm": np.array(stack.pixel_size_yx_nm, dtype=np.float64),
        "channel": np.array(str(stack.channel)),
        "unit": np.array(str(stack.unit)),
        "metadata": np.array(text),
    }
    stamps = [frame.get("timestamp") for frame in stack.frame_metadata]
    if stamps and all(isinstance(stamp, int | float) for stamp in stamps):
        members["timestamps"] = np.array(stamps, dtype=np.float64)
    with atomic_write(target) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, array in members.items():
            with archive.open(f"{name}.npy", "w") as member:
                np.lib.format.write_array(cast("BinaryIO", member), array, allow_pickle=False)
        with archive.open("data.npy", "w", force_zip64=True) as member:
            _write_frames(stack.data, cast("BinaryIO", member))
    return target


def write_npy(stack: Stack, path: str | Path) -> Path:
    """Write the pixels of a stack to an `.npy` file of numpy, atomically.

    Parameters
    ----------
    stack
        The movie; only its current `data` are written.
    path
        The file; its folder is created if necessary. An existing file is replaced.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    OSError
        If the file cannot be written; an existing file is left unchanged.
    """
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        _write_frames(stack.data, file)
    return Path(path)


def _write_frames(data: Any, file: BinaryIO) -> None:
    """Write an array in numpy's format, frames block by block."""
    header = {"descr": np.lib.format.dtype_to_descr(data.dtype), "fortran_order": False, "shape": data.shape}
    np.lib.format.write_array_header_1_0(file, header)
    for block in frames_in_order(data):
        file.write(np.ascontiguousarray(block).tobytes())


def frames_in_order(data: Any) -> Iterator[npt.NDArray[Any]]:
    """Yield the frames of a movie in blocks, in order.

    Parameters
    ----------
    data
        A numpy or Dask array (n_frames, height, width); of a lazy movie a few blocks at a time are in memory.

    Yields
    ------
    ndarray
        (n, height, width).

    Examples
    --------
    >>> [block.shape for block in frames_in_order(np.zeros((3, 2, 2)))]
    [(3, 2, 2)]
    """
    if isinstance(data, np.ndarray):
        step = max(1, _BLOCK_BYTES // max(1, data[:1].nbytes))
        for start in range(0, len(data), step):
            yield data[start : start + step]
        return
    for _, _, frames in FrameArray.of(data).parts():
        yield from frames_in_order(np.asarray(frames))


_BLOCK_BYTES = 16 * 2**20
