"""Write analysis results."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from playNano.core.serialize import write_record_json


def export_analysis_to_json(out_path: str | os.PathLike[str], analysis_record: Mapping[str, Any]) -> None:
    """Write a record, as `AnalysisPipeline.run` returns it, to a JSON file.

    The whole record is written, nothing summarised or cut. An array or table with more than 100 000 values
    stands once, by content, in an HDF5 file beside the JSON, and in the JSON as a reference;
    `playNano.core.serialize.read_record_json` puts it back.

    Parameters
    ----------
    out_path
        The JSON file; its folder is made if need be.
    analysis_record
        The record.

    Raises
    ------
    OSError
        If a file cannot be written; an older file stays as it was.
    """
    write_record_json(Path(out_path), analysis_record)
