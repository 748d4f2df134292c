"""``playnano validate``: measure the errors of a pipeline on simulated movies like the user's."""

from __future__ import annotations

import json
import math
from pathlib import Path

from rich.table import Table

from playNano.analysis.plan import Plan
from playNano.analysis.record_file import is_result_folder, read_record_head, record_path
from playNano.analysis.record_use import movie_of, plan_of
from playNano.cli.compiling import report_compiling
from playNano.cli.console import out, progress_bars
from playNano.cli.job import Options
from playNano.core.result_folder import Run, result_folder
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
        The movie; without a plan also a record or the folder that contains it.
    plan
        The pipeline; None for that of the record, and for a movie the default analysis.
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
        If the file is not a record, or its movie is missing or not the one that the record describes.
    """
    if plan is None and (file.suffix == ".json" or is_result_folder(file) or (file / "batch.json").is_file()):
        file, plan = movie_and_plan(file)
    plan = Plan.default() if plan is None else plan
    stack = options.load(file, plan.input)
    with (
        result_folder(folder, existing=options.existing, record="validate.json") as run,
        progress_bars(inner=False) as bars,
        report_compiling(plan.bind()[1].kinds or ["levelling", "detection", "tracking"]),
    ):
        result = validate_pipeline(stack, plan, effort=QUICK if quick else Effort(), seed=seed, progress=bars)
        save_validation(result, run.path)
        _list_files(run)
    show(result)
    out.print(f"in {run.target / 'validate.json'} and {run.target / 'validate.png'}", markup=False)
    return result


def movie_and_plan(path: Path) -> tuple[Path, Plan]:
    """Return the movie of a record, after checking that it is the same file, and the pipeline.

    Parameters
    ----------
    path
        record.json, or the folder that contains it.

    Raises
    ------
    RecordError
        If it is not a record, or its movie is missing or another one.
    """
    try:
        record = read_record_head(path)
    except RecordError as error:
        error.add_note("for a movie give --steps or --pipeline")
        raise
    plan = plan_of(record)
    return movie_of(record, record_path(path)), plan


def _list_files(run: Run) -> None:
    """Add the list of the other files to validate.json."""
    path = run.path / run.record
    content = json.loads(path.read_text(encoding="utf-8"))
    content["files"] = [entry for entry in run.files() if entry["name"] != run.record]
    path.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")


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
