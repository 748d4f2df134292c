"""Parse steps written as text, ``"remove_plane;gaussian_filter:sigma=1"``, and pipeline files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playNano.core.literals import Text, split_outside_brackets
from playNano.errors import ParameterError


@dataclass(frozen=True)
class StepCall:
    """Name of a step, and the parameters given for it."""

    name: str
    params: dict[str, Any] = field(default_factory=dict)


def parse_steps(text: str) -> list[StepCall]:
    """Parse steps from text.

    Parameters
    ----------
    text
        ``name[:key=value,key=value...]`` separated by ``;``; lists are in brackets.

    Returns
    -------
    list of StepCall
        Values are `Text`: they are converted to the parameters' types when the step is bound.

    Raises
    ------
    ParameterError
        If the text is not of this form.

    Examples
    --------
    >>> parse_steps("remove_plane; gaussian_filter:sigma=1e-3")[1]
    StepCall(name='gaussian_filter', params={'sigma': '1e-3'})
    """
    return [_parse_step(part.strip()) for part in split_outside_brackets(text, ";") if part.strip()]


def _parse_step(text: str) -> StepCall:
    """Parse one step from ``name:key=value,key=value``."""
    name, _, rest = text.partition(":")
    params: dict[str, Any] = {}
    for part in split_outside_brackets(rest, ","):
        if not part.strip():
            continue
        key, equals, value = part.partition("=")
        if not equals or not key.strip():
            raise ParameterError(f"step {text!r}: {part.strip()!r} is not of the form key=value")
        if key.strip() in params:
            raise ParameterError(f"step {text!r}: {key.strip()!r} is given twice")
        params[key.strip()] = Text(value.strip())
    if not name.strip():
        raise ParameterError(f"step {text!r} has no name; write name:key=value,key=value")
    return StepCall(name.strip(), params)


def step_calls(entries: Any, where: str) -> list[StepCall]:
    """Parse steps from text, or from a list as in a pipeline file or a record.

    Parameters
    ----------
    entries
        A step string; or a list of step strings, ``{name: params}`` or ``{"name": ..., "params": ...}``.
    where
        Context for error messages.

    Raises
    ------
    ParameterError
        For an entry of any other form.

    Examples
    --------
    >>> step_calls(["remove_plane", {"gaussian_filter": {"sigma": 2}}], "file")[1].params
    {'sigma': 2}
    """
    if entries is None:
        return []
    if isinstance(entries, str):
        return parse_steps(entries)
    if not isinstance(entries, Sequence):
        raise ParameterError(f"{where} must be a list of steps, not {entries!r}")
    calls: list[StepCall] = []
    for entry in entries:
        if isinstance(entry, str):
            calls += parse_steps(entry)
        else:
            calls.append(_call_from_mapping(entry, where))
    return calls


def _call_from_mapping(entry: Any, where: str) -> StepCall:
    if isinstance(entry, Mapping) and "name" in entry:
        name, params = entry["name"], entry.get("params")
    elif isinstance(entry, Mapping) and len(entry) == 1:
        name, params = next(iter(entry.items()))
    else:
        raise ParameterError(f"{where}: {entry!r} is not a step; write a name, or name: {{key: value}}")
    if not isinstance(params, Mapping | None):
        raise ParameterError(f"{where}: the parameters of {name!r} must be key: value pairs, not {params!r}")
    texts = {key: Text(v) if isinstance(v, str) else v for key, v in (params or {}).items()}
    return StepCall(str(name), texts)


def read_pipeline_file(path: str | Path) -> tuple[list[StepCall], list[StepCall]]:
    """Read the lists ``processing`` and ``analysis`` of a pipeline file.

    Parameters
    ----------
    path
        The YAML file.

    Returns
    -------
    tuple
        (processing steps, analysis steps).

    Raises
    ------
    ParameterError
        If the file is not YAML of this form, or has an unknown heading.
    OSError
        If the file cannot be read.
    """
    content = _pipeline_content(path)
    return (
        step_calls(content.get("processing"), f"{path}: processing"),
        step_calls(content.get("analysis"), f"{path}: analysis"),
    )


def read_pipeline_input(path: str | Path) -> dict[str, Any]:
    """Read the heading ``input`` of a pipeline file: the movie for which it was written.

    Parameters
    ----------
    path
        The YAML file.

    Returns
    -------
    dict
        Those of ``channel`` (str), ``pixel_size_nm`` ([y, x]), ``pixel_size_from`` (str), ``frames`` (``first``,
        ``step``, ``count``, ``of``: int) and ``reader_options`` (dict) that it has.

    Raises
    ------
    ParameterError
        If the file is not YAML of this form.
    OSError
        If the file cannot be read.
    """
    given = _pipeline_content(path).get("input") or {}
    if not isinstance(given, Mapping):
        raise ParameterError(f"{path}: input must be key: value pairs, not {given!r}")
    for key, value in given.items():
        if key not in _INPUT:
            raise ParameterError(f"{path}: input has no {key!r}; it takes: {', '.join(_INPUT)}")
        if not isinstance(value, _INPUT[key]):
            raise ParameterError(f"{path}: {value!r} is not possible for {key} of the input")
    frames = given.get("frames", {})
    if not all(isinstance(frames.get(key, 1), int) for key in ("first", "step", "count", "of")):
        raise ParameterError(f"{path}: the frames of the input must be whole numbers, not {frames!r}")
    return dict(given)


_INPUT: dict[str, type] = {
    "channel": str,
    "pixel_size_nm": list,
    "pixel_size_from": str,
    "frames": dict,
    "reader_options": dict,
}


def _pipeline_content(path: str | Path) -> Mapping[str, Any]:
    """Return the content of a pipeline file, with known headings only."""
    import yaml

    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ParameterError(f"{path} is not a YAML file: {error}") from error
    if not isinstance(content, Mapping):
        raise ParameterError(f"{path} must hold 'processing:' and 'analysis:' lists of steps")
    unknown = set(content) - {"input", "processing", "analysis"}
    if unknown:
        raise ParameterError(
            f"{path}: unknown heading {sorted(map(str, unknown))[0]!r}; it takes: input, processing, analysis"
        )
    return content
