"""Estimate the drift of a movie by the method that is set, or by the one that agrees with itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from playNano.processing.drift.image import motion_from_images
from playNano.processing.drift.landmarks import motion_from_landmarks
from playNano.processing.drift.motion import DriftSettings, Motion
from playNano.processing.drift.tracks import motion_from_tracks

CONSISTENT_PX = 0.5
"""Median disagreement of shifts up to which a method agrees with itself, px."""

AGREE_PX = 1.0
"""Images and tracks agree if the root mean square of their difference is below this, px."""


def estimate_motion(data: Any, usable: npt.NDArray[np.bool_], settings: DriftSettings) -> Motion:
    """Return the drift of a movie.

    Parameters
    ----------
    data
        Pixels, (n_frames, height, width): a numpy or Dask array.
    usable
        Whether each frame takes part, (n_frames,).
    settings
        Method, region, landmarks, band and largest shift.
    """
    if settings.method == "landmarks":
        return motion_from_landmarks(data, usable, settings)
    if settings.method == "tracks":
        return motion_from_tracks(data, usable, settings)
    image = motion_from_images(data, usable, settings)
    if settings.method == "image":
        return image
    if image.verdict in ("drift", "modulo lattice") and image.closure_px < CONSISTENT_PX:
        text = f"auto: image, because the shifts of pairs of frames agree within {image.closure_px:.2f} px"
        return replace(image, messages=(text, *image.messages))
    return _compared(image, motion_from_tracks(data, usable, settings))


def _compared(image: Motion, tracks: Motion) -> Motion:
    """Return the better of a doubtful drift from images and that from tracks."""
    if tracks.verdict == "none":
        return replace(
            image, messages=("auto: image, because too few objects were detected", *image.messages)
        )
    both = image.placed & tracks.placed
    apart = image.position_px[both] - tracks.position_px[both]
    apart = apart - apart.mean(axis=0) if len(apart) else apart
    rms = float(np.sqrt((apart**2).sum(axis=1).mean())) if len(apart) else float("inf")
    details = {**image.details, "tracks_less_image_rms_px": rms}
    if rms < AGREE_PX:
        text = f"auto: image, because drift from images and from tracks differ by {rms:.2f} px only"
        return replace(image, messages=(text, *image.messages), details=details)
    text = f"drift from images and from tracks differ by {rms:.1f} px"
    if image.closure_px < CONSISTENT_PX:
        reason = f"auto: image, because its shifts agree within {image.closure_px:.2f} px; {text}"
        return replace(
            image,
            messages=(reason, *image.messages),
            warnings=(*image.warnings, f"{text}: see what is fixed, and set region or landmarks"),
            details=details,
        )
    reason = f"auto: tracks, because shifts of images disagree by {image.closure_px:.2f} px; {text}"
    verdict = image.verdict if image.verdict == "not separable" else tracks.verdict
    return replace(
        tracks,
        verdict=verdict,
        messages=(reason, *tracks.messages),
        warnings=(*image.warnings, *tracks.warnings),
        details={**details, **tracks.details},
    )
