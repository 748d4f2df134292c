"""Read `.h5-jpk` movies of JPK / Bruker NanoRacer AFMs (HDF5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from playNano.core.scan import ScanGeometry
from playNano.errors import FileFormatError
from playNano.io.formats.frames import Calibration, check_range, errors_as_reasons
from playNano.io.formats.hdf5 import SIGNATURE, opened
from playNano.io.formats.hdf5_values import check_numbers, first_numbers, stored_frames
from playNano.io.formats.header_values import positive
from playNano.io.formats.incomplete import missing_frames
from playNano.io.formats.jpk_calibration import as_text, calibration, has_encoder
from playNano.io.metadata import frame_dicts, iso_from_ms, length_nm, pick_channel
from playNano.io.movie import Movie

_GRID = "position-pattern.grid"
_INTERLACE = "environment.fast-imaging.feed-forward-parameters.yaxis.interlace"
# "topDown" means that the line stored first is scanned first: in real movies the surface drifts in z
# without a jump from the line stored last to the first line of the next frame. The image is flipped in y.
_FIRST_STORED = {"topdown": "first", "bottomup": "last"}
_NOT_SCALED = "the file has no scaling of the encoder, so that its values are raw counts and not heights"
_HEADER_ATTRIBUTES = {
    "instrument": "description.instrument",
    "software": "description.source-software",
    "user_name": "description.user-name",
    "comment": "description.comment",
    "scan_rate_hz": "timing-settings.scanRate",
    "motion": "motion",
    "scan_angle_rad": f"{_GRID}.theta",
    "x_centre_m": f"{_GRID}.xcenter",
    "y_centre_m": f"{_GRID}.ycenter",
}


@dataclass(frozen=True)
class Grid:
    """Pixel grid of a measurement.

    Parameters
    ----------
    height
        Number of lines.
    width
        Number of pixels in a line.
    pixel_size_nm
        (y, x), nm.
    flip
        Whether the first line in the file is the bottom line of the image.
    """

    height: int
    width: int
    pixel_size_nm: tuple[float, float]
    flip: bool


@dataclass(frozen=True)
class Part:
    """One channel of one measurement: dataset, calibration and times.

    Parameters
    ----------
    dataset
        Path of the (pixels, frames) dataset within the file.
    n_frames
        Number of columns of the dataset up to the last one that was written.
    holes
        Columns before that which were not written; their pixels are NaN.
    missing
        What is missing of the measurement, or None.
    scaling
        Scaling from stored numbers to values.
    starts_ms
        Start of each frame, milliseconds since 1970; empty if the file does not contain it.
    ends_ms
        End of each frame.
    """

    dataset: str
    n_frames: int
    holes: frozenset[int]
    missing: str | None
    scaling: Calibration
    starts_ms: tuple[int, ...]
    ends_ms: tuple[int, ...]


@dataclass(frozen=True)
class JpkFrames:
    """Decode frames of one channel; keeps no file open, and can be pickled.

    Parameters
    ----------
    path
        The file.
    parts
        The measurements in temporal order.
    grid
        Their pixel grid.
    """

    path: Path
    parts: tuple[Part, ...]
    grid: Grid

    def __call__(self, start: int, stop: int) -> npt.NDArray[np.float32]:
        """Decode frames [start, stop)."""
        shape = (self.grid.height, self.grid.width)
        count = check_range(start, stop, sum(part.n_frames for part in self.parts), self.path)
        values = np.empty((count, *shape), dtype=np.float32)
        first = 0
        with opened(self.path) as file:
            for part in self.parts:
                # One column at a time: the chunks of the file are columns, and memory use stays constant.
                for i in range(max(start, first), min(stop, first + part.n_frames)):
                    if i - first in part.holes:
                        values[i - start] = np.nan
                        continue
                    column = file[part.dataset][:, i - first].astype(np.float64)
                    column *= part.scaling.slope
                    column += part.scaling.intercept
                    image = column.reshape(shape)
                    values[i - start] = image[::-1] if self.grid.flip else image
                first += part.n_frames
        return values


def open_h5_jpk(path: str | Path, channel: str | None = None) -> Movie:
    """Read `.h5-jpk` movies of JPK/Bruker microscopes (NanoRacer).

    Several measurements in one file are joined to one movie, in temporal order, if they have the same pixel grid.

    Parameters
    ----------
    path
        The file.
    channel
        Name such as "height_trace", "measuredHeight_trace" or "error_retrace"; without a suffix the trace is meant.
        None means the height.

    Returns
    -------
    Movie
        Values with the default calibration of the file, lengths in nm. Of a recording that broke off, the frames up
        to the last one that was written; frames that are missing before it are NaN.

    Raises
    ------
    FileFormatError
        The file is not such a movie, contains no frame, or its measurements differ in pixels or unit.
    ChannelError
        The file does not contain the channel.
    """
    path = Path(path)
    with opened(path) as file:
        measurements = _measurements(file, path)
        groups = [_channels(measurement) for measurement in measurements]
        common = tuple(name for name in groups[0] if all(name in others for others in groups))
        name = pick_channel(path, channel, common)
        grids = [_grid(measurement.attrs, path) for measurement in measurements]
        parts = [
            _part(measurement, group[name], name, grid, path)
            for measurement, group, grid in zip(measurements, groups, grids, strict=True)
        ]
        attributes = dict(measurements[0].attrs)
        scaled = all(has_encoder(group[name].attrs) for group in groups)
    doubts = [] if scaled else [f"channel {name}: {_NOT_SCALED}"]
    missing = "; ".join(part.missing for part in parts if part.missing)
    parts = [part for part in parts if part.n_frames]
    if not parts:
        raise FileFormatError(f"{path}: channel {name} has no frame: {missing}")
    if len(parts) > 1 and not all(part.starts_ms for part in parts):
        times = "their order is that of their numbers, and the times of all frames are unknown"
        doubts.append(f"not every one of its {len(parts)} measurements contains its times: {times}")
    else:
        parts.sort(key=lambda part: part.starts_ms[:1])
    grid, unit = grids[0], parts[0].scaling.unit
    if any(other != grid for other in grids) or any(part.scaling.unit != unit for part in parts):
        raise FileFormatError(
            f"{path}: its {len(parts)} measurements differ in pixels, size or unit; "
            "save each of them in a separate file"
        )
    starts_ms, durations_s = _times(parts)
    header = {name: _plain(attributes[key]) for name, key in _HEADER_ATTRIBUTES.items() if key in attributes}
    header |= {
        "file_channel": name,
        "start_time": iso_from_ms(starts_ms[0]) if starts_ms else None,
        "first_stored_line": "bottom" if grid.flip else "top",
    }
    n_frames = sum(part.n_frames for part in parts)
    return Movie(
        path=path,
        format="h5-jpk",
        channel=channel or name,
        channels=common,
        shape=(n_frames, grid.height, grid.width),
        pixel_size_nm=grid.pixel_size_nm,
        unit=unit,
        read=JpkFrames(path, tuple(parts), grid),
        frame_metadata=frame_dicts(
            n_frames,
            (np.asarray(starts_ms, dtype=np.int64) - starts_ms[0]) / 1000 if starts_ms else None,
            {"duration_s": durations_s} if durations_s else None,
        ),
        scan=_scan(attributes, grid, durations_s, name),
        header=header,
        warnings=tuple(f"{path.name}: {doubt}" for doubt in doubts),
        incomplete=missing or None,
    )


@errors_as_reasons
def sniff_h5_jpk(path: Path, head: bytes) -> str | None:
    """Return the reason why a file is not an `.h5-jpk` movie, or None if it may be.

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
    with opened(path) as file:
        _measurements(file, path)
    return None


def _measurements(file: Any, path: Path) -> list[Any]:
    names = sorted(name for name in file if name.startswith("Measurement_"))
    if not names:
        raise FileFormatError(
            f"{path}: the HDF5 file has no group Measurement_000; it has {list(file) or 'nothing'}"
        )
    return [file[name] for name in names]


def _channels(measurement: Any) -> dict[str, Any]:
    """Return the groups of the channels by name, trace before retrace."""
    groups = {}
    for key in sorted(name for name in measurement if name.startswith("Channel_")):
        attributes = measurement[key].attrs
        if "channel.name" in attributes:
            back = as_text(attributes.get("retrace", "false")) == "true"
            groups[f"{as_text(attributes['channel.name'])}_{'retrace' if back else 'trace'}"] = measurement[
                key
            ]
    return dict(sorted(groups.items()))


def _need(attributes: Mapping[str, Any], key: str, path: Path) -> Any:
    if key not in attributes:
        raise FileFormatError(f"{path}: the measurement does not contain {key}")
    return attributes[key]


def _grid(attributes: Mapping[str, Any], path: Path) -> Grid:
    """Return size and orientation of the image."""
    width, height = (int(_need(attributes, f"{_GRID}.{name}", path)) for name in ("ilength", "jlength"))
    if width < 1 or height < 1:
        raise FileFormatError(f"{path}: its grid is {height} x {width} px")
    unit = as_text(attributes.get(f"{_GRID}.unit.unit", "m"))
    x_nm, y_nm = (
        length_nm(_need(attributes, f"{_GRID}.{name}", path), unit, path, f"{_GRID}.{name}")
        for name in ("ulength", "vlength")
    )
    # Lines are stored with increasing y; the image has the largest y at the top.
    reflected = as_text(attributes.get(f"{_GRID}.reflect", "false")) == "true"
    return Grid(height, width, (y_nm / height, x_nm / width), flip=not reflected)


def _part(measurement: Any, group: Any, channel: str, grid: Grid, path: Path) -> Part:
    """Return dataset, calibration and times of one channel of a measurement."""
    pixels = grid.height * grid.width
    shapes = {name: getattr(group[name], "shape", ()) for name in group if name != "thumbnail"}
    datasets = [group[name] for name, shape in shapes.items() if shape[:1] == (pixels,)]
    if len(datasets) != 1 or datasets[0].ndim != 2 or datasets[0].shape[1] < 1:
        raise FileFormatError(
            f"{path}: channel {channel} has no dataset of {pixels} pixels ({grid.height} x {grid.width}) "
            f"by frames; it has {shapes}"
        )
    check_numbers(datasets[0], path)
    title = measurement.name.strip("/")
    planned, written = int(datasets[0].shape[1]), stored_frames(datasets[0], axis=1)
    if written:
        what = f" of channel {channel} of {title}"
        n_frames, holes, missing = missing_frames(path, written, planned, what)
    else:
        n_frames, holes = 0, frozenset()
        missing = f"none of {planned} frames of channel {channel} of {title} was written"
    times = []
    for name in ("meta-data/start-times", "meta-data/end-times"):
        values = first_numbers(measurement[name], n_frames, path) if name in measurement else ()
        # A file that was saved during the recording may contain fewer times than frames.
        times.append(tuple(int(value) for value in values) if len(values) >= n_frames else ())
    scaling = calibration(dict(group.attrs), path, channel)
    return Part(datasets[0].name, n_frames, holes, missing, scaling, *times)


def _times(parts: list[Part]) -> tuple[list[int], list[float]]:
    """Return start (ms since 1970) and duration (s) of every frame; empty if missing in any measurement."""
    starts = (
        [time for part in parts for time in part.starts_ms] if all(part.starts_ms for part in parts) else []
    )
    ends = [time for part in parts for time in part.ends_ms] if all(part.ends_ms for part in parts) else []
    durations = (
        [(end - start) / 1000 for start, end in zip(starts, ends, strict=True)] if starts and ends else []
    )
    return starts, durations


def _scan(attributes: Mapping[str, Any], grid: Grid, durations_s: list[float], channel: str) -> ScanGeometry:
    """Return timing and direction of the scan."""
    rate_hz = positive(attributes.get("timing-settings.scanRate"))
    # Interlaced: trace and retrace each record every other line, so that one scan period yields two lines.
    lines = 2 if as_text(attributes.get(_INTERLACE, "false")) == "true" else 1
    direction: Literal["down", "up"] | None = None
    first = _FIRST_STORED.get(as_text(attributes.get("motion", "")).casefold())
    if first is not None:
        direction = "up" if (first == "first") == grid.flip else "down"
    return ScanGeometry(
        lines=grid.height,
        line_time_s=1 / (rate_hz * lines) if rate_hz else None,
        frame_time_s=float(np.median(durations_s)) if durations_s else None,
        direction=direction,
        trace="retrace" if channel.endswith("_retrace") else "trace",
    )


def _plain(value: Any) -> Any:
    return as_text(value) if isinstance(value, bytes) else getattr(value, "item", lambda: value)()
