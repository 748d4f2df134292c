"""Reader for the `.h5` bundles of playNano 0.5, and what is known of the movies which that release wrote.

Tested on files that release 0.5.0 wrote from `.h5-jpk`, `.asd`, `.spm` and `.jpk` movies. It turned the rows of the
formats differently and kept neither the source nor the unit, so that both are known for some channels only. Its
`.npz` files hold pickled Python objects and are refused.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from playNano._options import Unit, pixel_pair
from playNano.core.lazy import lazy_movie
from playNano.core.scan import ScanGeometry
from playNano.core.stack import Stack
from playNano.errors import FileFormatError
from playNano.io.formats.frames import check_range, errors_as_reasons
from playNano.io.formats.hdf5 import SIGNATURE
from playNano.io.formats.hdf5_values import attribute, check_stored, checked_file
from playNano.io.formats.header_values import positive
from playNano.io.lazy import FrameReader
from playNano.io.metadata import base_unit, iso_from_ms, pick_channel
from playNano.io.movie import Movie, new_stack
from playNano.io.stamp import FileStamp, StampedFrames

Edge = Annotated[float, Field(gt=0)]
_MEMBERS = ("data", "timestamps", "frame_metadata_json", "provenance_json")
_ANY_HEIGHT = ("height_trace", "height")
_RECORD_TAG = 65000
"""TIFF tag in which the release stored its record."""
_LINES = {True: "bottom", False: "top", None: None}
_ASD_CHANNELS = ("TP", "ER", "PH")
_LAST_MS = 32_503_680_000_000
"""The year 3000, ms since 1970."""
_HEIGHT_WORDS = ("height", "topography", "zsensor")


def is_height_name(channel: str) -> bool:
    """Return whether a channel is one of heights, by the names that vendors give these.

    Parameters
    ----------
    channel
        Name of the channel.

    Returns
    -------
    bool
        True for "TP", "height_trace", "MeasuredHeight", "Z Sensor" ...

    Examples
    --------
    >>> is_height_name("Height Sensor"), is_height_name("phase_trace")
    (True, False)
    """
    name = channel.casefold().replace(" ", "").replace("_", "")
    return name == "tp" or any(word in name for word in _HEIGHT_WORDS)


@dataclass(frozen=True)
class Release05:
    """What is known of a movie that playNano 0.5 wrote.

    Parameters
    ----------
    channel
        Name of the channel.
    shape
        (n_frames, height, width).
    """

    channel: str
    shape: tuple[int, int, int]

    @property
    def unit(self) -> str:
        """Unit of the values: "nm" for heights, which that release converted, else "" (not known)."""
        return "nm" if is_height_name(self.channel) else ""

    @property
    def bottom_first(self) -> bool | None:
        """Whether the bottom line is stored first; None where the file does not state it."""
        if self.channel in _ASD_CHANNELS:
            return True
        # Channels of NanoScope files have names of capitals and no direction; they were not turned.
        return False if self.channel in ("Height", "Height Sensor") else None

    def doubts(self, *, rows_given: bool, size_given: bool) -> list[str]:
        """Return what the file leaves open.

        Parameters
        ----------
        rows_given, size_given
            Whether the caller gave the order of the rows, and the size of the pixels.

        Returns
        -------
        list of str
            Cause and consequence, one text each.
        """
        doubts = []
        if self.bottom_first is None and not rows_given:
            doubts.append(
                "playNano 0.5 wrote the top line first for .h5-jpk movies, but the bottom line first for folders of "
                ".jpk images, and does not state which it was; the image may be upside down. Load the source file, "
                "or give bottom_first"
            )
        if self.shape[1] != self.shape[2] and not size_given:
            doubts.append(
                "playNano 0.5 keeps the width of a pixel only; its height is taken to be the same, which is wrong if "
                "the pixels are not square. Load the source file, or give pixel_size_nm"
            )
        return doubts


def record_of_05(tags: Any) -> dict[str, Any] | None:
    """Return the record within a TIFF file of playNano 0.5, or None where it is a file of another program.

    Parameters
    ----------
    tags
        The tags of the first page.

    Returns
    -------
    dict or None
        As that release wrote it.
    """
    tag = tags.get(_RECORD_TAG)
    if tag is None:
        return None
    try:
        record = json.loads(bytes(tag.value))
    except (TypeError, ValueError):
        return None
    return record if isinstance(record, dict) and "processing" in record else None


@dataclass(frozen=True)
class Frames05:
    """Decodes frames of a dataset, (n_frames, height, width); keeps no file open, and can be pickled.

    Parameters
    ----------
    path, name
        The file and the dataset in it.
    shape
        Shape of the dataset.
    dtype
        Type of the frames that are returned.
    factor
        Value of a stored 1.
    bottom_first
        Whether the bottom line is stored first.
    """

    path: Path
    name: str
    shape: tuple[int, int, int]
    dtype: np.dtype[Any]
    factor: float
    bottom_first: bool

    def __call__(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Return frames [start, stop)."""
        check_range(start, stop, self.shape[0], self.path)
        with checked_file(self.path) as file:
            try:
                stored = np.asarray(file[self.name][start:stop])
            except OSError as error:
                raise FileFormatError(f"{self.path}: {self.name} cannot be decoded: {error}") from error
        frames = stored[:, :: -1 if self.bottom_first else 1]
        if self.factor != 1:
            frames = frames * np.float64(self.factor)
        return np.ascontiguousarray(frames, dtype=self.dtype)


def open_bundle_05(
    path: str | Path,
    channel: str | None = None,
    *,
    pixel_size_nm: Annotated[Edge | tuple[Edge, Edge], Unit("nm")] | None = None,
    unit: str | None = None,
    bottom_first: bool | None = None,
) -> Movie:
    """Read `.h5` bundles that playNano 0.5 wrote: pixels, snapshots, masks, times and record.

    Parameters
    ----------
    path
        The file.
    channel
        None, a name for the height, or the name of the channel in the file.
    pixel_size_nm
        Size of a pixel, nm, a number or (y, x); used in place of the file's, which is that of the width alone.
    unit
        Unit of the stored values; used in place of nm for heights, and of no unit for other channels.
    bottom_first
        Whether the bottom line of the image is stored first. By default as that release stored the channel's
        format; where the channel does not show the format, the top line, with a warning.

    Returns
    -------
    Movie
        Its ``load()`` also restores snapshots and masks; the record of that release is in the metadata.

    Raises
    ------
    FileFormatError
        The file is not such a bundle, or damaged.
    ChannelError
        It contains another channel.
    """
    path = Path(path)
    with checked_file(path) as file:
        if (reason := _refusal(file)) is not None:
            raise FileFormatError(f"{path}: {reason}")
        shape = tuple(int(n) for n in file["data"].shape)
        if len(shape) != 3 or 0 in shape:
            raise FileFormatError(f"{path}: the pixels have the shape {shape}; a movie has three axes")
        check_stored(file["data"], shape, path)
        name = str(attribute(file, "channel"))
        size = attribute(file, "pixel_size_nm")
        frames = _frames(file, shape[0], path)
        record = _json(file["provenance_json"], dict, path)
    name = pick_channel(path, channel, (name,), dict.fromkeys(_ANY_HEIGHT, (name,)))
    release = Release05(name, (shape[0], shape[1], shape[2]))
    factor, value_unit = (1.0, release.unit) if unit is None else base_unit(unit)
    turned = bool(release.bottom_first) if bottom_first is None else bottom_first
    doubts = release.doubts(rows_given=bottom_first is not None, size_given=pixel_size_nm is not None)
    if not value_unit:
        doubts.append("the unit of the pixel values is not known; give unit")
    if pixel_size_nm is None and positive(size) is None:
        raise FileFormatError(f"{path}: the size of a pixel is {size!r} nm; it must be positive")
    read = Frames05(path, "data", release.shape, np.dtype(np.float32), factor, turned)
    duration = positive(frames[0].get("frame_duration_s"))
    movie = Movie(
        path=path,
        format="bundle-05",
        channel=name,
        channels=(name,),
        shape=release.shape,
        pixel_size_nm=pixel_pair(size if pixel_size_nm is None else pixel_size_nm, f"{path}: "),
        unit=value_unit,
        read=StampedFrames(read, FileStamp.of(path)),
        frame_metadata=frames,
        # That release's direction of the scan is not that of the rows as they are stored.
        scan=ScanGeometry(lines=shape[1], frame_time_s=duration) if duration else None,
        header={
            "provenance": record,
            "start_time": _start_time(frames),
            "first_stored_line": _LINES[release.bottom_first if bottom_first is None else bottom_first],
        },
        warnings=tuple(f"{path.name}: {doubt}" for doubt in doubts),
    )
    return replace(movie, load=partial(_load, movie, read))


@errors_as_reasons
def sniff_bundle_05(path: Path, head: bytes) -> str | None:
    """Return the reason why a file is not a bundle of playNano 0.5, or None if it is one.

    Parameters
    ----------
    path
        The file.
    head
        Its first bytes.

    Returns
    -------
    str or None
        The reason.
    """
    if not head.startswith(SIGNATURE):
        return "it is not an HDF5 file"
    with checked_file(path) as file:
        return _refusal(file)


def _refusal(file: Any) -> str | None:
    missing = [name for name in _MEMBERS if name not in file]
    missing += [name for name in ("channel", "pixel_size_nm") if name not in file.attrs]
    return f"it is not a bundle of playNano 0.5: it has no {', '.join(missing)}" if missing else None


def _json(dataset: Any, kind: type, path: Path) -> Any:
    """Return the value of a dataset of JSON text."""
    try:
        value = json.loads(dataset[()])
    except (TypeError, ValueError) as error:
        raise FileFormatError(f"{path}: {dataset.name} is not JSON text: {error}") from error
    if not isinstance(value, kind):
        raise FileFormatError(f"{path}: {dataset.name} is not a {kind.__name__}")
    return value


def _frames(file: Any, n_frames: int, path: Path) -> list[dict[str, Any]]:
    """Return the metadata of each frame, with the start of the first one at 0 s."""
    entries = _json(file["frame_metadata_json"], list, path)
    check_stored(file["timestamps"], (n_frames,), path)
    times = np.asarray(file["timestamps"][()], dtype=np.float64)
    if len(entries) != n_frames or not all(isinstance(entry, dict) for entry in entries):
        raise FileFormatError(f"{path}: there are metadata of {len(entries)} frames for {n_frames} frames")
    starts = (times - times[0]).tolist()
    return [{**entry, "timestamp": start} for entry, start in zip(entries, starts, strict=True)]


def _start_time(frames: list[dict[str, Any]]) -> str | None:
    """Return when the first frame began, as ISO 8601 text."""
    start = positive(frames[0].get("start_epoch_ms"))
    return iso_from_ms(int(start)) if start is not None and start < _LAST_MS else None


def _load(movie: Movie, read: Frames05, lazy: bool) -> Stack:
    """Return the stack with its snapshots and masks: in memory, or as Dask arrays."""
    path = movie.path.absolute() if lazy else movie.path
    stamp = FileStamp.of(path)

    def array(name: str, dtype: npt.DTypeLike, factor: float) -> Any:
        kind = np.dtype(dtype)
        frames = StampedFrames(replace(read, path=path, name=name, dtype=kind, factor=factor), stamp)
        if not lazy:
            return frames(0, movie.shape[0])
        return lazy_movie(FrameReader(frames, movie.shape, kind), movie.shape, kind)

    stack = new_stack(
        array("data", np.float32, read.factor),
        movie.pixel_size_nm,
        movie.channel,
        movie.path,
        movie.frame_metadata,
        scan=movie.scan,
        unit=movie.unit,
        metadata={**movie.header, "format": movie.format, "channels": list(movie.channels)},
    )
    for text in movie.warnings:
        stack.warn(text.removeprefix(f"{movie.path.name}: "))
    for name in _snapshots(path, "processed", movie.shape):
        stack.processed[name] = array(f"processed/{name}", np.float32, read.factor)
    for name in _snapshots(path, "masks", movie.shape):
        stack.masks[name] = array(f"masks/{name}", np.bool_, 1.0)
    return stack


def _snapshots(path: Path, group: str, shape: tuple[int, int, int]) -> list[str]:
    """Return the names of the datasets of numbers of a group that have the shape of the movie.

    Frames can have been removed after a snapshot was taken, which then belongs to another movie.
    """
    with checked_file(path) as file:
        members = file.get(group, {})
        return [
            str(name)
            for name, member in members.items()
            if getattr(member, "shape", None) == shape and member.dtype.kind in "biuf"
        ]
