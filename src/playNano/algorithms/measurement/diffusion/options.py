"""Options of the measurement of diffusion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from playNano._options import Unit, check_options


@dataclass(frozen=True)
class DiffusionOptions:
    """Which steps count, and how diffusion is estimated from them.

    Parameters
    ----------
    edge_band
        Steps that start nearer to the border of the window than this number of root mean square steps,
        sqrt(2 D t), are left out, >= 0: longer ones would leave the field and are never seen. 0: all steps.
    max_lag
        Maximum lag of the mean squared displacement, frames, >= 1; None: a quarter of the longest track, at least 4.
    noise
        "pooled": the localisation error is estimated from all tracks together, then D of each track given it;
        "per_track": from each track, which needs long tracks.
    axes
        "shared": one localisation error; "separate_noise": one for the slow and one for the fast axis.
    blur_s
        Mean difference of two moments at which the tip sees a particle in one pass, s, >= 0; it changes the
        localisation error, hardly D. None: 0.26 times the time in which the tip passes a typical particle, or 0 where
        line times are not known. A camera with the exposure T has T / 3.
    drift
        "subtract": use the positions without the drift, if the tracking has estimated it; "fit": estimate a velocity
        that all tracks share as well, and subtract it; "none": the positions as detected.
    alpha
        Anomalous exponent: "pooled": of all tracks together; "per_track": also of each track of 20 detections or more;
        "none": not estimated.
    min_length
        Minimum number of detections of a track for a D of its own, >= 2. Shorter tracks count in the movie's D.
    max_components
        Maximum number of states of different D, >= 1.
    confinement_draws
        Number of simulated free tracks with which each track is compared to test its confinement; 0: not tested;
        200 for p values down to 0.005.
    min_confidence
        Minimum confidence of a link, 0 to 1; tracks are cut at others.
    level
        Coverage of intervals, between 0 and 1.
    seed
        Seed of the simulated tracks, >= 0.
    """

    edge_band: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 3.0
    max_lag: Annotated[int, Field(ge=1)] | None = None
    noise: Literal["pooled", "per_track"] = "pooled"
    axes: Literal["shared", "separate_noise"] = "shared"
    blur_s: Annotated[float, Field(ge=0, allow_inf_nan=False), Unit("s")] | None = None
    drift: Literal["subtract", "fit", "none"] = "subtract"
    alpha: Literal["pooled", "per_track", "none"] = "pooled"
    min_length: Annotated[int, Field(ge=2)] = 3
    max_components: Annotated[int, Field(ge=1, le=10)] = 4
    confinement_draws: Annotated[int, Field(ge=0)] = 0
    min_confidence: Annotated[float, Field(ge=0, le=1)] = 0.0
    level: Annotated[float, Field(gt=0, lt=1)] = 0.95
    seed: Annotated[int, Field(ge=0)] = 0

    def __post_init__(self) -> None:
        check_options(self)
