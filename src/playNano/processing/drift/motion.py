"""The drift of a movie as estimated by one of the methods, and how far it can be trusted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Method = Literal["auto", "image", "tracks", "landmarks"]
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class DriftSettings:
    """How the drift is estimated.

    Parameters
    ----------
    method
        "image", "tracks", "landmarks", or "auto".
    region
        Upper left row and column, height and width of the part of the frames that is used, px; None: all.
    landmarks
        Such boxes, each around an object that does not move by itself.
    band_px
        Scales of the structures that are registered, px; None: chosen from a sample of frames.
    max_shift_px
        Largest shift between two frames of a pair, px; None: a quarter of the frame.
    """

    method: Method = "auto"
    region: Box | None = None
    landmarks: tuple[Box, ...] = ()
    band_px: tuple[float, float] | None = None
    max_shift_px: float | None = None


@dataclass(frozen=True)
class Motion:
    """The movement of the surface.

    Parameters
    ----------
    method
        "image", "tracks" or "landmarks".
    position_px
        Movement (y, x) of the surface in the pixels as they are, px, (n_frames, 2); 0 in the first usable frame.
    placed
        Whether it was measured in each frame, (n_frames,); else it is interpolated.
    score
        How well each frame agrees with others, -1 to 1, (n_frames,); NaN where it was not measured.
    error_px
        Standard error along y and x, px, (n_frames, 2); None where it is not known.
    closure_px
        Median disagreement of the measured shifts, px.
    verdict
        What can be said of the drift: "drift", "not separable", "uncertain direction", "modulo lattice" or "none".
    messages
        The verdict and how it was reached, in words.
    warnings
        What a user must know.
    details
        Further figures for the record.
    """

    method: str
    position_px: Floats
    placed: npt.NDArray[np.bool_]
    score: Floats
    error_px: Floats | None = None
    closure_px: float = float("nan")
    verdict: str = "drift"
    messages: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
