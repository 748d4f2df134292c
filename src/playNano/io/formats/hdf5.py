"""Open HDF5 files, with error messages that name the file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from playNano.errors import FileFormatError
from playNano.io.formats.hdf5_walk import check_objects

if TYPE_CHECKING:
    import h5py

SIGNATURE = b"\x89HDF\r\n\x1a\n"


@contextmanager
def opened(path: Path) -> Iterator[h5py.File]:
    """Open an HDF5 file for reading.

    Parameters
    ----------
    path
        The file.

    Yields
    ------
    h5py.File
        The file, closed at the end of the context.

    Raises
    ------
    FileFormatError
        The file, or a part of it that is read inside the context, is damaged or not of the expected form, or refers
        to another file.
    """
    import h5py

    try:
        with h5py.File(path, "r") as file:
            check_objects(file, Path(path))
            yield file
    except (FileNotFoundError, PermissionError):
        raise
    except OSError as error:
        raise FileFormatError(f"{path}: the HDF5 file cannot be read: {error}") from error
