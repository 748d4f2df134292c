"""Read a folder of images as a movie: each file is one frame, ordered by acquisition time."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from operator import ne
from pathlib import Path
from statistics import median

import numpy as np
import numpy.typing as npt

from playNano.core.scan import ScanGeometry
from playNano.errors import FileFormatError
from playNano.io.formats import Reader, read_head, reader_registry
from playNano.io.formats.frames import check_range
from playNano.io.movie import Movie

# Pictures of any origin have these endings too, so that the name alone promises no measurement.
_PICTURES = (".tif", ".tiff")


@dataclass(frozen=True)
class FolderFrames:
    """Decode frames file by file; keeps no file open, and can be pickled.

    Parameters
    ----------
    path
        The folder.
    frames
        The function that decodes each frame.
    shape
        (height, width).
    """

    path: Path
    frames: tuple[Callable[[int, int], npt.NDArray[np.float32]], ...]
    shape: tuple[int, int]

    def __call__(self, start: int, stop: int) -> npt.NDArray[np.float32]:
        """Decode frames [start, stop)."""
        values = np.empty(
            (check_range(start, stop, len(self.frames), self.path), *self.shape), dtype=np.float32
        )
        for i in range(start, stop):
            values[i - start] = self.frames[i](0, 1)[0]
        return values


def open_folder(path: str | Path, channel: str | None = None) -> Movie:
    """Read a folder of images of one format as a movie, one file per frame.

    Frames are ordered by the acquisition times in their files, and by name if times are equal or missing in all
    files.

    Parameters
    ----------
    path
        The folder. Files that are not images of a known format are ignored and listed in the header.
    channel
        As for a single file of the format.

    Returns
    -------
    Movie
        One frame per file; "timestamp" is missing if the files contain no times.

    Raises
    ------
    FileFormatError
        There is no image, there are images of several formats, an image is damaged, or the images differ in
        size, unit or in whether they contain a time.
    ChannelError
        A file does not contain the channel.
    """
    path = Path(path)
    groups, others = _files(path)
    if not groups:
        raise FileFormatError(f"{path}: no file in this folder is an image of a known format")
    if len(groups) > 1:
        counts = ", ".join(f"{len(files)} {name}" for name, files in groups.items())
        raise FileFormatError(
            f"{path}: the folder has images of several formats ({counts}); give each its own folder"
        )
    reader_name, files = next(iter(groups.items()))
    reader = reader_registry()[reader_name]
    movies = _ordered([reader.open_movie(file, channel) for file in files], path)
    first = movies[0]
    for movie in movies[1:]:
        _compare(first, movie, path)
    times_s = _times(movies)
    frames = [{**movie.frame_metadata[0], "file": movie.path.name} for movie in movies]
    for i, frame in enumerate(frames):
        frame.pop("timestamp", None)
        if times_s:
            frame["timestamp"] = times_s[i]
    return replace(
        first,
        path=path,
        format=f"folder of {first.format}",
        shape=(len(movies), *first.shape[1:]),
        read=FolderFrames(path, tuple(movie.read for movie in movies), first.shape[1:]),
        frame_metadata=frames,
        scan=_scan([movie.scan for movie in movies]),
        header={**first.header, "files": [movie.path.name for movie in movies], "other_files": others},
        warnings=tuple(dict.fromkeys(text for movie in movies for text in movie.warnings)),
    )


def sniff_folder(path: Path, head: bytes) -> str | None:
    """Return the reason why a folder is not a movie, or None if it may be.

    Parameters
    ----------
    path
        The folder.
    head
        Not used.

    Returns
    -------
    str or None
        The reason.
    """
    files, readers = _visible(path), _image_readers()
    pictures = [file for file in files if file.suffix.casefold() in _PICTURES]
    if any(_accepting(file, readers) for file in files if file not in pictures):
        return None
    if any(_accepting(file, readers) for file in pictures):
        return None
    return f"none of its {len(files)} files is an image of a known format" if files else "it is empty"


def _visible(path: Path) -> list[Path]:
    return sorted(file for file in path.iterdir() if file.is_file() and not file.name.startswith("."))


def _image_readers() -> list[Reader]:
    """Return the readers of single images."""
    return [reader for reader in reader_registry().usable().values() if reader.series]


def _accepting(file: Path, readers: Sequence[Reader]) -> Reader | None:
    """Return the reader of single images that accepts a file.

    Raises FileFormatError if the file has the suffix of an image but not the content of one: a damaged frame
    must not be omitted from a movie.
    """
    head = read_head(file)
    refusals = []
    for reader in readers:
        reason = reader.refusal(file, head) if head else "the file is empty"
        if reason is None:
            return reader
        if reader.fits_name(file):
            refusals.append(f"{reader.name}: {reason}")
    if refusals:
        raise FileFormatError(f"{file}: the file has the name of an image, but {'; '.join(refusals)}")
    return None


def _files(path: Path) -> tuple[dict[str, list[Path]], list[str]]:
    """Return the images of each format, and the names of the other files."""
    groups: dict[str, list[Path]] = defaultdict(list)
    others = []
    refused: list[tuple[Path, FileFormatError]] = []
    readers = _image_readers()
    for file in _visible(path):
        try:
            reader = _accepting(file, readers)
        except FileFormatError as error:
            if file.suffix.casefold() not in _PICTURES:
                raise
            reader = None
            refused.append((file, error))
        if reader is None:
            others.append(file.name)
        else:
            groups[reader.name].append(file)
    for file, refusal in refused:
        # Among images of another format it is a picture; among those of its own, a damaged frame.
        if not groups or any(reader.name in groups and reader.fits_name(file) for reader in readers):
            raise refusal
    return groups, others


def _start(movie: Movie) -> datetime | None:
    text = movie.header.get("start_time")
    if not text:
        return None
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _natural(name: str) -> list[tuple[int, str]]:
    """Return a key for natural sorting, in which "10" is after "9"."""
    return [(int(part or 0), text) for text, part in re.findall(r"(\D*)(\d*)", name)]


def _ordered(movies: Sequence[Movie], path: Path) -> list[Movie]:
    """Sort images by acquisition time, or by name if no file contains a time."""
    named = sorted(movies, key=lambda movie: _natural(movie.path.name))
    starts = [_start(movie) for movie in named]
    without = [movie.path.name for movie, start in zip(named, starts, strict=True) if start is None]
    if without and len(without) < len(named):
        raise FileFormatError(
            f"{path}: {len(without)} of {len(named)} images do not contain an acquisition time, such as "
            f"{without[0]}, so that they cannot be put in order"
        )
    moments = [start for start in starts if start is not None]
    if not moments:
        return named
    order = sorted(range(len(named)), key=lambda i: moments[i])
    return [named[i] for i in order]


def _times(movies: Sequence[Movie]) -> list[float] | None:
    """Return the start of each frame, s after the first; None if the files do not contain it."""
    starts = [start for movie in movies if (start := _start(movie)) is not None]
    if not starts:
        return None
    elapsed = [(start - starts[0]).total_seconds() for start in starts]
    step_s = float(movies[0].header.get("start_time_step_s", 0.0))
    frame_time_s = movies[0].scan.frame_time_s if movies[0].scan else None
    if step_s and frame_time_s:
        # Acquisition times in whole seconds are replaced by a regular frame time if both agree.
        regular = [i * frame_time_s for i in range(len(movies))]
        if all(abs(a - b) <= step_s for a, b in zip(elapsed, regular, strict=True)):
            return regular
    return elapsed


def _compare(first: Movie, other: Movie, path: Path) -> None:
    """Raise unless two images have the same size, unit, channel and pixel size."""
    for what, one, two in (
        ("pixels", first.shape[1:], other.shape[1:]),
        ("unit", first.unit, other.unit),
        ("channel", first.header.get("file_channel"), other.header.get("file_channel")),
    ):
        if one != two:
            raise FileFormatError(
                f"{path}: the images are not one movie: {what} {one} in {first.path.name}, {two} in "
                f"{other.path.name}"
            )
    if not np.allclose(first.pixel_size_nm, other.pixel_size_nm, rtol=1e-6, atol=0):
        raise FileFormatError(
            f"{path}: the images are not one movie: pixels of {first.pixel_size_nm} nm (y, x) in "
            f"{first.path.name}, {other.pixel_size_nm} in {other.path.name}"
        )


def _scan(scans: Sequence[ScanGeometry | None]) -> ScanGeometry | None:
    """Return one geometry for all frames: that of the first one, with the reversals of the slow axis."""
    known = [scan for scan in scans if scan is not None]
    if len(known) < len(scans):
        return None
    durations = [scan.frame_time_s for scan in known if scan.frame_time_s is not None]
    directions = [scan.direction for scan in known]
    alike = len(set(directions)) == 1
    turning = (
        len(set(directions)) == 2 and None not in directions and all(map(ne, directions, directions[1:]))
    )
    return replace(
        known[0],
        frame_time_s=median(durations) if durations else None,
        line_time_s=known[0].line_time_s if len({scan.line_time_s for scan in known}) == 1 else None,
        direction=directions[0] if alike or turning else None,
        alternating=turning,
    )
