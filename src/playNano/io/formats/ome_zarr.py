"""Read OME-Zarr movies (NGFF 0.5, zarr v3)."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from playNano._options import Unit, pixel_pair
from playNano.core.scan import ScanGeometry
from playNano.errors import FileFormatError
from playNano.io.formats.frames import check_range, errors_as_reasons
from playNano.io.formats.incomplete import missing_frames
from playNano.io.metadata import frame_dicts, pick_channel
from playNano.io.movie import Movie
from playNano.io.stamp import FileStamp, StampedFrames

METADATA = "zarr.json"
OWN = "playNano"
"""Attribute with metadata that OME-Zarr does not define."""

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
    """

    path: Path
    axes: tuple[str, ...]
    shape: tuple[int, int, int]
    channel: int
    holes: frozenset[int] = frozenset()

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
) -> Movie:
    """Read `.zarr` images (OME-Zarr); the finest level of a pyramid is used.

    Parameters
    ----------
    path
        The store, a folder.
    channel
        Name of the channel, or a name for the height; stores without channels contain the height.
    pixel_size_nm
        Edge of a pixel, nm, a number or (y, x), for stores whose axes have no unit of length.

    Returns
    -------
    Movie
        Frames, with times if the time axis has a unit, and with the metadata and warnings that playNano wrote. Of a
        store that lacks chunks, the frames up to the last one that is whole; the others are NaN.

    Raises
    ------
    FileFormatError
        The store is not an OME-Zarr image of version 0.5, is damaged or has several planes in z.
    ChannelError
        The store does not contain the channel.
    """
    path = Path(path)
    attributes = _attributes(path)
    image = _first_image(path, attributes)
    axes = tuple(str(axis["name"]) for axis in image["axes"])
    units = {str(axis["name"]): axis.get("unit") for axis in image["axes"]}
    dataset = image["datasets"][0]
    shape = dict(zip(axes, _array(path / dataset["path"]).shape, strict=True))
    _check_axes(path, axes, shape)
    scale = dict(zip(axes, _scale(dataset, image, len(axes)), strict=True))
    own = attributes.get(OWN) or {}
    channels = _channels(own, attributes, shape.get("c", 1))
    name = pick_channel(path, channel, channels, dict.fromkeys(("height_trace", "height"), (channels[0],)))
    planned = shape.get("t", 1)
    written = _stored_frames(path / dataset["path"], axes, channels.index(name))
    n_frames, holes, missing = missing_frames(path, written, planned)
    frames = own.get("frame_metadata") or _frame_times(planned, scale.get("t"), units.get("t"))
    pixels = ZarrFrames(
        path / dataset["path"], axes, (n_frames, shape["y"], shape["x"]), channels.index(name), holes
    )
    return Movie(
        path=path,
        format="ome-zarr",
        channel=name,
        channels=channels,
        shape=(n_frames, shape["y"], shape["x"]),
        pixel_size_nm=_pixel_size(path, scale, units, pixel_size_nm),
        unit=str(own.get("unit", "nm")),
        # A store that is replaced has other metadata.
        read=StampedFrames(pixels, FileStamp.of(path / METADATA)),
        frame_metadata=frames[:n_frames],
        scan=ScanGeometry(**own["scan"]) if own.get("scan") else None,
        header={
            **own.get("metadata", {}),
            **({"processing": own["processing"]} if own.get("processing") else {}),
        },
        warnings=tuple(str(text) for text in own.get("warnings", ())),
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
    _first_image(path, _attributes(path))
    return None


def _attributes(path: Path) -> dict[str, Any]:
    source = path / METADATA
    if not source.is_file():
        old = " (zarr v2 stores are not read)" if (path / ".zattrs").is_file() else ""
        raise FileFormatError(f"{path}: it has no {METADATA}, so it is not a complete zarr v3 store{old}")
    try:
        content = json.loads(source.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise FileFormatError(f"{path}: {METADATA} is damaged: {error}") from error
    attributes = content.get("attributes") if isinstance(content, Mapping) else None
    return dict(attributes) if isinstance(attributes, Mapping) else {}


def _first_image(path: Path, attributes: Mapping[str, Any]) -> Any:
    ome = attributes.get("ome")
    if not isinstance(ome, Mapping):
        raise FileFormatError(f"{path}: it is a zarr store, but not an OME-Zarr one of version 0.5")
    if str(ome.get("version")) != "0.5":
        raise FileFormatError(f"{path}: it is OME-Zarr of version {ome.get('version')}; version 0.5 is read")
    images = ome.get("multiscales")
    if not images or not images[0].get("axes") or not images[0].get("datasets"):
        raise FileFormatError(f"{path}: it is an OME-Zarr store without an image")
    return images[0]


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
    if shape.get("z", 1) != 1:
        raise FileFormatError(f"{path}: it has {shape['z']} planes in z; a movie has one")


def _scale(dataset: Mapping[str, Any], image: Mapping[str, Any], n_axes: int) -> list[float]:
    scale = [1.0] * n_axes
    for transformations in (dataset, image):
        for one in transformations.get("coordinateTransformations", []):
            if one.get("type") == "scale":
                scale = [a * float(b) for a, b in zip(scale, one["scale"], strict=True)]
    return scale


def _pixel_size(
    path: Path, scale: Mapping[str, float], units: Mapping[str, Any], given: Any
) -> tuple[float, float]:
    if given is not None:
        return pixel_pair(given, f"{path}: ")
    if units["y"] not in _NM or units["x"] not in _NM:
        raise FileFormatError(
            f"{path}: the unit of y and x is {units['y']!r} and {units['x']!r}, which is not a length; "
            "give pixel_size_nm"
        )
    return scale["y"] * _NM[units["y"]], scale["x"] * _NM[units["x"]]


def _frame_times(n_frames: int, interval: float | None, unit: Any) -> list[dict[str, Any]]:
    if interval is None or unit not in _SECONDS:
        return [{} for _ in range(n_frames)]
    return frame_dicts(n_frames, np.arange(n_frames) * (interval * _SECONDS[unit]))


def _channels(own: Mapping[str, Any], attributes: Mapping[str, Any], count: int) -> tuple[str, ...]:
    if "channel" in own and count == 1:
        return (str(own["channel"]),)
    omero = attributes["ome"].get("omero") or {}
    labels = [str(entry.get("label", f"channel_{i}")) for i, entry in enumerate(omero.get("channels", []))]
    if count == 1:
        return (labels[0] if labels else "height_trace",)
    return tuple(labels) if len(labels) == count else tuple(f"channel_{i}" for i in range(count))
