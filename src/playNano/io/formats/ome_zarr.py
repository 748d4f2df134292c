"""Read OME-Zarr movies: NGFF 0.4 on zarr v2, and 0.5 on zarr v3.

Tested on stores that zarr-python, our writer and the layouts of ome-zarr-py and bioformats2raw define.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from playNano._options import Unit, pixel_pair
from playNano.errors import FileFormatError
from playNano.io.formats.frames import check_range, errors_as_reasons, numbered
from playNano.io.formats.header_values import positive
from playNano.io.formats.incomplete import missing_frames
from playNano.io.formats.zarr_store import ZarrImage, read_image
from playNano.io.metadata import base_unit, frame_dicts, pick_channel
from playNano.io.movie import Movie
from playNano.io.stamp import FileStamp, StampedFrames

_NM = {
    "nanometer": 1.0, "micrometer": 1e3, "millimeter": 1e6, "meter": 1e9, "picometer": 1e-3, "angstrom": 0.1,
}  # fmt: skip
_SECONDS = {
    "second": 1.0, "millisecond": 1e-3, "microsecond": 1e-6, "nanosecond": 1e-9, "minute": 60.0, "hour": 3600.0,
}  # fmt: skip

_MAX_CHUNKS_PER_FILE = 1000

Edge = Annotated[float, Field(gt=0)]


@dataclass(frozen=True)
class ZarrFrames:
    """Read frames of one channel; keeps no store open, and can be pickled.

    Parameters
    ----------
    path
        The array within the store.
    axes
        Names of its axes: "y", "x", usually "t", and possibly others.
    shape
        (n_frames, height, width).
    channel
        Index along the axis "c", if it exists.
    holes
        Frames of which chunks are missing; their pixels are NaN.
    factor
        Value of a stored 1.
    """

    path: Path
    axes: tuple[str, ...]
    shape: tuple[int, int, int]
    channel: int
    holes: frozenset[int] = frozenset()
    factor: float = 1.0

    def __call__(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Read frames [start, stop)."""
        check_range(start, stop, self.shape[0], self.path)
        picks: dict[str, Any] = {"t": slice(start, stop), "c": self.channel, "z": 0}
        array = _array(self.path)
        selection = tuple(picks.get(axis, slice(None)) for axis in self.axes)
        try:
            values = np.asarray(array[selection])
        except (
            OSError,
            RuntimeError,
            TypeError,
            ValueError,
        ) as error:  # what codecs raise for damaged chunks
            raise FileFormatError(
                f"{self.path}: frames {start} to {stop} cannot be decoded: {type(error).__name__}: {error}"
            ) from error
        left = [axis for axis in self.axes if axis in "tyx"]
        frames = values.transpose([left.index(axis) for axis in "tyx" if axis in left])
        frames = frames if "t" in left else frames[np.newaxis][start:stop]
        if self.factor != 1:
            frames = (frames * np.float64(self.factor)).astype(np.float32)
        wide = frames.dtype == np.float64
        pixels = np.ascontiguousarray(frames, dtype=np.float64 if wide else np.float32)
        lost = [i - start for i in range(start, stop) if i in self.holes]
        if lost:
            pixels = pixels.copy()
            pixels[lost] = np.nan
        return pixels


def open_ome_zarr(
    path: str | Path,
    channel: str | None = None,
    *,
    pixel_size_nm: Annotated[Edge | tuple[Edge, Edge], Unit("nm")] | None = None,
    unit: str | None = None,
) -> Movie:
    """Read `.zarr` images (OME-Zarr); the finest level of a pyramid is used.

    Parameters
    ----------
    path
        The store, a folder.
    channel
        Name of the channel, or a name for the height; the only channel of a store is also the height.
    pixel_size_nm
        Edge of a pixel, nm, a number or (y, x), for stores whose axes have no unit of length.
    unit
        Unit of the stored values, as in "nm"; a given one is used in place of that which playNano wrote. Without
        either it is unknown.

    Returns
    -------
    Movie
        Frames, with times if the time axis has a unit, and with the metadata and warnings that playNano wrote. Of a
        store that lacks chunks, the frames up to the last one that is whole; the others are NaN.

    Raises
    ------
    FileFormatError
        The store is not an OME-Zarr image of version 0.4 or 0.5, is damaged or has several planes in z.
    ChannelError
        The store does not contain the channel.
    """
    path = Path(path)
    image = read_image(path)
    sizes = tuple(int(n) for n in _array(image.array).shape)
    if len(sizes) != len(image.axes):
        raise FileFormatError(f"{path}: the array has {len(sizes)} axes; its metadata name {len(image.axes)}")
    lengths = dict(zip(image.axes, sizes, strict=True))
    _check_axes(path, image.axes, lengths)
    channels = _channels(image, lengths.get("c", 1))
    name = pick_channel(path, channel, channels, dict.fromkeys(("height_trace", "height"), (channels[0],)))
    planned = lengths.get("t", 1)
    written = _stored_frames(image.array, image.axes, channels.index(name))
    n_frames, holes, missing = missing_frames(path, written, planned)
    shape = (n_frames, lengths["y"], lengths["x"])
    own = image.own
    factor, value_unit = base_unit(unit) if unit is not None else (1.0, "" if own is None else own.unit)
    doubt = f"{path.name}: the unit of the pixel values is not known; give unit"
    pixels = ZarrFrames(image.array, image.axes, shape, channels.index(name), holes, factor)
    return Movie(
        path=path,
        format="ome-zarr",
        channel=name,
        channels=channels,
        shape=shape,
        pixel_size_nm=_pixel_size(path, image.scale, image.units, pixel_size_nm),
        unit=value_unit,
        # A store that is replaced has other metadata.
        read=StampedFrames(pixels, FileStamp.of(image.metadata)),
        frame_metadata=_frames(image, planned)[:n_frames],
        scan=None if own is None else own.scan,
        header={} if own is None else own.header,
        warnings=tuple(own.warnings) if own is not None else () if value_unit else (doubt,),
        incomplete=missing,
    )


@errors_as_reasons
def sniff_ome_zarr(path: Path, head: bytes) -> str | None:
    """Return the reason why a folder is not an OME-Zarr image, or None if it may be.

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
    read_image(path)
    return None


def _array(path: Path) -> Any:
    try:
        import zarr
    except ImportError as error:
        raise FileFormatError(f'{path}: zarr stores need `pip install "playNano[cluster]"`') from error
    try:
        return zarr.open_array(store=str(path), mode="r")
    except (FileNotFoundError, ValueError, KeyError, TypeError) as error:
        raise FileFormatError(f"{path}: the zarr array is missing or damaged: {error}") from error


def _stored_frames(path: Path, axes: tuple[str, ...], channel: int) -> list[int]:
    """Return the frames of which the store has all chunks; no chunk is read."""
    array = _array(path)
    sizes = array.shards or array.chunks
    blocks = [range(math.ceil(size / chunk)) for size, chunk in zip(array.shape, sizes, strict=True)]
    for axis, first in (("c", channel), ("z", 0)):
        if axis in axes:
            k = axes.index(axis)
            blocks[k] = range(first // sizes[k], first // sizes[k] + 1)
    count = math.prod(len(block) for block in blocks)
    files = sum(1 for _ in path.rglob("*"))
    if count > _MAX_CHUNKS_PER_FILE * files:
        raise FileFormatError(f"{path}: its pixels have {count} chunks, the store has {files} files")
    t = axes.index("t") if "t" in axes else None
    lost = set()
    for index in itertools.product(*blocks):
        if not (path / array.metadata.encode_chunk_key(index)).is_file():
            lost.add(0 if t is None else index[t])
    n_frames, step = (1, 1) if t is None else (array.shape[t], sizes[t])
    return [frame for frame in range(n_frames) if frame // step not in lost]


def _check_axes(path: Path, axes: tuple[str, ...], shape: Mapping[str, int]) -> None:
    if not {"y", "x"} <= set(axes) or set(axes) - set("tczyx"):
        raise FileFormatError(f"{path}: its axes are {', '.join(axes)}; a movie has t, y and x")
    if 0 in shape.values():
        raise FileFormatError(f"{path}: its array is empty: {dict(shape)}")
    if shape.get("z", 1) != 1:
        raise FileFormatError(f"{path}: it has {shape['z']} planes in z; a movie has one")


def _pixel_size(
    path: Path, scale: Mapping[str, float], units: Mapping[str, Any], given: Any
) -> tuple[float, float]:
    if given is not None:
        return pixel_pair(given, f"{path}: ")
    if units["y"] not in _NM or units["x"] not in _NM:
        raise FileFormatError(
            f"{path}: the unit of y and x is {units['y']!r} and {units['x']!r}, which is not a length; "
            "give pixel_size_nm (--pixel-size-nm)"
        )
    return pixel_pair((scale["y"] * _NM[units["y"]], scale["x"] * _NM[units["x"]]), f"{path}: ")


def _frames(image: ZarrImage, n_frames: int) -> list[dict[str, Any]]:
    """Return the metadata of each frame: as playNano wrote them, else with the times of the axis."""
    if image.own is not None and image.own.frame_metadata:
        if len(image.own.frame_metadata) != n_frames:
            raise FileFormatError(
                f"{image.array}: {n_frames} frames with metadata of {len(image.own.frame_metadata)}"
            )
        return image.own.frame_metadata
    interval, unit = positive(image.scale.get("t")), image.units.get("t")
    if interval is None or unit not in _SECONDS:
        return [{} for _ in range(n_frames)]
    return frame_dicts(n_frames, np.arange(n_frames) * (interval * _SECONDS[unit]))


def _channels(image: ZarrImage, count: int) -> tuple[str, ...]:
    """Return the names of the channels."""
    if image.own is not None and count == 1:
        return (image.own.channel,)
    if count == 1:
        return (image.labels[0] if image.labels else "channel_0",)
    return (
        tuple(numbered(image.labels))
        if len(image.labels) == count
        else tuple(f"channel_{i}" for i in range(count))
    )
