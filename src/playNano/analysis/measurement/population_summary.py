"""The results of populations in a few lines, and what makes them doubtful."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from playNano.algorithms.measurement.quantities import Quantity
from playNano.algorithms.measurement.results import Headline, spelt_unit

if TYPE_CHECKING:
    import pandas as pd

FEW_TRACKS = 20
"""Number of tracks below which a number of populations is doubtful."""


def population_headlines(tables: dict[str, pd.DataFrame]) -> list[Headline]:
    """Return a line for each quantity: the mean over tracks with its interval, and the populations.

    Parameters
    ----------
    tables
        As returned by `measure_populations`.
    """
    lines = []
    for row in tables["population_means"].to_dict("records"):
        q = Quantity.of(row["quantity"])
        own = tables["populations"].query("quantity == @row['quantity']")
        remark = ""
        if len(own) > 1:
            parts = (
                f"{mean:.3g} ({share:.0%})"
                for mean, share in zip(own[q.name], own["share_tracks"], strict=True)
            )
            remark = f"{len(own)} populations, {spelt_unit(q.unit)}: {', '.join(parts)}"
        lines.append(
            Headline(
                q.words,
                row[q.name],
                q.unit,
                row[q.derived("low")],
                row[q.derived("high")],
                row["n_tracks"],
                "tracks",
                row["status"],
                remark,
            )
        )
    return lines


def population_doubts(tables: dict[str, pd.DataFrame], max_components: int) -> list[str]:
    """Return what makes the results doubtful, in words.

    Parameters
    ----------
    tables
        As returned by `measure_populations`.
    max_components
        Maximum number of populations that was tried.
    """
    doubts = []
    for name, own in tables["populations"].groupby("quantity", sort=False):
        q, k, n_tracks = Quantity.of(str(name)), len(own), int(own["n_tracks"].iloc[0])
        if k == 1:
            continue
        mean, sd = own[q.name].to_numpy(float), own[q.derived("sd")].to_numpy(float)
        overlapping = np.diff(mean) < 2 * np.minimum(sd[1:], sd[:-1]) + 0.5 * np.abs(np.diff(sd))
        if overlapping.any():
            doubts.append(
                f"{q.words}: populations overlap, so that one population with a skewed distribution would look the "
                "same; they are no evidence of several kinds of molecules"
            )
        if k == max_components:
            doubts.append(f"{q.words}: {k} populations is the maximum that was tried; see population_bic")
        if n_tracks < FEW_TRACKS:
            doubts.append(f"{q.words}: {k} populations of only {n_tracks} tracks; add movies")
    return doubts


def merge_doubt(merges: pd.DataFrame | None) -> str | None:
    """Return a warning about merges and splits that do not conserve the volume; None if there is no reason.

    Parameters
    ----------
    merges
        The table ``merge_volumes``; None without volumes.
    """
    if merges is None or not len(merges):
        return None
    known: Any = merges[merges["ratio"].notna()]
    wrong = known[~known["conserved"]]
    if not len(wrong):
        return None
    return (
        f"in {len(wrong)} of {len(known)} merges and splits the volume changes by a factor outside 0.7 to 1.4: they "
        "may be no merges (see merge_volumes.csv)"
    )
