"""Read HDF5 bundles of playNano: a stack with its steps, masks, results and records."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from playNano.core.lazy import FrameArray, lazy_movie
from playNano.core.scan import ScanGeometry
from playNano.core.serialize import StoredFrames, read_tree
from playNano.core.stack import Stack
from playNano.errors import FileFormatError
from playNano.io.formats.frames import check_range
from playNano.io.formats.hdf5 import SIGNATURE, opened
from playNano.io.formats.hdf5_values import stored_frames
from playNano.io.formats.incomplete import missing_frames
from playNano.io.metadata import pick_channel
from playNano.io.movie import Movie, new_stack
from playNano.io.stamp import FileStamp

FORMAT = "playNano bundle"
VERSION = 1
STACK = "stack"
"""The group that contains all data."""


def sniff_bundle(path: Path, head: bytes) -> str | None:
    """Return the reason why a file is not a bundle, or None if it is one.

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
        format_name = file.attrs.get("format")
    return None if format_name == FORMAT else "it is an HDF5 file, but was not written by playNano"


@dataclass(frozen=True)
class BundleFrames:
    """Read frames [start, stop) of a bundle, those in `holes` as NaN; keeps no file open, and can be pickled."""

    path: Path
    n_frames: int
    holes: frozenset[int] = frozenset()

    def __call__(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Return the frames, (n, height, width)."""
        check_range(start, stop, self.n_frames, self.path)
        with opened(self.path) as file:
            frames = np.asarray(file[STACK]["data"][start:stop])
        if self.holes:
            frames = frames.astype(np.result_type(frames.dtype, np.float32))
            frames[[i - start for i in range(start, stop) if i in self.holes]] = np.nan
        return frames


@dataclass(frozen=True)
class StampedArray(StoredFrames):
    """Frames of a dataset of a file that must be the one that was opened."""

    stamp: FileStamp

    def __getitem__(self, index: Any) -> npt.NDArray[Any]:
        """Read frames, or raise FileFormatError if the file was replaced."""
        self.stamp.check()
        return super().__getitem__(index)


def open_bundle(path: str | Path, channel: str | None = None) -> Movie:
    """Read `.h5` bundles of playNano: a stack with its steps, masks, results and records.

    Parameters
    ----------
    path
        The file.
    channel
        None, "height_trace" or the name of the channel in the bundle.

    Returns
    -------
    Movie
        Its ``load()`` restores the complete stack, with steps, masks, results and records. Of a bundle that lacks
        frames only the pixels are read, up to the last frame that was written; frames that are missing before it are
        NaN.

    Raises
    ------
    FileFormatError
        The file is not a bundle, of a newer version, or damaged.
    ChannelError
        It contains another channel.
    """
    source = Path(path)
    with opened(source) as file:
        _check_version(source, file.attrs)
        try:
            data = file[STACK]["data"]
            n_frames, holes, missing = missing_frames(source, stored_frames(data), int(data.shape[0]))
            shape = (n_frames, *(int(n) for n in data.shape[1:]))
            missing = missing or _lost_parts(file[STACK])
            info: dict[str, Any] = read_tree(file[STACK], "info")
            record = file[STACK]["provenance"]
            doubts = read_tree(record, "warnings") if "warnings" in record else []
        except KeyError as error:
            raise FileFormatError(f"{source}: the bundle is damaged: {error}") from error
    # A bundle contains one channel, which the default channel name selects.
    name = pick_channel(source, channel, (info["channel"],), {"height_trace": (info["channel"],)})

    return Movie(
        path=source,
        format="bundle",
        channel=name,
        channels=(info["channel"],),
        shape=(shape[0], shape[1], shape[2]),
        pixel_size_nm=tuple(info["pixel_size_nm"]),
        unit=info["unit"],
        read=BundleFrames(source, n_frames, holes),
        frame_metadata=info["frame_metadata"][:n_frames],
        scan=None if info["scan"] is None else ScanGeometry(**info["scan"]),
        header=info["metadata"],
        warnings=tuple(doubts),
        incomplete=f"{missing}; steps, masks and results are not read" if missing else None,
        load=None if missing else partial(read_bundle, source),
    )


def _lost_parts(stack: Any) -> str | None:
    """Return which array of a stack lacks frames, or None."""
    lost: list[str] = []

    def note(name: str, member: Any) -> None:
        if getattr(member, "ndim", 0) and not lost:
            there = len(stored_frames(member))
            if there < member.shape[0]:
                what = "frames" if member.ndim == 3 else "rows"
                lost.append(f"{there} of {member.shape[0]} {what} of {name} were written")

    stack.visititems(note)
    return lost[0] if lost else None


def read_bundle(path: str | Path, lazy: bool = False) -> Stack:
    """Read a stack with its steps, masks, results and records.

    Parameters
    ----------
    path
        A file that `playNano.io.export.bundle.write_bundle` wrote.
    lazy
        Keep pixels, snapshots and masks in the file as Dask arrays, and label images as arrays that are read when
        they are indexed.

    Raises
    ------
    FileFormatError
        The file is not a bundle, of a newer version, or damaged.
    """
    source = Path(path).absolute()

    stamp = FileStamp.of(source)

    def array(member: Any) -> Any:
        if not lazy or member.ndim != 3:
            return None
        frames = StampedArray(source, member.name, member.shape, member.dtype, stamp)
        movie = lazy_movie(frames, frames.shape, frames.dtype)
        return FrameArray.of(movie) if member.name.startswith(f"/{STACK}/analysis/") else movie

    with opened(source) as file:
        _check_version(source, file.attrs)
        try:
            tree: dict[str, Any] = read_tree(file, STACK, array)
            info = tree["info"]
        except KeyError as error:
            raise FileFormatError(f"{source}: the bundle is damaged: {error}") from error
    stack = new_stack(
        tree["data"],
        tuple(info["pixel_size_nm"]),
        info["channel"],
        info["file_path"],
        info["frame_metadata"],
        scan=None if info["scan"] is None else ScanGeometry(**info["scan"]),
        unit=info["unit"],
        metadata=info["metadata"],
    )
    stack.processed, stack.masks = tree["processed"], tree["masks"]
    stack.analysis, stack.provenance = tree["analysis"], tree["provenance"]
    stack.provenance.setdefault("warnings", [])
    return stack


def _check_version(path: Path, attributes: Any) -> None:
    if attributes.get("format") != FORMAT:
        raise FileFormatError(f"{path} is an HDF5 file, but was not written by playNano")
    version = int(attributes.get("version", 0))
    if version != VERSION:
        raise FileFormatError(
            f"{path} is a bundle of version {version}; this playNano reads version {VERSION}"
        )
