"""Comparison of a movie with its replanted copy: figures that must agree, or the scores are withheld."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from playNano.validate.reference import Reference
from playNano.validate.sightings import Sightings, neighbour_distances

FloatArray = npt.NDArray[np.float64]

LIMITS: dict[str, tuple[str, float, str]] = {
    "count": ("particles per frame", 0.12, "relative"),
    "height": ("mean height", 0.08, "relative"),
    "area": ("median area", 0.12, "relative"),
    "flatness": ("flatness of the particles", 0.06, "relative"),
    "aspect": ("elongation of the particles", 0.10, "relative"),
    "area_spread": ("area of the largest tenth, over the median", 0.30, "relative"),
    "neighbour": ("median distance to the neighbour", 0.15, "relative"),
    "touching": ("share of touching particles", 0.07, "absolute"),
    "step": ("mean displacement", 0.12, "relative"),
    "track_length": ("mean length of the tracks", 0.50, "relative"),
    "detections": ("detections of your pipeline", 0.12, "relative"),
    "measured_height": ("mean height in your pipeline", 0.08, "relative"),
}
"""Figure -> (description, largest difference between movie and copy, "relative" or "absolute")."""

COUNTS = ("count", "detections")
"""Figures that are numbers per frame."""

# Differences of numbers per frame that do not matter.
_FEW = 0.3
# Particles whose distance is less than this multiple of their mean diameter touch.
_TOUCHING = 1.2


@dataclass(frozen=True)
class Figure:
    """A figure of the movie and of its replanted copy.

    Parameters
    ----------
    name
        Key of `LIMITS`.
    movie, copy
        Its values; nan where undefined.
    """

    name: str
    movie: float
    copy: float

    @property
    def difference(self) -> float:
        """Copy minus movie, relative to the movie where the limit is relative; nan where undefined."""
        if LIMITS[self.name][2] == "absolute":
            return self.copy - self.movie
        return self.copy / self.movie - 1 if self.movie else float("nan")

    @property
    def agrees(self) -> bool:
        """Whether the difference is within its limit; also where it is undefined in both."""
        if not np.isfinite(self.movie) and not np.isfinite(self.copy):
            return True
        if self.name in COUNTS and abs(self.copy - self.movie) < _FEW:
            return True
        return bool(abs(self.difference) <= LIMITS[self.name][1])

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON types."""
        description, limit, kind = LIMITS[self.name]
        return {
            "name": self.name,
            "description": description,
            "movie": self.movie,
            "copy": self.copy,
            "difference": self.difference,
            "limit": limit,
            "kind": kind,
            "agrees": self.agrees,
        }


def figures_of(reference: Reference, sightings: Sightings) -> dict[str, float]:
    """Return the figures of a movie by its reference detections.

    Parameters
    ----------
    reference
        The detections.
    sightings
        Their tracks.

    Returns
    -------
    dict
        Key of `LIMITS` -> value; those of the user's pipeline are not among them.
    """
    whole = ~reference.at_border
    n_frames = len(reference.labels)
    nan = float("nan")
    if not whole.any():
        return {name: nan for name in LIMITS if name not in ("detections", "measured_height")}
    area = reference.area_px[whole]
    apart = neighbour_distances(sightings.frame, sightings.y, sightings.x)
    near = apart[np.isfinite(apart)]
    diameter = 2 * np.sqrt(np.median(area) / np.pi)
    steps = _steps(sightings)
    lengths = np.unique(sightings.track, return_counts=True)[1]
    return {
        "count": len(reference) / n_frames,
        "height": float(np.mean(reference.height_nm[whole])),
        "area": float(np.median(area)),
        "flatness": float(np.median(reference.top_share[whole])),
        "aspect": float(np.median(np.sqrt(reference.major_px2 / reference.minor_px2)[whole])),
        "area_spread": float(area[area >= np.quantile(area, 0.9)].mean() / np.median(area)),
        "neighbour": float(np.median(near)) if near.size else nan,
        "touching": float((apart < _TOUCHING * diameter).mean()),
        "step": float(np.mean(steps)) if steps.size else nan,
        "track_length": float(lengths.mean()) if lengths.size else nan,
    }


def _steps(s: Sightings) -> FloatArray:
    """Return the displacements from one frame to the next, px."""
    next_to = (np.diff(s.track) == 0) & (np.diff(s.frame) == 1)
    return np.asarray(np.hypot(np.diff(s.y), np.diff(s.x))[next_to])


def compared(movie: dict[str, float], copy: dict[str, float]) -> tuple[Figure, ...]:
    """Return the figures of both, in the order of `LIMITS`.

    Parameters
    ----------
    movie, copy
        Figures of the movie and of its replanted copy.
    """
    return tuple(Figure(name, movie[name], copy[name]) for name in LIMITS if name in movie and name in copy)
