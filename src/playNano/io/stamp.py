"""Notice that a file was replaced after it was opened: pixels of two files must not become one movie."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy.typing as npt

from playNano.errors import FileFormatError

# Some file systems round times to a fraction of a microsecond.
_RESOLUTION_NS = 1000


@dataclass(frozen=True)
class FileStamp:
    """Size and time of modification of a file when it was opened.

    Parameters
    ----------
    path
        The file.
    size
        Its size, bytes.
    modified_ns
        Time of its last modification, nanoseconds since 1970.
    """

    path: Path
    size: int
    modified_ns: int

    @classmethod
    def of(cls, path: Path) -> FileStamp:
        """Return the stamp of a file as it is now.

        Parameters
        ----------
        path
            The file.

        Returns
        -------
        FileStamp
            Its size and time.
        """
        status = path.stat()
        return cls(path, status.st_size, status.st_mtime_ns)

    def check(self) -> None:
        """Raise FileFormatError if the file is not the one that was opened."""
        now = FileStamp.of(self.path)
        moved = abs(now.modified_ns - self.modified_ns) > _RESOLUTION_NS
        if moved or now.size != self.size:
            raise FileFormatError(
                f"{self.path}: the file was replaced or changed after it was opened: it had {self.size} bytes of "
                f"{_moment(self.modified_ns)}, now it has {now.size} bytes of {_moment(now.modified_ns)}; open it again"
            )


@dataclass(frozen=True)
class StampedFrames:
    """Decode frames of a file that must be the one that was opened; keeps no file open, and can be pickled.

    Parameters
    ----------
    read
        ``read(start, stop)`` decodes frames.
    stamp
        What is compared before each of its calls.
    """

    read: Callable[[int, int], npt.NDArray[Any]]
    stamp: FileStamp

    def __call__(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Decode frames [start, stop), or raise FileFormatError if the file was replaced."""
        self.stamp.check()
        return self.read(start, stop)


def _moment(nanoseconds: int) -> str:
    return datetime.fromtimestamp(nanoseconds / 1e9, tz=UTC).isoformat(sep=" ", timespec="milliseconds")
