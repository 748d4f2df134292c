"""The movie among the results, written in another process where one has a processor of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, cast, get_args

from playNano.core.beside import Beside, helps
from playNano.core.phases import add_beside, phase
from playNano.core.progress_bars import Bars
from playNano.core.stack import Stack
from playNano.errors import ParameterError
from playNano.io.export.encoders import check_ffmpeg
from playNano.io.export.gif import save_gif
from playNano.io.export.movie import save_video
from playNano.io.export.movie_times import schedule
from playNano.io.export.painter import GIF_VIEW, Painter, View
from playNano.io.export.render import PictureOptions
from playNano.plots.analysed import AnalysedMovie

MIN_FRAMES = 50
"""Number of frames from which a process of its own, which starts in half a second, saves time."""

MAX_PIXELS = 200_000_000
"""Number of pixels of a movie up to which its colours are sent to another process."""

MovieKind = Literal["gif", "mp4", "none"]
"""The movie among the results: movie.gif, movie.mp4 or none."""


def movie_kind(gif: bool, movie: str | None) -> MovieKind:
    """Return which movie is written, before anything else is done.

    Parameters
    ----------
    gif
        Whether movie.gif is written where `movie` is not given.
    movie
        "gif", "mp4" or "none".

    Raises
    ------
    ParameterError
        It is another word, or FFmpeg is needed and not installed.

    Examples
    --------
    >>> movie_kind(True, None), movie_kind(True, "none")
    ('gif', 'none')
    """
    kind = movie or ("gif" if gif else "none")
    if kind not in get_args(MovieKind):
        raise ParameterError(f"--movie {kind}: it must be one of {', '.join(get_args(MovieKind))}")
    check_ffmpeg(Path(movie_name(kind)))
    return cast(MovieKind, kind)


def movie_name(kind: str) -> str:
    """Return the name of the file.

    Parameters
    ----------
    kind
        Kind of the movie.
    """
    return f"movie.{kind}"


def write_result_movie(
    stack: Stack, folder: Path, kind: MovieKind, pictures: PictureOptions, bars: Bars
) -> None:
    """Write a movie without detections.

    Parameters
    ----------
    stack
        The processed movie.
    folder
        Folder of the results.
    kind
        Kind of the movie.
    pictures
        Colour map and height range.
    bars
        Progress bars.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    if kind == "none":
        return
    name = movie_name(kind)
    with phase(name):
        painter = Painter(stack, None, pictures, replace(_view(kind), ahead=False))
        _save(kind, stack)(painter, folder / name, progress=partial(bars, name))


@contextmanager
def movie_beside(movie: AnalysedMovie, folder: Path, bars: Bars | None, kind: MovieKind) -> Iterator[None]:
    """Write a movie with detections and tracks, beside what is done inside the context or after it.

    Parameters
    ----------
    movie
        The movie with its detections and tracks.
    folder
        Folder of the results.
    bars
        Progress bars; None for none.
    kind
        Kind of the movie.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    if kind == "none":
        yield
        return
    stack, view, name = movie.stack, _view(kind), movie_name(kind)
    fits = not stack.is_lazy and (view.max_frames is not None or stack.data.size <= MAX_PIXELS)
    options = replace(movie.options, z_range=movie.limits)
    painter = Painter(stack, movie.tracks, options, replace(view, ahead=fits))
    painter.outline(movie.detections, movie.labels)
    save = _save(kind, stack)
    task = None
    if helps() and len(painter.shown) >= MIN_FRAMES and fits:
        task = Beside(save, painter, folder / name)
    try:
        yield
    except BaseException:
        if task is not None:
            task.stop()
        raise
    with phase(name):
        duration = None if task is None else task.result()
        if duration is not None:
            add_beside(name, *duration)
            return

        def progress(done: int, total: int) -> None:
            if bars is not None:
                bars(name, done, total)

        # Also where the process was killed, for want of memory perhaps.
        save(painter, folder / name, progress=progress)


def _view(kind: MovieKind) -> View:
    return GIF_VIEW if kind == "gif" else View()


def _save(kind: MovieKind, stack: Stack) -> Any:
    """Return the function of painter and path that writes a movie."""
    if kind == "gif":
        return save_gif
    return partial(save_video, plan=schedule(stack), unit=stack.unit or "arb. units")
