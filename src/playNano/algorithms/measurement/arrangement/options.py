"""Options of the measurement of arrangement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from playNano._options import Unit, check_options


@dataclass(frozen=True)
class ArrangementOptions:
    """Options of the measurement of arrangement.

    Parameters
    ----------
    null
        Null model of the test: "hard_core", molecules with a size that are placed at random one after the other; "csr",
        complete spatial randomness, points without a size.
    dr_nm
        Width of the bins of distance, nm, > 0; None: a tenth of the mean distance of nearest neighbours.
    r_max_nm
        Maximum distance, nm, > 0; None, or more than it: half the shorter side of the window.
    exclusion_nm
        Diameter of the molecules in the null model "hard_core", nm, >= 0; None: the smallest distance in the movie.
    resolution_nm
        Distance below which the detection cannot separate two molecules, nm, >= 0; g(r) is not given below it. None:
        the median major axis of the particles.
    n_simulations
        Patterns of the null model, >= 19.
    statistic
        Deviation from the null model that is tested: "maximum", of the studentised g(r), which belongs to the
        envelope; "integral", of its square.
    block_frames
        Frames in a block, of which one is tested and which are the replicates of the intervals, >= 1; None: as many as
        the molecules need to leave the field or to unbind, estimated from the tracks.
    level
        Coverage of the intervals and of the envelope, 0 to 1.
    seed
        Seed of the simulated patterns, >= 0.
    """

    null: Literal["hard_core", "csr"] = "hard_core"
    dr_nm: Annotated[float, Field(gt=0), Unit("nm")] | None = None
    r_max_nm: Annotated[float, Field(gt=0), Unit("nm")] | None = None
    exclusion_nm: Annotated[float, Field(ge=0), Unit("nm")] | None = None
    resolution_nm: Annotated[float, Field(ge=0), Unit("nm")] | None = None
    n_simulations: Annotated[int, Field(ge=19)] = 199
    statistic: Literal["maximum", "integral"] = "maximum"
    block_frames: Annotated[int, Field(ge=1)] | None = None
    level: Annotated[float, Field(gt=0, lt=1)] = 0.95
    seed: Annotated[int, Field(ge=0)] = 0

    def __post_init__(self) -> None:
        """Check the values."""
        check_options(self)
