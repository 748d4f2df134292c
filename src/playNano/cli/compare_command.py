"""``playnano compare``: compare conditions of several movies."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from playNano.cli.arguments import New, Overwrite, Report, existing

if TYPE_CHECKING:
    from playNano.analysis.measurement.compare_folders import Comparison
    from playNano.core.result_folder import Existing

app = typer.Typer(pretty_exceptions_enable=False, rich_markup_mode=None)

COMPARE = "compare.json"


@app.command(short_help="Compare conditions, with movies as replicates.")
def compare(
    folders: Annotated[
        list[str],
        typer.Argument(
            help="A folder of results a condition, NAME=FOLDER to name it or to join folders; or one folder of a batch "
            "whose sheet has the column 'condition'."
        ),
    ],
    pair: Annotated[
        Path | None, typer.Option("--pair", help="CSV file with the columns movie and pair: a paired design.")
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for the results; created if necessary.")
    ] = Path("playnano_compare"),
    columns: Annotated[
        str | None, typer.Option("--columns", help='Values of tracks to compare: "height_nm,area_nm2".')
    ] = None,
    unit: Annotated[
        str, typer.Option("--unit", help="What counts as one replicate: movie, or replicate of the sheet.")
    ] = "movie",
    min_length: Annotated[
        int, typer.Option("--min-length", min=1, help="Minimum number of detections of a track.")
    ] = 1,
    correction: Annotated[
        str, typer.Option("--correction", help="Correction of p for the number of comparisons: holm or none.")
    ] = "holm",
    level: Annotated[float, typer.Option("--level", help="Coverage of the intervals, 0 to 1.")] = 0.95,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of drawn permutations.")] = 0,
    figure_format: Annotated[
        str, typer.Option("--figure-format", help="Format of the figures: png, svg or pdf.")
    ] = "png",
    report: Report = True,
    overwrite: Overwrite = False,
    new: New = False,
) -> None:
    """Compare conditions; writes movies.csv, conditions.csv, comparison.csv, figures, report.html and compare.json.

    The movie is the unit: means of tracks are averaged over movies, and so are rates and diffusion coefficients where
    they were measured.
    """
    given: Any = {
        "unit": unit,
        "min_length": min_length,
        "correction": correction,
        "level": level,
        "seed": seed,
    }
    names = None if columns is None else tuple(name.strip() for name in columns.split(",") if name.strip())
    write_comparison(
        folders,
        pair,
        output,
        {"columns": names, **given},
        existing(overwrite, new),
        figure_format,
        report=report,
    )


def write_comparison(
    folders: list[str],
    pair: Path | None,
    output: Path,
    parameters: dict[str, Any],
    existing: Existing,
    figure_format: Literal["png", "svg", "pdf"] | str = "png",
    *,
    report: bool = True,
) -> None:
    """Compare conditions, print the differences, and write tables, figures and a record.

    Parameters
    ----------
    folders
        Folders of results by condition.
    pair
        CSV file with pairs; None: none.
    output
        Folder for the results.
    parameters
        Fields of `ComparisonOptions`.
    existing
        What happens if the folder contains results.
    figure_format
        Ending of the figures.
    report
        Whether report.html is written.
    """
    from playNano.algorithms.measurement.comparison.options import ComparisonOptions
    from playNano.analysis.measurement.compare_folders import compare_folders
    from playNano.analysis.measurement.comparison_record import comparison_record
    from playNano.cli.console import out
    from playNano.cli.study import write_comparison_report
    from playNano.core.files import atomic_write
    from playNano.core.result_folder import result_folder
    from playNano.errors import ParameterError
    from playNano.plots.measurement.comparison import draw_comparison
    from playNano.plots.style import save_figure

    if figure_format not in ("png", "svg", "pdf"):
        raise ParameterError(f"--figure-format {figure_format}: one of png, svg, pdf")
    compared = compare_folders(folders, pair=pair, options=ComparisonOptions(**parameters))
    with result_folder(output, existing=existing, record=COMPARE) as run:
        for name, table in compared.tables.items():
            with atomic_write(run.path / f"{name}.csv") as temporary:
                table.to_csv(temporary, index=False)
        figures = draw_comparison({**compared.tables, "tracks": compared.tracks})
        for stem, figure in figures.items():
            save_figure(figure, run.path / f"{stem}.{figure_format}")
        if report:
            write_comparison_report(compared, run.path / "report.html", run.target.resolve().name, run.target)
        comparison_record(compared, pair, run)
    show(compared)
    out.print(f"results in {run.target}", markup=False)


def show(compared: Comparison) -> None:
    """Print the conditions with their movies, a line a difference, and the remarks.

    Parameters
    ----------
    compared
        The result.
    """
    from playNano.analysis.measurement.comparison_record import comparison_lines, condition_lines
    from playNano.cli.console import out

    for line in (*condition_lines(compared), *comparison_lines(compared)):
        out.print(f"  {line}", markup=False)
    for message in compared.messages:
        out.print(f"  note: {message}", markup=False)
