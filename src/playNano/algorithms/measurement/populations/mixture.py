"""Gaussian mixtures of weighted values: EM from several starts, with a lower limit of the variance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

MIN_SD_OF_WITHIN, MIN_SD_OF_TOTAL, MIN_SD_UNKNOWN = 0.5, 0.02, 0.1
"""Minimum standard deviation of a component: of that within tracks; of that of all values; the latter where tracks are
too short to have a standard deviation of their own."""

SCREENING, COMPARISON, FINAL = (100, 1e-5), (400, 1e-7), (5000, 1e-12)
"""Maximum number of iterations, and increase of the log likelihood per track at which a fit has converged: for each of
several starts, for the comparison of numbers of components, and for the fit that is given."""


@dataclass(frozen=True)
class Mixture:
    """A Gaussian mixture.

    Parameters
    ----------
    share, mean, sd
        Weights, means and standard deviations of the components, (K,), by increasing mean.
    log_likelihood
        Sum over values of weight times log density.
    """

    share: Floats
    mean: Floats
    sd: Floats
    log_likelihood: float

    @property
    def n_components(self) -> int:
        """Number of components."""
        return len(self.mean)

    def bic(self, n_tracks: int) -> float:
        """Return the Bayesian information criterion with the number of tracks as that of observations.

        Parameters
        ----------
        n_tracks
            Number of tracks.
        """
        return (3 * self.n_components - 1) * float(np.log(n_tracks)) - 2 * self.log_likelihood

    def log_density(self, values: Floats) -> Floats:
        """Return the log of share times density of each component at values, (N, K).

        Parameters
        ----------
        values
            Values, (N,).
        """
        with np.errstate(divide="ignore"):
            log_share = np.log(self.share)
        z = (values[:, None] - self.mean) / self.sd
        return np.asarray(log_share - np.log(self.sd) - 0.5 * (z * z + np.log(2 * np.pi)), np.float64)


def sd_floor(values: Floats, weights: Floats, within_sd: float | None) -> float:
    """Return the minimum standard deviation of a component, without which one could shrink onto a single molecule.

    Parameters
    ----------
    values, weights
        Values and their weights, (N,).
    within_sd
        Standard deviation of the values within tracks; None if tracks are too short to have one.

    Returns
    -------
    float
        Half of `within_sd`, as a population is not narrower than a molecule, but at least 2 % of the standard deviation
        of all values (10 % if `within_sd` is not known); positive also if all values are equal.
    """
    mean = np.average(values, weights=weights)
    total = float(np.sqrt(np.average((values - mean) ** 2, weights=weights)))
    smallest = 1e-9 * max(1.0, float(np.abs(values).max(initial=0.0)))
    if within_sd is None:
        return max(MIN_SD_UNKNOWN * total, smallest)
    return max(MIN_SD_OF_TOTAL * total, MIN_SD_OF_WITHIN * within_sd, smallest)


def fit_mixture(
    values: Floats, weights: Floats, n_components: int, min_sd: float, smaller: Mixture | None = None
) -> Mixture:
    """Fit a Gaussian mixture by EM from several starts; the best is returned.

    Parameters
    ----------
    values, weights
        Values and their weights, (N,); weights that sum to the number of tracks make the log likelihood that of tracks.
    n_components
        Number of components, >= 1.
    min_sd
        Minimum standard deviation of a component, > 0.
    smaller
        The fit with one component less, whose components are split for further starts.

    References
    ----------
    Dempster, Laird, Rubin: Maximum likelihood from incomplete data via the EM algorithm, J. R. Stat. Soc. B 39, 1977.

    Examples
    --------
    >>> fit = fit_mixture(np.array([0.9, 1.0, 1.1, 4.9, 5.0, 5.1]), np.ones(6), 2, 0.01)
    >>> fit.mean.round(3).tolist(), fit.share.round(3).tolist()
    ([1.0, 5.0], [0.5, 0.5])
    """
    starts = list(_starts(values, weights, n_components, min_sd, smaller))
    tried = [refit(values, weights, start, min_sd, SCREENING) for start in starts]
    best = max(tried, key=lambda fit: fit.log_likelihood)
    return refit(values, weights, best, min_sd, COMPARISON)


def refit(
    values: Floats,
    weights: Floats,
    start: Mixture,
    min_sd: float,
    until: tuple[int, float] = FINAL,
) -> Mixture:
    """Fit a Gaussian mixture by EM from one start.

    Parameters
    ----------
    values, weights
        Values and their weights, (N,).
    start
        Where to start.
    min_sd
        Minimum standard deviation of a component, > 0.
    until
        Maximum number of iterations, and increase of the log likelihood, per unit of weight, at which it has converged.
    """
    share, mean, sd = start.share, start.mean, np.maximum(start.sd, min_sd)
    total, before = weights.sum(), -np.inf
    for _ in range(until[0]):
        joint = Mixture(share, mean, sd, before).log_density(values)
        peak = joint.max(axis=1)
        part = np.exp(joint - peak[:, None])
        norm = part.sum(axis=1)
        density = peak + np.log(norm)
        now = float(weights @ density)
        if now - before <= until[1] * total:
            break
        before = now
        part *= (weights / norm)[:, None]
        size = part.sum(axis=0)
        kept = size > 1e-12 * total
        size = np.where(kept, size, 1.0)
        share = np.where(kept, size, 0.0) / total
        mean = np.where(kept, part.T @ values / size, mean)
        spread = (part * (values[:, None] - mean) ** 2).sum(axis=0) / size
        sd = np.where(kept, np.sqrt(np.maximum(spread, min_sd**2)), sd)
    order = np.argsort(mean, kind="stable")
    return Mixture(share[order], mean[order], sd[order], now)


def _starts(
    values: Floats, weights: Floats, n_components: int, min_sd: float, smaller: Mixture | None
) -> Iterator[Mixture]:
    """Yield starts: equal shares of the ordered values, cuts at the largest gaps, and splits of a smaller fit."""
    order = np.argsort(values, kind="stable")
    x, w = values[order], weights[order]
    rank = (np.cumsum(w) - w / 2) / w.sum()
    equal = np.minimum((rank * n_components).astype(np.int64), n_components - 1)
    yield _of_groups(x, w, equal, n_components, min_sd)
    if n_components == 1:
        return
    if len(x) > n_components:
        gaps = np.diff(x)
        cuts = np.sort(np.argsort(gaps, kind="stable")[-(n_components - 1) :])
        yield _of_groups(x, w, np.searchsorted(cuts, np.arange(len(x)), side="left"), n_components, min_sd)
    if smaller is not None:
        for k in range(smaller.n_components):
            halves = smaller.mean[k] + np.array([-1.0, 1.0]) * smaller.sd[k]
            sd = np.append(np.delete(smaller.sd, k), [smaller.sd[k] / 2] * 2)
            share = np.append(np.delete(smaller.share, k), [smaller.share[k] / 2] * 2)
            yield Mixture(share, np.append(np.delete(smaller.mean, k), halves), sd, -np.inf)


def _of_groups(x: Floats, w: Floats, group: npt.NDArray[np.int64], n: int, min_sd: float) -> Mixture:
    """Return the mixture whose components are groups of values."""
    size = np.bincount(group, w, n)
    safe = np.where(size > 0, size, 1.0)
    mean = np.where(size > 0, np.bincount(group, w * x, n) / safe, np.average(x, weights=w))
    spread = np.bincount(group, w * (x - mean[group]) ** 2, n) / safe
    return Mixture(
        np.maximum(size, 1e-3 * w.sum()) / w.sum(), mean, np.sqrt(np.maximum(spread, min_sd**2)), -np.inf
    )
