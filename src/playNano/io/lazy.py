"""Movies that are kept on disk: Dask arrays whose chunks are decoded by a reader in any process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from playNano.core.lazy import lazy_movie
from playNano.io.movie import Movie


class FrameReader:
    """Array-like access to the frames of a movie; can be sent to another process, which opens the file itself.

    Parameters
    ----------
    read
        ``read(start, stop)`` of a `Movie`, picklable.
    shape, dtype
        Shape and dtype of the movie.
    """

    def __init__(
        self, read: Callable[[int, int], npt.NDArray[Any]], shape: tuple[int, int, int], dtype: np.dtype[Any]
    ) -> None:
        self.read = read
        self.shape, self.ndim, self.dtype = shape, 3, dtype

    def __getitem__(self, index: Any) -> npt.NDArray[Any]:
        """Decode frames."""
        frames, *rest = index if isinstance(index, tuple) else (index,)
        if not isinstance(frames, slice):
            # Dask passes the index of a single frame.
            frame = range(self.shape[0])[frames]
            pixels: npt.NDArray[Any] = self.read(frame, frame + 1)[(0, *rest)]
            return pixels
        start, stop, step = frames.indices(self.shape[0])
        if step < 0:
            # The reader reads in increasing order only.
            picked = range(start, stop, step)
            low, high = (picked[-1], picked[0] + 1) if picked else (0, 0)
            return self.read(low, high)[::-1][::-step][(slice(None), *rest)]
        return self.read(start, max(start, stop))[(slice(None, None, step), *rest)]


def lazy_pixels(movie: Movie) -> Any:
    """Return a movie's pixels as a Dask array in chunks of whole frames; nothing is decoded.

    Parameters
    ----------
    movie
        The open movie. Its path should be absolute, as other processes open the file again.
    """
    # The dtype of the pixels is that of an empty range of frames.
    dtype = movie.read(0, 0).dtype
    return lazy_movie(FrameReader(movie.read, movie.shape, dtype), movie.shape, dtype)
