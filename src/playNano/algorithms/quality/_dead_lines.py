"""Lines without a measurement: saturated, constant, nearly noiseless or missing; and movies without noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from playNano.algorithms.quality._statistics import (
    BoolArray,
    FloatArray,
    finite_median,
    finite_quantile,
    lower_quartile,
    masked_quantile,
)
from playNano.algorithms.quality.figures import Figures
from playNano.algorithms.quality.limits import QualityLimits

# Lines of fewer pixels are never classified as dead.
MIN_WIDTH = 8
# Fraction of equal neighbours on the better lines above which heights count as coarsely quantised: equal pixels are
# then normal.
COARSE_FLAT_SHARE = 0.6
# Noise below this fraction of the peak-to-valley height is none: the movie is simulated, or smoothed.
NOISE_FREE = 2e-3
# Fraction of equal neighbours, in lines that are not constant, from which constant lines may be a noise-free surface.
FLAT_SHARE = 0.45


@dataclass(frozen=True)
class DeadLines:
    """Lines without a measurement, and the quantities by which they are detected.

    Parameters
    ----------
    dead
        Lines that are saturated, constant, nearly noiseless or missing, (n, h).
    saturation_low, saturation_high
        Minimum and maximum of the movie, taken as saturation limits.
    coarse
        Whether most neighbouring pixels are equal even on the better lines, or the movie has no noise: then only
        constant frames are dead.
    noise_free
        Whether the movie has no noise.
    pixel_step
        Typical mean absolute difference of neighbour pixels.
    saturated
        Fraction of the pixels of each frame at a saturation limit, (n,).
    """

    dead: BoolArray
    saturation_low: float
    saturation_high: float
    coarse: bool
    noise_free: bool
    pixel_step: float
    saturated: FloatArray


def find_dead(figures: Figures, limits: QualityLimits) -> DeadLines:
    """Find the lines that carry no measurement: saturated, constant, nearly noiseless or missing."""
    minimum, maximum = figures["minimum"], figures["maximum"]
    missing = figures["missing_share"] >= 0.5
    seen = ~missing
    low = float(minimum[seen].min()) if seen.any() else float("nan")
    high = float(maximum[seen].max()) if seen.any() else float("nan")
    at_low, at_high = minimum == low, maximum == high
    saturated = (at_low & (figures["minimum_share"] >= limits.rail_share)) | (
        at_high & (figures["maximum_share"] >= limits.rail_share)
    )
    constant = minimum == maximum
    live = seen & ~saturated & ~constant
    change = masked_quantile(figures["change"], live, 0.25)
    pixel_step = float(np.nan_to_num(finite_median(change)))
    # Second differences: tilt and bow of a frame without contact are no noise.
    pixel_bend = float(np.nan_to_num(finite_median(masked_quantile(figures["bend"], live, 0.25))))
    noise_free = _is_noise_free(figures, live)
    coarse = noise_free or _is_coarse(figures, live)
    noiseless = figures["bend"] < limits.quiet_ratio * pixel_bend
    whole = minimum.min(axis=1, initial=np.inf) == maximum.max(axis=1, initial=-np.inf)
    share = np.where(at_low, figures["minimum_share"], 0.0) + np.where(
        at_high & ~(at_low & constant), figures["maximum_share"], 0.0
    )
    counted = seen.any(axis=1) & (whole if coarse else True)
    return DeadLines(
        dead=missing | (whole[:, None] if coarse else saturated | constant | noiseless),
        saturation_low=low,
        saturation_high=high,
        coarse=coarse,
        noise_free=noise_free,
        pixel_step=max(pixel_step, noise_floor(figures)),
        saturated=np.where(counted, np.where(seen, share, 0.0).mean(axis=1), 0.0),
    )


def _is_noise_free(figures: Figures, live: BoolArray) -> bool:
    """Return whether the movie has no noise: its quietest lines are straight.

    Where these are constant, most pixels of the other lines must be equal to their neighbours as well: else they are
    lines without a measurement, in a movie with noise.
    """
    if figures["width"].max(initial=0) < MIN_WIDTH:
        return False
    floor = noise_floor(figures)
    seen: BoolArray = (figures["missing_share"] < 0.5) & (figures["maximum"] > figures["minimum"])
    # The few frames with a surface decide where most are lost.
    flat = finite_quantile(masked_quantile(figures["flat_share"], seen, 0.5), 0.1)
    lines = live
    if flat > FLAT_SHARE:
        lines = np.where(seen.any(axis=1, keepdims=True), figures["missing_share"] < 0.5, False)
    quietest = finite_quantile(masked_quantile(figures["bend"], lines, 0.02), 0.9)
    return bool(quietest < floor)


def noise_floor(figures: Figures) -> float:
    """Return the noise below which a movie counts as free of noise, in the unit of the heights."""
    return NOISE_FREE * typical_relief(figures)


def typical_relief(figures: Figures) -> float:
    """Return the lower quartile of the peak-to-valley heights of the frames that are not flat."""
    relief = figures["peak_to_valley"]
    extent = np.abs(figures["level"]).max(axis=1, initial=0.0) + relief
    return lower_quartile(relief[relief > 1e-5 * extent])


def _is_coarse(figures: Figures, live: BoolArray) -> bool:
    """Return whether heights are coarsely quantised: most neighbours are equal even on the better lines."""
    narrow = figures["width"].max(initial=0) < MIN_WIDTH
    flat = masked_quantile(figures["flat_share"], live, 0.5)
    return bool(narrow or not live.any() or lower_quartile(flat) > COARSE_FLAT_SHARE)
