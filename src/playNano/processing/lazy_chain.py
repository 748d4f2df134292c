"""Chains of steps over lazy movies: Dask graphs in which a chunk goes through all steps at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from playNano.core.blocks import Block, ChunkJob
from playNano.core.lazy import chunk_borders
from playNano.core.memory import free_memory_bytes
from playNano.errors import StackError
from playNano.processing.chain import Chain, FinalMask, FinalPixels


def lazy_pixels(data: Any, chain: Chain) -> Any:
    """Return the Dask array of the pixels after a chain; nothing is computed."""
    return _mapped(data, FinalPixels(chain), chain.reach, chain.dtype(data.dtype))


def lazy_mask(data: Any, chain: Chain) -> Any:
    """Return the Dask array of the mask in force after a chain; nothing is computed."""
    return _mapped(data, FinalMask(chain), chain.reach, np.dtype(np.bool_))


def fits_memory(data: Any, where: str) -> None:
    """Refuse a movie that a step needs whole and that the memory does not hold.

    Raises
    ------
    StackError
        With both sizes.
    """
    free = free_memory_bytes()
    if free is not None and 3 * data.nbytes > free:
        raise StackError(
            f"{where} needs the whole movie in memory: {data.nbytes / 2**30:.1f} GiB three times over, and "
            f"{free / 2**30:.1f} GiB are free; run it on a slice, stack[a:b]"
        )


def _mapped(data: Any, task: Any, reach: int, dtype: np.dtype[Any]) -> Any:
    import dask.array
    from dask.array.overlap import ensure_minimum_chunksize, overlap

    if not len(data):
        return data.astype(dtype)
    if 0 in data.chunks[0]:
        data = data.rechunk({0: tuple(size for size in data.chunks[0] if size)})
    if reach and len(data.chunks[0]) > 1:
        data = data.rechunk({0: ensure_minimum_chunksize(min(reach, len(data)), data.chunks[0])})
    job = ChunkJob(task, gives_frames=True, overlap=reach)
    chunks = [Block(*border) for border in chunk_borders(data)]
    spans = [job.span(chunk, len(data)) for chunk in chunks]
    given = overlap(data, {0: reach}, {0: "none"}) if reach and len(chunks) > 1 else data
    return dask.array.map_blocks(
        _on_chunk,
        given,
        job=job,
        spans=spans,
        dtype=dtype,
        chunks=data.chunks,
        meta=np.empty((0, 0, 0), dtype),
    )


def _on_chunk(
    chunk: npt.NDArray[Any],
    job: ChunkJob,
    spans: Sequence[tuple[int, int, Block]],
    block_id: tuple[int, ...] = (0, 0, 0),
) -> npt.NDArray[Any]:
    start, _, own = spans[block_id[0]]
    frames: npt.NDArray[Any] = job(start, own, np.asarray(chunk))[1]
    return frames
