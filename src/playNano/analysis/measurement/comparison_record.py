"""The record of a comparison, and its results in words."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playNano._version import __version__
from playNano.algorithms.measurement.quantities import Quantity
from playNano.algorithms.measurement.results import Headline, spelt_unit
from playNano.core.command import COMMAND
from playNano.core.files import atomic_write
from playNano.core.provenance import gather_environment_info, utc_now
from playNano.core.result_folder import sha256_of
from playNano.core.serialize import json_safe

if TYPE_CHECKING:
    from playNano.analysis.measurement.compare_folders import Comparison
    from playNano.core.result_folder import Run


def comparison_record(compared: Comparison, sheet: Path | None, run: Run) -> dict[str, Any]:
    """Write what was compared, the checksums of the records, parameters, versions and files; return it.

    Parameters
    ----------
    compared
        The result.
    sheet
        The sheet with pairs; None: none.
    run
        The folder into which the other files were written.
    """
    content = {
        "kind": "comparison",
        "version": __version__,
        "timestamp": utc_now(),
        "command": list(COMMAND.get() or ()),
        "parameters": json_safe(compared.parameters()),
        "sheet": None if sheet is None else {"name": str(sheet), "sha256": sha256_of(sheet)},
        "movies": [
            {
                "movie": movie.movie, "condition": movie.condition, "replicate": movie.replicate, "pair": movie.pair,
                "folder": str(movie.folder), "record_sha256": sha256_of(movie.folder / "record.json"),
            }
            for movie in compared.movies
        ],
        "messages": list(compared.messages),
        "environment": json_safe(gather_environment_info()),
        "files": run.files(),
    }  # fmt: skip
    with atomic_write(run.path / run.record) as temporary:
        temporary.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    return content


def condition_lines(compared: Comparison) -> list[str]:
    """Return a line a quantity and condition: mean, interval, number of movies.

    Parameters
    ----------
    compared
        The result.
    """
    lines = []
    for row in compared.tables["conditions"].to_dict("records"):
        q = Quantity.of(str(row["quantity"]))
        movies = row["ci_unit"] == "movie"
        n, n_of = (row["n_movies"], "movies") if movies else (row["n_tracks"], "tracks")
        text = Headline(
            q.words, row["value"], q.unit, row["low"], row["high"], int(n), n_of, row["status"], row["remark"]
        ).text()
        lines.append(f"{row['condition']}: {text}")
    return lines


def comparison_lines(compared: Comparison) -> list[str]:
    """Return a line a comparison: difference or ratio, interval, p.

    Parameters
    ----------
    compared
        The result.
    """
    lines = []
    for row in compared.tables["comparison"].to_dict("records"):
        q = Quantity.of(str(row["quantity"]))
        kind = "ratio" if row["scale"] == "log" else "difference"
        unit = f" {spelt_unit(q.unit)}" if kind == "difference" and q.unit else ""
        sign = "/" if kind == "ratio" else "-"
        text = f"{q.words}, {row['condition_b']} {sign} {row['condition_a']}: {row[kind]:.3g}{unit}"
        if math.isfinite(row[f"{kind}_low"]):
            text += f" ({row[f'{kind}_low']:.3g} to {row[f'{kind}_high']:.3g})"
        text += f", {row['n_a']} + {row['n_b']} {'pairs' if row['paired'] else 'movies'}"
        if math.isfinite(row["p"]):
            text += f", p = {row['p']:.2g}, adjusted {row['p_adjusted']:.2g}"
            if math.isfinite(row["p_permutation"]):
                text += f", by permutation {row['p_permutation']:.2g}"
        else:
            text += ", no test over movies"
        lines.append(text)
    return lines
