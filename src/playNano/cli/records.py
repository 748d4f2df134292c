"""``playnano verify``, ``replay`` and ``diff``: check, repeat and compare records."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

Record = Annotated[Path, typer.Argument(help="record.json, or its folder.")]
Movie = Annotated[Path | None, typer.Argument(help="The movie, if it is not where the record says.")]


app = typer.Typer(pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command(short_help="Check the files of a run by their checksums.")
def verify(record: Record, movie: Movie = None) -> None:
    """Check that all files of a run and its movie are unchanged, without running anything."""
    from playNano.analysis.replay import verify_record
    from playNano.cli.console import out

    faults = verify_record(record, movie)
    for fault in faults:
        out.print(fault, markup=False)
    if faults:
        raise typer.Exit(1)
    out.print("everything is as the run left it", markup=False)


@app.command(short_help="Run a record again and compare the results.")
def replay(
    record: Record,
    movie: Movie = None,
    lazy: Annotated[
        bool | None, typer.Option("--lazy/--no-lazy", help="Keep the pixels on disk, as for analyze.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="Number of worker processes.")
    ] = None,
) -> None:
    """Run a record again on its movie; says "identical", or which values differ, with the largest difference."""
    from playNano.afm_stack import AFMImageStack
    from playNano.analysis.compare_records import compare_records
    from playNano.analysis.record_file import read_record_head
    from playNano.analysis.replay import replay_record
    from playNano.cli.console import out, progress_bars
    from playNano.core import cluster as clusters

    with clusters.cluster(None, workers) as client, progress_bars():
        load = partial(AFMImageStack.load_data, lazy=lazy if client is None else True)
        differences, new = replay_record(record, load, movie)
    if not differences:
        out.print("identical")
        return
    for difference in differences:
        out.print(f"{difference.where}: {difference.text}", markup=False)
    old = {"environment": read_record_head(record).get("environment")}
    for change in compare_records(old, {"environment": new["environment"]}):
        out.print(str(change), markup=False)
    raise typer.Exit(1)


@app.command(short_help="Compare two records.")
def diff(first: Record, second: Record) -> None:
    """Compare two records: inputs, versions, steps with their parameters, warnings and results."""
    from playNano.analysis.compare_records import compare_records
    from playNano.analysis.record_file import read_record
    from playNano.cli.console import out

    differences = compare_records(read_record(first), read_record(second))
    for difference in differences:
        out.print(str(difference), markup=False)
    if differences:
        raise typer.Exit(1)
    out.print("identical")
