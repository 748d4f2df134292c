"""Write analysis results to files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from playNano.core.serialize import write_record_json


def export_analysis_to_json(out_path: str | os.PathLike[str], analysis_record: Mapping[str, Any]) -> None:
    """Write a record, as returned by `AnalysisPipeline.run`, to a JSON file.

    The complete record is written; nothing is summarised or truncated. An array or table with more than 2 000 values
    is stored once in an HDF5 file next to the JSON file, which contains a reference to it;
    `playNano.core.serialize.read_record_json` restores it.

    Parameters
    ----------
    out_path
        The JSON file; its folder is created if necessary.
    analysis_record
        The record.

    Raises
    ------
    OSError
        If a file cannot be written; an existing file is left unchanged.
    """
    write_record_json(Path(out_path), analysis_record)
