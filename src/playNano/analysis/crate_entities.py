"""Describe authors, licences and files for an RO-Crate."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from playNano.errors import ParameterError

LICENCES = {
    "CC0-1.0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "CC-BY-4.0": "https://creativecommons.org/licenses/by/4.0/",
    "CC-BY-SA-4.0": "https://creativecommons.org/licenses/by-sa/4.0/",
    "CC-BY-NC-4.0": "https://creativecommons.org/licenses/by-nc/4.0/",
    "CC-BY-NC-SA-4.0": "https://creativecommons.org/licenses/by-nc-sa/4.0/",
    "ODbL-1.0": "https://opendatacommons.org/licenses/odbl/1-0/",
    "ODC-By-1.0": "https://opendatacommons.org/licenses/by/1-0/",
    "PDDL-1.0": "https://opendatacommons.org/licenses/pddl/1-0/",
}
"""Licences of data: SPDX identifier -> page of the licence."""

_FORMATS = {
    ".csv": "text/csv",
    ".json": "application/json",
    ".h5": "application/x-hdf5",
    ".yaml": "application/yaml",
    ".npz": "application/zip",
    ".xml": "application/xml",
    ".tif": "image/tiff",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".pdf": "application/pdf",
    ".gif": "image/gif",
    ".mp4": "video/mp4",
}

_DESCRIPTIONS = {
    "record.json": "Record of the run: movie, steps with all values, versions, warnings, checksums of the files",
    "record.h5": "All results with their types, and the record",
    "pipeline.yaml": "Steps with all values in effect, with which the run can be repeated",
    "processing.json": "Record of the processing steps",
    "features.csv": "Detections: one row per detection",
    "tracks.csv": "Tracks: one row per detection, with its track",
    "track_table.csv": "Tracks: one row per track",
    "links.csv": "Links of the tracks: one row per link, with its confidence",
    "track_events.csv": "Merges and splits of tracks: one row per event",
    "drift.csv": "Drift: one row per frame",
    "clusters.csv": "Clusters: one row per point",
    "cluster_table.csv": "Clusters: one row per cluster",
    "cluster_occupancy.csv": "Clusters: one row per cluster and frame",
    "processed.h5": "Processed movie, HDF5",
    "processed.ome.zarr": "Processed movie, OME-Zarr",
    "overview.png": "Overview: a typical frame, processed and with its detections and tracks, and numbers against time",
    "frames.png": "Frames with the outlines of the detections",
    "threshold.png": "Number of detections against the threshold",
    "clusters.png": "Members of the clusters over the mean image",
    "movie.gif": "Processed movie, for viewing",
    "report.html": "All results on one page",
    "movie.mp4": "Processed movie, for viewing",
}

_AUTHOR = re.compile(r"\s*(?P<name>[^<>]*[^<>\s])\s*(?:<\s*(?P<orcid>[^<>]*?)\s*>\s*)?")
_ORCID = re.compile(r"(?:https?://orcid\.org/)?(\d{4}-\d{4}-\d{4}-\d{3}[\dX])")


def licence_of(text: str) -> tuple[str, str]:
    """Return the address and the name of a licence.

    Parameters
    ----------
    text
        A key of `LICENCES`, in any case, or the address of a page.

    Returns
    -------
    tuple of str
        Address, name.

    Raises
    ------
    ParameterError
        It is neither; the message lists the keys.

    Examples
    --------
    >>> licence_of("cc-by-4.0")
    ('https://creativecommons.org/licenses/by/4.0/', 'CC-BY-4.0')
    """
    if re.fullmatch(r"https?://[^\s/]+\S*", text):
        return text, text
    for name, address in LICENCES.items():
        if name.casefold() == text.strip().casefold():
            return address, name
    raise ParameterError(
        f"licence {text!r}: one of {', '.join(LICENCES)}, or the address of a page, https://..."
    )


def author_of(text: str) -> dict[str, str]:
    """Return the entity of an author.

    Parameters
    ----------
    text
        ``"Name"`` or ``"Name <ORCID>"``.

    Returns
    -------
    dict
        ``@id``, ``name``.

    Raises
    ------
    ParameterError
        The name is missing, or the ORCID is wrong: its last digit is a checksum.

    Examples
    --------
    >>> author_of("Josiah Carberry <0000-0002-1825-0097>")
    {'@id': 'https://orcid.org/0000-0002-1825-0097', 'name': 'Josiah Carberry'}
    """
    match = _AUTHOR.fullmatch(text)
    if match is None:
        raise ParameterError(f'author {text!r}: "Name" or "Name <ORCID>"')
    name, orcid = match["name"], match["orcid"]
    if orcid is None:
        return {"@id": f"#{quote(name)}", "name": name}
    number = _ORCID.fullmatch(orcid)
    if number is None or not _is_orcid(number[1]):
        raise ParameterError(f"author {text!r}: {orcid!r} is not an ORCID, such as 0000-0002-1825-0097")
    return {"@id": f"https://orcid.org/{number[1]}", "name": name}


def _is_orcid(number: str) -> bool:
    """Return whether the last digit is the checksum of the others (ISO 7064, mod 11-2)."""
    digits, total = number.replace("-", ""), 0
    for digit in digits[:-1]:
        total = (total + int(digit)) * 2
    return "0123456789X"[(12 - total % 11) % 11] == digits[-1]


def file_properties(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Describe a file of a run.

    Parameters
    ----------
    entry
        ``name``, ``bytes`` and ``sha256``, and if it is a folder ``"kind": "folder"``.

    Returns
    -------
    dict
        ``name`` and, as far as known, ``description``, ``contentSize``, ``sha256``, ``encodingFormat``.
    """
    name = str(entry["name"])
    properties: dict[str, Any] = {"name": name}
    described = _DESCRIPTIONS.get(name) or _DESCRIPTIONS.get(re.sub(r"_step_\d+(?=\.)", "", name))
    if described is not None:
        properties["description"] = described
    if entry.get("kind") == "folder":
        return properties
    if entry.get("bytes") is not None:
        properties["contentSize"] = str(entry["bytes"])
    if entry.get("sha256") is not None:
        properties["sha256"] = entry["sha256"]
    ending = f".{name.rpartition('.')[2].lower()}"
    kind = _FORMATS.get(ending) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    return {**properties, "encodingFormat": kind}


def movie_description(given: Mapping[str, Any]) -> str:
    """Return one line on the frames of a movie that were analysed.

    Parameters
    ----------
    given
        The ``input`` of a record.

    Returns
    -------
    str
        Frames, size, pixel size and channel.

    Examples
    --------
    >>> movie_description({"shape": [60, 128, 128], "pixel_size_nm": [2.0, 2.0], "channel": "TP", "unit": "nm"})
    'AFM movie: 60 frames analysed, 128 x 128 px, 2 x 2 nm per px (y, x), channel TP (nm)'
    """
    n_frames, height, width = given["shape"]
    y, x = given["pixel_size_nm"]
    unit = f" ({given['unit']})" if given.get("unit") else ""
    in_file = (given.get("frames") or {}).get("of", n_frames)
    of = f" of {in_file}" if in_file != n_frames else ""
    text = f"AFM movie: {n_frames}{of} frames analysed, {height} x {width} px, {y:g} x {x:g} nm per px (y, x)"
    return text if given.get("channel") is None else f"{text}, channel {given['channel']}{unit}"


def period_of(steps: Iterable[Mapping[str, Any]]) -> tuple[str, str] | None:
    """Return when the first step of a run began, and when the last one ended.

    Parameters
    ----------
    steps
        Steps of a record: ``timestamp``, ``duration_s``.

    Returns
    -------
    tuple of str or None
        Two times, ISO 8601; None if there are no steps.

    Examples
    --------
    >>> period_of([{"timestamp": "2026-01-01T00:00:00+00:00", "duration_s": 61.0}])
    ('2026-01-01T00:00:00+00:00', '2026-01-01T00:01:01+00:00')
    """
    spans = []
    for step in steps:
        begin = datetime.fromisoformat(str(step["timestamp"]))
        spans.append((begin, begin + timedelta(seconds=float(step.get("duration_s") or 0))))
    if not spans:
        return None
    first, last = min(begin for begin, _ in spans), max(end for _, end in spans)
    return first.isoformat(timespec="seconds"), last.isoformat(timespec="seconds")
