"""Options of dwell times, declared once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from playNano._options import Unit, check_options

DwellModel = Literal["auto", "exponential", "biexponential"]
SiteMode = Literal["auto", "on", "off"]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Probability = Annotated[float, Field(ge=0, lt=1)]


@dataclass(frozen=True)
class DwellOptions:
    """Options of dwell times.

    Parameters
    ----------
    edge_band
        Width of the band along the border of the window from which molecules can diffuse out before the next pass of
        the tip, in steps sqrt(2 D t), >= 0; ends and time within it do not count. None: 3, or 4 where the step exceeds
        a twentieth of the window.
    neighbour_band_nm
        Distance to the nearest neighbour, nm, >= 0, below which two images may fuse before the next pass; ends and
        time within it do not count. None: two radii of the outlines and two steps; 0 for molecules at rest.
    model
        "exponential": one rate. "biexponential": also a mixture of two rates. "auto": also two, if BIC prefers them.
    miss_rate
        Probability that a molecule is not detected at one pass, 0 to 1; None: estimated from the gaps of the tracks.
    max_missing
        Number of observed frames in a row over which the tracking links, >= 0; None: that of the tracking, or the
        longest gap in plain tables.
    min_confidence
        Minimum confidence of a link, 0 to 1; tracks are cut at others, and both new ends are censored.
    sites
        Whether places to which molecules come back are measured as sites: "auto": of molecules at rest only.
    site_radius_nm
        Maximum distance of the mean places of two visits of a site, nm, >= 0; None: 4.2 errors of localisation along
        one axis.
    level
        Coverage of the intervals, 0 to 1.
    n_draws
        Number of random draws for the p-values, >= 1.
    seed
        Seed of the draws, >= 0.

    Raises
    ------
    ParameterError
        If a value is outside its limits.

    Examples
    --------
    >>> DwellOptions(edge_band=2.0).edge_band
    2.0
    """

    edge_band: NotNegative | None = None
    neighbour_band_nm: Annotated[NotNegative, Unit("nm")] | None = None
    model: DwellModel = "auto"
    miss_rate: Probability | None = None
    max_missing: Annotated[int, Field(ge=0), Unit("frames")] | None = None
    min_confidence: Annotated[float, Field(ge=0, le=1)] = 0.0
    sites: SiteMode = "auto"
    site_radius_nm: Annotated[NotNegative, Unit("nm")] | None = None
    level: Annotated[float, Field(gt=0, lt=1)] = 0.95
    n_draws: Annotated[int, Field(ge=1)] = 200
    seed: Annotated[int, Field(ge=0)] = 0

    def __post_init__(self) -> None:
        """Check the limits."""
        check_options(self)
