"""``playnano curate``: apply edits by hand to the tracks of a run, or list its most doubtful links."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from playNano.cli.arguments import Cache, FigureFormat, Gif, Lazy, MovieOfResults, New, Overwrite, existing
from playNano.cli.records import Movie, Record
from playNano.errors import MissingInputError, ParameterError

if TYPE_CHECKING:
    import pandas as pd

app = typer.Typer(pretty_exceptions_enable=False, rich_markup_mode=None)

SHOWN = {"frame_from": "frame", "frame_to": "to frame", "track_id": "track", "confidence": "confidence"}


@app.command(short_help="Edit tracks by hand, and measure them again; list doubtful links.")
def curate(
    record: Record,
    movie: Movie = None,
    edits: Annotated[
        Path | None, typer.Option("--edits", "-e", help="CSV file of edits; see docs/curation.md.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder for the results; default: RESULTS_curated.")
    ] = None,
    doubtful: Annotated[
        int | None, typer.Option("--doubtful", min=1, help="List this many links of the lowest confidence.")
    ] = None,
    template: Annotated[
        Path | None,
        typer.Option(
            "--template", help="With --doubtful: write them to a CSV file, to be filled in as edits."
        ),
    ] = None,
    anew: Annotated[
        bool, typer.Option("--anew", help="Leave out edits that these results already have.")
    ] = False,
    gif: Gif = True,
    movie_format: MovieOfResults = None,
    lazy: Lazy = None,
    cache: Cache = None,
    overwrite: Overwrite = False,
    new: New = False,
    figure_format: FigureFormat = "png",
) -> None:
    """Apply edits by hand to the tracks of a run, and measure them again; writes a new folder of results.

    The pipeline of the run is repeated with the step curation after the tracking. With --doubtful nothing is run: the
    links of the lowest confidence are listed with frame and place.
    """
    if (edits is None) == (doubtful is None):
        raise ParameterError("give either --edits FILE, or --doubtful NUMBER")
    if template is not None and doubtful is None:
        raise ParameterError("--template goes with --doubtful")
    if template is not None and template.exists() and not overwrite:
        raise ParameterError(f"{template} exists, perhaps with edits; give another file, or --overwrite")
    if doubtful is not None:
        _list_doubtful(record, doubtful, template)
        return
    from playNano.cli.job import Options
    from playNano.cli.movie import movie_kind
    from playNano.cli.pictures import picture_options

    assert edits is not None
    options = Options(
        lazy=lazy,
        movie=movie_kind(gif, movie_format),
        pictures=picture_options(None, None, figure_format),
        existing=existing(overwrite, new),
        cache=cache,
    )
    _apply(record, movie, edits, output, options, anew=anew)


def _apply(
    record: Path, movie: Path | None, edits: Path, output: Path | None, options: Any, *, anew: bool
) -> None:
    """Run the pipeline of a record with edits."""
    from playNano.analysis.curation.edits import read_edits
    from playNano.analysis.record_file import read_record_head, record_path
    from playNano.analysis.record_use import movie_of, plan_of
    from playNano.cli.job import analyze_file

    listed = read_edits(edits)
    if not listed and not anew:
        raise ParameterError(f"{edits}: there is no edit in it; write join, break, ... into the column edit")
    path = record_path(record)
    head = read_record_head(path)
    plan = plan_of(head).curated(listed, anew=anew)
    folder = path.parent.resolve()
    target = folder.with_name(f"{folder.name}_curated") if output is None else output
    if target.resolve() == folder:
        raise ParameterError(f"{target} has the results without these edits: give another folder with -o")
    analyze_file(movie_of(head, path, movie), plan, target, options)


def _list_doubtful(record: Path, number: int, template: Path | None) -> None:
    """Print the most doubtful links of a record, and write them to a file of edits to be filled in."""
    from rich.table import Table

    from playNano.cli.console import out

    links, n_links = _doubtful_links(record, number)
    if not len(links):
        out.print("no link has a confidence by which it could be doubted", markup=False)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in (*SHOWN.values(), "y (nm)", "x (nm)", "to y (nm)", "to x (nm)"):
        table.add_column(name, justify="right")
    for row in links.to_dict("records"):
        places = [f"{row[name]:.1f}" for name in ("y_nm", "x_nm", "to_y_nm", "to_x_nm")]
        table.add_row(
            str(row["frame_from"]),
            str(row["frame_to"]),
            str(row["track_id"]),
            f"{row['confidence']:.3f}",
            *places,
        )
    out.print(table)
    out.print(f"{len(links)} of {n_links} links", markup=False)
    if template is not None:
        _write_template(links, template)
        out.print(
            f"{template}: write break or confirm into the column edit, then: playnano curate {record} --edits "
            f"{template}",
            markup=False,
        )


def _doubtful_links(record: Path, number: int) -> tuple[pd.DataFrame, int]:
    """Return the links of the lowest confidence that no one has confirmed, with both places, and the number of all."""
    from playNano.analysis.record_file import read_record
    from playNano.analysis.utils.tracks import last_tracking

    tracking = last_tracking(read_record(record))
    links, table = tracking.get("links"), tracking.get("table")
    if links is None or table is None or "confidence" not in links:
        raise MissingInputError(f"{record}: the links of these tracks have no confidence")
    doubted = links[links["confidence"].notna()]
    doubted = doubted.sort_values(["confidence", "frame_from", "source"], ignore_index=True).head(number)
    places: dict[str, Any] = {}
    for end, prefix in (("source", ""), ("target", "to_")):
        rows = table.iloc[doubted[end].to_numpy()]
        names = [name for name in ("y_nm", "x_nm") if name in rows]
        places |= {f"{prefix}{name}": rows[name].to_numpy() for name in names}
    return doubted.assign(**places), len(links)


def _write_template(links: pd.DataFrame, path: Path) -> None:
    """Write links as a file of edits whose column edit is empty."""
    from playNano.core.files import atomic_write

    columns = {"frame_from": "frame", "frame_to": "to_frame"}
    names = ["edit", "frame", "y_nm", "x_nm", "to_frame", "to_y_nm", "to_x_nm", "author", "reason"]
    rows = links.rename(columns=columns).assign(edit="", author="", reason="")
    rows = rows.round(
        {name: 3 for name in (*names, "confidence") if name.endswith("_nm") or name == "confidence"}
    )
    with atomic_write(path) as temporary:
        rows[[*names, "track_id", "confidence"]].to_csv(temporary, index=False)
