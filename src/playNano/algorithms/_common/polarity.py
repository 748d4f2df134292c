"""Detection of pits by detectors of bright objects: on inverted frames."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd

Polarity = Literal["auto", "up", "down", "both"]
"""Objects above the background, below it, or on both sides; "auto" leaves it to the movie."""


def find_both_ways(
    find: Callable[[npt.NDArray[np.floating[Any]]], pd.DataFrame],
    block: npt.NDArray[np.floating[Any]],
    polarity: Polarity,
    opposite: dict[str, str],
    strength: str,
) -> pd.DataFrame:
    """Detect objects above the background, pits below it, or both, by a detector of bright objects.

    Parameters
    ----------
    find
        Detector: block -> table with ``frame`` and ``label``.
    block
        Heights, (n, h, w).
    polarity
        "up" and "auto" detect on the frames, "down" on inverted frames, "both" on both.
    opposite
        Column -> column of the inverted frames of which it is the negative.
    strength
        Column by whose size objects and pits of a frame are numbered together with "both".

    Returns
    -------
    pandas.DataFrame
        The table, heights of pits negative; with "both" it has the column ``polarity``, 1 for objects, -1 for pits.
    """
    import pandas as pd

    if polarity in ("auto", "up"):
        return find(block)
    pits = find(-block)
    pits = pits.assign(**{name: -pits[source] for name, source in opposite.items() if name in pits})
    if polarity == "down":
        return pits
    both = pd.concat([find(block).assign(polarity=1), pits.assign(polarity=-1)], ignore_index=True)
    order = np.lexsort((-both[strength].abs().to_numpy(), both["frame"].to_numpy()))
    both = both.iloc[order].reset_index(drop=True)
    both["label"] = both.groupby("frame").cumcount() + 1
    return both


def touches_border(
    y: npt.NDArray[np.float64],
    x: npt.NDArray[np.float64],
    extent: tuple[Any, Any],
    shape: tuple[int, ...],
) -> npt.NDArray[np.bool_]:
    """Return whether detections extend to the border of a frame.

    Parameters
    ----------
    y, x
        (n,) positions, px.
    extent
        Half extents along y and x, px: numbers or (n,).
    shape
        (h, w) of the frame.

    Examples
    --------
    >>> touches_border(np.array([1.0, 5.0]), np.array([5.0, 5.0]), (2, 2), (12, 12))
    array([ True, False])
    """
    # The border pixels of the frame are 0 and length - 1.
    near_y = (y - extent[0] < 0.5) | (y + extent[0] > shape[0] - 1.5)
    near_x = (x - extent[1] < 0.5) | (x + extent[1] > shape[1] - 1.5)
    touches: npt.NDArray[np.bool_] = near_y | near_x
    return touches
