"""Results of `playnano validate` among the results of a movie, in words for the report."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from playNano.core.result_folder import sha256_of
from playNano.errors import FileFormatError
from playNano.report.words import number, with_signs

FILE = "validate.json"
"""Name of the file with the results of `playnano validate`, in a folder of results or in a folder within."""


def validation_model(folder: Path | None) -> dict[str, Any] | None:
    """Return the results of a validation among the results of a movie.

    Parameters
    ----------
    folder
        Folder of the results with its record.json; None for none.

    Returns
    -------
    dict or None
        ``heading``: what was validated; ``doubt``: why the scores may not be of these results, or empty; ``withheld``:
        why there are no scores; ``rows``: dicts of texts ``quantity, meaning, value, low, high, status, reason``;
        ``messages``: further results. None if there is no validation. The scores of earlier results are left out.

    Raises
    ------
    FileFormatError
        The file is damaged, or not of `playnano validate`.
    """
    if folder is None:
        return None
    paths = [path for path in (folder / FILE, *sorted(folder.glob(f"*/{FILE}"))) if path.is_file()]
    if not paths:
        return None
    record = folder / "record.json"
    own = sha256_of(record) if record.is_file() else ""
    by_record = {}
    for path in reversed(paths):
        content = _read(path)
        by_record[str(content.get("record_sha256") or "")] = (path, content)
    if own in by_record:
        return _model(by_record[own][1], "")
    if "" in by_record:
        path, content = by_record[""]
        name = path.relative_to(folder).as_posix()
        return _model(content, f"{name} does not say of which results it is: check that it is of these.")
    names = ", ".join(path.relative_to(folder).as_posix() for path, _ in by_record.values())
    doubt = (
        f"{names}: the results were written anew after this validation, which is therefore not shown; validate them "
        "again."
    )
    return {"heading": "", "doubt": doubt, "withheld": [], "rows": [], "messages": []}


def _read(path: Path) -> dict[str, Any]:
    """Return the content of a validate.json."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise FileFormatError(
            f"{path} is not JSON, so that the validation is not in the report: {error}"
        ) from error
    if not isinstance(content, dict) or not isinstance(content.get("scores"), dict):
        raise FileFormatError(f"{path} has no scores: write it anew with playnano validate, or remove it")
    return content


def _model(content: Mapping[str, Any], doubt: str) -> dict[str, Any]:
    """Return the variables of the template."""
    withheld = [str(reason) for reason in content.get("withheld", ())]
    shared = "; ".join(withheld)
    rows = [
        _row(name, score, "see above" if withheld and score.get("reason") == shared else None)
        for name, score in content["scores"].items()
    ]
    for part in content.get("recall_by_class", ()):
        score = {
            **part,
            "value": part["recall"],
            "unit": "share",
            "meaning": "of the particles of this height",
        }
        rows.append(_row(f"recall, {part['low_nm']:.2g} to {part['high_nm']:.2g} nm high", score, None))
    return {
        "heading": _heading(content.get("replanted", {})),
        "doubt": doubt,
        "withheld": [with_signs(reason) for reason in withheld],
        "rows": rows,
        "messages": [with_signs(message) for message in _messages(content)],
    }


def _row(name: str, score: Mapping[str, Any], reason: str | None) -> dict[str, str]:
    """Return a score as the cells of a table."""
    unit = str(score.get("unit", ""))
    return {
        "quantity": name.removesuffix("_nm").replace("_", " "),
        "meaning": str(score.get("meaning", "")),
        "value": _with_unit(score.get("value"), unit),
        "low": _with_unit(score.get("low"), unit),
        "high": _with_unit(score.get("high"), unit),
        "status": str(score.get("status", "ok")),
        "reason": with_signs(str(score.get("reason") or "")) if reason is None else reason,
    }


def _with_unit(value: Any, unit: str) -> str:
    """Return a number with its unit, a share in percent; "-" where there is none."""
    if value is None or value != value:
        return "-"
    if unit == "share":
        return f"{100 * value:.1f} %"
    return f"{value:.3g} {unit}".rstrip() if unit != "1" else f"{value:.3g}"


def _heading(replanted: Mapping[str, Any]) -> str:
    """Return on what the scores rest."""
    copies, first, count = (replanted.get(key) for key in ("n_copies", "first_frame", "n_frames"))
    if not copies or first is None or count is None:
        return ""
    kind = "copy" if copies == 1 else "copies"
    frames = f"{first} to {first + count - 1}"
    return f"{copies} {kind} of frames {frames} with the particles of the movie put back at known places."


def _messages(content: Mapping[str, Any]) -> Iterator[str]:
    """Yield further results in words."""
    for part in content.get("measurements", ()):
        bias = part.get("bias")
        relative = "" if bias is None else f" ({100 * bias:+.0f} %)"
        yield (
            f"{part['module']}: {part['name']} is {number(part['measured'])}, from the true tracks "
            f"{number(part['true'])}{relative}; its interval contains the latter in {part['n_covered']} of "
            f"{part['n_copies']} copies"
        )
    yield from (str(message) for message in (content.get("diffusion") or {}).get("messages", ()))
    for change in content.get("recommended", ()):
        yield (
            f"a better setting: {change['module']}.{change['parameter']} = {number(change['recommended'])} instead of "
            f"{number(change['yours'])}"
        )
    yield from (str(caveat) for caveat in content.get("caveats", ()))
