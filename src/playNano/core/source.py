"""Identity of the file from which a movie was read, and which of its frames these are."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from playNano.core.provenance import file_fingerprint
from playNano.errors import FileFormatError


def describe_source(
    path: Path, channel: str | None, options: Mapping[str, Any], n_frames: int
) -> dict[str, Any]:
    """Describe a file that is being read; its checksum is computed only for a record, by `identify`.

    Parameters
    ----------
    path
        The file or folder.
    channel
        The channel that was requested.
    options
        Options of the reader, as given.
    n_frames
        Number of frames of the movie.

    Returns
    -------
    dict
        ``path`` (absolute), ``bytes`` and ``modified`` (of a file; None for a folder), ``requested_channel``,
        ``options``, ``frames`` (``first``, ``step``, ``count`` and ``of``, the number of frames in the file).
    """
    return {
        "path": str(path.absolute()),
        **_stamp(path),
        "requested_channel": channel,
        "options": dict(options),
        "frames": {"first": 0, "step": 1, "count": n_frames, "of": n_frames},
    }


def derived_source(source: Mapping[str, Any], provenance: Mapping[str, Any]) -> dict[str, Any]:
    """Describe a file that contains a complete stack with its history.

    Parameters
    ----------
    source
        Return value of `describe_source` for the file.
    provenance
        Provenance of the stack, as stored in it.

    Returns
    -------
    dict
        The description with ``steps_before``, the number of processing steps of the stack, and if known
        ``derived_from``, the description of the file from which the stack was made.
    """
    processing, earlier = provenance.get("processing"), provenance.get("source")
    steps = processing.get("steps") if isinstance(processing, Mapping) else None
    known = {} if earlier is None else {"derived_from": earlier}
    return {**source, "steps_before": len(steps) if isinstance(steps, list | tuple) else 0, **known}


def part_of_source(source: Mapping[str, Any] | None, index: slice, n_frames: int) -> dict[str, Any]:
    """Return the description for a part of a movie's frames.

    Parameters
    ----------
    source
        Description of the whole movie; None for one that is not of a file.
    index
        Range of frames.
    n_frames
        Number of frames of the whole movie.

    Returns
    -------
    dict
        The description with other ``frames``; of a movie that is not of a file it has only these.
    """
    start, stop, step = index.indices(n_frames)
    frames = {"first": 0, "step": 1, "of": n_frames} if source is None else source["frames"]
    part = {
        "first": frames["first"] + start * frames["step"],
        "step": frames["step"] * step,
        "count": len(range(start, stop, step)),
        "of": frames["of"],
    }
    return {**(source or {}), "frames": part}


def identify(source: Mapping[str, Any]) -> dict[str, Any]:
    """Return name, size and checksum of the file of a movie.

    Parameters
    ----------
    source
        Return value of `describe_source`.

    Returns
    -------
    dict
        ``name``, ``path``, ``bytes``, ``modified`` (UTC), ``kind``, "file" or "folder", and ``sha256`` (for a folder of
        the names and bytes of its files), which is None if the file was changed or removed after it was read.
    """
    path = Path(source["path"])
    stamp = {key: source[key] for key in ("bytes", "modified")}
    digest = _digest(path, source["bytes"], source["modified"]) if _stamp(path) == stamp else None
    kind, _, digits = (digest or "").partition(":")
    return {
        "name": path.name,
        "path": str(path),
        **stamp,
        "kind": "folder" if "folder" in kind else "file",
        "sha256": digits or None,
    }


@functools.lru_cache(16)
def _digest(path: Path, size: int | None, modified: str | None) -> str | None:
    """Return the checksum of a file, computed once while its size and time of modification are the same."""
    return file_fingerprint(path)


def require_unchanged(raw: Mapping[str, Any] | None) -> None:
    """Raise if the file of a movie was changed while it was used.

    Parameters
    ----------
    raw
        Return value of `identify`, or None for a movie that is not of a file.

    Raises
    ------
    FileFormatError
        The file was replaced, changed or removed after it was read.
    """
    if raw is None:
        return
    path = Path(raw["path"])
    if raw["sha256"] is None or _stamp(path) != {key: raw[key] for key in ("bytes", "modified")}:
        what = "replaced or changed" if path.exists() else "removed"
        raise FileFormatError(f"{path}: the file was {what} after it was read; run again")


def _stamp(path: Path) -> dict[str, Any]:
    """Return size and time of modification of a file; None for those of a folder."""
    if not path.is_file():
        return {"bytes": None, "modified": None}
    status = path.stat()
    moment = datetime.fromtimestamp(status.st_mtime_ns // 1000 / 1e6, tz=UTC)
    return {"bytes": status.st_size, "modified": moment.isoformat()}
