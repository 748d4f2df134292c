"""Movies as the viewer shows them: frames are read and processed one by one, when they are looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from playNano.afm_stack import AFMImageStack
from playNano.analysis.defaults import default_processing
from playNano.analysis.inputs import load_planned
from playNano.analysis.plan import Plan
from playNano.analysis.record_file import read_record, record_path
from playNano.analysis.record_use import movie_of, plan_of
from playNano.cli.job import Options
from playNano.cli.movie_source import is_result
from playNano.core.lazy import FrameArray
from playNano.core.source import describe_source
from playNano.errors import ChannelError, PlayNanoError
from playNano.io.lazy import lazy_pixels
from playNano.io.loader import open_movie
from playNano.io.movie import Movie, new_stack
from playNano.plots.analysed import AnalysedMovie
from playNano.processing.on_frames import frames_after, is_frame_wise


@dataclass(frozen=True)
class Frames:
    """A movie, and its pixels as an array of which single frames can be read.

    Parameters
    ----------
    stack
        Calibration and times of the movie; its pixels may be those before the steps.
    pixels
        (n_frames, height, width).
    """

    stack: AFMImageStack
    pixels: Any

    @classmethod
    def of(cls, stack: AFMImageStack) -> Frames:
        """Return the frames of a stack, in memory or lazy.

        Parameters
        ----------
        stack
            The movie.
        """
        return cls(stack, FrameArray.of(stack.data) if stack.is_lazy else stack.data)


@dataclass(frozen=True)
class ViewedMovie:
    """A movie in the viewer: the file, how it is read, and the steps that are applied to what is shown.

    Parameters
    ----------
    path
        The movie.
    options
        Options for reading it.
    plan
        Processing steps of the movie that is shown; modules are not run.
    record
        Record of its analysis; None without one.
    results
        Folder of the results; None without one.

    Examples
    --------
    >>> movie = ViewedMovie.open(Path("movie.asd"))  # doctest: +SKIP
    >>> movie.processed.get_frame(0).shape  # doctest: +SKIP
    (200, 200)
    """

    path: Path
    options: Options = field(default_factory=Options)
    plan: Plan = field(default_factory=Plan)
    record: Mapping[str, Any] | None = None
    results: Path | None = None

    @classmethod
    def open(cls, path: Path, options: Options | None = None) -> ViewedMovie:
        """Open a movie with the usual levelling, or a result folder with the processing of its record.

        Parameters
        ----------
        path
            The movie; or record.json, or the folder that contains it.
        options
            Options for reading the movie.

        Raises
        ------
        PlayNanoError, OSError
            The movie or the record cannot be read.
        """
        options = options or Options()
        if is_result(path):
            place = record_path(path)
            record = read_record(place)
            movie = movie_of(record, place)
            return cls(movie, options, replace(plan_of(record), analysis=[]), record, place.parent)
        return cls(path, options, Plan(default_processing("auto")))

    @cached_property
    def raw(self) -> Frames:
        """The movie as recorded."""
        return open_frames(self.path, self.options, self.plan.input)

    @cached_property
    def processed(self) -> Frames:
        """The movie after the processing steps: frame by frame where the steps allow it, else as a lazy stack."""
        raw, steps = self.raw, self.plan.bind()[0].steps_for(self.raw.stack)
        if is_frame_wise(steps) and not self.plan.selections:
            return Frames(raw.stack, frames_after(raw.stack, raw.pixels, steps))
        return Frames.of(self.processed_stack())

    @cached_property
    def analysed(self) -> AnalysedMovie | None:
        """What has been detected on the processed movie; None without a record."""
        return None if self.record is None else AnalysedMovie.of(self.processed.stack, self.record)

    @property
    def channels(self) -> tuple[str, ...]:
        """Channels of the file."""
        return tuple(self.raw.stack.metadata["channels"])

    def run_options(self) -> Options:
        """Return the options for reading the same channel on the command line, which reads heights by default."""
        if self.options.channel is None and self.record is None:
            try:
                open_movie(self.path, **self.options.reading())
            except ChannelError:
                return replace(self.options, channel=self.raw.stack.channel)
        return self.options

    def processed_stack(self) -> AFMImageStack:
        """Return the movie after the processing steps as a stack, lazy where the steps are."""
        return self.plan.process(self.raw.stack[:])

    def with_channel(self, channel: str) -> ViewedMovie:
        """Return another channel of the same file, with the usual levelling.

        Parameters
        ----------
        channel
            Name of the channel.
        """
        return ViewedMovie.open(self.path, replace(self.options, channel=channel))


def open_frames(path: Path, options: Options, given: Mapping[str, Any] | None = None) -> Frames:
    """Open a movie; no frame is read.

    Parameters
    ----------
    path
        The movie.
    options
        Options for reading it.
    given
        The movie for which a pipeline was written; see `playNano.analysis.inputs.load_planned`.

    Raises
    ------
    PlayNanoError, OSError
        The file cannot be read, or an option of its reader is unknown or wrong.
    """
    opened: list[Movie] = []

    automatic = options.channel is None and not (given or {}).get("channel")

    def load(channel: str, **reading: Any) -> Any:
        """Open a channel; if none is given, the height, or the first one if there is no height."""
        movie = open_movie(path.absolute(), None if automatic else channel, **reading)
        opened.append(movie)
        stack = new_stack(
            lazy_pixels(movie),
            movie.pixel_size_nm,
            movie.channel,
            movie.path,
            movie.frame_metadata,
            scan=movie.scan,
            unit=movie.unit,
            metadata={"format": movie.format, **movie.header, "channels": list(movie.channels)},
        )
        stack.provenance["source"] = describe_source(path, movie.channel, reading, movie.shape[0])
        stack.provenance["warnings"] += movie.warnings
        return stack

    stack = load_planned(load, given or {}, options.channel, options.reading())
    (movie,) = opened
    if stack.data.shape != movie.shape:
        return Frames.of(stack)
    return Frames(stack, FrameArray(movie.read, movie.shape, stack.data.dtype))


def readable(path: Path) -> bool:
    """Return whether a path is a result folder, a record or a movie that some reader accepts.

    Parameters
    ----------
    path
        Any path.
    """
    from playNano.io.loader import find_reader

    try:
        return is_result(path) or bool(find_reader(path))
    except (PlayNanoError, OSError):
        return False
