"""Recall by class of height."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from playNano.validate.scores import Scored
from playNano.validate.statements import PER_INDEPENDENT, wilson_interval

if TYPE_CHECKING:
    import pandas as pd

# Largest gap between successive heights, in ln, within one class; minimum fraction of the particles in a class.
_GAP, _MIN_SHARE = 0.25, 0.05


def recall_by_class(truths: Sequence[pd.DataFrame], scored: Sequence[Scored]) -> list[dict[str, float]]:
    """Return the recall of particles of each class of height.

    Two classes are separated by a gap in the heights of the tracks; without a gap, they are the two halves.

    Parameters
    ----------
    truths
        Truth of each copy, with `track_id` and `z_nm`.
    scored
        Its scores.

    Returns
    -------
    list of dict
        ``low_nm, high_nm``: range of heights; ``n``: true positions per copy; ``recall``, ``low``, ``high``: with its
        95 % interval.
    """
    heights, hits = [], []
    for truth, score in zip(truths, scored, strict=True):
        track_height = truth.groupby("track_id")["z_nm"].transform("median").to_numpy(np.float64)
        use = score.inner & np.isfinite(track_height)
        heights.append(track_height[use])
        hits.append(score.hit[use])
    z, hit = np.concatenate(heights), np.concatenate(hits)
    if z.size < 20:
        return []
    edges = [-np.inf, _boundary(z), np.inf]
    out = []
    for low, high in pairwise(edges):
        inside = (z > low) & (z <= high)
        if not inside.any():
            continue
        n = inside.sum() / len(truths)
        recall = float(hit[inside].mean())
        total = max(n / PER_INDEPENDENT, 1.0)
        bounds = wilson_interval(recall * total, total)
        out.append(
            {
                "low_nm": float(z[inside].min()),
                "high_nm": float(z[inside].max()),
                "n": float(n),
                "recall": recall,
                "low": bounds[0],
                "high": bounds[1],
            }
        )
    return out


def _boundary(z: np.ndarray) -> float:
    """Return the height between two classes: in the widest gap, or the median."""
    ordered = np.sort(z)
    first, last = int(_MIN_SHARE * len(z)), int((1 - _MIN_SHARE) * len(z))
    inner = np.log(np.maximum(ordered[first:last], 1e-6))
    if len(inner) > 2:
        k = int(np.diff(inner).argmax())
        if np.diff(inner)[k] > _GAP:
            return float(np.exp((inner[k] + inner[k + 1]) / 2))
    return float(np.median(z))
