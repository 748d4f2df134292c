"""Reader for `.aris`: images and movies of Asylum Research's Ergo software (Jupiter, Cypher VRS; HDF5).

Written from published descriptions of the layout and tested on made files; no real file was at hand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from playNano.core.scan import ScanGeometry
from playNano.errors import FileFormatError
from playNano.io.formats.frames import check_range, errors_as_reasons
from playNano.io.formats.hdf5 import SIGNATURE
from playNano.io.formats.hdf5_values import attribute, check_stored, checked_file, stored_frames
from playNano.io.formats.header_values import finite, positive, whole
from playNano.io.formats.incomplete import missing_frames
from playNano.io.metadata import base_unit, frame_dicts, length_nm, pick_channel
from playNano.io.movie import Movie

_INFO, _PIXELS = "DataSetInfo", "DataSet/Resolution 0"
_HEIGHTS = ("HeightTrace", "ZSensorTrace", "HeightRetrace", "ZSensorRetrace")
_ALIASES = {"height_trace": _HEIGHTS, "height": _HEIGHTS}
_SAME_SIZE = 1e-6


@dataclass(frozen=True)
class ArisFrames:
    """Decodes frames of one channel; holds no open file, and can be pickled.

    Parameters
    ----------
    path
        The file.
    datasets
        Path of each frame's image within the file; None for a frame that the file does not have.
    shape
        (height, width).
    factor
        What stored numbers are multiplied with.
    """

    path: Path
    datasets: tuple[str | None, ...]
    shape: tuple[int, int]
    factor: float

    def __call__(self, start: int, stop: int) -> npt.NDArray[np.float32]:
        """Decode frames [start, stop); a frame that is missing is NaN."""
        count = check_range(start, stop, len(self.datasets), self.path)
        values = np.full((count, *self.shape), np.nan, dtype=np.float32)
        with checked_file(self.path) as file:
            for i in range(start, stop):
                name = self.datasets[i]
                if name is not None:
                    check_stored(file[name], self.shape, self.path)
                    # The lowest line of the image is stored first.
                    with np.errstate(over="ignore", invalid="ignore"):
                        values[i - start] = file[name][()].astype(np.float64)[::-1] * self.factor
        return values


def open_aris(path: str | Path, channel: str | None = None) -> Movie:
    """Read `.aris` images and movies of Asylum Research microscopes (Ergo).

    Parameters
    ----------
    path
        The file.
    channel
        As in "HeightTrace" or "height_trace". None means the height.

    Returns
    -------
    Movie
        Lengths in nm, frames up to the last one that was recorded; those that are missing before it are NaN, and
        ``missing_frames`` of the header lists them. The file does not state the direction of the scan.

    Raises
    ------
    FileFormatError
        The file is not such a file, or the size of the scan changes within it.
    ChannelError
        The file does not have the channel.
    """
    path = Path(path)
    with checked_file(path) as file:
        _check_signature(file, path)
        groups = _channels(file)
        name = pick_channel(path, channel, tuple(groups), _ALIASES)
        dims = file[f"{_INFO}/Global/Channels/{groups[name]}/ImageDims"]
        shape = _shape(dims, path)
        size_m, size_nm = _size(dims, path)
        factor, unit = base_unit(str(attribute(dims, "DataUnits", "")))
        planned = whole(attribute(file[_INFO], "NumFrames"), path, "NumFrames")
        datasets = _datasets(file, groups[name], planned, path)
        _check_sizes(file, groups[name], size_m, len(datasets), path)
        for dataset in datasets:
            if dataset is not None:
                check_stored(file[dataset], shape, path)
        starts_s, frame_time_s = _times(file, len(datasets), path)
    missing = [i for i, dataset in enumerate(datasets) if dataset is None]
    there = [i for i, dataset in enumerate(datasets) if dataset is not None]
    return Movie(
        path=path,
        format="aris",
        channel=channel or name,
        channels=tuple(groups),
        shape=(len(datasets), *shape),
        pixel_size_nm=(size_nm[0] / shape[0], size_nm[1] / shape[1]),
        unit=unit,
        read=ArisFrames(path, datasets, shape, factor),
        frame_metadata=frame_dicts(
            len(datasets),
            starts_s,
            {"missing": [i in missing for i in range(len(datasets))]} if missing else None,
        ),
        scan=ScanGeometry(lines=shape[0], frame_time_s=frame_time_s, trace=_way(name)),
        header={
            "file_channel": name,
            "start_time": None,
            "frames_planned": planned,
            "missing_frames": missing,
        },
        incomplete=missing_frames(path, there, planned)[2],
    )


@errors_as_reasons
def sniff_aris(path: Path, head: bytes) -> str | None:
    """Return why a file is no Ergo file, or None where it may be.

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
        _check_signature(file, path)
    return None


def _check_signature(file: Any, path: Path) -> None:
    if "ARFormat" not in file.attrs or "ARVersion" not in file.attrs:
        raise FileFormatError(f"{path}: the HDF5 file has no attributes ARFormat and ARVersion")


def _way(name: str) -> Literal["trace", "retrace"] | None:
    plain = name.casefold()
    return "retrace" if plain.endswith("retrace") else "trace" if plain.endswith("trace") else None


def _channels(file: Any) -> dict[str, str]:
    """Return the name of each channel's groups by the channel's name, in the order of the file."""
    groups = {name.strip(): name for name in file[f"{_INFO}/Global/Channels"]}
    names = attribute(file[_INFO], "ChannelNames")
    if names is None and "ChannelNames" in file[_INFO]:
        names = np.atleast_1d(file[f"{_INFO}/ChannelNames"][()]).tolist()
    texts = [
        name.decode("utf-8", errors="replace") if isinstance(name, bytes) else str(name)
        for name in names or ()
    ]
    listed = [text.strip() for text in texts if text.strip() in groups]
    return {name: groups[name] for name in dict.fromkeys([*listed, *groups])}


def _shape(dims: Any, path: Path) -> tuple[int, int]:
    extents = attribute(dims["Resolution 0"], "DimExtents", ())
    if len(extents) != 2:
        raise FileFormatError(f"{path}: DimExtents of {dims.name} has {len(extents)} values; 2 are needed")
    height, width = (whole(extent, path, "DimExtents") for extent in extents)
    return height, width


def _size(dims: Any, path: Path) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the size (y, x) in the file's unit and in nm."""
    scaling, units = attribute(dims, "DimScaling", ()), attribute(dims, "DimUnits", ())
    if np.shape(scaling) != (2, 2) or len(units) != 2:
        raise FileFormatError(
            f"{path}: DimScaling or DimUnits of {dims.name} is missing or not of two dimensions"
        )
    y, x = (
        abs(finite(end, path, "DimScaling") - finite(start, path, "DimScaling")) for start, end in scaling
    )
    texts = [
        unit.decode("utf-8", errors="replace") if isinstance(unit, bytes) else str(unit) for unit in units
    ]
    y_nm, x_nm = (
        length_nm(size, unit, path, "the size of the image") for size, unit in zip((y, x), texts, strict=True)
    )
    return (y, x), (y_nm, x_nm)


def _numbered(group: Any) -> dict[int, str]:
    """Return the names of the groups "Frame 0" ... by number."""
    matches = (re.fullmatch(r"Frame (\d{1,9})", name) for name in group)
    return {int(match[1]): match[0] for match in matches if match}


def _datasets(file: Any, channel: str, planned: int, path: Path) -> tuple[str | None, ...]:
    """Return the path of each frame's image up to the last frame that the file has."""
    pixels = file[_PIXELS]
    there = {
        number: f"/{_PIXELS}/{name}/{channel}/Image"
        for number, name in _numbered(pixels).items()
        if f"{channel}/Image" in pixels[name] and stored_frames(pixels[f"{name}/{channel}/Image"])
    }
    if not there:
        raise FileFormatError(f"{path}: the channel {channel.strip()} has no frame")
    last = max(there)
    # Lists are as long as the movie, so that a wrong number must not make them.
    if last >= planned or last >= 2 * len(there) + 1000:
        raise FileFormatError(
            f"{path}: the file has {len(there)} frames, the last one Frame {last}, and states {planned} frames"
        )
    return tuple(there.get(number) for number in range(last + 1))


def _check_sizes(file: Any, channel: str, size: tuple[float, float], n_frames: int, path: Path) -> None:
    """Raise FileFormatError where the size of the scan changes within the movie."""
    frames = file.get(f"{_INFO}/Frames", {})
    for number, name in sorted(_numbered(frames).items()):
        for what, sizes in _stated_sizes(frames[name], channel, path) if number < n_frames else ():
            # ScanSize is the longer side.
            expected = size if len(sizes) == 2 else (max(size),)
            if not np.allclose(sizes, expected, rtol=_SAME_SIZE, atol=0):
                raise FileFormatError(
                    f"{path}: the size of the scan changes at frame {number}: {what} is {sizes} there and {expected} "
                    "at the begin (y, x); save the parts before and after it as files"
                )


def _stated_sizes(frame: Any, channel: str, path: Path) -> Iterator[tuple[str, tuple[float, ...]]]:
    """Yield every size that the file states for a frame: (y, x), or one number."""
    dims = frame.get(f"Channels/{channel}/ImageDims")
    if dims is not None and "DimScaling" in dims.attrs:
        scaling = attribute(dims, "DimScaling")
        if np.shape(scaling) != (2, 2):
            raise FileFormatError(f"{path}: DimScaling of {dims.name} is not of two dimensions")
        yield "DimScaling", tuple(abs(finite(end, path, "DimScaling") - start) for start, end in scaling)
    for node in (dims, frame.get("Parameters/Scan")):
        if node is not None and "ScanSize" in node.attrs:
            yield "ScanSize", (finite(attribute(node, "ScanSize"), path, "ScanSize"),)


def _times(file: Any, n_frames: int, path: Path) -> tuple[npt.NDArray[np.float64] | None, float | None]:
    """Return when each frame began and how long one lasts, s; None where the file does not state it."""
    duration_s = _time_per_frame(file)
    series = file.get(f"{_INFO}/Series/Time")
    if series is not None:
        if series.ndim != 1 or series.shape[0] < n_frames:
            raise FileFormatError(f"{path}: {series.name} has {series.shape} times for {n_frames} frames")
        check_stored(series, series.shape, path)
        starts_s = series[:n_frames].astype(np.float64)
        if not np.isfinite(starts_s).all() or (np.diff(starts_s) <= 0).any():
            raise FileFormatError(f"{path}: the times of the frames do not increase ({series.name})")
        if duration_s is None and n_frames > 1:
            duration_s = float(np.median(np.diff(starts_s)))
        return starts_s, duration_s
    if duration_s is not None:
        return np.arange(n_frames, dtype=np.float64) * np.float64(duration_s), duration_s
    return (np.zeros(1) if n_frames == 1 else None), None


def _time_per_frame(file: Any) -> float | None:
    parameters = file.get(f"{_INFO}/Global/Parameters", {})
    for name in parameters:
        attributes = parameters[name].attrs
        if all(key in attributes for key in ("TimePerFrame", "ScanLines", "ScanPoints")):
            return positive(attribute(parameters[name], "TimePerFrame"))
    return None
