"""Values of tracks: medians with errors that know how many detections are independent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MEDIAN_ERROR = 1.2533
"""Standard error of a median of many normal values over that of their mean, sqrt(pi / 2)."""

MAX_CORRELATION = 0.99


@dataclass(frozen=True)
class TrackValues:
    """Values of tracks of one quantity.

    Parameters
    ----------
    track_id
        Tracks that have a value, (T,), increasing.
    n
        Number of their values, (T,).
    median, mean
        Of their values, (T,).
    sd
        Standard deviation within each track, (T,); NaN for one value.
    n_eff
        Number of independent values of each track, (T,).
    within_sd
        Pooled standard deviation within tracks; NaN if no track has two values.
    correlation
        Correlation of values in successive frames, pooled over tracks, 0 to 0.99.
    """

    track_id: Ints
    n: Ints
    median: Floats
    mean: Floats
    sd: Floats
    n_eff: Floats
    within_sd: float
    correlation: float

    @property
    def error(self) -> Floats:
        """Standard error of the medians, (T,); NaN for tracks of one value."""
        factor = np.where(self.n > 2, MEDIAN_ERROR, 1.0)
        return np.asarray(factor * self.sd / np.sqrt(self.n_eff), np.float64)

    @property
    def between_sd(self) -> float:
        """Standard deviation between tracks, without what the variation within them contributes; NaN for one track."""
        if len(self.mean) < 2:
            return float("nan")
        own = 0.0 if np.isnan(self.within_sd) else self.within_sd**2 * float(np.mean(1 / self.n_eff))
        return float(np.sqrt(max(float(self.mean.var(ddof=1)) - own, 0.0)))

    @property
    def icc(self) -> float:
        """Share of the variance that lies between tracks, 0 to 1."""
        total = self.between_sd**2 + self.within_sd**2
        return self.between_sd**2 / total if total > 0 else float("nan")


def track_values(values: Floats, track: Ints, frame: Ints) -> TrackValues:
    """Return median, mean, standard deviation and number of independent values of each track.

    Parameters
    ----------
    values
        A value a detection, (N,), finite; by track, then frame.
    track
        Track of each, (N,).
    frame
        Frame of each, (N,).

    Notes
    -----
    Successive values of a track are correlated with coefficient rho, so that n of them are worth n (1 - rho)/(1 + rho).
    rho is pooled over all tracks, with the variance of the mean of each track added to the deviations from it, as it
    lies nearer to its own values than the true mean.

    Examples
    --------
    >>> measured = track_values(np.array([1.0, 3.0, 2.0, 5.0]), np.array([0, 0, 0, 1]), np.array([0, 1, 2, 0]))
    >>> measured.median.tolist(), measured.n.tolist(), measured.sd.tolist()
    ([2.0, 5.0], [3, 1], [1.0, nan])
    """
    import pandas as pd

    track_id, index, n = np.unique(track, return_inverse=True, return_counts=True)
    mean: Floats = np.bincount(index, values, len(n)).astype(np.float64) / n
    median: Floats = np.empty(0)
    if len(n):
        median = np.asarray(pd.Series(values).groupby(index).median(), np.float64)
    deviation = values - mean[index]
    squares: Floats = np.bincount(index, deviation**2, len(n)).astype(np.float64)
    sd: Floats = np.full(len(n), np.nan)
    sd[n > 1] = np.sqrt(squares[n > 1] / (n[n > 1] - 1))
    freedom = int((n - 1).sum())
    within = float(np.sqrt(squares.sum() / freedom)) if freedom else float("nan")
    correlation = _correlation(deviation, index, frame, sd, n)
    n_eff = np.maximum(n * (1 - correlation) / (1 + correlation), 1.0)
    return TrackValues(track_id.astype(np.int64), n, median, mean, sd, n_eff, within, correlation)


def _correlation(deviation: Floats, index: Ints, frame: Ints, sd: Floats, n: Ints) -> float:
    """Return the pooled correlation of values in successive frames.

    Deviations from the mean of a track are smaller, and less correlated, than those from the true mean by the variance
    v of the mean, which depends on the correlation: the solution is found by iteration.
    """
    next_one = (index[1:] == index[:-1]) & (frame[1:] == frame[:-1] + 1)
    if not next_one.any():
        return 0.0
    of_pair = index[1:][next_one]
    own, size = (sd**2 * (n - 1) / n)[of_pair], n[of_pair].astype(np.float64)
    product = float((deviation[1:] * deviation[:-1])[next_one].sum())
    rho = 0.0
    for _ in range(100):
        of_mean = ((1 + rho) / (1 - rho) - 2 * rho * (1 - rho**size) / (size * (1 - rho) ** 2)) / size
        variance = own / (1 - np.minimum(of_mean, 0.9))
        total = float(variance.sum())
        if total == 0:
            return 0.0
        new = float(np.clip((product + (of_mean * variance).sum()) / total, 0.0, MAX_CORRELATION))
        if abs(new - rho) < 1e-6:
            break
        rho = new
    return rho
