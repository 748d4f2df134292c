"""Thresholds of an automatic detection, from the record of the detection."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from playNano.algorithms.segmentation import Levels


def levels_from(record: Mapping[str, Any], unit: str = "nm") -> Levels:
    """Return the thresholds that `levels_record` made a record of.

    Parameters
    ----------
    record
        Values by name; others than those of `Levels` are ignored.
    unit
        Unit of the pixels, as the names contain it.

    Returns
    -------
    Levels
        Thresholds of the movie.

    Examples
    --------
    >>> import numpy as np
    >>> from playNano.algorithms.segmentation import estimate_levels
    >>> from playNano.analysis.detection.automatic import levels_record
    >>> levels = estimate_levels(np.random.default_rng(0).normal(0, 0.2, (4, 64, 64)))
    >>> levels_from(levels_record(levels, "deg"), "deg").threshold_nm == levels.threshold_nm
    True
    """

    def value(name: str) -> Any:
        stored = record[name.replace("_nm", f"_{unit}")]
        if isinstance(stored, list | tuple):
            return tuple(math.nan if part is None else part for part in stored)
        return math.nan if stored is None else stored

    return Levels(**{field.name: value(field.name) for field in fields(Levels)})
