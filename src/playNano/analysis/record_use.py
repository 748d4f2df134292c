"""Use a record: find and check its movie, and repeat its pipeline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from playNano.analysis.plan import Plan
from playNano.core.edits import FRAMES, OUTSIDE
from playNano.core.provenance import file_fingerprint
from playNano.core.step_text import step_calls
from playNano.errors import RecordError
from playNano.processing.run import CLEAR


def plan_of(record: Mapping[str, Any]) -> Plan:
    """Return the pipeline of a record, with the values in effect.

    Parameters
    ----------
    record
        The record; large values are not needed.

    Returns
    -------
    Plan
        Processing steps (without those that are stored in the movie's file itself), analysis modules and the
        description of the movie.

    Raises
    ------
    RecordError
        The record does not describe its input.
    """
    given = _input_of(record)
    provenance = record["provenance"]
    done = [*(provenance.get("processing") or [])][given.get("steps_before", 0) :]
    calls, selections = _calls_of_processing(done)
    channel = given.get("requested_channel") or given.get("channel") or "height_trace"
    movie = {"channel": channel}
    for key in ("pixel_size_nm", "frames", "reader_options"):
        if given.get(key):
            movie[key] = given[key]
    before = [step["frames_before"] for step in done if step.get("kind") == FRAMES]
    if before:  # frames are selected after some steps, not where the movie is loaded
        movie["frames"] = before[0]
    return Plan(
        step_calls(calls, "record"),
        step_calls(_calls(provenance.get("steps")), "record"),
        input=movie,
        selections=selections,
    )


def _input_of(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a record has of its movie; raise if it has nothing."""
    provenance = record.get("provenance")
    if not isinstance(provenance, Mapping) or not isinstance(provenance.get("input"), Mapping):
        raise RecordError("this is not a record: it does not name its input")
    given: Mapping[str, Any] = provenance["input"]
    return given


def _calls(steps: Any) -> list[dict[str, Any]]:
    return [{"name": step["name"], "params": step.get("params") or {}} for step in steps or []]


def _calls_of_processing(
    steps: Sequence[Mapping[str, Any]],
) -> tuple[list[dict[str, Any]], list[tuple[int, dict[str, int]]]]:
    """Return the steps of pipelines, and the number of these before each selection of frames."""
    calls: list[dict[str, Any]] = []
    selections: list[tuple[int, dict[str, int]]] = []
    for step in steps:
        if step.get("kind") == FRAMES:
            selections.append((len(calls), step["params"]))
        elif step.get("kind") != OUTSIDE:
            calls += [{"name": CLEAR, "params": {}}] if step.get("mask_cleared") else []
            calls += _calls([step])
    return calls, selections


def changes_of(record: Mapping[str, Any]) -> list[str]:
    """Return what was done to the pixels of a movie outside its pipeline, which a replay cannot repeat.

    Parameters
    ----------
    record
        The record.

    Returns
    -------
    list of str
        One text for each change; empty if there was none.
    """
    processing = record.get("provenance", {}).get("processing") or []
    changes = []
    for step in processing:
        if step.get("kind") == OUTSIDE:
            count = len((step.get("params") or {}).get("frames") or ())
            what = f"{count} frames" if count > 1 else "1 frame" if count else "the movie"
            changes.append(f"the pixels of {what} were changed outside the pipeline (step {step['index']})")
    return changes


def movie_of(record: Mapping[str, Any], path: Path, movie: Path | None = None) -> Path:
    """Return the movie of a record, after checking that it is the same file.

    It is looked up where the record says, absolute and relative to the record, then by its name next to the record, so
    that results can be moved with their movie.

    Parameters
    ----------
    record
        The record.
    path
        Its file.
    movie
        The movie, if it is elsewhere.

    Returns
    -------
    Path
        The movie.

    Raises
    ------
    RecordError
        The movie does not exist, or differs from the one that was analysed: by size or checksum.
    """
    given = _input_of(record)
    raw = given.get("raw") or {}
    named = Path(str(given.get("file", "")))
    existing = existing_movies(record, path, movie)
    if not existing:
        raise RecordError(
            f"{path} is of the movie {str(named)!r}, which does not exist; give the movie, and to use another one "
            f"--pipeline {path.parent / 'pipeline.yaml'}"
        )
    if raw.get("sha256") is None:
        return existing[0]  # a record of version 1 does not identify its movie
    for place in existing:
        if str(file_fingerprint(place)).partition(":")[2] == raw["sha256"]:
            return place
    raise RecordError(
        f"{existing[0]} is not the movie of {path}: its content (SHA-256) differs from that of the file that was "
        f"analysed; to use it all the same: playnano analyze MOVIE --pipeline {path.parent / 'pipeline.yaml'} -o FOLDER"
    )


def existing_movies(record: Mapping[str, Any], path: Path, movie: Path | None = None) -> list[Path]:
    """Return the existing files where the movie of a record may be, without comparing them with it.

    Parameters
    ----------
    record
        The record.
    path
        Its file.
    movie
        The movie, if it is elsewhere.

    Returns
    -------
    list of Path
        Files or folders; empty if there is none.
    """
    given = _input_of(record)
    raw = given.get("raw") or {}
    named = Path(str(given.get("file", "")))
    if movie is not None:
        places = [movie]
    else:
        places = [path.parent / raw["relative_path"]] if raw.get("relative_path") else []
        places += [Path(raw["path"])] if "path" in raw else []
        places += [named, path.parent / named, path.parent / raw.get("name", named.name)]
    return [place for place in places if place.is_file() or (place.is_dir() and named.name)]
