"""The tables of dwell times, and their headlines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from playNano.algorithms.measurement.dwell.passes import Passes
from playNano.algorithms.measurement.measured import table_of
from playNano.algorithms.measurement.results import Headline
from playNano.algorithms.measurement.tracked_movie import TrackedMovie

if TYPE_CHECKING:
    import pandas as pd

    from playNano.algorithms.measurement.dwell.fits import Fits
    from playNano.algorithms.measurement.dwell.survival import SurvivalCurve

NAN = (float("nan"),) * 3


def dwells_table(movie: TrackedMovie, passes: Passes) -> pd.DataFrame:
    """Return a row a track, or a row a part of one that was cut at a doubtful link.

    Parameters
    ----------
    movie
        The tracks.
    passes
        What each pass says.
    """
    import pandas as pd

    frame, time = movie.table["frame"].to_numpy(np.int64), movie.column("time_s")
    first, last = passes.first, passes.last
    survived = passes.survived
    exposure = np.bincount(passes.piece[survived], weights=passes.gap_s[survived], minlength=len(first))
    return pd.DataFrame(
        {
            "track_id": movie.track()[first],
            "start_frame": frame[first],
            "last_frame": frame[last],
            "start_time_s": time[first],
            "last_time_s": time[last],
            "next_time_s": time[last] + passes.wait_s[last, 0],
            "censored_start": ~passes.start_seen,
            "censored_end": passes.reason != "left",
            "end_reason": pd.Series(passes.reason, dtype=object),
            "exposure_s": exposure.astype(np.float64),
            "n_detections": last - first + 1,
        }
    )


def rates_table(movie: TrackedMovie, passes: Passes, fits: Fits) -> pd.DataFrame:
    """Return the rates: a row for one rate, and one for two rates where they were fitted.

    Parameters
    ----------
    movie
        The tracks.
    passes
        What each pass says.
    fits
        The fitted rates.

    Returns
    -------
    DataFrame
        ``model`` ("exponential" or "biexponential"), ``k_off_1_s, dwell_s, k_on_1_nm2_s`` with intervals, ``k_fast_1_s,
        k_slow_1_s, share_fast_seen, share_fast`` with intervals, ``fit_p`` (goodness of fit of one rate),
        ``likelihood_ratio_p`` (of one rate against two), ``bic`` (on tracks whose arrival was seen), ``miss_rate``,
        ``exposure_s, n_events, n_starts, area_nm2, n_detections, n_tracks, n_movies, status, ci_method, ci_unit,
        k_on_status, k_on_ci_method``; no row for a movie without tracks.
    """
    rows = [_one_rate(passes, fits), _two_rates(passes, fits)]
    columns = list(rows[0])
    if not len(passes.piece):
        rows = []
    elif fits.mixture is None or not np.isfinite(fits.mixture.k_slow[0]):
        rows = rows[:1]
    texts = {"model", "status", "ci_method", "ci_unit", "k_on_status", "k_on_ci_method"}
    whole = {"n_events", "n_starts", "n_detections", "n_tracks", "n_movies"}
    kinds = {name: object if name in texts else np.int64 if name in whole else np.float64 for name in columns}
    return table_of(rows, kinds)


def _one_rate(passes: Passes, fits: Fits) -> dict[str, Any]:
    """Return the row of one rate."""
    off, on = fits.departures, fits.arrivals
    with np.errstate(divide="ignore"):
        dwell = [float(np.divide(1.0, value)) for value in (off.rate, off.high, off.low)]
    bic_one = float("nan")
    if fits.mixture is not None:
        bic_one = -2 * fits.mixture.log_likelihood_one + np.log(max(fits.mixture.n_tracks, 1))
    return {
        "model": "exponential",
        **_triple("k_off", "1_s", (off.rate, off.low, off.high)),
        **_triple("dwell", "s", (dwell[0], dwell[1], dwell[2])),
        **_triple("k_on", "1_nm2_s", (on.rate, on.low, on.high)),
        **_mixture_columns(NAN, NAN, NAN, NAN),
        "fit_p": fits.p_one_rate,
        "likelihood_ratio_p": float("nan"),
        "bic": bic_one,
        "miss_rate": passes.miss_rate,
        "exposure_s": fits.exposure_s,
        "n_events": fits.n_events,
        "n_starts": on.n_starts,
        "area_nm2": on.area_nm2,
        "n_detections": int(passes.at_risk.sum()),
        "n_tracks": len(passes.first),
        "n_movies": 1,
        "status": off.status,
        "ci_method": off.ci_method,
        "ci_unit": "track",
        "k_on_status": on.status,
        "k_on_ci_method": on.ci_method,
    }


def _two_rates(passes: Passes, fits: Fits) -> dict[str, Any]:
    """Return the row of two rates."""
    row, mixture = _one_rate(passes, fits), fits.mixture
    if mixture is None:
        return row
    nan = {
        name: float("nan")
        for name in row
        if name.startswith(("k_off_", "dwell_", "k_on_1", "k_on_l", "k_on_h"))
    }
    return (
        row
        | nan
        | {
            "model": "biexponential",
            **_mixture_columns(mixture.k_fast, mixture.k_slow, mixture.share_seen, mixture.share),
            "fit_p": float("nan"),
            "likelihood_ratio_p": fits.p_mixture,
            "bic": -2 * mixture.log_likelihood + 3 * np.log(max(mixture.n_tracks, 1)),
            "n_events": mixture.n_ends,
            "n_tracks": mixture.n_tracks,
            "status": mixture.status,
            "ci_method": "wald_log",
        }
    )


def _mixture_columns(*values: tuple[float, float, float]) -> dict[str, float]:
    """Return the columns of two rates."""
    names = (("k_fast", "1_s"), ("k_slow", "1_s"), ("share_fast_seen", ""), ("share_fast", ""))
    out: dict[str, float] = {}
    for (name, unit), value in zip(names, values, strict=True):
        out |= _triple(name, unit, value)
    return out


def _triple(name: str, unit: str, values: tuple[float, float, float]) -> dict[str, float]:
    """Return a value and its interval by column."""
    end = f"_{unit}" if unit else ""
    return {f"{name}{end}": values[0], f"{name}_low{end}": values[1], f"{name}_high{end}": values[2]}


def survival_table(movie: TrackedMovie, curve: SurvivalCurve, which: str, n_tracks: int) -> pd.DataFrame:
    """Return the survival curve; passes are at multiples of the typical frame interval.

    Parameters
    ----------
    movie
        The tracks.
    curve
        The curve.
    which
        Which tracks it is of: "start_seen" or "all".
    n_tracks
        Their number.
    """
    import pandas as pd

    interval = 1.0 if movie.clock == "index" else movie.frames.interval_s
    table = pd.DataFrame(
        {
            "time_s": curve.passes * interval,
            "survival": curve.survival,
            "survival_low": curve.low,
            "survival_high": curve.high,
            "at_risk": curve.at_risk,
            "n_events": curve.ends,
            "n_censored": curve.censored,
            "tracks": which,
            "n_tracks": n_tracks,
        }
    )
    return table if n_tracks and movie.n_tracks else table.iloc[:0]


def counts_table(movie: TrackedMovie, passes: Passes) -> pd.DataFrame:
    """Return the numbers of tracks and detections of each frame; NaN where it is lost.

    Parameters
    ----------
    movie
        The tracks.
    passes
        What each pass says.
    """
    import pandas as pd

    frames, frame = movie.frames, movie.table["frame"].to_numpy(np.int64)
    n = frames.n_frames
    present = np.bincount(frame[passes.first], minlength=n + 1).astype(np.float64)
    present -= np.bincount(frame[passes.last] + 1, minlength=n + 1)
    inside = movie.window.distance_nm(*movie.position_nm(corrected=False).T) >= 0

    def seen(values: npt.ArrayLike) -> npt.NDArray[np.float64]:
        return np.where(frames.observed, np.asarray(values, np.float64), np.nan)

    return pd.DataFrame(
        {
            "frame": np.arange(n),
            "time_s": frames.start_s,
            "n_tracks_present": seen(np.cumsum(present)[:n]),
            "n_detections": seen(np.bincount(frame, minlength=n)),
            "n_window": seen(np.bincount(frame[inside], minlength=n)),
        }
    )


def headlines(movie: TrackedMovie, fits: Fits) -> list[Headline]:
    """Return the rates as they stand in a summary.

    Parameters
    ----------
    movie
        The tracks.
    fits
        The fitted rates.
    """
    off, on, n = fits.departures, fits.arrivals, fits.n_events
    per = "frame" if movie.clock == "index" else "s"
    if not movie.n_tracks:
        return [Headline("k_off", float("nan"), f"1_{per}", n=0, n_of="ends", status="no_events")]
    dwell = 1 / off.rate if off.rate > 0 else float("nan")
    low = 1 / off.high if off.high > 0 else float("nan")
    high = 1 / off.low if off.low > 0 else float("nan")
    remark = "a mean: the ends do not agree with one rate" if fits.p_one_rate < 0.05 else ""
    return [
        Headline("k_off", off.rate, f"1_{per}", off.low, off.high, n, "ends", off.status, remark),
        Headline("dwell", dwell, per, low, high, n, "ends", off.status),
        Headline("k_on", on.rate, f"1_nm2_{per}", on.low, on.high, on.n_starts, "arrivals", on.status),
    ]
