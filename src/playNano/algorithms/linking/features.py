"""Feature costs of links: area, height and orientation as evidence of identity in addition to the position."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np
from pydantic import Field

from playNano._options import check_options
from playNano.algorithms.linking.detections import Indices, Ints
from playNano.algorithms.linking.settings import Positive
from playNano.errors import ParameterError

if TYPE_CHECKING:
    import pandas as pd

    from playNano.algorithms.linking._kernels.motion_model import Features

# Minimum noise of a feature: 5 % of its standard deviation over particles (0.25 % of the variance).
MIN_NOISE = 0.0025
MIN_SPREAD = 0.05


@dataclass(frozen=True)
class FeatureCost:
    """Weight and scale of a feature in the cost of a link.

    The cost is the log likelihood ratio that the values before and after the link belong to one particle rather than
    to two particles of the population; an outlier probability bounds the cost of a single bad value.

    Parameters
    ----------
    weight
        Factor of the log likelihood ratio; >= 0.
    scale
        Standard deviation of one measurement, in the feature's unit, > 0; None: estimated from the movie.
    period
        Period of an angle (pi or 180 for an orientation), > 0; None for other features.

    Raises
    ------
    ParameterError
        If a value is outside its limits.

    Examples
    --------
    >>> FeatureCost(weight=0.5).scale is None
    True
    """

    weight: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1.0
    scale: Positive | None = None
    period: Positive | None = None

    def __post_init__(self) -> None:
        """Check the limits."""
        check_options(self)


def prepare_features(table: pd.DataFrame, costs: Mapping[str, FeatureCost], order: Ints) -> Features:
    """Collect feature columns in canonical order, centred at their median unless they are angles.

    Parameters
    ----------
    table
        Detections.
    costs
        Weight and scale of each feature column.
    order
        Row of each detection in canonical order.

    Returns
    -------
    Features
        Values and scales; the noise is nan where it is to be estimated.

    Raises
    ------
    ParameterError
        If a column is missing or has no finite value. Single values that are not finite are ignored.
    """
    from playNano.algorithms.linking._kernels.motion_model import Features

    n, width = order.size, len(costs)
    values = np.zeros((n, width))
    prior, noise = np.ones(width), np.ones(width)
    for f, (name, cost) in enumerate(costs.items()):
        if name not in table.columns:
            raise ParameterError(f"features names {name!r}, which is not a column of the table")
        column = table[name].to_numpy(np.float64)[order]
        known = column[np.isfinite(column)]
        if n and not known.size:
            raise ParameterError(f"feature {name!r} has no finite value: leave it out")
        values[:, f] = column if cost.period or not n else column - np.median(known)
        prior[f] = np.var(known) if n else 1.0
        noise[f] = np.nan if cost.scale is None else cost.scale**2
    return Features(
        values,
        prior,
        noise,
        np.array([c.weight for c in costs.values()], dtype=np.float64),
        np.array([c.period or 0.0 for c in costs.values()], dtype=np.float64),
    )


def estimate_feature_noise(features: Features, previous: Indices) -> None:
    """Estimate the variances of features within and between particles from the links of the first linking; in place.

    The variance within particles is noise, estimated by the median absolute deviation of differences; the rest of the
    total variance is between particles. An angle without noise is uniform over its period.

    Parameters
    ----------
    features
        Values; `noise_var` is estimated where it is nan, `prior_var` becomes the variance between particles.
    previous
        Detection before each one, or -1, (N,).
    """
    target = np.flatnonzero(previous >= 0)
    change = features.value[target] - features.value[previous[target]]
    for f in range(change.shape[1]):
        total, period = float(features.prior_var[f]), float(features.period[f])
        step = change[np.isfinite(change[:, f]), f]
        if period:
            step = (step + 0.5 * period) % period - 0.5 * period
            total = period**2 / 12.0
        if np.isnan(features.noise_var[f]):
            scale = 1.4826 * np.median(np.abs(step)) if step.size else np.sqrt(2.0 * total)
            features.noise_var[f] = 0.5 * scale**2
        features.noise_var[f] = max(features.noise_var[f], MIN_NOISE * total, 1e-12)
        features.prior_var[f] = max(total - features.noise_var[f], MIN_SPREAD * total, 1e-12)
