"""Reader for `.nhf`: images and movies of Nanosurf Studio (HDF5).

Tested on one real file of version 1.1, whose heights are those of the vendor's own export to 0.0003 nm. Version 2 is
read by its published layout and was tested on made files only: no real one was at hand.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from operator import ne
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from playNano.core.scan import ScanGeometry
from playNano.errors import FileFormatError
from playNano.io.formats.frames import check_range, errors_as_reasons, numbered
from playNano.io.formats.hdf5 import SIGNATURE
from playNano.io.formats.hdf5_values import attribute, check_stored, checked_file, stored_frames
from playNano.io.formats.header_values import finite, height_aliases, moment_of, positive, whole
from playNano.io.formats.nhf_image import NhfImage, nhf_scaling
from playNano.io.metadata import frame_dicts, length_nm, pick_channel
from playNano.io.movie import Movie

_ALIASES = height_aliases(("Topography", "Position Z"))
_DIRECTIONS: dict[str, Literal["down", "up"]] = {"up": "up", "down": "down"}
_WAYS = {"forward": "trace", "backward": "retrace"}
_HEADER = (
    "name",
    "measurement_type",
    "group_type",
    "scanner_rotation",
    "scanner_offset_x",
    "scanner_offset_y",
)


@dataclass(frozen=True)
class NhfFrames:
    """Decodes frames of one channel; holds no open file, and can be pickled.

    Parameters
    ----------
    path
        The file.
    images
        One for each frame, in order.
    """

    path: Path
    images: tuple[NhfImage, ...]

    def __call__(self, start: int, stop: int) -> npt.NDArray[np.float32]:
        """Decode frames [start, stop)."""
        count = check_range(start, stop, len(self.images), self.path)
        values = np.empty((count, *self.images[0].shape), dtype=np.float32)
        with checked_file(self.path) as file:
            for i in range(start, stop):
                values[i - start] = self.images[i].decode(file[self.images[i].dataset][()])
        return values


def open_nhf(path: str | Path, channel: str | None = None) -> Movie:
    """Read `.nhf` images and movies of Nanosurf Studio.

    Several measurements become one movie, in the order in which they began, if they have the same pixels, size,
    unit and timing.

    Parameters
    ----------
    path
        The file.
    channel
        As in "Topography_trace", "Position Z_retrace"; without an ending the trace is meant. None means the
        height.

    Returns
    -------
    Movie
        Lengths in nm; one frame for each measurement that has images. Lines that were not scanned or not written
        are NaN.

    Raises
    ------
    FileFormatError
        The file is not such a file, or its measurements do not fit together.
    ChannelError
        The file does not have the channel.
    """
    path = Path(path)
    with checked_file(path) as file:
        with_images = [
            (group, channels) for group in _measurements(file, path) if (channels := _channels(group, path))
        ]
        if not with_images:
            raise FileFormatError(f"{path}: none of its measurements has an image")
        common = tuple(
            name for name in with_images[0][1] if all(name in channels for _, channels in with_images)
        )
        if not common:
            names = ", ".join(_title(group) for group, _ in with_images)
            raise FileFormatError(f"{path}: its measurements have no channel in common: {names}")
        name = pick_channel(path, channel, common, _ALIASES)
        images = [_image(group, *channels[name], path) for group, channels in with_images]
        about = {key: attribute(with_images[0][0], key) for key in _HEADER if key in with_images[0][0].attrs}
        about["file_version"] = ".".join(
            str(attribute(file, f"nsf_file_version_{part}", "?")) for part in ("major", "minor")
        )
    images = _ordered(images, path)
    first = images[0]
    height, width = first.shape
    starts = [moment_of(image.start) for image in images]
    begin = starts[0]
    elapsed = [(start - begin).total_seconds() for start in starts if start and begin]
    return Movie(
        path=path,
        format="nhf",
        channel=channel or name,
        channels=common,
        shape=(len(images), height, width),
        pixel_size_nm=(first.size_nm[0] / height, first.size_nm[1] / width),
        unit=first.scaling.unit,
        read=NhfFrames(path, tuple(images)),
        frame_metadata=frame_dicts(
            len(images),
            elapsed if len(elapsed) == len(images) else [0.0] if len(images) == 1 else None,
            {
                "measurement": [image.measurement for image in images],
                "lines_acquired": [image.lines_acquired for image in images],
            },
        ),
        scan=_scan(images, name),
        header={"file_channel": name, "start_time": first.start, **about},
        warnings=tuple(
            f"{path.name}: {image.measurement}: the scan was interrupted, {image.lines_acquired} of {height} "
            "lines were scanned; the others are NaN"
            for image in images
            if image.lines_acquired < height
        ),
        incomplete=_missing(images),
    )


@errors_as_reasons
def sniff_nhf(path: Path, head: bytes) -> str | None:
    """Return why a file is no Nanosurf Studio file, or None where it may be.

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
        _measurements(file, path)
    return None


def _measurements(file: Any, path: Path) -> list[Any]:
    """Return the groups of the measurements, by number."""
    if "nsf_file_version_major" not in file.attrs:
        raise FileFormatError(f"{path}: the HDF5 file has no attribute nsf_file_version_major")
    names = [name for name in file if re.fullmatch(r"measurement_\d+", name)]
    if not names:
        raise FileFormatError(f"{path}: the HDF5 file has no group measurement_0")
    return [file[name] for name in sorted(names, key=lambda name: int(name.rpartition("_")[2]))]


def _title(measurement: Any) -> str:
    return str(attribute(measurement, "name", "")) or str(measurement.name).strip("/")


def _size(measurement: Any, segment: Any, path: Path) -> tuple[tuple[int, int], tuple[float, float]] | None:
    """Return (height, width) in px and the size (y, x) in nm; None where a segment is no image."""
    where = f"of {segment.name}"
    shape: Any = attribute(segment, "rect_axis_size")
    lengths: Any = attribute(segment, "rect_axis_range")
    if shape is None or lengths is None:
        keys = ("image_number_of_lines", "image_points_per_line")
        if any(key not in measurement.attrs for key in keys):
            return None
        shape = [attribute(measurement, key) for key in keys]
        lengths = [attribute(measurement, key) for key in ("image_size_y", "image_size_x")]
    if len(shape) != 2 or len(lengths) != 2:
        return None
    height, width = (whole(count, path, f"the number of lines or points {where}") for count in shape)
    y_nm, x_nm = (
        length_nm(finite(length, path, f"the size {where}"), "m", path, f"the size {where}")
        for length in lengths
    )
    return (height, width), (y_nm, x_nm)


def _channels(measurement: Any, path: Path) -> dict[str, tuple[Any, Any]]:
    """Return segment and dataset of every image of a measurement by the channel's name."""
    names, pairs = [], []
    segments = [name for name in measurement if re.fullmatch(r"segment_\d+", name)]
    for segment in (measurement[name] for name in sorted(segments, key=_number)):
        size = _size(measurement, segment, path)
        title = str(
            attribute(segment, "name", attribute(segment, "segment_name", segment.name.rpartition("/")[2]))
        )
        for key in sorted((name for name in segment if re.fullmatch(r"dataset_\d+", name)), key=_number):
            dataset = segment[key]
            # Datasets of another length are force curves and the like.
            if size is not None and getattr(dataset, "shape", None) == (size[0][0] * size[0][1],):
                name = attribute(dataset, "name", attribute(dataset, "signal_name", key))
                names.append(f"{name}_{_WAYS.get(title.casefold(), title)}")
                pairs.append((segment, dataset))
    return dict(zip(numbered(names), pairs, strict=True))


def _number(name: str) -> int:
    return int(name.rpartition("_")[2])


def _image(measurement: Any, segment: Any, dataset: Any, path: Path) -> NhfImage:
    """Return the description of one channel of one measurement."""
    size = _size(measurement, segment, path)
    if size is None:
        raise FileFormatError(f"{path}: {segment.name} is no image")
    shape, size_nm = size
    check_stored(dataset, (shape[0] * shape[1],), path, whole=False)
    points = stored_frames(dataset)
    if points:
        check_stored(dataset, (shape[0] * shape[1],), path)
    written = np.full(shape[0], len(points) == shape[0] * shape[1])
    if 0 < len(points) < shape[0] * shape[1]:
        written = np.bincount(np.asarray(points) // shape[1], minlength=shape[0]) == shape[1]
    scaling, missing = nhf_scaling(dataset, path)
    direction = _DIRECTIONS.get(str(attribute(measurement, "image_scan_direction", "")).casefold())
    acquired = whole(
        attribute(measurement, "image_number_of_lines_acquired", shape[0]),
        path,
        "the number of lines acquired",
        0,
    )
    acquired = min(acquired, shape[0])
    if acquired < shape[0] and direction is None:
        raise FileFormatError(
            f"{path}: {_title(measurement)} has {acquired} of {shape[0]} lines, and the file does not state which"
        )
    rate_hz = positive(attribute(measurement, "image_line_rate"))
    # An interrupted measurement may have the lines that were scanned and no others.
    scanned = (
        np.arange(shape[0]) < acquired if direction != "down" else np.arange(shape[0]) >= shape[0] - acquired
    )
    lost = scanned & ~written
    return NhfImage(
        dataset.name,
        shape,
        size_nm,
        scaling,
        missing,
        acquired,
        direction,
        1 / rate_hz if rate_hz else None,
        attribute(measurement, "created"),
        _title(measurement),
        tuple(lost.tolist()) if lost.any() else (),
    )


def _missing(images: list[NhfImage]) -> str | None:
    """Return which lines that were scanned the file does not have."""
    texts = []
    for image in images:
        lost = sum(image.not_written)
        if lost:
            there = image.lines_acquired - lost
            texts.append(
                f"{there} of {image.lines_acquired} lines of {image.measurement} were written; the others are NaN"
            )
    return "; ".join(texts) or None


def _ordered(images: list[NhfImage], path: Path) -> list[NhfImage]:
    """Return the images by their time, or raise with their names where they are no movie."""
    first = images[0]
    names = ", ".join(image.measurement for image in images)
    for image in images[1:]:
        for what, one, two in (
            ("pixels", first.shape, image.shape),
            ("size in nm", first.size_nm, image.size_nm),
            ("unit", first.scaling.unit, image.scaling.unit),
            ("time of a line in s", first.line_time_s, image.line_time_s),
        ):
            if one != two:
                raise FileFormatError(
                    f"{path}: its measurements are no movie ({names}): {what} {one} in {first.measurement}, "
                    f"{two} in {image.measurement}"
                )
    moments = [moment for image in images if (moment := moment_of(image.start)) is not None]
    if len(images) > 1 and len(moments) < len(images):
        raise FileFormatError(f"{path}: its measurements do not all state when they began ({names})")
    if not moments:
        return images
    return [images[i] for i in sorted(range(len(images)), key=lambda i: moments[i])]


def _scan(images: list[NhfImage], name: str) -> ScanGeometry:
    """Return timing and direction of the scan, with the turns of the slow axis."""
    directions = [image.direction for image in images]
    turning = None not in directions and len(images) > 1 and all(map(ne, directions, directions[1:]))
    line_time_s, lines = images[0].line_time_s, images[0].shape[0]
    return ScanGeometry(
        lines=lines,
        line_time_s=line_time_s,
        frame_time_s=lines * line_time_s if line_time_s else None,
        direction=directions[0] if turning or len(set(directions)) == 1 else None,
        alternating=turning,
        trace="retrace" if "_retrace" in name else "trace" if "_trace" in name else None,
    )
