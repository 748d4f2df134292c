"""``playnano validate``: measure the errors of a pipeline on simulated movies like the user's."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.table import Table

from playNano.analysis.plan import Plan
from playNano.cli.compiling import report_compiling
from playNano.cli.console import out, progress_bars
from playNano.cli.job import Options
from playNano.core.step_text import step_calls
from playNano.errors import RecordError
from playNano.plots.validation import save_validation
from playNano.validate.measures import MEASURES
from playNano.validate.result import Validation
from playNano.validate.validation import QUICK, Effort, validate_pipeline


def run_validation(
    file: Path, plan: Plan | None, folder: Path, options: Options, *, quick: bool, seed: int
) -> Validation:
    """Validate a pipeline for a movie, or the pipeline of a record for its movie; print and write the result.

    Parameters
    ----------
    file
        The movie; without a plan, a record or the folder that contains it.
    plan
        The pipeline; None for that of the record.
    folder
        Folder for validate.json and validate.png; created if necessary.
    options
        Options for reading the movie.
    quick
        Whether fewer and shorter movies are simulated.
    seed
        Seed of the simulated movies, at least 0.

    Returns
    -------
    Validation
        The result.

    Raises
    ------
    RecordError
        If the file is not a record, or its movie is missing.
    """
    channel = options.channel
    if plan is None:
        file, channel, plan = read_record(file)
    stack = replace(options, channel=channel).load(file)
    with progress_bars(inner=False) as bars, report_compiling(plan.bind()[1].kinds):
        result = validate_pipeline(stack, plan, effort=QUICK if quick else Effort(), seed=seed, progress=bars)
    paths = save_validation(result, folder)
    show(result)
    out.print(f"in {paths[0]} and {paths[1]}", markup=False)
    return result


def read_record(path: Path) -> tuple[Path, str, Plan]:
    """Return the movie, the channel and the pipeline of a record.

    A relative path of the movie is resolved against the current folder and that of the record; then the
    name of the movie is looked up in the folder of the record, so that results can be moved with their movie.

    Parameters
    ----------
    path
        ``record.json``, or the folder that contains it.

    Raises
    ------
    RecordError
        If it is not a record, or its movie is missing.
    """
    path = path / "record.json" if path.is_dir() else path
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise RecordError(
            f"{path} is not a record: {error}; for a movie give --steps or --pipeline"
        ) from error
    provenance = record.get("provenance") if isinstance(record, Mapping) else None
    if not isinstance(provenance, Mapping) or not isinstance(provenance.get("input"), Mapping):
        raise RecordError(f"{path} is not a record: it does not name its input")
    plan = Plan(
        step_calls(_calls(provenance.get("processing")), "record"),
        step_calls(_calls(provenance.get("steps")), "record"),
    )
    named = Path(str(provenance["input"].get("file", "")))
    for movie in (named, path.parent / named, path.parent / named.name):
        if movie.is_file() or (movie.is_dir() and named.name):
            return movie, str(provenance["input"].get("channel") or "height_trace"), plan
    raise RecordError(
        f"{path} is of the movie {str(named)!r}, which does not exist; give the movie and --pipeline "
        f"{path.parent / 'pipeline.yaml'}"
    )


def _calls(steps: Any) -> list[dict[str, Any]]:
    return [{"name": step["name"], "params": step.get("params") or {}} for step in steps or []]


def show(result: Validation) -> None:
    """Print the model of the movie, the scores, the sensitivities and the recommended changes.

    Parameters
    ----------
    result
        Result of a validation.
    """
    like, p, d = result.calibrated, result.calibrated.particles, result.calibrated.dynamics.motion
    out.print(
        f"movies like this one: {p.per_frame:.3g} particles per frame, {p.height_nm:.3g} nm high, radius "
        f"{p.radius_nm:.3g} nm, D {d.diffusion_nm2_s:.3g} nm²/s, noise {like.noise.pixel_nm:.2g} nm, line offsets "
        f"{like.noise.row_offset_nm:.2g} nm, {like.frame_time_s:.3g} s per frame",
        markup=False,
    )
    if like.debris.n_measured:
        out.print(
            f"and {like.debris.per_frame:.3g} pieces of debris per frame, {like.debris.height_nm:.2g} nm high",
            markup=False,
        )
    table = Table(box=None, padding=(0, 3, 0, 2), header_style="dim")
    for heading in ("score", "value", "95 % interval"):
        table.add_column(heading)
    for name, m in result.measures.items():
        unit = MEASURES[name][0]
        title = name.replace("_nm", "").replace("_", " ")
        table.add_row(title, _number(m.value, unit), _span(m.low, m.high, unit))
    out.print(table)
    for s in result.sensitivities[:2]:
        out.print(f"  sensitive: {s.module}.{s.parameter} = {s.value:g} (by {s.change:.3f})", markup=False)
    for change in result.recommended:
        out.print(
            f"  recommended: {change['module']}.{change['parameter']} = {change['recommended']:g} "
            f"instead of {change['yours']:g}",
            markup=False,
        )
    if not result.recommended:
        out.print("  no tested setting is significantly better than yours")
    for caveat in result.caveats:
        out.print(f"  caveat: {caveat}", markup=False)


def _span(low: float, high: float, unit: str) -> str:
    return f"{_number(low, unit)} to {_number(high, unit)}" if math.isfinite(low) else "not known"


def _number(value: float, unit: str) -> str:
    if not math.isfinite(value):
        return "-"
    if unit == "share":
        return f"{100 * value:.1f} %"
    return f"{value:.3g}" + (f" {unit}" if unit != "1" else "")
