"""Measure and track particles in high-speed AFM movies, reproducibly.

Importing this package has no side effects and imports no heavy libraries: the public names below
are imported on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from playNano._version import __version__
from playNano.core.accessors import register_accessor

if TYPE_CHECKING:
    from playNano.afm_stack import AFMImageStack
    from playNano.analysis.analyze_movie import analyze
    from playNano.analysis.pipeline import AnalysisPipeline
    from playNano.core.progress_bars import progress_bars
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
    "progress_bars",
]

_PUBLIC = {
    "AFMImageStack": "playNano.afm_stack",
    "AnalysisPipeline": "playNano.analysis.pipeline",
    "ProcessingPipeline": "playNano.processing.pipeline",
    "analyze": "playNano.analysis.analyze_movie",
    "figure": "playNano.plots.figures",
    "load_afm_stack": "playNano.io.loader",
    "progress_bars": "playNano.core.progress_bars",
}

# Methods of movies and records that draw; the layers of these classes know nothing of figures.
register_accessor("plot of a movie", "playNano.plots.accessor:plot_stack")
register_accessor("plots of a record", "playNano.plots.accessor:RecordPlots")
register_accessor("movie in a notebook", "playNano.plots.notebook:stack_html")
register_accessor("record in a notebook", "playNano.plots.notebook:record_html")


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
