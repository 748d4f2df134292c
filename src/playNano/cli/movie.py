"""The animated movie among the results, written in another process where one has a processor of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from playNano.cli.console import Bars
from playNano.core.beside import Beside, helps
from playNano.core.phases import add_beside, phase
from playNano.io.export.gif import save_gif
from playNano.io.export.painter import Painter
from playNano.plots.analysed import AnalysedMovie

MOVIE = "movie.gif"
"""Name of the file."""

MIN_FRAMES = 50
"""Number of frames from which a process of its own, which starts in half a second, saves time."""


@contextmanager
def movie_beside(movie: AnalysedMovie, folder: Path, bars: Bars | None, *, enabled: bool) -> Iterator[None]:
    """Write movie.gif with detections and tracks, beside what is done inside the context or after it.

    Parameters
    ----------
    movie
        The movie with its detections and tracks.
    folder
        Folder of the results.
    bars
        Progress bars; None for none.
    enabled
        Whether the movie is written.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    if not enabled:
        yield
        return
    options = replace(movie.options, z_range=movie.limits)
    painter = Painter(movie.stack, movie.tracks, options)
    painter.outline(movie.detections, movie.labels)
    task = None
    if helps() and len(painter.shown) >= MIN_FRAMES and not movie.stack.is_lazy:
        task = Beside(save_gif, painter, folder / MOVIE)
    try:
        yield
    except BaseException:
        if task is not None:
            task.stop()
        raise
    with phase(MOVIE):
        duration = None if task is None else task.result()
        if duration is not None:
            add_beside(MOVIE, *duration)
            return

        def progress(done: int, total: int) -> None:
            if bars is not None:
                bars(MOVIE, done, total)

        # Also where the process was killed, for want of memory perhaps.
        save_gif(painter, folder / MOVIE, progress=progress)
