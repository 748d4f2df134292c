"""Chains of steps over lazy movies: Dask graphs in which a chunk goes through all steps at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from playNano.core.executor import ChunkJob
from playNano.core.memory import free_memory_bytes
from playNano.errors import StackError
from playNano.processing.chain import Chain, FinalMask, FinalPixels


def lazy_pixels(data: Any, chain: Chain) -> Any:
    """Return the Dask array of the pixels after a chain; nothing is computed."""
    return _mapped(data, FinalPixels(chain), chain.dtype(data.dtype))


def lazy_mask(data: Any, chain: Chain) -> Any:
    """Return the Dask array of the mask in force after a chain; nothing is computed."""
    return _mapped(data, FinalMask(chain), np.dtype(np.bool_))


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


def _mapped(data: Any, task: Any, dtype: np.dtype[Any]) -> Any:
    import dask.array

    if not len(data):
        return data.astype(dtype)
    return dask.array.map_blocks(
        _on_chunk, data, job=ChunkJob(task, gives_frames=True), dtype=dtype, meta=np.empty((0, 0, 0), dtype)
    )


def _on_chunk(
    chunk: npt.NDArray[Any], job: ChunkJob, block_info: Mapping[Any, Any] | None = None
) -> npt.NDArray[Any]:
    start = 0 if block_info is None else int(block_info[0]["array-location"][0][0])
    frames: npt.NDArray[Any] = job(start, np.asarray(chunk))[1]
    return frames
