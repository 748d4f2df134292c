"""Pure functions: arrays and tables in, arrays and tables out.

The public functions of the packages below are found here, and loaded when they are first used.

Examples
--------
>>> import numpy as np
>>> from playNano.algorithms import kmeans
>>> kmeans(np.array([[0.0], [0.1], [9.0]]), 2).labels.tolist()
[0, 0, 1]
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_PUBLIC = {
    "BlobOptions": "blobs.options",
    "PeakOptions": "peaks.options",
    "FeatureCost": "linking.features",
    "LinkingOptions": "linking.settings",
    "RegionOptions": "regions.options",
    "TemplateOptions": "peaks.options",
    "bootstrap_stability": "clustering.scores",
    "cluster_statistics": "clustering.statistics",
    "find_blobs": "blobs.blobs",
    "find_peaks": "peaks.peaks",
    "find_regions": "regions.regions",
    "find_templates": "peaks.templates",
    "link_frames": "linking.frames",
    "link_movie": "linking.movie",
    "separate_touching": "regions.separate",
}


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(f"{__name__}.{_PUBLIC[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(_PUBLIC)
