"""Simulation of high-speed AFM movies with known ground truth.

`simulate_movie` makes a simple movie of diffusing particles; `simulate_scene` images any scene described with
`scene`, `shapes`, `substrate`, `scanner`, `tip`, `noise` and `faults`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playNano.simulate.movie import SimulatedMovie, simulate_movie, simulate_scene
    from playNano.simulate.presets import PRESETS, simulate_preset

__all__ = ["PRESETS", "SimulatedMovie", "simulate_movie", "simulate_preset", "simulate_scene"]

_PUBLIC = {
    "PRESETS": "playNano.simulate.presets",
    "SimulatedMovie": "playNano.simulate.movie",
    "simulate_movie": "playNano.simulate.movie",
    "simulate_preset": "playNano.simulate.presets",
    "simulate_scene": "playNano.simulate.movie",
}


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
