"""The OME-XML description within OME-TIFF files: axes, pages, sizes, times, channels and annotations."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt

from playNano.errors import FileFormatError
from playNano.io.formats.header_values import finite, whole
from playNano.io.metadata import base_unit
from playNano.io.own_metadata import OWN, OwnMetadata, read_own

_SECONDS = {
    "s": 1.0, "ms": 1e-3, "\u00b5s": 1e-6, "\u03bcs": 1e-6, "ns": 1e-9, "min": 60.0, "h": 3600.0, "d": 86400.0,
}  # fmt: skip
_DEFAULT_LENGTH, _DEFAULT_TIME = "\u00b5m", "s"
_PLANE_AXES = "CZT"


@dataclass(frozen=True)
class OmeMovie:
    """What OME-XML states of a movie.

    Parameters
    ----------
    shape
        (n_frames, height, width).
    type
        Name of the type of a pixel, such as "float" or "uint16".
    channels
        Names of the channels.
    pages
        Number of the page of each channel and frame, (n_channels, n_frames).
    pixel_size_nm
        (y, x), nm; None where the size or its unit is not stated.
    times_s
        Time of each channel and frame, s, (n_channels, n_frames); NaN where it is not stated.
    interval_s
        Time from frame to frame, s, or None.
    own
        Metadata that playNano wrote, or None.
    name
        Name of the image.
    """

    shape: tuple[int, int, int]
    type: str
    channels: tuple[str, ...]
    pages: npt.NDArray[np.int64]
    pixel_size_nm: tuple[float, float] | None
    times_s: npt.NDArray[np.float64]
    interval_s: float | None
    own: OwnMetadata | None = None
    name: str = ""


def read_ome_xml(text: str, path: Path, n_pages: int) -> OmeMovie:
    """Return what an OME-XML description states of the movie in its file.

    Parameters
    ----------
    text
        The description.
    path
        The file, for messages.
    n_pages
        Pages in the file.

    Returns
    -------
    OmeMovie
        Sizes in nm, times in s.

    Raises
    ------
    FileFormatError
        The description is damaged, or that of a movie in several files, several images, a stack in depth or a
        colour image.
    """
    root = _root(text, path)
    images = _children(root, "Image")
    if len(images) != 1:
        names = ", ".join(repr(image.get("Name", "")) for image in images[:5])
        raise FileFormatError(
            f"{path}: the OME-TIFF file has {len(images)} images ({names}); a movie is one image; save each as a "
            "file of its own"
        )
    pixels = _children(images[0], "Pixels")
    if len(pixels) != 1:
        raise FileFormatError(f"{path}: the image of the OME-TIFF file has no pixels")
    return _movie(root, images[0], pixels[0], path, n_pages)


def _root(text: str, path: Path) -> ElementTree.Element:
    """Parse the description; entities and references to other files are refused."""
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise FileFormatError(f"{path}: the OME-XML description defines entities, which are not read")
    try:
        root = ElementTree.fromstring(text.encode("utf-8", errors="replace"))
    except ElementTree.ParseError as error:
        raise FileFormatError(f"{path}: the OME-XML description is damaged: {error}") from error
    for element in _children(root, "BinaryOnly"):
        raise FileFormatError(
            f"{path}: the OME-TIFF file is one of several of a movie, which {element.get('MetadataFile')} "
            "describes; save the movie as one file"
        )
    return root


def _movie(root: Any, image: Any, pixels: Any, path: Path, n_pages: int) -> OmeMovie:
    """Return the description of a movie, from its elements."""
    sizes = {axis: whole(pixels.get(f"Size{axis}"), path, f"Size{axis}") for axis in "XYZCT"}
    if sizes["Z"] != 1:
        raise FileFormatError(
            f"{path}: the OME-TIFF file has {sizes['Z']} planes in depth (Z) and {sizes['T']} in time (T); a movie "
            "has one plane in depth"
        )
    for data in _children(pixels, "TiffData"):
        _check_same_file(root, data, path)
    channels = _channels(pixels, sizes["C"], path)
    planes = math.prod(sizes[axis] for axis in _PLANE_AXES)
    if planes > n_pages:
        raise FileFormatError(f"{path}: the OME-TIFF file describes {planes} planes and has {n_pages}")
    return OmeMovie(
        shape=(sizes["T"], sizes["Y"], sizes["X"]),
        type=str(pixels.get("Type", "")),
        channels=channels,
        pages=_pages(pixels, sizes, path, n_pages),
        pixel_size_nm=_pixel_size_nm(pixels, path),
        times_s=_times_s(pixels, sizes, path),
        interval_s=_interval_s(pixels, path),
        own=_own(root, path),
        name=str(image.get("Name", "")),
    )


def _name(element: Any) -> str:
    """Return the name of an element without its namespace, which states the version of the schema."""
    return str(element.tag).rpartition("}")[2]


def _children(element: Any, name: str) -> list[Any]:
    return [child for child in element if _name(child) == name]


def _channels(pixels: Any, count: int, path: Path) -> tuple[str, ...]:
    """Return the names of the channels, each once."""
    names: list[str] = []
    for channel in _children(pixels, "Channel"):
        if whole(channel.get("SamplesPerPixel", 1), path, "SamplesPerPixel") != 1:
            raise FileFormatError(f"{path}: the OME-TIFF file is a colour image, not a movie of heights")
        names.append(channel.get("Name") or f"channel {len(names) + 1}")
    names += [f"channel {number + 1}" for number in range(len(names), count)]
    if len(names) != count:
        raise FileFormatError(f"{path}: the OME-TIFF file describes {len(names)} channels and has {count}")
    return tuple(f"{name} ({i + 1})" if names.count(name) > 1 else name for i, name in enumerate(names))


def _pages(pixels: Any, sizes: dict[str, int], path: Path, n_pages: int) -> npt.NDArray[np.int64]:
    """Return the page of each channel and frame, or raise where one is missing."""
    order = str(pixels.get("DimensionOrder", ""))[2:]
    if sorted(order) != sorted(_PLANE_AXES):
        raise FileFormatError(f"{path}: the OME-TIFF file has the axes {pixels.get('DimensionOrder')!r}")
    lengths = [sizes[axis] for axis in order]
    pages = np.full(math.prod(lengths), -1, dtype=np.int64)
    for data in _children(pixels, "TiffData"):
        first = [whole(data.get(f"First{axis}", 0), path, f"First{axis}", 0) for axis in order]
        page = whole(data.get("IFD", 0), path, "IFD", 0)
        start = first[0] + lengths[0] * (first[1] + lengths[1] * first[2])
        default = 1 if "IFD" in data.attrib else len(pages) - start
        count = whole(data.get("PlaneCount", data.get("NumPlanes", default)), path, "PlaneCount", 0)
        if any(a >= b for a, b in zip(first, lengths, strict=True)) or start + count > len(pages):
            raise FileFormatError(
                f"{path}: the OME-TIFF file has planes beyond the {len(pages)} of the movie"
            )
        pages[start : start + count] = page + np.arange(count)
    if (missing := int(((pages < 0) | (pages >= n_pages)).sum())) > 0:
        raise FileFormatError(f"{path}: the OME-TIFF file lacks {missing} of {len(pages)} planes")
    if len(np.unique(pages)) != len(pages):
        raise FileFormatError(f"{path}: planes of the OME-TIFF file refer to the same page")
    placed = pages.reshape(lengths, order="F")
    return np.asarray(placed.transpose([order.index(axis) for axis in _PLANE_AXES])[:, 0, :])


def _check_same_file(root: Any, data: Any, path: Path) -> None:
    """Raise FileFormatError where a plane is in another file."""
    for other in _children(data, "UUID"):
        own = root.get("UUID")
        name = other.get("FileName", "")
        same = (other.text or "").strip() == own if own else name in ("", path.name)
        if not same:
            raise FileFormatError(
                f"{path}: a part of the movie is in another OME-TIFF file, {name or other.text}; save the movie as "
                "one file"
            )


def _pixel_size_nm(pixels: Any, path: Path) -> tuple[float, float] | None:
    """Return the size of a pixel (y, x), nm; None where it is not stated as a length."""
    sizes = []
    for axis in "YX":
        value = pixels.get(f"PhysicalSize{axis}")
        factor, unit = base_unit(str(pixels.get(f"PhysicalSize{axis}Unit", _DEFAULT_LENGTH)))
        if value is None or unit != "nm":
            return None
        size = finite(value, path, f"PhysicalSize{axis}") * factor
        if size <= 0:
            raise FileFormatError(f"{path}: PhysicalSize{axis} is {value}; it must be positive")
        sizes.append(size)
    return sizes[0], sizes[1]


def _times_s(pixels: Any, sizes: dict[str, int], path: Path) -> npt.NDArray[np.float64]:
    """Return the time of each channel and frame, s; NaN where it is not stated."""
    times = np.full((sizes["C"], sizes["T"]), np.nan)
    for plane in _children(pixels, "Plane"):
        channel, frame = (whole(plane.get(f"The{axis}"), path, f"The{axis}", 0) for axis in "CT")
        factor = _SECONDS.get(str(plane.get("DeltaTUnit", _DEFAULT_TIME)))
        if "DeltaT" not in plane.attrib or factor is None:
            continue
        if channel >= sizes["C"] or frame >= sizes["T"]:
            raise FileFormatError(
                f"{path}: the OME-TIFF file has a time for the frame {frame}, which is missing"
            )
        times[channel, frame] = finite(plane.get("DeltaT"), path, "DeltaT") * factor
    return times


def _interval_s(pixels: Any, path: Path) -> float | None:
    value = pixels.get("TimeIncrement")
    factor = _SECONDS.get(str(pixels.get("TimeIncrementUnit", _DEFAULT_TIME)))
    if value is None or factor is None:
        return None
    interval = finite(value, path, "TimeIncrement") * factor
    return interval if interval > 0 else None


def _comments(root: Any) -> Iterator[tuple[str, str]]:
    """Yield namespace and text of the comments."""
    for group in _children(root, "StructuredAnnotations"):
        for comment in _children(group, "CommentAnnotation"):
            for value in _children(comment, "Value"):
                yield str(comment.get("Namespace", "")), value.text or ""


def _own(root: Any, path: Path) -> OwnMetadata | None:
    """Return the metadata that playNano wrote, or None."""
    for namespace, text in _comments(root):
        if namespace == OWN:
            try:
                value = json.loads(text)
            except (ValueError, RecursionError) as error:
                raise FileFormatError(f"{path}: playNano's metadata are damaged: {error}") from error
            return read_own(value, path)
    return None
