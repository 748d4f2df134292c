"""Fluctuation maps of stacks, in bands of rows, so that the whole movie is never in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from playNano.afm_stack import AFMImageStack
from playNano.algorithms.measurement.fluctuation import (
    MIN_FRAMES,
    FluctuationMap,
    FluctuationOptions,
    FrameDisplacement,
    PixelStatistics,
    Relief,
    correlation_frames,
    fluctuation_map,
    pixel_statistics,
)
from playNano.algorithms.measurement.measured import table_of
from playNano.algorithms.measurement.results import Headline, Status
from playNano.analysis.observed import observed_frames
from playNano.analysis.previous import of_kind
from playNano.core.executor import map_frames

Floats = npt.NDArray[np.float64]

BAND_BYTES = 256 * 2**20
"""Memory for the heights of a band of rows in all frames, bytes."""

MAX_SERIES = 1000
"""Pixels whose correlation in time is computed."""

MAX_JITTER_PX = 1.0
"""Jitter above which the frames are not aligned, px."""


def fluctuation(stack: AFMImageStack, **options: Any) -> dict[str, Any]:
    """Measure the fluctuation of height of each pixel of an aligned stack.

    Parameters
    ----------
    stack
        The movie; of an array ``AFMImageStack(data, pixel_size_nm, "height", "movie.npy")``.
    **options
        See `playNano.algorithms.measurement.fluctuation.FluctuationOptions`.

    Returns
    -------
    dict
        As `playNano.analysis.modules.fluctuation.FluctuationModule` returns it.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(0, 0.1, (100, 16, 16))
    >>> result = fluctuation(AFMImageStack(noise, 2.0, "height", "movie.npy"))
    >>> result["fluctuation"][["floor_nm", "n_frames"]].round(2).values.tolist()
    [[0.1, 100.0]]
    """
    return fluctuation_of(stack, FluctuationOptions(**options))


def fluctuation_of(
    stack: AFMImageStack, options: FluctuationOptions, previous_results: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the fluctuation map of a stack, with warnings where it is doubtful.

    Parameters
    ----------
    stack
        The movie, in memory or lazy.
    options
        See `FluctuationOptions`.
    previous_results
        Outputs of earlier modules: unusable frames of quality control do not count.

    Returns
    -------
    dict
        As `playNano.analysis.modules.fluctuation.FluctuationModule` returns it.
    """
    observed = observed_frames(previous_results, stack.n_frames)
    scars = _has_scars(previous_results, observed)
    robust = scars if options.robust == "auto" else bool(options.robust)
    statistics = _statistics(stack, np.flatnonzero(observed), robust)
    size = stack.pixel_size_yx_nm
    relief = Relief.of(statistics, size)
    found = fluctuation_map(
        statistics, relief, _displacement(stack, np.flatnonzero(observed), statistics, relief)
    )
    n_frames = int(observed.sum())
    lag = _correlation(stack, np.flatnonzero(observed), statistics, found)
    jitter_px = found.jitter_nm / np.sqrt(size[0] * size[1])
    suffix = stack.value_suffix
    status: Status = "ok" if n_frames >= MIN_FRAMES else "too_short"
    if n_frames < 2 or not np.isfinite(relief.floor):
        status = "one_frame"
    largest = float(np.nanmax(found.rmsf)) if np.isfinite(found.rmsf).any() else float("nan")
    row = {
        f"floor_{suffix}": (relief.floor, "float64"),
        f"rmsf_limit_{suffix}": (found.limit, "float64"),
        f"rmsf_max_{suffix}": (largest, "float64"),
        "jitter_px": (jitter_px, "float64"),
        "jitter_nm": (found.jitter_nm, "float64"),
        "correlation_frames": (lag, "float64"),
        "robust": (robust, "bool"),
        "status": (status, "str"),
        "n_frames": (n_frames, "int64"),
        "n_movies": (1, "int64"),
    }
    table = table_of(
        [{name: v for name, (v, _) in row.items()}], {name: kind for name, (_, kind) in row.items()}
    )
    doubts = _doubts(jitter_px, lag, n_frames) if status == "ok" else []
    for text in doubts:
        stack.warn(text)
    how = "median absolute deviation" if robust else "standard deviation"
    said = [
        f"variance by the {how}" + (", as frames have scars" if robust and options.robust == "auto" else "")
    ]
    unit = stack.unit or suffix
    headlines = [
        Headline("largest rmsf", largest, unit, n=n_frames, n_of="frames", status=status),
        Headline("noise", relief.floor, unit, n=n_frames, n_of="frames", status=status),
        Headline("jitter", jitter_px, "px", n=n_frames, n_of="frames", status=status),
    ]
    return {
        f"rmsf_{suffix}": found.rmsf,
        f"mean_{suffix}": statistics.mean,
        f"sd_{suffix}": np.sqrt(statistics.variance),
        "fluctuation": table,
        "pixel_size_nm": list(size),
        "unit": stack.unit,
        "summary": {"headlines": [h.to_dict() for h in headlines], "messages": [*said, *doubts]},
    }


@dataclass(frozen=True)
class _Rows:
    """Function that takes some rows of blocks of frames."""

    top: int
    bottom: int

    def __call__(self, start: int, block: npt.NDArray[Any]) -> Floats:
        return np.array(block[:, self.top : self.bottom], dtype=np.float64)


@dataclass(frozen=True)
class _Pixels:
    """Function that takes some pixels of blocks of frames."""

    rows: npt.NDArray[np.int64]
    cols: npt.NDArray[np.int64]

    def __call__(self, start: int, block: npt.NDArray[Any]) -> Floats:
        return np.array(block[:, self.rows, self.cols], dtype=np.float64)


def _statistics(stack: AFMImageStack, frames: npt.NDArray[np.int64], robust: bool) -> PixelStatistics:
    """Return the statistics of each pixel, one band of rows after the other."""
    height, width = stack.image_shape
    rows = max(1, BAND_BYTES // max(1, 8 * stack.n_frames * width))
    parts = []
    for top in range(0, height, rows):
        band = _Rows(top, min(top + rows, height))
        taken = map_frames(band, stack.data, what="fluctuation") if stack.n_frames else []
        empty = np.empty((0, band.bottom - top, width))
        parts.append(pixel_statistics(np.concatenate([empty, *taken])[frames], robust))
    return PixelStatistics(
        np.concatenate([part.mean for part in parts]),
        np.concatenate([part.variance for part in parts]),
        np.concatenate([part.count for part in parts]),
    )


def _displacement(
    stack: AFMImageStack, frames: npt.NDArray[np.int64], statistics: PixelStatistics, relief: Relief
) -> Floats:
    """Return the displacement of the halves of each frame that counts, nm, (n_frames, 4, 2)."""
    if not relief.sloping.any():
        return np.zeros((len(frames), 4, 2))
    where = relief.sloping
    spread = np.sqrt(statistics.variance[where])
    function = FrameDisplacement(statistics.mean[where], spread, where, relief.projectors())
    return np.asarray(np.concatenate(map_frames(function, stack.data, what="fluctuation"))[frames])


def _correlation(
    stack: AFMImageStack, frames: npt.NDArray[np.int64], statistics: PixelStatistics, found: FluctuationMap
) -> float:
    """Return the correlation time of the pixels that fluctuate, frames."""
    moves = np.nan_to_num(found.rmsf) > max(2 * np.nan_to_num(found.limit), 0.0)
    place = np.flatnonzero(moves.ravel())
    if not len(place):
        return float("nan")
    order = np.argsort(-found.rmsf.ravel()[place], kind="stable")
    rows, cols = np.unravel_index(np.sort(place[order[:MAX_SERIES]]), moves.shape)
    taken = np.concatenate(map_frames(_Pixels(rows, cols), stack.data, what="fluctuation"))
    # Frames that do not count are missing, so that the others keep their times.
    series = np.full_like(taken, np.nan)
    series[frames] = taken[frames]
    spread = np.sqrt(statistics.variance[rows, cols])
    return correlation_frames(series, float((found.rmsf[rows, cols] ** 2).mean()), spread)


def _has_scars(previous_results: Mapping[str, Any] | None, observed: npt.NDArray[np.bool_]) -> bool:
    """Return whether quality control has found scars in frames that are used."""
    results = previous_results or {}
    names = of_kind(results, "quality") or [name for name in ("frame_quality",) if name in results]
    for name in names[-1:]:
        table = results[name].get("table")
        if table is not None and "scars" in table and len(table) == len(observed):
            return bool((table["scars"].to_numpy(np.bool_) & observed).any())
    return False


def _doubts(jitter_px: float, lag: float, n_frames: int) -> list[str]:
    """Return doubts about the map, in words."""
    said = []
    if jitter_px > MAX_JITTER_PX:
        said.append(
            f"fluctuation: the frames are displaced by {jitter_px:.2g} px (rms): align them first; what is "
            f"left of that "
            "in the map is not small"
        )
    if lag > n_frames / 20:
        said.append(
            f"fluctuation: fluctuations last {lag:.2g} frames of {n_frames}: their variance about the mean "
            f"of the movie is low by about {100 * min(1.0, 2 * lag / n_frames):.0f} % or more"
        )
    return said
