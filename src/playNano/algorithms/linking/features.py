"""What else than place tells particles apart: area, height, orientation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from playNano.algorithms.linking.detections import Ints
from playNano.errors import ParameterError

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

    from playNano.algorithms.linking._kernels.motion_model import Features

# A feature never tells more than particles that differ twenty times as much as one measurement does.
LEAST_NOISE = 0.0025
LEAST_SPREAD = 0.05


@dataclass(frozen=True)
class FeatureCost:
    """How a feature weighs in the cost of a link.

    The cost is the log-likelihood ratio that the values before and after the link are one particle's,
    against two particles of the population; a share of outliers keeps one bad value from forbidding a link.

    Parameters
    ----------
    weight
        Factor of the log-likelihood ratio; 0 or more.
    scale
        Standard deviation of one measurement, in the feature's unit; None: measured on the movie.
    period
        Period of an angle (pi or 180 for an orientation); None for other features.

    Examples
    --------
    >>> FeatureCost(weight=0.5).scale is None
    True
    """

    weight: float = 1.0
    scale: float | None = None
    period: float | None = None

    def __post_init__(self) -> None:
        """Check the limits."""
        if not (np.isfinite(self.weight) and self.weight >= 0):
            raise ParameterError(f"the weight of a feature must be 0 or more; got {self.weight!r}")
        for name in ("scale", "period"):
            value = getattr(self, name)
            if value is not None and not (np.isfinite(value) and value > 0):
                raise ParameterError(f"the {name} of a feature must be positive; got {value!r}")


def prepare_features(table: pd.DataFrame, costs: Mapping[str, FeatureCost], order: Ints) -> Features:
    """Gather feature columns in canonical order, centred at their median unless they are angles.

    Parameters
    ----------
    table
        Detections.
    costs
        How each feature column weighs.
    order
        Row of each detection in canonical order.

    Returns
    -------
    Features
        Values and scales; the noise is nan where it has to be measured.

    Raises
    ------
    ParameterError
        If a column is missing or has no finite value. Single values that are not finite tell nothing.
    """
    from playNano.algorithms.linking._kernels.motion_model import Features

    n, width = order.size, len(costs)
    values = np.zeros((n, width))
    prior, noise = np.ones(width), np.ones(width)
    for f, (name, cost) in enumerate(costs.items()):
        if name not in table.columns:
            raise ParameterError(f"features names {name!r}, which is no column of the table")
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


def measure_features(features: Features, previous: npt.NDArray[np.int32]) -> None:
    """Measure, on the links of a first guess, how much a particle's value varies; in place.

    What varies within particles is noise, what is left of the whole spread is between particles.
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
        features.noise_var[f] = max(features.noise_var[f], LEAST_NOISE * total, 1e-12)
        features.prior_var[f] = max(total - features.noise_var[f], LEAST_SPREAD * total, 1e-12)
