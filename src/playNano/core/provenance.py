"""Provenance of results: environment, checksums of the input, and outputs by kind of analysis module."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import os
import platform
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from playNano._version import __version__
from playNano.core.build import build_commit
from playNano.core.lazy import FrameArray
from playNano.errors import PlayNanoWarning

if TYPE_CHECKING:
    import pandas as pd

_LIBRARIES = (
    "numpy", "scipy", "numba", "pandas", "scikit-image", "scikit-learn", "opencv-python-headless",
    "h5py", "pydantic", "matplotlib", "Pillow", "dask", "tifffile", "PyYAML", "zarr", "distributed",
)  # fmt: skip
_PLUGIN_KINDS = ("analysis", "filters", "masks", "video_processing", "readers", "exporters")


def utc_now() -> str:
    """Return the current time in ISO 8601, UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def gather_environment_info() -> dict[str, Any]:
    """Collect the software versions and the properties of the machine on which a result can depend.

    Returns
    -------
    dict
        ``timestamp`` (ISO 8601, UTC), ``python_version``, ``platform``, ``processor``, ``cpu_count``,
        ``playNano_version``, ``playNano_commit`` (git commit of the code; None if it is not known) and
        ``<library>_version`` for each library that results depend on; ``plugins``, package -> version of the
        packages that provide plugins of playNano.

    Examples
    --------
    >>> sorted(gather_environment_info())[:2]
    ['Pillow_version', 'PyYAML_version']
    """
    info: dict[str, Any] = {
        "timestamp": utc_now(),
        "python_version": platform.python_version(),
        "python_implementation": sys.implementation.name,
        "platform": platform.platform(),
        "processor": platform.machine(),
        "cpu_count": os.cpu_count(),
        "playNano_version": __version__,
        "playNano_commit": build_commit(),
    }
    return info | _library_versions() | {"plugins": dict(_plugin_versions())}


@functools.cache
def _library_versions() -> dict[str, str | None]:
    """Return ``<library>_version`` -> installed version, None for a library that is not installed."""
    versions: dict[str, str | None] = {}
    for library in _LIBRARIES:
        try:
            versions[f"{library}_version"] = importlib.metadata.version(library)
        except importlib.metadata.PackageNotFoundError:
            versions[f"{library}_version"] = None
    return versions


@functools.cache
def _plugin_versions() -> dict[str, str]:
    """Return package -> version of the packages that provide plugins."""
    groups = [f"{package}.{kind}" for package in ("playNano", "playnano") for kind in _PLUGIN_KINDS]
    entries = [entry for group in groups for entry in importlib.metadata.entry_points(group=group)]
    versions = {entry.dist.name: entry.dist.version for entry in entries if entry.dist is not None}
    return {name: versions[name] for name in sorted(versions) if name.lower() != "playnano"}


@contextmanager
def collect_warnings(texts: list[str]) -> Iterator[None]:
    """Collect the `PlayNanoWarning` texts that are issued inside the context, and issue them again behind it.

    Parameters
    ----------
    texts
        Receives each new text once.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", PlayNanoWarning)
        try:
            yield
        finally:
            given = list(caught)
    # A module may give the same warning for every frame.
    for item in {(item.category, str(item.message)): item for item in given}.values():
        if issubclass(item.category, PlayNanoWarning) and str(item.message) not in texts:
            texts.append(str(item.message))
        warnings.warn_explicit(item.message, item.category, item.filename, item.lineno)


def array_fingerprint(array: Any) -> str:
    """Return a checksum of an array's values, shape and dtype: ``"sha256:..."``.

    Parameters
    ----------
    array
        A numpy array, or a `FrameArray`, which is read block by block.

    Examples
    --------
    >>> array_fingerprint(np.zeros(3)) == array_fingerprint(np.zeros(4))
    False
    """
    digest = hashlib.sha256(f"{array.dtype.str}{array.shape}".encode())
    if isinstance(array, FrameArray):
        for _, _, frames in array.parts():
            digest.update(np.ascontiguousarray(frames).data)
        return f"sha256:{digest.hexdigest()}"
    rows = array.reshape(-1) if array.ndim == 0 else array
    step = max(1, 2**24 // max(1, rows[:1].nbytes))
    for start in range(0, len(rows), step):
        digest.update(np.ascontiguousarray(rows[start : start + step]).data)
    return f"sha256:{digest.hexdigest()}"


def file_fingerprint(path: str | os.PathLike[str]) -> str | None:
    """Return a checksum of a file's bytes, ``"sha256-file:..."``, or of a folder's files; None if it does not exist.

    Parameters
    ----------
    path
        A file (the digits are those of ``sha256sum``), or a folder (names and bytes of all files are hashed).
    """
    source = Path(path)
    if source.is_file():
        with source.open("rb") as file:
            return f"sha256-file:{hashlib.file_digest(file, 'sha256').hexdigest()}"
    if not source.is_dir():
        return None
    digest = hashlib.sha256()
    for member in sorted(p for p in source.rglob("*") if p.is_file()):
        digest.update(f"{member.relative_to(source).as_posix()}\0".encode())
        with member.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return f"sha256-folder:{digest.hexdigest()}"


def describe_callable(function: Callable[..., Any]) -> str:
    """Return the import path of a function, ``"module:qualified.name"``.

    Parameters
    ----------
    function
        Any callable.
    """
    module = getattr(function, "__module__", None) or "?"
    return f"{module}:{getattr(function, '__qualname__', repr(function))}"


def to_record(params: Mapping[str, Any]) -> dict[str, Any]:
    """Convert parameters for a record: functions are replaced by their import paths.

    Parameters
    ----------
    params
        Parameter name -> value.
    """
    return {
        name: describe_callable(value) if callable(value) and not isinstance(value, type) else value
        for name, value in params.items()
    }


def last_step(source: Any, name: str) -> Mapping[str, Any] | None:
    """Return the entry of the last processing step of a name; None if there is none.

    Parameters
    ----------
    source
        A record, or a stack.
    name
        Name of the step.

    Examples
    --------
    >>> last_step({"provenance": {"processing": [{"name": "crop", "index": 1}]}}, "crop")["index"]
    1
    """
    if isinstance(source, Mapping):
        steps = source.get("provenance", {}).get("processing", [])
    else:
        steps = source.provenance["processing"]["steps"]
    if isinstance(steps, Mapping):
        steps = steps.get("steps", [])
    return next((step for step in reversed(steps) if step.get("name") == name), None)


def outputs_of_kind(source: Any, kind: str) -> dict[str, Mapping[str, Any]]:
    """Return the outputs of the analysis steps of one kind, in the order of the steps.

    The kind of a step is stored in its entry of the record, and is that of the module
    (`playNano.analysis.base.AnalysisModule.kind`); an entry without a kind is of the kind "analysis".

    Parameters
    ----------
    source
        A record, as returned by `AnalysisPipeline.run` or read from a file, or an analysed stack.
    kind
        "quality", "detection", "tracking", "clustering", "measurement" or "analysis".

    Returns
    -------
    dict
        ``"step_<n>_<module>"`` -> the step's outputs; empty if no step is of this kind.

    Examples
    --------
    >>> steps = [{"analysis_key": "step_1_mine", "kind": "tracking"}]
    >>> outputs_of_kind({"analysis": {"step_1_mine": {"tracks": []}}, "provenance": {"steps": steps}}, "tracking")
    {'step_1_mine': {'tracks': []}}
    """
    if isinstance(source, Mapping):
        analysis, provenance = source.get("analysis", {}), source.get("provenance", {})
    else:
        analysis, provenance = source.analysis, source.provenance.get("analysis", {})
    keys = [
        step["analysis_key"] for step in provenance.get("steps", ()) if step.get("kind", "analysis") == kind
    ]
    return {key: analysis[key] for key in keys if key in analysis}


def latest_table(source: Any, kind: str) -> pd.DataFrame | None:
    """Return the table of the last analysis step of a kind that has one, or None.

    Parameters
    ----------
    source
        A record or an analysed stack; see `outputs_of_kind`.
    kind
        Kind of module: "detection", "tracking", "clustering", ...

    Returns
    -------
    pandas.DataFrame or None
        The output ``table``: one row per detection.

    Examples
    --------
    >>> latest_table({"analysis": {}, "provenance": {"steps": []}}, "detection") is None
    True
    """
    tables = [outputs["table"] for outputs in outputs_of_kind(source, kind).values() if "table" in outputs]
    return tables[-1] if tables else None
