"""What a caller asks of a linker, checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from playNano.algorithms.linking.detections import REACH_POWER, DistanceScale
from playNano.errors import ParameterError

MotionName = Literal["brownian", "directed", "static"]
DEFAULT_SCALE: dict[str, DistanceScale] = {"brownian": "sqrt", "directed": "linear", "static": "constant"}


@dataclass(frozen=True)
class Given:
    """What the caller knows: rates and the rms step; None is estimated."""

    miss: float | None = None
    end: float | None = None
    start: float | None = None
    clutter: float | None = None
    step: float | None = None


@dataclass(frozen=True)
class Settings:
    """What the caller asks of a whole-movie assignment; see `link_movie`."""

    max_distance: float
    n_gaps: int
    motion: MotionName
    power: int
    drift: bool
    by_frame: bool
    given: Given

    @property
    def informed(self) -> bool:
        """Whether the caller knows the step, so that few links are enough."""
        return self.given.step is not None


def checked_reach(name: str, value: float) -> float:
    """Return a positive, finite length."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not value > 0:
        raise ParameterError(f"{name} must be a positive number; got {value!r}")
    if not np.isfinite(value):
        raise ParameterError(f"{name} must be finite; got {value!r}")
    return float(value)


def checked_count(name: str, value: int) -> int:
    """Return a whole number, 0 or more."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 0:
        raise ParameterError(f"{name} must be a whole number, 0 or more; got {value!r}")
    return int(value)


def make_settings(
    *,
    max_distance: float,
    max_missing: int,
    motion: MotionName,
    scale: DistanceScale | None,
    drift: str,
    method: str,
    given: Given,
) -> Settings:
    """Check choices and limits, and fill in what the motion says."""
    for name, value, allowed in (
        ("motion", motion, tuple(DEFAULT_SCALE)),
        ("distance_scale", scale, (None, *REACH_POWER)),
        ("drift", drift, ("none", "global")),
        ("method", method, ("global", "frame")),
    ):
        if value not in allowed:
            raise ParameterError(f"{name} must be one of {', '.join(map(str, allowed))}; got {value!r}")
    return Settings(
        max_distance=checked_reach("max_distance", max_distance),
        n_gaps=checked_count("max_missing", max_missing) + 1,
        motion=motion,
        power=REACH_POWER[scale or DEFAULT_SCALE[motion]],
        drift=drift == "global",
        by_frame=method == "frame",
        given=given,
    )


def checked_given(
    step: float | None,
    miss: float | None,
    end: float | None,
    start: float | None,
    clutter: float | None,
) -> Given:
    """Check what the caller knows of the movie."""
    for name, value in (("miss_rate", miss), ("end_rate", end), ("start_rate", start)):
        if value is not None and not 0 < value < 1:
            raise ParameterError(f"{name} must lie between 0 and 1; got {value!r}")
    if step is not None:
        checked_reach("step", step)
    if clutter is not None and not (np.isfinite(clutter) and clutter >= 0):
        raise ParameterError(f"false_per_frame must be 0 or more; got {clutter!r}")
    return Given(miss, end, start, clutter, step)
