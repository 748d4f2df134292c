"""Parts of HDF5 files that are checked before they are used."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from playNano.errors import FileFormatError, PlayNanoError
from playNano.io.formats.hdf5 import opened

if TYPE_CHECKING:
    import h5py

# Deflate, the best of the common filters, packs at most about a thousand bytes into one.
_MAX_PACKING = 1100
_DAMAGE = (KeyError, RuntimeError, TypeError, ValueError, AttributeError, IndexError, OverflowError)


@contextmanager
def checked_file(path: Path) -> Iterator[h5py.File]:
    """Open an HDF5 file; whatever is missing or of a wrong kind within it is an error that names the file.

    Parameters
    ----------
    path
        The file.

    Yields
    ------
    h5py.File
        Closed again when the block ends.

    Raises
    ------
    FileFormatError
        The file, or a part of it that is read within the block, is foreign or damaged.
    """
    try:
        with opened(path) as file:
            yield file
    except PlayNanoError:
        raise
    except _DAMAGE as error:
        raise FileFormatError(f"{path}: a part of the HDF5 file is missing or damaged: {error}") from error


def attribute(node: Any, name: str, default: Any = None) -> Any:
    """Return an attribute as a plain value.

    Parameters
    ----------
    node
        A group or dataset.
    name
        Name of the attribute.
    default
        What is returned where there is none.

    Returns
    -------
    object
        Text, a number, or a list of these.
    """
    value = node.attrs.get(name)
    if value is None:
        return default
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


def check_numbers(dataset: Any, path: Path) -> None:
    """Raise FileFormatError unless an object is a dataset of real numbers.

    Parameters
    ----------
    dataset
        The object.
    path
        The file, for the message.
    """
    kind = getattr(dataset, "dtype", None)
    if kind is None or kind.kind not in "iuf":
        raise FileFormatError(f"{path}: {dataset.name} has no real numbers, but {kind or 'members'}")


def first_numbers(dataset: Any, count: int, path: Path) -> Any:
    """Return the first numbers of a dataset; no more is read.

    Parameters
    ----------
    dataset
        One number a row.
    count
        How many are needed.
    path
        The file, for the message.

    Returns
    -------
    numpy.ndarray
        `count` numbers, or as many as there are.

    Raises
    ------
    FileFormatError
        It is no dataset of real numbers, one a row.
    """
    check_numbers(dataset, path)
    shape = dataset.shape
    if not shape or any(n != 1 for n in shape[1:]):
        raise FileFormatError(f"{path}: {dataset.name} is no list of numbers; it has the shape {shape}")
    return dataset[:count].ravel()


def stored_frames(dataset: Any, axis: int = 0) -> Sequence[int]:
    """Return the frames of a dataset all of whose pixels were written.

    A dataset has its full size from the start; HDF5 returns the same fill value for all pixels that were never
    written. Only the list of its chunks is read, and no pixel.

    Parameters
    ----------
    dataset
        A dataset of numbers.
    axis
        The axis of the frames.

    Returns
    -------
    sequence of int
        Their numbers, in increasing order.
    """
    n_frames = dataset.shape[axis]
    if dataset.chunks is None:
        # In one piece; a virtual dataset has its pixels elsewhere.
        written = dataset.is_virtual or dataset.size == 0 or dataset.id.get_storage_size() > 0
        return range(n_frames if written else 0)
    blocks = [math.ceil(size / chunk) for size, chunk in zip(dataset.shape, dataset.chunks, strict=True)]
    if dataset.id.get_num_chunks() >= math.prod(blocks):
        return range(n_frames)
    counts: Counter[int] = Counter()
    step = dataset.chunks[axis]

    def note(chunk: Any) -> None:
        counts[chunk.chunk_offset[axis] // step] += 1

    dataset.id.chunk_iter(note)
    needed = math.prod(blocks) // blocks[axis]
    whole = sorted(block for block, count in counts.items() if count >= needed)
    return [frame for block in whole for frame in range(block * step, min(n_frames, (block + 1) * step))]


def check_stored(dataset: Any, shape: tuple[int, ...], path: Path, *, whole: bool = True) -> None:
    """Raise FileFormatError unless an object is a dataset of numbers that the file can hold.

    Parameters
    ----------
    dataset
        The object.
    shape
        The shape that it should have.
    path
        The file, for the message.
    whole
        Whether all numbers should be stored; if not, the whole file is taken as their storage.
    """
    if getattr(dataset, "shape", None) != shape or dataset.dtype.kind not in "iuf":
        raise FileFormatError(
            f"{path}: {dataset.name} is no array of {' x '.join(map(str, shape))} numbers; it has the shape "
            f"{getattr(dataset, 'shape', None)}"
        )
    stored = int(dataset.id.get_storage_size()) if whole else path.stat().st_size
    if stored > path.stat().st_size or dataset.size * dataset.dtype.itemsize > _MAX_PACKING * stored:
        raise FileFormatError(
            f"{path}: {dataset.name} has {shape} numbers, of which only {stored} bytes are stored"
        )
