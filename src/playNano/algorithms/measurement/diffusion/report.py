"""Diffusion in words: headlines and messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from playNano.algorithms.measurement.diffusion.fit import Fitted
from playNano.algorithms.measurement.diffusion.msd import MIN_SHARE
from playNano.algorithms.measurement.diffusion.options import DiffusionOptions
from playNano.algorithms.measurement.diffusion.pooled import fit_pooled, noise_difference
from playNano.algorithms.measurement.diffusion.tables import movie_status
from playNano.algorithms.measurement.results import Headline
from playNano.algorithms.measurement.tracked_movie import Clock, TrackedMovie

if TYPE_CHECKING:
    import pandas as pd

NOISE_P = 0.01
"""p value below which the localisation errors of the axes are said to differ."""

MIN_TRACKS_VELOCITY = 5
"""Minimum number of tracks for a shared velocity."""

VELOCITY_SHARE = 0.05
"""Fraction of the mean squared displacement over a typical track from which on a shared velocity is reported."""


def headlines_of(fitted: Fitted, states: pd.DataFrame, clock: Clock) -> list[Headline]:
    """Return D of the movie, the states of different D if there are several, and the anomalous exponent.

    Parameters
    ----------
    fitted
        All fits.
    states
        Table of the states.
    clock
        Basis of the times.
    """
    unit = "nm2_frame" if clock == "index" else "nm2_s"
    status, n = movie_status(fitted), fitted.n_tracks_used
    low, high = fitted.pooled.interval
    d = fitted.pooled.diffusion_nm2_s
    headlines = [Headline("D", d, unit, low, high, n, "tracks", status)]
    if len(states) > 1:
        headlines += [_state_headline(row, unit) for row in states.to_dict("records")]
    if fitted.alpha is not None and np.isfinite(fitted.alpha.alpha):
        alpha = fitted.alpha
        headlines.append(
            Headline("alpha", alpha.alpha, "", *alpha.interval, alpha.n_tracks, "tracks", alpha.status)
        )
    return headlines


def messages_of(movie: TrackedMovie, fitted: Fitted, options: DiffusionOptions) -> list[str]:
    """Return what a reader of the numbers must know.

    Parameters
    ----------
    movie
        The tracks.
    fitted
        All fits.
    options
        Options in effect.
    """
    messages = _edge(fitted, options)
    steps = fitted.steps
    if steps.n_overlap.sum():
        messages.append(
            f"{steps.n_overlap.sum()} steps are left out, as the passes of the tip that they join overlap"
        )
    if fitted.states is not None and 1 < options.max_components == len(fitted.states.mixture.weight):
        messages.append(
            f"there are as many states as max_components={options.max_components} allows: D is spread, and the "
            "states need not be kinds of particles"
        )
    if options.axes == "shared" and fitted.n_tracks_used and fitted.pooled.diffusion_nm2_s > 0:
        separate = fit_pooled(steps, separate=True, interval=False)
        if noise_difference(fitted.pooled, separate) < NOISE_P:
            y, x = np.sqrt(np.maximum(separate.s_nm2 + separate.diffusion_nm2_s * fitted.noise.blur_s, 0))
            messages.append(
                f"the localisation error differs between the axes ({y:.2g} nm slow, {x:.2g} nm fast): "
                "axes=separate_noise takes it into account"
            )
    return messages + _velocity(movie, fitted, options)


def doubts_of(movie: TrackedMovie, fitted: Fitted, options: DiffusionOptions) -> list[str]:
    """Return what makes D doubtful: a field that is too small for the steps.

    Parameters
    ----------
    movie
        The tracks.
    fitted
        All fits.
    options
        Options in effect.
    """
    steps, n_edge = fitted.steps, int(fitted.steps.n_edge.sum())
    if steps.kept_share >= MIN_SHARE:
        return []
    d = fitted.pooled_all.diffusion_nm2_s
    band = options.edge_band * np.sqrt(2 * d * max(movie.frames.interval_s, 0.0))
    # The inner share of a square field of width w is (1 - 2 band / w)^2.
    width = 2 * band / (1 - np.sqrt(MIN_SHARE))
    return [
        f"the field is too small for steps of this size: {n_edge} of {n_edge + len(steps.time_s)} steps start "
        f"within {options.edge_band:g} root mean square steps of the border; from all steps, long ones of which "
        f"are never seen, D = {d:.3g}; a window of {width:.0f} nm or more, or a higher frame rate, would do"
    ]


def _state_headline(row: dict[Any, Any], unit: str) -> Headline:
    """Return D of a state, and its share of the time."""
    share = f"{100 * row['share_time']:.0f} % of the time"
    if np.isfinite(row["share_time_low"]):
        share += f" ({100 * row['share_time_low']:.0f} to {100 * row['share_time_high']:.0f})"
    return Headline(
        f"D of state {row['state']}",
        row["diffusion_nm2_s"],
        unit,
        row["diffusion_low_nm2_s"],
        row["diffusion_high_nm2_s"],
        int(row["n_tracks"]),
        "tracks",
        row["status"],
        share,
    )


def _edge(fitted: Fitted, options: DiffusionOptions) -> list[str]:
    """Return what the band along the border has cost."""
    steps, n_edge = fitted.steps, int(fitted.steps.n_edge.sum())
    if not n_edge or steps.kept_share < MIN_SHARE:
        return []
    return [
        f"{n_edge} of {n_edge + len(steps.time_s)} steps start within {options.edge_band:g} root mean square "
        "steps of the border and are left out"
    ]


def _velocity(movie: TrackedMovie, fitted: Fitted, options: DiffusionOptions) -> list[str]:
    """Return that tracks share a velocity, where it changes their mean squared displacement."""
    velocity, n = fitted.velocity, fitted.n_tracks_used
    if velocity is None or options.drift == "fit" or n < MIN_TRACKS_VELOCITY:
        return []
    duration = len(fitted.steps.time_s) * fitted.steps.typical_time_s / n
    directed = float((velocity.nm_s**2).sum()) * duration
    if not velocity.differs_from_zero or directed < VELOCITY_SHARE * 4 * fitted.pooled.diffusion_nm2_s:
        return []
    y, x = velocity.nm_s
    unit = "nm/frame" if movie.clock == "index" else "nm/s"
    return [
        f"the tracks share a velocity of ({y:.2g}, {x:.2g}) {unit} along y and x, as from a drift: "
        "drift=fit subtracts it, drift=global of the tracking corrects its positions"
    ]
