"""The likelihood of whole tracks against that of clutter: chains of false detections are not tracks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from playNano.algorithms.linking.detections import Floats, Indices, Ints
from playNano.algorithms.linking.edges import log_jumps
from playNano.algorithms.linking.local_rates import uniform_rates
from playNano.algorithms.linking.motion_model import MotionModel, successors
from playNano.algorithms.linking.rates import Rates
from playNano.algorithms.linking.settings import LinkingOptions

if TYPE_CHECKING:
    from playNano.algorithms.linking._kernels.grid import Detections


def track_log_ratio(
    points: Detections, previous: Indices, model: MotionModel, rates: Rates, options: LinkingOptions
) -> tuple[Ints, Floats]:
    """Return the track of each detection, and of each track the log likelihood ratio to clutter.

    The cost of a link is computed with the probabilities of the Gaussians that the steps before and after it imply, so
    that the links of a chain of false detections support each other: it seems to be a particle that is fast all the
    time. The likelihood of the whole track uses the steps before each link alone. It is for Brownian motion without
    features only.

    Parameters
    ----------
    points
        The detections.
    previous
        Detection before each one in its track, or -1, (N,).
    model
        The motion model, with the probabilities of the Gaussians for these tracks.
    rates
        Miss, birth, death and clutter rates.
    options
        Options of linking.

    Returns
    -------
    track : ndarray of int64, (N,)
        Track of each detection, from 0.
    log_ratio : ndarray of float64, (n_tracks,)
        Log of the ratio of the likelihood of the track to that of clutter; below 0 it is more likely clutter.
    """
    from playNano.algorithms.linking._kernels.tracks import number_tracks

    n_frames, n_gaps = points.frame_ptr.size - 1, options.n_gaps
    local = uniform_rates(previous.size) if rates.local is None else rates.local
    track, n_tracks = number_tracks(previous)
    target = np.flatnonzero(previous >= 0)
    first, last = np.flatnonzero(previous < 0), np.flatnonzero(successors(previous) < 0)
    gain = -rates.log_clutter - np.log(local.clutter)
    gain[target] += _log_density(points, previous, target, model, rates, options)
    gain[first] += rates.log_birth(n_frames, n_gaps)[points.frame_of[first]] + np.log(local.birth[first])
    death = rates.log_death(n_frames, n_gaps)[points.frame_of[last]] + np.log(local.death[last])
    gain[last] += np.minimum(death, 0.0)
    return track, np.bincount(track, weights=gain, minlength=n_tracks).astype(np.float64)


def _log_density(
    points: Detections,
    previous: Indices,
    target: Ints,
    model: MotionModel,
    rates: Rates,
    options: LinkingOptions,
) -> Floats:
    """Return the log density of each link given the steps of the track before it, with that of the gap."""
    from playNano.algorithms.linking._kernels.motion_model import MIN_VARIANCE_RATIO

    source, motion = previous[target], model.motion
    step = points.position[target] - points.position[source]
    gap = points.time[target] - points.time[source]
    variance = motion.variance * np.maximum(1.0 + motion.growth * (gap[:, None] - 1.0), MIN_VARIANCE_RATIO)
    squared = np.einsum("nd,nd->n", step, step)[:, None]
    each = np.exp(-0.5 * squared / variance) / (2.0 * np.pi * variance) ** (0.5 * motion.dims)
    missed = points.frame_of[target] - points.frame_of[source] - 1
    jump = np.exp(log_jumps(points, motion, rates, options))[points.frame_of[source], missed]
    density = (model.context.forward[source] * each).sum(axis=1) + jump
    return np.asarray(np.log(np.maximum(density, 1e-300)) + rates.log_gap(options.n_gaps)[missed])


def without_false_tracks(
    previous: Indices, clutter: npt.NDArray[np.bool_], track: Ints, log_ratio: Floats
) -> tuple[Indices, npt.NDArray[np.bool_]]:
    """Return links and clutter without the tracks that are more likely clutter.

    Parameters
    ----------
    previous
        Detection before each one in its track, or -1, (N,).
    clutter
        Whether each detection was classified as clutter, (N,).
    track, log_ratio
        See `track_log_ratio`.
    """
    false = (log_ratio < 0.0)[track] & ((previous >= 0) | (successors(previous) >= 0))
    return np.where(false, np.int32(-1), previous).astype(np.int32), clutter | false
