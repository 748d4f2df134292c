"""Read numpy files: `.npy` (pixels only) and `.npz` (a stack with its metadata).

The keys of an `.npz` file of playNano: `data` (n, height, width); `pixel_size_nm` (y, x); `channel` and `unit`
(text); `timestamps` (n, s; only if known); `metadata` (text: a JSON object with `frame_metadata`, `scan`,
`header`, `processing` and `warnings`); `format` ("playNano-npz") and `version` (1). Files of other programs need
`data` only. Pickled objects are never loaded.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError
from typing import Annotated, Any, cast

import numpy as np
import numpy.typing as npt
from pydantic import Field

from playNano._options import Unit, pixel_pair
from playNano.core.scan import ScanGeometry
from playNano.errors import FileFormatError, ParameterError
from playNano.io.formats.frames import check_range
from playNano.io.formats.guard import damage_as_errors
from playNano.io.formats.header_values import whole
from playNano.io.formats.npz_arrays import check_pixels, member_header, npz_members
from playNano.io.metadata import frame_dicts, pick_channel
from playNano.io.movie import Movie

NPZ_FORMAT = "playNano-npz"
NPZ_VERSION = 1
_NPY_MAGIC = b"\x93NUMPY"
_ZIP_MAGIC = b"PK\x03\x04"
_SAME_AS_HEIGHT = {"height_trace": ("height", "TP"), "height": ("TP",), "tp": ("height_trace", "height")}

Edge = Annotated[float, Field(gt=0)]
PixelSize = Annotated[Edge | Sequence[Edge], Unit("nm")]


@dataclass(frozen=True)
class NpyFrames:
    """Read frames of an `.npy` file, which is memory-mapped for each call; keeps no file open.

    Parameters
    ----------
    path
        The file.
    n_frames
        Number of frames.
    """

    path: Path
    n_frames: int

    def __call__(self, start: int, stop: int) -> npt.NDArray[np.float32]:
        """Read frames [start, stop)."""
        check_range(start, stop, self.n_frames, self.path)
        return np.array(_as_movie(_mapped(self.path))[start:stop], dtype=np.float32, order="C")


@dataclass(frozen=True)
class NpzFrames:
    """Read frames from the member `data` of an `.npz` file; keeps no file open.

    Parameters
    ----------
    path
        The file.
    n_frames
        Number of frames.
    """

    path: Path
    n_frames: int

    def __call__(self, start: int, stop: int) -> npt.NDArray[np.float32]:
        """Read frames [start, stop)."""
        count = check_range(start, stop, self.n_frames, self.path)
        with zipfile.ZipFile(self.path) as archive, archive.open("data.npy") as member:
            shape, fortran, dtype = member_header(member)
            shape = shape if len(shape) == 3 else (1, *shape)
            if fortran:
                pixels = np.frombuffer(member.read(), dtype).reshape(shape[::-1]).T
                return np.array(pixels[start:stop], dtype=np.float32, order="C")
            size = shape[1] * shape[2] * dtype.itemsize
            member.seek(start * size, 1)
            data = member.read(count * size)
            if len(data) < count * size:
                raise FileFormatError(
                    f"{self.path}: the array 'data' is cut off within frame {start + len(data) // size}"
                )
            if stop == shape[0]:
                # The sum of the member is compared at its end.
                member.read(1)
            return np.frombuffer(data, dtype).reshape(count, *shape[1:]).astype(np.float32)


def open_npy(
    path: str | Path,
    channel: str | None = None,
    *,
    pixel_size_nm: PixelSize | None = None,
    frame_time_s: Annotated[float, Field(gt=0), Unit("s")] | None = None,
    unit: str = "nm",
) -> Movie:
    """Read `.npy` arrays of numpy: frames (n, y, x), or one frame (y, x).

    Parameters
    ----------
    path
        The file.
    channel
        Name for the channel; the file does not contain one.
    pixel_size_nm
        Size of a pixel, nm: a number or (y, x). It must be given, as the file does not contain it.
    frame_time_s
        Time from frame to frame, s, if known.
    unit
        Unit of the values.

    Returns
    -------
    Movie
        Its pixels are read from the memory-mapped file when needed.

    Raises
    ------
    ParameterError
        `pixel_size_nm` is missing or not positive, or `frame_time_s` is not positive.
    FileFormatError
        The array is not a movie, or contains objects or text.
    """
    path = Path(path)
    movie = _as_movie(_mapped(path))
    if pixel_size_nm is None:
        raise ParameterError(
            f"{path}: an .npy file does not contain the pixel size; give pixel_size_nm (--pixel-size-nm)"
        )
    if frame_time_s is not None and not frame_time_s > 0:
        raise ParameterError(f"frame_time_s is {frame_time_s}; it must be positive")
    name = channel or "height_trace"
    n_frames, lines = movie.shape[:2]
    return Movie(
        path=path,
        format="npy",
        channel=name,
        channels=(name,),
        shape=cast("tuple[int, int, int]", movie.shape),
        pixel_size_nm=pixel_pair(pixel_size_nm, f"{path}: "),
        unit=unit,
        read=NpyFrames(path, n_frames),
        frame_metadata=frame_dicts(
            n_frames, None if frame_time_s is None else np.arange(n_frames) * frame_time_s
        ),
        scan=None if frame_time_s is None else ScanGeometry(lines=lines, frame_time_s=frame_time_s),
        header={"dtype": str(movie.dtype)},
    )


def open_npz(
    path: str | Path,
    channel: str | None = None,
    *,
    pixel_size_nm: PixelSize | None = None,
) -> Movie:
    """Read `.npz` files: a stack written by playNano, or an array `data`.

    Parameters
    ----------
    path
        The file, written by `playNano.io.export.numpy_files.write_npz` or by another program, with pixels named `data`.
    channel
        The channel of the file; any name for the height means the height. None selects the channel of the file.
    pixel_size_nm
        Size of a pixel, nm: a number or (y, x); replaces that of the file.

    Returns
    -------
    Movie
        Its pixels are read when needed.

    Raises
    ------
    ParameterError
        The pixel size is neither in the file nor given, or it is not positive.
    FileFormatError
        The file has no `data`, its arrays do not form a movie, or they contain Python objects.
    ChannelError
        The file contains another channel.
    """
    path = Path(path)
    with damage_as_errors(path, "npz"):
        shape, dtype, small = npz_members(path)
    if str(small.get("format", "")) == NPZ_FORMAT:
        version = whole(small["version"].tolist() if "version" in small else None, path, "its version")
        if version > NPZ_VERSION:
            raise FileFormatError(f"{path}: the file is of version {version}; a newer playNano wrote it")
    stored = str(small["channel"]) if "channel" in small else channel or "height_trace"
    # An archive contains one channel, which the default channel name selects.
    pick_channel(path, channel, (stored,), {**_SAME_AS_HEIGHT, "height_trace": ("height", "TP", stored)})
    size = small.get("pixel_size_nm") if pixel_size_nm is None else pixel_size_nm
    if size is None:
        raise ParameterError(f"{path}: the file has no pixel_size_nm; give pixel_size_nm (--pixel-size-nm)")
    rest = _json_object(small.get("metadata"), path)
    frames = rest.get("frame_metadata") or [{} for _ in range(shape[0])]
    if "timestamps" in small:
        if small["timestamps"].dtype.kind not in "iuf":
            raise FileFormatError(f"{path}: its timestamps are {small['timestamps'].dtype}, no numbers")
        stamps = small["timestamps"].astype(np.float64).ravel()
        for what, number in (("timestamps", len(stamps)), ("entries of frame_metadata", len(frames))):
            if number != shape[0]:
                raise FileFormatError(f"{path}: {number} {what} for {shape[0]} frames")
        frames = [{**frame, "timestamp": time} for frame, time in zip(frames, stamps.tolist(), strict=True)]
    return Movie(
        path=path,
        format="npz",
        channel=stored,
        channels=(stored,),
        shape=shape,
        pixel_size_nm=pixel_pair(size, f"{path}: "),
        unit=str(small.get("unit", "nm")),
        read=NpzFrames(path, shape[0]),
        frame_metadata=frames,
        scan=ScanGeometry(**rest["scan"]) if rest.get("scan") else None,
        header={
            **rest.get("header", {}),
            **({"processing": rest["processing"]} if rest.get("processing") else {}),
            "dtype": str(dtype),
        },
        warnings=tuple(rest.get("warnings", ())),
    )


def sniff_npy(path: Path, head: bytes) -> str | None:
    """Return the reason why a file is not an `.npy` file, or None if it may be.

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
    return None if head.startswith(_NPY_MAGIC) else "it does not begin as numpy's .npy files do"


def sniff_npz(path: Path, head: bytes) -> str | None:
    """Return the reason why a file is not an `.npz` file with pixels, or None if it may be.

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
    if not head.startswith(_ZIP_MAGIC):
        return "it is not a zip archive"
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile as error:
        return f"the zip archive is damaged: {error}"
    return (
        None
        if "data.npy" in names
        else f"the archive has no member 'data'; it has {', '.join(names) or 'nothing'}"
    )


def _mapped(path: Path) -> npt.NDArray[Any]:
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, SyntaxError, TokenError) as error:
        raise FileFormatError(f"{path}: the .npy file cannot be read: {error}") from error
    if not isinstance(array, np.ndarray):
        array.close()
        raise FileFormatError(f"{path}: the file is a .npz archive, not an .npy file")
    check_pixels(array.shape, array.dtype, path)
    return array


def _as_movie(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return array if array.ndim == 3 else array[np.newaxis]


def _json_object(value: Any, path: Path) -> dict[str, Any]:
    if value is None:
        return {}
    try:
        loaded = json.loads(str(value))
    except ValueError as error:
        raise FileFormatError(f"{path}: its metadata are not JSON text: {error}") from error
    return loaded if isinstance(loaded, dict) else {}
