"""Read a folder of images as a movie: each file is one frame, ordered by acquisition time.

An image of which lines are missing is a frame with NaN. An image that cannot be used at all is left out: frame times
then have a gap. If the files contain no times, a frame of NaN takes its place instead, so that no other frame moves.
Either needs ``allow_incomplete=True``.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from operator import ne
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt

from playNano.core.scan import ScanGeometry
from playNano.errors import ChannelError, FileFormatError
from playNano.io.formats import Reader, read_head, reader_registry
from playNano.io.formats.frames import check_range
from playNano.io.movie import Movie

# Pictures of any origin have these endings too, so that the name alone promises no measurement.
_PICTURES = (".tif", ".tiff")
_NAMED_LOSSES = 3


@dataclass(frozen=True)
class FolderFrames:
    """Decode frames file by file; keeps no file open, and can be pickled.

    Parameters
    ----------
    path
        The folder.
    frames
        The function that decodes each frame; None for a frame that is lost, whose pixels are NaN.
    shape
        (height, width).
    """

    path: Path
    frames: tuple[Callable[[int, int], npt.NDArray[np.float32]] | None, ...]
    shape: tuple[int, int]

    def __call__(self, start: int, stop: int) -> npt.NDArray[np.float32]:
        """Decode frames [start, stop)."""
        count = check_range(start, stop, len(self.frames), self.path)
        values = np.full((count, *self.shape), np.nan, dtype=np.float32)
        for i in range(start, stop):
            read = self.frames[i]
            if read is not None:
                values[i - start] = read(0, 1)[0]
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
        One frame per file; "timestamp" is missing if the files contain no times. Lines that a file lacks are NaN. A
        damaged image, or an interrupted one that has fewer lines than the others, is left out; if the files contain
        no times, a frame of NaN takes its place.

    Raises
    ------
    FileFormatError
        There is no image, there are images of several formats or files of several frames, all images are damaged,
        or the images differ in size, unit or in whether they contain a time.
    ChannelError
        A file does not contain the channel.
    """
    path = Path(path)
    images = _images(path, channel)
    movies = _ordered(images.movies, path)
    first = movies[0]
    for movie in movies[1:]:
        _compare(first, movie, path)
    times_s = _times(movies, images.names)
    frames: list[Movie | None] = list(movies)
    names = [movie.path.name for movie in movies]
    if not times_s and images.lost:
        names = images.names
        by_name = {movie.path.name: movie for movie in movies}
        frames = [by_name.get(name) for name in names]
    return replace(
        first,
        path=path,
        format=f"folder of {first.format}",
        shape=(len(frames), *first.shape[1:]),
        read=FolderFrames(path, tuple(movie.read if movie else None for movie in frames), first.shape[1:]),
        frame_metadata=_frame_metadata(frames, names, times_s),
        scan=_scan([movie.scan for movie in movies]),
        header={**first.header, "files": names, "other_files": images.others, "lost_files": [*images.lost]},
        warnings=tuple(dict.fromkeys(text for movie in movies for text in movie.warnings)),
        incomplete=_missing(images),
    )


def _frame_metadata(
    frames: Sequence[Movie | None], names: Sequence[str], times_s: Sequence[float] | None
) -> list[dict[str, Any]]:
    """Return the metadata of each frame, with its file; "missing" marks a frame that is lost."""
    rows: list[dict[str, Any]] = []
    for i, (movie, name) in enumerate(zip(frames, names, strict=True)):
        row = {**movie.frame_metadata[0], "file": name} if movie else {"file": name, "missing": True}
        row.pop("timestamp", None)
        if times_s:
            row["timestamp"] = times_s[i]
        rows.append(row)
    return rows


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
    refusal = None
    for file in sorted(files, key=lambda file: file.suffix.casefold() in _PICTURES):
        try:
            if _accepting(file, readers):
                return None
        except FileFormatError as error:
            refusal = refusal or str(error)
    if refusal:
        return refusal
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


@dataclass(frozen=True)
class Images:
    """The images of a folder.

    Parameters
    ----------
    movies
        Those that can be used, each a movie of one frame.
    lost
        Names of the others, with the reason.
    others
        Names of the files that are no images.
    """

    movies: list[Movie]
    lost: dict[str, str]
    others: list[str]

    @property
    def names(self) -> list[str]:
        """Names of all images, in natural order."""
        return sorted([*(movie.path.name for movie in self.movies), *self.lost], key=_natural)


def _images(path: Path, channel: str | None) -> Images:
    """Open all images of a folder, which must be of one format."""
    groups, others, refused = _files(path)
    if not groups:
        for error in refused.values():
            raise error
        raise FileFormatError(f"{path}: no file in this folder is an image of a known format")
    if len(groups) > 1:
        counts = ", ".join(f"{len(files)} {name}" for name, files in groups.items())
        raise FileFormatError(
            f"{path}: the folder has images of several formats ({counts}); give each its own folder"
        )
    reader_name, files = next(iter(groups.items()))
    reader = reader_registry()[reader_name]
    movies = []
    for file in files:
        try:
            movie = reader.open_partial(file, channel)
        except ChannelError:
            raise
        except FileFormatError as error:
            refused[file] = error
            continue
        if movie.shape[0] != 1:
            raise FileFormatError(
                f"{path}: {file.name} is a movie of {movie.shape[0]} frames, not an image; open it by itself"
            )
        movies.append(movie)
    if not movies:
        raise next(iter(refused.values()))
    lost = {file.name: str(error).removeprefix(f"{file}: ") for file, error in sorted(refused.items())}
    used, aborted = _without_aborted(movies)
    return Images(used, lost | aborted, others)


def _without_aborted(movies: list[Movie]) -> tuple[list[Movie], dict[str, str]]:
    """Return the images without those that do not fit because they broke off, and why these do not fit."""
    whole = [movie for movie in movies if movie.header.get("lines_planned", movie.shape[1]) == movie.shape[1]]
    timed = any(_start(movie) for movie in movies)
    used, lost = [], {}
    for movie in movies:
        planned = movie.header.get("lines_planned", movie.shape[1])
        if whole and planned != movie.shape[1]:
            lost[movie.path.name] = f"the scan was interrupted, {movie.shape[1]} of {planned} lines exist"
        elif timed and movie.incomplete and _start(movie) is None:
            lost[movie.path.name] = f"{movie.incomplete}; its acquisition time is lost"
        else:
            used.append(movie)
    return used, lost


def _missing(images: Images) -> str | None:
    """Return what is missing of a folder of images."""
    texts = [f"{movie.path.name}: {movie.incomplete}" for movie in images.movies if movie.incomplete]
    if images.lost:
        count = len(images.lost) + len(images.movies)
        named = [f"{name}: {reason}" for name, reason in [*images.lost.items()][:_NAMED_LOSSES]]
        texts.insert(0, f"{len(images.lost)} of {count} images cannot be used ({'; '.join(named)})")
    more = [f"{len(texts) - _NAMED_LOSSES} more images lack lines"] if len(texts) > _NAMED_LOSSES else []
    return "; ".join(texts[:_NAMED_LOSSES] + more) or None


def _files(path: Path) -> tuple[dict[str, list[Path]], list[str], dict[Path, FileFormatError]]:
    """Return the images of each format, the names of the other files, and the images that are damaged."""
    groups: dict[str, list[Path]] = defaultdict(list)
    others = []
    refused: dict[Path, FileFormatError] = {}
    readers = _image_readers()
    for file in _visible(path):
        try:
            reader = _accepting(file, readers)
        except FileFormatError as error:
            refused[file] = error
        else:
            if reader is None:
                others.append(file.name)
            else:
                groups[reader.name].append(file)
    for file in list(refused):
        # Among images of another format it is a picture; among those of its own, a damaged frame.
        own = any(reader.name in groups and reader.fits_name(file) for reader in readers)
        if groups and not own and file.suffix.casefold() in _PICTURES:
            del refused[file]
            others.append(file.name)
    return groups, sorted(others), refused


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


def _times(movies: Sequence[Movie], names: Sequence[str]) -> list[float] | None:
    """Return the start of each frame, s after the first; None if the files do not contain it.

    `names` are those of all images, lost ones included, in natural order.
    """
    starts = [start for movie in movies if (start := _start(movie)) is not None]
    if not starts:
        return None
    elapsed = [(start - starts[0]).total_seconds() for start in starts]
    step_s = float(movies[0].header.get("start_time_step_s", 0.0))
    frame_time_s = movies[0].scan.frame_time_s if movies[0].scan else None
    if step_s and frame_time_s:
        # Acquisition times in whole seconds are replaced by a regular frame time if both agree.
        # By their names, frames know how many were lost between them.
        numbers = [names.index(movie.path.name) for movie in movies]
        if numbers != sorted(numbers):
            if len(names) > len(movies):
                return elapsed
            numbers = list(range(len(movies)))
        regular = [(number - numbers[0]) * frame_time_s for number in numbers]
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
