"""What is compared of one condition: values of tracks by movie, or an estimate of each movie with its error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt
from scipy.special import logit, ndtri

from playNano.algorithms.measurement.quantities import Quantity

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]
Scale = Literal["linear", "log", "logit"]


@dataclass(frozen=True)
class Sample:
    """The replicates of one condition for one quantity.

    Parameters
    ----------
    condition
        Its name.
    quantity
        Name of the quantity, with the unit.
    scale
        Scale on which replicates are averaged.
    units
        Names of the replicates: movies, or samples; (n,).
    pairs
        Name of the pair of each; "" without.
    values
        A value a replicate, on the scale, (n,).
    errors
        Their standard errors, on the scale; 0 for means of tracks, whose spread between movies contains it.
    tracks
        Values of the tracks of each replicate; empty for estimates.
    n_movies, n_tracks, n_detections
        Their numbers in all.
    events, exposure
        Of each replicate, for rates; empty where they are not known.
    """

    condition: str
    quantity: Quantity
    scale: Scale
    units: tuple[str, ...]
    pairs: tuple[str, ...]
    values: Floats
    errors: Floats
    tracks: tuple[Floats, ...] = ()
    n_movies: int = 0
    n_tracks: int = 0
    n_detections: int = 0
    events: Floats = field(default_factory=lambda: np.empty(0))
    exposure: Floats = field(default_factory=lambda: np.empty(0))

    def __len__(self) -> int:
        return len(self.units)

    def taken(self, index: Sequence[int]) -> Sample:
        """Return some of the replicates in an order.

        Parameters
        ----------
        index
            Their numbers.
        """
        at = np.asarray(index, np.int64)
        tracks = tuple(self.tracks[i] for i in at) if self.tracks else ()
        return Sample(
            self.condition, self.quantity, self.scale, tuple(self.units[i] for i in at),
            tuple(self.pairs[i] for i in at), self.values[at], self.errors[at], tracks, self.n_movies,
            self.n_tracks, self.n_detections,
        )  # fmt: skip


def track_samples(tracks: pd.DataFrame, name: str, unit: str) -> list[Sample]:
    """Return the samples of a value of tracks, a condition each, in the order in which conditions appear.

    Parameters
    ----------
    tracks
        A row a track: ``condition, movie, unit`` (the replicate), ``pair, n_detections`` and the value.
    name
        The value.
    unit
        Column that names replicates: "movie" or "replicate".
    """
    samples = []
    known = tracks[np.isfinite(tracks[name].to_numpy(np.float64))]
    for condition, own in known.groupby("condition", sort=False):
        by_movie = own.groupby([unit, "movie"], sort=False)[name].mean()
        means = by_movie.groupby(level=0, sort=False).mean()
        groups = dict(iter(own.groupby(unit, sort=False)))
        samples.append(
            Sample(
                str(condition),
                Quantity.of(name),
                "linear",
                tuple(map(str, means.index)),
                tuple(str(groups[key]["pair"].iloc[0]) for key in means.index),
                means.to_numpy(np.float64),
                np.zeros(len(means)),
                tuple(groups[key][name].to_numpy(np.float64) for key in means.index),
                own["movie"].nunique(),
                len(own),
                int(own["n_detections"].sum()),
            )
        )
    return samples


def estimate_samples(estimates: pd.DataFrame, unit: str) -> list[Sample]:
    """Return the samples of the estimates of one quantity, a condition each.

    Parameters
    ----------
    estimates
        A row a movie: ``condition, movie, replicate, pair, quantity, scale, value, low, high, level, n_tracks,
        n_detections, n_events, exposure``.
    unit
        Column that names replicates: "movie" or "replicate".
    """
    samples = []
    for condition, own in estimates.groupby("condition", sort=False):
        scale: Scale = own["scale"].iloc[0]
        values, errors = on_scale(own, scale)
        names, index = np.unique(own[unit].to_numpy(str), return_inverse=True)
        n = np.bincount(index)
        pairs = {str(u): str(p) for u, p in zip(own[unit], own["pair"], strict=True)}
        samples.append(
            Sample(
                str(condition),
                Quantity.of(str(own["quantity"].iloc[0])),
                scale,
                tuple(map(str, names)),
                tuple(pairs[str(key)] for key in names),
                np.bincount(index, values) / n,
                np.sqrt(np.bincount(index, errors**2)) / n,
                (),
                own["movie"].nunique(),
                int(own["n_tracks"].sum()),
                int(own["n_detections"].sum()),
                *_counted(own, index),
            )
        )
    return samples


def _counted(own: pd.DataFrame, index: npt.NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Return events and exposure of each replicate; empty where one is not known."""
    columns = [own[name].to_numpy(np.float64) for name in ("n_events", "exposure")]
    if not all(np.isfinite(column).all() for column in columns):
        return np.empty(0), np.empty(0)
    events, exposure = (np.bincount(index, column).astype(np.float64) for column in columns)
    return events, exposure


def on_scale(table: pd.DataFrame, scale: Scale) -> tuple[Floats, Floats]:
    """Return estimates and standard errors on the scale on which they are averaged, from their intervals.

    Parameters
    ----------
    table
        ``value, low, high, level``.
    scale
        "linear", "log" or "logit".
    """
    transform = {"linear": np.asarray, "log": np.log, "logit": logit}[scale]
    with np.errstate(divide="ignore", invalid="ignore"):
        value, low, high = (transform(table[name].to_numpy(np.float64)) for name in ("value", "low", "high"))
        quantile = ndtri((1 + table["level"].to_numpy(np.float64)) / 2)
        error = (high - low) / (2 * quantile)
    one_sided = ~np.isfinite(error)
    error = np.where(one_sided, np.abs(np.where(np.isfinite(high), high, low) - value) / quantile, error)
    return value, error
