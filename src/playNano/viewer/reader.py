"""Reader of napari for movies of all formats of playNano, and for result folders."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from playNano.viewer.layers import Layer, movie_layers
from playNano.viewer.movie import ViewedMovie, readable
from playNano.viewer.results import result_layers
from playNano.viewer.time_display import show_times

Paths = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]


def get_reader(path: Paths) -> Callable[[Paths], list[Layer]] | None:
    """Return the reader of a path, or None if playNano does not read it.

    Parameters
    ----------
    path
        A file or folder; or a list of these.
    """
    given = _listed(path)
    return read_layers if given and all(readable(one) for one in given) else None


def read_layers(path: Paths) -> list[Layer]:
    """Open movies and result folders without reading more than the frame that is shown.

    Parameters
    ----------
    path
        A file or folder; or a list of these.

    Returns
    -------
    list of tuple
        Layers; see `playNano.viewer.layers`.

    Raises
    ------
    PlayNanoError, OSError
        A movie or a record cannot be read.
    """
    layers: list[Layer] = []
    for one in _listed(path):
        movie = ViewedMovie.open(one)
        layers += movie_layers(movie) if movie.record is None else result_layers(movie)
    show_times()
    return layers


def _listed(path: Paths) -> list[Path]:
    return [Path(path)] if isinstance(path, str | os.PathLike) else [Path(one) for one in path]
