"""Folders of results that belong to one run, and are replaced as a whole.

A run writes all its files into a hidden folder inside the folder of results. When it has finished, a journal is
written, and the files are moved to their places, the record last. A run that is killed before the journal exists
leaves the earlier results unchanged; after it, the next command that reads or writes the results completes the move. A
folder with a record is thus always complete.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import uuid
from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from playNano.core.file_lock import file_lock
from playNano.core.files import atomic_write
from playNano.core.provenance import file_fingerprint
from playNano.errors import ParameterError, ResultFolderError

Existing = Literal["refuse", "overwrite", "new"]
"""What happens if the folder already contains the results of a run."""

RECORDS = ("record.json", "batch.json", "validate.json", "compare.json")
"""Names of the files that list the other files of a run."""

_PREFIX = ".playnano-run-"
_JOURNAL = ".playnano-journal.json"
_LOCK = ".playnano-lock"


@dataclass(frozen=True)
class Run:
    """The folder of a run while it writes its results.

    Parameters
    ----------
    target
        Folder in which the results are when the run has finished.
    path
        Hidden folder into which the run writes.
    record
        Name of the record, which must be written last.
    """

    target: Path
    path: Path
    record: str

    def files(self) -> list[dict[str, Any]]:
        """Return name, size and checksum of the files written so far; see `listed_files`."""
        return listed_files(self.path)


def listed_files(folder: Path) -> list[dict[str, Any]]:
    """List the files of a folder with sizes and checksums.

    Parameters
    ----------
    folder
        The folder; a subfolder (a Zarr store) is one entry.

    Returns
    -------
    list of dict
        ``name``, ``bytes`` and ``sha256``: hexadecimal digits; for a subfolder of the names and bytes of all files in
        it. Hidden files are left out.
    """
    entries = []
    for path in sorted(folder.iterdir()):
        if not path.name.startswith("."):
            entries.append({"name": path.name, "bytes": size_in_bytes(path), "sha256": sha256_of(path)})
    return entries


def size_in_bytes(path: Path) -> int:
    """Return the size of a file, or of all files in a folder.

    Parameters
    ----------
    path
        A file or folder.
    """
    if path.is_dir():
        return sum(member.stat().st_size for member in path.rglob("*") if member.is_file())
    return path.stat().st_size


def sha256_of(path: Path) -> str:
    """Return the hexadecimal SHA-256 of a file, or of the names and bytes of all files in a folder.

    Parameters
    ----------
    path
        An existing file or folder.
    """
    return str(file_fingerprint(path)).partition(":")[2]


def holder_of(folder: Path) -> Path | None:
    """Return the record of the run whose results are in a folder, or None.

    Parameters
    ----------
    folder
        Any path.
    """
    return next((folder / name for name in RECORDS if (folder / name).is_file()), None)


@contextmanager
def result_folder(
    folder: str | Path,
    *,
    existing: Existing = "refuse",
    record: str = "record.json",
    reserved: Collection[str] = (),
) -> Iterator[Run]:
    """Yield a hidden folder for the files of a run; on success they appear in `folder` together.

    Parameters
    ----------
    folder
        The folder of results; created if necessary. Other files in it are never changed.
    existing
        If the folder contains a run: "refuse" raises, "overwrite" replaces the files that its record lists, "new"
        writes to a folder with a number, ``folder-2``.
    record
        Name of the file in which the run lists its other files.
    reserved
        Names that the run is going to write: an error now, if there is such a file that no record lists.

    Raises
    ------
    ResultFolderError
        The folder contains a run, is in use by another process, is not writable, or its disk is full. Files in the
        folder are left unchanged.
    ParameterError
        `existing` is unknown.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as parent:
    ...     with result_folder(f"{parent}/results") as run:
    ...         _ = (run.path / "record.json").write_text("{}")
    ...         before = Path(parent, "results", "record.json").exists()
    ...     before, Path(parent, "results", "record.json").exists()
    (False, True)
    """
    if existing not in get_args(Existing):
        raise ParameterError(f"existing={existing!r}: one of {', '.join(get_args(Existing))}")
    target = _unused(Path(folder)) if existing == "new" else Path(folder)
    with _named_errors(target):
        created = _make(target)
        try:
            with _locked(target):
                _complete(target)
                old = _replaced(target, existing)
                _check_free(target, reserved, old)
                run = Run(target, target / f"{_PREFIX}{uuid.uuid4().hex[:8]}", record)
                run.path.mkdir()
                try:
                    yield run
                    _commit(run, old)
                finally:
                    if not (target / _JOURNAL).exists():  # otherwise the next command completes the move
                        shutil.rmtree(run.path, ignore_errors=True)
        finally:
            for path in created:
                with suppress(OSError):
                    path.rmdir()  # empty only if the run failed


def clear_results(folder: Path) -> None:
    """Remove the files that the record of a folder lists, the record first; leave all others.

    Parameters
    ----------
    folder
        A folder; one without a record is left unchanged.

    Raises
    ------
    ResultFolderError
        The record lists no files, or the folder is in use.
    """
    if holder_of(folder) is not None:
        with _locked(folder):
            for name in _replaced(folder, "overwrite"):
                _remove(folder / name)
    with suppress(OSError):
        folder.rmdir()


def complete(folder: Path) -> None:
    """Complete a move of files that was interrupted, and remove the hidden folders of runs that were killed.

    Parameters
    ----------
    folder
        The folder of results.

    Raises
    ------
    ResultFolderError
        The folder is in use by another process.
    """
    if (folder / _JOURNAL).exists() or any(folder.glob(f"{_PREFIX}*")):
        with _locked(folder):
            _complete(folder)


def is_unfinished(folder: Path) -> bool:
    """Return whether a run is writing into a folder, or was killed before it finished.

    Parameters
    ----------
    folder
        The folder of results.
    """
    return any(folder.glob(f"{_PREFIX}*"))


def finish_move(folder: Path) -> None:
    """Complete a move of files that was interrupted, before the results of a folder are read.

    Parameters
    ----------
    folder
        The folder of results. Runs that have not finished are not touched.

    Raises
    ------
    ResultFolderError
        The folder is in use by another process, or files in it cannot be moved.
    """
    if not (folder / _JOURNAL).exists():
        return
    try:
        with _locked(folder):
            _finish(folder)
    except OSError as error:
        if isinstance(error, ResultFolderError):
            raise
        raise ResultFolderError(
            f"{folder}: the last run was interrupted while its files were put in place, and they cannot be moved now "
            f"({error.strerror}): run the command again where the folder can be written"
        ) from error


def _locked(folder: Path) -> AbstractContextManager[None]:
    return file_lock(folder / _LOCK, f"{folder} is in use by another run of playNano")


def _complete(folder: Path) -> None:
    """Complete an interrupted move, and remove what killed runs left; the folder must be locked."""
    _finish(folder)
    for stale in folder.glob(f"{_PREFIX}*"):
        shutil.rmtree(stale, ignore_errors=True)
    for stale in folder.glob(f".{Path(_JOURNAL).stem}-*"):
        stale.unlink(missing_ok=True)


def _finish(folder: Path) -> None:
    """Complete an interrupted move, if there is one; the folder must be locked."""
    journal = folder / _JOURNAL
    if journal.is_file():
        _move(folder, json.loads(journal.read_text(encoding="utf-8")))


def listed_names(record: Path) -> list[str]:
    """Return the names that a record lists, its own first.

    Parameters
    ----------
    record
        The record.

    Raises
    ------
    ResultFolderError
        It is damaged, or lists no files.
    """
    try:
        content = json.loads(record.read_text(encoding="utf-8"))
        inside = content.get("provenance", content)
        names = [str(entry["name"]) for entry in inside["files"]]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ResultFolderError(
            f"{record} does not list the files of its run, so they cannot be replaced: give another folder or --new"
        ) from error
    for name in names:
        if name != Path(name).name or name in ("", ".", "..") or "\\" in name:
            raise ResultFolderError(f"{record} is damaged: {name!r} is not the name of a file in its folder")
    return [record.name, *(name for name in names if name != record.name)]


def _unused(folder: Path) -> Path:
    """Return the folder, or the first one with a number, that contains no run."""
    number, candidate = 1, folder
    while holder_of(candidate) is not None:
        number += 1
        candidate = folder.with_name(f"{folder.resolve().name}-{number}")
    return candidate


def _make(folder: Path) -> list[Path]:
    """Create a folder with its parents; return those that did not exist, innermost first."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    return missing


def _replaced(folder: Path, existing: Existing) -> list[str]:
    """Return the names of the files of the run in a folder, the record first; empty if there is none."""
    record = holder_of(folder)
    if record is None:
        return []
    if existing == "refuse":
        raise ResultFolderError(
            f"{folder} contains the results of another run ({record.name}): give another folder, --overwrite to "
            "replace them, or --new for a numbered folder"
        )
    return listed_names(record)


def _check_free(folder: Path, names: Collection[str], old: Collection[str]) -> None:
    """Raise if a file that belongs to no run has one of the names."""
    taken = sorted(name for name in names if name not in old and (folder / name).exists())
    if taken:
        raise ResultFolderError(f"{folder / taken[0]} exists and belongs to no run: give another folder")


def _commit(run: Run, old: list[str]) -> None:
    """Move the files of a run to their places."""
    new = sorted(path.name for path in run.path.iterdir())
    if run.record not in new:
        raise RuntimeError(f"the run has not written {run.record}")
    _check_free(run.target, new, old)
    journal = {"from": run.path.name, "remove": old, "add": new, "record": run.record}
    with atomic_write(run.target / _JOURNAL) as temporary:
        temporary.write_text(json.dumps(journal), encoding="utf-8")
    _move(run.target, journal)


def _move(folder: Path, journal: Mapping[str, Any]) -> None:
    """Remove the files of the old run, and move those of the new one; may be repeated after an interruption."""
    source, new = folder / str(journal["from"]), list(journal["add"])
    for name in journal["remove"]:  # the old record is the first
        if name not in new or (source / name).exists():
            _remove(folder / name)
    for name in sorted(new, key=lambda name: name == journal["record"]):  # the new record is the last
        if (source / name).exists():
            (source / name).rename(folder / name)
    (folder / _JOURNAL).unlink()
    shutil.rmtree(source, ignore_errors=True)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def _named_errors(folder: Path) -> Iterator[None]:
    """Turn errors of a full or read-only disk into one that names the folder of results."""
    try:
        yield
    except OSError as error:
        if isinstance(error, ResultFolderError):
            raise
        if error.errno in (errno.ENOSPC, errno.EDQUOT) or "No space left" in str(error):
            raise ResultFolderError(
                f"{folder}: the disk is full; earlier results in the folder are unchanged"
            ) from error
        inside = error.filename is not None and _within(Path(os.fsdecode(error.filename)), folder)
        if inside and error.errno in (errno.EACCES, errno.EROFS, errno.EPERM, errno.ENOTDIR, errno.EEXIST):
            raise ResultFolderError(f"cannot write results to {folder}: {error.strerror}") from error
        raise


def _within(path: Path, folder: Path) -> bool:
    """Return whether a path is the folder, in it, or one of the parents that had to be created."""
    here, root = path.absolute(), folder.absolute()
    return here == root or root in here.parents or here in root.parents
