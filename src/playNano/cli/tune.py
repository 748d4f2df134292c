"""``playnano tune``: compare settings on some frames of a movie, and write the most stable one as a pipeline."""

from __future__ import annotations

import math
from pathlib import Path

from rich.table import Table

from playNano.analysis.tuning import Tuning, tune
from playNano.cli.compiling import report_compiling
from playNano.cli.console import out, progress_bars
from playNano.cli.job import Options
from playNano.cli.pipeline_file import plan_in_effect
from playNano.core.files import atomic_write
from playNano.plots.tuning import write_tuning

N_PRINTED = 8
SHORT = {
    "n_per_frame": "per_frame",
    "expected_wrong_links": "wrong",
    "max_distance_nm": "range_nm",
    "min_height_nm": "height_nm",
    "min_size": "size_px",
}
"""Column of the table -> short heading."""


def run_tune(file: Path, folder: Path, options: Options, objects: str | None) -> Tuning:
    """Compare settings on some frames of a movie; print the best ones, and write tune.csv, tune.png, pipeline.yaml.

    Parameters
    ----------
    file
        The movie.
    folder
        Folder for the results; created if necessary.
    options
        Options for reading the movie.
    objects
        What the movie shows; None to find it out.

    Returns
    -------
    Tuning
        The settings, the best first.
    """
    from playNano.analysis.plan import Plan

    # An unknown kind of object is an error before the movie is read.
    shown = Plan.from_options(None, None, None, objects or "auto").objects
    assert shown is not None
    stack = options.load(file)
    with progress_bars(inner=False) as bars, report_compiling(["levelling", "detection", "tracking"]):
        tuning = tune(stack, shown, progress=bars)
    write_tuning(tuning, folder / "tune.png")
    with atomic_write(folder / "tune.csv") as temporary:
        tuning.table().to_csv(temporary, index=False)
    _write_pipeline(tuning, file.name, folder / "pipeline.yaml")
    _show(tuning)
    use = f"playnano analyze {file} -p {folder}/pipeline.yaml -o results"
    out.print(f"results in {folder}; use them: {use}", markup=False)
    return tuning


def _write_pipeline(tuning: Tuning, movie: str, path: Path) -> None:
    """Write the best setting as a pipeline file."""
    import yaml

    best = tuning.best
    wrong = "" if best.links is None else f", expected wrong links {100 * best.links.expected_wrong:.1f} %"
    remark = (
        f"# The most stable of {len(tuning.settings)} settings on {len(tuning.frames)} frames of {movie}: "
    )
    remark += f"stability {best.stability:.2f}{wrong}\n"
    with atomic_write(path) as temporary:
        text = yaml.safe_dump(plan_in_effect(best.plan()), sort_keys=False)
        temporary.write_text(remark + text, encoding="utf-8")


def _show(tuning: Tuning) -> None:
    """Print the best settings."""
    table = Table(box=None, padding=(0, 2, 0, 1), header_style="dim")
    frame = tuning.table().drop(columns=["detection", "search_range_nm", "n_tracks"]).head(N_PRINTED)
    frame["levelling"] = frame["levelling"].str.removeprefix("level:")
    for heading in frame.rename(columns=SHORT).columns:
        table.add_column(heading.replace("_", " "))
    for row in frame.itertuples(index=False):
        table.add_row(*(value if isinstance(value, str) else _number(value) for value in row))
    out.print(table)
    best = tuning.best
    distance = "found from the movie" if best.max_distance_nm is None else f"{best.max_distance_nm:g} nm"
    out.print(
        f"best: {best.levelling.name}:order={best.levelling.params.get('order', 2)}; {best.module}: "
        f"{', '.join(f'{name} {value}' for name, value in best.params.items())}; search range {distance}",
        markup=False,
    )


def _number(value: float) -> str:
    return "-" if not math.isfinite(value) else f"{value:.3g}"
