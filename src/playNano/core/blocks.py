"""Divide movies into blocks of consecutive frames, and process one chunk of a movie."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from playNano.core.threads import limit_native_threads
from playNano.errors import StepError

BLOCK_BYTES = 2 * 2**20
"""Size of one block, bytes: small enough for the cache of a core, large enough to make task overhead negligible."""

TABLE_BLOCK_BYTES = 32 * 2**20
"""Size of a block from which a table is made, bytes; creating a table takes about 1 ms for any number of rows."""

Task = Callable[..., Any]


@dataclass(frozen=True)
class Block:
    """A range of consecutive frames: ``data[start:stop]``."""

    start: int
    stop: int


def frame_blocks(
    shape: tuple[int, int, int],
    itemsize: int = 4,
    block_frames: int | None = None,
    block_bytes: int = BLOCK_BYTES,
) -> list[Block]:
    """Divide a movie into blocks of frames.

    Parameters
    ----------
    shape
        (n_frames, height, width).
    itemsize
        Bytes of one pixel.
    block_frames
        Frames in a block; by default as many as fit into `block_bytes`.
    block_bytes
        Maximum size of a block, bytes.

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
    """Call a function for one block of frames, with neighbouring frames if the function needs them.

    Parameters
    ----------
    function
        ``function(start, *blocks)``, or with `overlap` ``function(start, *blocks, inner=...)``.
    start
        Number of the first frame of `movies` in the whole movie.
    movies
        Arrays of frames of one length.
    block
        The frames to process, as indices into `movies`.
    overlap
        Number of neighbouring frames on either side.

    Returns
    -------
    object
        What the function returns.

    Raises
    ------
    StepError
        If the function calls `sys.exit`.
    """
    low, high = max(0, block.start - overlap), min(len(movies[0]), block.stop + overlap)
    parts = (movie[low:high] for movie in movies)
    inner = {"inner": slice(block.start - low, block.stop - low)} if overlap else {}
    try:
        return function(start + low, *parts, **inner)
    except SystemExit as error:
        # On a thread or in a worker it would end neither the program nor the task in an orderly way.
        raise StepError(
            f"sys.exit({error.code!r}) was called in the work on frames {start + block.start} to "
            f"{start + block.stop - 1}; a step or module must raise an exception instead"
        ) from error


@dataclass(frozen=True)
class ChunkJob:
    """Divide a chunk into blocks, call a function for each, and collect the results and the resulting frames."""

    function: Task
    block_frames: int | None = None
    block_bytes: int = BLOCK_BYTES
    gives_frames: bool = False
    overlap: int = 0

    def span(self, chunk: Block, n_frames: int) -> tuple[int, int, Block]:
        """Return the range of frames that a chunk needs, neighbours included, and its own frames within that range.

        Parameters
        ----------
        chunk
            The chunk's frames.
        n_frames
            Frames of the movie.

        Returns
        -------
        tuple
            Start and stop of the frames that are needed, and the chunk's own frames relative to that start.
        """
        low, high = max(0, chunk.start - self.overlap), min(n_frames, chunk.stop + self.overlap)
        return low, high, Block(chunk.start - low, chunk.stop - low)

    def __call__(self, start: int, own: Block, *chunks: Any) -> tuple[list[Any], Any]:
        """Return the results of the blocks in order, and the resulting frames if the function returns frames.

        Parameters
        ----------
        start
            Number of the first frame of the chunks.
        own
            The frames to process, as indices into the chunks; the others are neighbours.
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
