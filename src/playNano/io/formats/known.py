"""Formats of the field that no reader takes, so that a refusal can name them.

A format leaves this table when a reader for it is added: its line is deleted.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class KnownFormat:
    """A file format that playNano knows by name only.

    Parameters
    ----------
    name
        Whose format it is, and what it is called.
    suffixes
        Endings of a file's name, lower case.
    magic
        Bytes by which a file of the format is known; empty where there are none.
    at
        Where they stand.
    """

    name: str
    suffixes: tuple[str, ...]
    magic: bytes = b""
    at: int = 0


KNOWN_FORMATS = (
    KnownFormat("NT-MDT MDT", (".mdt",), b"\x01\xb0\x93\xff"),
    KnownFormat("Omicron Matrix", ("_mtrx",), b"ONTMATRX"),
    KnownFormat("RHK SM4", (".sm4",)),
    KnownFormat("WITec project", (".wip",), b"WIT_PR"),
    KnownFormat("Gwyddion Simple Field", (".gsf",), b"Gwyddion Simple Field"),
    KnownFormat("Digital Surf", (".sur",), b"DIGITAL SURF"),
    KnownFormat("JPK force curve", (".jpk-force", ".jpk-force-map", ".jpk-qi-data")),
)


def known_format(path: Path, head: bytes) -> KnownFormat | None:
    """Return the format of a file that no reader took, if it is one of `KNOWN_FORMATS`.

    Parameters
    ----------
    path
        The file.
    head
        Its first bytes.

    Returns
    -------
    KnownFormat or None
        By the first bytes, else by the ending of the name.

    Examples
    --------
    >>> known_format(Path("movie.bin"), b"ONTMATRX0101").name
    'Omicron Matrix'
    """
    for known in KNOWN_FORMATS:
        if known.magic and head[known.at :].startswith(known.magic):
            return known
    name = path.name.casefold()
    return next((known for known in KNOWN_FORMATS if name.endswith(known.suffixes)), None)
