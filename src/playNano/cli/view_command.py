"""``playnano view``: open a movie or a result folder in napari."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from playNano.cli.arguments import AllowIncomplete, AnyChannel, PixelSize, Read
from playNano.errors import ParameterError

app = typer.Typer(pretty_exceptions_enable=False, rich_markup_mode=None)

BINDINGS = ("PyQt6", "PySide6", "PyQt5", "PySide2")
"""Packages of which napari needs one for its window."""
INSTALL = 'pip install "playNano[viewer]" "napari[pyqt6]"  (or "napari[pyside6]")'


@app.command(short_help="Look at a movie or at results in napari.")
def view(
    path: Annotated[
        Path | None,
        typer.Argument(help="The movie, or a result folder; without one an empty viewer opens."),
    ] = None,
    channel: AnyChannel = None,
    pixel_size_nm: PixelSize = None,
    allow_incomplete: AllowIncomplete = False,
    read: Read = None,
) -> None:
    """Open a movie or a result folder in napari, with docks to build a pipeline, to inspect and to curate.

    Needs the extra "viewer" and a binding of Qt: pip install "playNano[viewer]" "napari[pyqt6]".
    """
    from playNano.cli.job import Options

    napari = check_viewer()
    options = Options(
        channel, pixel_size_nm, allow_incomplete=allow_incomplete, reader_options=tuple(read or ())
    )
    start_viewer(path, options)
    napari.run()


def check_viewer() -> Any:
    """Return the module napari, if it and a binding of Qt are installed.

    Raises
    ------
    ParameterError
        One of them is missing; the message says what to install.
    """
    if find_spec("napari") is None:
        raise ParameterError(f"the viewer needs napari, which is not installed: {INSTALL}")
    if not any(find_spec(name) for name in BINDINGS):
        raise ParameterError(
            f"napari needs one of {', '.join(BINDINGS)} for its window, and none is installed: {INSTALL}"
        )
    import napari

    return napari


def start_viewer(path: Path | None, options: Any) -> Any:
    """Open the viewer, which is a plugin of napari: the command line does not import it.

    Parameters
    ----------
    path
        The movie or the result folder.
    options
        Options for reading the movie.

    Returns
    -------
    napari.Viewer
        The viewer.
    """
    from npe2 import PluginManager

    manager = PluginManager.instance()
    manager.discover()
    return manager.commands.execute("playNano.view", (path, options))
