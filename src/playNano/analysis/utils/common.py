"""Records to JSON and HDF5, and back."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from playNano.core.files import atomic_write
from playNano.core.serialize import RecordEncoder, json_safe, read_tree, write_tree
from playNano.errors import RecordNotFoundError

__all__ = ["NumpyEncoder", "export_to_hdf5", "load_analysis_from_hdf5", "make_json_safe"]

NumpyEncoder = RecordEncoder
"""``json.dumps(record, cls=NumpyEncoder)`` writes arrays, tables and records as strict JSON."""


def make_json_safe(record: Mapping[str, Any]) -> dict[str, Any]:
    """Convert a record to numbers, text, lists and dicts; nothing is summarised or truncated.

    Parameters
    ----------
    record
        Nested dicts, lists, arrays, tables and plain values.

    Raises
    ------
    TypeError
        For an object that cannot be represented in JSON; the message has its path.

    Examples
    --------
    >>> import numpy as np
    >>> make_json_safe({"counts": np.array([1, 2])})
    {'counts': [1, 2]}
    """
    safe: dict[str, Any] = json_safe(record)
    return safe


def export_to_hdf5(
    record: Mapping[str, Any], out_path: str | os.PathLike[str], dataset_name: str = "analysis_record"
) -> None:
    """Store a nested record in an HDF5 file, with the types of all its values.

    Parameters
    ----------
    record
        Nested dicts, lists, tuples, arrays, tables and plain values.
    out_path
        The HDF5 file. Other records in it are kept; a record with the same name is replaced.
    dataset_name
        Name of the record within the file.

    Raises
    ------
    OSError
        If the file cannot be written; an existing file is left unchanged.
    TypeError
        For an object that cannot be stored; the message has its path.
    """
    import h5py

    target = Path(out_path)
    with atomic_write(target) as temporary:
        if target.is_file():
            shutil.copyfile(target, temporary)
        with h5py.File(temporary, "a") as file:
            if dataset_name in file:
                del file[dataset_name]
            write_tree(file, dataset_name, record)


def load_analysis_from_hdf5(
    file_path: str | os.PathLike[str], dataset_name: str = "analysis_record"
) -> dict[str, Any]:
    """Read a record that `export_to_hdf5` stored, with its types.

    Parameters
    ----------
    file_path
        The HDF5 file.
    dataset_name
        Name of the record within the file.

    Raises
    ------
    KeyError
        If the file has no record with this name; the message lists its records.
    OSError
        If the file cannot be read.
    """
    import h5py

    with h5py.File(file_path, "r") as file:
        if dataset_name not in file:
            raise RecordNotFoundError(
                f"{file_path} has no record {dataset_name!r} (it has: {', '.join(file) or 'nothing'})"
            )
        record: dict[str, Any] = read_tree(file, dataset_name)
    return record
