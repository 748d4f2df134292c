"""Steps that repair the rows of frames: scars, odd and even rows shifted against each other, periodic stripes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from playNano._options import Unit
from playNano.algorithms.leveling.survey import sampled_frames
from playNano.algorithms.repair.row_shift import row_shift, shifted_rows
from playNano.algorithms.repair.scars import (
    Direction,
    Fill,
    ScarOptions,
    filled_from_frames,
    filled_from_rows,
    scar_mask,
)
from playNano.algorithms.repair.stripes import stripe_frequencies, stripes_of
from playNano.processing.steps import Pixels, step
from playNano.processing.surveys import Survey, report_only

Mask = npt.NDArray[np.bool_]
PerFrame = dict[str, npt.NDArray[Any]]
MANY_SCARS = 0.05
"""Share of repaired pixels of a frame from which a warning is given."""

Sigmas = Annotated[float, Field(gt=0, le=100)]
Length = Annotated[int, Field(ge=2, le=9999), Unit("px")]
Rows = Annotated[int, Field(ge=1, le=10), Unit("rows")]


def _scar_warnings(per_frame: Mapping[str, Any], numbers: list[int]) -> list[str]:
    """Return a text on frames with many scars."""
    share = np.asarray(per_frame["repaired_share"], dtype=float)
    many = np.flatnonzero(share > MANY_SCARS)
    if not many.size:
        return []
    worst = int(many[np.argmax(share[many])])
    return [
        f"scars cover more than {100 * MANY_SCARS:.0f} % of {many.size} of {len(share)} frames (up to "
        f"{100 * share[worst]:.0f} %, frame {numbers[worst]}): look at these frames; thin objects along the rows, or "
        "a torn frame, may have been taken for scars"
    ]


def _scar_neighbours(params: Mapping[str, Any]) -> int:
    return 1 if params["fill"] == "temporal" else 0


@step("filter", "1.0", neighbours=_scar_neighbours, survey=report_only(_scar_warnings))
def repair_scars(
    data: Pixels,
    survey: None = None,
    *,
    sigmas: Sigmas = 5.0,
    min_length: Length = 8,
    max_rows: Rows = 1,
    direction: Direction = "both",
    fill: Fill = "rows",
) -> tuple[Pixels, PerFrame]:
    """Replace scars: parts of one or a few rows that lie above or below both the rows above and below.

    Parameters
    ----------
    data
        Heights, (height, width) or (n, height, width); any unit.
    survey
        Not used.
    sigmas
        Smallest height difference from the rows above and below, on average over `min_length` pixels, in standard
        deviations of the noise of a pixel of the frame.
    min_length
        Smallest length of a scar along its row, px.
    max_rows
        Largest number of adjacent rows of a scar.
    direction
        "up" for scars above the surface, "down" for those below, "both".
    fill
        "rows": interpolate between the nearest rows above and below. "temporal": mean of the frame before and the
        frame after, which must be levelled; where they have scars too, or there is none, as "rows". "nan": no value,
        so that no later step uses these pixels.

    Returns
    -------
    numpy.ndarray
        The repaired frames, same shape. Other pixels are not changed; NaN stays NaN.

    Notes
    -----
    The record holds the share of repaired pixels of every frame (``per_frame.repaired_share``). Scars in the first and
    the last row, and those of a whole row (an offset, which levelling removes), are left.

    See Also
    --------
    mask_scars : The same pixels as a mask, to be ignored by the levelling steps after it.

    Examples
    --------
    >>> frame = np.random.default_rng(0).normal(0, 0.1, (20, 60))
    >>> frame[7, 10:40] += 2
    >>> bool(abs(repair_scars(frame)[7, 10:40].mean()) < 0.05)
    True
    """
    options = ScarOptions(sigmas, min_length, max_rows, direction)
    scars = np.array([scar_mask(frame, options) for frame in data], np.bool_).reshape(data.shape)
    out = data.copy()
    for index in np.flatnonzero(scars.any(axis=(1, 2))):
        if fill == "nan":
            out[index][scars[index]] = np.nan
        elif fill == "rows":
            out[index] = filled_from_rows(data[index], scars[index])
        else:
            out[index] = filled_from_frames(data, scars, int(index))
    return out, {"repaired_share": scars.mean(axis=(1, 2))}


@step("mask", "1.0")
def mask_scars(
    data: Pixels,
    *,
    sigmas: Sigmas = 5.0,
    min_length: Length = 8,
    max_rows: Rows = 1,
    direction: Direction = "both",
) -> Mask:
    """Mark scars: parts of one or a few rows that lie above or below both the rows above and below.

    Parameters
    ----------
    data
        Heights, (height, width) or (n, height, width); any unit.
    sigmas
        Smallest height difference from the rows above and below, on average over `min_length` pixels, in standard
        deviations of the noise of a pixel of the frame.
    min_length
        Smallest length of a scar along its row, px.
    max_rows
        Largest number of adjacent rows of a scar.
    direction
        "up" for scars above the surface, "down" for those below, "both".

    Returns
    -------
    numpy.ndarray
        bool, same shape; NaN is never marked.

    Examples
    --------
    >>> frame = np.random.default_rng(0).normal(0, 0.1, (20, 60))
    >>> frame[7, 10:40] += 2
    >>> int(mask_scars(frame).sum())
    30
    """
    options = ScarOptions(sigmas, min_length, max_rows, direction)
    return np.array([scar_mask(frame, options) for frame in data], np.bool_).reshape(data.shape)


def _typical_shift(sample: Pixels, *, max_shift: float = 8.0) -> float:
    """Return the median shift of odd rows of sampled frames; NaN if none determines it."""
    shifts = np.array([row_shift(frame, max_shift) for frame in sample])
    known = shifts[np.isfinite(shifts)]
    return float(np.median(known)) if known.size else float("nan")


def _shift_summary(shift: float) -> dict[str, Any]:
    return {"median_shift_px": shift if np.isfinite(shift) else None}


def _shift_warnings(per_frame: Mapping[str, Any], numbers: list[int]) -> list[str]:
    """Return a text on frames whose shift was not determined."""
    measured = np.asarray(per_frame["is_measured"], dtype=bool)
    if measured.all():
        return []
    texts = [f"the shift between odd and even rows could not be determined in {np.count_nonzero(~measured)} of "
             f"{len(measured)} frames (too little structure)"]  # fmt: skip
    none = not np.asarray(per_frame["row_shift_px"], dtype=float)[~measured].any()
    return [
        f"{texts[0]}; {'these rows are not moved' if none else 'the median of the other frames was used'}"
    ]


@step("filter", "1.0", survey=Survey(sampled_frames, _typical_shift, _shift_summary, _shift_warnings))
def align_rows(
    data: Pixels,
    survey: float | None = None,
    *,
    max_shift: Annotated[float, Field(ge=1, le=100), Unit("px")] = 8.0,
) -> tuple[Pixels, PerFrame]:
    """Move odd and even rows towards each other, where they are shifted along x, as in bidirectional scans.

    Parameters
    ----------
    data
        Heights, (height, width) or (n, height, width); any unit.
    survey
        Median shift of sampled frames, for frames that do not determine theirs.
    max_shift
        Largest shift that is searched, px.

    Returns
    -------
    numpy.ndarray
        The frames, each row moved by half of the shift by cubic interpolation. NaN stays NaN; the ends of rows that are
        not known any more, half of the shift, are NaN too.

    Notes
    -----
    The record holds for every frame ``row_shift_px``, the shift of rows 1, 3, ... towards higher columns, and whether
    it ``is_measured``. Interpolation smooths the noise along x.

    Examples
    --------
    >>> y, x = np.mgrid[:40, :60]
    >>> frame = 5 * np.exp(-((x - 30 - 2 * (y % 2)) ** 2 + (y - 20) ** 2) / 40)
    >>> frame += np.random.default_rng(0).normal(0, 0.05, frame.shape)
    >>> int(np.nanargmax(align_rows(frame)[20:22].sum(axis=0)))
    31
    """
    typical = _typical_shift(data, max_shift=max_shift) if survey is None else survey
    measured = np.array([row_shift(frame, max_shift) for frame in data])
    known = np.isfinite(measured)
    shifts = np.where(known, measured, typical if np.isfinite(typical) else 0.0)
    out = data.copy()
    for index in np.flatnonzero(shifts):
        out[index] = shifted_rows(data[index], float(shifts[index]))
    return out, {"row_shift_px": shifts, "is_measured": known}


def _frequencies(
    sample: Pixels, *, strength: float = 10.0, max_frequencies: int = 3, period_px: float | None = None
) -> list[float]:
    """Return the frequencies of stripes of sampled frames, or that of a given period."""
    if period_px is not None:
        return [1 / period_px]
    return stripe_frequencies(sample, strength, max_frequencies)


def _stripe_summary(frequencies: list[float]) -> dict[str, Any]:
    return {"periods_px": [1 / frequency for frequency in frequencies]}


def _stripe_warnings(per_frame: Mapping[str, Any], numbers: list[int]) -> list[str]:
    """Return a text where no stripes were removed."""
    if len(numbers) and not np.asarray(per_frame["stripes_rms"]).any():
        return ["the spectrum of the rows has no sharp peak, so that no stripes were removed; give period_px"]
    return []


@step("filter", "1.0", survey=Survey(sampled_frames, _frequencies, _stripe_summary, _stripe_warnings))
def destripe(
    data: Pixels,
    survey: list[float] | None = None,
    *,
    strength: Annotated[float, Field(gt=1, le=1e6)] = 10.0,
    max_frequencies: Annotated[int, Field(ge=1, le=20)] = 3,
    period_px: Annotated[float | None, Field(ge=2, le=1e4), Unit("px")] = None,
) -> tuple[Pixels, PerFrame]:
    """Remove periodic stripes: sines along x, at sharp peaks of the spectrum of the rows (a notch filter).

    The sines are fitted to each row without its objects, so that these leave no echoes, as they do in a filter of the
    Fourier transform. A sample that is periodic along x itself, such as a lattice, has such peaks too: do not use it
    there without `period_px`.

    Parameters
    ----------
    data
        Heights, (height, width) or (n, height, width); any unit.
    survey
        Frequencies that all frames share, from at most 32 frames; by default from `data`.
    strength
        Smallest power of a peak, in units of the running median of the spectrum.
    max_frequencies
        Largest number of frequencies.
    period_px
        Period of the stripes along x, px; by default it is found from the spectrum.

    Returns
    -------
    numpy.ndarray
        The frames without stripes. NaN stays NaN. Rows of which less than a quarter is background are not changed.

    Notes
    -----
    The record holds the periods (``survey.periods_px``) and for every frame the root mean square of what was
    subtracted (``per_frame.stripes_rms``).

    Examples
    --------
    >>> x = np.arange(128.0)
    >>> frame = np.random.default_rng(0).normal(0, 0.1, (64, 128)) + np.sin(2 * np.pi * x / 9.3)
    >>> round(float(destripe(frame).std()), 1)
    0.1
    """
    given = {"strength": strength, "max_frequencies": max_frequencies, "period_px": period_px}
    frequencies = _frequencies(data, **given) if survey is None else survey  # type: ignore[arg-type]
    out, rms = data.copy(), np.zeros(len(data))
    for index, frame in enumerate(data):
        if frequencies:
            stripes, rms[index] = stripes_of(frame, frequencies)
            out[index] = frame - stripes
    return out, {"stripes_rms": rms}
