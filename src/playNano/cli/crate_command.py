"""``playnano crate``: pack the results of a run for a data repository."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from playNano.cli.records import Movie, Record

app = typer.Typer(pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command(short_help="Pack the results of a run as an RO-Crate.")
def crate(
    record: Record,
    movie: Movie = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="A .zip file or a folder; by default RESULTS.crate.zip."),
    ] = None,
    with_movie: Annotated[bool, typer.Option("--with-movie", help="Include the file of the movie.")] = False,
    licence: Annotated[
        str | None,
        typer.Option("--licence", "--license", help="Licence of the data: CC-BY-4.0, ..., or an address."),
    ] = None,
    author: Annotated[
        list[str] | None, typer.Option("--author", help='"Name" or "Name <ORCID>"; may be repeated.')
    ] = None,
    title: Annotated[str | None, typer.Option("--title", help="Title of the data.")] = None,
    description: Annotated[str | None, typer.Option("--description", help="Description of the data.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing crate.")] = False,
) -> None:
    """Pack the results of a run as an RO-Crate for a data repository, after checking their checksums.

    It describes all files, the movie, the command and the version of playNano.
    """
    from playNano.analysis.crate import write_crate
    from playNano.cli.console import out

    path = write_crate(
        record,
        output,
        movie=movie,
        with_movie=with_movie,
        title=title,
        description=description,
        licence=licence,
        authors=author or (),
        overwrite=overwrite,
    )
    if licence is None:
        out.print("no licence is given: --licence CC-BY-4.0 allows others to use the data", markup=False)
    out.print(f"crate in {path}", markup=False)
