"""Limits of frame quality, with their defaults and the reasons for them."""

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
    """Set the limits of `judge_frames`; all are fractions, or multiples of reference values of the movie.

    Parameters
    ----------
    rail_share
        Fraction of the pixels of a scan line at a saturation limit, the minimum or maximum of the movie, from
        which the line is dead (0 to 1).
    quiet_ratio
        A line is dead if the mean difference of its neighbouring pixels is below this fraction of the typical
        difference in the movie (0 to 1): a working instrument has noise, a saturated one has none.
    min_dead_rows
        Fraction of dead lines from which a frame is torn (0 to 1).
    min_bad_rows
        Fraction of lines that are dead, come after an outlier step, are far noisier than is typical of the movie,
        or lie on a plateau far from the surface, from which a frame is torn (0 to 1). Fewer lines are scars.
    min_good_rows
        A torn frame with at least this fraction of lines on the surface is *partly* torn (0 to 1).
    step_factor
        A step between two lines is an outlier from this many standard deviations of the movie's steps.
    relief_factor
        An outlier step must also exceed this fraction of the movie's peak-to-valley height: objects on the
        surface change the median of a line by less.
    off_level_factor
        Lines between outlier steps are off the surface if they are this many peak-to-valley heights away from
        the frame's main level.
    noise_factor
        Lines are on the surface while the mean size of the steps around them is under this many standard
        deviations of the movie's steps.
    line_noise_factor
        A line is noisy from this many times the movie's typical difference of neighbour pixels.
    min_saturated
        Fraction of pixels at the movie's minimum or maximum from which a frame is saturated (0 to 1).
    min_scar_rows
        Number of lines with a scar from which a frame is flagged; one is enough if its step is an outlier.
    jump_sigma
        A change of level from frame to frame is a jump from this many standard deviations of these
        changes, and if it is larger than the peak-to-valley height.
    rough_ratio
        Roughness or pixel noise is abnormal this many times above, or below, the movie's median, and six
        median absolute deviations off it (at least 1).
    row_noise_ratio
        The same for the noise between lines, above only (at least 1).
    use_partly_torn
        Whether partly torn frames count as usable. By default they do not, because nothing was observed in the
        lost part.

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
