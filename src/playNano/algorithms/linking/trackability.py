"""Whether particles can be told apart from frame to frame at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from playNano.errors import ParameterError

if TYPE_CHECKING:
    import pandas as pd

Verdict = Literal["safe", "doubtful", "hopeless"]

# Wrong links of an optimal linker on Brownian particles: 0.7 % at a ratio of 0.12, 5 % at 0.31, 16 % at 0.6.
WRONG_PER_SQUARED_RATIO = 0.45
SAFE_RATIO = 0.15
HOPELESS_RATIO = 0.5
MOST_FRAMES = 100
ENOUGH_POINTS = 10_000


@dataclass(frozen=True)
class Trackability:
    """How the step of particles compares with the distance between them.

    ratio is the rms step over the mean distance to the nearest neighbour, `wrong_links` the part of links
    that an optimal assignment gets wrong at that ratio. The factors tell how much faster the movie, or how
    much sparser the particles, would have to be for a ratio of 0.15 (1 where that holds already).
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
    table: pd.DataFrame, columns: Sequence[str] = ("y", "x"), *, most_frames: int = MOST_FRAMES
) -> float:
    """Return the mean distance of a detection to its nearest neighbour in the same frame.

    Parameters
    ----------
    table
        Detections: `frame` and the coordinates.
    columns
        Coordinate columns.
    most_frames
        Most frames to look at, evenly chosen among those with two detections or more; fewer where some ten
        thousand detections are in fewer.

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
    from playNano.algorithms.linking._kernels.tracks import sum_nearest

    frame = table["frame"].to_numpy(np.int64)
    where = table[list(columns)].to_numpy(np.float64)
    count = np.bincount(frame) if frame.size else np.zeros(1, np.int64)
    usable = np.flatnonzero(count >= 2)
    if not usable.size:
        return float("inf")
    enough = max(10, int(np.ceil(ENOUGH_POINTS / count[usable].mean())))
    n_chosen = min(most_frames, enough, usable.size)
    chosen = usable[np.unique(np.linspace(0, usable.size - 1, n_chosen).astype(int))]
    order = np.argsort(frame, kind="stable")
    edges = np.concatenate([[0], np.cumsum(count)])
    total = n = 0.0
    for f in chosen:
        here = where[order[edges[f] : edges[f + 1]]]
        total += sum_nearest(here[np.argsort(here[:, 0])])
        n += here.shape[0]
    return total / n


def judge_trackability(
    step: float, neighbour: float, *, motion: Literal["brownian", "directed", "static"] = "brownian"
) -> Trackability:
    """Judge from step and spacing whether links can be trusted, and say what would help.

    Parameters
    ----------
    step
        Root mean squared displacement over one frame interval, without what is common to all particles, and
        for directed motion without what the track's velocity foretells; 0 or more.
    neighbour
        Mean distance to the nearest neighbour, in the same unit; inf where there is none.
    motion
        How the step grows with time: "directed" linearly, else as its square root.

    Returns
    -------
    Trackability
        The ratio, a word for it, the reason, and what frame rate or density would do.

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
            f"{100 * wrong:.0f} % of links are wrong at best; a frame rate {rate:.1f} times as high, or "
            f"1/{sparser:.1f} of the particles, would be safe"
        )
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
    """Return the part of links that are expected to be wrong, from their confidence; nan without links.

    Examples
    --------
    >>> wrong_link_share([1.0, 0.5])
    0.25
    """
    sure = np.asarray(confidence, dtype=np.float64)
    sure = sure[np.isfinite(sure)]
    return float(1.0 - sure.mean()) if sure.size else float("nan")
