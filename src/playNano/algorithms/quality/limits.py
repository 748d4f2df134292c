"""The limits by which frames are judged, with their defaults and the reasons for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from playNano._options import check_options

Share = Annotated[float, Field(ge=0, le=1)]
Factor = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Ratio = Annotated[float, Field(ge=1, allow_inf_nan=False)]


@dataclass(frozen=True)
class QualityLimits:
    """Limits of `judge_frames`; none has a unit, all are shares or multiples of references from the movie.

    Parameters
    ----------
    rail_share
        A line is dead if this share of its pixels lies at a saturation limit, the movie's minimum or maximum
        (0 to 1): half of it carries no information on the surface.
    quiet_ratio
        A line is dead if its neighbour pixels differ by less than this share of the movie's typical
        difference (0 to 1): an instrument that measures has noise, a saturated one has none.
    min_dead_rows
        Share of dead lines from which a frame is torn (0 to 1).
    min_bad_rows
        Share of lines that are dead, follow an outlier step, are far noisier than the movie's, or lie on a
        plateau far from the surface, from which a frame is torn (0 to 1). Fewer are scars.
    min_good_rows
        A torn frame with at least this share of lines on the surface is *partly* torn (0 to 1).
    step_factor
        A step between two lines is an outlier from this many standard deviations of the movie's steps.
    relief_factor
        It must also be more than this share of the movie's peak-to-valley height: the median of a line cannot
        change as much by what is on the surface.
    off_level_factor
        Lines between outlier steps are off the surface if they are this many peak-to-valley heights away from
        the frame's main level.
    noise_factor
        Lines are on the surface while the mean size of the steps around them is under this many standard
        deviations of the movie's steps.
    line_noise_factor
        A line is noisy from this many times the movie's typical difference of neighbour pixels.
    min_saturated
        Share of pixels at the movie's minimum or maximum from which a frame is saturated (0 to 1).
    min_scar_rows
        Lines with a scar from which a frame has scars; one is enough if its step is an outlier.
    jump_sigma
        A change of level from frame to frame is a jump from this many standard deviations of these
        changes, and if it is larger than the peak-to-valley height.
    rough_ratio
        Roughness or pixel noise is abnormal this many times above, or below, the movie's median, and six
        median absolute deviations off it (at least 1).
    row_noise_ratio
        The same for the noise between lines, above only (at least 1).
    use_partly_torn
        Whether partly torn frames count as usable. In the lost part nothing was observed: by default
        they do not.

    Examples
    --------
    >>> QualityLimits(jump_sigma=8.0).jump_sigma
    8.0
    """

    rail_share: Share = 0.5
    quiet_ratio: Share = 0.1
    min_dead_rows: Share = 0.05
    min_bad_rows: Share = 0.1
    min_good_rows: Share = 0.1
    step_factor: Factor = 8.0
    relief_factor: Factor = 0.5
    off_level_factor: Factor = 3.0
    noise_factor: Factor = 4.0
    line_noise_factor: Factor = 5.0
    min_saturated: Share = 0.01
    min_scar_rows: Annotated[int, Field(ge=1)] = 2
    jump_sigma: Factor = 6.0
    rough_ratio: Ratio = 2.0
    row_noise_ratio: Ratio = 4.0
    use_partly_torn: bool = False

    def __post_init__(self) -> None:
        """Check every field against its declared limits."""
        check_options(self)
