"""Columns of the tables of diffusion, with their types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

MIN_TRACKS = 3
"""Minimum number of tracks for an interval over tracks."""

_COUNTS = {"n_detections": "int64", "n_tracks": "int64", "n_movies": "int64"}
_INTERVAL = {"status": "object", "ci_method": "object", "ci_unit": "object"}


def _floats(*names: str) -> dict[str, str]:
    return dict.fromkeys(names, "float64")


MSD_COLUMNS = {
    "track_id": "int64",
    "lag": "int64",
    **_floats("lag_s", "msd_nm2", "msd_low_nm2", "msd_high_nm2"),
    "n_pairs": "int64",
    "n_pairs_edge": "int64",
    **_COUNTS,
    **_INTERVAL,
}

TRACK_COLUMNS = {
    "track_id": "int64",
    **_floats("diffusion_nm2_s", "diffusion_low_nm2_s", "diffusion_high_nm2_s"),
    **_INTERVAL,
    "n_steps": "int64",
    "n_steps_edge": "int64",
    "n_steps_overlap": "int64",
    **_COUNTS,
    **_floats(
        "localization_nm",
        "localization_y_nm",
        "localization_x_nm",
        "diffusion_all_steps_nm2_s",
        "diffusion_covariance_nm2_s",
        "diffusion_covariance_error_nm2_s",
        "velocity_y_nm_s",
        "velocity_y_low_nm_s",
        "velocity_y_high_nm_s",
        "velocity_x_nm_s",
        "velocity_x_low_nm_s",
        "velocity_x_high_nm_s",
        "directed_p",
        "alpha",
        "alpha_low",
        "alpha_high",
        "diffusion_alpha_nm2_salpha",
    ),
    "alpha_status": "object",
    **_floats(
        "confined_p",
        "confinement_radius_nm",
        "confinement_radius_low_nm",
        "confinement_radius_high_nm",
        "tether_nm",
    ),
    "confinement_status": "object",
}

STATE_COLUMNS = {
    "state": "int64",
    **_floats(
        "diffusion_nm2_s",
        "diffusion_low_nm2_s",
        "diffusion_high_nm2_s",
        "share_tracks",
        "share_tracks_low",
        "share_tracks_high",
        "share_time",
        "share_time_low",
        "share_time_high",
    ),
    **_INTERVAL,
    **_COUNTS,
}


def stacked(
    parts: Sequence[Sequence[Mapping[str, Any]] | Mapping[str, Any]], columns: Mapping[str, str]
) -> pd.DataFrame:
    """Return rows and columns as one table with all its columns and types, also where there are none.

    Parameters
    ----------
    parts
        Lists of rows, or columns.
    columns
        Name -> dtype; a float column that is missing is NaN.
    """
    import pandas as pd

    tables = []
    for part in parts:
        table = pd.DataFrame(part if isinstance(part, Mapping) else list(part))
        for name, dtype in columns.items():
            if name not in table:
                table[name] = np.nan if dtype == "float64" else "" if dtype == "object" else 0
        tables.append(table[list(columns)].astype(dict(columns)))
    filled = [table for table in tables if len(table)]
    return pd.concat(filled, ignore_index=True) if filled else tables[0]
