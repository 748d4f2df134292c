"""Apply step sequences to lazy movies: Dask graphs in which one task applies all steps to a chunk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from playNano.core.blocks import Block, ChunkJob
from playNano.core.lazy import chunk_borders
from playNano.core.memory import free_memory_bytes
from playNano.errors import StackError
from playNano.processing.sequence import FinalMask, FinalPixels, StepSequence


def lazy_pixels(data: Any, sequence: StepSequence, mask: Any = None) -> Any:
    """Return the pixels after a sequence of steps as a Dask array; nothing is computed.

    Parameters
    ----------
    data
        Dask array, (n_frames, height, width).
    sequence
        The steps.
    mask
        Dask array of bool, the mask in force before them; None if there is none.
    """
    return _map_chunks(data, mask, FinalPixels(sequence), sequence.overlap, sequence.dtype(data.dtype))


def lazy_mask(data: Any, sequence: StepSequence, mask: Any = None) -> Any:
    """Return the mask after a sequence of steps as a Dask array; nothing is computed.

    Parameters
    ----------
    data
        Dask array, (n_frames, height, width).
    sequence
        The steps.
    mask
        Dask array of bool, the mask in force before them; None if there is none.
    """
    return _map_chunks(data, mask, FinalMask(sequence), sequence.overlap, np.dtype(np.bool_))


def require_memory(data: Any, where: str) -> None:
    """Raise an error if the free memory is less than three times a lazy movie that a step needs as a whole.

    Parameters
    ----------
    data
        Dask array.
    where
        Names of movie and step, for the message.

    Raises
    ------
    StackError
        If there is too little memory; the message has both sizes.
    """
    free = free_memory_bytes()
    if free is not None and 3 * data.nbytes > free:
        raise StackError(
            f"{where} needs the whole movie in memory: {data.nbytes / 2**30:.1f} GiB three times over, and "
            f"{free / 2**30:.1f} GiB are free; run it on a slice, stack[a:b]"
        )


def _map_chunks(data: Any, mask: Any, task: Any, n_overlap: int, dtype: np.dtype[Any]) -> Any:
    """Apply a function of a block and its mask to each chunk, with `n_overlap` frames of the neighbouring chunks."""
    import dask.array
    from dask.array.overlap import ensure_minimum_chunksize, overlap

    if not len(data):
        return data.astype(dtype)
    if 0 in data.chunks[0]:
        data = data.rechunk({0: tuple(size for size in data.chunks[0] if size)})
    if n_overlap and len(data.chunks[0]) > 1:
        data = data.rechunk({0: ensure_minimum_chunksize(min(n_overlap, len(data)), data.chunks[0])})
    job = ChunkJob(task, gives_frames=True, overlap=n_overlap)
    chunks = [Block(*border) for border in chunk_borders(data)]
    spans = [job.span(chunk, len(data)) for chunk in chunks]
    movies = [data] if mask is None else [data, mask.rechunk(data.chunks)]
    if n_overlap and len(chunks) > 1:
        movies = [overlap(movie, {0: n_overlap}, {0: "none"}) for movie in movies]
    return dask.array.map_blocks(
        _on_chunk,
        *movies,
        job=job,
        spans=spans,
        dtype=dtype,
        chunks=data.chunks,
        meta=np.empty((0, 0, 0), dtype),
    )


def _on_chunk(
    *movies: npt.NDArray[Any],
    job: ChunkJob,
    spans: Sequence[tuple[int, int, Block]],
    block_id: tuple[int, ...] = (0, 0, 0),
) -> npt.NDArray[Any]:
    """Run the job on a chunk of each movie; Dask passes the chunk's position as `block_id`."""
    start, _, own = spans[block_id[0]]
    frames: npt.NDArray[Any] = job(start, own, *map(np.asarray, movies))[1]
    return frames
