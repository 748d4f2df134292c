"""One reader for each file format, and the table that names them all.

A reader is a module with two functions:

``sniff(path, head) -> str | None``
    Why this file (or folder) is not of the format, or None where it may be; `head` holds its first bytes.
``open(path, channel=None, **options) -> Movie``
    The movie, described and not decoded. None stands for the height channel, or the first one where
    the file has no height. `FileFormatError` and `ChannelError` say what is wrong.

The table names both as text, so that nothing of a format is imported before a file asks for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from playNano.errors import FileFormatError
from playNano.io.movie import Movie

HEAD_BYTES = 512


@dataclass(frozen=True)
class Reader:
    """One line of the table of formats.

    Parameters
    ----------
    name
        Short name of the format.
    suffixes
        Endings of a file's name, lower case; "[0-9]" stands for any digit. A reader whose suffix fits is
        asked first.
    module
        Where the functions are.
    sniff
        Name of the function that says why a file is not of this format.
    open
        Name of the function that opens it.
    options
        Keyword arguments that the function `open` takes beside path and channel.
    series
        Whether a file holds one frame, so that a folder of such files is a movie.
    folder
        Whether the reader takes a folder instead of a file.
    """

    name: str
    suffixes: tuple[str, ...]
    module: str
    sniff: str
    open: str
    options: tuple[str, ...] = ()
    series: bool = False
    folder: bool = False

    def fits_name(self, path: Path) -> bool:
        """Return whether the file's name ends as this format's files do."""
        return any(fnmatchcase(path.name.casefold(), f"*{suffix}") for suffix in self.suffixes)

    def refusal(self, path: Path, head: bytes) -> str | None:
        """Return why the file is not of this format, or None where it may be."""
        try:
            return cast("str | None", getattr(import_module(self.module), self.sniff)(path, head))
        except FileFormatError as error:
            return str(error).removeprefix(f"{path}: ")

    def open_movie(self, path: Path, channel: str | None, **options: Any) -> Movie:
        """Open the file with this reader."""
        return cast("Movie", getattr(import_module(self.module), self.open)(path, channel, **options))


READERS: tuple[Reader, ...] = (
    Reader("asd", (".asd",), "playNano.io.formats.asd", "sniff_asd", "open_asd"),
    Reader("h5-jpk", (".h5-jpk",), "playNano.io.formats.jpk_h5", "sniff_h5_jpk", "open_h5_jpk"),
    Reader("bundle", (".h5", ".hdf5"), "playNano.io.formats.bundle", "sniff_bundle", "open_bundle"),
    Reader("npz", (".npz",), "playNano.io.formats.numpy_files", "sniff_npz", "open_npz", ("pixel_size_nm",)),
    Reader(
        "npy",
        (".npy",),
        "playNano.io.formats.numpy_files",
        "sniff_npy",
        "open_npy",
        ("pixel_size_nm", "frame_time_s", "unit"),
    ),
    Reader(
        "jpk", (".jpk", ".jpk-qi-image"), "playNano.io.formats.jpk_tiff", "sniff_jpk", "open_jpk", series=True
    ),
    Reader(
        "spm", (".spm", ".[0-9][0-9][0-9]"), "playNano.io.formats.spm", "sniff_spm", "open_spm", series=True
    ),
    Reader("gwy", (".gwy",), "playNano.io.formats.gwy", "sniff_gwy", "open_gwy", series=True),
    Reader("ibw", (".ibw",), "playNano.io.formats.ibw", "sniff_ibw", "open_ibw", series=True),
    Reader("wsxm", (".stp", ".top"), "playNano.io.formats.wsxm", "sniff_wsxm", "open_wsxm", series=True),
    Reader(
        "topostats",
        (".topostats",),
        "playNano.io.formats.topostats",
        "sniff_topostats",
        "open_topostats",
        series=True,
    ),
    Reader(
        "ome-zarr",
        (".zarr",),
        "playNano.io.formats.ome_zarr",
        "sniff_ome_zarr",
        "open_ome_zarr",
        ("pixel_size_nm",),
        folder=True,
    ),
    Reader("folder", ("/",), "playNano.io.formats.folder", "sniff_folder", "open_folder", folder=True),
)


def read_head(path: Path) -> bytes:
    """Return the first bytes of a file, by which readers know their own.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    bytes
        At most `HEAD_BYTES`.
    """
    with path.open("rb") as file:
        return file.read(HEAD_BYTES)
