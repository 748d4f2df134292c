"""What a report says of a record, as plain values: facts, results, warnings, quality, provenance. No HTML here."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from numbers import Real
from pathlib import Path
from typing import Any

from playNano.core.provenance import latest_table, outputs_of_kind
from playNano.report.words import headline_row, number, title, with_signs

REPORT = "report.html"
"""Name of the report in a folder of results."""

FLAGS = ("blank", "saturated", "torn", "partly_torn", "repeat", "scrambled", "scars", "jump", "rough")
"""Columns of the quality table that are shown, in their order."""

MAX_MINUTES_IN_S = 600
"""Duration of a movie from which it is given in minutes, s."""


def record_model(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return everything that a report says in words of a record.

    Parameters
    ----------
    record
        A record as `playNano.analysis.record_file.read_record` returns it.

    Returns
    -------
    dict
        ``title``; ``subtitle``: list of str; ``facts``: dicts with ``name, value, note``; ``results``: dicts with
        ``title, rows, messages, level``; ``warnings, curation``: list of str; ``input, environment``: pairs of name and
        value; ``steps``: dicts with ``name, kind, version, duration, params``; ``files``: as in the record; and
        ``command, version, timestamp``.
    """
    provenance = record["provenance"]
    given = provenance["input"]
    raw = given.get("raw") or {}
    name = raw.get("name") or Path(str(given.get("file") or "movie")).name
    return {
        "title": name,
        "subtitle": _subtitle(record),
        "facts": facts(record),
        "results": results(record),
        "warnings": warnings_of(record, name),
        "curation": curation(record),
        "input": _input(given, raw),
        "environment": [
            (key, number(value)) for key, value in record["environment"].items() if value not in (None, {})
        ],
        "steps": [_step(step) for step in (*provenance.get("processing", ()), *provenance.get("steps", ()))],
        "files": [entry for entry in provenance.get("files") or () if entry["name"] != REPORT],
        "command": shlex.join(provenance.get("command") or []),
        "version": record["environment"].get("playNano_version", ""),
        "timestamp": str(record["environment"].get("timestamp", "")),
    }


def _subtitle(record: Mapping[str, Any]) -> list[str]:
    """Return channel, field of view, frames and times in words."""
    provenance = record["provenance"]
    given = provenance["input"]
    n, height, width = (*given["shape"], 0, 0, 0)[:3]
    py, px = given.get("pixel_size_nm") or (float("nan"), float("nan"))
    size = f"{number(float(px))} nm" if py == px else f"{number(float(py))} x {number(float(px))} nm (y, x)"
    words = [
        f"channel {given.get('channel') or 'unknown'}",
        f"{n} frames of {width} x {height} px",
        f"{number(round(width * px, 6))} x {number(round(height * py, 6))} nm, pixel {size}",
    ]
    times = provenance.get("frame_times")
    if provenance.get("frame_times_known") and times is not None and len(times) > 1:
        last = float(times[-1]) - float(times[0])
        long = f"{last / 60:.1f} min" if last > MAX_MINUTES_IN_S else f"{last:.4g} s"
        return [*words, f"{long}, {last / (len(times) - 1):.3g} s a frame"]
    return [*words, "frame times are not known"] if n > 1 else words


def facts(record: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the numbers on which all results rest: frames, detections, tracks, links.

    Parameters
    ----------
    record
        The record.
    """
    rows = []
    quality = latest_table(record, "quality")
    if quality is not None and "usable" in quality:
        used, total = int(quality["usable"].sum()), len(quality)
        unusable = "all frames" if used == total else f"{total - used} unusable, left out"
        rows.append({"name": "Frames used", "value": f"{used} of {total}", "note": unusable})
    detected = latest_table(record, "detection")
    if detected is not None:
        summary = _last_summary(record, "detection")
        average = summary.get("avg_per_frame", summary.get("avg_features_per_frame"))
        note = f"{float(average):.3g} a frame" if isinstance(average, Real) else ""
        rows.append({"name": "Detections", "value": f"{len(detected):,}".replace(",", " "), "note": note})
    tracks = latest_table(record, "tracking")
    if tracks is not None and "track_id" in tracks:
        rows += _facts_of_tracks(record, tracks)
    return rows


def _facts_of_tracks(record: Mapping[str, Any], tracks: Any) -> list[dict[str, str]]:
    """Return the number of tracks, and of links that are expected to be wrong."""
    lengths = tracks["track_id"].value_counts()
    longer = int((lengths >= 2).sum())
    note = f"{len(lengths) - longer} are a single detection" if len(lengths) else "nothing was linked"
    rows = [{"name": "Tracks of 2 or more", "value": str(longer), "note": note}]
    summary = _last_summary(record, "tracking")
    wrong = summary.get("expected_wrong_links")
    links = summary.get("n_links")
    if isinstance(wrong, Real) and wrong == wrong:
        note = f"of {links} links" if links is not None else ""
        rows.append({"name": "Wrong links expected", "value": f"{100 * float(wrong):.2g} %", "note": note})
    return rows


def _last_summary(record: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    outputs = [*outputs_of_kind(record, kind).values()]
    return summary_of(outputs[-1]) if outputs else {}


def summary_of(outputs: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the summary of a step; empty if it has none.

    Parameters
    ----------
    outputs
        Outputs of the step.
    """
    summary = outputs.get("summary")
    return summary if isinstance(summary, Mapping) else {}


def results(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the results of each measurement: its headlines as rows, and what it says of them.

    Parameters
    ----------
    record
        The record.
    """
    groups = []
    levels = {
        step["analysis_key"]: (step.get("params") or {}).get("level")
        for step in record["provenance"]["steps"]
    }
    for key, outputs in outputs_of_kind(record, "measurement").items():
        summary = summary_of(outputs)
        level = levels.get(key)
        rows = [headline_row(headline) for headline in summary.get("headlines", ())]
        if not rows:
            rows = [headline_row({"name": name, "value": value}) for name, value in _numbers(summary)]
        groups.append(
            {
                "key": key,
                "title": title(key.split("_", 2)[2]),
                "rows": rows,
                "messages": [with_signs(str(text)) for text in summary.get("messages", ())],
                "level": f"{100 * level:.4g} % interval" if isinstance(level, float) else "Interval",
            }
        )
    return [group for group in groups if group["rows"] or group["messages"]]


def _numbers(summary: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return the plain numbers of a summary without headlines."""
    return [
        (key, value)
        for key, value in summary.items()
        if isinstance(value, Real) and not isinstance(value, bool)
    ]


def warnings_of(record: Mapping[str, Any], name: str) -> list[str]:
    """Return the warnings of a run, without the name of the movie before each.

    Parameters
    ----------
    record
        The record.
    name
        Name of the movie's file.
    """
    texts = record["provenance"].get("warnings") or []
    return [with_signs(str(text).removeprefix(f"{name}: ")) for text in dict.fromkeys(texts)]


def curation(record: Mapping[str, Any]) -> list[str]:
    """Return how many links were edited by hand; empty without a step `curation`.

    Parameters
    ----------
    record
        The record.

    Examples
    --------
    >>> steps = [{"name": "curation", "analysis_key": "step_4_curation", "kind": "tracking"}]
    >>> outputs = {"summary": {"links_edited": 3, "links_before": 90, "messages": ["3 links edited of 90"]}}
    >>> curation({"analysis": {"step_4_curation": outputs}, "provenance": {"steps": steps}})
    ['3 links edited of 90']
    """
    lines = []
    for step in record["provenance"].get("steps", ()):
        if step.get("name") == "curation":
            summary = summary_of(record["analysis"].get(step["analysis_key"], {}))
            lines += [str(message) for message in summary.get("messages", ())]
    return lines


def _input(given: Mapping[str, Any], raw: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what identifies the movie, as pairs of name and value."""
    py, px = given.get("pixel_size_nm") or (None, None)
    frames = given.get("frames") or {}
    values = {
        "file": given.get("file"),
        "SHA-256 of the file": raw.get("sha256"),
        "size": f"{raw['bytes']} bytes" if raw.get("bytes") is not None else None,
        "last modified": raw.get("modified"),
        "channel": given.get("channel"),
        "unit of the pixels": given.get("unit"),
        "frames": f"{frames.get('count')} of {frames.get('of')}, from {frames.get('first')}, every {frames.get('step')}"
        if frames
        else None,
        "pixel size (y, x)": f"{number(py)} x {number(px)} nm, from: {given.get('pixel_size_from')}",
        "frame times from": given.get("times_from"),
        "checksum of the pixels": given.get("checksum"),
    }
    return [(name, str(value)) for name, value in values.items() if value is not None]


def _step(step: Mapping[str, Any]) -> dict[str, Any]:
    """Return a step with its parameters as text."""
    duration = step.get("duration_s")
    return {
        "name": str(step.get("name")),
        "kind": str(step.get("kind", "")),
        "version": str(step.get("version") or ""),
        "duration": "" if duration is None else f"{duration:.2g} s",
        "params": [(str(name), _value(value)) for name, value in (step.get("params") or {}).items()],
    }


def _value(value: Any) -> str:
    """Return the value of a parameter as text; None is one that was found from the movie, or not used."""
    if value is None:
        return "none"
    return number(value) if isinstance(value, float | int | str) else str(value)


def quality_model(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the flags of all frames, and the reasons of those that were not used.

    Parameters
    ----------
    record
        The record.

    Returns
    -------
    dict or None
        ``usable``: list of bool; ``flags``: flag -> list of bool, of those that occur; ``reasons``: list of str. None
        without a quality step.
    """
    table = latest_table(record, "quality")
    if table is None or "usable" not in table:
        return None
    flags = {name: table[name].astype(bool).tolist() for name in FLAGS if name in table and table[name].any()}
    usable = table["usable"].astype(bool).tolist()
    reasons = [
        str(text) if text == text and text is not None else ""
        for text in table.get("reason", [""] * len(table))
    ]
    return {"usable": usable, "flags": flags, "reasons": reasons}
