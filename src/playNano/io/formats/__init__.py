"""Declare readers of file formats, and register them by name.

A reader is two functions:

``sniff(path, head) -> str | None``
    Reason why the file (or folder) is not of the format, or None if it may be; `head` contains its first bytes.
``open(path, channel=None, **options) -> Movie``
    The movie with its metadata; pixels are not decoded. None means the height channel, or the first one if
    the file has no height. `FileFormatError` and `ChannelError` report the cause of a failure. Of a recording that
    broke off it returns what exists, and states in `Movie.incomplete` what is missing.

A plugin package declares a reader with `reader` and registers it as an entry point of the group
``playNano.readers``. Built-in readers are listed in `BUILTIN_READERS` as text, so that the module of a format is
imported only when a file needs it.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, TypeVar

from playNano.core.params import Declaration, Parameter, bind_all
from playNano.core.registry import Registry, accept_declared, by_name, load_object, plugin_groups
from playNano.errors import FileFormatError, ParameterError
from playNano.io.formats.frames import Sniff, errors_as_reasons
from playNano.io.formats.guard import checked, damage_as_errors, one_line
from playNano.io.formats.incomplete import CURE, OPTION, IncompleteOption
from playNano.io.movie import Movie
from playNano.io.stamp import FileStamp, StampedFrames

HEAD_BYTES = 512
READER_ATTRIBUTE = "__reader__"
"""Attribute of a function in which `reader` stores the declaration."""

F = TypeVar("F", bound=Callable[..., Movie])


@dataclass(frozen=True)
class Reader:
    """The declaration of a file format.

    Parameters
    ----------
    name
        Short name of the format.
    suffixes
        Suffixes of file names, lower case; "[0-9]" means any digit. A reader with a matching suffix is
        tried first.
    sniff
        The function that returns why a file is not of this format, or ``"module:name"``.
    open
        The function that opens a file, or ``"module:name"``. Its keyword arguments other than path and channel are
        the options of the format.
    series
        Whether a file contains one frame, or may contain one, so that a folder of such files is a movie.
    folder
        Whether the reader accepts a folder instead of a file.
    incomplete
        Whether the reader can return what exists of a recording that broke off or of a file that is cut off. It then
        has the option ``allow_incomplete``.
    """

    name: str
    suffixes: tuple[str, ...]
    sniff: str | Sniff
    open: str | Callable[..., Movie]
    series: bool = False
    folder: bool = False
    incomplete: bool = False

    def fits_name(self, path: Path) -> bool:
        """Return whether a file name has a suffix of this format.

        Parameters
        ----------
        path
            The file.

        Returns
        -------
        bool
            The comparison is case-insensitive.
        """
        return any(fnmatchcase(path.name.casefold(), f"*{suffix}") for suffix in self.suffixes)

    def refusal(self, path: Path, head: bytes) -> str | None:
        """Return the reason why a file is not of this format, or None if it may be.

        Parameters
        ----------
        path
            The file or folder.
        head
            Its first bytes.

        Returns
        -------
        str or None
            The reason.
        """

        def sniff(path: Path, head: bytes) -> str | None:
            with damage_as_errors(path, self.name):
                reason: str | None = load_object(self.sniff)(path, head)
                return None if reason is None else one_line(reason)

        return errors_as_reasons(sniff)(path, head)

    @property
    def declaration(self) -> Declaration:
        """The function that opens a file; its signature declares the options."""
        function = load_object(self.open)
        return Declaration(function, tuple(inspect.signature(function).parameters)[:2])

    @property
    def declarations(self) -> list[Declaration]:
        """The functions whose signatures declare the options: the one that opens a file, and one for all readers."""
        return [self.declaration, *([Declaration(IncompleteOption)] if self.incomplete else [])]

    def parameters(self) -> list[Parameter]:
        """List the options of the format."""
        return [parameter for declared in self.declarations for parameter in declared.parameters()]

    def open_movie(self, path: Path, channel: str | None, **options: Any) -> Movie:
        """Open a file with this reader.

        Parameters
        ----------
        path
            The file or folder.
        channel
            The channel; None means the height, or the first channel if there is no height.
        **options
            Options of the format.

        Returns
        -------
        Movie
            The movie with its metadata; pixels are not decoded.

        Raises
        ------
        ParameterError
            If an option is unknown to the format, or its value is not allowed.
        FileFormatError, ChannelError
            If the file is damaged, incomplete without ``allow_incomplete=True``, or does not contain the channel.
        """
        movie = self.open_partial(path, channel, **options)
        if movie.incomplete is None:
            return movie
        where = f"{path}: the {self.name} reader"
        if not bind_all(self.declarations, options, where=where).get(OPTION):
            with damage_as_errors(path, self.name):
                raise FileFormatError(f"{path}: {movie.incomplete}; {CURE}")
        return replace(movie, warnings=(f"{path.name}: {movie.incomplete}", *movie.warnings))

    def open_partial(self, path: Path, channel: str | None, **options: Any) -> Movie:
        """Open a file as `open_movie` does, but return an incomplete movie in any case.

        Parameters
        ----------
        path
            The file or folder.
        channel
            The channel; None means the height, or the first channel if there is no height.
        **options
            Options of the format.

        Returns
        -------
        Movie
            What exists; its ``incomplete`` states what is missing.

        Raises
        ------
        ParameterError, FileFormatError, ChannelError
            As for `open_movie`.
        """
        declared = self.declarations
        where = f"{path}: the {self.name} reader"
        if OPTION in options and OPTION not in [parameter.name for parameter in self.parameters()]:
            raise ParameterError(
                f"{where} has no option {OPTION!r}: a file of this format is read as a whole or not at all"
            )
        if "pixel_size_nm" in options and "pixel_size_nm" not in [p.name for p in self.parameters()]:
            raise ParameterError(
                f"{where} takes no pixel size: files of this format contain their own; leave pixel_size_nm "
                "(--pixel-size-nm) out"
            )
        bound = bind_all(declared, options, where=where)
        own = [name for name in options if name != OPTION or not self.incomplete]
        # A file that is replaced while it is opened is noticed at the first read.
        stamp = None if self.folder else FileStamp.of(path)
        with damage_as_errors(path, self.name):
            movie = checked(declared[0].function(path, channel, **{name: bound[name] for name in own}), path)
        return movie if stamp is None else replace(movie, read=StampedFrames(movie.read, stamp))


def reader(
    name: str,
    suffixes: tuple[str, ...],
    *,
    sniff: Sniff,
    series: bool = False,
    folder: bool = False,
    incomplete: bool = False,
) -> Callable[[F], F]:
    """Declare a function ``open(path, channel=None, **options) -> Movie`` as a reader.

    Parameters
    ----------
    name, suffixes, sniff, series, folder, incomplete
        As in `Reader`.

    Returns
    -------
    callable
        The decorator; it returns the function unchanged.

    Examples
    --------
    >>> def sniff(path, head): return None if head.startswith(b"RAW1") else "it does not begin with RAW1"
    >>> @reader("raw", (".raw",), sniff=sniff)
    ... def open_raw(path, channel=None, *, pixel_size_nm: float = 1.0): ...
    >>> open_raw.__reader__.name, [option.name for option in open_raw.__reader__.parameters()]
    ('raw', ['pixel_size_nm'])
    """

    def declare(function: F) -> F:
        declared = Reader(name, suffixes, sniff, function, series, folder, incomplete)
        setattr(function, READER_ATTRIBUTE, declared)
        return function

    return declare


def _builtin(
    name: str,
    suffixes: tuple[str, ...],
    module: str,
    *,
    series: bool = False,
    folder: bool = False,
    incomplete: bool = True,
) -> Reader:
    """Return the declaration of a reader whose functions are named after the format."""
    source = f"playNano.io.formats.{module}"
    verb = name.replace("-", "_")
    return Reader(
        name, suffixes, f"{source}:sniff_{verb}", f"{source}:open_{verb}", series, folder, incomplete
    )


BUILTIN_READERS: dict[str, Reader] = by_name(
    (
        _builtin("asd", (".asd",), "asd"),
        _builtin("h5-jpk", (".h5-jpk",), "jpk_h5"),
        _builtin("bundle", (".h5", ".hdf5"), "bundle"),
        _builtin("bundle-05", (".h5",), "release_05", incomplete=False),
        _builtin("npz", (".npz",), "numpy_files", incomplete=False),
        _builtin("npy", (".npy",), "numpy_files", incomplete=False),
        _builtin("jpk", (".jpk", ".jpk-qi-image"), "jpk_tiff", series=True),
        _builtin("spm", (".spm", ".[0-9][0-9][0-9]"), "spm", series=True),
        _builtin("gwy", (".gwy",), "gwy", series=True),
        _builtin("ibw", (".ibw",), "ibw", series=True),
        _builtin("wsxm", (".stp", ".top"), "wsxm", series=True),
        _builtin("topostats", (".topostats",), "topostats", series=True, incomplete=False),
        _builtin("nid", (".nid",), "nid", series=True),
        _builtin("nhf", (".nhf",), "nhf", series=True),
        _builtin("sxm", (".sxm",), "sxm", series=True),
        _builtin("mi", (".mi",), "mi", series=True),
        _builtin("park", (".tiff", ".tif"), "park", series=True),
        _builtin("aris", (".aris",), "aris", series=True),
        _builtin("ardf", (".ardf",), "ardf", series=True),
        _builtin(
            "ome-tiff",
            (".ome.tif", ".ome.tiff", ".ome.btf", ".tif", ".tiff"),
            "ome_tiff",
            incomplete=False,
        ),
        Reader(
            "tiff",
            (".tif", ".tiff"),
            "playNano.io.formats.tiff_movie:sniff_tiff",
            "playNano.io.formats.tiff_movie:open_tiff",
        ),
        _builtin("ome-zarr", (".zarr",), "ome_zarr", folder=True),
        _builtin("folder", ("/",), "folder", folder=True),
    )
)
"""Name -> built-in reader, in the order in which they are tried."""


def _accept_reader(name: str, target: Any) -> Reader:
    """Return the reader that a plugin's entry point loads."""
    return accept_declared(name, target, Reader, READER_ATTRIBUTE)


@functools.cache
def reader_registry() -> Registry[Reader]:
    """Return the registry of readers: built-ins and plugins."""
    return Registry("reader", BUILTIN_READERS, plugin_groups("readers", _accept_reader))


def read_head(path: Path) -> bytes:
    """Return the first bytes of a file, by which readers identify their format.

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
