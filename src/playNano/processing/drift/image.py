"""Drift from the images: a graph of shifts between pairs of frames."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from playNano.algorithms.registration.drift import APERTURE_RATIO, Drift, DriftOptions, estimate_drift
from playNano.algorithms.registration.frame_shift import prepare
from playNano.algorithms.registration.lattice import lattice_vectors
from playNano.core.lazy import computed
from playNano.processing.drift.frames import each_frame
from playNano.processing.drift.motion import Box, DriftSettings, Floats, Motion

BANDS = ((0.7, 3.0), (1.0, 12.0))
"""Bands, px, from which one is chosen."""

SAMPLE_FRAMES, SAMPLES = 12, 2
"""Successive frames in a sample, and number of samples, with which the band is chosen."""

BROADER = 0.8
"""The broad band must agree this much better than the narrow one, as a ratio of the disagreements."""

MIN_FIXED = 0.32
"""Index of recognition (`Drift.fixed`) below which nothing can be called fixed."""

LATTICE_FRAMES = 5


def motion_from_images(data: Any, usable: npt.NDArray[np.bool_], settings: DriftSettings) -> Motion:
    """Return the drift of a movie from its images.

    Parameters
    ----------
    data
        Pixels, (n_frames, height, width); a lazy movie is read once.
    usable
        Whether each frame takes part, (n_frames,).
    settings
        Region, band and largest shift.
    """
    shape = int(data.shape[1]), int(data.shape[2])
    region = None if settings.region is None else box_mask(shape, settings.region)
    band = settings.band_px or chosen_band(data, usable, settings, region)
    drift = estimate_drift(each_frame(data), usable, DriftOptions(band, settings.max_shift_px), region)
    numbers = np.flatnonzero(drift.placed)
    some = numbers[np.linspace(0, len(numbers) - 1, min(LATTICE_FRAMES, len(numbers))).astype(int)]
    signals = [prepare(computed(data[int(k)]), band, region) for k in some]
    vectors = lattice_vectors(signals, min(shape) / 3) if signals else []
    return _judged(drift, band, vectors, settings)


def box_mask(shape: tuple[int, int], box: Box) -> npt.NDArray[np.bool_]:
    """Return which pixels lie in a box, bool (height, width).

    Parameters
    ----------
    shape
        Rows and columns of a frame.
    box
        Upper left row and column, height and width, px.
    """
    y, x, height, width = (round(value) for value in box)
    mask = np.zeros(shape, np.bool_)
    mask[max(y, 0) : max(y + height, 0), max(x, 0) : max(x + width, 0)] = True
    return mask


def chosen_band(
    data: Any,
    usable: npt.NDArray[np.bool_],
    settings: DriftSettings,
    region: npt.NDArray[np.bool_] | None,
) -> tuple[float, float]:
    """Return the band in which the shifts of a sample of frames agree best.

    Parameters
    ----------
    data
        Pixels, (n_frames, height, width).
    usable
        Whether each frame takes part, (n_frames,).
    settings
        Largest shift.
    region
        Pixels that are used; None: all.
    """
    numbers = np.flatnonzero(usable)
    starts = {0} if len(numbers) <= SAMPLE_FRAMES else {0, (len(numbers) - SAMPLE_FRAMES) // 2}
    disagreement = np.zeros(len(BANDS))
    for start in sorted(starts):
        frames = [
            np.asarray(computed(data[int(k)]), np.float32) for k in numbers[start : start + SAMPLE_FRAMES]
        ]
        for k, band in enumerate(BANDS):
            options = DriftOptions(band, settings.max_shift_px)
            closure = estimate_drift(frames, np.ones(len(frames), np.bool_), options, region).closure_px
            disagreement[k] += closure if np.isfinite(closure) else np.inf
    return BANDS[1] if disagreement[1] < BROADER * disagreement[0] else BANDS[0]


def _judged(
    drift: Drift, band: tuple[float, float], vectors: list[Floats], settings: DriftSettings
) -> Motion:
    """Return the drift with a verdict."""
    verdict, warnings = "drift", []
    details: dict[str, Any] = {
        "band_px": list(band),
        "scores_by_gap": drift.scores_by_gap,
        "recognition": drift.fixed,
        "axis_ratio": drift.axis_ratio,
    }
    if vectors:
        verdict = "modulo lattice"
        details["lattice_vectors_px"] = [v.tolist() for v in vectors]
        warnings.append(
            f"the surface repeats itself by {_listed(vectors)} px (y, x): the drift is known only modulo "
            "lattice vectors; from frame to frame the smallest movement was taken"
        )
    if drift.axis_ratio > APERTURE_RATIO:
        verdict = "uncertain direction"
        angle = float(np.rad2deg(drift.axis_rad)) % 180
        details["uncertain_direction_deg_from_y"] = angle
        warnings.append(
            f"structures lie along one direction (aperture problem): the drift along ({np.cos(drift.axis_rad):.2f}, "
            f"{np.sin(drift.axis_rad):.2f}) (y, x) is uncertain, by {drift.axis_ratio:.1f} times more than across"
        )
    if not np.count_nonzero(drift.placed) > 1:
        verdict = "none"
        warnings.append("no two frames show the same structures: no drift was estimated")
    elif drift.fixed < MIN_FIXED:
        verdict = "not separable"
        warnings.append(
            f"nothing on the surface stays recognisable (index {drift.fixed:.2f}): drift and common motion of the "
            "objects cannot be told apart"
        )
    return Motion(
        "image",
        drift.position_px,
        drift.placed,
        drift.score,
        None,
        drift.closure_px,
        verdict,
        (),
        tuple(warnings),
        details,
    )


def _listed(vectors: list[Floats]) -> str:
    """Return vectors in words."""
    return " and ".join(f"({v[0]:.1f}, {v[1]:.1f})" for v in vectors)
