"""Thresholds that detection modules find from the movie itself, and the warnings that go with them."""

from __future__ import annotations

import math
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from playNano.afm_stack import AFMImageStack
from playNano.algorithms.blobs import BlobOptions
from playNano.algorithms.blobs.response import response_noise
from playNano.algorithms.peaks import PeakOptions
from playNano.algorithms.regions import RegionOptions
from playNano.algorithms.segmentation import Levels, SegmentationOptions, estimate_levels
from playNano.core.lazy import computed
from playNano.core.remember import remembered

MAX_FRAMES = 32
"""Number of frames from which thresholds are estimated; they are spread evenly over the movie."""
MIN_BACKGROUND_SHARE = 0.2
MAX_OFFSET_SIGMAS = 5.0


def sample_frames(stack: AFMImageStack, observed: npt.NDArray[np.bool_]) -> npt.NDArray[np.floating[Any]]:
    """Return some observed frames, evenly spaced over the movie, whatever the blocks in which it is processed.

    Parameters
    ----------
    stack
        The movie.
    observed
        (n_frames,) bool: the frames that may be used.

    Returns
    -------
    ndarray
        (k, h, w) float, k at most `MAX_FRAMES`.
    """
    frames = np.flatnonzero(observed)
    positions = np.linspace(0, len(frames) - 1, min(MAX_FRAMES, len(frames))).round().astype(int)
    parts = [computed(stack.data[int(i)]) for i in frames[positions]]
    sample: npt.NDArray[np.floating[Any]] = (
        np.stack(parts).astype(np.float64) if parts else np.empty((0, *stack.data.shape[1:]))
    )
    return sample


def movie_levels(
    stack: AFMImageStack, observed: npt.NDArray[np.bool_], options: SegmentationOptions | None = None
) -> Levels:
    """Return background, noise and thresholds of a movie.

    Parameters
    ----------
    stack
        The movie, levelled.
    observed
        (n_frames,) bool: the frames that may be used.
    options
        Polarity and expected number of false detections.

    Returns
    -------
    Levels
        One set for the whole movie.
    """

    def estimate() -> Levels:
        return estimate_levels(sample_frames(stack, observed), options)

    values = observed.tobytes(), options or SegmentationOptions()
    return remembered(estimate, "thresholds", stack.data, *values)


def levels_summary(levels: Levels, unit: str = "nm") -> dict[str, Any]:
    """Return what a summary says of automatic thresholds.

    Parameters
    ----------
    levels
        Thresholds of the movie.
    unit
        Unit of the pixels, as names contain it.

    Returns
    -------
    dict
        ``segmentation``: threshold, also in standard deviations of the noise, minimum area and polarity, as text.

    Examples
    --------
    >>> levels = estimate_levels(np.random.default_rng(0).normal(0, 0.2, (4, 64, 64)))
    >>> levels_summary(levels)["segmentation"]
    'threshold 0.25 nm = 4.3 sigma, minimum area 5 px, polarity up'
    """
    if not math.isfinite(levels.threshold_nm):
        return {"segmentation": "no usable frame, no threshold"}
    text = (
        f"threshold {levels.threshold_nm:.2g} {unit} = {levels.sigmas:.1f} sigma, minimum area "
        f"{levels.min_area_px} px, polarity {levels.polarity}"
    )
    return {"segmentation": text}


def levels_record(levels: Levels, unit: str = "nm") -> dict[str, Any]:
    """Return all values of automatic thresholds, for the record.

    Parameters
    ----------
    levels
        Thresholds of the movie.
    unit
        Unit of the pixels, as names contain it.

    Returns
    -------
    dict
        The attributes of `Levels`, with the unit in their names; values that are not finite are None.
    """

    def plain(value: Any) -> Any:
        if isinstance(value, tuple):
            return [plain(part) for part in value]
        return None if isinstance(value, float) and not math.isfinite(value) else value

    return {name.replace("_nm", f"_{unit}"): plain(value) for name, value in asdict(levels).items()}


def object_options(options: RegionOptions, levels: Levels) -> RegionOptions:
    """Return the options of regions for the objects of an automatic segmentation.

    Parameters
    ----------
    options
        Options as given.
    levels
        Thresholds of the movie.

    Returns
    -------
    RegionOptions
        With a minimum height, where none is given.
    """
    if options.min_height_nm is None and np.isfinite(levels.threshold_nm):
        # What is hardly higher than its surroundings is a shoulder of something else.
        return replace(options, min_height_nm=0.5 * levels.threshold_nm)
    return options


def warn_of_levels(stack: AFMImageStack, levels: Levels, n_detected: int) -> None:
    """Warn where the movie does not look levelled, or does not show what a threshold by noise can find.

    Parameters
    ----------
    stack
        The movie.
    levels
        Its thresholds.
    n_detected
        Number of detections in the movie.
    """
    unit = stack.value_suffix
    if not math.isfinite(levels.threshold_nm):
        if stack.n_frames:
            stack.warn(
                "no detections: no frame is usable (blank, missing or flagged by frame_quality): see `playnano info`"
            )
        return
    if abs(levels.background_nm) > MAX_OFFSET_SIGMAS * levels.noise_nm > 0:
        stack.warn(_not_levelled(levels.background_nm, unit))
    if n_detected == 0:
        stack.warn(
            f"no detections: {_highest(levels, unit)}, the threshold is {levels.threshold_nm:.2g} {unit}; level the "
            "movie if that was not done (step level), look at its frames, and give a lower threshold, a smaller "
            "min_size or the other polarity if there are objects"
        )
    if levels.is_periodic:
        stack.warn(
            "the frames are periodic and show hardly any background: this may be a lattice, of which a threshold by "
            "noise finds parts only; use log_blob_detection or template_detection"
        )
    elif levels.background_share < MIN_BACKGROUND_SHARE:
        stack.warn(
            f"only {100 * levels.background_share:.0f} % of the pixels are background: heights and thresholds are "
            "uncertain"
        )
    if levels.has_terraces:
        stack.warn(
            "large flat areas that touch the border carry objects: they were taken for terraces; heights of objects on "
            "them are measured from the terrace"
        )


def warn_of_table(
    stack: AFMImageStack, table: Any, observed: npt.NDArray[np.bool_], threshold_nm: float | None = None
) -> None:
    """Warn where thresholds given by hand found nothing, or a movie that is not levelled.

    Parameters
    ----------
    stack
        The movie.
    table
        The detections.
    observed
        (n_frames,) bool: the frames that were searched.
    threshold_nm
        Height above which pixels were searched, nm; None where the search does not depend on the zero of heights.
    """
    if len(table):
        backgrounds = [name for name in table.columns if name.startswith("background_")]
        heights = [name for name in table.columns if name.startswith(("height_", "z_max_"))]
        if backgrounds and heights and threshold_nm is not None:
            offset = float(np.nanmedian(table[backgrounds[0]].to_numpy()))
            if abs(offset) > 10 * float(np.nanmedian(np.abs(table[heights[0]].to_numpy()))):
                stack.warn(_not_levelled(offset, stack.value_suffix))
        return
    if not observed.any():
        if stack.n_frames:
            stack.warn("no detections: no frame is usable (flagged by frame_quality): see `playnano info`")
        return
    levels = movie_levels(stack, observed)
    if not math.isfinite(levels.threshold_nm):
        stack.warn("no detections: the frames have no contrast")
        return
    unit = stack.value_suffix
    text = f"no detections: {_highest(levels, unit)}"
    if abs(levels.background_nm) > MAX_OFFSET_SIGMAS * levels.noise_nm > 0:
        text += f"; {_not_levelled(levels.background_nm, unit)}"
    elif threshold_nm is not None:
        text += f", the threshold is {threshold_nm:.2g} {unit}"
        if threshold_nm < levels.highest_nm:
            text += "; what lies above it is smaller than min_size, at the border, or outside the limits"
        else:
            text += "; give a lower one, or none"
    stack.warn(text)


def _not_levelled(offset: float, unit: str) -> str:
    return f"heights lie around {offset:.3g} {unit}, not around 0: level the movie first (step level)"


def _highest(levels: Levels, unit: str) -> str:
    """Return how far the pixels extend on the side that was searched."""
    if levels.polarity == "down" or (levels.polarity == "both" and -levels.lowest_nm > levels.highest_nm):
        return f"the lowest pixel is {-levels.lowest_nm:.2g} {unit} below the background"
    return f"the highest pixel is {levels.highest_nm:.2g} {unit} above the background"


SIGMA_PER_RADIUS = (0.5, 1.1)
"""Smallest and largest sigma, as fractions of the radius at half height of small and large objects."""
MIN_RESPONSE = 0.2
"""Minimum response, as a fraction of the height of low objects: half of that of a Gaussian as high is 0.5."""


def automatic_blobs(
    stack: AFMImageStack, observed: npt.NDArray[np.bool_], options: BlobOptions
) -> tuple[BlobOptions, Levels]:
    """Return options of blob detection with the thresholds, scales and polarity of the movie.

    Parameters
    ----------
    stack
        The movie, levelled.
    observed
        (n_frames,) bool: the frames that may be used.
    options
        Options as given, without a threshold; scales that are given are kept.

    Returns
    -------
    tuple
        Options with a threshold: what the response to the movie's noise hardly ever exceeds; scales in nm from the
        areas of the movie's objects; and the levels.
    """
    frames = sample_frames(stack, observed)
    levels = estimate_levels(frames, SegmentationOptions(options.polarity))
    if not math.isfinite(levels.threshold_nm):
        return replace(options, threshold=math.inf, polarity=levels.polarity), levels  # type: ignore[arg-type]
    pixel = stack.pixel_size_yx_nm
    given = (options.min_sigma, options.max_sigma, options.min_sigma_nm)
    if all(value is None for value in given) and math.isfinite(levels.area_range_px[0]):
        low, high = (math.sqrt(area * pixel[0] * pixel[1] / math.pi) for area in levels.area_range_px)
        options = replace(
            options,
            min_sigma_nm=max(SIGMA_PER_RADIUS[0] * low, 0.7 * max(pixel)),
            max_sigma_nm=max(SIGMA_PER_RADIUS[1] * high, 1.4 * max(pixel)),
        )
    noise = response_noise(frames - levels.background_nm, options, pixel, 3 * levels.pixel_noise_nm)
    threshold = max(levels.sigmas * noise, MIN_RESPONSE * np.nan_to_num(levels.low_peak_nm))
    return replace(options, threshold=float(threshold), polarity=levels.polarity), levels  # type: ignore[arg-type]


def automatic_peaks(
    stack: AFMImageStack, observed: npt.NDArray[np.bool_], options: PeakOptions
) -> tuple[PeakOptions, Levels]:
    """Return options of peak detection with the threshold and polarity of the movie.

    Parameters
    ----------
    stack
        The movie, levelled.
    observed
        (n_frames,) bool: the frames that may be used.
    options
        Options as given, without a minimum height.

    Returns
    -------
    tuple
        Options with a minimum height, and the levels.
    """
    smoothing = 1.0 if options.smoothing_px is None else options.smoothing_px
    levels = movie_levels(stack, observed, SegmentationOptions(options.polarity, smoothing_px=smoothing))
    return peak_options(options, levels), levels


def peak_options(options: PeakOptions, levels: Levels) -> PeakOptions:
    """Return options of peak detection with the thresholds of a movie.

    Parameters
    ----------
    options
        Options as given, without a minimum height.
    levels
        Thresholds of the movie.

    Returns
    -------
    PeakOptions
        With a minimum height; background, prominence and smoothing as given, or for these thresholds.
    """
    ratio = 0.4 if options.min_prominence_ratio is None else options.min_prominence_ratio
    background = options.background or ("zero" if levels.background_nm == 0 else "frame")
    return replace(
        options,
        background=background,
        min_height_nm=levels.threshold_nm,
        min_prominence_ratio=ratio,
        smoothing_px=levels.smoothing_px,
        polarity=levels.polarity,  # type: ignore[arg-type]
    )


def blobs_summary(options: BlobOptions, unit: str = "nm") -> dict[str, Any]:
    """Return what a summary says of options of blob detection that were found from the movie.

    Parameters
    ----------
    options
        Options in effect.
    unit
        Unit of the pixels, as names contain it.

    Returns
    -------
    dict
        ``segmentation``: threshold, scales and polarity, as text.

    Examples
    --------
    >>> blobs_summary(BlobOptions(min_sigma=1, max_sigma=4, threshold=0.3, polarity="up"))["segmentation"]
    'response above 0.3 nm, sigma 1 to 4 px, polarity up'
    """
    low, high = options.sigma_limits
    scale = "nm" if options.in_nm else "px"
    text = f"response above {options.min_response:.2g} {unit}, sigma {low:.2g} to {high:.2g} {scale}"
    return {"segmentation": f"{text}, polarity {options.polarity}"}


def peaks_summary(options: PeakOptions, unit: str = "nm") -> dict[str, Any]:
    """Return what a summary says of options of peak detection that were found from the movie.

    Parameters
    ----------
    options
        Options in effect.
    unit
        Unit of the pixels, as names contain it.

    Returns
    -------
    dict
        ``segmentation``: minimum height, smoothing and polarity, as text.

    Examples
    --------
    >>> peaks_summary(PeakOptions(min_height_nm=0.5, smoothing_px=1, polarity="up"))["segmentation"]
    'peaks above 0.5 nm, smoothing 1 px, polarity up'
    """
    text = f"peaks above {options.min_height_nm or 0:.2g} {unit}, smoothing {options.smoothing_px or 0:g} px"
    return {"segmentation": f"{text}, polarity {options.polarity}"}
