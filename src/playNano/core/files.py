"""Write files atomically: an interrupted write leaves an existing file unchanged."""

from __future__ import annotations

import errno
import os
import platform
import shutil
import time
import uuid
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_ABANDONED_S = 86_400.0
"""Age after which the temporary file of a process of another computer is removed, s."""


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path in the folder of `path`, and rename it to `path` on success.

    Parameters
    ----------
    path
        The file to write; its folder is created if necessary.

    Raises
    ------
    OSError
        If the folder or file cannot be written. An existing file is left unchanged.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     target = Path(folder) / "table.csv"
    ...     with atomic_write(target) as temporary:
    ...         _ = temporary.write_text("frame,n")
    ...         exists_before = target.exists()
    ...     exists_before, target.read_text()
    (False, 'frame,n')
    """
    target = Path(path)
    if target.is_dir():
        raise IsADirectoryError(f"{target} is a folder; give the name of a file in it")
    temporary = temporary_path(target)
    try:
        yield temporary
        temporary.replace(target)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):  # the message of the system does not name the file
            error.add_note(f"writing {target}")
        raise
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


@contextmanager
def atomic_folder(target: Path) -> Iterator[Path]:
    """Yield a temporary folder next to `target`; on success it replaces `target`.

    Parameters
    ----------
    target
        The folder to write.

    Raises
    ------
    OSError
        If the folder cannot be written. An existing one is left unchanged.
    """
    temporary, old = temporary_path(target), target.with_name(f".{target.name}-old")
    if old.exists() and not target.exists():  # an earlier replacement was interrupted
        old.rename(target)
    temporary.mkdir()
    try:
        yield temporary
        if target.exists():
            shutil.rmtree(old, ignore_errors=True)
            target.rename(old)
        temporary.rename(target)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def temporary_path(target: Path) -> Path:
    """Return a new name next to `target`, and remove what killed processes left there under such names.

    Parameters
    ----------
    target
        The file or folder to write; its folder is created if necessary.

    Returns
    -------
    Path
        A hidden name with the suffix of the target, the number of this process, and a code of this computer.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    for path in target.parent.glob(f".{_escaped(target.stem)}-*~*{_escaped(target.suffix)}"):
        if _is_abandoned(path, target):
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
    mark = f"{uuid.uuid4().hex[:8]}~{_computer()}~{os.getpid()}"
    return target.with_name(f".{target.stem}-{mark}{target.suffix}")


def _escaped(text: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in text)


def _computer() -> str:
    return f"{zlib.crc32(platform.node().encode()):08x}"


def _is_abandoned(path: Path, target: Path) -> bool:
    """Return whether the process that wrote a temporary file has ended."""
    parts = path.name.removesuffix(target.suffix).rsplit("~", 2)
    if len(parts) != 3 or not parts[2].isdecimal():
        return False
    if parts[1] == _computer() and os.name == "posix":
        try:
            os.kill(int(parts[2]), 0)
        except ProcessLookupError:
            return True
        except OSError:
            pass
        return False
    with suppress(OSError):
        return time.time() - path.stat().st_mtime > _ABANDONED_S
    return False
