"""Trackability: whether the density of particles and their step allow correct links."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from playNano.errors import ParameterError

if TYPE_CHECKING:
    import pandas as pd

Verdict = Literal["safe", "doubtful", "hopeless", "cut"]

# Wrong links of an optimal assignment of Brownian particles: 0.7 % at a ratio of 0.12, 5 % at 0.31, 16 % at 0.6.
WRONG_PER_SQUARED_RATIO = 0.45
SAFE_RATIO = 0.15
HOPELESS_RATIO = 0.5
MAX_FRAMES = 100
ENOUGH_POINTS = 10_000


@dataclass(frozen=True)
class Trackability:
    """Trackability: the ratio of the rms step of particles to the distance to their nearest neighbours.

    Parameters
    ----------
    step
        Root mean squared displacement per frame interval.
    neighbour_distance
        Mean distance to the nearest neighbour in the same frame, in the same unit.
    ratio
        step / neighbour_distance.
    wrong_links
        Fraction of links that an optimal assignment gets wrong at this ratio, 0 to 1.
    verdict
        "safe" (ratio up to 0.15), "doubtful" (up to 0.5) or "hopeless"; "cut" where the search range is shorter than a
        significant fraction of the displacements.
    reason
        The verdict in words.
    frame_rate_factor
        Factor of the frame rate that would lower the ratio to 0.15; 1 where it is already lower.
    density_factor
        Factor of the number of particles that would lower it to 0.15; 1 where it is already lower.
    """

    step: float
    neighbour_distance: float
    ratio: float
    wrong_links: float
    verdict: Verdict
    reason: str
    frame_rate_factor: float
    density_factor: float

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as a plain dict."""
        return asdict(self)


def neighbour_distance(
    table: pd.DataFrame, columns: Sequence[str] = ("y", "x"), *, max_frames: int = MAX_FRAMES
) -> float:
    """Return the mean nearest-neighbour distance of detections in the same frame.

    Parameters
    ----------
    table
        Detections: `frame` and the coordinates.
    columns
        Coordinate columns.
    max_frames
        Maximum number of frames to use, evenly spaced among those with two detections or more; fewer once these
        contain about ten thousand detections.

    Returns
    -------
    float
        Mean distance, in the unit of the coordinates; inf where no frame has two detections.

    Examples
    --------
    >>> import pandas as pd
    >>> neighbour_distance(pd.DataFrame({"frame": [0, 0, 0], "y": [0.0, 0.0, 0.0], "x": [0.0, 2.0, 6.0]}))
    2.6666666666666665
    """
    from scipy.spatial import KDTree

    frame = table["frame"].to_numpy(np.int64)
    position = table[list(columns)].to_numpy(np.float64)
    count = np.bincount(frame) if frame.size else np.zeros(1, np.int64)
    usable = np.flatnonzero(count >= 2)
    if not usable.size:
        return float("inf")
    enough = max(10, int(np.ceil(ENOUGH_POINTS / count[usable].mean())))
    n_chosen = min(max_frames, enough, usable.size)
    chosen = usable[np.unique(np.linspace(0, usable.size - 1, n_chosen).astype(int))]
    order = np.argsort(frame, kind="stable")
    edges = np.concatenate([[0], np.cumsum(count)])
    total = n = 0.0
    for f in chosen:
        here = position[order[edges[f] : edges[f + 1]]]
        total += float(KDTree(here).query(here, k=2)[0][:, 1].sum())
        n += here.shape[0]
    return total / n


def judge_trackability(
    step: float,
    neighbour: float,
    *,
    motion: Literal["brownian", "directed", "static"] = "brownian",
    clipped: float = 0.0,
) -> Trackability:
    """Assess the reliability of links by the ratio of step to nearest-neighbour distance.

    Parameters
    ----------
    step
        Root mean squared displacement over one frame interval, without the drift, and for directed motion without
        the part that the velocity of the track predicts; >= 0.
    neighbour
        Mean distance to the nearest neighbour, in the same unit, >= 0; inf where there is none.
    motion
        How the step grows with time: "directed" linearly, else as its square root.
    clipped
        Fraction of the displacements that are longer than the search range, if it is significant, 0 to 1: the verdict
        is then "cut".

    Returns
    -------
    Trackability
        The ratio, a verdict with its reason, and the frame rate or density that would be sufficient.

    Raises
    ------
    ParameterError
        If step or neighbour are outside their limits.

    References
    ----------
    Hall, Foster: Practical considerations for feature assignment in high-speed AFM of live cell membranes,
    Biophysics and Physicobiology 19, 2022, doi 10.2142/biophysico.bppb-v19.0016.

    Examples
    --------
    >>> judge_trackability(1.0, 20.0).verdict
    'safe'
    >>> judge_trackability(6.0, 20.0).frame_rate_factor
    4.0
    """
    if not (np.isfinite(step) and step >= 0):
        raise ParameterError(f"step must be 0 or more; got {step!r}")
    if not neighbour >= 0:
        raise ParameterError(f"neighbour must be 0 or more; got {neighbour!r}")
    ratio = 0.0 if step == 0 else step / neighbour if neighbour > 0 else float("inf")
    wrong = min(WRONG_PER_SQUARED_RATIO * ratio**2, 1.0)
    excess = max(ratio / SAFE_RATIO, 1.0)
    rate = excess if motion == "directed" else excess**2
    sparser = excess**2
    verdict: Verdict = (
        "safe" if ratio <= SAFE_RATIO else "doubtful" if ratio <= HOPELESS_RATIO else "hopeless"
    )
    if verdict == "safe":
        reason = f"a particle moves {ratio:.2f} of the way to its nearest neighbour between frames"
    else:
        reason = (
            f"a particle moves {ratio:.2f} of the way to its nearest neighbour between frames, so that about "
            f"{100 * wrong:.0f} % of links or more are wrong; a frame rate {rate:.1f} times as high, or "
            f"1/{sparser:.1f} of the particles, would be safe"
        )
    if clipped > 0:
        verdict = "cut"
        reason = f"the search range is shorter than {100 * clipped:.0f} % of the displacements; {reason}"
    return Trackability(
        float(step),
        float(neighbour),
        float(ratio),
        float(wrong),
        verdict,
        reason,
        round(rate, 6),
        round(1 / sparser, 6),
    )


def wrong_link_share(confidence: npt.ArrayLike) -> float:
    """Estimate the fraction of wrong links from their confidence.

    Parameters
    ----------
    confidence
        Probability of each link to be right, 0 to 1; nan: no link.

    Returns
    -------
    float
        1 - mean confidence; nan without links.

    Examples
    --------
    >>> wrong_link_share([1.0, 0.5])
    0.25
    """
    known = np.asarray(confidence, dtype=np.float64)
    known = known[np.isfinite(known)]
    return float(1.0 - known.mean()) if known.size else float("nan")
