"""Warnings about tracks that should not be relied upon."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

MAX_WRONG_LINKS = 0.1
"""Expected fraction of wrong links above which a warning is issued."""


def tracking_doubts(summary: Mapping[str, Any], n_frames: int) -> list[str]:
    """Return warnings about tracks, each with the cure.

    Parameters
    ----------
    summary
        The summary of tracking: ``n_tracks, n_links, expected_wrong_links, trackability``.
    n_frames
        Number of frames that were observed.

    Returns
    -------
    list of str
        Empty where nothing is doubtful.

    Examples
    --------
    >>> tracking_doubts({"n_tracks": 9, "n_links": 20, "expected_wrong_links": 0.02}, 10)
    []
    >>> tracking_doubts({"n_tracks": 9, "n_links": 0, "expected_wrong_links": 0.0}, 10)[0][:41]
    'all 9 tracks have a length of one frame: '
    """
    n_tracks, n_links = int(summary.get("n_tracks", 0)), int(summary.get("n_links", 0))
    if n_tracks and not n_links:
        if n_frames < 2:
            return []
        return [
            f"all {n_tracks} tracks have a length of one frame: no object was found again; check the outlines of the "
            "detections, or give a longer search range (max_distance_nm) if objects move further between frames"
        ]
    verdict = (summary.get("trackability") or {}).get("verdict")
    wrong = float(summary.get("expected_wrong_links", math.nan))
    if verdict == "hopeless":
        return [
            "objects move too far between frames, compared to the distance between neighbours, for their tracks to be "
            "relied upon; scan faster, or with fewer objects, or detect only a part of them (min_size, min_height_nm)"
        ]
    if wrong > MAX_WRONG_LINKS:
        return [
            f"{100 * wrong:.0f} % of the links are expected to be wrong; scan faster or with fewer objects, detect "
            "only the clear ones (min_size, min_height_nm), or use links of high confidence alone (links.csv)"
        ]
    return []
