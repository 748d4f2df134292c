"""Measurements on plain tables of tracks, for notebooks: tracks of playNano, trackpy, TrackMate or a CSV file."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_PUBLIC: dict[str, str] = {
    "Window": "playNano.algorithms.measurement.window",
    "arrangement": "playNano.algorithms.measurement.arrangement.public",
    "compare": "playNano.algorithms.measurement.comparison.compare",
    "compare_folders": "playNano.analysis.measurement.compare_folders",
    "diffusion": "playNano.algorithms.measurement.diffusion.measure",
    "dwell_times": "playNano.algorithms.measurement.dwell.plain",
    "fluctuation": "playNano.analysis.measurement.fluctuation",
    "kymograph": "playNano.analysis.measurement.kymograph",
    "populations": "playNano.algorithms.measurement.populations.measure",
    "rotation": "playNano.algorithms.measurement.rotation.public",
    "states": "playNano.algorithms.measurement.states.plain",
    "stepping": "playNano.algorithms.measurement.stepping.measure",
}

__all__ = [*_PUBLIC]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
