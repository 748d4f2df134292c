"""The analysis that is run where none is given: levelling, quality control, detection, tracking, measurement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from playNano.afm_stack import AFMImageStack
from playNano.algorithms.segmentation import Levels, SegmentationOptions, segment
from playNano.analysis.detection.automatic import movie_levels, sample_frames
from playNano.analysis.lattices import find_lattice
from playNano.analysis.modules.frame_quality import judge_movie
from playNano.core.phases import phase
from playNano.core.step_text import StepCall

Objects = Literal["auto", "particles", "pits", "lattice", "filaments"]
"""What a movie shows; "auto" finds it out."""

MIN_EXPLAINED = 0.5
"""Fraction of the height beyond the noise that the detected objects must contain, or a warning is issued."""
MIN_BEYOND = 0.005
"""Fraction of the pixels that must lie beyond the noise for it to be measured."""
N_EXPLAINED = 6
"""Frames on which that fraction is measured."""
MEASUREMENTS = ("diffusion", "dwell_times", "populations")
"""Modules that measure the tracks."""


@dataclass(frozen=True)
class DefaultAnalysis:
    """Modules that suit a movie, and why.

    Attributes
    ----------
    calls
        Analysis modules with their parameters; what is left out is estimated from the movie by the module.
    reason
        Which detection was taken, and why, in words.
    doubts
        Texts of warnings: what the detection does not serve.
    """

    calls: list[StepCall]
    reason: str
    doubts: tuple[str, ...] = ()

    @property
    def detection(self) -> str:
        """Name of the detection module."""
        return next(call.name for call in self.calls if call.name.endswith("_detection"))


def default_processing(objects: Objects = "auto") -> list[StepCall]:
    """Return the processing of the default analysis: the step `level`.

    Parameters
    ----------
    objects
        "pits" and "particles" tell the step on which side of the background objects are.

    Examples
    --------
    >>> default_processing("pits")
    [StepCall(name='level', params={'objects': 'down'})]
    """
    side = {"pits": "down", "particles": "up", "filaments": "up"}.get(objects)
    return [StepCall("level", {} if side is None else {"objects": side})]


@phase("settings")
def default_analysis(stack: AFMImageStack, objects: Objects = "auto") -> DefaultAnalysis:
    """Return the analysis modules that suit a levelled movie.

    Parameters
    ----------
    stack
        The movie, levelled.
    objects
        "particles" and "pits": regions above and below the background; "lattice": blobs of the size of its units;
        "filaments": connected regions above a threshold, which are not divided; "auto": blobs where the movie is
        periodic and hardly any pixel lies outside the noise, else regions on the side with more height.

    Returns
    -------
    DefaultAnalysis
        ``frame_quality``, a detection, and, of more than one frame, ``particle_tracking`` and the `MEASUREMENTS`.

    Examples
    --------
    >>> movie = np.random.default_rng(0).normal(0, 0.1, (3, 64, 64))
    >>> movie[:, 20:30, 40:52] += 3
    >>> analysis = default_analysis(AFMImageStack(movie, 1.0, "height", "movie.npy"))
    >>> analysis.detection, analysis.reason
    ('feature_detection', 'regions: 95 % of the pixels are background, and objects above it stand out')
    """
    observed: npt.NDArray[np.bool_] = judge_movie(stack).table["usable"].to_numpy(dtype=np.bool_)
    frames = sample_frames(stack, observed)
    polarity = {"particles": "up", "filaments": "up", "pits": "down"}.get(objects, "auto")
    levels = movie_levels(stack, observed, SegmentationOptions(polarity))  # type: ignore[arg-type]
    detection, reason, doubts = _detection(stack, observed, levels, objects)
    if detection.name == "feature_detection" and not levels.has_terraces:
        # Terraces are left out on purpose, and the detection warns of them.
        doubts += _unexplained(frames, levels)
    tracking = ["particle_tracking", *MEASUREMENTS] if stack.n_frames > 1 else []
    return DefaultAnalysis([StepCall("frame_quality"), detection, *map(StepCall, tracking)], reason, doubts)


def _detection(
    stack: AFMImageStack, observed: npt.NDArray[np.bool_], levels: Levels, objects: Objects
) -> tuple[StepCall, str, tuple[str, ...]]:
    """Return a detection with its parameters, the reason for it, and doubts."""
    searched = objects == "lattice" or (objects == "auto" and levels.is_periodic)
    lattice = find_lattice(stack, observed, levels.threshold_nm) if searched else None
    if lattice is not None:
        why = "lattice, as given" if objects == "lattice" else f"{_percent(levels)} lie within the noise"
        reason = f"blobs: {why}; the frames repeat every {lattice.period_nm:.3g} nm"
        return StepCall("log_blob_detection", lattice.params), reason, ()
    if objects == "lattice":
        doubt = "no period was found in the frames: not detected as a lattice, but as regions; use template_detection"
        return StepCall("feature_detection"), "regions: no period was found", (doubt,)
    if objects == "filaments" and np.isfinite(levels.threshold_nm):
        params = {
            "mask_fn": "mask_threshold",
            # Masks are of frames that are not smoothed.
            "threshold": float(
                f"{levels.background_nm + max(levels.threshold_nm, 4 * levels.pixel_noise_nm):.4g}"
            ),
            "min_size": levels.min_area_px,
            "remove_edge": False,
        }
        reason = f"connected regions above {params['threshold']:.3g} nm, not divided: filaments, as given"
        return StepCall("feature_detection", params), reason, ()
    given = {"particles": {"polarity": "up"}, "pits": {"polarity": "down"}}.get(objects, {})
    if not np.isfinite(levels.threshold_nm):
        return StepCall("feature_detection", given), "regions: no frame is usable", ()
    side = "below" if levels.polarity == "down" else "above"
    as_given = ", as given" if given else ""
    reason = f"regions: {_percent(levels)} are background, and objects {side} it{as_given} stand out"
    return StepCall("feature_detection", given), reason, ()


def _percent(levels: Levels) -> str:
    return f"{100 * levels.background_share:.0f} % of the pixels"


def _unexplained(frames: npt.NDArray[Any], levels: Levels) -> tuple[str, ...]:
    """Return a doubt if the objects contain too little of what lies beyond the noise."""
    share = explained_share(frames, levels)
    if not share < MIN_EXPLAINED:
        return ()
    return (
        f"the detected objects contain only {100 * share:.0f} % of the height beyond the noise: terraces, crowded or "
        "overlapping objects may be beyond automatic detection; look at the outlines, and give a threshold, or use "
        "log_blob_detection",
    )


def explained_share(frames: npt.NDArray[Any], levels: Levels) -> float:
    """Return the fraction of the height beyond the threshold that segmented objects contain.

    Parameters
    ----------
    frames
        Some frames, (n, h, w).
    levels
        Thresholds of the movie.

    Returns
    -------
    float
        0 to 1; NaN where hardly anything exceeds the threshold.

    Examples
    --------
    >>> from playNano.algorithms.segmentation import estimate_levels
    >>> frame = np.random.default_rng(0).normal(0, 0.1, (1, 64, 64))
    >>> frame[0, 20:30, 40:52] += 3
    >>> explained_share(frame, estimate_levels(frame)) > 0.9
    True
    """
    if not len(frames) or not np.isfinite(levels.threshold_nm):
        return float("nan")
    some = frames[np.linspace(0, len(frames) - 1, min(N_EXPLAINED, len(frames))).round().astype(int)]
    heights = np.nan_to_num(some - levels.background_nm)
    sides = {"up": heights, "down": -heights}.get(levels.polarity, np.abs(heights))
    beyond = np.where(sides > max(levels.threshold_nm, 4 * levels.pixel_noise_nm), sides, 0.0)
    if np.count_nonzero(beyond) < MIN_BEYOND * beyond.size:
        return float("nan")
    return float(beyond[segment(some, levels).labels > 0].sum() / beyond.sum())
