"""Open napari with a movie or a result folder and the docks; ``playnano view`` calls this."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playNano.cli.job import Options
from playNano.viewer.layers import movie_layers
from playNano.viewer.movie import ViewedMovie
from playNano.viewer.results import result_layers
from playNano.viewer.time_display import show_times

DOCKS = ("Pipeline", "Inspect", "Curate")
"""Docks of the plugin, in the order of their tabs."""


def show(path: Path | None = None, options: Options | None = None, *, with_docks: bool = True) -> Any:
    """Open a viewer with a movie or a result folder.

    Parameters
    ----------
    path
        The movie; or record.json, or the folder that contains it; None for an empty viewer.
    options
        Options for reading the movie.
    with_docks
        Whether the docks are opened.

    Returns
    -------
    napari.Viewer
        The viewer; ``napari.run()`` shows it until it is closed.

    Raises
    ------
    PlayNanoError, OSError
        The movie or the record cannot be read.
    """
    import napari

    # A file that cannot be read is reported before a window opens.
    movie = None if path is None else ViewedMovie.open(path, options)
    layers = [] if movie is None else movie_layers(movie) if movie.record is None else result_layers(movie)
    viewer = napari.Viewer(title="playNano" if path is None else f"playNano: {path.name}")
    show_times(viewer)
    add_layers(viewer, layers)
    if with_docks:
        docks = [viewer.window.add_plugin_dock_widget("playNano", name, tabify=True)[1] for name in DOCKS]
        docks[0].raise_dock()
    return viewer


def add_layers(viewer: Any, layers: Any) -> None:
    """Add layers to a viewer.

    Parameters
    ----------
    viewer
        The viewer.
    layers
        Layers as the reader returns them.
    """
    for data, arguments, kind in layers:
        getattr(viewer, f"add_{kind}")(data, **arguments)
