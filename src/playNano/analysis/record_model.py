"""The form of records of version 2, as types: it checks records and generates their JSON Schema."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from playNano.errors import RecordError

SCHEMA_FILE = "record.schema.json"
"""JSON Schema of record.json, in this package."""


class _Open(BaseModel):
    """An object that may have further entries."""

    model_config = ConfigDict(extra="allow")


class RawFile(_Open):
    """Identity of the file of the movie."""

    name: str = Field(description="file name")
    path: str = Field(description="absolute path at the time of the run")
    relative_path: str | None = Field(None, description="path relative to the folder of the record")
    bytes: int | None = Field(description="size; null for a folder")
    modified: str | None = Field(
        description="time of the last modification, ISO 8601, UTC; null for a folder"
    )
    kind: Literal["file", "folder"]
    sha256: str | None = Field(
        pattern="^[0-9a-f]{64}$", description="of the bytes; of a folder of all names and bytes"
    )


class Frames(_Open):
    """Frames of the file that were analysed."""

    first: int = Field(description="0-based")
    step: int
    count: int
    of: int = Field(description="number of frames in the file")


class Input(_Open):
    """The movie."""

    file: str = Field(description="the movie, as it was given")
    raw: RawFile | None = Field(description="null for a movie that was made in Python")
    channel: str | None = Field(description="channel that was read, as the file calls it")
    requested_channel: str | None
    unit: str | None = Field(description="of the pixel values")
    shape: list[int] = Field(description="frames, height, width of the pixels that were analysed")
    dtype: str
    frames: Frames
    pixel_size_nm: list[float] = Field(description="y, x")
    pixel_size_from: Literal["file", "given", "stack"]
    times_from: Literal["file", "given", "stack", "unknown"]
    reader_options: dict[str, Any]
    steps_before: int = Field(description="number of processing steps that are stored in the file itself")
    checksum: str | None = Field(
        description="of the pixels that were analysed, or of the file of a lazy movie"
    )


class Step(_Open):
    """A processing step or an analysis module."""

    index: int = Field(ge=1)
    name: str
    params: dict[str, Any] = Field(description="values in effect, seeds included")
    version: str | None
    timestamp: str = Field(description="when it began, ISO 8601, UTC")
    duration_s: float | None = None
    kind: str = "analysis"
    from_cache: bool = Field(
        False, description="whether the result was read from the step cache, not computed"
    )
    mask_cleared: bool = Field(
        False, description="whether a mask of an earlier run of steps was cleared before"
    )


class ModuleStep(Step):
    """An analysis module."""

    analysis_key: str = Field(description="key of its outputs in `analysis`")


class ListedFile(_Open):
    """A file that the run wrote."""

    name: str
    bytes: int
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


class Provenance(_Open):
    """What was run, on what, and what it wrote."""

    record_version: Literal[2]
    steps: list[ModuleStep]
    results_by_name: dict[str, list[Any]] = Field(
        description='module -> its outputs, each as a reference {"$same": ["analysis", key]}'
    )
    frame_times: Any = Field(description="start of each frame, s")
    frame_times_known: bool
    input: Input
    warnings: list[str]
    processing: list[Step] = Field(
        description='steps of pipelines, pixels that were changed outside them (kind "outside"), and selected frames '
        '(kind "frames")'
    )
    command: list[str] | None = Field(None, description="words of the command line")
    files: list[ListedFile] | None = Field(None, description="files of the run in the folder of the record")


class Record(_Open):
    """Record of an analysis: versions and machine, outputs of each step, and provenance."""

    environment: dict[str, Any]
    analysis: dict[str, dict[str, Any]] = Field(
        description='step -> output -> value: JSON, a table by columns {"$table": ...}, or a reference to a value in '
        'an HDF5 file {"$stored": {"file", "key", "kind", "shape", "dtype", "checksum"}}'
    )
    provenance: Provenance


def check_record(content: Any) -> None:
    """Check the form of a record.

    Parameters
    ----------
    content
        Content of record.json, as `json.load` returns it.

    Raises
    ------
    RecordError
        It is not a record of version 2; the message names the entry.

    Examples
    --------
    >>> check_record({"environment": {}, "analysis": {}})
    Traceback (most recent call last):
    playNano.errors.RecordError: not a record of version 2: provenance: Field required
    """
    try:
        Record.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise RecordError(f"not a record of version 2: {place}: {first['msg']}") from error


def record_schema() -> dict[str, Any]:
    """Return the JSON Schema of record.json, as stored in this package.

    Returns
    -------
    dict
        A JSON Schema (draft 2020-12).

    Examples
    --------
    >>> record_schema()["title"]
    'Record'
    """
    text = files("playNano.analysis").joinpath(SCHEMA_FILE).read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema
