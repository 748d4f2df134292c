"""The limits by which frames are judged, with their defaults and why they are what they are."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from playNano.errors import ParameterError

SHARES = {"rail_share", "quiet_ratio", "min_dead_rows", "min_bad_rows", "min_good_rows", "min_saturated"}
FROM_ONE = {"rough_ratio", "row_noise_ratio", "min_scar_rows"}


@dataclass(frozen=True)
class QualityLimits:
    """Limits of `judge_frames`; none has a unit, all are shares or multiples of what the movie shows.

    Attributes
    ----------
    rail_share
        A line is dead if this share of its pixels lies at the movie's lowest or highest value (0 to 1):
        half of it says nothing of the surface.
    quiet_ratio
        A line is dead if its neighbour pixels differ by less than this share of the movie's usual
        difference (0 to 1): an instrument that measures has its noise, a rail has none.
    min_dead_rows
        Share of dead lines from which a frame is torn (0 to 1).
    min_bad_rows
        Share of lines dead, reached by a wild step, far noisier than usual, or on a plateau far from the
        surface, from which a frame is torn (0 to 1). Fewer are scars.
    min_good_rows
        A torn frame with at least this share of lines on the surface is *partly* torn (0 to 1).
    step_factor
        A step between two lines is unusual from this many standard deviations of the movie's steps.
    relief_factor
        It is wild if it is also more than this share of the height of what stands on the surface: the
        median over a line cannot move as much by what is on it.
    off_level_factor
        Lines between wild steps are off the surface if they are this many heights of what stands on it
        away from the frame's main level.
    noise_factor
        Lines are on the surface while the mean size of the steps around them is under this many standard
        deviations of the movie's steps.
    line_noise_factor
        A line is noisy from this many times the movie's usual difference of neighbour pixels.
    min_saturated
        Share of pixels at the movie's lowest or highest value from which a frame is saturated (0 to 1).
    min_scar_rows
        Lines with a scar from which a frame has scars; one is enough if its step is wild.
    jump_sigma
        A change of level from frame to frame is a jump from this many standard deviations of these
        changes, and if it is larger than what stands on the surface.
    rough_ratio
        Roughness or pixel noise is abnormal this many times above, or below, the movie's median, and six
        median absolute deviations off it (at least 1).
    row_noise_ratio
        The same of the noise between lines, above only (at least 1).
    use_partly_torn
        Whether partly torn frames count as usable. In the lost part nothing was observed: by default
        they do not.
    """

    rail_share: float = 0.5
    quiet_ratio: float = 0.1
    min_dead_rows: float = 0.05
    min_bad_rows: float = 0.1
    min_good_rows: float = 0.1
    step_factor: float = 8.0
    relief_factor: float = 0.5
    off_level_factor: float = 3.0
    noise_factor: float = 4.0
    line_noise_factor: float = 5.0
    min_saturated: float = 0.01
    min_scar_rows: int = 2
    jump_sigma: float = 6.0
    rough_ratio: float = 2.0
    row_noise_ratio: float = 4.0
    use_partly_torn: bool = False

    def __post_init__(self) -> None:
        """Raise ParameterError for a limit of the wrong kind or outside its range."""
        if not isinstance(self.use_partly_torn, bool):
            raise ParameterError(f"use_partly_torn must be true or false, not {self.use_partly_torn!r}")
        for name in (field.name for field in fields(self) if field.name != "use_partly_torn"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
                raise ParameterError(f"{name} must be a number, not {value!r}")
            least = 1 if name in FROM_ONE else 0
            if not np.isfinite(value) or value < least or (name in SHARES and value > 1):
                span = "from 0 to 1" if name in SHARES else f"at least {least}"
                raise ParameterError(f"{name} must be {span}, not {value!r}")
