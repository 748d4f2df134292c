"""Read the image of a `.topostats` file (HDF5)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from playNano.errors import FileFormatError
from playNano.io.formats.frames import check_range, errors_as_reasons
from playNano.io.formats.hdf5 import SIGNATURE, opened
from playNano.io.formats.hdf5_values import check_stored
from playNano.io.formats.header_values import finite
from playNano.io.metadata import length_nm, pick_channel
from playNano.io.movie import Movie

_IMAGES = ("image", "image_original")
_ALIASES = {"height_trace": ("image",), "height": ("image",)}


@dataclass(frozen=True)
class TopoStatsImage:
    """Read the frame of a TopoStats file; keeps no file open, and can be pickled.

    Parameters
    ----------
    path
        The file.
    dataset
        Name of the image in the file.
    shape
        (height, width).
    """

    path: Path
    dataset: str
    shape: tuple[int, int]

    def __call__(self, start: int, stop: int) -> npt.NDArray[np.float32]:
        """Read frames [start, stop) of the single frame."""
        if check_range(start, stop, 1, self.path) == 0:
            return np.empty((0, *self.shape), dtype=np.float32)
        with opened(self.path) as file:
            return np.asarray(file[self.dataset][()], dtype=np.float32)[np.newaxis]


def open_topostats(path: str | Path, channel: str | None = None) -> Movie:
    """Read `.topostats` images of TopoStats.

    Parameters
    ----------
    path
        The file.
    channel
        "image" (levelled) or "image_original"; names for the height mean the levelled image.

    Returns
    -------
    Movie
        One frame, nm. The file contains no scan timing or direction.

    Raises
    ------
    FileFormatError
        The file contains no image or no pixel size.
    ChannelError
        The file does not contain the channel.
    """
    path = Path(path)
    with opened(path) as file:
        names = _images(file)
        name = pick_channel(path, channel, names, _ALIASES)
        if "pixel_to_nm_scaling" not in file:
            raise FileFormatError(f"{path}: the TopoStats file has no pixel_to_nm_scaling")
        size_nm = length_nm(
            finite(file["pixel_to_nm_scaling"][()], path, "pixel_to_nm_scaling"),
            "nm",
            path,
            "pixel_to_nm_scaling",
        )
        height, width = file[name].shape
        check_stored(file[name], (height, width), path)
        version = file["topostats_file_version"][()] if "topostats_file_version" in file else None
    return Movie(
        path=path,
        format="topostats",
        channel=channel or name,
        channels=names,
        shape=(1, height, width),
        pixel_size_nm=(size_nm, size_nm),
        unit="nm",
        read=TopoStatsImage(path, name, (height, width)),
        frame_metadata=[{}],
        header={
            "file_channel": name,
            "start_time": None,
            "file_version": None if version is None else str(version),
        },
    )


@errors_as_reasons
def sniff_topostats(path: Path, head: bytes) -> str | None:
    """Return the reason why a file is not a TopoStats file, or None if it may be.

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
        if _images(file) and "pixel_to_nm_scaling" in file:
            return None
        return "the HDF5 file has no 'image' with a 'pixel_to_nm_scaling'"


def _images(file: Any) -> tuple[str, ...]:
    return tuple(name for name in _IMAGES if name in file and getattr(file[name], "ndim", 0) == 2)
