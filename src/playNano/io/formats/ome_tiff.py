"""Reader for OME-TIFF movies: those of playNano, Bio-Formats, tifffile and the playNano releases up to 0.5.

Tested on files that playNano 0.5, tifffile and our writer make. Movies in several files, colour images and stacks
in depth are refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from playNano._options import Unit, pixel_pair
from playNano.core.scan import ScanGeometry
from playNano.errors import FileFormatError, ParameterError
from playNano.io.formats.frames import check_range, errors_as_reasons
from playNano.io.formats.ome_xml import OmeMovie, read_ome_xml
from playNano.io.formats.release_05 import Release05, is_height_name, record_of_05
from playNano.io.formats.tiff_movie import opened_tiff
from playNano.io.formats.tiff_walk import check_pages, is_any_tiff
from playNano.io.metadata import base_unit, pick_channel
from playNano.io.movie import Movie
from playNano.io.own_metadata import OwnMetadata
from playNano.io.stamp import FileStamp, StampedFrames

Edge = Annotated[float, Field(gt=0)]
_TYPES = {"float": "float32", "double": "float64", "bit": "bool"}
_NO_COMPRESSION = 1
_MAX_PACKING = 1100


@dataclass(frozen=True)
class OmeFrames:
    """Decodes frames of one channel page by page; holds no open file, and can be pickled.

    Parameters
    ----------
    path
        The file.
    pages
        The page of each frame.
    shape
        (height, width).
    factor
        Value of a stored 1.
    bottom_first
        Whether the bottom line is stored first.
    first_bytes
        Where the pixels of each frame begin, if all are plain numbers, else None.
    dtype
        Type of a stored pixel.
    """

    path: Path
    pages: tuple[int, ...]
    shape: tuple[int, int]
    factor: float
    bottom_first: bool
    first_bytes: tuple[int, ...] | None
    dtype: str

    def __call__(self, start: int, stop: int) -> npt.NDArray[np.float32]:
        """Decode frames [start, stop)."""
        values = np.empty(
            (check_range(start, stop, len(self.pages), self.path), *self.shape), dtype=np.float32
        )
        if self.first_bytes is not None:
            for i, offset in enumerate(self.first_bytes[start:stop]):
                values[i] = self._scaled(self._plain(offset))
        elif stop > start:
            with opened_tiff(self.path) as file:
                for i, page in enumerate(self.pages[start:stop]):
                    values[i] = self._scaled(file.pages[page].asarray())
        return values

    def _plain(self, offset: int) -> npt.NDArray[Any]:
        """Return the stored numbers of a page that is not compressed."""
        count = self.shape[0] * self.shape[1]
        stored = np.fromfile(self.path, self.dtype, count=count, offset=offset)
        if len(stored) != count:
            raise FileFormatError(f"{self.path}: the file is cut off: a page ends after {len(stored)} pixels")
        return stored

    def _scaled(self, stored: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the values of stored numbers, top line first."""
        rows = stored.reshape(self.shape)[:: -1 if self.bottom_first else 1]
        with np.errstate(over="ignore", invalid="ignore"):
            return rows if self.factor == 1 else (rows * np.float64(self.factor)).astype(np.float32)


def open_ome_tiff(
    path: str | Path,
    channel: str | None = None,
    *,
    pixel_size_nm: Annotated[Edge | tuple[Edge, Edge], Unit("nm")] | None = None,
    frame_time_s: Annotated[float, Field(gt=0), Unit("s")] | None = None,
    unit: str | None = None,
    bottom_first: bool | None = None,
) -> Movie:
    """Read OME-TIFF movies (`.ome.tif`), also those of playNano 0.5.

    Parameters
    ----------
    path
        The file.
    channel
        Name of the channel, or a name for the height; the only channel of a file of another name is also the
        height. None means the height, or the first channel.
    pixel_size_nm
        Size of a pixel, nm, a number or (y, x). It must be given if the file does not state it as a length; a given
        one is used in place of the file's.
    frame_time_s
        Time from frame to frame, s; a given one is used in place of the file's times.
    unit
        Unit of the stored values, as in "nm"; a given one is used in place of the file's. Without either it is
        unknown.
    bottom_first
        Whether the bottom line of the image is stored first. By default it is the top line, as in every OME-TIFF,
        except in files of playNano 0.5 from an `.asd` movie.

    Returns
    -------
    Movie
        Row 0 is the top line. Pixels, sizes, times, scan geometry and metadata of a file that playNano wrote are
        exactly those that were written.

    Raises
    ------
    FileFormatError
        The file is not such a movie, or is cut off.
    ChannelError
        The file does not have the channel.
    ParameterError
        The file does not state the size of its pixels, and `pixel_size_nm` is missing.
    """
    path = Path(path)
    check_pages(path)
    with opened_tiff(path) as file:
        described = read_ome_xml(_description(file, path), path, len(file.pages))
        names = described.channels
        index = names.index(pick_channel(path, channel, names, _aliases(names)))
        pages = tuple(int(page) for page in described.pages[index])
        first_bytes, dtype = _layout(file, pages, described, path)
        earlier = record_of_05(file.pages.first.tags)
    release = None if earlier is None else Release05(names[index], described.shape)
    own, changed = _trusted(described, index)
    names = names if own is None else (own.channel,)
    factor, value_unit = _unit(unit, own, release)
    doubts = [*changed, *_doubts(release, value_unit, own, bottom_first, pixel_size_nm)]
    return Movie(
        path=path,
        format="ome-tiff",
        channel=names[index],
        channels=names,
        shape=described.shape,
        pixel_size_nm=_size_nm(pixel_size_nm, described, own, path),
        unit=value_unit,
        read=StampedFrames(
            OmeFrames(
                path, pages, described.shape[1:], factor, _turned(bottom_first, release), first_bytes, dtype
            ),
            FileStamp.of(path),
        ),
        frame_metadata=_frames(described, index, own, frame_time_s),
        scan=_scan(described, own, frame_time_s),
        header={
            **({"name": described.name} if own is None else own.header),
            **({} if earlier is None else {"provenance": earlier}),
        },
        warnings=(*(() if own is None else own.warnings), *(f"{path.name}: {doubt}" for doubt in doubts)),
    )


@errors_as_reasons
def sniff_ome_tiff(path: Path, head: bytes) -> str | None:
    """Return why a file is no OME-TIFF file, or None where it may be.

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
    if not is_any_tiff(head):
        return "it is not a TIFF file"
    check_pages(path, max_pages=1)
    with opened_tiff(path) as file:
        _description(file, path)
    return None


def _description(file: Any, path: Path) -> str:
    """Return the OME-XML description of a file."""
    text = file.ome_metadata
    if not text:
        raise FileFormatError(f"{path}: it is a TIFF file without an OME-XML description")
    return str(text)


def _aliases(names: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Return what names of the height mean: the channels of the height, or the only channel."""
    heights = names if len(names) == 1 else tuple(name for name in names if is_height_name(name))
    return {"height_trace": heights, "height": heights}


def _layout(
    file: Any, pages: tuple[int, ...], described: OmeMovie, path: Path
) -> tuple[tuple[int, ...] | None, str]:
    """Return where the pixels of each page begin (None if they are packed), and the type of a stored pixel."""
    first_bytes, plain, types = [], True, set()
    plane = described.shape[1:]
    for number in pages:
        page = file.pages[number]
        if tuple(page.shape) != plane or page.samplesperpixel != 1 or page.dtype is None:
            raise FileFormatError(
                f"{path}: the page {number} of the OME-TIFF file has the shape {tuple(page.shape)}; its description "
                f"states {plane}"
            )
        plain_bytes, stored = plane[0] * plane[1] * page.dtype.itemsize, sum(page.databytecounts)
        packed = page.compression != _NO_COMPRESSION
        if page.dtype.kind != "b" and plain_bytes > stored * (_MAX_PACKING if packed else 1):
            raise FileFormatError(f"{path}: the page {number} has {stored} of {plain_bytes} bytes of pixels")
        plain = plain and not packed and page.is_contiguous and page.dtype.kind != "b"
        first_bytes.append(int(page.dataoffsets[0]))
        types.add(page.dtype.newbyteorder(file.byteorder).str)
    if len(types) != 1:
        raise FileFormatError(f"{path}: the pages of the OME-TIFF file have different types: {sorted(types)}")
    dtype = types.pop()
    name = np.dtype(dtype).name
    if name != _TYPES.get(described.type, described.type) or np.dtype(dtype).kind not in "biuf":
        raise FileFormatError(
            f"{path}: the pixels of the OME-TIFF file are {name}; its description states {described.type!r}"
        )
    return tuple(first_bytes) if plain else None, dtype


def _trusted(described: OmeMovie, index: int) -> tuple[OwnMetadata | None, list[str]]:
    """Return the metadata that playNano wrote if the rest of the file agrees with them, and the doubt if not."""
    own = described.own
    if own is None:
        return None, []
    size = own.pixel_size_nm
    stamps = np.array([entry.get("timestamp", np.nan) for entry in own.frame_metadata], dtype=np.float64)
    agree = (
        len(described.channels) == 1
        and _same_name(own.channel, described.channels[0])
        and len(stamps) == described.shape[0]
        and size is not None
        and described.pixel_size_nm is not None
        and np.allclose(size, described.pixel_size_nm, rtol=1e-6)
        and _same_times(stamps, described.times_s[index])
    )
    if agree:
        return own, []
    return None, [
        "another program changed the file after playNano wrote it, so that only the metadata of OME are used"
    ]


def _same_name(channel: str, stored: str) -> bool:
    """Return whether XML may hold a channel's name as stored: it has no control characters, and no empty name."""
    return not channel or re.sub(r"\W", "", channel) == re.sub(r"\W", "", stored)


def _same_times(stamps: npt.NDArray[np.float64], times_s: npt.NDArray[np.float64]) -> bool:
    """Return whether times of frames are those of the planes, where the planes have times."""
    known = np.isfinite(times_s)
    return bool(np.allclose(stamps[known], times_s[known], rtol=1e-6, atol=1e-9))


def _unit(given: str | None, own: OwnMetadata | None, release: Release05 | None) -> tuple[float, str]:
    """Return the value of a stored 1, and its unit: as given, else as in the file; "" if it is not known."""
    if given is not None:
        return base_unit(given)
    if own is not None:
        return 1.0, own.unit
    return 1.0, release.unit if release is not None else ""


def _turned(bottom_first: bool | None, release: Release05 | None) -> bool:
    """Return whether the bottom line is stored first."""
    if bottom_first is not None:
        return bottom_first
    return bool(release is not None and release.bottom_first)


def _doubts(
    release: Release05 | None, unit: str, own: OwnMetadata | None, bottom_first: bool | None, size: Any
) -> list[str]:
    """Return what is not known of a movie."""
    doubts = [] if unit or own is not None else ["the unit of the pixel values is not known; give unit"]
    if release is None:
        return doubts
    return doubts + release.doubts(rows_given=bottom_first is not None, size_given=size is not None)


def _size_nm(given: Any, described: OmeMovie, own: OwnMetadata | None, path: Path) -> tuple[float, float]:
    """Return the size of a pixel (y, x), nm: as given, else as in the file."""
    if given is not None:
        return pixel_pair(given, f"{path}: ")
    if own is not None:
        return pixel_pair(own.pixel_size_nm, f"{path}: ")
    if described.pixel_size_nm is None:
        raise ParameterError(
            f"{path}: the OME-TIFF file does not state the size of its pixels as lengths; give pixel_size_nm "
            "(--pixel-size-nm)"
        )
    return described.pixel_size_nm


def _frames(
    described: OmeMovie, index: int, own: OwnMetadata | None, frame_time_s: float | None
) -> list[dict[str, Any]]:
    """Return the metadata of each frame: as playNano wrote them, with the times of the planes, or the interval."""
    n_frames = described.shape[0]
    frames = [{} for _ in range(n_frames)] if own is None else own.frame_metadata
    if frame_time_s is not None:
        return [{**entry, "timestamp": i * float(frame_time_s)} for i, entry in enumerate(frames)]
    times = described.times_s[index]
    known = np.isfinite(times)
    if own is not None or not (known.any() or described.interval_s):
        return frames
    if not known.any():
        times, known = np.arange(n_frames) * float(described.interval_s or 0.0), np.ones(n_frames, np.bool_)
    starts = times - times[known][0]
    return [
        {"timestamp": float(start)} if is_known else {} for start, is_known in zip(starts, known, strict=True)
    ]


def _scan(described: OmeMovie, own: OwnMetadata | None, frame_time_s: float | None) -> ScanGeometry | None:
    """Return the scan geometry that playNano wrote, or the time of a frame."""
    scan = None if own is None else own.scan
    interval = frame_time_s or (described.interval_s if own is None else None)
    if interval is None:
        return scan
    return replace(scan or ScanGeometry(lines=described.shape[1]), frame_time_s=float(interval))
