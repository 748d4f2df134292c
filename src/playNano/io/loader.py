"""Load files of all known formats; the reader is selected by file name and content."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from playNano.core.edits import mark_pixels
from playNano.core.memory import free_memory_bytes
from playNano.core.result_folder import finish_move
from playNano.core.source import derived_source, describe_source
from playNano.core.stack import Stack
from playNano.errors import FileFormatError, PlayNanoWarning
from playNano.io.formats import Reader, read_head, reader_registry
from playNano.io.formats.guard import pixel_doubt
from playNano.io.formats.known import known_format
from playNano.io.lazy import lazy_pixels
from playNano.io.movie import Movie, new_stack

LAZY_SHARE = 0.25
"""Fraction of the free memory above which a movie is kept on disk."""


def load_afm_stack(
    path: str | os.PathLike[str],
    channel: str = "height_trace",
    *,
    lazy: bool | None = None,
    **options: Any,
) -> Stack:
    """Load one channel of a file into memory, or as a lazy movie that is kept on disk.

    Parameters
    ----------
    path
        The file, or a folder in which every file is a frame.
    channel
        The channel, by its name in the format ("TP", "height_retrace") or a common name ("height_trace",
        "height").
    lazy
        True: the pixels are a Dask array in chunks of whole frames, about 64 MB each, and are decoded when
        they are read; all later steps work chunk by chunk (only the pixels, times
        and metadata of a bundle are then read, not its results). False: a numpy array. None: lazy if the movie is
        larger than a quarter of the free memory.
    **options
        Further options of the reader of the format, such as ``pixel_size_nm`` for `.npy`.
        ``allow_incomplete=True`` reads what exists of a recording that broke off, of a file that is cut off, or of a
        folder with damaged images, with a warning; it is an option of all formats but those that are whole or cannot
        be read at all.

    Returns
    -------
    AFMImageStack
        float32 pixels, with times, scan geometry and metadata as far as the file contains them.

    Raises
    ------
    FileNotFoundError
        The file does not exist.
    FileFormatError
        No reader accepts the file, or it is damaged, or incomplete without ``allow_incomplete=True``. Reading a lazy
        movie: its file was replaced or changed after it was opened.
    ChannelError
        The file does not contain the channel; the message lists its channels.
    ParameterError
        An option is unknown to the format, or its value is not allowed.

    Warns
    -----
    PlayNanoWarning
        For what makes the movie doubtful, such as a recording that is not whole; the record holds it too.

    Examples
    --------
    >>> stack = load_afm_stack("movie.asd", "TP")  # doctest: +SKIP
    """
    movie = _open(path, channel, **options)
    source = describe_source(Path(path), channel, options, movie.shape[0])
    if lazy is None:
        lazy = _is_large(movie)
    if movie.load is not None:
        restored = movie.load(lazy)
        _warn(restored.provenance["warnings"])
        restored.provenance["source"] = derived_source(source, restored.provenance)
        return _examined(restored)
    _warn(movie.warnings)
    # Workers of a cluster may have another working directory.
    stack = new_stack(
        lazy_pixels(movie if movie.path.is_absolute() else _open(Path(path).absolute(), channel, **options))
        if lazy
        else movie.read(0, movie.shape[0]),
        movie.pixel_size_nm,
        movie.channel,
        movie.path,
        movie.frame_metadata,
        scan=movie.scan,
        unit=movie.unit,
        # A file that playNano wrote has the format of the movie's source in its header.
        metadata={"format": movie.format, **movie.header, "channels": list(movie.channels)},
    )
    stack.provenance["source"] = source
    stack.provenance["warnings"] = [*movie.warnings, *stack.provenance["warnings"]]
    return _examined(stack)


def open_movie(path: str | os.PathLike[str], channel: str | None = "height_trace", **options: Any) -> Movie:
    """Open one channel of a file without decoding any pixels.

    Parameters
    ----------
    path
        The file.
    channel
        As for `load_afm_stack`; None means the height, or the first channel if there is no height.
    **options
        Further options of the reader of the format.

    Returns
    -------
    Movie
        Its ``read(start, stop)`` decodes frames.

    Raises
    ------
    FileNotFoundError
        The file does not exist.
    FileFormatError
        No reader accepts the file, or it is damaged.
    ChannelError
        The file does not contain the channel.
    ParameterError
        An option is unknown to the format, or its value is not allowed.

    Warns
    -----
    PlayNanoWarning
        For what makes the movie doubtful, such as a recording that is not whole.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(f"{folder}/movie.npy", np.zeros((3, 8, 10), np.float32))
    ...     movie = open_movie(f"{folder}/movie.npy", pixel_size_nm=2.0)
    >>> movie.format, movie.shape, movie.pixel_size_nm
    ('npy', (3, 8, 10), (2.0, 2.0))
    """
    movie = _open(path, channel, **options)
    _warn(movie.warnings)
    return movie


def _open(path: str | os.PathLike[str], channel: str | None, **options: Any) -> Movie:
    path = Path(path)
    return find_reader(path).open_movie(path, channel, **options)


def _warn(texts: Sequence[str]) -> None:
    """Issue warnings to the caller of the loader."""
    for text in texts:
        warnings.warn(text, PlayNanoWarning, stacklevel=3)


def _examined(stack: Stack) -> Stack:
    """Return a stack with the fingerprint of its pixels, after a warning where these are no measurement."""
    text = pixel_doubt(stack.data)
    if text is not None:
        stack.warn(text)
    mark_pixels(stack)
    return stack


def list_channels(path: str | os.PathLike[str], **options: Any) -> tuple[str, ...]:
    """Return the channels of a file.

    Parameters
    ----------
    path
        The file.
    **options
        Options of the reader of the format, as for `load_afm_stack`.

    Returns
    -------
    tuple of str
        Names that `load_afm_stack` accepts.

    Raises
    ------
    FileNotFoundError
        The file does not exist.
    FileFormatError
        No reader accepts the file, or it is damaged.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(f"{folder}/movie.npy", np.zeros((3, 8, 10), np.float32))
    ...     list_channels(f"{folder}/movie.npy", pixel_size_nm=2.0)
    ('height_trace',)
    """
    return open_movie(path, None, **options).channels


def find_reader(path: str | os.PathLike[str]) -> Reader:
    """Return the reader for a file, selected by its name and content.

    Readers with a matching suffix are tried first, then the others, so that a file with a wrong suffix can be read.

    Parameters
    ----------
    path
        The file, or a folder for formats with one file per frame.

    Returns
    -------
    Reader
        The first reader that accepts the file.

    Raises
    ------
    FileNotFoundError
        The file does not exist.
    FileFormatError
        No reader accepts the file; the message names its format if it is known, else has the reason of each reader.

    Warns
    -----
    PluginWarning
        For each reader plugin that cannot be used.
    """
    path = Path(path)
    if not path.exists():
        finish_move(path.parent)  # of a run whose files were not yet put in place
    if not path.exists():
        raise FileNotFoundError(f"{path}: there is no such file")
    folder = path.is_dir()
    head = b"" if folder else read_head(path)
    registry = reader_registry()
    readers = [reader for reader in registry.usable().values() if reader.folder == folder]
    if not folder and not head:
        known = ", ".join(f"{reader.name} ({', '.join(reader.suffixes)})" for reader in readers)
        raise FileFormatError(f"{path}: the file is empty. Known formats: {known}")
    reasons: dict[str, list[str]] = {}
    for reader in sorted(readers, key=lambda reader: not reader.fits_name(path)):
        reason = reader.refusal(path, head)
        if reason is None:
            return reader
        reasons.setdefault(reason, []).append(f"{reader.name} ({', '.join(reader.suffixes)})")
    plugins = registry.plugin_errors().values()
    # A reader whose suffix fits tells better what is wrong with the file.
    taken = folder or any(reader.fits_name(path) for reader in readers)
    named = None if taken else known_format(path, head)
    if named is not None:
        more = "".join(f"; {reason}" for reason in plugins)
        raise FileFormatError(
            f"{path}: this is a file of the format {named.name}; playNano does not read it{more}"
        )
    # Readers of one container, such as HDF5, have the same reason where it is damaged.
    refusals = [f"{', '.join(names)}: {reason}" for reason, names in reasons.items()] + list(plugins)
    what = "folder" if folder else "file"
    raise FileFormatError(f"{path}: no reader accepts this {what}. {'; '.join(refusals)}")


def _is_large(movie: Movie) -> bool:
    free = free_memory_bytes()
    return free is not None and 4 * math.prod(movie.shape) > LAZY_SHARE * free
