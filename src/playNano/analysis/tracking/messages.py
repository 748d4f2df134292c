"""Texts for the user about the search range and the motion of tracking."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playNano.algorithms.linking.movie import LinkedMovie, MotionSummary, SearchSummary
    from playNano.analysis.tracking.units import CoordinateUnits

# Difference of correlations from which a velocity that all particles share is mentioned.
SHARED = 0.2


def describe_search(search: SearchSummary, units: CoordinateUnits, *, given: bool) -> str:
    """Return search range and gap closing in words.

    Parameters
    ----------
    search
        Search range and gap closing, with lengths in the unit of linking.
    units
        Units of the coordinates.
    given
        Whether the search range was given, not estimated.
    """
    source = "given" if given else "from the movie"
    text = f"search range {_length(search.max_distance, units)}, {source}"
    if search.share_within is not None:
        text += f": {_percent(search.share_within)} % of the displacements"
    if math.isfinite(search.neighbour_distance):
        text += f"; nearest neighbour {_length(search.neighbour_distance, units)}"
    return f"{text}; max_missing {search.max_missing}"


def describe_motion(motion: MotionSummary, *, given: bool) -> str:
    """Return the motion model, and why it was used, in words.

    Parameters
    ----------
    motion
        Motion model and evidence.
    given
        Whether the model was given, not decided by the movie.
    """
    if given:
        return f"motion {motion.model}, given"
    if motion.correlation is None or motion.shared_correlation is None:
        return (
            f"motion {motion.model}; not tested for directed motion (too few links, links from frame to frame, or a "
            "given step)"
        )
    text = (
        f"motion {motion.model}, from the movie: successive displacements of a particle have the correlation "
        f"{motion.correlation:.2f}"
    )
    if motion.shared_correlation - motion.correlation > SHARED:
        text += (
            f", {motion.shared_correlation:.2f} with the velocity that all particles share; if the field drifts, set "
            "drift=global"
        )
    return text


def clipping_warning(linked: LinkedMovie, units: CoordinateUnits) -> str:
    """Return a warning with the cure if a given search range cuts tracks, else an empty text.

    Parameters
    ----------
    linked
        The tracks, with lengths in the unit of linking.
    units
        Units of the coordinates.
    """
    search = linked.search
    if search is None or search.share_within is None or not search.clipped:
        return ""
    share = 100.0 * (1.0 - search.share_within)
    cure = f"max_distance={_rounded_up(search.estimated_range):g}"
    if units.px_factor is not None and units.unit == "nm":
        cure = f"max_distance_nm={_rounded_up(search.estimated_range * units.length_factor):g}"
    return (
        f"the search range of {_length(search.max_distance, units)} is shorter than {share:.0f} % of the "
        f"displacements, so that tracks are cut; use {cure}, or leave it out"
    )


def _length(value: float, units: CoordinateUnits) -> str:
    """Return a length in px and in nm, as far as they are known."""
    reported = value * units.length_factor
    if units.px_factor is None:
        return f"{reported:.3g} {units.unit}" if units.unit == "nm" else f"{reported:.3g}"
    return f"{value * units.px_factor:.3g} px ({reported:.3g} {units.unit})"


def _percent(share: float) -> str:
    """Return a fraction in percent, with the digits that distinguish it from 100."""
    percent = 100.0 * share
    return f"{percent:.0f}" if percent < 98.5 else f"{min(percent, 99.9):.1f}"


def _rounded_up(value: float) -> float:
    """Round a number up to two digits."""
    unit = 10.0 ** (math.floor(math.log10(value)) - 1)
    return float(f"{math.ceil(value / unit) * unit:.6g}")
