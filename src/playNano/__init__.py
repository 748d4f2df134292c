"""Measure and track particles in high-speed AFM movies, reproducibly.

Importing this package has no side effects and imports no heavy libraries: the public names below
are imported on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from playNano._version import __version__

if TYPE_CHECKING:
    from playNano.afm_stack import AFMImageStack
    from playNano.analysis.analyze_movie import analyze
    from playNano.analysis.pipeline import AnalysisPipeline
    from playNano.io.loader import load_afm_stack
    from playNano.plots.figures import figure
    from playNano.processing.pipeline import ProcessingPipeline

__all__ = [
    "AFMImageStack",
    "AnalysisPipeline",
    "ProcessingPipeline",
    "__version__",
    "analyze",
    "figure",
    "load_afm_stack",
]

_PUBLIC = {
    "AFMImageStack": "playNano.afm_stack",
    "AnalysisPipeline": "playNano.analysis.pipeline",
    "ProcessingPipeline": "playNano.processing.pipeline",
    "analyze": "playNano.analysis.analyze_movie",
    "figure": "playNano.plots.figures",
    "load_afm_stack": "playNano.io.loader",
}


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
