"""Scores of detections, links, tracks, identities and clusters against a known truth.

See Also
--------
playNano.simulate : Movies whose truth is known.

Examples
--------
>>> from playNano.metrics import score_clusters
>>> score_clusters([0, 0, 1, 1], [5, 5, 2, 2])
1.0
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playNano.metrics._points import Counts
    from playNano.metrics.clusters import score_clusters
    from playNano.metrics.detection import match_points, score_detections
    from playNano.metrics.identity import HotaScores, IdentityScores, score_hota, score_identity
    from playNano.metrics.links import score_edges, score_events, score_links
    from playNano.metrics.tracks import TrackScores, score_tracks

__all__ = [
    "Counts",
    "HotaScores",
    "IdentityScores",
    "TrackScores",
    "match_points",
    "score_clusters",
    "score_detections",
    "score_edges",
    "score_events",
    "score_hota",
    "score_identity",
    "score_links",
    "score_tracks",
]

_MODULES = {
    "_points": ("Counts",),
    "clusters": ("score_clusters",),
    "detection": ("match_points", "score_detections"),
    "identity": ("HotaScores", "IdentityScores", "score_hota", "score_identity"),
    "links": ("score_edges", "score_events", "score_links"),
    "tracks": ("TrackScores", "score_tracks"),
}


def __getattr__(name: str) -> Any:
    for module, names in _MODULES.items():
        if name in names:
            return getattr(import_module(f"playNano.metrics.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
