"""Score of a clustering against known groups."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from playNano.errors import ParameterError


def score_clusters(
    truth: npt.ArrayLike, predicted: npt.ArrayLike, *, noise: Literal["group", "leave out"] = "group"
) -> float:
    """Compare two groupings of the same points by the adjusted Rand index.

    The Rand index is the fraction of pairs of points on which both groupings agree (same group in both, or different
    groups in both). It is adjusted so that 1 is perfect agreement and 0 the expectation by chance; it may be negative.

    Parameters
    ----------
    truth
        True group of each point, int, (n,).
    predicted
        Cluster of each point, int, (n,); negative for none.
    noise
        Whether points without a cluster form a group of their own ("group", as in scikit-learn) or are left out.

    Returns
    -------
    float
        Adjusted Rand index, -0.5 to 1; 1 for fewer than two points.

    Raises
    ------
    ParameterError
        The columns differ in length, or `noise` is neither of the two.

    References
    ----------
    Hubert, L. & Arabie, P. Comparing partitions. J. Classif. 2, 193 (1985). doi:10.1007/BF01908075.

    Examples
    --------
    >>> score_clusters([0, 0, 1, 1], [5, 5, 2, 2])
    1.0
    >>> round(score_clusters([0, 0, 1, 1], [0, 0, 1, -1]), 3)
    0.571
    """
    a, b = np.asarray(truth), np.asarray(predicted)
    if a.ndim != 1 or a.shape != b.shape:
        raise ParameterError(
            f"truth and predicted must be columns of the same length, got {a.shape} and {b.shape}."
        )
    if noise not in ("group", "leave out"):
        raise ParameterError(f"noise must be 'group' or 'leave out', got {noise!r}.")
    if noise == "leave out":
        a, b = a[b >= 0], b[b >= 0]
    if len(a) < 2:
        return 1.0
    _, row = np.unique(a, return_inverse=True)
    _, col = np.unique(b, return_inverse=True)
    both = np.bincount(row * (int(col.max()) + 1) + col)
    together, in_a, in_b = (_pairs(n) for n in (both, np.bincount(row), np.bincount(col)))
    by_chance = in_a * in_b / _pairs(np.array([len(a)]))
    maximum = (in_a + in_b) / 2
    return 1.0 if maximum == by_chance else (together - by_chance) / (maximum - by_chance)


def _pairs(counts: npt.NDArray[np.int64]) -> float:
    """Return the number of pairs of points within groups of given sizes."""
    n = counts.astype(np.float64)
    return float((n * (n - 1) / 2).sum())
