"""Reader for TIFF movies: hyperstacks of ImageJ, files of several pages, BigTIFF.

Tested on files that tifffile and ImageJ's layout define. OME-TIFF has a reader of its
own; colour images and stacks of depth and time are refused.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from playNano._options import Unit
from playNano.core.scan import ScanGeometry
from playNano.errors import FileFormatError, ParameterError, PlayNanoError
from playNano.io.formats.frames import Calibration, check_bytes, check_range
from playNano.io.formats.header_values import finite, positive
from playNano.io.formats.tiff_walk import check_pages, is_any_tiff
from playNano.io.metadata import base_unit, frame_dicts, length_nm, pick_channel
from playNano.io.movie import Movie

_OTHER_FORMATS = {0x8000: "JPK", 0x8050: "JPK", 50432: "Park Systems"}
_CHANNELS, _PLANE = "C", "YX"
_LENGTH_NAMES = {"micron": "um", "microns": "um", "\\u00B5m": "um", "nanometer": "nm", "nanometers": "nm"}
_MAX_PACKING = 1100
_DAMAGE = (
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    RuntimeError,
    ArithmeticError,
    EOFError,
    OSError,
    struct.error,
    zlib.error,
)


@dataclass(frozen=True)
class TiffFrames:
    """Decodes frames of a TIFF movie page by page; holds no open file, and can be pickled.

    Parameters
    ----------
    path
        The file.
    pages
        The page of each frame.
    shape
        (height, width).
    scaling
        From stored numbers to values.
    plain
        Where the first page's pixels begin and how one is stored, if all pages are stored behind one another as
        plain numbers; None if they are not.
    """

    path: Path
    pages: range
    shape: tuple[int, int]
    scaling: Calibration
    plain: tuple[int, str] | None = None

    def __call__(self, start: int, stop: int) -> npt.NDArray[np.float32]:
        """Decode frames [start, stop)."""
        values = np.empty(
            (check_range(start, stop, len(self.pages), self.path), *self.shape), dtype=np.float32
        )
        with np.errstate(over="ignore", invalid="ignore"):
            for i, page in enumerate(self._stored(self.pages[start:stop])):
                raw = page.astype(np.float64).reshape(self.shape)
                values[i] = raw * self.scaling.slope + self.scaling.intercept
        return values

    def _stored(self, pages: range) -> Iterator[npt.NDArray[Any]]:
        """Yield the stored numbers of pages."""
        if self.plain is None:
            with opened_tiff(self.path) as file:
                for page in pages:
                    yield np.asarray(file.series[0].pages[page].asarray())
            return
        first_byte, dtype = self.plain
        count = math.prod(self.shape)
        for page in pages:
            offset = first_byte + page * count * np.dtype(dtype).itemsize
            check_bytes(self.path, offset + count * np.dtype(dtype).itemsize, f"image {page}")
            yield np.fromfile(self.path, dtype, count=count, offset=offset)


def open_tiff(
    path: str | Path,
    channel: str | None = None,
    *,
    pixel_size_nm: Annotated[float, Field(gt=0), Unit("nm")] | None = None,
    frame_time_s: Annotated[float, Field(gt=0), Unit("s")] | None = None,
    unit: str | None = None,
) -> Movie:
    """Read TIFF movies: ImageJ hyperstacks, files of several pages, BigTIFF.

    Parameters
    ----------
    path
        The file.
    channel
        As in "channel 1". None, or the height, means the first one.
    pixel_size_nm
        Size of a pixel, nm. It must be given if the file does not state it; a given one is used in place of the
        file's.
    frame_time_s
        Time from frame to frame, s; a given one is used in place of the file's.
    unit
        Unit of the stored values, as in "nm"; a given one is used in place of the file's. Without either it is
        unknown.

    Returns
    -------
    Movie
        Row 0 is the first row of a page. The file does not state how it was scanned.

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
    _check_format(path)
    with opened_tiff(path) as file:
        if file.is_ome:
            raise FileFormatError(f"{path}: it is an OME-TIFF file, not a plain movie")
        if len(file.series) != 1:
            raise FileFormatError(
                f"{path}: the TIFF file has {len(file.series)} series of different images, not one"
            )
        series = file.series[0]
        n_channels, n_frames = _planes(series.axes, series.shape, path)
        shape = (int(series.shape[-2]), int(series.shape[-1]))
        described = dict(file.imagej_metadata or {}) if file.is_imagej else {}
        _check_series(series, described, path)
        y_nm, x_nm = (
            (pixel_size_nm,) * 2 if pixel_size_nm else _pixel_size_nm(series.pages[0], described, path)
        )
        plain = None
        if series.dataoffset is not None:
            plain = (int(series.dataoffset), series.dtype.newbyteorder(file.byteorder).str)
        channel_last = _CHANNELS in series.axes and series.axes.index(_CHANNELS) > 0
    names = [f"channel {number + 1}" for number in range(n_channels)]
    aliases = {"height_trace": names[:1], "height": names[:1]}
    index = names.index(pick_channel(path, channel, names, aliases))
    scaling = _scaling(described, unit, path)
    interval_s = frame_time_s or positive(described.get("finterval"))
    return Movie(
        path=path,
        format="tiff",
        channel=channel or names[index],
        channels=tuple(names),
        shape=(n_frames, *shape),
        pixel_size_nm=(float(y_nm), float(x_nm)),
        unit=scaling.unit,
        read=TiffFrames(
            path,
            range(index, n_frames * n_channels, n_channels)
            if channel_last
            else range(index * n_frames, (index + 1) * n_frames),
            shape,
            scaling,
            plain,
        ),
        frame_metadata=frame_dicts(n_frames, np.arange(n_frames) * interval_s if interval_s else None),
        scan=ScanGeometry(lines=shape[0], frame_time_s=interval_s) if interval_s else None,
        header={"file_channel": names[index], "start_time": None, "imagej": _plain(described)},
    )


def sniff_tiff(path: Path, head: bytes) -> str | None:
    """Return why a file is no TIFF movie, or None where it may be.

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
    try:
        _check_format(path, max_pages=1)
    except FileFormatError as error:
        return str(error).removeprefix(f"{path}: ")
    return None


def _check_format(path: Path, max_pages: int | None = None) -> None:
    """Raise FileFormatError where the file is damaged, or of a format that only uses TIFF as a container."""
    for tags in check_pages(path, max_pages):
        for tag in sorted(tags & set(_OTHER_FORMATS)):
            raise FileFormatError(
                f"{path}: the TIFF file is an image of {_OTHER_FORMATS[tag]}, not a plain movie"
            )


@contextmanager
def opened_tiff(path: Path) -> Iterator[Any]:
    """Open a TIFF file; whatever is wrong within the block is an error that names the file.

    Parameters
    ----------
    path
        The file.

    Yields
    ------
    tifffile.TiffFile
        Closed again when the block ends.

    Raises
    ------
    FileFormatError
        The file is damaged, or packed in a way that cannot be decoded.
    """
    import tifffile

    try:
        # Without a buffer, as the pages lie far apart.
        with path.open("rb", buffering=0) as source, tifffile.TiffFile(source) as file:
            yield file
    except (PlayNanoError, FileNotFoundError, PermissionError):
        raise
    except (*_DAMAGE, tifffile.TiffFileError) as error:
        raise FileFormatError(f"{path}: the TIFF file is damaged or cannot be decoded: {error}") from error


def _planes(axes: str, shape: tuple[int, ...], path: Path) -> tuple[int, int]:
    """Return the numbers of channels and of frames."""
    longer = [(axis, int(length)) for axis, length in zip(axes[:-2], shape, strict=False) if length > 1]
    frames = [(axis, length) for axis, length in longer if axis != _CHANNELS]
    if axes[-2:] != _PLANE or len(frames) > 1 or 0 in shape:
        raise FileFormatError(
            f"{path}: the axes of the TIFF file are {axes} of {shape}; a movie has frames, rows and columns, and "
            "perhaps channels"
        )
    channels = next((length for axis, length in longer if axis == _CHANNELS), 1)
    return channels, frames[0][1] if frames else 1


def _check_series(series: Any, described: dict[str, Any], path: Path) -> None:
    """Raise FileFormatError where the file cannot hold all planes of the movie."""
    page = series.pages[0]
    planes = math.prod(series.shape[:-2])
    if series.dtype.kind not in "iuf":
        raise FileFormatError(f"{path}: the pixels of the TIFF file are {series.dtype}, no real numbers")
    images = described.get("images", planes)
    # Above 4 GB ImageJ writes one page, and the pixels of the others behind its own.
    if images != planes or (len(series.pages) != planes and series.dataoffset is None):
        raise FileFormatError(f"{path}: the TIFF file states {images} images and has {len(series.pages)}")
    plane_bytes = math.prod(series.shape[-2:]) * series.dtype.itemsize
    stored = sum(page.databytecounts)
    if plane_bytes > (_MAX_PACKING * stored if page.compression != 1 else stored):
        raise FileFormatError(f"{path}: a page of {plane_bytes} bytes has only {stored} in the TIFF file")
    if series.dataoffset is not None and series.dataoffset + planes * plane_bytes > path.stat().st_size:
        raise FileFormatError(f"{path}: the file is cut off: it is too short for {planes} images")


def _pixel_size_nm(page: Any, described: dict[str, Any], path: Path) -> tuple[float, float]:
    """Return the size of a pixel (y, x), nm, as ImageJ states it."""
    unit = str(described.get("unit", "")).strip()
    resolutions = [page.tags.get(name) for name in ("YResolution", "XResolution")]
    if not unit or unit in ("pixel", "pixels") or None in resolutions:
        raise ParameterError(
            f"{path}: the TIFF file does not state the size of its pixels; give pixel_size_nm (--pixel-size-nm)"
        )
    sizes = []
    for tag, key in zip(resolutions, ("yunit", "unit"), strict=True):
        pixels, length = (finite(value, path, "the resolution") for value in tag.value)
        if pixels <= 0:
            raise FileFormatError(f"{path}: the resolution of the TIFF file is {pixels:g} / {length:g} px")
        name = str(described.get(key, unit)).strip()
        sizes.append(length_nm(length / pixels, _LENGTH_NAMES.get(name, name), path, "the size of a pixel"))
    return sizes[0], sizes[1]


def _scaling(described: dict[str, Any], unit: str | None, path: Path) -> Calibration:
    """Return the scaling of the values: ImageJ's straight line, if there is one."""
    slope, intercept = 1.0, 0.0
    if "cf" in described:
        if described["cf"] != 0 or "c0" not in described or "c1" not in described:
            raise FileFormatError(
                f"{path}: the values are calibrated by ImageJ's function {described['cf']}, no line"
            )
        intercept, slope = (finite(described[key], path, key) for key in ("c0", "c1"))
    factor, name = base_unit(unit if unit is not None else str(described.get("vunit", "")))
    return Calibration(slope * factor, intercept * factor, name)


def _plain(described: dict[str, Any]) -> dict[str, Any]:
    """Return the entries that are text or numbers."""
    return {key: value for key, value in described.items() if isinstance(value, str | int | float | bool)}
