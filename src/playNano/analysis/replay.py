"""Check the files of a record, and repeat its run."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from playNano.analysis.compare_records import Difference, compare_results
from playNano.analysis.inputs import load_planned
from playNano.analysis.plan import Plan
from playNano.analysis.record_file import has_types, read_record, read_record_head, record_path
from playNano.analysis.record_use import changes_of, movie_of, plan_of
from playNano.core.result_folder import sha256_of, size_in_bytes
from playNano.core.serialize import json_safe
from playNano.errors import PlayNanoError, PlayNanoWarning, RecordError


def verify_record(path: str | Path, movie: str | Path | None = None) -> list[str]:
    """Check that all files of a run exist and are unchanged, and that its movie is the one that was analysed.

    Parameters
    ----------
    path
        record.json, or its folder.
    movie
        The movie, if it is not where the record says.

    Returns
    -------
    list of str
        What is wrong; empty if everything is as the run left it.

    Raises
    ------
    RecordError
        It is not a record.
    OSError
        The record cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from playNano import AnalysisPipeline, load_afm_stack
    >>> from playNano.analysis.record_file import write_record, write_record_hdf5
    >>> from playNano.core.result_folder import result_folder
    >>> def run(folder):
    ...     np.save(f"{folder}/movie.npy", np.ones((2, 8, 8), np.float32))
    ...     stack = load_afm_stack(f"{folder}/movie.npy", pixel_size_nm=2.0)
    ...     record = AnalysisPipeline().add_steps("count_nonzero").run(stack)
    ...     with result_folder(f"{folder}/results") as results:
    ...         write_record(results, record, write_record_hdf5(results.path, record))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     run(folder)
    ...     unchanged = verify_record(f"{folder}/results")
    ...     np.save(f"{folder}/movie.npy", np.zeros((2, 8, 8), np.float32))
    ...     unchanged, len(verify_record(f"{folder}/results"))
    ([], 1)
    """
    path = record_path(path)
    faults = changed_files(path)
    try:
        movie_of(read_record_head(path), path, None if movie is None else Path(movie))
    except RecordError as error:
        faults.append(str(error))
    return faults


def changed_files(path: str | Path) -> list[str]:
    """Check that all files of a run exist and are unchanged.

    Parameters
    ----------
    path
        record.json, or its folder.

    Returns
    -------
    list of str
        What is wrong; empty if everything is as the run left it.

    Raises
    ------
    RecordError
        It is not a record.
    OSError
        The record cannot be read.
    """
    path = record_path(path)
    record = read_record_head(path)
    faults = []
    listed = record["provenance"].get("files")
    if listed is None:
        faults.append(
            f"{path} lists no files: Python code or an earlier version has written it, and not `playnano analyze`"
        )
    for entry in listed or ():
        file = path.parent / str(entry["name"])
        if not file.exists():
            faults.append(f"{file} is missing")
        elif size_in_bytes(file) != entry["bytes"]:
            faults.append(f"{file} has {size_in_bytes(file)} bytes, not {entry['bytes']}")
        elif sha256_of(file) != entry["sha256"]:
            faults.append(f"{file} was changed: its checksum differs")
    try:
        read_record(path)
    except PlayNanoError as error:
        faults.append(str(error))
    return faults


def replay_record(
    path: str | Path, load: Callable[..., Any], movie: str | Path | None = None
) -> tuple[list[Difference], Mapping[str, Any]]:
    """Run the pipeline of a record again on its movie, and compare the results to the bit.

    Parameters
    ----------
    path
        record.json, or its folder.
    load
        ``load(file, channel, **options)`` returns the movie.
    movie
        The movie, if it is not where the record says.

    Returns
    -------
    differences : list of Difference
        In what the results differ; empty if they are identical.
    record : dict
        The new record.

    Raises
    ------
    RecordError
        It is not a record, or its movie is missing or another one.
    PlayNanoError
        A step failed.

    Warns
    -----
    PlayNanoWarning
        Pixels were changed outside the pipeline: the run is repeated without that, and need not be identical.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from playNano import AnalysisPipeline, load_afm_stack
    >>> from playNano.analysis.record_file import write_record, write_record_hdf5
    >>> from playNano.core.result_folder import result_folder
    >>> def run(folder):
    ...     np.save(f"{folder}/movie.npy", np.ones((2, 8, 8), np.float32))
    ...     stack = load_afm_stack(f"{folder}/movie.npy", pixel_size_nm=2.0)
    ...     record = AnalysisPipeline().add_steps("count_nonzero").run(stack)
    ...     with result_folder(f"{folder}/results") as results:
    ...         write_record(results, record, write_record_hdf5(results.path, record))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     run(folder)
    ...     replay_record(f"{folder}/results", load_afm_stack)[0]
    []
    """
    path = record_path(path)
    old: Mapping[str, Any] = read_record(path)
    plan = plan_of(old)
    file = movie_of(old, path, None if movie is None else Path(movie))
    for change in changes_of(old):
        text = f"{path}: {change}: what is repeated is the run without it, which need not be identical"
        warnings.warn(text, PlayNanoWarning, stacklevel=2)
    new = run_plan(file, plan, load)
    if not has_types(path, read_record_head(path)):  # values of a JSON file have lost their types
        old = {"analysis": json_safe(old["analysis"])}
        return compare_results(old, {"analysis": json_safe(new["analysis"])}), new
    return compare_results(old, new), new


def run_plan(file: Path, plan: Plan, load: Callable[..., Any]) -> dict[str, Any]:
    """Run a plan on a movie and return the record.

    Parameters
    ----------
    file
        The movie.
    plan
        The steps, and the description of the movie.
    load
        ``load(file, channel, **options)`` returns the movie.

    Returns
    -------
    dict
        The record.
    """
    analysis = plan.bind()[1]  # all names and parameters are validated before the movie is read
    stack = load_planned(lambda channel, **options: load(file, channel, **options), plan.input, None, {})
    return analysis.run(plan.process(stack))
