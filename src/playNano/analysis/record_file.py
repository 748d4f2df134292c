"""Write the record of a run into its folder of results, and read it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from playNano.analysis.run_record import AnalysisRecord
from playNano.core.command import COMMAND
from playNano.core.lazy import FrameArray
from playNano.core.phases import phase
from playNano.core.result_folder import Run, finish_move, holder_of, is_unfinished
from playNano.core.serialize import StoredFrames, read_record_json, read_tree, write_record_json, write_tree
from playNano.core.source import require_unchanged
from playNano.errors import RecordError

RECORD_JSON, RECORD_HDF5 = "record.json", "record.h5"
_NAME = "analysis_record"

Stored = dict[int, tuple[Any, str]]


def write_record_hdf5(folder: Path, record: Mapping[str, Any]) -> Stored:
    """Write record.h5, with every value of a record and its type.

    Parameters
    ----------
    folder
        Folder of the results.
    record
        The record.

    Returns
    -------
    dict
        ``id`` of each container -> the container, and its name in the file, for `write_record`.

    Raises
    ------
    OSError
        If the file cannot be written.
    TypeError
        For an object that cannot be stored; the message has its path.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from playNano import AFMImageStack, AnalysisPipeline
    >>> stack = AFMImageStack(np.zeros((2, 8, 8)), 1.0, "height", "movie.npy")
    >>> record = AnalysisPipeline().add_steps("count_nonzero").run(stack)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = write_record_hdf5(Path(folder), record)
    ...     [path.name for path in Path(folder).iterdir()]
    ['record.h5']
    """
    import h5py

    path = folder / RECORD_HDF5
    with h5py.File(path, "w") as file:
        stored = write_tree(file, _NAME, record)
    for value, name in list(stored.values()):
        if isinstance(value, FrameArray):  # frames that were computed for this file are not computed again
            value.cache_to(StoredFrames(path.absolute(), name, value.shape, value.dtype))
    return stored


@phase("record.json")
def write_record(run: Run, record: Mapping[str, Any], stored: Stored | None = None) -> Path:
    """Write record.json, the last file of a run, with a list of the other files.

    Parameters
    ----------
    run
        The folder of the run.
    record
        The record.
    stored
        Return value of `write_record_hdf5`: large values are not written again.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    FileFormatError
        The movie was replaced, changed or removed during the run.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from playNano import AFMImageStack, AnalysisPipeline
    >>> from playNano.core.result_folder import result_folder
    >>> stack = AFMImageStack(np.zeros((2, 8, 8)), 1.0, "height", "movie.npy")
    >>> record = AnalysisPipeline().add_steps("count_nonzero").run(stack)
    >>> with tempfile.TemporaryDirectory() as parent:
    ...     with result_folder(f"{parent}/results") as run:
    ...         _ = write_record(run, record, write_record_hdf5(run.path, record))
    ...     sorted(path.name for path in Path(parent, "results").iterdir())
    ['record.h5', 'record.json']
    """
    raw = record["provenance"]["input"]["raw"]
    if raw is not None:
        require_unchanged(raw)
    listed = listed_record(run, record)
    target = run.path / RECORD_JSON
    write_record_json(target, listed, None if stored is None else (RECORD_HDF5, stored))
    return target


def listed_record(run: Run, record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record with the command, the files that were written so far, and the movie relative to their folder.

    Parameters
    ----------
    run
        The folder of the run.
    record
        The record.
    """
    provenance = dict(record["provenance"])
    raw = provenance["input"]["raw"]
    if raw is not None:
        placed = _placed(raw, run)
        provenance["input"] = {**provenance["input"], "raw": placed}
        if placed["path"] != raw["path"]:
            provenance["input"]["file"] = placed["path"]
    provenance |= {"command": COMMAND.get(), "files": run.files()}
    return {**record, "provenance": provenance}


def _placed(raw: Mapping[str, Any], run: Run) -> dict[str, Any]:
    """Return the identity of a movie with its path relative to the folder of the results."""
    path, folder = Path(raw["path"]), run.target.absolute()
    if run.path.absolute() in path.parents:  # a movie that the run has written itself
        path = folder / path.relative_to(run.path.absolute())
    try:
        relative = Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # on another drive
        relative = None
    return {**raw, "path": str(path), "relative_path": relative}


def read_record(path: str | Path) -> AnalysisRecord:
    """Read the record of a run: the same nested values, with their types, as `AnalysisPipeline.run` returned.

    Parameters
    ----------
    path
        record.json, or the folder that contains it.

    Returns
    -------
    dict
        ``environment``, ``analysis``, ``provenance``; the latter with the ``files`` that the run wrote.

    Raises
    ------
    RecordError
        It is not a record, or a part of it is missing or damaged.
    OSError
        The file cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from playNano import AFMImageStack, AnalysisPipeline
    >>> stack = AFMImageStack(np.zeros((2, 8, 8)), 1.0, "height", "movie.npy")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = AnalysisPipeline().add_steps("count_nonzero").run(stack, log_to=f"{folder}/record.json")
    ...     list(read_record(f"{folder}/record.json")["analysis"])
    ['step_1_count_nonzero']
    """
    import h5py

    path = record_path(path)
    content = read_record_head(path)
    if not has_types(path, content):
        return AnalysisRecord(read_record_json(path), path=path)
    beside = path.parent / RECORD_HDF5
    try:
        with h5py.File(beside, "r") as file:
            record: dict[str, Any] = read_tree(file, _NAME)
    except (OSError, KeyError) as error:
        raise RecordError(f"{beside} is missing or damaged: {error}") from error
    # These are complete only when the run ends.
    for key in ("files", "command", "input"):
        if key in content["provenance"]:
            record["provenance"][key] = content["provenance"][key]
    return AnalysisRecord(record, path=path)


def has_types(path: Path, content: Mapping[str, Any]) -> bool:
    """Return whether record.h5, with the types of all values, is of the same run as a record.

    Parameters
    ----------
    path
        record.json.
    content
        Its content.

    Returns
    -------
    bool
        True if the record lists record.h5, or (version 1) the file is of the same moment.
    """
    import h5py

    if RECORD_HDF5 in {entry.get("name") for entry in content["provenance"].get("files") or ()}:
        return True
    try:
        with h5py.File(path.parent / RECORD_HDF5, "r") as file:
            return bool(read_tree(file, f"{_NAME}/environment") == content.get("environment"))
    except (OSError, KeyError):
        return False


def record_path(path: str | Path) -> Path:
    """Return the record of a folder, or the record itself; complete a move of its files that was interrupted.

    Parameters
    ----------
    path
        record.json, or the folder that contains it.

    Raises
    ------
    ResultFolderError
        The last run was interrupted, and its files cannot be put in place.
    FileNotFoundError
        There is no record; the message says what the folder contains instead.
    """
    given = Path(path)
    record = given / RECORD_JSON if given.is_dir() else given
    finish_move(record.parent)
    if not record.exists():
        raise FileNotFoundError(f"{record} does not exist{_instead(record.parent)}")
    return record


def is_result_folder(path: Path) -> bool:
    """Return whether a path is a folder with the record of an analysis; complete a move of its files.

    Parameters
    ----------
    path
        Any path.

    Raises
    ------
    ResultFolderError
        The last run was interrupted, and its files cannot be put in place.
    """
    finish_move(path)
    return (path / RECORD_JSON).is_file()


def _instead(folder: Path) -> str:
    """Return what a folder without a record contains, and what to do."""
    holder = holder_of(folder)
    if holder is not None and holder.name == "batch.json":
        return f": {folder} contains the results of a batch; give the folder of one of its movies{_within(folder)}"
    if is_unfinished(folder):
        return ": the run into this folder has not finished, or was killed; then run it again"
    if within := _within(folder):
        return f"; records are in{within.removeprefix(':')}"
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    if names:
        return f": {folder} is no result of an analysis; it contains {_some(names)}"
    return f": {folder} is empty" if folder.is_dir() else ""


def _within(folder: Path) -> str:
    """Return the folders with a record in a folder, after a colon; nothing if there are none."""
    folders = [str(record.parent) for record in sorted(folder.glob(f"*/{RECORD_JSON}"))]
    return f": {_some(folders)}" if folders else ""


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return f"{', '.join(names[:5])}{more}"


def read_record_head(path: str | Path) -> dict[str, Any]:
    """Read record.json without the values in HDF5 files.

    Parameters
    ----------
    path
        record.json, or the folder that contains it.

    Returns
    -------
    dict
        Content of the file; ``provenance`` is a dict.

    Raises
    ------
    RecordError
        It is not the record of an analysis.
    OSError
        The file cannot be read.
    """
    path = record_path(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise RecordError(f"{path} is not a record: {error}") from error
    if not isinstance(content, dict) or not isinstance(content.get("provenance"), dict):
        raise RecordError(f"{path} is not a record: it has no provenance")
    return content
