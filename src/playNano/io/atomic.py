"""Write a file so that it is there whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside `path`, which replaces `path` when the block ends without an error.

    Parameters
    ----------
    path
        The file to be written; its folder must exist.

    Yields
    ------
    pathlib.Path
        Write here. After an error it is removed, and an older file at `path` is as it was.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> folder = Path(mkdtemp())
    >>> with replacing(folder / "a.txt") as temporary:
    ...     _ = temporary.write_text("whole")
    >>> (folder / "a.txt").read_text()
    'whole'
    """
    target = Path(path)
    # The suffix stays, because some writers (numpy.savez) append their own to a name without it.
    temporary = target.with_name(f".{target.stem}-{uuid4().hex}{target.suffix}")
    try:
        yield temporary
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
