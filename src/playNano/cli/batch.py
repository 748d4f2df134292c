"""``playnano batch``: run one pipeline on many movies."""

from __future__ import annotations

import csv
import hashlib
import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any

from playNano._version import __version__
from playNano.analysis.exporters import plan_exports
from playNano.analysis.plan import Plan
from playNano.cli.batch_folder import BATCH, find_inputs, folder_names, prepare
from playNano.cli.batch_sheet import Row, carried, is_sheet, read_sheet
from playNano.cli.console import err, out
from playNano.cli.job import DONE, Options, analyze_file, process_file
from playNano.cli.pipeline_file import plan_in_effect
from playNano.cli.plans import curated
from playNano.cli.study import write_study_report
from playNano.core.provenance import file_fingerprint
from playNano.core.result_folder import Run, complete, result_folder
from playNano.errors import PlayNanoError
from playNano.io.export.tables import TABLES
from playNano.report.model import REPORT
from playNano.report.study import StudyMovie

FINISHED = ("done", "done before")
"""Status of movies whose results exist."""


@dataclass
class Outcome:
    """A line of the summary.

    Parameters
    ----------
    movie
        Name of the movie's folder.
    file
        The movie.
    status
        "not begun", "done", "done before", "failed" or "interrupted".
    reason
        Error message, if it failed.
    duration_s
        Time taken, s.
    values
        Columns of the sheet, if the batch has one.
    """

    movie: str
    file: str
    status: str = "not begun"
    reason: str = ""
    duration_s: float = 0.0
    values: dict[str, str] = field(default_factory=dict)

    def line(self) -> dict[str, Any]:
        """Return the line of summary.csv."""
        own = asdict(self)
        del own["values"]
        return {**own, **carried(self.values, list(own))}


@dataclass
class Job:
    """A movie of a batch, and the plan to run on it.

    Parameters
    ----------
    file
        The movie.
    plan
        The plan.
    outcome
        Its line of the summary; a status other than "not begun" if it cannot be run.
    """

    file: Path
    plan: Plan
    outcome: Outcome


@dataclass
class Attempt:
    """A context that records an error in the outcome and suppresses it; Ctrl-C is not suppressed.

    Parameters
    ----------
    outcome
        Receives status, reason and duration.
    error
        The error, if one occurred.
    """

    outcome: Outcome
    error: Exception | None = None
    _began: float = field(default_factory=time.perf_counter)

    def __enter__(self) -> Attempt:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self.outcome.duration_s = round(time.perf_counter() - self._began, 3)
        if isinstance(error, Exception):
            self.error = error
            self.outcome.status, self.outcome.reason = "failed", _reason(error)
            return True
        if error is not None:
            self.outcome.status, self.outcome.reason = "interrupted", ""
        return False


def run_batch(patterns: Sequence[str], plan: Plan, folder: Path, options: Options, *, resume: bool) -> int:
    """Run a plan on movies, with one folder of results per movie; write joined tables and ``summary.csv``.

    Parameters
    ----------
    patterns
        Files, folders that are movies, or glob patterns; or a sheet, see `read_sheet`.
    plan
        Processing steps and analysis modules; they are validated before any movie is read.
    folder
        Folder for the folders of the movies, all tables of all movies (``features.csv``, ``tracks.csv``, ``rates.csv``,
        ... with a column ``movie``) and ``summary.csv``.
    options
        As for a single movie.
    resume
        Whether to skip movies for which results of the same input, pipeline and options exist.

    Returns
    -------
    int
        0 if all movies were processed, 1 if any failed, 130 after Ctrl-C; the summary lists them with the causes.

    Raises
    ------
    ParameterError
        If the plan or an exporter is wrong, or a pattern matches nothing.
    """
    plan_exports(options.exports)
    plan_in_effect(plan)  # all names and parameters are validated before any movie is read
    jobs = _jobs(patterns, plan, folder)
    outcomes = [job.outcome for job in jobs]
    folder = prepare(
        folder, [job.outcome.movie for job in jobs if job.outcome.movie], options.existing, resume=resume
    )
    # What is in the folder of a movie is now left of an interrupted batch, or of another pipeline.
    options = replace(options, existing="overwrite")
    code = 0
    try:
        for number, job in enumerate(jobs, 1):
            if job.outcome.status == "not begun":
                out.print(f"movie {number} of {len(jobs)}: {job.file}", markup=False)
                _one(job, folder / job.outcome.movie, options, resume)
    except KeyboardInterrupt:
        err.print("interrupted; finished movies are kept, continue with --resume", markup=False)
        code = 130
    finally:
        _write_joined(folder, outcomes, report=options.report)
    counts = Counter(outcome.status for outcome in outcomes)
    out.print(
        f"{', '.join(f'{n} {status}' for status, n in counts.items())}; summary in {folder / 'summary.csv'}"
    )
    for outcome in outcomes:
        if outcome.status == "failed":
            err.print(f"{outcome.file}: {outcome.reason}", markup=False)
    return code or int(counts["failed"] > 0)


def _jobs(patterns: Sequence[str], plan: Plan, folder: Path) -> list[Job]:
    """Return the movies of a batch; rows of a sheet that cannot be run are reported at once."""
    if not is_sheet(patterns):
        files = find_inputs(patterns, folder)
        return [
            Job(file, plan, Outcome(name, str(file)))
            for name, file in zip(folder_names(files), files, strict=True)
        ]
    sheet = read_sheet(Path(patterns[0]), folder)
    for doubt in sheet.doubts:
        err.print(f"{sheet.path}: {doubt}", markup=False)
    plans = [_plan_of(row, plan) for row in sheet.rows]
    names = iter(folder_names([row.file for row in sheet.rows if not row.problem]))
    jobs = []
    for row, own in zip(sheet.rows, plans, strict=True):
        outcome = Outcome("", row.values["file"], values=row.values)
        if row.problem:
            outcome.status, outcome.reason = "failed", f"{sheet.path.name}, line {row.line}: {row.problem}"
            err.print(outcome.reason, markup=False)
        else:
            outcome.movie, outcome.file = next(names), str(row.file)
        jobs.append(Job(row.file, own, outcome))
    return jobs


def _plan_of(row: Row, plan: Plan) -> Plan:
    """Return the plan for a row of a sheet, with its frames and edits; note it in the row if it cannot have these."""
    own = replace(plan, input=row.input(plan.input))
    if row.problem:
        return own
    try:
        return curated(own, row.edits)
    except (PlayNanoError, OSError) as error:
        row.problem = f"edits: {error}"
        return own


def _one(job: Job, folder: Path, options: Options, resume: bool) -> None:
    """Run the plan on one movie unless its results exist; record the status in the outcome."""
    file, plan, outcome = job.file, job.plan, job.outcome
    with Attempt(outcome):
        # The channel of a row takes precedence over that of the command.
        options = replace(options, channel=outcome.values.get("channel") or options.channel)
        key = {"input": file_fingerprint(file), "pipeline": _hash(plan_in_effect(plan), options)}
        if resume and _is_done(folder, key):
            outcome.status = "done before"
            return
        if plan.analysis or plan.objects is not None:
            analyze_file(file, plan, folder, options, key)
        else:
            process_file(file, plan, folder, options, key)
        outcome.status = "done"


def _is_done(folder: Path, key: dict[str, Any]) -> bool:
    complete(folder)
    try:
        return bool(json.loads((folder / DONE).read_text(encoding="utf-8")) == key)
    except (OSError, ValueError):
        return False


def _hash(plan: dict[str, Any], options: Options) -> str:
    """Return a hash of everything except the movie that determines the results; compared by `--resume`."""
    given = {"plan": plan, "options": options.results(), "version": __version__}
    return hashlib.sha256(json.dumps(given, sort_keys=True, default=str).encode()).hexdigest()


def _reason(error: Exception) -> str:
    added = "".join(f" ({note})" for note in getattr(error, "__notes__", []))
    return f"{type(error).__name__}: {' '.join(str(error).split())}{added}"


def _write_joined(folder: Path, outcomes: list[Outcome], *, report: bool) -> None:
    """Write the joined tables, summary.csv, report.html, and batch.json, which lists them and the movies' folders."""
    with result_folder(folder, existing="overwrite", record=BATCH) as run:
        _join_tables(folder, run.path, outcomes)
        _write_summary(run.path / "summary.csv", outcomes)
        finished = [outcome.movie for outcome in outcomes if outcome.status in FINISHED]
        if report and finished:
            _write_report(folder, run, outcomes)
        content = {"movies": finished, "files": run.files()}
        (run.path / BATCH).write_text(json.dumps(content, indent=1), encoding="utf-8")


def _write_report(folder: Path, run: Run, outcomes: list[Outcome]) -> None:
    """Write the report of the study; if that fails, the other files of the batch are kept and the error is shown."""
    movies = [
        StudyMovie(
            outcome.movie or Path(outcome.file).name,
            folder / outcome.movie,
            outcome.values.get("condition", ""),
            outcome.values.get("replicate", ""),
            outcome.status,
            outcome.reason,
        )
        for outcome in outcomes
    ]
    try:
        write_study_report(movies, run.path / REPORT, folder.resolve().name, folder)
    except PlayNanoError as error:
        err.print(f"{REPORT} of the batch was not written: {error}", markup=False)


def _join_tables(folder: Path, target: Path, outcomes: list[Outcome]) -> None:
    """Join each table of all processed movies into one file, with a column ``movie`` and those of the sheet."""
    done = [outcome for outcome in outcomes if outcome.status in FINISHED]
    others = sorted({path.stem for outcome in done for path in (folder / outcome.movie).glob("*.csv")})
    for stem in dict.fromkeys([*(stem for _, _, stem in TABLES), *others]):
        parts = [(outcome, folder / outcome.movie / f"{stem}.csv") for outcome in done]
        parts = [(outcome, part) for outcome, part in parts if part.is_file()]
        if not parts:
            continue
        own = list(dict.fromkeys(name for _, part in parts for name in _header(part)))
        taken = ["movie", *own]
        added = {outcome.movie: carried(outcome.values, taken) for outcome, _ in parts}
        columns = ["movie", *dict.fromkeys(name for row in added.values() for name in row), *own]
        with (target / f"{stem}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns, restval="")
            writer.writeheader()
            for outcome, part in parts:
                movie = {"movie": outcome.movie, **added[outcome.movie]}
                writer.writerows({**movie, **row} for row in _rows(part))


def _header(path: Path) -> list[str]:
    with path.open(newline="", encoding="utf-8") as file:
        return next(csv.reader(file), [])


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)


def _write_summary(path: Path, outcomes: list[Outcome]) -> None:
    lines = [outcome.line() for outcome in outcomes]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(name for line in lines for name in line)))
        writer.writeheader()
        writer.writerows(lines)
