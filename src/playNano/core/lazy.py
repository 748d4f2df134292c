"""Frames that are not in memory: Dask arrays, and frames that are computed when they are read."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from playNano.core.threads import default_workers, limit_native_threads, ordered_map

CHUNK_BYTES = 64 * 2**20
"""Size of one chunk of a lazy movie, bytes."""


def is_lazy(array: Any) -> bool:
    """Return whether an array is a Dask array (without importing Dask).

    Parameters
    ----------
    array
        Any object.

    Returns
    -------
    bool
        True for a Dask array.
    """
    return type(array).__module__.partition(".")[0] == "dask"


def frames_per_chunk(shape: tuple[int, ...], itemsize: int) -> int:
    """Return the number of frames in a chunk.

    Parameters
    ----------
    shape
        (n_frames, height, width).
    itemsize
        Bytes of a pixel.

    Returns
    -------
    int
        At least 1.

    Examples
    --------
    >>> frames_per_chunk((10_000, 512, 512), 4)
    64
    """
    return max(1, min(shape[0] or 1, CHUNK_BYTES // max(1, itemsize * int(np.prod(shape[1:])))))


def lazy_movie(read: Any, shape: tuple[int, ...], dtype: npt.DTypeLike) -> Any:
    """Return a Dask array whose chunks are decoded by a reader.

    Parameters
    ----------
    read
        An object that returns frames for ``read[start:stop]`` and has `shape`, `dtype` and `ndim`.
    shape, dtype
        Shape and dtype of the movie.
    """
    import dask.array

    chunks = (frames_per_chunk(shape, np.dtype(dtype).itemsize), *shape[1:])
    return dask.array.from_array(read, chunks=chunks, asarray=False, lock=False)


def whole_frames(array: Any) -> Any:
    """Rechunk a Dask array into chunks of whole frames, none much larger than `CHUNK_BYTES`.

    Parameters
    ----------
    array
        A Dask array (n_frames, height, width).

    Returns
    -------
    dask.array.Array
        The same array with other chunks.
    """
    fitting = frames_per_chunk(array.shape, array.dtype.itemsize)
    frames = array.chunks[0] if array.chunks[0] and max(array.chunks[0]) <= 2 * fitting else fitting
    chunks = {0: frames, 1: array.shape[1], 2: array.shape[2]}
    return array.rechunk(chunks)


def chunk_borders(array: Any) -> list[tuple[int, int]]:
    """Return (start, stop) of every chunk of frames.

    Parameters
    ----------
    array
        A Dask array (n_frames, height, width).

    Returns
    -------
    list of (int, int)
        In order.
    """
    stops = np.cumsum(array.chunks[0]).tolist()
    return [(stop - size, stop) for size, stop in zip(array.chunks[0], stops, strict=True) if size]


def computed(array: Any) -> npt.NDArray[Any]:
    """Return the values of an array in memory; a lazy one is computed on this thread.

    Parameters
    ----------
    array
        A Dask or numpy array.

    Returns
    -------
    ndarray
        Its values.
    """
    return np.asarray(array.compute(scheduler="synchronous") if is_lazy(array) else array)


def active_client() -> Any:
    """Return the active `dask.distributed.Client`, or None."""
    distributed = sys.modules.get("distributed")
    if distributed is None:
        return None
    try:
        return distributed.default_client()
    except ValueError:
        return None


class FrameArray:
    """Frames that are computed when they are read; numpy functions accept it as an array.

    Parameters
    ----------
    read
        ``read(start, stop)`` computes frames [start, stop); a frame must not depend on the range.
    shape, dtype
        Shape (n_frames, ...) and dtype of all frames.
    by_chunk
        Whether computing a frame means computing its chunk: the chunk read last is then cached.

    Examples
    --------
    >>> frames = FrameArray(lambda a, b: np.ones((b - a, 2, 2)), (9, 2, 2), np.float64)
    >>> frames[3].sum(), frames[2:4].shape, np.asarray(frames).sum()
    (np.float64(4.0), (2, 2, 2), np.float64(36.0))
    """

    def __init__(
        self,
        read: Callable[[int, int], npt.NDArray[Any]],
        shape: tuple[int, ...],
        dtype: npt.DTypeLike,
        by_chunk: bool = False,
    ) -> None:
        self._read = read
        self.shape = tuple(shape)
        self.dtype = np.dtype(dtype)
        self._by_chunk = by_chunk
        self._latest: tuple[int, int, Any] = (0, 0, None)

    @classmethod
    def of(cls, array: Any) -> FrameArray:
        """Wrap a Dask array.

        Parameters
        ----------
        array
            A Dask array (n_frames, height, width).

        Returns
        -------
        FrameArray
            Frames that are computed chunk by chunk when they are read.
        """
        return cls(partial(_computed_frames, array), array.shape, array.dtype, by_chunk=True)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of values."""
        return int(np.prod(self.shape))

    @property
    def itemsize(self) -> int:
        """Bytes of a value."""
        return int(self.dtype.itemsize)

    @property
    def nbytes(self) -> int:
        """Size of all values, bytes."""
        return self.size * self.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> Any:
        """Return frames as numpy does."""
        first, *rest = index if isinstance(index, tuple) else (index,)
        if isinstance(first, slice):
            start, stop, step = first.indices(len(self))
            if step == 1:
                frames = (
                    self._read(start, stop) if stop > start else np.empty((0, *self.shape[1:]), self.dtype)
                )
                return frames[(slice(None), *rest)] if rest else frames
        if isinstance(first, list) and not rest and all(isinstance(one, int) for one in first):
            return (
                np.stack([self[one] for one in first])
                if first
                else np.empty((0, *self.shape[1:]), self.dtype)
            )
        if not hasattr(first, "__index__"):
            return np.asarray(self)[index]
        position = first.__index__() + (len(self) if first.__index__() < 0 else 0)
        if not 0 <= position < len(self):
            raise IndexError(f"frame {first} does not exist: there are {len(self)}")
        frame = self._frame(position)
        return frame[tuple(rest)] if rest else frame

    def _frame(self, position: int) -> npt.NDArray[Any]:
        if not self._by_chunk:
            return np.asarray(self._read(position, position + 1)[0])
        first, last, frames = self._latest
        if not first <= position < last:
            step = frames_per_chunk(self.shape, self.itemsize)
            first = position // step * step
            last = min(first + step, len(self))
            frames = self._read(first, last)
            self._latest = (first, last, frames)
        return np.asarray(frames[position - first])

    def __iter__(self) -> Iterator[npt.NDArray[Any]]:
        for _, _, frames in self.parts():
            yield from frames

    def parts(self) -> Iterator[tuple[int, int, npt.NDArray[Any]]]:
        """Yield (start, stop, frames) for ranges of frames, in order; threads compute them ahead."""

        def make(border: tuple[int, int]) -> tuple[int, int, npt.NDArray[Any]]:
            return *border, self._read(*border)

        with limit_native_threads():
            yield from ordered_map(make, self.borders(), default_workers())

    def cache_to(self, stored: Any) -> None:
        """Read frames from ``stored[start:stop]`` from now on; compute them again if they cannot be read.

        Parameters
        ----------
        stored
            An array of the same shape, stored in a file.
        """
        self._read = _Stored(stored, self._read)

    def borders(self) -> list[tuple[int, int]]:
        """Return (start, stop) of ranges of frames of one chunk each."""
        step = frames_per_chunk(self.shape, self.itemsize)
        return [(start, min(start + step, len(self))) for start in range(0, len(self), step)]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        """Return all frames in memory."""
        values = np.empty(self.shape, self.dtype)
        for start, stop, frames in self.parts():
            values[start:stop] = frames
        return values if dtype is None else values.astype(dtype, copy=False)

    def __reduce__(self) -> tuple[Any, ...]:
        return FrameArray, (self._read, self.shape, self.dtype, self._by_chunk)

    def __repr__(self) -> str:
        return f"<FrameArray: {' x '.join(map(str, self.shape))}, {self.dtype}, computed when read>"


@dataclass(frozen=True)
class _Stored:
    """Frames that are read from a file where possible, and computed otherwise."""

    stored: Any
    make: Callable[[int, int], npt.NDArray[Any]]

    def __call__(self, start: int, stop: int) -> npt.NDArray[Any]:
        try:
            return np.asarray(self.stored[start:stop])
        except (OSError, KeyError):
            return self.make(start, stop)


def _computed_frames(array: Any, start: int, stop: int) -> npt.NDArray[Any]:
    return computed(array[start:stop])
