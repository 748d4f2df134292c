"""Movies that stay on disk: a reader as a Dask array, which any process can open anew."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from playNano.core.lazy import lazy_movie
from playNano.io.movie import Movie


class FrameReader:
    """A movie's frames, by slices; where it is sent to another process, it opens the file there.

    Parameters
    ----------
    movie
        The open movie.
    channel, options
        As `open_movie` was given them.
    dtype
        Of the pixels.
    """

    def __init__(
        self, movie: Movie, channel: str | None, options: Mapping[str, Any], dtype: np.dtype[Any]
    ) -> None:
        self.movie, self.channel, self.options = movie, channel, dict(options)
        self.shape, self.ndim, self.dtype = movie.shape, 3, dtype

    def __getitem__(self, index: Any) -> npt.NDArray[Any]:
        """Decode frames."""
        frames, *rest = index if isinstance(index, tuple) else (index,)
        if not isinstance(frames, slice):
            # Dask hands on an index of one frame.
            frame = range(self.shape[0])[frames]
            pixels: npt.NDArray[Any] = self.movie.read(frame, frame + 1)[(0, *rest)]
            return pixels
        start, stop, step = frames.indices(self.shape[0])
        if step < 0:
            # The reader goes forwards only.
            picked = range(start, stop, step)
            low, high = (picked[-1], picked[0] + 1) if picked else (0, 0)
            return self.movie.read(low, high)[::-1][::-step][(slice(None), *rest)]
        return self.movie.read(start, max(start, stop))[(slice(None, None, step), *rest)]

    def __reduce__(self) -> tuple[Any, ...]:
        # The same file under the same absolute path: workers share the file system.
        where = str(Path(self.movie.path).absolute())
        return _reopened, (where, self.channel, tuple(sorted(self.options.items())), self.dtype.str)


@lru_cache(maxsize=8)
def _reopened(
    path: str, channel: str | None, options: tuple[tuple[str, Any], ...], dtype: str
) -> FrameReader:
    from playNano.io.loader import open_movie

    given = dict(options)
    return FrameReader(open_movie(path, channel, **given), channel, given, np.dtype(dtype))


def lazy_pixels(movie: Movie, channel: str | None, options: Mapping[str, Any]) -> Any:
    """Return a movie's pixels as a Dask array in chunks of whole frames; nothing is decoded.

    Parameters
    ----------
    movie
        The open movie.
    channel, options
        As `open_movie` was given them.
    """
    # A reader gives one type of pixels; frames of none tell it.
    dtype = movie.read(0, 0).dtype
    return lazy_movie(FrameReader(movie, channel, options, dtype), movie.shape, dtype)
