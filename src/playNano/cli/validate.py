"""``playnano validate``: measure the errors of a pipeline on the user's movie, with its particles put back."""

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
from playNano.core.result_folder import Run, result_folder, sha256_of
from playNano.errors import RecordError
from playNano.plots.validation import save_validation
from playNano.validate.result import Validation
from playNano.validate.statements import MEASURES
from playNano.validate.validation import validate_pipeline
from playNano.validate.whatif import WhatIf


def run_validation(
    file: Path,
    plan: Plan | None,
    folder: Path | None,
    options: Options,
    *,
    quick: bool,
    seed: int,
    density: float = 1.0,
    speed: float = 1.0,
) -> Validation:
    """Validate a pipeline for a movie, or the pipeline of a record for its movie; print and write the result.

    Parameters
    ----------
    file
        The movie; without a plan also a record or the folder that contains it.
    plan
        The pipeline; None for that of the record, and for a movie the default analysis.
    folder
        Folder for validate.json, validate.csv and validate.png, created if necessary; None: `validation` in the folder
        of the record, where its report finds them, or `playnano_validate`.
    options
        Options for reading the movie.
    quick
        Whether fewer copies are made, and no other settings tried.
    seed
        Seed of the noise of the copies, at least 0.
    density, speed
        Factors for the number of particles and for D in random arrangements of the particles.

    Returns
    -------
    Validation
        The result.

    Raises
    ------
    RecordError
        If the file is not a record, or its movie is missing or not the one that the record describes.
    """
    record: Path | None = None
    if plan is None and (file.suffix == ".json" or is_result_folder(file) or (file / "batch.json").is_file()):
        record = record_path(file)
        file, plan = movie_and_plan(file)
    if folder is None:
        folder = Path("playnano_validate") if record is None else record.parent / "validation"
    plan = Plan.default() if plan is None else plan
    stack = options.load(file, plan.input)
    with (
        result_folder(folder, existing=options.existing, record="validate.json") as run,
        progress_bars(inner=False) as bars,
        report_compiling(plan.bind()[1].kinds or ["levelling", "detection", "tracking"]),
    ):
        result = validate_pipeline(
            stack, plan, quick=quick, seed=seed, density=density, speed=speed, progress=bars
        )
        save_validation(result, run.path)
        _complete(run, record)
    show(result)
    out.print(f"in {run.target}: validate.json, validate.csv, validate.png", markup=False)
    if record is not None and run.target.resolve().parent == record.parent.resolve():
        out.print(
            f"for a report with these scores: playnano report {record.parent} -o FILE.html", markup=False
        )
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


def _complete(run: Run, record: Path | None) -> None:
    """Add the checksum of the record that was validated, and the list of the other files, to validate.json."""
    path = run.path / run.record
    content = json.loads(path.read_text(encoding="utf-8"))
    content["record_sha256"] = None if record is None else sha256_of(record)
    content["files"] = [entry for entry in run.files() if entry["name"] != run.record]
    path.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def show(result: Validation) -> None:
    """Print the scores with their intervals, or why there are none, and what follows for the settings.

    Parameters
    ----------
    result
        Result of a validation.
    """
    r, n = result.reference, result.frames.stop - result.frames.start
    out.print(
        f"{r['per_frame']:.3g} particles per frame, {_number(r['height_nm'], 'nm')} high, cut out of {n} frames of "
        f"your movie and put back in place ({result.n_copies} cop{'y' if result.n_copies == 1 else 'ies'}); "
        f"your pipeline detects {result.on_movie['per_frame']:.3g} per frame in the movie",
        markup=False,
    )
    if result.withheld:
        out.print("no scores are given, as the particles of this movie cannot be put back faithfully:")
        for reason in result.withheld:
            out.print(f"  {reason}", markup=False)
    else:
        out.print(_table(result))
        _show_details(result)
    for message in result.motion.messages if result.motion else ():
        out.print(f"  warning: {message}", markup=False)
    for caveat in result.caveats:
        out.print(f"  note: {caveat}", markup=False)


def _table(result: Validation) -> Table:
    """Return the scores as a table."""
    table = Table(box=None, padding=(0, 3, 0, 2), header_style="dim")
    for heading in ("score", "value", "95 % interval for your movie"):
        table.add_column(heading)
    for name, m in result.measures.items():
        unit = MEASURES[name][0]
        title = name.replace("_nm", "").replace("_", " ")
        table.add_row(title, _number(m.value, unit), _span(m.low, m.high, unit) or m.reason)
    for c in result.classes:
        title = f"recall, {c['low_nm']:.2g} to {c['high_nm']:.2g} nm high"
        table.add_row(title, _number(c["recall"], "share"), _span(c["low"], c["high"], "share"))
    return table


def _show_details(result: Validation) -> None:
    """Print shares, measurements and settings."""
    out.print(
        f"  {_number(result.merged_share, 'share')} of the regions are two particles that touch; on the movie without "
        f"particles your pipeline detects {result.false_per_frame:.2g} per frame",
        markup=False,
    )
    for s in result.measurements:
        difference = f" ({100 * s.bias:+.0f} %)" if math.isfinite(s.bias) else ""
        out.print(
            f"  {s.module}: {s.name} is {s.measured:.3g}, from the true tracks {s.true:.3g}{difference}; "
            f"its interval contains the latter in {s.n_covered} of {s.n_copies} copies",
            markup=False,
        )
    if result.what_if:
        _show_what_if(result.what_if)
    for p in result.search.sensitivities[:2] if result.search else ():
        out.print(f"  sensitive: {p.module}.{p.parameter} = {p.value:g} (by {p.change:.3f})", markup=False)
    for change in result.recommended:
        out.print(
            f"  recommended: {change['module']}.{change['parameter']} = {change['recommended']:g} "
            f"instead of {change['yours']:g}",
            markup=False,
        )
    if result.search and not result.recommended:
        out.print("  no tested setting is surely better than yours")


def _show_what_if(w: WhatIf) -> None:
    """Print the scores on random arrangements."""
    out.print(
        f"  at random places, {w.density:g} times as dense and {w.speed:g} times as fast (as they are):",
        markup=False,
    )
    for name in (name for name in MEASURES if name in w.scores):
        unit = MEASURES[name][0]
        title = name.replace("_nm", "").replace("_", " ")
        out.print(
            f"    {title} {_number(w.scores[name], unit)} ({_number(w.as_it_is[name], unit)})", markup=False
        )


def _span(low: float, high: float, unit: str) -> str:
    return f"{_number(low, unit)} to {_number(high, unit)}" if math.isfinite(low) else ""


def _number(value: float, unit: str) -> str:
    if not math.isfinite(value):
        return "-"
    if unit == "share":
        return f"{100 * value:.1f} %"
    return f"{value:.3g}" + (f" {unit}" if unit != "1" else "")
