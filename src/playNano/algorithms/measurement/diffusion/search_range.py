"""Whether the search range of the tracking cuts steps, seen from the steps themselves."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq

MAX_SHARE = 0.02
"""Fraction of the steps in the last fifth of the search range from which on D is low."""

NEEDED_SHARE = 0.005
"""That fraction for a search range that is long enough."""

MIN_STEPS = 50
"""Minimum number of steps for a fraction of 2 % to mean anything."""

MAX_FACTOR = 3.0
"""Largest factor by which a longer search range is proposed."""

LAST_FIFTH = 0.8


def share_in_last_fifth(step_nm: npt.ArrayLike, search_range_nm: float) -> float:
    """Return the fraction of the steps that lie in the last fifth of the search range; 0 for few steps.

    Parameters
    ----------
    step_nm
        Lengths of the steps from frame to frame, nm.
    search_range_nm
        Search range, nm.

    Examples
    --------
    >>> share_in_last_fifth(np.linspace(0.05, 10, 200), 10.0)
    0.2
    """
    length = np.asarray(step_nm, np.float64)
    if length.size < MIN_STEPS:
        return 0.0
    return float((length > LAST_FIFTH * search_range_nm).mean())


def needed_range_nm(share: float, search_range_nm: float) -> float:
    """Return a search range that would not cut the steps, from the fraction in the last fifth of the present one.

    The lengths of the steps of a diffusing particle have a Rayleigh distribution, which the search range cuts.

    Parameters
    ----------
    share
        Fraction of the steps in the last fifth of the search range, > 0.
    search_range_nm
        The present search range, nm.

    Examples
    --------
    >>> round(needed_range_nm(0.1, 10.0), 1)
    16.4
    """
    scaled = _scaled_square(share)
    return search_range_nm * float(min(np.sqrt(_scaled_square(NEEDED_SHARE) / scaled), MAX_FACTOR))


def range_message(step_nm: npt.ArrayLike, search_range_nm: float) -> str:
    """Return the message that the search range makes D low, with one that would do; "" if it does not.

    Parameters
    ----------
    step_nm
        Lengths of the steps from frame to frame, nm.
    search_range_nm
        Search range, nm.
    """
    share = share_in_last_fifth(step_nm, search_range_nm)
    if not share > MAX_SHARE:
        return ""
    needed = needed_range_nm(share, search_range_nm)
    return (
        f"D is low, by up to half: {100 * share:.2g} % of the steps lie in the last fifth of the search range of "
        f"{search_range_nm:.3g} nm; set max_distance_nm of the tracking to {needed:.2g}"
    )


def _scaled_square(share: float) -> float:
    """Return the square of the search range, over the mean square of uncut steps, that gives a fraction."""

    def excess(square: float) -> float:
        inner, outer = np.exp(-(LAST_FIFTH**2) * square), np.exp(-square)
        return float((inner - outer) / (1 - outer) - share)

    low, high = 1e-3, 60.0
    return low if excess(low) <= 0 else float(brentq(excess, low, high))
