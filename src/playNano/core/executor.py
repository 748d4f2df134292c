"""Map a function over blocks of frames on threads or with Dask; the result equals that on one thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from playNano.core.blocks import BLOCK_BYTES, Block, ChunkJob, call_with_overlap, frame_blocks
from playNano.core.lazy import active_client, chunk_borders, computed, is_lazy
from playNano.core.threads import default_workers, limit_native_threads, ordered_map

R = TypeVar("R")

Progress = Callable[[str, int, int], None]
_progress: ContextVar[Progress | None] = ContextVar("playNano_progress", default=None)


@contextmanager
def report_progress(callback: Progress) -> Iterator[None]:
    """Report the progress of work inside the context by calling ``callback(what, done, total)``, in frames.

    Parameters
    ----------
    callback
        Receives the name of the work, the number of finished frames, and the total number.
    """
    token = _progress.set(callback)
    try:
        yield
    finally:
        _progress.reset(token)


def map_blocks(
    function: Callable[[Block], R],
    shape: tuple[int, int, int],
    *,
    what: str,
    itemsize: int = 4,
    block_frames: int | None = None,
    block_bytes: int = BLOCK_BYTES,
    workers: int | None = None,
) -> list[R]:
    """Call a function for every block of frames and return the results in the frames' order.

    Parameters
    ----------
    function
        Receives a `Block`, returns any object. It must not depend on where blocks begin, so that the
        result is the same for every block size and number of workers.
    shape
        (n_frames, height, width).
    what
        Name of the work, for the progress display.
    itemsize, block_frames, block_bytes
        As in `frame_blocks`.
    workers
        Threads; by default one per processor. Numba and OpenCV release the interpreter's lock; OpenCV and
        BLAS are kept to one thread of their own meanwhile, so that threads do not multiply.

    Raises
    ------
    Exception
        The exception of the first failing block, unchanged; blocks not yet started are cancelled.

    Examples
    --------
    >>> map_blocks(lambda block: block.stop - block.start, (5, 8, 8), what="count", block_frames=2)
    [2, 2, 1]
    """
    workers = default_workers() if workers is None else max(1, workers)
    if block_frames is None:
        fitting = max(1, block_bytes // max(1, shape[1] * shape[2] * itemsize))
        # Balance the load: each worker gets the same number of blocks.
        rounds = max(1, -(-shape[0] // (fitting * workers)))
        block_frames = max(1, -(-shape[0] // (rounds * workers)))
    blocks = frame_blocks(shape, itemsize, block_frames)
    notify, results, done = _progress.get(), [], 0
    with limit_native_threads():
        for block, result in zip(blocks, ordered_map(function, blocks, workers), strict=True):
            results.append(result)
            done += block.stop - block.start
            if notify is not None:
                notify(what, done, shape[0])
    return results


def map_frames(
    function: Callable[..., Any],
    *movies: Any,
    what: str,
    out: Any = None,
    workers: int | None = None,
    block_frames: int | None = None,
    block_bytes: int = BLOCK_BYTES,
    overlap: int = 0,
) -> list[Any]:
    """Call a function for blocks of frames of movies, in memory or lazy, and return the results in order.

    Parameters
    ----------
    function
        ``function(start, *blocks)`` receives the number of the first frame and a numpy block of each movie. It
        must not depend on where blocks begin, nor on mutable state; for a cluster it must be picklable.
    *movies
        numpy or Dask arrays of equal length; the first determines where blocks begin.
    what
        Name of the work, for the progress display.
    out
        An array (n_frames, ...) in memory. The function then returns a pair, whose second element is written
        to these frames of `out`.
    workers
        Threads; by default one per processor. Lazy movies are computed one chunk per thread, or, where a
        `dask.distributed.Client` is active, on its cluster: only the results are transferred back.
    block_frames, block_bytes
        Frames in a block; by default as many as fit into `block_bytes`.
    overlap
        Number of neighbouring frames on either side of a block, fewer at the ends of the movie. If it is not 0, the
        function also receives ``inner``, the slice of the block's own frames, and returns the result for these.

    Raises
    ------
    Exception
        The exception of the first failing block, unchanged.

    Examples
    --------
    >>> import numpy as np
    >>> movie = np.arange(12.0).reshape(3, 2, 2)
    >>> map_frames(lambda start, frames: float(frames.max()), movie, what="maximum", block_frames=2)
    [7.0, 11.0]
    """
    first = movies[0]
    # Blocks are much longer than the overlap, which is computed twice.
    block_bytes = max(block_bytes, 8 * overlap * first.itemsize * first.shape[1] * first.shape[2])
    if any(is_lazy(movie) for movie in movies):
        job = ChunkJob(function, block_frames, block_bytes, out is not None, overlap)
        return _map_chunks(job, movies, what, out, workers)

    def work(block: Block) -> Any:
        result = call_with_overlap(function, 0, movies, block, overlap)
        if out is not None:
            result, frames = result
            target = out[block.start : block.stop]
            # A function that received `out` among the movies may have written the frames already.
            if not (
                frames.shape == target.shape and frames.__array_interface__ == target.__array_interface__
            ):
                target[...] = frames
        return result

    return map_blocks(
        work,
        first.shape,
        what=what,
        itemsize=first.itemsize,
        block_frames=block_frames,
        block_bytes=block_bytes,
        workers=workers,
    )


def _map_chunks(job: ChunkJob, movies: Sequence[Any], what: str, out: Any, workers: int | None) -> list[Any]:
    """Implement `map_frames` for lazy movies: each chunk is computed, then divided into blocks."""
    lead = next(movie for movie in movies if is_lazy(movie))
    chunks = [Block(start, stop) for start, stop in chunk_borders(lead)]
    client = active_client()
    if client is not None:
        from playNano.core.cluster import run_on_cluster

        stream = run_on_cluster(client, job, chunks, movies, what)
    else:

        def work(block: Block) -> tuple[list[Any], Any]:
            low, high, own = job.span(block, len(lead))
            return job(low, own, *(computed(movie[low:high]) for movie in movies))

        stream = ordered_map(work, chunks, default_workers() if workers is None else max(1, workers))
    notify, results, done = _progress.get(), [], 0
    with limit_native_threads():
        for block, (parts, frames) in zip(chunks, stream, strict=True):
            results += parts
            if out is not None:
                out[block.start : block.stop] = frames
            done += block.stop - block.start
            if notify is not None:
                notify(what, done, len(lead))
    return results
