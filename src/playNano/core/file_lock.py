"""A lock between processes that the operating system releases when its holder ends, however it ends."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from playNano.errors import ResultFolderError

_held: set[Path] = set()


@contextmanager
def file_lock(path: Path, message: str) -> Iterator[None]:
    """Hold a lock on a file, which is removed at the end.

    Parameters
    ----------
    path
        The file; its folder must exist.
    message
        Message of the error if the lock is held.

    Raises
    ------
    ResultFolderError
        Another process, or another thread of this one, holds the lock.
    OSError
        The file cannot be created.
    """
    place = path.absolute()
    if place in _held:  # locks of the system are those of a process
        raise ResultFolderError(message)
    _held.add(place)
    try:
        descriptor = _acquire(place, message)
        try:
            yield
        finally:
            # Removed while it is locked. The next holder notices that its file was removed, and takes a new one.
            with suppress(OSError):
                place.unlink()
            os.close(descriptor)
            if os.name == "nt":  # where open files cannot be removed
                with suppress(OSError):
                    place.unlink()
    finally:
        _held.discard(place)


def _acquire(path: Path, message: str) -> int:
    """Return the descriptor of the locked file."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            _lock(descriptor)
        except OSError as error:
            os.close(descriptor)
            raise ResultFolderError(message) from error
        try:
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor
        except FileNotFoundError:
            pass
        os.close(descriptor)


def _lock(descriptor: int) -> None:
    """Lock an open file, or raise OSError at once."""
    if os.name == "nt":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    else:
        import fcntl

        # Unlike those of flock, these locks are not inherited by forked workers that outlive their parent.
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
