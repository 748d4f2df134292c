"""Blocks of consecutive frames, and the work on one chunk of a movie."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from playNano.core.threads import limit_native_threads

BLOCK_BYTES = 2 * 2**20
"""Pixels of one block, bytes: it stays in a core's cache from step to step, and a task's overhead vanishes."""

TABLE_BLOCK_BYTES = 32 * 2**20
"""Pixels of a block from which a table is made, which costs about a millisecond whatever its length."""

Task = Callable[..., Any]


@dataclass(frozen=True)
class Block:
    """A run of consecutive frames: ``data[start:stop]``."""

    start: int
    stop: int


def frame_blocks(
    shape: tuple[int, int, int],
    itemsize: int = 4,
    block_frames: int | None = None,
    block_bytes: int = BLOCK_BYTES,
) -> list[Block]:
    """Cut a movie into blocks of frames.

    Parameters
    ----------
    shape
        (n_frames, height, width).
    itemsize
        Bytes of one pixel.
    block_frames
        Frames in a block; by default as many as `block_bytes` hold.
    block_bytes
        Bytes of pixels in a block.

    Examples
    --------
    >>> frame_blocks((5, 8, 8), block_frames=2)
    [Block(start=0, stop=2), Block(start=2, stop=4), Block(start=4, stop=5)]
    """
    n_frames, height, width = shape
    if block_frames is None:
        block_frames = block_bytes // max(1, height * width * itemsize)
    step = max(1, block_frames)
    return [Block(start, min(start + step, n_frames)) for start in range(0, n_frames, step)]


def call_with_overlap(function: Task, start: int, movies: Sequence[Any], block: Block, overlap: int) -> Any:
    """Call a function for a block of movies whose first frame has the number `start`.

    Parameters
    ----------
    function
        ``function(start, *blocks)``, or with `overlap` ``function(start, *blocks, inner=...)``.
    start
        Number of the first frame of `movies` in the whole movie.
    movies
        Arrays of frames of one length.
    block
        The frames to work on, counted in `movies`.
    overlap
        Further frames on either side.

    Returns
    -------
    object
        What the function returns.
    """
    low, high = max(0, block.start - overlap), min(len(movies[0]), block.stop + overlap)
    parts = (movie[low:high] for movie in movies)
    if not overlap:
        return function(start + low, *parts)
    return function(start + low, *parts, inner=slice(block.start - low, block.stop - low))


@dataclass(frozen=True)
class ChunkJob:
    """Cut a chunk into blocks, call the function for each; return the results and the joined frames."""

    function: Task
    block_frames: int | None = None
    block_bytes: int = BLOCK_BYTES
    gives_frames: bool = False
    overlap: int = 0

    def span(self, chunk: Block, n_frames: int) -> tuple[int, int, Block]:
        """Return the frames (start, stop) that a chunk needs, and its own frames among them.

        Parameters
        ----------
        chunk
            The chunk's frames.
        n_frames
            Frames of the movie.

        Returns
        -------
        tuple
            Start and stop of the frames that are needed, and the chunk's own frames counted from that start.
        """
        low, high = max(0, chunk.start - self.overlap), min(n_frames, chunk.stop + self.overlap)
        return low, high, Block(chunk.start - low, chunk.stop - low)

    def __call__(self, start: int, own: Block, *chunks: Any) -> tuple[list[Any], Any]:
        """Return the blocks' results in order, and the frames where the function gives such.

        Parameters
        ----------
        start
            Number of the first frame of the chunks.
        own
            The frames to work on, counted in the chunks; the others are neighbours.
        *chunks
            The same frames of each movie.
        """
        import numpy as np

        results, frames = [], []
        shape = (own.stop - own.start, *chunks[0].shape[1:3])
        with limit_native_threads():
            for part in frame_blocks(shape, chunks[0].itemsize, self.block_frames, self.block_bytes):
                block = Block(own.start + part.start, own.start + part.stop)
                result = call_with_overlap(self.function, start, chunks, block, self.overlap)
                if self.gives_frames:
                    result, pixels = result
                    frames.append(pixels)
                results.append(result)
        return results, np.concatenate(frames) if frames else None
