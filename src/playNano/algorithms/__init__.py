"""Pure functions: arrays and tables in, arrays and tables out.

The public functions of the packages can be imported from here; they are loaded when they are first used.

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
    "FeatureCost": "linking.features",
    "LinkingOptions": "linking.settings",
    "PeakOptions": "peaks.options",
    "QualityLimits": "quality.limits",
    "RegionOptions": "regions.options",
    "Separation": "regions.options",
    "TemplateOptions": "peaks.options",
    "bootstrap_stability": "clustering.scores",
    "bridge_events": "linking.bridges",
    "cluster_presence": "clustering.statistics",
    "cluster_statistics": "clustering.statistics",
    "dbscan": "clustering.methods",
    "dbscan_cylinder": "clustering.methods",
    "estimate_dynamics": "estimation.dynamics",
    "estimate_motion": "estimation.motion",
    "estimate_noise": "estimation.noise_and_particles",
    "estimate_particles": "estimation.noise_and_particles",
    "find_blobs": "blobs.blobs",
    "find_events": "linking.merge_split",
    "find_peaks": "peaks.peaks",
    "find_regions": "regions.regions",
    "find_templates": "peaks.templates",
    "frame_quality": "quality.quality",
    "hdbscan": "clustering.methods",
    "judge_frames": "quality.quality",
    "judge_trackability": "linking.trackability",
    "kmeans": "clustering.methods",
    "link_frames": "linking.frames",
    "link_movie": "linking.movie",
    "link_table": "linking.tables",
    "local_background": "surface.background",
    "locate_particles": "estimation.dynamics",
    "robust_noise": "surface.noise",
    "separate_touching": "regions.separate",
    "silhouette": "clustering.scores",
    "track_table": "linking.tables",
    "xmeans": "clustering.xmeans",
}


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(f"{__name__}.{_PUBLIC[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(_PUBLIC)
