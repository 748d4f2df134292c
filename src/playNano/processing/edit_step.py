"""Declare edits: steps that change which frames a movie has, or where its pixels lie."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from playNano.core.geometry import MovieGeometry
from playNano.core.lazy import computed, is_lazy
from playNano.core.params import checked
from playNano.errors import StepError
from playNano.processing.steps import F, Pixels, Step

EDIT_BLOCK_FRAMES = 64
"""Frames that are edited at once, so that an edit needs little memory beside its result."""


@dataclass(frozen=True)
class Movie:
    """What an edit is planned on.

    Parameters
    ----------
    data
        Pixels before the edit, (n_frames, height, width): a numpy or Dask array.
    geometry
        Frames, size, calibration and scan before the edit.
    channel
        ``channel(name)`` returns the pixels of another channel of the same frames, after the same edits.
    """

    data: Any
    geometry: MovieGeometry
    channel: Callable[[str], Any] | None = None


@dataclass(frozen=True)
class Edit:
    """A planned edit.

    Parameters
    ----------
    geometry
        Frames, size, calibration and scan after it.
    frames
        Frames that are kept, increasing; None: all.
    change
        Function of a block of the kept frames, (n, height, width), that returns it with the new shape, each frame
        independently; None: pixels are not changed.
    change_by_frame
        The same for changes that differ from frame to frame: ``function(block, numbers)``, with the numbers of the
        frames among those that are kept, (n,). At most one of both.
    details
        What the edit found in the movie, for the record.
    warnings
        What a user must know.
    beside
        A second movie of the same frames, whose blocks `change` receives too.
    of_raw
        Whether the movie as recorded is edited too; False where pixels get other values, as by a filter.
    """

    geometry: MovieGeometry
    frames: tuple[int, ...] | None = None
    change: Callable[..., Pixels] | None = None
    change_by_frame: Callable[[Pixels, npt.NDArray[np.int64]], Pixels] | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    beside: Any = None
    of_raw: bool = True

    def apply(self, data: Any) -> Any:
        """Return the edited pixels: a numpy array, or a Dask array for a lazy movie.

        Parameters
        ----------
        data
            Pixels before the edit; not modified.
        """
        kept = data if self.frames is None else data[_index(self.frames)]
        if self.change is None and self.change_by_frame is None:
            return kept
        return self._lazily(kept) if is_lazy(kept) else self._in_blocks(kept)

    def _changed(self, block: Pixels, numbers: npt.NDArray[Any], *beside: Pixels) -> Pixels:
        """Return a block of frames after the change, given with their numbers and the same frames of another movie."""
        if self.change_by_frame is not None:
            return self.change_by_frame(block, np.asarray(numbers, np.int64).reshape(-1))
        return cast(Callable[..., Pixels], self.change)(block, *beside)

    def _in_blocks(self, data: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Apply the change block by block."""
        if not len(data):
            return np.empty((0, *self.geometry.shape), data.dtype)
        movies = [data, np.arange(len(data))]
        if self.beside is not None:
            movies.append(computed(self.beside))
        first = self._changed(*(movie[:1] for movie in movies))
        out = np.empty((len(data), *first.shape[1:]), first.dtype)
        for start in range(0, len(data), EDIT_BLOCK_FRAMES):
            part = slice(start, start + EDIT_BLOCK_FRAMES)
            out[part] = self._changed(*(movie[part] for movie in movies))
        return out

    def _lazily(self, data: Any) -> Any:
        """Apply the change to each chunk of a Dask array when it is read."""
        import dask.array

        whole = data.rechunk({1: -1, 2: -1})
        movies = [whole, dask.array.arange(len(whole), chunks=(whole.chunks[0],))[:, None, None]]
        if self.beside is not None:
            movies.append(dask.array.asarray(self.beside).rechunk(whole.chunks))
        dtype = self._changed(*(np.zeros((1, *movie.shape[1:]), movie.dtype) for movie in movies)).dtype
        rows, columns = self.geometry.shape
        return dask.array.map_blocks(
            self._changed,
            *movies,
            dtype=dtype,
            chunks=(whole.chunks[0], (rows,), (columns,)),
            meta=np.empty((0, 0, 0), dtype),
        )


def _index(frames: tuple[int, ...]) -> Any:
    """Return frames as a slice, where they follow each other regularly, else as a list."""
    steps = set(np.diff(frames).tolist())
    if len(frames) > 1 and len(steps) == 1:
        return slice(frames[0], frames[-1] + 1, steps.pop())
    return list(frames)


def edit(version: str) -> Callable[[F], F]:
    """Declare a function that plans an edit as a processing step of the kind "edit".

    The function receives a `Movie` and, keyword-only, its parameters, and returns an `Edit`.

    Parameters
    ----------
    version
        Version of the algorithm, for the record.

    Returns
    -------
    callable
        The decorator.

    Examples
    --------
    >>> @edit("1.0")
    ... def first_frame(movie):
    ...     \"\"\"Keep the first frame.\"\"\"
    ...     return Edit(movie.geometry.selected([0]), frames=(0,))
    >>> movie = Movie(np.zeros((3, 2, 2)), MovieGeometry(({},) * 3, (2, 2), (1.0, 1.0)))
    >>> first_frame(movie).apply(movie.data).shape
    (1, 2, 2)
    """

    def declare(function: F) -> F:
        """Attach the declaration to a function."""
        inner = checked(function)

        @functools.wraps(function)
        def call(movie: Movie, *args: Any, **kwargs: Any) -> Edit:
            """Check the parameters, plan, and check the plan."""
            planned = inner(movie, *args, **kwargs)
            if not isinstance(planned, Edit):
                raise StepError(f"{function.__name__} returned a {type(planned).__name__}, not an Edit")
            return planned

        planner: Any = call
        planner.__step__ = Step(function.__name__, "edit", version, planner, direct=function)
        return cast(F, call)

    return declare
