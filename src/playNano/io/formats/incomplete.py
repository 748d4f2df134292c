"""What exists of a recording that broke off, or of a file that is cut off; shared by all readers.

A reader always returns what exists, and states in `Movie.incomplete` what is missing. `Reader.open_movie` then raises
an error, or with ``allow_incomplete=True`` adds the text to the warnings of the movie.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from playNano.errors import FileFormatError

OPTION = "allow_incomplete"
"""Name of the option of every reader that can return a part of a recording."""
CURE = f"{OPTION}=True (--{OPTION.replace('_', '-')}) reads what exists"
# Missing lines are kept as NaN, so that a wrong number of lines must not make a large image of a small file.
_MAX_LINES_PER_LINE = 100
_MAX_HOLES = 1000


@dataclass(frozen=True)
class IncompleteOption:
    """The option of all readers whose recordings can break off.

    Parameters
    ----------
    allow_incomplete
        Read what exists of a recording that broke off or of a file that is cut off, with a warning, instead of
        refusing it: whole frames; lines of an image that are missing are NaN.
    """

    allow_incomplete: bool = False


def cut_image(
    path: Path, channel: str, first_byte: int, shape: tuple[int, int], item_bytes: int, end: int
) -> tuple[int, str | None]:
    """Return how many lines of an uncompressed image a file has, and what is missing.

    Parameters
    ----------
    path
        The file.
    channel
        Name of the image, for the text.
    first_byte
        Where the image begins.
    shape
        (height, width).
    item_bytes
        Bytes of a pixel.
    end
        Where the last image of the file ends.

    Returns
    -------
    lines : int
        Whole lines that the file has, from the one that is stored first.
    missing : str or None
        What is missing, None if the file has `end` bytes or more.

    Raises
    ------
    FileFormatError
        The file has no line of the image, or too few to be an image.
    """
    there = path.stat().st_size
    lines = min(shape[0], max(0, there - first_byte) // (shape[1] * item_bytes))
    missing = missing_lines(path, channel, lines, shape[0])
    if missing is None and there < end:
        missing = f"the file is cut off: it has {there} of {end} bytes; channel {channel} is whole"
    return lines, missing


def missing_lines(path: Path, channel: str, lines: int, planned: int) -> str | None:
    """Return what is missing of an image of which a file has only the first lines.

    Parameters
    ----------
    path
        The file, for the error.
    channel
        Name of the image.
    lines
        Lines that exist.
    planned
        Lines of the whole image.

    Returns
    -------
    str or None
        None if no line is missing.

    Raises
    ------
    FileFormatError
        There is no line, or less than one in a hundred.

    Examples
    --------
    >>> missing_lines(Path("a.spm"), "Height", 16, 32)
    'the file is cut off: 16 of 32 lines of channel Height exist; the others are NaN'
    """
    if lines >= planned:
        return None
    text = f"the file is cut off: {lines} of {planned} lines of channel {channel} exist"
    if lines * _MAX_LINES_PER_LINE < planned:
        raise FileFormatError(f"{path}: {text}")
    return f"{text}; the others are NaN"


def missing_frames(
    path: Path, written: Sequence[int], planned: int, what: str = ""
) -> tuple[int, frozenset[int], str | None]:
    """Return the frames up to the last one that exists, those that are missing among them, and a text.

    Parameters
    ----------
    path
        The file, for the error.
    written
        Numbers of the frames that exist, in increasing order.
    planned
        Frames of the whole recording.
    what
        Of what these are the frames, for the text, as in " of channel height".

    Returns
    -------
    n_frames : int
        Frames up to the last one that exists.
    holes : frozenset of int
        Frames before that which do not exist; their pixels are NaN.
    text : str or None
        What is missing, or None.

    Raises
    ------
    FileFormatError
        No frame exists, or so few before the last one that its number cannot be right.

    Examples
    --------
    >>> missing_frames(Path("a.h5"), [0, 2], 4)
    (3, frozenset({1}), '2 of 4 frames were written, the last one is frame 2; those that are missing before it are NaN')
    """
    if len(written) == planned:
        return planned, frozenset(), None
    text = f"{len(written)} of {planned} frames{what} were written"
    n_frames = written[-1] + 1 if written else 0
    # Lists are as long as the movie, so that a wrong number must not make them.
    if not written or n_frames > planned or n_frames > 2 * len(written) + _MAX_HOLES:
        last = f", the last one is frame {n_frames - 1}" if written else ""
        raise FileFormatError(f"{path}: {text}{last}")
    holes = frozenset(range(n_frames)).difference(written)
    if holes:
        text += f", the last one is frame {n_frames - 1}; those that are missing before it are NaN"
    return n_frames, holes, text
