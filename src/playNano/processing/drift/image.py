"""Drift from the images: a graph of shifts between pairs of frames."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from playNano.algorithms.registration.drift import APERTURE_RATIO, Drift, DriftOptions, estimate_drift
from playNano.algorithms.registration.frame_shift import prepare
from playNano.algorithms.registration.lattice import lattice_vectors
from playNano.core.lazy import computed
from playNano.processing.drift.frames import each_frame
from playNano.processing.drift.motion import Box, DriftSettings, Floats, Motion

BANDS = ((0.7, 3.0), (1.0, 12.0), (2.0, 12.0))
"""Bands, px, from which one is chosen."""

SAMPLE_FRAMES, SAMPLES = 9, 2
"""Successive frames in a sample, and number of samples, with which the band is chosen."""

MIN_BAND_SCORE = 0.5
"""The narrowest band in which successive frames correlate this much is used, else that in which they correlate best."""

MIN_FIXED = 0.32
"""Index of recognition (`Drift.fixed`) below which nothing can be called fixed."""

MAX_CLOSURE_PX = 0.15
"""Disagreement of the shifts above which they are those of objects that move by themselves, px."""

LATTICE_FRAMES = 5

AROUND = 4
"""Steps on either side from whose median the usual speed of the drift is taken."""


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
    return _judged(_continuous(drift, vectors), band, vectors, usable)


def _continuous(drift: Drift, vectors: list[Floats]) -> Drift:
    """Return a drift without steps by lattice vectors: each step is the one nearest to those around it."""
    numbers = np.flatnonzero(drift.placed)
    if not vectors or len(numbers) < 3:
        return drift
    place = drift.position_px[numbers]
    steps, gaps = np.diff(place, axis=0), np.diff(numbers)[:, None]
    speed = steps / gaps
    usual = np.stack(
        [ndimage.median_filter(speed[:, axis], 2 * AROUND + 1, mode="nearest") for axis in (0, 1)], 1
    )
    basis = [*vectors, np.zeros(2)][:2]
    options = np.array([m * basis[0] + n * basis[1] for m in (0, 1, -1, 2, -2) for n in (0, 1, -1, 2, -2)])
    away = steps[:, None, :] - options[None] - (usual * gaps)[:, None, :]
    wrong = options[np.argmin(np.hypot(away[:, :, 0], away[:, :, 1]), axis=1)]
    if not wrong.any():
        return drift
    place = place - np.concatenate([np.zeros((1, 2)), np.cumsum(wrong, axis=0)])
    n = len(drift.placed)
    whole = np.stack([np.interp(np.arange(n), numbers, place[:, axis]) for axis in (0, 1)], axis=1)
    return replace(drift, position_px=whole - whole[numbers[0]])


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
    """Return the narrowest band in which a sample of frames correlates well.

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
    last = max(len(numbers) - SAMPLE_FRAMES, 0)
    starts = {int(start) for start in np.linspace(0, last, 2 * SAMPLES + 1)[1::2]}
    samples = [
        [np.asarray(computed(data[int(k)]), np.float32) for k in numbers[start : start + SAMPLE_FRAMES]]
        for start in sorted(starts)
    ]
    scores = []
    for band in BANDS:
        options = DriftOptions(band, settings.max_shift_px)
        drifts = [
            estimate_drift(frames, np.ones(len(frames), np.bool_), options, region) for frames in samples
        ]
        scores.append(float(np.mean([drift.scores_by_gap.get(1, 0.0) for drift in drifts])))
        if scores[-1] >= MIN_BAND_SCORE:
            return band
    return BANDS[int(np.argmax(scores))]


def _judged(
    drift: Drift, band: tuple[float, float], vectors: list[Floats], usable: npt.NDArray[np.bool_]
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
            "lattice vectors; of the steps from frame to frame that which continues the others was taken"
        )
    if drift.axis_ratio > APERTURE_RATIO:
        verdict = "uncertain direction"
        angle = float(np.rad2deg(drift.axis_rad)) % 180
        details["uncertain_direction_deg_from_y"] = angle
        warnings.append(
            f"structures lie along one direction (aperture problem): the drift along ({np.cos(drift.axis_rad):.2f}, "
            f"{np.sin(drift.axis_rad):.2f}) (y, x) is uncertain, by {drift.axis_ratio:.1f} times more than across"
        )
    lost = int(np.count_nonzero(usable & ~drift.placed))
    if lost and drift.placed.any():
        warnings.append(
            f"{lost} of {int(usable.sum())} usable frames do not show what the others show: their drift is interpolated"
        )
    if not np.count_nonzero(drift.placed) > 1:
        verdict = "none"
        warnings.append("no two frames show the same structures: no drift was estimated")
    elif drift.fixed < MIN_FIXED or drift.closure_px > MAX_CLOSURE_PX:
        verdict = "not separable"
        warnings.append(
            f"little or nothing on the surface is fixed (recognition {drift.fixed:.2f}, shifts of pairs of frames "
            f"disagree by {drift.closure_px:.2f} px): drift and common motion of the objects cannot be told apart"
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
